r"""Weighted embeddings: what a sampling scheme and an optimiser together make of a diagram.

The coefficient of a diagram in the main theorem is :math:`(-1)^d/|\mathrm{Aut}|` times the sum over its
embeddings of :math:`B^{-d}`, the kernels of its edges and the learning-rate factors of its nodes. A
counter returns that sum. There are three kinds:

* those of `sgdiagrams.symbolic.counting.plain`: plain SGD, where all weights are one and the scheme
  counts in closed form;
* `StepCounter`: kernels and factors in closed form, for schemes whose steps are alike;
* `NumberCounter`: anything else, by number, propagated in time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.symbolic.counting.numbers import NumberCounter
from sgdiagrams.symbolic.counting.plain import EpochsCounter, PlainCounter
from sgdiagrams.symbolic.counting.steps import StepCounter
from sgdiagrams.symbolic.training.schemes import Epochs, Grid
from sgdiagrams.symbolic.training.training import _needed, check_limit

if TYPE_CHECKING:
    from fractions import Fraction

    from sgdiagrams.symbolic.counting.base import Counter
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import Basis


__all__ = ["counter"]


_SHORT = 100


def counter(
    scheme: Sampling,
    optimizer: Optimizer,
    basis: Basis,
    *,
    iterates: tuple[Fraction, ...] | None = None,
) -> Counter:
    """Return the counter for a scheme and an optimiser.

    Parameters
    ----------
    iterates
        Weights of the iterates after 1, ..., T updates that the observable looks at, where they are
        not the optimiser's; then everything is counted by number.

    Raises
    ------
    SamplingError
        When there is no closed form and a number is missing.
    RequestError
        When the scheme is a continuous limit and the optimiser is not plain SGD.
    """
    check_limit(scheme, optimizer, is_plain=optimizer.is_plain and iterates is None)
    if optimizer.is_plain and iterates is None and not isinstance(scheme, Grid):
        if isinstance(scheme, Epochs) and not scheme.is_reshuffled:
            return EpochsCounter(scheme, basis)
        return PlainCounter(scheme, basis)
    # Over few updates, numbers are faster than formulas that would have them put in.
    symbols_left = (*scheme.symbols, *_needed(optimizer))
    is_short = not symbols_left and scheme.updates <= _SHORT
    has_closed_form = (
        iterates is None
        and not is_short
        and scheme.steps is not None
        and optimizer.kernel is not None
        and optimizer.readout is not None
        and (optimizer.schedule is None or optimizer.schedule.closed_form is not None)
    )
    if has_closed_form:
        return StepCounter(scheme, optimizer, basis)
    return NumberCounter(scheme, optimizer, basis, iterates)
