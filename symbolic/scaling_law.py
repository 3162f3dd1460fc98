r"""Scaling laws: which terms of an expansion depend on eta, B, N, T only through given combinations.

The *linear scaling rule* says that training depends on the learning rate and the batch size through
:math:`\eta/B` and :math:`\eta T` alone. Let the combinations be monomials :math:`m_i(x)` of the
variables :math:`x` (eta and the numbers T, N, B, E). The rescalings :math:`x_j \to s^{v_j} x_j` that
leave all of them as they are, are those with v in the kernel of the matrix of exponents of the
:math:`m_i`. A term :math:`\eta^k \times \mathrm{weight} \times \mathrm{contraction}` *obeys* when no such
rescaling changes it. A monomial gets a factor :math:`s^{d}`, its *degree* being :math:`d = v \cdot`
exponents, k included; so a Laurent polynomial splits into what obeys, the monomials of degree zero for
all v, and what breaks. A reduced quotient of polynomials is the same up to a factor exactly when all
monomials of its numerator have one degree and all of its denominator another.
"""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass, replace
from math import lcm
from typing import TYPE_CHECKING, Any, Literal

from sympy import Expr, Integer, Matrix, Symbol, latex

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.contractions.notation import latex_of, text_of
from sgdiagrams.symbolic.formula import Term
from sgdiagrams.symbolic.weights.laurent import to_expr
from sgdiagrams.symbolic.weights.quotients import canonical, quotient
from sgdiagrams.symbolic.writing.coefficients import coefficient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.expansion import Expansion

__all__ = ["ScalingRow", "ScalingTable", "Verdict", "scaling"]

Verdict = Literal["obeys", "partly", "breaks"]

#: Characters a line of the terminal.
WIDTH = 100

# What is rescaled wherever it occurs, in this order; other symbols only when a combination names them.
_SCALED = ("eta", "T", "N", "B", "E")

_TOKEN = re.compile(
    r"\s*(?:([A-Za-z][A-Za-z0-9_]{0,40})(?:\s*(?:\^|\*\*)\s*(-?[0-9]{1,3}))?|1(?![0-9A-Za-z_.]))\s*"
)

_DOCUMENT = r"""\documentclass[10pt]{article}
\usepackage[margin=2cm]{geometry}
\usepackage{amsmath,amssymb,longtable}
\begin{document}
\noindent %(title)s
%(table)s
\end{document}
"""


def scaling(expansion: Expansion, through: Sequence[str | Expr] | None = None) -> ScalingTable:
    r"""Return which terms depend on eta, B, N, T only through given combinations.

    Parameters
    ----------
    expansion
        Any expansion; with a symbol for each number that the combinations name.
    through
        Monomials such as ``"eta/B"``, ``"eta*T"``, ``"eta^2 * N"`` or SymPy products. When left out, the
        linear scaling rule: ``eta/B``; ``eta*T`` where T is a symbol; N and E where they are (for epochs,
        where T = E N / B). Where a batch has no size, as in gradient flow, ``eta*T`` alone.

    Returns
    -------
    ScalingTable
        A row for each term. eta, T, N, B, E are rescaled, and whatever else a combination names; all
        other symbols (momentum, weight decay) are held fixed.

    Raises
    ------
    RequestError
        When a combination is no monomial in the symbols of the expansion, or there is no default.

    Examples
    --------
    >>> from sgdiagrams.symbolic import expand
    >>> expansion = expand("test-loss", order=2, sampling="fresh-data", basis="cumulant")
    >>> print(scaling(expansion))
    E[test loss] | one-pass | cumulant basis | order 2
    which parts depend on eta, T and B only through eta/B and eta*T?
                            obeys     breaks
      eta^0  l              1
      eta^1  G_a G_a       -T
      eta^2  G_a H_ab G_b   T^2      -T/2
             C_ab H_ab      T/(2 B)
    order 0: 1 of 1 term obeys
    order 1: 1 of 1 term obeys
    order 2: 1 of 2 terms obeys, 1 partly
    in all: 3 of 4 terms obey, 1 partly
    """
    given = _default(expansion) if through is None else through
    if isinstance(given, (str, Expr)) or not given:
        raise RequestError(
            f"expected a sequence of combinations such as ('eta/B', 'eta*T'), got through={given!r}"
        )
    combinations = [_combination(item) for item in given]
    free = {str(s) for term in expansion.terms for s in term.weight.free_symbols}
    known = ["eta", *expansion.symbols]
    for powers in combinations:
        for name in powers:
            if name not in known:
                hint = "; with epochs, T is E*N/B" if name == "T" and "E" in known else ""
                raise RequestError(
                    f"expected combinations of {', '.join(known)}, the symbols of this expansion, "
                    f"got {_text(powers)!r} with {name}{hint}"
                )
    named = {name for powers in combinations for name in powers}
    usual = [name for name in _SCALED if name in named | free | {"eta"} | set(known)]
    variables = (*usual, *sorted(named.difference(usual)))
    directions = _kernel(combinations, variables)
    rows = []
    for term in expansion.terms:
        obeys, breaks = _split(term.weight, term.order, directions)
        rows.append(ScalingRow(term.order, term.contraction, term.weight, obeys, breaks))
    texts = tuple(dict.fromkeys(map(_text, combinations)))
    return ScalingTable(expansion, texts, variables, tuple(rows))


def _default(expansion: Expansion) -> tuple[str, ...]:
    """Return the combinations of the linear scaling rule for the numbers that an expansion has."""
    names = set(expansion.symbols)
    numbers = () if expansion.sampling is None else expansion.sampling.numbers
    if numbers and "B" not in numbers and "T" in names:
        return ("eta*T",)  # no noise, or noise without a batch
    if "B" not in names or not names & {"T", "N", "E"} or ("T" in numbers and "T" not in names):
        shown = ", ".join(expansion.symbols) or "none"
        example = next((f"eta*{name}" for name in "TE" if name in names), "eta")
        raise RequestError(
            "expected B and T, or B, N and E, as symbols for the linear scaling rule, got the symbols: "
            f"{shown}; expand with a symbolic batch size (sampling='fresh-data' or 'epochs'), or name "
            f"the combinations, for example through=[{example!r}]"
        )
    return ("eta/B", *(["eta*T"] if "T" in names else []), *(x for x in "NE" if x in names))


def _combination(item: object) -> dict[str, int]:
    """Return the powers of the symbols in a monomial."""
    powers: dict[str, int] = {}
    if isinstance(item, str):
        sign, place = 1, 0
        while match := _TOKEN.match(item, place):
            if match[1]:
                powers[match[1]] = powers.get(match[1], 0) + sign * int(match[2] or 1)
            place = match.end()
            if place == len(item):
                break
            sign = {"*": 1, "/": -1}.get(item[place], 0)
            place += 1
            if not sign:
                break
        if not match or place != len(item) or not sign:
            powers = {}
    elif isinstance(item, Expr):
        factors = item.as_powers_dict()
        if all(x == 1 or (x.is_Symbol and k.is_Integer) for x, k in factors.items()):
            powers = {str(x): int(k) for x, k in factors.items() if x != 1}
    found = {name: k for name, k in powers.items() if k}
    if not found:
        shown = repr(item)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        raise RequestError(
            f"expected a product of powers of symbols such as 'eta/B', 'eta*T' or 'eta^2*N', got {shown}"
        )
    return {name: found[name] for name in sorted(found, key=_place)}


def _place(name: str) -> tuple[int, str]:
    return (_SCALED.index(name) if name in _SCALED else len(_SCALED), name)


def _text(powers: Mapping[str, int]) -> str:
    above = [_power(name, k) for name, k in powers.items() if k > 0]
    below = [f"/{_power(name, -k)}" for name, k in powers.items() if k < 0]
    return "*".join(above or ["1"]) + "".join(below)


def _power(name: str, k: int) -> str:
    return name if k == 1 else f"{name}^{k}"


def _kernel(
    combinations: Sequence[Mapping[str, int]], variables: Sequence[str]
) -> tuple[dict[str, int], ...]:
    """Return a basis, in whole numbers, of the rescalings that leave all combinations as they are."""
    matrix = Matrix([[powers.get(name, 0) for name in variables] for powers in combinations])
    result = []
    for vector in matrix.nullspace():
        scale = lcm(*(int(x.q) for x in vector))
        result.append({n: int(x * scale) for n, x in zip(variables, vector, strict=True)})
    return tuple(result)


def _split(weight: Expr, order: int, directions: Sequence[Mapping[str, int]]) -> tuple[Expr, Expr]:
    """Return the parts of a weight that obey and that break; all breaks where they cannot be told.

    A quotient is a finite sum of parts that have a degree only if its denominator has one.
    """
    ratio = quotient(weight)
    degrees = [_degree(generator, directions) for generator in ratio.generators]

    def degree(exponents: tuple[int, ...], above: int = 0) -> tuple[int, ...] | None:
        total = tuple(above * v.get("eta", 0) for v in directions)
        for power, single in zip(exponents, degrees, strict=True):
            if power:
                if single is None:
                    return None
                total = tuple(a + power * b for a, b in zip(total, single, strict=True))
        return total

    goals = {degree(exponents) for exponents, _ in ratio.denominator}
    goal = goals.pop()
    if goals or goal is None:
        return Integer(0), weight
    kept = {exponents: c for exponents, c in ratio.numerator if degree(exponents, order) == goal}
    if len(kept) in (0, len(ratio.numerator)):
        return (weight, Integer(0)) if kept else (Integer(0), weight)
    rest = {exponents: c for exponents, c in ratio.numerator if exponents not in kept}
    divisor = to_expr(dict(ratio.denominator), ratio.generators)
    obeys, breaks = (to_expr(part, ratio.generators) / divisor for part in (kept, rest))
    return canonical(obeys), canonical(breaks)


def _degree(generator: Expr, directions: Sequence[Mapping[str, int]]) -> tuple[int, ...] | None:
    """Return the degree of a symbol or of an exponential; None if that gets more than a factor."""
    if generator.is_Symbol:
        return tuple(v.get(generator.name, 0) for v in directions)
    for v in directions:
        exponent = sum(v.get(str(x), 0) * k for x, k in generator.exp.as_powers_dict().items())
        if exponent != 0 or any(v.get(str(x), 0) for x in generator.base.free_symbols):
            return None
    return (0,) * len(directions)


def _count(rows: Sequence[ScalingRow]) -> str:
    obeying, partly = (sum(row.verdict == v for row in rows) for v in ("obeys", "partly"))
    nouns = "term" if len(rows) == 1 else "terms"
    verb = "obeys" if obeying == 1 else "obey"
    return f"{obeying} of {len(rows)} {nouns} {verb}" + (f", {partly} partly" if partly else "")


def _listed(items: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))


def _title(table: ScalingTable) -> str:
    """Return the title of the expansion, without making its table."""
    return replace(table.expansion, terms=()).text().splitlines()[0]


def _text_table(table: ScalingTable) -> str:
    """Return two columns of coefficients, or lines of their own where those are too long."""
    lines = [
        _title(table),
        f"which parts depend on {_listed(table.variables)} only through {_listed(table.through)}?",
    ]
    columns = ("obeys", "breaks")
    cells = [("", "", *(f" {name}" for name in columns))]
    before = None
    for row in table.rows:
        power = f"eta^{row.order}" if row.order != before else ""
        before = row.order
        numbers = ["" if w == 0 else coefficient(w).text for w in (row.obeys, row.breaks)]
        shown = [n if n.startswith("-") else f" {n}" for n in numbers]
        cells.append((power, text_of(row.contraction), *shown))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if sum(widths) + 2 + 2 * 3 <= WIDTH:
        lines += ["  " + "  ".join(map(str.ljust, cell, widths)).rstrip() for cell in cells]
        return "\n".join([*lines, *table.summary])
    for power, value, *shown in cells[1:]:
        lines.append(f"  {power:<{widths[0]}}  {value}")
        for name, number in zip(columns, shown, strict=True):
            start = " " * (widths[0] + 6) + f"{name:<6} "
            if number.strip():
                # Broken before a sign or a bracket only.
                wrapped = textwrap.wrap(
                    re.sub(r" (?![+(-])", "\0", number),
                    WIDTH,
                    initial_indent=start,
                    subsequent_indent=" " * (len(start) + 2),
                    break_long_words=False,
                    break_on_hyphens=False,
                )
                lines += [line.replace("\0", " ") for line in wrapped]
    return "\n".join([*lines, *table.summary])


def _latex_table(table: ScalingTable, *, standalone: bool) -> str:
    lines = [
        r"{\renewcommand{\arraystretch}{1.25}",
        r"\begin{longtable}{@{}ll*{2}{p{0.3\linewidth}}@{}}",
        r"  order & value & obeys & breaks \\ \hline \endhead",
    ]
    for k in sorted({row.order for row in table.rows}):
        rows = table.order_rows(k)
        power = rf"$\eta^{{{k}}}$"
        for row in rows:
            cells = [power, f"${latex_of(row.contraction)}$"]
            cells += map(_latex_number, (row.obeys, row.breaks))
            lines.append(f"  {' & '.join(cells)} \\tabularnewline")
            power = ""
        lines.append(rf"  & \multicolumn{{3}}{{l@{{}}}}{{\textit{{{_count(rows)}}}}} \\ \hline")
    lines.append(r"\end{longtable}}")
    if not standalone:
        return "\n".join(lines)
    title = re.sub(r"([_&%#${}])", r"\\\1", _title(table).replace(" | ", ", "))
    title = title.replace("^", r"\^{}")
    variables = _listed([f"${latex(Symbol(name))}$" for name in table.variables])
    through = _listed([f"${_latex_monomial(text)}$" for text in table.through])
    title += f": which parts depend on {variables} only through {through}?"
    return _DOCUMENT % {"title": title, "table": "\n".join(lines)}


def _latex_number(weight: Expr) -> str:
    if weight == 0:
        return ""
    number = coefficient(weight)
    body = number.latex
    # Cells have no space of their own around a fraction, nor below a last line.
    first, last = (r"\rule[-2.4ex]{0pt}{6.6ex}", r"\rule[-1.2ex]{0pt}{0pt}")
    first = first if r"\frac" in body else ""
    sign = "-" if number.sign < 0 else ""
    return rf"\raggedright {first}$\displaystyle {sign}{body}${last if first else ''}"


def _latex_monomial(text: str) -> str:
    powers = _combination(text)
    above, below = (
        [
            latex(Symbol(name)) + ("" if abs(k) == 1 else f"^{{{abs(k)}}}")
            for name, k in powers.items()
            if k * side > 0
        ]
        for side in (1, -1)
    )
    return "/".join([r"\,".join(above) or "1", *below])


@dataclass(frozen=True, slots=True)
class ScalingRow:
    """One term, ``eta**order * weight * contraction``, and its split.

    Attributes
    ----------
    order, contraction, weight
        The term.
    obeys, breaks
        The parts of the weight that obey and that break the rule; their sum is the weight.
    """

    order: int
    contraction: Contraction
    weight: Expr
    obeys: Expr
    breaks: Expr

    @property
    def verdict(self) -> Verdict:
        """Whether the term obeys, breaks, or does partly one and partly the other."""
        if self.breaks == 0:
            return "obeys"
        return "breaks" if self.obeys == 0 else "partly"


@dataclass(frozen=True, slots=True, repr=False)
class ScalingTable:
    """The terms of an expansion, each split into what obeys a scaling law and what breaks it.

    Made by `scaling`; ``str`` is a table for the terminal.

    Attributes
    ----------
    expansion
        What was asked about.
    through
        The combinations.
    variables
        The names of what is rescaled.
    rows
        In the order of the expansion's terms.

    Examples
    --------
    >>> from sgdiagrams.symbolic import expand
    >>> table = scaling(expand("test-loss", order=2, sampling="epochs"))
    >>> table
    <ScalingTable of test-loss, order 2, through eta/B, N, E: 4 of 5 terms obey, 1 partly>
    >>> [row.verdict for row in table.rows]
    ['obeys', 'obeys', 'partly', 'obeys', 'obeys']
    """

    expansion: Expansion
    through: tuple[str, ...]
    variables: tuple[str, ...]
    rows: tuple[ScalingRow, ...]

    def order_rows(self, k: int) -> tuple[ScalingRow, ...]:
        """Return the rows of order `k` alone."""
        return tuple(row for row in self.rows if row.order == k)

    @property
    def summary(self) -> tuple[str, ...]:
        """One line for every order that has terms, and one for all of them."""
        orders = sorted({row.order for row in self.rows})
        lines = [f"order {k}: {_count(self.order_rows(k))}" for k in orders]
        return (*lines, f"in all: {_count(self.rows)}")

    def latex(self, *, standalone: bool = False) -> str:
        r"""Return the table in LaTeX (``longtable``; needs the packages amsmath and longtable).

        Parameters
        ----------
        standalone
            A whole document instead of the table alone.
        """
        return _latex_table(self, standalone=standalone)

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain data for JSON.

        Weights and contractions are written as in `sgdiagrams.symbolic.files.formula`; a part that is 0
        is None.
        """
        plain: dict[str, Any] = json.loads(replace(self.expansion, terms=()).to_json())

        def weights(part: str) -> list[Any]:
            terms = [
                Term(w, row.contraction) for row in self.rows if (w := getattr(row, part)) != 0
            ]
            written = iter(
                json.loads(replace(self.expansion, terms=tuple(terms)).to_json())["terms"]
            )
            return [next(written) if getattr(row, part) != 0 else None for row in self.rows]

        columns = [weights(part) for part in ("weight", "obeys", "breaks")]
        rows = [
            {
                "order": row.order,
                "contraction": whole["contraction"],
                "weight": whole["weight"],
                "verdict": row.verdict,
                "obeys": obeys and obeys["weight"],
                "breaks": breaks and breaks["weight"],
            }
            for row, whole, obeys, breaks in zip(self.rows, *columns, strict=True)
        ]
        return {
            "order": plain["order"],
            "basis": plain["basis"],
            "parts": plain["parts"],
            "through": list(self.through),
            "variables": list(self.variables),
            "rows": rows,
            "summary": list(self.summary),
        }

    def __str__(self) -> str:
        return _text_table(self)

    def __repr__(self) -> str:
        return (
            f"<ScalingTable of {self.expansion.observable}, order {self.expansion.order}, "
            f"through {', '.join(self.through)}: {_count(self.rows)}>"
        )
