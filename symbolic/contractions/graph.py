"""The structure of a contraction: a decorated graph, and its text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from sgdiagrams.diagrams.errors import DiagramError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.partitions import Partition, blocks_of, partition_of_blocks

__all__ = [
    "ContractedGraph",
    "Graph",
    "Metric",
    "ValueBasis",
    "graph_text",
    "parse_graph",
]

Edges = tuple[tuple[int, int], ...]

#: What blocks are: of a population (conditional: cumulants over datapoints of cumulants over the noise of
#: their visits), averages over samples, or averages over distinct samples.
ValueBasis = Literal["moment", "cumulant", "conditional", "plug-in", "distinct"]
Metric = Literal["identity", "eta"]


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph with a partition, labels and free legs, in canonical numbering.

    Attributes
    ----------
    edges
        Pairs (i, j) with i <= j, sorted. Edges may close circles: a pair may occur several times, and
        (i, i) is a *self-loop*, which takes two legs of its node.
    partition
        The restricted growth string of the blocks.
    labels
        The label of every node.
    free
        The node that each free leg hangs on.
    visits
        The restricted growth string of the visits, inside the blocks; None where each block is one.
    """

    edges: Edges
    partition: Partition
    labels: tuple[str, ...]
    free: tuple[int, ...]
    visits: Partition | None = None


class ContractedGraph(Protocol):
    """What is known of a contraction below it: a canonical graph, its basis and its metric.

    The attributes are those of `sgdiagrams.symbolic.contractions.contraction.Contraction`.
    """

    @property
    def edges(self) -> Edges:
        """The edges (i, j) with i <= j."""

    @property
    def partition(self) -> Partition:
        """The restricted growth string of the blocks."""

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The blocks, each sorted, by least node."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The label of every node."""

    @property
    def free(self) -> tuple[int, ...]:
        """The node that each free leg hangs on."""

    @property
    def visits(self) -> Partition:
        """The restricted growth string of the visits, inside the blocks."""

    @property
    def node_count(self) -> int:
        """The number of nodes."""

    @property
    def legs(self) -> tuple[int, ...]:
        """The number of derivative indices of every node."""

    @property
    def basis(self) -> ValueBasis:
        """What a block of several nodes stands for."""

    @property
    def metric(self) -> Metric:
        """What joins the two ends of an edge."""

    def with_metric(self, metric: Metric) -> Self:
        """Return the same with another metric."""

    def __hash__(self) -> int: ...


_NUMBER = "[0-9]{1,6}"
_VISIT = rf"{_NUMBER}(?:\.{_NUMBER})*"
_BLOCK = rf"{_VISIT}(?:\|{_VISIT})*"
_TEXT = re.compile(
    rf"\(((?:{_BLOCK}(?:-{_BLOCK})*)?)\)"
    rf"\(((?:{_NUMBER}\.{_NUMBER}(?:-{_NUMBER}\.{_NUMBER})*)?)\)"
)


def graph_text(graph: Graph) -> str:
    """Write edges and blocks as ``(blocks)(edges)``: numbers parted by ``.`` always, visits by bars."""
    visits = blocks_of(graph.partition if graph.visits is None else graph.visits)
    blocks = "-".join(
        "|".join(".".join(map(str, visit)) for visit in visits if visit[0] in block)
        for block in blocks_of(graph.partition)
    )
    edges = "-".join(f"{i}.{j}" for i, j in graph.edges)
    return f"({blocks})({edges})"


def parse_graph(text: str) -> tuple[Edges, Partition, Partition]:
    """Read the text of `graph_text`: edges, blocks and visits.

    Raises
    ------
    DiagramError
        When the text has another form.

    Examples
    --------
    >>> parse_graph("(0-1.2)(0.1-0.2)")
    (((0, 1), (0, 2)), (0, 1, 1), (0, 1, 1))
    >>> parse_graph("(0-1|2)(0.1-0.2)")[2]
    (0, 1, 2)
    """
    match = _TEXT.fullmatch(text) if len(text) <= 10_000 else None
    if match is None:
        raise DiagramError(
            f"expected a contraction such as '(0-1.2)(0.1-0.2)', got {shown(text[:60])}"
        )
    visits = [
        [[int(v) for v in visit.split(".")] for visit in block.split("|")]
        for block in match[1].split("-")
        if block
    ]
    blocks = [[v for visit in of_block for v in visit] for of_block in visits]
    n = sum(map(len, blocks))
    edges = [(int(i), int(j)) for i, j in (edge.split(".") for edge in match[2].split("-") if edge)]
    inside = partition_of_blocks([visit for of_block in visits for visit in of_block], n)
    return tuple(edges), partition_of_blocks(blocks, n), inside
