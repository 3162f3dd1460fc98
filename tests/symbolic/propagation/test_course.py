"""Courses: what may happen, what is drawn, and what is counted are one thing."""

from fractions import Fraction

import numpy as np
import pytest
from exact_protocols import schedules

from sgdiagrams.diagrams import SamplingError, enumerate_diagrams
from sgdiagrams.symbolic import (
    Epochs,
    FixedBatches,
    FullBatch,
    Grid,
    OnePass,
    RandomBatches,
    WithReplacement,
)
from sgdiagrams.symbolic.embeddings.batches import Batch
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.propagation.exact import ExactPropagator
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum

SCHEMES = [
    OnePass(T=3, B=2),
    Epochs(N=4, B=2, E=2),
    Epochs(N=3, B=1, E=2, shuffle="every-epoch"),
    FullBatch(N=3, E=2),
    WithReplacement(N=2, B=2, T=3),
    Grid([[0], [1, 0], [2]], N=4),
]


def label(item):
    return item.label


def in_order(pairs):
    """Return sequences of batches, the rows of each in order, with their probabilities."""
    result = {}
    for chance, batches in pairs:
        key = tuple(tuple(sorted(batch)) for batch in batches)
        result[key] = result.get(key, 0) + Fraction(chance)
    return result


@pytest.mark.parametrize("scheme", SCHEMES, ids=label)
def test_all_batches_are_those_of_the_scheme(scheme):
    course = scheme.course()
    spelled = in_order(course.all_batches())
    assert sum(spelled.values()) == 1
    known = schedules(scheme)
    if not isinstance(known[0][0], Fraction):
        known = [(Fraction(1, len(known)), batches) for batches in known]
    assert spelled == in_order(known)
    assert course.rows == scheme.datapoints
    assert {tuple(map(len, batches)) for batches in spelled} == {course.sizes}
    assert len(course.sizes) == course.updates == scheme.updates


@pytest.mark.parametrize("scheme", SCHEMES, ids=label)
def test_draws_have_the_probabilities_of_all_batches(scheme):
    course, runs = scheme.course(), 4000
    rows = np.arange(course.rows)
    columns = [
        np.broadcast_to(rows[drawn] if isinstance(drawn, slice) else drawn, (runs, size))
        for drawn, size in zip(
            course.draw(runs, np.random.default_rng(1)), course.sizes, strict=True
        )
    ]
    seen = in_order(
        (Fraction(1, runs), tuple(tuple(column[run].tolist()) for column in columns))
        for run in range(runs)
    )
    expected = in_order(course.all_batches())
    assert set(seen) <= set(expected)
    for batches, chance in expected.items():
        spread = (float(chance) * (1 - float(chance)) / runs) ** 0.5
        assert abs(float(seen.get(batches, 0) - chance)) <= 5 * spread


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
@pytest.mark.parametrize("scheme", SCHEMES[:5], ids=label)
def test_any_course_counts_as_the_chances_that_it_is_made_of(scheme, basis):
    """Every kind of course, propagated in its own way, and spelled out as a mixture of fixed ones."""
    course = scheme.course()
    alternatives = course.all_batches()
    if any(len(set(batch)) < len(batch) for _, batches in alternatives for batch in batches):
        course = WithReplacement(N=2, B=1, T=3).course()  # a row twice in a batch is no fixed one
        alternatives = course.all_batches()
    spelled = RandomBatches(alternatives, course.rows)
    propagator = ExactPropagator(Momentum(beta="1/3"), course.updates)
    for diagram in enumerate_diagrams(3):
        forest = update_forest(diagram)
        ours = spelled.embed(propagator, forest, basis)
        assert ours == course.embed(propagator, forest, basis)


@pytest.mark.parametrize(
    ("batches", "rows"),
    [(((0,), ()), 1), (((1,),), 1), (((-1,),), 1), (((0.5,),), 1), ((Batch((1,), (1,)),), 1)],
)
def test_impossible_batches_are_refused(batches, rows):
    for make in (FixedBatches, lambda b, n: RandomBatches(((1, b),), n)):
        with pytest.raises(SamplingError, match=r"^expected [^\n]*$"):
            make(batches, rows)
