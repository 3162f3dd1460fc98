"""How a state of vectors is read and carried on by an update: one place for all simulators.

Vectors are whatever numbers multiply from the left: arrays, power series, tensors of a library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.symbolic.propagation.linear_update import LinearUpdate

__all__ = ["carried", "combined"]


def combined(row: Iterable[Any], vectors: Sequence[Any]) -> Any:
    """Return a sum of numbers times vectors, in the type of the vectors.

    Examples
    --------
    >>> import numpy as np
    >>> combined([2.0, 0.0], (np.ones(2), np.zeros(2))).tolist()
    [2.0, 2.0]
    """
    pairs = zip(row, vectors, strict=True)
    parts = [vector if number == 1 else number * vector for number, vector in pairs if number]
    total = parts[0] if parts else 0 * vectors[0]
    for part in parts[1:]:
        total = total + part
    return total


def carried(
    update: LinearUpdate, state: Sequence[Any], push: Any, pull: Any = None
) -> tuple[Any, ...]:
    """Return the state after an update.

    Parameters
    ----------
    update
        In numbers that multiply the vectors.
    state
        The vectors before.
    push
        The gradient times the learning rate.
    pull
        For decoupled weight decay, the learning rate times its strength times the weights that it pulls.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from sgdiagrams.symbolic.training.optimizers.momentum import Momentum
    >>> [update] = Momentum(beta="1/2").linear_updates(1)
    >>> [str(x) for x in carried(update, (Fraction(0), Fraction(8)), Fraction(1))]
    ['3', '3']
    """
    after = []
    injects = [(update.inject, push)]
    if update.pull is not None:
        injects.append((update.pull.inject, pull))
    for i, row in enumerate(update.step):
        moved = combined(row, state)
        for inject, vector in injects:
            number = inject[i]
            if number:
                moved = moved - (vector if number == 1 else number * vector)
        after.append(moved)
    return tuple(after)
