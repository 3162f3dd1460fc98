"""Optax and PyTorch as judges: one order of batches, their optimisers and schedules, our descents."""

import numpy as np
import pytest

from sgdiagrams import (
    SGD,
    Cosine,
    Delayed,
    Exponential,
    Grid,
    LookAhead,
    Momentum,
    Nesterov,
    Polynomial,
    ScheduleFree,
    Step,
    Training,
    WarmUp,
)
from sgdiagrams.numeric.descent import Descent
from sgdiagrams.numeric.model_landscapes.landscape_of_model import model_landscape
from sgdiagrams.symbolic.training.average import ExponentialAverage

rng = np.random.default_rng(2)
INPUTS, LABELS = rng.standard_normal((9, 3)), rng.integers(2, size=9)
ETA = 0.3
GRID = Grid([[0, 1], [4], [8, 2, 3], [5], [7, 6], [1, 0], [3]], N=9)
T = 7
START = {
    "first": rng.standard_normal((2, 3)) / 2,
    "second": rng.standard_normal((2, 2)) / 2,
}


def loss_in_jax(weights, point):
    import jax

    x, label = point
    scores = weights["second"] @ jax.numpy.tanh(weights["first"] @ x)
    return jax.nn.logsumexp(scores) - scores[label]


def loss_in_torch(weights, point):
    import torch

    x, label = point
    scores = weights["second"] @ torch.tanh(weights["first"] @ x)
    return torch.nn.functional.cross_entropy(scores[None], label[None])


@pytest.fixture(scope="module")
def jax_ground():
    pytest.importorskip("optax")
    return model_landscape(loss_in_jax, START, (INPUTS, LABELS))


@pytest.fixture(scope="module")
def torch_ground():
    torch = pytest.importorskip("torch")
    weights = {name: torch.tensor(array) for name, array in START.items()}
    return model_landscape(loss_in_torch, weights, (INPUTS, LABELS))


def end_of(ground, optimizer):
    """Return where our descent ends."""
    descent = Descent.of(Training(GRID, optimizer))
    batches = [np.array([batch]) for batch in GRID.batches]
    (end,) = ground.descend(descent, ground.start[None], batches, eta=ETA)
    return end[0]


def optax_cases():
    """Yield pairs of our optimiser and what makes that of optax."""
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    half = optax.exponential_decay(ETA, transition_steps=1, decay_rate=0.5)

    def sgd(schedule, **options):
        # Optax counts with int32, whose quotients are float32.
        return optax.sgd(lambda count: schedule(count.astype(jax.numpy.float64)), **options)

    return {
        "sgd": (SGD(), optax.sgd(ETA)),
        "momentum": (Momentum(beta=0.9), optax.sgd(ETA, momentum=0.9)),
        "nesterov": (Nesterov(beta=0.75), optax.sgd(ETA, momentum=0.75, nesterov=True)),
        "exponential": (
            Nesterov(beta=0.75, schedule=Exponential(0.5)),
            sgd(half, momentum=0.75, nesterov=True),
        ),
        "cosine": (
            Momentum(beta=0.5, schedule=Cosine(floor=0.25)),
            sgd(optax.cosine_decay_schedule(ETA, T, alpha=0.25), momentum=0.5),
        ),
        "polynomial": (
            SGD(schedule=Polynomial()),
            sgd(optax.polynomial_schedule(ETA, 0.0, power=1, transition_steps=T)),
        ),
        "step": (
            SGD(schedule=Step(every=3, factor=0.5)),
            sgd(optax.exponential_decay(ETA, 3, 0.5, staircase=True)),
        ),
        "warm-up": (
            Momentum(beta=0.5, schedule=WarmUp(3, then=Exponential(0.5))),
            sgd(
                optax.join_schedules([optax.linear_schedule(ETA / 3, ETA, 2), half], [3]),
                momentum=0.5,
            ),
        ),
        "weight-decay": (
            Momentum(beta=0.5, weight_decay=0.125),
            optax.chain(optax.add_decayed_weights(0.125), optax.sgd(ETA, momentum=0.5)),
        ),
    }


CASES = [
    "sgd", "momentum", "nesterov", "exponential", "cosine", "polynomial", "step", "warm-up",
    "weight-decay",
]  # fmt: skip


def mean_slope(slope, weights, batch):
    slopes = [slope(weights, (INPUTS[n], LABELS[n])) for n in batch]
    return {name: sum(one[name] for one in slopes) / len(batch) for name in weights}


@pytest.mark.parametrize("case", CASES)
def test_descents_in_jax_are_those_of_optax(jax_ground, case):
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    with jax.enable_x64(True):  # schedules, too
        ours, theirs = optax_cases()[case]
        weights = {name: jax.numpy.asarray(array) for name, array in START.items()}
        state, slope = theirs.init(weights), jax.jit(jax.grad(loss_in_jax))
        for batch in GRID.batches:
            steps, state = theirs.update(mean_slope(slope, weights, batch), state, weights)
            weights = optax.apply_updates(weights, steps)
        end = np.concatenate([np.ravel(weights[name]) for name in ("first", "second")])
    assert end.dtype == np.float64
    np.testing.assert_allclose(end_of(jax_ground, ours), end, rtol=1e-12, atol=1e-14)


def test_the_average_of_iterates_is_that_of_optax(jax_ground):
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    method = optax.sgd(ETA, momentum=0.5)
    with jax.enable_x64(True):
        weights = {name: jax.numpy.asarray(array) for name, array in START.items()}
        state, average = method.init(weights), weights
        slope = jax.jit(jax.grad(loss_in_jax))
        for batch in GRID.batches:
            steps, state = method.update(mean_slope(slope, weights, batch), state)
            weights = optax.apply_updates(weights, steps)
            average = optax.incremental_update(weights, average, step_size=0.25)
        end = np.concatenate([np.ravel(average[name]) for name in ("first", "second")])
    ours = end_of(jax_ground, Momentum(beta=0.5, average=ExponentialAverage(0.75)))
    np.testing.assert_allclose(ours, end, rtol=1e-12, atol=1e-14)


def torch_cases(parameters):
    """Return pairs of our optimiser and PyTorch's with its scheduler."""
    torch = pytest.importorskip("torch")
    schedulers = torch.optim.lr_scheduler

    def method(scheduler=None, **options):
        made = torch.optim.SGD(parameters, lr=ETA, **options)
        return made, None if scheduler is None else scheduler(made)

    return {
        "sgd": lambda: (SGD(), method()),
        "momentum": lambda: (Momentum(beta=0.9), method(momentum=0.9)),
        "nesterov": lambda: (Nesterov(beta=0.75), method(momentum=0.75, nesterov=True)),
        "exponential": lambda: (
            Nesterov(beta=0.75, schedule=Exponential(0.5)),
            method(lambda o: schedulers.ExponentialLR(o, 0.5), momentum=0.75, nesterov=True),
        ),
        "cosine": lambda: (
            Momentum(beta=0.5, schedule=Cosine(floor=0.25)),
            method(lambda o: schedulers.CosineAnnealingLR(o, T, eta_min=ETA / 4), momentum=0.5),
        ),
        "polynomial": lambda: (
            SGD(schedule=Polynomial()),
            method(lambda o: schedulers.PolynomialLR(o, total_iters=T)),
        ),
        "step": lambda: (
            SGD(schedule=Step(every=3, factor=0.5)),
            method(lambda o: schedulers.StepLR(o, 3, gamma=0.5)),
        ),
        "warm-up": lambda: (
            Momentum(beta=0.5, schedule=WarmUp(3)),
            method(
                lambda o: schedulers.LinearLR(o, start_factor=1 / 3, total_iters=2), momentum=0.5
            ),
        ),
        "weight-decay": lambda: (
            Nesterov(beta=0.5, weight_decay=0.125),
            method(momentum=0.5, nesterov=True, weight_decay=0.125),
        ),
    }


@pytest.mark.parametrize("case", CASES)
def test_descents_in_torch_are_those_of_its_optimizer(torch_ground, case):
    torch = pytest.importorskip("torch")
    weights = {name: torch.tensor(array, requires_grad=True) for name, array in START.items()}
    ours, (method, scheduler) = torch_cases(list(weights.values()))[case]()
    for batch in GRID.batches:
        method.zero_grad()
        points = zip(INPUTS[list(batch)], LABELS[list(batch)], strict=True)
        losses = [loss_in_torch(weights, (torch.tensor(x), torch.tensor(y))) for x, y in points]
        torch.stack(losses).mean().backward()
        method.step()
        if scheduler is not None:
            scheduler.step()
    end = np.concatenate([weights[name].detach().numpy().ravel() for name in ("first", "second")])
    np.testing.assert_allclose(end_of(torch_ground, ours), end, rtol=1e-12, atol=1e-14)


ELSEWHERE = [
    ScheduleFree(beta=0.75, weight_decay=0.125),
    Delayed(d=2),
    Delayed(d=1, inner=Momentum(beta=0.5), average=ExponentialAverage(0.75)),
    LookAhead(k=2, alpha=0.25, inner=Nesterov(beta=0.5), looks_at="fast"),
]


@pytest.mark.parametrize("ground", ["jax_ground", "torch_ground"])
@pytest.mark.parametrize("optimizer", ELSEWHERE, ids=lambda o: o.label)
def test_rules_of_several_vectors_run_everywhere(ground, optimizer, request):
    """What a library runs by itself, against NumPy that asks it for gradients alone."""
    landscape = request.getfixturevalue(ground)
    descent = Descent.of(Training(GRID, optimizer))
    batches = [np.array([batch]) for batch in GRID.batches]
    (end,) = descent.follow(landscape.gradient, landscape.start[None], batches, eta=ETA)
    np.testing.assert_allclose(end_of(landscape, optimizer), end[0], rtol=1e-10, atol=1e-12)
