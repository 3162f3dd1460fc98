"""Poles of closed forms: where a weight in symbols has none of its values, said in a few words."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from sympy import Add, Expr, Mul, Symbol, expand

from sgdiagrams.diagrams.messages import shortened, shown
from sgdiagrams.symbolic.weights.factoring import factor_terms
from sgdiagrams.symbolic.weights.laurent import to_expr
from sgdiagrams.symbolic.weights.quotients import as_quotient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["denominators", "pole_message"]

# To whom the usual numbers belong.
_OWNERS = {
    "beta": "the optimiser's momentum",
    "gamma": "the schedule's factor",
    "alpha": "the average's memory",
    "lamda": "the weight decay",
    "T": "the sampling's updates",
    "N": "the sampling's datapoints",
    "B": "the sampling's batch size",
    "E": "the sampling's epochs",
}
# What is at least 0 and less than 1.
_BELOW_ONE = ("alpha", "beta")


def denominators(weight: Expr) -> Iterable[Expr]:
    """Go through what a weight in canonical form is divided by.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import N, T
    >>> list(denominators(T / (N * (N - 1))))
    [N, N - 1]
    """
    for term in Add.make_args(weight):
        for factor in Mul.make_args(term):
            if factor.is_Pow and factor.exp.is_Integer and factor.exp < 0:
                yield factor.base


def pole_message(denominator: Expr, values: Mapping[Symbol, Expr]) -> str:
    """Return an error's words for a denominator that is 0 at some values.

    Examples
    --------
    >>> from sympy import Rational
    >>> from sgdiagrams.symbolic.symbols import alpha, beta
    >>> half = Rational(1, 2)
    >>> print(pole_message((alpha - beta) * (1 - beta), {alpha: half, beta: half}))
    alpha = beta is a pole of this closed form, got alpha=0.5, beta=0.5; give alpha (the average's memory) and beta (the optimiser's momentum) before expanding
    """  # noqa: E501 - a message is one line
    pole = next((f for f in _factors(denominator) if _is_zero(f, values)), denominator)
    names = sorted(s.name for s in pole.free_symbols)
    given = ", ".join(
        f"{s.name}={_number(values[s])}" for s in sorted(values, key=str) if s.name in names
    )
    owners = [f"{name} ({_OWNERS.get(name, 'a number of the optimiser')})" for name in names]
    remedy = f"give {' and '.join(owners[:2])} before expanding"
    if len(names) == 1 and (names[0] in _BELOW_ONE or any(v == 0 for v in values.values())):
        # No optimiser or sampling takes it.
        remedy = f"{owners[0]} is never that"
    return (
        f"{shortened(_equation(pole), most=40)} is a pole of this closed form, got "
        f"{shortened(given, most=40)}; {remedy}"
    )


def _factors(polynomial: Expr) -> list[Expr]:
    q = as_quotient(polynomial)
    _, factors = factor_terms(q.numerator)
    return [to_expr(dict(f), q.generators) for f, _ in factors]


def _is_zero(polynomial: Expr, values: Mapping[Symbol, Expr]) -> bool:
    return bool(expand(polynomial.xreplace(dict(values))) == 0)


def _equation(pole: Expr) -> str:
    """Return where a factor is 0: ``beta = 1``, ``alpha = beta``."""
    terms = Add.make_args(pole)
    above = Add(*(t for t in terms if not t.could_extract_minus_sign()))
    below = Add(*(-t for t in terms if t.could_extract_minus_sign()))
    if above.is_number:
        above, below = below, above
    return f"{_text(above)} = {_text(below)}"


def _text(expr: Expr) -> str:
    return str(expr).replace("**", "^").replace("*", " ")


def _number(value: Expr) -> str:
    if value.is_Rational:
        return shown(Fraction(int(value.p), int(value.q)))
    return _text(value)
