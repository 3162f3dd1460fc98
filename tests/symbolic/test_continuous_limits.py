"""Gradient flow and Ito's diffusion against their generators, applied to polynomials exactly.

For a process in time with generator A (per update, the learning rate inside), the expectation of f after
T updates' worth of time is sum_k T^k A^k f / k!. Powers of the learning rate are collected by hand.
"""

from fractions import Fraction
from functools import cache
from math import factorial

import numpy as np
import pytest
import slow
from hypothesis import given, settings
from hypothesis import strategies as st
from polynomials import at, derivative, mean, plus, times
from strategies import relaxed
from sympy import Rational

from sgdiagrams.diagrams import RequestError, SamplingError, enumerate_diagrams
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic import SDE, Expansion, GradientFlow, OnePass, expand, symbols
from sgdiagrams.symbolic.training.average import ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schedules.stepwise import Cosine

ORDER = 4
SCALARS = ("test-loss", "variance", "function:s")
TENSORS = ("displacement", "second-moment", "covariance")


# Generators ---------------------------------------------------------------------------------------


def covariance(losses, mu, nu):
    """Return Cov(d_mu l_x, d_nu l_x) as a polynomial in the weights."""
    loss = mean(losses)
    product = mean([times(derivative(f, mu), derivative(f, nu)) for f in losses])
    return plus(product, times(derivative(loss, mu), derivative(loss, nu)), -1)


class Generator:
    """A = s A_1 + s^2 A_2: A_1 f = -eta^{mu nu} l_mu f_nu, A_2 f = (eta C eta)^{mu nu} f_{mu nu}/(2 B).

    One step of SGD with batches of B has noise of covariance eta C eta / B. Without B there is none.
    """

    def __init__(self, losses, eta, B):
        p = len(eta)
        loss = mean(losses)
        self.drift = [{} for _ in range(p)]
        for mu in range(p):
            for nu in range(p):
                self.drift[nu] = plus(self.drift[nu], derivative(loss, mu), -eta[mu][nu])
        self.noise = {}
        for mu in range(p):
            for nu in range(p):
                entry = {}
                if B is not None:
                    for a in range(p):
                        for b in range(p):
                            scale = Fraction(eta[mu][a] * eta[b][nu]) / (2 * B)
                            entry = plus(entry, covariance(losses, a, b), scale)
                self.noise[mu, nu] = entry

    def first(self, f):
        result = {}
        for nu, v in enumerate(self.drift):
            result = plus(result, times(v, derivative(f, nu)))
        return result

    def second(self, f):
        result = {}
        for (mu, nu), c in self.noise.items():
            result = plus(result, times(c, derivative(derivative(f, mu), nu)))
        return result

    def expectation(self, f, start, T):
        """Return the coefficients of s^0, ..., s^ORDER of E f."""
        power = [f] + [{}] * ORDER  # A^k f by powers of s
        total = [Fraction(0)] * (ORDER + 1)
        for k in range(ORDER + 1):
            for d in range(ORDER + 1):
                total[d] += Fraction(T**k, factorial(k)) * at(power[d], start)
            power = [
                plus(
                    self.first(power[d - 1]) if d else {},
                    self.second(power[d - 2]) if d > 1 else {},
                )
                for d in range(ORDER + 1)
            ]
        return total


def series_product(a, b):
    return [sum((a[i] * b[d - i] for i in range(d + 1)), Fraction(0)) for d in range(ORDER + 1)]


def expected(generator, losses, function, start, T):
    """Return all observables by name: lists over the powers of s."""
    p = len(start)

    def mean_of(f):
        return generator.expectation(f, start, T)

    loss = mean(losses)
    steps = []
    for mu in range(p):
        unit = tuple(int(i == mu) for i in range(p))
        steps.append(
            {unit: Fraction(1), (0,) * p: -start[mu]} if start[mu] else {unit: Fraction(1)}
        )
    first = [mean_of(f) for f in steps]
    second = [[mean_of(times(f, g)) for g in steps] for f in steps]
    squares = [[series_product(a, b) for b in first] for a in first]
    test = mean_of(loss)
    square = mean_of(times(loss, loss))
    return {
        "test-loss": test,
        "function:s": mean_of(function),
        "variance": [x - y for x, y in zip(square, series_product(test, test), strict=True)],
        "displacement": [[x[d] for x in first] for d in range(ORDER + 1)],
        "second-moment": [[[x[d] for x in row] for row in second] for d in range(ORDER + 1)],
        "covariance": [
            [
                [x[d] - y[d] for x, y in zip(row, other, strict=True)]
                for row, other in zip(second, squares, strict=True)
            ]
            for d in range(ORDER + 1)
        ],
    }


# Expansions ---------------------------------------------------------------------------------------


@cache
def expansion(observable, scheme, basis=None):
    return expand(observable, order=ORDER, sampling=scheme, basis=basis)


def with_function(statistics, function, start):
    """Return the statistics with the derivatives of a polynomial s."""
    p = len(start)
    derivatives = {}
    for k in range(ORDER + 1):
        tensor = np.empty((p,) * k, dtype=object)
        for index in np.ndindex(tensor.shape):
            f = function
            for mu in index:
                f = derivative(f, mu)
            tensor[index] = at(f, start)
        derivatives[k] = tensor
    return Statistics.from_samples(
        statistics.samples, role="population", functions={"s": derivatives}
    )


def same(found, wanted):
    return all(
        np.array_equal(np.array(a, dtype=object), np.array(b, dtype=object))
        for a, b in zip(found, wanted, strict=True)
    )


def landscape_of(seed, p, *, atoms=3, start=None):
    random = PolynomialLandscape.random(seed, p=p, degree=5 if p == 1 else 4, atoms=atoms)
    return PolynomialLandscape(random.losses, start=start)


FUNCTION = {
    1: {(3,): Fraction(1, 2), (1,): Fraction(-2), (4,): Fraction(1)},
    2: {(2, 1): Fraction(1, 3), (0, 2): Fraction(-1), (1, 0): Fraction(2), (2, 2): Fraction(5)},
}
METRICS = {
    "scalar": (Fraction(1, 2), [[Fraction(1, 2), 0], [0, Fraction(1, 2)]]),
    "diagonal": ([Fraction(1, 2), Fraction(3)], [[Fraction(1, 2), 0], [0, Fraction(3)]]),
    "matrix": (
        [[Fraction(1), Fraction(-1, 2)], [Fraction(-1, 2), Fraction(2, 3)]],
        [[Fraction(1), Fraction(-1, 2)], [Fraction(-1, 2), Fraction(2, 3)]],
    ),
}
STARTS = {1: [Fraction(1, 2)], 2: [Fraction(1, 3), Fraction(-1)]}


def compare(landscape, metric, scheme, **numbers):
    """Compare all observables; `numbers` are T and, for the diffusion, B."""
    start = landscape.start
    p = len(start)
    losses = [dict(loss) for loss in landscape.losses]
    given_eta, table = METRICS[metric]
    table = [row[:p] for row in table[:p]]
    eta = given_eta if metric == "scalar" else np.array(given_eta, dtype=object)[:p]
    eta = eta[:, :p] if metric == "matrix" else eta
    batch = None if isinstance(scheme, GradientFlow) else numbers.get("B", 1)
    generator = Generator(losses, table, batch)
    wanted = expected(generator, losses, FUNCTION[p], start, numbers["T"])
    statistics = with_function(landscape.statistics(ORDER), FUNCTION[p], start)
    for name in (*SCALARS, *TENSORS):
        found = expansion(name, scheme).evaluate(statistics, eta=eta, **numbers).orders
        assert same(found, wanted[name]), name


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("p", [1, 2])
def test_gradient_flow(p, metric):
    landscape = landscape_of(3 + p, p, start=STARTS[p])
    compare(landscape, metric, GradientFlow(), T=3)


@pytest.mark.parametrize(("T", "B"), [(3, 1), (1, 2), (5, 4)])
def test_diffusion_in_one_dimension(T, B):
    landscape = landscape_of(T + B, 1, start=STARTS[1])
    compare(landscape, "diagonal", SDE(B=symbols.B), T=T, B=B)


def test_times_may_be_fractions():
    landscape = landscape_of(4, 1, start=STARTS[1])
    compare(landscape, "scalar", GradientFlow(), T=Fraction(7, 3))
    compare(landscape, "scalar", SDE(B=symbols.B), T=Fraction(7, 3), B=2)
    compare(landscape, "scalar", SDE(), T=Fraction(1, 2))


@pytest.mark.parametrize("scheme", [SDE, GradientFlow])
def test_times_are_the_same_number_at_every_door(scheme):
    statistics = landscape_of(4, 1, start=STARTS[1]).statistics(2)
    wanted = expand("test-loss", order=2, sampling=scheme(T=Fraction(7, 3)))
    late = expand("test-loss", order=2, sampling=scheme())
    assert Expansion.from_json(wanted.to_json()) == wanted
    assert scheme(T="7/3") == scheme().at(T=Fraction(7, 3)) == scheme(T=Fraction(7, 3))
    assert scheme(T=2.5) == scheme(T=Fraction(5, 2))
    assert scheme(T=Fraction(4, 2)) == scheme(T=2)
    value = wanted.evaluate(statistics, eta=1).value
    assert late.evaluate(statistics, eta=1, T=Fraction(7, 3)).value == value
    assert late.subs({"T": Fraction(7, 3)}).evaluate(statistics, eta=1).value == value
    module = {}
    exec(late.python(), module)
    floats = {k: a.astype(float) for k, a in statistics.samples.items()}
    tensors = module["tensors"](floats)
    found = sum(module["orders"](tensors, eta=1.0, T=Fraction(7, 3)))
    assert found == pytest.approx(float(value), rel=1e-12)
    for impossible in (Fraction(-1, 2), -1, True, float("nan"), "long"):
        for ask in (
            lambda T: scheme(T=T),
            lambda T: scheme().at(T=T),
            lambda T: late.evaluate(statistics, eta=1, T=T),
        ):
            with pytest.raises(SamplingError):
                ask(impossible)
    with pytest.raises(ValueError, match="for T"):
        module["orders"](tensors, eta=1.0, T=-0.5)
    with pytest.raises(SamplingError, match="whole number"):
        OnePass(T=Fraction(7, 3))
    with pytest.raises(SamplingError, match="whole number"):
        SDE(B=Fraction(3, 2))


def test_resummed_limits_take_fractions_of_a_step():
    statistics = landscape_of(4, 1, start=STARTS[1]).statistics(4)
    values = []
    for T in (Fraction(7, 3), Fraction(7, 3) + Fraction(1, 10**6)):
        resummed = expand("displacement", order=2, sampling="sde", resummed=True)
        values.append(float(resummed.evaluate(statistics, eta=0.1, T=T).value[0]))
    assert 0 < abs(values[1] - values[0]) < 1e-5
    # At a tiny eta it is the plain series.
    plain = expand("displacement", order=2, sampling="sde")
    numbers = {"eta": Fraction(1, 10**6), "T": Fraction(7, 3)}
    found = resummed.evaluate(statistics, **numbers).value[0]
    assert float(found) == pytest.approx(float(plain.evaluate(statistics, **numbers).value[0]))


@pytest.mark.parametrize("metric", METRICS)
def test_diffusion_in_two_dimensions(metric):
    landscape = landscape_of(8, 2, start=STARTS[2])
    compare(landscape, metric, SDE(B=symbols.B), T=2, B=3)


@settings(relaxed, max_examples=8)
@given(seed=st.integers(0, 10**6), T=st.integers(0, 6), atoms=st.integers(1, 4))
def test_diffusion_with_a_batch_of_one(seed, T, atoms):
    landscape = landscape_of(seed, 1, atoms=atoms)
    compare(landscape, "scalar", SDE(), T=T)


# Structure ----------------------------------------------------------------------------------------


def weights(expansion):
    return {term.contraction: term.weight for term in expansion.terms}


def test_the_flow_is_deterministic():
    for name in ("variance", "covariance"):
        assert not expansion(name, GradientFlow()).terms


@pytest.mark.parametrize("name", ["test-loss", "displacement", "second-moment", "function:s"])
def test_limits_are_the_leading_powers_of_the_time(name):
    # Of a diagram with P blocks only T^P survives; the flow knows single updates, Ito pairs at most.
    one_pass = expansion(name, OnePass(B=symbols.B), "cumulant")
    flow, diffusion = {}, {}
    for contraction, weight in weights(one_pass).items():
        roots = [v for v, label in enumerate(contraction.labels) if label != "loss"]
        alone = 0 if contraction.free else 1
        sizes = [len(block) for block in contraction.blocks]
        leading = weight.expand().coeff(symbols.T, len(sizes) - alone)
        assert leading != 0
        assert len(roots) == (name == "function:s")
        leading *= symbols.T ** (len(sizes) - alone)
        if max(sizes) == 1:
            flow[contraction] = leading
        if max(sizes) <= 2:
            diffusion[contraction] = leading
    assert weights(expansion(name, GradientFlow())) == flow
    assert weights(expansion(name, SDE(B=symbols.B))) == diffusion


def test_numbers_may_come_early():
    for T, B in ((4, 1), (3, 2)):
        early = expand("test-loss", order=3, sampling=SDE(T=T, B=B))
        late = expand("test-loss", order=3, sampling=SDE(B=symbols.B)).subs({"T": T, "B": B})
        assert weights(early) == weights(late)
    flow = expand("test-loss", order=3, sampling=GradientFlow(T=5))
    assert weights(flow) == weights(
        expand("test-loss", order=3, sampling="gradient-flow").subs("T", 5)
    )
    assert SDE() == SDE(B=1)
    assert expansion("test-loss", GradientFlow(), "cumulant").terms == (
        expansion("test-loss", GradientFlow()).terms
    )


@pytest.mark.parametrize("scheme", [GradientFlow(), SDE()], ids=lambda s: s.name)
def test_what_a_limit_cannot_say(scheme):
    for name in ("training-loss", "generalisation-gap"):
        with pytest.raises(RequestError):
            expand(name, order=2, sampling=scheme)
    refused = (
        SGD(schedule=[1]),
        SGD(average=TailAverage()),
        Momentum(schedule=Cosine()),
        Nesterov(average=ExponentialAverage()),
    )
    for optimizer in refused:
        with pytest.raises(RequestError):
            expand("test-loss", order=2, sampling=scheme, optimizer=optimizer)
    if scheme.name == "sde":
        with pytest.raises(RequestError):
            expand("test-loss", order=2, sampling=scheme, basis="moment")


@pytest.mark.parametrize("order", range(5))
def test_counts(order):
    T, B = symbols.T, symbols.B
    for d in enumerate_diagrams(order):
        updates = [block for block in d.blocks if d.root not in block]
        orders = slow.linear_extension_count(d.parents, d.blocks)
        P, largest = len(updates), max(map(len, updates), default=0)
        volume = Rational(orders, factorial(P))
        flow = volume * T**P if largest <= 1 else 0
        pairs = volume * T**P * B**P if largest <= 2 else 0
        assert GradientFlow().count(d) == GradientFlow().count(d, basis="cumulant") == flow
        assert SDE(B=B).count(d) == pairs
