r"""Functions of eigenvalues as a person writes them: :math:`1 - q_\mu q_\nu`, :math:`H_\mu + H_\nu`.

Rational functions are factored, in :math:`q = 1 - h` or in h, and every factor gets the sign that makes
it positive for small positive eigenvalues, so that the sign of a term stands in front of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from sympy import (
    Add,
    Dummy,
    Expr,
    Integer,
    Mul,
    Poly,
    Pow,
    Rational,
    Symbol,
    expand,
    factor_list,
    fraction,
    together,
)

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.layout import nodes
from sgdiagrams.symbolic.layout.formulas import Group, OneLine, Sum, product
from sgdiagrams.symbolic.layout.indices import index_letter
from sgdiagrams.symbolic.layout.nodes import ONE, Index, Node, Numeral, Row, Scripts, joined, power
from sgdiagrams.symbolic.layout.text import plain_text
from sgdiagrams.symbolic.printing.coefficients import coefficient
from sgdiagrams.symbolic.resummation.pairs.reduced import in_sums_of_roots, root_product_of_two
from sgdiagrams.symbolic.resummation.pairs.root_product import RootProduct
from sgdiagrams.symbolic.weights.factoring import factor_terms
from sgdiagrams.symbolic.weights.laurent import to_expr
from sgdiagrams.symbolic.weights.quotients import as_quotient, is_weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.resummation.pairs.pair_law import PairLaw
    from sgdiagrams.symbolic.weights.factoring import Terms

__all__ = ["Names", "fraction_of", "grouped"]

#: Fits no symbol of a weight: how a rate is called once eta is pulled out of it.
_KINDS = "hqrsHu"

# Wider sums of monomials with one coefficient stay apart, so that lines can be broken.
_WIDE = 40

#: Functions of so few indices show where they vanish.
_FEW = 2


@dataclass(frozen=True, slots=True)
class Names:
    r"""How eigenvalues are called.

    Attributes
    ----------
    count
        The number of indices.
    in_rates
        Whether functions are written in h, as continuous time and small eta want them, or in q.
    eta_apart
        Whether h is written as eta times :math:`H_\mu`, so that powers of eta combine.
    bare_rates
        Whether a factor 1 - q alone is written as the rate that it is.
    law
        What is known of the two roots at an index; None for symbols r and s apart.
    is_paired
        Whether functions are symmetric in both roots: those of more than two indices are written in
        their sums u = 1 + beta - h, or in q = 1 - h, where that takes fewer terms.
    """

    count: int
    in_rates: bool
    eta_apart: bool
    bare_rates: bool
    law: PairLaw | None = None
    is_paired: bool = False

    @property
    def memory(self) -> Expr | None:
        """The momentum beta of heavy balls, the product of the two roots at every index."""
        return None if self.law is None else self.law.beta

    def indexed(self) -> dict[Symbol, tuple[int, int]]:
        """Return the symbols of all indices with their places: index, kind."""
        return _indexed(self.count)

    def rate(self, i: int) -> Expr:
        """Return the eigenvalue h at an index as it is written."""
        if self.eta_apart:
            return symbols.eta * Symbol(f"H_{index_letter(i)}")
        return Symbol(f"h_{index_letter(i)}")

    def in_names(self, expr: Expr) -> Expr:
        """Return an expression in the chosen symbols."""
        return expr if self.is_paired else expr.xreplace(_table(self))

    def symbol(self, x: Symbol) -> Node:
        """Return an indexed symbol."""
        i, k = self.indexed()[x]
        return Scripts(nodes.Symbol(_KINDS[k]), below=Index(i))

    def factored(self, expr: Expr) -> tuple[Expr, dict[Expr, int]]:
        """Return a rational function as a scalar and powers of factors that depend on indices.

        The expression is in the chosen symbols.
        """
        scalar: Expr = Integer(1)
        powers: dict[Expr, int] = {}
        # Products over both roots at some indices are symbols of their own.
        products = {
            Dummy(f"R{i}"): p for i, p in enumerate(sorted(expr.atoms(RootProduct), key=str))
        }
        bare = expr.xreplace({p: y for y, p in products.items()})
        for (number, factors), sign in zip(_factor_lists(bare), (1, -1), strict=True):
            scalar *= number**sign
            for f, k in factors:
                front, whole = self._named(self._remembered(f))
                s, base = _positive(self, products.get(whole, whole))
                scalar *= (s * front) ** (sign * k)
                if base != 1:
                    powers[base] = powers.get(base, 0) + sign * k
        return self._rates(scalar, {f: k for f, k in powers.items() if k})

    def _named(self, f: Expr) -> tuple[Expr, Expr]:
        """Return a factor of symmetric functions in the chosen symbols, powers of eta apart."""
        if not self.is_paired:
            return Integer(1), f
        h = {Symbol(f"h_{index_letter(i)}"): i for i in range(self.count)}
        used = sorted((x for x in f.free_symbols if x in h), key=str)
        if len(used) == _FEW and self.memory is not None:
            number, pair = _pair_product(self.memory, *used)
            if f == pair:
                front = symbols.eta if self.eta_apart else Integer(1)
                return front / number, RootProduct(self.memory, 0, *used)
        if self.law is not None and len(used) > (1 if self.law.beta is None else _FEW):
            q = as_quotient(f)
            terms, names = in_sums_of_roots(q.numerator, q.generators, used, self.law.shift)
            places = [k for k, x in enumerate(names) if x in h]
            if _monomials(terms, places) < _monomials(q.numerator, places):
                sums = [self.law.variable(h[x]) if x in h else x for x in names]
                return Integer(1), to_expr(dict(terms), sums)
        shown = f.xreplace({x: self.rate(h[x]) for x in used})
        if not used or not self.eta_apart:
            return Integer(1), shown
        least = min(exps[0] for exps, _ in Poly(shown, symbols.eta).terms())
        front = symbols.eta ** Integer(least)
        return front, expand(shown / front)

    def _remembered(self, f: Expr) -> Expr:
        """Return a factor with products of the two roots at an index written as beta."""
        if self.memory is None:
            return f
        for i in range(self.count):
            r, s = (Symbol(f"{kind}_{index_letter(i)}") for kind in "rs")
            if r in f.free_symbols and s in f.free_symbols:
                f = Add(
                    *(
                        c * r ** (a - min(a, b)) * s ** (b - min(a, b)) * self.memory ** min(a, b)
                        for (a, b), c in Poly(f, r, s).terms()
                    )
                )
        return expand(f)

    def _rates(self, scalar: Expr, powers: dict[Expr, int]) -> tuple[Expr, dict[Expr, int]]:
        """Write 1 - q, and (1 - r)(1 - s) at one index, as rates."""
        if not self.bare_rates or self.in_rates:
            return scalar, powers
        for i in range(self.count):
            letter = index_letter(i)
            q, r, s = (1 - Symbol(f"{kind}_{letter}") for kind in "qrs")
            power = 0
            if q in powers:
                power = powers.pop(q)
            elif powers.get(r, 0) == powers.get(s, 0) != 0:
                power = powers.pop(r)
                powers.pop(s)
            if power:
                number, name = self.rate(i).as_independent(Symbol("eta"))[::-1]
                if not self.eta_apart:
                    number, name = Integer(1), self.rate(i)
                scalar *= number**power
                powers[name] = powers.get(name, 0) + power
        return scalar, powers

    # Printing -------------------------------------------------------------------------------------

    def factor(self, f: Expr, exponent: int = 1) -> Node:
        """Return a power of a symbol or a polynomial with indices."""
        return _factor(self, f, exponent)

    def terms(self, f: Expr) -> list[tuple[Expr, Node | None]]:
        """Return the monomials of a polynomial with their coefficients: 1 first, then by name."""
        places = self.indexed()
        gens = sorted(f.free_symbols & places.keys(), key=lambda x: places[x])
        if not gens:
            return [(f, None)]
        monomials = Poly(f, *gens).terms()
        monomials.sort(key=lambda term: (sum(term[0]), [-e for e in term[0]]))
        shown = [
            (c, product(power(self.symbol(x), e) for x, e in zip(gens, exps, strict=True) if e))
            for exps, c in monomials
        ]
        return _alike(shown) if self.is_paired else shown

    def split(self, f: Expr) -> list[tuple[Expr, Expr]]:
        """Return a polynomial that mixes indices and other symbols as scalars times polynomials."""
        # Numbers of a scheme; those of an optimiser stay in coefficients.
        others = [x for x in (symbols.T, symbols.E, symbols.N, symbols.B) if f.has(x)]
        # Weights with momentum come split, and with coefficients that have eta and beta in them.
        if not others or not f.is_Add or self.is_paired:
            return [(Integer(1), f)]
        return [
            (Mul(*(Pow(x, e) for x, e in zip(others, exps, strict=True))), c)
            for exps, c in Poly(f, *others).terms()
        ]


# A table has the same few factors hundreds of times, so what they look like is worked out once.


@lru_cache(maxsize=256)
def _indexed(count: int) -> dict[Symbol, tuple[int, int]]:
    return {
        Symbol(f"{kind}_{index_letter(i)}"): (i, k)
        for i in range(count)
        for k, kind in enumerate(_KINDS)
    }


@lru_cache(maxsize=256)
def _table(names: Names) -> dict[Symbol, Expr]:
    """Return the eigenvalues in the chosen symbols."""
    return {
        Symbol(f"h_{letter}"): names.rate(i) if names.in_rates else 1 - Symbol(f"q_{letter}")
        for i, letter in enumerate(map(index_letter, range(names.count)))
    }


@lru_cache(maxsize=256)
def _sample(names: Names) -> dict[Symbol, Expr]:
    """Return small positive eigenvalues and large numbers."""
    table: dict[Symbol, Expr] = {symbols.eta: Integer(1), symbols.beta: Integer(1) / 2}
    remembered = Integer(1) / 2 if names.memory is None else names.memory.xreplace(table)
    for x, (i, k) in names.indexed().items():
        # The first index has the greatest difference from others where these are written.
        place = names.count - i if names.in_rates else i + 1
        h = Integer(1) / (1000 + 100 * (names.count - place) + 7 * i)
        table[x] = (h, 1 - h, 1 - 2 * h, Integer(1) / 2 - h, h, 1 + remembered - h)[k]
    table[symbols.alpha] = Integer(1) / 3
    large = {"T": 997, "N": 991, "E": 983, "B": 5}
    table |= {Symbol(name): Integer(n) for name, n in large.items()}
    return table


@lru_cache(maxsize=4096)
def _positive(names: Names, f: Expr) -> tuple[Expr, Expr]:
    """Return a sign or scalar, and a factor that is positive for small eigenvalues."""
    if not f.free_symbols & names.indexed().keys():
        return f, Integer(1)
    value = f.xreplace(_sample(names))
    # Numbers of an optimiser that have names of their own.
    value = value.xreplace({x: Integer(1) / 2 for x in value.free_symbols})
    return (Integer(-1), -f) if value < 0 else (Integer(1), f)


_Factors = tuple[Expr, list[tuple[Expr, int]]]


@lru_cache(maxsize=4096)
def _factor_lists(expr: Expr) -> tuple[_Factors, _Factors]:
    """Return numerator and denominator as a number and powers of factors."""
    if not is_weight(expr):
        above, below = map(factor_list, fraction(together(expr)))
        return above, below
    q = as_quotient(expr)
    first, second = (_factors(terms, q.generators) for terms in (q.numerator, q.denominator))
    return first, second


def _factors(terms: Terms, generators: Sequence[Expr]) -> _Factors:
    if not terms or not generators:
        number = terms[0][1] if terms else Fraction(0)
        return Rational(number.numerator, number.denominator), []
    number, factors = factor_terms(terms)
    shown = [(to_expr(dict(f), generators), k) for f, k in factors]
    return Rational(number.numerator, number.denominator), shown


@lru_cache(maxsize=256)
def _pair_product(memory: Expr, *eigenvalues: Symbol) -> tuple[Expr, Expr]:
    """Return the product over both roots at two indices as a number times a prime factor."""
    pair = root_product_of_two(memory, *eigenvalues)
    (number, [(prime, _)]), _ = _factor_lists(pair)
    return number, prime


def _monomials(terms: Terms, places: Sequence[int]) -> int:
    """Return how many monomials of some variables there are."""
    return len({tuple(exps[k] for k in places) for exps, _ in terms})


@lru_cache(maxsize=4096)
def _factor(names: Names, f: Expr, exponent: int) -> Node:
    if isinstance(f, RootProduct):
        return _root_product(names, f, exponent)
    terms = [(coefficient(c), monomial) for c, monomial in names.terms(f)]
    if terms[0][0].sign < 0 and len(terms) > 1:
        terms.sort(key=lambda term: -term[0].sign)
    shown = [(c.sign, product([c.node, monomial]) or ONE) for c, monomial in terms]
    if len(shown) == 1:
        return power(shown[0][1], exponent)
    whole = Sum(tuple(shown))
    return whole if exponent == 1 else power(Group(whole), exponent)


def _alike(terms: Sequence[tuple[Expr, Node | None]]) -> list[tuple[Expr, Node | None]]:
    """Return monomials with one coefficient that is no number as one sum, where the first is."""
    groups: dict[Expr, list[Node | None]] = {}
    for c, monomial in terms:
        groups.setdefault(c, []).append(monomial)
    result: list[tuple[Expr, Node | None]] = []
    for c, monomials in groups.items():
        together = Group(Sum(tuple((1, m or ONE) for m in monomials)))
        if len(monomials) > 1 and not c.is_number and together.width <= _WIDE:
            result.append((c, together))
        else:
            result += [(c, m) for m in monomials]
    return result


def _root_product(names: Names, f: RootProduct, exponent: int) -> Node:
    """Return the letter of a product over both roots, with the indices below."""
    places = names.indexed()
    if len(f.eigenvalues) == _FEW and f.front == 1 and f.law.beta is not None:
        whole = _two_roots(names, f)
        return whole if exponent == 1 else power(Group(whole), exponent)
    below = Row(tuple(Index(i) for i in sorted(places[h][0] for h in f.eigenvalues)))
    told: list[Node] = []
    if names.law is None:
        told.append(coefficient(f.memory).node or ONE)
    if f.front != 1:
        is_power = names.law is None or f.front == f.memory**f.power
        told.append(Numeral(str(f.power)) if is_power else coefficient(f.front).node or ONE)
    if not told:
        return power(Scripts(nodes.Symbol("R"), below=below), exponent)
    above = Group(joined(told, nodes.Operator(",")))
    shown = Scripts(nodes.Symbol("R"), below=below, above=above)
    return shown if exponent == 1 else power(Group(shown), exponent)


def _two_roots(names: Names, f: RootProduct) -> Sum:
    r"""Return :math:`(1 - \beta)^2 ((1 + \beta)(h + k) - h k) + \beta (h - k)^2`, without an eta."""
    b = f.memory
    first, second = (_rate(names, h) for h in f.eigenvalues)
    eta = nodes.Symbol("eta") if names.eta_apart else None
    both = product([eta, first, second]) or ONE
    added = product([coefficient(1 + b).node, Group(Sum(((1, first), (1, second))))]) or ONE
    slow = product([coefficient((1 - b) ** 2).node, Group(Sum(((1, added), (-1, both))))]) or ONE
    apart = power(Group(Sum(((1, first), (-1, second)))), 2)
    memory = coefficient(b)
    leads = [memory.node, eta] if b.is_number else [eta, memory.node]
    fast = product([*leads, apart]) or ONE
    return Sum(((1, slow), (memory.sign, fast)))


def _rate(names: Names, h: Symbol) -> Node:
    """Return an eigenvalue, without its eta where that stands apart."""
    rate = names.rate(names.indexed()[h][0])
    [name] = rate.free_symbols - {symbols.eta}
    return names.symbol(name)


def grouped(node: Node) -> Node:
    """Return a sum in parentheses; anything else as it is."""
    return Group(node) if isinstance(node, Sum) else node


def fraction_of(above: Sequence[Node], below: Sequence[Node]) -> Node | None:
    """Return a fraction of products, or the product above where nothing is below."""
    top, bottom = _joined(above), _joined(below)
    if bottom is None:
        return top
    shown = top or ONE
    return nodes.Fraction(
        OneLine(shown) if isinstance(shown, Sum) else shown,
        OneLine(bottom) if len(below) > 1 or not _stands_alone(bottom) else bottom,
    )


def _joined(factors: Sequence[Node]) -> Node | None:
    return factors[0] if len(factors) == 1 else product(map(grouped, factors))


def _stands_alone(node: Node) -> bool:
    """Tell whether a divisor needs no parentheses on one line."""
    text = plain_text(node)
    is_group = text.startswith("(") and text.find(")") == len(text) - 1
    return not isinstance(node, Sum) and (is_group or " " not in text)
