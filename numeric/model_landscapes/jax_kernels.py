"""What is compiled in JAX: losses, gradients and descents of many runs; knows no data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.numeric.model_landscapes.parallel import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RunKernels"]


def _mixed(row: Any, vectors: tuple[Any, ...]) -> Any:
    return sum(row[i] * vector for i, vector in enumerate(vectors))


@final
@dataclass(frozen=True, slots=True)
class RunKernels:
    """Compiled functions of a loss.

    Attributes
    ----------
    loss
        ``loss(flat weights, datapoint) -> scalar``.
    side_by_side
        Runs that go side by side; chunks of them follow each other, so that they stay in the cache.
    piece
        Datapoints of a batch that are computed at once.
    """

    loss: Callable[[Any, Any], Any]
    side_by_side: int
    piece: int

    def _mapped(self, function: Callable[[Any], Any], arguments: Any) -> Any:
        import jax

        return jax.lax.map(function, arguments, batch_size=self.side_by_side)

    def _values(self, theta: Any, rows: Any, data: Any) -> Any:
        import jax

        points = jax.tree.map(lambda leaf: leaf[rows], data)
        return jax.vmap(self.loss, (None, 0))(theta, points)

    def _mean_gradient(self, theta: Any, rows: Any, shares: Any, data: Any) -> Any:
        """Return the gradient of the sum of shares times losses, of one run."""
        import jax

        m = rows.shape[0]
        if m == 1:
            point = jax.tree.map(lambda leaf: leaf[rows[0]], data)
            return shares[0] * jax.grad(self.loss)(theta, point)

        def part(span: Any) -> Any:
            own_rows, own_shares = span
            return jax.grad(
                lambda flat: jax.numpy.dot(own_shares, self._values(flat, own_rows, data))
            )(theta)

        if m <= self.piece:
            return part((rows, shares))
        pieces = -(-m // self.piece)
        more = pieces * self.piece - m
        padded = jax.numpy.pad(rows, (0, more), mode="edge"), jax.numpy.pad(shares, (0, more))
        spans = tuple(array.reshape(pieces, self.piece) for array in padded)
        add = lambda total, span: (total + part(span), None)  # noqa: E731
        return jax.lax.scan(add, jax.numpy.zeros_like(theta), spans)[0]

    def losses(self) -> Any:
        """Return ``(theta (R, p), rows (R, m), data) -> (R, m)``."""
        import jax

        def kernel(theta: Any, rows: Any, data: Any) -> Any:
            return self._mapped(lambda run: self._values(run[0], run[1], data), (theta, rows))

        return jax.jit(kernel)

    def gradients(self) -> Any:
        """Return ``(theta (R, p), rows (R, m), shares (m,), data) -> (R, p)``."""
        import jax

        def kernel(theta: Any, rows: Any, shares: Any, data: Any) -> Any:
            return self._mapped(
                lambda run: self._mean_gradient(run[0], run[1], shares, data), (theta, rows)
            )

        return jax.jit(kernel)

    def sums(self) -> Any:
        """Return ``(theta (R, p), data) -> (R, k)``, sums of the losses of each of k blocks of data.

        The data come in blocks, with a first leaf that says which are real: shape (k, c, ...).
        """
        import jax

        def of_a_run(theta: Any, data: Any) -> Any:
            def of_a_block(block: Any) -> Any:
                is_real, points = block
                values = jax.vmap(self.loss, (None, 0))(theta, points)
                return jax.numpy.where(is_real, values, 0).sum()

            return jax.lax.map(of_a_block, data)

        def kernel(theta: Any, data: Any) -> Any:
            return jax.lax.map(lambda one: of_a_run(one, data), theta)

        return jax.jit(kernel)

    def descent(self, *, averaged: tuple[bool, ...], decays: bool) -> Any:
        """Return the function that makes the updates of a segment in many runs.

        Parameters
        ----------
        averaged
            For every point that is looked at whether iterates add up in it.
        decays
            Whether there is weight decay.

        Returns
        -------
        callable
            ``(state, rows (R, S, m), shares (S, m) or (R, S, m), numbers (S, 3 M + M M),
            watched (points, S), decay, updates, data) -> state``, with a state of the first weights
            (R, p), the optimiser's M vectors and as many sums as are added up. What gradients do
            contains the learning rate. Of the S updates the first `updates` are made: one compiled
            function serves all lengths.
        """
        import jax

        sums_of = [i for i, adds in enumerate(averaged) if adds]

        def kernel(
            state: Any,
            rows: Any,
            shares: Any,
            numbers: Any,
            watched: Any,
            decay: Any,
            updates: Any,
            data: Any,
        ) -> Any:
            of_runs = shares.ndim == 3

            def of_a_run(run: Any) -> Any:
                begin, own_rows, own_shares = run if of_runs else (*run, shares)

                def update(t: Any, now: Any) -> Any:
                    start, vectors, sums = now
                    one = unpacked(numbers[t], len(vectors))
                    theta = start + _mixed(one.read, vectors)
                    slope = self._mean_gradient(theta, own_rows[t], own_shares[t], data)
                    if decays:
                        slope = slope + decay * theta
                    after = tuple(
                        _mixed(row, vectors) - one.inject[i] * slope
                        for i, row in enumerate(one.step)
                    )
                    weights = start + _mixed(one.readout, after)
                    sums = tuple(
                        total + watched[i, t] * weights
                        for i, total in zip(sums_of, sums, strict=True)
                    )
                    return start, after, sums

                return jax.lax.fori_loop(0, updates, update, begin)

            return self._mapped(of_a_run, (state, rows, shares) if of_runs else (state, rows))

        return jax.jit(kernel)
