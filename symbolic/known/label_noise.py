r"""What label noise adds to the loss: where SGD walks once the training data are fitted.

With labels whose noise is fresh at every visit, the gradients of the square loss at an interpolating
minimum have the covariance :math:`\sigma^2 H`, and along the minima SGD moves at a constant velocity.
That is descent at the effective rate on :math:`\lambda R`, R a sum over the curvatures H across them.

Nothing here is typed in: the velocity is that of a re-summed expansion along a flat direction, for every
eta, and R its integral over the curvature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import Expr, Symbol, cancel, fraction, log, together

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.known.result import KnownResult, Source
from sgdiagrams.symbolic.theorem import expand

if TYPE_CHECKING:
    from sgdiagrams.symbolic.known.result import Derivations
    from sgdiagrams.symbolic.resummed import ResummedExpansion

__all__ = ["LABEL_NOISE"]

_LABELS = Source(
    "A. Damian, T. Ma, J. D. Lee",
    2021,
    "Label Noise SGD Provably Prefers Flat Global Minimizers",
)
_CALL = (
    "expand('displacement', order=3, sampling='fresh-data', {}resummed=True)"
    ".at_minimum().stationary(flat=('a',))"
)


def _valley(optimizer: str) -> ResummedExpansion:
    drift = expand(
        "displacement", order=3, sampling="fresh-data", optimizer=optimizer, resummed=True
    )
    return drift.at_minimum().stationary(flat=("a",))


def _regulariser(valley: ResummedExpansion, rate: Expr) -> Expr:
    r"""Return R for one curvature: the velocity is minus the rate, :math:`\lambda` and its slope.

    Parameters
    ----------
    valley
        The velocity along a flat direction.
    rate
        What the optimiser makes of the learning rate: sigma^2/B times its square stands before the slope.
    """
    H, widening, variance = Symbol("H"), Symbol("J"), Symbol("sigma2")
    moved = valley.on_tensors(
        curvatures=(0, H),
        tensors={
            "C": [[0, 0], [0, variance * H]],
            "J": [[[0, 0], [0, widening]], [[0, widening], [widening, 0]]],
        },
        free=(0,),
    )
    scale = rate**2 * variance / symbols.B * widening * symbols.T
    above, below = fraction(together(cancel(-moved / scale)))
    at_zero, slope = below.subs(H, 0), below.diff(H)
    if above.has(H) or slope.has(H):
        raise RequestError("expected a velocity over one linear factor in the curvature")
    return above / slope * log(1 + cancel(slope / at_zero) * H)


def _label_noise() -> KnownResult:
    valley = _valley("sgd")
    return KnownResult(
        "label-noise",
        "With label noise, C = sigma^2 H, SGD moves along the minima, down eta sigma^2/B times the sum "
        "of this over the curvatures.",
        (_LABELS,),
        _CALL.format(""),
        _regulariser(valley, symbols.eta),
        valley,
        left="R =",
    )


def _with_momentum() -> KnownResult:
    valley = _valley("momentum")
    return KnownResult(
        "label-noise-momentum",
        "With momentum it moves down eta sigma^2/(B (1 - beta)) times this, at the rate "
        "eta/(1 - beta).",
        (_LABELS,),
        _CALL.format("optimizer='momentum', "),
        _regulariser(valley, symbols.eta / (1 - symbols.beta)),
        valley,
        left="R =",
    )


LABEL_NOISE: Derivations = {
    "label-noise": _label_noise,
    "label-noise-momentum": _with_momentum,
}
