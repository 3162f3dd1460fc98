"""An erratum in a law of long times, which a change of units refutes.

A loss twice as large at half the learning rate makes the same run. So does every law of what SGD does.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from sympy import Expr, Symbol

from sgdiagrams.numeric.errata.erratum import Erratum, Evidence
from sgdiagrams.numeric.errata.papers import DESCENT, GRADIENT_DESCENT
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.noise_series import exact_noise
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from sgdiagrams.numeric.errata.erratum import Corrections

__all__ = ["OF_LONG_TIMES"]

_UPDATES = 4
_RATE = Fraction(1, 4)


def _drift() -> Erratum:
    H, C, J = Symbol("H"), Symbol("C"), Symbol("J")
    # - eta^3/2 C J over eta (H + H) and H, the second without its eta.
    printed = -(symbols.eta**2) * C * J / (4 * H**2)
    law = expand("displacement", order=3, sampling="one-pass", resummed=True).at_minimum()
    derived = law.small_eta().in_one_dimension()

    def noise(times: int) -> Fraction:
        """Return what noise adds to the mean of the weight, for a loss that is so many times as large."""
        loss: dict[tuple[int, ...], Fraction] = {(2,): Fraction(times, 2), (3,): Fraction(times, 6)}
        landscape = PolynomialLandscape([{**loss, (1,): sign * times} for sign in (1, -1)])
        series = exact_noise(
            landscape,
            Training(OnePass(T=_UPDATES)),
            pushes=2,
            eta=_RATE / times,
            observable="displacement",
        )
        return Fraction(series[2][0])

    def ratio(formula: Expr) -> tuple[Fraction, ...]:
        at = {H: 1, C: 1, J: 1, symbols.eta: _RATE}
        larger = {H: 2, C: 4, J: 2, symbols.eta: _RATE / 2}
        number = formula.subs(larger) / formula.subs(at)
        return (Fraction(int(number.p), int(number.q)),)

    return Erratum(
        "drift-power",
        "Where SGD drifts to from a minimum is of order eta, not eta^2: below the second H an eta is "
        "missing. As printed it is another place for the same run in other units.",
        (DESCENT._replace(place="corollary 1"), GRADIENT_DESCENT._replace(place="corollary 4")),
        r"\langle\theta_T - \theta_0\rangle \to",
        printed,
        derived,
        "expand('displacement', order=3, sampling='one-pass', resummed=True)"
        ".at_minimum().small_eta()",
        Evidence(
            "displacement for twice the loss at half the learning rate, over that before; exact SGD: "
            f"noise 1 at T = {_UPDATES}, eta = {_RATE} on x^2/2 + x^3/6 with gradients 1, -1",
            (noise(2) / noise(1),),
            ratio(derived),
            ratio(printed),
        ),
    )


OF_LONG_TIMES: Corrections = {"drift-power": _drift}
