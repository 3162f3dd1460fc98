"""What counts as a whole number, the same at every door: Python's, NumPy's, and no booleans."""

from __future__ import annotations

from numbers import Integral
from typing import TypeGuard

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown

__all__ = ["checked_seed", "is_whole"]


def is_whole(value: object, *, least: int | None = None, most: int | None = None) -> TypeGuard[int]:
    """Tell whether a value is a whole number, within bounds where they are given.

    Numbers of other libraries pass; whoever keeps one makes it an ``int``.

    Examples
    --------
    >>> is_whole(3), is_whole(True), is_whole(3.0), is_whole(-1, least=0)
    (True, False, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        return False
    number = int(value)
    return (least is None or number >= least) and (most is None or number <= most)


def checked_seed(seed: object) -> int:
    """Return a seed of random draws, or raise a RequestError.

    Examples
    --------
    >>> checked_seed(3)
    3
    """
    if not is_whole(seed, least=0):
        raise RequestError(f"expected a whole number >= 0 as seed, got seed={shown(seed)}")
    return int(seed)
