"""The adjoint of a noiseless run against finite differences of runs in NumPy whose noise is scaled."""

import numpy as np
import pytest

from sgdiagrams import (
    SGD,
    Delayed,
    Epochs,
    Function,
    Grid,
    Momentum,
    Nesterov,
    OnePass,
    RequestError,
    ScheduleFree,
    StatisticsError,
    TailAverage,
    Training,
    WithReplacement,
    model_landscape,
)
from sgdiagrams.numeric.descent import Descent
from sgdiagrams.numeric.landscapes.digits import Digits
from sgdiagrams.numeric.models.choice import model_of
from sgdiagrams.numeric.noiseless import noiseless_run
from sgdiagrams.numeric.noiseless.first_order import FirstOrder
from sgdiagrams.numeric.noiseless.noiseless_run import NoiselessRun, RunState
from sgdiagrams.numeric.noiseless.reading import Reading
from sgdiagrams.numeric.simulation.simulation import Simulation
from sgdiagrams.symbolic.observable import Observable, Product
from sgdiagrams.symbolic.training.average import ExponentialAverage

N, P = 12, 4
IMAGES = Digits(components=3).signed_images[:N]
TEST_IMAGES = Digits(components=3).signed_images[N : N + 5]
START = np.random.default_rng(0).standard_normal(P)
ETA = 0.7
FACTORS = [1, 0.5, 2, 0.25, 1.5, 0.75]


def loss(weights, image):
    import jax

    return jax.nn.softplus(-weights @ image)


def torch_loss(weights, image):
    import torch

    return torch.nn.functional.softplus(-(weights[0] @ image))


def ground(**options):
    pytest.importorskip("jax")
    return model_landscape(loss, START, IMAGES, **options)


def losses(theta, images):
    return np.logaddexp(0, -theta @ images.T)


def gradients(theta, images):
    """Return the gradients of single datapoints, shape (R, n, p)."""
    return -images / (1 + np.exp(theta @ images.T))[:, :, None]


def tilt(theta):
    return np.sin(theta[:, 0]) * theta[:, 1]


def tilt_derivatives(theta, k):
    a, b = theta[:2]
    return np.sin(a) * b if k == 0 else np.array([np.cos(a) * b, np.sin(a), 0, 0])


TILT = Function("tilt", value=tilt, derivatives=tilt_derivatives)
MIXED = Observable(
    "mixed",
    r"\mathrm{mixed}",
    "E[mixed]",
    (Product(1, (("loss", "tilt", "weights"),)), Product(-2, (("weights", "training-loss"),))),
    given=TILT.given,
)
SQUARE = Observable("square", "s", "E[s]", (Product(3, (("training-loss", "loss"),)),))


def read_off(observable, component, end, before, data, test):
    """Return what is read off from every run, from the definition."""

    def value(factor, theta):
        return {
            "loss": lambda: losses(theta, test).mean(axis=1),
            "training-loss": lambda: np.take_along_axis(losses(theta, IMAGES), data, 1).mean(
                axis=1
            ),
            "tilt": lambda: tilt(theta),
        }[factor]()

    total = 0
    for product in observable.products:
        (factors,) = product.expectations
        scalars = [f for f in factors if f != "weights"]
        after = np.prod([value(f, end) for f in scalars] or [[1]], axis=0)
        if len(scalars) < len(factors):
            part = after * np.prod((end - before)[:, list(component)], axis=1)
        else:
            part = after - np.prod([value(f, before) for f in scalars], axis=0)
        total = total + product.sign * part
    return total


def witness(training, observable, component, data, rows, test=IMAGES):
    """Return values and derivatives by the factor of all noise, by finite differences."""
    points = (training.updates, observable.since) if observable.since else (training.updates,)
    descent = Descent.of(training, points=tuple(map(int, points)))
    R, h = len(data), 1e-3
    start = np.tile(START, (R, 1))
    batches = [data[np.arange(R)[:, None], r] if np.ndim(r) == 2 else data[:, r] for r in rows]

    def run(noise):
        def gradient(theta, batch):
            all_of_them = gradients(theta, IMAGES)
            mean = all_of_them.mean(axis=1)
            own = np.take_along_axis(all_of_them, batch[:, :, None], 1).mean(axis=1)
            return mean + noise * (own - mean)

        end, *earlier = descent.follow(gradient, start, batches, eta=ETA)
        before = earlier[0] if earlier else start
        # The training loss as the root: l + noise (mean of the set - l).
        own = read_off(observable, component, end, before, data, test)
        everyone = np.tile(np.arange(N), (R, 1))
        whole = read_off(observable, component, end, before, everyone, test)
        return whole + noise * (own - whole)

    near, far = (run(k * h) - run(-k * h) for k in (1, 2))
    return run(0), (8 * near - far) / (12 * h)


PROTOCOLS = [
    (OnePass(T=6, B=2), SGD()),
    (OnePass(T=6), Nesterov(beta=0.5, schedule=FACTORS, average=TailAverage(2))),
    (Epochs(N=6, B=2, E=2), SGD(schedule=FACTORS, weight_decay="1/10")),
    (
        Epochs(N=6, B=2, E=2, shuffle="every-epoch"),
        Momentum(beta=0.9, schedule=FACTORS, schedule_scales="gradient", weight_decay="1/5"),
    ),
    (OnePass(T=6), Momentum(beta=0.5, schedule=FACTORS, decoupled_decay="1/5")),
    (OnePass(T=6), ScheduleFree(beta=0.75, schedule=FACTORS, weight_decay="1/5")),
    (Epochs(N=6, B=2, E=2), Delayed(d=2, inner=Momentum(beta=0.5), average=TailAverage(2))),
    (Epochs(N=6, B=6, E=5), SGD(average=ExponentialAverage(0.5))),
    (WithReplacement(N=3, B=2, T=6), Momentum(beta=0.5, average=TailAverage())),
    (Grid([[0, 1], [3], [0, 1, 2], [2], [0], [3, 1]], N=5), Momentum(beta=0.3)),
]
OBSERVABLES = [
    ("test-loss", None),
    ("training-loss", None),
    ("generalisation-gap:since=2", None),
    ("displacement", 2),
    ("second-moment:since=2", (0, 3)),
    (TILT, None),
    (SQUARE, None),
    (MIXED, 1),
]


@pytest.mark.parametrize(
    ("sampling", "optimizer"), PROTOCOLS, ids=lambda item: item.label.replace(" ", "-")
)
def test_first_orders_are_finite_differences(sampling, optimizer):
    training, place = Training(sampling, optimizer), ground(test_data=TEST_IMAGES)
    for name, component in OBSERVABLES:
        simulation = Simulation(place, training, observable=name, component=component)
        first = simulation.first_order(eta=ETA)
        data, _ = simulation._drawn(0, 10, 3)
        ours = simulation.controls(first, first=0, runs=10, seed=3)
        rng = np.random.default_rng((3, 0, 1))
        rows = [r if np.ndim(r) < 2 else r[:10] for r in simulation._course.draw(64, rng)]
        value, slope = witness(
            training, simulation._observable, simulation.component, data, rows, TEST_IMAGES
        )
        np.testing.assert_allclose(first.value, value, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(ours, slope, rtol=1e-8, atol=1e-10)
        assert np.abs(slope).max() > 1e-4
        assert np.abs(first.table.sum(axis=1)).max() < 1e-14


def jax_model(kind=np.float64):
    pytest.importorskip("jax")
    return model_of(loss, START.astype(kind), IMAGES)


READING = Reading(((2, ("loss",)), (-1, ("training-loss",))))


def descent_of(optimizer, updates=23):
    return Descent.of(Training(OnePass(T=updates), optimizer), points=(updates, 5))


HEAVY = Momentum(beta=0.8, average=TailAverage(3), weight_decay="1/20")


class Counted:
    """A state that tells how many of them there are, and were at most."""

    alive = most = 0

    def __init__(self, vectors):
        self.vectors = vectors
        Counted.alive += 1
        Counted.most = max(Counted.most, Counted.alive)

    def __del__(self):
        Counted.alive -= 1


@pytest.mark.parametrize("room", [0, 1, 2, 3, 5, 8, 21, 22, 40])
def test_states_are_kept_within_the_memory_and_nothing_changes(room, monkeypatch):
    model, descent = jax_model(), descent_of(HEAVY)
    whole = [*NoiselessRun.of(model, descent, eta=0.5).states()]
    monkeypatch.setattr(noiseless_run, "RunState", Counted)
    monkeypatch.setattr(Counted, "most", 0)
    run = NoiselessRun.of(model, descent, eta=0.5, memory=(room + 4) * 2 * P * 8)
    assert run.room == room
    passed = run.forward()
    assert len(passed.kept) <= room + 1
    backward = run.backward(passed)
    for t in reversed(range(23)):
        place, theta = next(backward)
        assert place == t
        np.testing.assert_array_equal(theta, run.read(t, whole[t]))
    assert [*backward] == []
    # The first state, those that there is room for, and two at work.
    assert Counted.most <= min(room, 22) + 3


def test_many_updates_need_few_states_and_few_passes():
    """Half of the room at every level: about (k/2)^2 updates with one more pass."""
    model, T = jax_model(), 400
    descent = descent_of(SGD(), T)
    made = 0

    class Counting(NoiselessRun):
        def _updated(self, state, _):
            nonlocal made
            made += 1
            return RunState(state.vectors)

    run = Counting(model, descent, descent.updates, 0.1, 42)
    assert [t for t, _ in run.backward(run.forward())] == [*range(T)][::-1]
    assert made <= 2 * T
    made, run = 0, Counting(model, descent, descent.updates, 0.1, 12)
    assert [t for t, _ in run.backward(run.forward())] == [*range(T)][::-1]
    assert made <= 4 * T


def test_tables_are_the_same_in_pytorch_and_about_the_same_in_single_precision():
    torch = pytest.importorskip("torch")
    descent = descent_of(HEAVY)
    mine = FirstOrder.of(jax_model(), descent, READING, eta=0.5)
    theirs = model_of(torch_loss, [torch.tensor(START)], IMAGES)
    other = FirstOrder.of(theirs, descent, READING, eta=0.5)
    np.testing.assert_allclose(other.table, mine.table, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(other.rows, mine.rows, rtol=1e-10, atol=1e-15)
    single = FirstOrder.of(jax_model(np.float32), descent, READING, eta=0.5)
    np.testing.assert_allclose(single.table, mine.table, rtol=1e-3, atol=1e-6)
    assert single.table.dtype == np.float64
    assert np.abs(single.table - mine.table).max() > 0


def test_what_cannot_be_is_refused_in_one_line():
    model, descent = jax_model(), descent_of(SGD())
    with pytest.raises(RequestError, match="T=23 times n=12"):
        FirstOrder.of(model, descent, READING, eta=0.5, memory=8 * 23 * 12 - 1)
    FirstOrder.of(model, descent, READING, eta=0.5, memory=8 * 23 * 12)
    steep = model_of(lambda w, x: (w @ x) ** 4, START, IMAGES)
    with pytest.raises(StatisticsError, match=r"at eta=50\.0 it does not after [1-9] of 23"):
        FirstOrder.of(steep, descent, READING, eta=50)
