"""Connected factors of products, and what is put in their place."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from sympy import Expr, Integer

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.algebra.linear_combinations import (
    Pair,
    collected_pairs,
    joined_pairs,
    reordered_legs,
)
from sgdiagrams.symbolic.contractions.contraction import Contraction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["connected_factors", "pairs_with_values"]

_MOST_LEGS = 6  # whose orders are tried


def connected_factors(contraction: Contraction) -> tuple[tuple[Contraction, tuple[int, ...]], ...]:
    """Return the factors of a product, each with the numbers of its free legs in the product.

    Neither an edge nor a block joins two of them. An average over distinct samples is no product: it is
    one factor, functions of the weights aside.

    Examples
    --------
    >>> connected_factors(Contraction.parse("G_a C_bb G_c"))
    ((G_a, (1,)), (G_a, (0,)), (C_aa, ()))
    """
    n = contraction.node_count
    partition = contraction.partition
    top = list(range(n))

    def root(v: int) -> int:
        while top[v] != v:
            v = top[v]
        return v

    first: dict[object, int] = {}
    is_apart = contraction.basis != "distinct"
    for v, block in enumerate(partition):
        is_function = contraction.labels[v] not in ("loss", "penalised-loss")
        key = block if is_apart or is_function else "averaged"
        top[root(v)] = root(first.setdefault(key, v))
    for i, j in contraction.edges:
        top[root(i)] = root(j)
    factors = []
    for kept in dict.fromkeys(map(root, range(n))):
        nodes = [v for v in range(n) if root(v) == kept]
        number = {v: i for i, v in enumerate(nodes)}
        legs = tuple(leg for leg, v in enumerate(contraction.free) if v in number)
        factor = Contraction.from_parts(
            [(number[i], number[j]) for i, j in contraction.edges if i in number],
            [partition[v] for v in nodes],
            [contraction.labels[v] for v in nodes],
            [number[contraction.free[leg]] for leg in legs],
            basis=contraction.basis,
        )
        factors.append((factor, legs))
    return tuple(factors)


def pairs_with_values(
    pairs: Iterable[Pair], values: Mapping[Contraction, tuple[Pair, ...]]
) -> tuple[Pair, ...]:
    """Return a linear combination in which connected factors have values.

    Parameters
    ----------
    pairs
        The linear combination.
    values
        Connected contraction -> linear combination with equally many free legs, in the same order.

    Raises
    ------
    RequestError
        When a contraction is no connected factor, or free legs differ in number.

    Examples
    --------
    >>> one = Integer(1)
    >>> values = {Contraction.parse("C_aa"): ((Integer(3), Contraction.unit()),)}
    >>> pairs_with_values([(one, Contraction.parse("C_aa C_bb G_c"))], values)
    ((9, G_a),)
    """
    table = dict(_in_all_orders(values))
    result: list[Pair] = []
    for coefficient, contraction in pairs:
        factors = connected_factors(contraction)
        if not any(factor in table for factor, _ in factors):
            result.append((coefficient, contraction))
            continue
        product: tuple[Pair, ...] = ((coefficient, Contraction.unit()),)
        order: list[int] = []
        for factor, legs in factors:
            product = joined_pairs(product, table.get(factor, ((Integer(1), factor),)))
            order += legs
        if order != sorted(order):
            product = reordered_legs(product, [order.index(leg) for leg in range(len(order))])
        result += product
    return collected_pairs(result)


def _in_all_orders(
    values: Mapping[Contraction, tuple[Pair, ...]],
) -> Iterable[tuple[Contraction, tuple[Pair, ...]]]:
    """Go through contractions with their values, free legs in every order."""
    for contraction, value in values.items():
        rank = len(contraction.free)
        if len(connected_factors(contraction)) != 1:
            raise RequestError(
                f"expected one connected contraction to be replaced, got {shown(str(contraction))}"
            )
        if any(len(k.free) != rank for _, k in value):
            raise RequestError(
                f"expected a value with as many free legs as {shown(str(contraction))}, {rank}"
            )
        if rank > _MOST_LEGS:
            raise RequestError(f"expected at most {_MOST_LEGS} free legs, got {rank}")
        orders = [*permutations(range(rank))]
        one: Expr = Integer(1)
        for order in reversed(orders):  # the given order counts where several give the same
            [(_, moved)] = reordered_legs(((one, contraction),), order)
            yield moved, reordered_legs(value, order)
