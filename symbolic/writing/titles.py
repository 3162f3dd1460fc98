"""What stands before a formula: left sides and protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.symbolic.training.optimizer import SGD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.formula import Part

__all__ = ["left_side", "protocol"]


def left_side(parts: Sequence[Part]) -> str:
    """Return the sum of expected observables that is expanded."""
    if not parts:
        return "0"
    names = []
    for i, part in enumerate(parts):
        c = part.coefficient
        lead = ("-" if c < 0 else "") if i == 0 else (" - " if c < 0 else " + ")
        number = "" if abs(c) == 1 else str(abs(c)) + r"\,"
        if abs(c) != 1 and c.denominator != 1:
            number = rf"\frac{{{abs(c.numerator)}}}{{{c.denominator}}}\,"
        body = part.observable.latex
        if len(parts) > 1 and part.sampling is not None:
            body += rf"\big|_{{\text{{{protocol(part)}}}}}"
        names.append(f"{lead}{number}{body}")
    return "".join(names)


def protocol(part: Part) -> str:
    """Return the sampling and, if it is not plain SGD, the optimiser, as text for TeX."""
    label = "" if part.sampling is None else part.sampling.label
    if part.optimizer != SGD():
        label += f", {part.optimizer.label}"
    return label.replace("_", r"\_")
