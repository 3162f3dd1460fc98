"""Whether an expansion in the noise can be trusted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sgdiagrams.numeric.estimates.judgement import Verdict

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["judge_noise"]

#: Of the excess: more than this must not be missing; and beyond this the noise is no perturbation.
_SHARE, _TOO_MUCH = 0.2, 0.6
#: Standard errors of what is missing that are added to it.
_DOUBT = 2.0
#: Of the excess: a statistical error beyond this tells nothing.
_VAGUE = 0.15


def judge_noise(
    *,
    excess: float,
    standard_error: float,
    remainder: float,
    remainder_error: float,
    noise: int,
    ratio: Fraction,
    diverged: int,
) -> Verdict:
    r"""Judge an expansion in the noise by what the same runs have left at full noise.

    The size of what is missing is that of the remainder, with two of its standard errors; for another
    strength of the noise, times :math:`r^{m + 1}` for an expansion to noise *m*, and once more by *r*
    where noise is stronger than measured, because orders that follow grow faster.

    * *diverging*: a run at full noise ended at no finite number, or more than 0.6 of the excess is surely
      missing;
    * *cannot tell*: the statistical error of the excess is more than 0.15 of it;
    * *borderline*: more than 0.2 of the excess is missing;
    * *trustworthy*: otherwise.

    Parameters
    ----------
    excess
        The size of all orders >= 1.
    standard_error
        Of the excess.
    remainder, remainder_error
        What the orders leave out at the strength that was measured, and its standard error.
    noise
        The highest order.
    ratio
        The strength of the noise over the measured one.
    diverged
        Runs at full noise without a finite end.

    Returns
    -------
    Verdict
        `missing` is the size of what is missing.
    """
    r = float(ratio)
    factor = r ** (noise + 1) * max(1.0, r)
    size = abs(remainder) + _DOUBT * remainder_error
    missing = factor * size if math.isfinite(size) else math.inf
    if diverged or math.isinf(missing):
        runs = "a run" if diverged == 1 else f"{diverged} runs"
        words = f"diverging: {runs} at full noise ended at no finite number"
        return Verdict(words, trustworthy=False, missing=missing)
    share = missing / excess if excess else (math.inf if missing else 0.0)
    about = f"about {share:.2g} of the excess over the noiseless run is missing"
    if not excess and not missing:
        return Verdict("trustworthy: noise changes nothing", trustworthy=True, missing=0.0)
    if standard_error > _VAGUE * excess:
        words = f"cannot tell: the statistical error is {_percent(standard_error, excess)} of the excess"
        return Verdict(words, trustworthy=False, missing=missing)
    if share > _TOO_MUCH:
        surely = factor * (abs(remainder) - _DOUBT * remainder_error) > _TOO_MUCH * excess
        words = (
            f"diverging: noise is no perturbation, {about}"
            if surely
            else f"cannot tell: up to {share:.2g} of the excess over the noiseless run may be missing"
        )
        return Verdict(words, trustworthy=False, missing=missing)
    if share > _SHARE:
        return Verdict(f"borderline: {about}", trustworthy=False, missing=missing)
    return Verdict(f"trustworthy: {about}", trustworthy=True, missing=missing)


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "more than all"
