"""Expressions as standalone NumPy source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import Expr, Symbol

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.algebra.bases import pairs_in_basis
from sgdiagrams.symbolic.algebra.linear_combinations import collected_pairs
from sgdiagrams.symbolic.source.helpers import used_helpers
from sgdiagrams.symbolic.source.tensors import (
    RESERVED,
    Block,
    contraction_source,
    named_blocks,
    tensors_source,
)
from sgdiagrams.symbolic.source.weights import named_exponentials, weights_source
from sgdiagrams.symbolic.symbols import in_usual_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.algebra.linear_combinations import Pair

__all__ = ["expression_source"]

# No learning rate is an array here.
_TAKEN = RESERVED.difference({"eta"})


def expression_source(pairs: Sequence[Pair], rank: int, headline: str) -> str:
    """Return Python source that evaluates a linear combination with NumPy alone: `Expression.python`."""
    distinct = [pair for pair in pairs if pair[1].basis == "distinct"]
    others = [pair for pair in pairs if pair[1].basis != "distinct"]
    terms = collected_pairs([*others, *pairs_in_basis(distinct, "plug-in", symbols.N)])
    names = named_blocks(contraction for _, contraction in terms)
    sized = next((n for block, n in names.items() if any(legs for _, legs in block.nodes)), None)
    lines = tensors_source(names, [], needs_size=bool(rank) and sized is None)
    lines += ["", "", *_function(terms, rank, names, sized)]
    shown_line = headline.replace("\\", "/").replace('"', "'")
    source = [f'"""{shown_line}, written by sgdiagrams."""', "", "import numpy", "", "", *lines, ""]
    for helper in used_helpers(lines):
        source += ["", *helper.splitlines(), ""]
    return "\n".join(source)


def _function(
    terms: Sequence[Pair], rank: int, names: dict[Block, str], sized: str | None
) -> list[str]:
    weights = [weight for weight, _ in terms]
    needed = in_usual_order({s.name for weight in weights for s in weight.free_symbols})
    # A symbol may be called anything; one that the source cannot use as it is gets an alias.
    taken = _TAKEN.union(names.values())
    plain = [s for s in needed if s.isidentifier() and s not in taken]
    aliases = {s: f"number_{i}" for i, s in enumerate(needed) if s not in plain}
    local: dict[Expr, str] = {Symbol(s): aliases.get(s, s) for s in needed}
    exponentials = named_exponentials(weights, local, taken.union(plain, aliases.values()))
    whole = {s.name for power in exponentials.names for s in power.exp.free_symbols}
    reals = [local[Symbol(s)] for s in needed if s not in whole]
    first, factors = weights_source(weights, local, exponentials, reals)
    arguments = ["tensors", "/"]
    if needed:
        arguments += ["*", *plain, *(["**others"] if aliases else [])]
    shape = f"({', '.join('p' * rank)}{',' if rank == 1 else ''})"
    kind = f", shape {shape}" if rank else ""
    lines = [
        '@numpy.errstate(all="ignore")',
        f"def value({', '.join(arguments)}):",
        f'    """Return the value{kind}."""',
        *(f"    {alias} = others.pop({name!r}, None)" for name, alias in aliases.items()),
    ]
    if aliases:
        lines += ["    if others:", '        raise ValueError(f"unknown {sorted(others)}")']
    for name in needed:
        check = "_whole" if name in whole else "_rational"
        alias = local[Symbol(name)]
        lines.append(f"    {alias} = {check}({name!r}, {alias})")
    lines += [f'    {name} = tensors["{name}"]' for name in names.values()]
    if rank and sized:
        lines.append(f"    p = {sized}.shape[0]")
    elif rank:
        lines += [
            '    p = tensors["p"]',
            "    if not p:",
            '        raise ValueError("expected derivatives of order 1 or more, got none")',
        ]
    lines += [f"    result = numpy.zeros({shape if rank else '()'})", *first]
    for factor, (_, contraction) in zip(factors, terms, strict=True):
        tail = ""
        if contraction.node_count:
            tail = f" * {contraction_source(contraction, names, is_bare=True)}"
        lines.append(f"    result = result + {factor}{tail}")
    checked = (
        '_finite(tensors, result, "entry")' if rank else "float(_finite(tensors, [result])[0])"
    )
    return [*lines, f"    return {checked}"]
