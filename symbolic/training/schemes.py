"""The sampling schemes: one pass, epochs of every kind, with replacement, grids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import factorial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

from sympy import Expr, Integer

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shortened, shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import (
    Number,
    check_choice,
    check_updates,
    count_or_symbol,
    whole_number,
)
from sgdiagrams.symbolic.embeddings.effort import FEW_NODES
from sgdiagrams.symbolic.embeddings.epochs import epochs_count, full_batch_count, untied_count
from sgdiagrams.symbolic.embeddings.forests import coarser_forests, update_forest
from sgdiagrams.symbolic.embeddings.levels import EdgeMode, level_sums
from sgdiagrams.symbolic.embeddings.one_pass import one_pass_count
from sgdiagrams.symbolic.embeddings.reshuffled import reshuffled_count
from sgdiagrams.symbolic.embeddings.rules import (
    FullBatchSteps,
    OnePassSteps,
    ReplacementRule,
    ReplacementSteps,
)
from sgdiagrams.symbolic.propagation.course import EqualSteps, FixedBatches, ReshuffledEpochs
from sgdiagrams.symbolic.training.limits import GradientDescent
from sgdiagrams.symbolic.training.plain_counts import (
    EpochsCounter,
    PlainCounter,
    ReshuffledCounter,
)
from sgdiagrams.symbolic.training.sampling import PairShares, Repetition, Sampling, with_root
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled, falling_factorial

if TYPE_CHECKING:
    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.embeddings.rules import StepRule
    from sgdiagrams.symbolic.propagation.course import Course
    from sgdiagrams.symbolic.training.counter import Counter
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole, SetRole, Sharing

__all__ = [
    "Epochs",
    "FreshData",
    "FullBatch",
    "Grid",
    "OnePass",
    "Shuffle",
    "WithReplacement",
]


_MOST_ROWS = 10**6  # of a grid, which holds every row
_MOST_CELLS = 10**6  # rows in all batches of a grid together

Shuffle = Literal["once", "every-epoch"] | None


@final
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
    noise_goes_as: ClassVar[str | None] = "B"
    numbers: ClassVar[tuple[str, ...]] = ("T", "B")
    positive: ClassVar[tuple[str, ...]] = ("B",)

    T: Number | None = None
    B: Number = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "T", count_or_symbol("T", self.T, symbols.T))
        object.__setattr__(self, "B", count_or_symbol("B", self.B, symbols.B, least=1))

    @property
    def updates(self) -> Expr:
        """T."""
        return self.values["T"]

    @property
    def datapoints(self) -> Expr:
        """T B: every datapoint is used once."""
        return self.updates * self.batch_size

    @property
    def diagram_options(self) -> dict[str, object]:
        """Only diagrams whose blocks have an order in time."""
        return {"one_pass": True}

    @property
    def steps(self) -> StepRule:
        """Whole blocks of fresh datapoints."""
        return OnePassSteps()

    def repetition(self, role: SetRole) -> Repetition | None:
        """Return updates on fresh datapoints."""
        return Repetition(self, "update", symbols.T) if role == "population" else None

    @property
    def names_rows(self) -> bool:
        """True: row n has its n-th place."""
        return True

    @property
    def is_random(self) -> bool:
        """False."""
        return False

    def rescaled(self, **numbers: int) -> tuple[OnePass, Fraction]:
        """Return as many updates with other batches, whose noise is proportional to 1/B."""
        self._check_course()
        B = _other_numbers(self, numbers, "B", "another number of updates")["B"]
        other = OnePass(T=self.T, B=B)
        return other, Fraction(int(self.batch_size), int(other.batch_size))

    @property
    def sharing(self) -> Sharing:
        """None: every datapoint is used once."""
        return "none"

    def course(self) -> Course:
        """Return T equal steps."""
        self._check_course()
        T, B = int(self.updates), int(self.batch_size)
        return EqualSteps(self.steps, T * B, B, T)

    def plain_counter(self, basis: Basis) -> Counter:
        """Return the counter of `laurent`."""
        return PlainCounter(self, basis)

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:
        """Return the count as exponents of (T, B) -> coefficient."""
        forest = update_forest(diagram)
        count = one_pass_count(forest, basis, unit_batch=self.B == 1)
        return with_root(count, forest, basis=basis, root=root, size=(1, 1))


@final
@dataclass(frozen=True, slots=True)
class Epochs(Sampling):
    """E epochs over N datapoints in batches of B; T = E N / B.

    Parameters
    ----------
    N, B, E
        Number of datapoints, batch size and number of epochs; symbols when left out.
    shuffle
        None: always in the order of the rows; ``"once"``: in one order, drawn at random, which over
        i.i.d. datapoints is the same, and on one given training set is the average over orders;
        ``"every-epoch"``: in a new random order every epoch (counts are then expected numbers).

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
    noise_goes_as: ClassVar[str | None] = "N"  # at fixed N/B and E
    numbers: ClassVar[tuple[str, ...]] = ("N", "B", "E")
    positive: ClassVar[tuple[str, ...]] = ("N", "B")

    N: Number | None = None
    B: Number | None = None
    E: Number | None = None
    shuffle: Shuffle = None

    def __post_init__(self) -> None:
        check_choice("shuffle", self.shuffle, (None, "once", "every-epoch"))
        object.__setattr__(self, "N", count_or_symbol("N", self.N, symbols.N, least=1))
        object.__setattr__(self, "B", count_or_symbol("B", self.B, symbols.B, least=1))
        object.__setattr__(self, "E", count_or_symbol("E", self.E, symbols.E))
        if isinstance(self.N, int) and isinstance(self.B, int) and self.N % self.B:
            raise SamplingError(
                f"expected a batch size that divides N, got N={shown(self.N)}, B={shown(self.B)}; "
                f"the last batch of an epoch would be smaller"
            )

    @property
    def options(self) -> dict[str, object]:
        """The kind of shuffling."""
        return {"shuffle": self.shuffle}

    @property
    def is_full_batch(self) -> bool:
        """Whether B = N, an epoch being one update."""
        return self.N == self.B

    @property
    def is_reshuffled(self) -> bool:
        """Whether every epoch has an order of its own, and that makes a difference."""
        return self.shuffle == "every-epoch" and not self.is_full_batch

    @property
    def updates(self) -> Expr:
        """E N / B."""
        v = self.values
        return v["E"] * v["N"] / v["B"]

    @property
    def datapoints(self) -> Expr:
        """N."""
        return self.values["N"]

    @property
    def title(self) -> str:
        """The name with the kind of shuffling; full batches have a name of their own."""
        if self.is_full_batch:
            return "full-batch"
        prefix = {None: "", "once": "shuffled-", "every-epoch": "reshuffled-"}[self.shuffle]
        return prefix + self.name

    @property
    def divisions(self) -> tuple[tuple[Expr, Expr], ...]:
        """All batches are full."""
        return ((self.values["N"], self.values["B"]),)

    @property
    def steps(self) -> StepRule | None:
        """All datapoints, where batches are full."""
        return FullBatchSteps() if self.is_full_batch else None

    def repetition(self, role: SetRole) -> Repetition | None:
        """Return epochs in orders of their own over the rows of a given set, or its full batches."""
        if role == "training-set" and self.is_full_batch:
            return GradientDescent(T=self.E).repetition("population")
        if role == "population" or not self.is_reshuffled:
            return None
        return Repetition(self, "epoch", symbols.E, has_distinct_rows=True)

    @property
    def names_rows(self) -> bool:
        """Whether nothing shuffles the rows, and batches are not full."""
        return self.shuffle is None and not self.is_full_batch

    @property
    def is_random(self) -> bool:
        """Whether every epoch has an order of its own: one order for all is as good as another."""
        return self.is_reshuffled

    def rescaled(self, **numbers: int) -> tuple[Epochs, Fraction]:
        """Return as many epochs of as many batches on another training set: noise goes as 1/N.

        In random orders its first order does so exactly, the others but for a relative 1/N.
        """
        self._check_course()
        N, B, E = (int(value) for value in self.values.values())
        given = _other_numbers(
            self, numbers, "N", "other numbers of epochs, or of batches in one", "B"
        )
        other_N = whole_number("N", given["N"])
        if other_N * B % N:
            raise SamplingError(
                f"expected N with whole batches, N/B being {N // B}, got N={shown(other_N)}"
            )
        other = Epochs(N=other_N, B=given.get("B", other_N * B // N), E=E, shuffle=self.shuffle)
        if other.updates != self.updates:
            raise SamplingError(
                f"expected N/B={N // B} as it is, got N={shown(other_N)}, B={shown(other.B)}; "
                "make a run of its own"
            )
        return other, Fraction(N, other_N)

    @property
    def sharing(self) -> Sharing:
        """All updates, those of equal batches, or, where all orders are different, what chance says."""
        if self.is_full_batch:
            return "all"
        return "scheduled" if self.is_reshuffled else "equal-batches"

    @property
    def pair_shares(self) -> PairShares | None:
        """Orders of different epochs are independent: two updates of theirs share B/N of a batch."""
        if not self.is_reshuffled:
            return None
        return PairShares(1 / self.batch_size, Integer(0), 1 / self.datapoints)

    def course(self) -> Course:
        """Return full batches, epochs in one order, or epochs in orders of their own."""
        self._check_course()
        N, B, E = (int(value) for value in self.values.values())
        if self.is_full_batch:
            return EqualSteps(FullBatchSteps(), N, N, E)
        if self.is_reshuffled:
            return ReshuffledEpochs(N, B, E)
        check_updates(N * E)
        return FixedBatches(tuple(tuple(range(i, i + B)) for i in range(0, N, B)) * E, N)

    def plain_counter(self, basis: Basis) -> Counter:
        """Return the counter of `laurent`, or by level sizes where all epochs have one order."""
        if self.is_reshuffled:
            return ReshuffledCounter(self, basis)
        return EpochsCounter(self, basis)

    def generators(self, order: int) -> tuple[Expr, ...]:
        """Return N, B, E, and for reshuffled epochs N - 1, ..., N - (order - 1)."""
        N, B, E = self.values.values()
        more = range(1, order) if self.is_reshuffled else ()
        return (N, B, E, *(N - i for i in more))

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:
        """Return the count as exponents of `generators` -> coefficient."""
        forest = update_forest(diagram)
        count: Laurent = {}
        if self.is_reshuffled and basis == "cumulant" and forest.is_untied:
            width = len(self.generators(diagram.order))
            count = {(*k, *[0] * (width - 3)): c for k, c in untied_count(forest).items()}
        elif basis == "moment" and isinstance(self.N, int) and forest.block_count > self.N:
            pass  # different blocks need different rows
        elif self.is_reshuffled:
            # Too few datapoints have no distinct rows, and their formula divides by 0.
            most = self.N if isinstance(self.N, int) else forest.block_count
            for coarse in [forest] if basis == "moment" else coarser_forests(forest):
                if coarse.block_count <= most:
                    add_scaled(count, reshuffled_count(coarse))
        elif self.is_full_batch and diagram.order > FEW_NODES:
            count = full_batch_count(forest, basis)
        else:
            count = epochs_count(forest, basis)
        width = len(self.generators(diagram.order))
        return with_root(count, forest, basis=basis, root=root, size=(1, *[0] * (width - 1)))


@final
@dataclass(frozen=True, slots=True)
class WithReplacement(Sampling):
    """T updates on B datapoints each, every one drawn uniformly from a training set of N.

    A datapoint may come up several times in one batch. Counts are expected numbers.

    Parameters
    ----------
    N, B, T
        Size of the training set, batch size and number of updates; symbols when left out.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> WithReplacement(B=1).count(Diagram.parse("(01-2)(01-12)"))
    T**2/(2*N) - T/(2*N)
    """

    name: ClassVar[str] = "with-replacement"
    numbers: ClassVar[tuple[str, ...]] = ("N", "B", "T")
    positive: ClassVar[tuple[str, ...]] = ("N", "B")

    N: Number | None = None
    B: Number | None = None
    T: Number | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "N", count_or_symbol("N", self.N, symbols.N, least=1))
        object.__setattr__(self, "B", count_or_symbol("B", self.B, symbols.B, least=1))
        object.__setattr__(self, "T", count_or_symbol("T", self.T, symbols.T))

    @property
    def updates(self) -> Expr:
        """T."""
        return self.values["T"]

    @property
    def datapoints(self) -> Expr:
        """N."""
        return self.values["N"]

    @property
    def steps(self) -> StepRule:
        """Slots filled at random."""
        return ReplacementSteps()

    @property
    def pair_shares(self) -> PairShares:
        """Two slots hold one row with probability 1/N; a slot shares its own row with itself."""
        N, B = self.datapoints, self.batch_size
        return PairShares((N + B - 1) / (N * B), None, 1 / N)

    def repetition(self, role: SetRole) -> Repetition | None:
        """Return updates on rows of a given set, drawn independently of each other."""
        return None if role == "population" else self.on_given_rows.repetition("population")

    @property
    def on_given_rows(self) -> OnePass:
        """Fresh datapoints at every update: rows are drawn independently of each other."""
        return OnePass(T=self.T, B=self.B)

    def course(self) -> Course:
        """Return T equal steps."""
        self._check_course()
        N, B, T = (int(value) for value in self.values.values())
        return EqualSteps(self.steps, N, B, T)

    def plain_counter(self, basis: Basis) -> Counter:
        """Return the counter of `laurent`."""
        return PlainCounter(self, basis)

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:
        """Return the count as exponents of (N, B, T) -> coefficient."""
        forest = update_forest(diagram)
        count: Laurent = {}
        plain = (EdgeMode(-1, ({(0, 0, 0): Fraction(1)},)),)
        if basis == "cumulant" and forest.is_untied:
            times = one_pass_count(forest, "cumulant", unit_batch=True)
            count = {(0, diagram.order, t): c for (t, _), c in times.items()}
            return with_root(count, forest, basis=basis, root=root, size=(1, 0, 0))
        if basis == "moment" and isinstance(self.N, int) and forest.block_count > self.N:
            return {}  # different blocks need different rows
        for coarse in [forest] if basis == "moment" else coarser_forests(forest):
            sums = level_sums(coarse, ReplacementRule(), inner=plain, outer=plain, base_count=0)
            for (_, levels), laurent in sums.items():
                L = len(levels)
                for power, c in enumerate(falling_factorial(L)):
                    moved: Laurent = {(n, b, power): a for (_, n, b), a in laurent.items()}
                    add_scaled(count, moved, Fraction(c, factorial(L)))
        return with_root(count, forest, basis=basis, root=root, size=(1, 0, 0))


@final
@dataclass(frozen=True, slots=True)
class Grid(Sampling):
    """Any schedule, given batch by batch; counted by number.

    Parameters
    ----------
    batches
        A list of batches, each a list of rows of the training set (numbers from 0), or a boolean
        array of shape (N, T) whose columns are the batches. An array of the numbers 0 and 1 may be meant
        either way and is refused. Each batch counts with the mean over its rows, whatever their number.
    N
        The size of the training set; by default 1 + the largest row, or the rows of the array.

    Raises
    ------
    SamplingError
        When a batch is empty or names a row twice or beyond N, or there are more than a million updates,
        rows, or rows in all batches.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> two_epochs = Grid([[0, 1], [2, 3], [0, 1], [2, 3]])
    >>> two_epochs.count(Diagram.parse("(01-2)(01-12)")), two_epochs.label
    (4, 'grid of 4 datapoints x 4 updates')
    """

    name: ClassVar[str] = "grid"
    numbers: ClassVar[tuple[str, ...]] = ()

    batches: tuple[tuple[int, ...], ...]
    N: int

    def __init__(self, batches: Any, N: int | None = None) -> None:
        rows, size = _batches(batches)
        least = 1 + max((row for batch in rows for row in batch), default=0)
        number = max(size or 0, least) if N is None else whole_number("N", N, least=1)
        if number > _MOST_ROWS:
            raise SamplingError(
                f"expected at most {_MOST_ROWS} rows in the training set of a grid, got {shown(number)}"
            )
        for t, batch in enumerate(rows):
            if not batch:
                raise SamplingError(
                    f"expected a datapoint in every batch, got none at update {t}; "
                    "leave empty columns out of the grid"
                )
            if len(set(batch)) != len(batch):
                raise SamplingError(
                    f"expected different rows in a batch, got {shown(batch)} at update {t}"
                )
            if max(batch) >= number:
                raise SamplingError(
                    f"expected rows 0..{number - 1} of a training set of N={number}, "
                    f"got row {max(batch)} at update {t}"
                )
        object.__setattr__(self, "batches", rows)
        object.__setattr__(self, "N", number)

    @property
    def options(self) -> dict[str, object]:
        """The batches and the size of the training set."""
        return {"batches": self.batches, "N": self.N}

    @property
    def label(self) -> str:
        """The shape of the grid."""
        return f"grid of {self.N} datapoints x {len(self.batches)} updates"

    @property
    def updates(self) -> Expr:
        """The number of batches."""
        return Integer(len(self.batches))

    @property
    def datapoints(self) -> Expr:
        """N."""
        return Integer(self.N)

    @property
    def is_random(self) -> bool:
        """False."""
        return False

    def course(self) -> Course:
        """Return the batches."""
        return FixedBatches(self.batches, self.N)


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


def _other_numbers(
    scheme: Sampling, numbers: dict[str, int], needed: str, others: str, *optional: str
) -> dict[str, Any]:
    """Return the numbers by which noise is rescaled, if these are the ones."""
    if needed not in numbers or not set(numbers) <= {needed, *optional}:
        got = ", ".join(f"{shortened(name)}={shown(value)}" for name, value in numbers.items())
        raise SamplingError(
            f"expected {needed}=..., by which the noise of {scheme.name} goes, got {got or 'nothing'}; "
            f"for {others} make a run of its own"
        )
    return dict(numbers)


def _batches(given: Any) -> tuple[tuple[tuple[int, ...], ...], int | None]:
    """Return batches, and the number of rows where a table says it."""
    wanted = "expected a list of batches or a boolean array of shape (N, T)"
    _check_cells(getattr(given, "size", 0))
    values = _listed(given)
    is_array = values is not given
    values = [_listed(row) for row in values] if isinstance(values, Sequence) else values
    if not isinstance(values, Sequence) or isinstance(given, str) or not values:
        raise SamplingError(wanted)
    if not all(isinstance(row, Sequence) and not isinstance(row, str) for row in values):
        raise SamplingError(wanted)
    _check_cells(max(len(values), sum(map(len, values))))
    cells = [_listed(x) for row in values for x in row]
    is_table = all(isinstance(x, bool) for x in cells) and any(map(len, values))
    if not is_table:
        if is_array and all(isinstance(x, int | float) and x in (0, 1) for x in cells):
            raise SamplingError(
                f"{wanted}, got an array of 0 and 1, which may be either: give astype(bool) for a "
                "table, or tolist() for lists of rows"
            )
        return tuple(tuple(whole_number("row", x) for x in batch) for batch in values), None
    if len(set(map(len, values))) != 1:
        raise SamplingError("expected rows of equal length in a boolean array of shape (N, T)")
    columns = zip(*values, strict=True)
    return tuple(tuple(n for n, x in enumerate(c) if x) for c in columns), len(values)


def _check_cells(number: object) -> None:
    if is_whole(number) and number > _MOST_CELLS:
        raise SamplingError(
            f"expected at most {_MOST_CELLS} entries of a grid, got {shown(number)}"
        )


def _listed(value: Any) -> Any:
    """Return an array, or a number of an array, as Python's own; anything else as it is.

    Raises
    ------
    SamplingError
        When a mask would be lost.
    """
    if hasattr(value, "mask") and hasattr(value, "filled"):
        raise SamplingError("expected batches without a mask, got a masked array; fill it")
    return value.tolist() if hasattr(value, "tolist") else value
