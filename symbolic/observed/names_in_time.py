"""What the names of observables say of times: ``second-moment:lag=3``, ``A * B``."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.observed.joined import BETWEEN, CONNECTED, Joinable, together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["named_in_time"]

_MOST_DIGITS = 18  # of a number of updates
#: The symbol of a lag that is given no number.
_LAG = "t"
#: What the name of the second factor of a product begins with.
_MEANS = (
    "displacement",
    "test-loss",
    "training-loss",
    "generalisation-gap",
    "function:",
    "expression:",
)
_JOINT = re.compile(rf"{re.escape(BETWEEN)}(?={'|'.join(_MEANS)})")
#: What names say of times, behind the name of an observable.
_SUFFIX = re.compile(r":(step(?![\w-])|lag(?:=\w*)?(?![\w-])|at=[^:]*|change-since=[^:]*)")
#: Of names of pairs of factors, what both are, and whether the means are subtracted.
_PAIRS = {
    "second-moment": ("displacement", False),
    "covariance": ("displacement", True),
    "variance": ("test-loss", True),
}


Named_ = TypeVar("Named_", bound=Joinable)


def named_in_time(
    name: str,
    named: Callable[[str], Named_],
    change: Callable[..., Named_],
) -> Named_ | None:
    """Return the observable that a name with times or several factors means; None for other names.

    Parameters
    ----------
    name
        On the command line and in files.
    named
        Knows the names that are inside.
    change
        Makes a change since some updates of an observable.

    Raises
    ------
    RequestError
        When the name is wrong.
    """
    parts = _JOINT.split(name)
    if len(parts) > 1:
        return _joint(parts, named)
    suffixes = _suffixes_of(name)
    if not suffixes:
        return None
    return _at_times(name.removesuffix(f":{':'.join(suffixes)}"), suffixes, named, change)


def _suffixes_of(name: str) -> list[str]:
    """Return what a name says of times, behind the name of the observable."""
    suffixes: list[str] = []
    while matches := list(_SUFFIX.finditer(name)):
        last = matches[-1]
        if last.end() != len(name) or not last.start():
            break
        suffixes.insert(0, last[1])
        name = name[: last.start()]
    return suffixes


def _joint(parts: Sequence[str], named: Callable[[str], Named_]) -> Named_:
    is_connected = parts[0].startswith(CONNECTED)
    if is_connected and len(parts) > 2:
        raise RequestError(f"expected two observables after {CONNECTED}, got {len(parts)}")
    first = named(parts[0].removeprefix(CONNECTED))
    for part in parts[1:]:
        first = together(first, named(part), is_connected=is_connected)
    return first


def _at_times(
    name: str,
    suffixes: Sequence[str],
    named: Callable[[str], Named_],
    change: Callable[..., Named_],
) -> Named_:
    """Return an observable with other times: of a pair of factors the first one's."""
    pair = _PAIRS.get(name)
    if pair is None and name.startswith("variance:"):
        pair = name.removeprefix("variance:"), True
    one = other = named(name if pair is None else pair[0])

    def whole(label: str) -> Named_:
        if pair is None or label == name:
            return named(name) if label == name else replace(one, name=label)
        return replace(together(one, other, is_connected=pair[1]), name=label)

    label = name
    for i, suffix in enumerate(suffixes):
        kind, _, number = suffix.partition("=")
        if kind == "change-since":
            if suffixes[i + 1 :]:
                raise RequestError(
                    f"expected {kind}= as the last one in the name of an observable, got {shown(name)}"
                )
            return change(whole(label), since=_updates(number, kind))
        if kind == "step":
            one, other = one.step(), other.step()
            label = f"{label}:step"
            continue
        if kind == "at":
            one = one.at(_updates(number, kind))
        else:
            one = one.at(lag=_updates(number, kind) if number.isdecimal() else number or _LAG)
        label = f"{label}:{kind}={number or _LAG}"
    return whole(label)


def _updates(text: str, kind: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise RequestError(f"expected a whole number of updates after {kind}=, got {shown(text)}")
    return int(text)
