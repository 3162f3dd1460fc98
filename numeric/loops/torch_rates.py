"""Learning rates of a PyTorch scheduler, update by update, from a copy that is stepped in its place."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.errors import RequestError, SgdiagramsError
from sgdiagrams.diagrams.messages import shortened, shown
from sgdiagrams.symbolic.training.schedules.combined import SlowedSchedule
from sgdiagrams.symbolic.training.schedules.named_schedules import named_schedule
from sgdiagrams.symbolic.training.schedules.schedule import ArraySchedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sgdiagrams.symbolic.training.schedules.schedule import Schedule

__all__ = ["Stepped", "base_rate", "schedule_of", "steps_once_an_update"]

_ROUNDING = 1e-13
_CLOSE = 1e-9  # relative, of a rate and what its name says
_LONGEST = 10**6  # denominator of a ratio that a person meant
_SOME_STEPS = 60  # that are compared where the number of updates is not known
_BY_UPDATE = ("CyclicLR", "OneCycleLR")


@final
@dataclass(frozen=True, slots=True)
class Stepped:
    """What a scheduler does to an optimiser's groups, step by step.

    Attributes
    ----------
    rates
        For every step, the learning rates of all groups.
    momenta
        For every step, the momentum of all groups.
    """

    rates: tuple[tuple[float, ...], ...]
    momenta: tuple[tuple[float, ...], ...]

    @classmethod
    def of(
        cls, optimizer: Any, chain: tuple[Any, ...], steps: int, *, fewer: bool = False
    ) -> Stepped:
        """Step copies of schedulers on groups like those of their optimiser, which is not touched.

        Parameters
        ----------
        optimizer, chain
            PyTorch's.
        steps
            Their number.
        fewer
            Whether fewer will do where the schedulers end before.

        Raises
        ------
        RequestError
            When a copy raises an error on the way.
        """
        import torch

        groups = [
            {name: copy.deepcopy(value) for name, value in group.items() if name != "params"}
            | {"params": [torch.nn.Parameter(torch.zeros(1))]}
            for group in optimizer.param_groups
        ]
        stand_in = torch.optim.SGD(groups, lr=1.0)
        stand_in.defaults = dict(optimizer.defaults)
        rates, momenta = [], []
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that no optimiser was stepped in between
                twins = copy.deepcopy(chain, {id(optimizer): stand_in})
                for step in range(steps):
                    for twin in twins if step else ():
                        twin.step()
                    rates.append(tuple(float(group["lr"]) for group in stand_in.param_groups))
                    momenta.append(
                        tuple(float(group.get("momentum", 0)) for group in stand_in.param_groups)
                    )
        except Exception as error:
            if fewer and rates[1:]:
                # The last step may be one beyond the last update.
                return cls(tuple(rates[:-1]), tuple(momenta[:-1]))
            raise RequestError(
                f"expected a scheduler that takes {steps} steps, got {_called(chain)}, which "
                f"says: {shortened(str(error))}"
            ) from error
        return cls(tuple(rates), tuple(momenta))


def base_rate(group: dict[str, Any]) -> float:
    """Return the rate of a group that a schedule's factors multiply.

    It is what the optimiser was given, or ``max_lr`` of one cycle.
    """
    for name in ("max_lr", "initial_lr", "lr"):
        if name in group:
            return float(group[name])
    raise RequestError("expected a learning rate in every group of the optimiser, got none")


def steps_once_an_update(scheduler: Any) -> bool:
    """Return whether a scheduler is one that PyTorch says to step after every batch."""
    parts = getattr(scheduler, "_schedulers", None)
    if parts is not None:
        return any(steps_once_an_update(part) for part in parts)
    return type(scheduler).__name__ in _BY_UPDATE


def schedule_of(
    optimizer: Any, chain: tuple[Any, ...], *, updates: int | None, every: int
) -> tuple[Schedule | None, Stepped]:
    """Return the factors by which schedulers multiply the base rates, and what they do by step.

    Parameters
    ----------
    optimizer, chain
        PyTorch's; the schedulers are stepped one after the other.
    updates
        The number of updates T; None where it is not known.
    every
        The number of updates to a step.

    Raises
    ------
    RequestError
        When the groups have factors of their own, a base rate is 0, or T is needed.
    """
    steps = _SOME_STEPS if updates is None else max(1, -(-updates // every))
    taken = Stepped.of(optimizer, chain, steps, fewer=updates is None)
    bases = [base_rate(group) for group in optimizer.param_groups]
    if 0.0 in bases:
        raise RequestError("expected base learning rates other than 0, got lr=0 in a group")
    factors = [[rate / base for rate, base in zip(row, bases, strict=True)] for row in taken.rates]
    for step, row in enumerate(factors):
        if not _agree(row, [row[0]] * len(row)):
            raise RequestError(
                "expected one schedule for all groups, whose rates may differ, got factors "
                f"{shown(row)} after {step} steps of {_called(chain)}"
            )
    first = [row[0] for row in factors]
    named = _by_name(chain, bases[0], first)
    if named is None:
        if updates is None:
            raise RequestError(
                f"expected epochs=... or updates=..., since {_called(chain)} is known step by "
                "step only, got neither"
            )
        exact = [Fraction(row[0]) / Fraction(bases[0]) for row in taken.rates]
        named = ArraySchedule([exact[t // every] for t in range(updates)])
    elif every > 1:
        named = SlowedSchedule(named, every)
    return (None if set(first) == {1.0} and updates is not None else named), taken


def _agree(values: Sequence[float], others: Sequence[float]) -> bool:
    return all(
        abs(a - b) <= _CLOSE * max(abs(a), abs(b), 1e-3)
        for a, b in zip(values, others, strict=True)
    )


def _called(chain: tuple[Any, ...]) -> str:
    return " and ".join(type(scheduler).__name__ for scheduler in chain)


def _by_name(chain: tuple[Any, ...], base: float, factors: list[float]) -> Schedule | None:
    """Return the schedule that has the schedulers' names and entries, if it makes these factors."""
    try:
        named = named_schedule(" times ".join(_words(scheduler, base) for scheduler in chain))
        theirs = [float(a) for a in named.multipliers(len(factors))]
    except (SgdiagramsError, AttributeError, LookupError, TypeError, ValueError):
        return None  # another library's class of the same name, or one that has been stepped before
    return named if _agree(theirs, factors) else None


def _words(scheduler: Any, base: float) -> str:
    """Return the words for a scheduler."""
    name = type(scheduler).__name__
    parts = [_words(part, base) for part in getattr(scheduler, "_schedulers", ())]
    if name == "SequentialLR":
        first, *rest = parts
        stops = vars(scheduler)["_milestones"]
        return first + "".join(
            f" until={t} then {words}" for t, words in zip(stops, rest, strict=True)
        )
    if name == "ChainedScheduler":
        return " times ".join(parts)
    entries = dict(_entries(name, scheduler, base))
    pieces = [f"{key}={_written(value)}" for key, value in entries.items()]
    return f"{name}:{','.join(pieces)}" if pieces else name


def _entries(name: str, scheduler: Any, base: float) -> Iterator[tuple[str, Any]]:
    plain = {
        "StepLR": ("step_size", "gamma"),
        "MultiStepLR": ("gamma",),
        "ConstantLR": ("factor", "total_iters"),
        "LinearLR": ("start_factor", "end_factor", "total_iters"),
        "ExponentialLR": ("gamma",),
        "PolynomialLR": ("total_iters", "power"),
        "CosineAnnealingLR": ("T_max",),
        "CosineAnnealingWarmRestarts": ("T_0", "T_mult"),
        "CyclicLR": ("mode", "gamma"),
        "OneCycleLR": ("total_steps",),
    }
    yield from ((key, getattr(scheduler, key)) for key in plain[name])
    if name == "MultiStepLR":
        yield "milestones", sorted(scheduler.milestones.elements())
    if name in ("CosineAnnealingLR", "CosineAnnealingWarmRestarts") and scheduler.eta_min:
        yield "floor", _short(scheduler.eta_min / base)
    if name == "OneCycleLR":
        phases = vars(scheduler)["_schedule_phases"]
        group = scheduler.optimizer.param_groups[0]
        yield from {
            "anneal_strategy": vars(scheduler)["_anneal_func_type"],
            "pct_start": _short((phases[0]["end_step"] + 1) / scheduler.total_steps),
            "div_factor": _short(group["max_lr"] / group["initial_lr"]),
            "final_div_factor": _short(group["initial_lr"] / group["min_lr"]),
            "three_phase": len(phases) > 2,
        }.items()
    if name == "CyclicLR":
        up = round(scheduler.total_size * scheduler.step_ratio)
        yield from {
            "peak": _short(scheduler.max_lrs[0] / base),
            "step_size_up": up,
            "step_size_down": round(scheduler.total_size) - up,
        }.items()


def _short(ratio: float) -> Fraction | float:
    """Return the ratio that is meant where rounding has changed it."""
    near = Fraction(ratio).limit_denominator(_LONGEST)
    return near if abs(near - Fraction(ratio)) <= _ROUNDING * abs(ratio) else ratio


def _written(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
