"""Where a loss in JAX is linear piece by piece, read off its traced program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["jax_kinks"]

_KINKS = {
    *("abs", "sign", "max", "min", "clamp", "round", "floor", "ceil", "sort", "top_k"),
    *("reduce_max", "reduce_min", "reduce_window_max", "reduce_window_min", "cummax", "cummin"),
    "select_and_scatter_add",
}
#: Functions of JAX with derivatives of their own that have kinks; its others of this kind are smooth.
_OWN = frozenset({"relu", "relu6"})
_POSITIVE = frozenset({"exp", "exp2", "logistic", "square", "cosh"})
_STAYS_POSITIVE = frozenset(
    (
        "reduce_sum",
        "add",
        "mul",
        "div",
        "sqrt",
        "rsqrt",
        "broadcast_in_dim",
        "reshape",
        "squeeze",
        "transpose",
    )
)
_PLAIN = frozenset({"_where", "<lambda>"})  # names that say nothing


def jax_kinks(loss: Callable[..., Any], weights: Any, datapoint: Any) -> tuple[str, ...]:
    """Return names of the operations with kinks through which the loss depends on the weights."""
    import jax

    program = jax.make_jaxpr(loss)(weights, datapoint).jaxpr
    count = len(jax.tree.leaves(weights))
    moves = [i < count for i in range(len(program.invars))]
    kinks: dict[str, None] = {}
    _Walk(kinks).walk(program, moves, moves, [True] * len(program.outvars), "")
    return tuple(kinks)


class _Walk:
    """Goes through a program: forwards for what moves with the weights, backwards for what counts."""

    def __init__(self, kinks: dict[str, None]) -> None:
        self.kinks = kinks

    def walk(
        self, program: Any, moves: list[bool], jumps: list[bool], counts: list[bool], name: str
    ) -> None:
        """Collect kinks of one program.

        Parameters
        ----------
        program
            A program of JAX.
        moves, jumps
            Of its arguments: whether they move with the weights, and whether they do at least in jumps,
            as comparisons do.
        counts
            Of its results: whether the loss depends on them.
        name
            Of the function around it.
        """
        moving = {var for var, mark in zip(program.invars, moves, strict=True) if mark}
        jumping = {var for var, mark in zip(program.invars, jumps, strict=True) if mark}
        positive: set[Any] = set()
        for equation in program.eqns:
            inputs = [var for var in equation.invars if _is_named(var)]
            if not any(var in jumping for var in inputs):
                continue
            jumping.update(equation.outvars)
            kind = equation.primitive.name
            stays = kind in _STAYS_POSITIVE and all(var in positive for var in inputs)
            if stays or kind in _POSITIVE:
                positive.update(equation.outvars)
            if kind != "stop_gradient" and any(var in moving for var in inputs):
                moving.update(var for var in equation.outvars if _is_float(var))
        needed = {
            v for v, mark in zip(program.outvars, counts, strict=True) if mark and _is_named(v)
        }
        for equation in reversed(program.eqns):
            if not any(var in needed and var in moving for var in equation.outvars):
                continue
            needed.update(var for var in equation.invars if _is_named(var))
            own, is_known = _function_name(equation)
            named = name if not own or own in _PLAIN else own
            if (is_known and own in _OWN) or _has_kink(equation, jumping, positive):
                self.kinks.setdefault(named or equation.primitive.name)
            if is_known:
                continue
            for inner in _inner(equation.params.values()):
                self._go_into(inner, equation, moving, jumping, needed, named)

    def _go_into(
        self,
        program: Any,
        equation: Any,
        moving: set[Any],
        jumping: set[Any],
        needed: set[Any],
        name: str,
    ) -> None:
        moves = [_is_named(var) and var in moving for var in equation.invars]
        jumps = [_is_named(var) and var in jumping for var in equation.invars]
        if len(program.invars) != len(moves):  # loops and conditions: everything may move
            moves = jumps = [True] * len(program.invars)
        counts = [True] * len(program.outvars)
        if len(counts) == len(equation.outvars):
            counts = [var in needed for var in equation.outvars]
        self.walk(program, moves, jumps, counts, name)


def _has_kink(equation: Any, jumping: set[Any], positive: set[Any]) -> bool:
    kind, inputs = equation.primitive.name, equation.invars
    if kind == "select_n":
        return _is_named(inputs[0]) and inputs[0] in jumping
    if kind in {"abs", "sign"} and _is_named(inputs[0]) and inputs[0] in positive:
        return False
    return kind in _KINKS


def _function_name(equation: Any) -> tuple[str, bool]:
    # With it: whether it is a function of JAX that has a derivative of its own.
    inner = equation.params.get("call_jaxpr")
    if not equation.primitive.name.startswith(("custom_jvp", "custom_vjp")) or inner is None:
        return str(equation.params.get("name", "")), False
    about = getattr(getattr(inner, "jaxpr", inner), "debug_info", None)
    source = str(getattr(about, "func_src_info", "")).replace("\\", "/")
    return str(getattr(about, "func_name", "")), "/jax/_src/" in source


def _is_named(var: Any) -> bool:
    return not hasattr(var, "val")  # literals are numbers in the program, without a name


def _is_float(var: Any) -> bool:
    return str(var.aval.dtype).startswith(("float", "bfloat", "complex"))


def _inner(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (tuple, list)):
            yield from _inner(value)
        elif hasattr(value, "jaxpr"):
            yield value.jaxpr
        elif hasattr(value, "eqns"):
            yield value
