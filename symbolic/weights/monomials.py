"""Monomials as a person writes them: ``"eta/B"``, ``"eta*T"``, ``"eta^2*N"``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sympy import Expr

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["USUAL_VARIABLES", "monomial_text", "read_monomial"]

#: What is written first, in this order.
USUAL_VARIABLES = ("eta", "T", "N", "B", "E")

_TOKEN = re.compile(
    r"\s*(?:([A-Za-z][A-Za-z0-9_]{0,40})(?:\s*(?:\^|\*\*)\s*(-?[0-9]{1,3}))?|1(?![0-9A-Za-z_.]))\s*"
)


def read_monomial(item: object) -> dict[str, int]:
    """Return the powers of the symbols in a monomial, text or a SymPy product.

    Raises
    ------
    RequestError
        When it is something else, or no symbol is left.

    Examples
    --------
    >>> read_monomial("eta^2 * N/B")
    {'eta': 2, 'N': 1, 'B': -1}
    """
    powers: dict[str, int] = {}
    if isinstance(item, str):
        sign, place = 1, 0
        while match := _TOKEN.match(item, place):
            if match[1]:
                powers[match[1]] = powers.get(match[1], 0) + sign * int(match[2] or 1)
            place = match.end()
            if place == len(item):
                break
            sign = {"*": 1, "/": -1}.get(item[place], 0)
            place += 1
            if not sign:
                break
        if not match or place != len(item) or not sign:
            powers = {}
    elif isinstance(item, Expr):
        factors = item.as_powers_dict()
        if all(x == 1 or (x.is_Symbol and k.is_Integer) for x, k in factors.items()):
            powers = {str(x): int(k) for x, k in factors.items() if x != 1}
    powers = {name: k for name, k in powers.items() if k}
    if not powers:
        raise RequestError(
            f"expected a product of powers of symbols such as 'eta/B', 'eta*T' or 'eta^2*N', "
            f"got {shown(item)}"
        )
    return {name: powers[name] for name in sorted(powers, key=_place)}


def _place(name: str) -> tuple[int, str]:
    return (USUAL_VARIABLES.index(name) if name in USUAL_VARIABLES else len(USUAL_VARIABLES), name)


def monomial_text(powers: Mapping[str, int]) -> str:
    """Return a monomial as text.

    Examples
    --------
    >>> monomial_text({"eta": 2, "N": 1, "B": -1})
    'eta^2*N/B'
    """
    above = [_power(name, k) for name, k in powers.items() if k > 0]
    below = [f"/{_power(name, -k)}" for name, k in powers.items() if k < 0]
    return "*".join(above or ["1"]) + "".join(below)


def _power(name: str, k: int) -> str:
    return name if k == 1 else f"{name}^{k}"
