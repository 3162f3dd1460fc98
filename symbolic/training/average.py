r"""Averages of iterates: where the observable looks, if not at the last iterate.

The weights :math:`w_r` of the iterates :math:`\theta_1, \dots, \theta_T` (what is missing to 1 is the
weight of the start :math:`\theta_0`) turn the kernel of an edge into the root into
:math:`K_{\mathrm{out}}(s) = \sum_{r > s} w_r K(r - s)`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final, get_args

from sympy import Integer, Symbol, sympify

from sgdiagrams.diagrams.errors import SamplingError, listed
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import (
    check_choice,
    check_updates,
    rational,
    rational_or_symbol,
    whole_number,
)
from sgdiagrams.symbolic.training.kernels import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sympy import Expr

    from sgdiagrams.symbolic.checks import Number

__all__ = [
    "Average",
    "EveryKthAverage",
    "ExponentialAverage",
    "FirstOfAverage",
    "TailAverage",
    "WeightedAverage",
    "check_window",
    "window_readouts",
]

FirstOfAverage = Literal["start", "copied", "debiased"]


class Average(ABC):
    """Weights of the iterates. Concrete averages are final, frozen dataclasses."""

    __slots__ = ()

    #: The name on the command line and in files.
    name: ClassVar[str]
    #: The names of the numbers that may be symbols.
    numbers: ClassVar[tuple[str, ...]] = ()
    #: The spans of its numbers that have one: the least, and what they are below (None without end).
    spans: ClassVar[Mapping[str, tuple[int, int | None]]] = {}

    @abstractmethod
    def weights(self, T: int) -> tuple[Fraction, ...]:
        """Return the weights of the iterates after 1, ..., T updates, exactly.

        Raises
        ------
        SamplingError
            When there are fewer updates than iterates to average, or a symbol has no number.
        """

    def readout(self, kernel: tuple[Mode, ...]) -> tuple[Mode, ...] | None:  # noqa: ARG002
        """Return a kernel convolved with the weights; None where that has no closed form."""
        return None

    @property
    def window(self) -> int | None:
        """The number of last iterates of which it is the plain mean; None for other weights."""
        return None

    @property
    @abstractmethod
    def label(self) -> str:
        """A short description for titles."""


@final
@dataclass(frozen=True, slots=True)
class TailAverage(Average):
    """The mean of the last W iterates.

    Parameters
    ----------
    W
        Their number; all T of them (Polyak-Ruppert, in closed form) when left out.

    Examples
    --------
    >>> [str(w) for w in TailAverage(2).weights(4)]
    ['0', '0', '1/2', '1/2']
    """

    name: ClassVar[str] = "tail"

    W: int | None = None

    def __post_init__(self) -> None:
        if self.W is not None:
            object.__setattr__(self, "W", whole_number("W", self.W, least=1))

    def weights(self, T: int) -> tuple[Fraction, ...]:
        """Return the weights."""
        check_updates(T)
        if T == 0:
            return ()
        size = T if self.W is None else self.W
        if size > T:
            raise SamplingError(f"expected at least W={size} updates to average over, got T={T}")
        return (Fraction(0),) * (T - size) + (Fraction(1, size),) * size

    def readout(self, kernel: tuple[Mode, ...]) -> tuple[Mode, ...] | None:
        """Return sums of powers over T, for the mean of all iterates."""
        if self.W is not None:
            return None
        modes: list[Mode] = []
        for w, _, x in kernel:
            if x == 1:
                modes.append(Mode(w / symbols.T, 1, x))
            else:
                scale = w * x / (1 - x) / symbols.T
                modes += [Mode(scale, 0, Integer(1)), Mode(-scale, 0, x)]
        return tuple(modes)

    @property
    def window(self) -> int | None:
        """W, where it is not all iterates."""
        return self.W

    @property
    def label(self) -> str:
        """The name with W."""
        return "average of all iterates" if self.W is None else f"average of the last {self.W}"


def check_window(W: int | None, T: Expr) -> None:
    """Check that there are as many updates as iterates are averaged over, or none at all.

    Raises
    ------
    SamplingError
        When there are fewer.
    """
    if W is not None and T.is_number and 0 < T < W:
        raise SamplingError(f"expected at least W={W} updates to average over, got T={T}")


def window_readouts(kernel: tuple[Mode, ...], W: int) -> tuple[tuple[Mode, ...], tuple[Mode, ...]]:
    r"""Return what the mean of the last W iterates makes of a kernel.

    With :math:`S(D) = \sum_{d \le D} K(d)` an update among the last W is read out by :math:`S(D)/W`,
    and one before them by :math:`(S(D + W) - S(D))/W`, with D up to where they begin.

    Parameters
    ----------
    kernel
        Modes without powers of D.
    W
        The number of iterates.

    Returns
    -------
    before, last
        The modes of these.

    Examples
    --------
    >>> window_readouts((Mode(1, 0, 1),), 3)
    ((Mode(weight=1, power=0, base=1),), (Mode(weight=1/3, power=1, base=1),))
    """
    before = tuple(
        Mode(w if x == 1 else w * x * (x**W - 1) / ((x - 1) * W), 0, x) for w, _, x in kernel
    )
    whole = TailAverage().readout(kernel) or ()
    last = tuple(m._replace(weight=m.weight.subs(symbols.T, W)) for m in whole)
    return before, last


@final
@dataclass(frozen=True, slots=True)
class ExponentialAverage(Average):
    r"""The exponential average :math:`\bar\theta_t = \alpha \bar\theta_{t-1} + (1 - \alpha) \theta_t`.

    Parameters
    ----------
    alpha
        In [0, 1); the symbol alpha when left out.
    first
        What it begins with: ``"start"``, :math:`\bar\theta_0 = \theta_0`; ``"copied"``,
        :math:`\bar\theta_1 = \theta_1`, as the first call of PyTorch's ``AveragedModel`` with
        ``get_ema_avg_fn``; ``"debiased"``, nothing, and weights that are divided by their sum
        :math:`1 - \alpha^T`, as ``optax.ema``. The first alone has closed forms.

    Examples
    --------
    >>> [str(w) for w in ExponentialAverage("1/2").weights(3)]
    ['1/8', '1/4', '1/2']
    >>> [str(w) for w in ExponentialAverage("1/2", first="copied").weights(3)]
    ['1/4', '1/4', '1/2']
    >>> [str(w) for w in ExponentialAverage("1/2", first="debiased").weights(3)]
    ['1/7', '2/7', '4/7']
    """

    name: ClassVar[str] = "exponential"
    numbers: ClassVar[tuple[str, ...]] = ("alpha",)
    spans: ClassVar[Mapping[str, tuple[int, int | None]]] = {"alpha": (0, 1)}

    alpha: Number | None = None
    first: FirstOfAverage | None = None

    def __post_init__(self) -> None:
        if self.first is not None:
            check_choice("first", self.first, get_args(FirstOfAverage))
            object.__setattr__(self, "first", None if self.first == "start" else self.first)
        alpha = rational_or_symbol("alpha", self.alpha, symbols.alpha, below_one=True)
        object.__setattr__(self, "alpha", alpha)

    def weights(self, T: int) -> tuple[Fraction, ...]:
        """Return the weights."""
        if isinstance(self.alpha, Symbol) or self.alpha is None:
            raise SamplingError("expected a number for alpha; give alpha=...")
        alpha = Fraction(self.alpha)
        check_updates(T, bits=alpha.denominator.bit_length() - 1)
        weights = [(1 - alpha) * alpha ** (T - t) for t in range(1, T + 1)]
        if T and self.first == "copied":
            weights[0] = alpha ** (T - 1)
        if self.first == "debiased":
            whole = 1 - alpha**T
            weights = [weight / whole for weight in weights]
        return tuple(weights)

    def readout(self, kernel: tuple[Mode, ...]) -> tuple[Mode, ...] | None:
        """Return geometric sums of powers, for an average that begins at the start."""
        if self.first is not None:
            return None
        a = sympify(self.alpha)
        modes: list[Mode] = []
        for w, _, x in kernel:
            if x == a:
                modes.append(Mode(w * (1 - a), 1, x))
            else:
                scale = w * (1 - a) * x / (x - a)
                modes += [Mode(scale, 0, x), Mode(-scale, 0, a)]
        return tuple(modes)

    @property
    def label(self) -> str:
        """The name with alpha."""
        first = "" if self.first is None else f" {self.first}"
        if isinstance(self.alpha, Symbol):
            return f"exponential average{first}"
        return f"exponential average alpha={self.alpha}{first}"


@final
@dataclass(frozen=True, slots=True)
class EveryKthAverage(Average):
    """The mean of every k-th iterate from the start-th on, as of stochastic weight averaging.

    PyTorch's ``AveragedModel`` whose first call is after update `start` and then after every k more;
    the first call copies the weights, so that the mean is one of iterates alone.

    Parameters
    ----------
    start
        The number of updates before the first iterate that counts, >= 0; 0 is the start itself.
    every
        k, >= 1.

    Notes
    -----
    P. Izmailov and others, "Averaging weights leads to wider optima and better generalization", UAI 2018,
    algorithm 1; ``torch.optim.swa_utils.AveragedModel``.

    Examples
    --------
    >>> [str(w) for w in EveryKthAverage(start=2, every=2).weights(6)]
    ['0', '1/3', '0', '1/3', '0', '1/3']
    """

    name: ClassVar[str] = "every-kth"

    start: int = 1
    every: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", whole_number("start", self.start))
        object.__setattr__(self, "every", whole_number("every", self.every, least=1))

    def weights(self, T: int) -> tuple[Fraction, ...]:
        """Return the weights; those of the start are what is missing to 1."""
        check_updates(T)
        if self.start > T:
            raise SamplingError(
                f"expected at least start={self.start} updates before an average, got T={T}"
            )
        counted = range(self.start, T + 1, self.every)
        share = Fraction(1, len(counted))
        return tuple(share if t in counted else Fraction(0) for t in range(1, T + 1))

    @property
    def label(self) -> str:
        """The first iterates."""
        second = self.start + self.every
        return f"average of iterates {self.start}, {second}, ..."


@final
@dataclass(frozen=True, slots=True)
class WeightedAverage(Average):
    """An average with any weights.

    Parameters
    ----------
    values
        The weights of the iterates after 1, ..., T updates, rational numbers; what is missing to 1 is
        the weight of the start. Any sum and signs are legal.

    Examples
    --------
    >>> [str(w) for w in WeightedAverage([0.25, 0, "3/4"]).weights(3)]
    ['1/4', '0', '3/4']
    """

    name: ClassVar[str] = "weights"

    values: tuple[Fraction, ...]

    def __init__(self, values: Sequence[Any]) -> None:
        given = listed("values", values, called="a list of weights", error=SamplingError)
        exact = tuple(rational("a weight", value) for value in given)
        object.__setattr__(self, "values", exact)

    def weights(self, T: int) -> tuple[Fraction, ...]:
        """Return the weights.

        Raises
        ------
        SamplingError
            When there are not as many as updates.
        """
        if len(self.values) != T:
            raise SamplingError(f"expected T={T} weights, one an iterate, got {len(self.values)}")
        return self.values

    @property
    def label(self) -> str:
        """The number of weights."""
        return f"average with {len(self.values)} weights"
