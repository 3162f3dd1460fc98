"""Linear combinations of contractions as plain data: pairs of a coefficient and a contraction."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from sympy import Add, Expr, Mul

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.algebra.conversions import in_moments
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.contractions.placements import disjoint_union
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Pair", "collected_pairs", "in_one_basis", "joined_pairs"]

#: A coefficient, a canonical weight, and the contraction that it multiplies.
Pair = tuple[Expr, Contraction]

_POPULATION = ("moment", "cumulant")


def collected_pairs(pairs: Iterable[tuple[Expr, Contraction]]) -> tuple[Pair, ...]:
    """Add the coefficients of equal contractions, drop zeros, and sort as a person would.

    Examples
    --------
    >>> one, half = Integer(1), Integer(1) / 2
    >>> collected_pairs([(half, Contraction.parse("G_a G_a")), (half, Contraction.parse("G_b G_b"))])
    ((1, G_a G_a),)
    """
    sums: dict[Contraction, list[Expr]] = {}
    for coefficient, contraction in pairs:
        sums.setdefault(contraction, []).append(coefficient)
    result: list[Pair] = []
    for contraction, coefficients in sums.items():
        total = Add(*coefficients)
        if not total.is_Rational:
            total = canonical(total)
        if total != 0:
            result.append((total, contraction))
    return tuple(sorted(result, key=lambda pair: pair[1].simplicity))


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
    bases = {c.basis for _, c in (*first, *second) if not _is_constant(c)}
    # Moments of single nodes are cumulants too.
    ties = {c.basis for _, c in (*first, *second) if c.noise}
    if bases <= set(_POPULATION):
        return (first, second) if len(ties) < 2 else (_moments(first), _moments(second))
    if bases == {"plug-in"}:
        return first, second
    named = " and ".join(sorted(bases))
    raise RequestError(
        f"expected factors of a product in moments and cumulants, or in plug-in values, got {named}; "
        "change the basis first"
    )


def _is_constant(contraction: Contraction) -> bool:
    return contraction.node_count == 0


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
