"""The penalty of weight decay along many vectors, against its closed form."""

import numpy as np
import pytest

from sgdiagrams.numeric.models.choice import model_of
from sgdiagrams.numeric.models.model import Leg

ROWS = 150  # more than are multiplied at once


@pytest.mark.parametrize("library", ["jax", "torch"])
def test_numbers_along_many_vectors(library):
    module = pytest.importorskip(library)
    rng = np.random.default_rng(0)
    data, weights, decay = rng.normal(size=(ROWS, 4)), rng.normal(size=4), 0.3
    tanh = module.numpy.tanh if library == "jax" else module.tanh
    start = weights if library == "jax" else module.tensor(weights)
    model = model_of(lambda w, x: tanh(w @ x), start, data, weight_decay=decay)
    rows = np.arange(ROWS)[:, None]
    table = model.derivative("loss", rows, output="vector")
    gradients = model.as_floats(table)
    expected = [
        ([], np.full(ROWS, decay * weights @ weights / 2)),
        ([rows], decay * gradients @ weights),
        ([rows, rows[::-1]], decay * (gradients * gradients[::-1]).sum(axis=1)),
    ]
    for picks, penalty in expected:
        legs = [Leg(table, pick) for pick in picks]
        with_penalty, without = (
            model.derivative(label, rows, legs, output="number")
            for label in ("penalised-loss", "loss")
        )
        np.testing.assert_allclose((with_penalty - without)[:, 0], penalty, rtol=1e-11, atol=1e-12)
