"""The mean or the sum of the gradients of a batch, and what is said of options that are as usual."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal, TypeAlias

from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["ReducedSampling", "Reduction", "summed_option", "summed_words", "without_usual"]

Reduction: TypeAlias = Literal["mean", "sum"]


def summed_option(reduction: Reduction) -> dict[str, object]:
    """Return the entry of a scheme's options: nothing for means, which are usual."""
    return {} if reduction == "mean" else {"reduction": reduction}


def summed_words(reduction: Reduction) -> str:
    """Return what a title says of it."""
    return "" if reduction == "mean" else " summed"


def without_usual(scheme: Any, *usual: str) -> str:
    """Return the representation of a dataclass without those of some fields that are as usual."""
    shown = [
        f"{field.name}={getattr(scheme, field.name)!r}"
        for field in fields(scheme)
        if field.name not in usual or getattr(scheme, field.name) != field.default
    ]
    return f"{type(scheme).__name__}({', '.join(shown)})"


class ReducedSampling(Sampling):
    """A scheme whose only option is whether updates go by the mean or the sum over a batch."""

    __slots__ = ()

    reduction: Reduction

    def __repr__(self) -> str:
        return without_usual(self, "reduction")

    @property
    def options(self) -> dict[str, object]:
        """The reduction, where it is a sum."""
        return summed_option(self.reduction)

    @property
    def is_sum(self) -> bool:
        """Whether updates go by the sum over a batch."""
        return self.reduction == "sum"

    @property
    def title(self) -> str:
        """The name, and whether gradients are added up."""
        return self.name + summed_words(self.reduction)
