"""Coefficients in Python source, exact for whole numbers and fractions; names that are safe there."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING

from sympy import Expr, cancel, fraction, pycode

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.algebra.estimators.kernel import (
    Circle,
    Derivative,
    Dot,
    KernelSum,
    derivatives_in,
)
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["checked_symbols", "functions_in", "has_penalty", "scaled_source", "signed_sum"]


def scaled_source(coefficient: Expr, body: str) -> str:
    """Return the source of a coefficient times something, without decimals; ``""`` stands for 1.

    Examples
    --------
    >>> from sympy import Integer, Rational
    >>> scaled_source(Rational(-3, 2), "v1"), scaled_source(Integer(1), "v1")
    ('-3 * v1 / 2', 'v1')
    """
    above, below = fraction(cancel(coefficient))
    parts = []
    if above == -1 and body:
        body = f"-{body}"
    elif above != 1 or not body:
        parts.append(_in_parentheses(above))
    if body:
        parts.append(body)
    text = " * ".join(parts)
    return text if below == 1 else f"{text} / {_in_parentheses(below)}"


def _in_parentheses(number: Expr) -> str:
    text = str(pycode(number))
    return f"({text})" if number.is_Add or (number.is_Mul and not number.is_number) else text


def signed_sum(terms: Iterable[str]) -> str:
    """Return a sum of terms, which may begin with a minus sign.

    Examples
    --------
    >>> signed_sum(["a", "-2 * b"])
    'a - 2 * b'
    """
    text = ""
    for term in terms:
        if not text:
            text = term
        elif term.startswith("-"):
            text += f" - {term[1:]}"
        else:
            text += f" + {term}"
    return text or "0"


def checked_symbols(kernel: KernelSum, taken: Iterable[str]) -> tuple[str, ...]:
    """Return the names of all symbols in a kernel, which become arguments.

    Raises
    ------
    RequestError
        When one of them is no name in Python, or has a meaning in the source.
    """
    names = sorted({s.name for c in _coefficients(kernel) for s in c.free_symbols})
    reserved = {*taken, "loss", "weights", "samples", "functions", "start", "weight_decay"}
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name) or name in reserved:
            raise RequestError(
                f"expected symbols that are free names in Python, got {shown(name)}; substitute it"
            )
    return tuple(names)


def _coefficients(combination: KernelSum) -> Iterable[Expr]:
    for coefficient, factors in combination.terms:
        yield coefficient
        for factor in factors:
            match factor:
                case Derivative():
                    for argument in factor.arguments:
                        yield from _coefficients(argument)
                case Dot(one, other):
                    yield from _coefficients(one)
                    yield from _coefficients(other)
                case KernelSum():
                    yield from _coefficients(factor)
                case _:
                    pass


def functions_in(kernel: KernelSum) -> tuple[str, ...]:
    """Return the names of the functions of the weights in a kernel."""
    return tuple(sorted(_labels(kernel) - {LOSS, PENALISED}))


def has_penalty(kernel: KernelSum) -> bool:
    """Tell whether penalised losses occur in a kernel."""
    return PENALISED in _labels(kernel)


def _labels(kernel: KernelSum) -> set[str]:
    labels = set()
    for part in derivatives_in(kernel):
        kinds = part.nodes if isinstance(part, Circle) else [(part.label, part.datapoint)]
        labels |= {label for label, _ in kinds}
    return labels
