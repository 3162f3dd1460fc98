r"""Expressions read from text as data: nothing is evaluated.

A text is a sum of products, with ``+``, ``-``, blanks or ``*`` between factors, ``/`` before numbers and
symbols, ``^`` (or ``**``) before powers, and parentheses. A factor is

- a number, ``3`` or ``0.25``;
- a symbol: ``T``, ``N``, ``B``, ``E``, ``eta``, ``beta``, ``alpha``, ``gamma``, ``lamda``, or any name in
  braces, ``{x}``;
- ``binom(T, 2)``;
- a tensor with its indices, or what is short for such: see
  `sgdiagrams.symbolic.contractions.parsing`. A name without indices is a function of the weights, and
  so is any name in quotes, ``"N"`` or ``"my name"_a``.

A letter that occurs twice in a product is summed; one that occurs once is a free leg. All terms of a sum
have the same ones, which are in alphabetical order.
"""

from __future__ import annotations

import re
from itertools import chain
from math import comb, prod
from typing import TYPE_CHECKING, NamedTuple

from flint import fmpz
from sympy import Add, Expr, Integer, Mul, Pow, Rational, Symbol

from sgdiagrams.diagrams.errors import RequestError, SgdiagramsError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.algebra.conversions import with_constants_apart
from sgdiagrams.symbolic.algebra.grammar.words import SYMBOLS, Cursor
from sgdiagrams.symbolic.algebra.leibniz import joined_legs
from sgdiagrams.symbolic.algebra.linear_combinations import (
    collected_pairs,
    exact_coefficient,
    joined_pairs,
    reordered_legs,
)
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.contractions.parsing import read_contraction
from sgdiagrams.symbolic.weights.quotients import canonical, is_weight

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sgdiagrams.symbolic.algebra.linear_combinations import Pair

__all__ = ["read_expression"]

_LONGEST = 1_000_000
_MOST_DEPTH = 50
_MOST_POWER = 1000
_MOST_WORK = 300_000  # monomials multiplied with monomials; contractions count for more
_WORK_OF_A_CHARACTER = 4  # for texts that are long and plain
_OF_A_CONTRACTION = 20
_OF_A_QUOTIENT = 20
_OF_AN_EXPONENTIAL = 100

_NUMBER = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
_POWER_OF_TEN = re.compile(r"[eE][+-]?[0-9]")
_BARE = re.compile(r"(?!l$)[A-Za-z][A-Za-z0-9-]*")
_SYMBOL = re.compile(r"\{([^{}\s]{1,60})\}")
_TRACE = re.compile(r"tr\s*\([^()]*\)")
_NORM = re.compile(r"\|[^|\s]{1,80}\|\^[0-9]{1,3}")
_QUOTED = re.compile(r"\"([A-Za-z][A-Za-z0-9_-]{0,60})\"(\^u?(?=_|[^A-Za-z0-9_]|$))?(_[a-z0-9]*)?")
_SIGNS = ("+", "-", "\N{MINUS SIGN}")
_UNIT = Contraction.unit()


class _Value(NamedTuple):
    """A linear combination, and the letters of its free legs in alphabetical order."""

    pairs: tuple[Pair, ...]
    letters: tuple[str, ...] = ()

    @property
    def scalar(self) -> Expr | None:
        """The number or rational function that it is; None where there are contractions."""
        match self.pairs:
            case ():
                return None if self.letters else Integer(0)
            case ((coefficient, k),) if k is _UNIT or k == _UNIT:
                return coefficient
            case _:
                return None


def read_expression(text: str) -> tuple[tuple[Pair, ...], int]:
    """Return the terms that a text says, and the number of their free legs.

    Raises
    ------
    RequestError, DiagramError
        When it is no expression; the message points to the place.

    Examples
    --------
    >>> read_expression("1/2 C_ab H_ab - G_a G_a + 3")
    (((3, 1), (-1, G_a G_a), (1/2, C_ab H_ab)), 0)
    >>> read_expression("2 (tr(C) - |G|^2) G_a")
    (((-2, G_a G_b G_b), (2, G_a C_bb)), 1)
    """
    if len(text) > _LONGEST:
        raise RequestError(f"expected at most {_LONGEST:,} characters, got {len(text):,}")
    if not text.strip():
        raise RequestError(
            f"expected an expression such as '1/2 C_ab H_ab - G_a G_a', got {shown(text)}"
        )
    reader = _Reader(Cursor(text))
    value = reader.sum()
    if reader.cursor.skip():
        reader.cursor.refuse("a factor, a sign or the end")
    return value.pairs, len(value.letters)


class _Reader:
    """Reads from left to right, and counts the work that it does."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.depth = 0
        self.work = 0
        self.most_work = _MOST_WORK + _WORK_OF_A_CHARACTER * len(cursor.text)

    def sum(self) -> _Value:
        """Read terms with signs."""
        cursor = self.cursor
        is_minus = self._sign() < 0
        values: list[_Value] = []
        letters: tuple[str, ...] = ()
        while True:
            cursor.skip()
            place = cursor.place
            value = self._product()
            if is_minus:
                value = _negated(value)
            if not values:
                # A zero has the legs of the others.
                letters = value.letters if value.pairs else letters or value.letters
            if value.pairs:
                if letters != value.letters:
                    cursor.refuse(
                        f"terms with {_named(letters)}",
                        at=place,
                        got=_named(value.letters),
                    )
                values.append(value)
            sign = self._sign()
            if not sign:
                break
            is_minus = sign < 0
        self._spend(sum(_size(c) for v in values for c, _ in v.pairs), place)
        pairs = collected_pairs(chain.from_iterable(v.pairs for v in values))
        return _Value(pairs, letters)

    def _sign(self) -> int:
        """Read a sign, and another one that belongs to the number after it; 0 where there is none."""
        result = 0
        for _ in range(2):
            sign = self.cursor.take(*_SIGNS)
            if sign:
                result = (result or 1) * (1 if sign == "+" else -1)
        return result

    def _product(self) -> _Value:
        cursor = self.cursor
        value = self._power()
        while True:
            c = cursor.skip()
            place = cursor.place
            if cursor.take("/"):
                value = self._divided(value, self._power(), place)
            elif not c or c in "+-\N{MINUS SIGN}),":
                return value
            else:
                cursor.take("*")
                value = self._times(value, self._power(), place)

    def _power(self) -> _Value:
        cursor = self.cursor
        base = self._atom()
        if not cursor.take("**", "^"):
            return base
        cursor.skip()
        place = cursor.place
        exponent = _negated(self._atom()) if cursor.take("-") else self._atom()
        number = exponent.scalar
        if number is None:
            cursor.refuse("a number or symbols as exponent", at=place)
        if not number.is_Integer:
            scalar = base.scalar
            power = None if scalar is None else Pow(scalar, number)
            if power is None or not is_weight(power):
                cursor.refuse("whole powers, or those of a symbol such as beta^T", at=place)
            return _of_scalar(exact_coefficient(power))
        return self._whole_power(base, int(number), place)

    def _whole_power(self, base: _Value, exponent: int, place: int) -> _Value:
        scalar = base.scalar
        least = 0 if scalar is None else -_MOST_POWER
        if not least <= exponent <= _MOST_POWER:
            self.cursor.refuse(f"a power {least}..{_MOST_POWER}", at=place)
        if scalar is not None:
            if scalar == 0 and exponent < 0:
                self.cursor.refuse("powers of what is not 0", at=place)
            self._spend(_size_of_power(scalar, abs(exponent)), place)
            return _of_scalar(canonical(Pow(scalar, exponent)))
        if base.letters:
            self.cursor.refuse("powers of what has no free index, as l^2 or |G|^2", at=place)
        result = _of_scalar(Integer(1))
        for _ in range(exponent):
            result = self._times(result, base, place)
        return result

    # Atoms ----------------------------------------------------------------------------------------

    def _atom(self) -> _Value:
        cursor = self.cursor
        c = cursor.skip()
        place = cursor.place
        if c == "(":
            return self._in_parentheses()
        number = cursor.match(_NUMBER)
        if number:
            if _POWER_OF_TEN.match(cursor.text, cursor.place):
                cursor.refuse("a number such as 0.001 or 1/1000, and blanks before names", at=place)
            return _of_scalar(_number(number[1], number[2] or ""))
        symbol = cursor.match(_SYMBOL)
        if symbol:
            return _of_scalar(Symbol(symbol[1]))
        for pattern in (_TRACE, _NORM):
            short = cursor.match(pattern)
            if short:
                return self._contraction([(place, short[0], None)])
        word = cursor.word()
        if word in SYMBOLS:
            cursor.place += len(word)
            return _of_scalar(Symbol(word))
        if word == "binom":
            cursor.place += len(word)
            return self._binomial()
        if word or c == '"':
            return self._tensors()
        return cursor.refuse("a number, a symbol, a tensor or a parenthesis")

    def _in_parentheses(self) -> _Value:
        cursor = self.cursor
        place = cursor.place
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            cursor.refuse(f"at most {_MOST_DEPTH} parentheses inside each other")
        cursor.take("(")
        value = self.sum()
        if not cursor.take(")"):
            cursor.refuse(f"a parenthesis that closes that of column {place + 1}")
        self.depth -= 1
        return value

    def _binomial(self) -> _Value:
        cursor = self.cursor
        place = cursor.place
        above = below = None
        if cursor.take("("):
            above = self.sum().scalar
        if above is not None and cursor.take(","):
            below = self.sum().scalar
        if above is None or below is None or not cursor.take(")"):
            cursor.refuse("a binomial coefficient such as binom(T, 2)", at=place)
        if not below.is_Integer or not 0 <= below <= _MOST_DEPTH:
            cursor.refuse(f"a whole number 0..{_MOST_DEPTH} below", at=place, got=shown(below))
        value: Expr = Integer(1)
        for i in range(int(below)):
            self._spend(_size(value) * (_size(above) + 1), place)
            value = canonical(value * (above - i) / (i + 1))
        return _of_scalar(value)

    def _tensors(self) -> _Value:
        """Read tensors that stand side by side, whose letters may be the same."""
        cursor = self.cursor
        words: list[tuple[int, str, str | None]] = []  # place, word, name in quotes
        while True:
            c = cursor.skip()
            start = cursor.place
            quoted = cursor.match(_QUOTED)
            if quoted:
                name = f"quoted{len(words)}"
                word = f"{name}{quoted[2] or ''}{quoted[3] or ''}"
                words.append((start, word, quoted[1]))
            elif c == '"':
                cursor.refuse("the name of a function in quotes")
            else:
                word = cursor.word()
                is_short = word == "binom" or bool(_TRACE.match(cursor.text, start))
                if not word or word in SYMBOLS or is_short:
                    break
                cursor.place += len(word)
                words.append((start, word, None))
                self._check_end(word, start)
            if cursor.text.startswith(("^", "**"), cursor.place):
                if len(words) > 1:
                    # The power is that of the last one alone.
                    cursor.place = words.pop()[0]
                break
        return self._contraction(words)

    def _check_end(self, word: str, place: int) -> None:
        """Refuse what looks like a function of numbers, or like a power below 0."""
        after = self.cursor.text[self.cursor.place : self.cursor.place + 1]
        if after == "(" and _BARE.fullmatch(word):
            self.cursor.refuse(
                "a blank between a function of the weights and a factor in parentheses", at=place
            )
        if after and after in _SIGNS and word.endswith("^"):
            self.cursor.refuse("a power 0..1000, or a blank after an average", at=place)

    def _contraction(self, words: list[tuple[int, str, str | None]]) -> _Value:
        run = " ".join(word for _, word, _ in words)
        try:
            read = read_contraction(run, is_part=True)
        except SgdiagramsError:
            place = words[0][0]
            gaps = self.cursor.text[place : self.cursor.place]
            if any(name for _, _, name in words):
                raise
            # Once more, for the place in the whole text.
            read_contraction(
                gaps, is_part=True, before=self.cursor.text[:place], after=self._rest()
            )
            raise
        if read.metric != "identity":
            self.cursor.refuse("contractions without a learning rate inside", at=words[0][0])
        contraction = Contraction.build(
            read.edges, read.blocks, labels=read.labels, free=read.free, basis=read.basis
        )
        names = {f"quoted{i}": name for i, (_, _, name) in enumerate(words) if name is not None}
        for old, new in names.items():
            contraction = contraction.with_label(old, new)
        apart = with_constants_apart(contraction)
        return _Value(((Integer(1), apart),) if apart else (), read.letters)

    def _rest(self) -> str:
        return self.cursor.text[self.cursor.place :]

    # Arithmetic -----------------------------------------------------------------------------------

    def _times(self, one: _Value, two: _Value, place: int) -> _Value:
        scalars = one.scalar, two.scalar
        if scalars[0] is not None and scalars[1] is not None:
            work = _size(scalars[0]) * _size(scalars[1])
            is_power = any(map(_is_exponential, scalars))
            self._spend(work * _OF_AN_EXPONENTIAL if is_power else work, place)
            return _of_scalar(_product_of(scalars[0], scalars[1]))
        sizes = [sum(_size(c) for c, _ in v.pairs) for v in (one, two)]
        each = 1
        if scalars == (None, None):
            nodes = sum(max((k.node_count for _, k in v.pairs), default=0) for v in (one, two))
            each = _OF_A_CONTRACTION * (1 + nodes // 4)
        self._spend(prod(sizes) * each, place)
        letters = [*one.letters, *two.letters]
        pairs = joined_pairs(one.pairs, two.pairs)
        for letter in sorted(set(one.letters).intersection(two.letters)):
            first = letters.index(letter)
            second = letters.index(letter, first + 1)
            pairs = joined_legs(pairs, first, second)
            del letters[second], letters[first]
        order = sorted(range(len(letters)), key=lambda i: _letter_place(letters[i]))
        if order != list(range(len(letters))):
            pairs = reordered_legs(pairs, order)
        return _Value(pairs, tuple(letters[i] for i in order))

    def _divided(self, one: _Value, two: _Value, place: int) -> _Value:
        divisor = two.scalar
        if divisor is None or divisor == 0:
            got = "0" if divisor == 0 else "contractions"
            self.cursor.refuse("a number or symbols to divide by", at=place, got=got)
        work = _size(divisor) * sum(_size(c) for c, _ in one.pairs)
        # Quotients have to be reduced.
        self._spend(work if divisor.is_Rational else work * _OF_A_QUOTIENT, place)
        inverse = Integer(1) / divisor
        return _Value(tuple((_product_of(c, inverse), k) for c, k in one.pairs), one.letters)

    def _spend(self, work: int, place: int) -> None:
        self.work += work
        if self.work > self.most_work:
            self.cursor.refuse("an expression that takes fewer steps to multiply out", at=place)


def _negated(value: _Value) -> _Value:
    return _Value(tuple((_product_of(Integer(-1), c), k) for c, k in value.pairs), value.letters)


def _of_scalar(scalar: Expr) -> _Value:
    return _Value(((scalar, _UNIT),) if scalar != 0 else ())


def _number(digits: str, decimals: str) -> Expr:
    # FLINT reads thousands of digits, which Python refuses.
    return Rational(int(fmpz(digits + decimals)), 10 ** len(decimals))


def _product_of(one: Expr, two: Expr) -> Expr:
    product = Mul(one, two)
    return product if product.is_Rational else canonical(product)


def _size(coefficient: Expr) -> int:
    """Return about how many monomials a canonical coefficient has; long numbers count for more."""
    if coefficient.is_Rational:
        return 1 + (_bits(coefficient) >> 6)
    factors = (f.as_base_exp()[0] for f in Mul.make_args(coefficient))
    return prod(
        sum(1 + (_bits(term.as_coeff_Mul()[0]) >> 6) for term in Add.make_args(f)) for f in factors
    )


def _is_exponential(coefficient: Expr) -> bool:
    return any(f.is_Pow and not f.exp.is_Integer for f in Mul.make_args(coefficient))


def _size_of_power(scalar: Expr, exponent: int) -> int:
    """Return about how many monomials a power has."""
    if scalar.is_Rational:
        return _size(scalar) * max(exponent, 1)
    factors = (f.as_base_exp()[0] for f in Mul.make_args(scalar))
    numbers = [term.as_coeff_Mul()[0] for f in factors for term in Add.make_args(f)]
    monomials = max(1, len(numbers))
    long = 1 + (max(map(_bits, numbers), default=1) * exponent >> 6)
    return comb(monomials + exponent - 1, exponent) * long


def _bits(number: Expr) -> int:
    return int(number.p).bit_length() + int(number.q).bit_length()


def _letter_place(letter: str) -> tuple[int, str]:
    return int(letter[1:] or 0), letter[0]


def _named(letters: Iterable[str]) -> str:
    listed = list(letters)
    if not listed:
        return "no free index"
    return f"the free ind{'ex' if len(listed) == 1 else 'ices'} {', '.join(listed)}"
