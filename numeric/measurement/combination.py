r"""Rounds as one: averages weighted by samples, and errors of linear combinations.

Rounds of one seed have no datapoint in common. With :math:`n_r` samples, values :math:`v_r` and
deviations :math:`d_{rg}`,

.. math:: v_s = \sum_r \frac{n_r}{n_s} v_r, \qquad
          \sigma_s^2(w) = \sum_r \frac{n_r^2}{n_s^2} \sum_g (d_{rg} \cdot w)^2, \qquad n_s = \sum_r n_r .

Errors within a round are a little too large where datapoints meet in ways that are not complete; of ten
rounds or more, which are independent, the deviations from their average are taken in their place,
:math:`d_r = \frac{n_r}{n_s} \sqrt{R/(R-1)}\, (v_r - v_s)`.

Seeds draw anew: over a sample from the same datapoints, so that the average over seeds, weighted by
:math:`n_s`, is only as good as each of them on average; from what is the distribution itself they are
independent, and the formula holds for the rounds of all seeds together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from sgdiagrams.diagrams.errors import StatisticsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.measurement.rounds import Round

__all__ = ["Combination", "merged_rounds"]

#: So many rounds tell their spread themselves.
_MANY = 10


@final
@dataclass(frozen=True, slots=True, eq=False)
class Combination:
    """Values and deviations of rounds that are taken together.

    Attributes
    ----------
    values
        The average of all; shape (C,) or (V, p).
    draws
        For every group of rounds that is independent of itself alone: its share, and the deviations of
        its rounds, each with its share; shapes (M, C) or (M, V, p).
    """

    values: NDArray[np.float64]
    draws: tuple[tuple[float, tuple[tuple[float, NDArray[np.float64]], ...]], ...]

    @classmethod
    def of_numbers(
        cls, rounds: Sequence[Round], shape: tuple[int, int, int], *, are_one_sample: bool
    ) -> Self:
        """Return the contractions without free leg; `shape` is their number, that of vectors, and p."""
        parts = [(part, part.values, part.deviations) for part in rounds]
        return cls._of(parts, shape[:1], are_one_sample=are_one_sample)

    @classmethod
    def of_vectors(
        cls, rounds: Sequence[Round], shape: tuple[int, int, int], *, are_one_sample: bool
    ) -> Self:
        """Return the contractions with a free leg."""
        parts = [(part, part.vectors, part.vector_deviations) for part in rounds]
        return cls._of(parts, shape[1:], are_one_sample=are_one_sample)

    @classmethod
    def _of(
        cls,
        parts: Sequence[tuple[Round, NDArray[np.float64], NDArray[np.float64]]],
        shape: tuple[int, ...],
        *,
        are_one_sample: bool,
    ) -> Self:
        for part, values, deviations in parts:
            # Without vectors nobody needs to know p.
            is_empty = not shape[0] and not values.size and not deviations.size
            has_shape = values.shape == shape and deviations.shape[1:] == shape
            if not (has_shape or is_empty):
                raise StatisticsError(
                    f"expected values of shape={shape} and deviations of shape (groups, *shape), "
                    f"got {values.shape} and {deviations.shape} in round {part.index}"
                )
            if not (np.isfinite(values).all() and np.isfinite(deviations).all()):
                raise StatisticsError(f"expected finite numbers, got others in round {part.index}")
        total = sum(part.samples for part, _, _ in parts)
        values = np.zeros(shape)
        draws = []
        for _, group in groupby(parts, lambda entry: entry[0].seed if are_one_sample else 0):
            drawn = list(group)
            size = sum(part.samples for part, _, _ in drawn)
            shares = []
            for part, numbers, deviations in drawn:
                if shape[0]:
                    values += (part.samples / total) * numbers
                shares.append((part.samples / size, deviations))
            if shape[0] and len(drawn) >= _MANY and all(len(d) for _, d in shares):
                parts_of = np.array([share for share, _ in shares])
                shares = [(1.0, _between(parts_of, np.stack([v for _, v, _ in drawn])))]
            draws.append((size / total, tuple(shares)))
        return cls(values, tuple(draws))

    @property
    def degrees(self) -> int | None:
        r"""Degrees of freedom: groups less rounds, or of many rounds their number less one; or None.

        Of an average of errors those whose relative spread, :math:`(2 \nu)^{-1/2}`, is the average of the
        seeds'.
        """
        spread = 0.0
        for share, parts in self.draws:
            degrees = sum(len(deviations) - 1 for _, deviations in parts if len(deviations))
            if degrees:
                spread += share / math.sqrt(degrees)
        return max(1, math.floor(spread**-2 + 1e-9)) if spread else None

    def value(self, weights: NDArray[np.float64]) -> Any:
        """Return a sum of weights times contractions."""
        return weights @ self.values

    def factors(self, columns: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...] | None:
        """Return a matrix for every draw, whose norms times weights of the columns sum to the error.

        A column is a sum of contractions with these weights. None for vectors over several draws, whose
        errors add by components.
        """
        if self.values.ndim > 1 and len(self.draws) > 1:
            return None
        made = []
        for share, parts in self.draws:
            rows = [
                share
                * part
                * np.tensordot(deviations, columns, axes=(1, 0)).reshape(-1, columns.shape[1])
                for part, deviations in parts
                if deviations.size
            ]
            made.append(np.concatenate(rows) if rows else np.zeros((0, columns.shape[1])))
        return tuple(made)

    def standard_error(self, weights: NDArray[np.float64]) -> Any:
        """Return its standard error."""
        error: Any = 0.0 if self.values.ndim == 1 else np.zeros(self.values.shape[1:])
        for share, parts in self.draws:
            variance: Any = 0.0
            for part, deviations in parts:
                if deviations.size:
                    is_flat = deviations.ndim == 2
                    combined = part * (deviations @ weights if is_flat else weights @ deviations)
                    variance = variance + (combined * combined).sum(axis=0)
            error = error + share * np.sqrt(variance)
        return error


def _between(shares: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return deviations of rounds from their average, whose squares sum to its variance."""
    average = np.tensordot(shares, values, axes=1)
    scale = shares * np.sqrt(len(shares) / (len(shares) - 1))
    deviations: NDArray[np.float64] = scale[(...,) + (None,) * average.ndim] * (values - average)
    return deviations


def merged_rounds(rounds: Iterable[Round]) -> tuple[Round, ...]:
    """Return rounds by seed and index, each once.

    Raises
    ------
    StatisticsError
        When one of them has two sets of numbers, or no samples.
    """
    merged: dict[tuple[int, int], Round] = {}
    for part in rounds:
        key = (part.seed, part.index)
        if part.samples < 1:
            raise StatisticsError(
                f"expected samples in every round, got {part.samples} in {key[1]}"
            )
        if key in merged and not _are_equal(merged[key], part):
            raise StatisticsError(
                f"expected one set of numbers for round {part.index} of seed {part.seed}, got two; "
                "measure on one kind of machine, or with another seed"
            )
        if key not in merged or part.gradients < merged[key].gradients:
            merged[key] = part
    return tuple(merged[key] for key in sorted(merged))


def _are_equal(one: Round, two: Round) -> bool:
    return one.samples == two.samples and all(
        np.array_equal(getattr(one, name), getattr(two, name))
        for name in ("values", "deviations", "vectors", "vector_deviations")
    )
