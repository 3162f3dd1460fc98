"""What a round measures: held against dense tensors, and against all permutations of few datapoints."""

from itertools import combinations, permutations

import numpy as np
import pytest
from dense_model import DenseModel, random_samples

import sgdiagrams as sd
from sgdiagrams.numeric.sweeps.designs import Cells, Grouping, best_grouping, leave_out_factors
from sgdiagrams.numeric.sweeps.routes import Routes, block_count
from sgdiagrams.numeric.sweeps.sweep import Sweep
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.symbolic import Contraction

NUMBERS = ("test-loss", "training-loss", "variance")


def contractions(order, observables, *, optimizer="sgd"):
    """Return the contractions of all expansions, in moments."""
    expansions = [
        sd.expand(o, order=order, sampling=s, optimizer=optimizer, basis="moment")
        for o in observables
        for s in ("one-pass", "epochs")
    ]
    return list(dict.fromkeys(t.contraction for e in expansions for t in e.terms))


def is_close(got, wanted, tolerance=1e-10):
    return np.max(np.abs(got - wanted)) <= tolerance * max(1.0, float(np.max(np.abs(wanted))))


class TestAllDatapoints:
    """Population values: every contraction of order 4 and less."""

    def test_every_contraction_is_that_of_dense_tensors(self):
        samples = random_samples(np.random.default_rng(0), 5, 3, 5)
        dense = Evaluator(sd.Statistics.from_samples(samples, role="population"))
        numbers, vectors = contractions(4, NUMBERS), contractions(4, ["displacement"])
        assert len(numbers) > 150
        check_all(dense, DenseModel(samples), numbers, vectors)

    def test_functions_penalties_and_learning_rates(self):
        rng = np.random.default_rng(1)
        samples = random_samples(rng, 4, 2, 4)
        given = random_samples(rng, 1, 2, 4)
        function = {"norm": {k: array[0] for k, array in given.items()}}
        start, eta = rng.normal(size=2), np.array([[0.5, 0.2], [0.2, 0.3]])
        statistics = sd.Statistics.from_samples(
            samples, role="population", functions=function, start=start
        )
        dense = Evaluator(statistics, eta, weight_decay=0.3)
        decayed = sd.SGD(weight_decay="3/10")
        numbers = contractions(3, ["test-loss", sd.Function("norm")], optimizer=decayed)
        vectors = contractions(3, ["displacement"], optimizer=decayed)
        assert any("penalised-loss" in c.labels for c in numbers)
        model = DenseModel(samples, function, weight_decay=0.3, start=start, metric=eta)
        check_all(dense, model, numbers, vectors)


def check_all(dense, model, numbers, vectors):
    grouping = Grouping(1, model.size)
    routes = Routes.of([*numbers, *vectors], grouping)
    sweep = Sweep(model, grouping, np.arange(model.size)[None, :], routes)
    for kind, (values, deviations) in (
        (numbers, sweep.numbers(numbers)),
        (vectors, sweep.vectors(vectors)),
    ):
        assert deviations.shape[0] == 0
        for value, contraction in zip(values, kind, strict=True):
            assert is_close(value, dense.value(contraction)), contraction


@pytest.mark.parametrize(
    ("size", "groups", "order", "window", "pairings"),
    [(5, 5, 3, 1, 1), (6, 3, 2, 2, 2), (4, 2, 1, 1, 1)],
)
def test_the_mean_over_all_permutations_is_that_over_distinct_datapoints(
    size, groups, order, window, pairings
):
    samples = random_samples(np.random.default_rng(size), size, 2, order + 1)
    dense = Evaluator(sd.Statistics.from_samples(samples, role="training-set"))
    numbers = [c for c in contractions(order, NUMBERS) if block_count(c) <= groups]
    vectors = [c for c in contractions(order, ["displacement"]) if block_count(c) <= groups]
    grouping = Grouping(groups, size // groups, 1, window, pairings)
    model = DenseModel(samples)
    routes = Routes.of([*numbers, *vectors], grouping)
    total, total_vector, runs = 0.0, 0.0, 0
    for order_of_rows in permutations(range(size)):
        rows = np.array(order_of_rows).reshape(groups, -1)
        sweep = Sweep(model, grouping, rows, routes)
        total = total + sweep.numbers(numbers)[0]
        total_vector = total_vector + sweep.vectors(vectors)[0]
        runs += 1
    for contraction, value in zip(numbers, total / runs, strict=True):
        assert is_close(value, dense.value(contraction)), contraction
    for contraction, value in zip(vectors, total_vector / runs, strict=True):
        assert is_close(value, dense.value(contraction)), contraction


def test_vectors_times_other_trees_are_unbiased_too():
    samples = random_samples(np.random.default_rng(0), 5, 2, 3)
    dense = Evaluator(sd.Statistics.from_samples(samples, role="training-set"))
    vectors = [
        Contraction.build([], [[0], [1]], free=[0]),
        Contraction.build([(1, 2)], [[0], [1], [2]], free=[0]),
        Contraction.build([(0, 1)], [[0], [1], [2]], free=[0]),
        Contraction.build([], [[0, 1]], free=[0]),
    ]
    grouping = Grouping(5, 1, 1, 1, 1)
    routes = Routes.of(vectors, grouping)
    model, total = DenseModel(samples), 0.0
    for order_of_rows in permutations(range(5)):
        sweep = Sweep(model, grouping, np.array(order_of_rows)[:, None], routes)
        total = total + sweep.vectors(vectors)[0]
    for contraction, value in zip(vectors, total / 120, strict=True):
        assert is_close(value, dense.value(contraction)), contraction


class TestDesigns:
    def test_the_places_of_a_design_are_distinct_and_balanced(self):
        grouping = Grouping(7, 2, columns=3)
        group, column = np.repeat(np.arange(7), 3), np.tile(np.arange(3), 7)
        masks = [int(mask) for mask in grouping.mask(group, 4, column)]
        assert all(mask.bit_count() == 4 for mask in masks)
        assert [sum(mask >> g & 1 for mask in masks) for g in range(7)] == [12] * 7
        both = [(1 << g) | (1 << h) for g, h in combinations(range(7), 2)]
        # Every pair of groups meets equally often.
        assert {sum(mask & pair == pair for mask in masks) for pair in both} == {6}

    def test_of_a_complete_design_it_is_the_plain_jackknife(self):
        masks = np.array([(1 << g) | (1 << h) for g, h in combinations(range(5), 2)], np.uint64)
        values = np.random.default_rng(0).normal(size=10)
        mean, deviations = leave_out_factors(masks, 5)
        left_out = [values[(masks >> np.uint64(g)) & np.uint64(1) == 0].mean() for g in range(5)]
        plain = 4 / 5 * np.sum((left_out - np.mean(left_out)) ** 2)
        assert mean @ values == pytest.approx(values.mean())
        assert np.sum((deviations @ values) ** 2) == pytest.approx(plain)

    @pytest.mark.parametrize(("columns", "count"), [(1, 2), (1, 3), (2, 3), (3, 4), (5, 5)])
    def test_the_error_of_what_is_linear_in_the_groups_is_right(self, columns, count):
        grouping = Grouping(11, 1, columns=columns)
        group, column = np.repeat(np.arange(11), columns), np.tile(np.arange(columns), 11)
        masks = grouping.mask(group, count, column)
        inside = np.array([[int(m) >> g & 1 for g in range(11)] for m in masks], float)
        mean, deviations = leave_out_factors(masks, 11)
        # Independent numbers of the groups, of variance 1: variances are sums of squared coefficients.
        right = np.sum((mean @ inside) ** 2)
        assert np.sum((deviations @ inside) ** 2) == pytest.approx(right)

    def test_a_group_in_all_cells_has_no_error(self):
        _, deviations = leave_out_factors(np.array([3, 5], np.uint64), 3)
        assert np.isinf(deviations).all()

    def test_products_of_cells_have_no_group_twice(self):
        one = Cells(np.array([1, 2, 4], np.uint64), np.array([1.0, 10.0, 100.0]))
        product = one.times(Cells(np.array([1, 4], np.uint64), np.array([3.0, 5.0])))
        assert sorted(product.values) == [5.0, 30.0, 50.0, 300.0]

    def test_of_very_many_products_some_are_taken_the_same_every_time(self):
        masks = np.arange(1, 2001, dtype=np.uint64)
        many = Cells(masks, np.ones(2000))
        other = Cells(masks << np.uint64(11), np.ones(2000))
        first, second = many.times(other), many.times(other)
        assert 0 < len(first.values) <= 2**19
        assert (first.masks == second.masks).all()

    def test_groups_are_prime_and_leave_over_little(self):
        for samples in range(7, 400):
            for blocks in (2, 4, 5):
                groups, size = best_grouping(samples, blocks)
                assert groups >= blocks
                assert 0 < groups * size <= samples
        assert best_grouping(1, 2) == (0, 0)
