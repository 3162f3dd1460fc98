r"""Weights of a re-summed expansion as sums of products, ready to be written.

A product is a scalar (numbers, eta, T, N, ...), a fraction of factors that depend on indices, and what
stands beside the fraction: divided differences in brackets, sums, and embedding sums. Divided
differences of two nodes are fractions: :math:`[1, q] x^T = (1 - q^T)/(1 - q)`.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import combinations_with_replacement
from math import factorial
from typing import TYPE_CHECKING, Literal, NamedTuple

from sympy import (
    Add,
    Expr,
    Integer,
    Mul,
    Pow,
    Rational,
    S,
    Symbol,
    factor_list,
    fraction,
    gcd,
    latex,
    lcm,
    together,
)

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.resummation.eigenvalues import EmbeddingSum
from sgdiagrams.symbolic.weights.divided_differences import ExponentialDifference, PowerDifference
from sgdiagrams.symbolic.writing.coefficients import Piece, coefficient
from sgdiagrams.symbolic.writing.eigenvalue_names import (
    Factor,
    Names,
    parenthesised,
    powers,
    product_piece,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DIFFERENCES", "Differences", "Product", "SpectralTerms"]

Differences = Literal["short", "written-out", "brackets"]
#: What a caller may ask for; ``"brackets"``, also for two nodes, is the style of plain text.
DIFFERENCES = ("short", "written-out")

# Polynomials wider than this stand beside their fraction, where a line may be broken.
_WIDE = 40

_SPECIAL = (PowerDifference, ExponentialDifference, EmbeddingSum)


class Product(NamedTuple):
    """One summand of a weight.

    Attributes
    ----------
    scalar
        What depends on no index.
    above, below
        The factors of the fraction.
    beside
        Brackets and, as tuples, sums.
    """

    scalar: Expr
    above: tuple[Factor, ...] = ()
    below: tuple[Factor, ...] = ()
    beside: tuple[Factor | tuple[Product, ...], ...] = ()


class SpectralTerms:
    """Turns weights into sums of products.

    Attributes
    ----------
    names
        How eigenvalues are called.
    differences
        How divided differences of more than two nodes are written.
    """

    def __init__(self, names: Names, differences: Differences) -> None:
        self.names = names
        self.differences = differences

    def common(self, weight: Expr, scale: Expr = S.One) -> tuple[Expr, tuple[Product, ...]]:
        """Return the common scalar factor of a weight times `scale`, and the products it multiplies."""
        found = [p._replace(scalar=p.scalar * scale) for p in self.sum(weight)]
        return _pull(_collect(found))

    def sum(self, expr: Expr) -> list[Product]:
        """Return a weight as a sum of products."""
        if not expr.has(*_SPECIAL):
            return self._rational(expr)
        return [p for term in Add.make_args(expr) for p in self._product(term)]

    def _product(self, term: Expr) -> list[Product]:
        rest: list[Expr] = []
        special: list[tuple[Expr, int]] = []
        for f in Mul.make_args(term):
            base, power = f.as_base_exp()
            if base.has(*_SPECIAL):
                special.append((base, int(power)))
            else:
                rest.append(f)
        if self._is_written_out(special):
            return self._written_out(special[0][0], Mul(*rest))
        found = self._rational(Mul(*rest))
        for base, power in special:
            if isinstance(base, EmbeddingSum):
                factors = self._embedding(base, power)
            elif isinstance(base, _SPECIAL):
                factors = [self._difference(base, power)]
            else:
                inner = tuple(_collect(self.sum(base)))
                scalar, inner = _pull(list(inner))
                factors = [Product(scalar**power, beside=(inner,) * power)]
            found = [_times(p, q) for p in found for q in factors]
        return [q for p in found for q in _distributed(p)]

    # Rational functions ---------------------------------------------------------------------------

    def _rational(self, expr: Expr) -> list[Product]:
        names = self.names
        named = names.in_names(expr)
        scalar, found = names.factored(named)
        mixed = [f for f, k in found.items() if k == 1 and len(names.split(f)) > 1]
        if mixed:
            # Finite samples and single draws: each has a simpler function of the eigenvalues.
            rest = Mul(scalar, *(Pow(f, k) for f, k in found.items() if f != mixed[0]))
            rest = self._unnamed(rest)
            return [
                p
                for c, f in names.split(mixed[0])
                for p in self._single(c * rest * self._unnamed(f))
            ]
        return [self._written(scalar, found)]

    def _unnamed(self, expr: Expr) -> Expr:
        """Return factors with bare rates in the symbols that `factored` expects."""
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

    def _single(self, expr: Expr) -> list[Product]:
        return [self._written(*self.names.factored(expr))]

    def _written(self, scalar: Expr, found: dict[Expr, int]) -> Product:
        places = self.names.indexed()
        ordered = sorted(
            found.items(),
            key=lambda item: (
                not item[0].is_Symbol,
                sorted(places[x] for x in item[0].free_symbols & places.keys()),
            ),
        )
        above = [(f, k, self.names.factor(f, k)) for f, k in ordered if k > 0]
        wide = [f for f, k, shown in above if k == 1 and shown.piece.width > _WIDE]
        sums = tuple(
            tuple(
                Product(c, (Factor(monomial),) if monomial.text else ())
                for c, monomial in self.names.terms(f)
            )
            for f in wide
        )
        return Product(
            scalar,
            tuple(shown for f, _, shown in above if f not in wide),
            tuple(self.names.factor(f, -k) for f, k in ordered if k < 0),
            sums,
        )

    # Divided differences --------------------------------------------------------------------------

    def _difference(self, expr: Expr, power: int) -> Product:
        T, *nodes = expr.args
        count = len(nodes)
        if len(set(nodes)) == 1:
            return Product(self._equal(expr, T, nodes[0], count) ** power)
        if self.differences == "brackets" or (self.differences == "short" and count > 2):
            return Product(Integer(1), beside=(self._bracket(expr, power),))
        if count == 2:
            return self._two_nodes(expr, power)
        parts = tuple(self._written_out(expr))
        scalar, parts = _pull(list(parts))
        return Product(scalar**power, beside=(parts,) * power)

    def _equal(self, expr: Expr, T: Expr, node: Expr, count: int) -> Expr:
        """Return the difference where all nodes are equal: the Taylor coefficient."""
        k = count - 1
        if isinstance(expr, PowerDifference):
            falling = Mul(*(T - i for i in range(k)))
            return falling * node ** (T - k) / factorial(k)
        return T**k / factorial(k)

    def _two_nodes(self, expr: Expr, power: int) -> Product:
        T, first, second = expr.args
        a, b = (self.names.in_names(x) for x in (first, second))
        below = self._without_rates(1 / (a - b))
        values = [self._value(expr, T, x) for x in (a, b)]
        top = Piece(
            f"{values[0].tex} - {values[1].tex}",
            f"{values[0].text} - {values[1].text}",
            values[0].width + values[1].width + 2,
        )
        shown = Factor(top, is_sum=True)
        if power > 1:
            shown = Factor(powers(parenthesised(top), power))
            return Product(below.scalar**power, (shown,), tuple(_powered(below.below, power)))
        return Product(below.scalar, (*below.above, shown), below.below)

    def _without_rates(self, expr: Expr) -> Product:
        """Return a rational function in which 1 - q stays what it is."""
        n = self.names
        plain = Names(n.count, n.in_rates, n.eta_apart, bare_rates=False, memory=n.memory)
        return SpectralTerms(plain, self.differences)._written(*plain.factored(expr))  # noqa: SLF001

    def _value(self, expr: Expr, T: Expr, node: Expr) -> Piece:
        """Return the function at a node."""
        if isinstance(expr, PowerDifference):
            return self._power_value(T, node)
        if node == 0:
            return Piece("1", "1", 1)
        scalar, rate = self._split_rate(-node)
        # A number stands before the rate, a symbol after it.
        front, under = fraction(together(scalar * T if T.is_number else scalar))
        lead = product_piece(coefficient(front).pieces)
        body = rate.piece if not rate.is_sum else parenthesised(rate.piece)
        time = Piece("", "", 0) if T.is_number else _time(T)
        exponent = product_piece([lead, body, time])
        divisor = coefficient(under)
        bare = product_piece(divisor.pieces)
        tex = f"e^{{-{exponent.tex}{'/' + bare.tex if under != 1 else ''}}}"
        length = exponent.width + (0 if under == 1 else len(bare.text) + 1)
        quotient = "" if under == 1 else f"/{bare.text}"
        return Piece(tex, f"exp(-{exponent.text}{quotient})", 2 + (3 * length) // 4)

    def _split_rate(self, rate: Expr) -> tuple[Expr, Factor]:
        product = self._without_rates(rate)
        shown = [*product.above, *product.beside]
        if len(shown) != 1 or not isinstance(shown[0], Factor):
            # A sum too wide for one piece.
            return Integer(1), self.names.factor(rate)
        return product.scalar, shown[0]

    def _power_value(self, T: Expr, node: Expr) -> Piece:
        if node == 1:
            return Piece("1", "1", 1)
        time = _time(T)
        if node.is_Symbol and node in self.names.indexed():
            base = self.names.symbol(node)
        elif node.free_symbols & self.names.indexed().keys():
            base = parenthesised(self.names.factor(node).piece)
        else:
            base = product_piece(coefficient(node).pieces)
            base = base if node.is_Symbol else parenthesised(base)
        return Piece(
            f"{base.tex}^{{{time.tex}}}", f"{base.text}^{time.text}", base.width + time.width
        )

    def _bracket(self, expr: Expr, power: int) -> Factor:
        T, *nodes = expr.args
        pieces = [self._node(self.names.in_names(x)) for x in nodes]
        time = _time(T)
        inside = Piece(
            r",\, ".join(p.tex for p in pieces),
            ", ".join(p.text for p in pieces),
            sum(p.width + 1 for p in pieces),
        )
        raised = "" if power == 1 else f"^{{{power}}}"
        open_, close = (r"\bigl(", r"\bigr)") if power > 1 else ("", "")
        if isinstance(expr, PowerDifference):
            function, text = f"x^{{{time.tex}}}", f"x^{time.text}"
        else:
            function, text = f"e^{{{time.tex} x}}", f"exp({time.text} x)"
        shown = f"[{inside.text}]{text}"
        return Factor(
            Piece(
                rf"{open_}[{inside.tex}]\,{function}{close}{raised}",
                shown if power == 1 else f"({shown})^{power}",
                inside.width + 4 + time.width,
            )
        )

    def _node(self, node: Expr) -> Piece:
        if not node.free_symbols & self.names.indexed().keys():
            number = coefficient(node) if node != 0 else None
            if number is None:
                return Piece("0", "0", 1)
            body = product_piece(number.pieces) if number.pieces else Piece("1", "1", 1)
            sign = "-" if number.sign < 0 else ""
            return Piece(sign + body.tex, sign + body.text, body.width + len(sign))
        if not self.names.in_rates:
            return self.names.factor(node).piece
        scalar, rate = self._split_rate(-node)
        front, under = fraction(together(scalar))
        lead = product_piece(coefficient(front).pieces)
        body = (
            parenthesised(rate.piece) if rate.is_sum and (lead.text or under != 1) else rate.piece
        )
        whole = product_piece([lead, body])
        if rate.is_sum and not lead.text and under == 1:
            # Minus a sum, term by term.
            return self.names.factor(node).piece
        divisor = coefficient(under)
        if under != 1:
            bare = product_piece(divisor.pieces)
            tex_bar, text_bar = f"/({bare.tex})", f"/{bare.text}"
            if bare.text.startswith("("):
                tex_bar = f"/{bare.tex}"
        else:
            tex_bar = text_bar = ""
        return Piece(
            f"-{whole.tex}{tex_bar}", f"-{whole.text}{text_bar}", whole.width + 1 + len(text_bar)
        )

    def _is_written_out(self, special: list[tuple[Expr, int]]) -> bool:
        """Tell whether a single difference can take all factors into its fractions."""
        if self.differences != "written-out" or len(special) != 1 or special[0][1] != 1:
            return False
        base = special[0][0]
        nodes = set(base.args[1:])
        return isinstance(base, _SPECIAL[:2]) and len(base.args) > 3 and len(nodes) > 1

    def _written_out(self, expr: Expr, factor: Expr = S.One) -> list[Product]:
        r"""Return the fractions, with Taylor coefficients where nodes coincide.

        .. math:: \sum_i \sum_k \frac{f^{(k)}(x_i)}{k!} \frac{(-1)^{m_i - 1 - k}
            h_{m_i - 1 - k}(1/(x_i - x_j))}{\prod_{j} (x_i - x_j)}
        """
        T, *nodes = expr.args
        factor = self.names.in_names(factor)
        named = [self.names.in_names(x) for x in nodes]
        counts = Counter(named)
        found = []
        for node, m in counts.items():
            others = [x for x in named if x != node]
            for k in reversed(range(m)):
                inverse = [1 / (node - x) for x in others]
                extra = Add(*(Mul(*c) for c in combinations_with_replacement(inverse, m - 1 - k)))
                sign = Integer(-1) ** (m - 1 - k)
                rational = self._without_rates(sign * factor * extra * Mul(*inverse))
                scalar, value = self._taylor(expr, T, node, k)
                above = () if value.text == "1" else (Factor(value),)
                found.append(
                    Product(rational.scalar * scalar, (*rational.above, *above), rational.below)
                )
        return found

    def _taylor(self, expr: Expr, T: Expr, node: Expr, k: int) -> tuple[Expr, Piece]:
        """Return the Taylor coefficient k of the function at a node: a scalar and a value."""
        if isinstance(expr, PowerDifference):
            scalar = Mul(*(T - i for i in range(k))) / factorial(k)
            return scalar, self._power_value(T - k, node)
        return T**k / factorial(k), self._value(expr, T, node)

    # Embedding sums -------------------------------------------------------------------------------

    def _embedding(self, expr: Expr, power: int) -> list[Product]:
        name, *values = expr.args
        if not values:
            return [Product(Integer(1))]  # a root alone
        shown = [self._rate_piece(x) for x in values]
        raised = "" if power == 1 else f"^{{{power}}}"
        piece = Piece(
            rf"W{raised}_{{\text{{{name}}}}}({', '.join(p.tex for p in shown)})",
            f"W[{name}]({', '.join(p.text for p in shown)})" + ("" if power == 1 else f"^{power}"),
            4 + (3 * len(str(name))) // 4 + sum(p.width + 1 for p in shown),
        )
        return [Product(Integer(1), beside=(Factor(piece),))]

    def _rate_piece(self, x: Expr) -> Piece:
        if x == 0:
            return Piece("0", "0", 1)
        rate = self.names.rate(self.names.indexed()[x][0])
        if rate.is_Symbol:
            return self.names.symbol(rate)
        [name] = [s for s in rate.free_symbols if s in self.names.indexed()]
        piece = self.names.symbol(name)
        return Piece(rf"\eta {piece.tex}", f"eta {piece.text}", 3)


def _time(T: Expr) -> Piece:
    """Return the number of updates as an exponent."""
    text = str(T).replace("**", "^").replace("*", " ")
    shown = text if T.is_Symbol or T.is_Integer else f"({text})"
    return Piece(str(latex(T, fold_short_frac=True)), shown, len(text))


def _powered(factors: Sequence[Factor], power: int) -> list[Factor]:
    return [Factor(powers(parenthesised(f.piece) if f.is_sum else f.piece, power)) for f in factors]


def _times(p: Product, q: Product) -> Product:
    return Product(p.scalar * q.scalar, p.above + q.above, p.below + q.below, p.beside + q.beside)


def _distributed(p: Product) -> list[Product]:
    """Return a scalar times one sum as the sum of its products."""
    if p.above or p.below or len(p.beside) != 1 or isinstance(p.beside[0], Factor):
        return [p]
    return [q._replace(scalar=q.scalar * p.scalar) for q in p.beside[0]]


def _collect(products: list[Product]) -> list[Product]:
    """Add the scalars of products that are alike."""
    sums: dict[Product, Expr] = {}
    for p in products:
        key = p._replace(scalar=Integer(1))
        sums[key] = sums.get(key, Integer(0)) + p.scalar
    return [key._replace(scalar=_together(c)) for key, c in sums.items() if c != 0]


@lru_cache(maxsize=4096)
def _together(scalar: Expr) -> Expr:
    return together(scalar)


def _pull(products: list[Product]) -> tuple[Expr, tuple[Product, ...]]:
    """Return the common factor of the scalars, with the sign of the first, and what is left."""
    if not products:
        return Integer(0), ()
    split = [_powers_of(p.scalar) for p in products]
    numbers = [abs(number) for number, _ in split]
    common: Expr = Rational(gcd([n.p for n in numbers]), lcm([n.q for n in numbers]))
    if split[0][0] < 0:
        common = -common
    for base in split[0][1]:
        exponents = [found.get(base, 0) for _, found in split]
        if all(e > 0 for e in exponents):
            common *= base ** min(exponents)
        elif all(e < 0 for e in exponents):
            common *= base ** max(exponents)
    return common, tuple(p._replace(scalar=_divided(p.scalar, common)) for p in products)


def _divided(scalar: Expr, common: Expr) -> Expr:
    number, found = _powers_of(scalar / common)
    return Mul(number, *(Pow(f, k) for f, k in found.items()))


@lru_cache(maxsize=4096)  # the summands of a weight share a few scalars
def _powers_of(scalar: Expr) -> tuple[Rational, dict[Expr, int]]:
    """Return a rational function without indices as a number and powers."""
    found: dict[Expr, int] = {}
    number: Expr = Integer(1)
    for part, sign in zip(fraction(together(scalar)), (1, -1), strict=True):
        c, factors = factor_list(part)
        number *= c**sign
        for f, k in factors:
            found[f] = found.get(f, 0) + sign * k
    return number, found
