"""Expansions as standalone NumPy source."""

from __future__ import annotations

import keyword
from math import factorial
from string import ascii_letters
from typing import TYPE_CHECKING

from sympy import Symbol
from sympy.printing.numpy import NumPyPrinter

from sgdiagrams.diagrams.partitions import blocks_of, set_partitions
from sgdiagrams.symbolic.notation import Tensor, operand_name, walk

if TYPE_CHECKING:
    from sgdiagrams.symbolic.expansion import Expansion

__all__ = ["numpy_source"]


def numpy_source(expansion: Expansion) -> str:
    """Return Python source with two functions, which needs nothing but NumPy.

    ``tensors(derivatives)`` averages arrays of per-sample derivatives, ``{1: g, 2: h, ...}`` with the
    sample axis first, into the named tensors; ``orders(tensors, *, eta, ...)`` returns the contribution
    of every order. The samples count as the whole population.

    Examples
    --------
    >>> from sgdiagrams.symbolic import expand
    >>> namespace = {}
    >>> exec(expand("test-loss", order=1, sampling="one-pass").python(), namespace)
    >>> values = {0: [2.0, 4.0], 1: [[1.0], [3.0]]}
    >>> print(namespace["orders"](namespace["tensors"](values), eta=0.5, T=3))
    [ 3. -6.]
    """
    tensors: dict[str, Tensor] = {}
    for term in expansion.terms:
        for tensor in walk(term.contraction):
            if tensor.kind == "block":
                tensors.setdefault(operand_name(tensor), tensor)
    # Cumulants are made of means, so singles come first.
    ordered = sorted(tensors, key=lambda name: (len(tensors[name].groups), name))
    legs = sorted({len(g) for tensor in tensors.values() for g in tensor.groups})
    needs = ", ".join(f"{k}: shape (n{', p' * k}{',' if k == 0 else ''})" for k in legs)
    # A user's symbol may be called anything; one that the source cannot use as it is gets an alias.
    taken = {*tensors, *keyword.kwlist, "tensors", "eta", "numpy", "p", "result", "others"}
    plain = [s for s in expansion.symbols if s.isidentifier() and s not in taken]
    aliases = {s: f"number_{i}" for i, s in enumerate(expansion.symbols) if s not in plain}
    renamed = {Symbol(name): Symbol(alias) for name, alias in aliases.items()}
    lines = [
        f'"""{expansion.text().splitlines()[0]}, written by sgdiagrams."""',
        "",
        "import numpy",
        "",
        "",
        "def tensors(derivatives):",
        f'    """Average per-sample derivatives, {{{needs}}}, into the named tensors."""',
        "    d = {k: numpy.asarray(v, dtype=float) for k, v in derivatives.items()}",
        f"    n = len(d[{legs[0]}])" if legs else "    n = 1",
        "    return {",
        *(f'        "{name}": {_average(tensors[name])},' for name in ordered),
        "    }",
        "",
        "",
        f"def orders(tensors, /, *, {', '.join(['eta', *plain, *(['**others'] if aliases else [])])}):",
        '    """Return the contributions of all orders; eta: scalar, (p,) or (p, p)."""',
        *(f"    {alias} = others[{name!r}]" for name, alias in aliases.items()),
    ]
    lines += [f'    {name} = tensors["{name}"]' for name in ordered]
    dimensioned = next((n for n in ordered if len(tensors[n].groups[0]) > 0), None)
    if dimensioned:
        lines += [
            f"    p = {dimensioned}.shape[0]",
            "    eta = numpy.asarray(eta, dtype=float)",
            "    eta = eta if eta.ndim == 2 else eta * numpy.eye(p)",
        ]
    lines.append(f"    result = numpy.zeros({expansion.order + 1})")
    printer = NumPyPrinter({"fully_qualified_modules": True})
    for term in expansion.terms:
        weight = printer.doprint(term.weight.subs(renamed))
        value = printer.doprint(term.contraction.with_metric("eta"))
        lines.append(f"    result[{term.order}] += ({weight}) * {value}")
    lines += ["    return result", ""]
    return "\n".join(lines)


def _average(tensor: Tensor) -> str:
    """Return source for the joint moment or cumulant of a block over the samples."""
    legs = [len(group) for group in tensor.groups]
    if tensor.basis != "cumulant" or len(legs) == 1:
        return _moment(legs, list(range(len(legs))), legs)
    parts = []
    for partition in set_partitions(len(legs)):
        blocks = blocks_of(partition)
        k = len(blocks)
        number = (-1) ** (k - 1) * factorial(k - 1)
        parts.append(f"{number:+d} * {_product(legs, blocks)}")
    return " ".join(parts).removeprefix("+1 * ")


def _letters(legs: list[int]) -> list[str]:
    letters = ascii_letters.replace("n", "")
    result = []
    start = 0
    for k in legs:
        result.append(letters[start : start + k])
        start += k
    return result


def _moment(legs: list[int], nodes: list[int], all_legs: list[int]) -> str:
    groups = _letters(all_legs)
    inputs = ",".join("n" + groups[v] for v in nodes)
    output = "".join(groups[v] for v in nodes)
    arrays = ", ".join(f"d[{legs[v]}]" for v in nodes)
    return f'numpy.einsum("{inputs}->{output}", {arrays}, optimize=True) / n'


def _product(legs: list[int], blocks: tuple[tuple[int, ...], ...]) -> str:
    if len(blocks) == 1:
        return _moment(legs, list(blocks[0]), legs)
    groups = _letters(legs)
    inputs = ",".join("".join(groups[v] for v in block) for block in blocks)
    factors = ", ".join(_moment(legs, list(block), legs) for block in blocks)
    return f'numpy.einsum("{inputs}->{"".join(groups)}", {factors}, optimize=True)'
