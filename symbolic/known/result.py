"""What a known result is: a statement, its sources, the call that derives it, and what came out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, final

from sympy import Expr, Symbol, latex

from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.layout.latex import displayed_in_notebook

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Derivations", "KnownResult", "Source", "Writable"]


class Source(NamedTuple):
    """Where a result is from.

    Attributes
    ----------
    authors
        Their names.
    year
        Of publication.
    title
        Of the article or book, or its journal where that says it.
    place
        The section, theorem or equation, where it is known.
    """

    authors: str
    year: int
    title: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.authors} ({self.year}), {self.title}{self.place and ', '}{self.place}"


class Writable(Protocol):
    """Whatever can be written in LaTeX: expansions, expressions, modified equations and losses."""

    def latex(self) -> str:
        """Return it in LaTeX."""

    def _repr_latex_(self) -> str: ...


@final
@dataclass(frozen=True, slots=True)
class KnownResult:
    r"""A result of the literature, derived.

    Attributes
    ----------
    name
        Its name, for `known_result`.
    statement
        What it says.
    sources
        Where it is from.
    call
        How to derive it with the public interface.
    formula
        The result as one formula: of an expansion, for one weight or given tensors.
    derived
        What the formula is of, where it says more: an expansion for any number of weights, an equation.
    left
        What stands before the formula in LaTeX.
    letters
        The letters of the source in the place of ours, where they differ: names of symbols.

    Examples
    --------
    >>> from sgdiagrams.symbolic import known_result
    >>> print(known_result("akaike"))
    akaike: Akaike's criterion: where the noise is the curvature, C = H, each of p weights costs 1/N.
      H. Akaike (1974), IEEE Trans. Autom. Control 19, 716
      p/N
      known_result('takeuchi') at C = H
    """

    name: str
    statement: str
    sources: tuple[Source, ...]
    call: str
    formula: Expr | Expression
    derived: Writable | None = None
    left: str = ""
    letters: tuple[tuple[str, str], ...] = ()

    @property
    def published(self) -> Expr | Expression:
        """The formula in the letters of its source.

        Examples
        --------
        >>> from sgdiagrams.symbolic import known_result
        >>> known_result("heavy-ball-covariance").published
        C*lambda*(mu + 1)/(K*S*(1 - mu)*(-K*lambda + 2*mu + 2))
        """
        table = {Symbol(ours): Symbol(theirs) for ours, theirs in self.letters}
        if isinstance(self.formula, Expression):
            return self.formula.subs(table) if table else self.formula
        renamed: Expr = self.formula.subs(table, simultaneous=True)
        return renamed

    def latex(self) -> str:
        r"""Return the result in LaTeX: in full, and in the letters of its source where they differ.

        Examples
        --------
        >>> from sgdiagrams.symbolic import known_result
        >>> print(known_result("akaike").latex())
        \begin{equation*}
          \langle\ell - \hat{\ell}\rangle \to \frac{p}{N}
        \end{equation*}
        """
        parts = [] if self.derived is None else [self.derived.latex()]
        if isinstance(self.published, Expression):
            if self.derived is None or self.letters:
                parts.append(self.published.latex(left=self.left.removesuffix("=") or None))
        elif self.derived is None or self.letters:
            parts.append(f"\\begin{{equation*}}\n  {self._equation}\n\\end{{equation*}}")
        return "\n".join(parts)

    @property
    def _equation(self) -> str:
        return f"{self.left} {latex(self.published, order='rev-lex')}".strip()

    def __str__(self) -> str:
        head = f"{self.name}: {self.statement}"
        shown = [str(self.formula)]
        if self.letters:
            letters = ", ".join(f"{theirs} for {ours}" for ours, theirs in self.letters)
            # Expressions put symbols that are none of ours in braces.
            published = re.sub(r"\{(\w+)\}", r"\1", str(self.published))
            shown.append(f"{published}  ({letters})")
        return "\n  ".join([head, *map(str, self.sources), *shown, self.call])

    def _repr_latex_(self) -> str:
        if self.derived is not None:
            return self.derived._repr_latex_()
        if isinstance(self.published, Expression):
            return self.published._repr_latex_()
        return displayed_in_notebook(self._equation)

    def _repr_markdown_(self) -> str:
        sources = "; ".join(map(str, self.sources))
        return f"**{self.name}.** {self.statement} {sources}.\n\n{self._repr_latex_()}\n\n`{self.call}`"


#: By name, how results are derived, each when asked for.
Derivations: TypeAlias = "dict[str, Callable[[], KnownResult]]"
