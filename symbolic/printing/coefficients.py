"""Coefficients as a person writes them: factored, expanded or in binomials."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from sympy import Add, Expr, Mul, Poly, Pow, Symbol

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.layout import nodes
from sgdiagrams.symbolic.layout.formulas import Binomial, Group, OneLine, Sum, Times, product
from sgdiagrams.symbolic.layout.latex import latex_text
from sgdiagrams.symbolic.layout.nodes import ONE, Node, Numeral, Row, Text
from sgdiagrams.symbolic.layout.text import plain_text
from sgdiagrams.symbolic.printing.collecting import BELOW_ONE, collected_quotient, has_levels
from sgdiagrams.symbolic.printing.opening import opened
from sgdiagrams.symbolic.printing.polynomials import (
    StandIn,
    generator,
    generator_of,
    in_parentheses,
    is_generator,
    monomial,
    over,
    powers,
    ratio,
    sum_of_monomials,
    whole,
)
from sgdiagrams.symbolic.symbols import in_usual_order
from sgdiagrams.symbolic.weights.factoring import Terms, factor_terms
from sgdiagrams.symbolic.weights.laurent import falling_factorial
from sgdiagrams.symbolic.weights.quotients import as_quotient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.vocabulary import Coefficients, TooLong

__all__ = ["Coefficient", "coefficient"]

# Weights that are larger are not written: nobody reads them.
_MOST_MONOMIALS = 2000
_MOST_CHARACTERS = 4000
# Beyond this degree binomials are no help to anybody.
_MOST_BINOMIALS = 100


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A sign, ``+1`` or ``-1``, and the layout of the absolute value; None stands for 1."""

    sign: int
    node: Node | None

    @property
    def text(self) -> str:
        """The coefficient in plain text, with its sign."""
        body = plain_text(self.node or ONE)
        return f"-{body}" if self.sign < 0 else body

    @property
    def latex(self) -> str:
        """The absolute value in LaTeX."""
        return latex_text(self.row) if self.node else "1"

    @property
    def number_apart(self) -> tuple[Node | None, Coefficient | None]:
        """A number that stands in front, and the rest; None for what is 1."""
        match self.node:
            case None:
                return None, None
            case Numeral() | nodes.Fraction(Numeral(), Numeral()):
                return self.node, None
            case Times((Numeral() as number, *factors)):
                return number, Coefficient(self.sign, product(factors))
            case _:
                return None, self

    @property
    def row(self) -> Row:
        """The absolute value for lines of print: wide factors stand beside their fraction.

        It may be broken between them and inside them; it is empty for 1.
        """
        return opened(self.node) if self.node else Row(())


def coefficient(
    weight: Expr, style: Coefficients = "factored", *, too_long: TooLong = "refuse"
) -> Coefficient:
    """Return a weight as a sign and a layout.

    Parameters
    ----------
    weight
        A Laurent polynomial or rational function with rational coefficients.
    style
        ``"factored"``, ``"expanded"``, or ``"binomial"``: a polynomial in T alone in the basis
        binomial(T, k), anything else factored.
    too_long
        What becomes of a weight of more than 2,000 monomials, or one that would fill more than a page:
        ``"refuse"``, or ``"describe"`` in a few words; ``"write"`` a page of digits, to be rounded.

    Raises
    ------
    RequestError
        When the weight is too long to be written.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import T
    >>> [coefficient(T**2 / 2 - T / 2, s).text for s in ("factored", "expanded", "binomial")]
    ['T (T - 1)/2', '(T^2/2 - T/2)', 'binom(T, 2)']
    """
    size = max(len(Add.make_args(f.as_base_exp()[0])) for f in Mul.make_args(weight))
    if size > _MOST_MONOMIALS:
        return _too_long(weight, f"of {size:,} monomials", too_long)
    shown = _coefficient(weight, style)
    if too_long != "write" and shown.node is not None and shown.node.width > _MOST_CHARACTERS:
        return _too_long(weight, f"{shown.node.width:,} characters long", too_long)
    return shown


def _too_long(weight: Expr, size: str, too_long: TooLong) -> Coefficient:
    symbols = in_usual_order({str(s) for s in weight.free_symbols})
    names = ", ".join(symbols) or "digits"
    parameters = " and ".join(s for s in symbols if s in BELOW_ONE)
    remedy = f"give numbers for {parameters}" if parameters else "fix some of these numbers"
    remedy = remedy if symbols else "round it with digits=12"
    if too_long == "describe":
        return Coefficient(1, Group(Text(f"a weight {size} in {names}")))
    raise RequestError(
        f"expected coefficients that fit a page ({_MOST_MONOMIALS:,} monomials, {_MOST_CHARACTERS:,} "
        f"characters), got one {size} in {names}; {remedy}, or take JSON"
    )


def _coefficient(weight: Expr, style: Coefficients) -> Coefficient:
    if weight.is_Rational:
        return _factored((Fraction(int(weight.p), int(weight.q)), []), (Fraction(1), []), [])
    q = as_quotient(weight)
    gens = [g if g.is_Symbol else StandIn(g) for g in q.generators]
    degree = max((e for exps, _ in q.numerator for e in exps), default=0)
    is_high = degree > _MOST_BINOMIALS
    if (
        style == "binomial"
        and not is_high
        and [str(g) for g in gens] == ["T"]
        and weight.is_polynomial(*gens)
    ):
        return _binomial(weight, gens[0])
    if style == "expanded" and q.is_laurent:
        return _sum(*_decaying(q.laurent(), gens))
    if style == "expanded":
        return _expanded_quotient(q.numerator, q.denominator, gens)
    if has_levels(gens):
        return Coefficient(*collected_quotient(q.numerator, q.denominator, gens)[:2])
    return _factored(factor_terms(q.numerator), factor_terms(q.denominator), gens)


_Factors = tuple[Fraction, list[tuple[Terms, int]]]


def _expanded_quotient(above: Terms, below: Terms, gens: Sequence[Symbol]) -> Coefficient:
    """Return a quotient of sums, factored below only."""
    sign = -1 if above[0][1] < 0 else 1
    signed = tuple((exps, c * sign) for exps, c in above)
    number, factors = factor_terms(below)
    under: list[Node] = [] if number == 1 else [Numeral(str(number))]
    factors, flips = _below_one(factors, gens)
    under += [
        generator(gens[generator_of(f)], k) if is_generator(f) else in_parentheses(f, k, gens)
        for f, k in factors
    ]
    top = sum_of_monomials(signed, gens)
    shown = OneLine(top) if len(signed) > 1 else top
    return Coefficient(sign * flips, over(shown, under))


def _binomial(weight: Expr, T: Symbol) -> Coefficient:
    values = [Fraction(int(c.p), int(c.q)) for c in reversed(Poly(weight, T).all_coeffs())]
    binomials: list[tuple[int, Fraction]] = []
    for k in reversed(range(len(values))):
        # The top coefficient of binomial(T, k) is 1/k!; peel it off.
        falling = falling_factorial(k)
        top = values[k]
        if top:
            scale = Fraction(1)
            for i in range(2, k + 1):
                scale *= i
            binomials.append((k, top * scale))
            for power, c in enumerate(falling):
                values[power] -= top * c
    sign = -1 if binomials[0][1] < 0 else 1
    terms = [(-1 if c * sign < 0 else 1, _binomial_term(k, abs(c))) for k, c in binomials]
    return Coefficient(sign, _alone_or_grouped(terms))


def _binomial_term(k: int, number: Fraction) -> Node:
    head = ratio(number) if number != 1 or k == 0 else None
    body: Node | None = None
    if k:
        body = nodes.Symbol("T") if k == 1 else Binomial(nodes.Symbol("T"), Numeral(str(k)))
    return product([head, body]) or ONE


def _decaying(
    terms: list[tuple[tuple[int, ...], Fraction]], gens: Sequence[Symbol]
) -> tuple[list[tuple[tuple[int, ...], Fraction]], list[Symbol]]:
    """Write 1/2^T as (1/2)^T."""
    own = list(gens)
    signs = [1] * len(own)
    for i, g in enumerate(own):
        if isinstance(g, StandIn) and g.power.base.is_Rational and g.power.base > 1:
            own[i], signs[i] = StandIn(Pow(1 / g.power.base, g.power.exp)), -1
    return [(tuple(e * s for e, s in zip(exps, signs, strict=True)), c) for exps, c in terms], own


def _sum(terms: list[tuple[tuple[int, ...], Fraction]], gens: Sequence[Symbol]) -> Coefficient:
    sign = -1 if terms[0][1] < 0 else 1
    shown = [(-1 if c * sign < 0 else 1, monomial(abs(c), exps, gens)) for exps, c in terms]
    if len(shown) == 1 and shown[0][1] == ONE:
        return Coefficient(sign, None)
    return Coefficient(sign, _alone_or_grouped(shown))


def _alone_or_grouped(terms: list[tuple[int, Node]]) -> Node:
    """Return a sum in parentheses, breakable whatever its width; the term where there is one."""
    if len(terms) == 1:
        return terms[0][1]
    whole = Sum(tuple(terms), is_breakable=True)
    return Group(whole, "Big" if whole.is_tall else "big")


def _factored(numerator: _Factors, denominator: _Factors, gens: Sequence[Symbol]) -> Coefficient:
    """Return a quotient of factored polynomials; each is a rational number and its factors."""
    (top, above), (bottom, below) = numerator, denominator
    factor = top / bottom
    sign = -1 if factor < 0 else 1
    head: list[Node] = [] if abs(factor.numerator) == 1 else [whole(abs(factor.numerator))]
    under: list[Node] = [] if factor.denominator == 1 else [whole(factor.denominator)]
    symbols, sums = _in_order(above, gens)
    head += powers(symbols)
    under_symbols, under_sums = _in_order(below, gens)
    under += powers(under_symbols)
    under += [in_parentheses(f, k, gens) for f, k in under_sums]
    if len(under) == 1 and len(under_sums) == 1 and under_sums[0][1] == 1:
        # A fraction bar groups by itself in print, not on one line.
        under = [OneLine(sum_of_monomials(under_sums[0][0], gens), room=2)]
    if under and not head and len(sums) == 1 and sums[0][1] == 1:
        return Coefficient(sign, over(OneLine(sum_of_monomials(sums[0][0], gens)), under))
    shown = product([*head, *(in_parentheses(f, k, gens) for f, k in sums)])
    return Coefficient(sign, over(shown, under) if under else shown)


def _below_one(
    factors: list[tuple[Terms, int]], gens: Sequence[Symbol]
) -> tuple[list[tuple[Terms, int]], int]:
    """Write beta - 1 as 1 - beta, for parameters that are below one; return the sign this costs."""
    sign = 1
    result = []
    for f, k in factors:
        shown = f
        if len(f) == 2 and is_generator(f[:1]) and f[1][1] == -1 and not any(f[1][0]):
            symbol = gens[generator_of(f)]
            base = symbol.power.base if isinstance(symbol, StandIn) else symbol
            if str(base) in BELOW_ONE:
                sign *= (-1) ** k
                # The other way round, which says that it is flipped.
                shown = ((f[1][0], Fraction(1)), (f[0][0], Fraction(-1)))
        result.append((shown, k))
    return result, sign


def _in_order(
    factors: list[tuple[Terms, int]], gens: Sequence[Symbol]
) -> tuple[list[tuple[Symbol, int]], list[tuple[Terms, int]]]:
    """Return powers of symbols, and sums, each in the order of writing."""

    def key(item: tuple[Terms, int]) -> tuple[object, ...]:
        f = item[0]
        return (len(f), [tuple(-e for e in exps) for exps, _ in f], -f[-1][1])

    symbols = sorted((generator_of(f), k) for f, k in factors if is_generator(f))
    sums = sorted(((f, k) for f, k in factors if not is_generator(f)), key=key)
    return [(gens[i], k) for i, k in symbols], sums
