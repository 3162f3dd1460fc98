"""Schedule-free averaging of SGD."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, final

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import Number, rational_or_symbol, whole_number
from sgdiagrams.symbolic.propagation.linear_update import LinearUpdate
from sgdiagrams.symbolic.training.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sgdiagrams.symbolic.training.average import Average
    from sgdiagrams.symbolic.training.penalty import Penalty
    from sgdiagrams.symbolic.training.schedules.schedule import Schedule

__all__ = ["ScheduleFree"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFree(Optimizer):
    r"""Schedule-free SGD: gradients are read between the iterates and their running average.

    .. math:: g = \nabla l(y), \quad y = (1 - \beta) z + \beta x, \qquad
        z \leftarrow z - \eta\, a_t g, \qquad x \leftarrow (1 - c_t)\, x + c_t z

    with :math:`c_t = w_t/(w_0 + \dots + w_t)` and :math:`w_t = (t + 1)^r\, (\max_{s \le t} a_s)^k`. The
    observable is at x.

    Parameters
    ----------
    beta
        In [0, 1]; the symbol beta when left out. 0 is SGD with the average of all iterates, 1 primal
        averaging.
    power
        k, a whole number >= 0; 2 in the reference implementation, where it is ``weight_lr_power``.
    r
        A whole number >= 0.
    schedule
        Such as a warm-up.
    average, weight_decay, penalty
        As for `SGD`; the decay is that of y.

    Notes
    -----
    A. Defazio, X. Yang, H. Mehta, K. Mishchenko, A. Khaled, A. Cutkosky, "The road less scheduled",
    2024, equations (1) to (3) and section 4; ``optax.contrib.schedule_free``.

    Examples
    --------
    >>> first, second = ScheduleFree(beta="1/2").linear_updates(2)
    >>> [str(x) for x in second.step[1]], [str(x) for x in second.read]
    (['1/2', '1/2'], ['1/2', '1/2'])
    """

    name: ClassVar[str] = "schedule-free"
    numbers: ClassVar[tuple[str, ...]] = ("beta",)
    spans: ClassVar[Mapping[str, tuple[int, int | None]]] = {"beta": (0, None)}
    settings: ClassVar[tuple[str, ...]] = ("power", "r")

    beta: Number | None = None
    power: int = 2
    r: int = 0
    schedule: Schedule | None = None
    average: Average | None = None
    weight_decay: Number = 0
    penalty: Penalty | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "beta", rational_or_symbol("beta", self.beta, symbols.beta))
        object.__setattr__(self, "power", whole_number("power", self.power))
        object.__setattr__(self, "r", whole_number("r", self.r))
        Optimizer.__post_init__(self)

    def linear_updates(self, T: int) -> tuple[LinearUpdate, ...]:
        """Return the updates of the two vectors (z, x)."""
        zero, one = Fraction(0), Fraction(1)
        beta: Any = self.beta
        read = (1 - beta, beta)
        largest = total = zero
        result = []
        for t, a in enumerate(self.multipliers(T)):
            largest = max(largest, a)
            weight = (t + 1) ** self.r * largest**self.power
            total += weight
            c = weight / total if total else zero
            step = ((one, zero), (c, 1 - c))
            result.append(LinearUpdate(read, (a, c * a), step, (zero, one)))
        return tuple(result)
