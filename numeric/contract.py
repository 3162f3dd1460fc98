r"""Numbers for contractions: plug-in values, unbiased values and jackknife errors.

For a partition :math:`\sigma` of the nodes, the *plug-in value* :math:`V(\sigma)` is the product
over blocks of (weighted) sample averages with all edges contracted. The unbiased estimator of a
moment is the average over distinct tuples of samples, a U-statistic,

.. math:: U(\pi) = \frac{1}{(n)_{|\pi|}}
          \sum_{\sigma \ge \pi} \mu(\pi, \sigma)\, n^{|\sigma|}\, V(\sigma),

and a product of joint cumulants is :math:`\sum_{\rho \le \pi} \mu(\rho, \pi)` moment
:math:`(\rho)`, where :math:`\mu` is the Moebius function of the partition lattice. With
:math:`V^{(S)}_i(\sigma)` the plug-in value in which block :math:`S` is not averaged but taken at
sample :math:`i`, the sum over the distinct tuples that contain sample :math:`i` is

.. math:: A_i = \sum_{\sigma \ge \pi} \mu(\pi, \sigma)\, n^{|\sigma| - 1}
                \sum_{S \in \sigma} k_S V^{(S)}_i(\sigma)

with :math:`k_S` the number of blocks of :math:`\pi` inside :math:`S`, so that all leave-one-out
values :math:`((n)_m U - A_i) / (n - 1)_m`, :math:`m = |\pi|`, come without a second evaluation.

Sources: Stanley, Enumerative Combinatorics 1, example 3.10.4 (Moebius function); Hoeffding, Ann.
Math. Statist. 19 (1948) 293 (U-statistics); Arvesen, Ann. Math. Statist. 40 (1969) 2076 (their
jackknife).
"""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from itertools import combinations
from numbers import Rational
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.diagrams.partitions import (
    blocks_of,
    coarsenings,
    moebius,
    refinements,
    restricted_growth_string,
)
from sgdiagrams.numeric.network import Network, Tensor
from sgdiagrams.symbolic.contraction import Contraction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import ArrayLike, NDArray

    from sgdiagrams.diagrams.partitions import Partition
    from sgdiagrams.numeric.statistics import Statistics

__all__ = ["Evaluator", "jackknife_error", "read_eta"]

_OPEN = "open"  # label of the nodes whose block is not averaged
_FLOOR = 2**20  # entries: intermediates up to this size are never worth avoiding


def read_eta(eta: ArrayLike | Fraction, dimension: int | None) -> Fraction | float | NDArray[Any]:
    """Check a learning rate and make it exact or floating.

    Parameters
    ----------
    eta
        Scalar, 1-D diagonal of shape ``(p,)``, or symmetric array of shape ``(p, p)``.
    dimension
        Number of parameters p; None when unknown, and then only a scalar passes.

    Returns
    -------
    Fraction, float or ndarray
        Fractions where `eta` holds Fractions or ints, else floats.

    Raises
    ------
    RequestError
        When the shape, the symmetry or an entry is wrong.

    Examples
    --------
    >>> read_eta(1, 2), read_eta([0.5, 0.25], 2)
    (Fraction(1, 1), array([0.5 , 0.25]))
    """
    try:
        given = np.asarray(eta)
    except ValueError as error:
        raise RequestError("expected eta as a scalar, a vector or a matrix, got a list") from error
    p = dimension
    if given.ndim and given.shape not in {(p,), (p, p)}:
        raise RequestError(
            f"expected eta as a scalar or of shape=({p},) or ({p}, {p}), got shape={given.shape}"
        )
    array: Any
    if given.dtype.kind in "iu" or all(_is_rational(value) for value in given.flat):
        array = np.frompyfunc(_fraction, 1, 1)(given)
    elif given.dtype.kind == "f" and np.isfinite(given).all():
        array = given.astype(np.float64)
    else:
        raise RequestError(
            "expected a finite eta of floats, or of Fractions and ints for exact values, "
            f"got eta={' '.join(repr(eta).split())}"
        )
    if given.ndim == 0:
        return array if isinstance(array, Fraction) else float(array)
    if given.ndim == 2 and (array != array.T).any():
        raise RequestError("expected a symmetric eta, got an asymmetric one; use (eta + eta.T)/2")
    return np.asarray(array)


def _is_rational(value: object) -> bool:
    return isinstance(value, Rational) and not isinstance(value, bool)


def _fraction(value: Any) -> Fraction:
    return Fraction(int(value.numerator), int(value.denominator))


class _Skeleton(NamedTuple):
    """A contraction without its partition and basis."""

    edges: tuple[tuple[int, int], ...]
    free: tuple[int, ...]

    def with_partition(self, partition: Partition, opened: int | None = None) -> Contraction:
        """Return the canonical plug-in contraction; the nodes of block `opened` are marked."""
        labels = [_OPEN if block == opened else "loss" for block in partition]
        return Contraction.build(
            self.edges, blocks_of(partition), labels=labels, free=self.free, basis="plug-in"
        )


@final
class Evaluator:
    """Values of contractions from one set of statistics with one learning rate.

    Every edge and every free leg carries `eta`, whatever the contraction's metric; with the default
    1 the values are those of the bare contraction. Means, plug-in values of canonically equal
    contractions and intermediates no larger together than the data are computed once and kept in
    this object. Exact statistics and an exact `eta` give Fractions (worked out in integers over
    common denominators).

    Parameters
    ----------
    statistics
        Where the numbers come from.
    eta
        Scalar, 1-D diagonal of shape ``(p,)`` or symmetric array of shape ``(p, p)``.

    Raises
    ------
    RequestError
        When `eta` has a wrong shape or content.

    Examples
    --------
    The mean squared gradient, and the squared mean without bias:

    >>> from sgdiagrams.numeric.statistics import Statistics
    >>> evaluator = Evaluator(Statistics({1: [[1], [2], [6]]}))
    >>> evaluator.value(Contraction.build([(0, 1)], [(0, 1)]))
    Fraction(41, 3)
    >>> evaluator.value(Contraction.build([(0, 1)], [(0,), (1,)]))
    Fraction(20, 3)
    """

    def __init__(self, statistics: Statistics, eta: ArrayLike | Fraction = 1) -> None:
        self.statistics = statistics
        self.eta = read_eta(eta, statistics.dimension)
        arrays: dict[int | str, NDArray[Any]] = dict(statistics.samples.items())
        if statistics.weights is not None:
            arrays["weights"] = statistics.weights
        if isinstance(self.eta, np.ndarray):
            arrays["eta"] = self.eta
        has_exact_eta = isinstance(self.eta, Fraction) or np.asarray(self.eta).dtype == object
        self.is_exact = statistics.is_exact and has_exact_eta
        # The value of a contraction is linear in every array, so denominators come out in front.
        self._denominators: dict[int | str, int] = dict.fromkeys(arrays, 1)
        for key, array in arrays.items():
            if self.is_exact:
                arrays[key], self._denominators[key] = _integers(array)
            else:
                arrays[key] = array.astype(np.float64, copy=False)
        self._arrays = arrays
        size = max(array.size for array in arrays.values())
        self._limit = max(size, _FLOOR)
        self._network = Network(room=self._limit)
        self._leaves: dict[object, NDArray[Any]] = {}
        self._values: dict[Contraction, Any] = {}
        self._canonical: dict[tuple[_Skeleton, Partition], Contraction] = {}

    def value(self, contraction: Contraction) -> Any:
        """Return the value of a contraction in its own basis.

        Moments and cumulants are plain sums over a population, and unbiased estimates (averages
        over distinct tuples) from a sample or a training set.

        Parameters
        ----------
        contraction
            Of any basis, all labels ``"loss"``.

        Returns
        -------
        Fraction, float or ndarray
            One axis of length p per free leg, in their order.

        Raises
        ------
        StatisticsError
            When a derivative is missing, or there are fewer samples than blocks.
        RequestError
            When a label is not ``"loss"``.
        """
        skeleton, partition = _take_apart(contraction)
        if contraction.basis == "plug-in":
            return self._plug_in(skeleton, partition)
        n, role = self.statistics.sample_size, self.statistics.role
        total: Any = 0
        for moment, factor in _moments(partition, contraction.basis).items():
            if role == "population":
                total = total + factor * self._plug_in(skeleton, moment)
                continue
            m = max(moment) + 1
            if n < m:
                raise StatisticsError(
                    f"expected at least {m} samples for an average over distinct {m}-tuples, "
                    f"got sample_size={n}; bring more samples or lower the order"
                )
            for coarse in coarsenings(moment):
                weight = Fraction(
                    factor * moebius(moment, coarse) * n ** (max(coarse) + 1), math.perm(n, m)
                )
                total = total + self._number(weight) * self._plug_in(skeleton, coarse)
        return total

    def deviations(self, terms: Iterable[tuple[Fraction, Contraction]]) -> NDArray[Any]:
        """Return the leave-one-out values of a weighted sum, minus their mean.

        Parameters
        ----------
        terms
            Pairs of a weight and a contraction, all with equally many free legs.

        Returns
        -------
        ndarray, shape (n, ...)
            Row ``i``: the sum from all samples but ``i``, less the average of the rows.

        Raises
        ------
        StatisticsError
            When one sample less is too few, or the statistics are no sample.
        """
        if self.statistics.role != "sample":
            raise StatisticsError(
                f"expected role='sample' for errors, got role={self.statistics.role!r}"
            )
        n = self.statistics.sample_size
        coefficients: defaultdict[tuple[_Skeleton, Partition, int], Fraction]
        coefficients = defaultdict(Fraction)
        for weight, contraction in terms:
            needed = _samples_for_error(contraction)
            if n < needed:
                raise StatisticsError(
                    f"expected at least {needed} samples for a standard error, "
                    f"got sample_size={n}; bring more samples or lower the order"
                )
            skeleton, partition = _take_apart(contraction)
            opened = _opened_plug_in if contraction.basis == "plug-in" else _opened_moments
            for (coarse, block), factor in opened(partition, contraction.basis, n).items():
                coefficients[skeleton, coarse, block] += weight * factor
        collected: defaultdict[Contraction, Fraction] = defaultdict(Fraction)
        for (skeleton, coarse, block), coefficient in coefficients.items():
            collected[skeleton.with_partition(coarse, block)] += coefficient
        total: Any = 0
        for marked, coefficient in collected.items():
            if coefficient:
                total = total + self._number(coefficient) * self._contract(marked)
        if isinstance(total, int):  # no term, or all cancel
            return np.zeros(n)
        return np.asarray(total - total.sum(axis=0) / n)

    def standard_error(self, terms: Iterable[tuple[Fraction, Contraction]]) -> float:
        r"""Return the delete-one jackknife error of a weighted sum of scalar contractions.

        .. math:: \Big[\frac{n - 1}{n} \sum_i (\theta_{(i)} - \bar\theta)^2\Big]^{1/2}

        It is 0 for a population and a training set, and infinite where all samples are in every
        tuple (n equals the number of blocks), because then it cannot be estimated.

        Parameters
        ----------
        terms
            Pairs of a weight and a contraction without free legs.

        Raises
        ------
        StatisticsError, RequestError
            As for :meth:`value`.
        """
        pairs = list(terms)
        if self.statistics.role != "sample":
            return 0.0
        return jackknife_error(self.deviations(pairs)) if self.can_delete_one(pairs) else math.inf

    def can_delete_one(self, terms: Iterable[tuple[Fraction, Contraction]]) -> bool:
        """Return whether one sample less still has all the distinct tuples that the terms need."""
        n = self.statistics.sample_size
        return all(n >= _samples_for_error(contraction) for _, contraction in terms)

    def _number(self, value: Fraction) -> Fraction | float:
        return value if self.is_exact else float(value)

    def _plug_in(self, skeleton: _Skeleton, partition: Partition) -> Any:
        canonical = self._canonical.get((skeleton, partition))
        if canonical is None:
            canonical = skeleton.with_partition(partition)
            self._canonical[skeleton, partition] = canonical
        if canonical not in self._values:
            self._values[canonical] = self._contract(canonical)
        return self._values[canonical]

    def _contract(self, marked: Contraction) -> Any:
        """Return the plug-in value; a block marked open adds a sample axis in front."""
        legs, n = marked.legs, self.statistics.sample_size
        weighted = self.statistics.weights is not None
        raised_axes, lowered_axes, free = self._axes(marked)
        scale = Fraction(1)
        tensors: list[Tensor] = []
        samples: list[int] = []
        output = list(free)
        for block in marked.blocks:
            sample = -1
            is_open = marked.labels[block[0]] == _OPEN
            if is_open or len(block) > 1:
                sample = len(marked.edges) + len(free) + len(samples)
                samples.append(sample)
            if is_open:
                output.insert(0, sample)
            else:
                scale /= self._denominators["weights"] if weighted else n
            # The weights go into one node of the block, the one with the smallest array.
            carrier = min(block, key=legs.__getitem__) if weighted and not is_open else -1
            for x in block:
                scale /= self._denominator(legs[x], len(raised_axes[x]))
                key = (legs[x], len(raised_axes[x]), sample >= 0, x == carrier)
                axes = (*lowered_axes[x], *raised_axes[x])
                if sample >= 0:
                    axes = (sample, *axes)
                symmetric = legs[x] if legs[x] in (len(lowered_axes[x]), len(raised_axes[x])) else 0
                tensors.append(
                    Tensor(self._network.identify(key), self._leaf(key), axes, symmetric)
                )
        result: Any = self._network.contract(
            tensors, tuple(output), samples=samples, limit=self._limit
        )
        if not isinstance(self.eta, np.ndarray):
            scale = scale * Fraction(self.eta) ** marked.order
        return (result if result.ndim else result.item()) * self._number(scale)

    def _axes(self, marked: Contraction) -> tuple[list[list[int]], list[list[int]], list[int]]:
        """Name the axes: per node those raised with a matrix eta, the others, and the free ones.

        An edge is raised at its end with fewer legs, where the array is smaller.
        """
        legs = marked.legs
        raised: list[list[int]] = [[] for _ in legs]
        lowered: list[list[int]] = [[] for _ in legs]
        ends = [sorted(edge, key=lambda x: (legs[x], x)) for edge in marked.edges]
        ends += [[x] for x in marked.free]
        for axis, (small, *large) in enumerate(ends):
            (raised if isinstance(self.eta, np.ndarray) else lowered)[small].append(axis)
            for x in large:
                lowered[x].append(axis)
        return raised, lowered, list(range(len(marked.edges), len(ends)))

    def _denominator(self, order: int, raised: int) -> int:
        if order not in self.statistics.samples:
            have = ", ".join(map(str, self.statistics.samples))
            raise StatisticsError(
                f"expected derivative {order} of the loss in the statistics, "
                f"got derivatives {have}; add key {order} to the samples"
            )
        return int(self._denominators[order] * self._denominators.get("eta", 1) ** raised)

    def _leaf(self, key: tuple[int, int, bool, bool]) -> NDArray[Any]:
        """Return the array of one node: per sample or summed, the last `raised` axes with eta."""
        if key in self._leaves:
            return self._leaves[key]
        order, raised, is_open, is_weighted = key
        array = self._arrays[order]
        if is_weighted:
            array = array * self._arrays["weights"].reshape(-1, *[1] * order)
        if not is_open:
            array = np.asarray(array.sum(axis=0))
        for axis in range(array.ndim - raised, array.ndim):
            eta = self._arrays["eta"]
            moved = np.moveaxis(array, axis, -1)
            array = np.moveaxis(moved * eta if eta.ndim == 1 else moved @ eta, -1, axis)
        self._leaves[key] = array
        return array


def jackknife_error(deviations: NDArray[Any]) -> float:
    """Return the jackknife's standard error from leave-one-out values minus their mean.

    Parameters
    ----------
    deviations
        Shape ``(n,)``, floats or Fractions, n > 1.

    Examples
    --------
    >>> jackknife_error(np.array([1.0, -1.0]))
    1.0
    """
    n = len(deviations)
    return math.sqrt((deviations * deviations).sum() * (n - 1) / n)


def _take_apart(contraction: Contraction) -> tuple[_Skeleton, Partition]:
    other = next((label for label in contraction.labels if label != "loss"), None)
    if other is not None:
        raise RequestError(
            f"expected contractions of the loss only, got label={other!r}; "
            "observables of their own have no statistics yet"
        )
    return _Skeleton(contraction.edges, contraction.free), contraction.partition


def _moments(partition: Partition, basis: str) -> Mapping[Partition, int]:
    if basis == "moment":
        return {partition: 1}
    return {fine: moebius(fine, partition) for fine in refinements(partition)}


def _samples_for_error(contraction: Contraction) -> int:
    if contraction.basis == "plug-in":
        return 2
    blocks = len(contraction.blocks) if contraction.basis == "moment" else contraction.node_count
    return blocks + 1


def _opened_moments(
    partition: Partition, basis: str, n: int
) -> dict[tuple[Partition, int], Fraction]:
    """Return the factors of the opened plug-in values in the leave-one-out value, but for -A_i."""
    factors: defaultdict[tuple[Partition, int], Fraction] = defaultdict(Fraction)
    for moment, factor in _moments(partition, basis).items():
        below = math.perm(n - 1, max(moment) + 1)
        for coarse in coarsenings(moment):
            weight = Fraction(factor * moebius(moment, coarse) * n ** max(coarse), below)
            for _, block in set(zip(moment, coarse, strict=True)):  # block comes up k_S times
                factors[coarse, block] -= weight
    return factors


def _opened_plug_in(
    partition: Partition, _basis: str, n: int
) -> dict[tuple[Partition, int], Fraction]:
    """Expand prod over blocks of (n mean - value at i)/(n - 1); opened blocks merge into one."""
    factors: defaultdict[tuple[Partition, int], Fraction] = defaultdict(Fraction)
    count = max(partition) + 1
    for size in range(1, count + 1):
        for opened in combinations(range(count), size):
            merged = restricted_growth_string(
                opened[0] if block in opened else block for block in partition
            )
            block = merged[partition.index(opened[0])]
            factors[merged, block] += Fraction((-1) ** size * n ** (count - size), (n - 1) ** count)
    return factors


def _integers(array: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Return an array of ints and the common denominator of the Fractions."""
    denominator = math.lcm(*(value.denominator for value in array.flat))
    convert: Callable[[NDArray[Any]], Any] = np.frompyfunc(
        lambda value: value.numerator * (denominator // value.denominator), 1, 1
    )
    return np.asarray(convert(array), dtype=object), denominator
