"""What the loss of one datapoint costs in JAX, read off its traced program; runs nothing."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["gradient_operations", "intermediate_bytes"]


def gradient_operations(loss: Callable[..., Any], weights: Any, datapoint: Any) -> float:
    """Return the floating-point operations of a gradient, about."""
    import jax

    costs = jax.jit(jax.grad(loss)).lower(weights, datapoint).cost_analysis()
    if isinstance(costs, list):  # one for each device, in some versions
        costs = costs[0]
    return max(float((costs or {}).get("flops", 0)), 1.0)


def intermediate_bytes(loss: Callable[..., Any], weights: Any, datapoint: Any) -> float:
    """Return the bytes of all that depends on the datapoint while its loss is computed."""
    import jax

    closed = jax.make_jaxpr(loss)(weights, datapoint)
    first = len(jax.tree.leaves(weights))
    depends = [i >= first for i in range(len(closed.jaxpr.invars))]
    return float(_bytes(closed.jaxpr, depends))


def _bytes(jaxpr: Any, depends: list[bool]) -> int:
    marked = {var for var, mark in zip(jaxpr.invars, depends, strict=True) if mark}
    total = sum(_size(var) for var in marked)
    for equation in jaxpr.eqns:
        # Literals are numbers in the program, without a name.
        marks = [not hasattr(var, "val") and var in marked for var in equation.invars]
        if not any(marks):
            continue
        marked |= set(equation.outvars)
        inner = [*_programs(equation.params.values())]
        length = int(equation.params.get("length", 1) or 1)
        for program in inner:
            # Arguments of loops and conditions do not match one to one: all are taken to depend.
            total += length * _bytes(program, [True] * len(program.invars))
        if not inner:
            total += sum(_size(var) for var in equation.outvars)
    return total


def _programs(values: Any) -> Any:
    for value in values:
        if isinstance(value, (tuple, list)):
            yield from _programs(value)
        elif hasattr(value, "jaxpr"):  # closed
            yield value.jaxpr
        elif hasattr(value, "eqns"):
            yield value


def _size(var: Any) -> int:
    return int(prod(var.aval.shape)) * int(getattr(var.aval.dtype, "itemsize", 4))
