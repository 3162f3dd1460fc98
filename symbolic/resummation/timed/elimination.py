"""Weights without the two roots of edges, where they are symmetric in both and rational.

Such a weight is a rational function of their sum u and product, which are linear in h. With
:math:`s = u - r` it is an element of the quadratic extension of the rational functions by r, of which
symmetry leaves the part without r alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import Dummy, Expr, Poly, Pow, cancel, diff, fraction, together

from sgdiagrams.symbolic.resummation.eigenvalues import eigenvalue, roots

if TYPE_CHECKING:
    from sympy import Symbol

    from sgdiagrams.symbolic.training.dressing import Dressing

__all__ = ["leading_in_time", "without_roots"]


def without_roots(weight: Expr, dressing: Dressing, indices: int) -> Expr:
    """Return a weight, symmetric in both roots at every index, without them.

    Of powers of roots with a symbol for the exponent, both are left with factors of the simplest form.

    Parameters
    ----------
    weight
        In the symbols of `sgdiagrams.symbolic.resummation.eigenvalues`.
    dressing
        The optimiser's, with two roots.
    indices
        The number of indices.

    Examples
    --------
    >>> from sgdiagrams.symbolic import Momentum
    >>> r, s = roots(0)
    >>> without_roots((r**2 - s**2) / (r - s), Momentum().dressing, 1)
    beta - h_a + 1
    """
    for i in range(indices):
        r, s = roots(i)
        if not weight.has(r, s):
            continue
        total, memory = (a + eigenvalue(i) * b for a, b in (dressing.total, dressing.product))
        weight = weight.expand(power_exp=True, deep=True) if _powers(weight, r, s) else weight
        powers = _powers(weight, r, s)
        if not powers:
            weight, _ = _reduced(weight.subs(s, total - r), r, total, memory)
            continue
        # A power of r with a lag has a factor that is the mirror image of that of s.
        [lag] = powers
        mark = Dummy("r^t")
        marked = cancel(together(weight.subs(s**lag, 0).subs(r**lag, mark)))
        a, b = _reduced(diff(marked, mark).subs(s, total - r), r, total, memory)
        weight = (a + b * r) * r**lag + (a + b * s) * s**lag
    return weight


def _powers(weight: Expr, r: Symbol, s: Symbol) -> set[Expr]:
    """Return the exponents of roots at an index that are symbols."""
    return {p.exp for p in weight.atoms(Pow) if p.base in (r, s) and p.exp.free_symbols}


def _reduced(weight: Expr, r: Symbol, total: Expr, memory: Expr) -> tuple[Expr, Expr]:
    r"""Return a and b of a weight a + b r, modulo the polynomial of r, with r alone."""
    above, below = fraction(together(weight))
    modulus = Poly(r**2 - total * r + memory, r)
    top, bottom = (Poly(part, r).rem(modulus) for part in (above, below))
    a, b = bottom.coeff_monomial(1), bottom.coeff_monomial(r)
    # The norm of a + b r, with a + b s as the other factor.
    norm = a**2 + a * b * total + b**2 * memory
    product = (top * Poly(a + b * (total - r), r)).rem(modulus)
    return cancel(product.coeff_monomial(1) / norm), cancel(product.coeff_monomial(r) / norm)


def leading_in_time(weight: Expr, T: Symbol) -> Expr:
    """Return the highest power of T in a polynomial of it.

    Examples
    --------
    >>> from sympy.abc import T, h
    >>> leading_in_time((T + 1) / h - T / h, T)
    1/h
    """
    if not weight.has(T):
        return weight
    above, below = fraction(cancel(together(weight)))
    poly = Poly(above, T)
    return poly.LC() * T ** poly.degree() / below
