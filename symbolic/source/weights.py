"""Weights as Python source: quotients of polynomials over whole numbers, which lose no digit.

With whole numbers alone (updates, datapoints, epochs) a weight is one division of Python's integers,
which is correctly rounded and does not overflow on the way. Other numbers (momentum, averages) come with
exponentials such as beta**T, and with removable poles near which floats have no digit left; they
are computed in units of :math:`2^{-b}` for growing b until two results agree.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, NamedTuple

from sympy import Expr, Integer

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.weights.quotients import as_quotient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Exponentials", "named_exponentials", "quotient_source", "weights_source"]

_Terms = tuple[tuple[tuple[int, ...], Fraction], ...]
# Python reads decimals of up to 4300 digits.
_LONG = 10**4000


class Exponentials(NamedTuple):
    """Powers such as beta**T: a local name for each, and the rational bases that are not symbols."""

    names: dict[Expr, str]
    bases: dict[Fraction, str]


class Ratio(NamedTuple):
    """A weight as two polynomials with whole coefficients, in Python."""

    above: str
    below: str


def quotient_source(expr: Expr, names: Mapping[Expr, str]) -> Ratio:
    """Return a weight in Python, with a name for every symbol and power.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import N, T
    >>> quotient_source(T**2 / 2 - T / (3 * N), {T: "T", N: "N"})
    Ratio(above='3*N*T**2 - 2*T', below='6*N')
    """
    q = as_quotient(expr)
    scale = lcm(*(c.denominator for _, c in (*q.numerator, *q.denominator)))
    places = [names[g] for g in q.generators]
    above, below = (_polynomial(f, scale, places) for f in (q.numerator, q.denominator))
    return Ratio(above, below)


def _polynomial(terms: _Terms, scale: int, places: Sequence[str]) -> str:
    """Return a polynomial times a number that makes it whole."""
    written = []
    for exps, c in terms:
        number = int(c * scale)
        factors = [
            name if k == 1 else f"{name}**{k}"
            for name, k in sorted(zip(places, exps, strict=True))
            if k
        ]
        if abs(number) != 1 or not factors:
            factors.insert(0, str(abs(number)) if abs(number) < _LONG else hex(abs(number)))
        sign = "-" if number < 0 else "+"
        written.append(f"{sign} {'*'.join(factors)}")
    text = " ".join(written) or "+ 0"
    return text.removeprefix("+ ") if text[0] == "+" else f"-{text[2:]}"


def named_exponentials(
    weights: Iterable[Expr], local: dict[Expr, str], taken: set[str]
) -> Exponentials:
    """Name the powers such as beta**T and the bases that are numbers; they become local names too.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import T, beta
    >>> named_exponentials([1 - beta**T], {T: "T", beta: "beta"}, set()).names
    {beta**T: 'power_1'}
    """
    powers: dict[Expr, str] = {}
    bases: dict[Fraction, str] = {}

    def fresh(stem: str) -> str:
        number = 1
        while f"{stem}_{number}" in taken:
            number += 1
        taken.add(f"{stem}_{number}")
        return f"{stem}_{number}"

    for weight in weights:
        for g in as_quotient(weight).generators:
            if not g.is_Symbol and g not in powers:
                powers[g] = fresh("power")
                if g.base.is_Rational:
                    base = Fraction(int(g.base.p), int(g.base.q))
                    bases[base] = bases.get(base) or fresh("base")
    local |= powers
    return Exponentials(powers, bases)


def weights_source(
    weights: Sequence[Expr],
    names: Mapping[Expr, str],
    exponentials: Exponentials,
    reals: Sequence[str],
) -> tuple[list[str], list[str]]:
    """Return lines that come first, and an expression for every weight.

    Parameters
    ----------
    weights
        They may have any of the symbols and exponentials.
    names
        Symbol or exponential -> name.
    exponentials
        Those that occur.
    reals
        The names of the numbers that are not whole.

    Raises
    ------
    RequestError
        When a weight without symbols is beyond the range of floats.
    """
    lines: list[str] = []
    expressions: list[str] = []
    pairs: list[str] = []
    is_real = {*reals, *exponentials.names.values()}
    for weight in weights:
        above, below = quotient_source(weight, names)
        used = {names[g] for g in as_quotient(weight).generators}
        if weight.is_Rational:
            expressions.append(_number(weight))
        elif used & is_real:
            expressions.append(f"w[{len(pairs)}]")
            pairs.append(f"            ({above}, {below}),")
        else:
            expressions.append(f"_ratio({above}{'' if below == '1' else f', {below}'})")
    if pairs:
        arguments = [*reals, *exponentials.bases.values()]
        given = [*reals, *(f"({b.numerator}, {b.denominator})" for b in exponentials.bases)]
        lines = [
            "",
            f"    def weights({', '.join(arguments)}):",
            *(
                f"        {name} = {_base(power, names, exponentials)} ** {_exponent(power.exp, names)}"
                for power, name in exponentials.names.items()
            ),
            "        return [",
            *pairs,
            "        ]",
            "",
            f"    w = _settled({', '.join(['weights', *given])})",
        ]
    return lines, expressions


def _number(weight: Expr) -> str:
    value = Fraction(int(weight.p), int(weight.q))
    if value.denominator == 1 and abs(value) < 2**53:
        return f"({value.numerator})"
    if max(abs(value.numerator), value.denominator) < 2**53:
        return f"({value.numerator} / {value.denominator})"
    try:
        return f"({float(value)!r})"
    except OverflowError:
        raise RequestError(
            "expected weights below 1e308 for source in floats, got a larger one; take smaller numbers"
        ) from None


def _base(power: Expr, names: Mapping[Expr, str], exponentials: Exponentials) -> str:
    if power.base.is_Rational:
        return exponentials.bases[Fraction(int(power.base.p), int(power.base.q))]
    return names[power.base]


def _exponent(exponent: Expr, names: Mapping[Expr, str]) -> str:
    above, below = quotient_source(exponent, names)
    if below == str(Integer(1)):
        return above if above.isidentifier() else f"({above})"
    return f'_divided("{exponent}", {above}, {below})'
