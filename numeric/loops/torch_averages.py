"""What PyTorch's `AveragedModel` makes of iterates, read from a small one that is called in its place."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.checks import whole_number
from sgdiagrams.symbolic.training.average import (
    Average,
    EveryKthAverage,
    ExponentialAverage,
    TailAverage,
    WeightedAverage,
)
from sgdiagrams.symbolic.training.names import named_average

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AveragedAt", "average_of"]

AveragedAt = Literal["update", "epoch"]

_CLOSE = 1e-9
_DIGITS = 12  # of a decay
_SOME_CALLS = 24  # that are compared where the number of updates is not known
_MOST_CALLS = 10_000


def average_of(
    average: Any, at: AveragedAt | Sequence[int] | None, *, updates: int | None, epoch: int | None
) -> Average | None:
    """Return the average that is looked at.

    Parameters
    ----------
    average
        An average, its name, or PyTorch's ``AveragedModel``; None for the last weights.
    at
        When the model's ``update_parameters`` is called: after every update (None too), every epoch, or
        the numbers of updates after which it is.
    updates, epoch
        The numbers of updates in all and in an epoch; None where they are not known.

    Raises
    ------
    RequestError
        When calls make no sense, or a number is missing.
    """
    from torch.optim import swa_utils

    if not isinstance(average, swa_utils.AveragedModel):
        if at is not None:
            raise RequestError(
                f"expected averaged_at with an AveragedModel, got averaged_at={shown(at)}"
            )
        return None if average is None else named_average(average)
    if int(average.n_averaged):
        raise RequestError(
            f"expected an AveragedModel before its first call, got one after {int(average.n_averaged)}"
        )
    calls = _calls(at, updates, epoch)
    weights = _weights(average, len(calls)) if calls else []
    named = _by_name(calls, weights, updates)
    if named is not None:
        return named
    if updates is None:
        raise RequestError(
            "expected epochs=... or updates=... for an AveragedModel with a function of its own, got "
            "neither"
        )
    exact = dict(zip(calls, map(Fraction, weights), strict=True))
    # What rounding leaves over would be a weight of the start.
    exact[max(exact, key=lambda t: abs(exact[t]))] += 1 - sum(exact.values())
    return WeightedAverage([exact.get(t, Fraction(0)) for t in range(1, updates + 1)])


def _calls(at: Any, updates: int | None, epoch: int | None) -> list[int]:
    """Return the numbers of updates after which the average is called; some, where all are unknown."""
    if at is not None and not isinstance(at, str):
        calls = [whole_number("averaged_at", t, least=1) for t in at]
        if updates is None or not calls or calls[-1] > updates:
            raise RequestError(
                f"expected calls up to the last of updates={shown(updates)}, at least one, got "
                f"averaged_at={shown(at)}"
            )
        if any(s >= t for s, t in pairwise(calls)):
            raise RequestError(f"expected calls in order, got averaged_at={shown(at)}")
    elif at in (None, "update", "epoch"):
        step = epoch if at == "epoch" else 1
        if step is None:
            raise RequestError(
                "expected a data loader, by whose epochs the average is called, got dataloader=None"
            )
        last = step * _SOME_CALLS if updates is None else updates
        calls = list(range(step, last + 1, step))
    else:
        raise RequestError(
            f"expected averaged_at as 'update', 'epoch' or numbers of updates, got {shown(at)}"
        )
    if len(calls) > _MOST_CALLS:
        raise RequestError(
            f"expected at most {_MOST_CALLS} calls of an AveragedModel, got {len(calls)}; give the "
            "average by its name, such as average='ema:decay=0.999'"
        )
    return calls


def _weights(average: Any, number: int) -> list[float]:
    """Return what a small model of the same kind makes of unit vectors: the weights of its calls."""
    import torch
    from torch.optim import swa_utils

    class Vector(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.value = torch.nn.Parameter(torch.zeros(number, dtype=torch.float64))

    source = Vector()
    small = swa_utils.AveragedModel(
        source, avg_fn=average.avg_fn, multi_avg_fn=average.multi_avg_fn
    )
    for call in range(number):
        source.value.data.zero_()
        source.value.data[call] = 1.0
        small.update_parameters(source)
    module: Any = small.module
    weights: list[float] = module.value.tolist()
    return weights


def _by_name(calls: list[int], weights: list[float], updates: int | None) -> Average | None:
    """Return the average that has a name, if it is one."""
    if not calls:
        return None
    steps = {t - s for s, t in pairwise(calls)}
    every = min(steps, default=1)
    last = calls[-1] + every - 1 if updates is None else updates
    is_even = len(steps) <= 1 and calls[-1] + every > last
    if is_even and _agree(weights, [1 / len(calls)] * len(calls)):
        if every > 1:
            return EveryKthAverage(start=calls[0], every=every)
        return TailAverage(None if calls[0] == 1 else last - calls[0] + 1)
    if calls[0] == every == 1 and is_even and len(calls) > 1:
        decay = round(1 - weights[-1], _DIGITS)
        if 0 <= decay < 1:
            copied = ExponentialAverage(decay, first="copied")
            if _agree(weights, [float(w) for w in copied.weights(len(calls))]):
                return copied
    return None


def _agree(weights: list[float], others: list[float]) -> bool:
    return all(abs(a - b) <= _CLOSE for a, b in zip(weights, others, strict=True))
