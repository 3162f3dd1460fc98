"""Kernels as NumPy source for dense derivatives."""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.messages import how_many
from sgdiagrams.symbolic.algebra.estimators.code_of_numbers import (
    checked_symbols,
    functions_in,
    has_penalty,
    scaled_source,
    signed_sum,
)
from sgdiagrams.symbolic.algebra.estimators.kernel import (
    OPEN,
    Circle,
    Derivative,
    Dot,
    KernelSum,
    derivatives_in,
)
from sgdiagrams.symbolic.algebra.estimators.kernel_layout import datapoint_names, kernel_text
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.symbolic.algebra.estimators.kernel import KernelFactor, KernelTerm

__all__ = ["dense_code"]

_PENALISED = '''

def penalised(x, start, weight_decay):
    """Return the derivatives of a loss with the penalty weight_decay |weights|^2 / 2."""
    penalty = {{0: start @ start / 2, 1: start, 2: numpy.eye(len(start), dtype=int)}}
    return {{k: array + weight_decay * penalty[k] if k in penalty else array for k, array in x.items()}}
'''
_AVERAGE = '''

def average(samples{keywords}):
    """Return the mean of the estimates over all tuples of different samples.

    samples: order of the derivative -> array with the sample axis first. All tuples are gone through, one
    by one: their number grows like the number of samples to the power {count}.
    """
    size = len(next(iter(samples.values())))
    if size < {count}:
        raise ValueError(f"expected at least {count} samples, got {{size}}")
    rows = [{{k: array[i] for k, array in samples.items()}} for i in range(size)]
    tuples = itertools.permutations(rows, {count})
    return sum(estimate(*points{passed}) for points in tuples) / math.perm(size, {count})
'''


def dense_code(kernel: KernelSum, rank: int, datapoints: int) -> str:
    """Return the source of ``estimate`` and ``average``, which need nothing but NumPy.

    Raises
    ------
    RequestError
        When a symbol is no name in Python.
    """
    names = datapoint_names(datapoints)
    count = how_many(datapoints, "datapoint")
    symbols = checked_symbols(kernel, {*names, "itertools", "math", "numpy"})
    functions = functions_in(kernel)
    options = [*(["functions"] if functions else []), *symbols]
    options += ["start", "weight_decay"] if has_penalty(kernel) else []
    keywords = f", *, {', '.join(options)}" if options else ""
    arguments = ", ".join([*names, *(["*", *options] if options else [])])
    passed = "".join(f", {name}={name}" for name in options)
    code = _Code(names)
    result = code.sum(kernel, tuple(range(rank)))
    axes = f", shape ({', '.join('p' * rank)}{',' * (rank == 1)})" if rank else ""
    words = kernel_text(kernel, rank, datapoints)
    lines = [
        f'"""Unbiased estimate from {count}, written by sgdiagrams."""',
        "",
        "import itertools",
        "import math",
        "",
        "import numpy",
        "",
        "",
        f"def estimate({arguments}):",
        f'    """Return {words}{axes}.',
        "",
        f"    {', '.join(names) or 'no datapoint'}: order -> derivative of the loss of one datapoint.",
        *(
            ["    functions: name -> order -> array, derivatives of functions of the weights."]
            if functions
            else []
        ),
        '    """',
        *(
            f"    {name}_penalised = penalised({name}, start, weight_decay)"
            for name in names
            if has_penalty(kernel)
        ),
        *(f"    {line}" for line in code.lines),
        f"    return {result}",
    ]
    text = "\n".join(lines) + "\n"
    if datapoints:
        text += _AVERAGE.format(keywords=keywords, count=datapoints, passed=passed)
    if has_penalty(kernel):
        text += _PENALISED.format()
    return text


class _Code:
    """Lines that work out the derivatives of a kernel, each once."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.lines: list[str] = []
        self.known: dict[KernelFactor, str] = {}

    def sum(self, combination: KernelSum, legs: tuple[int, ...]) -> str:
        """Return the source of a sum with axes for some legs."""
        for part in derivatives_in(combination):
            self._define(part)
        return signed_sum(self._term(term, legs) for term in combination.terms)

    def _term(self, term: KernelTerm, legs: tuple[int, ...]) -> str:
        numbers: list[tuple[str, tuple[int, ...]]] = []
        tensors: list[tuple[str, tuple[int, ...]]] = []
        for factor in term.factors:
            own = _legs(factor)
            (tensors if own else numbers).append((self._factor(factor), own))
        body = " * ".join(source for source, _ in numbers)
        if len(tensors) == 1 and tensors[0][1] == legs:
            body = " * ".join(filter(None, [body, tensors[0][0]]))
        elif tensors:
            product = _einsum([own for _, own in tensors], legs, [source for source, _ in tensors])
            body = " * ".join(filter(None, [body, product]))
        return scaled_source(term.coefficient, body)

    def _factor(self, factor: KernelFactor) -> str:
        match factor:
            case Derivative() | Circle():
                return self.known[factor]
            case Dot(one, other):
                sides = (self.sum(side, (OPEN,)) for side in (one, other))
                return f"({' @ '.join(_operand(side) for side in sides)})"
            case _:
                return f"({self.sum(factor, ())})"

    def _define(self, part: Derivative | Circle) -> None:
        if part in self.known:
            return
        if isinstance(part, Circle):
            letters: list[list[int]] = [[] for _ in part.nodes]
            for number, v in zip(part.numbers, part.free, strict=True):
                letters[v].append(number)
            for e, edge in enumerate(part.edges):
                for v in edge:
                    letters[v].append(1000 + e)
            arrays = [
                self._array(*kind, len(own)) for kind, own in zip(part.nodes, letters, strict=True)
            ]
            source = _einsum(letters, sorted(part.numbers), arrays)
        elif not part.arguments and not part.loops:
            source = self._array(part.label, part.datapoint, part.degree)
        else:
            own = [*part.free, *(1000 + i for i in range(len(part.arguments)))]
            own += [2000 + i for i in range(part.loops) for _ in range(2)]
            axes = [own]
            operands = [self._array(part.label, part.datapoint, part.degree)]
            for i, argument in enumerate(part.arguments):
                legs = _legs_of_sum(argument)
                operands.append(self.sum(argument, legs))
                axes.append([1000 + i if leg == OPEN else leg for leg in legs])
            source = _einsum(axes, _legs(part), operands)
        self.known[part] = f"v{len(self.known) + 1}"
        self.lines.append(f"{self.known[part]} = {source}")

    def _array(self, label: str, datapoint: int, degree: int) -> str:
        if label == LOSS:
            return f"{self.names[datapoint - 1]}[{degree}]"
        if label == PENALISED:
            return f"{self.names[datapoint - 1]}_penalised[{degree}]"
        return f'functions["{label}"][{degree}]'


def _operand(source: str) -> str:
    return f"({source})" if " " in source else source


def _einsum(axes: Iterable[Sequence[int]], output: Sequence[int], operands: Sequence[str]) -> str:
    letters: dict[int, str] = {}
    inputs = [
        "".join(letters.setdefault(axis, ascii_lowercase[len(letters)]) for axis in own)
        for own in axes
    ]
    result = "".join(letters[axis] for axis in output)
    options = ", optimize=True" if len(inputs) > 2 else ""
    return f'numpy.einsum("{",".join(inputs)}->{result}", {", ".join(operands)}{options})'


def _legs(factor: KernelFactor) -> tuple[int, ...]:
    """Return the open legs of a factor, in order."""
    match factor:
        case Derivative():
            inside = [leg for a in factor.arguments for leg in _legs_of_sum(a) if leg != OPEN]
            return tuple(sorted((*factor.free, *inside)))
        case Circle():
            return tuple(sorted(factor.numbers))
        case _:
            return ()


def _legs_of_sum(combination: KernelSum) -> tuple[int, ...]:
    return tuple(sorted(leg for factor in combination.terms[0].factors for leg in _legs(factor)))
