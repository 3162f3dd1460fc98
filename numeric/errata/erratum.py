"""What an erratum is: a formula as printed, as derived, and a check that tells them apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, final

from sympy import Expr, latex

from sgdiagrams.symbolic.algebra.expression import Expression

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from sgdiagrams.symbolic.known.result import Source

__all__ = ["Corrections", "Erratum", "Evidence", "in_dollars"]


@final
@dataclass(frozen=True, slots=True)
class Evidence:
    """Exact numbers that tell a right formula from a wrong one.

    Attributes
    ----------
    setting
        Where they are taken.
    exact
        What SGD does, in exact arithmetic: one number, or one for each component.
    derived
        What the formula that the engine derives says.
    printed
        What the formula that is printed says.

    Examples
    --------
    >>> Evidence("at T = 2", (3,), (3,), (1,)).refutes
    True
    """

    setting: str
    exact: tuple[Fraction, ...]
    derived: tuple[Fraction, ...]
    printed: tuple[Fraction, ...]

    @property
    def refutes(self) -> bool:
        """Whether what is derived is what happens, and what is printed is not."""
        return self.derived == self.exact != self.printed

    def __str__(self) -> str:
        rows = {"exact SGD": self.exact, "derived": self.derived, "printed": self.printed}
        lines = [f"{name:<9}  {', '.join(map(str, row))}" for name, row in rows.items()]
        return "\n".join([self.setting, *(f"  {line}" for line in lines)])


@final
@dataclass(frozen=True, slots=True)
class Erratum:
    r"""A published formula that is wrong, with its correction.

    Attributes
    ----------
    name
        Its name, for `known_erratum`.
    statement
        What is wrong.
    sources
        Where it is printed.
    left
        What the formula is of, in LaTeX.
    printed
        The formula as it is printed, in the letters of this package.
    derived
        The same as the engine derives it.
    call
        How to derive it with the public interface.
    evidence
        Exact numbers that tell them apart.

    Examples
    --------
    >>> from sgdiagrams.numeric import known_erratum
    >>> erratum = known_erratum("one-pass-order-2")
    >>> print(erratum.printed)
    T (T - 1)/2 G_a H_ab G_b + T/2 M_a|b H_ab
    >>> print(erratum.derived)
    T (T - 1) G_a H_ab G_b + T/2 M_a|b H_ab
    >>> erratum.evidence.refutes
    True
    """

    name: str
    statement: str
    sources: tuple[Source, ...]
    left: str
    printed: Expr | Expression
    derived: Expr | Expression
    call: str
    evidence: Evidence

    @property
    def command(self) -> str:
        """The command that repeats the check."""
        return f"sgdiagrams results --errata {self.name}"

    def displays(self) -> tuple[str, str]:
        r"""Return what is printed and what is derived, each as a display of LaTeX.

        Examples
        --------
        >>> from sgdiagrams.numeric import known_erratum
        >>> print(known_erratum("drift-power").displays()[1])
        \begin{equation*}
          \langle\theta_T - \theta_0\rangle \to - \frac{C J \eta}{4 H^{2}}
        \end{equation*}
        """
        return self._display(self.printed), self._display(self.derived)

    def _display(self, formula: Expr | Expression) -> str:
        if isinstance(formula, Expression):
            return formula.latex(left=self.left)
        body = f"{self.left} {latex(formula, order='rev-lex')}"
        return f"\\begin{{equation*}}\n  {body}\n\\end{{equation*}}"

    def _repr_markdown_(self) -> str:
        printed, derived = map(in_dollars, self.displays())
        sources = "; ".join(map(str, self.sources))
        head = f"**{self.name}.** {self.statement} {sources}."
        check = f"```text\n{self.evidence}\n```"
        return f"{head}\n\nPrinted:\n\n{printed}\n\nDerived:\n\n{derived}\n\n{check}"

    def __str__(self) -> str:
        lines = [
            f"{self.name}: {self.statement}",
            *map(str, self.sources),
            f"printed  {self.printed}",
            f"derived  {self.derived}",
            self.call,
            *str(self.evidence).splitlines(),
            self.command,
        ]
        return "\n  ".join(lines)


def in_dollars(display: str) -> str:
    r"""Return a display of LaTeX as pages and notebooks have it.

    Examples
    --------
    >>> print(in_dollars("\\begin{equation*}\n  x = 1\n\\end{equation*}"))
    $$
    x = 1
    $$
    """
    inside = display
    for name in ("align*", "equation*"):
        inside = inside.replace(f"\\begin{{{name}}}", "").replace(f"\\end{{{name}}}", "")
    inside = inside.strip()
    if "&" in inside:
        inside = f"\\begin{{aligned}}\n  {inside}\n\\end{{aligned}}"
    return f"$$\n{inside}\n$$"


#: By name, how errata are derived and checked, each when asked for.
Corrections: TypeAlias = "dict[str, Callable[[], Erratum]]"
