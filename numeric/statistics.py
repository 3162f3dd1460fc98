r"""Numbers for derivative tensors: samples of the loss and its derivatives at one point.

The derivative of order ``k`` is an array of shape ``(n, p, ..., p)`` with ``k`` axes of length
``p``: row ``i`` is :math:`\nabla^k l_{x_i}(\theta_0)`. The *role* says what the rows are:

``sample``
    independent draws from the population: values are unbiased estimates with standard errors;
``population``
    they are the distribution itself, with equal or given weights: values are exact;
``training-set``
    they are the fixed training set, and all is exact. Schemes that name rows (a grid, epochs without
    shuffling, one pass with row n at its n-th place) are answered for that very order; schemes that
    shuffle or draw rows by averages over distinct tuples of them. The test loss is undefined, and
    schemes without a training set are refused.

Beside the losses stand *functions* of the weights by name, :math:`\nabla^k s(\theta_0)` of shape
``(p, ..., p)``, which are the same for all datapoints, and the *start* :math:`\theta_0` itself,
which weight decay asks for.

Numbers are all floats or all exact. Arrays of dtype object hold ``Fraction`` or ``int`` and are
exact; floating arrays become float64; integer arrays follow the others and are exact among
themselves. Exact beside floating arrays is an error, because one silent conversion would lose the
exactness of all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast, final, overload

from sgdiagrams.diagrams.errors import StatisticsError, check_kind
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.derivatives.checks import check_noise, checked, flattened_visits
from sgdiagrams.numeric.derivatives.derivatives import (
    ROLES,
    Derivatives,
    check_role,
)
from sgdiagrams.numeric.derivatives.files import read_statistics, write_statistics
from sgdiagrams.numeric.estimates.evaluation import evaluate
from sgdiagrams.numeric.estimates.expressions import evaluate_expression
from sgdiagrams.numeric.long_times.evaluation import evaluate_resummed
from sgdiagrams.numeric.values.leaves import as_floats
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.formula import SeriesFormula
from sgdiagrams.symbolic.resummation.formula import ResummedFormula

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from fractions import Fraction

    from numpy.typing import ArrayLike, NDArray

    from sgdiagrams.numeric.estimates.estimate import Estimate
    from sgdiagrams.numeric.estimates.expression_estimate import ExpressionEstimate

__all__ = ["ROLES", "Statistics"]


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Statistics(Derivatives):
    """Samples of derivative tensors with the role they play.

    Parameters
    ----------
    samples
        Order of the derivative -> array of shape ``(n,)``, ``(n, p)``, ``(n, p, p)``, ...
    role
        ``"sample"``, ``"population"`` or ``"training-set"``.
    weights
        For a population only: shape ``(n,)``, sum 1; negative weights are legal (quadrature rules).
    functions
        Name -> order of the derivative -> number, array of shape ``(p,)``, ``(p, p)``, ...:
        functions of the weights that stand at roots of diagrams. A name is that of a label: letters,
        digits, ``-`` and ``_``, a letter first.
    start
        The weights at the start, shape ``(p,)``; only weight decay needs them.
    visits
        How many rows, one after the other, belong to every datapoint: `from_samples` makes them of arrays
        with an axis of visits.
    noise
        What the visits of a datapoint are, with fresh noise at each: ``"sample"`` or ``"population"``.

    Raises
    ------
    StatisticsError
        When shapes disagree, a derivative is not symmetric or not finite, numbers are of mixed
        kinds, or the role, the weights or a name are wrong.

    Examples
    --------
    >>> statistics = Statistics({0: [1, 2, 4], 1: [[1], [0], [3]]}, "training-set")
    >>> statistics
    <Statistics: training-set of 3, 1 parameter, derivatives 0, 1, exact>
    >>> statistics.samples[0]
    array([Fraction(1, 1), Fraction(2, 1), Fraction(4, 1)], dtype=object)
    """

    samples: Mapping[int, NDArray[Any]]
    role: str = "sample"
    weights: NDArray[Any] | None = None
    functions: Mapping[str, Mapping[int, NDArray[Any]]] = field(default_factory=dict)
    start: NDArray[Any] | None = None
    visits: int = 1
    noise: str | None = None

    def __post_init__(self) -> None:
        check_role(self.role)
        check_noise(self.noise, self.visits, self.weights)
        if self.weights is not None and self.role != "population":
            raise StatisticsError(
                f"expected no weights for role={shown(self.role)}; only a population can have weights"
            )
        numbers = checked(self.samples, self.weights, self.functions, self.start)
        for name, value in numbers._asdict().items():
            object.__setattr__(self, name, value)
        if len(self.samples[self.max_order]) % self.visits:
            raise StatisticsError(
                f"expected visits={self.visits} rows for every datapoint, got "
                f"{len(self.samples[self.max_order])} rows"
            )

    @classmethod
    def from_samples(
        cls,
        samples: Mapping[int, ArrayLike],
        *,
        role: str = "sample",
        weights: ArrayLike | None = None,
        functions: Mapping[str, Mapping[int, ArrayLike]] | None = None,
        start: ArrayLike | None = None,
        visits: str | None = None,
    ) -> Statistics:
        """Make statistics from per-sample derivatives, the sample axis first.

        Parameters
        ----------
        samples
            Order of the derivative -> array of shape ``(n,)``, ``(n, p)``, ``(n, p, p)``, ...
        role
            ``"sample"``, ``"population"`` or ``"training-set"``.
        weights
            For a population only: shape ``(n,)``, sum 1, possibly signed.
        functions
            Name -> order of the derivative -> number, array of shape ``(p,)``, ``(p, p)``, ...
        start
            The weights at the start, shape ``(p,)``.
        visits
            Where noise is fresh at every visit of a datapoint (augmentation, dropout, label noise),
            arrays have shape ``(n, V)``, ``(n, V, p)``, ...: V visits of each. ``"sample"``: they are
            drawn independently, and values are averages over distinct ones; ``"population"``: they are
            the distribution of the noise, with equal weights.

        Raises
        ------
        StatisticsError
            As the class says.

        Examples
        --------
        >>> derivatives = {0: [0.5, 1.5], 1: [[1.0, 0.0], [0.0, 2.0]]}
        >>> Statistics.from_samples(derivatives)
        <Statistics: sample of 2, 2 parameters, derivatives 0, 1, float>

        With the squared norm of the weights as a function, at the start (1, 1):

        >>> norm = {0: 2, 1: [2, 2], 2: [[2, 0], [0, 2]]}
        >>> Statistics.from_samples(derivatives, functions={"norm": norm}, start=[1, 1])
        <Statistics: sample of 2, 2 parameters, derivatives 0, 1, function norm, start, float>

        Three visits of either of two datapoints:

        >>> Statistics.from_samples({0: [[1, 2, 3], [4, 5, 6]]}, visits="sample")
        <Statistics: sample of 2 with 3 visits each, derivatives 0, exact>
        """
        arrays = cast("Any", (samples, weights, functions, start))
        if visits is None:
            return cls(arrays[0], role, *arrays[1:])
        check_noise(visits)
        rows, number = flattened_visits(samples)
        return cls(rows, role, arrays[1], arrays[2], arrays[3], number, visits)

    @property
    def sample_size(self) -> int:
        """Number of samples n: of datapoints."""
        return len(self.samples[self.max_order]) // self.visits

    @property
    def dimension(self) -> int | None:
        """Number of parameters p; None where nothing but numbers is known."""
        arrays = [self.samples[self.max_order][0]]
        arrays += [orders[max(orders)] for orders in self.functions.values()]
        if self.start is not None:
            arrays.append(self.start)
        return next((array.shape[0] for array in arrays if getattr(array, "shape", ())), None)

    @property
    def max_order(self) -> int:
        """Order of the highest derivative of the loss."""
        return max(self.samples)

    @property
    def is_exact(self) -> bool:
        """Whether all numbers are Fractions."""
        return self.samples[self.max_order].dtype == object

    def as_population(self, rows: NDArray[Any] | slice = slice(None)) -> Statistics:
        """Return (some rows of) the statistics in floats, read as the distribution itself.

        Visits become datapoints.
        """
        return Statistics.from_samples(
            {k: as_floats(array[rows]) for k, array in self.samples.items()},
            role="population",
            weights=None if self.weights is None else as_floats(self.weights),
            functions={
                name: {k: as_floats(array) for k, array in orders.items()}
                for name, orders in self.functions.items()
            },
            start=None if self.start is None else as_floats(self.start),
        )

    @overload
    def evaluate(
        self,
        formula: SeriesFormula | ResummedFormula,
        *,
        eta: ArrayLike | Fraction,
        **numbers: int | Fraction,
    ) -> Estimate: ...

    @overload
    def evaluate(self, formula: Expression, **numbers: Any) -> ExpressionEstimate: ...

    def evaluate(self, formula: Any, **numbers: Any) -> Estimate | ExpressionEstimate:
        """Return a formula in numbers: what ``formula.evaluate(statistics, ...)`` asks for.

        Parameters
        ----------
        formula
            An expansion: see `sgdiagrams.numeric.estimates.evaluation` for plain ones,
            `sgdiagrams.numeric.long_times.evaluation` for re-summed ones; or an expression: see
            `sgdiagrams.numeric.estimates.expressions`.
        **numbers
            For expansions `eta`, the learning rate: a scalar, a diagonal of shape (p,) or a symmetric
            array of shape (p, p). A number for every symbol: ``T=10`` or ``N=..., B=..., E=...``.

        Raises
        ------
        StatisticsError
            When a derivative, a function or the start is missing.
        RequestError, SamplingError
            When `eta` is wrong, or a number is missing, unknown or impossible.
        """
        if isinstance(formula, Expression):
            return evaluate_expression(formula, self, **numbers)
        if isinstance(formula, ResummedFormula):
            return evaluate_resummed(formula, self, **numbers)
        check_kind("formula", formula, SeriesFormula, called="an expansion")
        return evaluate(formula, self, **numbers)

    def __repr__(self) -> str:
        p = self.dimension
        words = [
            f"{'weighted ' if self.weights is not None else ''}{self.role} of {self.sample_size}"
        ]
        if self.noise is not None:
            words[0] += f" with {self.visits} visit{'' if self.visits == 1 else 's'} each"
        if p is not None:
            words.append(f"{p} parameter{'' if p == 1 else 's'}")
        words.append(f"derivatives {', '.join(map(str, self.samples))}")
        if self.functions:
            plural = "" if len(self.functions) == 1 else "s"
            words.append(f"function{plural} {', '.join(self.functions)}")
        if self.start is not None:
            words.append("start")
        words.append("exact" if self.is_exact else "float")
        return f"<Statistics: {', '.join(words)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        functions = {name: dict(orders) for name, orders in self.functions.items()}
        arrays = (dict(self.samples), self.role, self.weights, functions, self.start)
        return Statistics, (*arrays, self.visits, self.noise)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to a file, whole or not at all.

        Float statistics go to an ``.npz`` archive with the entries ``format``, ``version``,
        ``role``, ``derivative_<k>`` and perhaps ``weights``, ``function_<name>_<k>`` and ``start``.
        Exact ones go to a ``.json`` file, an object with ``format``, ``version``, ``role``,
        ``derivatives`` (order -> nested lists), ``weights`` (list or null) and perhaps ``functions``
        (name -> order -> nested lists) and ``start``, every number a string of integers such as
        ``"-3/2"``.

        Parameters
        ----------
        path
            A name that ends in ``.npz`` for float, in ``.json`` for exact statistics.

        Raises
        ------
        FormatError
            When the name has another ending or the file cannot be written.
        """
        write_statistics(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Statistics:
        """Read what :meth:`save` wrote; the kind is recognised from the content.

        Parameters
        ----------
        path
            The file.

        Raises
        ------
        FormatError
            When the file is missing, a directory, broken, of another format or version, holds
            pickled objects, or its numbers are no statistics.
        """
        return read_statistics(path, cls)
