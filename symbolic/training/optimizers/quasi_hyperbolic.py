"""Quasi-hyperbolic momentum: steps along a mixture of gradient and velocity."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, final

from sympy import Integer, Symbol, sympify

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import Number, rational_or_symbol
from sgdiagrams.symbolic.propagation.linear_update import LinearUpdate
from sgdiagrams.symbolic.training.kernels import Mode
from sgdiagrams.symbolic.training.optimizer import Optimizer, V

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sgdiagrams.symbolic.training.average import Average
    from sgdiagrams.symbolic.training.penalty import Penalty
    from sgdiagrams.symbolic.training.schedules.schedule import Schedule

__all__ = ["QuasiHyperbolic"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class QuasiHyperbolic(Optimizer):
    r"""Quasi-hyperbolic momentum (QHM).

    .. math:: v \leftarrow \beta v + (1 - \beta) g, \qquad
        \theta \leftarrow \theta - \eta\, a_t\, ((1 - \nu) g + \nu v)

    Parameters
    ----------
    beta
        In [0, 1); the symbol beta when left out.
    nu
        How much of the step is along the velocity; the symbol nu when left out.
    schedule, average, weight_decay, penalty
        As for `SGD`.
    decoupled_decay
        As for `Momentum`.

    Notes
    -----
    J. Ma, D. Yarats, "Quasi-hyperbolic momentum and Adam for deep learning", ICLR 2019, equation (1).
    The kernel is :math:`1 - \nu \beta^D`; :math:`\nu = 1` is a heavy ball with the learning rate
    :math:`(1 - \beta)\eta`, and :math:`\nu = \beta` Nesterov's momentum with that rate.

    Examples
    --------
    >>> QuasiHyperbolic(beta=0.9, nu=0.7).kernel
    (Mode(weight=1, power=0, base=1), Mode(weight=-7/10, power=0, base=9/10))
    """

    name: ClassVar[str] = "qhm"
    numbers: ClassVar[tuple[str, ...]] = ("beta", "nu")
    spans: ClassVar[Mapping[str, tuple[int, int | None]]] = {"beta": (0, 1), "nu": (0, None)}
    memory_size: ClassVar[int] = 1

    beta: Number | None = None
    nu: Number | None = None
    schedule: Schedule | None = None
    average: Average | None = None
    weight_decay: Number = 0
    penalty: Penalty | None = None
    decoupled_decay: Number = 0

    def __post_init__(self) -> None:
        beta = rational_or_symbol("beta", self.beta, symbols.beta, below_one=True)
        object.__setattr__(self, "beta", beta)
        object.__setattr__(self, "nu", rational_or_symbol("nu", self.nu, Symbol("nu")))
        Optimizer.__post_init__(self)

    @property
    def kernel(self) -> tuple[Mode, ...] | None:
        r"""The kernel :math:`1 - \nu \beta^D`, at a constant rate."""
        if self.schedule is not None:
            return None
        return (Mode(Integer(1), 0, Integer(1)), Mode(-sympify(self.nu), 0, sympify(self.beta)))

    def linear_updates(self, T: int) -> tuple[LinearUpdate, ...]:
        """Return the updates of the weights and the velocity."""
        zero, one = Fraction(0), Fraction(1)
        beta, nu = self._numbers
        weights = (one, zero)

        def update(a: Fraction) -> LinearUpdate:
            injected = (a * (1 - nu * beta), 1 - beta)
            return LinearUpdate(weights, injected, ((one, a * nu * beta), (zero, beta)), weights)

        return self.by_factor(T, update)

    def update(
        self, gradient: V, memory: tuple[V, ...], factor: Fraction
    ) -> tuple[V, tuple[V, ...]]:
        """Return the mixture and the new velocity."""
        [velocity] = memory
        beta, nu = self._numbers
        velocity = beta * velocity + (1 - beta) * gradient
        return factor * ((1 - nu) * gradient + nu * velocity), (velocity,)

    @property
    def _numbers(self) -> tuple[Any, Any]:
        return self.beta, self.nu
