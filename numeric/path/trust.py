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
#: Of the excess: what is missing and so many statistical errors are no more than this together.
_TOGETHER, _ERRORS = 0.3, 2.5
#: Of the excess at the strength that was measured: beyond this nothing is said of weaker noise.
_LOST = 0.7
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
    measured_excess: float | None = None,
) -> Verdict:
    r"""Judge an expansion in the noise by what the same runs have left at full noise.

    The size of what is missing is that of the remainder, with two of its standard errors. For noise of
    another strength *r* it is forecast with care, as the orders that follow may cancel each other at the
    strength that was measured: for an expansion to noise *m* it is multiplied by :math:`r^{1 + m/2}`
    where noise is weaker, by :math:`r^{m + 3/2}` where it is stronger.

    * *diverging*: a run at full noise ended at no finite number, or more than 0.6 of the excess is surely
      missing;
    * *cannot tell*: the statistical error of the excess is more than 0.15 of it; or noise is weaker than
      measured, and where it was measured more than 0.7 of the excess may be missing;
    * *borderline*: more than 0.2 of the excess is missing, or more than 0.3 with two and a half
      statistical errors;
    * *trustworthy*: otherwise.

    On many small problems fewer than one in 200 that are called trustworthy are off by more than 30 % of
    what noise adds in truth: ``benchmarks/path_calibration.py``.

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
    measured_excess
        The size of all orders >= 1 at the strength that was measured; that of `excess` when left out.

    Returns
    -------
    Verdict
        `missing` is the size of what is missing.
    """
    r = float(ratio)
    factor = r ** (1 + noise / 2) if r < 1 else r ** (noise + 1.5)
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
    if r < 1 and measured_excess is not None and size > _LOST * measured_excess:
        words = (
            "cannot tell: where it was measured, noise is no perturbation; measure with noise of this "
            "strength"
        )
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
    if missing + _ERRORS * standard_error > _TOGETHER * excess:
        words = (
            f"borderline: {about}, and its statistical error is {_percent(standard_error, excess)}"
        )
        return Verdict(words, trustworthy=False, missing=missing)
    return Verdict(f"trustworthy: {about}", trustworthy=True, missing=missing)


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "more than all"
