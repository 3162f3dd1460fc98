"""Formulas in presentation MathML, for web pages: elements of MathML Core alone, well-formed XML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from html.entities import html5
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.layout.filling import TEXT_WIDTH, in_characters
from sgdiagrams.symbolic.layout.indices import index_greek
from sgdiagrams.symbolic.layout.nodes import Operator, Row, Scripts, Sign
from sgdiagrams.symbolic.layout.renderer import Renderer

if TYPE_CHECKING:
    from sgdiagrams.symbolic.layout.documents import Equation, System
    from sgdiagrams.symbolic.layout.filling import Line
    from sgdiagrams.symbolic.layout.formulas import Binomial, Times
    from sgdiagrams.symbolic.layout.nodes import (
        Accent,
        Break,
        Fence,
        Fraction,
        Index,
        Node,
        Numeral,
        Space,
        Symbol,
        Text,
    )
    from sgdiagrams.symbolic.layout.quantities import SumOver

__all__ = ["MathmlRenderer", "mathml_text"]

_NAMESPACE = "http://www.w3.org/1998/Math/MathML"
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"/><title>{name}</title></head>
<body>
<p>{title}</p>
{formula}
</body>
</html>
"""
_SPACES = {"thin": "0.17em", "quad": "1em"}
_SIZES = {"big": "1.2em", "Big": "2.4em"}
# Nothing to see; tells a screen reader that factors are multiplied.
_TIMES = "<mo>\u2062</mo>"
_TIGHT = {"lspace": "0", "rspace": "0"}
_SUMS = ("∑", "∏")


@dataclass(frozen=True, slots=True)
class MathmlRenderer(Renderer[str]):
    """Presentation MathML: every node is one element.

    Attributes
    ----------
    standalone
        Whether whole formulas are pages of HTML.
    points
        Points a line, of letters at ten points.
    """

    standalone: bool = False
    points: int = TEXT_WIDTH

    def numeral(self, node: Numeral) -> str:
        """Return digits."""
        return _element("mn", node.digits)

    def symbol(self, node: Symbol) -> str:
        """Return the letter; names of several letters are upright."""
        name, _, below = node.name.partition("_")
        letter = _element("mi", _letter(name))
        return _element("msub", letter, _element("mi", escape(below))) if below else letter

    def index(self, node: Index) -> str:
        """Return a Greek letter."""
        name, lap = index_greek(node.number)
        letter = _element("mi", _letter(name))
        return _element("msub", letter, _element("mn", str(lap))) if lap else letter

    def sign(self, node: Sign) -> str:
        """Return a sign, spaced as one in front or one between."""
        if node.is_unary and node.value > 0:
            return ""
        form = "prefix" if node.is_unary else "infix"
        return _element("mo", "−" if node.value < 0 else "+", form=form)

    def operator(self, node: Operator) -> str:
        """Return the character; bars and dots stand close."""
        if node.character in "|/⋅_":
            return _element("mo", node.character, stretchy="false", **_TIGHT)
        if node.character == "'":
            return _element("mo", "′", form="postfix", **_TIGHT)
        if node.character in "⟨⟩":
            form = "prefix" if node.character == "⟨" else "postfix"
            return _element("mo", node.character, form=form, stretchy="false")
        if node.character in "Δ…":
            return _element("mi", node.character)
        return _element("mo", escape(node.character))

    def text(self, node: Text) -> str:
        """Return words, the blanks around them too."""
        words = node.words
        start = " " * (len(words) - len(words.lstrip()))
        end = " " * (len(words) - len(words.rstrip()))
        shown = f"{start}{words.strip()}{end}".replace("  ", " ")
        return _element("mtext", escape(shown.replace(" ", "\u00a0"), quote=False))

    def space(self, node: Space) -> str:
        """Return a gap; letters are apart without one."""
        return _space(_SPACES[node.size]) if node.size in _SPACES else ""

    def nothing(self, node: Break) -> str:
        """Return nothing."""
        del node
        return ""

    def row(self, node: Row) -> str:
        """Return everything side by side."""
        return _row([self.render(item) for item in node.items])

    def times(self, node: Times) -> str:
        """Return factors with the sign that is not seen."""
        return _element("mrow", _TIMES.join(map(self.render, node.factors)))

    def fraction(self, node: Fraction) -> str:
        """Return a fraction."""
        return _element("mfrac", self._child(node.above), self._child(node.below))

    def _child(self, node: Node) -> str:
        """Return a node where one element has to stand, if it shows nothing too."""
        return self.render(node) or _element("mrow")

    def scripts(self, node: Scripts) -> str:
        """Return a base with scripts; those of sums stand below and above."""
        is_sum = isinstance(node.base, Operator) and node.base.character in _SUMS
        names = ("munder", "mover", "munderover") if is_sum else ("msub", "msup", "msubsup")
        if isinstance(node.base, Scripts) and node.base.above is None and node.below is None:
            # One above the other, as in print.
            node = Scripts(node.base.base, node.base.below, node.above)
        base = self._child(node.base)
        if node.above is None:
            return base if node.below is None else _element(names[0], base, self._child(node.below))
        above = self._child(node.above)
        if node.below is None:
            return _element(names[1], base, above)
        return _element(names[2], base, self._child(node.below), above)

    def accent(self, node: Accent) -> str:
        """Return an accent above; a dot stands for nothing."""
        inner = self.render(node.inner) or self.operator(Operator("⋅"))
        sign = {"tilde": "~", "hat": "^", "breve": "˘"}[node.accent]
        mark = _element("mo", sign, stretchy="true" if node.is_wide else "false")
        return _element("mover", inner, mark, accent="true")

    def fence(self, node: Fence) -> str:
        """Return a bracket of a fixed size."""
        form = "prefix" if node.is_opening else "postfix"
        if not node.size:
            return _element("mo", node.character, form=form, stretchy="false")
        size = _SIZES[node.size]
        return _element(
            "mo", node.character, form=form, stretchy="true", minsize=size, maxsize=size
        )

    def binomial(self, node: Binomial) -> str:
        """Return a fraction without a bar in parentheses that grow."""
        inner = _element(
            "mfrac", self.render(node.above), self.render(node.below), linethickness="0"
        )
        return _element("mrow", "<mo>(</mo>", inner, "<mo>)</mo>")

    def sum_over(self, node: SumOver) -> str:
        """Return the sign with the indices below."""
        sign = _element("mo", "∑", movablelimits="false")
        return _element("munder", sign, self.render(Row(node.indices)))

    # Whole formulas -------------------------------------------------------------------------------

    def equation(self, equation: Equation) -> str:
        """Return a table: the left side and its sign in one column, lines in the other."""
        return self._document(equation.title, self._rows(equation))

    def system(self, system: System) -> str:
        """Return all equations in one table."""
        rows = [self._rows(e, is_apart=i > 0) for i, e in enumerate(system.aligned)]
        return self._document(system.title, [row for of_one in rows for row in of_one])

    def _rows(self, equation: Equation, *, is_apart: bool = False) -> list[str]:
        """Return the rows of an equation, with a gap before them where it follows another."""
        width = in_characters(self.points)
        left = _row([self.render(equation.left), self._relation(equation)])
        lines = [self._line(line) for line in equation.lines(width)]
        if equation.is_apart(width):
            rows = [_element("mtr", _cell(self.render(equation.left), "left", columnspan="2"))]
            left = _row([self._relation(equation), _space("0.28em")])
        else:
            rows = []
        rows += [
            _table_row(
                left if i == 0 else "",
                line,
                is_apart=is_apart and i == 0,
                is_aligned=equation.column is not None,
            )
            for i, line in enumerate(lines)
        ]
        for i, line in enumerate(equation.legend_lines(width)):
            rows.append(_table_row("", self._line(line), is_apart=i == 0))
        return rows

    def _document(self, title: tuple[str | Node, ...], rows: list[str]) -> str:
        """Return a table of rows, in a page with a title if that is asked for."""
        body = "\n".join(rows)
        formula = (
            f'<math xmlns="{_NAMESPACE}" display="block">\n'
            f'<mtable displaystyle="true">\n{body}\n</mtable>\n</math>'
        )
        if not self.standalone:
            return formula
        words = "".join(part for part in title if isinstance(part, str))
        name = escape(words.partition(";")[0].rstrip(":"), quote=False)
        sentence = "".join(
            escape(part, quote=False)
            if isinstance(part, str)
            else f'<math xmlns="{_NAMESPACE}">{self.render(part)}</math>'
            for part in title
        )
        return _PAGE.format(name=name, title=sentence, formula=formula)

    def _relation(self, equation: Equation) -> str:
        """Return the sign after the left side, which has nothing on its right in its column."""
        return _element("mo", equation.relation.character, form="infix")

    def _line(self, line: Line) -> str:
        indent = [_space(f"{line.indent}em")] if line.indent else []
        return _row([*indent, self.render(line.row)])


def _letter(name: str) -> str:
    """Return a Greek letter, or the l of the loss, by its name; other names as they are."""
    letter = html5.get(f"{name.replace('lamda', 'lambda')};", "")
    return letter if re.fullmatch(r"[Α-ϵℓ]", letter) else escape(name)


def _element(name: str, *content: str, **attributes: str) -> str:
    shown = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{shown}>{''.join(content)}</{name}>"


def _space(width: str) -> str:
    return f'<mspace width="{width}"/>'


def _row(elements: list[str]) -> str:
    """Return elements as one."""
    kept = [element for element in elements if element]
    return _element("mrow", *kept) if len(kept) > 1 else "".join(kept)


def _cell(content: str, side: str, *, gap: str = "0.3em", **attributes: str) -> str:
    style = f"text-align: {side}; padding: {gap} 0 0.3em"
    return _element("mtd", content, style=style, **attributes)


def _table_row(left: str, right: str, *, is_apart: bool = False, is_aligned: bool = False) -> str:
    """Return a row, with a larger gap before it if it stands apart.

    Left sides of several widths are aligned at their signs; Chromium has a word of its own for that.
    """
    gap = "1.2em" if is_apart else "0.3em"
    side = "right; text-align: -webkit-right" if is_aligned else "right"
    first = _cell(left, side, gap=gap) if left else _element("mtd", _space("0"))
    return _element("mtr", "\n", first, "\n", _cell(right, "left", gap=gap), "\n")


_MATHML = MathmlRenderer()


def mathml_text(node: Node) -> str:
    """Return a node in MathML, in a ``math`` element of its own."""
    return f'<math xmlns="{_NAMESPACE}">{_MATHML.render(node)}</math>'
