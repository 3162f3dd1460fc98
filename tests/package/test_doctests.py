"""Every example in a docstring is run."""

import doctest
import importlib

import pytest
from layout import module_names

#: Examples that need an optional library.
NEEDS = {
    "sgdiagrams.numeric.influences.along_training": "jax",
    "sgdiagrams.numeric.measurement.measuring": "jax",
    "sgdiagrams.numeric.model_landscapes.landscape_of_model": "jax",
    "sgdiagrams.numeric.path.along": "jax",
    "sgdiagrams.numeric.path.path_estimate": "jax",
    "sgdiagrams.numeric.models.jax_model": "jax",
    "sgdiagrams.numeric.models.structure": "jax",
    "sgdiagrams.numeric.noiseless.noiseless_run": "jax",
    "sgdiagrams.numeric.loops.torch_loop": "torch",
    "sgdiagrams.numeric.regularisers.optax_penalty": "optax",
    "sgdiagrams.numeric.regularisers.torch_penalty": "torch",
    "sgdiagrams.numeric.models.module_loss": "torch",
}


@pytest.mark.parametrize("name", module_names())
def test_docstring_examples(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.failed == 0, f"{outcome.failed} examples of {name} fail"
