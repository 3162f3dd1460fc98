r"""Kernels as a person writes them: ``2 hess l_x (grad l_x - grad l_y)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.symbolic.algebra.estimators.kernel import (
    Circle,
    Derivative,
    Dot,
    KernelSum,
    derivatives_in,
    reading_place,
)
from sgdiagrams.symbolic.layout.filling import CHARACTER, TEXT_WIDTH, chunks, filled, in_characters
from sgdiagrams.symbolic.layout.formulas import Group, Spelled, Sum
from sgdiagrams.symbolic.layout.indices import index_latex, index_letter
from sgdiagrams.symbolic.layout.latex import latex_text
from sgdiagrams.symbolic.layout.nodes import ONE, SPACE, THIN, Node, Operator, Row, joined
from sgdiagrams.symbolic.layout.text import plain_text
from sgdiagrams.symbolic.printing.coefficients import coefficient
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.algebra.estimators.kernel import KernelFactor, KernelTerm

__all__ = ["datapoint_names", "kernel_latex", "kernel_text"]

#: What the environment puts before a line, in hundredths of a point.
_MARGIN = 300
_LETTERS = "xyzuvw"
_DOT = Spelled(r"\cdot", ".")
_INDENTS = ("", r"\quad{}", r"\qquad{}")


def datapoint_names(count: int) -> tuple[str, ...]:
    """Return what datapoints are called: x, y, z, ..., or x1, x2, ... when they are many.

    Examples
    --------
    >>> datapoint_names(2), datapoint_names(7)[6]
    (('x', 'y'), 'x7')
    """
    if count <= len(_LETTERS):
        return tuple(_LETTERS[:count])
    return tuple(f"x{i}" for i in range(1, count + 1))


def kernel_text(kernel: KernelSum, rank: int, datapoints: int) -> str:
    """Return a kernel in plain text."""
    return plain_text(_Layout(kernel, rank, datapoints).sum(kernel))


def kernel_latex(kernel: KernelSum, rank: int, datapoints: int, *, points: int = TEXT_WIDTH) -> str:
    """Return a kernel in LaTeX, in lines of an ``aligned`` environment when it is long."""
    layout = _Layout(kernel, rank, datapoints)
    terms = []
    for i, (sign, node) in enumerate(layout.sum(kernel).terms):
        start = "+-"[sign < 0] if i else "-"[sign > 0 :]
        signed = (SPACE, Operator(start), SPACE) if i else ((Operator(start),) if start else ())
        terms.append(chunks(Row((*signed, node))))
    lines = filled(terms, int(in_characters(points) * CHARACTER) - _MARGIN)
    written = [f"{_INDENTS[line.indent]}{latex_text(line.row)}" for line in lines]
    if len(written) == 1:
        return written[0]
    inside = " \\\\\n  & ".join(written)
    return f"\\begin{{aligned}}\n  & {inside}\n\\end{{aligned}}"


def _in_parentheses(node: Node) -> Group:
    return Group(node, "big" if node.is_tall else "")


class _Layout:
    """Layouts of the parts of one kernel."""

    def __init__(self, kernel: KernelSum, rank: int, datapoints: int) -> None:
        parts = list(derivatives_in(kernel))
        self.shows_indices = rank > 1 or (rank > 0 and any(isinstance(x, Circle) for x in parts))
        self.names = datapoint_names(datapoints)
        self.next_index = rank

    def sum(self, combination: KernelSum) -> Sum:
        """Return a sum with its signs."""
        if not combination.terms:
            return Sum(((1, Operator("0")),))
        return Sum(tuple(map(self._term, combination.terms)), is_breakable=True)

    def _term(self, term: KernelTerm) -> tuple[int, Node]:
        number = coefficient(term.coefficient)
        parts: list[Node] = [] if number.node is None else [number.row]
        alone = len(term.factors) == 1
        parts += [self._factor(f, alone=alone) for f in sorted(term.factors, key=reading_place)]
        return number.sign, joined(parts, THIN) if parts else ONE

    def _factor(self, factor: KernelFactor, *, alone: bool = False) -> Node:
        match factor:
            case Derivative():
                return self._derivative(factor)
            case Dot():
                sides = [self._vector(factor.one), self._vector(factor.other)]
                product = joined(sides, SPACE, _DOT, SPACE)
                return product if alone else Group(product)
            case Circle():
                return self._circle(factor)
            case _:
                return _in_parentheses(self.sum(factor))

    def _vector(self, combination: KernelSum, *, is_listed: bool = False) -> Node:
        """Return an argument, or a side of a scalar product, in parentheses where it needs them."""
        terms = combination.terms
        if is_listed:
            return self.sum(combination)
        is_plain = len(terms) == 1 and terms[0].coefficient == 1 and len(terms[0].factors) == 1
        if is_plain:
            return self._factor(terms[0].factors[0])
        return _in_parentheses(self.sum(combination))

    def _derivative(self, node: Derivative) -> Node:
        indices = [leg for leg in node.free if leg >= 0] if self.shows_indices else []
        degree = node.degree - 2 * node.loops
        head = self._head(node.label, node.datapoint, degree, indices, loops=node.loops)
        if not node.arguments:
            return head
        if degree == 2:
            return Row((head, THIN, self._vector(node.arguments[0])))
        arguments = joined(
            (self._vector(a, is_listed=True) for a in node.arguments), Operator(","), THIN
        )
        return Row((head, Group(arguments, shape="[]")))

    def _circle(self, circle: Circle) -> Node:
        legs: list[list[int]] = [[] for _ in circle.nodes]
        for number, v in zip(circle.numbers, circle.free, strict=True):
            legs[v].append(number)
        for edge in circle.edges:
            for v in edge:
                legs[v].append(self.next_index)
            self.next_index += 1
        return joined(
            (
                self._head(label, datapoint, len(own), sorted(own))
                for (label, datapoint), own in zip(circle.nodes, legs, strict=True)
            ),
            THIN,
        )

    def _head(
        self, label: str, datapoint: int, degree: int, indices: Sequence[int], *, loops: int = 0
    ) -> Node:
        """Return a derivative without its arguments."""
        name, symbol = self._name(label, datapoint)
        name = "lap " * loops + name
        symbol = r"\Delta" * loops + f"{' ' * bool(loops)}{symbol}"
        letters = "".join(map(index_letter, indices))
        greek = "".join(map(index_latex, indices))
        below = f"_{letters}" if letters else ""
        if degree == 0:
            return Spelled(symbol, name, len(name))
        if degree <= 2:
            nablas = [rf"\nabla_{{{index_latex(i)}}}" for i in indices]
            nablas += [r"\nabla"] * (degree - len(indices))
            word = "grad" if degree == 1 else "hess"
            return Spelled(f"{''.join(nablas)} {symbol}", f"{word}{below} {name}", len(name) + 2)
        under = f"_{{{greek}}}" if greek else ""
        latex = rf"\nabla^{{{degree}}}{under} {symbol}"
        return Spelled(latex, f"D{degree}{below} {name}", len(name) + 3)

    def _name(self, label: str, datapoint: int) -> tuple[str, str]:
        """Return what is differentiated, in text and in LaTeX."""
        if label not in (LOSS, PENALISED):
            words = label.replace("_", r"\_")
            return label, label if len(label) == 1 else rf"\text{{{words}}}"
        name = self.names[datapoint - 1]
        below = f"{name[0]}_{{{name[1:]}}}" if len(name) > 1 else name
        if label == PENALISED:
            return f"l~_{name}", rf"\tilde{{\ell}}_{{{below}}}"
        return f"l_{name}", rf"\ell_{{{below}}}"
