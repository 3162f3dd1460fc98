"""Derivatives along curves: separate derivatives along vectors, and derivatives by the epsilons."""

import logistic_models as logistic
import numpy as np
import pytest
from slow_jets import slow_jets

from sgdiagrams.diagrams import RequestError, StatisticsError
from sgdiagrams.numeric.models.choice import model_of
from sgdiagrams.numeric.models.curves.pieces import sizes_at_once

LIBRARIES = ["jax", "torch"]
N, P = logistic.N, logistic.P
S = 3
ONE = [(0,), (0, 0)]
FEW = [*ONE, (1,), (0, 1)]
TWO = [*FEW, (1, 1), (0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1), (0, 0, 1, 1)]
RNG = np.random.default_rng(0)
#: Numbers that float32 holds as well.
TABLES = {key: RNG.normal(size=(S, P)).astype(np.float32).astype(float) for key in TWO}


def tables_of(keys):
    return {key: TABLES[key] for key in keys}


def jets_of(model, label, datapoints, curves, *, output):
    given = {key: model.as_table(table) for key, table in curves.items()}
    result = model.jets(label, datapoints, given, output=output)
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
@pytest.mark.parametrize(
    ("output", "own", "keys"),
    [("number", False, TWO), ("number", True, FEW), ("vector", False, FEW), ("vector", True, TWO)],
)
def test_they_are_sums_of_derivatives_along_vectors(library, output, own, keys):
    model = logistic.model(library, weight_decay=logistic.DECAY)
    points = RNG.integers(0, N, size=(S, 4)) if own else model.everything
    curves = tables_of(keys)
    for label in ("loss", "penalised-loss"):
        got = jets_of(model, label, points, curves, output=output)
        want = slow_jets(model, label, points, curves, output=output)
        assert_close(got, want, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("output", ["number", "vector"])
def test_they_are_derivatives_by_the_epsilons(output):
    jax = pytest.importorskip("jax")
    model = logistic.model("jax")
    points = RNG.integers(0, N, size=7)
    got = jets_of(model, "loss", points, tables_of(FEW), output=output)

    def mean(flat):
        losses = jax.vmap(model.loss, ({"a": None, "b": None}, 0))
        return losses(model.structured(flat), (logistic.X[points], logistic.Y[points])).mean()

    def along(epsilon):
        x, y = epsilon
        c = {key: table[1] for key, table in tables_of(FEW).items()}
        weights = logistic.START + x * c[0,] + y * c[1,] + x * x / 2 * c[0, 0] + x * y * c[0, 1]
        return mean(weights) if output == "number" else jax.grad(mean)(weights)

    def both(epsilon):
        return jax.jacrev(along)(epsilon), jax.jacrev(jax.jacrev(along))(epsilon)

    with model.computing():
        first, second = jax.jit(both)(np.zeros(2))
    want = {(0,): first[..., 0], (1,): first[..., 1]}
    want |= {(0, 0): second[..., 0, 0], (0, 1): second[..., 0, 1]}
    for key, value in want.items():
        np.testing.assert_allclose(got[key][1], value, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("output", ["number", "vector"])
@pytest.mark.parametrize("memory", [1, 2000])
def test_pieces_of_curves_and_datapoints_change_nothing(library, output, memory):
    model, whole = logistic.model(library, memory=memory), logistic.model(library)
    for points in (RNG.integers(0, N, size=(S, 5)), model.everything):
        here = points if points is not model.everything else whole.everything
        got = jets_of(model, "loss", points, tables_of(ONE), output=output)
        want = jets_of(whole, "loss", here, tables_of(ONE), output=output)
        assert_close(got, want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("has_caches", [True, False])
@pytest.mark.parametrize("memory", [1.0, 1e5, 1e9])
@pytest.mark.parametrize(("curves", "datapoints"), [(1, 1), (3, 100_000), (1000, 7), (200, 1797)])
def test_what_is_computed_at_once_fits_the_memory(curves, datapoints, memory, has_caches):
    some, few = sizes_at_once(
        curves, datapoints, bytes_each=600, derivatives=3, memory=memory, has_caches=has_caches
    )
    assert 1 <= some <= curves
    assert 1 <= few <= datapoints
    assert some * few == 1 or some * few * 600 * 3 <= memory
    # Nor are pieces much smaller than they may be.
    if (some, few) != (curves, datapoints) and memory < 2**20:
        assert some * few * 600 * 3 * 4 >= min(memory, 600 * 3 * 4)


@pytest.mark.parametrize("output", ["number", "vector"])
def test_pieces_inside_what_is_compiled_change_nothing(output, monkeypatch):
    model = logistic.model("jax")
    for points in (RNG.integers(0, N, size=(S, 5)), model.everything):
        want = jets_of(model, "loss", points, tables_of(ONE), output=output)
        with monkeypatch.context() as patch:
            patch.setattr(
                "sgdiagrams.numeric.models.jax_model.sizes_at_once", lambda *_, **__: (2, 3)
            )
            got = jets_of(model, "loss", points, tables_of(ONE), output=output)
        assert_close(got, want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("library", LIBRARIES)
def test_single_precision(library):
    model = logistic.model(library, dtype=np.float32)
    exact = logistic.model(library, start=model.as_floats(model.start))
    for output in ("number", "vector"):
        for points in (np.tile([0, 3, 3, 7], (S, 1)), model.everything):
            got = jets_of(model, "loss", points, tables_of(ONE), output=output)
            want = slow_jets(exact, "loss", points, tables_of(ONE), output=output)
            assert_close(got, want, rtol=1e-4, atol=1e-5)


def test_sums_of_many_numbers_lose_nothing_in_single_precision():
    jax = pytest.importorskip("jax")
    x = np.random.default_rng(0).random(5001).astype(np.float32)
    model = model_of(lambda w, p: w * p, np.float32(1), x)
    curve = {(0,): jax.numpy.ones((1, 1), dtype=np.float32)}
    got = model.jets("loss", model.everything, curve, output="number")
    for value in got.values():
        np.testing.assert_allclose(value, [x.astype(float).mean()], rtol=1e-13)


@pytest.mark.parametrize("library", LIBRARIES)
def test_functions_of_the_weights_have_no_datapoints(library):
    def cube(weights):
        return (weights["a"] ** 3).sum() + weights["b"].sum()

    model = logistic.model(library, functions={"cube": cube})
    for output in ("number", "vector"):
        got = jets_of(model, "cube", None, tables_of(ONE), output=output)
        want = slow_jets(model, "cube", None, tables_of(ONE), output=output)
        assert_close(got, want, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("library", LIBRARIES)
def test_without_curves_there_is_the_value(library):
    model = logistic.model(library)
    for output in ("number", "vector"):
        for points in (model.everything, np.arange(6).reshape(2, 3)):
            got = jets_of(model, "loss", points, {}, output=output)
            assert_close(got, slow_jets(model, "loss", points, {}, output=output), rtol=1e-12)


@pytest.mark.parametrize("library", LIBRARIES)
def test_models_that_are_moved_share_what_was_prepared(library):
    model = logistic.model(library)
    model.jets("loss", model.everything, {}, output="vector")
    shift = np.arange(P) / 7
    other = model.moved(model.start + model.as_table(shift[None])[0])
    assert other.everything is model.everything
    with pytest.raises(ValueError, match="read-only"):
        other.everything[0] = 1
    there = logistic.model(library, start=logistic.START + shift)
    got = jets_of(other, "loss", other.everything, tables_of(ONE), output="vector")
    assert_close(
        got,
        slow_jets(there, "loss", there.everything, tables_of(ONE), output="vector"),
        rtol=1e-11,
        atol=1e-13,
    )


@pytest.mark.parametrize("output", ["number", "vector"])
def test_losses_that_pytorch_cannot_map_are_taken_one_by_one(output):
    torch = pytest.importorskip("torch")

    def loss(weights, x):
        # An own derivative without a rule for many datapoints.
        return (_cubes(torch)(weights["a"]) * x).sum()

    start = {"a": torch.tensor([0.3, -0.7], dtype=torch.float64)}
    model = model_of(loss, start, np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.25]]))
    curves = {key: table[:, :2] for key, table in tables_of(FEW).items()}
    for points in (np.array([[0, 1], [2, 2], [1, 2]]), model.everything):
        got = jets_of(model, "loss", points, curves, output=output)
        want = slow_jets(model, "loss", points, curves, output=output)
        assert_close(got, want, rtol=1e-12, atol=1e-13)


def _cubes(torch):
    class Cubes(torch.autograd.Function):
        @staticmethod
        def forward(ctx, w):
            ctx.save_for_backward(w)
            return w**3

        @staticmethod
        def backward(ctx, slope):
            (w,) = ctx.saved_tensors
            return 3 * w**2 * slope

    return Cubes.apply


@pytest.mark.parametrize("library", LIBRARIES)
def test_datapoints_that_are_not_finite_are_named(library):
    x = logistic.X.copy()
    x[[3, 11], 2] = np.nan
    model = logistic.model(library, x=x)
    for points in (model.everything, np.arange(18).reshape(S, 6)):
        with pytest.raises(StatisticsError, match="loss of datapoints 3, 11 are NaN"):
            jets_of(model, "loss", points, tables_of([(0,)]), output="vector")


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
