r"""Where SGD goes in the long run: limits along curved directions, velocities along flat ones.

In the eigenbasis of :math:`\eta H` at the start the expected displacement after T updates is, but for
what decays, a polynomial in T: constant along curved directions and linear along flat ones, where noise
drives the weights along the valley.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, SamplingError, StatisticsError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.tables import PrintedTable
from sgdiagrams.numeric.derivatives.derivatives import check_derivatives
from sgdiagrams.numeric.long_times.amplitudes import Amplitudes, check_size
from sgdiagrams.numeric.long_times.evaluation import check_limit, fixed_parts, the_weight_decay
from sgdiagrams.numeric.long_times.training_penalties import with_penalty_of_parts
from sgdiagrams.numeric.long_times.weights import long_time_weight
from sgdiagrams.numeric.values.leaves import check_leaf
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from numpy.typing import ArrayLike, NDArray

    from sgdiagrams.numeric.derivatives.derivatives import Derivatives
    from sgdiagrams.symbolic.resummed import ResummedExpansion
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import SetRole

__all__ = ["Drift", "drift"]

#: Of the sum of the absolute values: less is zero but for rounding.
_CANCELLED = 1e-10


@final
@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    r"""The expected displacement after many updates; made by `drift`.

    Attributes
    ----------
    eigenvalues
        h of :math:`\eta H`, shape (p,).
    basis
        The basis vectors as columns, shape (p, p): :math:`A A^T = \eta`, or :math:`-\eta` where that is
        negative.
    limits
        For every order 0, 1, ... its contribution to the displacement for T to infinity along every
        basis vector, shape (order + 1, p); nan along directions that keep moving.
    velocities
        The same for the displacement per update: the coefficient of T.
    flat
        Which directions are flat, shape (p,).
    sampling, optimizer
        Their labels.
    numbers
        The numbers that went in.
    """

    eigenvalues: NDArray[np.float64]
    basis: NDArray[np.float64]
    limits: NDArray[np.float64]
    velocities: NDArray[np.float64]
    flat: NDArray[np.bool_]
    sampling: str = ""
    optimizer: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def limit(self) -> NDArray[np.float64]:
        """The limit along every basis vector; nan along directions that keep moving."""
        return np.asarray(self.limits.sum(axis=0))

    @property
    def velocity(self) -> NDArray[np.float64]:
        """The velocity per update along every basis vector."""
        return np.asarray(self.velocities.sum(axis=0))

    @property
    def limit_vector(self) -> NDArray[np.float64]:
        """The limit in the original coordinates, without directions that keep moving."""
        return np.asarray(self.basis @ np.nan_to_num(self.limit))

    @property
    def velocity_vector(self) -> NDArray[np.float64]:
        """The velocity per update in the original coordinates."""
        return np.asarray(self.basis @ self.velocity)

    def to_dict(self) -> dict[str, Any]:
        """Return the drift as plain data for JSON; a limit that is none is None."""
        return {
            "sampling": self.sampling,
            "optimizer": self.optimizer,
            "numbers": {name: _plain(value) for name, value in self.numbers.items()},
            "eigenvalues": self.eigenvalues.tolist(),
            "basis": self.basis.tolist(),
            "flat": self.flat.tolist(),
            "limit": _plain(self.limit),
            "velocity": self.velocity.tolist(),
            "limits_by_order": _plain(self.limits),
            "velocities_by_order": self.velocities.tolist(),
            "limit_vector": self.limit_vector.tolist(),
            "velocity_vector": self.velocity_vector.tolist(),
        }

    def __str__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> PrintedTable:
        given = ", ".join(f"{name}={_shown(value)}" for name, value in self.numbers.items())
        title = f"drift in the eigenbasis of eta H | {self.sampling} | {self.optimizer}"
        moving = np.isnan(self.limit)
        rows = []
        for a, h in enumerate(self.eigenvalues):
            last = (self.velocities if moving[a] else self.limits)[-1, a]
            rows.append(
                (
                    f"{h:.6g}" if not self.flat[a] else "flat",
                    "-" if moving[a] else f"{self.limit[a]:z.6g}",
                    f"{self.velocity[a]:z.6g}" if moving[a] else "-",
                    f"{last:z.6g}",
                )
            )
        notes = (
            f"limit, without what moves: {_vector(self.limit_vector)}",
            f"velocity per update:       {_vector(self.velocity_vector)}",
        )
        header = ("h", "limit", "velocity", "last order")
        return PrintedTable(f"{title} | {given}" if given else title, header, tuple(rows), notes)


def drift(
    statistics: Derivatives,
    *,
    eta: ArrayLike | Fraction,
    order: int = 3,
    sampling: str | Sampling = "one-pass",
    optimizer: str | Optimizer | None = None,
    **numbers: int | Fraction,
) -> Drift:
    r"""Return where SGD goes from the start of the statistics in the long run.

    .. math:: \mathbb E[\Delta^a] \to \text{limit}^a + T\, \text{velocity}^a

    Parameters
    ----------
    statistics
        A population, or a sample that is taken for one, or a training set, on which full batches and
        rows drawn with replacement drift; with the derivatives 1, ..., order, and the second.
    eta
        As for `sgdiagrams.numeric.long_times.evaluation.evaluate_resummed`.
    order
        The greatest number of edges of the linkless diagrams.
    sampling, optimizer
        As for `sgdiagrams.expand`: with a closed form, in discrete time.
    **numbers
        Their numbers, but for T and E, which go to infinity.

    Raises
    ------
    RequestError
        When a limit does not exist: a curved direction is unstable at this eta, or the displacement
        grows faster than T; when there is no closed form.
    StatisticsError
        When derivatives are missing.
    SamplingError
        When a number is missing, unknown or impossible.

    Examples
    --------
    The helix: noise that winds ahead of the Hessian drives the weights along a valley of minima.

    >>> from sgdiagrams.numeric.landscapes.toys import Helix
    >>> eta = 0.05
    >>> found = drift(Helix().statistics(3), eta=eta)
    >>> bool(abs(found.velocity_vector[2] - eta**2 / (2 * (3 - 2 * eta))) < 1e-12)
    True
    """
    check_derivatives(statistics)
    scheme = named_sampling(sampling)
    role: SetRole = "training-set" if statistics.role == "training-set" else "population"
    if role == "training-set":
        scheme = scheme.on_given_set()
    method = named_optimizer("sgd" if optimizer is None else optimizer)
    dressing = None if scheme.is_continuous else Training(scheme, method).dressing
    if dressing is None or dressing.is_of_many:
        raise RequestError(
            "expected a scheme of steps that are alike and a constant sgd, momentum or nesterov for "
            f"the drift, got {scheme.label} with {method.label}; take one-pass, with-replacement or "
            "full-batch"
        )
    for name in ("T", "E"):
        if name in numbers:
            raise SamplingError(
                f"expected no number for {name}, which goes to infinity, "
                f"got {name}={shown(numbers[name])}"
            )
    expansion = expand(
        "displacement", order=order, sampling=scheme, optimizer=method, resummed=True, role=role
    )
    parts = fixed_parts(expansion, numbers, limit=True)
    decay = the_weight_decay(expansion, parts)
    statistics = with_penalty_of_parts(statistics, expansion, parts)
    p = statistics.dimension
    if p is None:
        raise StatisticsError("expected derivatives of order 1 or more, got losses only")
    check_size(
        p,
        max((term.order for term in expansion.pieces), default=0),
        contractions=[term.contraction for term in expansion.pieces],
        samples=statistics.sample_size,
    )
    for term in expansion.pieces:
        c = term.contraction
        for label, k in zip(c.labels, c.legs, strict=True):
            check_leaf(statistics, label, k, weight_decay=decay, purpose=f"for order {term.order}")
    amplitudes = Amplitudes(statistics.as_population(), eta, weight_decay=decay)
    sums = _polynomials(expansion, parts, amplitudes, p)
    limits, velocities = sums[:, 0], sums[:, 1]
    basis = amplitudes.basis
    moves = basis.flat | (velocities != 0).any(axis=0)
    return Drift(
        basis.clean,
        basis.vectors,
        np.where(moves, np.nan, limits),
        velocities,
        basis.flat,
        scheme.label,
        method.label,
        {"eta": eta, **numbers},
    )


def _polynomials(
    expansion: ResummedExpansion, parts: Sequence[Training], amplitudes: Amplitudes, p: int
) -> NDArray[np.float64]:
    """Return the coefficients of T^0 and T^1 by order along every basis vector.

    Terms may grow faster where their sum does not, as along a valley with a symmetry.
    """
    sums = np.zeros((expansion.order + 1, expansion.order + 2, p))
    sizes = np.zeros_like(sums)
    for term in expansion.pieces:
        entries = amplitudes.of(term.contraction, cleaned=True)
        if not entries.any():
            continue
        long_time = long_time_weight(term, parts, amplitudes.basis)
        grows = np.broadcast_to(long_time.grows, entries.shape) & (entries != 0)
        check_limit(grows, entries, amplitudes, term.order)
        for power, c in enumerate(long_time.coefficients):
            products = np.multiply(entries, c, where=entries != 0, out=np.zeros_like(entries))
            products = products.reshape(p, -1)
            sums[term.order, power] += products.sum(axis=1)
            sizes[term.order, power] += np.abs(products).sum(axis=1)
    # A basis vector takes part in all coordinates of its degenerate space.
    scale = sizes.max(axis=2, keepdims=True)
    growth = np.abs(sums.sum(axis=0)) > _CANCELLED * scale.sum(axis=0)
    power = int(np.nonzero(growth.any(axis=1))[0].max(initial=0))
    if power > 1:
        raise RequestError(
            f"expected a displacement that grows at most like T, got T^{power} up to order "
            f"{expansion.order} along flat directions (h=0 of eta H): the drift changes as it goes, or "
            "diagrams with more edges cancel that; take a lower order or finite T"
        )
    return np.where(np.abs(sums) <= _CANCELLED * scale, 0.0, sums)[:, :2]


def _shown(value: Any) -> str:
    return " ".join(str(value.tolist() if hasattr(value, "tolist") else value).split())


def _vector(vector: NDArray[np.float64]) -> str:
    return f"[{', '.join(f'{x:z.6g}' for x in vector)}]"


def _plain(value: Any) -> Any:
    """Return numbers as JSON data; nan becomes None."""
    if isinstance(value, np.ndarray):
        return [_plain(x) for x in value.tolist()]
    if isinstance(value, (list, tuple)):
        return [_plain(x) for x in value]
    if isinstance(value, float):
        return None if value != value else value  # noqa: PLR0124 - nan alone differs from itself
    return value if isinstance(value, int) else str(value)
