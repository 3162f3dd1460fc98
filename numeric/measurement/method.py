"""How a measurement is made: exactly or by draws, in how many rounds, with which groups; its cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.diagrams.messages import how_many, shown
from sgdiagrams.numeric.models.chunks import MEMORY
from sgdiagrams.numeric.sweeps.complete import complete_routes
from sgdiagrams.numeric.sweeps.designs import Grouping, best_grouping
from sgdiagrams.numeric.sweeps.routes import (
    Routes,
    block_count,
    clusters,
    columns_of,
    is_by_rows,
    part_cost,
)
from sgdiagrams.numeric.sweeps.trees import core_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Model
    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["WINDOW", "Method", "cost_of_each"]

#: Gradients of all data that draws may cost where neither a precision nor a budget is given.
_BUDGET = 2000.0
#: Floating-point operations that an exact value may cost where no budget is given: a minute or so.
_AFFORDABLE = 2e12
#: Operations of one round: half a minute or less, so that checkpoints are not far apart.
_OF_A_ROUND = 1e12
#: Datapoints of a group where the data are drawn from, and how many rounds a budget shall be enough for.
_DRAWN = 64
_ROUNDS = 16
#: Multipliers are added as long as they cost little beside the rest, or a round stays cheap: shares of
#: the cost with one, and gradients of the round's datapoints.
_LITTLE = 1.25
_CHEAP = 8.0
#: Of most use for its cost in most cases.
WINDOW = 16


@final
@dataclass(frozen=True, slots=True)
class Method:
    """What every round does.

    Attributes
    ----------
    role
        What the data are.
    size
        The number of datapoints N.
    seed
        Of all draws.
    is_exact
        Whether there is one round, of all datapoints and without an error.
    grouping
        The groups of a round.
    rounds
        The most rounds that there can be, by the data or by the budget.
    gradients
        The cost of one round, in gradients of the mean loss of all data.
    rows
        How many datapoints are worked out at once where it has to be one by one.
    bytes
        Of the largest things that are in memory at once, about.
    """

    role: str
    size: int
    seed: int
    is_exact: bool
    grouping: Grouping
    rounds: int
    gradients: float
    rows: int
    bytes: float

    @classmethod
    def of(
        cls,
        model: Model,
        contractions: Sequence[Contraction],
        *,
        role: str,
        seed: int,
        budget: float | None,
        memory: float | None,
        samples: int | None = None,
        window: int = WINDOW,
    ) -> Self:
        """Choose the method.

        Parameters
        ----------
        model
            Whose weights, datapoints and costs count.
        contractions
            What is measured.
        role, seed, budget, memory
            As for `measure`.
        samples
            Of a sample, how many datapoints are used for a round at most; all by default.
        window
            As of `Grouping`.

        Raises
        ------
        StatisticsError
            When there are too few datapoints.
        RequestError
            When a round does not fit into the memory, or costs more than the budget.
        """
        size = model.size
        room = MEMORY if memory is None else memory
        bytes_of_vector = model.dimension * model.dtype.itemsize
        rows = int(min(4096, max(16, room // (8 * bytes_of_vector))))
        blocks = max(map(block_count, contractions), default=0)
        needed = blocks if role == "training-set" else blocks + 1 if role == "sample" else 1
        if size < needed:
            raise StatisticsError(
                f"expected at least {needed} datapoints for role={shown(role)}, where {blocks} of them "
                f"meet in a contraction, got {size}; bring more or lower the order"
            )
        everything = cls(
            role=role,
            size=size,
            seed=seed,
            is_exact=True,
            grouping=Grouping(1, size),
            rounds=1,
            gradients=0.0,
            rows=rows,
            bytes=0.0,
        )
        if role != "sample":
            routes = complete_routes(contractions, size, role)
            cost = routes.cost(everything.grouping, size)
            limit = math.inf if budget is None else budget
            if budget is None and cost * size * model.operations > _AFFORDABLE:
                limit = 0.0
            if cost <= limit:
                used = _bytes(routes, everything.grouping, rows, model)
                return replace(everything, gradients=cost, bytes=used)
        limit = budget if budget is not None else math.inf if role == "sample" else _BUDGET
        return cls._by_draws(
            replace(everything, grouping=Grouping(1, size, window=window)),
            model,
            contractions,
            blocks,
            limit,
            room,
            samples,
        )

    @classmethod
    def _by_draws(
        cls,
        everything: Self,
        model: Model,
        contractions: Sequence[Contraction],
        blocks: int,
        limit: float,
        room: float,
        samples: int | None,
    ) -> Self:
        role, size = everything.role, everything.size
        of_a_round = min(size, samples or size)
        if role != "sample":
            of_a_round = min(size if role == "training-set" else 10**9, 11 * _DRAWN)
        most = limit if role == "sample" else limit / _ROUNDS
        while True:
            groups, of_group = best_grouping(of_a_round, blocks)
            if not groups:
                raise StatisticsError(
                    f"expected more datapoints for contractions in which {blocks} meet, got "
                    f"{of_a_round}; bring more or lower the order"
                )
            grouping = replace(
                everything.grouping,
                groups=groups,
                size=of_group,
                columns=1,
            )
            routes, grouping = _with_columns(contractions, grouping)
            used = _bytes(routes, grouping, everything.rows, model)
            if used > room and grouping.columns > 1:
                grouping = replace(grouping, columns=1)
                routes = Routes.of(contractions, grouping)
                used = _bytes(routes, grouping, everything.rows, model)
            cost = routes.cost(grouping, size)
            operations = cost * size * model.operations
            if (operations <= _OF_A_ROUND and cost <= most) or of_group <= 1:
                break
            share = min(_OF_A_ROUND / operations, most / cost, 0.9)
            of_a_round = max(groups, int(grouping.samples * share))
        if used > room:
            raise RequestError(
                f"expected memory for vectors of {used:.3g} bytes, got memory={room:.3g}; give more, or "
                "lower the order"
            )
        if cost > limit:
            raise RequestError(
                f"expected a budget of at least {cost:.3g} gradients for one round, "
                f"got budget={limit:g}; give more, or lower the order"
            )
        rounds = int(min(limit / cost if cost else 1, 10**6))
        if role == "sample":
            rounds = max(1, min(rounds, size // grouping.samples))
            if samples is None and rounds == size // grouping.samples:
                # What is left over is shared out among the rounds.
                groups, of_group = best_grouping(size // rounds, blocks)
                if groups == grouping.groups:
                    grouping = replace(grouping, size=of_group)
                    cost = routes.cost(grouping, size)
        return replace(
            everything,
            is_exact=False,
            grouping=grouping,
            rounds=rounds,
            gradients=cost,
            bytes=used,
        )

    def datapoints(self, index: int) -> NDArray[np.intp]:
        """Return the datapoints of a round, shape (M, n).

        Of a sample every datapoint is in one round at most. From a population rounds draw with
        replacement, from a training set without.
        """
        grouping = self.grouping
        shape = (grouping.groups, grouping.size)
        if self.is_exact:
            return np.arange(self.size)[None, :]
        count = grouping.samples
        if self.role == "sample":
            order = np.random.default_rng((self.seed, 0)).permutation(self.size)
            return np.asarray(order[index * count : (index + 1) * count].reshape(shape))
        rng = np.random.default_rng((self.seed, 1 + index))
        if self.role == "population":
            return rng.integers(self.size, size=shape)
        return rng.permutation(self.size)[:count].reshape(shape)

    def words(self) -> str:
        """Return the method in a line."""
        if self.is_exact:
            if self.role == "population":
                return "exact: averages of the data as the distribution"
            return "exact: averages over all distinct tuples"
        grouping = self.grouping
        drawn = {
            "sample": "every datapoint once",
            "population": "drawn with replacement",
            "training-set": "drawn without replacement",
        }[self.role]
        return (
            f"unbiased: rounds of {grouping.groups} groups of {how_many(grouping.size, 'datapoint')}, "
            f"{drawn}; errors by leaving out groups"
        )

    def words_of(self, contraction: Contraction) -> str:
        """Return how one contraction is measured, in a few words."""
        if self.is_exact:
            return "exact"
        tied = [core for core in map(core_of, clusters(contraction)) if is_by_rows(core)]
        if not tied:
            return "means of groups"
        if any(core.straddled for core in tied):
            return f"one by one, windows of {min(self.grouping.window, self.grouping.size)}"
        return "one by one"


def _with_columns(
    contractions: Sequence[Contraction], grouping: Grouping
) -> tuple[Routes, Grouping]:
    """Return a grouping with as many multipliers as are worth their cost, and its routes."""
    routes = Routes.of(contractions, grouping)
    single = routes.cost(grouping, grouping.samples)
    for columns in (grouping.groups - 1, (grouping.groups - 1) // 2, 2):
        if 1 < columns <= grouping.size:
            other = replace(grouping, columns=columns)
            trial = Routes.of(contractions, other)
            if trial.cost(other, other.samples) <= max(_LITTLE * single, _CHEAP):
                return trial, other
    return routes, grouping


def _bytes(routes: Routes, grouping: Grouping, rows: int, model: Model) -> float:
    """Return the bytes of all tables, and of what is worked out one by one."""
    vectors = float(sum(grouping.groups * columns_of(c, grouping) for c in routes.branches))
    parts = [core_of(c) for c in (*routes.branches, *routes.cores)]
    if any(map(is_by_rows, parts)):
        vectors += 4.0 * min(rows, grouping.samples)
    return vectors * model.dimension * model.dtype.itemsize + 2 * model.bytes_per_datapoint


def cost_of_each(contractions: Sequence[Contraction], method: Method) -> dict[Contraction, float]:
    """Return for every part of the routes its cost, in gradients of all data."""
    if method.is_exact:
        routes = complete_routes(contractions, method.size, method.role)
    else:
        routes = Routes.of(contractions, method.grouping)
    share = method.grouping.samples / method.size
    return {c: part_cost(c, method.grouping) * share for c in (*routes.branches, *routes.cores)}
