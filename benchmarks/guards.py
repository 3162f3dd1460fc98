"""Guards against getting slower: bounds on ratios and on counted work, never on times.

A ratio compares two times of one run on one machine; counted work is the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["BOUNDS", "Bound", "Verdict", "judge"]


@dataclass(frozen=True, slots=True)
class Bound:
    """A least or a greatest value."""

    value: float
    is_least: bool = False

    def holds(self, value: float) -> bool:
        """Tell whether a value is on the right side; the bound itself is."""
        return value >= self.value if self.is_least else value <= self.value

    def __str__(self) -> str:
        return f">= {self.value:,g}" if self.is_least else f"<= {self.value:,g}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A guard with what was measured; None where nothing was."""

    name: str
    value: float | None
    bound: Bound

    @property
    def failed(self) -> bool:
        """Whether there is a value and it is out of bounds."""
        return self.value is not None and not self.bound.holds(self.value)

    def cells(self) -> list[str]:
        """Return name, value, bound and judgement as texts."""
        if self.value is None:
            return [self.name, "", str(self.bound), "not measured"]
        shown = f"{self.value:,.{0 if self.value >= 100 else 3}g}"
        shown = f"{self.value:,.0f}" if self.value >= 100 else shown
        return [self.name, shown, str(self.bound), "FAILED" if self.failed else "held"]


#: Counted work: what was counted on 2026-11-25 and a quarter more. Ratios: what a busy machine keeps.
BOUNDS: dict[str, Bound] = {
    "diagrams of order 6: peer's time / ours": Bound(10, is_least=True),
    "canonical form of 12 nodes: peer's time / ours": Bound(0.5, is_least=True),
    "test-loss, one-pass, order 4: SymPy objects": Bound(2_500),
    "test-loss, epochs, order 3: SymPy objects": Bound(2_500),
    "contractions of order 4: products of two tensors": Bound(310),
    "contractions of order 4: different products": Bound(165),
    "SGD with a cosine schedule: ten times the updates, times the time": Bound(30),
    "SGD, average over the last half: ten times the updates, times the time": Bound(30),
    "momentum 0.9 with a cosine schedule: ten times the updates, times the time": Bound(30),
    "noise 1: variance times cost of single slots over all at once": Bound(50, is_least=True),
    # One a command, and what they share.
    "import and command line: modules of the package": Bound(35),
}


def judge(
    measured: Iterable[Mapping[str, float]], bounds: Mapping[str, Bound] = BOUNDS
) -> list[Verdict]:
    """Hold measured values against their bounds, one verdict for every bound.

    Raises
    ------
    KeyError
        When a value has no bound.
    """
    values: dict[str, float] = {}
    for part in measured:
        values.update(part)
    for name in values:
        if name not in bounds:
            raise KeyError(f"expected a bound for every guarded value, got none for {name!r}")
    return [Verdict(name, values.get(name), bound) for name, bound in bounds.items()]
