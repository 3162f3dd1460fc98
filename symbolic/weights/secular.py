"""What is left of weights after a long time: polynomials in time, once exponentials have died out."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        When the weight is divided by something that depends on the time.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import T, beta
    >>> secular_coefficients((T**2 + 3 * T - T * beta**T + 5) / (1 - beta), T)
    {2: -1/(beta - 1), 1: -3/(beta - 1), 0: -5/(beta - 1)}
    """
    quotient = as_quotient(weight)
    dying = [
        i for i, g in enumerate(quotient.generators) if g.is_Pow and time in g.exp.free_symbols
    ]
    place = quotient.generators.index(time) if time in quotient.generators else None
    below = {exps for exps, _ in quotient.denominator}
    if any(exps[i] for exps in below for i in dying) or (
        place is not None and len({exps[place] for exps in below}) > 1
    ):
        raise RequestError(
            f"expected a polynomial in {time} and exponentials, got the weight {shown(str(weight))}"
        )
    shift = 0 if place is None else next(iter(below))[place]
    kept: dict[int, dict[tuple[int, ...], Fraction]] = {}
    for exps, c in quotient.numerator:
        if any(exps[i] for i in dying):
            continue
        power = 0 if place is None else exps[place]
        rest = tuple(0 if i == place else e for i, e in enumerate(exps))
        kept.setdefault(power - shift, {})[rest] = c
    lower = {
        tuple(0 if i == place else e for i, e in enumerate(exps)): c
        for exps, c in quotient.denominator
    }
    return {
        power: weight_of_terms(terms, lower, quotient.generators) for power, terms in kept.items()
    }
