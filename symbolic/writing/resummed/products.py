r"""Weights of a re-summed expansion as sums of products, ready to be written.

A product is a scalar (numbers, eta, T, N, ...), a fraction of factors that depend on indices, and what
stands beside the fraction: divided differences in brackets, sums, and embedding sums.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sympy import Add, Expr, Integer, Mul, Pow, S, Symbol, exp, fraction, together

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.layout import nodes
from sgdiagrams.symbolic.layout.formulas import Times, product
from sgdiagrams.symbolic.layout.nodes import Node, Numeral, Row, power
from sgdiagrams.symbolic.layout.quantities import DressedEmbeddings
from sgdiagrams.symbolic.printing.coefficients import coefficient
from sgdiagrams.symbolic.resummation.eigenvalues import EmbeddingSum
from sgdiagrams.symbolic.resummation.given_sets.decay import PowerDecay
from sgdiagrams.symbolic.weights.divided_differences import ExponentialDifference, PowerDifference
from sgdiagrams.symbolic.writing.resummed.differences import (
    difference,
    exponential_value,
    fractions,
    is_round_power,
    round_decay,
    round_power,
)
from sgdiagrams.symbolic.writing.resummed.names import fraction_of
from sgdiagrams.symbolic.writing.resummed.summands import (
    Summand,
    collected,
    distributed,
    pulled,
    rational_summand,
    summand_product,
    written,
)

if TYPE_CHECKING:
    from sgdiagrams.symbolic.printing.coefficients import Coefficient
    from sgdiagrams.symbolic.writing.resummed.differences import Style
    from sgdiagrams.symbolic.writing.resummed.names import Names

__all__ = ["SpectralTerms", "merged", "scalar_node", "scalar_row"]

# Numerators wider than this are broken over lines.
_WIDE = 40

_DIFFERENCES = (PowerDifference, ExponentialDifference)
_SPECIAL = (*_DIFFERENCES, EmbeddingSum, PowerDecay)


class SpectralTerms:
    """Turns weights into sums of products.

    Attributes
    ----------
    names
        How eigenvalues are called.
    differences
        How divided differences of more than two nodes are written.
    """

    def __init__(self, names: Names, differences: Style) -> None:
        self.names = names
        self.differences = differences

    def common(self, weight: Expr, scale: Expr = S.One) -> tuple[Expr, tuple[Summand, ...]]:
        """Return the common scalar factor of a weight times `scale`, and the products it multiplies."""
        scaled = [p._replace(scalar=p.scalar * scale) for p in self.sum(weight)]
        scalar, summands = pulled(collected(scaled))
        if summands and merged(summands[0])[0] < 0:
            # A bracket starts with what is positive.
            return -scalar, tuple(p._replace(scalar=-p.scalar) for p in summands)
        return scalar, summands

    def sum(self, expr: Expr) -> list[Summand]:
        """Return a weight as a sum of products."""
        if not _is_special(expr):
            # Parts with momentum of their own stay apart.
            parts = Add.make_args(expr) if self.names.is_paired else (expr,)
            return [p for part in parts for p in self._rational(part)]
        return [p for term in Add.make_args(expr) for p in self._product(term)]

    def _product(self, term: Expr) -> list[Summand]:
        rest: list[Expr] = []
        special: list[tuple[Expr, int]] = []
        powers: list[Node] = []
        for f in Mul.make_args(term):
            if is_round_power(f):
                powers.append(round_power(self.names, f))
                continue
            base, exponent = f.as_base_exp()
            if isinstance(f, exp):
                powers.append(exponential_value(self.names, f))  # what is left after a lag
            elif _is_special(base):
                special.append((base, int(exponent)))
            else:
                rest.append(f)
        if self._is_written_out(special):
            return fractions(self.names, special[0][0], Mul(*rest))
        summands = self._rational(Mul(*rest))
        summands = [p._replace(beside=p.beside + tuple(powers)) for p in summands]
        for base, exponent in special:
            factor = self._special(base, exponent)
            summands = [summand_product(p, factor) for p in summands]
        return [q for p in summands for q in distributed(p)]

    def _special(self, base: Expr, exponent: int) -> Summand:
        if isinstance(base, EmbeddingSum):
            return self._embedding(base, exponent)
        if isinstance(base, PowerDecay):
            shown = round_decay(self.names, base)
            if exponent < 0:
                return Summand(Integer(1), below=(power(shown, -exponent),))
            return Summand(Integer(1), beside=(shown,) * exponent)
        if isinstance(base, _DIFFERENCES):
            return difference(self.names, base, exponent, self.differences)
        scalar, inner = pulled(collected(self.sum(base)))
        return Summand(scalar**exponent, beside=(inner,) * exponent)

    def _is_written_out(self, special: list[tuple[Expr, int]]) -> bool:
        """Tell whether a single difference can take all factors into its fractions."""
        if self.differences != "written-out" or len(special) != 1 or special[0][1] != 1:
            return False
        base = special[0][0]
        points = set(base.args[1:])
        if any(map(is_round_power, points)):
            return False
        return isinstance(base, _DIFFERENCES) and len(base.args) > 3 and len(points) > 1

    # Rational functions ---------------------------------------------------------------------------

    def _rational(self, expr: Expr) -> list[Summand]:
        names = self.names
        scalar, factors = names.factored(names.in_names(expr))
        mixed = [f for f, k in factors.items() if k == 1 and len(names.split(f)) > 1]
        if not mixed:
            return [written(names, scalar, factors)]
        # Finite samples and single draws: each has a simpler function of the eigenvalues.
        rest = Mul(scalar, *(Pow(f, k) for f, k in factors.items() if f != mixed[0]))
        rest = self._unnamed(rest)
        return [
            rational_summand(names, c * rest * self._unnamed(f)) for c, f in names.split(mixed[0])
        ]

    def _unnamed(self, expr: Expr) -> Expr:
        """Return factors with bare rates in the symbols that `Names.factored` expects."""
        if self.names.in_rates:
            return expr
        table = {}
        for x, (_, kind) in self.names.indexed().items():
            letter = str(x)[2:]
            if kind == 0:
                table[x] = 1 - Symbol(f"q_{letter}")
            elif kind == 4:
                table[x] = (1 - Symbol(f"q_{letter}")) / symbols.eta
        return expr.xreplace(table)

    # Embedding sums -------------------------------------------------------------------------------

    def _embedding(self, expr: Expr, exponent: int) -> Summand:
        name, *values = expr.args
        if not values:
            return Summand(Integer(1))  # a root alone
        shown = tuple(map(self._rate, values))
        return Summand(Integer(1), beside=(DressedEmbeddings(str(name), shown, exponent),))

    def _rate(self, x: Expr) -> Node:
        if x == 0:
            return Numeral("0")
        rate = self.names.rate(self.names.indexed()[x][0])
        if rate.is_Symbol:
            return self.names.symbol(rate)
        [name] = [s for s in rate.free_symbols if s in self.names.indexed()]
        return Times((nodes.Symbol("eta"), self.names.symbol(name)))


def _is_special(expr: Expr) -> bool:
    """Tell whether there are differences, sums over embeddings or powers with symbols."""
    powers = (f for f in expr.atoms(Pow, exp) if isinstance(f, exp) or is_round_power(f))
    return bool(expr.has(*_SPECIAL)) or any(True for _ in powers)


# Scalars ----------------------------------------------------------------------------------------------


def merged(p: Summand) -> tuple[int, list[Node], list[Node]]:
    """Return the sign of a summand and its fraction, with the scalar in it."""
    (top_sign, above), (bottom_sign, below) = map(scalar_node, _fraction(p.scalar))
    return (
        top_sign * bottom_sign,
        [*([above] if above else []), *p.above],
        [*([below] if below else []), *p.below],
    )


@lru_cache(maxsize=4096)  # the summands of a weight share a few scalars
def _fraction(scalar: Expr) -> tuple[Expr, Expr]:
    above, below = fraction(together(scalar))
    return above, below


@lru_cache(maxsize=4096)
def scalar_node(scalar: Expr) -> tuple[int, Node | None]:
    """Return a scalar as a sign and a node, powers of eta before all other symbols; None for 1."""
    if (wide := _wide(scalar)) is not None:
        return wide.sign, wide.node
    (top_sign, above), (bottom_sign, below) = map(_line, _fraction(scalar))
    shown = fraction_of([above] if above else [], [below] if below else [])
    return top_sign * bottom_sign, shown


def scalar_row(scalar: Expr) -> tuple[int, Row]:
    """Return a scalar as a sign and a row in which a line may be broken; empty for 1."""
    if (wide := _wide(scalar)) is not None:
        return wide.sign, wide.row
    sign, node = scalar_node(scalar)
    return sign, Row((node,) if node else ())


def _wide(scalar: Expr) -> Coefficient | None:
    """Return a scalar whose numerator is wide as any other coefficient is written."""
    above = _line(_fraction(scalar)[0])[1]
    return coefficient(scalar) if above is not None and above.width > _WIDE else None


def _line(polynomial: Expr) -> tuple[int, Node | None]:
    """Return a polynomial as a sign and one node: a number, eta, and the rest."""
    number, rest = polynomial.as_coeff_Mul()
    exponent, rest = _eta_apart(rest)
    c, other = coefficient(number), coefficient(rest)
    lead = power(nodes.Symbol("eta"), exponent) if exponent else None
    return c.sign * other.sign, product([c.node, lead, other.node])


def _eta_apart(polynomial: Expr) -> tuple[int, Expr]:
    """Return the power of eta that is a factor, and what is left."""
    exponent = int(polynomial.as_powers_dict().get(symbols.eta, 0))
    return exponent, polynomial / symbols.eta**exponent
