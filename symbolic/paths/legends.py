"""What the symbols of an expansion along a run stand for, as far as they occur."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import latex, sympify

from sgdiagrams.symbolic.layout.formulas import Spelled
from sgdiagrams.symbolic.layout.nodes import (
    SIGN_BREAK,
    Node,
    Operator,
    Scripts,
    Symbol,
    joined,
    occurring,
)
from sgdiagrams.symbolic.layout.quantities import IndexedTensor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sgdiagrams.symbolic.paths.path_formula import PathFormula
    from sgdiagrams.symbolic.training.facts.pair_shares import PairShares

__all__ = ["path_legend"]

#: Pieces of a line, between which it may be broken: in LaTeX and in plain text.
_Line = list[tuple[str, str]]


def path_legend(formula: PathFormula, bodies: Iterable[Node]) -> tuple[Node, ...]:
    """Return the lines that explain what is in some terms, each a row that may be broken.

    Parameters
    ----------
    formula
        The expansion.
    bodies
        The terms, as they are written.
    """
    names: set[str] = set()
    weights: set[Node] = set()
    for node in (node for body in bodies for node in occurring(body)):
        if isinstance(node, IndexedTensor):
            names.add(node.name)
        elif isinstance(node, Scripts) and node.base == Symbol("w"):
            weights.add(node)
    lines = [_run(formula)]
    if "U" in names:
        lines.append(_propagator(formula))
    if names & {"C", "S", "kappa"}:
        lines.append(_cumulants(names, are_apart=formula.sampling.sharing != "none"))
    pairs = formula.sampling.pair_shares
    if weights and pairs is not None:
        lines.append(_pair_weight(pairs))
    if any(pairs is None or _times_of(weight) != 2 for weight in weights):
        lines.append(_row_weight(formula, weights))
    lines[0].insert(0, (r"\text{with } ", "with "))
    for i, line in enumerate(lines):
        end = "." if i == len(lines) - 1 else ";"
        line[-1] = (line[-1][0] + end, line[-1][1] + end)
    return tuple(joined((Spelled(*part) for part in line), SIGN_BREAK) for line in lines)


def _run(formula: PathFormula) -> _Line:
    optimizer = formula.optimizer
    if optimizer.is_plain:
        gradient = _with_decay(formula, "G", r"\varphi_t", "phi_t")
        line: _Line = [
            (
                rf"\varphi_{{t+1}} = \varphi_t - \eta\, {gradient[0]}, \; \varphi_0 = \theta_0,",
                f"phi_(t+1) = phi_t - eta {gradient[1]}, phi_0 = theta_0,",
            )
        ]
    else:
        line = [
            (
                r"\varphi_t \text{ the run of this optimiser on the mean gradient,}",
                "phi_t the run of this optimiser on the mean gradient,",
            )
        ]
    line.append((r"\; X(t) = X(\varphi_t)", " X(t) = X(phi_t)"))
    if optimizer.average is not None:
        line[-1] = (line[-1][0] + ",", line[-1][1] + ",")
        line.append((r"\; \varphi_T \text{ its average}", " phi_T its average"))
    return line


def _with_decay(formula: PathFormula, tensor: str, place: str, text: str) -> tuple[str, str]:
    """Return a derivative of the mean loss with that of the penalty of weight decay."""
    decay = sympify(formula.optimizer.weight_decay)
    if decay == 0:
        return rf"{tensor}({place})", f"{tensor}({text})"
    more = (rf"\, {place}", f" {text}") if tensor == "G" else ("", "")
    number = latex(decay, fold_short_frac=True)
    return (
        rf"\bigl({tensor}({place}) + {number}{more[0]}\bigr)",
        f"({tensor}({text}) + {decay}{more[1]})",
    )


def _propagator(formula: PathFormula) -> _Line:
    optimizer = formula.optimizer
    if optimizer.is_plain:
        matrix = _with_decay(formula, "H", "r", "r")
        return [
            (
                rf"U(s,t) = \prod_{{t<r<s}} \bigl(1 - \eta\, {matrix[0]}\bigr),",
                f"U(s,t) the product over t < r < s of 1 - eta {matrix[1]},",
            ),
            (r"\text{ later factors on the left}", " later factors on the left"),
        ]
    return [
        (
            r"U(s,t) = -\frac{1}{\eta}\, \frac{\partial \varphi_s}{\partial g_t},",
            "U(s,t) = -(1/eta) d phi_s/d g_t,",
        ),
        (r"\; g_t \text{ the gradient of update } t", " g_t the gradient of update t"),
    ]


def _cumulants(names: set[str], *, are_apart: bool) -> _Line:
    words = {
        "C": (
            r"C \text{ the covariance of } \nabla \ell_x",
            "C the covariance of the gradient of l_x",
        ),
        "S": (
            r"S \text{ the third cumulant of } \nabla \ell_x",
            "S the third cumulant of the gradient of l_x",
        ),
        "kappa": (
            r"\kappa \text{ the joint cumulant of what bars separate}",
            "kappa the joint cumulant of what bars separate",
        ),
    }
    parts = [words[name] for name in words if name in names]
    if are_apart:
        parts.append((r"\text{each at a time of its own}", "each at a time of its own"))
    return [*((rf"{a},\; ", f"{b}, ") for a, b in parts[:-1]), parts[-1]]


def _times_of(weight: Node) -> int:
    """Return how many times a weight has; bars make it many."""
    nodes = list(occurring(weight))
    bars = nodes.count(Operator("|"))
    return 2 + bars if bars else sum(isinstance(node, Symbol) for node in nodes) - 1


def _pair_weight(pairs: PairShares) -> _Line:
    """Return what rows weigh that two updates share."""
    values = [(latex(x), str(x)) for x in (pairs.at_once, pairs.otherwise)]
    line = [
        (
            rf"w_{{tt'}} = {values[0][0]} \text{{ for }} t = t',",
            f"w_tt' = {values[0][1]} for t = t',",
        )
    ]
    if pairs.in_one_epoch is not None:
        number = latex(pairs.in_one_epoch, fold_short_frac=True)
        line.append(
            (
                rf"\; {number} \text{{ for others in one epoch,}}",
                f" {pairs.in_one_epoch} for others in one epoch,",
            )
        )
    line.append((rf"\; {values[1][0]} \text{{ otherwise}}", f" {values[1][1]} otherwise"))
    return line


def _row_weight(formula: PathFormula, weights: Iterable[Node]) -> _Line:
    """Return what rows weigh that several updates share."""
    scheme = formula.sampling
    if scheme.sharing == "equal-batches":
        period = scheme.datapoints / scheme.batch_size
        batch = scheme.batch_size
        return [
            (rf"w_{{tt'\dots}} = {latex(batch)}^{{1-k}} ", f"w_tt'... = {batch}^(1-k)"),
            (
                r"\text{ for } k \text{ updates on the same rows }",
                " for k updates on the same rows",
            ),
            (
                rf"\text{{(equal modulo }} {latex(period, fold_short_frac=True)}\text{{),}}",
                f" (equal modulo {period}),",
            ),
            (r"\text{ else } 0", " else 0"),
        ]
    shares = r"\sum_n a_n(t)\, a_n(t') \cdots"
    expected = ""
    if scheme.is_random:
        shares, expected = rf"\Bigl\langle {shares} \Bigr\rangle", "the expected "
    line = [
        (
            rf"w_{{tt'\dots}} = {shares},",
            f"w_tt'... = {expected}sum over n of a_n(t) a_n(t') ...,",
        ),
        (
            r"\; a_n(t) \text{ the share of row } n \text{ in batch } t",
            " a_n(t) the share of row n in batch t",
        ),
    ]
    if any(Operator("|") in occurring(weight) for weight in weights):
        line[-1] = (line[-1][0] + ",", line[-1][1] + ",")
        line.append(
            (
                r"\text{ with bars the expected product of such sums}",
                " with bars the expected product of such sums",
            )
        )
    return line
