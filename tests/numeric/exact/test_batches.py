"""Schedules, one by one and at random, against hand-made lists and closed forms."""

from fractions import Fraction
from itertools import permutations, product
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgdiagrams.diagrams import SamplingError
from sgdiagrams.numeric.exact.batches import (
    check_schedule,
    grid_schedule,
    merge_renamed,
    weighted_schedules,
)
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import (
    exact_sgd,
    exact_sgd_average,
)
from sgdiagrams.symbolic.embeddings.batches import (
    epochs_schedule,
    one_pass_schedule,
    reshuffled_schedules,
    with_replacement_schedules,
)
from sgdiagrams.symbolic.training.optimizers.momentum import Nesterov

HALF = Fraction(1, 2)
#: l = +x or -x with equal chances: nothing is curved, and gradients have variance 1.
COIN = PolynomialLandscape([{(1,): 1}, {(1,): -1}])
SCALARS = ("test-loss", "training-loss", "generalisation-gap")
TENSORS = ("displacement", "second-moment", "covariance")


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def one_by_one(landscape, schedules, **options):
    """Return the average without merging any schedules; not for variances."""
    return tuple(
        sum(terms)
        for terms in zip(
            *(
                [chance * x for x in exact_sgd(landscape, schedule, **options)]
                for chance, schedule in schedules
            ),
            strict=True,
        )
    )


def test_reshuffled_by_hand():
    sixth = Fraction(1, 6)
    assert reshuffled_schedules(N=4, B=2, E=1) == tuple(
        (sixth, (first, second))
        for first, second in [
            ((0, 1), (2, 3)),
            ((0, 2), (1, 3)),
            ((0, 3), (1, 2)),
            ((1, 2), (0, 3)),
            ((1, 3), (0, 2)),
            ((2, 3), (0, 1)),
        ]
    )
    every = {
        chosen[0] + chosen[1] for chosen in product(permutations([(0,), (1,), (2,)]), repeat=2)
    }
    ours = reshuffled_schedules(N=3, B=1, E=2)
    assert len(ours) == len(every) == 36
    assert {schedule for _, schedule in ours} == every
    assert reshuffled_schedules(N=3, B=1, E=0) == ((1, ()),)
    assert reshuffled_schedules(N=2, B=2, E=3) == ((1, epochs_schedule(2, 2, 3)),)


@pytest.mark.parametrize(("N", "B", "E"), [(3, 1, 2), (4, 2, 2), (6, 3, 1), (1, 1, 3)])
def test_reshuffled_are_equally_likely(N, B, E):
    passes = factorial(N) // factorial(B) ** (N // B)
    full, fixed = (reshuffled_schedules(N, B, E, first_fixed=fixed) for fixed in (False, True))
    assert len(full) == passes**E
    assert len(fixed) == passes ** (E - 1)
    for schedules in (full, fixed):
        assert sum(chance for chance, _ in schedules) == 1
        assert len({schedule for _, schedule in schedules}) == len(schedules)
        assert len({chance for chance, _ in schedules}) == 1
    assert {schedule[: N // B] for _, schedule in fixed} == {epochs_schedule(N, B, 1)}


@pytest.mark.parametrize("observable", [*SCALARS, *TENSORS[:2]])
def test_names_of_rows_do_not_matter(observable):
    """All schedules one by one, the first pass fixed, and merged: three times the same."""
    landscape = PolynomialLandscape.random(5, p=2, degree=3)
    full, fixed = (reshuffled_schedules(3, 1, 2, first_fixed=fixed) for fixed in (False, True))
    options = {"order": 4, "observable": observable, "since": 2, "rows": 4}
    expected = one_by_one(landscape, full, **options)
    assert same(exact_sgd_average(landscape, full, **options), expected)
    assert same(one_by_one(landscape, fixed, **options), expected)
    assert len(merge_renamed(full)) == 6


def test_reshuffling_shows_from_order_four_on():
    """Through eta^3 a fixed order has the same expectation, and at eta^4 another.

    Three atoms: two equally likely ones have no third cumulants, and the gap's difference is one.
    """
    landscape = PolynomialLandscape.random(8, p=1, degree=5, atoms=3)
    for observable in SCALARS:
        random = exact_sgd_average(
            landscape, reshuffled_schedules(3, 1, 2), order=4, observable=observable
        )
        fixed = exact_sgd(landscape, epochs_schedule(3, 1, 2), order=4, observable=observable)
        assert random[:4] == fixed[:4]
        assert random[4] != fixed[4]


def test_with_replacement_by_hand():
    quarter = Fraction(1, 4)
    assert with_replacement_schedules(N=2, B=1, T=2) == tuple(
        (quarter, ((i,), (j,))) for i in (0, 1) for j in (0, 1)
    )
    assert with_replacement_schedules(N=1, B=2, T=1) == ((1, ((0, 0),)),)
    assert with_replacement_schedules(N=2, B=1, T=0) == ((1, ()),)


@pytest.mark.parametrize(("N", "B", "T"), [(2, 3, 1), (3, 2, 2), (2, 2, 3), (3, 1, 3)])
def test_with_replacement_fills_every_slot(N, B, T):
    chances = {}
    for slots in product(range(N), repeat=B * T):
        schedule = tuple(tuple(sorted(slots[t * B : (t + 1) * B])) for t in range(T))
        chances[schedule] = chances.get(schedule, 0) + Fraction(1, N ** (B * T))
    ours = with_replacement_schedules(N, B, T)
    assert len(ours) == len(chances)
    assert {schedule: chance for chance, schedule in ours} == chances


@pytest.mark.parametrize(("N", "B", "T"), [(1, 1, 2), (2, 1, 3), (3, 2, 2), (2, 3, 1), (4, 1, 4)])
def test_walk_with_replacement_in_closed_form(N, B, T):
    """Two of the TB pushes s/B are of one row with chance 1/N, and independent otherwise."""
    random = with_replacement_schedules(N, B, T)
    spread = Fraction(T, B) * (1 + Fraction(T * B - 1, N))
    covariance = exact_sgd_average(COIN, random, order=3, observable="covariance")
    assert [x.tolist() for x in covariance] == [[[0]], [[0]], [[spread]], [[0]]]


def test_a_row_counts_as_often_as_it_is_in_the_batch():
    """l = 4x or 0 by chance: the batch (0, 0, 0, 1) moves by 3 and by 1 of its four parts."""
    landscape = PolynomialLandscape([{(1,): 4}, {(1,): 0}])
    moments = exact_sgd(landscape, ((0, 0, 0, 1),), order=2, observable="second-moment")
    assert moments[2].tolist() == [[Fraction(3**2 + 1**2 + 4**2, 4)]]
    assert exact_sgd(landscape, ((0, 0),), order=2) == exact_sgd(landscape, ((0,),), order=2)


def test_variances_have_the_schedules_inside():
    """One or two steps down l = x: -s or -2s, with the mean -3s/2."""
    slope = PolynomialLandscape([{(1,): 1}])
    schedules = [((0,),), ((0,), (0,))]
    options = {"order": 2}
    variance = exact_sgd_average(slope, schedules, observable="variance", **options)
    assert variance == (0, 0, Fraction(1, 4))
    covariance = exact_sgd_average(slope, schedules, observable="covariance", **options)
    assert covariance[2].tolist() == [[Fraction(1, 4)]]
    unequal = list(zip([Fraction(1, 3), Fraction(2, 3)], schedules, strict=True))
    assert exact_sgd_average(slope, unequal, observable="variance", **options)[2] == Fraction(2, 9)
    assert exact_sgd_average(slope, unequal, **options) == (0, Fraction(-5, 3), 0)


@pytest.mark.parametrize("observable", [*SCALARS, *TENSORS, "variance"])
def test_one_schedule_is_its_own_average(observable):
    landscape = PolynomialLandscape.random(2, p=2, degree=3)
    schedule = ((2,), (0, 1, 1), (2,))
    options = {"order": 3, "observable": observable, "optimizer": Nesterov(beta="1/2")}
    single = exact_sgd(landscape, schedule, **options)
    again = exact_sgd_average(landscape, [(HALF, schedule)] * 2, **options)
    assert same(single, again)
    assert same(single, exact_sgd_average(landscape, iter([schedule]), **options))


batches = st.lists(st.integers(0, 2), min_size=1, max_size=3).map(tuple)


@settings(max_examples=50, deadline=None)
@given(
    schedule=st.lists(batches, max_size=3).map(tuple),
    names=st.permutations(range(3)),
    other=st.lists(batches, max_size=3).map(tuple),
)
def test_merging_is_up_to_names_and_order_in_a_batch(schedule, names, other):
    def standard(x):
        ((chance, merged),) = merge_renamed(((Fraction(1), x),))
        assert chance == 1
        return merged

    def variants(x):
        return {
            tuple(tuple(sorted(p[n] for n in batch)) for batch in x) for p in permutations(range(3))
        }

    renamed = tuple(tuple(names[n] for n in reversed(batch)) for batch in schedule)
    assert standard(schedule) == standard(renamed)
    assert standard(schedule) in variants(schedule)
    assert (standard(schedule) == standard(other)) == (variants(schedule) == variants(other))


def test_grids():
    grid = [[True, False, True], [False, True, True]]
    schedule = ((0,), (1,), (0, 1))
    assert grid_schedule(grid) == schedule
    assert grid_schedule(np.array(grid)) == schedule
    assert grid_schedule([np.array(line) for line in grid]) == schedule
    assert grid_schedule(schedule) == schedule
    assert grid_schedule([np.array([0]), [np.int64(1)], [0, 1]]) == schedule
    assert grid_schedule(np.zeros((2, 0), dtype=bool)) == ()
    assert grid_schedule([]) == ()
    assert grid_schedule([[1, 1, 0]]) == ((1, 1, 0),)
    assert all(type(n) is int for batch in grid_schedule([np.array([1, 0])]) for n in batch)
    diagonal = grid_schedule(np.eye(3, dtype=bool))
    assert diagonal == one_pass_schedule(3)


@pytest.mark.parametrize(
    "grid",
    [
        np.eye(2, dtype=int),
        np.ones(3, dtype=bool),
        [True, False],
        [[True, False], [False]],
        [[True, 0], [0, True]],
        [[True, False]],
        [[0], []],
        [[-1]],
        [[0.5]],
        [["a"]],
    ],
)
def test_bad_grids_are_refused(grid):
    with pytest.raises(SamplingError, match=r"^expected.*$"):
        grid_schedule(grid)


@pytest.mark.parametrize(
    "schedules",
    [
        [],
        [3],
        [(HALF, ((0,),))],
        [(HALF, ((0,),)), ((0,),)],
        [(Fraction(3, 2), ((0,),)), (-HALF, ((1,),))],
        [(Fraction(1), 3)],
        [((0,), (1, -1))],
        ((0,), (1,)),
    ],
)
def test_bad_random_schedules_are_refused(schedules):
    with pytest.raises(SamplingError, match=r"^expected.*$"):
        exact_sgd_average(COIN, schedules, order=1)


@pytest.mark.parametrize(
    ("maker", "numbers"),
    [
        (reshuffled_schedules, (2, 3, 1)),
        (reshuffled_schedules, (0, 1, 1)),
        (with_replacement_schedules, (0, 1, 1)),
        (with_replacement_schedules, (1, 0, 1)),
    ],
)
def test_impossible_numbers_are_refused(maker, numbers):
    with pytest.raises(SamplingError, match=r"^expected.*$"):
        maker(*numbers)


def test_the_training_set_is_large_enough():
    assert check_schedule(()) == 1
    assert check_schedule(((0, 0), (4,))) == 5
    assert check_schedule(((0,),), rows=3) == 3
    with pytest.raises(SamplingError, match=r"^expected rows 0..3, got row=4 .* raise rows=4$"):
        check_schedule(((4,),), rows=4)
    assert weighted_schedules([()]) == ((1, ()),)
