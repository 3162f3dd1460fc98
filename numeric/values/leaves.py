r"""Arrays of the nodes of a contraction: what each label stands for.

``loss``
    the derivatives of the losses, one row a sample;
``penalised-loss``
    those of the losses with the L2 penalty :math:`\lambda |\theta|^2/2` of weight decay, at the
    start :math:`\theta_0`: the derivatives of the orders 0, 1 and 2 grow by
    :math:`\lambda |\theta_0|^2/2`, :math:`\lambda \theta_0` and :math:`\lambda I`, the others stay;
``centred loss``
    the derivatives of the losses less their mean over the samples, for joint cumulants of two nodes or
    more, which do not see the mean; in floats only;
any other label
    the derivatives of a function of the weights, which are the same for all samples.

In exact arithmetic an array is one of integers over a common denominator, which comes out in front
because a contraction is linear in every array.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, cast, final

import numpy as np

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.values.learning_rate import is_exact_rate
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sgdiagrams.numeric.derivatives.derivatives import Derivatives

__all__ = [
    "ADDED",
    "CENTRED",
    "LOSS",
    "PENALISED",
    "Leaf",
    "Leaves",
    "as_floats",
    "as_whole_numbers",
    "check_label",
    "check_leaf",
]


#: No function has a name with a blank.
CENTRED = "centred loss"
#: The function that penalised losses have besides, where a re-summed formula has put one there.
ADDED = "what-training-adds-to-losses"


class Leaf(NamedTuple):
    """One node's array.

    Attributes
    ----------
    label, order
        What is differentiated, and how often.
    raised
        So many last axes carry the learning rate.
    is_sampled
        Whether the sample axis stays, in front; else samples are summed.
    is_weighted
        Whether every sample is multiplied by its weight.
    """

    label: str
    order: int
    raised: int = 0
    is_sampled: bool = False
    is_weighted: bool = False


def check_label(statistics: Derivatives, label: str) -> None:
    """Raise a StatisticsError unless the statistics know what a label stands for."""
    if label not in (LOSS, PENALISED, *statistics.functions):
        have = f" or a function of the statistics ({', '.join(statistics.functions)})"
        raise StatisticsError(
            f"expected a label {LOSS}, {PENALISED}{have if statistics.functions else ''}, "
            f"got label={shown(label)}; give the statistics "
            f"functions={{{shown(label)}: {{0: number, 1: gradient, ...}}}}"
        )


def check_leaf(
    statistics: Derivatives,
    label: str,
    order: int,
    *,
    weight_decay: Fraction | float = 0,
    purpose: str = "in the statistics",
) -> None:
    """Raise a StatisticsError unless the statistics have the numbers of a node."""
    check_label(statistics, label)
    is_function = label not in (LOSS, PENALISED)
    known = statistics.functions[label] if is_function else statistics.samples
    if order not in known:
        owner = f"the function {shown(label)}" if is_function else "the loss"
        target = f"functions[{shown(label)}]" if is_function else "the samples"
        raise StatisticsError(
            f"expected derivative {order} of {owner} {purpose}, "
            f"got derivatives {', '.join(map(str, known))}; "
            f"add key {order} to {target} or lower the order"
        )
    if label == PENALISED and weight_decay and order < 2 and statistics.start is None:
        raise StatisticsError(
            f"expected the weights at the start for derivative {order} of the loss with weight "
            f"decay {purpose}, got start=None; give the statistics start=[...]"
        )


@final
class Leaves:
    """The arrays of nodes from one set of statistics, each made once and kept.

    Parameters
    ----------
    statistics
        Where the numbers come from.
    eta
        As :func:`sgdiagrams.numeric.values.learning_rate.read_eta` returns it.
    weight_decay
        As :func:`sgdiagrams.numeric.values.learning_rate.read_weight_decay` returns it.

    Attributes
    ----------
    is_exact
        Whether all numbers are Fractions.
    size
        The number of entries of the largest array that is given.

    Examples
    --------
    Two gradients, 3/2 and 1/3, their sum in integers and its denominator:

    >>> from sgdiagrams.numeric.statistics import Statistics
    >>> statistics = Statistics({1: [[Fraction(3, 2)], [Fraction(1, 3)]]})
    >>> leaves = Leaves(statistics, Fraction(1), Fraction(0))
    >>> leaves.array(Leaf("loss", 1)), leaves.denominator(Leaf("loss", 1))
    (array([11], dtype=object), 6)
    """

    def __init__(
        self,
        statistics: Derivatives,
        eta: Fraction | float | NDArray[Any],
        weight_decay: Fraction | float,
    ) -> None:
        self._statistics = statistics
        self._weight_decay = weight_decay
        self._eta = eta
        is_exact_decay = isinstance(weight_decay, Fraction)
        self.is_exact = statistics.is_exact and is_exact_rate(eta) and is_exact_decay
        given = [*statistics.samples.values(), np.asarray(eta)]
        given += [a for orders in statistics.functions.values() for a in orders.values()]
        self.size = max(array.size for array in given)
        self._bases: dict[tuple[str, int], tuple[NDArray[Any], int]] = {}
        self._arrays: dict[Leaf, NDArray[Any]] = {}

    def array(self, leaf: Leaf) -> NDArray[Any]:
        """Return the array of a node, times its denominator.

        Raises
        ------
        StatisticsError
            When the statistics lack what it needs.
        """
        if leaf in self._arrays:
            return self._arrays[leaf]
        array = self._base(leaf.label, leaf.order)[0]
        if leaf.is_weighted:
            array = array * self._base("weights", -1)[0].reshape(-1, *[1] * leaf.order)
        if not leaf.is_sampled and leaf.label in (LOSS, PENALISED, CENTRED):
            array = np.asarray(array.sum(axis=0), dtype=array.dtype)
        for axis in range(array.ndim - leaf.raised, array.ndim):
            eta = self._base("eta", -1)[0]
            moved = np.moveaxis(array, axis, -1)
            array = np.moveaxis(moved * eta if eta.ndim == 1 else moved @ eta, -1, axis)
        self._arrays[leaf] = array
        return array

    def denominator(self, leaf: Leaf) -> int:
        """Return what the array of a node is to be divided by; 1 for floats."""
        result = self._base(leaf.label, leaf.order)[1]
        if leaf.raised:
            result *= self._base("eta", -1)[1] ** leaf.raised
        return result * self._base("weights", -1)[1] if leaf.is_weighted else result

    def _base(self, label: str, order: int) -> tuple[NDArray[Any], int]:
        """Return an array as it is given, and its denominator; order -1 for weights and eta."""
        key = (label, order)
        if key not in self._bases:
            if order < 0:
                array = np.asarray(self._statistics.weights if label == "weights" else self._eta)
            else:
                array = self._derivative(label, order)
            self._bases[key] = as_whole_numbers(array) if self.is_exact else (as_floats(array), 1)
        return self._bases[key]

    def _derivative(self, label: str, order: int) -> NDArray[Any]:
        statistics, decay = self._statistics, self._weight_decay
        if label == CENTRED:
            check_leaf(statistics, LOSS, order)
            return _centred(as_floats(statistics.samples[order]), statistics.weights)
        check_leaf(statistics, label, order, weight_decay=decay)
        if label not in (LOSS, PENALISED):
            return statistics.functions[label][order]
        array = statistics.samples[order]
        if label == PENALISED and ADDED in statistics.functions:
            added = statistics.functions[ADDED][order]
            array = array + added if self.is_exact else as_floats(array) + as_floats(added)
        if label == LOSS or not decay or order > 2:
            return array
        if not self.is_exact:
            array, decay = as_floats(array), float(decay)
        if order == 2:
            return np.asarray(array + decay * np.eye(array.shape[-1], dtype=int))
        start = cast("NDArray[Any]", statistics.start)  # check_leaf has seen to it
        if not self.is_exact:
            start = as_floats(start)
        return np.asarray(array + (decay * start if order else decay * (start @ start) / 2))


def as_floats(array: NDArray[Any]) -> NDArray[np.float64]:
    """Return numbers as floats, themselves where they are."""
    return array.astype(np.float64, copy=False)


def _centred(array: NDArray[np.float64], weights: NDArray[Any] | None) -> NDArray[np.float64]:
    """Return samples less their mean; the second time it is what the first one was rounded by."""
    n = len(array)
    shares = np.full(n, 1 / n) if weights is None else as_floats(weights)
    result = array - np.tensordot(shares, array, axes=1)
    result -= np.tensordot(shares, result, axes=1)
    return np.asarray(result)


def as_whole_numbers(array: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Return an array of ints and the common denominator of the Fractions."""
    denominator = math.lcm(*(value.denominator for value in array.flat))
    convert: Callable[[NDArray[Any]], Any] = np.frompyfunc(
        lambda value: value.numerator * (denominator // value.denominator), 1, 1
    )
    return np.asarray(convert(array), dtype=object), denominator
