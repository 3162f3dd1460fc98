"""Kernels as source for models in JAX and PyTorch: nested derivatives along vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import how_many
from sgdiagrams.symbolic.algebra.estimators.code_of_numbers import (
    checked_symbols,
    functions_in,
    has_penalty,
    scaled_source,
    signed_sum,
)
from sgdiagrams.symbolic.algebra.estimators.kernel import (
    Circle,
    Derivative,
    Dot,
    KernelSum,
    derivatives_in,
)
from sgdiagrams.symbolic.algebra.estimators.kernel_layout import datapoint_names, kernel_text
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.algebra.estimators.kernel import KernelFactor, KernelTerm

__all__ = ["nested_code"]

_HELPERS = {
    "jax": '''

def derivative(function, weights, *vectors):
    """Return the derivative of a function along vectors with one leg left open: a vector."""
    gradient = jax.grad(function)
    for vector in vectors:
        gradient = along(gradient, vector)
    return gradient(weights)


def along(function, vector):
    """Return the derivative of a function along a vector, a function."""
    return lambda weights: jax.jvp(function, (weights,), (vector,))[1]


def dot(one, other):
    """Return the scalar product of two vectors."""
    return sum(
        (a * b).sum() for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    )


def combined(*terms):
    """Return a sum of numbers times vectors."""
    numbers, vectors = zip(*terms, strict=True)
    return jax.tree.map(
        lambda *leaves: sum(c * leaf for c, leaf in zip(numbers, leaves, strict=True)), *vectors
    )
''',
    "torch": '''

def derivative(function, weights, *vectors):
    """Return the derivative of a function along vectors with one leg left open: a vector.

    By reverse mode again and again: nested forward mode is wrong for more operations of PyTorch.
    """
    leaves = [leaf.detach().requires_grad_() for leaf in leaves_of(weights)]
    value = function(like(weights, leaves))
    for vector in vectors:
        parts = gradients(value, leaves, graph=True)
        value = sum((a * b).sum() for a, b in zip(parts, leaves_of(vector), strict=True))
    return like(weights, gradients(value, leaves, graph=False))


def gradients(value, leaves, *, graph):
    """Return the derivatives of a number; 0 where it depends on the weights no more."""
    if not value.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    return torch.autograd.grad(value, leaves, create_graph=graph, materialize_grads=True)


def dot(one, other):
    """Return the scalar product of two vectors."""
    return sum((a * b).sum() for a, b in zip(leaves_of(one), leaves_of(other), strict=True))


def combined(*terms):
    """Return a sum of numbers times vectors."""
    numbers, vectors = zip(*terms, strict=True)
    columns = zip(*map(leaves_of, vectors), strict=True)
    leaves = [sum(c * leaf for c, leaf in zip(numbers, column, strict=True)) for column in columns]
    return like(vectors[0], leaves)


def leaves_of(weights):
    """Return the tensors of weights: one, or those in a dictionary, list or tuple."""
    if isinstance(weights, torch.Tensor):
        return [weights]
    return list(weights.values() if isinstance(weights, dict) else weights)


def like(weights, leaves):
    """Return tensors in the structure of the weights."""
    if isinstance(weights, torch.Tensor):
        return leaves[0]
    if isinstance(weights, dict):
        return dict(zip(weights, leaves, strict=True))
    return type(weights)(leaves)
''',
}
_LAPLACIANS = {
    "jax": '''

def laplacian(function):
    """Return the trace of a function's Hessian, a function: derivatives along all unit vectors."""

    def trace(weights):
        leaves, structure = jax.tree.flatten(weights)

        def second(place):
            vectors, start = [], 0
            for leaf in leaves:
                unit = jax.numpy.arange(start, start + leaf.size) == place
                vectors.append(unit.astype(leaf.dtype).reshape(leaf.shape))
                start += leaf.size
            vector = jax.tree.unflatten(structure, vectors)
            return along(along(function, vector), vector)(weights)

        return jax.lax.map(second, jax.numpy.arange(sum(leaf.size for leaf in leaves))).sum()

    return trace
''',
    "torch": '''

def laplacian(function):
    """Return the trace of a function's Hessian, a function: its rows one after the other."""

    def trace(weights):
        leaves = leaves_of(weights)
        if not any(leaf.requires_grad for leaf in leaves):
            leaves = [leaf.detach().requires_grad_() for leaf in leaves]
        total = torch.zeros(())
        parts = gradients(function(like(weights, leaves)), leaves, graph=True)
        for leaf, part in zip(leaves, parts, strict=True):
            for place, entry in enumerate(part.reshape(-1)):
                total = total + gradients(entry, [leaf], graph=True)[0].reshape(-1)[place]
        return total

    return trace
''',
}
_PENALISED = '''

def squared_length(weights):
    """Return the sum of the squares of all weights."""
    return dot(weights, weights)
'''
_WEIGHTS = {
    "jax": "weights: any pytree of floating arrays",
    "torch": "weights: a tensor, or a dictionary, list or tuple of tensors",
}


def nested_code(kernel: KernelSum, rank: int, datapoints: int, *, library: str) -> str:
    """Return the source of ``estimate``, which needs nothing but the library, ``"jax"`` or ``"torch"``.

    Raises
    ------
    RequestError
        When there are several free legs, or circles, or a symbol is no name in Python.
    """
    if rank > 1:
        raise RequestError(
            f"expected at most one free leg for {library}, got {rank}, which are p^{rank} numbers; "
            "contract legs, or take library='numpy'"
        )
    if any(isinstance(part, Circle) for part in derivatives_in(kernel)):
        raise RequestError(
            f"expected trees, and traces of single derivatives, for {library}, got a circle of several; "
            "take library='numpy'"
        )
    names = datapoint_names(datapoints)
    count = how_many(datapoints, "datapoint")
    symbols = checked_symbols(kernel, {*names, library, *_WORDS})
    functions = functions_in(kernel)
    options = [*(["functions"] if functions else []), *symbols]
    options += ["weight_decay"] if has_penalty(kernel) else []
    arguments = ["loss", "weights", *names, *(["*", *options] if options else [])]
    code = _Code(names, library)
    result = code.vector(kernel) if rank else code.number(kernel)
    words = kernel_text(kernel, rank, datapoints)
    kind = "a vector in the structure of the weights" if rank else "a number"
    notes = [
        f"    loss: loss(weights, datapoint), a scalar; {_WEIGHTS[library]};",
        f"    {', '.join(names) or 'no datapoint'}: independent datapoints.",
    ]
    if functions:
        notes.append("    functions: name -> function of the weights, a scalar.")
    lines = [
        f'"""Unbiased estimate from {count}, written by sgdiagrams."""',
        "",
        f"import {library}",
        "",
        "",
        f"def estimate({', '.join(arguments)}):",
        f'    """Return {words}, {kind}.',
        "",
        *notes,
        '    """',
        *(f"    {line}" for line in code.lines),
        f"    return {result}",
    ]
    text = "\n".join(lines) + "\n" + _HELPERS[library]
    if any(isinstance(part, Derivative) and part.loops for part in derivatives_in(kernel)):
        text += _LAPLACIANS[library]
    return text + _PENALISED if has_penalty(kernel) else text


_WORDS = (
    "derivative",
    "gradients",
    "along",
    "dot",
    "combined",
    "leaves_of",
    "like",
    "squared_length",
    "laplacian",
)


class _Code:
    """Lines that work out the derivatives of a kernel, each once."""

    def __init__(self, names: Sequence[str], library: str) -> None:
        self.names = names
        self.library = library
        self.lines: list[str] = []
        self.known: dict[object, str] = {}

    def number(self, combination: KernelSum) -> str:
        """Return the source of a number."""
        return signed_sum(
            scaled_source(c, " * ".join(map(self._number, factors)))
            for c, factors in combination.terms
        )

    def _number(self, factor: KernelFactor) -> str:
        match factor:
            case Dot(one, other):
                return f"dot({self.vector(one)}, {self.vector(other)})"
            case Derivative():
                return self._derivative(factor)
            case _:
                return f"({self.number(factor)})"  # type: ignore[arg-type]  # no circles

    def vector(self, combination: KernelSum) -> str:
        """Return the source of a vector."""
        terms = combination.terms
        if not terms:
            return "combined((0, weights))"
        if len(terms) == 1 and terms[0].coefficient == 1 and len(terms[0].factors) == 1:
            return self._vector(terms[0])[1]
        return f"combined({', '.join(f'({c}, {v})' for c, v in map(self._vector, terms))})"

    def _vector(self, term: KernelTerm) -> tuple[str, str]:
        """Return a number and a vector whose product a term is."""
        numbers, vector = [], ""
        for factor in term.factors:
            if isinstance(factor, Derivative) and factor.free:
                vector = self._derivative(factor)
            else:
                numbers.append(self._number(factor))
        return scaled_source(term.coefficient, " * ".join(numbers)), vector

    def _derivative(self, node: Derivative) -> str:
        # What is known may be needed with the leg open or free: the same vector.
        key = node._replace(free=node.free[:0], arguments=node.arguments), bool(node.free)
        if key not in self.known:
            function = self._function(node.label, node.datapoint, node.loops)
            arguments = ", ".join(map(self.vector, node.arguments))
            if node.free:
                source = f"derivative({function}, weights{', ' * bool(arguments)}{arguments})"
            else:
                source = f"{function}(weights){'.detach()' * (self.library == 'torch')}"
            name = f"v{sum(n.startswith('v') for n in self.known.values()) + 1}"
            self.known[key] = name
            self.lines.append(f"{name} = {source}")
        return self.known[key]

    def _function(self, label: str, datapoint: int, loops: int = 0) -> str:
        """Return the source of a function of the weights alone."""
        if loops:
            return f"laplacian({self._function(label, datapoint, loops - 1)})"
        if label not in (LOSS, PENALISED):
            return f'functions["{label}"]'
        key = label, datapoint
        if key not in self.known:
            point = self.names[datapoint - 1]
            loss = f"loss(weights, {point})"
            if label == PENALISED:
                loss += " + weight_decay * squared_length(weights) / 2"
            self.known[key] = f"{'penalised' if label == PENALISED else 'loss'}_{point}"
            self.lines.append(f"{self.known[key]} = lambda weights: {loss}")
        return self.known[key]
