"""Vectors in the structure of weights: as models lay weights out, in both libraries."""

import numpy as np
import pytest

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.measurement.measured import Measured
from sgdiagrams.numeric.models.choice import model_of
from sgdiagrams.numeric.models.structure import vector_like
from sgdiagrams.symbolic.contractions.contraction import Contraction

SHAPES = {"w": (2, 3), "b": (3,), "scale": ()}
VECTOR = np.arange(10.0)


def check(made, weights, model):
    expected = model.as_weights(VECTOR)
    for name, shape in SHAPES.items():
        assert tuple(made[name].shape) == shape
        np.testing.assert_array_equal(np.asarray(made[name]), np.asarray(expected[name]))
    with pytest.raises(RequestError, match="the 10 weights"):
        vector_like(VECTOR[:-1], weights)


def test_arrays():
    pytest.importorskip("jax")
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
    model = model_of(
        lambda w, x: (w["w"].sum() + w["b"].sum() + w["scale"] - x) ** 2, weights, np.ones(3)
    )
    check(vector_like(VECTOR, weights), weights, model)
    start = Measured((), (), "sample", 3, 10, (Contraction.build([], [[0]], free=[0]),))
    np.testing.assert_array_equal(
        start.as_weights(VECTOR, weights)["b"], model.as_weights(VECTOR)["b"]
    )


def test_tensors():
    torch = pytest.importorskip("torch")
    weights = {name: torch.ones(shape, dtype=torch.float64) for name, shape in SHAPES.items()}
    model = model_of(
        lambda w, x: (w["w"].sum() + w["b"].sum() + w["scale"] - x) ** 2, weights, torch.ones(3)
    )
    check(vector_like(VECTOR, weights), weights, model)
