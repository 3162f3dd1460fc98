"""Expansions as standalone NumPy source."""

from __future__ import annotations

import keyword
import re
from math import factorial
from string import ascii_letters
from typing import TYPE_CHECKING, Any, NamedTuple

from sympy import Symbol
from sympy.printing.numpy import NumPyPrinter

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.partitions import blocks_of, set_partitions
from sgdiagrams.symbolic.contractions.factors import Tensor, walk
from sgdiagrams.symbolic.contractions.notation import operand_name
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED
from sgdiagrams.symbolic.writing.series import series_heading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.formula import Formula

__all__ = ["numpy_source"]

_RESERVED = {"tensors", "eta", "numpy", "p", "result", "others", *keyword.kwlist}


class _Block(NamedTuple):
    """What a tensor is made of: equal blocks are equal arrays."""

    basis: str
    nodes: tuple[tuple[str, int], ...]  # label and number of legs, in the order of the axes

    @property
    def is_function(self) -> bool:
        return self.nodes[0][0] not in (LOSS, PENALISED)

    def orders(self, label: str) -> set[int]:
        return {legs for name, legs in self.nodes if name == label}


def numpy_source(expansion: Formula) -> str:
    """Return Python source with two functions, which needs nothing but NumPy.

    ``tensors(derivatives)`` averages arrays of per-sample derivatives, ``{1: g, 2: h, ...}`` with the
    sample axis first, into the named tensors; ``orders(tensors, *, eta, ...)`` returns the contribution
    of every order, shape ``(order + 1, p, ..., p)`` with one axis of length p for every free leg. The
    samples count as the whole population.

    Where they are needed, ``tensors`` takes more keywords: ``functions``, the derivatives of functions
    of the weights as ``{name: {0: number, 1: gradient, ...}}``; and for weight decay ``start``, the
    weights at the start, and ``weight_decay``.

    Raises
    ------
    RequestError
        When contractions differ in their number of free legs, or a function shares its block.

    Examples
    --------
    >>> from sgdiagrams.symbolic import expand
    >>> namespace = {}
    >>> exec(expand("test-loss", order=1, sampling="one-pass").python(), namespace)
    >>> values = {0: [2.0, 4.0], 1: [[1.0], [3.0]]}
    >>> print(namespace["orders"](namespace["tensors"](values), eta=0.5, T=3))
    [ 3. -6.]
    """
    names = _names(term.contraction for term in expansion.terms)
    headline = series_heading(expansion).replace("\\", "/").replace('"', "'")
    lines = [
        f'"""{headline}, written by sgdiagrams."""',
        "",
        "import numpy",
        "",
        "",
        *_tensors_source(names, _decays(expansion)),
        "",
        "",
        *_orders_source(expansion, names),
        "",
    ]
    return "\n".join(lines)


def _block(tensor: Tensor) -> _Block:
    labels = tensor.labels
    nodes = tuple((label, len(g)) for label, g in zip(labels, tensor.groups, strict=True))
    block = _Block(tensor.basis if len(nodes) > 1 else "moment", nodes)
    if len(nodes) > 1:
        name = next((label for label, _ in nodes if label not in (LOSS, PENALISED)), None)
        if name is not None:
            raise RequestError(
                f"expected a function alone in its block, got label={shown(name)} tied to other nodes; "
                "it is the same for all datapoints"
            )
    return block


def _names(contractions: Iterable[Contraction]) -> dict[_Block, str]:
    """Return an identifier for every tensor; no two are the same whatever the labels are."""
    wanted: dict[_Block, str] = {}
    for contraction in contractions:
        for tensor in walk(contraction):
            if tensor.kind == "block":
                block = _block(tensor)
                name = re.sub(r"\W", "_", operand_name(tensor))
                label, legs = block.nodes[0]
                if len(block.nodes) == 1 and name == re.sub(r"\W", "_", label):
                    name = f"{name}_{legs}"
                wanted.setdefault(block, name)
    # Tensors of the loss keep their names. Cumulants are made of means, so singles come first.
    ordered = sorted(
        wanted,
        key=lambda block: (
            any(label != LOSS for label, _ in block.nodes),
            len(block.nodes),
            wanted[block],
            block,
        ),
    )
    names: dict[_Block, str] = {}
    taken = set(_RESERVED)
    for block in ordered:
        name, number = wanted[block], 1
        while name in taken:
            number += 1
            name = f"{wanted[block]}_{number}"
        taken.add(name)
        names[block] = name
    return names


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


def _tensors_source(names: dict[_Block, str], decays: list[Any]) -> list[str]:
    penalised = sorted({k for block in names for k in block.orders(PENALISED)})
    legs = sorted({k for block in names for k in block.orders(LOSS)}.union(penalised))
    functions: dict[str, list[int]] = {}
    for block in names:
        if block.is_function:
            functions.setdefault(block.nodes[0][0], []).append(block.nodes[0][1])
    needs = ", ".join(f"{k}: shape (n{', p' * k}{',' if k == 0 else ''})" for k in legs)
    arguments, notes = [], []
    if functions:
        arguments.append("functions")
        spelled = ", ".join(
            f"{name!r}: {{{', '.join(f'{k}: {_shape(k)}' for k in sorted(orders))}}}"
            for name, orders in sorted(functions.items())
        )
        notes.append(f"functions: {{{spelled}}}")
    if {0, 1}.intersection(penalised):
        arguments.append("start")
        notes.append("start: shape (p,)")
    if {0, 1, 2}.intersection(penalised):
        known = [float(decay) for decay in decays if not getattr(decay, "free_symbols", None)]
        arguments.append(f"weight_decay={known[0]!r}" if known else "weight_decay")
        notes.append("weight_decay: a number")
    also = f" {'; '.join(notes)}." if notes else ""
    lines = [
        f"def tensors({', '.join(['derivatives', *(['*', *arguments] if arguments else [])])}):",
        f'    """Average per-sample derivatives, {{{needs}}}, into the named tensors.{also}"""',
    ]
    if legs:
        lines += [
            "    d = {k: numpy.asarray(v, dtype=float) for k, v in derivatives.items()}",
            f"    n = len(d[{legs[0]}])",
        ]
    if "start" in arguments:
        lines.append("    start = numpy.asarray(start, dtype=float)")
    if penalised:
        penalty = {
            0: "weight_decay * (start @ start) / 2",
            1: "weight_decay * start",
            2: "weight_decay * numpy.eye(d[2].shape[-1])",
        }
        items = [f"{k}: d[{k}] + {penalty[k]}" for k in penalised if k in penalty]
        lines.append(f"    q = {{**d, {', '.join(items)}}}" if items else "    q = d")
    values = {name: _average(block) for block, name in names.items()}
    return [*lines, "    return {", *(f'        "{n}": {v},' for n, v in values.items()), "    }"]


def _shape(legs: int) -> str:
    return f"shape ({', '.join('p' * legs)}{',' if legs == 1 else ''})"


def _orders_source(expansion: Formula, names: dict[_Block, str]) -> list[str]:
    ranks = {len(term.contraction.free) for term in expansion.terms}
    if len(ranks) > 1:
        raise RequestError(
            "expected contractions with equally many free legs, got some with "
            f"{' and some with '.join(map(str, sorted(ranks)))}"
        )
    free = max(ranks, default=0)
    # A weight decay goes into the tensors.
    used = {str(s) for term in expansion.terms for s in term.weight.free_symbols}
    decays = {str(s) for d in _decays(expansion) for s in getattr(d, "free_symbols", ())} - used
    symbols = [s for s in expansion.symbols if s not in decays]
    # A user's symbol may be called anything; one that the source cannot use as it is gets an alias.
    taken = _RESERVED.union(names.values())
    plain = [s for s in symbols if s.isidentifier() and s not in taken]
    aliases = {s: f"number_{i}" for i, s in enumerate(symbols) if s not in plain}
    renamed = {Symbol(name): Symbol(alias) for name, alias in aliases.items()}
    arguments = ", ".join(["eta", *plain, *(["**others"] if aliases else [])])
    shapes = f", shape ({expansion.order + 1}{', p' * free})" if free else ""
    lines = [
        f"def orders(tensors, /, *, {arguments}):",
        f'    """Return the contributions of all orders{shapes}; eta: scalar, (p,) or (p, p)."""',
        *(f"    {alias} = others[{name!r}]" for name, alias in aliases.items()),
        *(f'    {name} = tensors["{name}"]' for name in names.values()),
    ]
    dimensioned = next((n for b, n in names.items() if any(k for _, k in b.nodes)), None)
    if dimensioned:
        lines += [
            f"    p = {dimensioned}.shape[0]",
            "    eta = numpy.asarray(eta, dtype=float)",
            "    eta = eta if eta.ndim == 2 else eta * numpy.eye(p)",
        ]
    size = f"({expansion.order + 1}{', p' * free})" if free else str(expansion.order + 1)
    lines.append(f"    result = numpy.zeros({size})")
    printer = NumPyPrinter({"fully_qualified_modules": True})
    for term in expansion.terms:
        weight = printer.doprint(term.weight.subs(renamed))
        value = _value(term.contraction, names)
        lines.append(f"    result[{term.order}] += ({weight}) * {value}")
    return [*lines, "    return result"]


def _value(contraction: Contraction, names: dict[_Block, str]) -> str:
    """Return source for a contraction with the learning rate on edges and free legs."""
    subscripts, operands = [], []
    for tensor in walk(contraction.with_metric("eta")):
        subscripts.append("".join(ascii_letters[i] for group in tensor.groups for i in group))
        operands.append("eta" if tensor.kind == "eta" else names[_block(tensor)])
    output = ascii_letters[: len(contraction.free)]
    if not output and subscripts == [""]:
        return operands[0]
    pattern = f"{','.join(subscripts)}->{output}"
    return f"numpy.einsum({pattern!r}, {', '.join(operands)}, optimize=True)"


def _average(block: _Block) -> str:
    """Return source for the joint moment or cumulant of a block over the samples."""
    if block.is_function:
        label, legs = block.nodes[0]
        return f"numpy.asarray(functions[{label!r}][{legs}], dtype=float)"
    nodes = list(range(len(block.nodes)))
    if block.basis != "cumulant":
        return _moment(block, nodes)
    parts = []
    for partition in set_partitions(len(nodes)):
        blocks = blocks_of(partition)
        k = len(blocks)
        number = (-1) ** (k - 1) * factorial(k - 1)
        parts.append(f"{number:+d} * {_product(block, blocks)}")
    return " ".join(parts).removeprefix("+1 * ")


def _letters(block: _Block) -> list[str]:
    letters = ascii_letters.replace("n", "")
    result = []
    start = 0
    for _, k in block.nodes:
        result.append(letters[start : start + k])
        start += k
    return result


def _moment(block: _Block, nodes: list[int]) -> str:
    groups = _letters(block)
    inputs = ",".join("n" + groups[v] for v in nodes)
    output = "".join(groups[v] for v in nodes)
    pairs = (block.nodes[v] for v in nodes)
    arrays = ", ".join(f"{'d' if label == LOSS else 'q'}[{k}]" for label, k in pairs)
    return f'numpy.einsum("{inputs}->{output}", {arrays}, optimize=True) / n'


def _product(block: _Block, blocks: tuple[tuple[int, ...], ...]) -> str:
    if len(blocks) == 1:
        return _moment(block, list(blocks[0]))
    groups = _letters(block)
    inputs = ",".join("".join(groups[v] for v in part) for part in blocks)
    factors = ", ".join(_moment(block, list(part)) for part in blocks)
    return f'numpy.einsum("{inputs}->{"".join(groups)}", {factors}, optimize=True)'
