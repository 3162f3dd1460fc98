"""From diagrams to contractions: the children of the root are shared out among its factors."""

from __future__ import annotations

from itertools import combinations, product
from typing import TYPE_CHECKING, NamedTuple

from sgdiagrams.diagrams.partitions import restricted_growth_string
from sgdiagrams.diagrams.trees import parents_of_levels
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.contractions.numbering import canonical_numbering
from sgdiagrams.symbolic.vocabulary import L2, LOSS, PENALISED, TRAINING, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.contractions.graph import ValueBasis
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = [
    "Placement",
    "contractions",
    "disjoint_union",
    "fits",
    "is_constant",
    "joint_basis",
    "pulled_updates",
    "shared_out",
]


class Placement(NamedTuple):
    """One way to share out the root's children: nodes and legs as given to the contraction.

    Attributes
    ----------
    edges
        Pairs of nodes; updates are 0, 1, ... in the diagram's preorder, then the root's factors.
    blocks
        The block of every node.
    labels
        The label of every node.
    free
        The node that each free leg hangs on.
    visits
        The visit of every node, where noise is fresh at each.
    """

    edges: tuple[tuple[int, int], ...]
    blocks: tuple[int, ...]
    labels: tuple[str, ...]
    free: tuple[int, ...]
    visits: tuple[int, ...] | None = None

    def contraction(self, basis: Basis) -> Contraction:
        """Return the contraction."""
        is_nested = self.visits is not None and basis == "cumulant"
        return Contraction.from_parts(
            self.edges,
            self.blocks,
            self.labels,
            self.free,
            basis="conditional" if is_nested else basis,
            visits=self.visits,
        )

    def factors_above(self, factors: tuple[str, ...]) -> tuple[int, ...]:
        """Return the number of the factor that the edge of every update ends at; -1 for other edges.

        Examples
        --------
        >>> from sgdiagrams.diagrams import Diagram
        >>> cherry = Diagram.parse("(0-1-2)(02-12)")
        >>> factors = ("loss", "weights")
        >>> [p.factors_above(factors) for p in shared_out(cherry, factors, basis="moment")]
        [(0, 1), (1, 0)]
        """
        roots = [i for i, factor in enumerate(factors) if factor != WEIGHTS]
        coordinates = [i for i, factor in enumerate(factors) if factor == WEIGHTS]
        updates = len(self.blocks) - len(roots)
        result = [-1] * updates
        for v, i in zip(self.free, coordinates, strict=True):
            result[v] = i
        for v, parent in self.edges:
            if parent >= updates:
                result[v] = roots[parent - updates]
        return tuple(result)

    def beside(self, other: Placement) -> Placement:
        """Return the product with another: its nodes and free legs come after these."""
        shift = len(self.blocks)
        above = max(self.blocks, default=-1) + 1
        return Placement(
            (*self.edges, *((i + shift, j + shift) for i, j in other.edges)),
            (*self.blocks, *(block + above for block in other.blocks)),
            (*self.labels, *other.labels),
            (*self.free, *(v + shift for v in other.free)),
        )

    def positions(self) -> tuple[int, ...]:
        """Return where the edge above every update is in the canonical contraction.

        A free leg is its place, an edge the number of free legs plus its number; -1 for the nodes of
        the root.
        """
        graph, number = canonical_numbering(
            self.edges, restricted_growth_string(self.blocks), self.labels, self.free
        )
        place = {edge: len(self.free) + i for i, edge in enumerate(graph.edges)}
        result = [-1] * len(self.blocks)
        for leg, v in enumerate(self.free):
            result[v] = leg
        for v, parent in self.edges:  # as made: child first
            i, j = number[v], number[parent]
            result[v] = place[min(i, j), max(i, j)]
        return tuple(result)


def fits(diagram: Diagram, factors: tuple[str, ...]) -> bool:
    """Tell whether the root has enough children, and not too many, for its factors."""
    children = diagram.levels.count(1)
    coordinates = factors.count(WEIGHTS)
    return children == coordinates if coordinates == len(factors) else children >= coordinates


def contractions(
    diagram: Diagram,
    factors: tuple[str, ...],
    *,
    basis: Basis,
    is_penalised: bool = False,
    updates: str | None = None,
    pulled: tuple[int, ...] = (),
) -> Iterator[Contraction]:
    r"""Yield the contractions of a diagram, one for every way to share out the root's children.

    Parameters
    ----------
    diagram
        With the root isolated, or in the partition for the training loss.
    factors
        The factors at the root: see `sgdiagrams.symbolic.observable.Product`.
    basis
        ``"moment"`` or ``"cumulant"``.
    is_penalised
        Whether the losses of the updates have an L2 penalty. It shows in their first two derivatives
        only, and in no joint cumulant.
    updates
        The label of updates that see another penalty, which shows in all derivatives; None without.
    pulled
        The updates that are those of decoupled weight decay: see `pulled_updates`.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> cherry = Diagram.parse("(0-1-2)(02-12)")
    >>> list(contractions(cherry, ("weights", "weights"), basis="moment"))
    [G_a G_b, G_a G_b]
    >>> list(contractions(cherry, ("loss", "loss"), basis="moment"))[:2]
    [G_a H_ab G_b l, G_a G_a G_b G_b]
    """
    ways = shared_out(diagram, factors, basis=basis, is_penalised=is_penalised, updates=updates)
    for placement in ways:
        labels = tuple(L2 if v in pulled else label for v, label in enumerate(placement.labels))
        yield placement._replace(labels=labels).contraction(basis)


def shared_out(
    diagram: Diagram,
    factors: tuple[str, ...],
    *,
    basis: Basis,
    is_penalised: bool = False,
    updates: str | None = None,
) -> Iterator[Placement]:
    """Yield the ways to share out the root's children; arguments as for `contractions`."""
    if not fits(diagram, factors):
        return
    parents = parents_of_levels(diagram.levels)  # of nodes 1, 2, ... in preorder
    n = len(diagram.levels)
    children = [v for v in range(1, n) if parents[v - 1] == 0]
    inner = [(v, parents[v - 1]) for v in range(1, n) if parents[v - 1] != 0]
    # Nodes: the updates are 0..n-2, then one node for every factor but coordinates.
    roots = [i for i, factor in enumerate(factors) if factor != WEIGHTS]
    node_of = {i: n - 1 + place for place, i in enumerate(roots)}
    root_labels = [LOSS if factors[i] in (LOSS, TRAINING) else factors[i] for i in roots]
    blocks = list(diagram.labels[1:])
    first_new = max(diagram.labels) + 1
    visits = None
    if diagram.visit_labels is not None:
        # The root's factors have noise of their own.
        last = max(diagram.visit_labels)
        visits = (*diagram.visit_labels[1:], *range(last + 1, last + 1 + len(roots)))
    for place, i in enumerate(roots):
        tied = factors[i] == TRAINING
        blocks.append(diagram.labels[0] if tied else first_new + place)
    for choice in product(range(len(factors)), repeat=len(children)):
        if any(choice.count(i) != 1 for i, f in enumerate(factors) if f == WEIGHTS):
            continue
        edges = [(v - 1, parent - 1) for v, parent in inner]
        free = [-1] * factors.count(WEIGHTS)
        for v, i in zip(children, choice, strict=True):
            if factors[i] == WEIGHTS:
                free[factors[:i].count(WEIGHTS)] = v - 1
            else:
                edges.append((v - 1, node_of[i]))
        labels = [LOSS] * (n - 1) + root_labels
        if is_penalised or updates:
            legs = [0] * (n - 1)
            for pair in edges:
                for w in pair:
                    if w < n - 1:
                        legs[w] += 1
            for w in free:
                legs[w] += 1
            for w in range(n - 1):
                joint = basis == "cumulant" and blocks.count(blocks[w]) > 1
                if not joint and (updates or legs[w] <= 2):
                    labels[w] = updates or PENALISED
        yield Placement(tuple(edges), tuple(blocks), tuple(labels), tuple(free), visits)


def pulled_updates(diagram: Diagram) -> Iterator[tuple[int, ...]]:
    """Yield the sets of updates that decoupled weight decay can stand for, without the root.

    It needs no datapoint, and its gradient is linear: such a node is alone in its block, and has at most
    one child. Updates are numbered in preorder, from 0.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> list(pulled_updates(Diagram.parse("(0-1-2)(02-12)")))
    [(), (0,), (1,), (0, 1)]
    """
    parents = parents_of_levels(diagram.levels)
    fit = [
        v - 1
        for v in range(1, len(diagram.levels))
        if diagram.labels.count(diagram.labels[v]) == 1 and parents.count(v) < 2
    ]
    for size in range(len(fit) + 1):
        yield from combinations(fit, size)


def disjoint_union(first: Contraction, second: Contraction) -> Contraction:
    """Return the product of two contractions as one: free indices of the first come first.

    Examples
    --------
    >>> one = Contraction.build([], [[0]], free=[0])
    >>> disjoint_union(one, one)
    G_a G_b
    """
    if not (first.node_count and second.node_count):
        return first if first.node_count else second
    shift = first.node_count
    edges = [*first.edges, *((i + shift, j + shift) for i, j in second.edges)]
    above = max(first.partition) + 1
    blocks = [*first.partition, *(b + above for b in second.partition)]
    free = [*first.free, *(v + shift for v in second.free)]
    labels = [*first.labels, *second.labels]
    basis = joint_basis(first, second)
    visits = None
    if first.has_visits or second.has_visits:
        above = max(first.visits) + 1
        visits = [*first.visits, *(visit + above for visit in second.visits)]
    return Contraction.from_parts(edges, blocks, labels, free, basis=basis, visits=visits)


def joint_basis(first: Contraction, second: Contraction) -> ValueBasis:
    """Return the basis of a product of two contractions, which go together.

    Functions of the weights are the same in all bases, and single moments are cumulants too.

    Examples
    --------
    >>> joint_basis(Contraction.parse("s"), Contraction.parse("G^_a")), joint_basis(
    ...     Contraction.parse("G_a"), Contraction.parse("C_ab"))
    ('plug-in', 'cumulant')
    """
    if is_constant(first) or is_constant(second):
        return second.basis if is_constant(first) else first.basis
    bases = (first.basis, second.basis)
    return next((basis for basis in ("cumulant", "conditional") if basis in bases), first.basis)


def is_constant(contraction: Contraction) -> bool:
    """Tell whether a contraction has functions of the weights alone: it is the same in all bases.

    Examples
    --------
    >>> is_constant(Contraction.parse("s_a s_a")), is_constant(Contraction.parse("s_a G_a"))
    (True, False)
    """
    return LOSS not in contraction.labels and PENALISED not in contraction.labels
