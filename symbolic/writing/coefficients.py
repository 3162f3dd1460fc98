"""Coefficients as a person writes them: factored, expanded or in binomials.

A coefficient becomes a sign and a list of *pieces*. A piece knows how it looks in LaTeX and in plain
text and how wide it is, and a line may be broken between two pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from fractions import Fraction
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from sympy import Dummy, Expr, Poly, Symbol, latex

from sgdiagrams.symbolic.weights.factoring import Terms, factor_terms
from sgdiagrams.symbolic.weights.laurent import falling_factorial
from sgdiagrams.symbolic.weights.quotients import as_quotient

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from sgdiagrams.symbolic.vocabulary import Coefficients

__all__ = ["Coefficient", "Piece", "coefficient"]

# Factors that are wider than this stand beside their fraction, not in its numerator.
_WIDE = 24
# Numbers with more digits are rounded for the eye; files keep them whole.
_DIGITS = 24
_DENOMINATOR = 10**9
# Parameters of optimisers; 1 - beta is positive.
_BELOW_ONE = ("beta", "gamma", "alpha")


@dataclass(frozen=True, slots=True)
class Piece:
    """An unbreakable part of a formula: LaTeX, plain text and width in characters."""

    tex: str
    text: str
    width: int


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A sign, ``+1`` or ``-1``, and the pieces of the absolute value; no pieces stand for 1.

    `plain` is the text of the absolute value where it differs from that of the pieces.
    """

    sign: int
    pieces: tuple[Piece, ...]
    plain: str = ""

    @property
    def text(self) -> str:
        """The coefficient in plain text, with its sign."""
        body = self.plain or "".join(piece.text for piece in self.pieces) or "1"
        return f"-{body}" if self.sign < 0 else body


class _StandIn(Dummy):  # type: ignore[misc]  # SymPy ships no types
    """A symbol in place of a power such as beta**T, which polynomials cannot have as a variable."""

    __slots__ = ("power",)

    power: Expr

    def __new__(cls, power: Expr) -> Self:
        self: Self = Dummy.__new__(cls, "power")
        self.power = power
        return self


def coefficient(weight: Expr, style: Coefficients = "factored") -> Coefficient:
    """Return a weight as a sign and pieces.

    Parameters
    ----------
    weight
        A Laurent polynomial or rational function with rational coefficients.
    style
        ``"factored"``, ``"expanded"``, or ``"binomial"``: a polynomial in T alone in the basis
        binomial(T, k), anything else factored.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import T
    >>> [coefficient(T**2 / 2 - T / 2, s).text for s in ("factored", "expanded", "binomial")]
    ['T (T - 1)/2', '(T^2/2 - T/2)', 'binom(T, 2)']
    """
    if weight.is_Rational:
        return _factored((Fraction(int(weight.p), int(weight.q)), []), (Fraction(1), []), [])
    q = as_quotient(weight)
    gens = [g if g.is_Symbol else _StandIn(g) for g in q.generators]
    if style == "binomial" and [str(g) for g in gens] == ["T"] and weight.is_polynomial(*gens):
        return _binomial(weight, gens[0])
    if style == "expanded" and q.is_laurent:
        return _sum(q.laurent(), gens)
    if style == "expanded":
        return _expanded_quotient(q.numerator, q.denominator, gens)
    return _factored(factor_terms(q.numerator), factor_terms(q.denominator), gens)


_Factors = tuple[Fraction, list[tuple[Terms, int]]]


def _expanded_quotient(above: Terms, below: Terms, gens: Sequence[Symbol]) -> Coefficient:
    """Return a quotient of sums as one piece, factored below only."""
    sign = -1 if above[0][1] < 0 else 1
    signed = tuple((exps, c * sign) for exps, c in above)
    number, factors = factor_terms(below)
    top = _join(_polynomial(signed, gens))
    under = [] if number == 1 else [_plain(str(number))]
    factors, flips = _below_one(factors, gens)
    sign *= flips
    under += [
        _power(gens[_place(f)], k) if _is_symbol(f) else _narrow(f, k, gens) for f, k in factors
    ]
    shown = Piece(top.tex, f"({top.text})" if len(above) > 1 else top.text, top.width)
    bottom = _join(under, space=True)
    whole = _over(shown, bottom, parts=len(under))
    if top.width <= _WIDE:
        return Coefficient(sign, (whole,))
    start = _over(Piece("", "", 0), bottom, parts=len(under))
    first, *middle, last = _polynomial(signed, gens)
    opened = _join([Piece(r"\bigl(", "(", 1), first])
    closed = _join([last, Piece(r"\bigr)", ")", 1)])
    return Coefficient(sign, (start, opened, *middle, closed), whole.text)


def _is_symbol(f: Terms) -> bool:
    """Tell whether a factor is one of the generators."""
    return len(f) == 1 and f[0][1] == 1 and sum(f[0][0]) == 1


def _place(f: Terms) -> int:
    """Return the number of the first generator in a factor."""
    return next(i for i, e in enumerate(f[0][0]) if e)


def _binomial(weight: Expr, T: Symbol) -> Coefficient:
    values = [Fraction(int(c.p), int(c.q)) for c in reversed(Poly(weight, T).all_coeffs())]
    found: list[tuple[int, Fraction]] = []
    for k in reversed(range(len(values))):
        # The top coefficient of binomial(T, k) is 1/k!; peel it off.
        falling = falling_factorial(k)
        top = values[k]
        if top:
            scale = Fraction(1)
            for i in range(2, k + 1):
                scale *= i
            found.append((k, top * scale))
            for power, c in enumerate(falling):
                values[power] -= top * c
    sign = -1 if found[0][1] < 0 else 1
    pieces = []
    for i, (k, scaled) in enumerate(found):
        lead = _lead(scaled * sign, first=i == 0)
        number = abs(scaled)
        shown = number != 1 or k == 0
        head = _ratio(str(number.numerator), str(number.denominator)) if shown else Piece("", "", 0)
        if k == 0:
            body = Piece("", "", 0)
        elif k == 1:
            body = Piece("T", "T", 1)
        else:
            body = Piece(rf"\binom{{T}}{{{k}}}", f"binom(T, {k})", 4)
        pieces.append(_join([lead, _join([head, body], space=True)]))
    return Coefficient(sign, _parenthesised(pieces))


def _sum(terms: list[tuple[tuple[int, ...], Fraction]], gens: Sequence[Symbol]) -> Coefficient:
    sign = -1 if terms[0][1] < 0 else 1
    pieces = [
        _join([_lead(c * sign, first=i == 0), _monomial(abs(c), exps, gens)])
        for i, (exps, c) in enumerate(terms)
    ]
    if len(pieces) == 1 and pieces[0].text == "1":
        return Coefficient(sign, ())
    return Coefficient(sign, _parenthesised(pieces))


def _factored(numerator: _Factors, denominator: _Factors, gens: Sequence[Symbol]) -> Coefficient:
    """Return a quotient of factored polynomials; each is a rational number and its factors."""
    (top, above), (bottom, below) = numerator, denominator
    ratio = top / bottom
    sign = -1 if ratio < 0 else 1
    above, flips = _below_one(above, gens)
    below, more = _below_one(below, gens)
    sign *= flips * more
    place = next((i for i, (f, k) in enumerate(above) if k == 1 and not _is_symbol(f)), None)
    if _is_long(ratio) and place is not None and not _is_one_minus(above[place][0]):
        # Rounded numbers belong in the sum, where they have a sensible size.
        scaled = tuple((exps, c * abs(ratio)) for exps, c in above[place][0])
        above[place] = (scaled, 1)
        ratio = Fraction(1)
    if _is_long(ratio):
        # Too long to read: rounded, and in front.
        head, under = [_rounded(abs(ratio))], []
    else:
        head = [] if abs(ratio.numerator) == 1 else [_plain(str(abs(ratio.numerator)))]
        under = [] if ratio.denominator == 1 else [_plain(str(ratio.denominator))]
    symbols, sums = _by_place(above, gens)
    head += _powers(symbols)
    under_symbols, under_sums = _by_place(below, gens)
    under += _powers(under_symbols)
    under += [_narrow(f, k, gens) for f, k in under_sums]
    bottom_piece = _join(under, space=True)
    if len(under) == 1 and len(under_sums) == 1 and under_sums[0][1] == 1:
        bottom_piece = Piece(
            _join(_polynomial(under_sums[0][0], gens)).tex, bottom_piece.text, bottom_piece.width
        )
    top_piece = _join([*head, *(_narrow(f, k, gens) for f, k in sums)], space=True)
    if under and not head and len(sums) == 1 and sums[0][1] == 1:
        # A fraction bar groups by itself in print, not in plain text.
        bare = _join(_polynomial(sums[0][0], gens))
        top_piece = Piece(bare.tex, top_piece.text, bare.width)
    whole = _over(top_piece, bottom_piece, parts=len(under)) if under else top_piece
    if top_piece.width <= _WIDE:
        return Coefficient(sign, (whole,) if whole.text else ())
    start = [_over(_join(head, space=True), bottom_piece, parts=len(under))] if under else head
    return Coefficient(sign, _wide(start, sums, gens), whole.text)


def _below_one(
    factors: list[tuple[Terms, int]], gens: Sequence[Symbol]
) -> tuple[list[tuple[Terms, int]], int]:
    """Write beta - 1 as 1 - beta, for parameters that are below one; return the sign this costs."""
    sign = 1
    result = []
    for f, k in factors:
        shown = f
        if len(f) == 2 and _is_symbol(f[:1]) and f[1][1] == -1 and not any(f[1][0]):
            symbol = gens[_place(f)]
            base = symbol.power.base if isinstance(symbol, _StandIn) else symbol
            if str(base) in _BELOW_ONE:
                sign *= (-1) ** k
                # The other way round, which says that it is flipped.
                shown = ((f[1][0], Fraction(1)), (f[0][0], Fraction(-1)))
        result.append((shown, k))
    return result, sign


def _is_one_minus(f: Terms) -> bool:
    """Tell whether a factor is written as 1 - x, least power first."""
    return len(f) == 2 and f[0][0] < f[1][0]


def _narrow(f: Terms, k: int, gens: Sequence[Symbol]) -> Piece:
    inside = _polynomial(f, gens)
    return _join([Piece("(", "(", 1), *inside, Piece(")", ")", 1), _exponent(k)])


def _wide(
    start: list[Piece], sums: list[tuple[Terms, int]], gens: Sequence[Symbol]
) -> tuple[Piece, ...]:
    """Return factors one after the other, breakable inside the sums that are long."""
    pieces = [_join(start, space=True)] if start else []
    for f, k in sums:
        narrow = _narrow(f, k, gens)
        if narrow.width <= _WIDE:
            pieces.append(narrow)
            continue
        first, *middle, last = _polynomial(f, gens)
        pieces.append(_join([Piece(r"\bigl(", "(", 1), first]))
        pieces += middle
        pieces.append(_join([last, Piece(r"\bigr)", ")", 1), _exponent(k)]))
    return tuple(pieces)


def _by_place(
    factors: list[tuple[Terms, int]], gens: Sequence[Symbol]
) -> tuple[list[tuple[Symbol, int]], list[tuple[Terms, int]]]:
    """Return powers of symbols, and sums, each in the order of writing."""

    def key(item: tuple[Terms, int]) -> tuple[object, ...]:
        f = item[0]
        if _is_one_minus(f):
            return (0, [(_place(f[1:]),)], 0)
        return (len(f), [tuple(-e for e in exps) for exps, _ in f], -f[-1][1])

    symbols = sorted((_place(f), k) for f, k in factors if _is_symbol(f))
    sums = sorted(((f, k) for f, k in factors if not _is_symbol(f)), key=key)
    return [(gens[i], k) for i, k in symbols], sums


def _polynomial(f: Terms, gens: Sequence[Symbol]) -> list[Piece]:
    return [
        _join([_lead(c, first=i == 0), _monomial(abs(c), exps, gens)])
        for i, (exps, c) in enumerate(f)
    ]


def _monomial(c: Fraction, exps: tuple[int, ...], gens: Sequence[Symbol]) -> Piece:
    above = _powers([(g, e) for g, e in zip(gens, exps, strict=True) if e > 0])
    below = _powers([(g, -e) for g, e in zip(gens, exps, strict=True) if e < 0])
    if _is_long(c):
        above.insert(0, _rounded(c))
        c = Fraction(1)
    if c.numerator != 1 or not above:
        above.insert(0, _plain(str(c.numerator)))
    if c.denominator != 1:
        below.insert(0, _plain(str(c.denominator)))
    top = _join(above, space=True)
    return _over(top, _join(below, space=True), parts=len(below)) if below else top


def _over(top: Piece, bottom: Piece, *, parts: int) -> Piece:
    above = top if top.text else _plain("1")
    below = f"({bottom.text})" if parts > 1 else bottom.text
    return Piece(
        rf"\frac{{{above.tex}}}{{{bottom.tex}}}",
        f"{above.text}/{below}",
        max(above.width, bottom.width) + 1,
    )


def _ratio(p: str, q: str) -> Piece:
    return _plain(p) if q == "1" else _over(_plain(p), _plain(q), parts=1)


def _powers(factors: Sequence[tuple[Symbol, int]]) -> list[Piece]:
    """Return powers of symbols, those of one base with symbols above as one: beta^(T + 1)."""
    plain = dict(factors)
    pieces = []
    merged = set()
    for symbol, k in factors:
        if isinstance(symbol, _StandIn):
            extra = plain.get(symbol.power.base, 0)
            merged.add(symbol.power.base)
            pieces.append((symbol, _stood_for(symbol, k, extra)))
        else:
            pieces.append((symbol, _power(symbol, k)))
    return [piece for symbol, piece in pieces if symbol not in merged]


def _power(symbol: Symbol, power: int) -> Piece:
    if isinstance(symbol, _StandIn):
        return _stood_for(symbol, power, 0)
    return _plain_power(symbol, power)


@lru_cache(maxsize=4096)
def _plain_power(symbol: Symbol, power: int) -> Piece:
    return _join([Piece(_tex_name(symbol), str(symbol), 1), _exponent(power)])


def _stood_for(symbol: _StandIn, k: int, extra: int) -> Piece:
    """Return a power such as beta^(2 T + 1)."""
    return _general_power(symbol.power, k, extra)


@lru_cache(maxsize=4096)  # a weight has the same few powers in thousands of monomials
def _general_power(power: Expr, k: int, extra: int) -> Piece:
    base = power.base
    number, monomial = power.exp.as_coeff_Mul()
    exponent = k * number * monomial + extra
    tex = f"{_base_tex(base)}^{{{latex(exponent)}}}"
    shown = str(exponent).replace("**", "^").replace("*", " ")
    bare = exponent.is_Symbol
    name = f"({base})" if base.is_Rational and not base.is_Integer else str(base)
    return Piece(tex, f"{name}^{shown}" if bare else f"{name}^({shown})", 1 + len(shown) // 2)


def _base_tex(base: Expr) -> str:
    return str(latex(base)) if base.is_Symbol or base.is_Integer else rf"\bigl({latex(base)}\bigr)"


def _is_long(c: Fraction) -> bool:
    return c.denominator > _DENOMINATOR or abs(c.numerator).bit_length() > 3.33 * _DIGITS


def _rounded(c: Fraction) -> Piece:
    """Return a positive number with six digits."""
    # Decimals, because the number may be beyond what a float holds.
    with localcontext(prec=40, Emax=MAX_EMAX, Emin=MIN_EMIN):
        shift = max(0, max(c.numerator.bit_length(), c.denominator.bit_length()) - 4000)
        value = Decimal(c.numerator >> shift) / Decimal(max(1, c.denominator >> shift))
    text = f"{value:.6g}"
    if "." in text and "e" not in text.lower():
        text = text.rstrip("0").rstrip(".")
    mantissa, e, power = text.lower().partition("e")
    tex = rf"{mantissa}\cdot 10^{{{int(power)}}}" if e else mantissa
    return Piece(tex, text, len(text))


def _exponent(k: int) -> Piece:
    return Piece("", "", 0) if k == 1 else Piece(f"^{{{k}}}", f"^{k}", 1)


@cache
def _tex_name(symbol: Symbol) -> str:
    return str(latex(symbol))


def _lead(c: Fraction, *, first: bool) -> Piece:
    if first:
        return Piece("-", "-", 1) if c < 0 else Piece("", "", 0)
    return Piece(" - ", " - ", 3) if c < 0 else Piece(" + ", " + ", 3)


def _plain(text: str) -> Piece:
    return Piece(text, text, len(text))


def _parenthesised(pieces: list[Piece]) -> tuple[Piece, ...]:
    if len(pieces) == 1:
        return tuple(pieces)
    tall = any(r"\frac" in piece.tex or r"\binom" in piece.tex for piece in pieces)
    size = "Big" if tall else "big"
    first = _join([Piece(rf"\{size}l(", "(", 1), pieces[0]])
    last = _join([pieces[-1], Piece(rf"\{size}r)", ")", 1)])
    return (first, *pieces[1:-1], last)


def _join(pieces: list[Piece], *, space: bool = False) -> Piece:
    """Glue pieces into one that cannot be broken."""
    kept = [piece for piece in pieces if piece.text]
    return Piece(
        (" " if space else "").join(p.tex for p in kept),
        (" " if space else "").join(p.text for p in kept),
        sum(p.width for p in kept),
    )
