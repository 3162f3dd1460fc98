"""Every example in a docstring is run."""

import doctest
import importlib

import pytest
from layout import module_names


@pytest.mark.parametrize("name", module_names())
def test_docstring_examples(name):
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.failed == 0, f"{outcome.failed} examples of {name} fail"
