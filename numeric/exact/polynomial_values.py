r"""Expressions on polynomial landscapes: polynomials of the weights, by their definition.

The derivatives of a polynomial loss are polynomials. A block of nodes is the mean over all atoms of the
product of their derivatives; edges are summed over all components, one by one.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.exact.series import derivative
from sgdiagrams.symbolic.algebra.at_roots import powers_of_eta
from sgdiagrams.symbolic.vocabulary import LOSS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sgdiagrams.numeric.exact.series import Exponents, PolynomialTerms
    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["expression_polynomials"]

_Polynomial = dict["Exponents", Fraction]


def expression_polynomials(
    expression: Expression,
    losses: Sequence[PolynomialTerms],
    functions: Mapping[str, PolynomialTerms],
    p: int,
) -> dict[tuple[int, tuple[int, ...]], PolynomialTerms]:
    """Return the polynomials that an expression is, by the power of eta before it and by component.

    Parameters
    ----------
    expression
        With numbers for all symbols but eta.
    losses
        The losses of the atoms, equally likely.
    functions
        The polynomials of the user's functions in it.
    p
        The number of weights.

    Raises
    ------
    RequestError
        When a symbol has no number.

    Examples
    --------
    The variance of the gradient of x^2/2 - x and x^2/2 + x:

    >>> from sgdiagrams.symbolic.algebra.expression import Expression
    >>> half = Fraction(1, 2)
    >>> losses = [(((1,), Fraction(s)), ((2,), half)) for s in (-1, 1)]
    >>> expression_polynomials(Expression.of("C_aa"), losses, {}, 1)
    {(0, ()): (((0,), Fraction(1, 1)),)}
    """
    missing = [name for name in expression.symbols if name != "eta"]
    if missing:
        raise RequestError(
            f"expected numbers for the symbols of an expression, got {shown(missing[0])}; substitute "
            "them before"
        )
    read = {LOSS: [dict(loss) for loss in losses]}
    read |= {name: [dict(poly)] for name, poly in functions.items()}
    sums: dict[tuple[int, tuple[int, ...]], _Polynomial] = {}
    for power, part in powers_of_eta(expression.in_basis("moment")).items():
        for coefficient, contraction in part.terms:
            number = Fraction(int(coefficient.p), int(coefficient.q))
            for component in product(range(p), repeat=expression.rank):
                total = sums.setdefault((power, component), defaultdict(Fraction))
                for indices in product(range(p), repeat=len(contraction.edges)):
                    value = _product_of_blocks(contraction, (*component, *indices), read, p)
                    for exponents, c in value.items():
                        total[exponents] += number * c
    return {
        key: tuple(sorted((e, c) for e, c in total.items() if c)) for key, total in sums.items()
    }


def _product_of_blocks(
    contraction: Contraction,
    indices: Sequence[int],
    read: Mapping[str, Sequence[_Polynomial]],
    p: int,
) -> _Polynomial:
    """Return a contraction whose legs have the given components: free ones, then those of the edges."""
    of_node: list[list[int]] = [[] for _ in contraction.labels]
    ends = [*((v,) for v in contraction.free), *contraction.edges]
    for nodes, index in zip(ends, indices, strict=True):
        for v in nodes:
            of_node[v].append(index)
    result: _Polynomial = {(0,) * p: Fraction(1)}
    for block in contraction.blocks:
        atoms = max(len(read[contraction.labels[v]]) for v in block)
        mean: _Polynomial = defaultdict(Fraction)
        for atom in range(atoms):
            value: _Polynomial = {(0,) * p: Fraction(1, atoms)}
            for v in block:
                polynomials = read[contraction.labels[v]]
                node = polynomials[atom if len(polynomials) > 1 else 0]
                for index in of_node[v]:
                    node = derivative(node, index)
                value = _times(value, node)
            for exponents, c in value.items():
                mean[exponents] += c
        result = _times(result, mean)
    return result


def _times(one: _Polynomial, two: _Polynomial) -> _Polynomial:
    result: _Polynomial = defaultdict(Fraction)
    for (e, c), (f, d) in product(one.items(), two.items()):
        result[tuple(i + j for i, j in zip(e, f, strict=True))] += c * d
    return result
