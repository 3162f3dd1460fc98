"""What the numbers of an expansion must obey, as Python source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import Expr, Symbol

from sgdiagrams.symbolic.observed.times_of_reading import stage_lengths
from sgdiagrams.symbolic.source.weights import quotient_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sgdiagrams.symbolic.formula import Formula, Part
    from sgdiagrams.symbolic.source.weights import Exponentials

__all__ = ["checks_source", "emptiness_source"]


def checks_source(
    parts: Sequence[Part],
    symbols: Sequence[str],
    local: Mapping[Expr, str],
    exponentials: Exponentials,
) -> tuple[list[str], list[str]]:
    """Return lines that check and convert the numbers, and the names of those that are not whole.

    Parameters
    ----------
    parts
        They say what is possible.
    symbols
        The names of its numbers.
    local
        What they are called in the source.
    exponentials
        Powers, whose exponents are whole.
    """
    whole: dict[str, int] = {
        str(s): 0 for power in exponentials.names for s in power.exp.free_symbols
    }
    spans: dict[str, tuple[int, int | None]] = {}
    chances: set[str] = set()
    derived: list[str] = []
    known = local.keys()
    for part in parts:
        spans |= part.optimizer.known_spans
        scheme = part.sampling or (part.substituted and part.substituted.sampling)
        if not scheme:
            continue
        for name, value in scheme.values.items():
            shown = _in_its_place(part, value)
            if name in scheme.chances:
                chances |= {str(shown)} if shown.is_Symbol else set()
                continue
            if name in scheme.times:
                spans |= {str(shown): (0, None)} if shown.is_Symbol else {}
                continue
            least = int(name in scheme.positive)
            whole |= {str(s): max(0, whole.get(str(s), 0)) for s in shown.free_symbols}
            if shown.is_Symbol:
                whole[str(shown)] = max(least, whole[str(shown)])
            elif shown.free_symbols and shown.free_symbols <= known:
                above, below = quotient_source(shown, local)
                derived.append(
                    f'    _whole("{name}", _divided("{name}", {above}, {below}), {least})'
                )
        lags = [Symbol(name) for name in part.observable.lags]
        whole |= {str(s): max(0, whole.get(str(s), 0)) for s in lags}
        updates = _in_its_place(part, scheme.updates)
        lengths = [_in_its_place(part, difference) for difference in scheme.differences]
        for length in (*stage_lengths(part.observable.times, updates), *lengths):
            if length.free_symbols and length.free_symbols <= known:
                above, below = quotient_source(length, local)
                derived.append(f'    _whole("{length}", _divided("{length}", {above}, {below}))')
        if part.window is not None and updates.free_symbols and updates.free_symbols <= known:
            # Without updates there is no iterate to average over.
            count = quotient_source(updates, local).above
            derived.append(f'    if {count} != 0:\n        _whole("T", {count}, {part.window})')
        for multiple, divisor in scheme.divisions:
            quotient = _in_its_place(part, multiple / divisor)
            if quotient.free_symbols and quotient.free_symbols <= known:
                above, below = quotient_source(quotient, local)
                derived.append(f'    _divided("{multiple}/{divisor}", {above}, {below})')
    lines = []
    for name in symbols:
        alias = local[Symbol(name)]
        if name in whole:
            span = f", {whole[name]}" if whole[name] else ""
            lines.append(f'    {alias} = _whole("{name}", {alias}{span})')
        else:
            bounds = [str(b) for b in spans.get(name, ()) if b is not None]
            bounds = ["0", "most=1"] if name in chances else bounds
            lines.append(f"    {alias} = _rational({', '.join([f'{name!r}', alias, *bounds])})")
    return [*lines, *dict.fromkeys(derived)], [local[Symbol(s)] for s in symbols if s not in whole]


def _in_its_place(part: Part, value: Expr) -> Expr:
    """Return a number of a scheme with what has been substituted."""
    if part.substituted is None:
        return value
    return value.xreplace({Symbol(name): v for name, v in part.substituted.values})


def emptiness_source(expansion: Formula, local: Mapping[Expr, str]) -> str:
    """Return the condition under which no update is made; nothing where it is never so."""
    conditions: list[str] = []
    for part in expansion.parts:
        scheme = part.sampling or (part.substituted and part.substituted.sampling)
        if not scheme:
            return ""
        updates = _in_its_place(part, scheme.updates)
        if updates.is_number and updates != 0:
            return ""
        conditions.append(f"{quotient_source(updates, local).above} == 0")
    distinct = [c for c in dict.fromkeys(conditions) if c != "0 == 0"]
    return " and ".join(distinct) or ("True" if conditions else "")
