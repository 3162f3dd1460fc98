r"""Numbers: derivatives of real losses into formulas, and SGD itself to hold them against.

Statistics of the derivatives :math:`\nabla^k l_x(\theta_0)` give a number to every contraction: for a
population by averages, for a sample by U-statistics (averages over distinct tuples), which are
unbiased. Simulations run SGD on landscapes in floating point, and in exact arithmetic.
"""

from sgdiagrams.numeric.comparison.experiment import Comparison, compare
from sgdiagrams.numeric.comparison.path_comparison import PathComparison
from sgdiagrams.numeric.comparison.validity import Validity, judge_series
from sgdiagrams.numeric.errata.catalogue import ERRATA, known_erratum
from sgdiagrams.numeric.errata.erratum import Erratum
from sgdiagrams.numeric.estimates.estimate import Estimate
from sgdiagrams.numeric.estimates.evaluation import evaluate
from sgdiagrams.numeric.estimates.expression_estimate import ExpressionEstimate
from sgdiagrams.numeric.exact.batches import (
    grid_schedule,
)
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.noise_series import exact_noise
from sgdiagrams.numeric.exact.simulator import (
    exact_sgd,
    exact_sgd_average,
    exact_training,
)
from sgdiagrams.numeric.influences.along_training import influence
from sgdiagrams.numeric.influences.influence import Influence
from sgdiagrams.numeric.landscapes.checking import check_landscape
from sgdiagrams.numeric.landscapes.digits import Digits
from sgdiagrams.numeric.landscapes.landscape import Landscape
from sgdiagrams.numeric.landscapes.names import landscape
from sgdiagrams.numeric.landscapes.noisy_labels import NoisyLabels
from sgdiagrams.numeric.landscapes.toys import Gauss, Helix, Mean
from sgdiagrams.numeric.long_times.motion import Drift, drift
from sgdiagrams.numeric.loops.torch_loop import from_torch, torch_eta
from sgdiagrams.numeric.measurement.measured import Measured
from sgdiagrams.numeric.measurement.measuring import measure, plan
from sgdiagrams.numeric.measurement.planning import Plan
from sgdiagrams.numeric.measurement.values import Values
from sgdiagrams.numeric.model_landscapes.landscape_of_model import model_landscape
from sgdiagrams.numeric.models.module_loss import torch_loss
from sgdiagrams.numeric.path.along import along_path
from sgdiagrams.numeric.path.path_estimate import PathEstimate
from sgdiagrams.numeric.path.path_table import PathTable
from sgdiagrams.numeric.path_tensors.path_tensors import PathTensors
from sgdiagrams.numeric.regularisers.optax_penalty import optax_small_batch_penalty
from sgdiagrams.numeric.regularisers.torch_penalty import torch_small_batch_penalty
from sgdiagrams.numeric.row_orders.effects import OrderEffects, order_effects
from sgdiagrams.numeric.simulation.many_runs import simulate
from sgdiagrams.numeric.simulation.simulated import PairedDifference, Simulated
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.numeric.verification import Check, verify
from sgdiagrams.symbolic.embeddings.batches import (
    epochs_schedule,
    one_pass_schedule,
    reshuffled_schedules,
    with_replacement_schedules,
)

__all__ = [
    "ERRATA",
    "Check",
    "Comparison",
    "Digits",
    "Drift",
    "Erratum",
    "Estimate",
    "ExpressionEstimate",
    "Gauss",
    "Helix",
    "Influence",
    "Landscape",
    "Mean",
    "Measured",
    "NoisyLabels",
    "OrderEffects",
    "PairedDifference",
    "PathComparison",
    "PathEstimate",
    "PathTable",
    "PathTensors",
    "Plan",
    "PolynomialLandscape",
    "Simulated",
    "Statistics",
    "Validity",
    "Values",
    "along_path",
    "check_landscape",
    "compare",
    "drift",
    "epochs_schedule",
    "evaluate",
    "exact_noise",
    "exact_sgd",
    "exact_sgd_average",
    "exact_training",
    "from_torch",
    "grid_schedule",
    "influence",
    "judge_series",
    "known_erratum",
    "landscape",
    "measure",
    "model_landscape",
    "one_pass_schedule",
    "optax_small_batch_penalty",
    "order_effects",
    "plan",
    "reshuffled_schedules",
    "simulate",
    "torch_eta",
    "torch_loss",
    "torch_small_batch_penalty",
    "verify",
    "with_replacement_schedules",
]
