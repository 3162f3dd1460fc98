"""From a model to numbers with errors: roles, budgets, precision, parts, executors, bad input."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest
from dense_model import DenseModel, KillsOneMeasurer, random_samples

import sgdiagrams as sd
from sgdiagrams.numeric.measurement.foretelling import foretold
from sgdiagrams.numeric.measurement.measuring import measure_model
from sgdiagrams.numeric.measurement.method import Method
from sgdiagrams.numeric.measurement.planning import Plan
from sgdiagrams.numeric.measurement.procedure import Procedure
from sgdiagrams.numeric.measurement.wanted import Wanted

LOSS = sd.expand("test-loss", order=2, sampling="one-pass")
GAP = sd.expand("generalisation-gap", order=2, sampling="epochs")
DISPLACEMENT = sd.expand("displacement", order=2, sampling="one-pass")
AT = {"eta": 0.05, "T": 10}


def model_of_size(size, *, noise=0.2, seed=0, p=2):
    """Return losses whose derivatives scatter around means by `noise`."""
    rng = np.random.default_rng(seed)
    mean = random_samples(rng, 1, p, 3)
    spread = random_samples(rng, size, p, 3)
    return DenseModel({k: mean[k] + noise * spread[k] for k in mean})


def measured_for(model, *expansions, at=None, precision=None, **options):
    return measure_model(model, Wanted.of(expansions, at, precision), **options)


def statistics_of(model, role):
    return sd.Statistics.from_samples(model.samples, role=role)


class TestExactRoles:
    def test_a_population_is_that_of_dense_statistics(self):
        model = model_of_size(6)
        measured = measured_for(model, LOSS, DISPLACEMENT, role="population")
        dense = statistics_of(model, "population")
        for expansion in (LOSS, DISPLACEMENT):
            got = expansion.evaluate(measured, eta=0.1, T=5)
            wanted = expansion.evaluate(dense, eta=0.1, T=5)
            np.testing.assert_allclose(got.value, wanted.value, rtol=1e-12)
            assert not np.any(got.standard_error)
        assert measured.degrees is None
        assert "exact" in measured.method

    def test_a_training_set_is_averaged_over_distinct_tuples(self):
        model = model_of_size(5)
        gap = sd.expand("training-loss", order=2, sampling=sd.Epochs(shuffle="once"))
        measured = measured_for(model, gap, role="training-set")
        numbers = {"N": 5, "B": 1, "E": 2}
        got = gap.evaluate(measured, eta=0.1, **numbers)
        wanted = gap.evaluate(statistics_of(model, "training-set"), eta=0.1, **numbers)
        assert got.value == pytest.approx(wanted.value, rel=1e-12)

    def test_cumulants_come_from_moments(self):
        model = model_of_size(5)
        cumulants = sd.expand("test-loss", order=2, sampling="epochs", basis="cumulant")
        measured = measured_for(model, cumulants, role="population")
        numbers = {"N": 4, "B": 2, "E": 3}
        got = cumulants.evaluate(measured, eta=0.1, **numbers)
        wanted = cumulants.evaluate(statistics_of(model, "population"), eta=0.1, **numbers)
        np.testing.assert_allclose(got.orders, wanted.orders, rtol=1e-11)


class TestDraws:
    def test_what_is_drawn_from_a_population_agrees_with_all_of_it(self):
        model = model_of_size(150)
        exact = measured_for(model, LOSS, role="population")
        drawn = measured_for(model, LOSS, role="population", budget=60, seed=3)
        assert len(drawn.rounds) >= 2
        for contraction in exact.contractions:
            error = drawn.standard_error([(1.0, contraction)])
            assert error > 0
            assert abs(drawn.value(contraction) - exact.value(contraction)) < 4 * error

    def test_the_seed_makes_the_numbers(self):
        model = model_of_size(150)
        one, same, other = (
            measured_for(model, LOSS, role="sample", seed=s).value(LOSS.terms[-1].contraction)
            for s in (1, 1, 2)
        )
        assert one == same != other

    def test_a_sample_has_every_datapoint_in_one_round_at_most(self):
        model = model_of_size(300)
        contractions = Wanted.of(LOSS, None, None).moments
        method = Method.of(
            model, contractions, role="sample", seed=0, budget=None, memory=None, samples=80
        )
        used = np.concatenate([method.datapoints(i).ravel() for i in range(method.rounds)])
        assert method.rounds == 3
        assert len(set(used)) == len(used)

    def test_rounds_end_when_the_precision_is_reached(self):
        model = model_of_size(150)
        options = {"role": "population", "budget": 200.0}
        rough, fine = (
            measured_for(model, LOSS, at=AT, precision=p, **options) for p in (0.2, 0.08)
        )
        assert len(rough.rounds) < len(fine.rounds)
        assert max(Wanted.of(LOSS, AT, 0.08).errors(fine)) <= 0.08

    def test_of_a_large_sample_as_much_is_taken_as_a_precision_needs(self):
        model = model_of_size(2000)
        model.operations = 1e6  # so that it is worth while to save some
        measured = measured_for(model, LOSS, role="sample", at=AT, precision=0.2)
        assert measured.samples < 1000
        assert max(Wanted.of(LOSS, AT, 0.2).errors(measured)) <= 0.2
        assert any("datapoints are enough" in note for note in measured.notes)

    @pytest.mark.parametrize(
        ("errors", "window"),
        [
            ({4: 0.1, 16: 0.1, 32: 0.1}, 4),
            ({4: 0.4, 16: 0.1, 32: 0.08}, 16),
            ({4: 0.9, 16: 0.8, 32: 0.1}, 32),
        ],
    )
    def test_the_window_is_worth_its_cost(self, errors, window):
        model = model_of_size(2000)
        model.operations = 1e6
        moments = Wanted.of(LOSS, None, None).moments
        options = {"role": "sample", "seed": 0, "budget": None, "memory": None}
        method = Method.of(model, moments, **options)

        def error(trial):
            return errors[trial.grouping.window]

        choice = foretold(method, moments, model, 0.01, error)
        assert choice.window == window
        other = Method.of(model, moments, window=choice.window, **options)
        assert other.grouping.window == window
        assert f"windows of {window}" in " ".join(map(other.words_of, moments))

    def test_parts_merge_to_what_one_go_gives(self):
        model = model_of_size(150)
        options = {"role": "population", "budget": 60.0}
        whole = measured_for(model, LOSS, **options)
        parts = [measured_for(model, LOSS, part=(k, 3), **options) for k in (1, 2, 3)]
        assert len(whole.rounds) == sum(len(part.rounds) for part in parts) > 3
        merged = parts[2].merge(parts[0], parts[1])
        for contraction in whole.contractions:
            assert merged.value(contraction) == whole.value(contraction)

    def test_many_rounds_tell_their_spread_themselves(self):
        model = model_of_size(60)
        moments = Wanted.of(LOSS, None, None)
        some = measured_for(model, LOSS, role="population", budget=30.0)
        method = Method.of(
            model, moments.moments, role="population", seed=0, budget=30.0, memory=None
        )
        procedure = Procedure(model, method, moments.numbers, moments.vectors)
        rounds = tuple(map(procedure, range(40)))
        few, many = replace(some, rounds=rounds[:9]), replace(some, rounds=rounds)
        assert few.degrees == 9 * (method.grouping.groups - 1)
        assert many.degrees == 39
        for i, contraction in enumerate(many.contractions):
            values = np.array([entry.values[i] for entry in many.rounds])
            error = many.standard_error([(1.0, contraction)])
            assert error == pytest.approx(values.std(ddof=1) / 40**0.5)
            assert many.value(contraction) == pytest.approx(values.mean())

    def test_an_executor_changes_nothing(self):
        model = model_of_size(150)
        options = {"role": "population", "budget": 60.0, "at": AT, "precision": 0.02}
        alone = measured_for(model, LOSS, **options)
        with ThreadPoolExecutor(3) as pool:
            together = measured_for(model, LOSS, executor=pool, **options)
        assert [r.index for r in alone.rounds] == [r.index for r in together.rounds]
        for contraction in alone.contractions:
            assert together.value(contraction) == alone.value(contraction)

    def test_a_cluster_of_which_a_worker_is_killed_gives_the_same(self, tmp_path):
        distributed = pytest.importorskip("distributed")
        model = KillsOneMeasurer(model_of_size(150).samples, str(tmp_path), os.getpid())
        options = {"role": "population", "budget": 60.0}
        alone = measured_for(model, LOSS, **options)
        assert not (tmp_path / "killed").exists()
        with (
            distributed.LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            together = measured_for(model, LOSS, executor=client.get_executor(), **options)
        assert (tmp_path / "killed").exists()
        assert len(alone.rounds) == len(together.rounds) > 4
        for contraction in alone.contractions:
            assert together.value(contraction) == alone.value(contraction)

    def test_after_an_interrupt_there_is_what_was_measured(self):
        def stop(fraction, _):
            if fraction > 0.3:
                raise KeyboardInterrupt

        model = model_of_size(150)
        measured = measured_for(model, LOSS, role="population", budget=60.0, progress=stop)
        assert not measured.complete
        assert measured.rounds


class TestCheckpoints:
    OPTIONS: ClassVar = {"role": "population", "budget": 60.0}

    def test_what_is_resumed_is_what_one_go_gives(self, tmp_path):
        def stop(fraction, _):
            if fraction > 0.4:
                raise KeyboardInterrupt

        model, path = model_of_size(150), tmp_path / "m.npz"
        whole = measured_for(model, LOSS, **self.OPTIONS)
        begun = measured_for(model, LOSS, checkpoint=path, progress=stop, **self.OPTIONS)
        assert 0 < len(begun.rounds) < len(whole.rounds)
        assert not sd.Measured.load(path).complete
        measured_for(model, LOSS, checkpoint=path, **self.OPTIONS)
        loaded = sd.Measured.load(path)
        assert loaded.complete
        for contraction in whole.contractions:
            assert loaded.value(contraction) == whole.value(contraction)
            term = [(1.0, contraction)]
            assert loaded.standard_error(term) == whole.standard_error(term)

    @pytest.mark.parametrize(
        "change", [{"seed": 5}, {"role": "sample"}, {"part": (1, 2), "seed": 3}, {"budget": 900.0}]
    )
    def test_another_measurement_is_refused(self, tmp_path, change):
        model, path = model_of_size(150), tmp_path / "m.npz"
        measured_for(model, LOSS, checkpoint=path, **self.OPTIONS)
        before = path.read_bytes()
        with pytest.raises(sd.FormatError, match=r"other settings|same measurement"):
            measured_for(model, LOSS, checkpoint=path, **{**self.OPTIONS, **change})
        assert path.read_bytes() == before

    def test_other_data_or_another_model_are_refused(self, tmp_path):
        path = tmp_path / "m.npz"
        measured_for(model_of_size(150), LOSS, checkpoint=path, **self.OPTIONS)
        with pytest.raises(sd.FormatError, match="same"):
            measured_for(model_of_size(150, seed=1), LOSS, checkpoint=path, **self.OPTIONS)


def test_the_plan_says_what_is_done():
    model = model_of_size(40)
    contractions = Wanted.of(LOSS, None, None).moments
    method = Method.of(model, contractions, role="sample", seed=0, budget=None, memory=None)
    plan = Plan.of(method, contractions, model)
    measured = measured_for(model, LOSS, role="sample")
    assert plan.gradients == pytest.approx(measured.gradients)
    assert sum(cost for _, cost in plan.steps) == pytest.approx(plan.gradients)
    assert "H_ab G_b" in str(plan)
    assert plan.to_dict()["rounds"] == 1


class TestBadInput:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"role": "guess"}, "expected a role among"),
            ({"role": "sample", "seed": -1}, "seed=-1"),
            ({"role": "sample", "budget": 0}, "budget > 0"),
            ({"role": "sample", "budget": "much"}, "budget > 0"),
            ({"role": "sample", "budget": 0.01}, "for one round"),
            ({"role": "sample", "part": (3, 2)}, "part=\\(k, n\\)"),
            ({"role": "sample", "memory": 10}, "expected memory"),
        ],
    )
    def test_options(self, options, words):
        with pytest.raises(sd.RequestError, match=words):
            measured_for(model_of_size(30), LOSS, **options)

    def test_too_few_datapoints(self):
        with pytest.raises(sd.StatisticsError, match="at least 4 datapoints"):
            measured_for(model_of_size(3), LOSS, role="sample")

    def test_expansions(self):
        resummed = sd.expand("test-loss", order=1, sampling="one-pass", resummed=True)
        with pytest.raises(sd.RequestError, match="re-summed"):
            Wanted.of(resummed, None, None)
        matrix = sd.expand("second-moment", order=2, sampling="one-pass")
        with pytest.raises(sd.RequestError, match="2 indices"):
            Wanted.of(matrix, None, None)
        with pytest.raises(sd.RequestError, match="at least one expansion"):
            Wanted.of([], None, None)
        with pytest.raises(sd.RequestError, match=r"an expansion.*test-loss"):
            Wanted.of("test-loss", None, None)

    @pytest.mark.parametrize("precision", [0, -1, "0.1", float("nan"), True])
    def test_precision(self, precision):
        with pytest.raises(sd.RequestError, match="relative error"):
            Wanted.of(LOSS, None, precision)

    def test_numbers_of_the_precision(self):
        with pytest.raises(sd.RequestError, match="learning rate in at"):
            Wanted.of(LOSS, {"T": 3}, 0.1)
        with pytest.raises(sd.RequestError, match="none for T"):
            Wanted.of(LOSS, {"eta": 3}, 0.1)

    def test_weight_decay(self):
        one, two = (
            sd.expand("test-loss", order=1, sampling="one-pass", optimizer=sd.SGD(weight_decay=w))
            for w in (Fraction(1, 2), Fraction(1, 3))
        )
        with pytest.raises(sd.RequestError, match="one weight decay"):
            Wanted.of([one, two], None, None)
        assert Wanted.of([one, LOSS], None, None).weight_decay == Fraction(1, 2)

    def test_functions(self):
        expansion = sd.expand(sd.Function("norm"), order=1, sampling="one-pass")
        with pytest.raises(sd.RequestError, match="functions="):
            measured_for(model_of_size(30), expansion, role="sample")
