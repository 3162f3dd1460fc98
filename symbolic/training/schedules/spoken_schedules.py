"""What names of schedules make: ours, PyTorch's, optax's and scikit-learn's, with their own entries.

Factors are in units of the learning rate: ``floor`` is PyTorch's ``eta_min`` over it, ``peak`` is
``max_lr`` over ``base_lr``; that of `OneCycle` is ``max_lr``.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from operator import mul
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.checks import whole_number
from sgdiagrams.symbolic.training.schedules.closed_schedules import Exponential, Polynomial
from sgdiagrams.symbolic.training.schedules.combined import SequentialSchedule, SlowedSchedule
from sgdiagrams.symbolic.training.schedules.cycles import CosineWaves, OneCycle, Triangular
from sgdiagrams.symbolic.training.schedules.decays import (
    Inverse,
    PiecewiseConstant,
    Ramp,
    rounded_power,
)
from sgdiagrams.symbolic.training.schedules.stepwise import Cosine, Step, WarmUp
from sgdiagrams.symbolic.training.spoken import Spoken, number_list, word_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sgdiagrams.symbolic.training.schedules.schedule import Schedule

__all__ = ["SPOKEN_SCHEDULES"]

_ONE = Fraction(1)


def _multi_step(milestones: Sequence[Any], gamma: Fraction = Fraction(1, 10)) -> Schedule:
    """Return steps down at given updates; one that is named twice counts twice."""
    updates = sorted(whole_number("milestones", t) for t in milestones)
    at = sorted(set(updates))
    passed = [sum(1 for t in updates if t <= end) for end in at]
    return PiecewiseConstant(at, [_ONE, *(gamma**n for n in passed)])


def _constant_first(factor: Fraction = Fraction(1, 3), total_iters: object = 5) -> Schedule:
    return PiecewiseConstant([total_iters], [factor, 1])


def _linear_ramp(
    start_factor: Fraction = Fraction(1, 3), end_factor: Fraction = _ONE, total_iters: int = 5
) -> Schedule:
    return Ramp(start_factor, end_factor, total_iters)


def _polynomial_ramp(total_iters: int = 5, power: Fraction = _ONE) -> Schedule:
    return Ramp(_ONE, Fraction(0), total_iters, power)


def _cyclic(
    peak: Fraction,
    step_size_up: int = 2000,
    step_size_down: int | None = None,
    mode: Any = "triangular",
    gamma: Fraction = _ONE,
) -> Schedule:
    return Triangular(peak, step_size_up, step_size_down, mode, gamma)


def _flag(name: str, text: str) -> bool:
    value = {"true": True, "1": True, "false": False, "0": False}.get(text.casefold())
    if value is None:
        raise RequestError(f"expected true or false for {name}, got {name}={shown(text)}")
    return value


def _one_cycle(
    total_steps: int | None = None, *, three_phase: bool = False, **entries: Any
) -> Schedule:
    also = {
        "pct_start": "rise",
        "anneal_strategy": "shape",
        "div_factor": "divided",
        "final_div_factor": "finally_divided",
    }
    named: dict[str, Any] = {also[key]: value for key, value in entries.items()}
    return OneCycle(total_steps, **named, three_phase=int(three_phase))


def _exponential_decay(
    transition_steps: Fraction, decay_rate: Fraction, *, staircase: bool = False
) -> Schedule:
    steps = whole_number("transition_steps", transition_steps, least=1)
    if staircase:
        return Step(steps, decay_rate)
    return Exponential(rounded_power(decay_rate, Fraction(1, steps)))


def _warm_cosine(
    warmup_steps: int,
    decay_steps: Fraction,
    init: Fraction = Fraction(0),
    end: Fraction = Fraction(0),
) -> Schedule:
    warm = whole_number("warmup_steps", warmup_steps, least=1)
    rest = whole_number("decay_steps", decay_steps, least=warm + 1) - warm
    return SequentialSchedule([Ramp(init, _ONE, warm), Cosine(end, over=rest)], [warm])


def _pieces(boundaries: Sequence[Any], scales: Sequence[Any]) -> Schedule:
    return PiecewiseConstant(boundaries, [*accumulate([_ONE, *scales], mul)])


def _optimal(alpha: Fraction = Fraction(1, 10_000)) -> Schedule:
    """Return scikit-learn's rates; the first one is alpha^(-1/4)."""
    return Inverse(rounded_power(alpha, Fraction(3, 4)))


_LISTS = dict.fromkeys(("milestones", "boundaries", "scales"), number_list)
_COSINE = {"alpha": "floor", "decay_steps": "over", "T_max": "over"}
_REMEDIES = {
    "eta_min": "give floor, which is eta_min over the learning rate",
    "max_lr": "give it as eta; of CyclicLR give peak, which is max_lr over base_lr",
    "base_lr": "give it as eta, and peak, which is max_lr over base_lr",
    "init_value": "give it as eta; what is left are factors of it",
    "peak_value": "give it as eta; init and end are factors of it",
    "eta0": "give it as eta",
    "cycle_momentum": "give the momentum of every update to ChangingMomentum, or read it with from_torch",
    "last_epoch": "leave it out: training begins at 0",
}
_NAMES: Mapping[str, Spoken] = {
    "cosine": Spoken(Cosine, ("floor", "over"), also=("cosine-decay", "cosine-decay-schedule"),
                     entries_also=_COSINE),
    "step": Spoken(Step, ("every", "factor"), "every"),
    "warm-up": Spoken(WarmUp, ("over",), "over", also=("warmup",)),
    "linear": Spoken(Polynomial, also=("linear-decay",)),
    "exponential": Spoken(Exponential, ("gamma",)),
    "inverse": Spoken(Inverse, ("gamma", "power", "t0"), also=("1/t", "inverse-time-decay")),
    "constant": Spoken(lambda: Polynomial((1,)), also=("constant-schedule",)),
    "StepLR": Spoken(
        lambda step_size, gamma=Fraction(1, 10): Step(step_size, gamma),
        ("step_size", "gamma"), "step_size",
    ),
    "MultiStepLR": Spoken(_multi_step, ("milestones", "gamma"), "milestones", readers=_LISTS),
    "ConstantLR": Spoken(_constant_first, ("factor", "total_iters")),
    "LinearLR": Spoken(_linear_ramp, ("start_factor", "end_factor", "total_iters")),
    "ExponentialLR": Spoken(Exponential, ("gamma",), "gamma"),
    "PolynomialLR": Spoken(_polynomial_ramp, ("total_iters", "power")),
    "CosineAnnealingLR": Spoken(
        lambda T_max, floor=0: CosineWaves(T_max, floor), ("T_max", "floor"), "T_max"
    ),
    "CosineAnnealingWarmRestarts": Spoken(
        lambda T_0, T_mult=1, floor=0: CosineWaves(T_0, floor, T_mult),
        ("T_0", "T_mult", "floor"), "T_0",
    ),
    "CyclicLR": Spoken(
        _cyclic, ("peak", "step_size_up", "step_size_down", "mode", "gamma"), "peak",
        readers={"mode": word_of},
    ),
    "OneCycleLR": Spoken(
        _one_cycle,
        ("total_steps", "pct_start", "anneal_strategy", "div_factor", "final_div_factor", "three_phase"),
        readers={"anneal_strategy": word_of, "three_phase": _flag},
    ),
    "exponential-decay": Spoken(
        _exponential_decay, ("transition_steps", "decay_rate", "staircase"),
        ("transition_steps", "decay_rate"),
        readers={"staircase": _flag},
    ),
    "warmup-cosine-decay": Spoken(
        _warm_cosine, ("warmup_steps", "decay_steps", "init", "end"), ("warmup_steps", "decay_steps"),
        also=("warmup-cosine-decay-schedule",),
    ),
    "piecewise-constant": Spoken(
        _pieces, ("boundaries", "scales"), ("boundaries", "scales"),
        also=("piecewise-constant-schedule",), readers=_LISTS,
    ),
    "invscaling": Spoken(
        lambda power_t=Fraction(1, 4): Inverse(power=power_t), ("power_t",), also=("inv-scaling",)
    ),
    "optimal": Spoken(_optimal, ("alpha",)),
}  # fmt: skip


def _slowable(entry: Spoken) -> Spoken:
    """Return a name that also takes ``every=N``: N updates to a step, as once an epoch."""
    if "every" in entry.numbers:
        return entry

    def make(every: object = None, **entries: Any) -> Schedule:
        schedule: Schedule = entry.maker(**entries)
        return schedule if every is None else SlowedSchedule(schedule, every)  # type: ignore[arg-type]

    return entry._replace(maker=make, numbers=(*entry.numbers, "every"), remedies=_REMEDIES)


#: What follows ``--schedule``, with the entries of every name.
SPOKEN_SCHEDULES: Mapping[str, Spoken] = {name: _slowable(entry) for name, entry in _NAMES.items()}
