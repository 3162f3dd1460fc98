"""Errata in estimators: means over all samples say what they really estimate."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from sgdiagrams.numeric.errata.erratum import Erratum, Evidence
from sgdiagrams.numeric.errata.evidence import mean_over_samples
from sgdiagrams.numeric.errata.papers import DESCENT, GRADIENT_DESCENT
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.symbolic.algebra.expression import Expression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.numeric.errata.erratum import Corrections

__all__ = ["OF_ESTIMATORS"]

_GRADIENTS = (Fraction(1), Fraction(4))
_SIZE = 2
_WORDS = "the mean over all samples of gradients 1 and 4, each as likely"


def _value(expression: Expression) -> tuple[Fraction, ...]:
    landscape = PolynomialLandscape([{(1,): g} for g in _GRADIENTS])
    value = expression.subs({"N": _SIZE}).evaluate(landscape.statistics(1)).value
    return (Fraction(value[0, 0, 0] if expression.rank else value),)


def _covariance() -> Erratum:
    def statistic(sample: Sequence[Fraction]) -> Fraction:
        x, y = sample
        return (x - y) * x / 2

    printed = Expression.of("C_aa")
    # Half of the estimator of Expression.of("C_aa").estimator().
    derived = printed / 2
    return Erratum(
        "covariance-estimator",
        "The product of a difference of two gradients and the first of them estimates C as it is; half "
        "of it, as printed, estimates half of C.",
        (
            DESCENT._replace(place="section on implementing optimizers"),
            GRADIENT_DESCENT._replace(place="section on implementing optimizers"),
        ),
        r"\langle\hat{C}_{\mu\mu}\rangle",
        printed,
        derived,
        "Expression.of('C_aa').estimator()",
        Evidence(
            _WORDS, (mean_over_samples(_GRADIENTS, 2, statistic),), _value(derived), _value(printed)
        ),
    )


def _third_moment() -> Erratum:
    size = _SIZE

    def statistic(sample: Sequence[Fraction]) -> Fraction:
        """Return what is printed, of three batches: one for each factor that is alone."""
        first, second, third = (
            sum(sample[i * size : (i + 1) * size], Fraction(0)) / size for i in range(3)
        )
        alone = (size - 1) * (size - 2) * first * second * third
        return size**2 * first**3 - alone - 3 * (size - 1) * first * second**2

    printed = Expression.of("M_a|b|c")
    pairs = Expression.parse("G_a M_b|c + G_b M_a|c + G_c M_a|b - 3 G_a G_b G_c")
    derived = printed + Expression.parse("(N - 1)^2/N") * pairs
    return Erratum(
        "third-moment-estimator",
        "The example of an estimator of a third moment, N^2 {012} - (N-1)(N-2) {0|1|2} - 3 (N-1) {0|12}, "
        "has averages {} over batches of N in the place of moments, and is biased.",
        (
            DESCENT._replace(place="section on unbiased estimators"),
            GRADIENT_DESCENT._replace(place="section on unbiased estimators"),
        ),
        r"\langle\hat{M}_{\mu|\nu|\lambda}\rangle",
        printed,
        derived,
        "Expression.of('M_a|b|c').estimator()",
        Evidence(
            f"{_WORDS}, in batches of {size}",
            (mean_over_samples(_GRADIENTS, 3 * size, statistic),),
            _value(derived),
            _value(printed),
        ),
    )


OF_ESTIMATORS: Corrections = {
    "covariance-estimator": _covariance,
    "third-moment-estimator": _third_moment,
}
