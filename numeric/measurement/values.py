"""Published numbers: a table of contractions and their values, from which formulas are evaluated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Rational, Real
from typing import TYPE_CHECKING, Any, final, overload

import numpy as np

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.diagrams.files import plain_data
from sgdiagrams.diagrams.messages import how_many, shown
from sgdiagrams.diagrams.tables import PrintedTable
from sgdiagrams.diagrams.written_numbers import written_number
from sgdiagrams.numeric.estimates.expressions import tabulated_expression
from sgdiagrams.numeric.estimates.known_values import KnownContractions
from sgdiagrams.numeric.estimates.tabulated import Tabulated
from sgdiagrams.numeric.estimates.tabulation import evaluate_tabulated
from sgdiagrams.numeric.measurement.value_files import read_values, write_values
from sgdiagrams.symbolic.algebra.conversions import contraction_of
from sgdiagrams.symbolic.algebra.expression import Expression

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.estimates.estimate import Estimate
    from sgdiagrams.numeric.estimates.expression_estimate import ExpressionEstimate
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.formula import SeriesFormula

__all__ = ["Values"]

_INDEPENDENT = "errors of the values count as independent"


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Values(Tabulated):
    """A table: contraction -> number, or number and standard error.

    A formula is evaluated where all of its contractions are there, or follow exactly from those that are
    (``M_a|a`` from ``C_aa`` and ``G_a G_a``). Errors count as independent. With ints, Fractions and
    texts such as ``"1/3"`` alone, and an `eta` of that kind, estimates are Fractions.

    Parameters
    ----------
    numbers
        Contraction, or its text as formulas print it -> number, or a pair of number and error.

    Raises
    ------
    DiagramError
        When a text is no contraction.
    StatisticsError
        When a number is none or not finite, an error is negative, a contraction has free legs or eta's,
        is an average over samples, or is there twice.

    Examples
    --------
    >>> from sgdiagrams.symbolic import expand
    >>> values = Values({"l": 1.5, "G_a G_a": (0.5, 0.1)})
    >>> print(expand("test-loss", order=1, sampling="one-pass").evaluate(values, eta=0.1, T=2))
    test-loss at eta=0.1, T=2
     order  contribution  standard error
         0           1.5               0
         1          -0.1            0.02
       sum           1.4            0.02
    change          -0.1            0.02
    truncation error: unknown
    cannot tell: fewer than two contributions of order >= 1
    errors of the values count as independent
    """

    numbers: Mapping[Contraction, tuple[Fraction | float, float]]
    _known: KnownContractions = field(init=False)

    def __post_init__(self) -> None:
        given: Any = self.numbers
        if not isinstance(given, Mapping):
            raise StatisticsError(
                f"expected a mapping from contractions to numbers, got {shown(given)}"
            )
        numbers: dict[Contraction, tuple[Fraction | float, float]] = {}
        for key, entry in given.items():
            contraction = contraction_of(key)
            name = shown(str(contraction))
            is_of_samples = contraction.basis not in ("moment", "cumulant")
            if is_of_samples or contraction.metric != "identity":
                raise StatisticsError(f"expected moments or cumulants without eta, got {name}")
            if contraction.free:
                raise StatisticsError(f"expected a contraction without free leg, got {name}")
            if contraction in numbers:
                raise StatisticsError(f"expected every contraction once, got {name} twice")
            numbers[contraction] = _number_and_error(name, entry)
        object.__setattr__(self, "numbers", numbers)
        object.__setattr__(self, "_known", KnownContractions(numbers))

    @property
    def role(self) -> str:
        """Numbers of the distribution."""
        return "population"

    @property
    def datapoints(self) -> None:
        """Not known."""

    @property
    def dimension(self) -> None:
        """Not known."""

    @property
    def weight_decay(self) -> None:
        """Not known: penalised losses have the numbers that are given."""

    @property
    def has_metric(self) -> bool:
        """Learning rates are not in the numbers."""
        return False

    @property
    def degrees(self) -> None:
        """Not known."""

    @property
    def highest_order(self) -> int:
        """The highest order of the contractions."""
        return max((contraction.order for contraction in self.numbers), default=-1)

    @property
    def is_exact(self) -> bool:
        """Whether all numbers are Fractions."""
        return all(isinstance(value, Fraction) for value, _ in self.numbers.values())

    @property
    def caveats(self) -> tuple[str, ...]:
        """That errors count as independent, where there are any."""
        return (_INDEPENDENT,) if any(error for _, error in self.numbers.values()) else ()

    def rewritten(
        self, terms: Sequence[tuple[Fraction, Contraction]]
    ) -> list[tuple[Fraction, Contraction]]:
        """Return a sum of weights times contractions as one of those in the table.

        Raises
        ------
        StatisticsError
            When it does not follow from them.
        """
        return [(weight, c) for c, weight in self._known.rewritten(terms).items()]

    def value(self, contraction: Contraction | str) -> Fraction | float:
        """Return the number of a contraction that is in the table or follows from it.

        Raises
        ------
        StatisticsError
            When it does not; the message names what is missing.

        Examples
        --------
        >>> values = Values({"C_aa": 2, "G_a G_a": "1/3"})
        >>> values.value("M_a|a")
        Fraction(7, 3)
        """
        combination = self._known.combination(contraction_of(contraction))
        if self.is_exact:
            return sum((f * self.numbers[c][0] for c, f in combination.items()), Fraction(0))
        return math.fsum(float(f) * float(self.numbers[c][0]) for c, f in combination.items())

    def standard_error(self, terms: Sequence[tuple[float, Contraction]]) -> float:
        """Return the standard error of a sum of weights times contractions; errors are independent.

        Raises
        ------
        StatisticsError
            When one has no number.
        """
        factors: dict[Contraction, float] = {}
        for weight, contraction in terms:
            for known, factor in self._known.combination(contraction).items():
                factors[known] = factors.get(known, 0.0) + weight * float(factor)
        return math.hypot(*(factor * self.numbers[c][1] for c, factor in factors.items()))

    def error_factors(
        self, contractions: Sequence[Contraction | None]
    ) -> tuple[NDArray[np.float64], ...]:
        """Return one matrix: a row for every number of the table, its error times the factors."""
        rows = {c: i for i, c in enumerate(self.numbers)}
        factors = np.zeros((len(rows), len(contractions)))
        for column, contraction in enumerate(contractions):
            if contraction is not None:
                for known, factor in self._known.combination(contraction).items():
                    factors[rows[known], column] = float(factor) * self.numbers[known][1]
        return (factors,)

    @overload
    def evaluate(
        self, formula: SeriesFormula, *, eta: float | Fraction, **numbers: int | Fraction
    ) -> Estimate: ...

    @overload
    def evaluate(self, formula: Expression, **numbers: Any) -> ExpressionEstimate: ...

    def evaluate(self, formula: Any, **numbers: Any) -> Estimate | ExpressionEstimate:
        """Return a formula in numbers: what ``formula.evaluate(values, ...)`` asks for.

        Parameters
        ----------
        formula
            A plain expansion, or an expression, whose contractions are in the table, or follow from it.
        **numbers
            For expansions `eta`, the learning rate, one number. A number for every symbol: ``T=10`` or
            ``N=..., B=..., E=...``.

        Raises
        ------
        StatisticsError
            When a contraction has no number.
        RequestError, SamplingError
            When the expansion is re-summed, or a number is missing, unknown or impossible.
        """
        if isinstance(formula, Expression):
            return tabulated_expression(formula, self, **numbers)
        return evaluate_tabulated(formula, self, **numbers)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to a file, whole or not at all: see ``docs/file-formats.md``.

        Parameters
        ----------
        path
            A name that ends in ``.json`` or ``.csv``.

        Raises
        ------
        FormatError
            When the name has another ending or the file cannot be written.
        """
        write_values(self.numbers, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Values:
        """Read JSON, or CSV with the columns contraction, value and perhaps error.

        Parameters
        ----------
        path
            The file; ``-`` is standard input.

        Raises
        ------
        FormatError
            When the file is missing, a directory, broken, or of another format or version.
        """
        return read_values(path, cls)

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain data for JSON."""
        plain: dict[str, Any] = plain_data(
            {str(c): {"value": v, "standard_error": e} for c, (v, e) in self.numbers.items()}
        )
        return plain

    def __repr__(self) -> str:
        kind = "exact" if self.is_exact else "float"
        return f"<Values: {how_many(len(self.numbers), 'contraction')}, {kind}>"

    def __str__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> PrintedTable:
        rows = tuple(
            (str(c), str(v) if isinstance(v, Fraction) else f"{v:.6g}", f"{e:.2g}")
            for c, (v, e) in self.numbers.items()
        )
        return PrintedTable("", ("contraction", "value", "+-"), rows, left=frozenset({0}))


def _number_and_error(name: str, entry: Any) -> tuple[Fraction | float, float]:
    """Return what stands under a contraction, checked."""
    is_pair = isinstance(entry, (tuple, list)) or (
        isinstance(entry, np.ndarray) and entry.ndim == 1
    )
    pair = list(entry) if is_pair else [entry, 0.0]
    if len(pair) != 2:
        raise StatisticsError(
            f"expected a number, or a number and its error, for {name}, got {shown(entry)}"
        )
    value, error = (_number(name, number) for number in pair)
    if error < 0:
        raise StatisticsError(f"expected an error >= 0 for {name}, got {shown(entry)}")
    return value, float(error)


def _number(name: str, value: Any) -> Fraction | float:
    try:
        if isinstance(value, str):
            return _in_range(written_number(value))
        number: Any = None if isinstance(value, bool) else value
        if isinstance(number, Rational):
            return _in_range(Fraction(int(number.numerator), int(number.denominator)))
        if isinstance(number, Real) and math.isfinite(number):
            return float(number)
    except (ValueError, OverflowError):
        pass
    raise StatisticsError(f"expected a finite number for {name}, got {shown(value)}")


def _in_range(number: Fraction) -> Fraction:
    float(number)  # an OverflowError beyond it
    return number
