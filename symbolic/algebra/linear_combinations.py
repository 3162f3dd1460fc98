"""Linear combinations of contractions as plain data: pairs of a coefficient and a contraction."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

from sympy import Add, Expr, Mul, Pow, Rational, sympify

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.algebra.conversions import in_moments
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.contractions.placements import disjoint_union, is_constant
from sgdiagrams.symbolic.weights.quotients import canonical, is_weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "Pair",
    "collected_pairs",
    "exact_coefficient",
    "in_one_basis",
    "joined_pairs",
    "reordered_legs",
]

#: A coefficient, a canonical weight, and the contraction that it multiplies.
Pair = tuple[Expr, Contraction]

_POPULATION = ("moment", "cumulant")


def collected_pairs(
    pairs: Iterable[tuple[Expr, Contraction]], *, is_canonical: bool = False
) -> tuple[Pair, ...]:
    """Add the coefficients of equal contractions, drop zeros, and sort as a person would.

    With `is_canonical` the coefficients are canonical already, which saves the work where none are added.

    Examples
    --------
    >>> half = Rational(1, 2)
    >>> collected_pairs([(half, Contraction.parse("G_a G_a")), (half, Contraction.parse("G_b G_b"))])
    ((1, G_a G_a),)
    """
    sums: dict[Contraction, list[Expr]] = {}
    for coefficient, contraction in pairs:
        key = contraction
        if key.basis != "moment" and is_constant(key):
            key = key.with_partition(key.partition, "moment")
        sums.setdefault(key, []).append(coefficient)
    result: list[Pair] = []
    for contraction, coefficients in sums.items():
        total = Add(*coefficients)
        if not (total.is_Rational or (is_canonical and len(coefficients) == 1)):
            total = canonical(total)
        if total != 0:
            result.append((total, contraction))
    return tuple(sorted(result, key=lambda pair: pair[1].simplicity))


def exact_coefficient(value: object) -> Expr:
    """Return a number or a rational function of symbols in canonical form.

    Raises
    ------
    RequestError
        When it is something else, a float for instance.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import N, T
    >>> exact_coefficient((N**2 - 1) / (N - 1)), exact_coefficient(Rational(1, 2) ** T)
    (N + 1, 2**(-T))
    """
    if isinstance(value, Fraction) or is_whole(value):
        return Rational(int(value.numerator), int(value.denominator))
    expr = sympify(value) if isinstance(value, Expr) else None
    if expr is None or not is_weight(expr):
        raise RequestError(
            f"expected an exact number or a rational function of symbols, got {shown(value)}"
        )
    if expr.is_Rational:
        return expr
    # One way to write what decays.
    small = {
        power: Pow(1 / power.base, -power.exp)
        for power in expr.atoms(Pow)
        if power.base.is_Rational and 0 < power.base < 1
    }
    return canonical(expr.xreplace(small))


def in_one_basis(
    one: Iterable[Pair], two: Iterable[Pair]
) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Return both in one basis where one has moments and the other cumulants: in moments.

    Raises
    ------
    RequestError
        When one is of a population and the other of a sample, or they are averages over distinct
        samples, whose products are none.
    """
    first, second = tuple(one), tuple(two)
    contractions = [k for _, k in (*first, *second)]
    if any(all(is_constant(k) for _, k in pairs) for pairs in (first, second)):
        return first, second
    bases = {k.basis for k in contractions if not is_constant(k)}
    # Moments of single nodes are cumulants too.
    ties = {k.basis for k in contractions if k.noise}
    if bases <= set(_POPULATION):
        return (first, second) if len(ties) < 2 else (_moments(first), _moments(second))
    if bases == {"plug-in"}:
        return first, second
    named = " and ".join(sorted(bases))
    raise RequestError(
        f"expected factors of a product in moments and cumulants, or in plug-in values, got {named}; "
        "change the basis first"
    )


def _moments(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    return collected_pairs((c * n, m) for c, k in pairs for m, n in in_moments(k).items())


def joined_pairs(one: Iterable[Pair], two: Iterable[Pair]) -> tuple[Pair, ...]:
    """Return a product: free legs of the first come first.

    Raises
    ------
    RequestError
        As `in_one_basis`.
    """
    first, second = in_one_basis(one, two)
    return collected_pairs(
        (
            Mul(a, b) if a.is_Rational and b.is_Rational else canonical(Mul(a, b)),
            disjoint_union(c, d),
        )
        for (a, c), (b, d) in product(first, second)
    )


def reordered_legs(pairs: Iterable[Pair], order: Sequence[int]) -> tuple[Pair, ...]:
    """Return the same with free legs in another order, given by their numbers.

    Examples
    --------
    >>> reordered_legs([(Rational(1), Contraction.parse("G_a H_bc G_c"))], [1, 0])
    ((1, H_ac G_c G_b),)
    """
    return collected_pairs(
        (
            c,
            Contraction.from_parts(
                k.edges, k.partition, k.labels, [k.free[i] for i in order], basis=k.basis
            ),
        )
        for c, k in pairs
    )
