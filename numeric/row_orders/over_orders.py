r"""The average over orders of the rows of a given training set, and the spread over orders.

The average follows from an expansion whose values are averages over distinct tuples of rows. So does the
spread where chance draws rows: with X_a for power a of what training ends at, the expectation of
:math:`X_a X_b` is what a product of two functions expands to, where a nodes hang on one root and b on
the other. Where rows are assigned to given places, powers 1 and 2 are forms in the rows, whose
covariances over permutations are known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.numeric.given_order.series import zeros
from sgdiagrams.numeric.row_orders.permuted_forms import RowForm, covariance_over_permutations
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic.expansion import Expansion
from sgdiagrams.symbolic.observable import Function, Observable
from sgdiagrams.symbolic.observed.product import Product
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.sampling import Sampling, course_of

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import ArrayLike, NDArray
    from sympy import Expr

    from sgdiagrams.numeric.row_orders.pairs import RowPairs
    from sgdiagrams.numeric.row_orders.watched_number import WatchedNumber
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.propagation.course import Course
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["average_of_orders", "shuffled_once", "spread_by_chance", "spread_of_places"]

_NAMES = ("first-root", "second-root")


@final
@dataclass(frozen=True, slots=True)
class _Shuffled(Sampling):
    """The places of a scheme, with the rows assigned to them at random, once for the whole run."""

    name = "shuffled-rows"
    numbers = ()

    scheme: Sampling

    @property
    def label(self) -> str:
        """That of the scheme."""
        return f"{self.scheme.label}, rows assigned at random"

    @property
    def options(self) -> dict[str, object]:
        """The scheme."""
        return {"scheme": self.scheme}

    @property
    def updates(self) -> Expr:
        """Those of the scheme."""
        return self.scheme.updates

    @property
    def datapoints(self) -> Expr | None:
        """Those of the scheme."""
        return self.scheme.datapoints

    @property
    def names_rows(self) -> bool:
        """False: all assignments are equally likely."""
        return False

    @property
    def is_random(self) -> bool:
        """Whether the places are drawn by chance."""
        return self.scheme.is_random

    def course(self) -> Course:
        """Return that of the scheme, whose counts are the same for all assignments."""
        return course_of(self.scheme)


def shuffled_once(training: Training) -> Training:
    """Return a training that assigns the rows to its places at random, if it does not draw them itself.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.schemes.epochs import Epochs
    >>> from sgdiagrams.symbolic.training.training import Training
    >>> shuffled_once(Training(Epochs(N=4, B=2, E=1))).label
    'shuffled-epochs N=4 B=2 E=1'
    """
    scheme = training.sampling
    if not scheme.names_rows:
        return training
    named = scheme.in_random_order or _Shuffled(scheme)
    return replace(training, sampling=named)


def average_of_orders(
    watched: WatchedNumber, training: Training, *, order: int, eta: ArrayLike | Fraction
) -> tuple[Any, ...]:
    """Return the average over orders of what training ends at, power by power.

    Parameters
    ----------
    watched
        With the training set.
    training
        That shuffles or draws rows; with numbers.
    order
        The highest power.
    eta
        The learning rate.
    """
    [name, _] = _NAMES
    expansion = expand(
        Function(name), order=order, sampling=training.sampling, optimizer=training.optimizer
    )
    return _with_functions(watched, order).evaluate(expansion, eta=eta).orders


def spread_by_chance(
    watched: WatchedNumber,
    training: Training,
    average: tuple[Any, ...],
    *,
    order: int,
    eta: ArrayLike | Fraction,
) -> NDArray[Any]:
    r"""Return the covariances over orders of the powers 0, ..., order, shape (order + 1, order + 1).

    Parameters
    ----------
    watched, training, order, eta
        As for `average_of_orders`.
    average
        What that gave.
    """
    name = "joint"
    product = Observable(name, name, name, (Product(1, (_NAMES,)),))
    joint = expand(
        product, order=2 * order, sampling=training.sampling, optimizer=training.optimizer
    )
    statistics = _with_functions(watched, order)
    result = zeros((order + 1, order + 1), is_exact=watched.data.is_exact)
    for a in range(1, order + 1):
        for b in range(1, a + 1):
            terms = tuple(t for t in joint.terms if _powers(t.contraction) == (a, b))
            part = Expansion(a + b, joint.basis, joint.parts, terms)
            moment = statistics.evaluate(part, eta=eta).orders[a + b]
            result[a, b] = result[b, a] = moment - average[a] * average[b]
    return result


def spread_of_places(pairs: RowPairs, *, rows: int, order: int) -> NDArray[Any]:
    """Return the covariances over assignments of the rows of the powers 0, ..., order <= 2.

    Parameters
    ----------
    pairs
        What pairs of rows contribute; a row beyond `rows` is the penalty's, which stays where it is.
    rows
        The number N of rows.
    order
        The highest power, 1 or 2.
    """
    N = rows
    reach, pulls = pairs.reach[:N], pairs.pulls[:N]
    forms = [
        [RowForm.linear(-reach, pulls)],
        [
            RowForm(pairs.places[:N, :N], pairs.chains[:N, :N]),
            RowForm(np.multiply.outer(reach, reach) / 2, pairs.bends[:N, :N]),
        ],
    ]
    for m in range(N, len(pairs.pulls)):
        forms[1] += [
            RowForm.linear(pairs.places[:N, m], pairs.chains[:N, m]),
            RowForm.linear(pairs.places[m, :N], pairs.chains[m, :N]),
            RowForm.linear(reach * pairs.reach[m], pairs.bends[:N, m]),
        ]
    result = zeros((order + 1, order + 1), is_exact=pairs.pulls.dtype == object)
    for a in range(1, order + 1):
        for b in range(1, a + 1):
            covariances = [
                covariance_over_permutations(one, two)
                for one in forms[a - 1]
                for two in forms[b - 1]
            ]
            result[a, b] = result[b, a] = sum(covariances)
    return result


def _powers(contraction: Contraction) -> tuple[int, ...]:
    """Return how many updates hang on either root."""
    neighbours: dict[int, set[int]] = {v: set() for v in range(contraction.node_count)}
    for i, j in contraction.edges:
        neighbours[i].add(j)
        neighbours[j].add(i)

    def reached(root: int) -> set[int]:
        known, waiting = {root}, [root]
        while waiting:
            new = neighbours[waiting.pop()] - known
            known |= new
            waiting += new
        return known

    return tuple(len(reached(contraction.labels.index(name))) - 1 for name in _NAMES)


def _with_functions(watched: WatchedNumber, order: int) -> Statistics:
    """Return the training set with what is watched as a function of the weights, twice."""
    data = watched.data
    start = data.derivatives.start
    return Statistics.from_samples(
        {k: data.numbers(sample) for k, sample in data.derivatives.samples.items()},
        role="training-set",
        functions={
            **{
                name: {k: data.numbers(np.asarray(array)) for k, array in known.items()}
                for name, known in data.derivatives.functions.items()
            },
            **dict.fromkeys(_NAMES, watched.derivatives(order)),
        },
        start=None if start is None else data.numbers(start),
    )
