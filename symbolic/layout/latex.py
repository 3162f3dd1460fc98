r"""Formulas in LaTeX, with amsmath; brackets have fixed sizes (``\bigl``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import sympy

from sgdiagrams.symbolic.layout.filling import TEXT_WIDTH, in_characters
from sgdiagrams.symbolic.layout.indices import index_latex
from sgdiagrams.symbolic.layout.renderer import Renderer

if TYPE_CHECKING:
    from sgdiagrams.symbolic.layout.documents import Equation, System
    from sgdiagrams.symbolic.layout.formulas import Binomial, Spelled, Times
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
    from sgdiagrams.symbolic.layout.quantities import Difference

__all__ = ["TEX_CHARACTERS", "LatexRenderer", "displayed_in_notebook", "latex_text"]

#: How text in LaTeX spells the characters that it takes for its own, or has not in its first encoding.
TEX_CHARACTERS = {
    **{x: rf"\{x}" for x in "#$%&_{}"},
    "^": r"\^{}",
    "~": r"\~{}",
    "\\": r"\textbackslash{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",  # \textquotedbl needs another encoding
}

_DOCUMENT = r"""\documentclass[10pt]{article}
\usepackage[textwidth=%(width)spt,vmargin=2cm]{geometry}
\usepackage{amsmath}%(more)s
\allowdisplaybreaks
\begin{document}
{\raggedright\noindent %(title)s\par}
%(formula)s
\end{document}
"""
_OPERATORS = {
    "⋅": r"\cdot",
    "×": r"\times",
    "⟨": r"\langle ",
    "⟩": r"\rangle ",
    "∑": r"\sum",
    "∂": r"\partial",
    "→": r"\to",
    "≃": r"\simeq",
    "≈": r"\approx",
    "∼": r"\sim",
}
_SPACES = {"word": " ", "thin": r"\, ", "quad": r"\quad "}
_INDENTS = ("", r"\quad", r"\qquad")
# KaTeX, which shows notebooks in VS Code, knows these gaps as macros, three to be expanded for a thin
# one, and stops at the thousandth. TeX and MathJax know what they stand for just as well.
_GAPS = {r"\,": "3mu", r"\:": "4mu", r"\;": "5mu", r"\quad": "18mu", r"\qquad": "36mu"}
_GAP = re.compile(r"(?<!\\)(\\[,:;]|\\q?quad(?![A-Za-z])) ?")


@dataclass(frozen=True, slots=True)
class LatexRenderer(Renderer[str]):
    """LaTeX of amsmath.

    Attributes
    ----------
    environment
        That of whole formulas; ``align*``, or ``aligned`` inside other mathematics.
    standalone
        Whether whole formulas are documents.
    points
        Points a line.
    """

    environment: str = "align*"
    standalone: bool = False
    points: int = TEXT_WIDTH

    def numeral(self, node: Numeral) -> str:
        """Return digits."""
        return node.digits

    def symbol(self, node: Symbol) -> str:
        """Return the letter or command."""
        return _symbol(node.name)

    def index(self, node: Index) -> str:
        """Return a Greek letter."""
        return index_latex(node.number)

    def sign(self, node: Sign) -> str:
        """Return a sign."""
        if node.is_unary:
            return "-" if node.value < 0 else ""
        return "- " if node.value < 0 else "+ "

    def operator(self, node: Operator) -> str:
        """Return the character or command."""
        return _OPERATORS.get(node.character, node.character)

    def text(self, node: Text) -> str:
        """Return words in a font for words."""
        return rf"\text{{{_escaped(node.words)}}}"

    def space(self, node: Space) -> str:
        """Return a gap."""
        return _SPACES[node.size]

    def row(self, node: Row) -> str:
        """Return everything side by side."""
        return "".join(map(self.render, node.items))

    def times(self, node: Times) -> str:
        """Return factors side by side."""
        return " ".join(map(self.render, node.factors))

    def fraction(self, node: Fraction) -> str:
        """Return a fraction."""
        return rf"\frac{{{self.render(node.above)}}}{{{self.render(node.below)}}}"

    def scripts(self, node: Scripts) -> str:
        """Return a base with scripts."""
        above = "" if node.above is None else f"^{{{self.render(node.above)}}}"
        below = "" if node.below is None else f"_{{{self.render(node.below)}}}"
        return f"{self.render(node.base)}{above}{below}"

    def accent(self, node: Accent) -> str:
        """Return an accent."""
        wide = "wide" if node.is_wide else ""
        return rf"\{wide}{node.accent}{{{self.render(node.inner)}}}"

    def fence(self, node: Fence) -> str:
        """Return a bracket."""
        if not node.size:
            return node.character
        return rf"\{node.size}{'l' if node.is_opening else 'r'}{node.character}"

    def binomial(self, node: Binomial) -> str:
        """Return a binomial coefficient."""
        return rf"\binom{{{self.render(node.above)}}}{{{self.render(node.below)}}}"

    def difference(self, node: Difference) -> str:
        """Return the nodes in brackets before the function."""
        nodes = r",\, ".join(map(self.render, node.nodes))
        shown = rf"[{nodes}]\,{self.render(node.value)}"
        return shown if node.exponent == 1 else rf"\bigl({shown}\bigr)^{{{node.exponent}}}"

    def spelled(self, node: Spelled) -> str:
        """Return the LaTeX that it came in."""
        return node.latex

    def equation(self, equation: Equation) -> str:
        """Return an environment of several lines, aligned at the sign after the left side."""
        return self._document(equation.title, self._lines(equation))

    def system(self, system: System) -> str:
        """Return all equations in one environment, all aligned at the signs after left sides."""
        bodies = " \\\\[1ex]\n  ".join(map(self._lines, system.aligned))
        return self._document(system.title, bodies)

    def _lines(self, equation: Equation) -> str:
        """Return what stands inside an environment."""
        width = in_characters(self.points)
        # A line that starts with + or - needs something before it to keep the spacing.
        lines = [
            f"{_INDENTS[line.indent]}{{}}{self.render(line.row)}" for line in equation.lines(width)
        ]
        lines[0] = lines[0].removeprefix("{}")
        if lines[0].startswith("-"):
            lines[0] = f"- {lines[0][1:]}"
        left, relation = self.render(equation.left), self.render(equation.relation)
        if equation.is_apart(width):
            start = f"& {left} \\\\\n  {relation}{{}}& "
        else:
            start = f"{left} {relation}{{}}& "
        body = start + " \\\\\n  & ".join(lines)
        if equation.legend:
            legend = " \\\\\n  & ".join(
                (_INDENTS[line.indent] and f"{_INDENTS[line.indent]}{{}}") + self.render(line.row)
                for line in equation.legend_lines(width)
            )
            body += f" \\\\[1ex]\n  & {legend}"
        return body

    def _document(self, title: tuple[str | Node, ...], body: str) -> str:
        """Return an environment with its lines, in a document with a title if that is asked for."""
        formula = f"\\begin{{{self.environment}}}\n  {body}\n\\end{{{self.environment}}}"
        if not self.standalone:
            return formula
        sentence = "".join(
            _escaped(part) if isinstance(part, str) else f"${self.render(part)}$" for part in title
        )
        # The letter of conditional cumulants is not among those of amsmath.
        more = "\n\\usepackage{amssymb}" if r"\varkappa" in formula else ""
        words = {"title": sentence, "formula": formula, "width": self.points, "more": more}
        return _DOCUMENT % words


def _escaped(words: str) -> str:
    return words.replace("_", r"\_")


@cache
def _symbol(name: str) -> str:
    return str(sympy.latex(sympy.Symbol(name)))


def displayed_in_notebook(formula: str) -> str:
    r"""Return a formula on lines of its own, as MathJax (Jupyter) and KaTeX (VS Code) show it.

    Examples
    --------
    >>> print(displayed_in_notebook(r"T\, G_\mu"))
    $$
    T\mkern3mu G_\mu
    $$
    """
    spaced = _GAP.sub(lambda gap: rf"\mkern{_GAPS[gap[1]]} ", formula)
    return f"$$\n{spaced}\n$$"


_LATEX = LatexRenderer()


def latex_text(node: Node) -> str:
    """Return a node in LaTeX."""
    return _LATEX.render(node)
