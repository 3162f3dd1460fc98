r"""Any linear optimiser, given by matrices or by its kernel.

.. math:: g = \nabla l(r_t \cdot z), \qquad z \leftarrow A_t z - \eta\, a_t\, b_t\, g, \qquad
    \theta = c_t \cdot z

The state z is a row of M vectors like the weights, and :math:`z_0 = s\, \theta_0` with M numbers s.
Without gradients such a run must rest: :math:`r_t A_{t-1} \cdots A_0 s = 1`, and c alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self, final

from sympy import Expr, Matrix, Symbol, Tuple, cancel, sympify

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.checks import Number, rational
from sgdiagrams.symbolic.propagation.linear_update import LinearUpdate
from sgdiagrams.symbolic.training.kernels import Mode
from sgdiagrams.symbolic.training.optimizer import Optimizer
from sgdiagrams.symbolic.training.optimizers.realised import as_modes, of_modes, of_values

if TYPE_CHECKING:
    from sgdiagrams.symbolic.training.average import Average
    from sgdiagrams.symbolic.training.penalty import Penalty
    from sgdiagrams.symbolic.training.schedules.schedule import Schedule

__all__ = ["LinearOptimizer"]

_PARTS = ("step", "inject", "read", "readout", "start")


class _WithMatrices(Optimizer):
    """What is made of matrices, whatever they were given as."""

    __slots__ = ()

    step: Any
    inject: Any
    read: Any
    readout: Any
    start: Any

    def __post_init__(self) -> None:
        step = _settled("step", self.step, 2)
        object.__setattr__(self, "step", step)
        M = len(_matrix("step", step(0)) if callable(step) else _first(step, 2))
        if not callable(step) and any(
            len(matrix) != M or any(len(entry) != M for entry in matrix)
            for matrix in _each(step, 2)
        ):
            raise SamplingError(f"expected step of M rows of M numbers, got {shown(self.step)}")
        unit = (Fraction(1), *(Fraction(0),) * (M - 1))
        for name in _PARTS[1:]:
            given = getattr(self, name)
            if given is None and name == "readout":
                given = self.read
            row = unit if given is None else _settled(name, given, 1)
            object.__setattr__(self, name, row)
            if not callable(row) and {len(entry) for entry in _each(row, 1)} != {M}:
                raise SamplingError(
                    f"expected {M} numbers in {name}, as many as step has rows, got {shown(given)}"
                )
        if _depth(self.start) != 1 or callable(self.start):
            raise SamplingError(f"expected M numbers for start, got {shown(self.start)}")
        lengths = {
            len(part)
            for name, rank in self._ranks
            if not callable(part := getattr(self, name)) and _depth(part) > rank
        }
        if len(lengths) > 1:
            raise SamplingError(
                f"expected lists of one number of updates, got {', '.join(map(str, sorted(lengths)))}"
            )
        super().__post_init__()
        if not any(callable(getattr(self, name)) for name, _ in self._ranks):
            # A sequence that obeys a recursion of length M + 1 is 1 when it begins so.
            self._check_rest(self._numbers_at(t) for t in range(min([*lengths, 2 * M + 2])))

    @property
    def _ranks(self) -> tuple[tuple[str, int], ...]:
        return (("step", 2), ("inject", 1), ("read", 1), ("readout", 1))

    @property
    def is_constant(self) -> bool:
        """Whether matrices are the same at all updates."""
        return all(
            not callable(part := getattr(self, name)) and _depth(part) == rank
            for name, rank in self._ranks
        )

    def _numbers_at(self, t: int) -> LinearUpdate:
        """Return what update t does, at a constant rate; numbers may be expressions."""
        parts = {}
        for name, rank in self._ranks:
            part = getattr(self, name)
            if callable(part):
                part = _settled(name, part(t), rank)
                if _depth(part) != rank:
                    raise SamplingError(
                        f"expected a {'matrix' if rank == 2 else 'row'} from {name} at update {t}, got "
                        f"{shown(part)}"
                    )
            elif _depth(part) > rank:
                part = part[t]
            parts[name] = part
        return LinearUpdate(**parts)

    def _check_rest(self, updates: Iterator[LinearUpdate]) -> None:
        state = [sympify(x) for x in self.start]
        for t, update in enumerate(updates):
            _check_place(_dot(update.read, state), t, "the gradient is read", "read")
            state = [_dot(row, state) for row in update.step]
            _check_place(_dot(update.readout, state), t + 1, "weights are", "readout")

    def linear_updates(self, T: int) -> tuple[LinearUpdate, ...]:
        """Return the updates with the schedule's factors in what is injected.

        Raises
        ------
        SamplingError
            When there is another number of matrices than updates, or a run would not rest.
        """
        if self.is_constant:
            constant = self._numbers_at(0)
            return self.by_factor(T, lambda a: _scaled(constant, a))
        for name, rank in self._ranks:
            part = getattr(self, name)
            if not callable(part) and _depth(part) > rank and len(part) != T:
                raise SamplingError(
                    f"expected {name} for T={T} updates, one each, got {len(part)} of them"
                )
        updates = [self._numbers_at(t) for t in range(T)]
        self._check_rest(iter(updates))
        return tuple(
            _scaled(update, a) for update, a in zip(updates, self.multipliers(T), strict=True)
        )

    @property
    def values(self) -> dict[str, Expr]:
        """The symbols of the matrices, and the numbers of schedule and average."""
        own = {
            str(symbol): symbol
            for name in _PARTS
            if not callable(getattr(self, name))
            for symbol in sorted(Tuple(*_flat(getattr(self, name))).free_symbols, key=str)
        }
        return {**own, **super().values}

    def at(self, /, **numbers: object) -> Self:
        """Return the optimiser with numbers for some of its free symbols."""
        changed = super().at(**numbers)
        own = {Symbol(name): _number(name, value) for name, value in numbers.items()}
        parts = {
            name: _replaced(getattr(self, name), own)
            for name in _PARTS
            if not callable(getattr(self, name))
        }
        if all(parts[name] == getattr(self, name) for name in parts):
            return changed
        return replace(changed, **parts)  # type: ignore[type-var]

    @property
    def label(self) -> str:
        """The name with the number of vectors."""
        return f"{self.name} M={len(self.start)}{super().label.removeprefix(self.name)}"

    @property
    def kernel(self) -> tuple[Mode, ...] | None:
        """The kernel as modes, where matrices are constant and their eigenvalues simple enough."""
        return self._modes(self.read)

    @property
    def iterate_kernel(self) -> tuple[Mode, ...] | None:
        """That of an edge into the root."""
        return self._modes(self.readout)

    def _modes(self, row: Any) -> tuple[Mode, ...] | None:
        if not self.is_constant:
            return None
        return as_modes(
            Matrix(_symbolic(self.step)), Matrix(_symbolic(self.inject)), Matrix([_symbolic(row)])
        )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LinearOptimizer(_WithMatrices):
    r"""An optimiser that carries a state of M vectors on by matrices: see the formulas of the module.

    Numbers are rational (decimals as they are written) or SymPy expressions of symbols, which `at` and
    ``evaluate`` give numbers. In place of a constant matrix or row stands a list of them, one an update,
    or a function of the number of the update, whose numbers are rational.

    Parameters
    ----------
    step
        A, M rows of M numbers; one number where M = 1.
    inject
        b, M numbers, or one.
    read
        r, M numbers or one: where the gradient is read. The first vector when left out.
    readout
        c, M numbers or one: where the weights are after the update; as `read` when left out.
    start
        s, M numbers: how much of the starting point every vector holds at first; (1, 0, ..., 0) when
        left out.
    schedule
        Multiplies what gradients inject.
    average, weight_decay, penalty
        As for `SGD`; the decay is that of the point where the gradient is read.

    Raises
    ------
    SamplingError
        When shapes do not fit, or a run without gradients would not rest.

    Examples
    --------
    A heavy ball:

    >>> from sgdiagrams.symbolic.symbols import beta
    >>> ball = LinearOptimizer(step=[[1, beta], [0, beta]], inject=[1, 1])
    >>> ball.kernel
    (Mode(weight=-1/(beta - 1), power=0, base=1), Mode(weight=1/(beta - 1), power=0, base=beta))
    >>> ball.at(beta=0.5).symbols
    ()
    >>> LinearOptimizer(step=0.9, inject=1)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sgdiagrams.diagrams.errors.SamplingError: expected a run that rests without gradients, but ...
    """

    name: ClassVar[str] = "linear"
    kernel_follows_schedule: ClassVar[bool] = True

    step: Any
    inject: Any
    read: Any = None
    readout: Any = None
    start: Any = None
    schedule: Schedule | None = None
    average: Average | None = None
    weight_decay: Number = 0
    penalty: Penalty | None = None

    @classmethod
    def of_kernel(
        cls, kernel: Sequence[Any], *, readout: Sequence[Any] | None = None, **others: Any
    ) -> Self:
        r"""Return the optimiser of a kernel.

        Parameters
        ----------
        kernel
            :math:`K(D)`, how much an update moves the point where the gradient is read D updates later:
            modes :math:`w D^k x^D`, or numbers K(1), K(2), ... of which the last holds for all that
            follow.
        readout
            The same of what the observable sees; as `kernel` when left out.
        **others
            ``schedule``, ``average``, ``weight_decay``, ``penalty``.

        Examples
        --------
        Gradients that come one update late, and then count twice:

        >>> late = LinearOptimizer.of_kernel([0, 2])
        >>> [str(x) for x in late.read], late.kernel is None
        (['1', '0', '2'], True)
        """
        parts = [_realised(kernel)] + ([] if readout is None else [_realised(readout)])
        # The first vector is the starting point, which no gradient moves.
        sizes = [len(inject) for _, inject, _ in parts]
        M = 1 + sum(sizes)
        step = [[0] * M for _ in range(M)]
        step[0][0] = 1
        inject: list[Any] = [0] * M
        rows: list[list[Any]] = []
        first = 1
        for (own_step, own_inject, own_read), size in zip(parts, sizes, strict=True):
            row: list[Any] = [1, *[0] * (M - 1)]
            for i in range(size):
                step[first + i][first : first + size] = own_step[i]
                inject[first + i], row[first + i] = own_inject[i], own_read[i]
            rows.append(row)
            first += size
        return cls(step=step, inject=inject, read=rows[0], readout=rows[-1], **others)


def _check_place(place: Any, count: int, doing: str, name: str) -> None:
    if place != 1:
        raise SamplingError(
            f"expected a run that rests without gradients, but after {count} update"
            f"{'s' * (count != 1)} {doing} at {place} times the start; change step, {name} or start"
        )


def _realised(kernel: Sequence[Any]) -> tuple[list[list[Any]], list[Any], list[Any]]:
    if not isinstance(kernel, Sequence) or isinstance(kernel, str) or not kernel:
        raise SamplingError(f"expected modes or numbers of a kernel, got {shown(kernel)}")
    if all(isinstance(mode, Mode) for mode in kernel):
        return of_modes(kernel)
    return of_values([_number("a kernel", value) for value in kernel])


def _number(name: str, value: object) -> Any:
    """Return a Fraction, or an expression that has symbols."""
    if isinstance(value, Expr) and value.free_symbols:
        return value
    return rational(name, value)


def _depth(given: Any) -> int:
    return 1 + _depth(given[0]) if isinstance(given, tuple) and given else 0


def _settled(name: str, given: Any, rank: int) -> Any:
    """Return nested tuples of numbers; those of one vector may be given as numbers."""
    if callable(given):
        return given

    def nested(entry: Any) -> Any:
        listed = entry.tolist() if hasattr(entry, "tolist") else entry
        if isinstance(listed, Sequence) and not isinstance(listed, str):
            if not listed:
                raise SamplingError(f"expected numbers for {name}, got {shown(given)}")
            return tuple(map(nested, listed))
        return _number(name, listed)

    settled = nested(given)
    if not isinstance(settled, tuple):
        settled = (settled,)
        return (settled,) if rank == 2 else settled
    depths = {_depth(entry) for entry in settled}
    if len(depths) > 1 or not rank <= _depth(settled) <= rank + 1:
        kind = "a matrix" if rank == 2 else "a row"
        raise SamplingError(
            f"expected {kind} of numbers for {name}, or a list of such, got {shown(given)}"
        )
    return settled


def _matrix(name: str, given: Any) -> Any:
    return _settled(name, given, 2)


def _first(given: Any, rank: int) -> Any:
    return given if _depth(given) == rank else given[0]


def _each(given: Any, rank: int) -> Any:
    return (given,) if _depth(given) == rank else given


def _flat(given: Any) -> list[Any]:
    return [x for entry in given for x in _flat(entry)] if isinstance(given, tuple) else [given]


def _symbolic(given: Any) -> Any:
    return [*map(_symbolic, given)] if isinstance(given, tuple) else sympify(given)


def _replaced(given: Any, table: Mapping[Symbol, Any]) -> Any:
    if isinstance(given, tuple):
        return tuple(_replaced(entry, table) for entry in given)
    if not isinstance(given, Expr):
        return given
    return _number("a number", given.xreplace({key: sympify(x) for key, x in table.items()}))


def _dot(row: Sequence[Any], state: Sequence[Any]) -> Any:
    return cancel(sum((sympify(x) * y for x, y in zip(row, state, strict=True)), sympify(0)))


def _scaled(update: LinearUpdate, a: Fraction) -> LinearUpdate:
    return update if a == 1 else update._replace(inject=tuple(a * x for x in update.inject))
