r"""Modified equations as they are written: a system of equations for print, a table for terminals.

Where noise has no cumulants beyond the second they are a stochastic differential equation; else, and
where a transient leaves a shift, the generator, with its tensors below it:

.. math:: d\theta_\mu = b_\mu\, dt + \sigma_{\mu\nu}\, dW_\nu, \qquad
    L s = b_\mu s_\mu + \frac{1}{2} \Sigma_{\mu\nu} s_{\mu\nu} + \dots
"""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING, Any

from sgdiagrams.symbolic.layout.documents import Equation, System, Table
from sgdiagrams.symbolic.layout.formulas import Spelled
from sgdiagrams.symbolic.layout.nodes import (
    ONE,
    SPACE,
    THIN,
    Fence,
    Fraction,
    Index,
    Node,
    Numeral,
    Row,
    Scripts,
    Symbol,
)
from sgdiagrams.symbolic.modified.writing.by_powers import power_series, rows_by_power, stated
from sgdiagrams.symbolic.observable import Function

if TYPE_CHECKING:
    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.modified.kramers_moyal import KramersMoyal
    from sgdiagrams.symbolic.vocabulary import TooLong

__all__ = ["equation_heading", "values_of", "velocity", "write_equation"]

_NAMES = {1: "drift", 2: "diffusion"}
# Noise with tensors of more legs is no Brownian motion.
_GAUSSIAN = 2
_S = Symbol("s")


def write_equation(
    equation: KramersMoyal, renderer: Renderer[Any], *, too_long: TooLong = "refuse"
) -> str:
    """Return a modified equation in a format; see `coefficient` for `too_long`."""
    if renderer.is_tabular:
        return renderer.table(_table(equation, too_long))
    return renderer.system(_system(equation, too_long))


def equation_heading(equation: KramersMoyal) -> str:
    """Return what stands above the table."""
    return " | ".join(("modified equation", *values_of(equation)))


def values_of(equation: KramersMoyal) -> tuple[str, ...]:
    """Return what a modified equation is of, for headings."""
    unit = f"per {equation.per}"
    if not equation.is_stationary:
        unit = f"of the last {equation.per}"
    role = "" if equation.role == "population" else f" of the {equation.role.replace('-', ' ')}"
    return (
        equation.training.label,
        f"{equation.basis} basis{role}",
        f"order {equation.order}",
        ", ".join(filter(None, [unit, equation.training.sampling.assumption])),
    )


# For terminals ----------------------------------------------------------------------------------------


def _table(equation: KramersMoyal, too_long: TooLong) -> Table:
    tensors = {_NAMES.get(m, f"tensor {m}"): _tensor(equation, m) for m in equation.ranks}
    shift = {"shift": _shift(equation)} if equation.has_shift else {}
    rows = rows_by_power({**tensors, **shift}, too_long=too_long)
    return Table((equation_heading(equation),), rows)


def _tensor(equation: KramersMoyal, m: int) -> dict[int, Expression]:
    return {k: equation.tensor(m, k) for k in range(1, equation.order + 1)}


def _shift(equation: KramersMoyal) -> dict[int, Expression]:
    return {k: equation.shift(k) for k in range(equation.order + 1)}


# For print --------------------------------------------------------------------------------------------


def _system(equation: KramersMoyal, too_long: TooLong) -> System:
    ranks = equation.ranks
    left_out = equation.order + 1
    lefts = {m: _name(m) for m in ranks}
    if equation.has_shift or max(ranks, default=1) > _GAUSSIAN:
        equations = [_generator(ranks)]
    elif _GAUSSIAN in ranks:
        lefts[2] = _indexed(Row((Fence("("), *_SQUARE, Fence(")"))), 2)
        equations = [_stochastic(ranks)]
    else:
        # Without noise there is one equation, whose left side is the velocity.
        lefts = {1: velocity()}
        equations = []
    equations += [
        power_series(left, _tensor(equation, m), left_out=left_out, too_long=too_long)
        for m, left in lefts.items()
    ]
    if equation.has_shift:
        left = Row((Symbol("S"), SPACE, _S))
        equations += [
            _after_transient(),
            power_series(left, _shift(equation), left_out=left_out, too_long=too_long),
        ]
    return System(_title(equation), tuple(equations))


def _title(equation: KramersMoyal) -> tuple[str | Node, ...]:
    label, basis, order, unit = values_of(equation)
    words: list[str | Node] = [f"Modified equation, {basis}, {label}, to {order}; "]
    if equation.has_shift:
        words += [Symbol("S"), " is what the transient leaves, "]
    words += (
        [Symbol("t"), f" counts {equation.per}s, "] if equation.is_stationary else [f"{unit}, "]
    )
    return (*words, "repeated indices are summed:")


_SIGMA = Symbol("sigma")
_SQUARE = (_SIGMA, Scripts(_SIGMA, above=Symbol("T")))


def _indexed(base: Node, m: int) -> Node:
    return Scripts(base, below=Row(tuple(map(Index, range(m)))))


def velocity() -> Node:
    """Return the derivative of a weight by time."""
    return Fraction(
        Row((Symbol("d"), _indexed(Symbol("theta"), 1))), Row((Symbol("d"), Symbol("t")))
    )


def _name(m: int) -> Node:
    """Return the drift b, the diffusion Sigma, or a tensor with the number of its legs."""
    if m == 1:
        return _indexed(Symbol("b"), 1)
    indices = Row(tuple(map(Index, range(m))))
    above = None if m == 2 else Row((Fence("("), Numeral(str(m)), Fence(")")))
    return Scripts(Symbol("Sigma"), below=indices, above=above)


def _stochastic(ranks: tuple[int, ...]) -> Equation:
    """Return the stochastic differential equation, in Ito's sense."""
    left = Row((Symbol("d"), _indexed(Symbol("theta"), 1)))
    noise = Row((_indexed(_SIGMA, 2), THIN, Symbol("d"), Scripts(Symbol("W"), below=Index(1))))
    drift = [Row((_name(1), THIN, Symbol("d"), Symbol("t")))] if 1 in ranks else []
    return stated(left, "=", [(1, term) for term in (*drift, noise)])


def _generator(ranks: tuple[int, ...]) -> Equation:
    """Return what moves the expected value of a function."""
    terms = []
    for m in ranks:
        number = () if m == 1 else (Fraction(ONE, Numeral(str(factorial(m)))), SPACE)
        terms.append((1, Row((*number, _name(m), THIN, _indexed(_S, m)))))
    return stated(Row((Symbol("L"), SPACE, _S)), "=", terms)


def _after_transient() -> Equation:
    """Return the expected value of a function in terms of the shift and the generator."""
    s = Function("s")
    flow = Scripts(Symbol("e"), above=Row((Symbol("T"), SPACE, Symbol("L"))))
    shifted = Row((Symbol("S"), SPACE, flow, SPACE, _S))
    return stated(Spelled(s.latex, s.text), "≃", [(1, shifted)])
