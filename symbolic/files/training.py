"""Sampling schemes and optimisers as JSON data."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sympy import Symbol

from sgdiagrams.diagrams.errors import FormatError, RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.records.values import fraction, get, number_text, symbol_name
from sgdiagrams.symbolic.training.names import AVERAGES, OPTIMIZERS, SAMPLINGS
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.penalty import Penalty, group_decay
from sgdiagrams.symbolic.training.schedules.named_schedules import SCHEDULES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = [
    "dump_observable",
    "dump_optimizer",
    "dump_sampling",
    "load_optimizer",
    "load_sampling",
]

_NESTED: Mapping[str, tuple[str, Mapping[str, type[Any]]]] = {
    "schedule": ("a schedule", SCHEDULES),
    "then": ("a schedule", SCHEDULES),
    "of": ("a schedule", SCHEDULES),
    "schedules": ("a schedule", SCHEDULES),
    "average": ("an average", AVERAGES),
    "betas": ("a schedule", SCHEDULES),
    "inner": ("an optimizer", OPTIMIZERS),
}
_WORDS = ("schedule_scales", "mode", "shape", "first", "looks_at")  # entries that are words
_SIZES = ("N",)  # options that are sizes of a training set
_MOST_ROWS = 10_000_000


def dump_observable(observable: Observable) -> str:
    """Return the name of an observable.

    Raises
    ------
    FormatError
        When the observable is of a user's own making: its name would not bring it back.
    """
    try:
        is_known = named_observable(observable.name) == observable
    except RequestError:
        is_known = False
    if not is_known:
        raise FormatError(
            f"expected an observable that files know by its name, got {shown(observable.name)} of a "
            "user's own; keep the Python that makes it instead"
        )
    return observable.name


def dump_sampling(scheme: Sampling | None) -> dict[str, object] | None:
    """Return a scheme as an object, or null.

    Raises
    ------
    FormatError
        When the scheme is of a user's own making, which nobody could read back.
    """
    if scheme is None:
        return None
    _check_known(scheme, "a sampling", SAMPLINGS)
    data: dict[str, object] = {"name": scheme.name}
    for name, value in scheme.values.items():
        data[name] = int(value) if value.is_Integer else str(value)  # a symbol, or p/q
    for name, option in scheme.options.items():
        if option is not None:
            data[name] = _plain(option)
    return data


def _plain(option: object) -> object:
    """Return nested tuples as lists, and fractions as text where they are not whole."""
    if isinstance(option, tuple):
        return [_plain(item) for item in option]
    if isinstance(option, Fraction):
        return int(option) if option.denominator == 1 else number_text(option)
    return option


def load_sampling(data: object) -> Sampling | None:
    """Read what `dump_sampling` wrote."""
    if data is None:
        return None
    name = data.get("name") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(name, str) or name not in SAMPLINGS:
        raise FormatError(
            f"expected a sampling named one of {', '.join(SAMPLINGS)}, got {shown(data)}"
        )
    cls = SAMPLINGS[name]
    arguments: dict[str, Any] = {}
    allowed = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    for key, value in data.items():
        if key == "name":
            continue
        if key not in allowed:
            raise FormatError(
                f"expected numbers {', '.join(cls.numbers)} of a sampling, got {shown(key)}"
            )
        if key not in cls.numbers or type(value) is int:
            arguments[key] = value
        elif symbol_name(value):
            arguments[key] = Symbol(value)
        elif key in (*cls.times, *cls.chances):
            arguments[key] = fraction(value)
        else:
            raise FormatError(f"expected an integer or a symbol for {key}, got {shown(value)}")
    for key, value in arguments.items():
        if key not in cls.numbers and key in _SIZES and not _fits(value):
            raise FormatError(f"expected a whole number {key} of a {name}, got {shown(value)}")
    try:
        return cls(**arguments)
    except TypeError:
        raise FormatError(f"expected all entries of {name}, got {shown(data)}") from None


def _fits(number: object) -> bool:
    return number is None or (type(number) is int and 0 < number <= _MOST_ROWS)


def dump_optimizer(optimizer: Optimizer) -> dict[str, object]:
    """Return the entry ``optimizer`` of a part; nothing for plain SGD.

    Raises
    ------
    FormatError
        When the optimiser, its schedule or its average is of a user's own making.
    """
    return (
        {} if optimizer.is_default else {"optimizer": _dump(optimizer, "an optimizer", OPTIMIZERS)}
    )


def _check_known(value: Any, kind: str, known: Mapping[str, type[Any]]) -> None:
    if known.get(value.name) is not type(value):
        raise FormatError(
            f"expected {kind} that files know ({', '.join(known)}), got {type(value).__name__}, "
            f"named {shown(value.name)}; keep the Python that makes it instead"
        )


def _dump(value: Any, kind: str, known: Mapping[str, type[Any]]) -> dict[str, object]:
    """Return an optimiser, a schedule or an average as an object: its name and its fields."""
    _check_known(value, kind, known)
    data: dict[str, object] = {"name": value.name}
    for field in fields(value):
        entry = getattr(value, field.name)
        if entry is None or (field.name == "decoupled_decay" and entry == 0):
            continue
        if isinstance(entry, Penalty):
            data[field.name] = _dump_penalty(entry)
        elif field.name in _NESTED and isinstance(entry, tuple):
            data[field.name] = [_dump(part, *_NESTED[field.name]) for part in entry]
        elif field.name in _NESTED:
            data[field.name] = _dump(entry, *_NESTED[field.name])
        elif isinstance(entry, Fraction):
            data[field.name] = number_text(entry)
        elif isinstance(entry, tuple):
            data[field.name] = [number_text(x) for x in entry]
        elif isinstance(entry, Symbol):
            data[field.name] = str(entry)
        else:
            data[field.name] = entry
    return data


def _dump_penalty(penalty: Penalty) -> dict[str, object]:
    strength: Any = penalty.strength
    if penalty.rates:
        return {"rates": [number_text(rate) for rate in penalty.rates]}
    return {
        "of": penalty.name or f"expression:{penalty.of.text()}",
        "strength": number_text(strength) if isinstance(strength, Fraction) else str(strength),
    }


def _load_penalty(data: object) -> Penalty:
    if isinstance(data, dict) and set(data) == {"rates"}:
        return group_decay(fraction(rate) for rate in get(data, "rates", list))
    of = get(data, "of", str)
    strength = get(data, "strength", object)
    if not isinstance(data, dict) or set(data) != {"of", "strength"}:
        raise FormatError(f"expected 'of' and 'strength' of a penalty, got {shown(data)}")
    number = Symbol(strength) if symbol_name(strength) else fraction(strength)
    return Penalty(of, number)


def load_optimizer(data: object) -> Optimizer:
    """Read the entry ``optimizer`` of a part; plain SGD where there is none."""
    if data is None:
        return SGD()
    loaded: Optimizer = _load(data, "an optimizer", OPTIMIZERS)
    return loaded


def _load(data: object, kind: str, known: Mapping[str, type[Any]]) -> Any:
    name = data.get("name") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(name, str) or name not in known:
        raise FormatError(f"expected {kind} named one of {', '.join(known)}, got {shown(data)}")
    cls = known[name]
    allowed = {field.name for field in fields(cls)}
    arguments: dict[str, Any] = {}
    for key, value in data.items():
        if key == "name":
            continue
        if key not in allowed:
            raise FormatError(
                f"expected entries {', '.join(sorted(allowed))} of {name}, got {shown(key)}"
            )
        if key == "penalty":
            arguments[key] = _load_penalty(value)
        elif key in _NESTED and isinstance(value, list):
            arguments[key] = [_load(part, *_NESTED[key]) for part in value]
        elif key in _NESTED:
            arguments[key] = _load(value, *_NESTED[key])
        elif key in _WORDS or type(value) in (int, bool):
            arguments[key] = value
        elif isinstance(value, list):
            arguments[key] = [fraction(x) for x in value]
        else:
            arguments[key] = Symbol(value) if symbol_name(value) else fraction(value)
    try:
        return cls(**arguments)
    except TypeError:
        raise FormatError(f"expected all entries of {name}, got {shown(data)}") from None
