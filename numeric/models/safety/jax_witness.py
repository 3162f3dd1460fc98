"""Models in JAX under questioning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shortened
from sgdiagrams.numeric.models.jax_model import precision
from sgdiagrams.numeric.models.safety.jax_programs import jax_kinks
from sgdiagrams.numeric.models.safety.witness import Suspect, Witness

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["JaxWitness"]


@final
class JaxWitness(Witness):
    """Two datapoints of a model in JAX, in float64: nested `jvp` against reverse mode again and again.

    Parameters
    ----------
    model
        A `JaxModel`.
    rows
        Two datapoints.
    """

    __slots__ = ("_compiled", "_loss", "_model", "_points", "_start", "is_double", "leaves")

    def __init__(self, model: Any, rows: NDArray[np.intp]) -> None:
        import jax

        double = np.dtype(np.float64)
        self._model = model
        self._start = np.asarray(model.start, dtype=double)
        self.leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(model.as_weights(self._start))]
        points = model.datapoints(rows)
        self._points = jax.tree.map(
            lambda leaf: leaf.astype(double) if leaf.dtype.kind == "f" else leaf, points
        )
        self._compiled: dict[Any, Any] = {}
        with precision(double):
            kind = jax.eval_shape(self._one, self._start, self._point(0)).dtype
        self.is_double = bool(kind == double)

    def _one(self, flat: Any, point: Any) -> Any:
        return self._model.loss(self._model.structured(flat), point)

    def _point(self, row: int) -> Any:
        import jax

        return jax.tree.map(lambda leaf: leaf[row], self._points)

    def _mean(self, flat: Any) -> Any:
        import jax

        return jax.vmap(self._one, (None, 0))(flat, self._points).mean()

    def losses(self) -> NDArray[np.float64]:
        """Return the losses of both datapoints, without compiling the loss."""
        with precision(np.dtype(np.float64)):
            return np.array([float(self._one(self._start, self._point(row))) for row in (0, 1)])

    def refuse_parts(self) -> None:
        """JAX has no parts that do not show up as different numbers."""

    def numbers(
        self, shift: NDArray[np.float64], vectors: NDArray[np.float64], last: int
    ) -> list[float]:
        """Return derivatives along vectors by nested `jvp`, compiled once for all orders."""
        return self._along(_pushed, shift, vectors)[: last + 1]

    def other_route(self, vectors: NDArray[np.float64]) -> list[float] | None:
        """Return derivatives along vectors by gradients of gradients."""
        return self._along(_pulled, np.zeros_like(self._start), vectors)

    def _along(
        self,
        differentiated: Callable[[Any, Any], Any],
        shift: NDArray[np.float64],
        vectors: NDArray[np.float64],
    ) -> list[float]:
        import jax

        def along(flat: Any, legs: Any) -> list[Any]:
            function: Callable[[Any], Any] = self._mean
            values = []
            for leg in legs:
                values.append(function(flat))
                function = differentiated(function, leg)
            return [*values, function(flat)]

        if differentiated not in self._compiled:
            self._compiled[differentiated] = jax.jit(along)
        with precision(np.dtype(np.float64)):
            try:
                values = self._compiled[differentiated](self._start + shift, list(vectors))
            except (TypeError, NotImplementedError) as error:
                raise RequestError(
                    f"JAX cannot differentiate the loss {len(vectors)} times along vectors:"
                    f" {shortened(' '.join(str(error).split()), most=90)}; functions with a backward"
                    " derivative of their own (jax.custom_vjp) need jax.custom_jvp"
                ) from error
            return [float(value) for value in values]

    def kinks(self) -> tuple[str, ...]:
        """Return operations with kinks, from the traced program."""
        with precision(np.dtype(np.float64)):
            return jax_kinks(self._one, self._start, self._point(0))

    def suspects(self) -> tuple[Suspect, ...]:
        """Return none: all operations of JAX that were tried have right derivatives."""
        return ()


def _pushed(function: Callable[[Any], Any], leg: Any) -> Callable[[Any], Any]:
    import jax

    return lambda flat: jax.jvp(function, (flat,), (leg,))[1]


def _pulled(function: Callable[[Any], Any], leg: Any) -> Callable[[Any], Any]:
    import jax

    return lambda flat: jax.grad(function)(flat) @ leg
