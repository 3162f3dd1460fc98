"""Expressions as JSON, versioned; reading evaluates nothing.

Version 1 is one object::

    {"format": "sgdiagrams-expression", "version": 1, "rank": 0,
     "terms": [{"coefficient": {"numerator": [{"coefficient": "1/2", "powers": {"N": 1}}]},
                "contraction": {"text": "(0-1.2)(0.1-0.2)", "basis": "cumulant"}}]}

``rank`` is the number of free legs of every contraction. Coefficients are weights; these and contractions
are those of files of expansions. The product of no tensors, 1, has the text ``()()``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.diagrams.files import json_text
from sgdiagrams.symbolic.records.contractions import dump_contraction, load_contraction
from sgdiagrams.symbolic.records.values import check_keys, get, load_document, load_items
from sgdiagrams.symbolic.records.weights import dump_weight, load_weight

if TYPE_CHECKING:
    from sgdiagrams.symbolic.algebra.linear_combinations import Pair

__all__ = ["dump_expression", "load_expression"]

_FORMAT = "sgdiagrams-expression"
_VERSION = 1


def dump_expression(pairs: tuple[Pair, ...], rank: int, *, indent: int | None = 2) -> str:
    """Return an expression as JSON text."""
    data = {
        "format": _FORMAT,
        "version": _VERSION,
        "rank": rank,
        "terms": [
            {"coefficient": dump_weight(c), "contraction": dump_contraction(k)} for c, k in pairs
        ],
    }
    return json_text(data, indent=indent)


def load_expression(text: str) -> tuple[tuple[Pair, ...], int]:
    """Read what `dump_expression` wrote: terms, to be collected, and the number of free legs.

    Raises
    ------
    FormatError
        When the text is something else; the message says where.
    """
    return load_document(
        text,
        _load,
        name=_FORMAT,
        kind="an expression",
        versions=(_VERSION,),
        command="expression.to_json()",
    )


def _load(data: dict[str, Any]) -> tuple[tuple[Pair, ...], int]:
    check_keys(data, "format", "version", "rank", "terms")
    rank = get(data, "rank", int)
    if not 0 <= rank <= 100:
        raise FormatError(f"expected a rank 0..100, got {rank}")
    return load_items(data, "terms", lambda item: _load_pair(item, rank)), rank


def _load_pair(item: dict[str, Any], rank: int) -> Pair:
    check_keys(item, "coefficient", "contraction")
    contraction = load_contraction(get(item, "contraction", dict))
    if contraction.metric != "identity" or len(contraction.free) != rank:
        raise FormatError(
            f"expected contractions with {rank} free legs and no metric, got {contraction}"
        )
    return load_weight(get(item, "coefficient", dict)), contraction
