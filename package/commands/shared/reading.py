"""What commands read: files, or standard input."""

from __future__ import annotations

import sys

__all__ = ["read_text"]


def read_text(path: str) -> str:
    """Return the text of a file, or of standard input for ``-``.

    Raises
    ------
    FormatError
        When the path is no readable text file.
    """
    from sgdiagrams.diagrams import files

    if path == "-":
        return files.decoded(
            files.read_bounded(sys.stdin.buffer, name="standard input"), name="standard input"
        )
    return files.read_text(path)
