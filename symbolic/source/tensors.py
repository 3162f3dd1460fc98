"""Names of the tensors of generated source, and how they are averaged over samples."""

from __future__ import annotations

import keyword
import re
from math import factorial
from string import ascii_letters
from typing import TYPE_CHECKING, Any, NamedTuple

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.partitions import blocks_of, set_partitions
from sgdiagrams.symbolic.contractions.factors import Tensor, walk
from sgdiagrams.symbolic.contractions.notation import check_is_product, operand_name
from sgdiagrams.symbolic.contractions.visits import moments_of_visits
from sgdiagrams.symbolic.source.helpers import HELPERS
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = [
    "RESERVED",
    "Block",
    "block_of",
    "contraction_source",
    "named_blocks",
    "tensors_source",
]

#: What the source uses itself.
RESERVED = {
    *("tensors", "eta", "numpy", "p", "result", "others", "weights", "w", *HELPERS),
    *keyword.kwlist,
}


class Block(NamedTuple):
    """What a tensor is made of: equal blocks are equal arrays."""

    basis: str
    nodes: tuple[tuple[str, int], ...]  # label and number of legs, in the order of the axes
    visits: tuple[int, ...] = ()  # the number of nodes of each, where there are several

    @property
    def is_function(self) -> bool:
        """Whether it is the same for all samples."""
        return self.nodes[0][0] not in (LOSS, PENALISED)

    @property
    def has_visits(self) -> bool:
        """Whether the noise of visits is told apart from datapoints."""
        return bool(self.visits) or self.basis == "conditional"

    @property
    def is_centred(self) -> bool:
        """Whether it is a joint cumulant of several nodes, which no mean changes."""
        return self.basis == "cumulant" and len(self.nodes) > 1

    def orders(self, label: str) -> set[int]:
        """Return the numbers of legs of the nodes with a label."""
        return {legs for name, legs in self.nodes if name == label}


def block_of(tensor: Tensor) -> Block:
    """Return what a factor of a contraction is made of."""
    labels = tensor.labels
    nodes = tuple((label, len(g)) for label, g in zip(labels, tensor.groups, strict=True))
    block = Block(tensor.basis if len(nodes) > 1 else "moment", nodes, tensor.visits)
    if len(nodes) > 1:
        name = next((label for label, _ in nodes if label not in (LOSS, PENALISED)), None)
        if name is not None:
            raise RequestError(
                f"expected a function alone in its block, got label={shown(name)} tied to other nodes; "
                "it is the same for all datapoints"
            )
    return block


def named_blocks(contractions: Iterable[Contraction]) -> dict[Block, str]:
    """Return an identifier for every tensor; no two are the same whatever the labels are."""
    wanted: dict[Block, str] = {}
    for contraction in contractions:
        for tensor in walk(contraction):
            if tensor.kind == "block":
                block = block_of(tensor)
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
    names: dict[Block, str] = {}
    taken = set(RESERVED)
    for block in ordered:
        name, number = wanted[block], 1
        while name in taken:
            number += 1
            name = f"{wanted[block]}_{number}"
        taken.add(name)
        names[block] = name
    return names


def contraction_source(
    contraction: Contraction, names: dict[Block, str], *, is_bare: bool = False
) -> str:
    """Return source for a contraction with the learning rate on edges and free legs, or without.

    Raises
    ------
    RequestError
        When it is an average over distinct samples, or there are more indices than letters.

    Examples
    --------
    >>> from sgdiagrams.symbolic.contractions.contraction import Contraction
    >>> contraction = Contraction.parse("G_a H_ab G_b")
    >>> contraction_source(contraction, named_blocks([contraction]), is_bare=True)
    "numpy.einsum('a,ab,b->', G, H, G, optimize=True)"
    """
    check_is_product(contraction)
    subscripts, operands = [], []
    for tensor in walk(contraction.with_metric("identity" if is_bare else "eta")):
        indices = [i for group in tensor.groups for i in group]
        if max(indices, default=0) >= len(ascii_letters):
            raise RequestError(
                f"expected at most {len(ascii_letters)} indices of a term in source, got more; "
                "evaluate the expansion instead"
            )
        subscripts.append("".join(ascii_letters[i] for i in indices))
        operands.append("eta" if tensor.kind == "eta" else names[block_of(tensor)])
    output = ascii_letters[: len(contraction.free)]
    if not output and subscripts == [""]:
        return operands[0]
    pattern = f"{','.join(subscripts)}->{output}"
    return f"numpy.einsum({pattern!r}, {', '.join(operands)}, optimize=True)"


def tensors_source(names: dict[Block, str], decays: list[Any], *, needs_size: bool) -> list[str]:
    """Return the function that averages derivatives over samples.

    Parameters
    ----------
    names
        As `named_blocks` returns them.
    decays
        The weight decay, a number or a symbol, or nothing.
    needs_size
        Whether the number of parameters is a tensor too, because no other tensor has an axis.
    """
    penalised = sorted({k for block in names for k in block.orders(PENALISED)})
    legs = sorted({k for block in names for k in block.orders(LOSS)}.union(penalised))
    tied = sorted({k for block in names if block.is_centred for _, k in block.nodes})
    functions: dict[str, list[int]] = {}
    for block in names:
        if block.is_function:
            functions.setdefault(block.nodes[0][0], []).append(block.nodes[0][1])
    has_visits = any(block.has_visits for block in names)
    first = "n, v" if has_visits else "n"
    comma = "" if has_visits else ","
    needs = ", ".join(f"{k}: shape ({first}{', p' * k}{comma if k == 0 else ''})" for k in legs)
    arguments, notes = [], []
    if functions:
        arguments.append("functions")
        spelled = ", ".join(
            f"{name!r}: {{{', '.join(f'{k}: {_shape(k)}' for k in sorted(orders))}}}"
            for name, orders in sorted(functions.items())
        )
        notes.append(f"functions: {{{spelled}}}")
    has_decay = bool({0, 1, 2}.intersection(penalised))
    if {0, 1}.intersection(penalised):
        arguments.append("start")
        notes.append("start: shape (p,)")
    if has_decay:
        known = [float(decay) for decay in decays if not getattr(decay, "free_symbols", None)]
        arguments.append(f"weight_decay={known[0]!r}" if known else "weight_decay")
        notes.append("weight_decay: a number >= 0")
    also = f" {'; '.join(notes)}." if notes else ""
    lines = [
        '@numpy.errstate(all="ignore")',
        f"def tensors({', '.join(['derivatives', *(['*', *arguments] if arguments else [])])}):",
        f'    """Average per-sample derivatives, {{{needs}}}, into the named tensors.{also}"""',
    ]
    if legs:
        if has_visits:
            lines.append(f"    d, n, v, p = _visits(derivatives, {legs})")
        else:
            lines.append(f"    d, n, p = _arrays(derivatives, {legs})")
    elif functions:
        lines.append("    p = None")
    if tied:
        keys = f"({tied[0]},)" if len(tied) == 1 else str(tuple(tied))
        lines.append(f"    c = {{k: _centred(_centred(d[k])) for k in {keys}}}")
    for k, name in sorted({(b.nodes[0][1], b.nodes[0][0]) for b in names if b.is_function}):
        lines += [
            f"    if {k} not in functions.get({name!r}, {{}}):",
            f'        raise ValueError("expected derivative {k} among those of a function in functions")',
        ]
    if "start" in arguments:
        lines.append('    start = _array("start", start, (p,))')
    if has_decay:
        lines += [
            '    weight_decay = _array("weight_decay", weight_decay, ())',
            "    if weight_decay < 0:",
            '        raise ValueError(f"expected weight_decay >= 0, got {weight_decay}")',
        ]
    if penalised:
        penalty = {
            0: "weight_decay * (start @ start) / 2",
            1: "weight_decay * start",
            2: "weight_decay * numpy.eye(d[2].shape[-1])",
        }
        items = [f"{k}: d[{k}] + {penalty[k]}" for k in penalised if k in penalty]
        lines.append(f"    q = {{**d, {', '.join(items)}}}" if items else "    q = d")
    lines += _by_visit(names)
    values = {name: _average(block) for block, name in names.items()}
    if needs_size:
        values["p"] = (
            "max((numpy.shape(v)[-1] for k, v in derivatives.items() if k > 0), default=0)"
        )
    return [*lines, "    return {", *(f'        "{n}": {v},' for n, v in values.items()), "    }"]


def _by_visit(names: Iterable[Block]) -> list[str]:
    """Return source of arrays with an axis of visits, for the losses that blocks of visits have."""
    return [
        f"    {name}v = {{k: x.reshape(-1, v, *x.shape[1:]) for k, x in {name}.items()}}"
        for name, label in (("d", LOSS), ("q", PENALISED))
        if any(block.has_visits and block.orders(label) for block in names)
    ]


def _shape(legs: int) -> str:
    return f"shape ({', '.join('p' * legs)}{',' if legs == 1 else ''})"


def _average(block: Block) -> str:
    """Return source for the joint moment or cumulant of a block over the samples.

    Cumulants are those of centred derivatives: nothing cancels where means are large.
    """
    if block.is_function:
        label, legs = block.nodes[0]
        p = ", ".join(["p"] * legs)
        shape = f"({p},)" if legs == 1 else f"({p})"
        return (
            f"_array({f'derivative {legs} of a function'!r}, functions[{label!r}][{legs}], {shape})"
        )
    nodes = list(range(len(block.nodes)))
    if block.has_visits:
        return _of_visits(block)
    if not block.is_centred:
        return _moment(block, nodes)
    parts = []
    for partition in set_partitions(len(nodes)):
        blocks = blocks_of(partition)
        k = len(blocks)
        if all(len(part) > 1 for part in blocks):
            number = (-1) ** (k - 1) * factorial(k - 1)
            parts.append(f"{number:+d} * {_product(block, blocks)}")
    return " ".join(parts).removeprefix("+1 * ")


def _letters(block: Block) -> list[str]:
    letters = ascii_letters.replace("n", "")
    total = sum(k for _, k in block.nodes)
    if total > len(letters):
        raise RequestError(
            f"expected at most {len(letters)} indices of a tensor in source, got {total}; evaluate it"
        )
    result = []
    start = 0
    for _, k in block.nodes:
        result.append(letters[start : start + k])
        start += k
    return result


def _moment(block: Block, nodes: list[int]) -> str:
    groups = _letters(block)
    inputs = ",".join("n" + groups[v] for v in nodes)
    output = "".join(groups[v] for v in nodes)
    arrays = []
    for v in nodes:
        label, k = block.nodes[v]
        arrays.append(f"{'c' if block.is_centred else 'd' if label == LOSS else 'q'}[{k}]")
    return f'numpy.einsum("{inputs}->{output}", {", ".join(arrays)}, optimize=True) / n'


def _product(block: Block, blocks: tuple[tuple[int, ...], ...]) -> str:
    if len(blocks) == 1:
        return _moment(block, list(blocks[0]))
    groups = _letters(block)
    inputs = ",".join("".join(groups[v] for v in part) for part in blocks)
    factors = ", ".join(_moment(block, list(part)) for part in blocks)
    return f'numpy.einsum("{inputs}->{"".join(groups)}", {factors}, optimize=True)'


def _of_visits(block: Block) -> str:
    """Return source for a block of several visits, or for a cumulant of conditional cumulants."""
    k = len(block.nodes)
    sizes = block.visits or (k,)
    visits = tuple(i for i, size in enumerate(sizes) for _ in range(size))
    groups, parts = _letters(block), []
    for (pi, rho), number in moments_of_visits((0,) * k, visits, block.basis).items():
        factors = [_mean_of_visits(block, nodes, rho) for nodes in blocks_of(pi)]
        if len(factors) == 1:
            product = factors[0]
        else:
            inputs = ",".join("".join(groups[v] for v in nodes) for nodes in blocks_of(pi))
            output = "".join(groups)
            product = f'numpy.einsum("{inputs}->{output}", {", ".join(factors)}, optimize=True)'
        parts.append(f"{int(number):+d} * {product}")
    return " ".join(parts).removeprefix("+1 * ")


def _mean_of_visits(block: Block, nodes: tuple[int, ...], visits: tuple[int, ...]) -> str:
    """Return source for the mean over datapoints of a product of means over visits."""
    groups = _letters(block)
    inside = sorted({visits[v] for v in nodes})
    letters = dict(zip(inside, reversed(ascii_letters), strict=False))
    if len(inside) + sum(map(len, groups)) > len(ascii_letters) - 1:
        raise RequestError(
            f"expected at most {len(ascii_letters) - 1} indices of a tensor in source, got more; "
            "evaluate it"
        )
    inputs = ",".join(f"n{letters[visits[v]]}{groups[v]}" for v in nodes)
    output = "".join(groups[v] for v in nodes)
    arrays = ", ".join(
        f"{'dv' if block.nodes[v][0] == LOSS else 'qv'}[{block.nodes[v][1]}]" for v in nodes
    )
    below = "n" if len(inside) == 1 else f"(n * v ** {len(inside) - 1})"
    return f'numpy.einsum("{inputs}->{output}", {arrays}, optimize=True) / {below}'
