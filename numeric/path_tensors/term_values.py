r"""Terms of an expansion in the noise in numbers: sums over visits as contractions of tensors.

A term's diagrams become networks of tensors. An update stands for derivatives of the loss at its time, an
edge for the response of its parent to its child, and axes for times are summed like those of weights;
responses vanish where a child is not earlier than its parent. Joint cumulants over the datapoints are
taken of what is left when means are subtracted: a block of two or three nodes is one average over
datapoints, a block of four also minus its three pairings, and so on. The definition of the terms is in
`sgdiagrams.symbolic.paths.path_terms`.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache, lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
import opt_einsum

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.partitions import blocks_of, moebius, set_partitions
from sgdiagrams.numeric.path_tensors.visits import visits_of
from sgdiagrams.numeric.values.network import Network, Operand
from sgdiagrams.symbolic.vocabulary import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sgdiagrams.diagrams.partitions import Partition
    from sgdiagrams.numeric.path_tensors.path_leaves import PathLeaves
    from sgdiagrams.numeric.path_tensors.visits import VisitTables
    from sgdiagrams.symbolic.paths.path_terms import PathMean, PathTerm
    from sgdiagrams.symbolic.propagation.course import Course

__all__ = ["TermValues"]

_ROOM = 2**24  # entries of all intermediates that are kept
_LIMIT = 2**25  # entries of one intermediate
_MOST_OPERATIONS = {True: 10**9, False: 10**12}  # on long integers, and on floats


class _Piece(NamedTuple):
    """A tensor in a network: its name among the leaves, and its axes.

    Axes of weights are numbers from 0 on, those of times and datapoints are below 0. The last
    `symmetric` axes may be permuted.
    """

    name: tuple[Any, ...]
    axes: tuple[int, ...]
    symmetric: int = 0


class _Diagram(NamedTuple):
    """A number times a network, and its axes that are not summed."""

    weight: Fraction
    pieces: tuple[_Piece, ...]
    output: tuple[int, ...]


@final
class TermValues:
    """Values of terms along one run.

    Parameters
    ----------
    course
        Which rows the updates use.
    leaves
        The arrays along the run.
    """

    def __init__(self, course: Course, leaves: PathLeaves) -> None:
        self._course = course
        self._leaves = leaves
        self._network = Network(_ROOM)
        self._visits: dict[Partition, VisitTables] = {}

    def sum_of(self, terms: Sequence[PathTerm], rank: int) -> Any:
        """Return the sum of terms: a number, or an array of shape (p, ...) with `rank` axes.

        Raises
        ------
        RequestError
            When it would take too long.
        StatisticsError
            When a derivative is missing.
        """
        self._check_effort(terms)
        is_exact = self._leaves.is_exact
        p = self._leaves.of(("displacement",))[0].shape[0]
        total: Any = np.full((p,) * rank, Fraction(0) if is_exact else 0.0)
        for term in terms:
            # The responses have the signs of the updates inside.
            weight = (-1) ** term.updates * term.weight
            value: Any = weight if is_exact else float(weight)
            legs: list[int] = []
            for mean in term.means:
                value = np.multiply.outer(value, self._value(mean))
                legs += [root.leg for root in mean.roots if root.factor == WEIGHTS]
            total = total + np.asarray(value).transpose(np.argsort(legs, kind="stable"))
        if rank:
            return total
        number = np.asarray(total)[()]
        return number if is_exact else float(number)

    def _check_effort(self, terms: Iterable[PathTerm]) -> None:
        """Raise a RequestError where the contractions of all terms would take too long."""
        most = _MOST_OPERATIONS[self._leaves.is_exact]
        effort = 0
        for mean in {mean for term in terms for mean in term.means}:
            for diagram in self._diagrams(mean):
                effort += self._effort(diagram)
                if effort > most:
                    kind = "fractions" if self._leaves.is_exact else "floats"
                    raise RequestError(
                        f"expected a dense evaluation of at most about {most:.0e} operations on {kind}, "
                        "got more; take less noise, fewer updates, weights or datapoints"
                    )

    def _effort(self, diagram: _Diagram) -> int:
        axes = dict.fromkeys(axis for piece in diagram.pieces for axis in piece.axes)
        letter = {axis: opt_einsum.get_symbol(i) for i, axis in enumerate(axes)}
        inputs = ",".join("".join(letter[a] for a in piece.axes) for piece in diagram.pieces)
        output = "".join(letter[a] for a in diagram.output)
        shapes = (self._leaves.of(piece.name)[0].shape for piece in diagram.pieces)
        return _operations(f"{inputs}->{output}", tuple(shapes))

    def _value(self, mean: PathMean) -> Any:
        """Return the value of one expectation's diagram, with an axis for every coordinate."""
        total: Any = 0
        for weight, pieces, output in self._diagrams(mean):
            factor: Fraction = weight
            scalar: Any = 1
            operands: list[Operand] = []
            for piece in pieces:
                array, denominator = self._leaves.of(piece.name)
                factor /= denominator
                if array.ndim:
                    identity = self._network.identify(piece.name)
                    operands.append(Operand(identity, array, piece.axes, piece.symmetric))
                else:
                    scalar = scalar * array[()]
            value: Any = scalar
            if operands:
                summed = tuple(dict.fromkeys(a for o in operands for a in o.axes if a < 0))
                value = scalar * self._network.contract(
                    operands, output, samples=summed, limit=_LIMIT
                )
            total = total + value * (factor if self._leaves.is_exact else float(factor))
        return total

    def _diagrams(self, mean: PathMean) -> Iterator[_Diagram]:
        """Yield networks whose sum is the value of one expectation's diagram."""
        roots = len(mean.roots)
        shared = [block for block in blocks_of(mean.blocks) if len(block) > 1]
        tied = sorted(v for block in shared for v in block if v >= roots)
        visits = self._visits_of(tuple(mean.blocks[v] for v in tied))
        edges = tuple(_edges(mean))
        for splits in product(*map(_cumulant, shared)):
            parts = [part for _, split in splits for part in split]
            weight = math.prod((factor for factor, _ in splits), start=Fraction(1))
            # A tied root is one of the rows of the training set, of equal weights.
            weight /= self._course.rows ** sum(v < roots for part in parts for v in part)
            sample_of = {v: -1 - len(mean.blocks) - i for i, part in enumerate(parts) for v in part}
            nodes, output = _nodes(mean, sample_of)
            nodes += [_Piece(("shares",), (axis,)) for axis in dict.fromkeys(sample_of.values())]
            for number, groups in enumerate(visits):
                tables = []
                for group, table in groups:
                    name = ("visits", tuple(mean.blocks[v] for v in tied), number, group)
                    self._leaves.keep(name, table)
                    tables.append(_Piece(name, tuple(_time(tied[i]) for i in group)))
                yield _Diagram(weight, (*nodes, *edges, *tables), output)

    def _visits_of(self, blocks: tuple[int, ...]) -> tuple[Any, ...]:
        if not blocks:
            return ((),)
        if blocks not in self._visits:
            self._visits[blocks] = visits_of(self._course, blocks)
        return self._visits[blocks].products


@lru_cache(maxsize=4096)
def _operations(expression: str, shapes: tuple[tuple[int, ...], ...]) -> int:
    """Return about how many operations a contraction takes."""
    if len(shapes) < 2:
        return 1
    _, info = opt_einsum.contract_path(expression, *shapes, shapes=True, optimize="greedy")
    return int(info.opt_cost)


def _time(node: int) -> int:
    """Return the axis of the time of an update."""
    return -1 - node


def _upper(child: int) -> int:
    """Return the axis of an edge at the parent."""
    return 2 * child


def _lower(child: int) -> int:
    """Return the axis of an edge at the child."""
    return 2 * child + 1


def _nodes(mean: PathMean, sample_of: Mapping[int, int]) -> tuple[list[_Piece], tuple[int, ...]]:
    """Return the tensors of the nodes, and the axes of coordinates.

    The datapoints of nodes that share their block are given as axes; other nodes are means.
    """
    roots = len(mean.roots)
    pieces: list[_Piece] = []
    output: list[int] = []
    for v in range(len(mean.blocks)):
        legs = [_upper(c) for c, parent in enumerate(mean.parents, start=roots) if parent == v]
        sample = [sample_of[v]] if v in sample_of else []
        if v >= roots:
            legs.append(_lower(v))
            name: tuple[Any, ...] = ("update", len(legs), bool(sample))
            sample.insert(0, _time(v))
        elif mean.roots[v].factor == WEIGHTS:
            output += legs or [_upper(v)]
            if legs:
                continue
            legs, name = [_upper(v)], ("displacement",)
        else:
            name = ("end", mean.roots[v].factor, len(legs), bool(sample))
        pieces.append(_Piece(name, (*sample, *legs), len(legs)))
    return pieces, tuple(output)


def _edges(mean: PathMean) -> Iterator[_Piece]:
    """Yield the responses of parents to their children."""
    roots = len(mean.roots)
    for child, parent in enumerate(mean.parents, start=roots):
        is_end = parent < roots
        times = (_time(child),) if is_end else (_time(parent), _time(child))
        yield _Piece(("response", is_end), (*times, _upper(child), _lower(child)))


@cache
def _split(size: int) -> tuple[tuple[int, Partition], ...]:
    """Return factors and partitions whose averages of centred quantities are a joint cumulant."""
    whole = (0,) * size
    return tuple(
        (moebius(split, whole), split)
        for split in set_partitions(size)
        if all(len(part) > 1 for part in blocks_of(split))
    )


def _cumulant(block: Sequence[int]) -> list[tuple[int, list[tuple[int, ...]]]]:
    return [
        (factor, [tuple(block[i] for i in part) for part in blocks_of(split)])
        for factor, split in _split(len(block))
    ]
