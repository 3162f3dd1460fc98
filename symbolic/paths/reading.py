"""The factors of an expectation's diagram in reading order, with numbered indices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.contractions.factors import Tensor
from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sgdiagrams.symbolic.paths.path_terms import PathMean

__all__ = ["Response", "Vertex", "read_factors"]


@dataclass(frozen=True, slots=True)
class Response:
    """The response of a parent's weights to a push at a child's time.

    Attributes
    ----------
    indices
        The numbers of the indices at the parent and at the child.
    nodes
        Parent and child.
    """

    indices: tuple[int, int]
    nodes: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Vertex:
    """A block of nodes.

    Attributes
    ----------
    tensor
        The joint cumulant of derivatives, in the basis of cumulants.
    nodes
        The node of every index group. A coordinate of the weights has an index of its own.
    """

    tensor: Tensor
    nodes: tuple[int, ...]


def read_factors(mean: PathMean, first: int) -> tuple[tuple[Response | Vertex, ...], int]:
    """Return the factors from the roots down, and the number of the next free index.

    A block is written when edges to all of its nodes have been, so that every index is first met on the
    way down. Coordinates of the weights that have a child are free indices of its propagator.

    Parameters
    ----------
    mean
        The diagram.
    first
        The number of the first index that is neither free nor used; free ones are 0, 1, ...

    Examples
    --------
    >>> from sgdiagrams.symbolic.paths.path_terms import Root
    >>> from sgdiagrams.symbolic.paths.canonical_means import canonical_mean
    >>> excess = canonical_mean([Root("loss")], [0, 0], [0, 1, 1])
    >>> [getattr(f, "indices", None) or f.tensor.groups for f in read_factors(excess, 0)[0]]
    [((0, 1),), (0, 2), (1, 3), ((2,), (3,))]
    """
    reader = _Reader(mean, first)
    factors = tuple(reader.factors())
    return factors, reader.counter


class _Reader:
    """Walks down a diagram."""

    def __init__(self, mean: PathMean, first: int) -> None:
        self.mean = mean
        r, n = len(mean.roots), len(mean.blocks)
        self.parent = dict(enumerate(mean.parents, start=r))
        self.children: list[list[int]] = [[] for _ in range(n)]
        size = [1] * n
        for v in reversed(range(r, n)):
            self.children[self.parent[v]].append(v)
            size[self.parent[v]] += size[v]
        for kids in self.children:
            # Short branches first, so that the longest one continues the line.
            kids.sort(key=lambda v: (size[v], v))
        self.counter = first
        # Of every update, the index at its parent and its own.
        above: dict[int, int] = {}
        own: dict[int, int] = {}
        for step in self._steps():
            if isinstance(step, int):
                if step not in own:
                    own[step] = self._new()
                continue
            for kid in (kid for v in step for kid in self.children[v]):
                root = mean.roots[self.parent[kid]] if self.parent[kid] < r else None
                is_free = root is not None and root.factor == WEIGHTS
                above[kid] = root.leg if root is not None and is_free else self._new()
            for v in step:
                if v >= r and v not in own:
                    own[v] = self._new()
        self.ends = {v: (above[v], own[v]) for v in above}

    def _new(self) -> int:
        self.counter += 1
        return self.counter - 1

    def _steps(self) -> Iterator[int | tuple[int, ...]]:
        """Go through the propagators, named by their child, and the blocks."""
        mean = self.mean
        r, n = len(mean.roots), len(mean.blocks)
        nodes_of: dict[int, tuple[int, ...]] = {}
        for v in range(n):
            nodes_of[mean.blocks[v]] = (*nodes_of.get(mean.blocks[v], ()), v)
        reached = set(range(r))
        written: set[int] = set()
        # What is to be done next is at the end.
        waiting = list(reversed(range(r)))
        late: list[int] = []
        while waiting or late:
            # Where blocks wait for each other, the first one does not.
            is_forced = not waiting
            v = late.pop(0) if is_forced else waiting.pop()
            b = mean.blocks[v]
            if v not in reached:
                reached.add(v)
                yield v
            if b in written:
                continue
            block = nodes_of[b]
            is_ready = all(w in reached or mean.blocks[self.parent[w]] == b for w in block)
            if v >= r and not is_ready and not is_forced:
                late.append(v)
                continue
            written.add(b)
            yield block
            waiting += [kid for w in block for kid in self.children[w]][::-1]

    def factors(self) -> Iterator[Response | Vertex]:
        """Go through the factors."""
        mean = self.mean
        r = len(mean.roots)
        for step in self._steps():
            if isinstance(step, int):
                yield Response(self.ends[step], (self.parent[step], step))
                continue
            root = mean.roots[step[0]] if step[0] < r else None
            if root is not None and root.factor == WEIGHTS:
                if not self.children[step[0]]:
                    tensor = Tensor("block", ((root.leg,),), (WEIGHTS,), "cumulant")
                    yield Vertex(tensor, step)
                continue
            groups = {v: self._group(v) for v in step}
            nodes = sorted(step, key=lambda v: (len(groups[v]), v))
            labels = tuple(self._label(v) for v in nodes)
            tensor = Tensor("block", tuple(groups[v] for v in nodes), labels, "cumulant")
            yield Vertex(tensor, tuple(nodes))

    def _group(self, v: int) -> tuple[int, ...]:
        """Return the indices of a node's factor."""
        own = (self.ends[v][1],) if v in self.ends else ()
        return tuple(sorted((*own, *(self.ends[kid][0] for kid in self.children[v]))))

    def _label(self, v: int) -> str:
        """Return the label of a node."""
        factor = self.mean.roots[v].factor if v < len(self.mean.roots) else LOSS
        return LOSS if factor == TRAINING else factor
