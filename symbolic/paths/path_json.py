"""Expansions along a run as JSON, versioned; reading evaluates nothing.

Version 1 is one object::

    {"format": "sgdiagrams-path-expansion", "version": 1, "noise": 1,
     "observable": "test-loss",
     "sampling": {"name": "one-pass", "T": "T", "B": "B"},
     "terms": [{"weight": "1/2",
                "means": [{"roots": [{"factor": "loss"}],
                           "parents": [0, 0], "blocks": [0, 1, 1]}]}]}

* ``noise`` is the highest order.
* ``observable``, ``sampling`` and ``optimizer`` are as in the parts of plain expansions
  (`sgdiagrams.symbolic.files.formula`).
* A term is a rational number times a product of expectations. An expectation's diagram has its roots as
  nodes 0, 1, ..., with the ``leg`` of a coordinate of the weights, then its updates: ``parents`` has one
  entry an update, ``blocks`` one a node. What it is worth is said in
  `sgdiagrams.symbolic.paths.path_terms`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sgdiagrams.diagrams.errors import FormatError, RequestError
from sgdiagrams.diagrams.files import json_data, json_text
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.files.training import (
    dump_observable,
    dump_optimizer,
    dump_sampling,
    load_optimizer,
    load_sampling,
)
from sgdiagrams.symbolic.formula import Part
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.paths.canonical_means import canonical_mean
from sgdiagrams.symbolic.paths.path_terms import PathMean, PathTerm, Root
from sgdiagrams.symbolic.records.values import check_keys, fraction, get, load_document, load_items
from sgdiagrams.symbolic.training.training import Training
from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.paths.path_formula import PathFormula

__all__ = ["PATH_FORMAT", "dump_path", "is_along_path", "load_path", "refuse_path"]

_Made = TypeVar("_Made")

PATH_FORMAT = "sgdiagrams-path-expansion"
_VERSION = 1
_MOST_NOISE = 100
_MOST_NODES = 500


class PathFields(NamedTuple):
    """The fields of an expansion along a run, in their order."""

    noise: int
    part: Part
    terms: tuple[PathTerm, ...]


def dump_path(formula: PathFormula, *, indent: int | None = 2) -> str:
    """Return an expansion along a run as JSON text."""
    data = {
        "format": PATH_FORMAT,
        "version": _VERSION,
        "noise": formula.noise,
        "observable": dump_observable(formula.part.observable),
        "sampling": dump_sampling(formula.sampling),
        **dump_optimizer(formula.optimizer),
        "terms": [
            {"weight": str(term.weight), "means": [_dump_mean(mean) for mean in term.means]}
            for term in formula.terms
        ],
    }
    return json_text(data, indent=indent)


def _dump_mean(mean: PathMean) -> dict[str, object]:
    return {
        "roots": [
            {"factor": root.factor, **({"leg": root.leg} if root.factor == WEIGHTS else {})}
            for root in mean.roots
        ],
        "parents": list(mean.parents),
        "blocks": list(mean.blocks),
    }


def is_along_path(text: str) -> bool:
    """Tell whether JSON text says that it is an expansion along a run.

    Examples
    --------
    >>> is_along_path('{"format": "sgdiagrams-path-expansion"}'), is_along_path("no JSON")
    (True, False)
    """
    try:
        data = json_data(text)
    except FormatError:
        return False
    return isinstance(data, dict) and data.get("format") == PATH_FORMAT


def refuse_path(text: str) -> None:
    """Raise a RequestError when JSON text is an expansion along a run, for those who need one point."""
    if is_along_path(text):
        raise RequestError(
            "expected an expansion about the start, got one along a path, whose tensors change on the "
            "way; give PathExpansion.evaluate a holder of them, or estimate it with 'sgdiagrams path'"
        )


def load_path(text: str, make: Callable[[PathFields], _Made]) -> _Made:
    """Read an expansion along a run from JSON text; `make` gets its fields.

    Raises
    ------
    FormatError
        When the text is not what `dump_path` writes; the message says where.
    """
    return load_document(
        text,
        lambda data: make(_load(data)),
        name=PATH_FORMAT,
        kind="an expansion along a path",
        versions=(_VERSION,),
        command="sgdiagrams expand --along-path --format json",
    )


def _load(data: dict[str, Any]) -> PathFields:
    check_keys(data, "format", "version", "noise", "observable", "sampling", "optimizer", "terms")
    noise = get(data, "noise", int)
    if not 0 <= noise <= _MOST_NOISE:
        raise FormatError(f"expected a noise of 0 to {_MOST_NOISE}, got {shown(noise)}")
    observable = named_observable(get(data, "observable", str))
    scheme = load_sampling(data.get("sampling"))
    if scheme is None or scheme.is_continuous or not observable.is_at_end:
        raise FormatError(
            "expected a sampling of discrete updates and an observable at the end of training, got "
            f"{shown(data.get('sampling'))} and {shown(observable.name)}"
        )
    optimizer = load_optimizer(data.get("optimizer"))
    Training(scheme, optimizer)  # they must go together
    part = Part(Fraction(1), observable, scheme, optimizer)
    terms = load_items(data, "terms", lambda item: _load_term(item, noise, observable))
    if len({term.means for term in terms}) != len(terms):
        raise FormatError("expected every product of expectations once")
    return PathFields(noise, part, terms)


def _load_term(item: dict[str, Any], noise: int, observable: Observable) -> PathTerm:
    check_keys(item, "weight", "means")
    term = PathTerm(fraction(get(item, "weight", str)), load_items(item, "means", _load_mean))
    if term.weight == 0 or term.noise > noise or list(term.means) != sorted(term.means):
        raise FormatError(
            f"expected a weight other than 0, noise up to {noise} and sorted expectations, got "
            f"weight {term.weight} and noise {term.noise}"
        )
    factors = sorted(
        LOSS if root.factor == TRAINING else root.factor for m in term.means for root in m.roots
    )
    if not any(factors == _factors_of(p.expectations) for p in observable.products):
        raise FormatError(f"expected factors of {observable.name}, got {shown(factors)}")
    legs = sorted(root.leg for m in term.means for root in m.roots if root.factor == WEIGHTS)
    if legs != list(range(observable.rank)):
        raise FormatError(f"expected every leg 0..{observable.rank - 1} once, got {shown(legs)}")
    return term


def _factors_of(expectations: tuple[tuple[str, ...], ...]) -> list[str]:
    return sorted(LOSS if f == TRAINING else f for factors in expectations for f in factors)


def _load_mean(item: dict[str, Any]) -> PathMean:
    check_keys(item, "roots", "parents", "blocks")
    roots = load_items(item, "roots", _load_root)
    parents, blocks = get(item, "parents", list), get(item, "blocks", list)
    r, n = len(roots), len(blocks)
    are_whole = all(type(v) is int for v in (*parents, *blocks))
    if not are_whole or not roots or n > _MOST_NODES or len(parents) != n - r:
        raise FormatError(
            "expected whole numbers, one parent an update and one block a node, got "
            f"{shown(parents)} and {shown(blocks)}"
        )
    if any(not 0 <= parent < v for v, parent in enumerate(parents, start=r)):
        raise FormatError(f"expected parents before their children, got {shown(parents)}")
    mean = PathMean(roots, tuple(parents), tuple(blocks))
    if mean != canonical_mean(roots, parents, blocks):
        raise FormatError(f"expected a diagram in canonical numbering, got {shown(item)}")
    for v in range(n):
        alone = blocks.count(blocks[v]) == 1
        if v < r and not alone and roots[v].factor != TRAINING:
            raise FormatError(f"expected a root in a block of its own, got {shown(blocks)}")
        if v < r and roots[v].factor == WEIGHTS and parents.count(v) > 1:
            raise FormatError(f"expected a coordinate with one child at most, got {shown(parents)}")
        if v >= r and alone and parents.count(v) < 2:
            raise FormatError(
                f"expected two children at least of an update alone in its block, got {shown(parents)}"
            )
    return mean


def _load_root(item: dict[str, Any]) -> Root:
    check_keys(item, "factor", "leg")
    factor = get(item, "factor", str)
    return Root(factor, get(item, "leg", int)) if "leg" in item else Root(factor)
