r"""Averages of iterates: where the observable looks, if not at the last iterate.

The weights :math:`w_r` of the iterates :math:`\theta_1, \dots, \theta_T` (what is missing to 1 is the
weight of the start :math:`\theta_0`) turn the kernel of an edge into the root into
:math:`K_{\mathrm{out}}(s) = \sum_{r > s} w_r K(r - s)`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, final

from sympy import Integer, Symbol, sympify

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import check_updates, rational_or_symbol, whole_number
from sgdiagrams.symbolic.training.kernels import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sgdiagrams.symbolic.checks import Number

__all__ = ["Average", "ExponentialAverage", "TailAverage"]


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
    def label(self) -> str:
        """The name with W."""
        return "average of all iterates" if self.W is None else f"average of the last {self.W}"


@final
@dataclass(frozen=True, slots=True)
class ExponentialAverage(Average):
    r"""The exponential average :math:`\bar\theta_t = \alpha \bar\theta_{t-1} + (1 - \alpha) \theta_t`.

    It starts at :math:`\bar\theta_0 = \theta_0`, as PyTorch's and JAX's averages do.

    Examples
    --------
    >>> [str(w) for w in ExponentialAverage("1/2").weights(3)]
    ['1/8', '1/4', '1/2']
    """

    name: ClassVar[str] = "exponential"
    numbers: ClassVar[tuple[str, ...]] = ("alpha",)
    spans: ClassVar[Mapping[str, tuple[int, int | None]]] = {"alpha": (0, 1)}

    alpha: Number | None = None

    def __post_init__(self) -> None:
        alpha = rational_or_symbol("alpha", self.alpha, symbols.alpha, below_one=True)
        object.__setattr__(self, "alpha", alpha)

    def weights(self, T: int) -> tuple[Fraction, ...]:
        """Return the weights."""
        if isinstance(self.alpha, Symbol) or self.alpha is None:
            raise SamplingError("expected a number for alpha; give alpha=...")
        alpha = Fraction(self.alpha)
        check_updates(T, bits=alpha.denominator.bit_length() - 1)
        return tuple((1 - alpha) * alpha ** (T - t) for t in range(1, T + 1))

    def readout(self, kernel: tuple[Mode, ...]) -> tuple[Mode, ...]:
        """Return geometric sums of powers."""
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
        if isinstance(self.alpha, Symbol):
            return "exponential average"
        return f"exponential average alpha={self.alpha}"
