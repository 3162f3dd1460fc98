"""All that has a name: sampling schemes, optimisers and averages, as people write them.

``momentum:beta=0.9`` is a name, and numbers after a colon. Text is read as data: names from a table,
numbers exactly. The same tables say which classes files may hold. What users define themselves is in
no table, and is given as an object. Schedules have a module of their own.
"""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.errors import FormatError, RequestError
from sgdiagrams.diagrams.files import json_data, read_text
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.training.average import (
    Average,
    EveryKthAverage,
    ExponentialAverage,
    TailAverage,
    WeightedAverage,
)
from sgdiagrams.symbolic.training.optimizer import Optimizer
from sgdiagrams.symbolic.training.optimizers.changing_momentum import ChangingMomentum
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.quasi_hyperbolic import QuasiHyperbolic
from sgdiagrams.symbolic.training.optimizers.schedule_free import ScheduleFree
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.optimizers.wrapped import Delayed, LookAhead
from sgdiagrams.symbolic.training.penalty import as_penalty
from sgdiagrams.symbolic.training.sampling import Sampling
from sgdiagrams.symbolic.training.schedules.named_schedules import as_schedule
from sgdiagrams.symbolic.training.schemes.epochs import Epochs, FullBatch
from sgdiagrams.symbolic.training.schemes.grid import Grid
from sgdiagrams.symbolic.training.schemes.limits import SDE, GradientDescent, GradientFlow
from sgdiagrams.symbolic.training.schemes.one_pass import FreshData, OnePass
from sgdiagrams.symbolic.training.schemes.subsets import Poisson, Subsets
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
from sgdiagrams.symbolic.training.spoken import Spoken, said, word_of, yes_or_no

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sgdiagrams.symbolic.training.schedules.schedule import Schedule

__all__ = [
    "AVERAGES",
    "OPTIMIZERS",
    "SAMPLINGS",
    "named_average",
    "named_optimizer",
    "named_sampling",
]

#: The classes of each kind, by the names that are in files.
SAMPLINGS: Mapping[str, type[Sampling]] = {
    cls.name: cls
    for cls in (
        OnePass,
        Epochs,
        WithReplacement,
        Subsets,
        Poisson,
        Grid,
        GradientDescent,
        GradientFlow,
        SDE,
    )
}
OPTIMIZERS: Mapping[str, type[Optimizer]] = {
    cls.name: cls
    for cls in (
        SGD,
        Momentum,
        Nesterov,
        ChangingMomentum,
        QuasiHyperbolic,
        LookAhead,
        Delayed,
        ScheduleFree,
    )
}
AVERAGES: Mapping[str, type[Average]] = {
    cls.name: cls for cls in (TailAverage, ExponentialAverage, EveryKthAverage, WeightedAverage)
}


_REDUCED: Mapping[str, Any] = {"numbers": ("reduction",), "readers": {"reduction": word_of}}
_OF_EPOCHS: Mapping[str, Any] = {
    "numbers": ("drop_last", "reduction"),
    "readers": {"drop_last": yes_or_no, "reduction": word_of},
}
_SAMPLINGS: Mapping[str, Spoken] = {
    "one-pass": Spoken(OnePass, also=("online",), **_REDUCED),
    "epochs": Spoken(Epochs, also=("fixed-order", "incremental"), **_OF_EPOCHS),
    "shuffled-epochs": Spoken(
        partial(Epochs, shuffle="once"), also=("shuffle-once", "single-shuffle"), **_OF_EPOCHS
    ),
    "reshuffled-epochs": Spoken(
        partial(Epochs, shuffle="every-epoch"),
        also=("random-reshuffling", "rr"),
        **_OF_EPOCHS,
    ),
    "with-replacement": Spoken(WithReplacement, also=("iid",), **_REDUCED),
    "subsets": Spoken(Subsets, also=("without-replacement",), **_REDUCED),
    "poisson": Spoken(Poisson, ("q",), also=("poisson-sampling",)),
    "fresh-data": Spoken(FreshData),
    "full-batch": Spoken(FullBatch, also=("gd",)),
    "gradient-descent": Spoken(GradientDescent),
    "gradient-flow": Spoken(GradientFlow, ("order",)),
    "sde": Spoken(SDE, ("order",), also=("sme",)),
}


def _around(kind: Callable[..., Optimizer]) -> Callable[..., Optimizer]:
    """Return what makes an optimiser around another one, which is said by its name and its beta."""

    def made(*, inner: str | None = None, beta: object = None, **numbers: Any) -> Optimizer:
        if inner is None:
            inner = "sgd" if beta is None else "momentum"
        if kind is LookAhead:
            numbers.setdefault("alpha", Fraction(1, 2))
        inside = inner if beta is None else f"{inner}:beta={beta}"
        return kind(inner=said("inner", inside, _INSIDE), **numbers)

    return made


_BETA = {"momentum": "beta", "mu": "beta"}
_OPTIMIZERS: Mapping[str, Spoken] = {
    "sgd": Spoken(SGD, SGD.numbers),
    "momentum": Spoken(
        Momentum, (*Momentum.numbers, "dampening"), also=("heavy-ball",), entries_also=_BETA
    ),
    "nesterov": Spoken(Nesterov, Nesterov.numbers, also=("nag",), entries_also=_BETA),
    "qhm": Spoken(
        QuasiHyperbolic, QuasiHyperbolic.numbers, also=("quasi-hyperbolic",), entries_also=_BETA
    ),
    "lookahead": Spoken(
        _around(LookAhead),
        ("k", "alpha", "looks_at", "inner", "beta"),
        "k",
        also=("look-ahead",),
        readers={"looks_at": word_of, "inner": word_of},
        entries_also={**_BETA, "sync_period": "k", "slow_step_size": "alpha"},
    ),
    "delayed": Spoken(
        _around(Delayed),
        ("d", "inner", "beta"),
        "d",
        readers={"inner": word_of},
        entries_also=_BETA,
    ),
    "schedule-free": Spoken(
        ScheduleFree,
        ("beta", "power", "r"),
        entries_also={**_BETA, "b1": "beta", "weight_lr_power": "power"},
    ),
}
#: What is around another one takes these.
_INSIDE = {name: _OPTIMIZERS[name] for name in ("sgd", "momentum", "nesterov", "qhm")}


def _swa(W: object = None, start: object = None, every: object = None) -> Average:
    """Return the mean of the last iterates, or of every k-th from one on."""
    if start is None and every is None:
        return TailAverage(W)  # type: ignore[arg-type]
    if W is not None:
        raise RequestError("expected swa:W=... or swa:start=...,every=..., got both")
    given = {"start": start, "every": every}
    return EveryKthAverage(**{name: x for name, x in given.items() if x is not None})  # type: ignore[arg-type]


_AVERAGES: Mapping[str, Spoken] = {
    "tail": Spoken(
        TailAverage,
        ("W",),
        also=("polyak-ruppert",),
        entries_also={"last": "W", "window": "W"},
    ),
    "swa": Spoken(
        _swa,
        ("W", "start", "every"),
        also=("every-kth",),
        entries_also={"last": "W", "window": "W"},
    ),
    "exponential": Spoken(
        ExponentialAverage,
        ("alpha", "first"),
        also=("ema",),
        readers={"first": word_of},
        entries_also={"decay": "alpha"},
    ),
}

_MOST_DIGITS = 9  # of a row


#: What comes nearest to optimisers that are no linear function of the gradients.
_NOT_LINEAR = {
    "adam": "momentum:beta=0.9, with a matrix eta for the preconditioner",
    "adamw": "momentum:beta=0.9 with decoupled decay, and a matrix eta for the preconditioner",
    "nadam": "nesterov:beta=0.9, with a matrix eta for the preconditioner",
    "rmsprop": "sgd, with a matrix eta for the preconditioner",
    "adagrad": "sgd with the schedule inverse:power=1/2",
    "lbfgs": "sgd, with a matrix eta for the inverse Hessian",
    "muon": "nesterov:beta=0.95",
    "lion": "momentum:beta=0.9",
}


def named_optimizer(
    which: str | Optimizer,
    *,
    schedule: str | Schedule | None = None,
    average: str | Average | None = None,
    weight_decay: object = None,
    penalty: object = None,
    decoupled_decay: object = None,
) -> Optimizer:
    """Return an optimiser by its name on the command line, or the optimiser itself.

    Parameters
    ----------
    which
        ``"sgd"``, ``"momentum"``, ``"nesterov"``, ``"qhm"``, ``"lookahead"``, ``"delayed"``,
        ``"schedule-free"``, with numbers as in ``"momentum:beta=0.9"``.
    schedule, average, weight_decay, penalty, decoupled_decay
        Replace those of the optimiser, when given.

    Raises
    ------
    RequestError, SamplingError
        When a name is unknown, a number is impossible, or an optimiser of a user's own has no such
        field.

    Examples
    --------
    >>> named_optimizer("momentum:beta=0.9", average="tail:W=10").label
    'momentum beta=9/10, average of the last 10'
    """
    word = which.partition(":")[0].casefold() if isinstance(which, str) else ""
    if word in _NOT_LINEAR:
        raise RequestError(
            "expected an optimiser whose steps are linear in the gradients, got "
            f"optimizer={shown(which)}; the nearest is {_NOT_LINEAR[word]}"
        )
    method: Any = which if isinstance(which, Optimizer) else said("optimizer", which, _OPTIMIZERS)
    changes: dict[str, Any] = {}
    if schedule is not None:
        changes["schedule"] = as_schedule(schedule)
    if average is not None:
        changes["average"] = named_average(average)
    if weight_decay is not None:
        changes["weight_decay"] = weight_decay
    if penalty is not None:
        changes["penalty"] = as_penalty(penalty)
    if decoupled_decay is not None:
        changes["decoupled_decay"] = decoupled_decay
    lacking = [name for name in changes if name not in {field.name for field in fields(method)}]
    if lacking:
        raise RequestError(f"expected an optimiser with a {lacking[0]}, got {method.label}")
    changed: Optimizer = replace(method, **changes) if changes else method
    return changed


def named_average(which: str | Average) -> Average:
    """Return an average by its name, or the average itself.

    ``tail:W=10``, ``exponential:alpha=0.9``, ``exponential:alpha=0.9,first=copied``,
    ``swa:start=100,every=10``.

    Raises
    ------
    RequestError, SamplingError
        When the name is unknown or a number impossible.

    Examples
    --------
    >>> named_average("tail")
    TailAverage(W=None)
    """
    if isinstance(which, Average):
        return which
    average: Average = said("average", which, _AVERAGES)
    return average


def named_sampling(which: str | Sampling) -> Sampling:
    """Return a scheme by its name on the command line, or the scheme itself.

    ``reshuffled-epochs:drop_last=true`` leaves smaller last batches out, ``epochs:reduction=sum`` adds up
    gradients, ``poisson:q=1/10`` has the probability of a row; ``sde:order=2`` and
    ``gradient-flow:order=3`` are limits of a higher order. ``grid:FILE`` reads
    batches from a JSON file: a list of batches, each a list of row numbers, or N lists of T values true
    or false, or an object with such ``batches``, and ``N``, ``weights`` and ``reduction`` as of `Grid`;
    or from text, a recorded order, with the rows of one batch in every line.

    Raises
    ------
    RequestError
        When the name is unknown.
    FormatError
        When the file of a grid is not readable or holds something else.

    Examples
    --------
    >>> named_sampling("epochs")
    Epochs(N=N, B=B, E=E, shuffle=None)
    """
    if isinstance(which, Sampling):
        return which
    if isinstance(which, str) and which.startswith("grid:"):
        return _grid_file(which.removeprefix("grid:"))
    scheme: Sampling = said("sampling", which, _SAMPLINGS, more=("grid:FILE",))
    return scheme


def _grid_file(path: str) -> Grid:
    text = read_text(path)
    if text.lstrip()[:1] not in {"[", "{"}:
        return Grid(_recorded_batches(path, text))
    kind = f"a JSON file with a list of batches or a table of true and false in {shown(path)}"
    data = json_data(text, kind=kind)
    if not isinstance(data, dict):
        return Grid(data)
    unknown = [key for key in data if key not in ("batches", "N", "weights", "reduction")]
    if unknown or "batches" not in data:
        raise FormatError(
            f"expected entries batches, N, weights and reduction of a grid in {shown(path)}, got "
            f"{shown(unknown[0]) if unknown else 'no batches'}"
        )
    return Grid(data.pop("batches"), data.pop("N", None), **data)


def _recorded_batches(path: str, text: str) -> list[list[int]]:
    """Return the batches of a recorded order: one a line, with its rows between blanks or commas."""
    lines = [line.replace(",", " ").split() for line in text.splitlines()]
    for number, words in enumerate(lines, start=1):
        for word in words:
            if not (word.isascii() and word.isdecimal() and len(word) <= _MOST_DIGITS):
                raise FormatError(
                    f"expected rows 0, 1, ... between blanks or commas in line {number} of "
                    f"{shown(path)}, one batch a line, got {shown(word)}"
                )
    batches = [[int(word) for word in words] for words in lines if words]
    if not batches:
        raise FormatError(f"expected a batch in every line of {shown(path)}, got an empty file")
    return batches
