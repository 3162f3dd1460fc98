r"""What kernels cost, in gradients of the loss of one datapoint.

A derivative of degree k costs :math:`2^{k - 1}` gradients, a loss alone one half; each that occurs is
counted once, sums and scalar products of vectors not at all. That is what nested derivatives along
vectors cost (measured: 2.1, 4.5, 9.5 and 19 gradients for k = 2, 3, 4, 5).

What has more than one open leg, or closes to a circle, is worked out along all p unit vectors in all legs
but one: the cost is a polynomial in p.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

from sympy import Add, Expr, Rational, Symbol

from sgdiagrams.symbolic.algebra.estimators.kernel import (
    OPEN,
    Circle,
    Derivative,
    Dot,
    KernelSum,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Cost", "as_expression", "cost_of_all"]

#: Powers of p, highest first, with their factors in half gradients: costs compare as for large p.
Cost: TypeAlias = "tuple[tuple[int, int], ...]"


def cost_of_all(parts: Iterable[Derivative | Circle]) -> Cost:
    """Return what derivatives and circles cost together; vectors are the same whatever their leg."""
    total: Counter[int] = Counter()
    for part in {p if isinstance(p, Circle) else _with_open_leg(p) for p in parts}:
        total.update(dict(_of_circle(part)) if isinstance(part, Circle) else _of_derivative(part))
    return tuple(sorted(total.items(), reverse=True))


def as_expression(cost: Cost) -> Expr:
    """Return a cost in gradients: a number, or a polynomial in p.

    Examples
    --------
    >>> as_expression(((1, 8), (0, 3)))
    4*p + 3/2
    """
    return Add(*(Rational(halves, 2) * Symbol("p") ** power for power, halves in cost))


@lru_cache(maxsize=65536)
def _with_open_leg(node: Derivative) -> Derivative:
    """Return a vector with `OPEN` for its leg; anything else as it is."""
    is_vector = len(node.free) == 1 and not any(map(_legs_below, node.arguments))
    return node._replace(free=(OPEN,)) if is_vector else node


def _of_derivative(node: Derivative) -> dict[int, int]:
    below = sum(map(_legs_below, node.arguments))
    return {below + max(len(node.free) - 1, 0) + node.loops: 2**node.degree}


@lru_cache(maxsize=16384)
def _legs_below(combination: KernelSum) -> int:
    """Return the number of free legs inside an argument: that of one of its terms."""
    for _, factors in combination.terms:
        legs = 0
        for factor in factors:
            match factor:
                case Derivative():
                    legs += sum(leg >= 0 for leg in factor.free)
                    legs += sum(map(_legs_below, factor.arguments))
                case Circle():
                    legs += len(factor.free)
                case Dot() | KernelSum():
                    pass
        return legs
    return 0


@lru_cache(maxsize=4096)
def _of_circle(circle: Circle) -> Cost:
    """Return the least cost over the ways to cut circles open and to choose a root."""
    n = len(circle.nodes)
    excess = len(circle.edges) - n + 1
    best: Cost | None = None
    for opened in combinations(range(len(circle.edges)), excess):
        kept = [edge for e, edge in enumerate(circle.edges) if e not in opened]
        if not _is_connected(n, kept):
            continue
        ends = [circle.edges[e] for e in opened]
        for root in [circle.free[0]] if circle.free else range(n):
            cost = _rooted_cost(circle, kept, ends, root)
            best = cost if best is None else min(best, cost)
    return best or ()


def _is_connected(n: int, edges: Sequence[tuple[int, int]]) -> bool:
    reached = [0]
    for v in reached:
        for i, j in edges:
            for one, other in ((i, j), (j, i)):
                if one == v and other not in reached:
                    reached.append(other)
    return len(reached) == n


def _rooted_cost(
    circle: Circle, edges: Sequence[tuple[int, int]], ends: Sequence[tuple[int, int]], root: int
) -> Cost:
    """Return the cost of a tree in which pairs of legs meet along all unit vectors."""
    total: Counter[int] = Counter()

    def visit(v: int, parent: int) -> Counter[int]:
        """Return how many legs of every unit vector, or free leg, there are in the branch at v."""
        legs: Counter[int] = Counter()
        for i, j in edges:
            if v in (i, j) and (w := i + j - v) != parent:
                legs += visit(w, v)
        legs += Counter({e: pair.count(v) for e, pair in enumerate(ends)})
        legs += Counter({-1 - leg: 1 for leg, w in enumerate(circle.free) if w == v})
        # The first free leg, on the root, is left open by reverse mode.
        indices = sum(1 for leg in legs if leg != -1)
        total[indices] += 2 ** circle.degrees[v]
        return Counter({leg: k for leg, k in legs.items() if leg < 0 or k == 1})

    visit(root, -1)
    return tuple(sorted(total.items(), reverse=True))
