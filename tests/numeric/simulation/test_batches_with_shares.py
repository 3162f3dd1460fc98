"""Batches with shares in floating point: what is drawn has the exact moments, in every library."""

from fractions import Fraction

import numpy as np
import pytest

from sgdiagrams.numeric import model_landscape, simulate, torch_loss
from sgdiagrams.numeric.descent import Descent
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.noise_series import exact_noise
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.numeric.path.along import along_path
from sgdiagrams.symbolic import Epochs, Grid, Momentum, OnePass, Poisson, Subsets, Training
from sgdiagrams.symbolic.embeddings.drawing import Weighted

F = Fraction
DATA = (F(-1), F(1, 2), F(2))
START = F(3, 10)
SCHEMES = [
    Epochs(N=3, B=2, E=2, shuffle="every-epoch"),
    Epochs(N=3, B=2, E=2, shuffle="every-epoch", drop_last=True),
    Subsets(N=3, B=2, T=3),
    Poisson(N=3, q=F(2, 3), T=3),
    Grid([[0, 1, 0], [2, 1]], weights=[[1, F(1, 2), -1], [2, 3]], reduction="sum"),
    OnePass(T=2, B=2, reduction="sum"),
]


def parabolas():
    """Return the losses (w - x)^2 (1 + x) / 2 of three datapoints."""
    losses = [{(2,): (1 + x) / 2, (1,): -x * (1 + x), (0,): x**2 * (1 + x) / 2} for x in DATA]
    return PolynomialLandscape(losses, start=(START,))


def second_moment(training, eta):
    exact = exact_training(parabolas(), training, order=10, observable="second-moment")
    return sum(float(x[0, 0]) * eta**k for k, x in enumerate(exact))


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.label)
def test_models_have_the_exact_second_moment(scheme):
    optimizer = Momentum(beta=F(1, 2))
    jnp = pytest.importorskip("jax.numpy")
    ground = model_landscape(
        lambda w, x: (w - x) ** 2 * (1 + x) / 2, jnp.array(float(START)), jnp.array(DATA, float)
    )
    seen = simulate(
        ground,
        observable="second-moment",
        component=(0, 0),
        sampling=scheme,
        optimizer=optimizer,
        eta=0.2,
        runs=3000,
        seed=5,
    )
    known = second_moment(Training(scheme, optimizer), 0.2)
    assert abs(seen.value - known) < 5 * seen.standard_error


def test_libraries_make_the_same_runs():
    jnp = pytest.importorskip("jax.numpy")
    torch = pytest.importorskip("torch")

    class Parabola(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.tensor([float(START)], dtype=torch.float64))

        def forward(self, x):
            return (self.w - x) ** 2 * (1 + x) / 2

    data = np.array(DATA, dtype=float)[:, None]
    loss, weights = torch_loss(Parabola(), lambda out, _: out.mean())
    other = model_landscape(loss, weights, (torch.tensor(data), torch.tensor(data)))
    import jax

    with jax.enable_x64(True):
        one = model_landscape(
            lambda w, x: ((w - x) ** 2 * (1 + x) / 2).sum(), jnp.array([0.3]), jnp.array(data)
        )
        for scheme in (SCHEMES[3], SCHEMES[4], SCHEMES[0]):
            options = {
                "observable": "displacement",
                "component": 0,
                "sampling": scheme,
                "optimizer": Momentum(beta=F(1, 2)),
                "eta": 0.2,
                "runs": 20,
            }
            np.testing.assert_allclose(
                simulate(one, **options).per_run, simulate(other, **options).per_run, rtol=1e-5
            )


def test_descent_sums_gradients_with_their_shares():
    training = Training(OnePass(T=2, B=3), Momentum(beta=F(1, 2)))
    rng = np.random.default_rng(0)
    start, x = rng.normal(size=(4, 2)), rng.normal(size=(2, 4, 3, 2))
    for shares in (rng.normal(size=(2, 3)), rng.normal(size=(2, 4, 3)), np.zeros((2, 4, 3))):
        batches = [Weighted(x[t], shares[t]) for t in range(2)]
        mean = lambda theta, points: (theta[:, None] ** 2 * points).mean(axis=1)
        [end] = Descent.of(training).follow(mean, start, batches, eta=0.1)
        theta, v = start, np.zeros_like(start)
        for t in range(2):
            own = np.broadcast_to(shares[t], (4, 3))
            v = v / 2 + np.einsum("rm,rmp->rp", own, theta[:, None] ** 2 * x[t])
            theta = theta - 0.1 * v
        np.testing.assert_allclose(end, theta, rtol=1e-12)


@pytest.mark.parametrize(
    "scheme",
    [
        Epochs(N=3, B=2, E=2),
        Grid([[0, 1, 0], [2, 1]]),
        Grid([[0, 1], [1, 0]], weights=[[F(3, 2), F(1, 2)], [F(1, 2), F(3, 2)]]),
    ],
    ids=lambda scheme: scheme.label,
)
def test_noise_1_along_the_path_is_exact_where_chance_has_no_part(scheme):
    jnp = pytest.importorskip("jax.numpy")
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        estimate = along_path(
            lambda w, x: (w - x) ** 2 * (1 + x) / 2,
            jnp.array(float(START)),
            jnp.array(DATA, float),
            sampling=scheme,
            eta=0.2,
            precision=1e-9,
        )
    exact = exact_noise(parabolas(), Training(scheme), pushes=2, eta=F(1, 5))
    assert estimate.order_standard_errors[1] == 0
    np.testing.assert_allclose(estimate.orders, [float(exact[0]), float(exact[2])], rtol=1e-5)
