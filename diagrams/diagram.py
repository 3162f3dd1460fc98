"""The diagram: a rooted tree with a partition of its nodes, as an immutable canonical value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams import graphs
from sgdiagrams.diagrams.canonical.form import canonical_form
from sgdiagrams.diagrams.canonical.nesting import nested_form
from sgdiagrams.diagrams.decorated_tree import DecoratedTree
from sgdiagrams.diagrams.errors import DiagramError, listed
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.partitions import block_numbers, restricted_growth_string
from sgdiagrams.diagrams.pictures.drawing import diagram_svg
from sgdiagrams.diagrams.text_form import read_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import networkx as nx

__all__ = ["Diagram"]

# Far beyond any order that can be enumerated.
_MOST_NODES = 1000


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Diagram(DecoratedTree):
    """A rooted tree with a partition of its nodes; equal exactly when isomorphic.

    The root is the observable at the end of training. Every other node is one gradient update; an edge
    child -> parent says that the parent's factor is differentiated along the child's update; nodes in
    one block use the same datapoint (Tenka, "A Perturbative Analysis of Stochastic Descent", 2020).

    Nodes are numbered as in the literature: children before parents, the root last. Every constructor
    checks its input and brings it to the canonical form, in which nodes are numbered backwards along
    the greatest level sequence with the least restricted growth string.

    Parameters
    ----------
    parents
        The parent of each node but the root: ``n - 1`` numbers for ``n`` nodes; node ``n - 1`` is the
        root. Any tree is accepted, in any numbering that puts the root last.
    blocks
        The blocks of the partition of ``0..n - 1``.
    visits
        Where noise (augmentation, dropout, label noise) is fresh at every visit of a datapoint: the
        nodes that share the visit, a second partition inside the first; the root is alone in it. None
        where there is no such noise, or a datapoint has the same at all its visits.

    Attributes
    ----------
    levels
        The canonical level sequence: depths in preorder, root first.
    labels
        The block labels along `levels`: a restricted growth string.
    symmetry_factor
        The number of automorphisms of the tree that carry blocks to blocks, and visits to visits.
    visit_labels
        The visits along `levels`, a restricted growth string; or None.

    Raises
    ------
    DiagramError
        When `parents` is no tree with root ``n - 1``, `blocks` is no partition of its nodes, `visits`
        none that is finer and has the root alone, or the ties are so many and so regular that no
        canonical form is found in seconds.

    Examples
    --------
    >>> cherry = Diagram([2, 2], [[0, 1], [2]])
    >>> cherry
    Diagram.parse('(01-2)(02-12)')
    >>> cherry.order, cherry.symmetry_factor
    (2, 2)
    >>> Diagram([3, 2, 3], [[0], [2], [1], [3]]) == Diagram([1, 3, 3], [[0], [1], [2], [3]])
    True

    One datapoint at two visits, with fresh noise at each:

    >>> Diagram([2, 2], [[0, 1], [2]], [[0], [1], [2]])
    Diagram.parse('(0|1-|2)(02-12)')
    """

    # Without `field` the abstract properties of the base would be taken for default values.
    levels: tuple[int, ...] = field()
    labels: tuple[int, ...] = field()
    symmetry_factor: int
    visit_labels: tuple[int, ...] | None = field()

    def __init__(
        self,
        parents: Sequence[int],
        blocks: Iterable[Iterable[int]],
        visits: Iterable[Iterable[int]] | None = None,
    ) -> None:
        parents = listed("parents", parents, called="a list of parents", error=DiagramError)
        root = len(parents)
        if root >= _MOST_NODES:
            raise DiagramError(f"expected at most {_MOST_NODES} nodes, got {root + 1}")
        numbers = block_numbers(blocks, root + 1)
        children = _children(parents)
        inside = None if visits is None else _visit_numbers(visits, numbers)
        if inside is None:
            order, levels, labels, symmetry_factor = canonical_form(children, root, numbers)
        else:
            order, levels, labels, symmetry_factor = nested_form(children, numbers, inside)
        if len(order) <= root:
            lost = min(set(range(root)).difference(order))
            raise DiagramError(
                f"expected a tree, but node {lost} is not connected to the root {root}"
            )
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "symmetry_factor", symmetry_factor)
        of_visits = None if inside is None else restricted_growth_string(inside[v] for v in order)
        object.__setattr__(self, "visit_labels", of_visits)

    @classmethod
    def from_canonical(
        cls, levels: tuple[int, ...], labels: tuple[int, ...], symmetry_factor: int
    ) -> Diagram:
        """Wrap a form that is canonical already, unchecked: for enumerators.

        Parameters
        ----------
        levels, labels, symmetry_factor
            As the attributes of the class. Nothing is checked: a form that is not canonical gives a
            diagram that compares unequal to its isomorphic copies.
        """
        self = object.__new__(cls)
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "symmetry_factor", symmetry_factor)
        object.__setattr__(self, "visit_labels", None)
        return self

    @property
    def without_visits(self) -> Diagram:
        """The diagram of the datapoints alone.

        Examples
        --------
        >>> Diagram.parse("(0|1-|2)(02-12)").without_visits
        Diagram.parse('(01-2)(02-12)')
        """
        return self if self.visit_labels is None else Diagram(self.parents, self.blocks)

    @classmethod
    def parse(cls, text: str) -> Diagram:
        """Read the literature's text form ``(blocks)(edges)``.

        Blocks and edges are separated by ``-``; edges are written child first; children have smaller
        numbers than parents and the root has the greatest. From ten nodes on, the numbers inside a
        block or an edge are separated by ``.``. Bars separate the visits of a block, the root's from all
        others: ``(0|1-|2)(02-12)`` has fresh noise at every visit, ``(01-2)(02-12)`` has not.

        Raises
        ------
        DiagramError
            When the text has another form or does not describe a diagram.

        Examples
        --------
        >>> Diagram.parse("(0-1-2)(01-12)").symmetry_factor
        1
        >>> Diagram.parse("(0)()").order
        0
        """
        return cls(*read_tree(text))

    @classmethod
    def from_networkx(cls, graph: nx.DiGraph[Any]) -> Diagram:
        """Read a directed graph with edges child -> parent and the node attribute ``block``.

        With the attribute ``visit`` on all nodes as well the diagram has visits.

        Raises
        ------
        DiagramError
            When the graph is undirected, has parallel edges or is no rooted tree, or when a node has no
            ``block``, or only some have a ``visit``.

        Examples
        --------
        >>> Diagram.from_networkx(Diagram.parse("(01-2)(02-12)").to_networkx())
        Diagram.parse('(01-2)(02-12)')
        """
        return cls(*graphs.from_networkx(graph))

    def to_networkx(self) -> nx.DiGraph[int]:
        """Return the tree as a directed graph child -> parent, with the node attribute ``block``.

        Nodes have the numbers of the text form; ``block`` is the index into `blocks`, and ``visit``,
        which is there where noise is fresh at every visit, that into `visits`.

        Examples
        --------
        >>> sorted(Diagram.parse("(01-2)(02-12)").to_networkx().nodes(data="block"))
        [(0, 0), (1, 0), (2, 1)]
        """
        return graphs.to_networkx(self)

    def quotient(self) -> nx.DiGraph[int]:
        """Return the graph of blocks: an edge for every edge of the tree, child's block -> parent's.

        Examples
        --------
        >>> sorted(Diagram.parse("(02-1-3)(01-13-23)").quotient().edges)
        [(0, 1), (0, 2), (1, 2)]
        """
        return graphs.quotient(self)

    def is_isomorphic(self, other: DecoratedTree) -> bool:
        """Tell by networkx whether there is an isomorphism: a witness of ``==``, and slower.

        Examples
        --------
        >>> one, two = Diagram.parse("(02-1-3)(01-13-23)"), Diagram.parse("(01-2-3)(03-12-23)")
        >>> one.is_isomorphic(two), one == two
        (True, True)
        """
        return graphs.are_isomorphic(self, other)

    def automorphisms(self) -> Iterator[dict[int, int]]:
        """Yield the automorphisms, by networkx: for every node its image.

        There are as many as the symmetry factor says.

        Examples
        --------
        >>> sorted(sorted(image.items()) for image in Diagram.parse("(01-2)(02-12)").automorphisms())
        [[(0, 0), (1, 1), (2, 2)], [(0, 1), (1, 0), (2, 2)]]
        """
        return graphs.automorphisms(self)

    def _repr_svg_(self) -> str:
        """Return the picture that notebooks show."""
        return diagram_svg(self)

    def __repr__(self) -> str:
        return f"Diagram.parse({str(self)!r})"


def _visit_numbers(visits: Iterable[Iterable[int]], blocks: Sequence[int]) -> list[int]:
    """Return the number of every node's visit, or raise when visits are not inside the blocks."""
    numbers = block_numbers(visits, len(blocks))
    home = dict(zip(numbers, blocks, strict=True))
    for v, (visit, block) in enumerate(zip(numbers, blocks, strict=True)):
        if home[visit] != block:
            raise DiagramError(f"expected visits inside the blocks, but that of node {v} is in two")
    if numbers.count(numbers[-1]) > 1:
        raise DiagramError(
            f"expected the root {len(blocks) - 1} alone in its visit: it may share a datapoint, with "
            "noise of its own"
        )
    return numbers


def _children(parents: Sequence[int]) -> list[list[int]]:
    """Return the children of every node, or raise when a parent is no other node."""
    root = len(parents)
    children: list[list[int]] = [[] for _ in range(root + 1)]
    for v, parent in enumerate(parents):
        if not 0 <= parent <= root or parent == v:
            raise DiagramError(
                f"expected a parent in 0..{root} for node {v}, got {shown(parent)}; "
                f"parents has one entry a node but the root, which is node {root}"
            )
        children[parent].append(v)
    return children
