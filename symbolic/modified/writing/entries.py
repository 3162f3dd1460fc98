"""Entries of JSON that modified equations, losses and imitations share: trainings and expressions."""

from __future__ import annotations

from typing import Any

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.files.training import (
    dump_optimizer,
    dump_sampling,
    load_optimizer,
    load_sampling,
)
from sgdiagrams.symbolic.records.contractions import dump_contraction, load_contraction
from sgdiagrams.symbolic.records.values import check_keys, get, load_items
from sgdiagrams.symbolic.records.weights import dump_weight, load_weight
from sgdiagrams.symbolic.training.training import Training

__all__ = [
    "dump_terms",
    "dump_training",
    "load_series",
    "load_terms",
    "load_training",
]


def dump_training(training: Training) -> dict[str, object]:
    """Return the entries of a training."""
    return {
        "sampling": dump_sampling(training.sampling),
        **dump_optimizer(training.optimizer),
    }


def load_training(data: dict[str, Any]) -> Training:
    """Read what `dump_training` wrote, among other entries."""
    scheme = load_sampling(get(data, "sampling", dict))
    if scheme is None:
        raise FormatError("expected a sampling, got null")
    return Training(scheme, load_optimizer(data.get("optimizer")))


def dump_terms(expression: Expression) -> list[dict[str, object]]:
    """Return the terms of an expression.

    Examples
    --------
    >>> dump_terms(Expression.of("G_a G_a"))[0]["contraction"]
    {'text': '(0-1)(0.1)', 'basis': 'moment'}
    """
    return [
        {"coefficient": dump_weight(weight), "contraction": dump_contraction(contraction)}
        for weight, contraction in expression.terms
    ]


def load_terms(data: dict[str, Any], key: str, basis: str) -> Expression:
    """Read what `dump_terms` wrote, from an entry of an object.

    Raises
    ------
    FormatError
        When it is something else, or in another basis.
    """
    pairs = load_items(data, key, _load_pair)
    expression = Expression(pairs)
    if len(expression.terms) != len(pairs):
        raise FormatError(f"expected every contraction once and no coefficient 0 in {key}")
    if expression.basis not in ("moment", basis):
        raise FormatError(
            f"expected contractions of the {basis} basis in {key}, got {expression.basis} ones"
        )
    return expression


def _load_pair(item: dict[str, Any]) -> tuple[Any, Any]:
    check_keys(item, "coefficient", "contraction")
    return (
        load_weight(get(item, "coefficient", dict)),
        load_contraction(get(item, "contraction", dict)),
    )


def load_series(data: dict[str, Any], key: str, count: int, basis: str) -> tuple[Expression, ...]:
    """Read one expression for every power of eta, from a list of lists of terms.

    Raises
    ------
    FormatError
        When there are more or fewer of them, or one is something else.
    """
    lists = get(data, key, list)
    if len(lists) != count:
        raise FormatError(
            f"expected {count} lists of terms in {key}, one a power of eta, got {len(lists)}"
        )
    named = {f"{key}[{k}]": items for k, items in enumerate(lists)}
    return tuple(load_terms(named, name, basis) for name in named)
