"""Derivatives of both libraries against closed forms, in every arrangement of legs and datapoints."""

import pickle

import logistic_models as logistic
import numpy as np
import pytest

from sgdiagrams.diagrams import RequestError, StatisticsError
from sgdiagrams.numeric.models.model import Leg

LIBRARIES = ["jax", "torch"]
N, P = logistic.N, logistic.P


def legs_of(model, rng, count, rows, columns):
    """Return legs on two tables; the third equals the first, the second is the same for all rows."""
    tables = [model.as_table(table) for table in logistic.TABLES]
    legs = [
        Leg(tables[i % 2], rng.integers(0, 6, size=(1 if i == 1 else rows, columns)))
        for i in range(count)
    ]
    return [legs[0] if i == 2 else leg for i, leg in enumerate(legs)]


def expected(points, legs, rows, columns, *, output, start=logistic.START, decay=0.0):
    """Return what `derivative` should, one entry after the other."""
    out = []
    for r in range(rows):
        for s in range(columns):
            vectors = [
                logistic.TABLES[i % 2 if i != 2 else 0][
                    np.broadcast_to(leg.rows, (rows, columns))[r, s]
                ]
                for i, leg in enumerate(legs)
            ]
            row = points if points.ndim == 1 else points[r]
            value = logistic.closed(row, vectors, open_leg=output == "vector", start=start)
            if decay:
                value = value + decay * logistic.penalty(vectors, open_leg=output == "vector")
            out.append(value)
    return np.array(out).reshape((rows, columns) if output == "number" else (-1, P))


def floats(model, result):
    return result if isinstance(result, np.ndarray) else model.as_floats(result)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("output", ["number", "vector"])
@pytest.mark.parametrize("legs", range(6))
def test_every_order_is_the_closed_form(library, output, legs):
    rng = np.random.default_rng(legs)
    model = logistic.model(library, weight_decay=logistic.DECAY)
    rows, columns = 3, 2 if legs else 1
    given = legs_of(model, rng, legs, rows, columns)
    for shape in ((rows, 4), (4,)):
        points = rng.integers(0, N, size=shape)
        r = rows if legs or len(shape) == 2 else 1
        want = expected(points, given, r, columns, output=output)
        got = floats(model, model.derivative("loss", points, given, output=output))
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)
        if legs <= 3:
            decayed = expected(points, given, r, columns, output=output, decay=logistic.DECAY)
            got = floats(model, model.derivative("penalised-loss", points, given, output=output))
            np.testing.assert_allclose(got, decayed, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("memory", [1, 3000])
def test_chunks_change_nothing(library, memory):
    rng = np.random.default_rng(3)
    model = logistic.model(library, memory=memory)
    whole = logistic.model(library)
    for output in ("number", "vector"):
        for shape, columns in (((5, 7), 3), ((7,), 5)):
            points = rng.integers(0, N, size=shape)
            given = legs_of(whole, rng, 2, 5, columns)
            want = floats(whole, whole.derivative("loss", points, given, output=output))
            got = floats(model, model.derivative("loss", points, given, output=output))
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("library", LIBRARIES)
def test_single_precision(library):
    rng = np.random.default_rng(4)
    model = logistic.model(library, dtype=np.float32)
    assert model.dtype == np.float32
    points = rng.integers(0, N, size=(3, 4))
    given = legs_of(model, rng, 3, 3, 2)
    for output in ("number", "vector"):
        want = expected(points, given, 3, 2, output=output)
        result = model.derivative("loss", points, given, output=output)
        if output == "vector":
            assert "float32" in str(result.dtype)
        np.testing.assert_allclose(floats(model, result), want, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("library", LIBRARIES)
def test_functions_of_the_weights_have_no_datapoints(library):
    def square(weights):
        return (weights["a"] ** 3).sum() + weights["b"].sum()

    model = logistic.model(library, functions={"cube": square})
    a = logistic.START[:3]
    assert model.functions == ("cube",)
    table = model.as_table(logistic.TABLES[0])
    leg = Leg(table, np.array([[0, 1]]))
    first, second = logistic.TABLES[0][:2, :3]
    value = model.derivative("cube", None, output="number")
    np.testing.assert_allclose(value, [[(a**3).sum() + logistic.START[3:].sum()]])
    got = model.derivative("cube", None, [leg, leg], output="number")
    np.testing.assert_allclose(got, [[6 * a @ first**2, 6 * a @ second**2]])
    got = model.as_floats(model.derivative("cube", None, [leg], output="vector"))
    np.testing.assert_allclose(got[:, :3], 6 * a * np.array([first, second]))
    np.testing.assert_allclose(got[:, 3:], 0)
    with pytest.raises(RequestError, match="datapoints=None"):
        model.derivative("cube", np.arange(3), output="number")
    with pytest.raises(RequestError, match="expected one of loss, penalised-loss, cube"):
        model.derivative("square", None, output="number")


@pytest.mark.parametrize("library", LIBRARIES)
def test_products_are_those_of_all_pairs_to_the_last_digits(library):
    for dtype, digits in ((np.float64, 1e-14), (np.float32, 2e-7)):
        model = logistic.model(library, dtype=dtype)
        one = np.random.default_rng(5).normal(size=(3, 3001)).astype(dtype)
        other = np.random.default_rng(6).normal(size=(2, 3001)).astype(dtype)
        want = one.astype(float) @ other.T.astype(float)
        got = model.products(model.as_table(one), model.as_table(other))
        assert got.dtype == np.float64
        assert abs(got - want).max() < digits * (abs(one) @ abs(other).T).max()


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("form", ["number", "flat", "like weights", "function"])
def test_learning_rates(library, form):
    diagonal = np.array([1.0, 2.0, 3.0, 0.5, 0.5])
    eta = {
        "number": 0.25,
        "flat": diagonal,
        "like weights": {"a": np.array([1.0, 2.0, 3.0]), "b": 0.5},
        "function": lambda tree: {"b": 0.5 * tree["b"], "a": 2 * tree["a"]},
    }[form]
    want = {
        "number": np.full(5, 0.25),
        "flat": diagonal,
        "like weights": diagonal,
        "function": np.array([2, 2, 2, 0.5, 0.5]),
    }[form]
    model = logistic.model(library, eta=eta)
    got = model.as_floats(model.raised(model.as_table(logistic.TABLES[0])))
    np.testing.assert_allclose(got, logistic.TABLES[0] * want, rtol=1e-15)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("eta", [[1.0, 2.0], {"a": 1.0}, np.full(5, np.nan), "big"])
def test_learning_rates_that_do_not_fit(library, eta):
    with pytest.raises(RequestError, match="expected eta to be a number"):
        logistic.model(library, eta=eta)


@pytest.mark.parametrize("library", LIBRARIES)
def test_tables_and_weights(library):
    model = logistic.model(library)
    one, other = (model.as_table(table) for table in logistic.TABLES)
    np.testing.assert_array_equal(
        model.as_floats(model.joined([one, other])), logistic.TABLES.reshape(-1, P)
    )
    factors = np.array([[1.0, 0, -2, 0, 0, 0]])
    np.testing.assert_allclose(
        model.as_floats(model.combined(one, factors)), factors @ logistic.TABLES[0]
    )
    tree = model.as_weights(logistic.START)
    assert set(tree) == {"a", "b"}
    for name, array in logistic.WEIGHTS.items():
        np.testing.assert_array_equal(np.asarray(tree[name]), array)
    np.testing.assert_array_equal(model.as_floats(model.start), logistic.START)
    assert (model.dimension, model.size, model.library) == (P, N, library)


@pytest.mark.parametrize("library", LIBRARIES)
def test_models_travel(library):
    model = logistic.model(library, weight_decay=0.5)
    points = np.arange(4)
    want = model.derivative("penalised-loss", points, output="number")
    other = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    np.testing.assert_array_equal(other.derivative("penalised-loss", points, output="number"), want)


@pytest.mark.parametrize("library", LIBRARIES)
def test_datapoints_that_are_not_finite_are_named(library):
    x = logistic.X.copy()
    x[[3, 11], 2] = np.nan
    model = logistic.model(library, x=x)
    for output in ("number", "vector"):
        for points in (np.arange(N), np.arange(N).reshape(4, 5)):
            with pytest.raises(StatisticsError, match="loss of datapoints 3, 11 are NaN"):
                model.derivative("loss", points, output=output)
    model.derivative("loss", np.arange(3), output="vector")


@pytest.mark.parametrize("library", LIBRARIES)
def test_costs_are_read_off_and_repeat(library):
    first, again = logistic.model(library), logistic.model(library)
    assert first.operations == again.operations
    assert first.bytes_per_datapoint == again.bytes_per_datapoint
    assert 10 < first.operations < 1000
    assert P * 8 < first.bytes_per_datapoint < 10_000
