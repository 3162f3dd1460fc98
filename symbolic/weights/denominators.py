"""Sums of fractions over one denominator, reduced."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from flint import fmpq, fmpq_mpoly_ctx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sympy.polys.rings import PolyElement, PolyRing

    from sgdiagrams.symbolic.weights.laurent import Laurent

__all__ = ["over_common_denominator"]


def over_common_denominator(
    ring: PolyRing, parts: Mapping[Any, Mapping[PolyElement, PolyElement]]
) -> tuple[dict[Any, Laurent], Laurent]:
    """Return sums of fractions over one common denominator.

    Parameters
    ----------
    ring
        The polynomials over the rationals that numerators and denominators are.
    parts
        For each sum: denominator -> numerator.

    Returns
    -------
    dict, dict
        The numerators of the sums that are not 0 and their denominator, as exponents -> coefficient; they
        have no common factor that is not a number.

    Examples
    --------
    >>> from sympy import QQ, ring
    >>> R, x = ring("x", QQ)
    >>> numerators, below = over_common_denominator(R, {"sum": {x: R(1), x**2 - x: R(1)}})
    >>> {exps: str(c / numerators["sum"][0,]) for exps, c in below.items()}
    {(1,): '1', (0,): '-1'}
    """
    flint = fmpq_mpoly_ctx.get([f"x{i}" for i in range(ring.ngens)], "lex")

    def converted(f: PolyElement) -> Any:
        return flint.from_dict({exps: fmpq(c.numerator, c.denominator) for exps, c in f.items()})

    one = flint.constant(1)
    below = {q: converted(q) for by_denominator in parts.values() for q in by_denominator}
    common = one
    for q in below.values():
        common = common * (q / common.gcd(q))
    cofactors = {q: common / f for q, f in below.items()}
    numerators = {}
    for key, by_denominator in parts.items():
        total = sum((converted(p) * cofactors[q] for q, p in by_denominator.items()), 0 * one)
        if total != 0:
            numerators[key] = total
    shared = common
    # Numerators with few terms leave least.
    for total in sorted(numerators.values(), key=len):
        shared = shared.gcd(total)
    return {key: _laurent(f / shared) for key, f in numerators.items()}, _laurent(common / shared)


def _laurent(f: Any) -> Laurent:
    return {tuple(map(int, exps)): Fraction(int(c.p), int(c.q)) for exps, c in f.terms()}
