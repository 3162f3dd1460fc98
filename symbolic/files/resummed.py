r"""Re-summed expansions as JSON, versioned; reading evaluates nothing.

Version 1 is one object::

    {"format": "sgdiagrams-resummed-expansion", "version": 1,
     "order": 2, "form": "discrete", "flat": [],
     "parts": [{"coefficient": "1", "observable": "test-loss",
                "sampling": {"name": "one-pass", "T": "T", "B": 1}}],
     "terms": [{"contraction": {"text": "(0-1.2)(0.1-0.2)", "basis": "cumulant"},
                "pieces": [{"coefficient": "1/2", "part": 0,
                            "skeletons": [{"diagram": "(01-2)(02-12)", "role": "population",
                                           "indices": [0, 1]}]}]}]}

* ``order`` is the greatest number of edges; ``form`` and ``flat`` say how weights are written.
* ``through``, where it is there, is the power through which the expansion is complete.
* The entry ``role`` of a part, ``"training-set"``, says that it is on a given training set.
* ``parts`` and contractions are as in plain expansions (`sgdiagrams.symbolic.files.formula`); every
  part has its sampling, and contractions are in cumulants.
* A piece is a rational number times the dressed counts of its skeletons: linkless diagrams, what their
  root is, and the number of the contraction's index on the edge above every update, in preorder. With
  an observable of several times ``reads`` says for every update when the factor above it looks at the
  weights, ``"T"``, ``"T-t"``, ``"T-3"`` or ``"5"``; null below other updates. The weight of a
  contraction is the sum of its pieces. The weights themselves are not stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args

from sgdiagrams.diagrams.diagram import Diagram
from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.diagrams.files import json_data, json_text
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.contractions.circles import is_forest
from sgdiagrams.symbolic.files.training import (
    dump_observable,
    dump_optimizer,
    dump_sampling,
    load_optimizer,
    load_sampling,
)
from sgdiagrams.symbolic.formula import Part
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
from sgdiagrams.symbolic.records.contractions import dump_contraction, load_contraction
from sgdiagrams.symbolic.records.values import (
    check_keys,
    fraction,
    get,
    load_document,
    load_items,
    number_text,
)
from sgdiagrams.symbolic.resummation.complete import check_through
from sgdiagrams.symbolic.resummation.forms import FORMS, Form
from sgdiagrams.symbolic.resummation.formula import scheme_of
from sgdiagrams.symbolic.resummation.skeletons import DressedTerm, Piece, Skeleton
from sgdiagrams.symbolic.training.training import Training
from sgdiagrams.symbolic.vocabulary import RootRole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["RESUMMED_FORMAT", "RESUMMED_VERSION", "dump_resummed", "is_resummed", "load_resummed"]

_Made = TypeVar("_Made")

RESUMMED_FORMAT = "sgdiagrams-resummed-expansion"
RESUMMED_VERSION = 1


class ResummedFields(NamedTuple):
    """The fields of a re-summed expansion, in their order; form and flat are still to be checked."""

    order: int
    parts: tuple[Part, ...]
    pieces: tuple[DressedTerm, ...]
    form: Form
    flat: tuple[str, ...]
    through: int | None


_SET = "training-set"
_ROLES: tuple[RootRole, ...] = get_args(RootRole)
_MOST_EDGES = 100


def dump_resummed(expansion: ResummedFormula, *, indent: int | None = 2) -> str:
    """Return a re-summed expansion as JSON text."""
    data = {
        "format": RESUMMED_FORMAT,
        "version": RESUMMED_VERSION,
        "order": expansion.order,
        "form": expansion.form,
        "flat": list(expansion.flat),
        **({} if expansion.through is None else {"through": expansion.through}),
        "parts": [
            {
                "coefficient": number_text(part.coefficient),
                "observable": dump_observable(part.observable),
                "sampling": dump_sampling(scheme),
                **dump_optimizer(part.optimizer),
                **role,
            }
            for part, scheme, role in _schemes_and_roles(expansion)
        ],
        "terms": [
            {
                "contraction": dump_contraction(term.contraction),
                "pieces": [
                    {
                        "coefficient": number_text(piece.coefficient),
                        "part": piece.part,
                        "skeletons": [
                            {
                                "diagram": str(s.diagram),
                                "role": s.role,
                                "indices": list(s.indices),
                                **_dump_reads(s.reads),
                            }
                            for s in piece.skeletons
                        ],
                    }
                    for piece in term.pieces
                ],
            }
            for term in expansion.pieces
        ],
    }
    return json_text(data, indent=indent)


def _schemes_and_roles(
    expansion: ResummedFormula,
) -> Iterator[tuple[Part, Sampling, dict[str, str]]]:
    for part in expansion.parts:
        scheme = scheme_of(part)
        given = scheme.given_scheme
        yield part, given or scheme, {} if given is None else {"role": _SET}


def is_resummed(text: str) -> bool:
    """Tell whether JSON text says that it is a re-summed expansion.

    Examples
    --------
    >>> is_resummed('{"format": "sgdiagrams-resummed-expansion"}'), is_resummed("no JSON")
    (True, False)
    """
    try:
        data = json_data(text)
    except FormatError:
        return False
    return isinstance(data, dict) and data.get("format") == RESUMMED_FORMAT


def load_resummed(text: str, make: Callable[[ResummedFields], _Made]) -> _Made:
    """Read a re-summed expansion from JSON text; `make` gets its fields, and its errors are caught.

    Raises
    ------
    FormatError
        When the text is not what `dump_resummed` writes; the message says where.
    """
    return load_document(
        text,
        lambda data: make(_load(data)),
        name=RESUMMED_FORMAT,
        kind="a re-summed expansion",
        versions=(RESUMMED_VERSION,),
        command="sgdiagrams expand --resummed --format json",
    )


def _load(data: dict[str, Any]) -> ResummedFields:
    check_keys(data, "format", "version", "order", "form", "flat", "through", "parts", "terms")
    order, form, flat = get(data, "order", int), get(data, "form", str), get(data, "flat", list)
    if not 0 <= order <= _MOST_EDGES:
        raise FormatError(f"expected an order from 0 to {_MOST_EDGES}, got {shown(order)}")
    if form not in FORMS:
        raise FormatError(f"expected a form {', '.join(FORMS)}, got {shown(form)}")
    if not all(isinstance(name, str) for name in flat) or len(set(flat)) != len(flat):
        raise FormatError(f"expected 'flat' to be a list of different names, got {shown(flat)}")
    parts = load_items(data, "parts", _load_part)
    terms = load_items(data, "terms", lambda item: _load_term(item, order, parts))
    contractions = [term.contraction for term in terms]
    if len(set(contractions)) != len(contractions):
        raise FormatError("expected every contraction once")
    through = get(data, "through", int) if "through" in data else None
    if through is not None:
        for part in parts:
            check_through(through, part.training)
        for term in terms:
            if term.noise > through or term.vanishes_at_minimum:
                raise FormatError(
                    f"expected terms of noise up to {through} at a minimum, got "
                    f"{shown(str(term.contraction))}"
                )
    return ResummedFields(order, parts, terms, form, tuple(flat), through)


def _load_part(item: dict[str, Any]) -> Part:
    check_keys(item, "coefficient", "observable", "sampling", "optimizer", "role")
    observable = named_observable(get(item, "observable", str))
    scheme = load_sampling(item.get("sampling"))
    optimizer = load_optimizer(item.get("optimizer"))
    if scheme is None:
        raise FormatError("expected a sampling in every part of a re-summed expansion, got null")
    if "role" in item:
        if item["role"] != _SET or observable.needs_population:
            raise FormatError(
                f"expected the role {_SET} of an observable that a training set knows, got "
                f"{shown(item['role'])} of {shown(observable.name)}"
            )
        scheme = scheme.on_given_set()
    Training(scheme, optimizer).check_resummed()  # they must go together
    return Part(fraction(get(item, "coefficient", str)), observable, scheme, optimizer)


def _load_term(item: dict[str, Any], order: int, parts: tuple[Part, ...]) -> DressedTerm:
    check_keys(item, "contraction", "pieces")
    contraction = load_contraction(get(item, "contraction", dict))
    single = len(contraction.blocks) == contraction.node_count
    if contraction.basis != ("moment" if single else "cumulant"):
        raise FormatError(f"expected contractions in cumulants, got {shown(contraction.basis)}")
    if contraction.metric != "identity":
        raise FormatError(
            f"expected contractions without a metric, got {shown(contraction.metric)}"
        )
    if not is_forest(contraction.edges):
        raise FormatError(f"expected contractions without circles, got {shown(str(contraction))}")
    if contraction.order > order:
        raise FormatError(f"expected terms up to order {order}, got one of {contraction.order}")
    pieces = load_items(item, "pieces", lambda piece: _load_piece(piece, contraction, parts))
    if not pieces:
        raise FormatError("expected at least one piece for every contraction")
    return DressedTerm(contraction, pieces)


def _load_piece(item: dict[str, Any], contraction: Contraction, parts: tuple[Part, ...]) -> Piece:
    check_keys(item, "coefficient", "part", "skeletons")
    number = get(item, "part", int)
    if not 0 <= number < len(parts):
        raise FormatError(f"expected the number of a part below {len(parts)}, got {shown(number)}")
    if len(contraction.free) != parts[number].observable.rank:
        raise FormatError(
            f"expected {parts[number].observable.rank} free indices for "
            f"{shown(parts[number].observable.name)}, got {len(contraction.free)}"
        )
    coefficient = fraction(get(item, "coefficient", str))
    if coefficient == 0:
        raise FormatError("expected coefficients of pieces other than 0")
    skeletons = load_items(item, "skeletons", _load_skeleton)
    observable = parts[number].observable
    if any(bool(s.reads) == observable.is_at_end for s in skeletons):
        raise FormatError(
            "expected 'reads' in the skeletons of observables of several times, and of those alone that "
            f"are not at the end of training, got {shown(observable.name)}"
        )
    # Every index belongs to the edge above one update.
    if sorted(i for s in skeletons for i in s.indices) != list(range(contraction.order)):
        raise FormatError(
            f"expected every index 0..{contraction.order - 1} of a contraction once in a piece, "
            f"got {shown([list(s.indices) for s in skeletons])}"
        )
    return Piece(coefficient, number, skeletons)


def _load_skeleton(item: dict[str, Any]) -> Skeleton:
    check_keys(item, "diagram", "role", "indices", "reads")
    text, role, indices = (
        get(item, "diagram", str),
        get(item, "role", str),
        get(item, "indices", list),
    )
    if role not in _ROLES:
        raise FormatError(f"expected a role {' or '.join(_ROLES)}, got {shown(role)}")
    if not all(type(i) is int for i in indices):
        raise FormatError(f"expected 'indices' to be whole numbers, got {shown(indices)}")
    diagram = Diagram.parse(text)
    if not diagram.is_linkless:
        raise FormatError(f"expected a diagram without links, got {shown(text)}")
    if diagram.order != len(indices):
        raise FormatError(
            f"expected {diagram.order} indices for the diagram {shown(text)}, got {len(indices)}"
        )
    return Skeleton(diagram, role, tuple(indices), _load_reads(item, len(indices)))


def _dump_reads(reads: tuple[ReadTime | None, ...]) -> dict[str, object]:
    return {"reads": [time and time.latex for time in reads]} if reads else {}


def _load_reads(item: dict[str, Any], updates: int) -> tuple[ReadTime | None, ...]:
    if "reads" not in item:
        return ()
    reads = get(item, "reads", list)
    if len(reads) != updates or not all(x is None or isinstance(x, str) for x in reads):
        raise FormatError(
            f"expected 'reads' to be {updates} times such as T-3, or null, got {shown(reads)}"
        )
    return tuple(None if x is None else ReadTime.parse(x) for x in reads)
