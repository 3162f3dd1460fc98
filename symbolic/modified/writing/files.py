"""Modified equations and losses as JSON, versioned; reading evaluates nothing.

Version 1 is one object::

    {"format": "sgdiagrams-modified-equation", "version": 1, "order": 1,
     "sampling": {"name": "one-pass", "T": "T", "B": 1},
     "role": "population", "per": "update", "basis": "cumulant",
     "operators": [[], [{"coefficient": {"numerator": [{"coefficient": "-1", "powers": {}}]},
                         "contraction": {"text": "(0-1)(0.1)", "basis": "moment",
                                         "labels": "s,loss"}}]],
     "shifts": [[{"coefficient": {"numerator": [{"coefficient": "1", "powers": {}}]},
                  "contraction": {"text": "(0)()", "basis": "moment", "labels": "s"}}], []]}

* ``sampling`` and ``optimizer`` (left out for plain SGD) are as in the parts of plain expansions
  (`sgdiagrams.symbolic.files.formula`), coefficients as weights there.
* ``operators`` and ``shifts`` have an entry for every power 0, 1, ... of eta: the terms of the generator,
  and of the shift that a transient leaves, as operators on a function ``s``.

A modified loss has the format ``sgdiagrams-modified-loss`` and two entries more, ``losses`` and
``obstructions``, each with a list of terms for every power 0, 1, ... of eta in the drift.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.diagrams.files import json_text
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.modified.generators import repetition_of
from sgdiagrams.symbolic.modified.gradients import potential_of
from sgdiagrams.symbolic.modified.operators import ACTED_ON, OperatorSeries, identity
from sgdiagrams.symbolic.modified.writing.entries import (
    dump_terms,
    dump_training,
    load_series,
    load_training,
)
from sgdiagrams.symbolic.records.values import check_keys, get, load_document
from sgdiagrams.symbolic.vocabulary import SetRole, Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from sgdiagrams.symbolic.modified.kramers_moyal import KramersMoyal
    from sgdiagrams.symbolic.modified.writing.losses import Parts
    from sgdiagrams.symbolic.training.training import Training

__all__ = [
    "EQUATION_FORMAT",
    "LOSS_FORMAT",
    "dump_equation",
    "dump_loss",
    "load_equation",
    "load_loss",
]

EQUATION_FORMAT = "sgdiagrams-modified-equation"
LOSS_FORMAT = "sgdiagrams-modified-loss"
_VERSION = 1
_MOST_ORDER = 100
_BASES = ("moment", "cumulant", "plug-in")
_ENTRIES = (
    *("format", "version", "order", "sampling", "optimizer", "role", "per", "basis"),
    *("operators", "shifts"),
)

_Made = TypeVar("_Made", bound="KramersMoyal")


class EquationFields(NamedTuple):
    """The fields of a modified equation, in their order."""

    order: int
    training: Training
    role: SetRole
    per: Unit
    basis: str
    operators: OperatorSeries
    shifts: OperatorSeries


def dump_equation(equation: KramersMoyal, *, indent: int | None = 2) -> str:
    """Return a modified equation as JSON text."""
    return json_text({"format": EQUATION_FORMAT, **_entries(equation)}, indent=indent)


def dump_loss(equation: KramersMoyal, parts: Parts, *, indent: int | None = 2) -> str:
    """Return a modified loss, with its equation, as JSON text."""
    data = {
        "format": LOSS_FORMAT,
        **_entries(equation),
        "losses": [dump_terms(loss) for loss, _ in parts],
        "obstructions": [dump_terms(rest) for _, rest in parts],
    }
    return json_text(data, indent=indent)


def _entries(equation: KramersMoyal) -> dict[str, object]:
    return {
        "version": _VERSION,
        "order": equation.order,
        **dump_training(equation.training),
        "role": equation.role,
        "per": equation.per,
        "basis": equation.basis,
        "operators": list(map(dump_terms, equation.operators)),
        "shifts": list(map(dump_terms, equation.shifts)),
    }


def load_equation(text: str) -> EquationFields:
    """Read the fields of a modified equation from JSON text.

    Raises
    ------
    FormatError
        When the text is not what `dump_equation` writes; the message says where.
    """
    return load_document(
        text,
        lambda data: _load(data, ()),
        name=EQUATION_FORMAT,
        kind="a modified equation",
        versions=(_VERSION,),
        command="sgdiagrams modified --format json",
    )


def load_loss(text: str, make: Callable[[EquationFields], _Made]) -> tuple[_Made, Parts]:
    """Read a modified loss from JSON text; `make` gets the fields of its equation.

    Raises
    ------
    FormatError
        When the text is not what `dump_loss` writes; the message says where.
    """
    return load_document(
        text,
        lambda data: _load_loss(data, make),
        name=LOSS_FORMAT,
        kind="a modified loss",
        versions=(_VERSION,),
        command="sgdiagrams modified --loss --format json",
    )


def _load(data: dict[str, Any], others: tuple[str, ...]) -> EquationFields:
    check_keys(data, *_ENTRIES, *others)
    order = get(data, "order", int)
    role, per, basis = (get(data, name, str) for name in ("role", "per", "basis"))
    if not 1 <= order <= _MOST_ORDER:
        raise FormatError(f"expected an order of 1 to {_MOST_ORDER}, got {shown(order)}")
    for name, value, known in (
        ("role", role, get_args(SetRole)),
        ("per", per, get_args(Unit)),
        ("basis", basis, _BASES),
    ):
        if value not in known:
            raise FormatError(f"expected {name} {' or '.join(known)}, got {shown(value)}")
    training = load_training(data)
    repetition_of(training, role)
    operators, shifts = (_operators(data, key, order, basis) for key in ("operators", "shifts"))
    if not operators[0].is_zero or shifts[0] != identity(0)[0]:
        raise FormatError(
            "expected operators that begin with none and shifts that begin with the identity, got "
            f"{shown(str(operators[0]))} and {shown(str(shifts[0]))}"
        )
    return EquationFields(order, training, role, per, basis, operators, shifts)


def _operators(data: dict[str, Any], key: str, order: int, basis: str) -> OperatorSeries:
    series = load_series(data, key, order + 1, basis)
    for k, part in enumerate(series):
        for contraction in part.contractions:
            if contraction.labels.count(ACTED_ON) != 1 or contraction.order != k:
                raise FormatError(
                    f"expected operators of order {k} on one function {ACTED_ON} in {key}[{k}], got "
                    f"{shown(str(contraction))}"
                )
    return series


def _load_loss(
    data: dict[str, Any], make: Callable[[EquationFields], _Made]
) -> tuple[_Made, Parts]:
    equation = make(_load(data, ("losses", "obstructions")))
    losses, rests = (
        load_series(data, key, equation.order + 1, equation.basis)
        for key in ("losses", "obstructions")
    )
    zero = Expression(), Expression((), 1)
    parts = [zero, *(potential_of(-equation.drift(k)) for k in range(1, equation.order + 1))]
    for k, (loss, rest) in enumerate(parts):
        if (loss.terms, rest.terms) != (losses[k].terms, rests[k].terms):
            raise FormatError(
                f"expected what the drift is made of in losses[{k}] and obstructions[{k}], got others"
            )
    return equation, tuple(parts)
