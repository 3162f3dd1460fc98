r"""Derivatives along the noiseless run of a small landscape: numbers for expansions in the noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol, Self, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, StatisticsError, check_kind
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.numeric.descent import Descent
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.path_tensors.linear_response import (
    LinearRule,
    push_responses,
    weights_along,
)
from sgdiagrams.numeric.path_tensors.path_leaves import PathLeaves, ReadOut
from sgdiagrams.numeric.path_tensors.term_values import TermValues
from sgdiagrams.numeric.values.learning_rate import is_exact_rate, read_eta
from sgdiagrams.numeric.values.leaves import as_floats
from sgdiagrams.symbolic.path_expansion import PathExpansion
from sgdiagrams.symbolic.training.sampling import course_of
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from sgdiagrams.numeric.derivatives.derivatives import Derivatives
    from sgdiagrams.symbolic.paths.path_terms import PathTerm

__all__ = ["Movable", "PathTensors"]

_MOST_NOISE = 8
_MOST_ENTRIES = 2**28  # of derivatives of one order along the run: 2 GiB


class Movable(Protocol):
    """A landscape that gives its derivatives anywhere."""

    @property
    def start(self) -> Any:
        """The weights where runs start, shape (p,)."""

    def moved(self, weights: NDArray[Any]) -> Movable:
        """Return the same landscape with another start."""

    def statistics(self, order: int) -> Derivatives:
        """Return the derivatives 0..order of all datapoints at the start."""


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PathTensors:
    r"""Derivatives of all datapoints along a noiseless run, and how the run answers to pushes.

    Made by `PathTensors.of`; the constructor is for arrays of one's own.

    Parameters
    ----------
    training
        Whose run it is, with numbers for all symbols.
    path
        The weights :math:`\varphi_0, \dots, \varphi_T` of the noiseless run, shape (T + 1, p).
    samples
        Order of the derivative -> array of shape (T, n, p, ...): of n datapoints, the population, where
        every update reads its gradient, which for most optimisers is at the weights before it. An
        expansion of noise m asks for the orders 1, ..., 2 m + 1.
    end_samples
        The same at the weights that the observable sees, shape (n, p, ...), from order 0 on.
    response
        The derivative of the weights after t updates by the gradient of update s, shape
        (T + 1, T, p, p): signs and learning rates are inside.
    functions
        Name -> order of the derivative -> array of shape (p, ...): functions of the weights that the
        observable sees.
    weights
        Of the datapoints, shape (n,), sum 1; None for equal ones.
    read_response
        The derivative of the point where update t reads the gradient by the gradient of update s, shape
        (T, T, p, p); None where gradients are read at the weights.

    Raises
    ------
    StatisticsError
        When shapes do not fit.
    """

    training: Training
    path: NDArray[Any]
    samples: Mapping[int, NDArray[Any]]
    end_samples: Mapping[int, NDArray[Any]]
    response: NDArray[Any]
    functions: Mapping[str, Mapping[int, NDArray[Any]]]
    weights: NDArray[Any] | None = None
    read_response: NDArray[Any] | None = None

    @classmethod
    def of(
        cls,
        landscape: Movable,
        training: Training,
        *,
        eta: ArrayLike | Fraction,
        noise: int = 1,
        functions: Mapping[str, Any] | None = None,
    ) -> Self:
        r"""Run without noise, and keep the derivatives on the way.

        Parameters
        ----------
        landscape
            A `PolynomialLandscape`, whose numbers are exact; a `ModelLandscape`; or anything else that
            has ``start``, ``moved(weights)`` and ``statistics(order)``, with equal or given weights of
            the datapoints.
        training
            Sampling and optimiser, with numbers for all symbols.
        eta
            The learning rate: scalar, 1-D diagonal of shape ``(p,)`` or symmetric ``(p, p)``.
        noise
            For expansions up to this order: derivatives up to 2 noise + 1 are asked for.
        functions
            Name -> a polynomial, exponents of the weights -> coefficient; or a function that takes
            weights, shape (p,), and k to the derivative of order k there.

        Raises
        ------
        RequestError
            When an argument is of another kind, or tensors would be too large.
        SamplingError
            When a number is missing, or there are no discrete updates.

        Examples
        --------
        Two coins push a parabola's weights from 1 for two updates.

        >>> from sgdiagrams.symbolic import expand
        >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
        >>> half = Fraction(1, 2)
        >>> coins = PolynomialLandscape([{(2,): half, (1,): s} for s in (-1, 1)], start=[1])
        >>> tensors = PathTensors.of(coins, Training(OnePass(T=2)), eta=half)
        >>> tensors
        <PathTensors: one-pass T=2 B=1, 1 parameter, 2 datapoints, derivatives up to 3, exact>
        >>> expansion = expand("test-loss", noise=1, along_path=True, sampling="one-pass")
        >>> [str(x) for x in tensors.evaluate(expansion)]
        ['1/32', '5/32']
        """
        check_kind("training", training, Training, called="a Training")
        if not is_whole(noise, least=0, most=_MOST_NOISE):
            raise RequestError(f"expected noise=0..{_MOST_NOISE}, got noise={shown(noise)}")
        course_of(training.sampling).check_means(training.sampling.label)
        if not all(hasattr(landscape, name) for name in ("start", "moved", "statistics")):
            raise RequestError(
                "expected a landscape whose start can be moved, such as PolynomialLandscape or "
                f"model_landscape(...), got landscape={shown(landscape)}"
            )
        order = 2 * noise + 1
        start = np.array(landscape.start)
        rates = read_eta(eta, len(start))
        # Once to this order, so that a model is checked once.
        first = landscape.statistics(order)
        if first.noise is not None:
            raise RequestError(
                "expected datapoints that are the same at all visits along the path, got fresh noise at "
                "each; expand(..., visits='fresh') is about the start"
            )
        is_exact = first.is_exact and start.dtype == object and is_exact_rate(rates)
        T, p, n = int(training.updates), len(start), first.sample_size
        if max(T, 1) * n * p**order > _MOST_ENTRIES:
            raise RequestError(
                f"expected derivative tensors of at most {_MOST_ENTRIES} entries, got T={T} updates of "
                f"{n} datapoints with p={p} and order={order}; take less noise or a smaller landscape"
            )
        rule = _rule(training, rates, p, is_exact=is_exact)

        def numbers(array: NDArray[Any]) -> NDArray[Any]:
            return array if is_exact else as_floats(array)

        def derivatives(at: NDArray[Any]) -> dict[int, NDArray[Any]]:
            statistics = landscape.moved(at).statistics(order)
            return {k: numbers(array) for k, array in statistics.samples.items()}

        shares = None if first.weights is None else numbers(np.asarray(first.weights))
        along: list[dict[int, NDArray[Any]]] = []

        def mean_gradient(_: int, at: NDArray[Any]) -> NDArray[Any]:
            along.append(derivatives(at))
            return _mean(along[-1][1], shares)

        path = weights_along(rule, numbers(start), mean_gradient)
        samples = {
            k: np.array([tensors[k] for tensors in along]).reshape(T, n, *[p] * k)
            for k in range(1, order + 1)
        }
        hessians = np.array([_mean(tensors[2], shares) for tensors in along])
        end = _seen(training, path, T)
        responses = push_responses(rule, hessians)
        return cls(
            training=training,
            path=path,
            samples=samples,
            end_samples=derivatives(end),
            response=responses.weights,
            read_response=responses.reads,
            functions={
                name: {k: numbers(np.asarray(_derivative(f, end, k))) for k in range(order + 1)}
                for name, f in (functions or {}).items()
            },
            weights=shares,
        )

    def __post_init__(self) -> None:
        T, p = int(self.training.updates), self.path.shape[-1]
        n = len(self.end_samples[0])
        shapes = {
            "path": (self.path.shape, (T + 1, p)),
            "response": (self.response.shape, (T + 1, T, p, p)),
            **{f"samples[{k}]": (a.shape, (T, n, *[p] * k)) for k, a in self.samples.items()},
            **{f"end_samples[{k}]": (a.shape, (n, *[p] * k)) for k, a in self.end_samples.items()},
        }
        if self.read_response is not None:
            shapes["read_response"] = (self.read_response.shape, (T, T, p, p))
        if self.weights is not None:
            shapes["weights"] = (self.weights.shape, (n,))
        for name, (shape, expected) in shapes.items():
            if shape != expected:
                raise StatisticsError(f"expected {name} of shape={expected}, got shape={shape}")

    @property
    def is_exact(self) -> bool:
        """Whether all numbers are Fractions."""
        return self.path.dtype == object

    @property
    def read_out(self) -> NDArray[Any]:
        """The response of the weights that the observable sees to a push of every update, (T, p, p)."""
        weights = self.training.iterate_weights(len(self.path) - 1)
        total = np.zeros_like(self.response[0]) + 0 * self.response[0]
        for weight, response in zip(weights, self.response[1:], strict=True):
            total = total + (weight if self.is_exact else float(weight)) * response
        return np.asarray(total)

    def evaluate(self, expansion: PathExpansion) -> tuple[Any, ...]:
        """Return what every order of the noise contributes, from the value of the noiseless run on.

        Parameters
        ----------
        expansion
            For the same sampling and optimiser, with symbols or numbers.

        Returns
        -------
        tuple
            Contributions of noise 0, 1, ..., m: numbers, or arrays for observables with indices.
            Fractions where the tensors are.

        Raises
        ------
        RequestError
            When the expansion is of another training, or would take too long.
        StatisticsError
            When a derivative or a function is missing.

        Notes
        -----
        Sums over visits are contractions over all times at once. Noise 1 of one pass and of epochs
        costs about T^2 p n (T + p) operations; where chance draws the rows, or for more noise, tables
        of the times of all tied updates have T to as many powers.
        """
        check_kind("expansion", expansion, PathExpansion, called="a PathExpansion")
        self._check_training(expansion.part.training)
        return self.sums(expansion.orders, rank=expansion.part.observable.rank)

    def sums(self, groups: Iterable[Sequence[PathTerm]], *, rank: int = 0) -> tuple[Any, ...]:
        """Return the sum of every group of terms, whatever it is that groups them.

        Parameters
        ----------
        groups
            Terms of expansions for this training, such as those with one number of pushes.
        rank
            The number of indices of the observable.

        Raises
        ------
        RequestError, StatisticsError
            As for `evaluate`.
        """
        course = course_of(self.training.sampling)
        end = _seen(self.training, self.path, len(self.path) - 1)
        n = len(self.end_samples[0])
        shares = self.weights
        if shares is None:
            shares = np.array([Fraction(1, n) if self.is_exact else 1 / n] * n)
        leaves = PathLeaves(
            samples=self.samples,
            shares=shares,
            response=self.response[:-1] if self.read_response is None else self.read_response,
            read_out=ReadOut(end - self.path[0], self.end_samples, self.functions, self.read_out),
            is_exact=self.is_exact,
        )
        values = TermValues(course, leaves)
        if len(self.path) == 1:  # no update is made
            groups = [[term for term in terms if not term.updates] for terms in groups]
        return tuple(values.sum_of(terms, rank) for terms in groups)

    def _check_training(self, training: Training) -> None:
        """Raise a RequestError unless a training becomes that of the tensors with the same numbers."""
        own = {**self.training.sampling.values, **self.training.optimizer.values}
        theirs = {**training.sampling.values, **training.optimizer.values}
        numbers = {
            str(value): own[name]
            for name, value in theirs.items()
            if str(value) in training.symbols and name in own
        }
        plain: dict[str, Any] = {k: Fraction(str(v)) for k, v in numbers.items()}
        whole = {k: int(v) if v.denominator == 1 else v for k, v in plain.items()}
        if training.at(**whole) != self.training:
            raise RequestError(
                f"expected an expansion for {self.training.label}, got one for {training.label}"
            )

    def __repr__(self) -> str:
        p = self.path.shape[-1]
        kind = "exact" if self.is_exact else "float"
        return (
            f"<PathTensors: {self.training.label}, {p} parameter{'s' * (p != 1)}, "
            f"{len(self.end_samples[0])} datapoints, derivatives up to {max(self.end_samples)}, {kind}>"
        )


def _rule(training: Training, rates: Any, p: int, *, is_exact: bool) -> LinearRule:
    """Return an optimiser in numbers of one kind."""
    descent = Descent.of(training)
    decay: Any = descent.optimizer.weight_decay
    one = np.array([[Fraction(int(i == j)) for j in range(p)] for i in range(p)], dtype=object)
    metric = np.asarray(rates)
    if metric.ndim < 2:
        metric = metric * (one if is_exact else np.eye(p))
    if is_exact:
        exact = training.optimizer.linear_updates(int(training.updates))
        return LinearRule(exact, metric, Fraction(decay))
    return LinearRule(descent.updates, metric.astype(np.float64), float(decay))


def _seen(training: Training, path: NDArray[Any], T: int) -> NDArray[Any]:
    """Return the weights that the observable sees: an average of iterates."""
    weights = training.iterate_weights(T)
    all_weights = (1 - sum(weights, Fraction(0)), *weights)
    if path.dtype != object:
        return np.asarray(np.array(all_weights, dtype=np.float64) @ path)
    return np.asarray(sum(w * point for w, point in zip(all_weights, path, strict=True)))


def _mean(array: NDArray[Any], shares: NDArray[Any] | None) -> NDArray[Any]:
    if shares is None:
        return np.asarray(array.sum(axis=0) / len(array), dtype=array.dtype)
    return np.asarray(np.tensordot(shares, array, axes=1), dtype=array.dtype)


def _derivative(function: Any, at: NDArray[Any], k: int) -> Any:
    """Return a derivative of a function that is a polynomial or gives its derivatives."""
    if isinstance(function, Mapping):
        return PolynomialLandscape([function]).moved(at).statistics(k).samples[k][0]
    return function(at, k)
