"""Tables of what obeys a scaling law: for the terminal and in LaTeX."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from sympy import Expr, Symbol, latex

from sgdiagrams.diagrams.tables import PrintedTable, fold, page_width
from sgdiagrams.symbolic.contractions.notation import latex_of, tensors_of, text_of
from sgdiagrams.symbolic.layout.filling import TEXT_WIDTH, chunks, filled
from sgdiagrams.symbolic.layout.latex import latex_text
from sgdiagrams.symbolic.layout.nodes import ONE, THIN, Row, Sign, joined
from sgdiagrams.symbolic.layout.ruler import printed_width
from sgdiagrams.symbolic.printing.coefficients import coefficient
from sgdiagrams.symbolic.weights.monomials import read_monomial
from sgdiagrams.symbolic.writing.series import series_heading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.formula import Formula

__all__ = [
    "how_many_obey",
    "html_scaling_table",
    "latex_scaling_table",
    "text_scaling_table",
]

_DOCUMENT = r"""\documentclass[10pt]{article}
\usepackage[textwidth=345pt,vmargin=2cm]{geometry}
\usepackage{amsmath,amssymb,longtable}
\begin{document}
\noindent %(title)s
%(table)s
\end{document}
"""


class SplitTerm(Protocol):
    """What a table needs of `sgdiagrams.symbolic.scaling_law.ScalingRow`."""

    @property
    def order(self) -> int:
        """The power of eta."""

    @property
    def contraction(self) -> Contraction:
        """What the weight multiplies."""

    @property
    def obeys(self) -> Expr:
        """The part of the weight that obeys."""

    @property
    def breaks(self) -> Expr:
        """The part that breaks the rule."""


class SplitFormula(Protocol):
    """What a table needs of `sgdiagrams.symbolic.scaling_law.ScalingTable`."""

    @property
    def expansion(self) -> Formula:
        """What was asked about."""

    @property
    def through(self) -> tuple[str, ...]:
        """The combinations."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of what is rescaled."""

    @property
    def rows(self) -> Sequence[SplitTerm]:
        """The terms, by order."""

    @property
    def summary(self) -> tuple[str, ...]:
        """How many terms obey."""


def how_many_obey(rows: Sequence[SplitTerm]) -> str:
    """Return a line that counts the rows that obey, and those that do in part."""
    obeying = sum(row.breaks == 0 for row in rows)
    partly = sum(row.breaks != 0 != row.obeys for row in rows)
    nouns = "term" if len(rows) == 1 else "terms"
    verb = "obeys" if obeying == 1 else "obey"
    return f"{obeying} of {len(rows)} {nouns} {verb}" + (f", {partly} partly" if partly else "")


def _listed(items: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))


def text_scaling_table(table: SplitFormula) -> str:
    """Return two columns of coefficients, or lines of their own where those are too long."""
    width = page_width()
    columns = ("obeys", "breaks")
    cells = [("", "", *(f" {name}" for name in columns))]
    for power, value, *numbers in _cells(table):
        cells.append((power, value, *(n if n.startswith("-") else f" {n}" for n in numbers)))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  " + "  ".join(map(str.ljust, cell, widths)).rstrip() for cell in cells]
    if max(map(len, lines)) > width:
        lines = []
        for power, value, *numbers in cells[1:]:
            lines.append(f"  {power:<{widths[0]}}  {value}")
            start = " " * (widths[0] + 6)
            for name, number in zip(columns, numbers, strict=True):
                if number.strip():
                    lines.append(f"{start}{name:<6} {number}")
    indent = widths[0] + 15
    pieces = [piece for line in lines for piece in fold(line, width, indent=indent)]
    title, question = _heading(table)
    return "\n".join([*fold(title, width), *fold(question, width), *pieces, *table.summary])


def html_scaling_table(table: SplitFormula) -> str:
    """Return the table in HTML, for notebooks."""
    title, question = _heading(table)
    header = ("order", "value", "obeys", "breaks")
    rows = tuple(_cells(table))
    notes = (question, *table.summary)
    return PrintedTable(title, header, rows, notes, left=frozenset(range(4))).html()


def _heading(table: SplitFormula) -> tuple[str, str]:
    through = _listed(table.through)
    question = f"which parts depend on {_listed(table.variables)} only through {through}?"
    return series_heading(table.expansion), question


def _cells(table: SplitFormula) -> Iterator[tuple[str, str, str, str]]:
    """Yield the power of eta where it is a new one, the value, and what obeys and breaks."""
    before = None
    for row in table.rows:
        power = f"eta^{row.order}" if row.order != before else ""
        before = row.order
        obeys, breaks = ("" if w == 0 else coefficient(w).text for w in (row.obeys, row.breaks))
        yield power, text_of(row.contraction), obeys, breaks


def latex_scaling_table(table: SplitFormula, *, standalone: bool) -> str:
    """Return a ``longtable``: see `ScalingTable.latex`."""
    values = [printed_width(joined(tensors_of(row.contraction), THIN)) for row in table.rows]
    # What orders, values and the gaps between columns leave of a line.
    room = (TEXT_WIDTH - 62 - max(values, default=0) // 100) // 2
    lines = [
        r"{\renewcommand{\arraystretch}{1.25}",
        rf"\begin{{longtable}}{{@{{}}ll*{{2}}{{p{{{room}pt}}}}@{{}}}}",
        r"  order & value & obeys & breaks \\ \hline \endhead",
    ]
    for k in sorted({row.order for row in table.rows}):
        rows = [row for row in table.rows if row.order == k]
        power = rf"$\eta^{{{k}}}$"
        for row in rows:
            cells = [power, f"${latex_of(row.contraction)}$"]
            cells += [_latex_number(weight, room) for weight in (row.obeys, row.breaks)]
            lines.append(f"  {' & '.join(cells)} \\tabularnewline")
            power = ""
        lines.append(
            rf"  & \multicolumn{{3}}{{l@{{}}}}{{\textit{{{how_many_obey(rows)}}}}} \\ \hline"
        )
    lines.append(r"\end{longtable}}")
    if not standalone:
        return "\n".join(lines)
    heading = re.sub(r"([_&%#${}])", r"\\\1", series_heading(table.expansion).replace(" | ", ", "))
    heading = heading.replace("^", r"\^{}")
    variables = _listed([f"${latex(Symbol(name))}$" for name in table.variables])
    through = _listed([f"${_latex_monomial(text)}$" for text in table.through])
    heading += f": which parts depend on {variables} only through {through}?"
    return _DOCUMENT % {"title": heading, "table": "\n".join(lines)}


def _latex_number(weight: Expr, room: int) -> str:
    if weight == 0:
        return ""
    number = coefficient(weight)
    sign = (Sign(-1, is_unary=True),) if number.sign < 0 else ()
    row = Row((*sign, *(number.row.items or (ONE,))))
    return r"\raggedright " + r" \newline ".join(
        _latex_line(latex_text(line.row), is_first=i == 0)
        for i, line in enumerate(filled([chunks(row)], 100 * room, inner_indent=0))
    )


def _latex_line(body: str, *, is_first: bool) -> str:
    # Cells have no space of their own around a fraction, nor below a last line.
    first, last = (r"\rule[-2.4ex]{0pt}{6.6ex}", r"\rule[-1.2ex]{0pt}{0pt}")
    if r"\frac" not in body:
        first = last = ""
    return rf"{first}$\displaystyle {'' if is_first else '{}'}{body}${last}"


def _latex_monomial(text: str) -> str:
    powers = read_monomial(text)
    above, below = (
        [
            latex(Symbol(name)) + ("" if abs(k) == 1 else f"^{{{abs(k)}}}")
            for name, k in powers.items()
            if k * side > 0
        ]
        for side in (1, -1)
    )
    return "/".join([r"\,".join(above) or "1", *below])
