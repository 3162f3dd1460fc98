"""Where the noise of SGD drives the weights, and what its skewness costs.

Nothing here is typed in: every function derives an expansion and takes a form of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import Integer, Symbol

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.known.result import KnownResult, Source
from sgdiagrams.symbolic.resummation.given_tensors import tidy
from sgdiagrams.symbolic.theorem import expand

if TYPE_CHECKING:
    from sgdiagrams.symbolic.known.result import Derivations

__all__ = ["DRIFTING"]

# With another power of eta in corollary 1.
_TENKA = Source("S. Tenka", 2020, "A Perturbative Analysis of Stochastic Descent", "corollary 1")


def _drift() -> KnownResult:
    drift = expand("displacement", order=3, sampling="one-pass", resummed=True).at_minimum()
    return KnownResult(
        "drift",
        "SGD drifts from a test minimum, to where the curvature is less; at small eta.",
        (_TENKA,),
        "expand('displacement', order=3, sampling='one-pass', resummed=True)"
        ".at_minimum().small_eta()",
        drift.small_eta().in_one_dimension(),
        drift.small_eta(),
    )


def _valley_velocity() -> KnownResult:
    drift = expand("displacement", order=3, sampling="one-pass", resummed=True).at_minimum()
    valley = drift.small_eta(flat=("a",))
    curvature = Symbol("H")
    across = Symbol("C"), Symbol("J")
    formula = valley.on_tensors(
        curvatures=(0, curvature),
        tensors={
            "C": [[0, 0], [0, across[0]]],
            "J": [[[0, 0], [0, across[1]]], [[0, across[1]], [across[1], 0]]],
        },
        free=(0,),
    )
    return KnownResult(
        "valley-velocity",
        "Along a flat direction SGD moves at a constant velocity, to where the valley is wider.",
        (_TENKA,),
        "expand('displacement', order=3, sampling='one-pass', resummed=True)"
        ".at_minimum().small_eta(flat=('a',))",
        formula,
        valley,
    )


def _skewness() -> KnownResult:
    loss = expand("test-loss", order=3, sampling="one-pass", resummed=True).at_minimum()
    continuous = loss.continuous()
    return KnownResult(
        "skewness",
        "The third cumulant of the gradients adds to the test loss at a test minimum.",
        (_TENKA._replace(place="example 1"),),
        "expand('test-loss', order=3, sampling='one-pass', resummed=True)"
        ".at_minimum().continuous()",
        continuous.in_one_dimension(3),
        continuous,
    )


def _helix() -> KnownResult:
    # Curvatures 2 and 1 across the valley and 0 along it; C and J as on the helix landscape.
    third = [[[Integer(0)] * 3 for _ in range(3)] for _ in range(3)]
    for i, j, k in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        third[i][j][k] = Integer(1)
    half = Integer(1) / 2
    noise = [[half, -half, 0], [-half, half, 0], [0, 0, 0]]
    drift = expand("displacement", order=3, sampling="one-pass", resummed=True).at_minimum()
    valley = drift.stationary(flat=("a",))
    moved = valley.on_tensors(curvatures=(2, 1, 0), tensors={"C": noise, "J": third}, free=(2,))
    return KnownResult(
        "helix-velocity",
        "On the helix SGD climbs for ever, at eta^2/6 an update when eta is small.",
        (_TENKA._replace(place="on the landscape Archimedes"),),
        "known_result('valley-velocity') on the helix, for all eta",
        tidy((moved / symbols.T).cancel()),
        left=r"\frac{1}{T}\,\langle z_T\rangle \to",
    )


DRIFTING: Derivations = {
    "drift": _drift,
    "valley-velocity": _valley_velocity,
    "skewness": _skewness,
    "helix-velocity": _helix,
}
