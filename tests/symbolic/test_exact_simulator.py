"""The last judge: every coefficient equals that of SGD itself, as a fraction.

The simulator runs SGD on truncated power series over all training sets of a small distribution of
random polynomial losses; it knows no diagram.
"""

from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import (
    exact_sgd,
)
from sgdiagrams.symbolic import Epochs, FullBatch, OnePass, expand, symbols
from sgdiagrams.symbolic.embeddings.batches import (
    epochs_schedule,
    one_pass_schedule,
)

OBSERVABLES = ("test-loss", "training-loss", "generalisation-gap")
BASES = ("moment", "cumulant")
EPOCHS = ((3, 1, 1), (2, 1, 2), (2, 2, 3), (4, 2, 1), (4, 2, 2))
ORDER = 4

rationals = st.builds(Fraction, st.integers(-3, 3), st.integers(1, 3))


@cache
def expansion(observable, basis, sampling, order=ORDER):
    return expand(observable, order=order, sampling=sampling, basis=basis)


@st.composite
def landscapes(draw, p):
    degree = draw(st.integers(2, 5 if p == 1 else 4))
    atoms = draw(st.integers(1, 3 if p == 1 else 2))
    monomials = [e for e in np.ndindex(*[degree + 1] * p) if sum(e) <= degree]
    losses = [{e: draw(rationals) for e in monomials} for _ in range(atoms)]
    return PolynomialLandscape(losses, start=[draw(rationals) for _ in range(p)])


@st.composite
def metrics(draw, p):
    """Draw a learning-rate tensor: none, a scalar, a diagonal or a symmetric matrix."""
    kind = draw(st.sampled_from(["identity", "diagonal", "matrix"]))
    if kind == "identity":
        return None
    if kind == "diagonal":
        return [draw(rationals) for _ in range(p)]
    upper = [[draw(rationals) for _ in range(p)] for _ in range(p)]
    return [[upper[min(i, j)][max(i, j)] for j in range(p)] for i in range(p)]


def as_eta(metric):
    return 1 if metric is None else np.array(metric, dtype=object)


def contributions(what, landscape, metric, **numbers):
    statistics = landscape.statistics(what.order)
    return what.evaluate(statistics, eta=as_eta(metric), **numbers).orders


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("observable", OBSERVABLES)
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_epochs(observable, p, data):
    landscape = data.draw(landscapes(p))
    metric = data.draw(metrics(p))
    for N, B, E in EPOCHS:
        judge = exact_sgd(
            landscape, epochs_schedule(N, B, E), order=ORDER, observable=observable, eta=metric
        )
        for basis in BASES:
            formula = expansion(observable, basis, Epochs())
            assert contributions(formula, landscape, metric, N=N, B=B, E=E) == judge, basis


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("observable", OBSERVABLES)
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_one_pass(observable, p, data):
    landscape = data.draw(landscapes(p))
    metric = data.draw(metrics(p))
    for T in range(5):
        judge = exact_sgd(
            landscape, one_pass_schedule(T), order=ORDER, observable=observable, eta=metric
        )
        for basis in BASES:
            formula = expansion(observable, basis, OnePass())
            assert contributions(formula, landscape, metric, T=T) == judge, basis


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize(("T", "B"), [(1, 3), (2, 2), (3, 1)])
def test_one_pass_with_batches(observable, T, B):
    landscape = PolynomialLandscape.random(5, p=2, degree=4, atoms=2)
    judge = exact_sgd(landscape, one_pass_schedule(T, B), order=ORDER, observable=observable)
    for basis in BASES:
        formula = expansion(observable, basis, OnePass(B=symbols.B))
        assert contributions(formula, landscape, None, T=T, B=B) == judge, basis


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize(("N", "E"), [(1, 3), (2, 2), (3, 2)])
def test_full_batch(observable, N, E):
    landscape = PolynomialLandscape.random(7, p=2, degree=4, atoms=2)
    judge = exact_sgd(landscape, epochs_schedule(N, N, E), order=ORDER, observable=observable)
    what = expansion(observable, "moment", FullBatch())
    assert contributions(what, landscape, None, N=N, E=E) == judge


def test_order_six_in_one_dimension():
    landscape = PolynomialLandscape.random(11, p=1, degree=6, atoms=2)
    judge = exact_sgd(landscape, one_pass_schedule(4), order=6)
    what = expand("test-loss", order=6, sampling="one-pass")
    assert contributions(what, landscape, None, T=4) == judge


def test_numbers_fixed_at_construction_give_the_same():
    landscape = PolynomialLandscape.random(2, p=2, degree=4, atoms=2)
    fixed = expand("generalisation-gap", order=3, sampling=Epochs(N=4, B=2, E=2))
    free = expansion("generalisation-gap", "moment", Epochs(), 3)
    numbers = {"N": 4, "B": 2, "E": 2}
    assert contributions(fixed, landscape, None) == contributions(free, landscape, None, **numbers)


def test_no_update_leaves_the_loss_itself():
    landscape = PolynomialLandscape.random(2, p=2, degree=4, atoms=2)
    start = landscape.statistics(0).samples[0].sum() / 2
    for observable in OBSERVABLES:
        first = 0 if observable == "generalisation-gap" else start
        for sampling, numbers in (("one-pass", {"T": 0}), ("epochs", {"N": 4, "B": 2, "E": 0})):
            what = expand(observable, order=3, sampling=sampling)
            assert contributions(what, landscape, None, **numbers) == (first, 0, 0, 0)
