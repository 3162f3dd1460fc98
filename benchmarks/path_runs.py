"""Derivatives of whole runs by the strength of their noise, many runs in one program of JAX.

Another way to what `sgdiagrams.along_path` measures: the gradient of an update is that of the mean loss
of all datapoints plus a deviation, which is linear in a table of shares. Nested forward derivatives of
the whole run follow; one program serves every learning rate, scheme, optimiser and number of updates.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.numeric.descent import Descent
from sgdiagrams.numeric.path.draws import draw_runs
from sgdiagrams.symbolic.training.sampling import course_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.training.training import Training

__all__ = ["OBSERVABLES", "PathRuns"]

OBSERVABLES = ("test-loss", "training-loss", "function:square")
_AT_ONCE = 256


class PathRuns:
    """Runs of one loss, of problems of one shape.

    Parameters
    ----------
    loss
        Of weights (p,) and one datapoint.
    longest
        The most updates.
    """

    def __init__(self, loss: Callable[[Any, Any], Any], longest: int) -> None:
        import jax

        self.longest = longest

        def losses(theta: Any, data: Any) -> Any:
            return jax.vmap(loss, (None, 0))(theta, data)

        def seen(theta: Any, data: Any, root: Any) -> Any:
            values = losses(theta, data)
            return jax.numpy.stack([values.mean(), root @ values, theta @ theta / 2])

        slope = jax.grad(lambda theta, data, shares: shares @ losses(theta, data))

        def run(fixed: Any, tables: Any, roots: Any, strengths: Any) -> Any:
            """Return what is seen halfway and at the end, shape (2, 3)."""
            start, data, (steps, injects), eta, decay, updates = fixed
            n = len(jax.tree.leaves(data)[0])
            even = jax.numpy.full(n, 1 / n)

            def update(t: Any, now: Any) -> Any:
                state, halfway = now
                theta = start + state[0]
                shares = even
                for table, strength in zip(tables, strengths, strict=True):
                    shares = shares + strength * table[t]
                gradient = slope(theta, data, shares) + decay * theta
                state = steps[t] @ state - eta * jax.numpy.outer(injects[t], gradient)
                middle = t + 1 == (updates + 1) // 2
                halfway = jax.numpy.where(middle, start + state[0], halfway)
                return state, halfway

            still = jax.numpy.zeros((2, *start.shape))
            state, halfway = jax.lax.fori_loop(0, updates, update, (still, start))
            theta = start + state[0]
            root = even
            for one, strength in zip(roots, strengths, strict=True):
                root = root + strength * one
            return jax.numpy.stack([seen(theta_, data, root) for theta_ in (halfway, theta)])

        def derivative(function: Any) -> Any:
            return lambda e: jax.jvp(function, (e,), (1.0,))[1]

        def both(function: Any) -> Any:
            return lambda e: jax.jvp(function, (e,), (1.0,))

        def alone(fixed: Any, table: Any, root: Any, strength: Any) -> Any:
            return run(fixed, [table], [root], [strength])

        def single(fixed: Any, table: Any, root: Any) -> Any:
            along = partial(alone, fixed, table, root)
            ((value, first), (_, second)) = jax.jvp(both(along), (0.0,), (1.0,))
            return along(1.0) - value, first, second

        def real(fixed: Any, table: Any, root: Any) -> Any:
            along = partial(alone, fixed, table, root)
            value, first = both(along)(0.0)
            return along(1.0) - value, first

        def pair(fixed: Any, table_a: Any, root_a: Any, table_b: Any, root_b: Any) -> Any:
            def along_both(a: Any, b: Any) -> Any:
                return run(fixed, [table_a, table_b], [root_a, root_b], [a, b])

            def of_a(b: Any) -> Any:
                return derivative(derivative(lambda a: along_both(a, b)))(0.0)

            third = sum(
                derivative(derivative(derivative(partial(alone, fixed, table, root))))(0.0)
                for table, root in ((table_a, root_a), (table_b, root_b))
            )
            return third / 12 + derivative(derivative(of_a))(0.0) / 8

        def mapped(kernel: Any, tables: int) -> Any:
            return jax.jit(jax.vmap(kernel, (None, *(0,) * tables)))

        self._single, self._real, self._pair = mapped(single, 2), mapped(real, 2), mapped(pair, 4)
        self._run = jax.jit(lambda fixed, table, root: run(fixed, [table], [root], [0.0]))

    def fixed(self, start: Any, data: Any, training: Training, eta: float) -> Any:
        """Return what is common to all runs."""
        descent = Descent.of(training)
        steps, injects = np.zeros((self.longest, 2, 2)), np.zeros((self.longest, 2))
        states = descent.states  # the weights, and a velocity where there is momentum
        for t, one in enumerate(descent.updates):
            steps[t, :states, :states], injects[t, :states] = one.step, one.inject
        return start, data, (steps, injects), eta, descent.decay, len(descent.updates)

    def drawn(
        self, training: Training, n: int, first: int, runs: int, seed: tuple[int, ...], k: int = 1
    ) -> list[Any]:
        """Return deviations of shares from the mean, tables (S, T, n) and roots (S, n), k of each."""
        course = course_of(training.sampling)
        drawn = draw_runs(course, n, first=first, runs=runs, seed=seed, directions=k)
        result = []
        for x in range(k):
            table = np.zeros((runs, self.longest, n))
            for t, batch in enumerate(drawn.batches(x)):
                table[:, t] = _shares(batch, n) - 1 / n
            result += [table, _shares(drawn.rows[x], n) - 1 / n]
        return result

    def noiseless(self, fixed: Any) -> NDArray[np.float64]:
        """Return what is seen of the noiseless run, shape (2, 3)."""
        import jax

        n = len(jax.tree.leaves(fixed[1])[0])
        with jax.enable_x64(True):  # noqa: FBT003 - its only argument
            return np.asarray(self._run(fixed, np.zeros((self.longest, n)), np.zeros(n)))

    def samples(
        self, kind: str, fixed: Any, training: Training, runs: int, seed: tuple[int, ...]
    ) -> list[NDArray[np.float64]]:
        """Return samples, arrays of shape (S, 2, 3).

        ``"single"``: run at full noise less the noiseless one, first and second derivative; ``"real"``:
        the first two of these; ``"pair"``: noise 2.
        """
        import jax

        n = len(jax.tree.leaves(fixed[1])[0])
        kernel, k = {"single": (self._single, 1), "real": (self._real, 1), "pair": (self._pair, 2)}[
            kind
        ]
        parts = []
        for first in range(0, runs, _AT_ONCE):
            tables = self.drawn(training, n, first, _AT_ONCE, seed, k)
            with jax.enable_x64(True):  # noqa: FBT003 - its only argument
                made = kernel(fixed, *tables)
                parts.append(
                    [np.asarray(x) for x in (made if isinstance(made, tuple) else (made,))]
                )
        return [np.concatenate(column)[:runs] for column in zip(*parts, strict=True)]

    def exact_first(self, fixed: Any, training: Training) -> NDArray[np.float64] | None:
        """Return noise 1 from every row and datapoint, shape (2, 3); None where orders are drawn."""
        import jax

        n = len(jax.tree.leaves(fixed[1])[0])
        course = course_of(training.sampling)
        visits = np.zeros((self.longest, course.rows))
        for t, batch in enumerate(course.draw(1, np.random.default_rng(0))):
            if not isinstance(batch, slice) and batch.ndim > 1:
                return None
            visits[t, batch] = 1 / course.sizes[t]
        columns, counts = np.unique(visits, axis=1, return_counts=True)
        items = [(k, x) for k in range(len(counts)) for x in range(n)]
        total = np.zeros((2, 3))
        for first in range(0, len(items), _AT_ONCE):
            some = items[first : first + _AT_ONCE]
            some += [some[-1]] * (_AT_ONCE - len(some))
            tables = np.stack([columns[:, k, None] * (np.eye(n)[x] - 1 / n) for k, x in some])
            roots = np.stack([(np.eye(n)[x] - 1 / n) / course.rows for _, x in some])
            weights = np.array([counts[k] / n for k, _ in some])
            weights[len(items) - first :] = 0
            with jax.enable_x64(True):  # noqa: FBT003 - its only argument
                second = np.asarray(self._single(fixed, tables, roots)[2])
            total += np.tensordot(weights, second, 1) / 2
        return total


def _shares(batch: NDArray[np.intp], n: int) -> NDArray[np.float64]:
    runs, size = batch.shape
    places = batch + n * np.arange(runs)[:, None]
    return np.bincount(places.ravel(), minlength=runs * n).reshape(runs, n) / size
