"""Measurements as tables: combination of rounds, cumulants, merging, printing."""

import math
import pickle
from dataclasses import replace
from itertools import permutations

import numeric_slow as slow
import numpy as np
import pytest
from measurements import measured, needed, round_of

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.numeric.measurement.measured import Measured
from sgdiagrams.numeric.measurement.rounds import Round
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.symbolic.algebra.conversions import in_cumulants, in_moments
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.theorem import expand

EXPANSION = expand("test-loss", order=2, sampling="one-pass")
SHIFT = expand("displacement", order=2, sampling="one-pass")
SCALARS, VECTORS = needed(EXPANSION, SHIFT)
NONE = np.zeros((0, 0))


def sample(seed=0, *, n=6, p=2, role="sample"):
    arrays = slow.symmetric_samples(seed, n=n, p=p, orders=range(4))
    return Statistics({k: np.asarray(a, dtype=float) for k, a in arrays.items()}, role)


def measurement(*rounds, role="sample", **more):
    return Measured(tuple(SCALARS), rounds, role, 30, 2, tuple(VECTORS), **more)


def one_round(values, deviations, *, seed=0, index=0, samples=10, gradients=1.0):
    vectors = np.zeros((0, 0)), np.zeros((len(deviations), 0, 0))
    values, deviations = np.array(values, float), np.array(deviations, float)
    return Round(seed, index, samples, gradients, values, deviations, *vectors)


def table(*rounds, role="sample", count=2):
    contractions = (Contraction.build([], [[0]]), Contraction.build([(0, 1)], [[0], [1]]))
    return Measured(contractions[:count], rounds, role, 30, 2)


def test_rounds_are_averaged_by_samples_and_errors_add_in_squares():
    one = one_round([1.0, 2.0], [[0.3, 0.1], [-0.3, 0.1]], samples=10)
    two = one_round([4.0, 8.0], [[0.6, 0.0], [0.0, 0.2]], index=1, samples=20)
    both = table(one, two)
    loss, square = both.contractions
    assert both.value(loss) == pytest.approx(3.0)
    assert both.value(square) == pytest.approx(6.0)
    expected = sum(
        (n / 30 * (2 * d[0] - d[1])) ** 2
        for n, part in [(10, one), (20, two)]
        for d in part.deviations
    )
    terms = [(2.0, loss), (-1.0, square)]
    assert both.standard_error(terms) == pytest.approx(math.sqrt(expected))
    assert (both.degrees, both.samples, both.gradients) == (2, 30, 2.0)


def test_seeds_on_one_sample_share_its_luck():
    """The same datapoints drawn twice are no more datapoints; of a distribution they are."""
    rounds = [one_round([1.0], [[0.3], [-0.4]], seed=seed) for seed in (1, 2)]
    for role, expected in [("sample", 0.5), ("population", 0.5 / math.sqrt(2))]:
        both = table(*rounds, role=role, count=1)
        assert both.standard_error([(1.0, both.contractions[0])]) == pytest.approx(expected)
    assert table(*rounds, count=1).degrees == 1
    assert table(*rounds, role="population", count=1).degrees == 2


def test_degrees_of_seeds_are_those_of_their_average_error():
    """The spread of an error is (2 degrees)^(-1/2) of it; that of an average the average."""
    few = one_round([1.0], np.ones((2, 1)), seed=1, samples=30)
    many = one_round([1.0], np.ones((17, 1)), seed=2, samples=10)
    assert table(few, count=1).degrees == 1
    assert table(many, count=1).degrees == 16
    spread = 0.75 / math.sqrt(1) + 0.25 / math.sqrt(16)
    assert table(few, many, count=1).degrees == math.floor(spread**-2) == 1
    more = one_round([1.0], np.ones((9, 1)), seed=1, samples=10)
    assert table(more, many, count=1).degrees == math.floor((0.5 / 8**0.5 + 0.5 / 4) ** -2) == 10


def test_what_is_exact_has_no_error_and_no_degrees():
    exact = table(one_round([1.0, 2.0], np.zeros((0, 2))), role="population")
    assert exact.standard_error([(1.0, exact.contractions[0])]) == 0
    assert exact.degrees is None


def test_cumulants_come_from_moments():
    dense = sample()
    cumulants = expand("test-loss", order=3, sampling="one-pass", basis="cumulant")
    table_of_moments = measured(dense, cumulants)
    evaluator = Evaluator(dense)
    for term in cumulants.terms:
        c = term.contraction
        assert table_of_moments.value(c) == pytest.approx(evaluator.value(c), rel=1e-9)
        error = evaluator.standard_error([(1, c)])
        assert table_of_moments.standard_error([(1.0, c)]) == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_changes_of_basis_undo_each_other(basis):
    for term in expand("test-loss", order=3, sampling="one-pass", basis=basis).terms:
        there, back = (in_cumulants, in_moments)[:: 1 if basis == "moment" else -1]
        total: dict = {}
        for other, factor in there(term.contraction).items():
            for contraction, number in back(other).items():
                total[contraction] = total.get(contraction, 0) + factor * number
        assert {c: f for c, f in total.items() if f} == {term.contraction: 1}


def test_vectors_have_values_and_errors_by_weight():
    dense = sample()
    both = measured(dense, EXPANSION, SHIFT)
    evaluator = Evaluator(dense)
    for c in both.vector_contractions:
        np.testing.assert_allclose(both.value(c), evaluator.value(c), rtol=1e-12)
        error = evaluator.standard_error([(1, c)])
        np.testing.assert_allclose(both.standard_error([(1.0, c)]), error, rtol=1e-9)


def parts_of_a_measurement():
    """Four parts, one of which two machines have measured."""
    rounds = [
        round_of(sample(10 * seed + index), SCALARS, VECTORS, seed=seed, index=index)
        for seed, index in [(0, 0), (0, 1), (3, 0), (3, 2)]
    ]
    a, b, c, d = rounds
    again = Round(**{name: getattr(b, name) for name in Round.__slots__} | {"gradients": 7.0})
    groups = [(a, b), (again, c), (d,), ()]
    words = [("in one go", (1.0,)), ("in parts", (1.00001,)), ("in parts", (1.0,)), ("", (2.0,))]
    words[3] = ("", (0.99999,))
    return [
        measurement(*group, method=method, model_probe=probe, notes=(f"part {i}",))
        for i, (group, (method, probe)) in enumerate(zip(groups, words, strict=True))
    ]


def key(one):
    return (
        [(p.seed, p.index, p.samples, p.gradients, p.values.tobytes()) for p in one.rounds],
        [one.value(c) for c in one.contractions],
        [one.value(c).tobytes() for c in one.vector_contractions],
        one.standard_error([(float(i + 1), c) for i, c in enumerate(one.contractions)]),
        (one.method, one.model_probe, one.notes, one.degrees, one.gradients),
    )


def test_merging_knows_no_order_and_no_grouping():
    parts = parts_of_a_measurement()
    whole = key(parts[0].merge(*parts[1:]))
    assert len(whole[0]) == 4
    for first, *others in permutations(parts):
        assert key(first.merge(*others)) == whole
        left = first.merge(others[0])
        right = others[1].merge(others[2])
        assert key(left.merge(right)) == whole
    assert key(parts[0].merge(parts[0])) == key(parts[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"role": "population"}, "role='sample' and 'population'"),
        ({"data_digest": "other"}, "data_digest"),
        ({"dtype": "float32"}, "dtype"),
        ({"has_metric": True}, "has_metric"),
        ({"model_probe": (1.001,)}, "models that differ"),
        ({"model_probe": (1.0, 2.0)}, "models that differ"),
        ({"contractions": tuple(SCALARS[::-1])}, "same contractions"),
    ],
)
def test_what_does_not_belong_together_is_not_merged(change, words):
    one = measurement(model_probe=(1.0,))
    with pytest.raises(StatisticsError, match=words) as refused:
        one.merge(replace(one, **change))
    assert "\n" not in str(refused.value)


def test_one_round_has_one_set_of_numbers():
    one = table(one_round([1.0, 2.0], np.zeros((0, 2))))
    other = table(one_round([1.0, 2.5], np.zeros((0, 2))))
    with pytest.raises(StatisticsError, match="got two"):
        one.merge(other)
    with pytest.raises(StatisticsError, match="measurements to merge"):
        one.merge(5)


@pytest.mark.parametrize(
    "rounds",
    [
        [one_round([1.0], [[0.1]])],
        [one_round([1.0, math.nan], [[0.1, 0.1]])],
        [one_round([1.0, 2.0], [[0.1, math.inf]])],
        [one_round([1.0, 2.0], [[0.1]])],
        [one_round([1.0, 2.0], [[0.1, 0.2]], samples=0)],
    ],
)
def test_rounds_are_checked(rounds):
    with pytest.raises(StatisticsError, match="expected"):
        table(*rounds)


def test_contractions_are_checked():
    loss = Contraction.build([], [[0]])
    tied = Contraction.build([(0, 1)], [[0, 1]], basis="cumulant")
    free = Contraction.build([], [[0]], free=[0])
    for wrong in [(tied,), (free,), (loss, loss), (free.with_metric("eta"),)]:
        with pytest.raises(StatisticsError, match="expected"):
            Measured(wrong, (), "sample", 30, 2)
    with pytest.raises(StatisticsError, match="role"):
        Measured((loss,), (), "nobody", 30, 2)


def test_a_measurement_that_was_not_begun_says_so():
    empty = table()
    with pytest.raises(StatisticsError, match="not begun"):
        empty.value(empty.contractions[0])
    assert "-" in str(empty)
    assert empty.to_dict()["contractions"]["l"]["value"] is None


def test_it_prints_as_a_table():
    one = table(one_round([1.0, 2.0], [[0.3, 0.1], [-0.3, 0.1]]))
    text = str(replace(one, methods=("each datapoint", "8 groups"), notes=("a note",)))
    assert text.split("\n") == [
        "sample of 30 | 2 weights | jax float64",
        "contraction  value    +-  method",
        "l                1  0.42  each datapoint",
        "G_a G_a          2  0.14  8 groups",
        "1 round, 1 gradient",
        "a note",
    ]
    assert "interrupted" in str(replace(one, complete=False))
    assert repr(one) == "<Measured: sample of 30, 2 weights, 2 contractions, 1 round>"
    assert "<table" in one._repr_html_()
    data = one.to_dict()
    assert data["contractions"]["G_a G_a"]["value"] == 2.0
    assert data["degrees_of_freedom"] == 1


def test_it_pickles():
    one = measured(sample(), EXPANSION, SHIFT)
    again = pickle.loads(pickle.dumps(one))  # noqa: S301
    assert key(again) == key(one)
