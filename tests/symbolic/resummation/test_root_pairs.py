"""With momentum, stationary weights are rational in eigenvalues and beta, and are what they were."""

import random
from fractions import Fraction
from itertools import product
from math import prod

import pytest
from sympy import Integer, Matrix, Rational, Symbol, eye, factor, kronecker_product, simplify

from sgdiagrams.symbolic import expand
from sgdiagrams.symbolic.resummation.eigenvalues import eigenvalue, roots
from sgdiagrams.symbolic.resummation.forms import expression
from sgdiagrams.symbolic.resummation.pairs.reduced import root_product_of_two
from sgdiagrams.symbolic.resummation.pairs.root_pairs import Factor, PairedSummand, Pairs
from sgdiagrams.symbolic.resummation.pairs.root_product import RootProduct
from sgdiagrams.symbolic.resummation.weights import Weights
from sgdiagrams.symbolic.symbols import B, N, T, beta, eta
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum
from sgdiagrams.symbolic.training.optimizers.sgd import SGD

C, H, J, S = (Symbol(name) for name in "CHJS")


def stationary(observable, order, sampling, optimizer="momentum", flat=()):
    expansion = expand(
        observable, order=order, sampling=sampling, optimizer=optimizer, resummed=True
    )
    return expansion.stationary(flat=flat)


def pairs(rng, memory, count):
    """Rational roots, so that the unreduced weights are exact: r, and beta/r."""
    first = [Rational(rng.randint(10, 30), 31) for _ in range(count)]
    return [(r, memory / r) for r in first]


CASES = [
    ("covariance", 2, "fresh-data", ()),
    ("displacement", 3, "one-pass", ()),
    ("displacement", 3, "full-batch", ("a",)),
    ("displacement", 4, "one-pass", ("a",)),
    ("second-moment", 3, "one-pass", ("a",)),
    ("second-moment", 2, "one-pass", ("a", "b")),
    ("test-loss", 3, "with-replacement", ()),
    ("generalisation-gap", 2, "full-batch", ()),
    ("test-loss", 4, "one-pass", ()),
]


@pytest.mark.parametrize(("observable", "order", "sampling", "flat"), CASES)
def test_reduced_weights_are_the_sums_over_all_roots(observable, order, sampling, flat):
    """The witness: the same dressed counts with the roots themselves in them, in fractions."""
    expansion = stationary(observable, order, sampling, flat=flat)
    rng = random.Random(17)
    memory = Rational(rng.randint(1, 8), 9)
    numbers = {beta: memory, B: 3, N: 7, T: 11}
    unreduced = Weights(expansion.parts, "stationary", flat)
    seen = 0
    for term in expansion.pieces:
        own = pairs(rng, memory, term.order)
        for i, name in enumerate("ab"[: len(term.contraction.free)]):
            if name in flat:
                own[i] = (Integer(1), memory)
        h = [(1 - r) * (1 - s) for r, s in own]
        total = Integer(0)
        for piece in term.pieces:
            value = Rational(piece.coefficient)
            for skeleton in piece.skeletons:
                value *= expression(
                    unreduced.count(skeleton, expansion.parts[piece.part]),
                    "stationary",
                    eigenvalues=[h[i] for i in skeleton.indices],
                    roots=[own[i] for i in skeleton.indices],
                ).subs(numbers)
            total += value
        weight = expansion.weight(term)
        assert not weight.free_symbols & {x for i in range(term.order) for x in roots(i)}
        at = {eigenvalue(i): x for i, x in enumerate(h)}
        assert weight.xreplace(at).subs(numbers).doit() == total
        seen += total != 0
    assert seen


def moments(h, memory, noise):
    """The stationary moments of heavy balls on quadratics with a common additive noise, in fractions.

    States (x, v) with v' = beta v - h x - xi and x' = x + v', eta in h and xi. For the product of the
    states of several balls, M = A M + b with A the Kronecker product.
    """
    # (x, v) is linear in the noise, whose own powers add the moment of order len(h).
    steps = [Matrix([[1 - x, memory], [-x, memory]]) for x in h]
    pushes = [Matrix([-1, -1]) for _ in h]
    A = kronecker_product(*steps) if len(h) > 1 else steps[0]
    b = kronecker_product(*pushes) if len(h) > 1 else pushes[0]
    return (eye(A.rows) - A).LUsolve(b * noise)[0]


def test_covariance_is_that_of_the_heavy_ball_on_a_quadratic():
    """Stationary second moments, and third ones, solved from their linear equations in fractions."""
    numbers = [Rational(1, 7), Rational(3, 5), Rational(2, 9)]
    memory = Rational(3, 8)
    [term] = stationary("covariance", 2, "one-pass").at_minimum().terms
    at = {eigenvalue(i): x for i, x in enumerate(numbers)} | {beta: memory}
    assert term.weight.xreplace(at) == moments(numbers[:2], memory, 1)
    skew = stationary("test-loss", 3, "one-pass").at_minimum().order_terms(3)[0]
    assert str(skew.contraction) == "S_abc J_abc"
    # E l has J/6 times the third moment, which the product of three pushes of sign -1 gives.
    assert skew.weight.xreplace(at).doit() == moments(numbers, memory, 1) / 6


def test_laws_of_the_literature_are_printed_reduced():
    """Mandt, Hoffman, Blei 2017 (C along H); Liu, Ziyin, Ueda 2021, with momentum."""
    covariance = stationary("covariance", 2, "fresh-data").at_minimum()
    law = eta * C / (B * (1 - beta) * H * (2 - eta * H / (1 + beta)))
    assert simplify(covariance.in_one_dimension() - law) == 0
    assert str(covariance.in_one_dimension()) == (
        "C*eta*(beta + 1)/(B*H*(1 - beta)*(-H*eta + 2*beta + 2))"
    )
    assert covariance.text().splitlines()[-1].strip() == (
        "eta^2   (1 - beta) (1 + beta)/(B ((1 - beta)^2 ((1 + beta) (h_a + h_b) - h_a h_b) "
        "+ beta (h_a - h_b)^2))   C_ab"
    )


@pytest.mark.parametrize("observable", ["test-loss", "displacement", "covariance"])
@pytest.mark.parametrize("sampling", ["one-pass", "with-replacement", "full-batch"])
def test_no_root_is_shown(observable, sampling):
    expansion = stationary(observable, 3, sampling)
    for shown in (expansion.text(), expansion.latex(), expansion.mathml()):
        assert not any(name in shown for name in ("r_a", "s_a", "r_{", "s_{", "the roots of"))


def test_without_memory_it_is_sgd():
    heavy = stationary("test-loss", 4, "one-pass")
    plain = stationary("test-loss", 4, "one-pass", SGD())
    rng = random.Random(5)
    h = {eigenvalue(i): Rational(rng.randint(1, 30), 31) for i in range(4)}
    for one, two in zip(heavy.terms, plain.terms, strict=True):
        assert one.contraction == two.contraction
        weight = one.weight.subs(beta, 0).xreplace(h).doit()
        assert weight == two.weight.xreplace(h)
    none = stationary("test-loss", 3, "one-pass", Momentum(beta=0)).text()
    assert (
        none.splitlines()[1:]
        == (stationary("test-loss", 3, "one-pass", SGD()).text().splitlines()[1:])
    )


def test_parts_with_momenta_of_their_own():
    """The letters of sums and products of roots are those of one beta; others stay apart."""
    first = stationary("test-loss", 3, "one-pass", Momentum(beta=Fraction(1, 2))).at_minimum()
    second = stationary("test-loss", 3, "one-pass", SGD()).at_minimum()
    both = first - second
    h = {eigenvalue(i): Rational(i + 2, 11) for i in range(3)}
    for term in both.terms:
        one, two = (
            next(t.weight for t in e.terms if t.contraction == term.contraction)
            for e in (first, second)
        )
        expected = (one - two).xreplace(h).doit()
        assert term.weight.xreplace(h).doit() == expected != 0
    assert "R_abc" in both.text()
    other = stationary("test-loss", 3, "one-pass").at_minimum()
    assert "R_abc^(beta)" in (other - first).text()


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("power", [0, 1, 2])
def test_products_over_both_roots(count, power):
    rng = random.Random(count)
    memory = Rational(2, 7)
    own = pairs(rng, memory, count)
    h = [(1 - r) * (1 - s) for r, s in own]
    expected = prod(1 - memory**power * prod(choice) for choice in product(*own))
    assert RootProduct(memory, power, *h) == expected
    named = RootProduct(beta, power, *map(eigenvalue, range(count)))
    at = {beta: memory} | {eigenvalue(i): x for i, x in enumerate(h)}
    assert named.xreplace(at) == named.doit().xreplace(at) == expected
    assert named.evalf(20, subs=at) == pytest.approx(float(expected))
    if (count, power) == (2, 0):
        assert root_product_of_two(memory, *h) == expected


def test_products_are_symmetric_and_have_a_name():
    a, b, c = map(eigenvalue, range(3))
    assert RootProduct(beta, 0, c, a, b) == RootProduct(beta, 0, a, b, c)
    assert str(RootProduct(beta, 0, c, a, b)) == "R(h_a, h_b, h_c)"
    assert str(RootProduct(beta, 2, a)) == "R(beta**2; h_a)"
    assert factor(RootProduct(beta, 0, a).doit()) == a


@pytest.mark.parametrize("count", [1, 2, 3])
def test_sums_over_all_choices(count):
    """Of a rational function over the product of all differences, by definition."""
    rng = random.Random(count + 10)
    memory = Rational(3, 11)
    own = pairs(rng, memory, count)
    every = tuple(range(count))
    first = (1, *(0,) * (count - 1))
    summands = [
        PairedSummand({(0, 0): Fraction(2)}, (2,) * count, 1, (Factor(every, 0), Factor((0,), 2))),
        PairedSummand({(0, 0): Fraction(-1, 3), (1, 0): Fraction(5)}, first, 0, (Factor((0,), 2),)),
    ]
    totals = Pairs(count).total(summands)
    for key in ((0, 0), (1, 0)):
        expected = Integer(0)
        for signs in product((0, 1), repeat=count):
            chosen = [own[i][signs[i]] for i in every]
            split = prod(own[i][signs[i]] - own[i][1 - signs[i]] for i in every)
            for s in summands:
                c = s.coefficients.get(key, Fraction(0))
                value = Rational(c.numerator, c.denominator) * memory**s.power
                value *= prod(x**k for x, k in zip(chosen, s.exponents, strict=True))
                for f in s.factors:
                    value /= 1 - memory**f.power * prod(chosen[i] for i in f.indices)
                expected += value / split
        numerator, below = totals.get(key, ({}, {}))
        scale = prod(
            RootProduct(memory, f.power, *_h(own, f.indices)) ** k for f, k in below.items()
        )
        sums = (memory, *(r + s for r, s in own))
        got = Integer(0)
        for exps, c in numerator.items():
            monomial = prod(x**k for x, k in zip(sums, exps, strict=True))
            got += Rational(c.numerator, c.denominator) * monomial
        assert got / scale == expected


def _h(own, indices):
    return [(1 - own[i][0]) * (1 - own[i][1]) for i in indices]
