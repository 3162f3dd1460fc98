r"""Kernels of edges from matrices, and matrices from kernels.

.. math:: K(D) = r\, A^{D - 1} b = \sum_i w_i\, D^{k_i} x_i^D, \qquad D \ge 1
"""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Any

from sympy import Expr, Integer, Matrix, Symbol, cancel, eye, factor_list, fraction

from sgdiagrams.symbolic.training.kernels import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["as_modes", "of_modes", "of_values"]


def as_modes(step: Matrix, inject: Matrix, read: Matrix) -> tuple[Mode, ...] | None:
    """Return the kernel of constant matrices as modes.

    Parameters
    ----------
    step, inject, read
        Of shapes (M, M), (M, 1) and (1, M).

    Returns
    -------
    tuple or None
        None where an eigenvalue is no number times a product of symbols, or the kernel is not of the
        form from D = 1 on.

    Examples
    --------
    >>> as_modes(Matrix([[1, 1], [0, 1]]), Matrix([1, 1]), Matrix([[1, 0]]))
    (Mode(weight=1, power=1, base=1),)
    """
    x = Symbol("_x")
    size = step.shape[0]
    generating = (eye(size) - x * step).adjugate()
    value = (read * generating * inject)[0, 0] / (eye(size) - x * step).det()
    above, below = fraction(cancel(value))
    if not above.has(x) and above == 0:
        return ()
    if _degree(above, x) >= _degree(below, x):
        return None  # beginnings that no mode describes
    bases: list[tuple[Expr, int]] = []
    for factor, multiplicity in factor_list(below)[1]:
        if not factor.has(x):
            continue
        if _degree(factor, x) > 1:
            return None
        base = cancel(-factor.coeff(x, 1) / factor.coeff(x, 0))
        if not _is_monomial(base):
            return None
        bases.append((base, multiplicity))
    terms = [(k, base) for base, multiplicity in bases for k in range(multiplicity)]
    rows, values = [], []
    state = inject
    for D in range(1, len(terms) + 1):
        rows.append([Integer(D) ** k * base**D for k, base in terms])
        values.append((read * state)[0, 0])
        state = step * state
    weights = Matrix(rows).LUsolve(Matrix(values))
    modes = zip(map(cancel, weights), terms, strict=True)
    return tuple(Mode(weight, k, base) for weight, (k, base) in modes if weight != 0)


def of_modes(modes: Iterable[Mode]) -> tuple[list[list[Any]], list[Any], list[Any]]:
    """Return matrices (step, inject, read) whose kernel is a sum of modes.

    Examples
    --------
    >>> of_modes([Mode(2, 1, 3)])  # 2 D 3^D
    ([[3, 0], [3, 3]], [1, 0], [6, 6])
    """
    by_base: dict[Expr, dict[int, Expr]] = {}
    for weight, power, base in modes:
        own = by_base.setdefault(base, {})
        own[power] = own.get(power, Integer(0)) + weight
    blocks: list[tuple[Expr, list[Any]]] = []
    for base, weights in by_base.items():
        # The block x (1 + N) has binomials of D - 1 below its first entry.
        size = max(weights) + 1
        values = [
            base * sum(w * Integer(n + 1) ** k for k, w in weights.items()) for n in range(size)
        ]
        differences = [
            sum((-1) ** (j - n) * comb(j, n) * values[n] for n in range(j + 1)) for j in range(size)
        ]
        blocks.append((base, [cancel(value) for value in differences]))
    M = sum(len(read) for _, read in blocks)
    step = [[Integer(0)] * M for _ in range(M)]
    inject, row = [Integer(0)] * M, [Integer(0)] * M
    first = 0
    for base, read in blocks:
        inject[first] = Integer(1)
        for j, number in enumerate(read):
            row[first + j] = number
            step[first + j][first + j] = base
            if j:
                step[first + j][first + j - 1] = base
        first += len(read)
    return step, inject, row


def of_values(values: Sequence[Any]) -> tuple[list[list[Any]], list[Any], list[Any]]:
    """Return matrices whose kernel has given values K(1), K(2), ..., the last for all that follow.

    Examples
    --------
    >>> of_values([5, 7])
    ([[0, 0], [1, 1]], [1, 0], [5, 7])
    """
    M = len(values)
    step = [[int(j == i - 1) for j in range(M)] for i in range(M)]
    step[-1][-1] = 1
    return step, [1, *[0] * (M - 1)], list(values)


def _degree(expr: Expr, x: Symbol) -> int:
    polynomial = expr.as_poly(x)
    return int(polynomial.degree()) if polynomial is not None else 0


def _is_monomial(base: Expr) -> bool:
    _, rest = base.as_coeff_Mul()
    powers = rest.as_powers_dict()
    return all(
        entry == 1 or (entry.is_Symbol and power.is_Integer and power > 0)
        for entry, power in powers.items()
    )
