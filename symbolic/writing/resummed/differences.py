r"""Divided differences as a person writes them: in brackets, or as fractions.

Those of two nodes are one fraction: :math:`[1, q] x^T = (1 - q^T)/(1 - q)`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations_with_replacement
from math import factorial
from typing import Literal

from sympy import Add, Expr, Integer, Mul, S, fraction, latex, together

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.layout.formulas import Group, Slash, Spelled, Sum, Times, product
from sgdiagrams.symbolic.layout.nodes import ONE, Node, Numeral, Row, Scripts, Sign, Symbol, power
from sgdiagrams.symbolic.layout.quantities import Decay, Difference
from sgdiagrams.symbolic.layout.text import plain_text
from sgdiagrams.symbolic.printing.coefficients import coefficient
from sgdiagrams.symbolic.weights.divided_differences import PowerDifference
from sgdiagrams.symbolic.writing.resummed.names import Names, grouped
from sgdiagrams.symbolic.writing.resummed.summands import Summand, pulled, rational_summand

__all__ = [
    "STYLES",
    "Style",
    "difference",
    "exponential_value",
    "fractions",
    "is_round_power",
    "round_decay",
    "round_power",
]

Style = Literal["short", "written-out", "brackets"]
#: What a caller may ask for; ``"brackets"``, also for two nodes, is the style of plain text.
STYLES = ("short", "written-out")


def difference(names: Names, expr: Expr, exponent: int, style: Style) -> Summand:
    """Return a power of a divided difference."""
    T, *points = expr.args
    count = len(points)
    if len(set(points)) == 1:
        return Summand(_equal(expr, T, points[0], count) ** exponent)
    rounds = [x for x in points if is_round_power(x)]
    if rounds and count == 2 and points[0] == 1 and style != "brackets":
        return _over_rounds(names, T, rounds[0], exponent)
    if rounds or style == "brackets" or (style == "short" and count > 2):
        return Summand(Integer(1), beside=(_bracket(names, expr, exponent),))
    if count == 2:
        return _two_points(names, expr, exponent)
    scalar, parts = pulled(fractions(names, expr))
    return Summand(scalar**exponent, beside=(parts,) * exponent)


def fractions(names: Names, expr: Expr, factor: Expr = S.One) -> list[Summand]:
    r"""Return the fractions, with Taylor coefficients where nodes coincide.

    .. math:: \sum_i \sum_k \frac{f^{(k)}(x_i)}{k!} \frac{(-1)^{m_i - 1 - k}
        h_{m_i - 1 - k}(1/(x_i - x_j))}{\prod_{j} (x_i - x_j)}
    """
    T, *points = expr.args
    factor = names.in_names(factor)
    named = [names.in_names(x) for x in points]
    summands = []
    for point, m in Counter(named).items():
        others = [x for x in named if x != point]
        for k in reversed(range(m)):
            inverse = [1 / (point - x) for x in others]
            extra = Add(*(Mul(*c) for c in combinations_with_replacement(inverse, m - 1 - k)))
            sign = Integer(-1) ** (m - 1 - k)
            p = rational_summand(_without_rates(names), sign * factor * extra * Mul(*inverse))
            scalar, value = _taylor(names, expr, T, point, k)
            above = () if value == ONE else (value,)
            summands.append(Summand(p.scalar * scalar, (*p.above, *above), p.below))
    return summands


def _without_rates(names: Names) -> Names:
    """Return names with which 1 - q stays what it is."""
    return replace(names, bare_rates=False)


# Fractions --------------------------------------------------------------------------------------------


def _equal(expr: Expr, T: Expr, point: Expr, count: int) -> Expr:
    """Return the difference where all nodes are equal: the Taylor coefficient."""
    k = count - 1
    if isinstance(expr, PowerDifference):
        falling = Mul(*(T - i for i in range(k)))
        return falling * point ** (T - k) / factorial(k)
    return T**k / factorial(k)


def _two_points(names: Names, expr: Expr, exponent: int) -> Summand:
    T, first, second = expr.args
    a, b = (names.in_names(x) for x in (first, second))
    p = rational_summand(_without_rates(names), 1 / (a - b))
    top = Sum(tuple((sign, _value(names, expr, T, x)) for sign, x in ((1, a), (-1, b))), room=2)
    if exponent > 1:
        below = tuple(power(grouped(f), exponent) for f in p.below)
        return Summand(p.scalar**exponent, (power(Group(top), exponent),), below)
    return Summand(p.scalar, (*p.above, top), p.below)


def _over_rounds(names: Names, R: Expr, point: Expr, exponent: int) -> Summand:
    """Return the geometric sum of a power that one round takes."""
    M, x = point.exp, names.in_names(point.base)
    above, below = (
        power(Group(Sum(((1, ONE), (-1, _power_value(names, k, x))))), exponent) for k in (M * R, M)
    )
    return Summand(Integer(1), (above,), (below,))


def _taylor(names: Names, expr: Expr, T: Expr, point: Expr, k: int) -> tuple[Expr, Node]:
    """Return the Taylor coefficient k of the function at a node: a scalar and a value."""
    if isinstance(expr, PowerDifference):
        scalar = Mul(*(T - i for i in range(k))) / factorial(k)
        return scalar, _power_value(names, T - k, point)
    return T**k / factorial(k), _value(names, expr, T, point)


# Values -----------------------------------------------------------------------------------------------


def _value(names: Names, expr: Expr, T: Expr, point: Expr) -> Node:
    """Return the function at a node."""
    if isinstance(expr, PowerDifference):
        return _power_value(names, T, point)
    if point == 0:
        return ONE
    scalar, rate = _split_rate(names, -point)
    # A number stands before the rate, a symbol after it.
    front, under = fraction(together(scalar * T if T.is_number else scalar))
    time = None if T.is_number else _factor_of_time(T)
    whole = product([coefficient(front).node, grouped(rate), time]) or ONE
    return Decay(whole if under == 1 else _slash(whole, under))


def _power_value(names: Names, T: Expr, point: Expr) -> Node:
    """Return a power of something in the chosen symbols."""
    if point == 1:
        return ONE
    places = names.indexed()
    if point.is_Symbol and point in places:
        base = names.symbol(point)
    elif point.free_symbols & places.keys():
        base = Group(names.factor(point))
    else:
        number = coefficient(point).node or ONE
        base = number if point.is_Symbol else Group(number)
    return Scripts(base, above=_time(T))


def is_round_power(expr: Expr) -> bool:
    """Tell whether something is a power with a symbol in the exponent, such as N/B."""
    return bool(expr.is_Pow and expr.exp.free_symbols)


def round_power(names: Names, expr: Expr) -> Node:
    """Return such a power of a product of the q."""
    return _power_value(names, expr.exp, names.in_names(expr.base))


def round_decay(names: Names, expr: Expr) -> Node:
    """Return one minus such a power, in brackets."""
    M, x = expr.args
    return Group(Sum(((1, ONE), (-1, _power_value(names, M, names.in_names(x))))))


def exponential_value(names: Names, value: Expr) -> Node:
    """Return the exponential of minus a rate times a time, in the symbols of eigenvalues."""
    rest, rate = value.args[0].as_independent(*_eigenvalues(value.args[0]))
    scalar, shown = _split_rate(names, names.in_names(rate))
    whole = product([coefficient(scalar).node, grouped(shown), _time(-rest)]) or ONE
    return Decay(whole)


def _eigenvalues(expr: Expr) -> list[Expr]:
    return sorted((x for x in expr.free_symbols if str(x).startswith("h_")), key=str)


def _split_rate(names: Names, rate: Expr) -> tuple[Expr, Node]:
    p = rational_summand(_without_rates(names), rate)
    shown = [*p.above, *p.beside]
    if len(shown) == 1 and isinstance(shown[0], Node):
        return p.scalar, shown[0]
    # A sum too wide for one piece.
    return Integer(1), names.factor(rate)


def _slash(above: Node, under: Expr) -> Node:
    below = coefficient(under).node or ONE
    return Slash(above, below, len(plain_text(below)) + 1)


def _time(T: Expr) -> Node:
    """Return the number of updates as an exponent."""
    if T.is_Mul and symbols.eta in T.args:
        rest = _time(T / symbols.eta)
        return Times((Symbol("eta"), rest))
    text = str(T).replace("**", "^").replace("*", " ")
    shown = text if T.is_Symbol or T.is_Integer else f"({text})"
    return Spelled(str(latex(T, fold_short_frac=True)), shown, len(text))


def _factor_of_time(T: Expr) -> Node:
    """Return the number of updates as a factor."""
    shown = _time(T)
    if not T.is_Add:
        return shown
    return Spelled(rf"({latex(T)})", f"({T})", len(str(T)) + 2)


# Brackets ---------------------------------------------------------------------------------------------


def _bracket(names: Names, expr: Expr, exponent: int) -> Node:
    T, *points = expr.args
    shown = tuple(_point(names, names.in_names(x)) for x in points)
    function: Literal["power", "exponential"] = (
        "power" if isinstance(expr, PowerDifference) else "exponential"
    )
    return Difference(shown, function, _time(T), exponent)


def _point(names: Names, point: Expr) -> Node:
    """Return a node of a divided difference."""
    if not point.free_symbols & names.indexed().keys():
        return _plain_point(point)
    if is_round_power(point):
        return round_power(names, point)
    if not names.in_rates:
        return names.factor(point)
    scalar, rate = _split_rate(names, -point)
    front, under = fraction(together(scalar))
    lead = coefficient(front).node
    if isinstance(rate, Sum) and lead is None and under == 1:
        # Minus a sum, term by term.
        return names.factor(point)
    whole = product([lead, grouped(rate)]) or ONE
    if under != 1:
        whole = _slash(whole, under)
    return Row((Sign(-1, is_unary=True), whole))


def _plain_point(point: Expr) -> Node:
    if point == 0:
        return Numeral("0")
    number = coefficient(point)
    shown = number.node or ONE
    return Row((Sign(-1, is_unary=True), shown)) if number.sign < 0 else shown
