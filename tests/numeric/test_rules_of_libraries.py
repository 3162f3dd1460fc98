"""Runs of PyTorch's and optax's optimisers and averages on a loss that is no parabola, against ours."""

from dataclasses import replace

import numpy as np
import pytest

from sgdiagrams.numeric.descent import Descent
from sgdiagrams.symbolic import (
    SGD,
    ChangingMomentum,
    Delayed,
    EveryKthAverage,
    ExponentialAverage,
    Grid,
    LinearOptimizer,
    LookAhead,
    Momentum,
    Nesterov,
    QuasiHyperbolic,
    ScheduleFree,
    TailAverage,
    Training,
)

T, ETA = 11, 0.3
_rng = np.random.default_rng(8)
X, SIGNS = _rng.standard_normal((6, 2)), _rng.choice([-1.0, 1.0], size=6)
START = np.array([0.4, -0.7])
BATCHES = [(0, 1), (2,), (3, 4, 5), (1, 5), (0, 2), (4,), (3, 1), (0, 5), (2, 4), (1, 3), (5,)]
FACTORS = [1, 0.5, 1.5, 2, 0.25, 1, 1, 0.75, 0.5, 2, 1]


def slope(theta, rows):
    """Return mean gradients of a logistic loss with a quartic, shape (R, p)."""
    x, sign = X[rows], SIGNS[rows]
    pushes = -sign / (1 + np.exp(sign * np.einsum("rp,rmp->rm", theta, x)))
    return np.einsum("rm,rmp->rp", pushes, x) / rows.shape[1] + 0.2 * theta**3


def ours(optimizer, eta=ETA):
    """Return where our run ends, or its average."""
    descent = Descent.of(Training(Grid(BATCHES, N=6), optimizer))
    rows = (np.array([batch]) for batch in BATCHES)
    [end] = descent.follow(slope, START[None], rows, eta=eta)
    return end[0]


# PyTorch ------------------------------------------------------------------------------------------


def torch_path(flags, *, factors=None, momenta=None):
    """Yield a module after every update of PyTorch's SGD."""
    torch = pytest.importorskip("torch")
    module = torch.nn.Linear(2, 1, bias=False, dtype=torch.float64)
    module.weight.data = torch.tensor(START[None])
    optimizer = torch.optim.SGD(module.parameters(), lr=ETA, **flags)
    data = torch.tensor(X), torch.tensor(SIGNS)
    for t, batch in enumerate(BATCHES):
        for group in optimizer.param_groups:
            group["lr"] = ETA * (factors[t] if factors else 1)
            if momenta:
                group["momentum"] = momenta[t]
        optimizer.zero_grad()
        rows = list(batch)
        margins = data[1][rows] * module(data[0][rows])[:, 0]
        loss = torch.nn.functional.softplus(-margins).mean() + 0.05 * (module.weight**4).sum()
        loss.backward()
        optimizer.step()
        yield module


def weights(module):
    return next(iter(module.parameters())).detach().numpy()[0].copy()


FLAGS = [
    ({}, SGD(), 1),
    ({"weight_decay": 0.1}, SGD(weight_decay=0.1), 1),
    ({"momentum": 0.9}, Momentum(beta=0.9), 1),
    ({"momentum": 0.9, "dampening": 0.1}, Momentum(beta=0.9, dampening=0.1), 1),
    (
        {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1},
        Momentum(beta=0.9, dampening=0.5, weight_decay=0.1),
        1,
    ),
    ({"momentum": 0.8, "nesterov": True}, Nesterov(beta=0.8), 1),
    (
        {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
        Nesterov(beta=0.8, weight_decay=0.1),
        1,
    ),
    ({"maximize": True}, SGD(), -1),
    ({"momentum": 0.5, "dampening": 0.2, "maximize": True}, Momentum(beta=0.5, dampening=0.2), -1),
]


def words(value):
    return " ".join(value) if isinstance(value, dict) else ""


@pytest.mark.parametrize("factors", [None, FACTORS], ids=["constant", "scheduled"])
@pytest.mark.parametrize(("flags", "optimizer", "sign"), FLAGS, ids=words)
def test_flags_of_pytorch(flags, optimizer, sign, factors):
    *_, end = map(weights, torch_path(flags, factors=factors))
    scheduled = replace(optimizer, schedule=factors)
    assert ours(scheduled, eta=sign * ETA) == pytest.approx(end, rel=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_of_pytorch_that_changes(nesterov):
    momenta = [0.9, 0.8, 0.5, 0.6, 0.95, 0.7, 0.1, 0.9, 0.9, 0.3, 0.5]
    flags = {"momentum": 0.9, "nesterov": nesterov}
    *_, end = map(weights, torch_path(flags, factors=FACTORS, momenta=momenta))
    optimizer = ChangingMomentum(betas=momenta, nesterov=nesterov, schedule=FACTORS)
    assert ours(optimizer) == pytest.approx(end, rel=1e-12)


AVERAGES = {
    "equal": ({}, TailAverage(), range(1, T + 1)),
    "every third from the second": ({}, EveryKthAverage(start=2, every=3), range(2, T + 1, 3)),
    "exponential": ("get_ema_avg_fn", ExponentialAverage(0.75, first="copied"), range(1, T + 1)),
    "exponential, many at once": (
        "get_ema_multi_avg_fn",
        ExponentialAverage(0.75, first="copied"),
        range(1, T + 1),
    ),
    "equal, many at once": ("get_swa_multi_avg_fn", TailAverage(), range(1, T + 1)),
}


@pytest.mark.parametrize("name", AVERAGES)
def test_averages_of_pytorch(name):
    """The first call of AveragedModel copies; before it the average is the start."""
    torch = pytest.importorskip("torch")
    how, average, calls = AVERAGES[name]
    averaged = None
    for t, module in enumerate(torch_path({"momentum": 0.5}), start=1):
        if averaged is None:
            tools, options = torch.optim.swa_utils, {}
            if how:
                made = getattr(tools, how)(*([0.75] if "ema" in how else []))
                options = {"multi_avg_fn" if "multi" in how else "avg_fn": made}
            averaged = tools.AveragedModel(module, **options)
        if t in calls:
            averaged.update_parameters(module)
    end = weights(averaged.module)
    # The means of many at once are made with weights in single precision.
    close = 1e-7 if how == "get_swa_multi_avg_fn" else 1e-12
    assert ours(Momentum(beta=0.5, average=average)) == pytest.approx(end, rel=close)


# optax --------------------------------------------------------------------------------------------


@pytest.fixture
def optax():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        yield pytest.importorskip("optax")


def jax_slope(theta, batch):
    return slope(np.asarray(theta)[None], np.array([batch]))[0]


def optax_path(optax, transform):
    """Yield the weights after every update, and the state."""
    import jax.numpy as jnp

    theta = jnp.asarray(START)
    state = transform.init(theta)
    for batch in BATCHES:
        updates, state = transform.update(jnp.asarray(jax_slope(theta, batch)), state, theta)
        theta = optax.apply_updates(theta, updates)
        yield theta, state


def test_momentum_of_optax(optax):
    for made, optimizer in (
        (optax.sgd(ETA), SGD()),
        (optax.sgd(ETA, momentum=0.9), Momentum(beta=0.9)),
        (optax.sgd(ETA, momentum=0.9, nesterov=True), Nesterov(beta=0.9)),
        (
            optax.chain(optax.add_decayed_weights(0.1), optax.trace(0.5), optax.scale(-ETA)),
            Momentum(beta=0.5, weight_decay=0.1),
        ),
        (
            optax.chain(optax.ema(0.5, debias=False), optax.scale(-ETA)),
            QuasiHyperbolic(beta=0.5, nu=1),
        ),
    ):
        *_, (end, _) = optax_path(optax, made)
        assert ours(optimizer) == pytest.approx(np.asarray(end), rel=1e-12)


@pytest.mark.parametrize("looks_at", ["slow", "fast"])
@pytest.mark.parametrize("momentum", [None, 0.8])
def test_look_ahead_of_optax(optax, looks_at, momentum):
    import jax.numpy as jnp

    made = optax.lookahead(optax.sgd(ETA, momentum=momentum), sync_period=3, slow_step_size=0.4)
    params = optax.LookaheadParams.init_synced(jnp.asarray(START))
    state = made.init(params)
    for batch in BATCHES:
        gradient = jnp.asarray(jax_slope(params.fast, batch))
        updates, state = made.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
    inner = SGD() if momentum is None else Momentum(beta=momentum)
    optimizer = LookAhead(k=3, alpha=0.4, inner=inner, looks_at=looks_at)
    assert ours(optimizer) == pytest.approx(np.asarray(getattr(params, looks_at)), rel=1e-12)


@pytest.mark.parametrize("power", [0, 2])
def test_schedule_free_sgd_of_optax(optax, power):
    import jax.numpy as jnp

    def rate(t):
        return ETA * jnp.asarray(FACTORS)[t]

    for factors in (None, FACTORS):
        # optax counts the updates of the weights from 1, and those of the base from 0.
        rates = (ETA, ETA) if factors is None else (rate, lambda t: rate(t - 1))
        made = optax.contrib.schedule_free(
            optax.sgd(rates[0]), learning_rate=rates[1], b1=0.9, weight_lr_power=power
        )
        *_, (theta, state) = optax_path(optax, made)
        end = optax.contrib.schedule_free_eval_params(state, theta)
        optimizer = ScheduleFree(beta=0.9, power=power, schedule=factors)
        assert ours(optimizer) == pytest.approx(np.asarray(end), rel=1e-11)


def test_bias_correction_of_optax(optax):
    average = optax.ema(0.75, debias=True)
    state = average.init(np.zeros(2))
    for theta, _ in optax_path(optax, optax.sgd(ETA)):
        seen, state = average.update(theta, state)
    optimizer = SGD(average=ExponentialAverage(0.75, first="debiased"))
    assert ours(optimizer) == pytest.approx(np.asarray(seen), rel=1e-12)


# By hand ------------------------------------------------------------------------------------------


def test_gradients_that_come_late():
    for d in (0, 1, 3):
        path = [START]
        for t, batch in enumerate(BATCHES):
            path.append(path[-1] - ETA * jax_slope(path[max(0, t - d)], batch))
        assert ours(Delayed(d=d)) == pytest.approx(path[-1], rel=1e-12)
        late = LinearOptimizer.of_kernel([0] * d + [1], readout=[1])
        assert ours(late) == pytest.approx(path[-1], rel=1e-12)
