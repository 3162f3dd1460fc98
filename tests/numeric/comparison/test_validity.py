"""Which of the two series is to be believed."""

import json
import math

import numpy as np
import pytest

from sgdiagrams.diagrams import RequestError
from sgdiagrams.numeric import Gauss, Helix, Mean, Validity, judge_series
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
