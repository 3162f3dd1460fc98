r"""Linkless diagrams on contractions: what a re-summed expansion is made of.

A *skeleton* is a linkless diagram together with the indices of a contraction that its edges carry. Its
dressed count is a function of the eigenvalues at those indices. Different skeletons share a contraction
(crossing symmetry), and a symmetry of the contraction, which renames summed indices, makes skeletons
equal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.trees import parents_of_levels
from sgdiagrams.symbolic.contractions.factors import edge_indices
from sgdiagrams.symbolic.vocabulary import LOSS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sympy import Expr, Symbol

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
    from sgdiagrams.symbolic.vocabulary import RootRole

__all__ = ["DressedTerm", "Piece", "Skeleton", "collect_pieces", "index_symmetries"]


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A linkless diagram on the indices of a contraction.

    Attributes
    ----------
    diagram
        The diagram.
    role
        What its root is.
    indices
        The number of the index on the edge above every update, in preorder.
    reads
        When the factor above every update looks at the weights, None below other updates; empty where
        all look at the end.
    """

    diagram: Diagram
    role: RootRole
    indices: tuple[int, ...]
    reads: tuple[ReadTime | None, ...] = ()

    def key(self) -> tuple[object, ...]:
        """Return what skeletons are sorted by."""
        return (str(self.diagram), self.role, tuple(map(str, self.reads)), self.indices)

    def replaced(self, table: Mapping[Symbol, Expr]) -> Skeleton:
        """Return the skeleton with symbols of its lags replaced."""
        reads = tuple(time and time.replaced(table) for time in self.reads)
        return replace(self, reads=reads)


@dataclass(frozen=True, slots=True)
class Piece:
    """A coefficient times a product of dressed counts.

    Attributes
    ----------
    coefficient
        With the sign and 1/symmetry factors; 1/B for every update is in the dressed counts.
    part
        The number of the part of the expansion, which knows scheme and optimiser.
    skeletons
        One for every expectation of the product that has updates.
    """

    coefficient: Fraction
    part: int
    skeletons: tuple[Skeleton, ...]


@dataclass(frozen=True, slots=True)
class DressedTerm:
    """A contraction with everything that multiplies it.

    Attributes
    ----------
    contraction
        Free indices come first among the numbers of its indices.
    pieces
        Summed up, they are the weight at given eigenvalues.
    """

    contraction: Contraction
    pieces: tuple[Piece, ...]

    @property
    def order(self) -> int:
        """The number of edges of the linkless diagrams."""
        return self.contraction.order

    @property
    def noise(self) -> int:
        """The number of nodes less that of blocks."""
        return self.contraction.noise

    @property
    def vanishes_at_minimum(self) -> bool:
        """Whether a mean gradient of the loss is a factor."""
        c = self.contraction
        return any(
            len(block) == 1 and c.labels[block[0]] == LOSS and c.legs[block[0]] == 1
            for block in c.blocks
        )

    @property
    def fits_quadratic(self) -> bool:
        """Whether it is there when losses are one quadratic form plus random linear functions."""
        c = self.contraction
        legs = c.legs
        return all(
            legs[block[0]] <= 2 if len(block) == 1 else all(legs[v] <= 1 for v in block)
            for block in c.blocks
        )


def collect_pieces(
    pieces: Iterable[tuple[Contraction, Piece]],
) -> tuple[DressedTerm, ...]:
    """Add the coefficients of equal pieces, drop zeros, and sort as a person would."""
    sums: dict[Contraction, dict[tuple[int, tuple[Skeleton, ...]], Fraction]] = {}
    for contraction, piece in pieces:
        of_contraction = sums.setdefault(contraction, {})
        key = (piece.part, _canonical(contraction, piece.skeletons))
        of_contraction[key] = of_contraction.get(key, Fraction(0)) + piece.coefficient
    terms = []
    for contraction, coefficients in sums.items():
        kept = tuple(
            Piece(c, part, s) for (part, s), c in sorted(coefficients.items(), key=_key) if c
        )
        if kept:
            terms.append(DressedTerm(contraction, kept))
    return tuple(sorted(terms, key=lambda t: (t.order, t.contraction.simplicity)))


def _key(item: tuple[tuple[int, tuple[Skeleton, ...]], Fraction]) -> tuple[object, ...]:
    (part, skeletons), _ = item
    return (part, tuple(s.key() for s in skeletons))


def _canonical(contraction: Contraction, skeletons: tuple[Skeleton, ...]) -> tuple[Skeleton, ...]:
    """Return the least of all namings of the indices, and orders of factors, that mean the same."""
    choices = []
    for renaming in index_symmetries(contraction):
        renamed = [
            min(_reorderings(s, [renaming[i] for i in s.indices]), key=Skeleton.key)
            for s in skeletons
        ]
        choices.append(tuple(sorted(renamed, key=Skeleton.key)))
    return min(choices, key=lambda named: tuple(s.key() for s in named))


def _reorderings(skeleton: Skeleton, indices: list[int]) -> list[Skeleton]:
    """Return the skeleton with its indices, and times, in all orders that symmetries give."""
    reads = skeleton.reads
    return [
        replace(
            skeleton,
            indices=tuple(indices[v - 1] for v in image[1:]),
            reads=tuple(reads[v - 1] for v in image[1:]) if reads else (),
        )
        for image in _diagram_symmetries(skeleton.diagram)
    ]


@lru_cache(maxsize=65536)
def _diagram_symmetries(diagram: Diagram) -> tuple[tuple[int, ...], ...]:
    """Return the images of the nodes in preorder under the automorphisms."""
    parents = parents_of_levels(diagram.levels)
    edges = tuple((v, parent) for v, parent in enumerate(parents, start=1))
    colours = tuple(diagram.levels)
    return _automorphisms(edges, tuple(diagram.labels), colours)


@lru_cache(maxsize=65536)
def index_symmetries(contraction: Contraction) -> tuple[tuple[int, ...], ...]:
    """Return the renamings of indices that leave a contraction as it is; free ones stay.

    Entry i of a renaming is the new number of index i.

    Examples
    --------
    >>> from sgdiagrams.symbolic.contractions.contraction import Contraction
    >>> index_symmetries(Contraction.build([(0, 1), (0, 2)], [[0], [1, 2]], basis="cumulant"))
    ((0, 1), (1, 0))
    """
    free = contraction.free
    legs = contraction.legs
    colours = tuple(
        (label, legs[v], tuple(place for place, w in enumerate(free) if w == v))
        for v, label in enumerate(contraction.labels)
    )
    number = dict(zip(contraction.edges, edge_indices(contraction), strict=True))
    renamings = set()
    for image in _automorphisms(contraction.edges, contraction.partition, colours):
        renaming = list(range(len(free) + len(number)))
        for (i, j), index in number.items():
            a, b = image[i], image[j]
            renaming[index] = number[min(a, b), max(a, b)]
        renamings.add(tuple(renaming))
    return tuple(sorted(renamings))


@lru_cache(maxsize=65536)
def _automorphisms(
    edges: tuple[tuple[int, int], ...], partition: tuple[int, ...], colours: tuple[object, ...]
) -> tuple[tuple[int, ...], ...]:
    """Return all permutations of nodes that keep edges, blocks and colours."""
    n = len(partition)
    joined = {(i, j) for pair in edges for i, j in (pair, pair[::-1])}
    result: list[tuple[int, ...]] = []

    def extend(image: Sequence[int]) -> None:
        v = len(image)
        if v == n:
            result.append(tuple(image))
            return
        for w in range(n):
            if (
                w not in image
                and colours[w] == colours[v]
                and all(
                    ((u, v) in joined) == ((image[u], w) in joined)
                    and (partition[u] == partition[v]) == (partition[image[u]] == partition[w])
                    for u in range(v)
                )
            ):
                extend([*image, w])

    extend([])
    return tuple(result)
