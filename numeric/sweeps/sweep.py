r"""A sweep over the datapoints of one round: vectors of branches, and numbers of contractions.

Vectors of branches stand in tables, one row for every group and multiplier. A node that is alone in its
block takes the mean over a group; nodes that share a datapoint are worked out datapoint by datapoint, and
a node between them is averaged over a window of another group that moves along with the datapoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from sgdiagrams.numeric.models.model import Leg
from sgdiagrams.numeric.sweeps.designs import Cells, Grouping, leave_out_factors
from sgdiagrams.numeric.sweeps.routes import (
    Routes,
    block_count,
    branches_of,
    clusters,
    columns_of,
    is_by_rows,
)
from sgdiagrams.numeric.sweeps.trees import (
    Core,
    branch,
    core_of,
    is_sampled,
    neighbours,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Model, Vectors
    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["Sweep"]


class _Rows(NamedTuple):
    """Datapoints that cores are worked out at, one a row."""

    group: NDArray[np.intp]
    place: NDArray[np.intp]
    column: NDArray[np.intp]
    #: Which datapoint of each further block: shape (R, blocks - 1).
    others: NDArray[np.intp]


@final
class Sweep:
    """What one round measures.

    Parameters
    ----------
    model
        Gives derivatives.
    grouping
        Groups of the round.
    datapoints
        Numbers of datapoints, shape (M, n).
    routes
        How contractions are measured.
    rows
        How many datapoints are worked out at once where it has to be one by one.
    """

    def __init__(
        self,
        model: Model,
        grouping: Grouping,
        datapoints: NDArray[np.intp],
        routes: Routes,
        *,
        rows: int = 4096,
    ) -> None:
        self._rows = rows
        self._model = model
        self._grouping = grouping
        self._datapoints = datapoints
        self._tables: dict[Contraction, Vectors] = {}
        self._raised: dict[Contraction, Vectors] = {}
        self._cells: dict[Contraction, Cells] = {}
        self._routes = routes
        self._run(routes)

    def numbers(
        self, contractions: Sequence[Contraction]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return values, shape (C,), and deviations of groups, shape (M, C), of contractions."""
        groups = 0 if self._grouping.is_complete else self._grouping.groups
        values = np.zeros(len(contractions))
        deviations = np.zeros((groups, len(contractions)))
        for i, contraction in enumerate(contractions):
            cells = self._product(clusters(contraction))
            mean, left_out = leave_out_factors(cells.masks, self._grouping.groups)
            values[i] = mean @ cells.values
            with np.errstate(invalid="ignore"):
                deviations[:, i] = np.nan_to_num(left_out @ cells.values, nan=np.inf)
        return values, deviations

    def vectors(
        self, contractions: Sequence[Contraction]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the same of contractions with one free leg: shapes (V, p) and (M, V, p)."""
        groups = 0 if self._grouping.is_complete else self._grouping.groups
        p = self._model.dimension
        values = np.zeros((len(contractions), p))
        deviations = np.zeros((groups, len(contractions), p))
        for i, contraction in enumerate(contractions):
            table, factors, left_out = self._vector(contraction)
            values[i] = self._model.as_floats(self._model.combined(table, factors[None, :]))[0]
            if not np.isfinite(left_out).all():
                deviations[:, i] = np.inf
            elif groups and left_out.size:
                deviations[:, i] = self._model.as_floats(self._model.combined(table, left_out))
        return values, deviations

    def _vector(
        self, contraction: Contraction
    ) -> tuple[Vectors, NDArray[np.float64], NDArray[np.float64]]:
        """Return a table, and factors of its rows in the mean and in the deviations."""
        parts = clusters(contraction)
        (carrier,) = (c for c in parts if c.free)
        table = self._raise(carrier)
        grouping = self._grouping
        masks = self._masks(carrier)
        onto = np.eye(len(masks))
        rest = [c for c in parts if not c.free]
        if rest:
            cells = self._product(rest)
            free = (masks[:, None] & cells.masks[None, :]) == 0
            rows, other = np.nonzero(free)
            masks = masks[rows] | cells.masks[other]
            onto = onto[rows] * cells.values[other][:, None]
        mean, left_out = leave_out_factors(masks, grouping.groups)
        with np.errstate(invalid="ignore"):
            return table, mean @ onto, left_out @ onto

    def _product(self, parts: Sequence[Contraction]) -> Cells:
        cells = [self._cluster(c) for c in sorted(parts, key=lambda c: c.simplicity)]
        total = cells[0]
        for other in cells[1:]:
            total = total.times(other)
        return total

    def _cluster(self, cluster: Contraction) -> Cells:
        """Return the numbers of a cluster for all groups that it can have."""
        if cluster not in self._cells:
            one, other = self._routes.products[cluster]
            values = self._model.products(self._tables[one], self._raise(other))
            first, second = self._masks(one), self._masks(other)
            if self._grouping.is_complete:
                self._cells[cluster] = Cells(np.zeros(1, dtype=np.uint64), values.reshape(-1))
            else:
                i, j = np.nonzero((first[:, None] & second[None, :]) == 0)
                if one == other:
                    i, j = i[i <= j], j[i <= j]
                self._cells[cluster] = Cells(first[i] | second[j], values[i, j])
        return self._cells[cluster]

    def _masks(self, contraction: Contraction) -> NDArray[np.uint64]:
        """Return the groups of every row of a branch's table."""
        count = block_count(contraction)
        if not count:
            return np.zeros(1, dtype=np.uint64)
        group, column = _all_pairs(self._grouping.groups, columns_of(contraction, self._grouping))
        return self._grouping.mask(group, count, column)

    def _raise(self, contraction: Contraction) -> Vectors:
        if contraction not in self._raised:
            self._raised[contraction] = self._model.raised(self._tables[contraction])
        return self._raised[contraction]

    # What is computed -----------------------------------------------------------------------------

    def _run(self, routes: Routes) -> None:
        waiting = list(routes.branches)
        rows: list[Contraction] = []
        while waiting or rows:
            later = []
            for contraction in waiting:
                core = core_of(contraction)
                if not all(b in self._tables for b in branches_of(core)):
                    later.append(contraction)
                elif is_by_rows(core):
                    rows.append(contraction)
                else:
                    self._tables[contraction] = self._by_groups(core, "vector")
            if not any(all(b in self._tables for b in branches_of(core_of(c))) for c in later):
                self._by_rows(rows)
                rows = []
            waiting = later
        for cluster in routes.cores:
            core = core_of(cluster)
            if not is_by_rows(core):
                self._cells[cluster] = self._of_groups(cluster, core)
        self._by_rows([c for c in routes.cores if is_by_rows(core_of(c))])

    def _of_groups(self, cluster: Contraction, core: Core) -> Cells:
        """Return the numbers of a single node without branches."""
        values = np.asarray(self._by_groups(core, "number")).reshape(-1)
        masks = np.zeros(len(values), dtype=np.uint64)
        if block_count(cluster):
            masks = self._grouping.mask(np.arange(self._grouping.groups), 1, 0)
        return Cells(masks, values)

    def _by_groups(self, core: Core, output: Any) -> Any:
        """Return the vectors, or numbers, of a core that is one node, for all groups and multipliers."""
        contraction, grouping = core.contraction, self._grouping
        (root,) = core.roots
        label = contraction.labels[root]
        columns = columns_of(contraction, grouping)
        count = grouping.groups if block_count(contraction) else 1
        group = np.arange(count)[:, None]
        column = np.arange(columns)[None, :]
        legs = []
        offset = int(is_sampled(label))
        for other in branches_of(core):
            legs.append(self._leg(other, grouping.place(group, offset, column), column))
            offset += block_count(other)
        datapoints: NDArray[np.intp] | None = None
        if is_sampled(label):
            datapoints = self._datapoints[0] if grouping.is_complete else self._datapoints
        return self._model.derivative(label, datapoints, legs, output=output)

    def _leg(
        self, contraction: Contraction, group: NDArray[np.intp], column: NDArray[np.intp]
    ) -> Leg:
        """Return the vectors of a branch that begins at given groups."""
        columns = columns_of(contraction, self._grouping)
        if not block_count(contraction):
            rows = np.zeros(np.broadcast(group, column).shape, dtype=np.intp)
        else:
            rows = np.broadcast_to(
                group * columns + column % columns, np.broadcast(group, column).shape
            )
        return Leg(self._raise(contraction), np.ascontiguousarray(rows))

    def _by_rows(self, contractions: Sequence[Contraction]) -> None:
        """Work out cores datapoint by datapoint; what several have in common once."""
        jobs = [_Job(core_of(c), self._grouping) for c in contractions]
        for blocks in sorted({len(job.core.tied) for job in jobs}):
            alike = [job for job in jobs if len(job.core.tied) == blocks]
            for rows in self._chunks(blocks):
                shared: dict[Contraction, Vectors] = {}
                for job in alike:
                    job.add(self._model, rows, self._of_rows(job, rows, shared))
        for job in jobs:
            if job.has_vector:
                self._tables[job.core.contraction] = job.table(self._model)
            else:
                self._cells[job.core.contraction] = job.cells()

    def _chunks(self, blocks: int) -> Iterator[_Rows]:
        """Yield all datapoints, with the datapoints of further blocks that they meet."""
        grouping = self._grouping
        n = grouping.size
        meetings = n if grouping.is_complete else min(n, grouping.pairings)
        shape = (grouping.groups, n, *(meetings,) * (blocks - 1))
        total = int(np.prod(shape))
        for start in range(0, total, self._rows):
            index = np.arange(start, min(start + self._rows, total))
            group, place, *others = np.unravel_index(index, shape)
            stride = 1 if grouping.is_complete else max(1, n // meetings)
            further = [k * stride if grouping.is_complete else place + k * stride for k in others]
            column = place if blocks == 1 else place + sum(others)
            yield _Rows(
                group,
                place,
                np.asarray(column, dtype=np.intp),
                np.stack(further, axis=1) % n if further else np.zeros((len(index), 0), np.intp),
            )

    def _of_rows(self, job: _Job, rows: _Rows, shared: dict[Contraction, Vectors]) -> Any:
        """Return what a core gives at some datapoints: numbers (R,), and a table if it has a free leg."""
        core = job.core
        number: Any = 1.0
        table = None
        for root in core.roots:
            output = "vector" if root in core.contraction.free else "number"
            result = self._node(job, rows, root, -1, output, shared)
            if output == "vector":
                table = result
            else:
                number = number * np.asarray(result).reshape(len(rows.group))
        return number, table

    def _node(
        self,
        job: _Job,
        rows: _Rows,
        v: int,
        parent: int,
        output: Any,
        shared: dict[Contraction, Vectors],
    ) -> Any:
        contraction = job.core.contraction
        key = None
        if output == "vector" and parent >= 0:
            key = branch(contraction, v, parent)
            # Nothing but the first block: all cores have the same datapoints there.
            if block_count(key) != 1 or v not in job.core.tied[0]:
                key = None
            elif key in shared:
                return shared[key]
        column = rows.column % job.columns
        legs = []
        every = np.arange(len(rows.group))[:, None]
        for w in neighbours(contraction)[v]:
            if w == parent:
                continue
            if (v, w) in job.offsets:
                group = self._grouping.place(rows.group, job.offsets[v, w], column)
                legs.append(self._leg(branch(contraction, w, v), group[:, None], column[:, None]))
            else:
                table = self._node(job, rows, w, v, "vector", shared)
                legs.append(Leg(table, every))
        datapoints = self._datapoints_of(job, rows, v, column)
        result = self._model.derivative(contraction.labels[v], datapoints, legs, output=output)
        if output == "vector" and parent >= 0:
            result = self._model.raised(result)
        if key is not None:
            shared[key] = result
        return result

    def _datapoints_of(
        self, job: _Job, rows: _Rows, v: int, column: NDArray[np.intp]
    ) -> NDArray[np.intp] | None:
        grouping = self._grouping
        if v in job.core.functions:
            return None
        if v in job.core.straddled and grouping.is_complete:
            return np.asarray(self._datapoints[0])
        group = grouping.place(rows.group, job.offset_of_node[v], column)
        if v in job.core.straddled:
            window = np.arange(min(grouping.size, grouping.window))
            places = (rows.place[:, None] + window) % grouping.size
            return np.asarray(self._datapoints[group[:, None], places])
        number = next(i for i, block in enumerate(job.core.tied) if v in block)
        place = rows.place if number == 0 else rows.others[:, number - 1]
        return np.asarray(self._datapoints[group, place])[:, None]


class _Job:
    """A core that is worked out datapoint by datapoint, and what it has given so far."""

    def __init__(self, core: Core, grouping: Grouping) -> None:
        self.core = core
        self.has_vector = bool(core.contraction.free)
        self.offset_of_node: dict[int, int] = {}
        self.offsets: dict[tuple[int, int], int] = {}
        offset = 0
        for block in core.tied:
            self.offset_of_node.update(dict.fromkeys(block, offset))
            offset += 1
        for v in core.straddled:
            self.offset_of_node[v] = offset
            offset += 1
        widest = 1
        for v, w in core.hanging:
            self.offsets[v, w] = offset
            other = branch(core.contraction, w, v)
            offset += block_count(other)
            widest = max(widest, columns_of(other, grouping))
        self._count = offset
        self._grouping = grouping
        if grouping.is_complete or offset == 1:
            self.columns = 1
        elif self.has_vector or widest > 1:
            self.columns = grouping.columns
        else:
            self.columns = max((grouping.groups - 1) // 2, 1)
        size = grouping.groups * self.columns
        self._sums = np.zeros(size)
        self._counts = np.zeros(size)
        self._vectors: Any = None
        self._table: Any = None

    def add(self, model: Model, rows: _Rows, result: Any) -> None:
        number, table = result
        cell = rows.group * self.columns + rows.column % self.columns
        np.add.at(self._counts, cell, 1.0)
        if not self.has_vector:
            np.add.at(self._sums, cell, number)
            return
        factors = np.zeros((len(self._counts), len(cell)))
        factors[cell, np.arange(len(cell))] = number
        sums = model.combined(table, factors)
        if self._table is None and self._vectors is None:
            self._table = sums
            return
        if self._vectors is None:
            self._vectors, self._table = model.as_floats(self._table), None
        self._vectors = self._vectors + model.as_floats(sums)

    def table(self, model: Model) -> Vectors:
        counts = np.maximum(self._counts, 1.0)
        if self._vectors is None:
            return model.combined(self._table, np.diag(1 / counts))
        return model.as_table(self._vectors / counts[:, None])

    def cells(self) -> Cells:
        group, column = _all_pairs(self._grouping.groups, self.columns)
        masks = self._grouping.mask(group, self._count, column)
        has = self._counts > 0
        return Cells(masks[has], self._sums[has] / self._counts[has])


def _all_pairs(groups: int, columns: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the group and the column of every row of a table."""
    rows = np.arange(groups * columns)
    return rows // columns, rows % columns
