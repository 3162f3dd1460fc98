"""A training loop as a PyTorch script has it, on a loss small enough to run often; and ours beside it."""

import warnings

import numpy as np
import torch

from sgdiagrams.numeric.descent import Descent

ROWS = 6
_NOISE = np.random.default_rng(3)
#: Datapoints (a, b): the loss is |a theta - b|^2/2 plus a cube.
POINTS = torch.tensor(_NOISE.normal(size=(ROWS, 2, 2)), dtype=torch.float64)
START = (0.4, -0.3)


def loss(theta, x):
    """Return the mean loss of a batch of datapoints, shape (m, 2, 2)."""
    a, b = x[:, 0], x[:, 1]
    return ((a * theta - b) ** 2).sum(dim=1).mean() / 2 + ((a @ theta) ** 3).mean() / 6


def gradient(theta, x):
    """Return the same gradients by hand, for runs with weights (R, p) on datapoints (R, m, 2, 2)."""
    a, b = x[:, :, 0], x[:, :, 1]
    along = np.einsum("rmp,rp->rm", a, theta)
    return (a * (a * theta[:, None] - b) + (along**2 / 2)[:, :, None] * a).mean(axis=1)


class Rows(torch.utils.data.Dataset):
    """Numbers of rows, so that a loader tells which it draws."""

    def __init__(self, number=ROWS):
        self.number = number

    def __len__(self):
        return self.number

    def __getitem__(self, row):
        return row


def weights():
    """Return weights at the start."""
    return torch.nn.Parameter(torch.tensor(START, dtype=torch.float64))


def real_run(theta, optimizer, loader, *, epochs, after_update=(), after_epoch=(), extra=None):
    """Train as people do; return the rows of every update and the weights at the end."""
    batches = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(epochs):
            for rows in loader:
                optimizer.zero_grad()
                mean = loss(theta, POINTS[rows])
                (mean if extra is None else extra(mean)).backward()
                optimizer.step()
                batches.append(tuple(rows.tolist()))
                for act in after_update:
                    act()
            for act in after_epoch:
                act()
    return batches, theta.detach().numpy().copy()


def our_run(training, batches, eta):
    """Return the weights that are looked at after the batches, by our update rule."""
    x = [POINTS[list(rows)].numpy()[None] for rows in batches]
    [end] = Descent.of(training).follow(gradient, np.array([START]), x, eta=eta)
    return end[0]
