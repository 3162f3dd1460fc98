r"""Pushed runs: derivatives of whole runs by the strength of the noise, along the noiseless run.

The updates of run s see the gradient

.. math:: \nabla l(\theta) + \sum_x \epsilon_x f_{x,s}\, (\nabla l_{b_{x,s}}(\theta) - \nabla l(\theta))

with the mean loss *l* of all datapoints, the mean loss of a few datapoints *b* and a factor *f*, for each
of the directions x. All derivatives of the weights by :math:`\epsilon` at 0 that are asked for are
carried from update to update together, for many runs at once; the noiseless run :math:`\epsilon = 0` is
common to them. Nothing of the past is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.numeric.linear_state import carried, combined
from sgdiagrams.numeric.noiseless.training_penalty import TrainingPenalty
from sgdiagrams.symbolic.embeddings.drawing import parted, share_groups
from sgdiagrams.symbolic.vocabulary import LOSS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.descent import Descent
    from sgdiagrams.numeric.models.model import Directions, Model, Vectors
    from sgdiagrams.symbolic.embeddings.drawing import Weighted

__all__ = ["PAIRS", "SINGLE", "Jets", "Push", "Watched", "add_noise", "lower_keys", "pushed_runs"]

#: Derivatives of a table of vectors; ``()`` is the value, of length 1.
Jets: TypeAlias = "dict[Directions, Vectors]"

#: Two derivatives along one direction: all of noise 1.
SINGLE: tuple[Directions, ...] = ((0,), (0, 0))
#: What noise 2 needs beside them: three along one, and two along each of two directions.
PAIRS: tuple[Directions, ...] = (
    (0,), (1,), (0, 0), (0, 1), (1, 1), (0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1), (0, 0, 1, 1),
)  # fmt: skip


@final
@dataclass(frozen=True, slots=True, eq=False)
class Push:
    """What pushes S runs at one update, in one direction.

    Attributes
    ----------
    datapoints
        Whose mean gradient pushes, shape (S, m); with shares of sum 1 where it is no mean.
    factors
        Times these, shape (S,); None for 1.
    """

    datapoints: NDArray[np.intp] | Weighted
    factors: NDArray[np.float64] | None = None

    def jets(self, model: Model, curves: Jets) -> Jets:
        """Return the derivatives of the gradient of the batch along curves of weights."""
        points, shares = parted(self.datapoints)
        if shares is None:
            return model.jets(LOSS, points, curves, output="vector")
        total: Jets = {}
        for weight, own in _parts_of(shares):
            part = model.jets(LOSS, points[:, own], curves, output="vector")
            with model.computing():
                factor = weight if isinstance(weight, float) else model.as_table(weight)
                for key, table in part.items():
                    total[key] = total[key] + factor * table if key in total else factor * table
        return total


@final
@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """A point of S pushed runs that is looked at.

    Attributes
    ----------
    place
        Its place among those of the descent.
    weights
        Of the noiseless run, a table of length 1.
    jets
        Derivatives of the weights, tables of length S.
    """

    place: int
    weights: Vectors
    jets: Jets


def lower_keys(keys: Iterable[Directions], direction: int) -> tuple[Directions, ...]:
    """Return the derivatives that are left when one along a direction is taken by a factor.

    All their parts come with them, the value without derivative does not.

    Examples
    --------
    >>> lower_keys([(0,), (0, 0), (0, 1)], 0)
    ((0,), (1,))
    """
    parts = {part for key in keys if direction in key for part in _parts(_without(key, direction))}
    return tuple(sorted(parts - {()}, key=lambda key: (len(key), key)))


def pushed_runs(
    model: Model,
    descent: Descent,
    pushes: Sequence[Iterator[Push]],
    keys: Sequence[Directions],
    *,
    runs: int,
    eta: float,
) -> Iterator[Watched]:
    """Yield the points of pushed runs that are looked at, in the order of time.

    Parameters
    ----------
    model
        At the weights where runs start, with all datapoints.
    descent
        The optimiser.
    pushes
        For every direction one push for every update.
    keys
        Which derivatives; with every one all of its parts, shorter ones first.
    runs
        The number S.
    eta
        The learning rate.

    Raises
    ------
    StatisticsError
        When the noiseless run, or a derivative, is not finite.
    """
    penalty = TrainingPenalty.of(model, descent.optimizer)
    watched = np.array(descent.watched)
    lower = [lower_keys(keys, x) for x in range(len(pushes))]
    with model.computing():
        zero = model.as_table(np.zeros((runs, model.dimension)))
        start = model.start[None]
        theta: Jets = {(): start, **dict.fromkeys(keys, zero)}
        state: dict[Directions, Any] = {
            key: (zero if key else 0 * start,) * descent.states for key in theta
        }
        sums = {
            k: {(): row[0] * start, **dict.fromkeys(keys, zero)}
            for k, row in enumerate(watched)
            if _is_average(row)
        }
    yield from _arrivals(theta, watched, 0)
    for t, update in enumerate(descent.updates, start=1):
        with model.computing():
            read = _displaced(start, update.read, state)
        here = model.moved(read[()][0])
        curves = {key: read[key] for key in keys}
        try:
            slope = here.jets(LOSS, model.everything, curves, output="vector")
        except StatisticsError as error:
            raise StatisticsError(
                f"the noiseless run, or a derivative along it, is not finite after {t - 1} of "
                f"{len(descent.updates)} updates at eta={eta:g}; take a lower learning rate"
            ) from error
        full = dict(slope)
        for x, source in enumerate(pushes):
            push = next(source)
            needed = {key: read[key] for key in lower[x]}
            own = push.jets(here, needed)
            with model.computing():
                factors = None
                if push.factors is not None:
                    factors = model.as_table(push.factors[:, None])
                add_noise(slope, x, own, full, factors)
        slope = penalty.added_to_jets(slope, here, read)
        with model.computing():
            pulls: dict[Directions, Any] = dict.fromkeys(state)
            if update.pull is not None:
                drawn = _displaced(start, update.pull.read, state)
                pulls = {key: eta * descent.pull * table for key, table in drawn.items()}
            state = {
                key: carried(update, state[key], eta * slope[key], pulls[key]) for key in state
            }
            theta = _displaced(start, update.readout, state)
            for k, total in sums.items():
                if watched[k, t]:
                    sums[k] = {key: total[key] + watched[k, t] * theta[key] for key in theta}
        yield from _arrivals(theta, watched, t)
    for k, total in sums.items():
        yield Watched(k, total.pop(()), total)


def _parts_of(
    shares: NDArray[np.float64],
) -> Iterator[tuple[float | NDArray[np.float64], NDArray[np.intp]]]:
    """Yield factors of means over some places, which make up the sum with shares."""
    if shares.ndim == 1:
        yield from share_groups(shares)
        return
    for place in range(shares.shape[1]):
        yield shares[:, place, None], np.array([place])


def add_noise(
    total: dict[Directions, Any],
    direction: int,
    own: Mapping[Directions, Any],
    mean: Mapping[Directions, Any],
    factors: Any = None,
) -> None:
    r"""Add, in place, the derivatives of :math:`\epsilon_x f\, (b - l)` by the strengths at 0.

    Parameters
    ----------
    total
        What is added to: derivatives of numbers or vectors.
    direction
        x.
    own, mean
        The derivatives of b and of l.
    factors
        f; None for 1.
    """
    for key, before in total.items():
        if direction in key:
            rest = _without(key, direction)
            more = key.count(direction) * (own[rest] - mean[rest])
            total[key] = before + (more if factors is None else factors * more)


def _displaced(start: Any, row: Sequence[float], state: Mapping[Directions, Any]) -> Jets:
    """Return the start and a combination of the state's vectors, with their derivatives."""
    moved = {key: combined(row, vectors) for key, vectors in state.items()}
    return {**moved, (): start + moved[()]}


def _arrivals(theta: Mapping[Directions, Any], watched: NDArray[Any], t: int) -> Iterator[Watched]:
    for k, row in enumerate(watched):
        if not _is_average(row) and row[t]:
            yield Watched(k, theta[()], {key: table for key, table in theta.items() if key})


def _is_average(row: NDArray[Any]) -> bool:
    return bool(np.count_nonzero(row) != 1 or row.max() != 1)


def _without(key: Directions, direction: int) -> Directions:
    place = key.index(direction)
    return key[:place] + key[place + 1 :]


def _parts(key: Directions) -> set[Directions]:
    return {part for size in range(len(key) + 1) for part in combinations(key, size)}
