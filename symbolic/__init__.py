r"""Counting, contraction and expansion: exact SymPy, no floating-point number.

For an observable s and a sampling scheme the room computes

.. math:: E[s(\theta_T)] = \sum_D \Bigl(-\frac{1}{B}\Bigr)^{d(D)}
   \frac{\mathrm{count}(D)}{|\mathrm{Aut}(D)|}\, \mathrm{value}(D),

the sum running over diagrams: the scheme counts embeddings in closed form, the value is a contraction
of moments or cumulants of the derivatives of the loss at the starting point.
"""

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.contraction import Contraction
from sgdiagrams.symbolic.expand import expand
from sgdiagrams.symbolic.expansion import Expansion, Part, Term
from sgdiagrams.symbolic.observable import GAP, TEST_LOSS, TRAINING_LOSS, Observable
from sgdiagrams.symbolic.sampling import Epochs, FreshData, FullBatch, OnePass, Sampling

__all__ = [
    "GAP",
    "TEST_LOSS",
    "TRAINING_LOSS",
    "Contraction",
    "Epochs",
    "Expansion",
    "FreshData",
    "FullBatch",
    "Observable",
    "OnePass",
    "Part",
    "Sampling",
    "Term",
    "expand",
    "symbols",
]
