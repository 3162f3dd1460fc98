"""How expressions are written: a base without fields, for the class that users make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.messages import shortened
from sgdiagrams.diagrams.tables import folded_for_people
from sgdiagrams.symbolic.algebra.expression_json import dump_expression
from sgdiagrams.symbolic.algebra.numpy_code import expression_source
from sgdiagrams.symbolic.algebra.writing import expression_text, write_expression
from sgdiagrams.symbolic.layout.latex import LatexRenderer, displayed_in_notebook
from sgdiagrams.symbolic.layout.mathml import MathmlRenderer
from sgdiagrams.symbolic.printing.page_widths import in_points

if TYPE_CHECKING:
    from sgdiagrams.symbolic.algebra.linear_combinations import Pair
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.vocabulary import Coefficients

__all__ = ["WrittenExpression"]


class WrittenExpression:
    """The doors through which an expression is written: text, LaTeX, MathML, JSON and source."""

    __slots__ = ()

    # Declared for type checkers alone: fields of the dataclass take their place.
    if TYPE_CHECKING:

        @property
        def terms(self) -> tuple[Pair, ...]:
            """Coefficients and contractions."""

        @property
        def rank(self) -> int:
            """The number of free legs."""

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
        >>> from sgdiagrams import Expression
        >>> print(Expression.parse("1/2 C_ab J_abc - G_c").latex(left=r"v_\mu"))
        \begin{align*}
          v_\mu ={}& - G_{\mu} + \frac{1}{2}\, J_{\mu\nu\lambda}\, C_{\nu\lambda}
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
        >>> from sgdiagrams import Expression
        >>> Expression.parse("(N-1) tr(C)/4/N - |G|^2").text()
        '-G_a G_a + (N - 1)/(4 N) C_aa'
        """
        return expression_text(self.terms, self.rank, coefficients=coefficients)

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return the expression as JSON: see `sgdiagrams.symbolic.algebra.expression_json`."""
        return dump_expression(self.terms, self.rank, indent=indent)

    def python(self) -> str:
        """Return standalone Python source that evaluates the expression with NumPy alone.

        ``tensors(derivatives)`` averages arrays of per-sample derivatives, ``{1: g, 2: h, ...}`` with the
        sample axis first, into the named tensors; ``value(tensors, *, N=..., eta=...)`` returns the
        expression at numbers for its symbols, an array with one axis of length p a free leg. The samples
        count as the whole population; averages over distinct samples need their number N. Functions of
        the weights and weight decay are given as in the source of expansions: see `Expansion.python`.

        Raises
        ------
        RequestError
            When there are more indices than letters.

        Examples
        --------
        >>> from sgdiagrams import Expression
        >>> namespace = {}
        >>> exec(Expression.parse("N/2 tr(C) - |G|^2").python(), namespace)
        >>> namespace["value"](namespace["tensors"]({1: [[1.0], [3.0]]}), N=10)
        1.0
        """
        headline = expression_text(self.terms, self.rank, too_long="describe")
        return expression_source(self.terms, self.rank, shortened(headline))

    def __str__(self) -> str:
        rank = self.rank if self.terms else 0
        return folded_for_people(expression_text(self.terms, rank, too_long="describe"))

    def __repr__(self) -> str:
        return f"Expression.parse({self.text()!r})"

    def _repr_latex_(self) -> str:
        renderer = LatexRenderer(environment="aligned")
        return displayed_in_notebook(write_expression(self.terms, renderer, too_long="describe"))
