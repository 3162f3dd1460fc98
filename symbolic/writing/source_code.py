"""Expansions as standalone NumPy source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sympy import Expr, Symbol

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.source.helpers import used_helpers
from sgdiagrams.symbolic.source.tensors import (
    RESERVED,
    Block,
    contraction_source,
    named_blocks,
    tensors_source,
)
from sgdiagrams.symbolic.source.weights import (
    named_exponentials,
    weights_source,
)
from sgdiagrams.symbolic.writing.number_checks import checks_source, emptiness_source
from sgdiagrams.symbolic.writing.series import series_heading

if TYPE_CHECKING:
    from sgdiagrams.symbolic.formula import Formula

__all__ = ["contraction_source", "named_exponentials", "numpy_source"]


def numpy_source(expansion: Formula) -> str:
    """Return Python source with two functions, which needs nothing but NumPy.

    ``tensors(derivatives)`` averages arrays of per-sample derivatives, ``{1: g, 2: h, ...}`` with the
    sample axis first, into the named tensors; ``orders(tensors, *, eta, ...)`` returns the contribution
    of every order, shape ``(order + 1, p, ..., p)`` with one axis of length p for every free leg. The
    samples count as the whole population. With an expression as the observable, whose own edges carry no
    learning rate, eta is a number.

    Where they are needed, ``tensors`` takes more keywords: ``functions``, the derivatives of functions
    of the weights as ``{name: {0: number, 1: gradient, ...}}``; and for weight decay ``start``, the
    weights at the start, and ``weight_decay``.

    Numbers may be of any type that `evaluate` takes but for text. Weights are worked out in whole
    numbers, so that none overflows and no digit is lost near removable poles, such as a momentum near 1;
    what is impossible (E = -2, a batch size that does not divide N, a result out of the range of floats)
    is a ValueError of one line.

    Raises
    ------
    RequestError
        When contractions differ in their number of free legs, a function shares its block, or there are
        more indices than letters.

    Examples
    --------
    >>> from sgdiagrams.symbolic import expand
    >>> namespace = {}
    >>> exec(expand("test-loss", order=1, sampling="one-pass").python(), namespace)
    >>> values = {0: [2.0, 4.0], 1: [[1.0], [3.0]]}
    >>> print(namespace["orders"](namespace["tensors"](values), eta=0.5, T=3))
    [ 3. -6.]
    """
    names = named_blocks(term.contraction for term in expansion.terms)
    free = _free_legs(expansion)
    needs_size = bool(free) and not any(k for block in names for _, k in block.nodes)
    headline = series_heading(expansion).replace("\\", "/").replace('"', "'")
    tensors = tensors_source(names, _decays(expansion), needs_size=needs_size)
    orders = _orders_source(expansion, names, free, needs_size=needs_size)
    lines = [f'"""{headline}, written by sgdiagrams."""', "", "import numpy", "", ""]
    lines += [*tensors, "", "", *orders, ""]
    for helper in used_helpers([*tensors, *orders]):
        lines += ["", *helper.splitlines(), ""]
    return "\n".join(lines)


def _decays(expansion: Formula) -> list[Any]:
    """Return the weight decays of the parts: numbers or symbols."""
    decays: list[Any] = []
    for part in expansion.parts:
        decay = part.optimizer.weight_decay
        if decay != 0 and decay not in decays:
            decays.append(decay)
    if len(decays) > 1:
        raise RequestError(
            "expected one weight decay for all parts of an expansion, "
            f"got {' and '.join(map(str, decays))}; write the source of the parts one by one"
        )
    return decays


def _free_legs(expansion: Formula) -> int:
    """Return the number of free legs, the same for all contractions."""
    ranks = {len(term.contraction.free) for term in expansion.terms}
    ranks = ranks or {part.observable.rank for part in expansion.parts}
    if len(ranks) > 1:
        raise RequestError(
            "expected contractions with equally many free legs, got some with "
            f"{' and some with '.join(map(str, sorted(ranks)))}"
        )
    return max(ranks, default=0)


def _orders_source(
    expansion: Formula, names: dict[Block, str], free: int, *, needs_size: bool
) -> list[str]:
    # A weight decay goes into the tensors.
    used = {str(s) for term in expansion.terms for s in term.weight.free_symbols}
    decays = {str(s) for d in _decays(expansion) for s in getattr(d, "free_symbols", ())} - used
    symbols = [s for s in expansion.symbols if s not in decays]
    # A user's symbol may be called anything; one that the source cannot use as it is gets an alias.
    taken = RESERVED.union(names.values())
    plain = [s for s in symbols if s.isidentifier() and s not in taken]
    aliases = {s: f"number_{i}" for i, s in enumerate(symbols) if s not in plain}
    arguments = ", ".join(["eta", *plain, *(["**others"] if aliases else [])])
    shapes = f", shape ({expansion.order + 1}{', p' * free})" if free else ""
    local: dict[Expr, str] = {Symbol(s): aliases.get(s, s) for s in symbols}
    exponentials = named_exponentials(
        (term.weight for term in expansion.terms), local, taken.union(plain, aliases.values())
    )
    checks, reals = checks_source(expansion.parts, symbols, local, exponentials)
    dimensioned = next((n for b, n in names.items() if any(k for _, k in b.nodes)), None)
    first, weights = weights_source(
        [term.weight for term in expansion.terms], local, exponentials, reals
    )
    size = f"({expansion.order + 1}{', p' * free})" if free else str(expansion.order + 1)
    is_bare = expansion.has_bare_edges
    by_order: list[list[str]] = [[], []]
    for term, weight in zip(expansion.terms, weights, strict=True):
        value = contraction_source(term.contraction, names, is_bare=is_bare)
        if is_bare and term.order:
            value = f"eta ** {term.order} * {value}"
        by_order[term.order > 0].append(f"    result[{term.order}] += {weight} * {value}")
    # Powers of eta among the coefficients of an expression are there without any update.
    empty = "" if is_bare else emptiness_source(expansion, local)
    rates = "a number" if is_bare else "scalar, (p,) or (p, p)"
    lines = [
        '@numpy.errstate(all="ignore")',
        f"def orders(tensors, /, *, {arguments}):",
        f'    """Return the contributions of all orders{shapes}; eta: {rates}."""',
        *(f"    {alias} = others.pop({name!r}, None)" for name, alias in aliases.items()),
        *(
            ["    if others:", '        raise ValueError(f"unknown {sorted(others)}")']
            if aliases
            else []
        ),
        *checks,
        *(f'    {name} = tensors["{name}"]' for name in names.values()),
    ]
    if dimensioned:
        lines.append(f"    p = {dimensioned}.shape[0]")
    elif needs_size:
        lines += [
            '    p = tensors["p"]',
            "    if not p:",
            '        raise ValueError("expected derivatives of order 1 or more, got none")',
        ]
    size_known = "p" if dimensioned or needs_size else None
    lines.append(
        '    eta = _array("eta", eta, ())' if is_bare else f"    eta = _rate(eta, {size_known})"
    )
    lines.append(f"    result = numpy.zeros({size})")
    rest = [*first, *by_order[1]]
    lines += by_order[0]
    if empty and rest:
        lines += [f"    if {empty}:", "        return _finite(tensors, result)"]
    if empty != "True":
        lines += rest
    return [*lines, "    return _finite(tensors, result)"]
