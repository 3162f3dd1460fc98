"""Numbers for contractions: plug-in values, unbiased values and jackknife errors.

Which plug-in values make up a value is the business of :mod:`sgdiagrams.symbolic.algebra.unbiased`; what
a node stands for, of :mod:`sgdiagrams.numeric.values.leaves`. Here they are contracted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.partitions import blocks_of, restricted_growth_string
from sgdiagrams.numeric.values.jackknife import jackknife_error
from sgdiagrams.numeric.values.learning_rate import read_eta, read_weight_decay
from sgdiagrams.numeric.values.leaves import (
    ADDED,
    CENTRED,
    LOSS,
    PENALISED,
    Leaf,
    Leaves,
    check_label,
)
from sgdiagrams.numeric.values.network import Network, Operand, named_axes
from sgdiagrams.symbolic.algebra.unbiased import opened_factors, plug_in_factors, samples_for_error
from sgdiagrams.symbolic.contractions.contraction import Contraction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from sgdiagrams.diagrams.partitions import Partition
    from sgdiagrams.numeric.derivatives.derivatives import Derivatives


__all__ = ["Evaluator"]


_OPEN = "open-"  # prefix of the nodes whose block is not averaged


_FUNCTION = "function-"  # prefix of the nodes that are the same for all samples


_MIDDLE = "centred"  # nodes of the loss less its mean


_FLOOR = 2**20  # entries: intermediates up to this size are never worth avoiding


_LONG = 512  # bits: longer weights are rounded before they meet floats


class _Skeleton(NamedTuple):
    """A contraction without its partition and basis; nodes are marked by codes of their labels."""

    edges: tuple[tuple[int, int], ...]
    free: tuple[int, ...]
    codes: tuple[str, ...]

    def vanishes(self, partition: Partition, opened: int | None = None) -> bool:
        """Tell whether a block is one centred node alone, whose mean is 0; one that is opened is not."""
        rest = iter(partition)
        blocks = [None if c.startswith(_FUNCTION) else next(rest) for c in self.codes]
        return any(
            code == _MIDDLE and block != opened and blocks.count(block) == 1
            for code, block in zip(self.codes, blocks, strict=True)
        )

    def with_partition(self, partition: Partition, opened: int | None = None) -> Contraction:
        """Return the canonical plug-in contraction.

        The partition is one of the nodes that are no functions; those of block `opened` are marked.
        """
        rest = iter(partition)
        blocks = [~x if c.startswith(_FUNCTION) else next(rest) for x, c in enumerate(self.codes)]
        return Contraction.build(
            self.edges,
            blocks_of(restricted_growth_string(blocks)),
            labels=[
                _OPEN + code if block == opened else code
                for block, code in zip(blocks, self.codes, strict=True)
            ],
            free=self.free,
            basis="plug-in",
        )


@final
class Evaluator:
    r"""Values of contractions from one set of statistics with one learning rate.

    A node's label says what is differentiated there: ``loss``; ``penalised-loss``, the loss with the
    penalty :math:`\lambda |\theta|^2/2` of weight decay; or the name of a function in the statistics,
    which is alone in its block and constant.

    Every edge and every free leg carries `eta`, whatever the contraction's metric; with the default
    1 the values are those of the bare contraction. Means, plug-in values of canonically equal
    contractions and intermediates no larger together than the data are computed once and kept in
    this object. Nodes of joint cumulants are centred in floats, so that nothing cancels where means
    are large against the spread.

    Exact statistics, an exact `eta` and an exact weight decay give Fractions (worked
    out in integers over common denominators).

    Parameters
    ----------
    statistics
        Where the numbers come from.
    eta
        Scalar, 1-D diagonal of shape ``(p,)`` or symmetric array of shape ``(p, p)``.
    weight_decay
        The strength lambda of the penalty in nodes labelled ``penalised-loss``.

    Raises
    ------
    RequestError
        When `eta` has a wrong shape or content, or `weight_decay` is no finite number.

    Examples
    --------
    The mean squared gradient, and the squared mean without bias:

    >>> from sgdiagrams.numeric.statistics import Statistics
    >>> evaluator = Evaluator(Statistics({1: [[1], [2], [6]]}))
    >>> evaluator.value(Contraction.build([(0, 1)], [(0, 1)]))
    Fraction(41, 3)
    >>> evaluator.value(Contraction.build([(0, 1)], [(0,), (1,)]))
    Fraction(20, 3)

    The mean gradient along that of a function s, and with weight decay:

    >>> statistics = Statistics({1: [[1], [2], [6]]}, functions={"s": {1: [5]}}, start=[10])
    >>> evaluator = Evaluator(statistics, weight_decay=Fraction(1, 2))
    >>> for label in ("loss", "penalised-loss"):
    ...     evaluator.value(Contraction.build([(0, 1)], [(0,), (1,)], labels=[label, "s"]))
    Fraction(15, 1)
    Fraction(40, 1)
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
        # Codes, because a user's function may be called anything, and long.
        self._codes = {name: f"{_FUNCTION}{i}" for i, name in enumerate(statistics.functions)}
        is_penalised = bool(self.weight_decay) or ADDED in statistics.functions
        self._codes |= {LOSS: LOSS, PENALISED: PENALISED if is_penalised else LOSS}
        self._names = {code: name for name, code in reversed(self._codes.items())}
        self._names[_MIDDLE] = CENTRED
        self._limit = max(self._leaves.size, _FLOOR)
        self._network = Network(room=self._limit)
        self._values: dict[Contraction, Any] = {}
        self._plugged: dict[tuple[_Skeleton, Partition], Any] = {}

    def value(self, contraction: Contraction) -> Any:
        """Return the value of a contraction in its own basis.

        Moments and cumulants are plain sums over a population, and unbiased estimates (averages
        over distinct tuples) from a sample or a training set. Averages over distinct samples are
        those tuples' average too, and over a population their expectation, a moment.

        Parameters
        ----------
        contraction
            Of any basis; labels ``"loss"``, ``"penalised-loss"`` and names of functions.

        Returns
        -------
        Fraction, float or ndarray
            One axis of length p per free leg, in their order.

        Raises
        ------
        StatisticsError
            When a label is unknown, a derivative or the start is missing, or there are fewer samples
            than blocks.
        RequestError
            When a function shares its block.
        """
        if not contraction.node_count:  # the number 1
            return self._number(Fraction(1))
        skeleton, partition = self._take_apart(contraction)
        size = None if self.statistics.role == "population" else self.statistics.sample_size
        total: Any = 0
        for coarse, factor in plug_in_factors(partition, contraction.basis, size).items():
            if factor and not skeleton.vanishes(coarse):
                total = total + self._number(factor) * self._plug_in(skeleton, coarse)
        return total

    def deviations(self, terms: Iterable[tuple[Fraction, Contraction]]) -> NDArray[Any]:
        """Return the leave-one-out values of a weighted sum, minus their mean.

        Parameters
        ----------
        terms
            Pairs of a weight and a contraction, all with equally many free legs.

        Returns
        -------
        ndarray, shape (n, p, ...)
            Row ``i``: the sum from all samples but ``i``, less the average of the rows. One axis of
            length p per free leg.

        Raises
        ------
        StatisticsError
            When one sample less is too few, or the statistics are no sample.
        RequestError
            When a function shares its block.
        """
        if self.statistics.role != "sample":
            raise StatisticsError(
                f"expected role='sample' for errors, got role={shown(self.statistics.role)}"
            )
        n = self.statistics.sample_size
        free = 0
        coefficients: defaultdict[tuple[_Skeleton, Partition, int], Fraction]
        coefficients = defaultdict(Fraction)
        for weight, contraction in terms:
            free = len(contraction.free)
            if not contraction.node_count:  # is the same without a sample
                continue
            skeleton, partition = self._take_apart(contraction)
            needed = samples_for_error(partition, contraction.basis)
            if n < needed:
                raise StatisticsError(
                    f"expected at least {needed} samples for a standard error, "
                    f"got sample_size={n}; bring more samples or lower the order"
                )
            short = weight
            if not self.is_exact and weight.denominator.bit_length() > _LONG:
                short = Fraction(float(weight))
            for (coarse, block), factor in opened_factors(partition, contraction.basis, n).items():
                if not skeleton.vanishes(coarse, block):
                    coefficients[skeleton, coarse, block] += short * factor
        collected: defaultdict[Contraction, Fraction] = defaultdict(Fraction)
        for (skeleton, coarse, block), coefficient in coefficients.items():
            collected[skeleton.with_partition(coarse, block)] += coefficient
        total: Any = 0
        for marked, coefficient in collected.items():
            if coefficient:
                total = total + self._number(coefficient) * self._contract(marked)
        if isinstance(total, int):  # no term, all cancel, or functions alone
            zero = Fraction(0) if self.is_exact else 0.0
            return np.full((n, *[self.statistics.dimension or 0] * free), zero)
        return np.asarray(total - total.sum(axis=0) / n)

    def standard_error(
        self, terms: Iterable[tuple[Fraction, Contraction]]
    ) -> float | NDArray[np.float64]:
        r"""Return the delete-one jackknife error of a weighted sum of contractions.

        .. math:: \Big[\frac{n - 1}{n} \sum_i (\theta_{(i)} - \bar\theta)^2\Big]^{1/2}

        It is 0 for a population and a training set, and infinite where all samples are in every
        tuple (n equals the number of blocks), because then it cannot be estimated.

        Parameters
        ----------
        terms
            Pairs of a weight and a contraction, all with equally many free legs.

        Returns
        -------
        float or ndarray
            One axis of length p per free leg.

        Raises
        ------
        StatisticsError, RequestError
            As for :meth:`value`.
        """
        pairs = list(terms)
        if self.statistics.role == "sample" and self.can_delete_one(pairs):
            return jackknife_error(self.deviations(pairs))
        error = math.inf if self.statistics.role == "sample" else 0.0
        free = len(pairs[0][1].free) if pairs else 0
        return np.full((self.statistics.dimension or 0,) * free, error) if free else error

    def can_delete_one(self, terms: Iterable[tuple[Fraction, Contraction]]) -> bool:
        """Return whether one sample less still has all the distinct tuples that the terms need."""
        n = self.statistics.sample_size
        given = (c for _, c in terms if c.node_count)
        return all(n >= samples_for_error(self._take_apart(c)[1], c.basis) for c in given)

    def _number(self, value: Fraction) -> Fraction | float:
        if self.is_exact:
            return value
        try:
            return float(value)
        except OverflowError:
            return math.copysign(math.inf, value.numerator)

    def _take_apart(self, contraction: Contraction) -> tuple[_Skeleton, Partition]:
        """Return the skeleton and the partition of the nodes that are no functions."""
        if contraction.has_visits:
            raise StatisticsError(
                f"expected several visits of every datapoint for {shown(str(contraction))}, got one row "
                "each; give Statistics.from_samples arrays of shape (n, V, ...) and visits='sample'"
            )
        codes = []
        kept = []
        is_centred = contraction.basis == "cumulant" and not self.is_exact
        for label, block in zip(contraction.labels, contraction.partition, strict=True):
            if label not in self._codes:
                check_label(self.statistics, label)
            codes.append(self._codes[label])
            if label in (LOSS, PENALISED):
                kept.append(block)
                if is_centred and contraction.partition.count(block) > 1:
                    codes[-1] = _MIDDLE
            elif contraction.partition.count(block) > 1:
                raise RequestError(
                    f"expected a function alone in its block, got label={shown(label)} tied to other "
                    "nodes; it is the same for all datapoints"
                )
        skeleton = _Skeleton(contraction.edges, contraction.free, tuple(codes))
        return skeleton, restricted_growth_string(kept)

    def _plug_in(self, skeleton: _Skeleton, partition: Partition) -> Any:
        key = (skeleton, partition)
        if key not in self._plugged:
            canonical = skeleton.with_partition(partition)
            if canonical not in self._values:
                self._values[canonical] = self._contract(canonical)
            self._plugged[key] = self._values[canonical]
        return self._plugged[key]

    def _contract(self, marked: Contraction) -> Any:
        """Return the plug-in value; a block marked open adds a sample axis in front."""
        legs, n = marked.legs, self.statistics.sample_size
        weighted = self.statistics.weights is not None
        raised_axes, lowered_axes, free = named_axes(
            marked.edges, marked.free, legs, has_matrix=isinstance(self.eta, np.ndarray)
        )
        scale = Fraction(1)
        tensors: list[Operand] = []
        samples: list[int] = []
        output = list(free)
        for block in marked.blocks:
            sample = -1
            is_open = marked.labels[block[0]].startswith(_OPEN)
            is_mean = not is_open and not marked.labels[block[0]].startswith(_FUNCTION)
            if is_open or len(block) > 1:
                sample = len(marked.edges) + len(free) + len(samples)
                samples.append(sample)
            if is_open:
                output.insert(0, sample)
            if is_mean and not weighted:
                scale /= n
            # The weights go into one node of the block, the one with the smallest array.
            carrier = min(block, key=legs.__getitem__) if is_mean and weighted else -1
            for x in block:
                name = self._names[marked.labels[x].removeprefix(_OPEN)]
                leaf = Leaf(name, legs[x], len(raised_axes[x]), sample >= 0, x == carrier)
                scale /= self._leaves.denominator(leaf)
                axes = (*lowered_axes[x], *raised_axes[x])
                if sample >= 0:
                    axes = (sample, *axes)
                symmetric = legs[x] if legs[x] in (len(lowered_axes[x]), len(raised_axes[x])) else 0
                identity = self._network.identify(leaf)
                tensors.append(Operand(identity, self._leaves.array(leaf), axes, symmetric))
        # An intermediate as large as the result cannot be avoided.
        size = (self.statistics.dimension or 1) ** len(free) * (n if len(output) > len(free) else 1)
        result: Any = self._network.contract(
            tensors, tuple(output), samples=samples, limit=max(self._limit, size)
        )
        if not isinstance(self.eta, np.ndarray):
            scale = scale * Fraction(self.eta) ** marked.order
        return (result if result.ndim else result.item()) * self._number(scale)
