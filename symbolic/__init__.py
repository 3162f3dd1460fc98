r"""Counting, contraction and expansion: exact SymPy, no floating-point number.

For an observable s and a sampling scheme the room computes

.. math:: E[s(\theta_T)] = \sum_D \Bigl(-\frac{1}{B}\Bigr)^{d(D)}
   \frac{\mathrm{count}(D)}{|\mathrm{Aut}(D)|}\, \mathrm{value}(D),

the sum running over diagrams: the scheme counts embeddings in closed form, the value is a contraction
of moments or cumulants of the derivatives of the loss at the starting point.
"""

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.algebra.estimators.estimator import Estimator
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.drawn.entries import listed_diagram
from sgdiagrams.symbolic.drawn.placements import draw_embeddings
from sgdiagrams.symbolic.embeddings.batches import Batch
from sgdiagrams.symbolic.expansion import Expansion
from sgdiagrams.symbolic.formula import Part, Term
from sgdiagrams.symbolic.layout.renderer import Renderer
from sgdiagrams.symbolic.modified.equation import ModifiedEquation, modified_equation
from sgdiagrams.symbolic.modified.imitation import Imitation, imitate
from sgdiagrams.symbolic.modified.loss import ModifiedLoss, modified_loss
from sgdiagrams.symbolic.observable import (
    COVARIANCE,
    DISPLACEMENT,
    GAP,
    SECOND_MOMENT,
    TEST_LOSS,
    TRAINING_LOSS,
    VARIANCE,
    Function,
    Observable,
    change_since,
    covariance_of,
    increment,
)
from sgdiagrams.symbolic.observed.product import Product
from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
from sgdiagrams.symbolic.path_expansion import PathExpansion
from sgdiagrams.symbolic.propagation.course import Course, FixedBatches, RandomBatches
from sgdiagrams.symbolic.results import RESULTS, KnownResult, known_result
from sgdiagrams.symbolic.resummed import ResummedExpansion
from sgdiagrams.symbolic.scaling_law import ScalingRow, ScalingTable, scaling
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.average import (
    Average,
    EveryKthAverage,
    ExponentialAverage,
    TailAverage,
    WeightedAverage,
)
from sgdiagrams.symbolic.training.kernels import Mode
from sgdiagrams.symbolic.training.optimizer import Optimizer
from sgdiagrams.symbolic.training.optimizers.changing_momentum import ChangingMomentum
from sgdiagrams.symbolic.training.optimizers.linear import LinearOptimizer
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.quasi_hyperbolic import QuasiHyperbolic
from sgdiagrams.symbolic.training.optimizers.schedule_free import ScheduleFree
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.optimizers.wrapped import Delayed, LookAhead
from sgdiagrams.symbolic.training.penalty import Penalty
from sgdiagrams.symbolic.training.sampling import Sampling
from sgdiagrams.symbolic.training.schedules.closed_schedules import Exponential, Polynomial
from sgdiagrams.symbolic.training.schedules.combined import (
    ChainedSchedule,
    SequentialSchedule,
    SlowedSchedule,
)
from sgdiagrams.symbolic.training.schedules.cycles import CosineWaves, OneCycle, Triangular
from sgdiagrams.symbolic.training.schedules.decays import Inverse, PiecewiseConstant, Ramp
from sgdiagrams.symbolic.training.schedules.schedule import ArraySchedule, Schedule
from sgdiagrams.symbolic.training.schedules.stepwise import Cosine, Step, WarmUp
from sgdiagrams.symbolic.training.schemes.epochs import Epochs, FullBatch
from sgdiagrams.symbolic.training.schemes.grid import Grid
from sgdiagrams.symbolic.training.schemes.limits import SDE, GradientDescent, GradientFlow
from sgdiagrams.symbolic.training.schemes.one_pass import FreshData, OnePass
from sgdiagrams.symbolic.training.schemes.subsets import Poisson, Subsets
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
from sgdiagrams.symbolic.training.training import Training

__all__ = [
    "COVARIANCE",
    "DISPLACEMENT",
    "GAP",
    "RESULTS",
    "SDE",
    "SECOND_MOMENT",
    "SGD",
    "TEST_LOSS",
    "TRAINING_LOSS",
    "VARIANCE",
    "ArraySchedule",
    "Average",
    "Batch",
    "ChainedSchedule",
    "ChangingMomentum",
    "Contraction",
    "Cosine",
    "CosineWaves",
    "Course",
    "Delayed",
    "Epochs",
    "Estimator",
    "EveryKthAverage",
    "Expansion",
    "Exponential",
    "ExponentialAverage",
    "Expression",
    "FixedBatches",
    "FreshData",
    "FullBatch",
    "Function",
    "GradientDescent",
    "GradientFlow",
    "Grid",
    "Imitation",
    "Inverse",
    "KnownResult",
    "LinearOptimizer",
    "LookAhead",
    "Mode",
    "ModifiedEquation",
    "ModifiedLoss",
    "Momentum",
    "Nesterov",
    "Observable",
    "OneCycle",
    "OnePass",
    "Optimizer",
    "Part",
    "PathExpansion",
    "Penalty",
    "PiecewiseConstant",
    "Poisson",
    "Polynomial",
    "Product",
    "QuasiHyperbolic",
    "Ramp",
    "RandomBatches",
    "ReadTime",
    "Renderer",
    "ResummedExpansion",
    "Sampling",
    "ScalingRow",
    "ScalingTable",
    "Schedule",
    "ScheduleFree",
    "SequentialSchedule",
    "SlowedSchedule",
    "Step",
    "Subsets",
    "TailAverage",
    "Term",
    "Training",
    "Triangular",
    "WarmUp",
    "WeightedAverage",
    "WithReplacement",
    "change_since",
    "covariance_of",
    "draw_embeddings",
    "expand",
    "imitate",
    "increment",
    "known_result",
    "listed_diagram",
    "modified_equation",
    "modified_loss",
    "scaling",
    "symbols",
]
