"""A sampling scheme and an optimiser together."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError, SamplingError

if TYPE_CHECKING:
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["check_limit", "iterate_weights"]


def check_limit(scheme: Sampling, optimizer: Optimizer, *, is_plain: bool) -> None:
    """Raise a RequestError when a limit in continuous time meets anything but plain SGD."""
    if scheme.datapoints is None and not is_plain:
        raise RequestError(
            f"expected plain SGD with {scheme.name}, which is a limit of it, "
            f"got optimizer={optimizer.label}"
        )


def _needed(optimizer: Optimizer) -> list[str]:
    """Return the symbols that counting needs: all but that of the weight decay."""
    return [name for name in optimizer.symbols if name != str(optimizer.weight_decay)]


def iterate_weights(scheme: Sampling, optimizer: Optimizer, at: int) -> tuple[Fraction, ...]:
    """Return the weights of the iterates that the optimiser's observable sees after `at` updates.

    Raises
    ------
    SamplingError
        When the number of updates is not known, or less than `at`.
    """
    if scheme.symbols:
        raise SamplingError(
            f"expected numbers for {', '.join(scheme.symbols)}: increments are counted by number; "
            f"fix {scheme.symbols[0]}=... before expanding"
        )
    T = int(scheme.updates)
    if at > T:
        raise SamplingError(f"expected an increment since one of T={T} updates, got since={at}")
    if optimizer.average is not None:
        found = optimizer.average.weights(at)
    else:
        found = (Fraction(0),) * (at - 1) + (Fraction(1),) if at else ()
    return found + (Fraction(0),) * (T - at)
