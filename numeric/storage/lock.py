"""A file for one process at a time: a lock that the system gives back when a process ends, however."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.diagrams.files import usable_path
from sgdiagrams.diagrams.messages import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["alone_with"]


@contextmanager
def alone_with(path: Path) -> Iterator[None]:
    """Keep other processes that ask the same from a file, which need not exist.

    What is locked is a hidden file beside it, because the file itself is replaced when it is written.
    The hidden file is removed at the end; one that a killed process left behind locks nobody out.

    Parameters
    ----------
    path
        The file; the name of a symbolic link stands for its target.

    Raises
    ------
    FormatError
        When somebody else is at it, it is no plain file, or no file can be made in its folder.
    """
    target = Path(os.path.realpath(usable_path(path)))
    is_plain = target.is_file() if target.exists() else target.parent.is_dir()
    if not is_plain:
        raise FormatError(f"expected a file in an existing directory, got {shown(str(path))}")
    name = target.with_name(f".{target.name}.lock")
    try:
        handle = _locked(name)
    except BlockingIOError:
        raise FormatError(
            f"expected a checkpoint that nobody else uses, got {shown(str(path))}, which another run is "
            "writing; wait for it, or name another file"
        ) from None
    except OSError as error:
        raise FormatError(f"cannot lock {shown(str(path))}: {error.strerror or error}") from error
    try:
        yield
    finally:
        # Removed before it is unlocked: who waits for it finds out that the name is another's.
        name.unlink(missing_ok=True)
        os.close(handle)


def _locked(name: Path) -> int:
    """Return a handle of a locked file that has this name."""
    while True:
        handle = os.open(name, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(handle)
            if os.path.exists(name) and os.path.samestat(os.fstat(handle), os.stat(name)):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _lock(handle: int) -> None:
    """Lock a file, or raise a BlockingIOError."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(str(error)) from None
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
