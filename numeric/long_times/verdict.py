"""The verdict on a re-summed expansion in numbers: the sizes of its terms, sorted by powers."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.numeric.estimates.judgement import Verdict
from sgdiagrams.numeric.estimates.powers import (
    complete_power,
    is_loss,
    is_of_noise,
    judge_by_powers,
    mean_gradients,
    power_of,
)
from sgdiagrams.numeric.long_times.distance import excursion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.numeric.long_times.amplitudes import Amplitudes
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["Rungs", "judge_resummed"]

#: The number of edges of the first diagram that knows the skewness of the noise.
_SKEWNESS = 3
#: Of the largest term: less is zero but for rounding.
_ROUNDING = 1e-12


class Rungs:
    """The sizes of terms, summed up by powers, and the largest that has a mean gradient.

    Examples
    --------
    >>> from sgdiagrams.symbolic import Contraction
    >>> rungs = Rungs()
    >>> rungs.add(Contraction.build([(0, 1)], [[0], [1]], basis="cumulant"), -0.5)
    >>> dict(rungs.sizes), rungs.at_minimum
    ({2: 0.5}, False)
    """

    def __init__(self) -> None:
        self.sizes: dict[int, float] = defaultdict(float)
        self._largest = 0.0
        self._with_gradient = 0.0

    def add(self, contraction: Contraction, contribution: Any) -> None:
        """Add the contribution of a term."""
        size = float(np.linalg.norm(contribution))
        self.sizes[power_of(contraction)] += size
        self._largest = max(self._largest, size)
        if mean_gradients(contraction):
            self._with_gradient = max(self._with_gradient, size)

    @property
    def at_minimum(self) -> bool:
        """Whether mean gradients contribute nothing."""
        return self._with_gradient <= _ROUNDING * self._largest


def judge_resummed(
    expansion: ResummedFormula,
    parts: Sequence[Training],
    amplitudes: Amplitudes,
    rungs: Rungs,
    change: Any,
) -> Verdict:
    """Return the verdict by `judge_by_powers`, for terms that are known.

    Parameters
    ----------
    expansion, parts
        What was evaluated, and its trainings with their numbers.
    amplitudes
        The tensors in the eigenbasis.
    rungs
        The terms.
    change
        Their sum.
    """
    if not rungs.sizes:
        return Verdict("cannot tell: no contribution of order >= 1", trustworthy=False)
    observables = [part.observable for part in expansion.parts]
    rank = max(observable.rank for observable in observables)
    with np.errstate(invalid="ignore", over="ignore"):
        here = excursion(
            parts,
            amplitudes,
            expansion.form,
            rank=rank,
            is_loss=all(map(is_loss, observables)),
            is_of_noise=any(map(is_of_noise, observables)),
        )
    complete = min(complete_power(o, expansion.order) for o in observables)
    # At a minimum odd powers are zero; what skewness does first, has three edges.
    skips = rungs.at_minimum and not rank and expansion.order >= _SKEWNESS and complete % 2 == 0
    return judge_by_powers(
        rungs.sizes,
        complete=complete,
        change=float(np.linalg.norm(change)),
        excursion=here,
        at_minimum=rungs.at_minimum,
        following=complete + 2 if skips else None,
    )
