"""A model made of dense derivatives: a slow witness for what is measured on models."""

import os
import signal
import time
from contextlib import nullcontext
from itertools import permutations, product
from pathlib import Path

import numpy as np
from slow_jets import slow_jets

from sgdiagrams.numeric.models.model import Model


class DenseModel(Model):
    """Derivatives of the losses as arrays, the datapoint first, as `Statistics` holds them."""

    library = "numpy"

    def __init__(self, samples, functions=None, *, weight_decay=0.0, start=None, metric=None):
        self.samples = {k: np.asarray(a, float) for k, a in samples.items()}
        self.given = {
            name: {k: np.asarray(a, float) for k, a in orders.items()}
            for name, orders in (functions or {}).items()
        }
        self.decay, self.start = weight_decay, start
        self.metric = metric

    @property
    def dimension(self):
        return self.samples[1].shape[1]

    @property
    def dtype(self):
        return np.dtype(float)

    @property
    def size(self):
        return len(self.samples[1])

    @property
    def arrays(self):
        return tuple(self.samples.values())

    @property
    def functions(self):
        return tuple(self.given)

    @property
    def everything(self):
        return np.arange(self.size)

    def jets(self, label, datapoints, curves, *, output):
        return slow_jets(self, label, datapoints, curves, output=output)

    def moved(self, weights):
        raise NotImplementedError("tensors are known at one point alone")

    def computing(self):
        return nullcontext()

    operations = 1.0
    bytes_per_datapoint = 1.0

    def _tensor(self, label, datapoints, order):
        if label in self.given:
            return self.given[label][order]
        mean = self.samples[order][datapoints].mean(axis=0)
        if label == "penalised-loss":
            p = self.dimension
            mean = mean + self.decay * (
                (self.start @ self.start / 2, self.start, np.eye(p))[order] if order < 3 else 0.0
            )
        return mean

    def derivative(self, label, datapoints, legs=(), *, output):
        shapes = [leg.rows.shape for leg in legs]
        shared = datapoints is None or datapoints.ndim == 1
        R = max([1 if shared else len(datapoints), *(s[0] for s in shapes)])
        S = max([1, *(s[1] for s in shapes)])
        result = []
        for r, s in product(range(R), range(S)):
            points = datapoints if shared else datapoints[r]
            tensor = self._tensor(label, points, len(legs) + (output == "vector"))
            for leg in legs:
                rows = leg.rows if leg.rows.shape[0] == R else np.repeat(leg.rows, R, axis=0)
                tensor = np.tensordot(leg.table[rows[r, s]], tensor, axes=(0, 0))
            result.append(tensor)
        return np.array(result) if output == "vector" else np.array(result, float).reshape(R, S)

    def products(self, one, other):
        return one @ other.T

    def raised(self, table):
        return table if self.metric is None else table @ self.metric

    def joined(self, tables):
        return np.concatenate(tables)

    def combined(self, table, factors):
        return factors @ table

    def as_table(self, vectors):
        return vectors

    def as_floats(self, table):
        return table

    def as_weights(self, vector):
        return vector


class KillsOneMeasurer(DenseModel):
    """The same, whose first worker in another process is killed on the way."""

    def __init__(self, samples, folder, spared):
        super().__init__(samples)
        self.folder, self.spared = folder, spared

    def derivative(self, label, datapoints, legs=(), *, output):
        mark = Path(self.folder) / "killed"
        if legs and os.getpid() != self.spared and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        return super().derivative(label, datapoints, legs, output=output)


def random_samples(rng, n, p, order):
    """Return symmetric random derivatives 0..order of n losses of p weights."""
    samples = {0: rng.normal(size=n)}
    for k in range(1, order + 1):
        array = rng.normal(size=(n, *(p,) * k))
        orders = list(permutations(range(1, k + 1)))
        samples[k] = sum(array.transpose(0, *axes) for axes in orders) / len(orders)
    return samples
