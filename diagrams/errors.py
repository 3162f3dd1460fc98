"""The errors of this package, one child for each kind of failure, and the check of what a value is.

They live in the leftmost room because every room raises them and imports point left.
Every message says what was expected, what came (``name=value``), and the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sgdiagrams.diagrams.messages import shown

__all__ = [
    "DiagramError",
    "FormatError",
    "LostWorkerError",
    "MissingDependencyError",
    "RequestError",
    "SamplingError",
    "SgdiagramsError",
    "StatisticsError",
    "check_kind",
    "listed",
]


class SgdiagramsError(Exception):
    """Base class of all errors that this package raises on bad input."""


class DiagramError(SgdiagramsError, ValueError):
    """Not a diagram: malformed text, not a tree, or blocks that are no partition."""


class SamplingError(SgdiagramsError, ValueError):
    """Impossible numbers for a sampling scheme, such as a batch size that does not divide N."""


class RequestError(SgdiagramsError, ValueError):
    """A request that has no answer: unknown observable, negative order, missing symbol."""


class StatisticsError(SgdiagramsError, ValueError):
    """Statistics of a wrong shape or content, or too few samples for what is asked."""


class FormatError(SgdiagramsError, ValueError):
    """A file that is not what it should be: broken JSON, another version, a directory."""


class MissingDependencyError(SgdiagramsError, ImportError):
    """An optional library is absent; the message names the extra that installs it."""


class LostWorkerError(SgdiagramsError, RuntimeError):
    """Workers of an executor are lost again and again."""


def check_kind(
    name: str,
    value: object,
    kind: type | tuple[type, ...],
    *,
    called: str,
    error: type[SgdiagramsError] = RequestError,
) -> None:
    """Raise an error unless a value is of a kind: before it is asked for what others do not have.

    Parameters
    ----------
    name, value
        Of the argument.
    kind
        A class, or several.
    called
        What a value of that kind is called, with its article.
    error
        Which error is raised.

    Examples
    --------
    >>> check_kind("text", 5, str, called="a text")
    Traceback (most recent call last):
        ...
    sgdiagrams.diagrams.errors.RequestError: expected a text, got text=5
    """
    if not isinstance(value, kind):
        raise error(f"expected {called}, got {name}={shown(value)}")


def listed(
    name: str, value: object, *, called: str, error: type[SgdiagramsError] = RequestError
) -> list[Any]:
    """Return the items of a list, an array or an iterator, or raise an error; texts are none.

    Examples
    --------
    >>> listed("values", (1, 2), called="a list of numbers")
    [1, 2]
    """
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        try:
            return list(value)
        except TypeError:  # arrays without an axis
            pass
    raise error(f"expected {called}, got {name}={shown(value)}")
