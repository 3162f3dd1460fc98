"""The root in a count: no datapoint, or one of the training set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole

__all__ = ["with_root"]


def with_root(
    count: Mapping[tuple[int, ...], Fraction],
    forest: UpdateForest,
    *,
    basis: Basis,
    root: RootRole,
    size: tuple[int, ...],
) -> Laurent:
    """Account for the root: `size` holds the exponents of N in the variables of `count`.

    A root tied to a block is on its row, which has weight 1/N; a root alone is on any row, in the
    moment basis on one of the N - P rows that the P blocks leave.

    Raises
    ------
    RequestError
        When the root is tied although it is the population's.
    """
    result: Laurent = {}
    if root == "population":
        if forest.root_is_tied:
            raise RequestError(
                "expected an isolated root for a population observable, got a tied one; "
                "use root='training'"
            )
        add_scaled(result, count)
        return result
    one_over_n = tuple(-power for power in size)
    if forest.root_is_tied:
        add_scaled(result, count, 1, one_over_n)
    else:
        add_scaled(result, count)
        if basis == "moment" and forest.block_count:
            add_scaled(result, count, -forest.block_count, one_over_n)
    return result
