r"""Weighted embeddings: what a sampling scheme and an optimiser together make of a diagram.

The coefficient of a diagram in the main theorem is :math:`(-1)^d/|\mathrm{Aut}|` times the sum over its
embeddings of :math:`B^{-d}`, the kernels of its edges and the learning-rate factors of its nodes. A
counter returns that sum. There are four kinds:

* `Sampling.plain_counter`: plain SGD, where all weights are one and the scheme counts in closed form;
* `StepCounter`: kernels and factors in closed form, for schemes whose steps are alike;
* `FlowCounter`: limits in continuous time of optimisers with memory;
* `NumberCounter`: anything else, by number, propagated in time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.symbolic.counting.flows import FlowCounter
from sgdiagrams.symbolic.counting.numbers import NumberCounter
from sgdiagrams.symbolic.counting.staged import StagedCounter
from sgdiagrams.symbolic.counting.staged_powers import StagedPowers
from sgdiagrams.symbolic.counting.steps import StepCounter
from sgdiagrams.symbolic.counting.timed_numbers import TimedNumberCounter
from sgdiagrams.symbolic.observed.times_of_reading import check_stages

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
    from sgdiagrams.symbolic.training.counters.counter import Counter, TimedCounter
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.vocabulary import Basis


__all__ = ["counter_of", "has_closed_form", "timed_counter_of"]


_SHORT = 100


def counter_of(
    training: Training,
    basis: Basis,
    *,
    iterates: tuple[Fraction, ...] | None = None,
) -> Counter:
    """Return the counter for a training.

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
        When `iterates` are asked for in a limit in continuous time.
    """
    scheme, optimizer = training.sampling, training.optimizer
    if iterates is not None:
        training.check_discrete()
    elif optimizer.is_plain:
        plain = scheme.plain_counter(basis)
        if plain is not None:
            return plain
    elif training.is_continuous:
        return FlowCounter(training)
    # Over few updates, numbers are faster than formulas that would have them put in.
    is_short = not training.needed_symbols and scheme.updates <= _SHORT
    if iterates is None and not is_short and has_closed_form(training):
        return StepCounter(training, basis)
    return NumberCounter(training, basis, iterates)


def timed_counter_of(training: Training, basis: Basis, times: Sequence[ReadTime]) -> TimedCounter:
    """Return the counter for factors that look at the weights at several times.

    Raises
    ------
    SamplingError
        When there is no closed form and a number is missing, or a time is none of training.
    RequestError
        For a limit in continuous time.
    """
    training.check_discrete()
    check_stages(times, training.updates, {})
    if training.optimizer.is_plain and training.sampling.steps is not None:
        return StagedCounter(training, basis, times)
    dressing = training.dressing
    # Over numbers of updates without symbols, numbers are faster than formulas.
    has_symbols = bool(training.needed_symbols) or any(time.lag for time in times)
    if has_symbols and dressing is not None and dressing.root_count > 1 and not dressing.more:
        return StagedPowers(training, basis, times, dressing)
    return TimedNumberCounter(training, basis, times)


def _has_window(optimizer: Optimizer) -> bool:
    """Return whether the observable looks at the mean of the last few iterates, all else constant."""
    window = None if optimizer.average is None else optimizer.average.window
    modes = optimizer.iterate_kernel
    if window is None or modes is None or any(mode.power for mode in modes):
        return False
    return optimizer.schedule is None and optimizer.pull_modes is None


def has_closed_form(training: Training) -> bool:
    """Return whether counts are known in closed form in the number of updates."""
    scheme, optimizer = training.sampling, training.optimizer
    return (
        scheme.steps is not None
        and optimizer.kernel is not None
        and (optimizer.root_kernel is not None or _has_window(optimizer))
        and (
            optimizer.schedule is None
            or (optimizer.kernel_follows_schedule and optimizer.schedule.closed_form is not None)
        )
    )
