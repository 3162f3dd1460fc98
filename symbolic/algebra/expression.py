r"""Expressions: linear combinations of products of contractions, and what is computed with them.

They form a ring: sums, products (the disjoint union of forests), and coefficients that are rational
functions of symbols. Derivatives by the weights obey Leibniz' rule. With free legs expressions are
vectors, matrices and tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from math import factorial
from typing import TYPE_CHECKING, Any, Self, final

from sympy import Expr, Integer, Rational

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import how_many, shown
from sgdiagrams.diagrams.tables import folded_for_people
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.algebra.conversions import in_cumulants, in_moments
from sgdiagrams.symbolic.algebra.leibniz import gradient_pairs, joined_legs, replaced_function
from sgdiagrams.symbolic.algebra.linear_combinations import (
    collected_pairs,
    exact_coefficient,
    joined_pairs,
    reordered_legs,
)
from sgdiagrams.symbolic.algebra.reading import read_expression
from sgdiagrams.symbolic.algebra.writing import expression_text, write_expression
from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.layout.latex import LatexRenderer
from sgdiagrams.symbolic.layout.mathml import MathmlRenderer
from sgdiagrams.symbolic.printing.page_widths import in_points
from sgdiagrams.symbolic.weights.quotients import canonical
from sgdiagrams.symbolic.weights.substitution import replacements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sgdiagrams.symbolic.algebra.linear_combinations import Pair
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.vocabulary import Coefficients

__all__ = ["Expression"]


@final
@dataclass(frozen=True, slots=True, repr=False)
class Expression:
    r"""A linear combination of products of contractions, with exact coefficients.

    Canonical and immutable: equal combinations are equal objects. Contractions of different bases may
    stand side by side; `in_basis` brings them to one.

    Parameters
    ----------
    terms
        Pairs of a coefficient (a number, or a rational function of symbols) and a contraction. A product
        of contractions is one contraction, of several trees.
    rank
        The number of free legs; that of the contractions, and 0 when left out without any.

    Raises
    ------
    RequestError
        When the numbers of free legs differ, or a coefficient is no exact weight.

    Examples
    --------
    >>> trace = Expression.of("C_aa")
    >>> expected = 2 * Expression.of("M_b|ab") - 2 * Expression.of("H_ab G_b")
    >>> trace.in_basis("moment").gradient() == expected
    True
    >>> trace.at_minimum() == trace, (trace - trace).is_zero
    (True, True)
    """

    terms: tuple[Pair, ...]
    rank: int

    def __init__(
        self, terms: Iterable[tuple[Any, Contraction]] = (), rank: int | None = None
    ) -> None:
        pairs = collected_pairs((exact_coefficient(c), _contraction(k)) for c, k in terms)
        ranks = {len(k.free) for _, k in pairs} | ({rank} if rank is not None else set())
        if len(ranks) > 1:
            raise RequestError(
                "expected terms with equally many free legs, got some with "
                f"{' and some with '.join(map(str, sorted(ranks)))}"
            )
        object.__setattr__(self, "terms", pairs)
        object.__setattr__(self, "rank", ranks.pop() if ranks else 0)

    @classmethod
    def _made(cls, pairs: tuple[Pair, ...], rank: int) -> Self:
        """Return an expression of pairs that are canonical already."""
        self = object.__new__(cls)
        object.__setattr__(self, "terms", pairs)
        object.__setattr__(self, "rank", rank)
        return self

    @classmethod
    def of(cls, value: object) -> Expression:
        """Return an expression as it is, or that of a contraction, of a text, or of a number.

        Raises
        ------
        RequestError, DiagramError
            When it is none of these, or the text has an error.
        """
        if isinstance(value, Expression):
            return value
        if isinstance(value, Contraction):
            return cls([(Integer(1), value)])
        if isinstance(value, str):
            return cls.parse(value)
        return cls([(value, Contraction.unit())])

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Read an expression as `text` prints it; nothing is evaluated."""
        return cls._made(*read_expression(text))

    # What it is -----------------------------------------------------------------------------------

    @property
    def is_zero(self) -> bool:
        """Whether there are no terms."""
        return not self.terms

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the symbols in the coefficients."""
        return tuple(sorted({s.name for c, _ in self.terms for s in c.free_symbols}))

    @property
    def basis(self) -> str:
        """The basis of all contractions; ``"mixed"`` when there are several."""
        ties = {k.basis for _, k in self.terms if k.noise or k.basis not in ("moment", "cumulant")}
        if len(ties) > 1:
            return "mixed"
        return ties.pop() if ties else "moment"

    @property
    def contractions(self) -> tuple[Contraction, ...]:
        """The contractions of the terms."""
        return tuple(k for _, k in self.terms)

    def coefficient(self, contraction: Contraction | str) -> Expr:
        """Return the coefficient of a contraction, 0 where it does not occur."""
        wanted = _contraction(contraction)
        return next((c for c, k in self.terms if k == wanted), Integer(0))

    def power(self, k: int) -> Expression:
        """Return what eta is to the power of `k` in: an expression without eta.

        Raises
        ------
        RequestError
            When a coefficient is no polynomial of eta.
        """
        pairs = []
        for c, contraction in self.terms:
            poly = c.as_poly(symbols.eta)
            if poly is None:
                raise RequestError(
                    f"expected polynomials of eta, got the coefficient {shown(str(c))}"
                )
            pairs.append((poly.coeff_monomial(symbols.eta**k), contraction))
        return Expression(pairs, self.rank)

    # The ring -------------------------------------------------------------------------------------

    def __add__(self, other: object) -> Expression:
        second = _operand(other)
        if second is None:
            return NotImplemented
        if second.is_zero and not isinstance(other, Expression):
            return self  # the number 0, with which Python's `sum` begins
        if self.rank != second.rank:
            raise RequestError(
                f"expected equally many free legs in a sum, got {self.rank} and {second.rank}"
            )
        return Expression._made(collected_pairs((*self.terms, *second.terms)), self.rank)

    __radd__ = __add__

    def __neg__(self) -> Expression:
        return Expression._made(tuple((-c, k) for c, k in self.terms), self.rank).expanded()

    def __sub__(self, other: object) -> Expression:
        second = _operand(other)
        return NotImplemented if second is None else self + -second

    def __rsub__(self, other: object) -> Expression:
        second = _operand(other)
        return NotImplemented if second is None else second + -self

    def __mul__(self, other: object) -> Expression:
        second = _operand(other)
        if second is None:
            return NotImplemented
        pairs = joined_pairs(self.terms, second.terms)
        return Expression._made(pairs, self.rank + second.rank)

    def __rmul__(self, other: object) -> Expression:
        first = _operand(other)
        return NotImplemented if first is None else first * self

    def __truediv__(self, other: object) -> Expression:
        if isinstance(other, (Expression, Contraction)):
            raise RequestError(
                "expected a number or a rational function to divide by, got contractions"
            )
        divisor = exact_coefficient(other)
        if divisor == 0:
            raise RequestError("expected a number that is not 0 to divide by, got 0")
        inverse: Expr = Integer(1) / divisor
        return Expression._made(
            collected_pairs((canonical(c * inverse), k) for c, k in self.terms), self.rank
        )

    def __pow__(self, exponent: int) -> Expression:
        if not is_whole(exponent, least=0):
            raise RequestError(f"expected a whole power, got {shown(exponent)}")
        result = Expression.of(1)
        for _ in range(exponent):
            result = result * self
        return result

    def expanded(self) -> Expression:
        """Return the same with all coefficients in canonical form."""
        return Expression(self.terms, self.rank)

    # Calculus -------------------------------------------------------------------------------------

    def gradient(self) -> Expression:
        """Return the derivative by the weights: one free leg more, the last."""
        return Expression._made(gradient_pairs(self.terms), self.rank + 1)

    def hessian(self) -> Expression:
        """Return the second derivative by the weights: two free legs more."""
        return self.gradient().gradient()

    def traced(self, first: int = 0, second: int = 1) -> Expression:
        """Return the contraction of two free legs, by their numbers from 0.

        Raises
        ------
        RequestError
            When there are no such legs.
        """
        legs = {first, second}
        if len(legs) != 2 or not all(is_whole(i, least=0, most=self.rank - 1) for i in legs):
            raise RequestError(
                f"expected two of {how_many(self.rank, 'free leg')}, numbered from 0, got "
                f"{shown(first)} and {shown(second)}"
            )
        return Expression._made(joined_legs(self.terms, first, second), self.rank - 2)

    def dot(self, other: object) -> Expression:
        """Return the product in which the last free leg meets the first one of the other."""
        second = Expression.of(other)
        if not (self.rank and second.rank):
            raise RequestError("expected free legs on both sides, got none on one")
        return (self * second).traced(self.rank - 1, self.rank)

    def along(self, direction: object) -> Expression:
        """Return the derivative along a vector: that of the gradient's leg with the vector's."""
        return self.gradient().dot(direction)

    def with_function(self, name: str, replacement: object) -> Expression:
        """Return the expression with a function of the weights replaced by what it is.

        Nodes of the function are its derivatives, which Leibniz' rule shares out. Free legs of the
        replacement come last.
        """
        new = Expression.of(replacement)
        counts = {k.labels.count(name) for _, k in self.terms}
        if new.rank and not counts <= {1}:
            raise RequestError(
                f"expected {shown(name)} once in every term for a replacement with free legs"
            )
        pairs = replaced_function(self.terms, name, new.terms)
        return Expression._made(pairs, self.rank + (new.rank if counts == {1} else 0))

    def symmetrised(self) -> Expression:
        """Return the mean over all orders of the free legs."""
        weight = Rational(1, factorial(self.rank))
        pairs = [
            (c * weight, k)
            for order in permutations(range(self.rank))
            for c, k in reordered_legs(self.terms, order)
        ]
        return Expression(pairs, self.rank)

    # Substitution and bases -----------------------------------------------------------------------

    def subs(self, *args: Any) -> Expression:
        """Substitute symbols of the coefficients, as SymPy's ``subs`` does."""
        table = replacements(*args)
        return Expression(((c.xreplace(table), k) for c, k in self.terms), self.rank)

    def at_minimum(self) -> Expression:
        """Return what is left where the mean gradient vanishes: terms without a lone G."""
        return Expression._made(
            tuple(
                (c, k)
                for c, k in self.terms
                if not any(
                    k.legs[block[0]] == 1 and k.labels[block[0]] == "loss"
                    for block in k.blocks
                    if len(block) == 1
                )
            ),
            self.rank,
        )

    def in_basis(self, basis: str) -> Expression:
        """Return the same value in ``"moment"`` or ``"cumulant"`` contractions, exactly."""
        check_choice("basis", basis, ("moment", "cumulant"))
        change = in_moments if basis == "moment" else in_cumulants
        pairs = collected_pairs((c * n, new) for c, k in self.terms for new, n in change(k).items())
        return Expression._made(pairs, self.rank)

    # Writing --------------------------------------------------------------------------------------

    def write(
        self,
        renderer: Renderer[Any],
        *,
        left: str | None = None,
        coefficients: Coefficients = "factored",
        digits: int | None = None,
    ) -> str:
        """Return the expression in the format of a renderer; options as for `latex`.

        Parameters
        ----------
        renderer
            One of the package's, or of a user's own: see `sgdiagrams.symbolic.layout.renderer`.
        """
        return write_expression(
            self.terms, renderer, left=left, coefficients=coefficients, digits=digits
        )

    def latex(
        self,
        *,
        left: str | None = None,
        coefficients: Coefficients = "factored",
        standalone: bool = False,
        width: int | str | None = None,
        digits: int | None = None,
    ) -> str:
        r"""Return the expression in LaTeX (``align*``; needs the package amsmath).

        Parameters
        ----------
        left
            The left side of an equation in LaTeX, such as ``r"\nabla \operatorname{tr} C"``.
        coefficients
            ``"factored"``, ``"expanded"`` or ``"binomial"`` (polynomials of T in binomials).
        standalone
            A whole document instead of the formula alone.
        width
            That of a line: see `Expansion.latex`.
        digits
            Numbers with more digits are rounded to so many, and the formula says so; exact when left
            out.

        Raises
        ------
        RequestError
            When the width is no length, or a coefficient would fill more than a page.

        Examples
        --------
        >>> print(Expression.parse("1/2 C_ab J_abc - G_c").latex(left=r"v_\mu"))
        \begin{align*}
          v_{\mu} ={}& - G_{\mu} + \frac{1}{2}\, J_{\mu\nu\lambda}\, C_{\nu\lambda}
        \end{align*}
        """
        renderer = LatexRenderer(standalone=standalone, points=in_points(width))
        return self.write(renderer, left=left, coefficients=coefficients, digits=digits)

    def mathml(
        self,
        *,
        left: str | None = None,
        coefficients: Coefficients = "factored",
        standalone: bool = False,
        width: int | str | None = None,
        digits: int | None = None,
    ) -> str:
        """Return the expression in MathML for web pages, a ``math`` element; options as for `latex`.

        With `standalone` it is a page of HTML.
        """
        renderer = MathmlRenderer(standalone=standalone, points=in_points(width))
        return self.write(renderer, left=left, coefficients=coefficients, digits=digits)

    def text(self, *, coefficients: Coefficients = "factored") -> str:
        """Return the expression in a line, as `parse` reads it.

        Examples
        --------
        >>> Expression.parse("(N-1) tr(C)/4/N - |G|^2").text()
        '-G_a G_a + (N - 1)/(4 N) C_aa'
        """
        return expression_text(self.terms, self.rank, coefficients=coefficients)

    def __str__(self) -> str:
        rank = self.rank if self.terms else 0
        return folded_for_people(expression_text(self.terms, rank, too_long="describe"))

    def __repr__(self) -> str:
        return f"Expression.parse({self.text()!r})"

    def _repr_latex_(self) -> str:
        renderer = LatexRenderer(environment="aligned")
        return f"$$\n{write_expression(self.terms, renderer, too_long='describe')}\n$$"


def _operand(value: object) -> Expression | None:
    """Return what may stand beside an expression; None for anything else."""
    if isinstance(value, (Expression, Contraction)):
        return Expression.of(value)
    if isinstance(value, (Fraction, Expr)) or is_whole(value):
        return Expression.of(value)
    return None


def _contraction(value: object) -> Contraction:
    if isinstance(value, str):
        return Contraction.parse(value)
    if not isinstance(value, Contraction):
        raise RequestError(f"expected a contraction, got {shown(value)}")
    return value.with_metric("identity")
