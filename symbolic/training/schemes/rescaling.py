"""The numbers by which the noise of a scheme is rescaled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shortened, shown

if TYPE_CHECKING:
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["other_numbers"]


def other_numbers(
    scheme: Sampling, numbers: dict[str, int], needed: str, others: str, *optional: str
) -> dict[str, Any]:
    """Return the numbers by which noise is rescaled, if these are the ones.

    Raises
    ------
    SamplingError
        When they are others.
    """
    if needed not in numbers or not set(numbers) <= {needed, *optional}:
        got = ", ".join(f"{shortened(name)}={shown(value)}" for name, value in numbers.items())
        raise SamplingError(
            f"expected {needed}=..., by which the noise of {scheme.name} goes, got {got or 'nothing'}; "
            f"for {others} make a run of its own"
        )
    return dict(numbers)
