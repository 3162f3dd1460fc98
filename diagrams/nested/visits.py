r"""Noise that is fresh at every visit: all ways to split the blocks of a diagram into visits.

Augmentation, dropout and label noise draw anew at every visit of a datapoint. A diagram then has two
partitions, one inside the other: nodes of a block share the datapoint, those of a visit its noise too.
The root shares no visit: the loss that is looked at has noise of its own.
"""

from __future__ import annotations

from functools import cache
from math import comb
from typing import TYPE_CHECKING, Literal, get_args

from sgdiagrams.diagrams.diagram import Diagram
from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.partitions import (
    bell_number,
    blocks_of,
    refinements,
    restricted_growth_string,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["VisitNoise", "check_visits", "nested_bell_number", "with_visits"]

#: Whether a datapoint has the same noise at all its visits, or fresh noise at each.
VisitNoise = Literal["same", "fresh"]


def check_visits(visits: object) -> None:
    """Raise a RequestError unless a value says what noise is at the visits of a datapoint."""
    if not isinstance(visits, str) or visits not in get_args(VisitNoise):
        raise RequestError(f"expected visits='same' or visits='fresh', got visits={shown(visits)}")


def with_visits(diagram: Diagram, *, one_pass: bool = False) -> Iterator[Diagram]:
    """Yield a diagram with its blocks split into visits in all ways, each once.

    Parameters
    ----------
    diagram
        Without visits.
    one_pass
        Only one visit for every block, as in one pass; a tied root has its own.

    Examples
    --------
    >>> for fresh in with_visits(Diagram.parse("(01-2)(02-12)")):
    ...     print(fresh, fresh.symmetry_factor)
    (01-|2)(02-12) 2
    (0|1-|2)(02-12) 2
    """
    last = diagram.root
    coarsest = restricted_growth_string((-1, *diagram.labels[1:]))
    parents, blocks = diagram.parents, diagram.blocks
    seen: set[Diagram] = set()
    for labels in [coarsest] if one_pass else refinements(coarsest):
        visits = [[last - i for i in visit] for visit in blocks_of(labels)]
        fresh = Diagram(parents, blocks, visits)
        if fresh not in seen:
            seen.add(fresh)
            yield fresh


@cache
def nested_bell_number(n: int, *, root: bool = False) -> int:
    """Return the number of pairs of partitions of n elements, one inside the other (OEIS A000258).

    With `root`, there is one more element, which shares blocks and is alone in its visit.

    Examples
    --------
    >>> [nested_bell_number(n) for n in range(7)]
    [1, 1, 3, 12, 60, 358, 2471]
    >>> nested_bell_number(1, root=True)  # with the root in the block, or not
    2
    """
    if root:
        # k elements are in the root's block, split into visits in any way.
        ways = (comb(n, k) * bell_number(k) * nested_bell_number(n - k) for k in range(n + 1))
        return sum(ways)
    if n == 0:
        return 1
    # Those that share the block of the last element.
    return sum(
        comb(n - 1, k) * bell_number(k + 1) * nested_bell_number(n - 1 - k) for k in range(n)
    )
