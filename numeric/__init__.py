r"""Numbers: derivatives of real losses into formulas, and SGD itself to hold them against.

Statistics of the derivatives :math:`\nabla^k l_x(\theta_0)` give a number to every contraction: for a
population by averages, for a sample by U-statistics (averages over distinct tuples), which are
unbiased. Simulations run SGD on landscapes in floating point, and in exact arithmetic.
"""

from sgdiagrams.numeric.compare import Comparison, compare
from sgdiagrams.numeric.digits import Digits
from sgdiagrams.numeric.drift import Drift, drift
from sgdiagrams.numeric.estimate import Estimate
from sgdiagrams.numeric.evaluate import evaluate
from sgdiagrams.numeric.exact import exact_sgd, exact_sgd_average
from sgdiagrams.numeric.landscape import Landscape, landscape
from sgdiagrams.numeric.polynomials import PolynomialLandscape
from sgdiagrams.numeric.schedules import (
    epochs_schedule,
    grid_schedule,
    one_pass_schedule,
    reshuffled_schedules,
    with_replacement_schedules,
)
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.numeric.toys import Gauss, Helix, Mean
from sgdiagrams.numeric.validity import Validity, judge_series
from sgdiagrams.numeric.verify import Check, verify

__all__ = [
    "Check",
    "Comparison",
    "Digits",
    "Drift",
    "Estimate",
    "Gauss",
    "Helix",
    "Landscape",
    "Mean",
    "PolynomialLandscape",
    "Statistics",
    "Validity",
    "compare",
    "drift",
    "epochs_schedule",
    "evaluate",
    "exact_sgd",
    "exact_sgd_average",
    "grid_schedule",
    "judge_series",
    "landscape",
    "one_pass_schedule",
    "reshuffled_schedules",
    "verify",
    "with_replacement_schedules",
]
