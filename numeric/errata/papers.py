"""The drafts of the theory in which the errata are printed."""

from __future__ import annotations

from sgdiagrams.symbolic.known.result import Source

__all__ = ["DESCENT", "GRADIENT_DESCENT", "SPACE_TIME", "TABLE"]

SPACE_TIME = Source(
    "S. Tenka", 2020, "A Space-Time Approach to Analyzing Stochastic Gradient Descent"
)
#: The thesis at MIT; corollaries have the same numbers in the shorter version of June 2020.
DESCENT = Source("S. Tenka", 2020, "A Perturbative Analysis of Stochastic Descent")
GRADIENT_DESCENT = Source(
    "S. Tenka", 2021, "A Perturbative Analysis of Stochastic Gradient Descent"
)
#: The coefficients that the pictures of 2020 are made with.
TABLE = Source("S. Tenka", 2020, "github.com/bohrium/perturb, code/coefficients.py")
