"""Reading and writing files so that nothing is lost or overwritten by accident. All rooms use this."""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from io import BytesIO
from numbers import Integral, Rational, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from sgdiagrams.diagrams.errors import FormatError, RequestError, check_kind
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "decoded",
    "json_data",
    "json_text",
    "output_file",
    "plain_data",
    "read_bounded",
    "read_text",
    "usable_path",
]

_STANDARD = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_MOST_NAME = 255  # bytes, on all usual file systems
_KEPT = 25  # characters of a name in that of a scratch file
_MOST_INDENT = 40  # columns a level
_MOST_BYTES = 2**29  # an expansion of order 7 in symbols N, B, E has 200 million
# What text may begin with: the byte-order marks of UTF-8 and UTF-16.
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@contextmanager
def output_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing; what was there before stays until everything is written.

    A regular file is replaced by a rename, after its content has reached the disk, and keeps its
    mode; a new one gets the usual mode. Of a symbolic link the target is replaced, not the link. A
    file with several hard links is written in place, in one go at the end; devices and pipes are
    written straight through.

    Parameters
    ----------
    path
        The name of the file.

    Yields
    ------
    BinaryIO
        A binary stream that can be sought, except for devices and pipes.

    Raises
    ------
    FormatError
        When `path` is a directory or lies in none, is read-only, or cannot be written.
    """
    given = usable_path(path)
    name = shown(str(path))
    try:
        known = _status(given)
        if known is not None and stat.S_ISDIR(known.st_mode):
            raise FormatError(f"expected a file to write, got the directory {name}")
        descriptor = _descriptor(given)
        if descriptor is not None:
            # What this process holds open goes on where it stands, be it a pipe or a file.
            with os.fdopen(os.dup(descriptor), "wb") as stream:
                yield stream
            return
        if known is not None and not stat.S_ISREG(known.st_mode):
            with given.open("wb") as stream:
                yield stream
            return
        target = Path(os.path.realpath(given))
        if not target.parent.is_dir():
            raise FormatError(f"expected a file in an existing directory, got {name}")
        if known is not None and not (known.st_mode & 0o222 and os.access(target, os.W_OK)):
            raise FormatError(
                f"expected a file that may be written, got {name}, which is read-only"
            )
        if known is not None and known.st_nlink > 1:
            # A rename would leave the other names with the old content.
            content = BytesIO()
            yield content
            with target.open("r+b") as file:
                file.write(content.getbuffer())
                file.truncate()
                _flush(file)
            return
        with _replacement(target, known) as file:
            yield file
    except BrokenPipeError:
        raise  # whoever read it has gone, which is no failure
    except OSError as error:
        raise FormatError(f"cannot write {name}: {error.strerror or error}") from error


def usable_path(path: str | os.PathLike[str]) -> Path:
    """Return a path that the system can be asked about, or raise a FormatError."""
    if not isinstance(path, (str, os.PathLike)) or "\0" in str(path):
        raise FormatError(f"expected the name of a file, got {shown(path)}")
    if any(len(os.fsencode(part)) > _MOST_NAME for part in Path(path).parts):
        raise FormatError(
            f"expected names of at most {_MOST_NAME} bytes of folders and files, got {shown(str(path))}"
        )
    return Path(path)


def _status(path: Path) -> os.stat_result | None:
    """Return what is known of the file behind a path; None where there is none."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _descriptor(path: Path) -> int | None:
    """Return the number of an open descriptor of this process that a path stands for, if it does."""
    name = os.path.abspath(path)
    if name in _STANDARD:
        return _STANDARD[name]
    match = re.fullmatch(r"/dev/fd/(\d+)|/proc/(?:self|(\d+))/fd/(\d+)", name)
    if match is None or match[2] not in (None, str(os.getpid())):
        return None
    return int(match[1] or match[3])


@contextmanager
def _replacement(target: Path, known: os.stat_result | None) -> Iterator[BinaryIO]:
    """Open a file beside the target that takes its place when nothing is raised."""
    # Long names are shortened: with what is added they might be too long.
    stem, suffix = target.stem[:_KEPT], target.suffix[:_KEPT]
    scratch = target.with_name(f".{stem}-{secrets.token_hex(8)}{suffix}")
    # The mode of a new file is subject to the umask.
    handle = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "w+b") as file:
            if known is not None:
                # Owners can be kept by the superuser alone.
                with suppress(OSError):
                    os.chown(scratch, known.st_uid, known.st_gid)
                scratch.chmod(stat.S_IMODE(known.st_mode))
            yield cast("BinaryIO", file)
            _flush(file)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


def _flush(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def read_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a file; see `decoded`.

    Raises
    ------
    FormatError
        When there is no such file, or it is not a readable text file.
    """
    file = usable_path(path)
    name = shown(str(path))
    if file.is_dir():
        raise FormatError(f"expected a file, got the directory {name}")
    try:
        with file.open("rb") as stream:
            content = read_bounded(stream, name=str(path))
    except FileNotFoundError:
        raise FormatError(f"expected an existing file, got {name}") from None
    except OSError as error:
        raise FormatError(f"cannot read {name}: {error.strerror or error}") from None
    return decoded(content, name=str(path))


def read_bounded(stream: BinaryIO, *, name: str) -> bytes:
    """Return what is left of a stream of text, if that is no more than 512 MiB.

    Raises
    ------
    FormatError
        When it is more, before all of it is read.
    """
    content = stream.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise FormatError(
            f"expected at most {_MOST_BYTES} bytes of text, got more in {shown(name)}"
        )
    return content


def decoded(content: bytes, *, name: str) -> str:
    """Return text in UTF-8, with or without a byte-order mark, or in UTF-16 with one.

    Parameters
    ----------
    content
        What a file holds.
    name
        What the file is called in an error.

    Raises
    ------
    FormatError
        When it is something else.

    Examples
    --------
    >>> decoded("η".encode("utf-16"), name="formula"), decoded("η".encode("utf-8-sig"), name="formula")
    ('η', 'η')
    """
    encoding = next((e for mark, e in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise FormatError(
            f"expected text in UTF-8, or in UTF-16 with its mark, cannot read {shown(name)}"
        ) from None


def json_data(
    text: str, *, kind: str = "JSON", parse_float: Callable[[str], Any] | None = None
) -> Any:
    """Return what JSON text says; a name that occurs twice in one object is an error.

    Parameters
    ----------
    text
        Any.
    kind
        What the text should be, for errors.
    parse_float
        What makes a number of its decimals, a float when left out.

    Raises
    ------
    FormatError
        When the text is no JSON, is nested too deeply, or a name occurs twice.

    Examples
    --------
    >>> json_data('{"T": [1, 2.5]}')
    {'T': [1, 2.5]}
    """
    check_kind("text", text, str, called=kind, error=FormatError)
    try:
        return json.loads(text, parse_float=parse_float, object_pairs_hook=_once)
    except RecursionError:
        raise FormatError(f"expected {kind}, got text that is nested too deeply") from None
    except ValueError as error:  # numbers without end, too
        raise FormatError(f"expected {kind}, got text that is no JSON: {error}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{shown(twice)} occurs twice")
    return data


def json_text(data: Any, *, indent: int | None = None) -> str:
    """Return plain data as JSON that every reader understands.

    Numbers of other libraries become Python's, fractions become strings, and numbers that are not
    finite, which JSON does not know, null.

    Examples
    --------
    >>> json_text({"error": math.inf, "value": Fraction(1, 3)})
    '{"error": null, "value": "1/3"}'
    """
    if indent is not None and not is_whole(indent, least=0, most=_MOST_INDENT):
        raise RequestError(
            f"expected an indent 0..{_MOST_INDENT} or None, got indent={shown(indent)}"
        )
    indent = None if indent is None else int(indent)
    return json.dumps(plain_data(data), indent=indent, allow_nan=False)


def plain_data(data: Any) -> Any:
    """Return data as what `json_text` writes, for those who write JSON with something else.

    Arrays become lists; numbers as there.

    Examples
    --------
    >>> plain_data((1, Fraction(1, 2), math.nan))
    [1, '1/2', None]
    """
    if isinstance(data, Mapping):
        return {key: plain_data(value) for key, value in data.items()}
    if hasattr(data, "tolist"):
        data = data.tolist()
    if isinstance(data, list | tuple):
        return [plain_data(value) for value in data]
    if data is None or isinstance(data, bool | str):
        return data
    if isinstance(data, Integral):
        return int(data)
    if isinstance(data, Rational):
        return str(Fraction(int(data.numerator), int(data.denominator)))
    if isinstance(data, Real) or hasattr(data, "__float__"):
        return float(data) if math.isfinite(data) else None
    return data
