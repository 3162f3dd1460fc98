"""Expansions as JSON, versioned; reading evaluates nothing.

Version 2 is one object::

    {"format": "sgdiagrams-expansion", "version": 2,
     "order": 2, "basis": "moment",
     "parts": [{"coefficient": "1", "observable": "test-loss",
                "sampling": {"name": "one-pass", "T": "T", "B": 1},
                "optimizer": {"name": "momentum", "beta": "9/10"}}],
     "terms": [{"weight": {"numerator": [{"coefficient": "1/2", "powers": {"T": 1}}]},
                "contraction": {"text": "(0-1.2)(0.1-0.2)", "basis": "moment"},
                "indices": []}]}

* ``order`` is the highest power of eta; ``basis`` is ``moment``, ``cumulant`` or ``mixed``.
* ``parts`` say what is expanded. A number of a sampling is an integer or a symbol's name; ``sampling``
  is null once symbols have been substituted, and ``substituted`` then has the scheme before that with
  what stands for each of its symbols, as weights: ``{"sampling": {...}, "values": {"B": {...}}}``. A
  number of an optimiser is a rational number as text or
  a symbol's name; ``optimizer`` is left out for plain SGD. ``visits`` is ``fresh`` where noise is
  fresh at every visit of a datapoint, ``additive`` or ``gaussian`` where it is added to gradients, and is
  left out elsewhere.
* A weight is a sum of monomials: rational coefficients as strings ``"p"`` or ``"p/q"`` (integers too
  long for decimals as ``0x...``), powers as integers (negative ones too), and ``exponentials``: a
  power such as beta**T, to an integer power. A rational function has a ``denominator`` of the same
  form as well.
* A contraction is ``(blocks)(edges)`` with its basis (bars part the visits of a block), and optionally
  ``metric`` (``eta``), ``labels`` and ``free``; a term is ``eta**order * weight * contraction``. Its
  order is the number of edges and free legs of the contraction, and what ``shift`` adds to it where there
  is one: with an expression as the observable, whose own edges carry no learning rate.

Version 1 had neither optimisers nor exponentials; it is read too.
"""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.diagrams.files import json_text
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.files.training import (
    dump_observable,
    dump_optimizer,
    dump_sampling,
    load_optimizer,
    load_sampling,
)
from sgdiagrams.symbolic.formula import Formula, Part, Term
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.records.contractions import dump_contraction, load_contraction
from sgdiagrams.symbolic.records.values import (
    check_keys,
    fraction,
    get,
    load_document,
    load_items,
)
from sgdiagrams.symbolic.records.weights import dump_weight, load_weight
from sgdiagrams.symbolic.training.substituted import SubstitutedSampling
from sgdiagrams.symbolic.vocabulary import NoiseModel

__all__ = ["EXPANSION_FORMAT", "EXPANSION_VERSION", "dump", "load"]

EXPANSION_FORMAT = "sgdiagrams-expansion"
EXPANSION_VERSION = 2


class Fields(NamedTuple):
    """The fields of an expansion, in their order."""

    order: int
    basis: str
    parts: tuple[Part, ...]
    terms: tuple[Term, ...]


def dump(expansion: Formula, *, indent: int | None = 2) -> str:
    """Return an expansion as JSON text."""
    data = {
        "format": EXPANSION_FORMAT,
        "version": EXPANSION_VERSION,
        "order": expansion.order,
        "basis": expansion.basis,
        "parts": [
            {
                "coefficient": str(part.coefficient),
                "observable": dump_observable(part.observable),
                "sampling": dump_sampling(part.sampling),
                **dump_optimizer(part.optimizer),
                **_dump_substituted(part.substituted),
                **({} if part.visits == "same" else {"visits": part.visits}),
            }
            for part in expansion.parts
        ],
        "terms": [
            {
                "weight": dump_weight(term.weight),
                "contraction": dump_contraction(term.contraction),
                "indices": list(term.indices),
                **({"shift": term.shift} if term.shift else {}),
            }
            for term in expansion.terms
        ],
    }
    return json_text(data, indent=indent)


def _dump_substituted(scheme: SubstitutedSampling | None) -> dict[str, object]:
    if scheme is None:
        return {}
    values = {name: dump_weight(value) for name, value in scheme.values}
    return {"substituted": {"sampling": dump_sampling(scheme.sampling), "values": values}}


def load(text: str) -> Fields:
    """Read the fields of an expansion from JSON text.

    Raises
    ------
    FormatError
        When the text is not what `dump` writes; the message says where.
    """
    return load_document(
        text,
        _load,
        name=EXPANSION_FORMAT,
        kind="an expansion",
        versions=(1, EXPANSION_VERSION),
        command="sgdiagrams expand --format json",
    )


def _load(data: dict[str, Any]) -> Fields:
    check_keys(data, "format", "version", "order", "basis", "parts", "terms")
    order = get(data, "order", int)
    basis = get(data, "basis", str)
    if basis not in ("moment", "cumulant", "mixed") or not 0 <= order <= 1000:
        raise FormatError(
            f"expected an order >= 0 and a known basis, got {shown(order)} and {shown(basis)}"
        )
    parts = load_items(data, "parts", _load_part)
    terms = load_items(data, "terms", lambda item: _load_term(item, order))
    return Fields(order, basis, parts, terms)


def _load_part(item: dict[str, Any]) -> Part:
    check_keys(item, "coefficient", "observable", "sampling", "optimizer", "substituted", "visits")
    visits = item.get("visits", "same")
    if visits not in get_args(NoiseModel) or ("visits" in item and visits == "same"):
        raise FormatError(
            f"expected 'visits' to be 'fresh', 'additive' or 'gaussian', got {shown(visits)}"
        )
    return Part(
        fraction(get(item, "coefficient", str)),
        named_observable(get(item, "observable", str)),
        load_sampling(item.get("sampling")),
        load_optimizer(item.get("optimizer")),
        _load_substituted(item),
        visits,
    )


def _load_substituted(item: dict[str, Any]) -> SubstitutedSampling | None:
    if "substituted" not in item:
        return None
    data = get(item, "substituted", dict)
    check_keys(data, "sampling", "values")
    sampling = load_sampling(get(data, "sampling", dict))
    values = get(data, "values", dict)
    if sampling is None or set(values) != set(sampling.symbols):
        raise FormatError("expected 'values' for the symbols of a substituted sampling")
    pairs = tuple((name, load_weight(get(values, name, dict))) for name in sampling.symbols)
    # Checks the numbers among them.
    return SubstitutedSampling(sampling, pairs).replaced({})


def _load_term(item: dict[str, Any], order: int) -> Term:
    check_keys(item, "weight", "contraction", "indices", "shift")
    contraction = load_contraction(get(item, "contraction", dict))
    shift = get(item, "shift", int) if "shift" in item else 0
    if not 0 <= contraction.order + shift <= order:
        got = shown(contraction.order + shift)
        raise FormatError(f"expected terms up to order {order}, got one of {got}")
    value = load_weight(get(item, "weight", dict))
    indices = get(item, "indices", list)
    if not all(isinstance(i, str) for i in indices):
        raise FormatError("expected 'indices' to be a list of names")
    return Term(value, contraction, tuple(indices), shift)
