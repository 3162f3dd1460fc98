"""Datapoints by number in the order in which a reader meets them."""

from __future__ import annotations

from sgdiagrams.symbolic.algebra.estimators.kernel import (
    Circle,
    Derivative,
    Dot,
    KernelFactor,
    KernelSum,
    KernelTerm,
    reading_place,
)

__all__ = ["by_appearance"]


def by_appearance(kernel: KernelSum, expanded: KernelSum) -> tuple[KernelSum, KernelSum]:
    """Return a kernel in both forms with datapoints numbered as they appear in the first."""
    numbers: dict[int, int] = {0: 0}
    _number(kernel, numbers)
    _number(expanded, numbers)
    return _renamed(kernel, numbers), _renamed(expanded, numbers)


def _number(combination: KernelSum, numbers: dict[int, int]) -> None:
    for _, factors in combination.terms:
        for factor in sorted(factors, key=reading_place):
            match factor:
                case Derivative():
                    numbers.setdefault(factor.datapoint, len(numbers))
                    for argument in factor.arguments:
                        _number(argument, numbers)
                case Circle():
                    for _, datapoint in factor.nodes:
                        numbers.setdefault(datapoint, len(numbers))
                case Dot(one, other):
                    _number(one, numbers)
                    _number(other, numbers)
                case KernelSum():
                    _number(factor, numbers)


def _renamed(combination: KernelSum, numbers: dict[int, int]) -> KernelSum:
    return KernelSum(
        tuple(
            KernelTerm(c, tuple(_factor(factor, numbers) for factor in factors))
            for c, factors in combination.terms
        )
    )


def _factor(factor: KernelFactor, numbers: dict[int, int]) -> KernelFactor:
    match factor:
        case Derivative():
            arguments = tuple(_renamed(a, numbers) for a in factor.arguments)
            return factor._replace(datapoint=numbers[factor.datapoint], arguments=arguments)
        case Circle():
            nodes = tuple((label, numbers[datapoint]) for label, datapoint in factor.nodes)
            return factor._replace(nodes=nodes)
        case Dot(one, other):
            return Dot(_renamed(one, numbers), _renamed(other, numbers))
        case _:
            return _renamed(factor, numbers)
