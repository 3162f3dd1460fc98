"""Generated source on models, against dense derivatives; what has no source is said in one line."""

import numpy as np
import pytest

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.symbols import N

EXPRESSIONS = [
    "C_aa",
    "C_ab H_ab",
    "S_abc J_abc",
    "C_ab J_abc",
    "H_ab s_b",
    "l l",
    "l s_a s_a",
    "G~_a H~_ab G~_b",
    "tr(H)",
    "C_ab J_bcc",
    "D4_aabc G_b G_c",
    "D4_aabb",
    "H~_aa",
]
WEIGHTS = np.array([0.3, -0.2, 0.5])
DATA = np.array([[0.5, 1.0, -0.3], [1.5, -0.7, 0.2], [-0.4, 0.8, 0.9], [0.1, 0.6, -1.2]])
DECAY = 0.25


def source_of(expression, library):
    namespace = {}
    exec(expression.estimator().python(library=library), namespace)
    return namespace["estimate"]


def options_of(expression, functions):
    labels = {label for k in expression.contractions for label in k.labels}
    chosen = {"functions": functions} if "s" in labels else {}
    return {**chosen, **({"weight_decay": DECAY} if "penalised-loss" in labels else {})}


def dense(jax):
    """Return the loss, a function, and their derivatives in full."""

    def loss(weights, x):
        jnp = jax.numpy
        return jnp.tanh(weights @ x) ** 2 + jnp.exp(-(weights**2).sum()) * x[0]

    def function(weights):
        return jax.numpy.sin(weights).sum() * weights[0]

    def all_of(f):
        result, derivative = {}, f
        for k in range(5):
            result[k] = np.asarray(derivative(WEIGHTS))
            derivative = jax.jacfwd(derivative)
        return result

    return loss, function, all_of


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_jax(text):
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        loss, function, all_of = dense(jax)
        expression = Expression.parse(text)
        estimator = expression.estimator()
        points = DATA[: estimator.datapoints]
        options = options_of(expression, {"s": function})
        value = source_of(expression, "jax")(loss, WEIGHTS, *points, **options)
        derivatives = [all_of(lambda w, x=x: loss(w, x)) for x in points]
        if "functions" in options:
            options["functions"] = {"s": all_of(function)}
        if "weight_decay" in options:
            options["start"] = WEIGHTS
        expected = source_of(expression, "numpy")(*derivatives, **options)
    np.testing.assert_allclose(value, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_torch(text):
    jax, torch = pytest.importorskip("jax"), pytest.importorskip("torch")

    def loss(weights, x):
        w = torch.cat([weights["a"], weights["b"]])
        return torch.tanh(w @ x) ** 2 + torch.exp(-(w**2).sum()) * x[0]

    def function(weights):
        w = torch.cat([weights["a"], weights["b"]])
        return torch.sin(w).sum() * w[0]

    expression = Expression.parse(text)
    estimator = expression.estimator()
    weights = {"a": torch.from_numpy(WEIGHTS[:1]), "b": torch.from_numpy(WEIGHTS[1:])}
    points = [torch.from_numpy(x) for x in DATA[: estimator.datapoints]]
    options = options_of(expression, {"s": function})
    value = source_of(expression, "torch")(loss, weights, *points, **options)
    with jax.enable_x64(True):
        loss, function, _ = dense(jax)
        options = options_of(expression, {"s": function})
        points = DATA[: estimator.datapoints]
        expected = source_of(expression, "jax")(loss, WEIGHTS, *points, **options)
    if expression.rank:
        value = torch.cat(list(value.values()))
    assert not value.requires_grad
    np.testing.assert_allclose(value, expected, rtol=1e-10, atol=1e-12)


def test_the_degree_of_a_polynomial_may_run_out():
    torch = pytest.importorskip("torch")
    estimate = source_of(Expression.parse("J_abc G_b G_c"), "torch")
    weights = torch.tensor([1.0, 2.0])
    points = [torch.tensor([1.0, 0.5])] * 3
    assert not estimate(lambda w, x: (w * w * x).sum(), weights, *points).any()


def test_weights_of_any_structure():
    jax = pytest.importorskip("jax")
    estimate = source_of(Expression.parse("C_aa").gradient(), "jax")
    weights = {"w": np.ones((2, 2)), "b": np.zeros(2)}

    def loss(weights, x):
        return jax.numpy.tanh(weights["w"] @ x + weights["b"]).sum()

    value = estimate(loss, weights, np.array([1.0, 2.0]), np.array([0.5, -1.0]))
    assert {name: leaf.shape for name, leaf in value.items()} == {"w": (2, 2), "b": (2,)}


def test_symbols_are_keywords():
    trace = Expression.parse("C_aa")
    source = (trace * (N / (N - 1))).estimator().python()
    assert "def estimate(x, y, *, N):" in source
    namespace = {}
    exec(source, namespace)
    one, two = ({1: np.array([g])} for g in (1.0, 3.0))
    assert namespace["estimate"](one, two, N=2) == 2 * 1.0 * (1.0 - 3.0)


@pytest.mark.parametrize("library", ["jax", "torch"])
def test_what_models_have_no_source_for(library):
    with pytest.raises(RequestError, match="at most one free leg"):
        Expression.parse("C_ab").estimator().python(library=library)
    with pytest.raises(RequestError, match="circle of several"):
        Expression.parse("tr(H H)").estimator().python(library=library)


def test_other_libraries():
    with pytest.raises(RequestError, match="numpy, jax, torch"):
        Expression.parse("C_aa").estimator().python(library="tensorflow")


def test_one_datapoint_is_one():
    for library in ("numpy", "jax", "torch"):
        assert "from 1 datapoint," in Expression.parse("tr(H)").estimator().python(library=library)
