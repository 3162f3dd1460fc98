"""Derivatives along curves against separate derivatives along vectors, and against those of a number."""

import logistic_models as logistic
import numpy as np
import pytest
from slow_jets import slow_jets

from sgdiagrams.diagrams import RequestError, StatisticsError

LIBRARIES = ["jax", "torch"]
N, P = logistic.N, logistic.P
S = 3
ONE = [(0,), (0, 0)]
TWO = [*ONE, (1,), (0, 1), (1, 1), (0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1), (0, 0, 1, 1)]
RNG = np.random.default_rng(0)
#: Numbers that float32 holds as well.
TABLES = {key: RNG.normal(size=(S, P)).astype(np.float32).astype(float) for key in TWO}


def jets_of(model, label, datapoints, keys, *, output):
    curves = {key: model.as_table(TABLES[key]) for key in keys}
    result = model.jets(label, datapoints, curves, output=output)
    if output == "number":
        assert all(numbers.dtype == np.float64 for numbers in result.values())
        return result
    assert all(str(model.dtype) in str(table.dtype) for table in result.values())
    return {key: model.as_floats(table) for key, table in result.items()}


def assert_close(got, want, **tolerances):
    assert got.keys() == want.keys()
    for key, value in want.items():
        assert got[key].shape == value.shape, key
        np.testing.assert_allclose(got[key], value, err_msg=str(key), **tolerances)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("output", ["number", "vector"])
@pytest.mark.parametrize("own", [True, False])
def test_derivatives_along_curves_are_sums_of_derivatives_along_vectors(library, output, own):
    model = logistic.model(library, weight_decay=logistic.DECAY)
    points = RNG.integers(0, N, size=(S, 4)) if own else model.everything
    curves = {key: TABLES[key] for key in TWO}
    for label in ("loss", "penalised-loss"):
        got = jets_of(model, label, points, TWO, output=output)
        want = slow_jets(model, label, points, curves, output=output)
        assert_close(got, want, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("memory", [1, 2000])
@pytest.mark.parametrize("output", ["number", "vector"])
def test_pieces_of_curves_and_datapoints_change_nothing(library, memory, output):
    model, whole = logistic.model(library, memory=memory), logistic.model(library)
    for points in (RNG.integers(0, N, size=(S, 5)), model.everything):
        got = jets_of(model, "loss", points, ONE, output=output)
        want = jets_of(whole, "loss", points, ONE, output=output)
        assert_close(got, want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("library", LIBRARIES)
def test_without_curves_there_is_the_value(library):
    model = logistic.model(library)
    for output in ("number", "vector"):
        for points in (model.everything, np.arange(6).reshape(2, 3)):
            got = jets_of(model, "loss", points, [], output=output)
            assert_close(got, slow_jets(model, "loss", points, {}, output=output), rtol=1e-12)


@pytest.mark.parametrize("library", LIBRARIES)
def test_datapoints_that_are_not_finite_are_named(library):
    x = logistic.X.copy()
    x[[3, 11], 2] = np.nan
    model = logistic.model(library, x=x)
    for points in (model.everything, np.arange(18).reshape(S, 6)):
        with pytest.raises(StatisticsError, match="loss of datapoints 3, 11 are NaN"):
            jets_of(model, "loss", points, [(0,)], output="vector")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ([(0, 0)], "expected with the curves .0, 0. all of their parts"),
        ([()], "expected sorted directions"),
        ([(0,), (1,), (1, 0)], "expected sorted directions"),
    ],
)
def test_curves_that_are_not_complete(keys, words):
    model = logistic.model("jax")
    with pytest.raises(RequestError, match=words):
        model.jets("loss", np.arange(3), dict.fromkeys(keys, TABLES[0,]), output="number")


def test_curves_and_datapoints_that_do_not_fit():
    model = logistic.model("jax")
    table = model.as_table(TABLES[0,])
    for points in (np.zeros((2, 3), dtype=int), np.zeros((S, 0), dtype=int)):
        with pytest.raises(RequestError, match="expected"):
            model.jets("loss", points, {(0,): table}, output="number")
