"""Which of the two series is to be believed."""

import json
import math

import numpy as np
import pytest
from measurements import measured

from sgdiagrams.diagrams import RequestError
from sgdiagrams.numeric import Gauss, Helix, Mean, Validity, Values, judge_series
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic import expand


def test_short_runs_are_plain():
    found = judge_series(Gauss().statistics(4), order=4, eta=1e-4, T=5)
    assert found.recommended == "plain"
    assert found.plain_judgement.startswith("trustworthy")
    plain = expand("test-loss", order=4, sampling="one-pass")
    orders = plain.evaluate(Gauss().statistics(4), eta=1e-4, T=5).orders
    assert found.plain == pytest.approx([abs(c) for c in orders])
    assert orders[4] ** 2 / abs(orders[3]) < found.plain_next < 3 * orders[4] ** 2 / abs(orders[3])


def test_long_runs_are_resummed():
    found = judge_series(Gauss().statistics(4), order=4, eta=0.02, T=10_000)
    assert found.recommended == "re-summed"
    assert found.plain_judgement.startswith("diverging")
    assert found.resummed_judgement.startswith("trustworthy: powers of the noise")
    # What order 6 adds has the size that is expected.
    more = expand("test-loss", order=6, sampling="one-pass", resummed=True).at_minimum()
    value = more.stationary().evaluate(Gauss().statistics(6), eta=0.02).value
    less = sum(
        expand("test-loss", order=4, sampling="one-pass", resummed=True)
        .stationary()
        .evaluate(Gauss().statistics(4), eta=0.02)
        .orders
    )
    assert found.resummed_next / 4 < abs(value - less) < 2 * found.resummed_next


@pytest.mark.parametrize("T", [3, 10_000])
def test_a_quadratic_ends(T):
    found = judge_series(Mean().statistics(3), eta=0.1, T=T)
    assert found.recommended == "re-summed"
    assert found.resummed_judgement == "ended: nothing is beyond second derivatives"
    assert found.resummed_next == 0


def test_large_steps_are_for_neither():
    found = judge_series(Gauss().statistics(4), order=4, eta=3.0, T=100)
    assert found.recommended == "neither"
    unstable = judge_series(Gauss().statistics(3), order=3, eta=9.0, T=10_000)
    assert unstable.recommended == "neither"
    assert unstable.resummed_next == math.inf
    assert unstable.to_dict()["resummed_next"] is None


def test_away_from_a_minimum_orders_are_judged():
    away = Gauss().statistics(3)
    samples = dict(away.samples)
    samples[1] = samples[1] + 1.0
    tilted = Statistics.from_samples(samples, role="population", weights=away.weights)
    found = judge_series(tilted, eta=0.01, T=30)
    assert "powers of the distance" in found.resummed_judgement
    resummed = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    assert len(found.resummed) == 3  # complete; three edges are not
    assert found.resummed_next == resummed.evaluate(tilted, eta=0.01, T=30).truncation_error


def test_vectors_and_one_contribution():
    found = judge_series(Helix().statistics(3), observable="displacement", eta=0.05, T=50)
    assert found.resummed[3] > 0
    # One contribution of the plain series; the two that follow are known from the same derivatives.
    fourth = expand("displacement", order=4, sampling="one-pass")
    [grown] = fourth.evaluate(Helix().statistics(4), eta=0.05, T=50).orders[4][2:]
    assert found.plain_judgement.startswith("diverging")
    assert found.plain_next >= abs(grown) > found.plain[3]
    assert found.resummed_judgement.startswith("trustworthy")
    assert found.recommended == "re-summed"


def test_output():
    found = judge_series(Mean().statistics(3), eta=np.array([0.1]), T=10, optimizer="sgd")
    assert isinstance(found, Validity)
    lines = str(found).splitlines()
    assert lines[0] == "test-loss | one-pass B=1 | eta=[0.1], T=10"
    assert lines[1].split() == ["order", "|plain|", "|re-summed|"]
    assert lines[-1] == "recommended: re-summed"
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["recommended"] == "re-summed"
    training = Statistics.from_samples({0: [1.0], 1: [[1.0]], 2: [[[1.0]]]}, role="training-set")
    with pytest.raises(RequestError):
        judge_series(training, observable="training-loss", order=1, eta=0.1, T=1)


def test_tables_have_the_plain_series_alone():
    dense = Gauss().statistics(3)
    expansion = expand("test-loss", order=3, sampling="one-pass")
    table = measured(dense, expansion)
    for eta, recommended in [(1e-4, "plain"), (0.5, "neither")]:
        found = judge_series(table, order=3, eta=eta, T=5)
        alone = expansion.evaluate(table, eta=eta, T=5)
        assert found.plain == pytest.approx([abs(c) for c in alone.orders])
        assert (found.plain_judgement, found.plain_next) == (
            alone.judgement,
            alone.truncation_error,
        )
        assert found.recommended == recommended
    assert found.resummed == ()
    assert "eigenbasis" in str(found)
    assert "|re-summed|" not in str(found)
    data = found.to_dict()
    assert (data["resummed"], data["resummed_judgement"], data["resummed_next"]) == (None,) * 3
    json.dumps(data, allow_nan=False)
    assert (
        judge_series(table, eta=1e-4, T=5).plain
        == judge_series(table, order=3, eta=1e-4, T=5).plain
    )


def test_published_numbers_are_judged():
    values = Values({"l": 1, "G_a G_a": 1.0, "G_a H_ab G_b": 2.0, "M_a|b H_ab": 2.5})
    assert judge_series(values, eta=0.001, T=5).recommended == "plain"
