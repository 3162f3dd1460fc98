"""What a formula is made of, parts and terms; and what machinery sees of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sympy import Add, Expr, Mul, latex

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.layout.indices import index_latex, index_letter
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.training import Training
from sgdiagrams.symbolic.weights.quotients import canonical, is_weight

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.training.substituted import SubstitutedSampling
    from sgdiagrams.symbolic.vocabulary import NoiseModel

__all__ = [
    "Formula",
    "Holder",
    "Part",
    "SeriesFormula",
    "Term",
    "check_holder",
    "check_scalar_rate",
    "collect",
]

#: What formulas are in numbers: whatever the holder of the numbers makes of them.
Result = TypeVar("Result")

Result_co = TypeVar("Result_co", covariant=True)


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One term of an expansion: ``eta**order * weight * contraction``.

    Terms are equal when their weights are equal functions, in lowest terms or not.

    Attributes
    ----------
    weight
        The coefficient with its sign, 1/symmetry factor and powers of 1/B: an expanded polynomial or
        rational function over the rationals. The power of eta is not included.
    contraction
        The value that it multiplies.
    indices
        The summed indices that the weight depends on; empty for plain expansions.
    shift
        The order less that of the contraction: edges and free legs of an expression that is observed
        carry no learning rate, and its coefficients may be powers of it.
    """

    weight: Expr
    contraction: Contraction
    indices: tuple[str, ...] = ()
    shift: int = 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Term):
            return NotImplemented
        of_self = (self.contraction, self.indices, self.shift)
        if of_self != (other.contraction, other.indices, other.shift):
            return False
        one, two = self.weight, other.weight
        if one == two:
            return True
        return is_weight(one) and is_weight(two) and bool(canonical(one) == canonical(two))

    def __hash__(self) -> int:
        return hash((self.contraction, self.indices, self.shift))

    @property
    def order(self) -> int:
        """The power of the learning rate."""
        return self.contraction.order + self.shift

    @property
    def power(self) -> int:
        """What terms are grouped by: their order, or the power that they count for."""
        return self.order

    def _repr_latex_(self) -> str:
        weight = Mul(symbols.eta**self.order, self.weight)
        # Eigenvalues have the letters of the indices that they belong to.
        greek = {index_letter(i): index_latex(i) for i in range(len(self.indices))}
        named = ((s, *s.name.rpartition("_")[::2]) for s in weight.free_symbols)
        names = {s: f"{head}_{{{greek[i]}}}" for s, head, i in named if head and i in greek}
        text = latex(weight, symbol_names=names)
        if isinstance(weight, Add):
            text = rf"\left({text}\right)"
        shown = "" if weight == 1 else rf"{text}\, "
        return rf"$\displaystyle {shown}{latex(self.contraction)}$"


@dataclass(frozen=True, slots=True)
class Part:
    """What an expansion is the expansion of: ``coefficient`` times an expected observable.

    Attributes
    ----------
    coefficient
        A rational number; differences of expansions have several parts.
    observable, sampling, optimizer
        As given to `expand`; the sampling is None once symbols have been substituted.
    substituted
        What the numbers must obey after a substitution; None before one.
    visits
        Whether a datapoint has the same noise at all its visits, or fresh noise at each, and which.
    """

    coefficient: Fraction
    observable: Observable
    sampling: Sampling | None
    optimizer: Optimizer = field(default_factory=SGD)
    substituted: SubstitutedSampling | None = None
    visits: NoiseModel = "same"

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the numbers that scheme, optimiser and lags are still to be given."""
        scheme = self.sampling or self.substituted
        own = scheme.symbols if scheme else ()
        return (*own, *self.optimizer.symbols, *self.observable.lags)

    @property
    def window(self) -> int | None:
        """The number of last iterates whose mean is looked at; None otherwise."""
        average = self.optimizer.average
        return None if average is None else average.window

    @property
    def training(self) -> Training:
        """Sampling and optimiser together.

        Raises
        ------
        RequestError
            When the sampling is not known any more.
        """
        if self.sampling is None:
            raise RequestError("expected a part whose symbols have not been substituted")
        return Training(self.sampling, self.optimizer)


class Formula(ABC):
    """An expected observable as a sum of weights times contractions.

    An abstract base without fields: writers, readers and whatever holds numbers are written for it.
    What users make stands above them: `sgdiagrams.symbolic.expansion.Expansion` and
    `sgdiagrams.symbolic.resummed.ResummedExpansion`, which describe the attributes.
    """

    # What is derived from the fields is derived once and kept in the dictionary, by `cached_property`.
    # It is no field: equality, hashes, pickles and `replace` know nothing of it.
    __slots__ = ("__dict__",)

    # Declared for type checkers alone: fields of dataclasses take their place.
    if TYPE_CHECKING:

        @property
        def order(self) -> int:
            """The highest order that is kept."""

        @property
        def basis(self) -> str:
            """The basis of the contractions."""

        @property
        def parts(self) -> tuple[Part, ...]:
            """What is expanded."""

        @property
        def terms(self) -> tuple[Term, ...]:
            """The terms, by order."""

        @property
        def symbols(self) -> tuple[str, ...]:
            """The names of the numbers that evaluation needs."""

    @abstractmethod
    def text(self) -> str:
        """Return the formula as a table for the terminal."""

    @property
    def observable(self) -> str:
        """The name of the observable; names of several parts are joined."""
        return "; ".join(dict.fromkeys(part.observable.name for part in self.parts))

    @property
    def sampling(self) -> Sampling | None:
        """The sampling scheme, when there is one for all parts."""
        schemes = {part.sampling for part in self.parts}
        return schemes.pop() if len(schemes) == 1 else None

    @property
    def has_bare_edges(self) -> bool:
        """Whether edges carry no learning rate, those of an expression observed or in the training."""
        return any(
            part.observable.has_bare_edges
            or (part.optimizer.penalty is not None and part.optimizer.penalty.has_bare_edges)
            for part in self.parts
        )

    def order_terms(self, k: int) -> tuple[Term, ...]:
        """Return the terms of order `k` alone."""
        return tuple(term for term in self.terms if term.order == k)


class SeriesFormula(Formula):
    """A power series in eta: weights are rational numbers once all symbols have one."""

    __slots__ = ()

    @abstractmethod
    def weights(self, **numbers: int | Fraction) -> tuple[Fraction, ...]:
        """Return the weights of all terms at given numbers, exactly."""

    def rounded_weights(self, **numbers: int | Fraction) -> tuple[Fraction, ...]:
        """Return them to 30 digits at least, where that is quicker: as good as exact for floats."""
        return self.weights(**numbers)

    def rounded_terms(self, **numbers: int | Fraction) -> tuple[tuple[Fraction, Contraction], ...]:
        """Return the terms as numbers, rounded as by `rounded_weights`, and their contractions."""
        return tuple((w, contraction) for w, contraction, _ in self.rounded_by_order(**numbers))

    def rounded_by_order(
        self, **numbers: int | Fraction
    ) -> tuple[tuple[Fraction, Contraction, int], ...]:
        """Return the terms as `rounded_terms` does, with their orders."""
        weights = self.rounded_weights(**numbers)
        known = ((term.contraction, term.order) for term in self.terms)
        return tuple((w, *pair) for w, pair in zip(weights, known, strict=True))


class Holder(Protocol[Result_co]):
    """Whatever has numbers for contractions: `sgdiagrams.Statistics`, or a holder of a user's own."""

    def evaluate(self, formula: Any, *, eta: Any, **numbers: int | Fraction) -> Result_co:
        """Return a formula in numbers."""


def check_holder(values: object) -> None:
    """Raise a RequestError unless a value may have numbers for contractions."""
    if isinstance(values, Formula) or not callable(getattr(values, "evaluate", None)):
        raise RequestError(
            f"expected Statistics, or another holder of numbers, to evaluate with, got {shown(values)}"
        )


def check_scalar_rate(formula: Formula) -> None:
    """Raise a RequestError where a learning rate on all edges is asked for, and some carry none."""
    if formula.has_bare_edges:
        raise RequestError(
            "expected one learning rate for all weights with an expression as the observable or the "
            "penalty, whose own edges carry none; take a number for eta, and eta='scalar' for formulas"
        )


def collect(terms: Iterable[Term], *, is_canonical: bool = False) -> tuple[Term, ...]:
    """Add the weights of equal contractions, expand them, drop zeros, and sort as a person would.

    With `is_canonical` the weights are canonical already, which saves the work where none are added.
    """
    sums: dict[tuple[Contraction, tuple[str, ...], int], list[Expr]] = {}
    for term in terms:
        key = (term.contraction, term.indices, term.shift)
        sums.setdefault(key, []).append(term.weight)
    result = []
    for key, parts in sums.items():
        weight = parts[0] if is_canonical and len(parts) == 1 else canonical(Add(*parts))
        if weight != 0:
            result.append(Term(weight, *key))
    return tuple(sorted(result, key=_term_key))


def _term_key(term: Term) -> tuple[object, ...]:
    return (term.order, *(-d for d in _degrees(term.weight)), term.contraction.simplicity)


def _degrees(weight: Expr) -> tuple[int, int]:
    """Return the growth of a weight with time (T, or E) and with the size of the training set."""
    best = (-(10**9), -(10**9))
    for monomial in Add.make_args(weight):
        time = size = 0
        for factor in Mul.make_args(monomial):
            base, power = (factor.base, factor.exp) if factor.is_Pow else (factor, 1)
            if base.is_Symbol and base.name in {"T", "E"}:
                time += int(power)
            elif base.is_Symbol and base.name == "N":
                size += int(power)
        best = max(best, (time, size))
    return best
