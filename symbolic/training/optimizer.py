r"""Optimisers as pairs of causal edge kernels.

An optimiser with linear memory moves the point where the gradient of update t is taken by
:math:`K(s, t)` times the update made at s < t, and the final read-out by :math:`K_{\mathrm{out}}(s)`.
The weight of an embedding is the product of kernels over the edges, times learning-rate factors of the
nodes. Plain SGD has :math:`K = 1`.

With :math:`D = t - s` and a constant learning rate:

* heavy ball, :math:`v \leftarrow \beta v + g,\ \theta \leftarrow \theta - \eta v`:
  :math:`K = (1 - \beta^D)/(1 - \beta)`;
* Nesterov in PyTorch's variables, :math:`v \leftarrow \beta v + g,\ \theta \leftarrow \theta - \eta
  (g + \beta v)`: :math:`K = (1 - \beta^{D + 1})/(1 - \beta)`.

That is what closed forms know. What counting by number and simulations run is written down a second time,
as the matrices of every update (`Optimizer.linear_updates`), and a third time step by step, as in a
manual (`Optimizer.update`). Where only the last is given, the others are derived from it.

Sources: B. T. Polyak, USSR Comput. Math. Math. Phys. 4(5) (1964) 1; Y. Nesterov, Soviet Math. Dokl. 27
(1983) 372; ``torch.optim.SGD``.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable
from dataclasses import fields, replace
from fractions import Fraction
from numbers import Rational as AnyRational
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar

from sympy import Expr, Symbol, sympify

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import Number, check_updates, rational_or_symbol
from sgdiagrams.symbolic.propagation.linear_update import (
    LinearUpdate,
    WeightPull,
    following_the_weights,
)
from sgdiagrams.symbolic.training.average import Average
from sgdiagrams.symbolic.training.dressing import dressing_of
from sgdiagrams.symbolic.training.kernels import Mode
from sgdiagrams.symbolic.training.penalty import as_penalty, group_decay
from sgdiagrams.symbolic.training.schedules.named_schedules import as_schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sgdiagrams.symbolic.training.dressing import Dressing
    from sgdiagrams.symbolic.training.penalty import Penalty
    from sgdiagrams.symbolic.training.schedules.schedule import Schedule

__all__ = ["Optimizer", "V", "Vector"]


class Vector(Protocol):
    """What an update rule is written for: gradients and memories of a simulation.

    They are added, subtracted and multiplied by exact numbers from the left, whatever they are made of.
    """

    def __add__(self, other: Self, /) -> Self:
        """Return a sum."""

    def __sub__(self, other: Self, /) -> Self:
        """Return a difference."""

    def __rmul__(self, factor: Any, /) -> Self:
        """Return a multiple."""


V = TypeVar("V", bound=Vector)


class Optimizer(ABC):
    r"""An optimiser with linear memory. Concrete optimisers are final, frozen dataclasses.

    Attributes
    ----------
    schedule
        Factors of the learning rate; None for a constant one.
    average
        The average of iterates that the observable looks at; None for the last iterate.
    weight_decay
        :math:`\lambda` of the penalty :math:`\lambda |\theta|^2/2` that is added to every
        training loss (coupled, as in ``torch.optim.SGD``); a number or a symbol. Numbers for all
        weights one by one, as groups of parameters have them, are a penalty.
    penalty
        Another penalty that is added to every training loss; None without.
    decoupled_decay
        :math:`\lambda` of weight decay that goes past the memory, as in AdamW and SGDW: :math:`\theta
        \leftarrow (1 - \eta a_t \lambda)\, \theta - \dots`; a number or a symbol.
    """

    __slots__ = ()

    #: The name on the command line and in files.
    name: ClassVar[str]
    #: The number of vectors, such as velocities, that are kept from one update to the next.
    memory_size: ClassVar[int] = 0

    # An optimiser that has no such field has none of these.
    schedule: Schedule | None = None
    average: Average | None = None
    weight_decay: Number = 0
    penalty: Penalty | None = None
    decoupled_decay: Number = 0

    def __post_init__(self) -> None:
        """Bring the fields that all optimisers share to their standard form."""
        _settle(self)

    @property
    def values(self) -> dict[str, Expr]:
        """The numbers of the optimiser, its schedule and average by name: rationals or symbols."""
        values: dict[str, Expr] = {}
        for owner in (self, self.schedule, self.average):
            for name in getattr(owner, "numbers", ()):
                value = getattr(owner, name)
                if isinstance(value, bool) or not isinstance(value, AnyRational | Expr):
                    raise SamplingError(
                        f"expected a whole number, a Fraction or a SymPy symbol for {name} of "
                        f"{self.name}, got {name}={shown(value)}"
                    )
                values[name] = sympify(value)
        if self.weight_decay != 0:
            values["weight_decay"] = sympify(self.weight_decay)
        if self.decoupled_decay != 0:
            values["decoupled_decay"] = sympify(self.decoupled_decay)
        if self.penalty is not None:
            values["strength"] = sympify(self.penalty.strength)
        return values

    #: The names of the numbers that may be symbols.
    numbers: ClassVar[tuple[str, ...]] = ()
    #: The spans of its numbers that have one: the least, and what they are below (None without end).
    spans: ClassVar[Mapping[str, tuple[int, int | None]]] = {}

    #: The names of what else the label tells, unless it is what it is when left out.
    settings: ClassVar[tuple[str, ...]] = ()

    @property
    def known_spans(self) -> dict[str, tuple[int, int | None]]:
        """The spans of symbols of the optimiser, its schedule and average, by the symbol's name."""
        return {
            str(getattr(owner, name)): span
            for owner in (self, self.schedule, self.average)
            for name, span in getattr(owner, "spans", {}).items()
            if isinstance(getattr(owner, name), Symbol)
        }

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the symbols that are still to be given a number."""
        names = (s for value in self.values.values() for s in sorted(value.free_symbols, key=str))
        own = () if self.penalty is None else self.penalty.symbols
        return tuple(dict.fromkeys((*map(str, names), *own)))

    @property
    def is_plain(self) -> bool:
        """Whether every edge and node has weight one: no memory, no schedule, no average."""
        return False

    @property
    def is_default(self) -> bool:
        """Whether it is the optimiser that is meant where none is named."""
        return False

    @property
    def dressing(self) -> Dressing | None:
        """How links dress an edge in closed form; None where that is known by number only."""
        kernel, readout = self.kernel, self.root_kernel
        window = None if self.average is None else self.average.window
        if window is not None:
            readout = self.iterate_kernel
        if self.schedule is not None or kernel is None or readout is None:
            return None
        if self.decoupled_decay != 0:
            return None  # links are updates of two kinds then
        dressing = dressing_of(kernel, readout)
        return dressing if dressing is None or window is None else dressing.with_window(window)

    @property
    def label(self) -> str:
        """The name with its numbers, for titles.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.optimizers.momentum import Momentum
        >>> from sgdiagrams.symbolic.training.optimizers.sgd import SGD
        >>> SGD().label, Momentum(beta=0.9, weight_decay=0.01).label
        ('sgd', 'momentum beta=9/10 weight-decay=1/100')
        """
        pieces = [self.name]
        pieces += [
            f"{name}={getattr(self, name)}"
            for name in self.numbers
            if not isinstance(getattr(self, name), Symbol)
        ]
        defaults = {entry.name: entry.default for entry in fields(self)}  # type: ignore[arg-type]
        for name in self.settings:
            value = getattr(self, name)
            if value is not None and value != defaults[name]:
                pieces.append(f"{name.replace('_', '-')}={str(value).lower()}")
        if self.weight_decay != 0:
            pieces.append(f"weight-decay={self.weight_decay}")
        if self.decoupled_decay != 0:
            pieces.append(f"decoupled-decay={self.decoupled_decay}")
        if self.penalty is not None:
            kind = "weight-decay" if self.penalty.rates else "penalty"
            pieces.append(f"{kind}={self.penalty.label}")
        tail = [x.label for x in (self.schedule, self.average) if x is not None]
        return ", ".join([" ".join(pieces), *tail])

    def at(self, /, **numbers: object) -> Self:
        """Return this optimiser with numbers for some of its free symbols; others are ignored.

        Raises
        ------
        SamplingError
            When a number is impossible, such as beta outside [0, 1).
        """
        given = {Symbol(name): value for name, value in numbers.items()}

        def put(owner: Any) -> Any:
            changes = {
                field.name: given[getattr(owner, field.name)]
                for field in fields(owner)
                if isinstance(getattr(owner, field.name), Symbol)
                and getattr(owner, field.name) in given
            }
            return replace(owner, **changes) if changes else owner

        parts = {
            name: put(getattr(self, name))
            for name in ("schedule", "average")
            if getattr(self, name) is not None
        }
        if self.penalty is not None:
            parts["penalty"] = self.penalty.at(numbers)
        changed: Self = put(self)
        return replace(changed, **parts) if parts else changed  # type: ignore[type-var]

    @property
    def kernel(self) -> tuple[Mode, ...] | None:
        """The kernel K(D) between updates as a sum of modes; None where it has no closed form."""
        return None

    #: Whether the kernel holds under a schedule: in units of the factor of the earlier update.
    kernel_follows_schedule: ClassVar[bool] = False

    @property
    def root_kernel(self) -> tuple[Mode, ...] | None:
        r"""The kernel of an edge into the root, with D = T - s; None where it has no closed form.

        For the last iterate it is K; for an average, K convolved with the weights.
        """
        kernel = self.iterate_kernel
        if self.average is None or kernel is None:
            return kernel
        return self.average.readout(kernel)

    @property
    def iterate_kernel(self) -> tuple[Mode, ...] | None:
        """The same for the last iterate, whatever is averaged."""
        return self.kernel

    @property
    def pull_modes(self) -> tuple[tuple[Mode, ...], tuple[Mode, ...]] | None:
        """The kernels of decoupled weight decay between updates, and into the root.

        It moves the weights themselves, which stay where they are. None without it.
        """
        if self.decoupled_decay == 0:
            return None
        stays = (Mode(1, 0, 1),)
        seen = stays if self.average is None else self.average.readout(stays)
        return (stays, seen or ())

    def update(
        self,
        gradient: V,  # noqa: ARG002 - what classes take
        memory: tuple[V, ...],  # noqa: ARG002
        factor: Fraction,  # noqa: ARG002
    ) -> tuple[V, tuple[V, ...]]:
        r"""Return the step and the new memory: one update as it is printed in a manual.

        Where a class has it, everything else follows from it; one with `linear_updates` of its own needs
        none.

        Parameters
        ----------
        gradient
            The mean gradient of the batch at the weights, weight decay included.
        memory
            As the update before returned it; at first `memory_size` times zero.
        factor
            The schedule's factor :math:`a_t` of the learning rate.

        Returns
        -------
        step
            By how much the weights move down: :math:`\theta \leftarrow \theta - \eta\, \mathrm{step}`.
        memory
            For the next update.

        Raises
        ------
        SamplingError
            When the class has none.
        """
        raise SamplingError(
            f"expected an update rule, but {self.name} has neither update nor linear_updates; "
            "write one of them"
        )

    def linear_updates(self, T: int) -> tuple[LinearUpdate, ...]:
        """Return what each of T updates does to a state of vectors; see `LinearUpdate`.

        This is what counting and all simulators run. By default it is read off `update`, which is linear:
        the state is the weights and the memory.

        Raises
        ------
        SamplingError
            When `update` returns something else than `memory_size` vectors, or is not linear.
        """
        if T:
            self._check_update(self.multipliers(T)[0])
        return self.by_factor(T, self._read_off)

    def by_factor(
        self, T: int, update: Callable[[Fraction], LinearUpdate]
    ) -> tuple[LinearUpdate, ...]:
        """Return T updates that depend on the schedule's factors alone, one object for each factor."""
        multipliers = self.multipliers(T)
        if self.schedule is None:
            return (self._with_pull(update(Fraction(1)), Fraction(1)),) * T
        known = {a: self._with_pull(update(a), a) for a in dict.fromkeys(multipliers)}
        return tuple([known[a] for a in multipliers])

    def _with_pull(self, update: LinearUpdate, factor: Fraction) -> LinearUpdate:
        """Return an update with decoupled weight decay of the weights, its first vector."""
        if self.decoupled_decay == 0:
            return update
        zeros = (Fraction(0),) * (update.states - 1)
        return update._replace(pull=WeightPull((Fraction(1), *zeros), (factor, *zeros)))

    def _check_update(self, factor: Fraction) -> None:
        one, nothing = Fraction(1), (Fraction(0),) * self.memory_size
        step, memory = self.update(one, nothing, factor)
        if len(memory) != self.memory_size:
            raise SamplingError(
                f"expected update of {self.name} to return memory_size={self.memory_size} vectors of "
                f"memory, got {len(memory)}"
            )
        if self.update(2 * one, nothing, factor)[0] != 2 * step:
            raise SamplingError(
                f"expected an update that is linear in the gradient and the memory, got that of "
                f"{self.name}"
            )

    def _read_off(self, factor: Fraction) -> LinearUpdate:
        """Return the update with a factor of the learning rate, as its rule makes it."""
        size = self.memory_size
        zero, one = Fraction(0), Fraction(1)
        step, memory = self.update(one, (zero,) * size, factor)
        # What was moved stays, and each memory moves the weights and makes new memory.
        columns = [(one, *(zero,) * size)]
        for i in range(size):
            moved, kept = self.update(
                zero, tuple(Fraction(int(j == i)) for j in range(size)), factor
            )
            columns.append((Fraction(moved), *map(Fraction, kept)))
        injected = (Fraction(step), *map(Fraction, memory))
        return following_the_weights(injected, zip(*columns, strict=True))

    def iterate_weights(self, T: int) -> tuple[Fraction, ...] | None:
        """Return the weights of the iterates after 1, ..., T updates; None for the last alone."""
        if self.average is None:
            return None
        check_updates(T)
        return _rationals(f"weights of {self.average.label}", self.average.weights(T), T)

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors of the learning rate at the updates 0, ..., T - 1."""
        check_updates(T)
        if self.schedule is None:
            return (Fraction(1),) * T
        return _rationals(f"factors of {self.schedule.label}", self.schedule.multipliers(T), T)


def _rationals(name: str, numbers: tuple[Fraction, ...], T: int) -> tuple[Fraction, ...]:
    """Return one rational number for every update, as schedules and averages should give them."""
    if len(numbers) != T:
        raise SamplingError(f"expected {T} {name}, one an update, got {len(numbers)}")
    for number in numbers:
        if not isinstance(number, AnyRational):
            raise SamplingError(
                f"expected {name} as Fractions or whole numbers, got {shown(number)}"
            )
    return numbers


def _settle(optimizer: Optimizer) -> None:
    """Bring the fields that all optimisers share to their standard form."""
    own = {field.name for field in fields(optimizer)}  # type: ignore[arg-type]
    if "schedule" in own:
        object.__setattr__(optimizer, "schedule", as_schedule(optimizer.schedule))
    if isinstance(optimizer.weight_decay, Iterable) and not isinstance(optimizer.weight_decay, str):
        if optimizer.penalty is not None:
            raise RequestError(
                "expected weight decay per group of parameters without another penalty, got "
                f"penalty={shown(as_penalty(optimizer.penalty))}; add it to the function"
            )
        object.__setattr__(optimizer, "penalty", group_decay(optimizer.weight_decay))
        object.__setattr__(optimizer, "weight_decay", 0)
    if "weight_decay" in own:
        decay = rational_or_symbol("weight_decay", optimizer.weight_decay, symbols.lamda)
        object.__setattr__(optimizer, "weight_decay", decay)
    if "decoupled_decay" in own:
        decay = rational_or_symbol("decoupled_decay", optimizer.decoupled_decay, symbols.lamda)
        object.__setattr__(optimizer, "decoupled_decay", decay)
    if "penalty" in own:
        object.__setattr__(optimizer, "penalty", as_penalty(optimizer.penalty))
    if optimizer.average is not None and not isinstance(optimizer.average, Average):
        raise SamplingError(
            f"expected an average of iterates such as TailAverage(10), got {shown(optimizer.average)}"
        )
