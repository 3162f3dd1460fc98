"""Formulas in plain text, for terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sgdiagrams.symbolic.layout.indices import index_letter
from sgdiagrams.symbolic.layout.renderer import Renderer

if TYPE_CHECKING:
    from sgdiagrams.symbolic.layout.documents import Equation, Table
    from sgdiagrams.symbolic.layout.formulas import Binomial, OneLine, Rounded, Spelled, Times
    from sgdiagrams.symbolic.layout.nodes import (
        Accent,
        Fence,
        Fraction,
        Index,
        Node,
        Numeral,
        Operator,
        Row,
        Scripts,
        Sign,
        Space,
        Symbol,
        Text,
    )
    from sgdiagrams.symbolic.layout.quantities import (
        Decay,
        Difference,
        DressedEmbeddings,
        IndexedTensor,
        SumUnder,
    )

__all__ = ["TextRenderer", "plain_text"]

# What stands after a letter for an accent above it.
_ACCENTS = {"tilde": "~", "hat": "^", "breve": "^u"}

# Columns are as wide as their widest entry that fits on a page.
_PAGE = 80


class TextRenderer(Renderer[str]):
    """Plain text: ``-T (T - 1)/2``, ``G_a H_ab G_b``; whole formulas are tables."""

    is_tabular: ClassVar[bool] = True

    def numeral(self, node: Numeral) -> str:
        """Return digits."""
        return node.digits

    def symbol(self, node: Symbol) -> str:
        """Return the name."""
        return node.name

    def index(self, node: Index) -> str:
        """Return a Latin letter."""
        return index_letter(node.number)

    def sign(self, node: Sign) -> str:
        """Return a sign."""
        if node.is_unary:
            return "-" if node.value < 0 else ""
        return "- " if node.value < 0 else "+ "

    def operator(self, node: Operator) -> str:
        """Return the character."""
        return node.character

    def text(self, node: Text) -> str:
        """Return the words."""
        return node.words

    def space(self, node: Space) -> str:
        """Return a blank."""
        del node
        return " "

    def row(self, node: Row) -> str:
        """Return everything side by side."""
        return "".join(map(self.render, node.items))

    def times(self, node: Times) -> str:
        """Return factors with blanks between them."""
        return " ".join(map(self.render, node.factors))

    def fraction(self, node: Fraction) -> str:
        """Return a quotient; `OneLine` nodes are where parentheses are needed."""
        return f"{self.render(node.above)}/{self.render(node.below)}"

    def one_line(self, node: OneLine) -> str:
        """Return parentheses."""
        return f"({self.render(node.inner)})"

    def scripts(self, node: Scripts) -> str:
        """Return ``base_below^above``."""
        below = "" if node.below is None else f"_{self.render(node.below)}"
        above = "" if node.above is None else f"^{self.render(node.above)}"
        return f"{self.render(node.base)}{below}{above}"

    def accent(self, node: Accent) -> str:
        """Return a tilde, a hat, or ``^u`` for a breve after the letter."""
        return f"{self.render(node.inner)}{_ACCENTS[node.accent]}"

    def fence(self, node: Fence) -> str:
        """Return the bracket."""
        return node.character

    def rounded(self, node: Rounded) -> str:
        """Return ``1.2e+30``."""
        return f"{node.digits}e{node.exponent:+d}"

    def binomial(self, node: Binomial) -> str:
        """Return ``binom(T, k)``."""
        return f"binom({self.render(node.above)}, {self.render(node.below)})"

    def decay(self, node: Decay) -> str:
        """Return ``exp(-rate)``."""
        return f"exp(-{self.render(node.rate)})"

    def difference(self, node: Difference) -> str:
        """Return ``[nodes]x^T``."""
        nodes = ", ".join(map(self.render, node.nodes))
        time = self.render(node.time)
        value = f"x^{time}" if node.function == "power" else f"exp({time} x)"
        shown = f"[{nodes}]{value}"
        return shown if node.exponent == 1 else f"({shown})^{node.exponent}"

    def embeddings(self, node: DressedEmbeddings) -> str:
        """Return ``W[diagram](values)``."""
        power = "" if node.exponent == 1 else f"^{node.exponent}"
        return f"W[{node.diagram}]({', '.join(map(self.render, node.values))}){power}"

    def sum_under(self, node: SumUnder) -> str:
        """Return ``sum_{condition}``."""
        return f"sum_{{{self.render(node.condition)}}}"

    def spelled(self, node: Spelled) -> str:
        """Return the text."""
        return node.text

    def tensor(self, node: IndexedTensor) -> str:
        """Return ``M_a|bc``, ``H~_ab``, ``G^_a``, ``eta^ab``."""
        groups = ["".join(map(index_letter, group)) for group in node.groups]
        name = node.name
        if node.is_upper:
            return f"{name}^{groups[0]}"
        if node.has_bars:
            groups = [f"{g}{'~' * p}" for g, p in zip(groups, node.penalised, strict=True)]
        elif any(node.penalised):
            name += "~"
        if node.mark:
            name += _ACCENTS[node.mark]
        bars = [
            ";" if i in node.breaks else "|" if node.has_bars else "" for i in range(len(groups))
        ]
        indices = "".join(
            [groups[0], *(bar + g for bar, g in zip(bars[1:], groups[1:], strict=True))]
        )
        return f"{name}_{indices}" if indices else name

    def equation(self, equation: Equation) -> str:
        """Return lines of text."""
        left = f"{self.render(equation.left)} {self.render(equation.relation)} "
        lines = equation.lines(self.line_width)
        return "\n".join(
            f"{left if i == 0 else '  '}{'  ' * line.indent}{self.render(line.row)}"
            for i, line in enumerate(lines)
        )

    def table(self, table: Table) -> str:
        """Return titles, and a line for every row: power of eta, coefficient, value.

        A coefficient that leaves no room for its value on a page pushes it to the right.
        """
        lines = list(table.titles)
        if not table.rows:
            return "\n".join([*lines, "  0"])
        rows = [
            (
                "" if row.order is None else self.render(row.order),
                ("-" if row.sign < 0 else " ") + self.render(row.weight),
                self.render(row.value),
            )
            for row in table.rows
        ]
        orders = max(len(order) for order, _, _ in rows)
        room = _PAGE - orders - max(len(value) for _, _, value in rows) - 7  # and four gaps
        weights = max((len(weight) for _, weight, _ in rows if len(weight) <= room), default=0)
        for order, weight, value in rows:
            lines.append(f"  {order:<{orders}}  {weight:<{weights}}   {value}")
        return "\n".join(lines)


_TEXT = TextRenderer()


def plain_text(node: Node) -> str:
    """Return a node in plain text."""
    return _TEXT.render(node)
