r"""The penalty of weight decay, :math:`\\lambda |\\theta|^2 / 2`, along curves of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.numeric.models.curves.key_sets import parts_in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sgdiagrams.numeric.models.model import Directions, Model, Vectors

__all__ = ["add_penalty"]


def add_penalty(
    model: Model,
    result: dict[Directions, Any],
    curves: Mapping[Directions, Vectors],
    *,
    vectors_out: bool,
) -> None:
    """Add the derivatives of the penalty of a model to those of its loss.

    Parameters
    ----------
    model
        With its weight decay and its weights.
    result
        Derivatives of the loss by their keys, as `Model.jets` returns them.
    curves
        Directions -> table, shape (S, p).
    vectors_out
        Of the gradient and not of the value.
    """
    rate = model.weight_decay
    if rate == 0:
        return
    tables: dict[Directions, Vectors] = {(): model.start[None], **curves}
    if vectors_out:
        result.update({key: table + rate * tables[key] for key, table in result.items()})
        return
    floats = {key: model.as_floats(table) for key, table in tables.items()}
    for key, numbers in result.items():
        parts = parts_in_order(key)
        # Part i and its complement are opposite in this order.
        products = [
            np.einsum("sp,sp->s", *np.broadcast_arrays(floats[one], floats[other]))
            for one, other in zip(parts, reversed(parts), strict=True)
        ]
        result[key] = numbers + rate / 2 * sum(products)
