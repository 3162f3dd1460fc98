"""Weights and conditions as plain data, which a page evaluates exactly: nothing in it is a program."""

from __future__ import annotations

from math import lcm
from typing import TYPE_CHECKING, Any, final

from sympy import Expr, Symbol

from sgdiagrams.symbolic.observed.times_of_reading import stage_lengths
from sgdiagrams.symbolic.weights.quotients import as_quotient

if TYPE_CHECKING:
    from fractions import Fraction

    from sgdiagrams.symbolic.formula import Part

__all__ = ["Generators", "conditions_of"]

_Terms = tuple[tuple[tuple[int, ...], "Fraction"], ...]


@final
class Generators:
    """The symbols and powers such as beta**T of some weights, each once, and weights in them.

    A weight is ``{"of": [...], "above": [...], "below": [...]}``: a quotient of two polynomials with
    whole coefficients (texts, because they may be long), in the generators whose places ``of`` names; a
    polynomial is a list of a coefficient and its exponents. A generator is ``{"symbol": name}`` or
    ``{"base": weight, "exponent": weight}``.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import T, beta
    >>> generators = Generators()
    >>> generators.weight(T**2 / 2 - T / 2)
    {'of': [0], 'above': [['1', 2], ['-1', 1]], 'below': [['2', 0]]}
    >>> generators.weight(1 - beta**T)["of"], [list(g) for g in generators.data]
    ([2], [['symbol'], ['symbol'], ['base', 'exponent']])
    """

    def __init__(self) -> None:
        self._places: dict[Expr, int] = {}
        #: The generators as plain data, in the order of their places.
        self.data: list[dict[str, Any]] = []

    def weight(self, expr: Expr) -> dict[str, Any]:
        """Return a weight as data."""
        q = as_quotient(expr)
        scale = lcm(*(c.denominator for _, c in (*q.numerator, *q.denominator)))
        places = [self._place(g) for g in q.generators]
        above, below = (_polynomial(f, scale) for f in (q.numerator, q.denominator))
        return {"of": places, "above": above, "below": below}

    def _place(self, generator: Expr) -> int:
        if generator not in self._places:
            data: dict[str, Any] = {"symbol": str(generator)}
            if not generator.is_Symbol:
                data = {
                    "base": self.weight(generator.base),
                    "exponent": self.weight(generator.exp),
                }
            self._places[generator] = len(self.data)
            self.data.append(data)
        return self._places[generator]


def _polynomial(terms: _Terms, scale: int) -> list[list[Any]]:
    return [[str(int(c * scale)), *exponents] for exponents, c in terms]


def conditions_of(part: Part, generators: Generators) -> list[dict[str, Any]]:
    """Return what the numbers of an expansion must obey, as data.

    Each is one of

    * ``{"whole": name, "least": k}``: a whole number >= k;
    * ``{"real": name, "least", "below", "most"}``: a number in these bounds, null for none;
    * ``{"divides": [divisor, multiple], "quotient": weight}``: whole;
    * ``{"count": words, "value": weight, "least": k}``: whole and >= k; 0 too where ``or_none`` is true.

    They are those of `sgdiagrams.symbolic.writing.number_checks`.
    """
    scheme, optimizer = part.training.sampling, part.optimizer
    conditions: list[dict[str, Any]] = []
    wholes: set[str] = set()
    spans: dict[str, tuple[int | None, int | None, int | None]] = {
        name: (least, below, None) for name, (least, below) in optimizer.known_spans.items()
    }
    for name, value in scheme.values.items():
        if not value.is_Symbol:
            continue
        if name in scheme.chances:
            spans[str(value)] = (0, None, 1)
        elif name in scheme.times:
            spans[str(value)] = (0, None, None)
        elif str(value) not in wholes:
            wholes.add(str(value))
            conditions.append({"whole": str(value), "least": int(name in scheme.positive)})
    for lag in part.observable.lags:
        wholes.add(lag)
        conditions.append({"whole": lag, "least": 0})
    for name in part.symbols:
        if name not in wholes:
            least, below, most = spans.get(name, (None, None, None))
            conditions.append({"real": name, "least": least, "below": below, "most": most})

    def counted(words: str, value: Expr, least: int, *, or_none: bool = False) -> None:
        if value.free_symbols:
            weight = generators.weight(value)
            condition = {"count": words, "value": weight, "least": least, "or_none": or_none}
            conditions.append(condition)

    for multiple, divisor in scheme.divisions:
        if (multiple / divisor).free_symbols:
            weight = generators.weight(multiple / divisor)
            conditions.append({"divides": [str(divisor), str(multiple)], "quotient": weight})
    for difference in scheme.differences:
        counted(str(difference), difference, 0)
    for length in stage_lengths(part.observable.times, scheme.updates):
        counted(str(length), length, 0)
    if part.window is not None and not scheme.updates.is_Symbol:
        counted("the number of updates", scheme.updates, part.window, or_none=True)
    elif part.window is not None:
        counted(str(Symbol(str(scheme.updates))), scheme.updates, part.window, or_none=True)
    return conditions
