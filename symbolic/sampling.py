"""Sampling schemes: which datapoint is used when, and so how often a diagram embeds.

A scheme answers one question: how many embeddings has this diagram into the (datapoint x time) grid?
The answer is exact, a polynomial or Laurent polynomial in the scheme's symbols, or a number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from numbers import Integral
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, get_args

from sympy import Expr, Integer, Rational, Symbol, sympify

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.counting import Basis, epochs_count, one_pass_count, update_forest
from sgdiagrams.symbolic.laurent import Laurent, add_scaled, to_expr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sgdiagrams.diagrams.diagram import Diagram

__all__ = ["Epochs", "FreshData", "FullBatch", "OnePass", "RootRole", "Sampling", "sampling"]

RootRole = Literal["population", "training"]
Number: TypeAlias = int | Expr


class Sampling(ABC):
    """A sampling scheme. Concrete schemes are final, frozen dataclasses of numbers or symbols."""

    __slots__ = ()

    #: The name on the command line and in files.
    name: ClassVar[str]
    #: The names of the numbers, in order; each is an attribute: a whole number or a symbol.
    numbers: ClassVar[tuple[str, ...]]

    @property
    def values(self) -> dict[str, Expr]:
        """The numbers of this scheme by name: fixed ones as SymPy integers, others as symbols."""
        return {name: sympify(getattr(self, name)) for name in self.numbers}

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the numbers that are still to be given, in order."""
        free: list[str] = []
        for value in self.values.values():
            free += [str(s) for s in sorted(value.free_symbols, key=str) if str(s) not in free]
        return tuple(free)

    @property
    def label(self) -> str:
        """The name with the numbers that are fixed, for titles.

        Examples
        --------
        >>> OnePass().label, FullBatch().label, Epochs(B=4).label
        ('one-pass B=1', 'full-batch', 'epochs B=4')
        """
        fixed = [f"{k}={v}" for k, v in self.values.items() if v.is_number]
        return " ".join([self._title(), *fixed])

    def _title(self) -> str:
        return self.name

    def count(
        self,
        diagram: Diagram,
        *,
        basis: Basis = "moment",
        root: RootRole = "population",
        **numbers: int,
    ) -> Expr:
        """Return the number of embeddings of a diagram.

        Parameters
        ----------
        diagram
            Any diagram; the root must be isolated unless ``root="training"``.
        basis
            ``"moment"``: different blocks on different datapoints; ``"cumulant"``: on any.
        root
            ``"population"``: the root is no datapoint. ``"training"``: the root is the loss of a
            datapoint of the training set, averaged over the set (weight 1/N on each row).
        **numbers
            Numbers for symbols that are still free.

        Returns
        -------
        sympy.Expr
            An expanded polynomial or Laurent polynomial; a rational number once all symbols have one.

        Raises
        ------
        SamplingError
            When the numbers are impossible for this scheme.
        RequestError
            When an option has another value, or the diagram's root is tied for a population root.

        Examples
        --------
        >>> from sgdiagrams.diagrams import Diagram
        >>> cherry = Diagram.parse("(01-2)(02-12)")
        >>> OnePass().count(cherry), Epochs().count(cherry), Epochs().count(cherry, N=6, B=2, E=3)
        (T, E**2*N, 54)
        """
        check_choice("basis", basis, get_args(Basis))
        check_choice("root", root, get_args(RootRole))
        scheme = self.at(**numbers)
        laurent = self.laurent(diagram, basis=basis, root=root)
        return to_expr(laurent, tuple(scheme.values.values()))

    def at(self, **numbers: int) -> Sampling:
        """Return this scheme with numbers for some of its free symbols.

        Raises
        ------
        SamplingError
            When a number is not free in this scheme, or impossible.
        """
        values = self.values
        unknown = [name for name in numbers if name not in self.symbols]
        if unknown:
            free = ", ".join(self.symbols) or "none"
            raise SamplingError(
                f"expected numbers for the free symbols of {self.name} ({free}), "
                f"got {unknown[0]}={numbers[unknown[0]]!r}"
            )
        given = {Symbol(k): whole_number(k, v) for k, v in numbers.items()}
        return type(self)(**{k: _plain(v.subs(given)) for k, v in values.items()})

    @property
    @abstractmethod
    def is_empty(self) -> bool:
        """Whether the numbers say that no update is made."""

    @abstractmethod
    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:
        """Return the count as exponents of `numbers` -> coefficient, unchecked and unsubstituted."""


@dataclass(frozen=True, slots=True)
class OnePass(Sampling):
    """One pass: T updates, each with B fresh datapoints, so that N = T B.

    Parameters
    ----------
    T
        Number of updates; the symbol T when left out.
    B
        Batch size; 1 when left out. Give ``sgdiagrams.symbols.B`` to keep it symbolic.

    Examples
    --------
    >>> OnePass().symbols, OnePass(T=10).symbols, OnePass(B=symbols.B).symbols
    (('T',), (), ('T', 'B'))
    """

    name: ClassVar[str] = "one-pass"
    numbers: ClassVar[tuple[str, ...]] = ("T", "B")

    T: Number | None = None
    B: Number = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "T", _number("T", self.T, symbols.T))
        object.__setattr__(self, "B", _number("B", self.B, symbols.B, least=1))

    @property
    def is_empty(self) -> bool:
        """Whether T = 0."""
        return self.T == 0

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:
        """Return the count as exponents of (T, B) -> coefficient."""
        forest = update_forest(diagram)
        count = one_pass_count(forest, basis, unit_batch=self.B == 1)
        return _with_root(count, forest.block_count, diagram, basis, root, (1, 1))


@dataclass(frozen=True, slots=True)
class Epochs(Sampling):
    """E epochs over N datapoints in batches of B, in one order; T = E N / B.

    Over i.i.d. datapoints a fixed order and one shuffled once are the same.

    Parameters
    ----------
    N, B, E
        Number of datapoints, batch size and number of epochs; symbols when left out.
    shuffle
        None or ``"once"``: every epoch in the same order.

    Raises
    ------
    SamplingError
        When B does not divide N, or a number is not positive (E = 0 is allowed: no update).

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> chain = Diagram.parse("(0-1-2)(01-12)")
    >>> Epochs().count(chain, basis="cumulant")
    -B*E*N/2 + E**2*N**2/2
    """

    name: ClassVar[str] = "epochs"
    numbers: ClassVar[tuple[str, ...]] = ("N", "B", "E")

    N: Number | None = None
    B: Number | None = None
    E: Number | None = None
    shuffle: Literal["once"] | None = None

    def __post_init__(self) -> None:
        check_choice("shuffle", self.shuffle, (None, "once"))
        object.__setattr__(self, "N", _number("N", self.N, symbols.N, least=1))
        object.__setattr__(self, "B", _number("B", self.B, symbols.B, least=1))
        object.__setattr__(self, "E", _number("E", self.E, symbols.E))
        if isinstance(self.N, int) and isinstance(self.B, int) and self.N % self.B:
            raise SamplingError(
                f"expected a batch size that divides N, got N={self.N}, B={self.B}; "
                f"the last batch of an epoch would be smaller"
            )

    @property
    def is_empty(self) -> bool:
        """Whether E = 0."""
        return self.E == 0

    def _title(self) -> str:
        return "full-batch" if self.N == self.B else self.name

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:
        """Return the count as exponents of (N, B, E) -> coefficient."""
        forest = update_forest(diagram)
        # m = N / B batches an epoch
        count: Laurent = {(m, b - m, e): c for (m, b, e), c in epochs_count(forest, basis).items()}
        return _with_root(count, forest.block_count, diagram, basis, root, (1, 0, 0))


def FreshData(T: Number | None = None, B: Number | None = None) -> OnePass:  # noqa: N802
    """Return T updates of B new datapoints each: ``OnePass`` with a batch size.

    Examples
    --------
    >>> FreshData(B=4)
    OnePass(T=T, B=4)
    """
    return OnePass(T=T, B=symbols.B if B is None else B)


def FullBatch(N: Number | None = None, E: Number | None = None) -> Epochs:  # noqa: N802
    """Return full-batch gradient descent: ``Epochs`` with B = N, an epoch being one update.

    Examples
    --------
    >>> FullBatch(N=8)
    Epochs(N=8, B=8, E=E, shuffle=None)
    """
    size = symbols.N if N is None else N
    return Epochs(N=size, B=size, E=E)


def sampling(scheme: str | Sampling) -> Sampling:
    """Return a scheme by its name on the command line, or the scheme itself.

    Raises
    ------
    RequestError
        When the name is unknown.

    Examples
    --------
    >>> sampling("epochs")
    Epochs(N=N, B=B, E=E, shuffle=None)
    """
    if isinstance(scheme, Sampling):
        return scheme
    makers: dict[str, Callable[[], Sampling]] = {
        "one-pass": OnePass,
        "epochs": Epochs,
        "fresh-data": FreshData,
        "full-batch": FullBatch,
    }
    check_choice("sampling", scheme, tuple(makers))
    return makers[scheme]()


def check_choice(name: str, value: object, allowed: tuple[object, ...]) -> None:
    """Raise a RequestError unless `value` is one of `allowed`."""
    if value not in allowed:
        options = ", ".join(map(str, allowed))
        raise RequestError(f"expected {name} to be one of {options}; got {name}={value!r}")


def whole_number(name: str, value: object, *, least: int = 0) -> int:
    """Return a whole number >= `least`, or raise a SamplingError.

    Integral floats and rationals (``10.0``) count as whole; booleans do not.
    """
    whole: int | None = None
    if isinstance(value, (Integral, Integer, Rational, float, Fraction)):
        is_float = isinstance(value, float)
        is_whole = not isinstance(value, bool) and (not is_float or isfinite(value))
        is_whole = is_whole and value == int(value)
        whole = int(value) if is_whole else None
    if whole is None or whole < least:
        raise SamplingError(f"expected a whole number >= {least} for {name}, got {name}={value}")
    return whole


def _number(name: str, value: Number | None, symbol: Symbol, *, least: int = 0) -> Number:
    if value is None:
        return symbol
    if isinstance(value, Expr) and not isinstance(value, Integer):
        if not isinstance(value, Symbol):
            raise SamplingError(f"expected a whole number or a symbol, got {name}={value}")
        return value
    return whole_number(name, value, least=least)


def _plain(value: Expr) -> Number:
    return int(value) if isinstance(value, Integer) else value


def _with_root(
    count: Mapping[tuple[int, ...], Fraction],
    block_count: int,
    diagram: Diagram,
    basis: Basis,
    root: RootRole,
    size: tuple[int, ...],
) -> Laurent:
    """Account for the root: `size` holds the exponents of N in the variables of `count`."""
    result: Laurent = {}
    if root == "population":
        if diagram.root_is_tied:
            raise RequestError(
                f"expected an isolated root for a population observable, got {diagram}; "
                "use root='training'"
            )
        add_scaled(result, count)
        return result
    one_over_n = tuple(-power for power in size)
    if diagram.root_is_tied:
        add_scaled(result, count, 1, one_over_n)
    else:
        add_scaled(result, count)
        if basis == "moment" and block_count:
            add_scaled(result, count, -block_count, one_over_n)
    return result
