"""The exact simulator against SymPy, closed forms and symmetries: it judges everything else."""

from fractions import Fraction
from itertools import product
from time import perf_counter

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from sgdiagrams.diagrams import RequestError, SamplingError
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import (
    exact_sgd,
)
from sgdiagrams.symbolic.embeddings.batches import (
    epochs_schedule,
    one_pass_schedule,
)

OBSERVABLES = ("test-loss", "training-loss", "generalisation-gap")
HALF = Fraction(1, 2)


def sympy_sgd(landscape, schedule, order, observable, matrix, rows):
    """Return the same by symbols: whole polynomials in s, differentiated and expanded by SymPy."""
    p = landscape.dimension
    weights = sympy.symbols(f"w0:{p}")
    s = sympy.Symbol("s")
    losses = [
        sum(
            (c * sympy.prod(w**e for w, e in zip(weights, exponents, strict=True)))
            for exponents, c in loss
        )
        for loss in landscape.losses
    ]
    total = sympy.Integer(0)
    sets = list(product(range(len(losses)), repeat=rows))
    for atoms in sets:
        point = [sympy.Rational(x) for x in landscape.start]
        for batch in schedule:
            mean = sum(losses[atoms[n]] for n in batch) / sympy.Integer(len(batch))
            slope = [
                sympy.diff(mean, w).subs(dict(zip(weights, point, strict=True)), simultaneous=True)
                for w in weights
            ]
            point = [
                sympy.expand(x - s * sum(matrix[i][j] * slope[j] for j in range(p)))
                for i, x in enumerate(point)
            ]
        test = sum(losses) / sympy.Integer(len(losses))
        train = sum(losses[a] for a in atoms) / sympy.Integer(rows)
        value = {"test-loss": test, "training-loss": train, "generalisation-gap": test - train}
        total += value[observable].subs(dict(zip(weights, point, strict=True)), simultaneous=True)
    series = sympy.Poly(sympy.expand(total / len(sets)), s)
    return tuple(Fraction(*series.coeff_monomial(s**k).as_numer_denom()) for k in range(order + 1))


IDENTITY = {1: [[1]], 2: [[1, 0], [0, 1]]}
MATRIX = [[Fraction(1, 2), Fraction(-1, 3)], [Fraction(-1, 3), 2]]


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize(
    ("p", "degree", "schedule", "rows", "eta"),
    [
        (1, 3, one_pass_schedule(2), 2, None),
        (1, 3, one_pass_schedule(1, 2), 3, None),
        (1, 3, epochs_schedule(2, 1, 1), 2, [Fraction(3, 7)]),
        (1, 3, epochs_schedule(1, 1, 2), 1, None),
        (2, 3, epochs_schedule(2, 2, 2), 2, MATRIX),
        (2, 3, one_pass_schedule(2), 2, [2, Fraction(1, 5)]),
        (2, 2, ((0, 1), (2,), (1,)), 3, None),
    ],
)
def test_agrees_with_sympy(observable, p, degree, schedule, rows, eta):
    landscape = PolynomialLandscape.random(p + rows, p=p, degree=degree, atoms=2)
    landscape = PolynomialLandscape(landscape.losses, start=[Fraction(1, 2), -1][:p])
    if eta is None:
        matrix = IDENTITY[p]
    elif isinstance(eta[0], list):
        matrix = eta
    else:
        matrix = [[eta[i] if i == j else 0 for j in range(p)] for i in range(p)]
    ours = exact_sgd(landscape, schedule, order=4, observable=observable, eta=eta, rows=rows)
    assert ours == sympy_sgd(landscape, schedule, 4, observable, matrix, rows)


@pytest.mark.parametrize("T", [0, 1, 2, 5])
def test_parabolas_by_hand(T):
    """(x - a)^2/2 with a = +-1 from x0: a contraction by 1 - s towards noise of variance 1."""
    landscape = PolynomialLandscape(
        [{(2,): HALF, (1,): -a, (0,): HALF} for a in (1, -1)], start=(3,)
    )
    s = sympy.Symbol("s")
    second_moment = 9 * (1 - s) ** (2 * T) + sum(s**2 * (1 - s) ** (2 * k) for k in range(T))
    exact = sympy.Poly(sympy.expand((second_moment + 1) / 2), s)
    order = 2 * T + 1
    expected = tuple(
        Fraction(*exact.coeff_monomial(s**k).as_numer_denom()) for k in range(order + 1)
    )
    assert exact_sgd(landscape, one_pass_schedule(T), order=order) == expected


def test_full_batch_gap_by_hand():
    """One step on N parabolas: the gap is the covariance of the point with the sample mean, s/N."""
    landscape = PolynomialLandscape([{(2,): HALF, (1,): -1}, {(2,): HALF, (1,): 1}], start=(1,))
    for n in (1, 2, 3):
        gap = exact_sgd(
            landscape, epochs_schedule(n, n, 1), order=3, observable="generalisation-gap"
        )
        assert gap == (0, Fraction(1, n), 0, 0)


rationals = st.builds(Fraction, st.integers(-3, 3), st.integers(1, 3))
seeds = st.integers(0, 10**6)
schedules = st.sampled_from(
    [
        one_pass_schedule(3),
        one_pass_schedule(2, 2),
        epochs_schedule(2, 1, 2),
        epochs_schedule(3, 3, 2),
    ]
)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, schedule=schedules, scale=rationals)
def test_order_k_scales_with_the_kth_power(seed, schedule, scale):
    landscape = PolynomialLandscape.random(seed, p=2, degree=3)
    plain = exact_sgd(landscape, schedule, order=4)
    scaled = exact_sgd(landscape, schedule, order=4, eta=[scale, scale])
    assert scaled == tuple(c * scale**k for k, c in enumerate(plain))


@settings(max_examples=15, deadline=None)
@given(seed=seeds, schedule=schedules, observable=st.sampled_from(OBSERVABLES))
def test_twice_the_same_atoms_are_the_same_distribution(seed, schedule, observable):
    landscape = PolynomialLandscape.random(seed, p=1, degree=4)
    doubled = PolynomialLandscape(landscape.losses * 2)
    one, two = (
        exact_sgd(x, schedule, order=3, observable=observable) for x in (landscape, doubled)
    )
    assert one == two


@settings(max_examples=15, deadline=None)
@given(seed=seeds, schedule=schedules, shift=st.tuples(rationals, rationals))
def test_moving_the_origin_changes_nothing(seed, schedule, shift):
    landscape = PolynomialLandscape.random(seed, p=2, degree=3)
    w = sympy.symbols("w0:2")
    moved = []
    for loss in landscape.losses:
        expression = sum(
            sympy.Rational(c)
            * sympy.prod((x - d) ** e for x, d, e in zip(w, shift, power, strict=True))
            for power, c in loss
        )
        terms = sympy.Poly(expression, *w).terms()
        moved.append({power: Fraction(int(c.p), int(c.q)) for power, c in terms})
    there = PolynomialLandscape(moved, start=shift)
    assert exact_sgd(there, schedule, order=4) == exact_sgd(landscape, schedule, order=4)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, schedule=schedules, order=st.integers(0, 3))
def test_gap_truncation_and_names_of_rows(seed, schedule, order):
    landscape = PolynomialLandscape.random(seed, p=2, degree=3)
    test, train, gap = (
        exact_sgd(landscape, schedule, order=4, observable=name) for name in OBSERVABLES
    )
    assert gap == tuple(a - b for a, b in zip(test, train, strict=True))
    assert exact_sgd(landscape, schedule, order=order) == test[: order + 1]
    last = max(row for batch in schedule for row in batch)
    renamed = tuple(tuple(last - row for row in batch) for batch in schedule)
    assert exact_sgd(landscape, renamed, order=4, observable="training-loss") == train


def test_learning_rates_may_be_an_array():
    landscape = PolynomialLandscape.random(4, p=2, degree=3)
    for eta in (MATRIX, [2, Fraction(1, 5)]):
        pair = (exact_sgd(landscape, ((0,), (1,)), order=2, eta=x) for x in (eta, np.array(eta)))
        assert len(set(pair)) == 1


def test_rows_never_used_keep_the_population_loss():
    landscape = PolynomialLandscape.random(4, p=1, degree=3)
    test, train = (
        exact_sgd(landscape, one_pass_schedule(2), order=3, observable=name)
        for name in OBSERVABLES[:2]
    )
    more = exact_sgd(landscape, one_pass_schedule(2), order=3, observable="training-loss", rows=5)
    assert more == tuple((2 * a + 3 * b) / 5 for a, b in zip(train, test, strict=True))


@pytest.mark.parametrize("p", [1, 2, 3])
def test_statistics_are_the_derivatives_at_the_start(p):
    random = PolynomialLandscape.random(9, p=p, degree=4, atoms=3)
    landscape = PolynomialLandscape(random.losses, start=[Fraction(1, 3), 2, -1][:p])
    statistics = landscape.statistics(3)
    w = sympy.symbols(f"w0:{p}")
    at = dict(zip(w, landscape.start, strict=True))
    for atom, loss in enumerate(landscape.losses):
        expression = sum(
            c * sympy.prod(x**e for x, e in zip(w, power, strict=True)) for power, c in loss
        )
        for k, array in statistics.samples.items():
            for index in np.ndindex(*[p] * k):
                derivative = sympy.diff(expression, *(w[i] for i in index)) if k else expression
                assert array[(atom, *index)] == Fraction(*derivative.subs(at).as_numer_denom())
    assert statistics.is_exact
    assert statistics.role == "population"


def test_random_is_reproducible_and_values_are_canonical():
    one, two = (PolynomialLandscape.random(3, p=2, degree=2, atoms=2) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    assert one != PolynomialLandscape.random(4, p=2, degree=2, atoms=2)
    assert PolynomialLandscape(one.losses, one.start) == one
    names = {"PolynomialLandscape": PolynomialLandscape, "Fraction": Fraction}
    assert eval(repr(one), names) == one  # noqa: S307
    assert PolynomialLandscape.random(np.random.default_rng(3), p=2, degree=2, atoms=2) == one


def test_two_epochs_to_order_four_are_fast():
    landscape = PolynomialLandscape.random(1, p=2, degree=4, atoms=2)
    begin = perf_counter()
    exact_sgd(landscape, epochs_schedule(4, 2, 2), order=4)
    assert perf_counter() - begin < 1


@pytest.mark.parametrize(
    ("losses", "start"),
    [
        ([], None),
        ([{}], None),
        ([{(1,): 1}, {(1, 1): 1}], None),
        ([{(1,): 1}], (0, 0)),
        ([{(-1,): 1}], None),
        ([{(1.0,): 1}], None),
        ([{(1,): 0.5}], None),
        ([{(1,): True}], None),
        ([{(1,): 1}], (0.5,)),
    ],
)
def test_bad_landscapes_are_refused(losses, start):
    with pytest.raises(RequestError, match="expected"):
        PolynomialLandscape(losses, start=start)


@pytest.mark.parametrize(
    "options",
    [
        {"order": -1},
        {"order": 1.0},
        {"order": 2, "observable": "loss"},
        {"order": 2, "eta": [1]},
        {"order": 2, "eta": [0.5, 0.5]},
        {"order": 2, "eta": [[1, 2], [3, 4]]},
        {"order": 2, "eta": [[1, 2], [2]]},
        {"order": 2, "eta": [[1, 2], 3]},
        {"order": 2, "eta": np.array([[1, 2], [3, 4]])},
        {"order": 2, "function": {(1, 0): 1}},
        {"order": 2, "observable": "function"},
        {"order": 2, "observable": "function", "function": {(1,): 1}},
        {"order": 2, "observable": "function", "function": {(1, 0): 0.5}},
        {"order": 2, "observable": None},
        {"order": 2, "optimizer": "sgd"},
    ],
)
def test_bad_requests_are_refused(options):
    with pytest.raises(RequestError, match=r"^expected.*$"):
        exact_sgd(PolynomialLandscape.random(0), one_pass_schedule(1), **options)


@pytest.mark.parametrize(
    ("schedule", "rows"),
    [
        (((),), None),
        (((-1,),), None),
        (((0.0,),), None),
        (((True,),), None),
        ((0, 1), None),
        (3, None),
        (((3,),), 2),
        ((), 0),
        ((), True),
    ],
)
def test_bad_schedules_are_refused(schedule, rows):
    with pytest.raises(SamplingError, match=r"^expected.*$"):
        exact_sgd(PolynomialLandscape.random(0), schedule, order=1, rows=rows)


@pytest.mark.parametrize("numbers", [(2, 5, 1), (0, 1, 1), (2, 0, 1), (2, 1, -1)])
def test_numbers_of_epochs_are_checked(numbers):
    with pytest.raises(SamplingError, match=r"^expected [^\n]*$"):
        epochs_schedule(*numbers)
