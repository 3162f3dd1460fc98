"""The diagram: a rooted tree with a partition of its nodes, as an immutable canonical value."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.canonical import canonical_form
from sgdiagrams.diagrams.errors import DiagramError
from sgdiagrams.diagrams.partitions import block_numbers, blocks_of
from sgdiagrams.diagrams.trees import parents_of_levels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import networkx as nx

__all__ = ["Diagram"]

# Far beyond any order that can be enumerated.
_MOST_NODES = 1000

_TEXT = re.compile(r"\(([0-9.]+(?:-[0-9.]+)*)\)\(((?:[0-9.]+(?:-[0-9.]+)*)?)\)")


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Diagram:
    """A rooted tree with a partition of its nodes; equal exactly when isomorphic.

    The root is the observable at the end of training. Every other node is one gradient update; an edge
    child -> parent says that the parent's factor is differentiated along the child's update; nodes in
    one block use the same datapoint (Tenka, "A Perturbative Theory of SGD", 2020, section 3).

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

    Attributes
    ----------
    levels
        The canonical level sequence: depths in preorder, root first.
    labels
        The block labels along `levels`: a restricted growth string.
    symmetry_factor
        The number of automorphisms of the tree that carry blocks to blocks.

    Raises
    ------
    DiagramError
        When `parents` is no tree with root ``n - 1`` or `blocks` is no partition of its nodes.

    Examples
    --------
    >>> cherry = Diagram([2, 2], [[0, 1], [2]])
    >>> cherry
    Diagram.parse('(01-2)(02-12)')
    >>> cherry.order, cherry.symmetry_factor
    (2, 2)
    >>> Diagram([3, 2, 3], [[0], [2], [1], [3]]) == Diagram([1, 3, 3], [[0], [1], [2], [3]])
    True
    """

    levels: tuple[int, ...]
    labels: tuple[int, ...]
    symmetry_factor: int

    def __init__(self, parents: Sequence[int], blocks: Iterable[Iterable[int]]) -> None:
        root = len(parents)
        if root >= _MOST_NODES:
            raise DiagramError(f"expected at most {_MOST_NODES} nodes, got {root + 1}")
        numbers = block_numbers(blocks, root + 1)
        try:
            form = canonical_form(_children(parents), root, numbers)
        except RecursionError:
            raise DiagramError(
                f"expected fewer equal branches, got {root + 1} nodes whose order is hard to decide"
            ) from None
        order, levels, labels, symmetry_factor = form
        if len(order) <= root:
            lost = min(set(range(root)).difference(order))
            raise DiagramError(
                f"expected a tree, but node {lost} is not connected to the root {root}"
            )
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "symmetry_factor", symmetry_factor)

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
        return self

    @classmethod
    def parse(cls, text: str) -> Diagram:
        """Read the literature's text form ``(blocks)(edges)``.

        Blocks and edges are separated by ``-``; edges are written child first; children have smaller
        numbers than parents and the root has the greatest. From ten nodes on, the numbers inside a
        block or an edge are separated by ``.``.

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
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            raise DiagramError(
                f"expected a diagram such as '(01-2)(02-12)', got {_short(text)}; "
                "write (blocks)(edges), separated by '-'"
            )
        dotted = "." in text
        blocks = [_numbers(block, text, dotted=dotted) for block in match[1].split("-")]
        edges = [_numbers(edge, text, dotted=dotted) for edge in match[2].split("-") if edge]
        n = len(edges) + 1
        if n > 10 and not dotted:
            raise DiagramError(
                f"expected '.' between numbers from ten nodes on, got {_short(text)} with {n} nodes"
            )
        parents = [-1] * (n - 1)
        for edge in edges:
            if len(edge) != 2:
                raise DiagramError(
                    "expected edges of two numbers, child and parent, "
                    f"got {len(edge)} numbers in {_short(text)}"
                )
            child, parent = edge
            if not child < parent < n:
                raise DiagramError(
                    f"expected edges child-parent with child < parent <= {n - 1} (the root is last), "
                    f"got {child}-{parent} in {_short(text)}"
                )
            if parents[child] >= 0:
                raise DiagramError(
                    f"expected one parent a node, got two for node {child} in {_short(text)}"
                )
            parents[child] = parent
        return cls(parents, blocks)

    @classmethod
    def from_networkx(cls, graph: nx.DiGraph[Any]) -> Diagram:
        """Read a directed graph with edges child -> parent and the node attribute ``block``.

        Raises
        ------
        DiagramError
            When the graph is no rooted tree or a node has no ``block``.

        Examples
        --------
        >>> Diagram.from_networkx(Diagram.parse("(01-2)(02-12)").to_networkx())
        Diagram.parse('(01-2)(02-12)')
        """
        roots = [v for v in graph if graph.out_degree(v) == 0]
        if len(roots) != 1:
            raise DiagramError(f"expected one root (a node without parent), got {len(roots)}")
        nodes = [v for v in graph if v != roots[0]] + roots
        number = {v: i for i, v in enumerate(nodes)}
        members: dict[Any, list[int]] = {}
        for v, data in graph.nodes(data=True):
            if "block" not in data:
                raise DiagramError(
                    f"expected the attribute 'block' on every node, not on node {v!r}"
                )
            members.setdefault(data["block"], []).append(number[v])
        parents = []
        for v in nodes[:-1]:
            above = list(graph.successors(v))
            if len(above) != 1:
                raise DiagramError(f"expected one parent a node, got {len(above)} for node {v!r}")
            parents.append(number[above[0]])
        return cls(parents, members.values())

    def to_networkx(self) -> nx.DiGraph[int]:
        """Return the tree as a directed graph child -> parent, with the node attribute ``block``.

        Nodes have the numbers of the text form; ``block`` is the index into `blocks`.

        Examples
        --------
        >>> sorted(Diagram.parse("(01-2)(02-12)").to_networkx().nodes(data="block"))
        [(0, 0), (1, 0), (2, 1)]
        """
        import networkx as nx

        graph: nx.DiGraph[int] = nx.DiGraph()
        for index, block in enumerate(self.blocks):
            graph.add_nodes_from(block, block=index)
        graph.add_edges_from(self.edges)
        return graph

    def quotient(self) -> nx.DiGraph[int]:
        """Return the graph of blocks: an edge for every edge of the tree, child's block -> parent's.

        Examples
        --------
        >>> sorted(Diagram.parse("(02-1-3)(01-13-23)").quotient().edges)
        [(0, 1), (0, 2), (1, 2)]
        """
        import networkx as nx

        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from(range(len(self.blocks)))
        home = {v: b for b, block in enumerate(self.blocks) for v in block}
        graph.add_edges_from((home[child], home[parent]) for child, parent in self.edges)
        return graph

    @property
    def order(self) -> int:
        """The number of edges: the power of the learning rate."""
        return len(self.levels) - 1

    @property
    def root(self) -> int:
        """The number of the root: the last one."""
        return len(self.levels) - 1

    @property
    def parents(self) -> tuple[int, ...]:
        """The parent of every node but the root, in the numbering of the text form."""
        last = self.root
        return tuple(last - parent for parent in reversed(parents_of_levels(self.levels)))

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """The edges (child, parent), by child."""
        return tuple(enumerate(self.parents))

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The blocks, each sorted, by least node."""
        last = self.root
        blocks = (tuple(last - i for i in reversed(block)) for block in blocks_of(self.labels))
        return tuple(sorted(blocks))

    @property
    def child_counts(self) -> tuple[int, ...]:
        """The number of children of every node."""
        counts = Counter(self.parents)
        return tuple(counts[v] for v in range(len(self.levels)))

    @property
    def root_is_tied(self) -> bool:
        """Whether the root shares its block, as it may for the training loss."""
        return self.labels.count(0) > 1

    @property
    def links(self) -> tuple[int, ...]:
        """The links: non-root nodes with exactly one child that are alone in their block."""
        singles = {block[0] for block in self.blocks if len(block) == 1}
        counts = self.child_counts
        return tuple(v for v in range(self.root) if counts[v] == 1 and v in singles)

    @property
    def is_linkless(self) -> bool:
        """Whether the diagram has no link, as in the re-summed series."""
        return not self.links

    @property
    def is_one_pass(self) -> bool:
        """Whether one pass with batches of one can realise the diagram.

        The quotient of the tree without its root by the blocks must have no directed cycle. For two
        nodes of a block this means that neither is above the other, but for order 4 and more the
        quotient can have a cycle without such a pair.

        Examples
        --------
        >>> Diagram.parse("(01-2)(01-12)").is_one_pass
        False
        """
        home = {v: b for b, block in enumerate(self.blocks) for v in block}
        below: dict[int, set[int]] = {b: set() for b in home.values()}
        for child, parent in self.edges:
            if parent != self.root:
                below[home[parent]].add(home[child])
        ready = [b for b, blocks in below.items() if not blocks]
        done = 0
        while ready:
            b = ready.pop()
            done += 1
            for other, blocks in below.items():
                if b in blocks:
                    blocks.remove(b)
                    if not blocks:
                        ready.append(other)
        return done == len(below)

    def _repr_svg_(self) -> str:
        """Return the picture that notebooks show; drawing is a module of its own."""
        from sgdiagrams.diagrams.pictures.svg import diagram_svg

        return diagram_svg(self)

    def __str__(self) -> str:
        separator = "." if len(self.levels) > 9 else ""
        blocks = "-".join(separator.join(map(str, block)) for block in self.blocks)
        edges = "-".join(separator.join(map(str, edge)) for edge in self.edges)
        return f"({blocks})({edges})"

    def __repr__(self) -> str:
        return f"Diagram.parse({str(self)!r})"


def _children(parents: Sequence[int]) -> list[list[int]]:
    """Return the children of every node, or raise when a parent is no other node."""
    root = len(parents)
    children: list[list[int]] = [[] for _ in range(root + 1)]
    for v, parent in enumerate(parents):
        if not 0 <= parent <= root or parent == v:
            raise DiagramError(
                f"expected a parent in 0..{root} for node {v}, got {parent}; "
                f"parents has one entry a node but the root, which is node {root}"
            )
        children[parent].append(v)
    return children


def _numbers(text: str, whole: str, *, dotted: bool) -> list[int]:
    parts = text.split(".") if dotted else list(text)
    if not all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts):
        raise DiagramError(f"expected numbers separated by '.', got {text!r} in {_short(whole)}")
    return [int(part) for part in parts]


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
