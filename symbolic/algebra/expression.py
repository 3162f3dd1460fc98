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
from typing import TYPE_CHECKING, Any, Self, cast, final

from sympy import Expr, Integer, Rational, sympify

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import how_many, shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.algebra.bases import pairs_in_basis, values_cancel
from sgdiagrams.symbolic.algebra.components import pairs_with_values
from sgdiagrams.symbolic.algebra.conversions import with_constants_apart
from sgdiagrams.symbolic.algebra.estimators.estimator import Estimator
from sgdiagrams.symbolic.algebra.expression_json import load_expression
from sgdiagrams.symbolic.algebra.grammar.reading import read_expression
from sgdiagrams.symbolic.algebra.grammar.words import SYMBOLS
from sgdiagrams.symbolic.algebra.leibniz import gradient_pairs, joined_legs, replaced_function
from sgdiagrams.symbolic.algebra.linear_combinations import (
    collected_pairs,
    exact_coefficient,
    joined_pairs,
    reordered_legs,
)
from sgdiagrams.symbolic.algebra.written_expression import WrittenExpression
from sgdiagrams.symbolic.checks import check_choice, count_or_symbol
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED
from sgdiagrams.symbolic.weights.quotients import canonical, is_weight
from sgdiagrams.symbolic.weights.substitution import replacements, substituted_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sgdiagrams.symbolic.algebra.linear_combinations import Pair
    from sgdiagrams.symbolic.contractions.graph import ValueBasis

__all__ = ["Expression"]


@final
@dataclass(frozen=True, slots=True, repr=False)
class Expression(WrittenExpression):
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
        given = ((exact_coefficient(c), with_constants_apart(_contraction(k))) for c, k in terms)
        pairs = collected_pairs((c, k) for c, k in given if k is not None)
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

    def __iter__(self) -> Iterator[Pair]:
        """Go through the terms: pairs of a coefficient and a contraction."""
        return iter(self.terms)

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
            When a coefficient is no polynomial of eta, or `k` is no power.
        """
        if not is_whole(k, least=0):
            raise RequestError(f"expected a whole number >= 0 as power of eta, got k={shown(k)}")
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
        return Expression(((-c, k) for c, k in self.terms), self.rank)

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
        terms = self.terms
        if name == PENALISED and any(_is_tied(k, name) for _, k in terms):
            # Joint cumulants have no penalty.
            terms = pairs_in_basis(terms, "cumulant", symbols.N)
        pairs = replaced_function(terms, name, new.terms)
        return Expression._made(pairs, self.rank + new.rank)

    def reordered(self, *order: int) -> Expression:
        """Return the same with free legs in another order: leg i of the result is leg `order[i]`.

        Raises
        ------
        RequestError
            When the order is none of all free legs.

        Examples
        --------
        >>> Expression.parse("G_a H_bc G_c").reordered(1, 0)
        Expression.parse('H_ac G_c G_b')
        """
        if not all(map(is_whole, order)) or sorted(order) != list(range(self.rank)):
            raise RequestError(
                f"expected an order of {how_many(self.rank, 'free leg')}, numbered from 0, got "
                f"{shown(order)}"
            )
        return Expression._made(reordered_legs(self.terms, order), self.rank)

    def symmetrised(self) -> Expression:
        """Return the mean over all orders of the free legs."""
        weight = Rational(1, factorial(self.rank))
        pairs = [
            (c * weight, k)
            for order in permutations(range(self.rank))
            for c, k in reordered_legs(self.terms, order)
        ]
        return Expression(pairs, self.rank)

    def estimator(self) -> Estimator:
        """Return the unbiased estimator that takes the fewest datapoints: a kernel, its cost, and code.

        For moments and cumulants; functions of the weights are constants.

        Raises
        ------
        RequestError
            When the expression is in averages over samples, or a function shares its block.

        Examples
        --------
        >>> print(Expression.of("C_aa").gradient().estimator())
        2 hess l_x (grad l_x - grad l_y)
        """
        return Estimator.of(self.terms, self.rank)

    def evaluate(self, values: Any, **numbers: Any) -> Any:
        """Return the expression in numbers, with a standard error.

        Parameters
        ----------
        values
            `Statistics`, `Measured`, `Values`, or another holder of numbers.
        **numbers
            A number for each of `symbols`, eta among them. Edges are contracted with the identity.

        Returns
        -------
        ExpressionEstimate
            Of numbers, or of arrays with one axis for every free leg.

        Raises
        ------
        RequestError
            When the values have no numbers for contractions. For the rest see the holders.
        """
        evaluate = getattr(values, "evaluate", None)
        if isinstance(values, (Expression, Contraction)) or not callable(evaluate):
            raise RequestError(
                "expected Statistics, or another holder of numbers, to evaluate with, got "
                f"{shown(values)}"
            )
        return evaluate(self, **numbers)

    # Substitution and bases -----------------------------------------------------------------------

    def subs(self, *args: Any) -> Expression:
        """Substitute symbols of the coefficients, or connected factors of products.

        Parameters
        ----------
        *args
            A pair of old and new, or a dictionary of such pairs. Old is a symbol or its name, or a
            connected contraction (an object, or text that is no symbol's name) wherever it is a whole
            factor; new is a number or a rational function, or for a contraction an expression with as
            many free legs.

        Raises
        ------
        RequestError
            When something else is to be replaced, or put in.

        Examples
        --------
        >>> drift = Expression.parse("eta N/2 tr(C) G_a")
        >>> drift.subs("N", 10)
        Expression.parse('5 eta G_a C_bb')
        >>> drift.subs({"C_aa": "M_a|a - |G|^2", "N": 2})
        Expression.parse('-eta G_a G_b G_b + eta G_a M_b|b')
        """
        names = SYMBOLS.union(self.symbols)
        values = {}
        rest = []
        for old, new in substituted_pairs(*args):
            if isinstance(old, Contraction) or (isinstance(old, str) and old not in names):
                values[_contraction(old)] = Expression.of(new).terms
            else:
                rest.append((old, new))
        terms = pairs_with_values(self.terms, values) if values else self.terms
        table = replacements(rest)
        pairs = [(c.xreplace(table), k) for c, k in terms]
        for (old, _), (new, _) in zip(terms, pairs, strict=True):
            if not is_weight(new) and is_weight(old):
                raise RequestError(
                    "expected numbers at which coefficients are finite and rational, got some at which "
                    f"{shown(str(old))} is not"
                )
        return Expression(pairs, self.rank)

    def at_minimum(self) -> Expression:
        """Return what is left where the mean gradient vanishes: terms without a lone G.

        For moments and cumulants that is the population's mean, for averages over samples the mean over
        these. An average over distinct samples does not vanish with it.
        """
        return Expression._made(
            tuple((c, k) for c, k in self.terms if not _has_mean_gradient(k)), self.rank
        )

    def in_basis(self, basis: str, *, N: object = None) -> Expression:
        """Return the same in contractions of one basis, exactly.

        Moments and cumulants of a population are sums of each other, and so are averages over N samples
        (``"plug-in"``) and over distinct ones (``"distinct"``). From a population to samples it is the
        unbiased estimator; from samples to a population its expectation over samples that are drawn
        independently.

        Parameters
        ----------
        basis
            ``"moment"``, ``"cumulant"``, ``"plug-in"`` or ``"distinct"``.
        N
            The number of samples: a whole number, or the symbol N when left out.

        Raises
        ------
        RequestError
            When the basis is none of these.
        SamplingError
            When N is no whole number >= 1.
        StatisticsError
            When a contraction has more than ten nodes, or more blocks than there are samples.

        Examples
        --------
        >>> Expression.parse("tr(C)").in_basis("moment")
        Expression.parse('-G_a G_a + M_a|a')
        >>> Expression.parse("tr(C)").in_basis("plug-in", N=10)
        Expression.parse('-10/9 G^_a G^_a + 10/9 V_a|a')
        >>> Expression.parse("V_a|a - G^_a G^_a").in_basis("cumulant")
        Expression.parse('(N - 1)/N C_aa')
        """
        check_choice("basis", basis, ("moment", "cumulant", "plug-in", "distinct"))
        given: Any = N
        number = sympify(count_or_symbol("N", given, symbols.N, least=1))
        chosen = cast("ValueBasis", basis)
        return Expression._made(pairs_in_basis(self.terms, chosen, number), self.rank)

    def equals(self, other: object) -> bool:
        """Tell whether two expressions have the same value whatever the datapoints are.

        Expressions that are equal with ``==`` have the same terms; here bases may differ. A value of a
        population is no value of samples.

        Examples
        --------
        >>> covariance = Expression.parse("tr(C)")
        >>> covariance == covariance.in_basis("moment"), covariance.equals("M_a|a - |G|^2")
        (False, True)
        """
        second = Expression.of(other)
        if self.rank != second.rank:
            return False
        return values_cancel((*self.terms, *(-second).terms), symbols.N)

    @classmethod
    def from_json(cls, text: str) -> Expression:
        """Read what `to_json` wrote. Nothing in the text is evaluated.

        Raises
        ------
        FormatError
            When the text is no JSON, or no expression of a version that is known.
        """
        return cls(*load_expression(text))


def _has_mean_gradient(contraction: Contraction) -> bool:
    """Tell whether the mean gradient is a factor."""
    data = [b for b in contraction.blocks if contraction.labels[b[0]] in (LOSS, PENALISED)]
    if contraction.basis == "distinct" and len(data) > 1:
        return False
    return any(
        len(block) == 1 and contraction.legs[block[0]] == 1 and contraction.labels[block[0]] == LOSS
        for block in data
    )


def _is_tied(contraction: Contraction, label: str) -> bool:
    """Tell whether a node with a label shares its block."""
    partition = contraction.partition
    return any(
        name == label and partition.count(block) > 1
        for name, block in zip(contraction.labels, partition, strict=True)
    )


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
