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
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from sgdiagrams.diagrams.errors import RequestError, check_kind, listed
from sgdiagrams.diagrams.messages import shortened, shown
from sgdiagrams.symbolic.expansion import Expansion
from sgdiagrams.symbolic.formula import Term
from sgdiagrams.symbolic.weights.monomials import USUAL_VARIABLES, monomial_text, read_monomial
from sgdiagrams.symbolic.weights.rescaling import rescalings, split_weight
from sgdiagrams.symbolic.writing.scaling_tables import (
    how_many_obey,
    html_scaling_table,
    latex_scaling_table,
    text_scaling_table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sympy import Expr

    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["ScalingRow", "ScalingTable", "ScalingVerdict", "scaling"]

ScalingVerdict = Literal["obeys", "partly", "breaks"]


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
    check_kind("expansion", expansion, Expansion, called="an Expansion that is not re-summed")
    words = "a sequence of combinations such as ('eta/B', 'eta*T')"
    given = _default(expansion) if through is None else listed("through", through, called=words)
    if not given:
        raise RequestError(f"expected {words}, got through={shown(given)}")
    combinations = [read_monomial(item) for item in given]
    free = {str(s) for term in expansion.terms for s in term.weight.free_symbols}
    known = ["eta", *expansion.symbols]
    for powers in combinations:
        for name in powers:
            if name not in known:
                hint = "; with epochs, T is E*N/B" if name == "T" and "E" in known else ""
                raise RequestError(
                    f"expected combinations of {', '.join(known)}, the symbols of this expansion, "
                    f"got {shown(monomial_text(powers))} with {shortened(name)}{hint}"
                )
    named = {name for powers in combinations for name in powers}
    usual = [name for name in USUAL_VARIABLES if name in named | free | {"eta"} | set(known)]
    variables = (*usual, *sorted(named.difference(usual)))
    directions = rescalings(combinations, variables)
    rows = []
    for term in expansion.terms:
        obeys, breaks = split_weight(term.weight, term.order, directions)
        rows.append(ScalingRow(term.order, term.contraction, term.weight, obeys, breaks))
    texts = tuple(dict.fromkeys(map(monomial_text, combinations)))
    return ScalingTable(expansion, texts, variables, tuple(rows))


def _default(expansion: Expansion) -> tuple[str, ...]:
    """Return the combinations of the linear scaling rule for the numbers that an expansion has."""
    names = set(expansion.symbols)
    numbers = () if expansion.sampling is None else expansion.sampling.numbers
    if numbers and "B" not in numbers and "T" in names:
        return ("eta*T",)  # no noise, or noise without a batch
    if "B" not in names or not names & {"T", "N", "E"} or ("T" in numbers and "T" not in names):
        listed = ", ".join(expansion.symbols) or "none"
        example = next((f"eta*{name}" for name in "TE" if name in names), "eta")
        raise RequestError(
            "expected B and T, or B, N and E, as symbols for the linear scaling rule, got the symbols: "
            f"{listed}; expand with a symbolic batch size (sampling='fresh-data' or 'epochs'), or name "
            f"the combinations, for example through=['{example}']"
        )
    return ("eta/B", *(["eta*T"] if "T" in names else []), *(x for x in "NE" if x in names))


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
    def verdict(self) -> ScalingVerdict:
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
        lines = [f"order {k}: {how_many_obey(self.order_rows(k))}" for k in orders]
        return (*lines, f"in all: {how_many_obey(self.rows)}")

    def latex(self, *, standalone: bool = False) -> str:
        r"""Return the table in LaTeX (``longtable``; needs the packages amsmath and longtable).

        Parameters
        ----------
        standalone
            A whole document instead of the table alone.
        """
        return latex_scaling_table(self, standalone=standalone)

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain data for JSON.

        Weights and contractions are written as in `sgdiagrams.symbolic.files.formula`; a part that is 0
        is None.
        """
        plain: dict[str, Any] = json.loads(replace(self.expansion, terms=()).to_json())

        def weights(part: str) -> list[Any]:
            terms = [
                Term(w, row.contraction, shift=row.order - row.contraction.order)
                for row in self.rows
                if (w := getattr(row, part)) != 0
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
        return text_scaling_table(self)

    def _repr_html_(self) -> str:
        return html_scaling_table(self)

    def __repr__(self) -> str:
        return (
            f"<ScalingTable of {self.expansion.observable}, order {self.expansion.order}, "
            f"through {', '.join(self.through)}: {how_many_obey(self.rows)}>"
        )
