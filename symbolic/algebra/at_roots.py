r"""Expressions in diagrams, in place of functions of the weights: at the root, and as a penalty.

The expected value of a function of the weights is a sum of contractions in which its derivatives
stand. An expression is such a function: Leibniz' rule puts its derivatives there, see
`sgdiagrams.symbolic.algebra.leibniz`. A penalty is one that stands beside the losses of the updates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from sympy import Expr, Integer, Mul

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.algebra.leibniz import PENALTY, penalties_marked, replaced_function
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.algebra.linear_combinations import Pair
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["RootExpressions", "powers_of_eta"]


def powers_of_eta(expression: Expression) -> dict[int, Expression]:
    """Return what every power of eta is the factor of.

    Raises
    ------
    RequestError
        When a coefficient is no polynomial of eta.

    Examples
    --------
    >>> from sgdiagrams.symbolic.algebra.expression import Expression
    >>> from sgdiagrams.symbolic.contractions.contraction import Contraction
    >>> loss, square = Contraction.parse("l"), Contraction.parse("G_a G_a")
    >>> powers_of_eta(Expression([(1, loss), (symbols.eta / 4, square)]))[1].terms
    ((1/4, G_a G_a),)
    """
    parts: dict[int, list[tuple[Expr, Contraction]]] = {}
    for coefficient, contraction in expression.terms:
        for power, part in _by_power(coefficient):
            parts.setdefault(power, []).append((part, contraction))
    return {
        power: type(expression)(terms, expression.rank) for power, terms in sorted(parts.items())
    }


def _by_power(coefficient: Expr) -> list[tuple[int, Expr]]:
    """Return what every power of eta has as its coefficient."""
    if not coefficient.has(symbols.eta):
        return [(0, coefficient)]
    poly = coefficient.as_poly(symbols.eta)
    if poly is None:
        raise RequestError(
            f"expected polynomials of eta as coefficients, got {shown(str(coefficient))}"
        )
    return [(int(power), part) for (power,), part in poly.terms()]


@final
class RootExpressions:
    """The expressions among the factors at a root, and a penalty of the updates, in one basis.

    Parameters
    ----------
    expressions
        By the names of the factors.
    basis
        That of the diagrams' values.
    penalty
        What is added to the losses of the updates; None without.
    decays
        Whether these have an L2 penalty too.
    """

    def __init__(
        self,
        expressions: Mapping[str, Expression],
        basis: Basis,
        *,
        penalty: Expression | None = None,
        decays: bool = False,
    ) -> None:
        self._decays = decays
        self._penalty = None if penalty is None else penalty.in_basis(basis).terms
        self._pieces: dict[str, dict[int, tuple[Pair, ...]]] = {
            name: {power: part.terms for power, part in powers_of_eta(e.in_basis(basis)).items()}
            for name, e in expressions.items()
        }

    @property
    def has_penalty(self) -> bool:
        """Whether the losses of the updates have a penalty that is to be written out."""
        return self._penalty is not None

    def marked(self, factors: tuple[str, ...]) -> tuple[str, ...]:
        """Return the factors with a name of its own for each that is an expression.

        No function of a user has such a name.
        """
        return tuple(f"D{i}" if f in self._pieces else f for i, f in enumerate(factors))

    def put_into(
        self, contraction: Contraction, factors: tuple[str, ...], *, most: int
    ) -> Iterator[tuple[int, Expr, Contraction]]:
        """Yield what becomes of a contraction with marked factors: powers of eta, factors, values.

        Powers of eta beyond `most` are left out. The free legs of expressions come last, in the order of
        the factors.
        """
        made: list[tuple[int, Expr, Contraction]] = [(0, Integer(1), contraction)]
        if self._penalty is not None:
            parts = penalties_marked(contraction, decays=self._decays)
            marked = [(Integer(1), part) for part in parts]
            made = [
                (power, factor, k)
                for c, k in replaced_function(marked, PENALTY, self._penalty)
                for power, factor in _by_power(c)
                if power <= most
            ]
        for mark, name in zip(self.marked(factors), factors, strict=True):
            if mark == name:
                continue
            made = [
                (before + power, _product(factor, c), k)
                for before, factor, holder in made
                for power, pairs in self._pieces[name].items()
                if before + power <= most
                for c, k in replaced_function([(Integer(1), holder)], mark, pairs)
            ]
        yield from made


def _product(one: Expr, two: Expr) -> Expr:
    product: Expr = Mul(one, two)
    return product if product.is_Rational else canonical(product)
