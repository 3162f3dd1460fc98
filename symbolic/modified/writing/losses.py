r"""Modified losses as they are written, and what of the drift is no gradient.

.. math:: b_\mu = -\eta\,(\partial_\mu \tilde\ell + r_\mu), \qquad
    \tilde\ell = \ell + \frac{\eta}{4}\, G_\mu G_\mu + \dots
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sgdiagrams.symbolic.layout.documents import Equation, System, Table
from sgdiagrams.symbolic.layout.nodes import (
    SPACE,
    THIN,
    Accent,
    Fence,
    Index,
    Node,
    Operator,
    Row,
    Scripts,
    Sign,
    Symbol,
)
from sgdiagrams.symbolic.modified.writing.by_powers import power_series, rows_by_power, stated
from sgdiagrams.symbolic.modified.writing.equations import values_of

if TYPE_CHECKING:
    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.modified.kramers_moyal import KramersMoyal
    from sgdiagrams.symbolic.vocabulary import TooLong

__all__ = ["MODIFIED_LOSS", "Parts", "loss_heading", "write_loss"]

#: For every power of eta in the drift a scalar, and what it leaves.
Parts = tuple[tuple["Expression", "Expression"], ...]

#: The symbol of a loss with what is added to it.
MODIFIED_LOSS = Accent(Symbol("ell"), "tilde")

_REST = Scripts(Symbol("r"), below=Index(0))


def write_loss(
    equation: KramersMoyal, parts: Parts, renderer: Renderer[Any], *, too_long: TooLong
) -> str:
    """Return the modified loss of an equation in a format; see `coefficient` for `too_long`."""
    losses = {k - 1: loss for k, (loss, _) in enumerate(parts) if k}
    rests = {k - 1: rest for k, (_, rest) in enumerate(parts) if not rest.is_zero}
    if renderer.is_tabular:
        titles = [loss_heading(equation)]
        sections = {"loss": losses}
        if rests:
            titles.append("drift = -eta (grad loss + obstruction), which is no gradient")
            sections["obstruction"] = rests
        return renderer.table(Table(tuple(titles), rows_by_power(sections, too_long=too_long)))
    series = [power_series(MODIFIED_LOSS, losses, left_out=equation.order, too_long=too_long)]
    if rests:
        series.insert(0, _drift())
        series.append(power_series(_REST, rests, left_out=equation.order, too_long=too_long))
    return renderer.system(System(_title(equation, has_rest=bool(rests)), tuple(series)))


def loss_heading(equation: KramersMoyal) -> str:
    """Return what stands above the table."""
    return " | ".join(("modified loss", *values_of(equation)))


def _title(equation: KramersMoyal, *, has_rest: bool) -> tuple[str | Node, ...]:
    label, basis, order, _ = values_of(equation)
    start = f"Modified loss, {basis}, {label}, to {order} of the drift"
    kept: tuple[str | Node, ...] = (", which is minus eta times its gradient; ",)
    if has_rest:
        kept = (", which is no gradient: ", Symbol("r"), " is left; ")
    return (start, *kept, Symbol("t"), f" counts {equation.per}s, repeated indices are summed:")


def _drift() -> Equation:
    """Return the drift in terms of the loss and of the rest."""
    gradient = Scripts(Operator("∂"), below=Index(0))
    inside = Row((gradient, THIN, MODIFIED_LOSS, SPACE, Sign(1), _REST))
    body = Row((Symbol("eta"), THIN, Fence("("), inside, Fence(")")))
    left = Scripts(Symbol("b"), below=Index(0))
    return stated(left, "=", [(-1, body)])
