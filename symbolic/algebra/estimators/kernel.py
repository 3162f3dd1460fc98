r"""Kernels of estimators as data: sums of products of derivatives at single datapoints, along vectors.

A `Derivative` is :math:`\nabla^k l_x[v_1, v_2, \dots]`: each of its arguments is a vector, itself a sum.
Legs that are left open make it a vector, or a tensor, of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sympy import Integer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sympy import Expr

__all__ = [
    "OPEN",
    "Circle",
    "Derivative",
    "Dot",
    "KernelFactor",
    "KernelSum",
    "KernelTerm",
    "derivatives_in",
    "reading_place",
]

#: The leg that joins an argument to the derivative that it is an argument of, or one side of a scalar
#: product to the other.
OPEN = -1


class Derivative(NamedTuple):
    """A derivative of the loss at a datapoint, or of a function of the weights, along vectors.

    Attributes
    ----------
    label
        ``"loss"``, ``"penalised-loss"``, or the name of a function.
    datapoint
        Its number from 1 on; 0 for functions.
    arguments
        The vectors that legs are contracted with.
    free
        The legs that are not: `OPEN`, and the numbers of free legs of the whole.
    loops
        How many times two legs meet each other: 1 for the trace of a Hessian.
    """

    label: str
    datapoint: int
    arguments: tuple[KernelSum, ...]
    free: tuple[int, ...]
    loops: int = 0

    @property
    def degree(self) -> int:
        """How many times is differentiated."""
        return len(self.arguments) + len(self.free) + 2 * self.loops


class Dot(NamedTuple):
    """The scalar product of two vectors."""

    one: KernelSum
    other: KernelSum


class Circle(NamedTuple):
    """Derivatives contracted along circles of several, such as the trace of a product of Hessians.

    Attributes
    ----------
    name
        ``"~circle"``.
    nodes
        The label and the datapoint of every derivative.
    edges
        Pairs of nodes; twice the same where two legs of one node meet.
    free
        The node that each of the free legs hangs on.
    numbers
        The numbers of these legs.
    """

    name: str
    nodes: tuple[tuple[str, int], ...]
    edges: tuple[tuple[int, int], ...]
    free: tuple[int, ...]
    numbers: tuple[int, ...]

    @property
    def degrees(self) -> tuple[int, ...]:
        """How many times is differentiated at every node."""
        ends = [v for edge in self.edges for v in edge] + list(self.free)
        return tuple(ends.count(v) for v in range(len(self.nodes)))


class KernelTerm(NamedTuple):
    """A coefficient times derivatives, scalar products, circles, and sums in parentheses."""

    coefficient: Expr
    factors: tuple[KernelFactor, ...]


class KernelSum(NamedTuple):
    """A sum of products: a number, or a vector or tensor where they have open legs."""

    terms: tuple[KernelTerm, ...]

    @property
    def is_one(self) -> bool:
        """Whether it is the number 1."""
        return self.terms == (KernelTerm(Integer(1), ()),)


KernelFactor: TypeAlias = Derivative | Dot | Circle | KernelSum


def reading_place(factor: KernelFactor) -> tuple[int, int]:
    """Return what comes first in a product: losses, other numbers, then vectors by their legs."""
    match factor:
        case Derivative():
            return (2, min(factor.free)) if factor.free else (0, 0)
        case Circle():
            return (2, min(factor.numbers)) if factor.numbers else (1, 0)
        case _:
            return 1, 0


def derivatives_in(kernel: KernelSum) -> Iterator[Derivative | Circle]:
    """Yield all derivatives and circles of a kernel: arguments before what they are arguments of.

    Each comes once, in the order in which a reader meets them otherwise.
    """
    seen: dict[Derivative | Circle, None] = {}

    def visit(combination: KernelSum) -> Iterator[Derivative | Circle]:
        for term in combination.terms:
            for factor in term.factors:
                match factor:
                    case Derivative():
                        if factor in seen:
                            continue
                        for argument in factor.arguments:
                            yield from visit(argument)
                        seen[factor] = None
                        yield factor
                    case Circle():
                        if factor not in seen:
                            seen[factor] = None
                            yield factor
                    case Dot(one, other):
                        yield from visit(one)
                        yield from visit(other)
                    case KernelSum():
                        yield from visit(factor)

    yield from visit(kernel)
