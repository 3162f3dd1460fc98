"""How a derivation is made again: the command or call, and the version of the package."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from sgdiagrams.symbolic.article.article import verbatim

__all__ = ["reproducing"]


def reproducing(command: str) -> tuple[str, ...]:
    """Return what is said of a command or a call."""
    try:
        number = f" {version('sgdiagrams')}"
    except PackageNotFoundError:
        number = ""
    return (
        rf"This text was written by \texttt{{sgdiagrams}}{number}:",
        verbatim(command),
        "The same command writes the same text.",
    )
