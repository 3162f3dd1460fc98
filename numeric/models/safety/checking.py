"""The check of a model: that its loss is one fixed function, and that its derivatives are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.numeric.models.safety.jax_witness import JaxWitness
from sgdiagrams.numeric.models.safety.torch_witness import TorchWitness

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Model
    from sgdiagrams.numeric.models.safety.witness import Witness

__all__ = ["check_model"]

_WITNESSES: dict[str, Callable[[Model, NDArray[np.intp]], Witness]] = {
    "jax": JaxWitness,
    "torch": TorchWitness,
}
_CALLS = 3  # of the loss, before it counts as one fixed function
#: Finite differences in double and in single precision: how far the weights go, along vectors as large
#: as they are; and how far the results may be from derivatives, relative to their size.
_DOUBLE = ((1e-3, 1e-4), 1e-3, 2e-16)
_SINGLE = ((3e-2, 1e-2), 5e-2, 1e-7)
_EXACT, _ROUGH = 1e-6, 1e-2  # relative distance of two ways to differentiate
_FLOOR = 1e-3  # of the tolerance, relative to the largest of all orders


def check_model(model: Model, order: int) -> tuple[str, ...]:
    r"""Check a model once before its derivatives are trusted; return what is worth a warning.

    On two datapoints, in float64: the loss is the same at every call; derivatives along random vectors
    up to the order needed agree between two ways to compute them, and with finite differences.

    Parameters
    ----------
    model
        Of any library.
    order
        The highest derivative that is needed, at least 1.

    Returns
    -------
    tuple of str
        Notes: operations that are linear piece by piece, whose kinks no derivative at a point sees.

    Raises
    ------
    RequestError
        When the loss changes from call to call, when a datapoint has no loss of its own, or when
        derivatives disagree; the operation is named, with what to write in its place.
    StatisticsError
        When losses or derivatives are no finite numbers.
    """
    rows = np.array([0, model.size - 1])
    witness = _WITNESSES[model.library](model, rows)
    witness.refuse_parts()
    losses = [witness.losses() for _ in range(_CALLS)]
    bad = [int(row) for row, loss in zip(rows, losses[0], strict=True) if not np.isfinite(loss)]
    if bad:
        raise StatisticsError(f"the loss of datapoint {bad[0]} is {losses[0][rows == bad[0]][0]}")
    if any((again != losses[0]).any() for again in losses[1:]):
        raise RequestError(
            "expected a loss that is the same at every call, got different numbers for one datapoint;"
            " turn off what is random (dropout, noise, augmentation), or make it part of the data"
        )
    kinks = witness.kinks()
    _compare(witness, model, order, smooth=not kinks)
    if not kinks:
        return ()
    note = (
        f"the loss is made of pieces that meet in kinks ({', '.join(kinks)}): no derivative at a point"
        " sees them, so that a prediction may miss part of the curvature"
    )
    return (note,)


def _compare(witness: Witness, model: Model, order: int, *, smooth: bool) -> None:
    vectors = witness.directions(order)
    still = np.zeros(model.dimension)
    used = np.array(witness.numbers(still, vectors, order))
    largest = float(abs(used).max())
    other = witness.other_route(vectors)
    if other is not None:
        allowed = (_EXACT if witness.is_double else _ROUGH) * (
            np.maximum(abs(used), np.abs(other)) + _FLOOR * largest
        )
        wrong = np.flatnonzero(~(abs(used - other) <= allowed))
        if wrong.size:
            raise _disagreement(witness, int(wrong[0]), used, other)
    reaches, far, digits = _DOUBLE if witness.is_double else _SINGLE
    # Beyond the first derivative finite differences stumble over kinks.
    for k in range(1, order + 1 if smooth else 2):
        steps = [_difference(witness, vectors, k, reach) for reach in reaches]
        allowed = far * (abs(used[k]) + _FLOOR * largest) + 10 * digits * largest / reaches[0]
        if not min(abs(step - used[k]) for step in steps) <= allowed:
            raise _disagreement(witness, k, used, [*used[:k], steps[0]])


def _difference(witness: Witness, vectors: NDArray[np.float64], k: int, step: float) -> float:
    # To fourth order in the step.
    def at(t: float) -> float:
        return witness.numbers(t * vectors[k - 1], vectors, k - 1)[-1]

    near, far = at(step) - at(-step), at(2 * step) - at(-2 * step)
    return (8 * near - far) / (12 * step)


def _disagreement(
    witness: Witness, k: int, used: NDArray[np.float64], other: Sequence[float]
) -> RequestError:
    name = {1: "first", 2: "second", 3: "third"}.get(k, f"{k}th")
    text = f"two ways to the {name} derivative of the loss disagree: {used[k]:.6g}, {other[k]:.6g}"
    suspects = witness.suspects() if k > 1 else ()
    if suspects:
        operations = ", ".join(suspect.operation for suspect in suspects)
        return RequestError(f"{text}, for {operations}: {suspects[0].remedy}")
    return RequestError(
        f"{text}; look for parts without their true derivative, such as detach, stop_gradient or a"
        " gradient of your own"
    )
