"""Control variates: no bias at any noise, honest errors, smaller ones, and the same whoever computes."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
from scipy.stats import t as student

from sgdiagrams import (
    SGD,
    Epochs,
    FormatError,
    Function,
    Momentum,
    OnePass,
    RequestError,
    Training,
    WithReplacement,
    model_landscape,
    simulate,
)
from sgdiagrams.numeric.simulation.control import controlled
from sgdiagrams.numeric.simulation.simulation import Simulation

POINTS = np.array([[0.0, 1.0], [1.0, -2.0], [0.5, 4.0]])
DATA = np.random.default_rng(1).standard_normal((30, 4))


def bent(weights, point):
    """A loss that pushes of the size of the weights bend by far."""
    import jax.numpy as jnp

    return jnp.logaddexp(weights * point[0], -weights * point[1]) + 0.1 * weights**2


def softplus(weights, point):
    import jax

    return jax.nn.softplus(-weights @ point) + 0.1 * (weights @ point) ** 2


@pytest.fixture(scope="module")
def tiny():
    pytest.importorskip("jax")
    return model_landscape(bent, np.array(0.7), POINTS)


@pytest.fixture(scope="module")
def ground():
    pytest.importorskip("jax")
    return model_landscape(softplus, np.full(4, 0.5), DATA, name="softplus")


def of_all_training_sets(place, training, eta, **options):
    """Return what is read off from runs on all training sets, and its controls."""
    simulation = Simulation(place, training, **options)
    sets = np.array([*product(range(len(POINTS)), repeat=simulation.rows)])
    rows = [*simulation._course.draw(len(sets), np.random.default_rng(0))]
    batches = [sets[:, r] for r in rows]
    values = simulation.read_off(sets, batches, eta=eta)
    return values, simulation.first_order(eta=eta).of_runs(sets, batches)


@pytest.mark.parametrize("observable", ["test-loss", "training-loss", "generalisation-gap"])
def test_controls_have_mean_zero_over_all_training_sets(tiny, observable):
    for sampling, optimizer in (
        (OnePass(T=3), Momentum(beta=0.5)),
        (Epochs(N=4, B=2, E=2), SGD(weight_decay="1/4")),
    ):
        values, controls = of_all_training_sets(
            tiny, Training(sampling, optimizer), 1.5, observable=observable
        )
        assert abs(controls.mean()) < 1e-14
        # The noise is strong: the first order is far from what runs do.
        assert np.abs(values - values.mean() - controls).max() > 0.1
        assert np.std(controls) > 0.03


def test_coefficients_of_other_runs_leave_the_mean_as_it_is_exactly(tiny):
    """The mean over all triples of training sets, all equally likely, at strong noise."""
    values, controls = of_all_training_sets(tiny, Training(OnePass(T=2)), 1.5)
    means, biased = [], []
    for triple in product(range(len(values)), repeat=3):
        x, d = values[[*triple]], controls[[*triple]]
        means.append(controlled(x, d[None]).mean())
        centred = d - d.mean()
        fitted = centred @ x / (centred @ centred) if centred.any() else 0.0
        biased.append(x.mean() - fitted * d.mean())
    assert np.mean(means) == pytest.approx(values.mean(), rel=1e-13)
    assert abs(np.mean(biased) - values.mean()) > 1e-3  # fitted on the same runs


def test_coefficients_are_least_squares_on_the_other_nine_tenths():
    rng = np.random.default_rng(5)
    d = rng.standard_normal((2, 37))
    x = 3 + np.array([2.0, -1.0]) @ d + rng.standard_normal(37) + d[0] ** 2
    expected = np.empty(37)
    for fold in range(10):
        mine = np.arange(37) % 10 == fold
        table = np.column_stack([np.ones((~mine).sum()), *d[:, ~mine]])
        _, *coefficients = np.linalg.lstsq(table, x[~mine], rcond=None)[0]
        expected[mine] = x[mine] - coefficients @ d[:, mine]
    np.testing.assert_allclose(controlled(x, d), expected, rtol=1e-12)
    # A second control that says the same as the first changes nothing; one that is 0 neither.
    one = controlled(x, d[:1])
    np.testing.assert_allclose(controlled(x, np.array([d[0], 2 * d[0]])), one, rtol=1e-9)
    np.testing.assert_allclose(controlled(x, np.array([0 * d[0], d[0]])), one, rtol=1e-12)
    assert np.array_equal(controlled(x, 0 * d), x)
    x[3] = np.nan
    np.testing.assert_array_equal(controlled(x, d), x)


@pytest.mark.parametrize("eta", [0.1, 0.6])
def test_intervals_hold_the_truth_as_often_as_they_say(ground, eta):
    """400 simulations of 100 runs; the truth from all of them, held against others without controls.

    What controls leave is of second order, and as skew as squares are.
    """
    options = {"sampling": OnePass(T=5, B=2), "eta": eta}
    many = simulate(ground, control=True, runs=40_000, **options)
    truth = simulate(ground, runs=40_000, seed=1, **options)
    assert abs(many.value - truth.value) < 4 * np.hypot(many.standard_error, truth.standard_error)
    parts = many.per_run.reshape(400, 100), many.controls.reshape(400, 100)
    y = np.array([controlled(x, d[None]) for x, d in zip(*parts, strict=True)])
    errors = y.std(axis=1, ddof=1) / 10
    inside = np.abs(y.mean(axis=1) - many.value) < student.ppf(0.95, 99) * errors
    assert 0.85 < inside.mean() < 0.94
    assert np.sqrt((errors**2).mean()) == pytest.approx(y.mean(axis=1).std(), rel=0.1)
    assert errors.mean() < 0.95 * parts[0].std(axis=1).mean() / 10


def test_what_is_gained_is_said(ground):
    plain = simulate(ground, eta=[0.02, 0.2], sampling=OnePass(T=10, B=8), runs=300)
    ours = simulate(ground, eta=[0.02, 0.2], sampling=OnePass(T=10, B=8), runs=300, control=True)
    assert np.array_equal(ours.per_run, plain.per_run)
    assert ours.controls.shape == ours.per_run.shape
    assert not ours.controls.flags.writeable
    assert plain.controls is None
    assert np.array_equal(plain.variance_ratio, [1, 1])
    ratios = ours.variance_ratio
    assert ratios[0] > 50 > ratios[1] > 3
    np.testing.assert_allclose(ours.standard_error, plain.standard_error / np.sqrt(ratios))
    np.testing.assert_allclose(
        ours.value,
        [
            controlled(*pair).mean()
            for pair in zip(ours.per_run, ours.controls[:, None], strict=True)
        ],
    )
    assert np.all(np.abs(ours.value - plain.value) < 4 * plain.standard_error)
    words = " ".join(str(ours).split())
    assert f"variance {round(ratios[0], -1):.0f}, {ratios[1]:.1f} times smaller" in words
    assert "control" not in str(plain)
    points = json.loads(json.dumps(ours.to_dict()))["points"]
    assert [point["variance_ratio"] for point in points] == pytest.approx(ratios)
    assert "variance_ratio" not in plain.to_dict()["points"][0]


def test_differences_of_protocols_are_controlled_by_both(ground):
    options = {"runs": 300, "eta": 0.1, "N": 24, "E": 1}
    one, two = (
        simulate(ground, sampling="reshuffled-epochs", B=B, control=True, **options) for B in (2, 8)
    )
    plain = simulate(ground, sampling="reshuffled-epochs", B=2, **options)
    difference = one - two
    both = np.concatenate([one.controls, two.controls])
    np.testing.assert_array_equal(
        difference.per_run[0], controlled((one.per_run - two.per_run)[0], both)
    )
    mixed = plain - two
    np.testing.assert_array_equal(
        mixed.per_run[0], controlled((one.per_run - two.per_run)[0], two.controls)
    )
    nothing = simulate(ground, sampling="reshuffled-epochs", B=8, **options)
    bare = plain - nothing
    assert difference.standard_error < 0.5 * bare.standard_error
    assert abs(difference.value - bare.value) < 4 * bare.standard_error
    assert (one - one).value == 0


def test_everybody_gets_the_same_and_records_go_on(ground, tmp_path):
    options = {"sampling": WithReplacement(N=9, B=2, T=6), "eta": [0.2, 0.3], "seed": 4}
    whole = simulate(ground, runs=150, control=True, **options)
    with ThreadPoolExecutor(2) as pool:
        there = simulate(ground, runs=150, control=True, executor=pool, **options)
    assert np.array_equal(whole.controls, there.controls)
    assert np.array_equal(whole.value, there.value)
    path = tmp_path / "runs.npz"
    simulate(ground, runs=70, checkpoint=path, **options)  # an old record knows no controls
    assert set(np.load(path)) == {"header", "runs"}
    some = simulate(ground, runs=90, control=True, checkpoint=path, **options)
    assert np.array_equal(some.controls, whole.controls[:, :90])
    simulate(ground, runs=120, checkpoint=path, **options)  # and goes on without
    more = simulate(ground, runs=150, control=True, checkpoint=path, **options)
    assert np.array_equal(more.controls, whole.controls)
    assert np.array_equal(more.per_run, whole.per_run)
    assert set(np.load(path)) == {"header", "runs", "controls"}
    fewer = simulate(ground, runs=40, control=True, checkpoint=path, **options)
    assert np.array_equal(fewer.controls, whole.controls[:, :40])
    entries = dict(np.load(path))
    entries["controls"][0, 0] += 1e-9
    np.savez(path, **entries)
    with pytest.raises(FormatError, match="changed or damaged"):
        simulate(ground, runs=150, control=True, checkpoint=path, **options)


def test_interrupted_before_and_among_the_runs(ground, monkeypatch):
    options = {"sampling": OnePass(T=4), "eta": 0.2, "runs": 100, "control": True}
    seen = []

    def stop(_, words):
        seen.append(words)
        if "runs" in words:
            raise KeyboardInterrupt

    monkeypatch.setattr(type(ground), "runs_at_once", lambda *_: 40)
    part = simulate(ground, progress=stop, **options)
    assert (part.complete, part.per_run.shape, part.controls.shape) == (False, (1, 40), (1, 40))
    assert seen == ["the noiseless run, for control variates", "40 of 100 runs"]
    whole = simulate(ground, **options)
    assert np.array_equal(part.controls, whole.controls[:, :40])

    def stop_at_once(*_):
        raise KeyboardInterrupt

    none = simulate(ground, progress=stop_at_once, **options)
    assert (none.complete, none.per_run.shape, none.controls.shape) == (False, (1, 0), (1, 0))
    assert np.isnan(none.value)
    assert np.isinf(none.standard_error)


def test_where_runs_diverge_nothing_is_said():
    pytest.importorskip("jax")
    place = model_landscape(lambda w, x: (w * x) ** 4, np.array(0.4), np.array([1.0, 1.0, 6.0]))
    wild = simulate(place, sampling=OnePass(T=5), eta=0.01, runs=50, control=True)
    assert wild.diverged > 0
    assert np.isnan(wild.value)
    assert np.isnan(wild.variance_ratio)
    assert "diverged" in str(wild)


def test_functions_of_the_weights_need_their_gradients(ground):
    options = {"sampling": OnePass(T=4), "eta": 0.2, "runs": 60, "control": True}
    named = "sum"

    def value(theta):
        return theta.sum(axis=1) ** 2

    def derivatives(theta, k):
        return theta.sum() ** 2 if k == 0 else 2 * theta.sum() * np.ones(4)

    known = Function(named, value=value, derivatives=derivatives)
    assert simulate(ground, observable=known, **options).variance_ratio > 5
    with pytest.raises(RequestError, match="the gradient of the function sum"):
        simulate(ground, observable=Function(named, value=value), **options)


def test_what_has_no_control_is_refused_in_one_line(ground):
    options = {"sampling": OnePass(T=4), "eta": 0.2, "runs": 60, "control": True}
    with pytest.raises(RequestError, match=r"expected a mean for a control variate.*variance"):
        simulate(ground, observable="variance", **options)
    with pytest.raises(RequestError, match=r"the landscape of a model.*'gauss'"):
        simulate("gauss", **options)
    with pytest.raises(RequestError, match="control"):
        simulate(ground, **(options | {"control": "yes"}))
