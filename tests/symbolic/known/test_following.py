"""Modified equations and losses of the literature, each against what its paper prints, or a witness."""

import re
from fractions import Fraction
from itertools import permutations
from math import factorial

import numpy as np
import pytest
from sympy import (
    Poly,
    Rational,
    Symbol,
    diff,
    factor,
    log,
    series,
    simplify,
    solve,
    symbols,
    sympify,
)

from sgdiagrams.symbolic import Contraction, expand, modified_equation, modified_loss
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.known.following import FOLLOWING
from sgdiagrams.symbolic.symbols import B, N, beta, eta

E = Expression.of
y, h = symbols("y h")


def formula(name):
    return FOLLOWING[name]().formula


def test_what_the_method_of_euler_solves():
    """Hairer, Lubich, Wanner, Geometric Numerical Integration, IX.1, equation (1.3)."""
    published = y**2 - h * y**3 + 3 * h**2 * y**4 / 2 - 8 * h**3 * y**5 / 3
    published += 31 * h**4 * y**6 / 6 - 157 * h**5 * y**7 / 15
    assert (FOLLOWING["euler-example"]().published - published).expand() == 0


def tree_contraction(levels):
    """Return a rooted tree, as levels of its nodes in preorder, with a free leg at the root."""
    parents = [
        max(j for j in range(i) if levels[j] == level - 1) for i, level in enumerate(levels) if i
    ]
    edges = [(parent, i) for i, parent in enumerate(parents, start=1)]
    return Contraction.build(edges, [[v] for v in range(len(levels))], free=[0])


def test_all_trees_to_seven_nodes_against_kauri():
    """85 coefficients of backward error analysis; kauri's B-series have b(t) / sigma(t) h^|t| F(t)."""
    kauri = pytest.importorskip("kauri")
    equation = modified_equation(7, sampling="gradient-descent")
    by_kauri = kauri.euler.modified_equation_map()
    trees = [tree for tree in kauri.trees_up_to_order(7) if tree.nodes()]
    assert len(trees) == len({tree_contraction(tree.level_sequence()) for tree in trees}) == 85
    for tree in trees:
        k = tree.nodes()
        # The field is minus the gradient, once a node.
        wanted = (-1) ** k * by_kauri(tree) / tree.sigma()
        ours = equation.drift(k).coefficient(tree_contraction(tree.level_sequence()))
        assert float(ours) == pytest.approx(wanted, abs=1e-12)
    assert all(
        contraction.noise == 0
        for k in range(1, 8)
        for contraction in equation.drift(k).contractions
    )


def test_gradient_descent_goes_down_another_loss():
    """Barrett, Dherin 2021: L + (h/4) |grad L|^2."""
    assert formula("implicit-regularisation") == E("l") + E("G_a G_a") * (eta / 4)
    assert modified_loss(2, sampling="gradient-descent").is_gradient


def test_the_equation_of_motion_and_that_it_is_no_gradient():
    """Miyagawa 2022: -G - eta/2 HG - eta^2 (HHG/3 + J[G,G]/12)."""
    published = (
        -E("G_a")
        - E("H_ab G_b") * (eta / 2)
        - (E("H_ab H_bc G_c") / 3 + E("J_abc G_b G_c") / 12) * eta**2
    )
    assert formula("equation-of-motion") == published
    loss = modified_loss(3, sampling="gradient-descent")
    assert not loss.is_gradient
    assert loss.obstruction(2).is_zero
    # With two weights, l = x^2 z: the drift at the third order has a curl.
    x, z = symbols("x z")
    dx, dz = (_entry(loss.equation.drift(3), x**2 * z, (x, z), i) for i in (0, 1))
    assert diff(dx, z) - diff(dz, x) != 0
    obstruction = [_entry(loss.obstruction(3), x**2 * z, (x, z), i) for i in (0, 1)]
    curl = diff(obstruction[0], z) - diff(obstruction[1], x)
    assert (diff(dx, z) - diff(dz, x) + curl).expand() == 0


def _entry(vector, loss, weights, i):
    """Return an entry of a vector of mean derivatives of a loss, by nested sums."""
    total = 0
    for coefficient, k in vector.terms:
        for values in np.ndindex(*[len(weights)] * len(k.edges)):
            legs = [[] for _ in range(k.node_count)]
            legs[k.free[0]].append(weights[i])
            for (a, b), value in zip(k.edges, values, strict=True):
                legs[a].append(weights[value])
                legs[b].append(weights[value])
            product = coefficient
            for of_node in legs:
                product *= diff(loss, *of_node)
            total += product
    return total


def test_the_mean_over_the_shuffles_of_an_epoch():
    """Smith, Dherin, Barrett, De 2021: all orders of 6 datapoints in batches of 2, in fractions."""
    scale = Rational(1, 4) * eta * (N - B) / (B * (N - 1))
    assert formula("shuffled-epoch") == E("l") + E("G_a G_a") * (eta / 4) + E("C_aa") * scale
    rng = np.random.default_rng(3)
    rows, size = 6, 2
    g = _fractions(rng, (rows, 2))
    hessians = _fractions(rng, (rows, 2, 2))
    hessians = hessians + hessians.transpose(0, 2, 1)
    total, count = 0, 0
    for order in permutations(range(rows)):
        batches = [list(order[i : i + size]) for i in range(0, rows, size)]
        if any(batch != sorted(batch) for batch in batches):
            continue  # the same batches
        moved = _fractions(rng, (2,)) * 0
        second = moved
        for batch in batches:
            # theta = theta_0 + eta first + eta^2 second, one update further.
            second = second - sum(hessians[n] @ moved for n in batch) / size
            moved = moved - sum(g[n] for n in batch) / size
        total, count = total + second, count + 1
    assert count == 90
    # The flow down the modified loss, for the time of an epoch.
    time = Fraction(rows, size)
    mean, curvature = sum(g) / rows, sum(hessians) / rows
    gamma = sum((hessians[n] - curvature) @ (g[n] - mean) for n in range(rows)) * Fraction(2, rows)
    loss = modified_loss(2, sampling="reshuffled-epochs", role="training-set").term(2)
    squared, noise = (
        Fraction(str(loss.coefficient(name).subs({N: rows, B: size})))
        for name in ("G_a G_a", "C_aa")
    )
    flowed = time**2 / 2 * curvature @ mean - time * (
        2 * squared * curvature @ mean + noise * gamma
    )
    assert list(total / count) == list(flowed)


def _fractions(rng, shape):
    numbers = rng.integers(-9, 10, size=shape)
    return np.frompyfunc(lambda x: Fraction(int(x), 4), 1, 1)(numbers).astype(object)


def test_the_stochastic_equation_of_the_second_weak_order():
    """Li, Tai, E 2017 and 2019: drift -grad(f + eta/4 |grad f|^2), covariance eta C; f = x^2."""
    assert formula("stochastic-modified-equation") == E("l") + E("G_a G_a") * (eta / 4)
    equation = FOLLOWING["stochastic-modified-equation"]().derived
    assert equation.total(1) == -formula("stochastic-modified-equation").gradient() * eta
    assert equation.total(2) == E("C_ab") * eta**2
    x = Symbol("x")
    assert (formula("stochastic-example") + 2 * (1 + eta) * x).expand() == 0


def test_the_heavy_ball():
    """Kovachki, Stuart 2021; Ghosh et al. 2023; Cattaneo, Shigida 2025."""
    b, drift = beta, formula("heavy-ball")
    published = {
        "G_a": -eta / (1 - b),
        "H_ab G_b": -(eta**2) * (1 + b) / (2 * (1 - b) ** 3),
        "H_ab H_bc G_c": -(eta**3) * (b**2 + 4 * b + 1) / (3 * (1 - b) ** 5),
        "J_abc G_b G_c": -(eta**3) * (b**2 + 10 * b + 1) / (12 * (1 - b) ** 5),
    }
    assert len(drift.terms) == len(published)
    for contraction, coefficient in published.items():
        assert factor(drift.coefficient(contraction) - coefficient) == 0


@pytest.mark.parametrize(
    ("name", "polynomial"),
    [
        ("heavy-ball", "r**2 - (1 + beta - x) * r + beta"),
        ("nesterov", "r**2 - (1 + beta) * (1 - x) * r + beta * (1 - x)"),
    ],
)
def test_on_quadratic_losses_momentum_is_the_logarithm_of_its_slow_root(name, polynomial):
    """On l = H theta^2 / 2 updates multiply by the larger root, a function of x = eta H."""
    r, x = symbols("r x")
    roots = solve(sympify(polynomial, {"beta": Rational(1, 3), "r": r, "x": x}), r)
    [slow] = [root for root in roots if root.subs(x, 0) == 1]
    expected = Poly(series(log(slow), x, 0, 4).removeO(), x)
    drift = formula(name).subs({beta: Rational(1, 3)})
    for k, chain in enumerate(("G_a", "H_ab G_b", "H_ab H_bc G_c"), start=1):
        assert simplify(drift.coefficient(chain) / eta**k) == expected.coeff_monomial(x**k)


def test_nesterov_bends_as_its_iterates_do():
    """The curvature of the slow curve of a cubic loss, found by a power series for the iterates."""
    # theta(t) = sum of powers of w = exp(rate t) near the minimum of l = theta^2/2 + theta^3/6,
    # where PyTorch's method is v' = beta v + g, theta' = theta - eta (g + beta v').
    b = Rational(1, 3)
    x, w, a = symbols("x w a")
    slow = max(
        solve(sympify("r**2-(1+b)*(1-x)*r+b*(1-x)", {"b": b, "x": x, "r": w}), w),
        key=lambda root: root.subs(x, 0),
    )
    # theta_t = w_t + a w_t^2 with w_(t+1) = r w_t; the gradient is theta + theta^2/2.
    # Eliminating v: theta'' - (1 + b) theta' + b theta = -x ((1 + b) g(theta') - b g(theta)).
    r = slow
    linear = a * (r**4 - (1 + b) * r**2 + b) + x * a * ((1 + b) * r**2 - b)
    forced = x * Rational(1, 2) * ((1 + b) * r**2 - b)
    bend = solve(linear + forced, a)[0]
    # The flow: w' = rate w, so that theta' = rate theta + c theta^2 with c = rate a.
    expected = series(log(r) * bend, x, 0, 4).removeO()
    drift = formula("nesterov").subs({beta: b})
    # On this loss G = u + u^2/2, H = 1 + u, J = 1, to the second power of u.
    parts = {"G_a": 1, "H_ab G_b": 3, "H_ab H_bc G_c": 5, "J_abc G_b G_c": 2}
    ours = sum(
        (drift.coefficient(name).subs({eta: x}) * Rational(n, 2) for name, n in parts.items()), 0
    )
    assert Poly(ours - expected, x).is_zero


def test_gradient_descent_and_sgd():
    """Tenka 2020, corollary 3, with the sign and the factor of exact SGD."""
    assert formula("descent-imitates-sgd") == E("C_aa") * (eta * (N - 1) / (4 * N))
    difference = formula("descent-less-sgd")
    assert difference == E("C_aa").gradient() * (eta**2 * (N - 1) / 4)
    # SGD ends where the test loss of gradient descent would be lower by the gradient's share.
    full, once = (
        expand("test-loss", order=2, sampling=name, basis="cumulant")
        for name in ("full-batch", "one-pass")
    )
    loss = full.subs({"E": N}) - once.subs({"T": N})
    assert [str(term.contraction) for term in loss.terms] == ["kappa_a|ab G_b"]
    assert factor(loss.terms[0].weight - (N - 1) / 2) == 0


@pytest.mark.parametrize("name", FOLLOWING)
def test_every_result_says_where_it_is_from(name):
    result = FOLLOWING[name]()
    assert result.name == name
    assert result.sources
    assert re.match(r"[A-Z].*\.$", result.statement)
    assert str(result).splitlines()[0] == f"{name}: {result.statement}"
    assert result.latex().startswith("\\begin{")


def test_bernoulli_numbers_stand_at_the_bushes():
    """Of bushes, a root with k leaves, the coefficients are Bernoulli numbers over k!."""
    equation = modified_equation(5, sampling="gradient-descent")
    for k, bernoulli in (
        (1, Rational(-1, 2)),
        (2, Rational(1, 6)),
        (3, Rational(0)),
        (4, Rational(-1, 30)),
    ):
        bush = tree_contraction([0, *[1] * k])
        wanted = (-1) ** (k + 1) * bernoulli / factorial(k)
        assert equation.drift(k + 1).coefficient(bush) == wanted
