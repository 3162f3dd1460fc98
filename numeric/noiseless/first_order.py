r"""The first order in the noise of sampled runs: what their draws change, from one table.

A run whose training set has the datapoints :math:`x_1, \dots, x_N`, and whose update t uses the rows
:math:`\mathcal{B}_t`, ends to first order in the noise at

.. math:: s(\varphi) + \sum_t \frac{1}{|\mathcal{B}_t|} \sum_{i \in \mathcal{B}_t} e_{t, x_i}
    + \frac{1}{N} \sum_i r_{x_i}

with e of `sgdiagrams.numeric.noiseless.adjoint.effects`, and r the loss of a datapoint less the mean
where the training loss is read off. Rows are drawn from the data one by one, so the mean over draws is
:math:`s(\varphi)`, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.models.chunks import MEMORY
from sgdiagrams.numeric.noiseless.adjoint import effects
from sgdiagrams.numeric.noiseless.noiseless_run import NoiselessRun
from sgdiagrams.symbolic.embeddings.drawing import parted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from sgdiagrams.numeric.descent import Descent
    from sgdiagrams.numeric.models.model import Model
    from sgdiagrams.numeric.noiseless.reading import Reading

    Floats = NDArray[np.float64]
    from sgdiagrams.symbolic.embeddings.drawing import Weighted

__all__ = ["FirstOrder"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class FirstOrder:
    """What every datapoint at every update changes in what is read off.

    Attributes
    ----------
    value
        What is read off from the noiseless run.
    table
        e, shape (T, n); every row has sum zero.
    rows
        r, shape (n,), of sum zero.
    """

    value: float
    table: Floats
    rows: Floats

    @classmethod
    def of(
        cls,
        model: Model,
        descent: Descent,
        reading: Reading,
        *,
        eta: float,
        test_model: Model | None = None,
        memory: float = MEMORY,
    ) -> Self:
        """Follow the noiseless run and its adjoint: about four times the cost of the first.

        Parameters
        ----------
        model
            With the weights where runs start, and the population.
        descent
            The optimiser; the first of the points that it looks at is the end, a second one the point
            before, which is the start where there is none.
        reading
            What is read off.
        eta
            The learning rate.
        test_model
            With other data for the test loss.
        memory
            Bytes for the table, and as many for states of the run.

        Raises
        ------
        RequestError
            When the table is larger.
        StatisticsError
            When the noiseless run does not stay finite.
        """
        T, n = len(descent.updates), model.size
        if 8 * T * n > memory:
            raise RequestError(
                f"expected a table of updates times datapoints of at most {memory / 2**20:.0f} MiB for "
                f"the first order in the noise, got T={T} times n={n} numbers of 8 bytes; take fewer"
            )
        run = NoiselessRun.of(model, descent, eta=eta, memory=memory)
        passed = run.forward()
        points = (*passed.points, model.start)[:2]
        linear = reading.at(points, model, test_model)
        slopes = [model.as_table(slope) for slope in linear.slopes[: len(passed.points)]]
        table = np.empty((T, n))
        for t, effect in effects(run, passed, slopes):
            table[t] = effect
        return cls(linear.value, table, linear.rows)

    def of_runs(
        self, data: NDArray[np.intp], batches: Iterable[NDArray[np.intp] | Weighted]
    ) -> Floats:
        """Return the first order of sampled runs, without the value of the noiseless run; shape (R,).

        Parameters
        ----------
        data
            The training sets, numbers of datapoints, shape (R, N).
        batches
            The datapoints of every update, shape (R, m); with shares where they are not a mean.
        """
        total = self.rows[data].mean(axis=1) if self.rows.any() else np.zeros(len(data))
        for effect, batch in zip(self.table, batches, strict=True):
            datapoints, shares = parted(batch)
            of_rows = effect[datapoints]
            total += of_rows.mean(axis=1) if shares is None else (of_rows * shares).sum(axis=1)
        return total
