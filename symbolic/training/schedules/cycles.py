"""Schedules that go up and down, as PyTorch's: cosines, triangles, one cycle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Literal, final, get_args

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.checks import check_choice, check_updates, rational, whole_number
from sgdiagrams.symbolic.training.schedules.schedule import Schedule

__all__ = ["Annealing", "CosineWaves", "OneCycle", "Triangular", "TriangularMode"]

_MOST_BITS = 2**31  # of halves that are written down exactly
TriangularMode = Literal["triangular", "triangular2", "exp_range"]
Annealing = Literal["cos", "linear"]


@final
@dataclass(frozen=True, slots=True)
class CosineWaves(Schedule):
    r"""Half cosines from 1 to `floor`, one after another: :math:`f + (1 - f)(1 + \cos(\pi s/n))/2`.

    PyTorch's ``CosineAnnealingLR`` (up again as it came down) and ``CosineAnnealingWarmRestarts``. The
    cosines are rounded to doubles, which are then exact.

    Parameters
    ----------
    over
        The number n of updates from 1 to the floor.
    floor
        The least factor: ``eta_min`` over the learning rate.
    growth
        None: the factor goes up again, with period 2n. A whole number: it begins at 1 again, and every
        wave is so many times as long as the one before.

    Examples
    --------
    >>> [float(a) for a in CosineWaves(over=2).multipliers(5)]
    [1.0, 0.5, 0.0, 0.5, 1.0]
    >>> [float(a) for a in CosineWaves(over=1, growth=2).multipliers(5)]
    [1.0, 1.0, 0.5, 1.0, 0.8535533905932737]

    References
    ----------
    I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    """

    name: ClassVar[str] = "cosine-waves"

    over: int
    floor: Fraction = Fraction(0)
    growth: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "over", whole_number("over", self.over, least=1))
        object.__setattr__(self, "floor", rational("floor", self.floor))
        if self.growth is not None:
            object.__setattr__(self, "growth", whole_number("growth", self.growth, least=1))

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors."""
        check_updates(T)
        if self.growth is None:
            steps = (t % (2 * self.over) for t in range(T))
            halves = [_half_cosine(min(s, 2 * self.over - s), self.over) for s in steps]
        else:
            halves, length = [], self.over
            while len(halves) < T:
                halves += [_half_cosine(s, length) for s in range(min(length, T - len(halves)))]
                length *= self.growth
        return tuple(self.floor + (1 - self.floor) * x for x in halves)

    @property
    def label(self) -> str:
        """The name with its numbers."""
        floor = "" if self.floor == 0 else f" floor={self.floor}"
        growth = "" if self.growth is None else f" growth={self.growth}"
        return f"cosine-waves over={self.over}{floor}{growth}"


def _half_cosine(step: int, steps: int) -> Fraction:
    return Fraction(0.5 + 0.5 * math.cos(math.pi * step / steps))


@final
@dataclass(frozen=True, slots=True)
class Triangular(Schedule):
    r"""Straight up from 1 to `peak` and down again, over and over: PyTorch's ``CyclicLR``.

    Parameters
    ----------
    peak
        ``max_lr`` over ``base_lr``; the learning rate is ``base_lr``.
    up, down
        The numbers of updates on the way up and down; as many down as up when left out.
    mode
        What the rise is multiplied by: ``"triangular"`` 1, ``"triangular2"`` half as much every cycle,
        ``"exp_range"`` :math:`\gamma^t`.
    gamma
        For ``"exp_range"``.

    Examples
    --------
    >>> [str(a) for a in Triangular(peak=3, up=2, down=1, mode="triangular2").multipliers(6)]
    ['1', '2', '3', '1', '3/2', '2']

    References
    ----------
    L. Smith, "Cyclical learning rates for training neural networks", WACV 2017.
    """

    name: ClassVar[str] = "triangular"

    peak: Fraction
    up: int = 2000
    down: int | None = None
    mode: TriangularMode = "triangular"
    gamma: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, get_args(TriangularMode))
        object.__setattr__(self, "peak", rational("peak", self.peak))
        object.__setattr__(self, "up", whole_number("up", self.up, least=1))
        down = self.up if self.down is None else whole_number("down", self.down, least=1)
        object.__setattr__(self, "down", down)
        object.__setattr__(self, "gamma", rational("gamma", self.gamma))

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors."""
        down = self.down or self.up
        bits = 0
        if self.mode == "exp_range":
            bits = max(self.gamma.numerator, self.gamma.denominator).bit_length() - 1
        elif self.mode == "triangular2":  # a bit a cycle
            bits = int(T * (T // (self.up + down)) > _MOST_BITS)
        check_updates(T, bits=bits)
        factors = []
        for t in range(T):
            cycle, step = divmod(t, self.up + down)
            height = (
                Fraction(step, self.up)
                if step <= self.up
                else Fraction(self.up + down - step, down)
            )
            if self.mode == "triangular2":
                height /= 2**cycle
            elif self.mode == "exp_range":
                height *= self.gamma**t
            factors.append(1 + (self.peak - 1) * height)
        return tuple(factors)

    @property
    def label(self) -> str:
        """The name with its numbers."""
        gamma = f" gamma={self.gamma}" if self.mode == "exp_range" else ""
        return f"{self.mode} peak={self.peak} up={self.up} down={self.down}{gamma}"


@final
@dataclass(frozen=True, slots=True)
class OneCycle(Schedule):
    r"""Up to 1 and far down, once: PyTorch's ``OneCycleLR``; the learning rate is ``max_lr``.

    The factors go from 1/`divided` to 1 and then to 1/(`divided` `finally_divided`). Cosines are rounded
    to doubles, which are then exact.

    Parameters
    ----------
    total
        The number of updates; T when left out.
    rise
        The part of them on the way up: ``pct_start``.
    shape
        ``"cos"`` or ``"linear"``: ``anneal_strategy``.
    divided, finally_divided
        ``div_factor`` and ``final_div_factor``.
    three_phase
        1 for a way down to the first factor that mirrors the way up, before the last fall; else 0.

    Examples
    --------
    >>> [str(a) for a in OneCycle(rise=0.6, shape="linear", divided=4).multipliers(5)]
    ['1/4', '5/8', '1', '40001/80000', '1/40000']

    References
    ----------
    L. Smith, N. Topin, "Super-convergence: very fast training of neural networks using large learning
    rates", arXiv:1708.07120.
    """

    name: ClassVar[str] = "one-cycle"

    total: int | None = None
    rise: Fraction = Fraction(3, 10)
    shape: Annealing = "cos"
    divided: Fraction = Fraction(25)
    finally_divided: Fraction = Fraction(10_000)
    three_phase: int = 0

    def __post_init__(self) -> None:
        check_choice("shape", self.shape, get_args(Annealing))
        if self.total is not None:
            object.__setattr__(self, "total", whole_number("total", self.total, least=1))
        for name in ("rise", "divided", "finally_divided"):
            number = rational(name, getattr(self, name))
            if number <= 0 or (name == "rise" and number > 1):
                span = "in (0, 1]" if name == "rise" else "> 0"
                raise SamplingError(f"expected a number {span} for {name}, got {name}={number}")
            object.__setattr__(self, name, number)
        if self.three_phase not in (0, 1):
            raise SamplingError(
                f"expected 0 or 1 for three_phase, got three_phase={shown(self.three_phase)}"
            )
        object.__setattr__(self, "three_phase", int(self.three_phase))

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors.

        Raises
        ------
        SamplingError
            When T is more than the total, or a way has no length.
        """
        check_updates(T)
        total = T if self.total is None else self.total
        if total < T:
            raise SamplingError(f"expected at most total={total} updates of one cycle, got T={T}")
        first, last = 1 / self.divided, 1 / (self.divided * self.finally_divided)
        return tuple(self.way(t, total, low=first, high=Fraction(1), end=last) for t in range(T))

    def way(self, t: int, total: int, *, low: Fraction, high: Fraction, end: Fraction) -> Fraction:
        """Return what goes from `low` to `high` and to `end` along the cycle, at update t."""
        rise = self.rise * total
        if self.three_phase:
            ways = [
                (rise - 1, low, high),
                (2 * rise - 2, high, low),
                (Fraction(total - 1), low, end),
            ]
        else:
            ways = [(rise - 1, low, high), (Fraction(total - 1), high, end)]
        begin = Fraction(0)
        number = next((i for i, (until, _, _) in enumerate(ways[:-1]) if t <= until), len(ways) - 1)
        if number:
            begin = ways[number - 1][0]
        until, start, goal = ways[number]
        if until == begin:
            raise SamplingError(
                f"expected ways of some length in one cycle, got total={total} with rise={self.rise}"
            )
        part = (t - begin) / (until - begin)
        if self.shape == "cos":
            part = Fraction(0.5 - 0.5 * math.cos(math.pi * float(part)))
        return start + (goal - start) * part

    @property
    def label(self) -> str:
        """The name with its numbers."""
        total = "" if self.total is None else f" total={self.total}"
        phases = " three phases" if self.three_phase else ""
        return (
            f"one-cycle{total} rise={self.rise} {self.shape} divided={self.divided}, "
            f"{self.finally_divided}{phases}"
        )
