"""What measurements say: contractions with values and errors, from which formulas are evaluated."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, Any, final, overload

import numpy as np

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.diagrams.files import plain_data
from sgdiagrams.diagrams.messages import how_many, shown
from sgdiagrams.diagrams.tables import PrintedTable
from sgdiagrams.numeric.derivatives.derivatives import check_role
from sgdiagrams.numeric.estimates.expressions import tabulated_expression
from sgdiagrams.numeric.estimates.tabulated import Tabulated
from sgdiagrams.numeric.estimates.tabulation import evaluate_tabulated
from sgdiagrams.numeric.measurement.combination import Combination, merged_rounds
from sgdiagrams.numeric.measurement.files import read_measured, write_measured
from sgdiagrams.numeric.models.structure import vector_like
from sgdiagrams.symbolic.algebra.conversions import contraction_of, in_moments
from sgdiagrams.symbolic.algebra.expression import Expression

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from sgdiagrams.numeric.estimates.estimate import Estimate
    from sgdiagrams.numeric.estimates.expression_estimate import ExpressionEstimate
    from sgdiagrams.numeric.measurement.rounds import Round
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.formula import SeriesFormula

__all__ = ["Measured"]

_PROBE = 1e-4  # by so much may the same model differ on another machine


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Measured(Tabulated):
    """Contractions measured on a model, with errors; made by `measure`.

    Parameters
    ----------
    contractions, vector_contractions
        What was measured: moments without free leg, and with one.
    rounds
        What each round gave.
    role
        ``"sample"``, ``"population"`` or ``"training-set"``: what the data are.
    datapoints
        Their number N.
    dimension
        The number of weights p.
    dtype, library
        What the model computed with.
    weight_decay
        The strength of the penalty in penalised losses.
    has_metric
        Whether every edge and free leg carries learning rates of the weights.
    method
        How all was measured, in words.
    methods
        The same for each of `contractions`, then for each of `vector_contractions`.
    notes
        What else is to be said.
    data_digest, model_probe
        By which the same data and the same model are recognised: a digest, and a few numbers.
    complete
        Whether all was measured that was asked for; False after an interruption.

    Raises
    ------
    StatisticsError
        When shapes or numbers are wrong, or a round occurs twice with other numbers.
    """

    contractions: tuple[Contraction, ...]
    rounds: tuple[Round, ...]
    role: str
    datapoints: int
    dimension: int
    vector_contractions: tuple[Contraction, ...] = ()
    dtype: str = "float64"
    library: str = "jax"
    weight_decay: Fraction = Fraction(0)
    has_metric: bool = False
    method: str = ""
    methods: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    data_digest: str = ""
    model_probe: tuple[float, ...] = ()
    complete: bool = True
    _numbers: Combination = field(init=False)
    _vectors: Combination = field(init=False)
    _column: dict[Contraction, int] = field(init=False)

    def __post_init__(self) -> None:
        check_role(self.role)
        for kind, free in ((self.contractions, 0), (self.vector_contractions, 1)):
            for contraction in kind:
                is_plain = contraction.basis == "moment" and contraction.metric == "identity"
                if not is_plain or len(contraction.free) != free:
                    raise StatisticsError(
                        f"expected moments with {free} free legs and the identity as metric, "
                        f"got {shown(str(contraction))}"
                    )
        rounds = merged_rounds(self.rounds)
        shape = (len(self.contractions), len(self.vector_contractions), self.dimension)
        are_one_sample = self.role == "sample"
        columns = (enumerate(kind) for kind in (self.contractions, self.vector_contractions))
        column = {contraction: i for i, contraction in chain(*columns)}
        if len(column) != shape[0] + shape[1]:
            raise StatisticsError("expected every contraction once, got one of them twice")
        for name, value in {
            "rounds": rounds,
            "_numbers": Combination.of_numbers(rounds, shape, are_one_sample=are_one_sample),
            "_vectors": Combination.of_vectors(rounds, shape, are_one_sample=are_one_sample),
            "_column": column,
        }.items():
            object.__setattr__(self, name, value)

    # The numbers --------------------------------------------------------------------------------------

    @property
    def degrees(self) -> int | None:
        """Degrees of freedom of the standard errors; None where all is exact."""
        return self._numbers.degrees

    @property
    def highest_order(self) -> int:
        """The highest order of the contractions that were measured."""
        return max((contraction.order for contraction in self._column), default=-1)

    @property
    def gradients(self) -> float:
        """The cost of all rounds, in gradients of the mean loss of all data."""
        return float(sum(part.gradients for part in self.rounds))

    @property
    def samples(self) -> int:
        """How many datapoints the rounds took, together."""
        return sum(part.samples for part in self.rounds)

    def value(self, contraction: Contraction | str) -> Any:
        """Return the number of a contraction, of either basis; a vector where it has a free leg.

        Texts are read as by `Contraction.parse`.

        Raises
        ------
        StatisticsError
            When it was not measured.
        """
        known = contraction_of(contraction)
        weights, combination = self._weights([(1.0, known)])
        result = combination.value(weights)
        return result if known.free else float(result)

    def standard_error(self, terms: Sequence[tuple[float, Contraction]]) -> Any:
        """Return the standard error of a sum of weights times contractions: what they share is in it.

        Parameters
        ----------
        terms
            Pairs of a weight and a contraction of either basis, all with equally many free legs.

        Returns
        -------
        float or ndarray, shape (p,)

        Raises
        ------
        StatisticsError
            When one was not measured.
        """
        if not terms:
            return 0.0
        weights, combination = self._weights(terms)
        error = combination.standard_error(weights)
        return error if terms[0][1].free else float(error)

    def error_factors(
        self, contractions: Sequence[Contraction | None]
    ) -> tuple[NDArray[np.float64], ...] | None:
        """Return a matrix for every draw; None for vectors over several seeds."""
        named = [c for c in contractions if c is not None]
        if not named:
            return ()
        columns = []
        for contraction in contractions:
            one, combination = self._weights(
                [(1.0 if contraction else 0.0, contraction or named[0])]
            )
            columns.append(one)
        return combination.factors(np.stack(columns, axis=1))

    def _weights(
        self, terms: Sequence[tuple[float, Contraction]]
    ) -> tuple[NDArray[np.float64], Combination]:
        """Return the weight of every measured moment in a sum, and where their numbers are."""
        if not self.rounds:
            raise StatisticsError("expected a measurement with a round, got one that was not begun")
        has_legs = bool(terms[0][1].free)
        kind = self.vector_contractions if has_legs else self.contractions
        weights = np.zeros(len(kind))
        for weight, contraction in terms:
            for moment, factor in in_moments(contraction).items():
                if moment not in self._column or bool(moment.free) != has_legs:
                    name = shown(str(contraction))
                    part = "" if moment == contraction else f", which {name} is made of"
                    raise StatisticsError(
                        f"expected a number for {shown(str(moment))}{part}, which was not measured; "
                        "give measure the expansions that are evaluated"
                    )
                weights[self._column[moment]] += weight * factor
        return weights, self._vectors if has_legs else self._numbers

    @overload
    def evaluate(
        self, formula: SeriesFormula, *, eta: float | Fraction, **numbers: int | Fraction
    ) -> Estimate: ...

    @overload
    def evaluate(self, formula: Expression, **numbers: Any) -> ExpressionEstimate: ...

    def evaluate(self, formula: Any, **numbers: Any) -> Estimate | ExpressionEstimate:
        """Return a formula in numbers: what ``formula.evaluate(measured, ...)`` asks for.

        Parameters
        ----------
        formula
            A plain expansion, or an expression, whose contractions were measured.
        **numbers
            For expansions `eta`, the learning rate, one number; where `measure` was given learning rates
            of the weights, a factor of them. A number for every symbol: ``T=10`` or ``N=..., B=...``.

        Raises
        ------
        StatisticsError
            When a contraction was not measured, the weight decay is another, or the training set has
            not N points.
        RequestError, SamplingError
            When the expansion is re-summed, a scheme names its rows, or a number is missing, unknown or
            impossible.
        """
        if isinstance(formula, Expression):
            return tabulated_expression(formula, self, **numbers)
        return evaluate_tabulated(formula, self, **numbers)

    def as_weights(self, vector: ArrayLike, weights: Any) -> Any:
        """Return a vector, such as the value of a displacement, in the structure of the weights.

        Parameters
        ----------
        vector
            Shape (p,).
        weights
            What was given to `measure`.

        Returns
        -------
        pytree
            NumPy arrays of float64, or PyTorch's tensors of float64 in host memory.

        Raises
        ------
        RequestError
            When there are not as many numbers as weights.
        MissingDependencyError
            When JAX is not installed and the weights are no tensors.
        """
        return vector_like(vector, weights)

    # More and less ------------------------------------------------------------------------------------

    def merge(self, *others: Measured) -> Measured:
        """Return this measurement and others as one; the order makes no difference.

        Parameters
        ----------
        *others
            Measurements of the same contractions on the same model and data, with other rounds: by other
            machines, or by other seeds. A round that several have counts once.

        Raises
        ------
        StatisticsError
            When something differs that must not, or one round has several numbers.
        """
        for other in others:
            self._check_like(other)
        everything = (self, *others)
        # What may differ in words comes from one of them, by a rule that knows no order.
        first = min(everything, key=Measured._rank)
        return replace(
            first,
            rounds=tuple(part for one in everything for part in one.rounds),
            notes=tuple(sorted({note for one in everything for note in one.notes})),
            complete=all(one.complete for one in everything),
        )

    def _rank(self) -> tuple[Any, ...]:
        begin = min(((part.seed, part.index) for part in self.rounds), default=(math.inf, 0))
        return begin, self.library, self.method, self.methods, self.model_probe

    def _check_like(self, other: Measured) -> None:
        if not isinstance(other, Measured):
            raise StatisticsError(f"expected measurements to merge, got {shown(other)}")
        for name in (
            *("role", "datapoints", "dimension", "dtype", "weight_decay", "has_metric"),
            "data_digest",
        ):
            one, two = getattr(self, name), getattr(other, name)
            if one != two:
                raise StatisticsError(
                    f"expected measurements of one model on the same data, got {name}={shown(one)} and "
                    f"{shown(two)}"
                )
        if self._column != other._column or self.contractions != other.contractions:
            raise StatisticsError(
                "expected measurements of the same contractions, got others; measure the same expansions"
            )
        one, two = np.array(self.model_probe), np.array(other.model_probe)
        if one.shape != two.shape or not np.allclose(one, two, rtol=_PROBE, atol=0):
            raise StatisticsError(
                f"expected measurements of one model, got models that differ: {shown(self.model_probe)} "
                f"and {shown(other.model_probe)}"
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to an ``.npz`` archive, whole or not at all: see ``docs/file-formats.md``.

        Parameters
        ----------
        path
            A name that ends in ``.npz``.

        Raises
        ------
        FormatError
            When the name has another ending or the file cannot be written.
        """
        write_measured(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Measured:
        """Read what :meth:`save` wrote, or a checkpoint of `measure`, finished or not.

        Parameters
        ----------
        path
            The file; ``-`` is standard input.

        Raises
        ------
        FormatError
            When the file is missing, a directory, broken, changed, or of another format or version.
        """
        return read_measured(path, cls)[0]

    # What people see ----------------------------------------------------------------------------------

    def __repr__(self) -> str:
        words = [f"{self.role} of {self.datapoints}", how_many(self.dimension, "weight")]
        words.append(how_many(len(self._column), "contraction"))
        words.append(how_many(len(self.rounds), "round"))
        return f"<Measured: {', '.join(words)}>"

    def __str__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> PrintedTable:
        everything = (*self.contractions, *self.vector_contractions)
        methods = self.methods or ("",) * len(everything)
        rows = []
        for contraction, method in zip(everything, methods, strict=True):
            value = error = "-"
            if self.rounds:
                value = _size(self.value(contraction), ".6g")
                error = _size(self.standard_error([(1.0, contraction)]), ".2g")
            name = str(contraction)
            rows.append((f"|{name}|" if contraction.free else name, value, error, method))
        title = [
            f"{self.role} of {self.datapoints}",
            how_many(self.dimension, "weight"),
            f"{self.library} {self.dtype}",
        ]
        if self.weight_decay:
            title.append(f"weight decay {self.weight_decay}")
        columns = 4 if any(methods) else 3
        plural = "" if self.gradients == 1 else "s"
        cost = f"{how_many(len(self.rounds), 'round')}, {self.gradients:.3g} gradient{plural}"
        notes = [cost, *filter(None, [self.method]), *self.notes]
        if not self.complete:
            notes.append("interrupted: not all was measured that was asked for")
        return PrintedTable(
            " | ".join(title),
            ("contraction", "value", "+-", "method")[:columns],
            tuple(row[:columns] for row in rows),
            tuple(notes),
            left=frozenset({0, 3}),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain data for JSON; vectors as lists."""
        everything = (*self.contractions, *self.vector_contractions)
        methods = self.methods or ("",) * len(everything)
        table = {
            str(contraction): {
                "value": self.value(contraction) if self.rounds else None,
                "standard_error": self.standard_error([(1.0, contraction)])
                if self.rounds
                else None,
                "method": method,
            }
            for contraction, method in zip(everything, methods, strict=True)
        }
        plain: dict[str, Any] = plain_data(
            {
                "role": self.role,
                "datapoints": self.datapoints,
                "dimension": self.dimension,
                "dtype": self.dtype,
                "library": self.library,
                "weight_decay": self.weight_decay,
                "has_metric": self.has_metric,
                "method": self.method,
                "notes": list(self.notes),
                "rounds": len(self.rounds),
                "samples": self.samples,
                "gradients": self.gradients,
                "degrees_of_freedom": self.degrees,
                "complete": self.complete,
                "contractions": table,
            }
        )
        return plain


def _size(value: Any, style: str) -> str:
    return f"{float(np.linalg.norm(value)) if np.ndim(value) else value:{style}}"
