"""Imitations as JSON, versioned; reading evaluates nothing.

Version 1 is one object::

    {"format": "sgdiagrams-imitation", "version": 1, "order": 2, "role": "population",
     "what": {"sampling": {"name": "one-pass", "T": "T", "B": 1}},
     "by": {"sampling": {"name": "gradient-descent", "T": "T"}},
     "updates": [WEIGHT, WEIGHT], "rate": WEIGHT,
     "penalties": [[], [], [TERM, ...]], "obstructions": [[], [], [TERM, ...]]}

* ``what`` is imitated ``by`` another training; samplings, optimisers, weights and terms are as in
  modified equations (`sgdiagrams.symbolic.modified.writing.files`).
* ``penalties`` and ``obstructions`` have an entry for every power 0, 1, ... of eta.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.diagrams.files import json_text
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.modified.operators import ACTED_ON
from sgdiagrams.symbolic.modified.writing.entries import (
    dump_terms,
    dump_training,
    load_series,
    load_training,
)
from sgdiagrams.symbolic.records.values import check_keys, get, load_document
from sgdiagrams.symbolic.records.weights import dump_weight, load_weight
from sgdiagrams.symbolic.vocabulary import SetRole
from sgdiagrams.symbolic.weights.quotients import canonical, is_weight

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.symbolic.modified.writing.losses import Parts
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["IMITATION_FORMAT", "ImitationFields", "dump_imitation", "load_imitation"]

IMITATION_FORMAT = "sgdiagrams-imitation"
_VERSION = 1
_MOST_ORDER = 100


class ImitationFields(NamedTuple):
    """The fields of an imitation, in their order."""

    what: Training
    by: Training
    order: int
    role: SetRole
    updates: tuple[Expr, Expr]
    rate: Expr
    parts: Parts


def dump_imitation(fields: ImitationFields, *, indent: int | None = 2) -> str:
    """Return an imitation as JSON text."""
    data = {
        "format": IMITATION_FORMAT,
        "version": _VERSION,
        "order": fields.order,
        "role": fields.role,
        "what": dump_training(fields.what),
        "by": dump_training(fields.by),
        "updates": list(map(dump_weight, fields.updates)),
        "rate": dump_weight(fields.rate),
        "penalties": [dump_terms(penalty) for penalty, _ in fields.parts],
        "obstructions": [dump_terms(rest) for _, rest in fields.parts],
    }
    return json_text(data, indent=indent)


def load_imitation(text: str) -> ImitationFields:
    """Read the fields of an imitation from JSON text.

    Raises
    ------
    FormatError
        When the text is not what `dump_imitation` writes; the message says where.
    """
    return load_document(
        text,
        _load,
        name=IMITATION_FORMAT,
        kind="an imitation",
        versions=(_VERSION,),
        command="sgdiagrams modified --imitate NAME --format json",
    )


def _load(data: dict[str, Any]) -> ImitationFields:
    check_keys(
        data,
        *("format", "version", "order", "role", "what", "by", "updates", "rate"),
        *("penalties", "obstructions"),
    )
    order, role = get(data, "order", int), get(data, "role", str)
    if not 2 <= order <= _MOST_ORDER or role not in get_args(SetRole):
        raise FormatError(
            f"expected an order of 2 to {_MOST_ORDER} and role {' or '.join(get_args(SetRole))}, got "
            f"{shown(order)} and {shown(role)}"
        )
    imitated, imitator = (_training(get(data, name, dict)) for name in ("what", "by"))
    updates = get(data, "updates", list)
    if len(updates) != 2:
        raise FormatError(f"expected two numbers of updates, got {len(updates)}")
    first, second, rate = map(_number, (*updates, data.get("rate")))
    penalties, rests = (
        load_series(data, key, order + 1, "cumulant") for key in ("penalties", "obstructions")
    )
    for k, (penalty, rest) in enumerate(zip(penalties, rests, strict=True)):
        if any(c.order != k - 1 or ACTED_ON in c.labels or c.free for c in penalty.contractions):
            raise FormatError(f"expected scalars of order {k - 1} in penalties[{k}]")
        if any(c.order != k or c.labels.count(ACTED_ON) != 1 for c in rest.contractions):
            raise FormatError(
                f"expected operators of order {k} on one function {ACTED_ON} in obstructions[{k}]"
            )
    parts = tuple(zip(penalties, rests, strict=True))
    return ImitationFields(imitated, imitator, order, role, (first, second), rate, parts)


def _training(data: dict[str, Any]) -> Training:
    check_keys(data, "sampling", "optimizer")
    return load_training(data)


def _number(data: object) -> Expr:
    value = load_weight(data) if isinstance(data, dict) else None
    if value is None or not is_weight(value):
        raise FormatError(f"expected a rational function of symbols, got {shown(data)}")
    return canonical(value)
