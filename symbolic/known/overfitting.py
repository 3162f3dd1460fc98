"""What full-batch descent overfits by, from a minimum of the test loss.

Nothing here is typed in: every function derives an expansion, takes a form of it, and puts in a condition
where the result has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import LambertW, Symbol, diff, exp, factor_list, solve

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.known.result import KnownResult, Source
from sgdiagrams.symbolic.resummation.eigenvalues import eigenvalue
from sgdiagrams.symbolic.theorem import expand

if TYPE_CHECKING:
    from sgdiagrams.symbolic.known.result import Derivations
    from sgdiagrams.symbolic.resummed import ResummedExpansion

__all__ = ["OVERFITTING"]

_TAKEUCHI = Source("K. Takeuchi", 1976, "Suri-Kagaku 153, 12")
_AKAIKE = Source("H. Akaike", 1974, "IEEE Trans. Autom. Control 19, 716")
_TENKA = Source("S. Tenka", 2020, "A Perturbative Analysis of Stochastic Descent", "corollary 2")


def _gap() -> ResummedExpansion:
    gap = expand("generalisation-gap", order=1, sampling="full-batch", resummed=True)
    return gap.at_minimum().stationary()


def _takeuchi() -> KnownResult:
    gap = _gap()
    return KnownResult(
        "takeuchi",
        "Takeuchi's criterion: full-batch descent from a test minimum overfits by tr(C/H)/N.",
        (_TAKEUCHI,),
        "expand('generalisation-gap', order=1, sampling='full-batch', resummed=True)"
        ".at_minimum().stationary()",
        gap.in_one_dimension(),
        gap,
    )


def _akaike() -> KnownResult:
    # In the eigenbasis, where eta is 1 and H diagonal, C = H says C_aa = h_a.
    [term] = _gap().terms
    cost = (term.weight * eigenvalue(0)).cancel()
    return KnownResult(
        "akaike",
        "Akaike's criterion: where the noise is the curvature, C = H, each of p weights costs 1/N.",
        (_AKAIKE,),
        "known_result('takeuchi') at C = H",
        Symbol("p") * cost,
        left=r"\langle\ell - \hat{\ell}\rangle \to",
    )


def _excess(form: str) -> ResummedExpansion:
    excess = expand("test-loss", order=2, sampling="full-batch", resummed=True).at_minimum()
    return excess.continuous() if form == "continuous" else excess.stationary()


def _excess_loss() -> KnownResult:
    excess = _excess("continuous")
    return KnownResult(
        "excess-loss",
        "What full-batch descent from a test minimum costs after E updates.",
        (_TENKA,),
        "expand('test-loss', order=2, sampling='full-batch', resummed=True)"
        ".at_minimum().continuous()",
        excess.in_one_dimension(2),
        excess,
    )


def _excess_limit() -> KnownResult:
    excess = _excess("stationary")
    return KnownResult(
        "excess-limit",
        "After a long time full-batch descent costs half of Takeuchi's gap.",
        (_TENKA,),
        "expand('test-loss', order=2, sampling='full-batch', resummed=True)"
        ".at_minimum().stationary()",
        excess.in_one_dimension(2),
        excess,
    )


def _worst_curvature() -> KnownResult:
    # The excess as a function of x = eta E H, at fixed eta E, C and N; y is exp(-x).
    x, y = Symbol("x"), Symbol("y")
    excess = _excess("continuous").in_one_dimension(2)
    slope = diff(excess.subs(Symbol("H"), x / (symbols.eta * symbols.E)), x)
    numerator = slope.subs(exp(-x), y).together().as_numer_denom()[0]
    # One factor knows both: it is y (1 + 2 x) = 1. The others vanish at x = 0 only.
    [condition] = [f for f, _ in factor_list(numerator)[1] if {x, y} <= f.free_symbols]
    [upper] = [root for root in solve(condition.subs(y, exp(-x)), x) if root != 0]
    # SymPy names the branch of the root 0; the other is on the lower one.
    lower = upper.replace(LambertW, lambda z: LambertW(z, -1))
    return KnownResult(
        "worst-curvature",
        "The excess of full-batch descent is largest where eta E H = 1.2564.",
        (_TENKA,),
        "the zero of the derivative of known_result('excess-loss').formula by H",
        lower,
        left=r"\eta E H =",
    )


OVERFITTING: Derivations = {
    "takeuchi": _takeuchi,
    "akaike": _akaike,
    "excess-loss": _excess_loss,
    "excess-limit": _excess_limit,
    "worst-curvature": _worst_curvature,
}
