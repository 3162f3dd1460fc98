"""Losses of PyTorch modules as functions of their weights."""

import pickle

import numpy as np
import pytest

import sgdiagrams as sd
from sgdiagrams.diagrams import RequestError
from sgdiagrams.numeric.models.choice import model_of
from sgdiagrams.numeric.models.model import Leg

torch = pytest.importorskip("torch")
nn = torch.nn


class Residual(nn.Module):
    """A network with a frozen layer, a buffer and a weight that is used twice."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.frozen = nn.Linear(3, 4).requires_grad_(False)
        self.inner = nn.Linear(4, 4)
        self.last = nn.Linear(4, 2)
        self.register_buffer("scale", torch.tensor(0.7))

    def forward(self, x):
        hidden = torch.tanh(self.frozen(x)) * self.scale
        for _ in range(2):
            hidden = hidden + torch.tanh(self.inner(hidden))
        return self.last(hidden)


def batch(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, generator=generator), torch.arange(count) % 2


def test_the_mean_loss_is_that_of_the_batch_and_its_derivatives_too():
    module = Residual().double()
    x, y = batch(6)
    loss, weights = sd.torch_loss(module, nn.CrossEntropyLoss())
    assert set(weights) == {"inner.weight", "inner.bias", "last.weight", "last.bias"}
    model = model_of(loss, weights, (x, y))
    value = nn.CrossEntropyLoss()(module(x.double()), y)
    got = model.derivative("loss", np.arange(6), output="number")
    assert got.item() == pytest.approx(value.item(), rel=1e-14)
    value.backward()
    gradient = torch.cat([module.get_parameter(name).grad.reshape(-1) for name in weights])
    got = model.derivative("loss", np.arange(6), output="vector")
    np.testing.assert_allclose(got[0].numpy(), gradient.numpy(), rtol=1e-12, atol=1e-15)


def test_weights_are_copies_and_the_module_stays_as_it_is():
    module = Residual()
    loss, weights = sd.torch_loss(module, nn.CrossEntropyLoss())
    before = module.last.bias.detach().clone()
    weights["last.bias"] += 1
    x, y = batch(1)
    changed = loss(weights, (x[0], y[0]))
    assert torch.equal(module.last.bias, before)
    assert changed.shape == ()
    assert not any(tensor.requires_grad for tensor in weights.values())


def test_double_precision_reaches_buffers_and_criterion():
    loss, weights = sd.torch_loss(Residual(), nn.CrossEntropyLoss())
    weights = {name: tensor.double() for name, tensor in weights.items()}
    x, y = batch(1)
    assert loss(weights, (x[0].double(), y[0])).dtype == torch.float64


def test_inputs_alone_and_several_inputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 1)

        def forward(self, one, other):
            return self.layer(one * other)

    module = Two().double()
    x = torch.randn(5, 3, dtype=torch.float64)
    loss, weights = sd.torch_loss(module, lambda output, target: ((output - target) ** 2).mean())
    model = model_of(loss, weights, ((x, x + 1), torch.zeros(5, 1)))
    want = (module(x, x + 1) ** 2).mean().item()
    assert model.derivative("loss", np.arange(5), output="number").item() == pytest.approx(want)
    loss, weights = sd.torch_loss(module.layer, torch.mean)
    model = model_of(loss, weights, x)
    want = module.layer(x).mean().item()
    assert model.derivative("loss", np.arange(5), output="number").item() == pytest.approx(want)


def test_losses_travel():
    loss, weights = sd.torch_loss(nn.Linear(3, 2), nn.CrossEntropyLoss())
    again = pickle.loads(pickle.dumps(loss))  # noqa: S301 - our own bytes
    x, y = batch(1)
    assert torch.equal(loss(weights, (x[0], y[0])), again(weights, (x[0], y[0])))


def test_large_models_row_by_row_are_what_they_are_at_once(monkeypatch):
    module = Residual().double()
    loss, weights = sd.torch_loss(module, nn.CrossEntropyLoss())
    model = model_of(loss, weights, batch(6))
    rng = np.random.default_rng(0)
    table = model.as_table(rng.normal(size=(4, model.dimension)))
    points = rng.integers(0, 6, size=(3, 2))
    legs = [Leg(table, rng.integers(0, 4, size=(3, 2))), Leg(table, np.array([[0, 1]]))]
    for output in ("number", "vector"):
        for k in range(3):
            mapped = model.derivative("loss", points, legs[:k], output=output)
            with monkeypatch.context() as patch:
                patch.setattr("sgdiagrams.numeric.models.torch_model._LARGE", 0)
                rows = model.derivative("loss", points, legs[:k], output=output)
            np.testing.assert_allclose(mapped, rows, rtol=1e-11, atol=1e-13)


def test_operations_that_know_no_vmap_are_taken_one_by_one():
    def loss(weights, datapoint):
        sign = 1 if datapoint.item() > 0 else -1  # a number of Python has no vmap
        return sign * weights["w"] ** 3

    data = np.array([1.0, -2.0, 3.0])
    model = model_of(loss, {"w": torch.tensor(2.0, dtype=torch.float64)}, data)
    got = model.derivative("loss", np.array([[0], [1]]), output="vector")
    assert got.tolist() == [[12], [-12]]
    assert model.derivative("loss", np.arange(3), output="vector").item() == pytest.approx(4)


@pytest.mark.parametrize(
    ("module", "criterion", "message"),
    [
        (5, nn.MSELoss(), "expected a torch.nn.Module, got module=5"),
        (nn.Linear(2, 1), None, "expected a criterion"),
        (nn.Linear(2, 1), nn.MSELoss(reduction="sum"), "take reduction='mean'"),
        (nn.Tanh(), nn.MSELoss(), "with parameters that require gradients"),
    ],
)
def test_what_is_refused(module, criterion, message):
    with pytest.raises(RequestError, match=message):
        sd.torch_loss(module, criterion)
