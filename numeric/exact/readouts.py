r"""What the exact simulator reads off at the end of a run: moments of the weights or of a loss.

A readout turns the weights of one run into raw moments. Moments are averaged over runs, and the last
step makes the observable of the averages: a variance is the mean square minus the square of the mean.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.numeric.exact.series import multiply, subtract, taylor, weighted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
    from sgdiagrams.numeric.exact.series import Exponents, Monomials, Polynomial, Series
    from sgdiagrams.symbolic.training.optimizer import Optimizer

__all__ = ["READOUTS", "Readout", "observed", "watch_tables"]

#: How often the population's loss and the training set's are in the observable.
_LOSSES = {
    "test-loss": (1, 0),
    "training-loss": (0, 1),
    "generalisation-gap": (1, -1),
    "variance": (1, 0),
}
_TENSORS = ("displacement", "second-moment", "covariance")
#: The names of the observables.
READOUTS = (*_LOSSES, *_TENSORS, "function")


@final
class Readout:
    """The raw moments of one run.

    Parameters
    ----------
    name
        One of `READOUTS`.
    landscape
        The losses.
    function
        The polynomial for ``"function"``.
    used
        The rows that the schedule uses, `rows` of the training set in all.

    Attributes
    ----------
    exponents
        The monomials that are needed.
    scales
        One number for each moment, by which the moment comes multiplied.
    """

    def __init__(
        self,
        name: str,
        landscape: PolynomialLandscape,
        function: Polynomial,
        *,
        used: Sequence[int],
        rows: int,
    ) -> None:
        self.name, self.used, self.rows = name, used, rows
        read = [function] if name == "function" else landscape.losses
        self._polynomials = [taylor(poly, landscape.start) for poly in read]
        self._denominator = math.lcm(
            *(c.denominator for poly in self._polynomials for c in poly.values())
        )
        self._vectors: list[list[int]] = []
        p = landscape.dimension
        self._pairs = list(combinations_with_replacement(range(p), 2))
        scale = self._denominator
        if name in _LOSSES:
            scale *= rows * len(read)
        numbers = {"displacement": p, "second-moment": len(self._pairs)}
        if name in _TENSORS:
            self.scales = [1] * numbers.get(name, p + len(self._pairs))
        else:
            self.scales = [scale, scale**2] if name == "variance" else [scale]

    @property
    def exponents(self) -> set[Exponents]:
        """The monomials that occur in what is read off."""
        return {e for poly in self._polynomials for e in poly}

    def prepare(self, monomials: Monomials) -> None:
        """Write the polynomials over a list of monomials that contains theirs."""
        self._vectors = [
            monomials.vector({e: int(c * self._denominator) for e, c in poly.items()})
            for poly in self._polynomials
        ]

    def moments(
        self, monomials: Monomials, points: Sequence[Sequence[Series]], drawn: Sequence[int]
    ) -> list[Series]:
        """Return the raw moments times their scales.

        Parameters
        ----------
        monomials
            The list for which the readout was prepared.
        points
            The weights that are watched, as deviations from the start: at the end and, for an
            increment, before.
        drawn
            The atom in every row that is used.
        """
        if self.name in _TENSORS:
            end, *before = points
            rise = list(end)
            for point in before:
                rise = [subtract(x, y) for x, y in zip(rise, point, strict=True)]
            squares = [multiply(rise[i], rise[j]) for i, j in self._pairs]
            parts = {"displacement": rise, "second-moment": squares}
            return parts.get(self.name, rise + squares)
        vector = self._vectors[0]
        if self.name != "function":
            vector = weighted(self._shares(drawn), self._vectors)
        end_value, *earlier = [monomials.apply(vector, monomials.evaluate(x)) for x in points]
        for value in earlier:
            end_value = subtract(end_value, value)
        if self.name == "variance":
            return [end_value, multiply(end_value, end_value)]
        return [end_value]

    def _shares(self, drawn: Sequence[int]) -> list[int]:
        """Return how often every atom is in the loss, times N and the number of atoms."""
        population, training = _LOSSES[self.name]
        atoms = len(self._polynomials)
        # Rows that no update uses are independent of the weights: they are averaged at once.
        shares = [self.rows * population + (self.rows - len(self.used)) * training] * atoms
        for row in self.used:
            shares[drawn[row]] += atoms * training
        return shares


def observed(name: str, moments: Sequence[Sequence[Fraction]], p: int) -> tuple[Any, ...]:
    """Return the observable's coefficients from the averages of the raw moments."""
    if name not in _TENSORS:
        mean, *square = moments
        return tuple(subtract(square[0], multiply(mean, mean)) if square else mean)
    pairs = list(combinations_with_replacement(range(p), 2))
    table: list[Any]
    shape: tuple[int, ...] = (p,)
    if name == "displacement":
        table = list(moments)
    else:
        entries = dict(zip(pairs, moments[-len(pairs) :], strict=True))
        if name == "covariance":
            entries = {
                (i, j): subtract(entry, multiply(moments[i], moments[j]))
                for (i, j), entry in entries.items()
            }
        shape, table = (p, p), [entries[min(i, j), max(i, j)] for i, j in np.ndindex(p, p)]
    result = []
    for coefficients in zip(*table, strict=True):
        tensor = np.empty(len(coefficients), dtype=object)
        tensor[:] = coefficients
        result.append(tensor.reshape(shape))
    return tuple(result)


def watch_tables(
    optimizer: Optimizer, T: int, since: int | None
) -> tuple[tuple[Fraction, ...], ...]:
    """Return the weights of the iterates 1..T in the watched points: at the end, and before.

    What is missing to 1 is the weight of the start. Without an average the last iterate has weight 1.

    Raises
    ------
    SamplingError
        When `since` is not a number of updates, or there are too few for the average.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.optimizer import SGD
    >>> [[str(weight) for weight in table] for table in watch_tables(SGD(), 3, since=1)]
    [['0', '0', '1'], ['1', '0', '0']]
    """
    if since is not None and (
        isinstance(since, bool) or not isinstance(since, int) or not 0 <= since <= T
    ):
        raise SamplingError(f"expected since= as a number of updates 0..{T}, got since={since!r}")
    tables = []
    for stop in (T,) if since is None else (T, since):
        if optimizer.average is not None:
            weights = optimizer.average.weights(stop)
        else:
            weights = tuple(Fraction(t == stop) for t in range(1, stop + 1))
        tables.append(weights + (Fraction(0),) * (T - stop))
    return tuple(tables)
