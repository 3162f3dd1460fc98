r"""Imitations as they are written: the loss with its penalty, and what no penalty mends.

.. math:: \tilde\ell = \ell + \eta\, \frac{N - 1}{4 N}\, C_{\mu\mu} + \dots
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.layout.documents import System, Table
from sgdiagrams.symbolic.layout.formulas import Spelled
from sgdiagrams.symbolic.layout.nodes import Node, Row, Symbol
from sgdiagrams.symbolic.modified.writing.by_powers import power_series, rows_by_power
from sgdiagrams.symbolic.modified.writing.losses import MODIFIED_LOSS, Parts
from sgdiagrams.symbolic.observable import Function
from sgdiagrams.symbolic.printing.coefficients import coefficient

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.vocabulary import SetRole, TooLong

__all__ = ["imitation_heading", "write_imitation"]


def write_imitation(
    names: tuple[str, ...], parts: Parts, renderer: Renderer[Any], *, too_long: TooLong
) -> str:
    """Return an imitation in a format.

    Parameters
    ----------
    names
        As `imitation_heading` gives them.
    parts
        For every order the penalty and what it does not mend.
    too_long
        See `coefficient`.
    """
    order = len(parts) - 1
    penalties = {k - 1: penalty for k, (penalty, _) in enumerate(parts) if k > 1}
    rests = {k: rest for k, (_, rest) in enumerate(parts) if not rest.is_zero}
    if renderer.is_tabular:
        sections = {"penalty": penalties}
        titles = [" | ".join(names)]
        if rests:
            titles.append("what no penalty mends, in the expected value of a function s: unmended")
            sections["unmended"] = rests
        return renderer.table(Table(tuple(titles), rows_by_power(sections, too_long=too_long)))
    penalised = {0: Expression.of("l"), **penalties}
    series = [power_series(MODIFIED_LOSS, penalised, left_out=order, too_long=too_long)]
    if rests:
        s = Function("s")
        difference = Row((Symbol("Delta"), Spelled(s.latex, s.text)))
        series.append(power_series(difference, rests, left_out=order + 1, too_long=too_long))
    return renderer.system(System(_title(names, has_rest=bool(rests)), tuple(series)))


def _title(names: tuple[str, ...], *, has_rest: bool) -> tuple[str | Node, ...]:
    first, *others = names
    words = f"{first[:1].upper()}{', '.join([first[1:], *others])}; "
    rest = (Symbol("Delta"), " is what no penalty mends, ") if has_rest else ()
    return (words, *rest, "repeated indices are summed:")


def imitation_heading(
    imitated: Training,
    imitator: Training,
    *,
    order: int,
    role: SetRole,
    updates: tuple[Expr, Expr],
    rate: Expr,
) -> tuple[str, ...]:
    """Return which training is imitated by which, in the words of headings."""
    numbers = [coefficient(number).text for number in updates]
    spent = f"{numbers[0]} updates"
    if numbers[0] != numbers[1]:
        spent = f"{numbers[0]} updates by {numbers[1]}"
    rates = () if rate == 1 else (f"learning rate {coefficient(rate).text} eta by eta",)
    role_words = () if role == "population" else (f"on a given {role.replace('-', ' ')}",)
    return (
        f"imitation of {imitated.label} by {imitator.label}",
        *role_words,
        "cumulant basis",
        f"order {order}",
        spent,
        *rates,
    )
