r"""Laws that are read off at two times: relations of fluctuations, and tests of stationarity.

Nothing here is typed in: every function derives expansions and takes a form of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.known.result import KnownResult, Source
from sgdiagrams.symbolic.theorem import expand

if TYPE_CHECKING:
    from sgdiagrams.symbolic.known.result import Derivations
    from sgdiagrams.symbolic.resummed import ResummedExpansion

__all__ = ["TWO_TIMES"]

_YAIDA = Source(
    "S. Yaida", 2019, "Fluctuation-dissipation relations for stochastic gradient descent"
)
_PFLUG = Source(
    "G. Pflug",
    1990,
    "Non-asymptotic Confidence Bounds for Stochastic Approximation Algorithms with Constant Step Size",
)
_DIAGNOSTIC = Source(
    "J. Chee, P. Toulis",
    2018,
    "Convergence Diagnostics for Stochastic Gradient Descent with Constant Step Size",
)
#: Where the weights were, times the step from there: minus eta times the mean of theta . grad l.
_SIDES = "displacement:lag=1 * displacement:step"


def _stationary(observable: str, optimizer: str) -> ResummedExpansion:
    expansion = expand(
        observable, order=2, sampling="fresh-data", optimizer=optimizer, resummed=True
    )
    return expansion.at_minimum().stationary()


def _dissipation() -> KnownResult:
    moved = _stationary(_SIDES, "sgd")
    return KnownResult(
        "fluctuation-dissipation",
        "At stationarity <theta . grad l> is eta/2 times the second moment of the batch's gradient: "
        "theta times a step, twice, and the square of the step cancel.",
        (_YAIDA,),
        f"expand('{_SIDES}', order=2, sampling='fresh-data', resummed=True)"
        ".at_minimum().stationary()",
        moved.in_one_dimension() / -symbols.eta,
        moved,
        left=r"\langle \theta \cdot \nabla f \rangle =",
    )


def _fluctuation() -> KnownResult:
    squared = _stationary("second-moment:step", "momentum")
    return KnownResult(
        "stationary-velocity",
        "With momentum <theta . grad l> is (1 + beta)/(2 eta) times the second moment of the velocity, "
        "the last step.",
        (_YAIDA,),
        "expand('second-moment:step', order=2, sampling='fresh-data', optimizer='momentum', "
        "resummed=True).at_minimum().stationary()",
        squared.in_one_dimension(),
        squared,
        left=r"\langle v^2 \rangle =",
        letters=(("beta", "mu"),),
    )


def _successive() -> KnownResult:
    product = _stationary("second-moment:step:lag=1", "sgd")
    return KnownResult(
        "successive-gradients",
        "The inner product of successive gradients starts at |G|^2 and is negative at stationarity: a "
        "test of it.",
        (_PFLUG, _DIAGNOSTIC),
        "expand('second-moment:step:lag=1', order=2, sampling='fresh-data', resummed=True)"
        ".at_minimum().stationary()",
        product.in_one_dimension() / symbols.eta**2,
        product,
        left=r"\langle g_t \cdot g_{t+1} \rangle \to",
    )


TWO_TIMES: Derivations = {
    "fluctuation-dissipation": _dissipation,
    "stationary-velocity": _fluctuation,
    "successive-gradients": _successive,
}
