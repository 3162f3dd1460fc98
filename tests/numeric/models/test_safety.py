"""What is refused before a model is trusted, and what is said about it."""

from functools import partial

import numpy as np
import pytest

import sgdiagrams as sd
from sgdiagrams.diagrams import RequestError, StatisticsError
from sgdiagrams.numeric.models.choice import model_of
from sgdiagrams.numeric.models.safety.checking import check_model

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 5))
START = RNG.normal(size=5)


def _nothing(weights, datapoint):
    return 0 * weights["w"].sum() * datapoint.sum()


def checked(loss, *, library, order=3, x=X, dtype=np.float64, **options):
    """Return the notes on a loss of five weights and five numbers."""
    start = START.astype(dtype)
    if library == "torch":
        start = pytest.importorskip("torch").from_numpy(start)
    return check_model(model_of(lambda w, p: loss(w["w"], p), {"w": start}, x, **options), order)


def matrix(w):
    import torch

    return torch.outer(w, w.sin()) + 2 * torch.eye(5, dtype=w.dtype)


def wrong(name, w, x):
    """Return a loss whose derivatives PyTorch 2.13 gets wrong."""
    import torch
    from torch.nn import functional

    match name:
        case "layer":
            return functional.layer_norm(w * x, (5,)).pow(3).sum()
        case "instance":
            return functional.instance_norm((w * x)[None, None]).pow(3).sum()
        case "batch":
            return functional.batch_norm((w * x)[:, None], None, None, training=True).pow(3).sum()
        case "solve":
            return torch.linalg.solve(matrix(w), x).sum()
        case "slogdet":
            return torch.linalg.slogdet(matrix(w))[1] + x @ w
    return torch.linalg.det(matrix(w)) + x @ w


def right(name, w, x):
    """Return a loss that is written in the place of one of these, or looks as dangerous."""
    import torch
    from torch.nn import functional

    match name:
        case "layer norm written out":
            centred = w * x - (w * x).mean()
            return (centred / torch.sqrt((centred**2).mean() + 1e-5)).pow(3).sum()
        case "inverse":
            return (torch.linalg.inv(matrix(w)) @ x).sum()
        case "log of a determinant":
            square = matrix(w) @ matrix(w).T
            return torch.linalg.cholesky(square).diagonal().log().sum() + x @ w
        case "attention":
            parts = ((part)[None, :, None] for part in (w * x, w + x, w.sin()))
            return functional.scaled_dot_product_attention(*parts).pow(2).sum()
        case "group norm":
            return functional.group_norm((w * x)[None], 1).pow(3).sum()
        case "polynomial":
            return ((w - x) ** 2).sum()
    return ((w * x).float() ** 3).sum()


def kinked(name, w, x):
    from torch.nn import functional

    match name:
        case "max-pool":
            return functional.max_pool1d((w * x)[None], 2).sum()
        case "huber_loss":
            return functional.huber_loss(w, x)
        case "abs":
            return (w * x - 1).abs().sum()
    return getattr(functional, name)(w * x).sum()


class TestTorch:
    @pytest.fixture(autouse=True)
    def _library(self):
        pytest.importorskip("torch")

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("layer", "layer normalisation: write it out"),
            ("instance", "batch or instance normalisation: write it out"),
            ("batch", "batch or instance normalisation: write it out"),
            ("solve", "torch.linalg.solve: take torch.linalg.inv"),
            ("slogdet", "torch.linalg.slogdet or torch.logdet: take torch.linalg.cholesky"),
            ("det", "torch.linalg.det: take torch.linalg.cholesky"),
        ],
    )
    def test_wrong_derivatives_are_refused_by_name(self, name, words):
        with pytest.raises(RequestError, match="derivative of the loss disagree") as refused:
            checked(partial(wrong, name), library="torch")
        assert f"for {words}" in str(refused.value)

    def test_their_first_two_derivatives_are_right_and_trusted(self):
        assert checked(partial(wrong, "layer"), library="torch", order=2) == ()

    @pytest.mark.parametrize(
        "name",
        [
            "layer norm written out", "inverse", "log of a determinant", "attention", "group norm",
            "polynomial", "float32 inside",
        ],
    )  # fmt: skip
    def test_right_derivatives_are_trusted(self, name):
        assert checked(partial(right, name), library="torch") == ()

    def test_the_replacement_of_a_determinant_is_its_logarithm(self):
        import torch

        w, zeros = torch.from_numpy(START), torch.zeros(5, dtype=torch.float64)
        want = np.linalg.slogdet(matrix(w).numpy())[1]
        assert right("log of a determinant", w, zeros).item() == pytest.approx(want)

    def test_detached_parts_are_refused(self):
        with pytest.raises(RequestError, match=r"first derivative .* detach"):
            checked(lambda w, x: (w @ x) ** 2 * (w.detach() ** 2).sum(), library="torch")

    def test_random_losses_are_refused(self):
        import torch

        with pytest.raises(RequestError, match="the same at every call"):
            checked(lambda w, x: w @ x + torch.rand(()) * w.sum(), library="torch")

    @pytest.mark.parametrize(
        "name", ["relu", "leaky_relu", "max-pool", "abs", "hardtanh", "huber_loss"]
    )
    def test_kinks_are_named(self, name):
        (note,) = checked(partial(kinked, name), library="torch", order=1)
        assert name in note
        assert len(note) < 200

    @pytest.mark.parametrize(
        ("name", "message"),
        [("BatchNorm1d", "takes means over a batch"), ("Dropout", "leaves out other units")],
    )
    def test_modules_in_training_mode_are_refused_at_once_and_later(self, name, message):
        from torch import nn

        part = nn.BatchNorm1d(5) if name == "BatchNorm1d" else nn.Dropout(0.5)
        module = nn.Sequential(nn.Linear(5, 5), nn.Tanh(), part, nn.Linear(5, 2))
        with pytest.raises(RequestError, match=rf"\('2'\) {message}.*module.eval\(\)"):
            sd.torch_loss(module, nn.CrossEntropyLoss())
        loss, weights = sd.torch_loss(module.eval(), nn.CrossEntropyLoss())
        model = model_of(loss, weights, (X, np.arange(4) % 2))
        assert check_model(model, 2) == ()
        module.train()
        with pytest.raises(RequestError, match=message):
            check_model(model, 2)

    def test_criteria_that_weigh_datapoints_by_the_batch_are_refused(self):
        import torch

        criterion = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]))
        loss, weights = sd.torch_loss(torch.nn.Linear(5, 2), criterion)
        with pytest.raises(RequestError, match=r"loss of a batch of two .* weights of classes"):
            check_model(model_of(loss, weights, (X, np.arange(4) % 2)), 1)

    def test_single_precision_models_are_checked_in_double(self):
        import torch

        with pytest.raises(RequestError, match="third derivative"):
            checked(partial(wrong, "layer"), library="torch", dtype=np.float32)
        constant = torch.ones(5, 5)  # stays float32
        assert checked(lambda w, x: (constant @ w) @ x, library="torch", dtype=np.float32) == ()


class TestJax:
    @pytest.fixture(autouse=True)
    def _library(self):
        pytest.importorskip("jax")

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_smooth_losses_are_trusted(self, dtype):
        import jax

        assert checked(lambda w, x: jax.nn.softplus(w @ x) ** 2, library="jax", dtype=dtype) == ()

    def test_parts_without_their_true_derivative_are_refused(self):
        import jax

        with pytest.raises(RequestError, match=r"first derivative .* stop_gradient"):
            checked(
                lambda w, x: (w @ x) ** 2 * jax.lax.stop_gradient(w).sum(), library="jax", order=1
            )

    def test_functions_with_a_backward_derivative_alone_are_refused(self):
        import jax

        @jax.custom_vjp
        def square(x):
            return x**2

        square.defvjp(lambda x: (x**2, x), lambda x, t: (2 * x * t,))
        with pytest.raises(RequestError, match=r"need jax\.custom_jvp"):
            checked(lambda w, x: square(w @ x), library="jax", order=1)

    def test_random_losses_are_refused(self):
        with pytest.raises(RequestError, match="the same at every call"):
            checked(lambda w, x: w @ x + RNG.random() * w.sum(), library="jax", order=1)

    @pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "relu6", "clip", "abs", "max"])
    def test_kinks_are_named(self, name):
        import jax
        from jax import numpy as jnp

        from sgdiagrams.numeric.models.safety.jax_programs import jax_kinks

        losses = {
            "abs": lambda w, x: abs(w * x - 1).sum(),
            "clip": lambda w, x: jnp.clip(w * x, -1, 1).sum(),
            "max": lambda w, x: jnp.maximum(w, x).sum(),
        }
        loss = losses.get(name, lambda w, x: getattr(jax.nn, name)(w * x).sum())
        assert jax_kinks(loss, START, X[0]) == (name,)

    @pytest.mark.parametrize(
        "name", ["softplus", "logsumexp", "log_softmax", "softmax", "gelu", "silu", "log_sigmoid"]
    )
    def test_smooth_functions_have_none(self, name):
        import jax

        from sgdiagrams.numeric.models.safety.jax_programs import jax_kinks

        assert jax_kinks(lambda w, x: getattr(jax.nn, name)(w * x).sum(), START, X[0]) == ()

    def test_choices_by_the_data_have_no_kinks(self):
        from jax import lax
        from jax import numpy as jnp

        from sgdiagrams.numeric.models.safety.jax_programs import jax_kinks

        def loss(w, x):
            chosen = jnp.where(x > 0, w**3, w).sum()
            return lax.scan(lambda c, y: (jnp.tanh(c * y), None), chosen, abs(x))[0]

        assert jax_kinks(loss, START, X[0]) == ()


@pytest.mark.parametrize("library", ["jax", "torch"])
def test_losses_that_are_not_finite_are_named(library):
    pytest.importorskip(library)
    x = X.copy()
    x[3, 0] = np.nan
    with pytest.raises(StatisticsError, match="the loss of datapoint 3 is nan"):
        checked(lambda w, x: (w * x).sum() ** 2, library=library, x=x, order=1)


@pytest.mark.parametrize("library", ["jax", "torch"])
@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda w, x: w * x, r"got shape \(5,\).*a datapoint has no axis for a batch"),
        (lambda w, x: (w[:3] * x).sum(), "loss fails with .*; a datapoint is one row of the data"),
    ],
)
def test_losses_that_are_none_are_refused_when_the_model_is_made(library, loss, message):
    pytest.importorskip(library)
    with pytest.raises(RequestError, match=message):
        checked(loss, library=library)


@pytest.mark.parametrize("library", ["jax", "torch"])
def test_functions_that_are_none_are_refused(library):
    pytest.importorskip(library)
    with pytest.raises(RequestError, match="expected twice to return a number"):
        checked(lambda w, x: w @ x, library=library, functions={"twice": lambda w: 2 * w["w"]})


@pytest.mark.parametrize("library", ["jax", "torch"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((), "expected data, got none"),
        ((np.ones((3, 5)), np.ones(4)), "got arrays of lengths 3, 4"),
        (np.ones((0, 5)), "arrays without rows"),
        (np.array(["a", "b"]), "expected arrays of numbers"),
        ([1.0, 2.0], "a row for every datapoint, got the number"),
    ],
)
def test_data_that_are_none_are_refused(library, data, message):
    pytest.importorskip(library)
    with pytest.raises(StatisticsError, match=message):
        checked(lambda w, x: w @ x, library=library, x=data)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, "expected weights, got none"),
        ({"w": np.arange(3)}, "float32 or float64, got 'int64'"),
        ({"w": np.ones(2), "v": np.ones(2, np.float32)}, "of one type, got float32, float64"),
        ({"w": "heavy"}, "float32 or float64, got '<U5'"),
    ],
)
def test_weights_that_are_none_are_refused(weights, message):
    pytest.importorskip("jax")
    with pytest.raises(RequestError, match=message):
        model_of(_nothing, weights, X)
    torch = pytest.importorskip("torch")
    if weights and weights["w"].__class__ is np.ndarray:
        tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
        with pytest.raises(RequestError, match=message):
            model_of(_nothing, tensors, X)
