"""Limits of higher order: flows of modified equations, the SDE of weak order 2, and with momentum.

Witnesses are one-pass SGD and gradient descent, which know no generator; generators that are written
down by hand and applied to polynomials exactly; and what the literature derives by hand.
"""

import json
from fractions import Fraction
from functools import cache
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polynomials import at, derivative, mean, plus, times
from strategies import relaxed
from sympy import Poly, cancel, sympify, together

from sgdiagrams.diagrams import Diagram, RequestError, SamplingError, enumerate_diagrams
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic import (
    SDE,
    SGD,
    Expansion,
    GradientDescent,
    GradientFlow,
    Momentum,
    Nesterov,
    OnePass,
    Training,
    expand,
    symbols,
)
from sgdiagrams.symbolic.counting.steps import StepCounter
from sgdiagrams.symbolic.embeddings.clusters import Cut, flow_count, generator_count
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.embeddings.one_pass import one_pass_count
from sgdiagrams.symbolic.training.names import named_sampling

T, B, beta = symbols.T, symbols.B, symbols.beta


@cache
def weights(scheme, optimizer=None, order=4):
    """Return contraction -> weight of a function of the weights."""
    found = expand(
        "function:s", order=order, sampling=scheme, optimizer=optimizer, basis="cumulant"
    )
    return {term.contraction: term.weight for term in found.terms}


def without_transient(weight):
    """Drop exponentials in T."""
    return weight.replace(
        lambda e: e.is_Pow and e.base == beta and e.exp.has(T), lambda _: sympify(0)
    )


def coefficient(weight, power):
    weight = together(weight)
    above, below = weight.as_numer_denom()
    return cancel(Poly(above, T).coeff_monomial(T**power) / below)


def agreement(ours, theirs, order):
    """Return by order how many of the highest powers of T agree in all contractions."""
    result = []
    for k in range(1, order + 1):
        of_order = {c for c in (*ours, *theirs) if c.order == k}
        agree = 0
        while agree <= k and all(
            cancel(
                coefficient(ours.get(c, sympify(0)), k - agree)
                - coefficient(theirs.get(c, sympify(0)), k - agree)
            )
            == 0
            for c in of_order
        ):
            agree += 1
        result.append(agree)
    return result


def slope(forest):
    return one_pass_count(forest, "cumulant", unit_batch=True).get((1, 0), Fraction(0))


# As formulas --------------------------------------------------------------------------------------


def test_without_a_cut_it_is_one_pass():
    for order in range(6):
        for diagram in enumerate_diagrams(order):
            forest = update_forest(diagram)
            flow = flow_count(forest, slope, Cut(), one=Fraction(1))
            found = {(j, 0): c / factorial(j) for j, c in flow.items()}
            assert found == one_pass_count(forest, "cumulant", unit_batch=True)


def test_weak_order_two():
    """All powers T^k and T^(k-1) are those of SGD, and not the next; at order 1 not T^(k-1)."""
    sgd = weights(OnePass(B=B), order=5)
    assert agreement(weights(SDE(B=B), order=5), sgd, 5) == [2, 1, 1, 1, 1]
    assert agreement(weights(SDE(B=B, order=2), order=5), sgd, 5) == [2, 3, 2, 2, 2]


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_flows_meet_descent(k):
    descent = weights(GradientDescent(), order=5)
    found = agreement(weights(GradientFlow(order=k), order=5), descent, 5)
    assert found == [n + 1 if n <= k else k for n in range(1, 6)]


@pytest.mark.parametrize("optimizer", [Momentum(), Nesterov()], ids=lambda x: x.name)
def test_momentum_after_the_transient(optimizer):
    sgd = weights(OnePass(B=B), optimizer, order=3)
    sgd = {c: without_transient(w) for c, w in sgd.items()}
    assert agreement(weights(SDE(B=B), optimizer, order=3), sgd, 3) == [1, 1, 1]
    assert agreement(weights(SDE(B=B, order=2), optimizer, order=3), sgd, 3) == [2, 2, 2]
    descent = {c: w for c, w in sgd.items() if all(len(b) == 1 for b in c.blocks)}
    flow = weights(GradientFlow(order=2), optimizer, order=3)
    assert agreement(flow, descent, 3) == [2, 2, 2]


@pytest.mark.parametrize("optimizer", [Momentum(), Nesterov()], ids=lambda x: x.name)
def test_all_of_momentum_is_a_shift_and_a_flow(optimizer):
    """Without a cut, S exp(TL) is the count without exponentials."""
    steps = StepCounter(Training(OnePass(), optimizer), "cumulant")
    zero = steps.field.field.zero
    known = {}

    def power(k):
        return lambda forest: steps.without_exponentials(forest).get(k, zero)

    for order in range(4):
        for diagram in enumerate_diagrams(order, one_pass=True):
            forest = update_forest(diagram)
            flow = flow_count(
                forest,
                lambda f: generator_count(f, power(0), power(1), known),
                Cut(),
                one=steps.field.field.one,
                start=power(0),
            )
            wanted = {k: c for k, c in steps.without_exponentials(forest).items() if c}
            assert {j: c / factorial(j) for j, c in flow.items()} == wanted


def test_published_modified_equations_of_the_heavy_ball():
    """N. Kovachki, A. Stuart, JMLR 22 (2021); M. Cattaneo, B. Shigida (2025)."""
    steps = StepCounter(Training(OnePass(), Momentum()), "cumulant")
    b = beta
    wanted = {
        "(0-1)(01)": -1 / (1 - b),
        "(0-1-2)(01-12)": -(1 + b) / (2 * (1 - b) ** 3),
        "(0-1-2-3)(01-12-23)": -(b**2 + 4 * b + 1) / (3 * (1 - b) ** 5),
        "(0-1-2-3)(02-12-23)": -(b**2 + 10 * b + 1) / (12 * (1 - b) ** 5),
    }
    known = {}

    def power(k):
        return lambda f: steps.without_exponentials(f).get(k, steps.field.field.zero)

    for text, published in wanted.items():
        diagram = Diagram.parse(text)
        value = generator_count(update_forest(diagram), power(0), power(1), known)
        scale = sympify((-1) ** diagram.order) / diagram.symmetry_factor
        assert cancel(scale * value.as_expr() - published) == 0


def test_parts_multiply():
    """Thirty leaves on the root, too many to go through their sets, and a forest of two parts."""
    leaves = "-".join(map(str, range(31)))
    star = Diagram.parse(f"({leaves})({'-'.join(f'{i}.30' for i in range(30))})")
    assert SDE(order=2).count(star) == T**30
    chain, twice = Diagram.parse("(0-1-2)(01-12)"), Diagram.parse("(0-1-2-3-4)(01-14-23-34)")
    for scheme in (SDE(order=2), GradientFlow(order=3)):
        assert scheme.count(twice) == (scheme.count(chain) ** 2).expand()
    one = expand("function:s", order=2, sampling=SDE(order=2), optimizer=Momentum())
    first = next(t.weight for t in one.terms if t.order == 1)
    square = next(t.weight for t in one.terms if str(t.contraction) == "G_a s_ab G_b")
    assert cancel(square - first**2 / 2) == 0


# On landscapes ------------------------------------------------------------------------------------


def by_hand(landscape, f, *, b, batch, shift, drift, time, order):
    """Return the powers of s of E f of the diffusion with drift -G/(1-b) - s drift HG, and so on.

    It starts at theta0 + s shift G(theta0), and its covariance is s C/(batch (1 - b)^2).
    """
    p = landscape.dimension
    losses = [dict(loss) for loss in landscape.losses]
    loss = mean(losses)
    G = [derivative(loss, mu) for mu in range(p)]
    pull = [{} for _ in range(p)]
    for mu in range(p):
        for nu in range(p):
            pull[mu] = plus(pull[mu], times(derivative(G[mu], nu), G[nu]))

    def C(mu, nu):
        both = mean([times(derivative(x, mu), derivative(x, nu)) for x in losses])
        return plus(both, times(G[mu], G[nu]), -1)

    def first(g):
        result = {}
        for mu in range(p):
            result = plus(result, times(G[mu], derivative(g, mu)), -1 / (1 - b))
        return result

    def second(g):
        result = {}
        for mu in range(p):
            result = plus(result, times(pull[mu], derivative(g, mu)), -drift)
            for nu in range(p):
                twice = derivative(derivative(g, mu), nu)
                result = plus(result, times(C(mu, nu), twice), 1 / (2 * batch * (1 - b) ** 2))
        return result

    v = [shift * at(g, landscape.start) for g in G]
    power = [f] + [{}] * order  # L^k f by powers of s
    total = [Fraction(0)] * (order + 1)
    for k in range(order + 1):
        for d in range(order + 1):
            moved = power[d]
            for m in range(order + 1 - d):
                total[d + m] += (
                    Fraction(time) ** k / factorial(k) / factorial(m) * at(moved, landscape.start)
                )
                along = {}
                for mu in range(p):
                    along = plus(along, derivative(moved, mu), v[mu])
                moved = along
        power = [
            plus(first(power[d - 1]) if d else {}, second(power[d - 2]) if d > 1 else {})
            for d in range(order + 1)
        ]
    return total


FUNCTION = {
    1: {(3,): Fraction(1, 2), (1,): Fraction(-2), (4,): Fraction(1)},
    2: {(2, 1): Fraction(1, 3), (0, 2): Fraction(-1), (1, 0): Fraction(2), (2, 2): Fraction(5)},
}


def evaluated(landscape, scheme, optimizer, order, **numbers):
    p = landscape.dimension
    derivatives = {}
    for k in range(order + 1):
        tensor = np.empty((p,) * k, dtype=object)
        for index in np.ndindex(tensor.shape):
            f = FUNCTION[p]
            for mu in index:
                f = derivative(f, mu)
            tensor[index] = at(f, landscape.start)
        derivatives[k] = tensor
    statistics = Statistics.from_samples(
        landscape.statistics(order).samples, role="population", functions={"s": derivatives}
    )
    found = expand("function:s", order=order, sampling=scheme, optimizer=optimizer)
    return found.evaluate(statistics, eta=1, **numbers).orders


def landscape_of(seed, p):
    random = PolynomialLandscape.random(seed, p=p, degree=4 if p == 1 else 3, atoms=3)
    return PolynomialLandscape(random.losses, start=[Fraction(1, 2), Fraction(-1, 3)][:p])


@settings(relaxed, max_examples=6)
@given(
    seed=st.integers(0, 10**6),
    p=st.integers(1, 2),
    which=st.sampled_from(("sgd", "momentum", "nesterov")),
    time=st.fractions(Fraction(1, 4), 5, max_denominator=4),
    batch=st.integers(1, 3),
)
def test_the_diffusion_of_order_two(seed, p, which, time, batch):
    landscape = landscape_of(seed, p)
    b = Fraction(0) if which == "sgd" else Fraction(1, 3)
    optimizer = {"sgd": SGD(), "momentum": Momentum(beta=b), "nesterov": Nesterov(beta=b)}[which]
    power = 2 if which == "nesterov" else 1
    shift = b**power / (1 - b) ** 2
    # From T^1: Momentum (1 + 3b)/2, Nesterov (1 - b + 4b^2)/2 over (1 - b)^3, less the shift's part.
    linear = {"sgd": 1, "momentum": 1 + 3 * b, "nesterov": 1 - b + 4 * b**2}[which]
    drift = linear / (2 * (1 - b) ** 3) - shift / (1 - b)
    order = 4 if p == 1 else 3
    wanted = by_hand(
        landscape,
        FUNCTION[p],
        b=b,
        batch=batch,
        shift=shift,
        drift=drift,
        time=time,
        order=order,
    )
    numbers = {"T": time, "B": batch}
    found = evaluated(landscape, SDE(B=B, order=2), optimizer, order, **numbers)
    assert list(found) == wanted
    if which == "sgd":
        found = evaluated(landscape, SDE(order=2, **numbers), optimizer, order)
        assert list(found) == wanted


def test_a_flow_by_its_own_equation():
    """dx/dt = x^2: y' = y^2 - h y^3 + 3/2 h^2 y^4 - 8/3 h^3 y^5 + ... (Hairer, Lubich, Wanner IX.1)."""
    landscape = PolynomialLandscape([{(3,): Fraction(-1, 3)}], (1,))
    right = [Fraction(1), Fraction(-1), Fraction(3, 2), Fraction(-8, 3), Fraction(31, 6)]
    order, time = 6, Fraction(5, 2)
    for k in range(1, 6):
        # Lie series of the field: f -> sum_k s^k right_k y^(k+1) f', on powers of y.
        series = [{} for _ in range(order + 1)]
        series[0] = {1: Fraction(1)}
        wanted = [Fraction(0)] * (order + 1)
        for j in range(order + 1):
            for d in range(order + 1):
                wanted[d] += sum(series[d].values(), Fraction(0)) * time**j / factorial(j)
            following = [{} for _ in range(order + 1)]
            for d in range(order + 1):
                for i, c in enumerate(right[:k], start=1):
                    if d + i <= order:
                        for n, a in series[d].items():
                            target = following[d + i]
                            target[n + i] = target.get(n + i, Fraction(0)) + a * n * c
            series = following
        wanted[0] = Fraction(0)
        found = expand("displacement", order=order, sampling=GradientFlow(T=time, order=k))
        orders = found.evaluate(landscape.statistics(order), eta=1).orders
        assert [x[0] for x in orders] == wanted


# What is asked for --------------------------------------------------------------------------------


def test_names_titles_and_files():
    assert named_sampling("sde:order=2") == SDE(order=2)
    assert named_sampling("gradient-flow:order=3") == GradientFlow(order=3)
    assert SDE(order=2, T=3).label == "sde order=2 T=3 B=1"
    assert SDE(order=1) == SDE() != SDE(order=2)
    assert GradientFlow(order=2).at(T=4) == GradientFlow(T=4, order=2)
    for scheme, optimizer in ((SDE(order=2, B=B), Momentum()), (GradientFlow(order=3), SGD())):
        found = expand("test-loss", order=2, sampling=scheme, optimizer=optimizer)
        assert Expansion.from_json(found.to_json()) == found
        assert f"order={scheme.order}" in str(found)
    assert json.loads(found.to_json())["parts"][0]["sampling"]["order"] == 3
    data = json.loads(expand("test-loss", order=1, sampling="sde").to_json())
    assert data["parts"][0]["sampling"] == {"name": "sde", "T": "T", "B": 1}


def test_what_there_is_not():
    for order in (0, 3, 7, True, Fraction(1, 2), "two"):
        with pytest.raises(SamplingError) as caught:
            SDE(order=order)
        assert "\n" not in str(caught.value)
    with pytest.raises(SamplingError, match="third cumulant") as caught:
        named_sampling("sde:order=3")
    assert "GradientFlow(order=k)" in str(caught.value)
    with pytest.raises(SamplingError, match="whole number >= 1"):
        GradientFlow(order=0)
    for text in ("sde:B=2", "sde:order", "one-pass:T=3", "gradient-flow:order=2,order=3"):
        with pytest.raises(RequestError):
            named_sampling(text)
    for scheme, optimizer in (
        (SDE(order=2), SGD()),
        (GradientFlow(order=2), SGD()),
        (SDE(), Momentum()),
    ):
        with pytest.raises(RequestError, match="order=1 and plain SGD for a re-summed"):
            expand("test-loss", order=2, sampling=scheme, optimizer=optimizer, resummed=True)
