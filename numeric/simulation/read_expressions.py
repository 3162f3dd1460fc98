"""Expressions read off from the weights of many runs at once, in floating point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.algebra.at_roots import powers_of_eta
from sgdiagrams.symbolic.vocabulary import is_function

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sgdiagrams.numeric.landscapes.landscape import Floats, Landscape
    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["ReadExpression"]


@final
class ReadExpression:
    """An expression as a function of the weights, on a landscape that knows its population's moments.

    Parameters
    ----------
    expression
        With numbers for all symbols but eta.

    Raises
    ------
    RequestError
        When there are other symbols, or functions of a user's own.

    Examples
    --------
    >>> from sgdiagrams.numeric.landscapes.toys import Gauss
    >>> from sgdiagrams.symbolic.algebra.expression import Expression
    >>> ReadExpression(Expression.of("C_aa"))(Gauss(), np.zeros((1, 1)), eta=0.1).round(12)
    array([0.5])
    """

    __slots__ = ("_blocks", "_parts")

    def __init__(self, expression: Expression) -> None:
        moments = expression.in_basis("moment")
        missing = [name for name in moments.symbols if name != "eta"]
        labels = {label for k in moments.contractions for label in k.labels}
        if missing or any(map(is_function, labels)):
            strange = missing[0] if missing else next(filter(is_function, sorted(labels)))
            raise RequestError(
                "expected numbers for all symbols but eta, and derivatives of the loss alone, to read an "
                f"expression off from runs, got {shown(strange)}"
            )
        self._parts: list[tuple[int, list[tuple[float, Contraction]]]] = [
            (power, [(float(c), k) for c, k in part.terms])
            for power, part in powers_of_eta(moments).items()
        ]
        self._blocks = tuple(
            dict.fromkeys(legs for k in moments.contractions for legs, _ in _blocks_of(k))
        )

    def __call__(
        self, landscape: Landscape, theta: Floats, *, eta: float, component: tuple[int, ...] = ()
    ) -> Floats:
        """Return the values at weights (R, p), of one component where there are several: shape (R,)."""
        moments = dict(zip(self._blocks, landscape.joint_moments(theta, self._blocks), strict=True))
        total = np.zeros(len(theta))
        for power, pairs in self._parts:
            for coefficient, contraction in pairs if eta or not power else ():
                value = _contracted(contraction, moments, component)
                total = total + eta**power * coefficient * value
        return total


def _blocks_of(contraction: Contraction) -> list[tuple[tuple[int, ...], list[int]]]:
    """Return for every block the orders of its derivatives, and the indices at them.

    An edge is an index; free legs come after the edges.
    """
    at: list[list[int]] = [[] for _ in contraction.labels]
    for index, edge in enumerate(contraction.edges):
        for v in edge:
            at[v].append(index)
    for index, v in enumerate(contraction.free, start=len(contraction.edges)):
        at[v].append(index)
    result = []
    for block in contraction.blocks:
        nodes = sorted((at[v] for v in block), key=len)
        result.append((tuple(map(len, nodes)), [i for indices in nodes for i in indices]))
    return result


def _contracted(
    contraction: Contraction,
    moments: Mapping[tuple[int, ...], NDArray[Any]],
    component: tuple[int, ...],
) -> Any:
    """Return the values of a contraction in moments, shape (R,), or 1 for no tensor."""
    blocks = _blocks_of(contraction)
    if not blocks:
        return 1.0
    operands: list[Any] = []
    for legs, indices in blocks:
        operands += [moments[legs], [0, *(i + 1 for i in indices)]]
    free = range(len(contraction.edges) + 1, contraction.order + 1)
    values = np.einsum(*operands, [0, *free], optimize=len(blocks) > 2)
    return values[(slice(None), *component)]
