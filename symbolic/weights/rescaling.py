r"""Rescalings of variables: which parts of a weight they leave as they are.

A rescaling :math:`x_j \to s^{v_j} x_j` multiplies a monomial by :math:`s^d`, d being its *degree*
:math:`v \cdot` exponents.
"""

from __future__ import annotations

from math import lcm
from typing import TYPE_CHECKING

from sympy import Expr, Integer, Matrix

from sgdiagrams.symbolic.weights.laurent import to_expr
from sgdiagrams.symbolic.weights.quotients import as_quotient, canonical

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["rescalings", "split_weight"]


def rescalings(
    combinations: Sequence[Mapping[str, int]], variables: Sequence[str]
) -> tuple[dict[str, int], ...]:
    """Return a basis, in whole numbers, of the rescalings that leave all monomials as they are.

    Examples
    --------
    >>> rescalings([{"eta": 1, "B": -1}, {"eta": 1, "T": 1}], ("eta", "T", "B"))
    ({'eta': 1, 'T': -1, 'B': 1},)
    """
    matrix = Matrix([[powers.get(name, 0) for name in variables] for powers in combinations])
    result = []
    for vector in matrix.nullspace():
        scale = lcm(*(int(x.q) for x in vector))
        result.append({n: int(x * scale) for n, x in zip(variables, vector, strict=True)})
    return tuple(result)


def split_weight(
    weight: Expr, order: int, directions: Sequence[Mapping[str, int]]
) -> tuple[Expr, Expr]:
    """Return the parts of ``eta**order * weight`` that all rescalings leave as they are, and the others.

    The second is all of the weight where parts cannot be told apart: a quotient is a finite sum of
    parts that have a degree only if its denominator has one.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import T
    >>> split_weight(T**2 / 2 - T / 2, 2, [{"eta": 1, "T": -1}])
    (T**2/2, -T/2)
    """
    ratio = as_quotient(weight)
    degrees = [_degree(generator, directions) for generator in ratio.generators]

    def degree(exponents: tuple[int, ...], above: int = 0) -> tuple[int, ...] | None:
        total = tuple(above * v.get("eta", 0) for v in directions)
        for power, single in zip(exponents, degrees, strict=True):
            if power:
                if single is None:
                    return None
                total = tuple(a + power * b for a, b in zip(total, single, strict=True))
        return total

    goals = {degree(exponents) for exponents, _ in ratio.denominator}
    goal = goals.pop()
    if goals or goal is None:
        return Integer(0), weight
    kept = {exponents: c for exponents, c in ratio.numerator if degree(exponents, order) == goal}
    if len(kept) in (0, len(ratio.numerator)):
        return (weight, Integer(0)) if kept else (Integer(0), weight)
    rest = {exponents: c for exponents, c in ratio.numerator if exponents not in kept}
    divisor = to_expr(dict(ratio.denominator), ratio.generators)
    obeys, breaks = (to_expr(part, ratio.generators) / divisor for part in (kept, rest))
    return canonical(obeys), canonical(breaks)


def _degree(generator: Expr, directions: Sequence[Mapping[str, int]]) -> tuple[int, ...] | None:
    """Return the degree of a symbol or of an exponential; None if that gets more than a factor."""
    if generator.is_Symbol:
        return tuple(v.get(generator.name, 0) for v in directions)
    for v in directions:
        exponent = sum(v.get(str(x), 0) * k for x, k in generator.exp.as_powers_dict().items())
        if exponent != 0 or any(v.get(str(x), 0) for x in generator.base.free_symbols):
            return None
    return (0,) * len(directions)
