"""Archives of arrays, ``.npz``, opened as data: nothing is unpickled, and nothing unpacks to too much."""

from __future__ import annotations

import sys
import zipfile
import zlib
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from sgdiagrams.diagrams.errors import FormatError, StatisticsError
from sgdiagrams.diagrams.files import read_bounded, usable_path
from sgdiagrams.diagrams.messages import shortened, shown

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping
    from typing import Any

    from numpy.typing import NDArray

__all__ = ["check_archive", "is_archive", "opened_numbers", "read_archive"]

_SMALL = 2**25  # bytes that any archive may unpack to
_MOST_COMPRESSED = 100  # times smaller than the numbers; measured ones hardly compress
_READ_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    RecursionError,
    MemoryError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)


@contextmanager
def opened_numbers(
    path: str | os.PathLike[str], *, called: str, kind: str
) -> Iterator[tuple[BinaryIO, str]]:
    """Open a file of numbers; whatever is wrong with it becomes an error of one line.

    Parameters
    ----------
    path
        The file; ``-`` is standard input.
    called
        What it should be, with an article.
    kind
        What its numbers should be.

    Yields
    ------
    tuple
        A stream that can be sought (pipes are read at once), and the name for messages.

    Raises
    ------
    FormatError
        When the file is missing, a directory or broken, or its numbers make no sense.
    """
    text = str(usable_path(path))
    name = "standard input" if text == "-" else text
    try:
        if text == "-":
            yield BytesIO(read_bounded(sys.stdin.buffer, name=name)), name
        else:
            with usable_path(path).open("rb") as file:
                stream = file if file.seekable() else BytesIO(read_bounded(file, name=name))
                yield stream, name
    except FormatError:
        raise
    except StatisticsError as error:
        raise FormatError(f"no valid {kind} in path={shown(name)}: {error}") from error
    except _READ_ERRORS as error:
        # Python's own message would repeat the whole path.
        words = error.strerror or "" if isinstance(error, OSError) else str(error)
        reason = shortened(" ".join(words.split())) or type(error).__name__
        raise FormatError(f"expected {called}, cannot read path={shown(name)}: {reason}") from error


def is_archive(file: BinaryIO) -> bool:
    """Tell whether a stream begins as an archive does; it stands at its beginning afterwards."""
    begins = file.read(2) == b"PK"
    file.seek(0)
    return begins


def check_archive(file: BinaryIO, name: str, *, longest: Mapping[str, int]) -> None:
    """Refuse an archive that unpacks to much more than it is, or in which an entry occurs twice.

    Parameters
    ----------
    file
        The archive; it stands at its beginning afterwards.
    name
        What it is called in messages.
    longest
        Entry -> how many bytes it may have.

    Raises
    ------
    FormatError
    """
    packed = file.seek(0, 2)
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        sizes = [(member.filename, member.file_size) for member in archive.infolist()]
    unpacked = sum(size for _, size in sizes)
    if unpacked > max(_SMALL, _MOST_COMPRESSED * packed):
        raise FormatError(
            f"expected numbers that fill their file, got {packed} bytes that unpack to {unpacked} in "
            f"path={shown(name)}; save them again"
        )
    if len({entry for entry, _ in sizes}) < len(sizes):
        raise FormatError(f"expected every entry once, got one twice in path={shown(name)}")
    for entry, size in sizes:
        if size > longest.get(entry, size):
            raise FormatError(f"expected a short {entry}, got {size} bytes in path={shown(name)}")
    file.seek(0)


def read_archive(file: BinaryIO) -> dict[str, NDArray[Any]]:
    """Return the entries of an archive that has been checked."""
    with np.load(file, allow_pickle=False) as archive:
        # A member that is no array comes as bytes.
        return {name: np.asarray(archive[name]) for name in archive.files}
