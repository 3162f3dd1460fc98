"""Sampling schemes: which datapoint is used when, and so how often a diagram embeds.

A scheme answers one question: how many embeddings has this diagram into the (datapoint x time) grid?
The answer is exact, a polynomial or rational function in the scheme's symbols, or a number; for a
random schedule it is the expected number. The schemes themselves are in
`sgdiagrams.symbolic.training.schemes`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_args

from sympy import Expr, Integer, Rational, Symbol, sympify

from sgdiagrams.diagrams.decorated_tree import check_tree
from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.diagrams.messages import shortened, shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.checks import Number, check_choice, rational, whole_number
from sgdiagrams.symbolic.embeddings.effort import check_steps
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.training.counters.by_number import Embeddings
from sgdiagrams.symbolic.training.counters.rooted import with_root
from sgdiagrams.symbolic.vocabulary import Basis, RootRole, SetRole, Sharing
from sgdiagrams.symbolic.weights.laurent import Laurent, at_number, to_expr
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.embeddings.clusters import Cut
    from sgdiagrams.symbolic.embeddings.rules import StepRule
    from sgdiagrams.symbolic.propagation.course import Course
    from sgdiagrams.symbolic.training.counters.counter import Counter
    from sgdiagrams.symbolic.training.facts.pair_shares import PairShares
    from sgdiagrams.symbolic.training.facts.repetition import Repetition
    from sgdiagrams.symbolic.training.facts.rounds import Rounds


__all__ = ["Sampling", "course_of", "steps_of"]

_MOST_MONOMIALS = 50_000  # of a formula


class Sampling(ABC):
    """A sampling scheme. Concrete schemes are final, frozen dataclasses of numbers or symbols."""

    __slots__ = ()

    #: The name on the command line and in files.
    name: ClassVar[str]
    #: The names of the numbers, in order; each is an attribute: a whole number or a symbol.
    numbers: ClassVar[tuple[str, ...]]
    #: Those among them that are times: they may be fractions.
    times: ClassVar[tuple[str, ...]] = ()
    #: Those that are probabilities: fractions, above 0 and up to 1.
    chances: ClassVar[tuple[str, ...]] = ()
    #: The number that the noise along a run is inversely proportional to, ``"B"`` or ``"N"``, for
    #: `rescaled`; None where there is none.
    noise_goes_as: ClassVar[str | None] = None
    #: The bases in which the scheme counts; the first is the usual one.
    bases: ClassVar[tuple[Basis, ...]] = ("moment", "cumulant")
    #: The names of the numbers that are 1 or more; others may be 0.
    positive: ClassVar[tuple[str, ...]] = ()

    @property
    def values(self) -> dict[str, Expr]:
        """The numbers of this scheme by name: fixed ones as SymPy integers, others as symbols."""
        values: dict[str, Expr] = {}
        for name in self.numbers:
            value = getattr(self, name)
            is_part = name in (*self.times, *self.chances) and isinstance(value, Fraction)
            is_number = type(value) is int or is_part or is_whole(value)
            if not (is_number or isinstance(value, Expr)):
                raise SamplingError(
                    f"expected a whole number or a SymPy symbol for {name} of {self.name}, "
                    f"got {name}={shown(value)}"
                )
            values[name] = sympify(value)
        return values

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
        >>> from sgdiagrams.symbolic.training.schemes.epochs import Epochs, FullBatch
        >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
        >>> OnePass().label, FullBatch().label, Epochs(B=4).label
        ('one-pass B=1', 'full-batch', 'epochs B=4')
        """
        fixed = [f"{k}={v}" for k, v in self.values.items() if v.is_number]
        return " ".join([self.title, *fixed])

    @property
    def title(self) -> str:
        """The name with what is no number, such as how epochs are shuffled."""
        return self.name

    def count(
        self,
        diagram: Diagram,
        *,
        basis: Basis | None = None,
        root: RootRole = "population",
        **numbers: int,
    ) -> Expr:
        """Return the number of embeddings of a diagram, or the expected number.

        Parameters
        ----------
        diagram
            Any diagram; the root must be isolated unless ``root="training"``.
        basis
            ``"moment"``: different blocks on different datapoints; ``"cumulant"``: on any. The usual
            basis of the scheme when left out.
        root
            ``"population"``: the root is no datapoint. ``"training"``: the root is the loss of a
            datapoint of the training set, averaged over the set (weight 1/N on each row).
        **numbers
            Numbers for symbols that are still free.

        Returns
        -------
        sympy.Expr
            An expanded polynomial, Laurent polynomial or quotient of polynomials; a rational number
            once all symbols have one.

        Raises
        ------
        SamplingError
            When the numbers are impossible for this scheme.
        RequestError
            When an option has another value, or the diagram's root is tied for a population root; when
            the diagram has so many nodes that its count would take too long.

        Examples
        --------
        >>> from sgdiagrams.diagrams import Diagram
        >>> from sgdiagrams.symbolic.training.schemes.epochs import Epochs
        >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
        >>> cherry = Diagram.parse("(01-2)(02-12)")
        >>> OnePass().count(cherry), Epochs().count(cherry), Epochs().count(cherry, N=6, B=2, E=3)
        (T, E**2*N, 54)
        """
        check_tree(diagram)
        in_basis = self.check_basis(basis)
        check_choice("root", root, get_args(RootRole))
        self.check_root(root)
        scheme = self.at(**numbers)
        if in_basis == "moment" and "N" in scheme.symbols:
            # Different rows are a product of as many factors as blocks, N, N - 1, ...
            most = (len(diagram.blocks) - 1) * diagram.order
            check_steps(most, "as many monomials in symbols", most=_MOST_MONOMIALS)
        laurent = scheme.laurent(diagram, basis=in_basis, root=root)
        if scheme.symbols:
            check_steps(len(laurent), "as many monomials in symbols", most=_MOST_MONOMIALS)
        return canonical(to_expr(laurent, scheme.generators(diagram.order)))

    def check_basis(self, basis: Basis | None) -> Basis:
        """Return a basis in which this scheme counts: the usual one for None."""
        if basis is None:
            return self.bases[0]
        check_choice("basis", basis, get_args(Basis))
        if basis not in self.bases:
            raise RequestError(
                f"expected basis={shown(self.bases[0])} for {self.name}, got basis={shown(basis)}"
            )
        return basis

    def check_root(self, root: RootRole) -> None:
        """Raise a RequestError when the scheme has no training set but one is asked for."""
        if root == "training" and self.datapoints is None:
            raise RequestError(
                f"expected a population observable such as test-loss for {self.name}, "
                "which has no training set"
            )

    def at(self, /, **numbers: int | Fraction) -> Self:
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
                f"got {shortened(unknown[0])}={shown(numbers[unknown[0]])}"
            )
        if not numbers:
            return self
        given = {Symbol(k): self._number(k, v) for k, v in numbers.items()}
        options: dict[str, Any] = {k: _plain(v.subs(given)) for k, v in values.items()}
        return type(self)(**options, **self.options)

    def put(self, /, **numbers: int | Fraction) -> Self:
        """Return this scheme with numbers for some of its free symbols, as formulas with symbols allow.

        Raises
        ------
        SamplingError
            When a number is not free in this scheme, or impossible; or when it is one that formulas do
            not hold for, though the scheme does.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.schemes.epochs import Epochs
        >>> Epochs().at(N=7, B=2).updates
        4*E
        >>> Epochs().put(N=6, B=2).updates
        3*E
        """
        scheme = self.at(**numbers)
        given = {Symbol(k): value for k, value in numbers.items()}
        for multiple, divisor in self.divisions:
            quotient = (multiple / divisor).subs(given)
            if quotient.is_number and not quotient.is_Integer:
                above, below = multiple.subs(given), divisor.subs(given)
                raise SamplingError(
                    f"expected {divisor} that divides {multiple} in a formula with symbols, got "
                    f"{multiple}={above}, {divisor}={below}; give such numbers to the sampling before it "
                    "is expanded"
                )
        return scheme

    def _number(self, symbol: str, value: object) -> int | Fraction:
        """Return a number for a symbol: a fraction where that stands for times or chances alone."""
        named = [name for name, v in self.values.items() if v.has(Symbol(symbol))]
        if all(name in (*self.times, *self.chances) for name in named):
            return rational(symbol, value)
        return whole_number(symbol, value)

    @property
    def options(self) -> dict[str, object]:
        """The arguments of the constructor beside the numbers."""
        return {}

    @property
    @abstractmethod
    def updates(self) -> Expr:
        """The number of updates T."""

    @property
    @abstractmethod
    def datapoints(self) -> Expr | None:
        """The number of datapoints N of the training set; None where there is no such set."""

    @property
    def batch_size(self) -> Expr:
        """The batch size B by which every update is divided."""
        return self.values.get("B", Integer(1))

    @property
    def divisions(self) -> tuple[tuple[Expr, Expr], ...]:
        """Pairs of numbers of which the second divides the first in formulas with symbols."""
        return ()

    @property
    def differences(self) -> tuple[Expr, ...]:
        """Differences of numbers that are not negative."""
        return ()

    @property
    def assumption(self) -> str:
        """What formulas with symbols take for granted, in words; empty where it is nothing.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.schemes.epochs import Epochs
        >>> Epochs().assumption, Epochs(N=7, B=2).assumption
        ('B divides N', '')
        >>> Epochs(N=8, B=2).assumption
        ''
        """
        return " and ".join(
            f"{divisor} divides {multiple}"
            for multiple, divisor in self.divisions
            if multiple.free_symbols or divisor.free_symbols
        )

    @property
    def step_number(self) -> Expr:
        """What weights of one step depend on beside N: the batch size, or the probability of a row."""
        return self.batch_size

    @property
    def is_sum(self) -> bool:
        """Whether updates go by the sum over a batch and not by its mean."""
        return False

    @property
    def share_powers(self) -> dict[str, int]:
        """The share of a row that is used, as powers of the scheme's numbers: 1/B for means."""
        return {"B": -1} if "B" in self.numbers and not self.is_sum else {}

    def check_means(self) -> None:
        """Check that the shares of every batch add up to 1, for long times and along a path.

        Raises
        ------
        RequestError
            When they do not, or chance decides.
        """
        if self.is_sum:
            raise RequestError(
                f"expected batches whose shares add up to 1 along a run and for long times, got "
                f"{self.label}; take means, with the learning rate times the size of a batch"
            )

    @property
    def is_empty(self) -> bool:
        """Whether the numbers say that no update is made."""
        return bool(self.updates == 0)

    @property
    def diagram_options(self) -> dict[str, object]:
        """Options of `enumerate_diagrams` that leave out diagrams without embeddings."""
        return {}

    @property
    def steps(self) -> StepRule | None:
        """What each update may use, where all are alike so that time sums have a closed form."""
        return None

    @property
    def cut(self) -> Cut | None:
        """Of a limit, the updates that its generator takes together; None for discrete updates."""
        return None

    @property
    def largest_block(self) -> int | None:
        """The most nodes of a block in a limit in continuous time; None for discrete updates."""
        return None

    def rescaled(self, **numbers: int) -> tuple[Sampling, Fraction]:
        r"""Return the scheme with other numbers whose noise is a multiple of this one's.

        The order *m* in the noise along a run (joint cumulants of *m* pushes more than blocks) is then
        that of this scheme times the *m*-th power of the factor, exactly, and the noiseless run is the
        same.

        Parameters
        ----------
        **numbers
            Other numbers, by name; such as batches of another size.

        Raises
        ------
        SamplingError
            When a number is unknown or impossible, or the noise of the other scheme is no multiple of
            this one's: then a run of its own tells.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.schemes.epochs import Epochs
        >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
        >>> OnePass(T=100, B=8).rescaled(B=32)
        (OnePass(T=100, B=32), Fraction(1, 4))
        >>> Epochs(N=60, B=6, E=5).rescaled(N=600)
        (Epochs(N=600, B=60, E=5, shuffle=None), Fraction(1, 10))
        """
        del numbers
        raise SamplingError(
            f"expected a scheme whose noise is proportional to 1/B or 1/N, got {self.label}; "
            "make a run of its own"
        )

    @property
    def on_given_rows(self) -> Sampling | None:
        """The scheme of fresh data that it is on a given training set, the set being the population.

        None where rows of a given set are not drawn independently of each other.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
        >>> WithReplacement(N=50, B=5, T=7).on_given_rows
        OnePass(T=7, B=5)
        """
        return None

    @property
    def given_scheme(self) -> Sampling | None:
        """The scheme itself, where this is what it is on one given training set; else None."""
        return None

    @property
    def averaged_over(self) -> str:
        """On a given training set, what is averaged, in words; empty elsewhere."""
        return ""

    @property
    def rounds(self) -> Rounds | None:
        """On a given training set, what is drawn at once, with a closed form; None elsewhere."""
        return None

    def on_given_set(self) -> Sampling:
        """Return what the scheme is on one given training set, in the set's own cumulants.

        Raises
        ------
        RequestError
            When it has no training set, or names its rows: then nothing is averaged.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.schemes.epochs import Epochs
        >>> Epochs(N=6, B=2, shuffle="every-epoch").on_given_set().label
        'reshuffled-epochs N=6 B=2 on a given training set, averaged over orders'
        """
        if self.datapoints is None:
            raise RequestError(
                f"expected a scheme with a training set for role='training-set', got {self.name}"
            )
        raise RequestError(
            "expected a scheme that shuffles or draws rows for role='training-set' and long times, got "
            f"{self.label}: nothing is averaged in an order that is named; take shuffle='once', or "
            "evaluate the plain expansion"
        )

    def repetition(self, role: SetRole) -> Repetition[Sampling] | None:  # noqa: ARG002
        """Return the independent steps, all alike, that training consists of; None where it does not.

        Parameters
        ----------
        role
            ``"population"``: averaged over training sets; ``"training-set"``: on a given one.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
        >>> from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
        >>> OnePass(B=4).repetition("population").unit
        'update'
        >>> WithReplacement(B=4).repetition("training-set").scheme
        OnePass(T=T, B=4)
        >>> WithReplacement(B=4).repetition("population") is None  # rows come again
        True
        """
        return None

    def course(self) -> Course:
        """Return which rows the updates use, by number.

        Raises
        ------
        SamplingError
            When a number is missing.
        RequestError
            When there are no discrete updates, or the scheme does not say which rows they use.
        """
        self._check_course()
        raise RequestError(
            f"expected a scheme that says its course, got {self.name}; define {self.name}'s course()"
        )

    @property
    def names_rows(self) -> bool:
        """Whether the scheme, with numbers, tells the rows of one given training set apart.

        On such a set it is answered for that very order of the rows, any other scheme by averages over
        distinct tuples of rows. Over datapoints drawn independently there is no difference.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.schemes.epochs import Epochs
        >>> Epochs(N=2, B=1, E=1).names_rows, Epochs(N=2, B=1, E=1, shuffle="once").names_rows
        (True, False)
        """
        return course_of(self).names_rows

    def on_rows(self, N: int) -> Sampling:  # noqa: ARG002
        """Return the scheme on a training set of N rows, where it leaves open how many it never uses.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.schemes.grid import Grid
        >>> Grid([[0], [1]]).on_rows(5).label
        'grid of 5 datapoints x 2 updates'
        """
        return self

    @property
    def in_random_order(self) -> Sampling | None:
        """The scheme that assigns the rows to its places at random, once; None where none has a name.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
        >>> OnePass(T=3, B=2).in_random_order
        Epochs(N=6, B=2, E=1, shuffle='once')
        """
        return None

    @property
    def is_random(self) -> bool:
        """Whether chance decides which updates share a row; where nobody denies it, it may.

        Parts of a diagram without edge or block between them are then not independent of each other.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.schemes.epochs import Epochs
        >>> from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
        >>> Epochs().is_random, Epochs(shuffle="every-epoch").is_random, WithReplacement().is_random
        (False, True, True)
        """
        return True

    @property
    def sharing(self) -> Sharing:
        """Which updates share a row, by which sums over visits are written.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.schemes.epochs import Epochs, FullBatch
        >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
        >>> OnePass().sharing, Epochs().sharing, FullBatch().sharing
        ('none', 'equal-batches', 'all')
        """
        return "scheduled"

    @property
    def pair_shares(self) -> PairShares | None:
        """What pairs of updates weigh that share a row, in closed form; None where the course says."""
        return None

    @property
    def is_noiseless(self) -> bool:
        """Whether it goes along the mean gradient of the population: nothing is drawn.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.schemes.limits import GradientDescent
        >>> from sgdiagrams.symbolic.training.schemes.epochs import FullBatch
        >>> GradientDescent().is_noiseless, FullBatch().is_noiseless
        (True, False)
        """
        return False

    @property
    def is_continuous(self) -> bool:
        """Whether it is a limit in continuous time."""
        return self.largest_block is not None

    def _check_course(self) -> None:
        """Check that there are discrete updates and numbers for all of them."""
        if self.is_continuous:
            raise RequestError(
                f"expected a scheme of discrete updates, got {self.name}, a continuous limit"
            )
        if self.symbols:
            raise SamplingError(
                f"expected numbers for {', '.join(self.symbols)} of {self.name}; "
                f"give {self.symbols[0]}=..."
            )

    def plain_counter(self, basis: Basis) -> Counter | None:  # noqa: ARG002
        """Return what counts for plain SGD with symbols; None where it is counted by number."""
        return None

    def generators(self, order: int) -> tuple[Expr, ...]:  # noqa: ARG002
        """Return what the exponents of `laurent` are powers of, for diagrams of an order."""
        return tuple(self.values.values())

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:
        """Return the count as exponents of `generators` -> coefficient, unchecked.

        By default it is a number, counted on the course.
        """
        course = course_of(self)
        forest = update_forest(diagram)
        value = course.embed(Embeddings(), forest, basis)
        rooted = with_root({(0,): value}, forest, basis=basis, root=root, size=(1,))
        total = at_number(rooted, course.rows)
        return {(0,) * len(self.generators(diagram.order)): total} if total else {}


def _plain(value: Expr) -> Number:
    if isinstance(value, Rational):
        return int(value) if value.is_Integer else Fraction(int(value.p), int(value.q))
    return value


def course_of(scheme: Sampling) -> Course:
    """Return the course of a scheme with numbers, which agrees with the scheme.

    Raises
    ------
    SamplingError
        When a number is missing, or the course has other numbers of updates or datapoints.
    RequestError
        When there are no discrete updates, or the scheme does not say which rows they use.
    """
    course = scheme.course()
    datapoints = course.rows if scheme.datapoints is None else scheme.datapoints
    if scheme.updates != course.updates or datapoints != course.rows:
        raise SamplingError(
            f"expected a course of {scheme.name} with {scheme.updates} updates and {datapoints} "
            f"datapoints, as the scheme says, got {course.updates} and {course.rows}"
        )
    return course


def steps_of(scheme: Sampling) -> StepRule:
    """Return what the equal steps of a scheme allow, where it has such.

    Raises
    ------
    RequestError
        When its steps are not alike.
    """
    if scheme.steps is None:
        raise RequestError(f"expected a scheme of steps that are alike, got {scheme.label}")
    return scheme.steps
