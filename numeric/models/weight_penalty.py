r"""The penalty of weight decay, :math:`\lambda |\theta|^2 / 2`: its derivatives need no library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.numeric.models.model import Leg, Model

__all__ = ["penalty"]


#: Pairs whose products are computed at once, with those of all others among them.
_PAIRS = 64


def penalty(model: Model, legs: Sequence[Leg], *, rows: int, vectors_out: bool) -> Any:
    """Return what the penalty adds to a derivative along some vectors, in the shape of the result.

    Parameters
    ----------
    model
        With its weight decay and its weights.
    legs
        The vectors; all of their rows have shape (R, S) or (1, S).
    rows
        R of the result.
    vectors_out
        One leg is left open.
    """
    rate, columns = model.weight_decay, legs[0].rows.shape[1] if legs else 1
    which = [np.broadcast_to(leg.rows, (rows, columns)) for leg in legs]
    if len(legs) + vectors_out > 2 or rate == 0:
        return 0.0
    start = model.start[None]
    if not vectors_out:
        tables = [leg.table for leg in legs] + [start] * (2 - len(legs))
        index = which + [np.zeros((rows, columns), dtype=np.intp)] * (2 - len(legs))
        half = 0.5 if not legs else 1.0
        one, other = (np.array(rows_of).reshape(-1) for rows_of in index)
        numbers = []
        for start in range(0, len(one), _PAIRS):
            some = slice(start, start + _PAIRS)
            products = model.products(tables[0][one[some]], tables[1][other[some]])
            numbers.append(np.diagonal(products))
        return half * rate * np.concatenate(numbers).reshape(rows, columns)
    if legs:
        return rate * legs[0].table[np.array(which[0]).reshape(-1)]
    return rate * start
