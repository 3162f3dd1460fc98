"""Writing files so that nothing is lost: whole or not at all. All rooms write through this."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the same directory that replaces `path` if nothing is raised.

    A rename is atomic within one file system only, hence the same directory.

    Raises
    ------
    FormatError
        When `path` is a directory or lies in none, or the file cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise FormatError(f"expected a file to write, got the directory {str(path)!r}")
    if not target.parent.is_dir():
        raise FormatError(f"expected a file in an existing directory, got {str(path)!r}")
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=target.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise FormatError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
