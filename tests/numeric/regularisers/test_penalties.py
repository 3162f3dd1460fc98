"""Penalties of both libraries: without bias over all batches, and as a user calls them."""

import sys
from itertools import product

import numpy as np
import pytest

import sgdiagrams as sd
from sgdiagrams.numeric import PolynomialLandscape
from sgdiagrams.numeric.regularisers.strengths import penalty_strengths

LANDSCAPE = PolynomialLandscape.random(8, p=2, degree=3, atoms=3)
_STATISTICS = LANDSCAPE.statistics(2)
#: Gradients and Hessians of the atoms at the start.
G, H = (np.asarray(_STATISTICS.samples[k], dtype=float) for k in (1, 2))
#: Every batch of four datapoints, drawn independently.
BATCHES = np.array(list(product(range(3), repeat=4)))
RATES = {"eta": 0.25, "small_eta": 0.125, "small": 2, "momentum": 0.5}
CASES = [
    pytest.param({"groups": groups, **RATES, **more}, id=f"{groups} groups {list(more)}")
    for groups in (2, 3, 4)
    for more in ({}, {"large": 64}, {"small_eta": None})
]


def exact_gradient(*, groups, eta, small_eta, small, momentum, large=4):
    """Return the gradient of the mean of the penalty over independent draws."""
    used = 4 // groups * groups
    on_mean, on_spread = penalty_strengths(
        eta=eta, small_eta=eta if small_eta is None else small_eta, small=small, large=large,
        batch=used, momentum=momentum,
    )  # fmt: skip
    mean, curvature = G.mean(axis=0), H.mean(axis=0)
    of_trace = 2 * (np.einsum("nab,nb->a", H, G) / 3 - curvature @ mean)
    return on_mean * (2 * curvature @ mean + of_trace / used) + on_spread * of_trace


def powers(atoms):
    """Return exponents (K, 2) and coefficients (atoms, K) of the landscape's losses."""
    exponents = np.array([e for e, _ in LANDSCAPE.losses[0]])
    table = [[float(dict(loss)[tuple(e)]) for e in exponents] for loss in LANDSCAPE.losses]
    return exponents, np.array(table)[atoms]


def monomials(library, weights, exponents):
    """Return all monomials as products, since powers have no derivative at 0."""
    first, second = (library.stack([w * 0 + 1, w, w * w, w * w * w]) for w in weights)
    return first[exponents[:, 0]] * second[exponents[:, 1]]


@pytest.mark.parametrize("options", CASES)
def test_optax_penalty_has_no_bias(options):
    jax = pytest.importorskip("jax")
    pytest.importorskip("optax")
    with jax.enable_x64(True):
        exponents, coefficients = powers(BATCHES)

        def loss(weights, row):
            return (row * monomials(jax.numpy, weights, exponents)).sum()

        penalty = sd.optax_small_batch_penalty(loss, **options)
        weights = jax.numpy.zeros(2)
        state = penalty.init(weights)
        update = jax.jit(
            jax.vmap(lambda batch: penalty.update(weights, state, weights, batch=batch)[0])
        )
        added = np.asarray(update(coefficients))
    assert np.abs(added.mean(axis=0) - exact_gradient(**options)).max() < 1e-12
    assert np.abs(exact_gradient(**options)).max() > 0.01


@pytest.mark.parametrize("options", CASES)
def test_torch_penalty_has_no_bias(options):
    torch = pytest.importorskip("torch")
    exponents, coefficients = powers(BATCHES)
    weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    total = torch.zeros(2, dtype=torch.float64)
    for rows in torch.as_tensor(coefficients):
        losses = rows @ monomials(torch, weights, exponents)
        generator = torch.Generator().manual_seed(3)
        penalty = sd.torch_small_batch_penalty(losses, [weights], generator=generator, **options)
        total += torch.autograd.grad(penalty, weights)[0]
    assert np.abs(total.numpy() / len(BATCHES) - exact_gradient(**options)).max() < 1e-12


def slope_loss(weights, datapoint):
    return (weights["slope"] * datapoint["x"] - datapoint["y"]) ** 2


def test_optax_penalty_in_a_training_loop():
    """Momentum and a schedule see the gradient of loss and penalty together."""
    jax, optax = (pytest.importorskip(name) for name in ("jax", "optax"))
    x, y = np.array([1.0, 2.0, 3.0], dtype=np.float32), np.array([1.0, 1.0, 0.5], dtype=np.float32)
    eta = optax.linear_schedule(0.01, 0.02, 2)
    # As many groups as datapoints: nothing is drawn.
    optimizer = optax.chain(
        sd.optax_small_batch_penalty(slope_loss, eta=eta, small=1, momentum=0.9, groups=3),
        optax.sgd(eta, momentum=0.9),
    )
    batch = {"x": x, "y": y}
    weights = {"slope": jax.numpy.array(1.0)}

    @jax.jit
    def step(weights, state, batch):
        gradient = jax.grad(
            lambda w: jax.vmap(slope_loss, in_axes=(None, 0))(w, batch).mean()
        )(weights)  # fmt: skip
        updates, state = optimizer.update(gradient, state, weights, batch=batch)
        return optax.apply_updates(weights, updates), state

    state = optimizer.init(weights)
    slope, velocity = 1.0, 0.0
    for rate in (0.01, 0.015, 0.02):
        weights, state = step(weights, state, batch)
        g, h = 2 * x * (slope * x - y), 2 * x * x
        strength = rate / (1 - 0.9) / 4 * (1 - 1 / 3)
        push = g.mean() + strength * 2 * ((h - h.mean()) * (g - g.mean())).sum() / 2
        velocity = 0.9 * velocity + push
        slope -= rate * velocity
        assert abs(float(weights["slope"]) - slope) < 2e-6
    assert int(state[0].count) == 3


def test_groups_are_drawn_anew_and_repeat():
    jax = pytest.importorskip("jax")
    pytest.importorskip("optax")
    batch = {"x": np.arange(8.0), "y": np.ones(8)}
    weights = {"slope": jax.numpy.array(0.5)}
    penalty = sd.optax_small_batch_penalty(slope_loss, eta=0.1, small=1, seed=4)
    zero = {"slope": jax.numpy.array(0.0)}
    seen = []
    for _ in range(2):
        state = penalty.init(weights)
        for _ in range(3):
            updates, state = penalty.update(zero, state, weights, batch=batch)
            seen.append(float(updates["slope"]))
    assert seen[:3] == seen[3:]
    assert len(set(seen)) == 3


def test_torch_penalty_in_a_training_loop():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    module[0].bias.requires_grad_(False)
    X, y = torch.randn(6, 3), torch.tensor([0, 1, 0, 1, 1, 0])
    criterion = torch.nn.CrossEntropyLoss(reduction="none")
    losses = criterion(module(X), y)
    penalty = sd.torch_small_batch_penalty(
        losses, module.parameters(), eta=0.1, small=2, large=12, groups=6
    )
    used = [one for one in module.parameters() if one.requires_grad]
    gradients = [
        torch.cat([g.ravel() for g in torch.autograd.grad(one, used, retain_graph=True)])
        for one in losses
    ]
    trace = torch.stack(gradients).var(dim=0).sum()
    assert penalty.item() == pytest.approx(0.1 / 4 * (1 / 2 - 1 / 12) * trace.item(), rel=1e-5)
    (losses.mean() + penalty).backward()
    assert all(one.grad is not None for one in used)
    assert module[0].bias.grad is None


def test_requests_that_make_no_sense():
    jax = pytest.importorskip("jax")
    pytest.importorskip("optax")
    with pytest.raises(sd.RequestError, match="expected a function loss"):
        sd.optax_small_batch_penalty(3, eta=0.1, small=1)
    with pytest.raises(sd.RequestError, match="small from 1"):
        sd.optax_small_batch_penalty(slope_loss, eta=0.1, small=0)
    penalty = sd.optax_small_batch_penalty(slope_loss, eta=0.1, small=2)
    weights = {"slope": jax.numpy.array(0.5)}
    state = penalty.init(weights)
    with pytest.raises(sd.RequestError, match=r"optimizer.update\(gradient, state, weights, batch"):
        penalty.update(weights, state, weights)
    with pytest.raises(sd.RequestError, match=r"one datapoint in a row, got batch with \[2, 3\]"):
        penalty.update(weights, state, weights, batch={"x": np.ones(2), "y": np.ones(3)})
    with pytest.raises(sd.RequestError, match="small from 1 to large=1"):
        penalty.update(weights, state, weights, batch={"x": np.ones(1), "y": np.ones(1)})


def test_losses_that_are_no_vector_are_refused():
    torch = pytest.importorskip("torch")
    slope = torch.tensor(1.0, requires_grad=True)
    losses = slope * torch.ones(4)
    for wrong in (losses.mean(), losses.detach(), [1.0, 2.0]):
        with pytest.raises(sd.RequestError, match="reduction='none'"):
            sd.torch_small_batch_penalty(wrong, [slope], eta=0.1, small=1)
    with pytest.raises(sd.RequestError, match="parameters that require gradients"):
        sd.torch_small_batch_penalty(losses, [], eta=0.1, small=1)
    with pytest.raises(sd.RequestError, match="take fewer groups"):
        sd.torch_small_batch_penalty(losses, [slope], eta=0.1, small=1, groups=5)


@pytest.mark.parametrize(
    ("library", "extra", "call"),
    [
        ("optax", "jax", lambda: sd.optax_small_batch_penalty(slope_loss, eta=0.1, small=1)),
        ("torch", "torch", lambda: sd.torch_small_batch_penalty([], [], eta=0.1, small=1)),
    ],
)
def test_absent_libraries_are_named(monkeypatch, library, extra, call):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(sd.MissingDependencyError, match=rf"sgdiagrams\[{extra}\]"):
        call()
