r"""Re-summed series by powers of the distance: which are complete, and how far they can be trusted.

Contribution d of a re-summed series is that of the linkless diagrams with d edges. Edges are no
small parameter: an edge into a node that branches costs nothing after many updates. What counts is
how far the weights go. A mean gradient moves them by a first power of that distance, and so does
each of two gradients that are tied; a block of b nodes counts as 2 (b - 1), twice its *noise*. So
the power of a diagram is

.. math:: n = 2\,(\text{nodes} - \text{blocks}) + \text{mean gradients},

where a loss at the root with one child is a mean gradient too. Every node without children, or with one,
takes at least a first power, so that a tree of power n has at most 2n - r edges, with the least
number r of edges into its root: 2 for a loss (a mean gradient at the root has taken a power), 1 for a
displacement, 3 for a generalisation gap, whose root shares its block. At a minimum mean gradients
are zero, and power 2m is noise m.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from sgdiagrams.numeric.estimates.judgement import SHARE, Verdict, falls, verdict_of
from sgdiagrams.symbolic.observable import GAP
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED, TRAINING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.observable import Observable

__all__ = [
    "Excursion",
    "complete_order",
    "complete_power",
    "is_loss",
    "is_of_noise",
    "judge_by_powers",
    "mean_gradients",
    "power_of",
]

#: Of the change: so much may be missing where third derivatives are not known.
_SHARE_UNKNOWN = 0.05
#: The least number of edges into a loss that is no mean gradient.
_INTO_LOSS = 2
#: Of one power by the next: less is zero but for rounding.
_EXACT = 1e-9
#: Of the largest: less is zero but for rounding.
_ROUNDING = 1e-12


class Excursion(NamedTuple):
    """How far weights go from the start, and how far the loss is from quadratic over that distance.

    Attributes
    ----------
    distance
        The root mean square of the displacement; 0 where it is no scale for the contributions.
    ratio
        The small parameter of higher derivatives.
    noise
        That of the noise of the Hessian.
    has_third
        Whether third derivatives are known.
    energy
        Of a loss, what the distance costs; 0 where the noise of the Hessian may change more than that.
    """

    distance: float
    ratio: float
    noise: float
    has_third: bool
    energy: float = 0.0

    def against(self, size: float) -> float:
        """Return the small parameter for contributions that begin with a size."""
        share = min(1.0, self.energy / size) if self.energy else 1.0
        return max(self.ratio, self.noise * math.sqrt(share))


def mean_gradients(contraction: Contraction) -> int:
    """Return how many gradients of the mean loss are factors."""
    labels, legs = contraction.labels, contraction.legs
    alone = [block[0] for block in contraction.blocks if len(block) == 1]
    return sum(legs[v] == 1 and labels[v] in (LOSS, PENALISED) for v in alone)


def power_of(contraction: Contraction) -> int:
    """Return the power of the distance.

    Examples
    --------
    >>> from sgdiagrams.symbolic import Contraction
    >>> power_of(Contraction.build([(0, 2), (1, 2)], [[0, 1], [2]], basis="cumulant"))
    2
    >>> power_of(Contraction.build([(0, 1)], [[0], [1]], basis="cumulant"))
    2
    """
    return 2 * contraction.noise + mean_gradients(contraction)


def complete_power(observable: Observable, edges: int) -> int:
    """Return the highest power that linkless diagrams with up to `edges` edges know completely.

    Examples
    --------
    >>> from sgdiagrams.symbolic.observable import named_observable
    >>> loss, gap = named_observable("test-loss"), named_observable("generalisation-gap")
    >>> [complete_power(loss, d) for d in range(2, 7)], [complete_power(gap, d) for d in range(1, 6)]
    ([2, 2, 3, 3, 4], [2, 2, 3, 3, 4])
    """
    return (edges + _into_roots(observable)) // 2


def complete_order(observable: Observable, highest: int = 4) -> int:
    """Return the order up to `highest` with which a re-summed series ends in a complete power.

    Examples
    --------
    >>> from sgdiagrams.symbolic.observable import named_observable
    >>> loss, shift = named_observable("test-loss"), named_observable("displacement")
    >>> complete_order(loss), complete_order(shift), complete_order(loss, 3)
    (4, 3, 2)
    """
    orders = range(max(1, highest), 0, -1)
    complete = (
        k for k in orders if complete_power(observable, k) > complete_power(observable, k - 1)
    )
    return next(complete, 1)


def is_loss(observable: Observable) -> bool:
    """Tell whether it is the loss itself at the end, of the population or of the training set."""
    return not observable.rank and _into_roots(observable) == _INTO_LOSS


def is_of_noise(observable: Observable) -> bool:
    """Tell whether it is zero without noise: a generalisation gap, a variance, a covariance."""
    if observable.times:  # a step is a difference too
        return not observable.is_mean
    return sum(product.sign for product in observable.products) == 0


def _into_roots(observable: Observable) -> int:
    if observable.spread_of is not None:  # both factors move
        return 4 if observable.spread_of in (LOSS, TRAINING) else 2
    if observable.products == GAP.products:
        return 3
    return min(product.root_degree for product in observable.products)


def judge_by_powers(
    sizes: Mapping[int, float],
    *,
    complete: int,
    change: float,
    excursion: Excursion,
    at_minimum: bool,
    following: int | None = None,
) -> Verdict:
    r"""Judge a re-summed series by powers of the distance that weights go.

    The size :math:`a_n` of a power is the sum of the sizes of its terms, which do not cancel, complete or
    not. From the first power f that is more than 0.001 of the largest, they fall by the factor

    .. math:: r = \max\Bigl(\max_{n > f}\, (a_n / a_f)^{1/(n - f)},\; \epsilon\Bigr)

    with the ratio :math:`\epsilon` of an excursion, which knows of what the missing diagrams are
    made: see `sgdiagrams.numeric.long_times.distance`. Complete up to power m, a series misses
    about :math:`a_f\, r^{m + 1 - f}`, for a displacement not less than :math:`\epsilon^m` times the
    distance, and not less than any incomplete power. It is *trustworthy* when r is at most 1/2 (its
    square, of the noise, at a minimum) and at most 0.2 of the change is missing (0.05 where third
    derivatives are not known), *borderline* when r < 1, else *diverging*; it has *ended* when r is
    0, as on a quadratic loss with additive noise. Where no power is complete one *cannot tell*. At
    a minimum, where mean gradients are zero, only even powers are there, those of the noise: from
    three edges on a loss then misses :math:`a_f\, r^{m + 2 - f}` for even m.

    Parameters
    ----------
    sizes
        For every power the sum of the sizes of its terms.
    complete
        The highest power that is complete.
    change
        The size of the sum of all contributions of order >= 1.
    excursion
        How far the weights go.
    at_minimum
        Whether no mean gradient contributes.
    following
        The power that follows the complete ones, where it is not the next.

    Examples
    --------
    >>> here = Excursion(distance=0.0, ratio=0.1, noise=0.0, has_third=True)
    >>> noise = {2: 1.0, 4: 0.04}
    >>> judge_by_powers(noise, complete=3, change=1.0, excursion=here, at_minimum=True).words
    'trustworthy: powers of the noise fall like 0.04^k, about 0.04 of the change is missing'
    """
    if not all(map(math.isfinite, (*sizes.values(), change))):
        return Verdict("diverging: out of the range of floats", trustworthy=False, missing=math.inf)
    floor = _ROUNDING * max(excursion.distance, *sizes.values(), 0.0)
    known = {n: size for n, size in sorted(sizes.items()) if size > floor}
    if not known or min(known) > complete or not math.isfinite(excursion.ratio + excursion.noise):
        words = f"cannot tell: no power of the distance is complete up to {complete}"
        if known and min(known) <= complete:
            words = "cannot tell: the weights go beyond any distance"
        return Verdict(words, trustworthy=False)
    following = complete + 1 if following is None else following
    first, ratio = falls(known)
    if first > complete:
        return Verdict(f"cannot tell: power {first} is not complete", trustworthy=False)
    small = excursion.against(known[first])
    ratio = max(ratio, small)
    if ratio < _EXACT:
        if not excursion.has_third:
            return Verdict("cannot tell: third derivatives are not known", trustworthy=False)
        return Verdict("ended: nothing is beyond second derivatives", trustworthy=True, missing=0.0)
    missing = max(
        known[first] * ratio ** (following - first),
        excursion.distance * small**complete,
        *(size for n, size in known.items() if n > complete),
        0.0,
    )
    series, step = ("powers of the noise", 2) if at_minimum else ("powers of the distance", 1)
    share = SHARE if excursion.has_third else _SHARE_UNKNOWN
    verdict = verdict_of(series, ratio**step, missing, change, share=share)
    if excursion.has_third:
        return verdict
    return verdict._replace(words=f"{verdict.words}; third derivatives are not known")
