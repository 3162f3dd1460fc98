r"""Re-summed series by noise: what their terms are powers of, long after a start at a minimum.

Contribution d of a re-summed series is that of the linkless diagrams with d edges. After many updates
these are no powers of :math:`\eta`: what counts is the *noise* of a diagram, the number of its nodes less
that of its blocks, because every block of updates costs one power of :math:`\eta` for all the times that
it may be at. At a minimum every leaf shares its block, so a linkless tree of noise m has at most 2m
leaves and 2m - 1 nodes that branch: noise m contributes :math:`\eta^m`, from diagrams with up to 4m - 2
edges for a loss and 4m - 1 for a displacement.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.numeric.estimates.judgement import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["complete_noise", "judge_by_noise", "noise_of", "without_rounding"]

#: Of the largest contribution: less is zero but for rounding.
_ROUNDING = 1e-14


def noise_of(contraction: Contraction) -> int:
    """Return the number of nodes less that of blocks.

    Examples
    --------
    >>> from sgdiagrams.symbolic import Contraction
    >>> noise_of(Contraction.build([(0, 2), (1, 2)], [[0, 1], [2]], basis="cumulant"))
    1
    """
    return contraction.node_count - len(contraction.blocks)


def complete_noise(order: int, rank: int) -> int:
    """Return the highest noise that the diagrams with up to `order` edges know completely."""
    return (order + 2 - (rank == 1)) // 4


def judge_by_noise(
    orders: Sequence[Any], sums: Sequence[Any], *, order: int, rank: int
) -> Verdict | None:
    """Judge a re-summed series by the sums of its terms of equal noise.

    The rule is that of `sgdiagrams.numeric.estimates.judgement.judge`, with noise in place of orders,
    up to the first noise that is incomplete.

    Parameters
    ----------
    orders
        Contributions of the orders 0, 1, ...
    sums
        Sums of the contributions of order >= 1 by noise 0, 1, ...
    order
        The highest number of edges.
    rank
        The number of free indices.

    Returns
    -------
    Verdict or None
        None where the orders themselves are to be judged: where diagrams without noise contribute, as
        away from a minimum, or nothing is finite.
    """
    sizes = [_size(x) for x in orders]
    by_noise = [_size(x) for x in sums]
    if len(by_noise) < 2 or not all(map(math.isfinite, (*sizes, *by_noise))):
        return None
    if without_rounding((*sizes, by_noise[0]))[-1]:
        return None
    complete = complete_noise(order, rank)
    judged = without_rounding((sizes[0], *by_noise[1:]))[: complete + 2]
    missing = by_noise[complete + 1] if complete + 1 < len(by_noise) else math.nan
    if len(judged) < complete + 2 or not judged[-1] or not any(judged[1:-1]):
        words = f"cannot tell: nothing of noise {complete + 1} with up to {order} edges"
        return Verdict(words, trustworthy=False, missing=missing)
    words, trusted, _ = judge(judged)
    return Verdict(words.replace("order", "noise"), trusted, missing)


def without_rounding(sizes: Sequence[float]) -> list[float]:
    """Return sizes with those that are zero but for rounding set to zero."""
    floor = _ROUNDING * max(sizes)
    return [size if size > floor else 0.0 for size in sizes]


def _size(array: Any) -> float:
    return float(np.linalg.norm(np.asarray(array, dtype=np.float64)))
