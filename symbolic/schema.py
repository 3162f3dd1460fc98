"""Expansions as JSON, versioned; reading evaluates nothing.

Version 1 is one object::

    {"format": "sgdiagrams-expansion", "version": 1,
     "order": 2, "basis": "moment",
     "parts": [{"coefficient": "1", "observable": "test-loss",
                "sampling": {"name": "one-pass", "T": "T", "B": 1}}],
     "terms": [{"weight": {"numerator": [{"coefficient": "1/2", "powers": {"T": 1}}]},
                "contraction": {"text": "(0-1.2)(0.1-0.2)", "basis": "moment"},
                "indices": []}]}

* ``order`` is the highest power of eta; ``basis`` is ``moment``, ``cumulant`` or ``mixed``.
* ``parts`` say what is expanded. A number of a sampling is an integer or a symbol's name; ``sampling``
  is null once symbols have been substituted.
* A weight is a sum of monomials: rational coefficients as strings ``"p"`` or ``"p/q"``, powers as
  integers (negative ones too). A rational function has a ``denominator`` of the same form as well.
* A contraction is ``(blocks)(edges)`` with its basis, and optionally ``metric`` (``eta``), ``labels``
  and ``free``; a term is ``eta**order * weight * contraction``.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sympy import Add, Expr, Integer, Mul, Poly, Pow, Rational, Symbol

from sgdiagrams.diagrams.errors import FormatError, SgdiagramsError
from sgdiagrams.symbolic.contraction import Contraction
from sgdiagrams.symbolic.expansion import Expansion, Part, Term
from sgdiagrams.symbolic.laurent import from_expr
from sgdiagrams.symbolic.observable import observable
from sgdiagrams.symbolic.sampling import Epochs, OnePass, Sampling

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT", "VERSION", "dump", "load"]

FORMAT = "sgdiagrams-expansion"
VERSION = 1

_RATIONAL = re.compile(r"-?[0-9]{1,400}(/[1-9][0-9]{0,399})?")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}")
_SCHEMES: Mapping[str, type[Sampling]] = {cls.name: cls for cls in (OnePass, Epochs)}


def dump(expansion: Expansion, *, indent: int | None = 2) -> str:
    """Return an expansion as JSON text."""
    data = {
        "format": FORMAT,
        "version": VERSION,
        "order": expansion.order,
        "basis": expansion.basis,
        "parts": [
            {
                "coefficient": str(part.coefficient),
                "observable": part.observable.name,
                "sampling": _dump_sampling(part.sampling),
            }
            for part in expansion.parts
        ],
        "terms": [
            {
                "weight": _dump_weight(term.weight),
                "contraction": _dump_contraction(term.contraction),
                "indices": list(term.indices),
            }
            for term in expansion.terms
        ],
    }
    return json.dumps(data, indent=indent)


def _dump_sampling(scheme: Sampling | None) -> dict[str, object] | None:
    if scheme is None:
        return None
    data: dict[str, object] = {"name": scheme.name}
    for name, value in scheme.values.items():
        data[name] = int(value) if value.is_Integer else str(value)
    for field in fields(scheme):  # type: ignore[arg-type]  # concrete schemes are dataclasses
        if field.name not in scheme.numbers and getattr(scheme, field.name) is not None:
            data[field.name] = getattr(scheme, field.name)
    return data


def _dump_weight(weight: Expr) -> dict[str, object]:
    gens = sorted(weight.free_symbols, key=str)
    terms = from_expr(weight, gens)
    if terms is not None:
        return {"numerator": _dump_terms(terms, gens)}
    numerator, denominator = weight.together().as_numer_denom()
    above, below = Poly(numerator, *gens).terms(), Poly(denominator, *gens).terms()
    return {"numerator": _dump_terms(above, gens), "denominator": _dump_terms(below, gens)}


def _dump_terms(terms: list[tuple[tuple[int, ...], Any]], gens: list[Symbol]) -> list[object]:
    return [
        {
            "coefficient": str(c),
            "powers": {str(g): e for g, e in zip(gens, exps, strict=True) if e},
        }
        for exps, c in terms
    ]


def _dump_contraction(contraction: Contraction) -> dict[str, str]:
    text, basis, metric, labels, free = map(str, contraction.args)
    data = {"text": text, "basis": basis}
    if metric != "identity":
        data["metric"] = metric
    if labels:
        data["labels"] = labels
    if free:
        data["free"] = free
    return data


def load(text: str) -> Expansion:
    """Read an expansion from JSON text.

    Raises
    ------
    FormatError
        When the text is not what `dump` writes; the message says where.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:  # no JSON, too deep, or numbers without end
        raise FormatError(
            f"expected an expansion as JSON, got text that is no JSON: {error}"
        ) from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise FormatError(
            f"expected JSON with format={FORMAT!r}; write it with 'sgdiagrams expand --format json'"
        )
    if type(data.get("version")) is not int or data["version"] != VERSION:
        raise FormatError(
            f"expected version {VERSION} of {FORMAT}, got version={_short(data.get('version'))}; "
            "write the file again with this release of sgdiagrams"
        )
    try:
        return _load(data)
    except FormatError:
        raise
    except SgdiagramsError as error:
        raise FormatError(f"expected a valid expansion; {error}") from None


def _load(data: dict[str, Any]) -> Expansion:
    order = _get(data, "order", int)
    basis = _get(data, "basis", str)
    if basis not in ("moment", "cumulant", "mixed") or not 0 <= order <= 1000:
        raise FormatError(f"expected an order >= 0 and a known basis, got {order!r} and {basis!r}")
    parts = tuple(
        Part(
            _fraction(_get(item, "coefficient", str)),
            observable(_get(item, "observable", str)),
            _load_sampling(item.get("sampling")),
        )
        for item in _items(data, "parts")
    )
    terms = tuple(_load_term(item, order) for item in _items(data, "terms"))
    return Expansion(order, basis, parts, terms)


def _load_term(item: dict[str, Any], order: int) -> Term:
    inner = _get(item, "contraction", dict)
    names = ("text", "basis", "metric", "labels", "free")
    defaults = {"metric": "identity", "labels": "", "free": ""}
    contraction = Contraction(*(_get({**defaults, **inner}, name, str) for name in names))
    if contraction.order > order:
        raise FormatError(f"expected terms up to order {order}, got one of {contraction.order}")
    weight = _get(item, "weight", dict)
    value = _load_sum(weight, "numerator")
    if "denominator" in weight:
        below = _load_sum(weight, "denominator")
        if below == 0:
            raise FormatError("expected a weight with a denominator other than 0")
        value = value / below
    indices = _get(item, "indices", list)
    if not all(isinstance(i, str) for i in indices):
        raise FormatError("expected 'indices' to be a list of names")
    return Term(value, contraction, tuple(indices))


def _load_sum(weight: dict[str, Any], key: str) -> Expr:
    terms = []
    for item in _items(weight, key):
        c = _fraction(_get(item, "coefficient", str))
        powers = _get(item, "powers", dict)
        for name, power in powers.items():
            if not _NAME.fullmatch(name) or type(power) is not int or abs(power) > 1000:
                raise FormatError(
                    f"expected powers of symbols, got {_short(name)}: {_short(power)}"
                )
        factors = [Pow(Symbol(name), Integer(power)) for name, power in powers.items()]
        terms.append(Mul(Rational(c.numerator, c.denominator), *factors))
    return Add(*terms)


def _load_sampling(data: object) -> Sampling | None:
    if data is None:
        return None
    name = data.get("name") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(name, str) or name not in _SCHEMES:
        raise FormatError(
            f"expected a sampling named one of {', '.join(_SCHEMES)}, got {_short(data)}"
        )
    cls = _SCHEMES[name]
    arguments: dict[str, Any] = {}
    allowed = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    for key, value in data.items():
        if key == "name":
            continue
        if key not in allowed:
            raise FormatError(
                f"expected numbers {', '.join(cls.numbers)} of a sampling, got {key!r}"
            )
        if key not in cls.numbers or type(value) is int:
            arguments[key] = value
        elif isinstance(value, str) and _NAME.fullmatch(value):
            arguments[key] = Symbol(value)
        else:
            raise FormatError(f"expected an integer or a symbol for {key}, got {_short(value)}")
    return cls(**arguments)


def _get(item: object, key: str, kind: type) -> Any:
    value = item.get(key) if isinstance(item, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise FormatError(f"expected {key!r} to be of type {kind.__name__}, got {_short(value)}")
    return value


def _items(item: object, key: str) -> list[dict[str, Any]]:
    values = _get(item, key, list)
    if not all(isinstance(value, dict) for value in values):
        raise FormatError(f"expected {key!r} to be a list of objects")
    return list(values)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _fraction(text: str) -> Fraction:
    if not _RATIONAL.fullmatch(text):
        raise FormatError(f"expected a rational number such as '-1/2', got {_short(text)}")
    return Fraction(text)
