r"""Rational weights of eigenvalues and momentum over one denominator: reduced, and in factors.

Derivations write them in :math:`u = 1 + \beta - h` (:math:`q = 1 - h` for other optimisers than heavy
balls), in which polynomials are short. What has few indices is written in h, which shows where it
vanishes: one, or two with a heavy ball; what has more too, unless u needs fewer terms.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING

from flint import fmpq, fmpq_mpoly, fmpq_mpoly_ctx
from sympy import Add, Expr, Integer, Mul, Pow, Rational

from sgdiagrams.symbolic.resummation.eigenvalues import eigenvalue
from sgdiagrams.symbolic.resummation.pairs.root_product import RootProduct
from sgdiagrams.symbolic.weights.factoring import factor_terms
from sgdiagrams.symbolic.weights.laurent import to_expr
from sgdiagrams.symbolic.weights.quotients import as_quotient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sgdiagrams.symbolic.resummation.pairs.pair_law import PairLaw
    from sgdiagrams.symbolic.resummation.pairs.paired import PairedTerm
    from sgdiagrams.symbolic.weights.factoring import Terms

__all__ = ["in_factors", "in_lowest_terms", "in_sums_of_roots", "root_product_of_two"]

#: Products over the roots of more indices stay what they are called.
_WRITTEN_OUT = 2


def in_lowest_terms(terms: Iterable[PairedTerm], law: PairLaw, count: int) -> Expr:
    """Return a sum of terms as a weight in lowest terms, in factors.

    Parameters
    ----------
    terms
        With the variables of pairs and eigenvalues as their symbols.
    law
        What is known of the pairs.
    count
        How many indices there are.

    Examples
    --------
    >>> from sgdiagrams.symbolic.resummation.pairs.pair_law import PairLaw
    >>> from sgdiagrams.symbolic.resummation.pairs.paired import PairedTerm
    >>> from sgdiagrams.symbolic.symbols import B, beta
    >>> term = PairedTerm(1 / B, 1 - beta**2, ((RootProduct(beta, 0, eigenvalue(0)), 1),))
    >>> in_lowest_terms([term, term], PairLaw.heavy_ball(beta), 1)
    2*(1 - beta)*(beta + 1)/(B*h_a)
    """
    table = {law.variable(i): eigenvalue(i) for i in range(count)}
    # Powers of N, B and T have functions of their own behind them.
    groups: dict[Expr, list[PairedTerm]] = {}
    for term in terms:
        number, front = term.front.as_coeff_Mul()
        groups.setdefault(front, []).append(term._replace(above=number * term.above))
    sums: dict[tuple[tuple[Expr, int], ...], Expr] = {}
    for front, group in groups.items():
        above, below = _lowest(group, table)
        if above != 0:
            scalar, factors = _in_factors(above, below, law, table)
            sums[factors] = sums.get(factors, Integer(0)) + scalar * front
    # All at once: a number times one sum alone would go into it.
    return Add(
        *(
            Mul(*_scalar(front, law), *(Pow(f, Integer(k)) for f, k in factors))
            for factors, front in sums.items()
            if front != 0
        )
    )


def _lowest(
    terms: Sequence[PairedTerm], table: Mapping[Expr, Expr]
) -> tuple[Expr, dict[Expr, int]]:
    """Return a sum over one denominator, in lowest terms."""
    every = [_counted(term.below) for term in terms]
    if len(terms) == 1:
        return terms[0].above, dict(every[0])
    back = {h: t for t, h in table.items()}
    common: Counter[Expr] = Counter()
    for own in every:
        common |= own
    written_out = {p: _in_sums(p, back) for p in common}
    above = Add(
        *(
            Mul(term.above, *(written_out[p] ** k for p, k in (common - own).items()))
            for term, own in zip(terms, every, strict=True)
        )
    )
    below = {}
    for p, most in common.items():
        k = most
        while k and (quotient := _divided(above, p, written_out[p], back)) is not None:
            above, k = quotient, k - 1
        below[p] = k
    return above, below


def in_factors(expr: Expr) -> Expr:
    """Return a rational function as a product of factors.

    Examples
    --------
    >>> from sympy.abc import x, y
    >>> in_factors(x**2 / (x + y) - y**2 / (x + y))
    x - y
    """
    q = as_quotient(expr)
    if not q.generators:
        return expr
    parts = []
    for terms, sign in ((q.numerator, 1), (q.denominator, -1)):
        if not terms:
            return Integer(0)
        number, factors = factor_terms(terms)
        parts.append(Rational(number.numerator, number.denominator) ** sign)
        parts += [to_expr(dict(f), q.generators) ** (sign * k) for f, k in factors]
    return Mul(*parts)


def _counted(below: Iterable[tuple[Expr, int]]) -> Counter[Expr]:
    result: Counter[Expr] = Counter()
    for p, k in below:
        result[p] += k
    return result


def _in_factors(
    above: Expr, below: Mapping[Expr, int], law: PairLaw, table: Mapping[Expr, Expr]
) -> tuple[Expr, tuple[tuple[Expr, int], ...]]:
    """Return a part of a weight as a scalar and powers of factors, which is the same for equal parts."""
    back = {h: t for t, h in table.items()}
    parts: list[tuple[Expr, int]] = [(above, 1)]
    factors: list[tuple[Expr, int]] = []
    for p, k in below.items():
        h = p.eigenvalues if isinstance(p, RootProduct) else ()
        if len(h) > _WRITTEN_OUT:
            factors.append((p, -k))
        elif len(h) == _WRITTEN_OUT and p.front == 1 and law.beta is not None:
            factors.append((root_product_of_two(law.beta, *h), -k))
        else:
            parts.append((_in_sums(p, back), -k))
    numbers: list[Expr] = []
    for part, sign in parts:
        q = as_quotient(part)
        for terms, power in ((q.numerator, sign), (q.denominator, -sign)):
            number, own = _factors(terms, q.generators, law, table)
            numbers.append(number**power)
            factors += [(f, power * k) for f, k in own]
    scalar = Mul(*numbers, *(f**k for f, k in factors if not _depends(f, table)))
    merged: dict[Expr, int] = {}
    for f, k in factors:
        if _depends(f, table):
            merged[f] = merged.get(f, 0) + k
    kept = sorted(((f, k) for f, k in merged.items() if k), key=str)
    return scalar, tuple(kept)


def _depends(f: Expr, table: Mapping[Expr, Expr]) -> bool:
    return bool(f.free_symbols & set(table.values()))


def _scalar(front: Expr, law: PairLaw) -> tuple[Expr, ...]:
    """Return what depends on no index in factors."""
    if not front.is_Add:
        return tuple(Mul.make_args(front))
    q = as_quotient(front)
    (above, first), (below, second) = (
        _factors(terms, q.generators, law, {}) for terms in (q.numerator, q.denominator)
    )
    return above, 1 / below, *(f**k for f, k in first), *(f**-k for f, k in second)


def root_product_of_two(beta: Expr, h: Expr, k: Expr) -> Expr:
    """Return the `RootProduct` of two eigenvalues as a person writes it.

    Examples
    --------
    >>> from sympy.abc import beta, h, k
    >>> root_product_of_two(beta, h, k)
    beta*(h - k)**2 + (1 - beta)**2*(-h*k + (beta + 1)*(h + k))
    >>> (RootProduct(beta, 0, h, k).doit() - root_product_of_two(beta, h, k)).expand()
    0
    """
    return (1 - beta) ** 2 * ((1 + beta) * (h + k) - h * k) + beta * (h - k) ** 2


def _in_sums(p: Expr, back: Mapping[Expr, Expr]) -> Expr:
    """Return what a product stands for, in the sums of roots; without an index it is a number."""
    if not isinstance(p, RootProduct):
        return p
    return p.doit_in([back[h] for h in p.eigenvalues])


def _divided(above: Expr, p: Expr, written_out: Expr, back: Mapping[Expr, Expr]) -> Expr | None:
    """Return a polynomial over a product, if it is one: products of different indices are prime."""
    sums = [back[h] for h in p.eigenvalues] if isinstance(p, RootProduct) else []
    if not sums or not all(above.has(t) for t in sums):
        return None
    q = as_quotient(above / written_out)
    if any(q.generators[k] in sums for exps, _ in q.denominator for k, e in enumerate(exps) if e):
        return None
    return to_expr(dict(q.numerator), q.generators) / to_expr(dict(q.denominator), q.generators)


def _factors(
    terms: Sequence[tuple[tuple[int, ...], Fraction]],
    generators: Sequence[Expr],
    law: PairLaw,
    table: Mapping[Expr, Expr],
) -> tuple[Rational, list[tuple[Expr, int]]]:
    """Return a polynomial as a number and powers of factors in eigenvalues."""
    number, factors = factor_terms(terms) if generators else (terms[0][1], [])
    result = []
    for f, k in factors:
        sign, shown = _in_h(f, generators, law, table)
        number *= sign**k
        result.append((shown, k))
    return Rational(number.numerator, number.denominator), result


def _in_h(
    f: Terms, generators: Sequence[Expr], law: PairLaw, table: Mapping[Expr, Expr]
) -> tuple[int, Expr]:
    """Return a sign and a factor in eigenvalues, or in sums of roots written as 1 + beta - h."""
    sums = [x for x in generators if x in table]
    used = [x for k, x in enumerate(generators) if x in table and any(exps[k] for exps, _ in f)]
    in_h = in_sums_of_roots(f, generators, sums, law.shift)
    first = _collected(*in_h, {x: table[x] for x in sums})
    if len(used) <= (1 if law.beta is None else _WRITTEN_OUT):
        return first[1:]
    second = _collected(f, generators, {x: law.shift - table[x] for x in sums})
    return min(first, second, key=lambda x: x[0])[1:]


def in_sums_of_roots(
    f: Terms, generators: Sequence[Expr], eigenvalues: Sequence[Expr], shift: Expr
) -> tuple[Terms, tuple[Expr, ...]]:
    """Return a polynomial with shift - h for every h, whose symbol then stands for that.

    The other way round it is the same. The shift of a heavy ball is 1 + beta, that of others 1.
    """
    names = tuple(generators)
    number, memory = shift.as_coeff_Add()
    if memory.is_Symbol and memory not in names:
        names = (*names, memory)
        f = tuple(((*exps, 0), c) for exps, c in f)
    ring = fmpq_mpoly_ctx.get([f"x{i}" for i in range(len(names))], "lex")
    gens = dict(zip(names, ring.gens(), strict=True))
    s: fmpq_mpoly = ring.constant(fmpq(int(number.p), int(number.q)))
    if memory.is_Symbol:
        s = s + gens[memory]
    poly = ring.from_dict({exps: fmpq(c.numerator, c.denominator) for exps, c in f})
    images = [s - gens[x] if x in eigenvalues else gens[x] for x in names]
    moved = poly.compose(*images)
    terms = tuple((tuple(map(int, e)), Fraction(int(c.p), int(c.q))) for e, c in moved.terms())
    return terms, names


def _collected(
    f: Terms, generators: Sequence[Expr], table: Mapping[Expr, Expr]
) -> tuple[int, int, Expr]:
    """Return the number of monomials with indices, a sign, and their sum with factored coefficients."""
    places = [k for k, x in enumerate(generators) if x in table]
    groups: dict[tuple[int, ...], list[tuple[tuple[int, ...], Fraction]]] = {}
    for exps, c in f:
        rest = tuple(0 if k in places else e for k, e in enumerate(exps))
        groups.setdefault(tuple(exps[k] for k in places), []).append((rest, c))
    lowest = min(groups, key=lambda e: (sum(e), tuple(-x for x in e)))
    sign = 1 if min(groups[lowest], key=lambda t: (sum(t[0]), t[0]))[1] > 0 else -1
    variables = [table[generators[k]] for k in places]
    summands = []
    for powers, own in groups.items():
        number, factors = factor_terms(sorted(own, reverse=True))
        coefficient = Rational(sign * number.numerator, number.denominator)
        flipped = []
        for g, k in factors:
            # 1 - beta and not beta - 1
            flip = 1 if min(g, key=lambda t: (sum(t[0]), t[0]))[1] > 0 else -1
            coefficient *= flip**k
            flipped.append(to_expr({e: flip * c for e, c in g}, generators) ** k)
        monomial = (Pow(x, Integer(e)) for x, e in zip(variables, powers, strict=True))
        summands.append(Mul(coefficient, *flipped, *monomial))
    return len(groups), sign, Add(*summands)
