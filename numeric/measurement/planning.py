"""What a measurement would do, before it does it: in gradients and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, final

from sgdiagrams.diagrams.files import plain_data
from sgdiagrams.diagrams.messages import how_many
from sgdiagrams.diagrams.tables import PrintedTable
from sgdiagrams.numeric.measurement.method import cost_of_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.numeric.measurement.method import Method
    from sgdiagrams.numeric.models.model import Model
    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["Plan"]


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """What `measure` would do; made by `plan`.

    Attributes
    ----------
    contractions
        What would be measured, and how, in a few words.
    steps
        What would be worked out for that, with its cost in gradients of the mean loss of all data:
        vectors that contractions share have a free index.
    method
        In words.
    rounds
        How many rounds, at most.
    gradients
        The cost of all rounds, in gradients of the mean loss of all data.
    operations
        The same in floating-point operations, about.
    bytes
        Of vectors in memory at once, about.
    size, dimension
        The numbers of datapoints and of weights.
    """

    contractions: tuple[tuple[Contraction, str], ...]
    steps: tuple[tuple[Contraction, float], ...]
    method: str
    rounds: int
    gradients: float
    operations: float
    bytes: float
    size: int
    dimension: int

    @classmethod
    def of(
        cls,
        method: Method,
        contractions: Sequence[Contraction],
        model: Model,
        *,
        part: tuple[int, int] = (1, 1),
    ) -> Self:
        """Return the plan of a method."""
        rounds = len(range(part[0] - 1, method.rounds, part[1]))
        gradients = rounds * method.gradients
        costs = cost_of_each(contractions, method)
        return cls(
            tuple((c, method.words_of(c)) for c in contractions),
            tuple((c, rounds * cost) for c, cost in costs.items()),
            method.words(),
            rounds,
            gradients,
            gradients * model.size * model.operations,
            method.bytes,
            model.size,
            model.dimension,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain data for JSON."""
        plain: dict[str, Any] = plain_data(
            {
                "method": self.method,
                "rounds": self.rounds,
                "gradients": self.gradients,
                "operations": self.operations,
                "bytes": self.bytes,
                "datapoints": self.size,
                "dimension": self.dimension,
                "contractions": {str(c): words for c, words in self.contractions},
                "steps": {str(c): cost for c, cost in self.steps},
            }
        )
        return plain

    def __str__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> PrintedTable:
        rows = [(str(c), f"{cost:.3g}") for c, cost in self.steps]
        rows.append(("sum", f"{self.gradients:.3g}"))
        by_words: dict[str, list[str]] = {}
        for contraction, words in self.contractions:
            by_words.setdefault(words, []).append(str(contraction))
        notes = [self.method]
        notes += [
            f"{words}: {how_many(len(names), 'contraction')}" for words, names in by_words.items()
        ]
        notes.append(
            f"{how_many(self.rounds, 'round')}, {self.gradients:.3g} gradients of all data, about "
            f"{self.operations:.2g} operations, vectors of {self.bytes:.2g} bytes"
        )
        title = f"{how_many(self.size, 'datapoint')}, {how_many(self.dimension, 'weight')}"
        return PrintedTable(
            title, ("worked out", "gradients"), tuple(rows), tuple(notes), left=frozenset({0})
        )
