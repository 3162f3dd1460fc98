"""Weight decay past the velocity and for groups of weights, as loops of PyTorch and optax make it."""

from fractions import Fraction

import numpy as np
import pytest

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.numeric import Statistics
from sgdiagrams.numeric.descent import Descent
from sgdiagrams.symbolic import (
    SGD,
    Exponential,
    Function,
    Momentum,
    Nesterov,
    OnePass,
    Penalty,
    Training,
    expand,
)

START = np.array([0.7, -1.3, 0.4])
TARGETS = np.array([[0.2, 0.1, -0.5], [1.0, -0.4, 0.3], [-0.6, 0.8, 0.9], [0.5, 0.5, 0.1]])
ETA = 0.1


def gradient(theta, x):
    return theta**3 / 2 + theta - x.mean(axis=1)


def ends(optimizer, eta=ETA):
    training = Training(OnePass(T=len(TARGETS)), optimizer)
    batches = [row[None, None] for row in TARGETS]
    [end] = Descent.of(training).follow(gradient, START[None], batches, eta=eta)
    return end[0]


@pytest.mark.parametrize("is_nesterov", [False, True])
def test_sgdw_by_hand(is_nesterov):
    torch = pytest.importorskip("torch")
    w = torch.tensor(START, dtype=torch.float64)
    velocity = torch.zeros_like(w)
    for t, row in enumerate(TARGETS):
        lr = ETA * 0.5**t
        g = w**3 / 2 + w - torch.tensor(row)
        velocity = 0.9 * velocity + g
        step = g + 0.9 * velocity if is_nesterov else velocity
        w.mul_(1 - lr * 0.2)
        w.add_(step, alpha=-lr)
    rule = Nesterov if is_nesterov else Momentum
    method = rule(beta=0.9, decoupled_decay=0.2, schedule=Exponential("1/2"))
    np.testing.assert_allclose(ends(method), w.numpy(), rtol=1e-12)


def test_optax_with_the_decay_after_the_trace():
    jax = pytest.importorskip("jax")
    optax = pytest.importorskip("optax")
    with jax.enable_x64(True):
        chain = optax.chain(optax.trace(0.9), optax.add_decayed_weights(0.2), optax.scale(-ETA))
        w = jax.numpy.asarray(START)
        state = chain.init(w)
        for row in TARGETS:
            step, state = chain.update(w**3 / 2 + w - row, state, w)
            w = optax.apply_updates(w, step)
        np.testing.assert_allclose(
            ends(Momentum(beta=0.9, decoupled_decay=0.2)), np.asarray(w), rtol=1e-12
        )


@pytest.mark.parametrize("momentum", [0, 0.9])
def test_groups_of_parameters(momentum):
    torch = pytest.importorskip("torch")
    first = torch.tensor(START[:2], dtype=torch.float64, requires_grad=True)
    last = torch.tensor(START[2:], dtype=torch.float64, requires_grad=True)
    groups = [
        {"params": [first], "weight_decay": 0.3, "lr": 0.1},
        {"params": [last], "weight_decay": 0.0, "lr": 0.02},
    ]
    optimizer = torch.optim.SGD(groups, lr=1.0, momentum=momentum)
    for row in TARGETS:
        w = torch.cat([first, last])
        loss = (w**4 / 8 + w**2 / 2 - w * torch.tensor(row)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    decays = (Fraction(3, 10), Fraction(3, 10), 0)
    method = Momentum(beta=momentum, weight_decay=decays) if momentum else SGD(weight_decay=decays)
    got = ends(method, eta=np.array([0.1, 0.1, 0.02]))
    np.testing.assert_allclose(got, torch.cat([first, last]).detach().numpy(), rtol=1e-12)


def smooth(theta):
    return np.sqrt(theta**2 + 0.01).sum()


def of_smooth(theta, k):
    """Return derivatives of a smooth L1 norm."""
    root = np.sqrt(theta**2 + 0.01)
    entries = [root, theta / root, 0.01 / root**3, -0.03 * theta / root**5][k]
    if k < 2:
        return entries if k else entries.sum()
    result = np.zeros((len(theta),) * k)
    result[(np.arange(len(theta)),) * k] = entries
    return result


SMOOTH = Penalty(Function("smooth", derivatives=of_smooth), 0.3)


def test_a_smooth_l1_norm_by_finite_differences():
    w, velocity, h = START.copy(), np.zeros(3), 1e-6
    for row in TARGETS:
        pull = [(smooth(w + h * e) - smooth(w - h * e)) / (2 * h) for e in np.eye(3)]
        velocity = 0.9 * velocity + w**3 / 2 + w - row + 0.3 * np.array(pull)
        w = w - ETA * velocity
    np.testing.assert_allclose(ends(Momentum(beta=0.9, penalty=SMOOTH)), w, rtol=1e-7)


def test_statistics_take_derivatives_of_the_function_itself():
    cubic = np.zeros((3, 3, 3))
    cubic[(np.arange(3),) * 3] = 3 * START
    samples = {
        1: START**3 / 2 + START - TARGETS,
        2: np.tile(np.diag(1 + 1.5 * START**2), (4, 1, 1)),
        3: np.tile(cubic, (4, 1, 1, 1)),
    }
    known = Statistics.from_samples(samples, role="population", start=START)
    inside = {k: array + 0.3 * of_smooth(START, k) for k, array in samples.items()}
    whole = Statistics.from_samples(inside, role="population")
    options = {"order": 3, "sampling": OnePass(T=4)}
    got = known.evaluate(expand("displacement", optimizer=SGD(penalty=SMOOTH), **options), eta=0.1)
    want = whole.evaluate(expand("displacement", **options), eta=0.1)
    np.testing.assert_allclose(np.array(got.orders), np.array(want.orders), rtol=1e-10)
    asked = SGD(penalty=Penalty("smooth", 0.3))
    with pytest.raises(StatisticsError, match="smooth"):
        known.evaluate(expand("displacement", optimizer=asked, **options), eta=0.1)
