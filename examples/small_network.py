"""A small network as a model of `sgdiagrams measure`: once in JAX, once in PyTorch.

    sgdiagrams expand --order 3 --format json --output e.json
    sgdiagrams measure examples/small_network.py:network --expansion e.json --output m.npz
    sgdiagrams evaluate e.json --statistics m.npz --set eta=0.05 --set T=100

A function without arguments returns the loss of one datapoint, the weights and the data.
"""

import numpy as np

WIDTH = 12


def points():
    """Return 240 points of the plane around three centres, and which centre each belongs to."""
    rng = np.random.default_rng(0)
    labels = np.arange(240) % 3
    angles = 2 * np.pi * labels / 3 + rng.normal(scale=0.6, size=240)
    radii = rng.uniform(0.5, 1.5, size=240)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1), labels


def network():
    """Return a network with 72 weights: loss(weights, datapoint) in JAX, weights, data."""
    import jax  # noqa: PLC0415 - the other function does without
    import jax.numpy as jnp  # noqa: PLC0415

    rng = np.random.default_rng(1)
    weights = {
        "inputs": rng.normal(size=(2, WIDTH)),
        "shifts": np.zeros(WIDTH),
        "outputs": rng.normal(size=(WIDTH, 3)) / WIDTH,
    }

    def loss(weights, datapoint):
        point, label = datapoint
        hidden = jnp.tanh(point @ weights["inputs"] + weights["shifts"])
        scores = hidden @ weights["outputs"]
        return jax.nn.logsumexp(scores) - scores[label]

    return loss, weights, points()


def module():
    """Return such a network in PyTorch: its loss and weights, and the same data."""
    import torch  # noqa: PLC0415

    from sgdiagrams import torch_loss  # noqa: PLC0415

    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        torch.nn.Linear(2, WIDTH), torch.nn.Tanh(), torch.nn.Linear(WIDTH, 3, bias=False)
    )
    inputs, labels = points()
    loss, weights = torch_loss(layers.double(), torch.nn.CrossEntropyLoss())
    return loss, weights, (torch.tensor(inputs), torch.tensor(labels))
