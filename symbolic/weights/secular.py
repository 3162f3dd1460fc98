"""What is left of weights after a long time: polynomials in time, once exponentials have died out."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from sympy import Integer

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.weights.quotients import as_quotient, weight_of_terms

if TYPE_CHECKING:
    from fractions import Fraction

    from sympy import Expr, Symbol

__all__ = ["secular_coefficients"]


def secular_coefficients(weight: Expr, time: Symbol) -> dict[int, Expr]:
    r"""Return the coefficients of the powers of time that do not die out.

    Exponentials of the time, such as :math:`\beta^T` with :math:`|\beta| < 1`, are dropped.

    Raises
    ------
    RequestError
        When it is divided by a sum that depends on the time, or something grows exponentially.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import T, beta
    >>> secular_coefficients((T**2 + 3 * T - T * beta**T + 5) / (1 - beta), T)
    {2: -1/(beta - 1), 1: -3/(beta - 1), 0: -5/(beta - 1)}
    >>> secular_coefficients((1 - 1 / Integer(4) ** T) * T, T)
    {1: 1}
    """
    quotient = as_quotient(weight)
    generators = quotient.generators
    exponentials = [i for i, g in enumerate(generators) if g.is_Pow and g.exp.has(time)]
    place = generators.index(time) if time in generators else None
    # What all terms are divided by.
    timed = [*exponentials, *([] if place is None else [place])]
    below = quotient.denominator[0][0]
    is_shared = all(exps[i] == below[i] for exps, _ in quotient.denominator for i in timed)
    kept: dict[int, dict[tuple[int, ...], Fraction]] = {}
    for exps, c in quotient.numerator if is_shared else ():
        growth = [(generators[i].base, exps[i] - below[i]) for i in exponentials]
        symbols = [power for base, power in growth if base.is_Symbol and power]
        number = prod((base**power for base, power in growth if base.is_Rational), start=Integer(1))
        if number > 1 or any(power < 0 for power in symbols):
            is_shared = False
        elif number == 1 and not symbols:
            power = 0 if place is None else exps[place] - below[place]
            rest = tuple(0 if i in timed else e for i, e in enumerate(exps))
            kept.setdefault(power, {})[rest] = c
    if not is_shared:
        raise RequestError(
            f"expected a polynomial in {time} and exponentials that die out, got the weight "
            f"{shown(str(weight))}"
        )
    lower = {
        tuple(0 if i in timed else e for i, e in enumerate(exps)): c
        for exps, c in quotient.denominator
    }
    return {power: weight_of_terms(terms, lower, generators) for power, terms in kept.items()}
