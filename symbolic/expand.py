r"""The main theorem: an expected observable as a sum over diagrams.

.. math:: E[s(\theta_T)] = \sum_D \Bigl(-\frac1B\Bigr)^{d(D)}
    \frac{\mathrm{count}(D)}{|\mathrm{Aut}(D)|}\, \mathrm{value}(D)

This is the only place where counts meet values, and both are always in one basis: plain moments with
different blocks on different datapoints, or joint cumulants with blocks anywhere. Mixing them is the
classical mistake.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, get_args

from sgdiagrams.diagrams.enumeration import enumerate_diagrams
from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.contraction import Contraction
from sgdiagrams.symbolic.counting import Basis
from sgdiagrams.symbolic.expansion import Expansion, Part, Term, collect
from sgdiagrams.symbolic.laurent import Laurent, add_scaled, to_expr
from sgdiagrams.symbolic.observable import observable as observable_by_name
from sgdiagrams.symbolic.observable import root_mode
from sgdiagrams.symbolic.sampling import OnePass, Sampling, check_choice
from sgdiagrams.symbolic.sampling import sampling as sampling_by_name

if TYPE_CHECKING:
    from sgdiagrams.symbolic.observable import Observable

__all__ = ["expand"]


def expand(
    observable: str | Observable,
    *,
    order: int,
    sampling: str | Sampling,
    basis: Basis | None = None,
) -> Expansion:
    r"""Expand an expected observable of SGD in powers of the learning rate.

    Parameters
    ----------
    observable
        ``"test-loss"``, ``"training-loss"``, ``"generalisation-gap"`` or an object.
    order
        The highest power of eta, >= 0.
    sampling
        ``"one-pass"``, ``"epochs"``, ``"full-batch"``, ``"fresh-data"`` or an object with numbers.
    basis
        ``"moment"`` (the default) or ``"cumulant"``.

    Returns
    -------
    Expansion
        Exact to the given order, for smooth losses.

    Raises
    ------
    RequestError
        When a name is unknown or the order is not a whole number >= 0.

    References
    ----------
    S. Tenka, "A Perturbative Theory of SGD" (2020), theorem 1 and appendix; the counting is with exact
    symmetry factors and falling factorials.

    Examples
    --------
    >>> print(expand("test-loss", order=2, sampling="one-pass"))
    E[test loss] | one-pass B=1 | moment basis | order 2
      eta^0   1           l
      eta^1  -T           G_a G_a
      eta^2   T (T - 1)   G_a H_ab G_b
              T/2         M_a|b H_ab
    """
    what = observable_by_name(observable)
    scheme = sampling_by_name(sampling)
    chosen: Basis = "moment" if basis is None else basis
    check_choice("basis", chosen, get_args(Basis))
    if isinstance(order, bool) or not isinstance(order, int) or order < 0:
        raise RequestError(f"expected a whole number >= 0 for the order, got order={order!r}")
    variables = tuple(scheme.values.values())
    batch = tuple(int(name == "B") for name in scheme.numbers)
    terms = []
    for d in range(order + 1):
        sums: dict[Contraction, Laurent] = {}
        for sign, role in what.parts:
            diagrams = enumerate_diagrams(
                d, root=root_mode(role), one_pass=isinstance(scheme, OnePass)
            )
            for diagram in diagrams:
                count = scheme.laurent(diagram, basis=chosen, root=role)
                if not count:
                    continue
                contraction = Contraction.from_diagram(diagram, basis=chosen)
                scale = Fraction(sign * (-1) ** d, diagram.symmetry_factor)
                shift = tuple(-d * b for b in batch)
                add_scaled(sums.setdefault(contraction, {}), count, scale, shift)
        terms += [Term(to_expr(sum_, variables), c) for c, sum_ in sums.items() if sum_]
    return Expansion(order, chosen, (Part(Fraction(1), what, scheme),), collect(terms))
