r"""Numbers: derivatives of real losses into formulas, and SGD itself to hold them against.

Statistics of the derivatives :math:`\nabla^k l_x(\theta_0)` give a number to every contraction: for a
population by averages, for a sample by U-statistics (averages over distinct tuples), which are
unbiased. Simulations run SGD on landscapes in floating point, and in exact arithmetic.
"""

from sgdiagrams.numeric.compare import Comparison, compare
from sgdiagrams.numeric.digits import Digits
from sgdiagrams.numeric.estimate import Estimate
from sgdiagrams.numeric.evaluate import evaluate
from sgdiagrams.numeric.exact import (
    PolynomialLandscape,
    epochs_schedule,
    exact_sgd,
    one_pass_schedule,
)
from sgdiagrams.numeric.landscape import Landscape, landscape
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.numeric.toys import Gauss, Helix, Mean
from sgdiagrams.numeric.verify import Check, verify

__all__ = [
    "Check",
    "Comparison",
    "Digits",
    "Estimate",
    "Gauss",
    "Helix",
    "Landscape",
    "Mean",
    "PolynomialLandscape",
    "Statistics",
    "compare",
    "epochs_schedule",
    "evaluate",
    "exact_sgd",
    "landscape",
    "one_pass_schedule",
    "verify",
]
