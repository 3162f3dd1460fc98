r"""Values of contractions from several visits of every datapoint, with fresh noise at each.

With V visits of each of n datapoints, a block of visits is a mean over datapoints of a product of means
over noise. Unbiased values average over *distinct* datapoints and, at each of them, distinct visits. Both
follow from sums over all of them by Moebius inversion,

.. math:: \sum_{\text{distinct}} = \sum_{\pi' \ge \pi} \mu(\pi, \pi')
    \sum_{\rho \le \rho' \le \pi} \mu(\rho, \rho') \sum_{\text{all}},

with the blocks :math:`\pi` and the visits :math:`\rho` inside them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from fractions import Fraction
from math import perm
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.partitions import (
    coarsenings,
    is_refinement,
    moebius,
    restricted_growth_string,
)
from sgdiagrams.numeric.values.learning_rate import read_eta, read_weight_decay
from sgdiagrams.numeric.values.leaves import LOSS, PENALISED, Leaf, Leaves, check_label
from sgdiagrams.numeric.values.network import Network, Operand, named_axes
from sgdiagrams.symbolic.contractions.visits import moments_of_visits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from sgdiagrams.diagrams.partitions import Partition
    from sgdiagrams.numeric.derivatives.derivatives import Derivatives
    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["VisitEvaluator"]

_FLOOR = 2**20  # entries: intermediates up to this size are never worth avoiding

#: Blocks, and visits inside them.
_Pair = tuple["Partition", "Partition"]


class _Skeleton(NamedTuple):
    """A contraction without its partitions; functions of the weights are in no block."""

    edges: tuple[tuple[int, int], ...]
    free: tuple[int, ...]
    labels: tuple[str, ...]
    legs: tuple[int, ...]

    @property
    def losses(self) -> tuple[int, ...]:
        """The nodes that are no functions."""
        return tuple(v for v, label in enumerate(self.labels) if label in (LOSS, PENALISED))


@final
class VisitEvaluator:
    """Values of contractions from statistics with visits: see `Evaluator`, whose methods it has.

    Parameters
    ----------
    statistics
        With several visits of every datapoint.
    eta
        Scalar, 1-D diagonal of shape ``(p,)`` or symmetric array of shape ``(p, p)``.
    weight_decay
        The strength of the penalty in nodes labelled ``penalised-loss``.

    Examples
    --------
    Gradients 1 and 3 at two visits of a datapoint, 2 and 6 at those of another:

    >>> from sgdiagrams.numeric.statistics import Statistics
    >>> from sgdiagrams.symbolic.contractions.contraction import Contraction
    >>> gradients = [[[1], [3]], [[2], [6]]]
    >>> evaluator = VisitEvaluator(Statistics.from_samples({1: gradients}, visits="sample"))
    >>> evaluator.value(Contraction.parse("M_a;a")), evaluator.value(Contraction.parse("M_a|a"))
    (Fraction(15, 2), Fraction(25, 2))
    >>> evaluator.value(Contraction.parse("G_a G_a"))
    Fraction(8, 1)
    """

    def __init__(
        self,
        statistics: Derivatives,
        eta: ArrayLike | Fraction = 1,
        *,
        weight_decay: Fraction | float = 0,
    ) -> None:
        self.statistics = statistics
        self.eta = read_eta(eta, statistics.dimension)
        self.weight_decay = read_weight_decay(weight_decay)
        self._leaves = Leaves(statistics, self.eta, self.weight_decay)
        self.is_exact = self._leaves.is_exact
        self._limit = max(self._leaves.size, _FLOOR)
        self._network = Network(room=self._limit)
        self._sums: dict[tuple[_Skeleton, Partition, Partition, int], Any] = {}

    def value(self, contraction: Contraction) -> Any:
        """Return the value of a contraction: of moments, cumulants or conditional cumulants.

        Raises
        ------
        StatisticsError
            When a label is unknown, a derivative or the start is missing, or there are fewer datapoints
            than blocks, or fewer visits than a block has.
        """
        if not contraction.node_count:  # the number 1
            return self._number(Fraction(1))
        skeleton, moments = self._take_apart(contraction)
        total: Any = 0
        for (blocks, visits), c in moments.items():
            self._check_numbers(blocks, visits, contraction)
            for (merged, inside), factor in self._sums_of(blocks, visits).items():
                rows = self._rows(max(blocks, default=-1) + 1)
                total = total + self._number(c * factor / rows) * self._sum(
                    skeleton, merged, inside
                )
        return total

    def deviations(self, terms: Iterable[tuple[Fraction, Contraction]]) -> NDArray[Any]:
        """Return the leave-one-out values of a weighted sum, minus their mean, by datapoint.

        Of the tuples of distinct datapoints those go that contain the one that is left out.

        Raises
        ------
        StatisticsError
            When one datapoint less is too few, or the statistics are no sample.
        """
        n, free = self.statistics.sample_size, 0
        coefficients: defaultdict[tuple[_Skeleton, Partition, Partition, int], Fraction]
        coefficients = defaultdict(Fraction)
        for weight, contraction in terms:
            free = len(contraction.free)
            if not contraction.node_count:
                continue
            skeleton, moments = self._take_apart(contraction)
            for (blocks, visits), c in moments.items():
                P = max(blocks, default=-1) + 1
                if self.statistics.role != "sample" or n <= P:
                    raise StatisticsError(
                        f"expected a sample of more than {P} datapoints for a standard error, got "
                        f"a {self.statistics.role} of {n}"
                    )
                for (merged, inside), factor in self._sums_of(blocks, visits).items():
                    members = Counter(dict(zip(blocks, merged, strict=True)).values())
                    for block, size in members.items():
                        key = (skeleton, merged, inside, block)
                        coefficients[key] -= weight * c * factor * size / perm(n - 1, P)
        total: Any = np.zeros((n, *[self.statistics.dimension or 0] * free), dtype=int)
        for (skeleton, merged, inside, block), c in coefficients.items():
            if c:
                total = total + self._number(c) * self._sum(skeleton, merged, inside, block)
        if total.dtype.kind == "i":  # no term, or functions alone
            return np.full(total.shape, self._number(Fraction(0)))
        return np.asarray(total - total.sum(axis=0) / n)

    def can_delete_one(self, terms: Iterable[tuple[Fraction, Contraction]]) -> bool:
        """Return whether one datapoint less still has all the distinct tuples that the terms need."""
        n = self.statistics.sample_size
        return all(
            n > max(blocks, default=-1) + 1
            for _, contraction in terms
            if contraction.node_count
            for blocks, _ in self._take_apart(contraction)[1]
        )

    def _number(self, value: Fraction) -> Any:
        return value if self.is_exact else float(value)

    def _rows(self, blocks: int) -> int:
        """Return the number of tuples of datapoints that a mean is over."""
        n = self.statistics.sample_size
        return n**blocks if self.statistics.role == "population" else perm(n, blocks)

    def _check_numbers(
        self, blocks: Partition, visits: Partition, contraction: Contraction
    ) -> None:
        n, P = self.statistics.sample_size, max(blocks, default=-1) + 1
        if self.statistics.role != "population" and n < P:
            raise StatisticsError(
                f"expected at least {P} datapoints for {contraction}, got {n}; bring more or lower the "
                "order"
            )
        most = max(Counter(dict(zip(visits, blocks, strict=True)).values()).values(), default=0)
        if self.statistics.noise != "population" and most > self.statistics.visits:
            raise StatisticsError(
                f"expected at least {most} visits of every datapoint for {contraction}, got "
                f"{self.statistics.visits}; bring more or lower the order"
            )

    def _take_apart(self, contraction: Contraction) -> tuple[_Skeleton, dict[_Pair, Fraction]]:
        """Return the skeleton, and the moments that make up the value, of nodes that are no functions."""
        for label, block in zip(contraction.labels, contraction.partition, strict=True):
            check_label(self.statistics, label)
            if label not in (LOSS, PENALISED) and contraction.partition.count(block) > 1:
                raise RequestError(
                    f"expected a function alone in its block, got label={shown(label)} tied to other "
                    "nodes; it is the same for all datapoints"
                )
        skeleton = _Skeleton(
            contraction.edges, contraction.free, contraction.labels, contraction.legs
        )
        blocks = restricted_growth_string(contraction.partition[v] for v in skeleton.losses)
        visits = restricted_growth_string(contraction.visits[v] for v in skeleton.losses)
        return skeleton, moments_of_visits(blocks, visits, contraction.basis)

    def _sums_of(self, blocks: Partition, visits: Partition) -> dict[_Pair, Fraction]:
        """Return the sums over all datapoints and visits that make up one over distinct ones.

        It is the mean over visits, and the sum over datapoints.
        """
        V = self.statistics.visits
        of_block = Counter(dict(zip(visits, blocks, strict=True)).values())
        if self.statistics.noise == "population":
            inside = {visits: Fraction(1, V ** sum(of_block.values()))}
        else:
            tuples = math.prod(perm(V, k) for k in of_block.values())
            inside = {
                rho: Fraction(moebius(visits, rho), tuples)
                for rho in coarsenings(visits)
                if is_refinement(rho, blocks)
            }
        is_population = self.statistics.role == "population"
        outside = (
            {blocks: 1}
            if is_population
            else {pi: moebius(blocks, pi) for pi in coarsenings(blocks)}
        )
        return {(pi, rho): a * b for pi, a in outside.items() for rho, b in inside.items()}

    def _sum(
        self, skeleton: _Skeleton, blocks: Partition, visits: Partition, opened: int = -1
    ) -> Any:
        """Return the sum over datapoints for each block and over visits; a block may stay open."""
        key = (skeleton, blocks, visits, opened)
        if key not in self._sums:
            self._sums[key] = self._contract(skeleton, blocks, visits, opened)
        return self._sums[key]

    def _contract(
        self, skeleton: _Skeleton, blocks: Partition, visits: Partition, opened: int
    ) -> Any:
        raised, lowered, free = named_axes(
            skeleton.edges,
            skeleton.free,
            skeleton.legs,
            has_matrix=isinstance(self.eta, np.ndarray),
        )
        block_of = dict(zip(skeleton.losses, blocks, strict=True))
        visit_of = dict(zip(skeleton.losses, visits, strict=True))
        nodes_in, visits_in = (
            Counter(visits),
            Counter(dict(zip(visits, blocks, strict=True)).values()),
        )
        first = len(skeleton.edges) + len(free)
        scale, samples = Fraction(1), set()
        tensors: list[Operand] = []
        for x, label in enumerate(skeleton.labels):
            axes: tuple[int, ...] = (*lowered[x], *raised[x])
            block, visit = block_of.get(x, -1), visit_of.get(x, -1)
            has_row = x in block_of and (
                block == opened or visits_in[block] > 1 or nodes_in[visit] > 1
            )
            leaf = Leaf(label, skeleton.legs[x], len(raised[x]), has_row)
            array, kind = self._leaves.array(leaf), "as it is"
            scale /= self._leaves.denominator(leaf)
            if has_row:
                row, at_visit = first + block, first + len(blocks) + visit
                array = array.reshape(-1, self.statistics.visits, *array.shape[1:])
                samples.add(row)
                if nodes_in[visit] > 1:
                    axes, kind = (row, at_visit, *axes), "by visit"
                    samples.add(at_visit)
                else:
                    axes, kind = (row, *axes), "by datapoint"
                    array = np.asarray(array.sum(axis=1), dtype=array.dtype)
            symmetric = leaf.order if leaf.order in (len(lowered[x]), len(raised[x])) else 0
            identity = self._network.identify((leaf, kind))
            tensors.append(Operand(identity, array, axes, symmetric))
        output = (*([first + opened] if opened >= 0 else []), *free)
        size = (self.statistics.dimension or 1) ** len(free)
        size *= self.statistics.sample_size if opened >= 0 else 1
        result: Any = self._network.contract(
            tensors, output, samples=sorted(samples), limit=max(self._limit, size)
        )
        if not isinstance(self.eta, np.ndarray):
            scale = scale * Fraction(self.eta) ** (len(skeleton.edges) + len(free))
        return (result if result.ndim else result.item()) * self._number(scale)
