"""Optimisers around another one: look-ahead, and gradients that come late."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Literal, Self, final, get_args

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.checks import Number, check_choice, rational, whole_number
from sgdiagrams.symbolic.propagation.linear_update import LinearRow, LinearUpdate
from sgdiagrams.symbolic.training.optimizer import Optimizer
from sgdiagrams.symbolic.training.optimizers.sgd import SGD

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.symbolic.training.average import Average
    from sgdiagrams.symbolic.training.penalty import Penalty
    from sgdiagrams.symbolic.training.schedules.schedule import Schedule

__all__ = ["Delayed", "LookAhead", "SlowOrFast"]

SlowOrFast = Literal["slow", "fast"]


class _Around(Optimizer):
    """What is made of the updates of an inner optimiser."""

    __slots__ = ()

    inner: Optimizer

    def __post_init__(self) -> None:
        if not isinstance(self.inner, Optimizer):
            raise SamplingError(
                f"expected an optimiser such as SGD() inside {self.name}, got {shown(self.inner)}"
            )
        given = [
            name
            for name in ("schedule", "average", "weight_decay", "penalty")
            if getattr(self.inner, name)
        ]
        if given:
            raise SamplingError(
                f"expected {given[0]} of {self.name} and not of the optimiser inside, got "
                f"{self.inner.label}; give it to {self.name}"
            )
        if self.inner.decoupled_decay != 0:
            raise SamplingError(
                f"expected coupled weight decay with {self.name}, got {self.inner.label} inside; give "
                f"weight_decay to {self.name}"
            )
        super().__post_init__()

    @property
    def values(self) -> dict[str, Expr]:
        """The numbers of both by name."""
        return {**self.inner.values, **super().values}

    @property
    def known_spans(self) -> dict[str, tuple[int, int | None]]:
        """The spans of symbols of both."""
        return {**self.inner.known_spans, **super().known_spans}

    @property
    def label(self) -> str:
        """The name with its numbers, and the optimiser inside."""
        own, *tail = super().label.split(", ", 1)
        inside = "" if self.inner.is_default else f" of {self.inner.label}"
        return ", ".join([f"{own}{inside}", *tail])

    def at(self, /, **numbers: object) -> Self:
        """Return both with numbers for some of their free symbols."""
        changed = super().at(**numbers)
        inner = self.inner.at(**numbers)
        return changed if inner == self.inner else replace(changed, inner=inner)  # type: ignore[type-var]

    def linear_updates(self, T: int) -> tuple[LinearUpdate, ...]:
        """Return the updates of the inner optimiser's vectors and those that are kept beside them."""
        inner = self.inner
        if self.schedule is not None:
            if "schedule" not in {entry.name for entry in fields(inner)}:  # type: ignore[arg-type]
                raise SamplingError(f"expected an optimiser with a schedule, got {inner.label}")
            inner = replace(inner, schedule=self.schedule)  # type: ignore[type-var]
        updates = inner.linear_updates(T)
        first = (Fraction(1), *(Fraction(0),) * (updates[0].states - 1)) if updates else ()
        if any(update.read != first or update.readout != first for update in updates):
            raise SamplingError(
                f"expected an optimiser that reads gradients at its weights inside {self.name}, got "
                f"{inner.label}"
            )
        known: dict[tuple[int, int], LinearUpdate] = {}
        for t, update in enumerate(updates):
            key = (id(update), self._kind(t))
            if key not in known:
                known[key] = self._around(update, self._kind(t))
        return tuple([known[id(update), self._kind(t)] for t, update in enumerate(updates)])

    def _kind(self, t: int) -> int:  # noqa: ARG002 - classes ask
        """Return which of its kinds of updates update t is."""
        return 0

    @abstractmethod
    def _around(self, update: LinearUpdate, kind: int) -> LinearUpdate:
        """Return what is made of an update whose first vector is the weights."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LookAhead(_Around):
    r"""Look-ahead: after every k updates slow weights follow the fast ones, which begin there again.

    .. math:: \phi \leftarrow \phi + \alpha\, (\theta - \phi), \qquad \theta \leftarrow \phi

    Parameters
    ----------
    k
        A whole number >= 1.
    alpha
        How far the slow weights go: a rational number.
    inner
        What moves the fast weights; plain SGD when left out. Its memory goes on.
    looks_at
        ``"slow"`` or ``"fast"``: which weights the observable sees; they are the same after k updates.
    schedule, average, weight_decay, penalty
        As for `SGD`.

    Notes
    -----
    M. Zhang, J. Lucas, G. Hinton, J. Ba, "Lookahead optimizer: k steps forward, 1 step back", NeurIPS
    2019, algorithm 1; ``optax.lookahead``.

    Examples
    --------
    >>> LookAhead(k=5, alpha=0.5).label
    'lookahead k=5 alpha=1/2'
    """

    name: ClassVar[str] = "lookahead"
    settings: ClassVar[tuple[str, ...]] = ("k", "alpha", "looks_at")

    k: int
    alpha: Fraction
    inner: Optimizer = field(default_factory=SGD)
    looks_at: SlowOrFast = "slow"
    schedule: Schedule | None = None
    average: Average | None = None
    weight_decay: Number = 0
    penalty: Penalty | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", whole_number("k", self.k, least=1))
        object.__setattr__(self, "alpha", rational("alpha", self.alpha))
        check_choice("looks_at", self.looks_at, get_args(SlowOrFast))
        _Around.__post_init__(self)

    def _kind(self, t: int) -> int:
        return int((t + 1) % self.k == 0)

    def _around(self, update: LinearUpdate, kind: int) -> LinearUpdate:
        """Return the update with the slow weights as the last vector."""
        zero, one, alpha = Fraction(0), Fraction(1), self.alpha
        last = (zero,) * update.states + (one,)
        step = [(*row, zero) for row in update.step]
        inject = [*update.inject, zero]
        slow: LinearRow = last
        if kind:
            slow = (*(alpha * x for x in update.step[0]), 1 - alpha)
            inject[0] = inject[-1] = alpha * update.inject[0]
            step[0] = slow
        seen = last if self.looks_at == "slow" else (*update.readout, zero)
        return LinearUpdate((*update.read, zero), tuple(inject), (*step, slow), seen)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Delayed(_Around):
    r"""Gradients that come late: that of update t is read at the weights d updates before.

    .. math:: \theta_{t+1} = \theta_t - \eta\, \nabla l_{\mathrm{batch}\ t}(\theta_{\max(t - d, 0)})

    Parameters
    ----------
    d
        The delay, a whole number >= 0.
    inner
        What is done with the gradients; plain SGD when left out.
    schedule, average, weight_decay, penalty
        As for `SGD`; the decay is that of the weights where the gradient is read.

    Notes
    -----
    A. Agarwal, J. Duchi, "Distributed delayed stochastic optimization", NeurIPS 2011, equation (3).

    Examples
    --------
    >>> [update] = Delayed(d=1).linear_updates(1)
    >>> [str(x) for x in update.read], [[str(x) for x in row] for row in update.step]
    (['0', '1'], [['1', '0'], ['1', '0']])
    """

    name: ClassVar[str] = "delayed"
    settings: ClassVar[tuple[str, ...]] = ("d",)

    d: int
    inner: Optimizer = field(default_factory=SGD)
    schedule: Schedule | None = None
    average: Average | None = None
    weight_decay: Number = 0
    penalty: Penalty | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "d", whole_number("d", self.d))
        _Around.__post_init__(self)

    def _around(self, update: LinearUpdate, kind: int) -> LinearUpdate:  # noqa: ARG002
        """Return the update with the d weights before as further vectors."""
        zero, one, d = Fraction(0), Fraction(1), self.d
        if not d:
            return update
        M = update.states
        rows = [(*row, *(zero,) * d) for row in update.step]
        for i in range(d):
            source = M + i - 1 if i else 0
            rows.append(tuple(one if j == source else zero for j in range(M + d)))
        late = (zero,) * (M + d - 1) + (one,)
        inject = (*update.inject, *(zero,) * d)
        return LinearUpdate(late, inject, tuple(rows), (*update.readout, *(zero,) * d))
