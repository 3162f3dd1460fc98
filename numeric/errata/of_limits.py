"""Errata in how SGD differs from its continuous limits, and in what skewed noise adds.

The limits are reached exactly: each update is cut into ever more steps, whose number a polynomial
depends on.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from sgdiagrams.numeric.errata.erratum import Erratum, Evidence
from sgdiagrams.numeric.errata.evidence import limit_of_small_steps
from sgdiagrams.numeric.errata.papers import DESCENT, GRADIENT_DESCENT, SPACE_TIME
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from sgdiagrams.numeric.errata.erratum import Corrections

__all__ = ["OF_LIMITS"]

_UPDATES = 2


def _noisy(times: int) -> PolynomialLandscape:
    """Return 3 x + x^2 + x^3 with gradients 1 above and below, so many times."""
    base: dict[tuple[int, ...], Fraction] = {(2,): Fraction(1), (3,): Fraction(1)}
    return PolynomialLandscape([{**base, (1,): Fraction(3 + sign * times)} for sign in (1, -1)])


def _less(limit: str, name: str, statement: str, places: tuple[str, str, str]) -> Erratum:
    printed = Expression.parse("T/2 C_ab H_ab")
    sgd = expand("test-loss", order=2, sampling="one-pass", basis="cumulant")
    smooth = expand("test-loss", order=2, sampling=limit, basis="cumulant")
    derived = Expression(
        (term.weight, term.contraction) for term in (sgd - smooth).terms if term.order == 2
    )
    run = exact_training(_noisy(1), Training(OnePass(T=_UPDATES)), order=2)[2]
    has_noise = limit == "sde"
    exact = run - limit_of_small_steps(
        lambda k: _noisy(k if has_noise else 0), order=2, updates=_UPDATES
    )
    statistics = _noisy(1).statistics(2)

    def value(expression: Expression) -> tuple[Fraction, ...]:
        return (Fraction(expression.subs({"T": _UPDATES}).evaluate(statistics).value),)

    papers = (SPACE_TIME, DESCENT, GRADIENT_DESCENT)
    sources = zip(papers, places, strict=True)
    return Erratum(
        name,
        statement,
        tuple(paper._replace(place=place) for paper, place in sources if place),
        r"{[\eta^{2}]}\,\langle\ell\rangle_{\mathrm{SGD} - \mathrm{%s}}"
        % ("SDE" if has_noise else "ODE"),
        printed,
        derived,
        "expand('test-loss', order=2, sampling='one-pass', basis='cumulant') - "
        f"expand('test-loss', order=2, sampling='{limit}', basis='cumulant')",
        Evidence(
            f"coefficient of eta^2 at T = {_UPDATES} on 3 x + x^2 + x^3 with noise of variance 1, less "
            "its limit for steps of size 0",
            (exact,),
            value(derived),
            value(printed),
        ),
    )


def _less_diffusion() -> Erratum:
    return _less(
        "sde",
        "noise-of-sde",
        "T/2 C.H is in the diffusion's test loss as it is in SGD's: what differs at order 2 is the "
        "length of the steps.",
        ("", "corollary 5", "corollary 3"),
    )


def _less_flow() -> Erratum:
    return _less(
        "gradient-flow",
        "less-gradient-flow",
        "SGD's test loss less that of gradient flow lacks the term of the length of the steps, "
        "- T/2 G.H.G, unless the start is a minimum.",
        ("corollary on ODE and SDE", "corollary 5", "corollary 3"),
    )


def _skewness() -> Erratum:
    printed = Expression.parse("T/6 S_abc J_abc")
    loss = expand("test-loss", order=3, sampling="one-pass", basis="cumulant")
    derived = Expression(
        (term.weight, term.contraction)
        for term in loss.terms
        if str(term.contraction) == "S_abc J_abc"
    )
    # Gradients -1, -1, 2 and their negatives: of equal variance and opposite skewness 2 and -2.
    skewed, mirrored = (
        PolynomialLandscape(
            [{(1,): sign * Fraction(g), (2,): Fraction(1), (3,): Fraction(1)} for g in (-1, -1, 2)]
        )
        for sign in (1, -1)
    )

    def of_order(landscape: PolynomialLandscape) -> Fraction:
        return Fraction(exact_training(landscape, Training(OnePass(T=_UPDATES)), order=3)[3])

    def value(expression: Expression, landscape: PolynomialLandscape) -> Fraction:
        estimate = expression.subs({"T": _UPDATES}).evaluate(landscape.statistics(3))
        return Fraction(estimate.value)

    return Erratum(
        "skewness-sign",
        "What the third cumulant of the gradients adds at a minimum is negative where J.S is positive: "
        "three edges, three signs. The proof has lost them, the corollary has not.",
        (
            DESCENT._replace(place="proof of corollary 5"),
            GRADIENT_DESCENT._replace(place="proof of corollary 3"),
        ),
        r"{[\eta^{3} S]}\,\langle\ell\rangle",
        printed,
        derived,
        "expand('test-loss', order=3, sampling='one-pass', basis='cumulant')",
        Evidence(
            f"coefficient of eta^3 at T = {_UPDATES} on x^2 + x^3 with gradients -1, -1, 2, less that "
            "with 1, 1, -2",
            (of_order(skewed) - of_order(mirrored),),
            (value(derived, skewed) - value(derived, mirrored),),
            (value(printed, skewed) - value(printed, mirrored),),
        ),
    )


OF_LIMITS: Corrections = {
    "noise-of-sde": _less_diffusion,
    "less-gradient-flow": _less_flow,
    "skewness-sign": _skewness,
}
