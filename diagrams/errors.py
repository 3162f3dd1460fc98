"""The errors of this package: one base class, one child for each kind of failure.

They live in the leftmost room because every room raises them and imports point left.
Every message says what was expected, what came (``name=value``), and the remedy.
"""

from __future__ import annotations

__all__ = [
    "DiagramError",
    "FormatError",
    "MissingDependencyError",
    "RequestError",
    "SamplingError",
    "SgdiagramsError",
    "StatisticsError",
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
