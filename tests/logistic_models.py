"""Logistic regression, whose derivatives of every order are known: the slow witness of models."""

import numpy as np
import pytest
import sympy as sp

from sgdiagrams.numeric.models.choice import model_of

N, P = 20, 5
_z = sp.Symbol("z")
_PHI = [sp.lambdify(_z, sp.diff(sp.log(1 + sp.exp(-_z)), _z, k)) for k in range(8)]
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, P))
Y = np.where(_rng.normal(size=N) > 0, 1, -1)
START = _rng.normal(size=P)
WEIGHTS = {"a": START[:3], "b": START[3:].reshape(2, 1)}
TABLES = _rng.normal(size=(2, 6, P))
DECAY = 0.3


def closed(points, vectors, *, open_leg, x=X, start=START):
    """Return sum_x phi^(k)(m_x) y^k prod_i (x . v_i), a mean over points, with one leg open or not."""
    x, y = x[points], Y[points]
    k = len(vectors) + open_leg
    coefficients = _PHI[k](y * (x @ start)) * y**k
    for vector in vectors:
        coefficients = coefficients * (x @ vector)
    return (coefficients[:, None] * x).mean(0) if open_leg else coefficients.mean()


def penalty(vectors, *, open_leg, start=START):
    """Return the derivatives of half the squared length of the weights."""
    k = len(vectors) + open_leg
    if k == 0:
        return start @ start / 2
    if k == 1:
        return start if open_leg else start @ vectors[0]
    if k == 2:
        return vectors[0] if open_leg else vectors[0] @ vectors[1]
    return np.zeros(P) if open_leg else 0.0


def model(library, *, dtype=np.float64, x=X, start=START, **options):
    """Return the model of logistic regression in a library that is there."""
    pytest.importorskip(library)
    weights = {"a": start[:3].astype(dtype), "b": start[3:].reshape(2, 1).astype(dtype)}
    if library == "jax":
        return model_of(_jax_loss, weights, (x, Y), **options)
    import torch

    return model_of(
        _torch_loss, {n: torch.from_numpy(w) for n, w in weights.items()}, (x, Y), **options
    )


def _jax_loss(weights, datapoint):
    import jax.numpy as jnp

    x, y = datapoint
    margin = y * (x[:3] @ weights["a"] + x[3:] @ weights["b"][:, 0])
    return jnp.logaddexp(0.0, -margin)


def _torch_loss(weights, datapoint):
    import torch

    x, y = datapoint
    margin = y * (x[:3] @ weights["a"] + x[3:] @ weights["b"][:, 0])
    return torch.nn.functional.softplus(-margin)
