r"""What the noise of batches of a given training set weighs.

On a given set of N rows an update is one on the set's mean gradient plus noise,
:math:`\sum_n (s_n - 1/N)(\nabla l_n - \nabla \bar l)`, where :math:`s_n` is the share of row n in the
batch. Only the set's own cumulants are left of the rows: a node alone in its block is at any update with
weight 1, and the others weigh

.. math:: \sum_{\sigma \ge \pi} N^{|\sigma|} \sum_{\rho \le \sigma} \mu(\rho, \sigma)\, w_\rho ,
    \qquad w_\rho = \mathbb{E} \prod_v s_{\rho(v)}(t_v) .

Here :math:`\pi` are the blocks of cumulants, :math:`\sigma` those of central moments that contain them,
and :math:`w_\rho` is the expected product of the shares of different rows, one for every block of
:math:`\rho`. The inner sum makes sums over different rows of sums over all.

A *round* is what is drawn at once: batches of different rows, in an order of which all are equally
likely. An epoch is one, and so is a single batch. There, :math:`w_\rho` is
:math:`\prod_b (B)_{j_b} / (N)_{|\rho|}`, divided by B for every node, for :math:`j_b` rows in batch b.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import perm, prod
from typing import TYPE_CHECKING

from sympy import Add, Expr, Integer, Mul, Pow, factor, ff

from sgdiagrams.diagrams.partitions import (
    coarsenings,
    is_refinement,
    moebius,
    refinements,
    restricted_growth_string,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["noise_formula", "noise_weight"]

#: Labels of blocks, or of batches, one for every node.
_Labels = tuple[int, ...]


def noise_weight(
    blocks: Sequence[int], batches: Sequence[int], *, N: int, sizes: Sequence[int]
) -> Fraction:
    """Return the weight of nodes in the batches of one round.

    Parameters
    ----------
    blocks
        The block of each node, two nodes or more in every one.
    batches
        The number of the batch of each node.
    N
        The number of rows of the set.
    sizes
        The number of rows of every batch.

    Examples
    --------
    At one step, and at different steps of one epoch:

    >>> [noise_weight((0, 0), batches, N=6, sizes=(2, 2, 2)) for batches in ((2, 2), (0, 1))]
    [Fraction(2, 5), Fraction(-1, 5)]
    """
    if len(set(sizes)) == 1:
        # Which of the batches it is makes no difference.
        batches = restricted_growth_string(batches)
        sizes = tuple(sizes)[:1] * len(batches)
    return _weight(restricted_growth_string(blocks), tuple(batches), N, tuple(sizes))


@lru_cache(maxsize=65536)
def _weight(blocks: _Labels, batches: _Labels, N: int, sizes: tuple[int, ...]) -> Fraction:
    total = Fraction(0)
    for c, power, rows in _terms(blocks, batches):
        # A set of less rows has no such tuple of different ones.
        if sum(rows.values()) <= N:
            ways = prod(perm(sizes[b], j) for b, j in rows.items())
            total += Fraction(c * N**power * ways, perm(N, sum(rows.values())))
    return total / prod(sizes[b] for b in batches)


@lru_cache(maxsize=65536)
def noise_formula(blocks: _Labels, batches: _Labels, N: Expr, B: Expr) -> Expr:
    """Return the weight in symbols, where all batches have B rows.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import B, N
    >>> noise_formula((0, 0), (0, 0), N, B), noise_formula((0, 0), (0, 1), N, B)
    (-(B - N)/(B*(N - 1)), -1/(N - 1))
    """
    terms = [
        Mul(
            Integer(c),
            Pow(N, power),
            *(ff(B, Integer(j)) for j in rows.values()),
            1 / ff(N, Integer(sum(rows.values()))),
        )
        for c, power, rows in _terms(blocks, batches)
    ]
    return factor(Add(*terms) / B ** len(blocks))


def _terms(blocks: _Labels, batches: _Labels) -> Iterator[tuple[int, int, dict[int, int]]]:
    """Yield a coefficient, a power of N, and the number of rows in every batch."""
    for moments in coarsenings(blocks):
        power = max(moments, default=-1) + 1
        for rows in refinements(moments):
            # No row is in two batches of a round.
            if is_refinement(rows, restricted_growth_string(batches)):
                at = dict(zip(rows, batches, strict=True))
                numbers: dict[int, int] = {}
                for batch in at.values():
                    numbers[batch] = numbers.get(batch, 0) + 1
                yield moebius(rows, moments), power, numbers
