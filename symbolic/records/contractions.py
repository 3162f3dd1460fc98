"""Contractions as JSON data."""

from __future__ import annotations

from typing import Any

from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.records.values import check_keys, get

__all__ = ["dump_contraction", "load_contraction"]

_DEFAULTS = {"metric": "identity", "labels": "", "free": ""}


def dump_contraction(contraction: Contraction) -> dict[str, str]:
    """Return a contraction as an object; what is usual is left out.

    Examples
    --------
    >>> dump_contraction(Contraction("(0-1.2)(0.1-0.2)", "cumulant"))
    {'text': '(0-1.2)(0.1-0.2)', 'basis': 'cumulant'}
    """
    text, basis, *optional = map(str, contraction.args)
    data = {"text": text, "basis": basis}
    for (name, usual), value in zip(_DEFAULTS.items(), optional, strict=True):
        if value != usual:
            data[name] = value
    return data


def load_contraction(data: dict[str, Any]) -> Contraction:
    """Read what `dump_contraction` wrote."""
    names = ("text", "basis", *_DEFAULTS)
    check_keys(data, *names)
    return Contraction(*(get({**_DEFAULTS, **data}, name, str) for name in names))
