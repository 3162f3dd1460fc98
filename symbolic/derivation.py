"""How the terms of an expansion are derived: diagrams, what counts them, and what they multiply.

Counts and values of diagrams meet here: see `sgdiagrams.symbolic.theorem`. They do so in exact numbers,
or in balls that contain them, for floats where exact numbers would have a million digits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from functools import cached_property, partial
from itertools import chain, product
from math import prod
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, final

from flint import arb, ctx, fmpq
from sympy import Add, Expr, Mul, Rational, Symbol, sympify

from sgdiagrams.diagrams.enumeration import enumerate_diagrams
from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.nested.visits import with_visits
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.algebra.at_roots import RootExpressions
from sgdiagrams.symbolic.algebra.conversions import in_moments
from sgdiagrams.symbolic.contractions.added_noise import with_added_noise
from sgdiagrams.symbolic.contractions.placements import (
    contractions,
    disjoint_union,
    fits,
    pulled_updates,
    shared_out,
)
from sgdiagrams.symbolic.counting.choice import (
    counter_of,
    has_closed_form,
    timed_counter_of,
)
from sgdiagrams.symbolic.counting.enclosed import EnclosedCounter
from sgdiagrams.symbolic.embeddings.signs import prefactor
from sgdiagrams.symbolic.formula import Term, collect
from sgdiagrams.symbolic.observable import root_mode, root_role
from sgdiagrams.symbolic.training.training import Training
from sgdiagrams.symbolic.vocabulary import L2, UPDATE, WEIGHTS
from sgdiagrams.symbolic.weights.enclosures import PRECISIONS, enclosed_at, settled
from sgdiagrams.symbolic.weights.laurent import add_scaled
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
    from sgdiagrams.symbolic.training.counters.counter import Counter, TimedCounter
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import Basis, NoiseModel
    from sgdiagrams.symbolic.weights.laurent import Laurent

__all__ = ["CountedDiagram", "Derivation", "exact_terms", "rounded_terms"]

#: Over more updates the weights of optimisers with memory are derived when somebody asks for them.
_MANY = 1000

Weight = TypeVar("Weight")

#: A contraction, and the powers of the learning rate that it does not carry: see `Term`.
_Value = tuple["Contraction", int]
#: The factors of an expectation, and when they look at the weights.
_Timed = tuple[tuple[str, ...], tuple["ReadTime", ...]]


def exact_terms(derivations: Sequence[tuple[Fraction, Derivation]], order: int) -> tuple[Term, ...]:
    """Return the terms of a sum of derivations up to an order."""
    if len(derivations) == 1 and derivations[0][0] == 1:
        return derivations[0][1].terms
    return collect(
        replace(term, weight=term.weight * Rational(c.numerator, c.denominator))
        for c, derivation in derivations
        for term in derivation.terms
        if term.order <= order
    )


def rounded_terms(
    derivations: Sequence[tuple[Fraction, Derivation]], order: int
) -> tuple[tuple[Fraction, Contraction, int], ...]:
    """Return the terms of a sum of derivations to 30 digits at least, with certainty, and their orders.

    Those below 1e-330 are left out.
    """
    for bits in PRECISIONS[:-1]:
        with ctx.workprec(bits):
            sums: dict[_Value, arb] = {}
            for c, derivation in derivations:
                for value, ball in derivation.enclosures().items():
                    if value[0].order + value[1] <= order:
                        more = arb(fmpq(c.numerator, c.denominator)) * ball
                        sums[value] = sums.get(value, arb(0)) + more
            numbers = {value: settled(ball) for value, ball in sums.items()}
        if None not in numbers.values():
            kept = [
                (number, k, k.order + shift) for (k, shift), number in numbers.items() if number
            ]
            return tuple(sorted(kept, key=lambda term: (term[2], term[1].simplicity)))
    # No precision tells: the exact numbers do.
    return tuple(
        (Fraction(int(term.weight.p), int(term.weight.q)), term.contraction, term.order)
        for term in exact_terms(derivations, order)
    )


class CountedDiagram(NamedTuple):
    """What a diagram contributes to an expectation, without its sign and 1/symmetry factor.

    Attributes
    ----------
    diagram
        The diagram.
    weight
        The weighted number of embeddings.
    values
        What that multiplies: one contraction for every way to share out the root's children.
    """

    diagram: Diagram
    weight: Expr
    values: tuple[Contraction, ...]


@final
class Derivation:
    """What is to be expanded, up to an order, in a basis; what is derived is kept.

    Parameters
    ----------
    observable, training, basis, order, visits
        As `expand` has checked them.

    Raises
    ------
    SamplingError
        When there is no closed form and a number is missing.
    """

    def __init__(
        self,
        observable: Observable,
        training: Training,
        basis: Basis,
        order: int,
        visits: NoiseModel = "same",
    ) -> None:
        # Where every datapoint is visited once, noise is its own as well: but for the training loss.
        roles = {root_role(e) for p in observable.products for e in p.expectations}
        is_one_visit = training.sampling.sharing == "none" and "training" not in roles
        self.visits: NoiseModel = "same" if is_one_visit and visits == "fresh" else visits
        self.observable = observable
        self.training = training
        # Decoupled decay is counted in cumulants, where its updates ask for no row.
        self._is_turned = training.optimizer.decoupled_decay != 0 and basis == "moment"
        wanted, basis = basis, "cumulant" if self._is_turned else basis
        self.basis = wanted
        self.order = order
        penalty = training.optimizer.penalty
        roots = RootExpressions(
            dict(observable.expressions),
            basis,
            penalty=None if penalty is None else penalty.expression,
            decays=training.optimizer.weight_decay != 0,
        )
        self._exact = _ExactMeans(training, basis, order, observable, roots, self.visits)
        optimizer = training.optimizer
        has_more = optimizer.penalty is not None or optimizer.decoupled_decay != 0
        if has_more or optimizer.weight_decay != 0:
            _check_means(training)
        if self.visits == "fresh" and has_more:
            raise RequestError(
                "expected plain weight decay at most where noise is fresh at every visit, got "
                f"optimizer={optimizer.label}; take weight_decay"
            )
        if observable.times and optimizer.decoupled_decay != 0:
            raise RequestError(
                "expected coupled weight decay for means at several times, got "
                f"optimizer={optimizer.label}; take weight_decay"
            )
        if observable.times:
            _ = self._exact.timed  # says what is missing, or impossible
        for p in observable.products:
            for factors, times in p.timed:
                if all(time.is_end for time in times):
                    self._exact.counters(factors)  # says what is missing

    @property
    def is_long(self) -> bool:
        """Whether all numbers are given, and powers of them have many digits."""
        training = self.training
        if self.visits != "same":
            return False
        if training.needed_symbols or training.is_continuous or training.optimizer.is_plain:
            return False
        if self.observable.times:
            return False
        if any(set(e.symbols) - {str(symbols.eta)} for _, e in self.observable.expressions):
            return False
        if training.optimizer.penalty is not None and training.optimizer.penalty.symbols:
            return False
        if training.optimizer.decoupled_decay != 0:
            return False
        if training.updates <= _MANY:
            return False
        is_by_number = self.observable.since is not None or not has_closed_form(training)
        return is_by_number or self._in_updates is not None

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The terms in exact numbers."""
        # Products of means multiply weights, which leaves them as they come; so does a sign.
        products = self.observable.products
        is_simple = all(p.sign == 1 and len(p.expectations) == 1 for p in products)
        pairs = _combined(self.observable, self._exact, self.order)
        if self._is_turned:
            return collect(
                Term(w * factor, moment, shift=n)
                for w, (c, n) in pairs
                for moment, factor in in_moments(c).items()
            )
        return collect((Term(w, c, shift=n) for w, (c, n) in pairs), is_canonical=is_simple)

    def contributions(
        self, d: int, factors: tuple[str, ...], times: tuple[ReadTime, ...]
    ) -> Iterator[CountedDiagram]:
        """Go through the diagrams of an order of one expectation, with their counts and values."""
        means = self._exact
        if not all(time.is_end for time in times):
            timed = means.timed
            for diagram, value, count in means.counted_read(d, factors, times):
                yield CountedDiagram(diagram, timed.weight(count, d), (value,))
            return
        for diagram, values, counts in means.counted(d, factors):
            counters = means.counters(factors)
            signed = zip(counters, counts, strict=True)
            weights = [
                sign * counter.weight(count, d) for (sign, counter), count in signed if count
            ]
            weight = canonical(Add(*weights))
            if weight != 0 and values:
                pull = means.pull ** means.pulls_of(values[0])
                yield CountedDiagram(diagram, means.scaled(weight, pull), tuple(values))

    @cached_property
    def _in_updates(self) -> Derivation | None:
        """The same with a symbol for the number of updates; None where there is no closed form."""
        if self.observable.since is not None or not has_closed_form(self.training):
            return None
        scheme = self.training.sampling
        for name in ("T", "E"):
            if scheme.values.get(name) == scheme.updates:
                freed: Sampling = replace(scheme, **{name: Symbol(name)})  # type: ignore[type-var]
                if freed.updates == Symbol(name):
                    training = Training(freed, self.training.optimizer)
                    return Derivation(self.observable, training, self.basis, self.order)
        return None

    def enclosures(self) -> dict[_Value, arb]:
        """Return balls that contain the weights, with the bits of FLINT's context.

        They belong to contractions, and the powers of the learning rate that these do not carry.
        """
        closed = self._in_updates
        if closed is not None:
            [name] = closed.training.needed_symbols
            values = {name: Fraction(int(self.training.updates))}
            return {(t.contraction, t.shift): enclosed_at(t.weight, values) for t in closed.terms}
        means = _EnclosedMeans(self._exact)
        sums: dict[_Value, arb] = {}
        for weight, value in _combined(self.observable, means, self.order):
            sums[value] = sums.get(value, arb(0)) + weight
        return sums


def _check_means(training: Training) -> None:
    """Check that a penalty, which is added once an update, is that of every row's loss as well."""
    try:
        training.sampling.check_means()
    except RequestError:
        raise RequestError(
            "expected batches whose shares add up to 1 with a penalty, which is added once an update, "
            f"got {training.label}; take means, or put the penalty into the loss"
        ) from None


class _Means(ABC, Generic[Weight]):
    """Expectations of products of factors, by order: value -> weight."""

    def __init__(
        self,
        training: Training,
        basis: Basis,
        order: int,
        observable: Observable,
        roots: RootExpressions,
        visits: NoiseModel = "same",
    ) -> None:
        self.training = training
        self.visits = visits
        self.basis = basis
        self.order = order
        self.observable = observable
        self.roots = roots
        self._known: dict[_Timed, list[dict[_Value, Weight]]] = {}
        self._counters: dict[tuple[str, ...], list[tuple[int, Counter]]] = {}

    @abstractmethod
    def made(self, factors: tuple[str, ...]) -> list[tuple[int, Counter]]:
        """Return the counters whose differences count for a product, with their signs."""

    @abstractmethod
    def add(self, total: Laurent, count: Laurent, scale: Fraction) -> None:
        """Add a multiple of a count to a sum, in place."""

    @abstractmethod
    def times(self, sign: int, factors: Sequence[Weight]) -> Weight:
        """Return a product of weights, with a sign."""

    @abstractmethod
    def plus(self, one: Weight, two: Weight) -> Weight:
        """Return a sum of weights."""

    @abstractmethod
    def scaled(self, weight: Weight, factor: Expr) -> Weight:
        """Return a weight times the coefficient of an expression."""

    @abstractmethod
    def total(self, weights: Sequence[Weight]) -> Weight:
        """Return the sum of weights, at least one."""

    @property
    @abstractmethod
    def timed(self) -> TimedCounter:
        """What counts for factors that look at the weights at times of their own."""

    def of(
        self, factors: tuple[str, ...], times: tuple[ReadTime, ...]
    ) -> list[dict[_Value, Weight]]:
        """Return the expectation of a product: entry d holds the terms of order d."""
        key = (factors, times)
        if key not in self._known:
            of_order = self._order
            if not all(time.is_end for time in times):
                of_order = partial(self._order_read, times=times)
            of_functions = [of_order(d, factors) for d in range(self.order + 1)]
            self._known[key] = (
                [{(k, 0): weight for k, weight in terms.items()} for terms in of_functions]
                if self.roots.marked(factors) == factors and not self.roots.has_penalty
                else self._of_expressions(factors, of_functions)
            )
        return self._known[key]

    def _of_expressions(
        self, factors: tuple[str, ...], of_functions: Sequence[dict[Contraction, Weight]]
    ) -> list[dict[_Value, Weight]]:
        """Return the same once expressions, at the root and as a penalty, have taken their places."""
        sums: list[dict[_Value, list[Weight]]] = [defaultdict(list) for _ in of_functions]
        for d, terms in enumerate(of_functions):
            for contraction, weight in terms.items():
                made = self.roots.put_into(contraction, factors, most=self.order - d)
                for power, factor, value in made:
                    shift = d + power - value.order
                    sums[d + power][value, shift].append(self.scaled(weight, factor))
        return [{value: self.total(parts) for value, parts in s.items()} for s in sums]

    def counters(self, factors: tuple[str, ...]) -> list[tuple[int, Counter]]:
        """Return the counters whose differences count for a product, with their signs."""
        if factors not in self._counters:
            self._counters[factors] = self.made(factors)
        return self._counters[factors]

    def counted(
        self, d: int, factors: tuple[str, ...]
    ) -> Iterator[tuple[Diagram, list[Contraction], list[Laurent]]]:
        """Go through the diagrams of an order: what each is worth, and what every counter counts.

        A diagram comes several times where updates may be those of decoupled weight decay.
        """
        role = root_role(factors)
        if d and self.training.sampling.is_empty:
            return
        counters = self.counters(factors)
        is_penalised = self.training.optimizer.weight_decay != 0
        has_pull = self.training.optimizer.decoupled_decay != 0
        marked = self.roots.marked(factors)
        updates = UPDATE if self.roots.has_penalty else None
        options = self.training.sampling.diagram_options
        diagrams = enumerate_diagrams(d, root=root_mode(role), **options)  # type: ignore[arg-type]
        if self.visits != "same":
            has_one = self.basis == "moment" and bool(options.get("one_pass"))
            diagrams = chain.from_iterable(with_visits(k, one_pass=has_one) for k in diagrams)
        for diagram in diagrams:
            if not fits(diagram, factors):
                continue
            for pulled in pulled_updates(diagram) if has_pull else ((),):
                values = list(
                    contractions(
                        diagram,
                        marked,
                        basis=self.basis,
                        is_penalised=is_penalised,
                        updates=updates,
                        pulled=pulled,
                    )
                )
                if self.visits in ("additive", "gaussian"):
                    is_gaussian = self.visits == "gaussian"
                    left = (with_added_noise(value, is_gaussian=is_gaussian) for value in values)
                    values = [value for value in left if value is not None]
                counts = [counter.count_pulled(diagram, role, pulled) for _, counter in counters]
                yield diagram, values, counts

    def _order(self, d: int, factors: tuple[str, ...]) -> dict[Contraction, Weight]:
        if d and self.training.sampling.is_empty:
            return {}
        counters = self.counters(factors)
        sums: list[dict[Contraction, Laurent]] = [{} for _ in counters]
        for diagram, values, counts in self.counted(d, factors):
            scale = prefactor(d, symmetry_factor=diagram.symmetry_factor).number
            for (sign, _), count, total in zip(counters, counts, sums, strict=True):
                for contraction in values if count else ():
                    self.add(total.setdefault(contraction, {}), count, scale * sign)
        result: dict[Contraction, Weight] = {}
        for (_, counter), total in zip(counters, sums, strict=True):
            for contraction, laurent in total.items():
                if laurent:
                    weight: Any = counter.weight(laurent, d)
                    if pulls := self.pulls_of(contraction):
                        weight = self.scaled(weight, self.pull**pulls)
                    before = result.get(contraction)
                    result[contraction] = weight if before is None else self.plus(before, weight)
        return result

    def pulls_of(self, contraction: Contraction) -> int:
        """Return how many updates are those of decoupled weight decay."""
        has_pull = self.training.optimizer.decoupled_decay != 0
        return contraction.labels.count(L2) if has_pull else 0

    @property
    def pull(self) -> Expr:
        """The strength of decoupled weight decay."""
        return sympify(self.training.optimizer.decoupled_decay)

    def counted_read(
        self, d: int, factors: tuple[str, ...], times: tuple[ReadTime, ...]
    ) -> Iterator[tuple[Diagram, Contraction, Laurent]]:
        """Go through the diagrams of an order where factors look at the weights at times of their own.

        Then it matters which factor a child of the root is given to.
        """
        role = root_role(factors)
        if d and self.training.sampling.is_empty:
            return
        is_penalised = self.training.optimizer.weight_decay != 0
        marked = self.roots.marked(factors)
        updates = UPDATE if self.roots.has_penalty else None
        options = self.training.sampling.diagram_options
        for diagram in enumerate_diagrams(d, root=root_mode(role), **options):  # type: ignore[arg-type]
            counts: dict[tuple[ReadTime | None, ...], Laurent] = {}
            ways = shared_out(
                diagram, marked, basis=self.basis, is_penalised=is_penalised, updates=updates
            )
            for way in ways:
                above = way.factors_above(marked)
                reads = tuple(None if i < 0 else times[i] for i in above)
                if reads not in counts:
                    counts[reads] = self.timed.count_read(diagram, role, reads)
                if counts[reads]:
                    yield diagram, way.contraction(self.basis), counts[reads]

    def _order_read(
        self, d: int, factors: tuple[str, ...], times: tuple[ReadTime, ...]
    ) -> dict[Contraction, Weight]:
        """Return the terms of an order where the factors look at the weights at times of their own."""
        sums: dict[Contraction, Laurent] = {}
        for diagram, contraction, count in self.counted_read(d, factors, times):
            scale = prefactor(d, symmetry_factor=diagram.symmetry_factor).number
            self.add(sums.setdefault(contraction, {}), count, scale)
        weights: dict[Contraction, Any] = {
            contraction: self.timed.weight(laurent, d)
            for contraction, laurent in sums.items()
            if laurent
        }
        return weights


@final
class _ExactMeans(_Means[Expr]):
    """In exact numbers and symbols."""

    @cached_property
    def timed(self) -> TimedCounter:
        """Closed forms where there are some, numbers elsewhere."""
        return timed_counter_of(self.training, self.basis, self.observable.times)

    def made(self, factors: tuple[str, ...]) -> list[tuple[int, Counter]]:
        training = self.training
        since = self.observable.since
        if since is None:
            return [(1, self._plain)]
        if training.sampling.symbols:
            training.iterate_weights(0)  # says what is missing
        end = training.iterate_weights(int(training.updates))
        start = training.iterate_weights(since)
        if set(factors) == {WEIGHTS}:
            change = tuple(a - b for a, b in zip(end, start, strict=True))
            return [(1, self._reading(change))]
        return [(1, self._reading(end)), (-1, self._reading(start))]

    @cached_property
    def _plain(self) -> Counter:
        return counter_of(self.training, self.basis)

    def _reading(self, iterates: tuple[Fraction, ...]) -> Counter:
        return counter_of(self.training, self.basis, iterates=iterates)

    def add(self, total: Laurent, count: Laurent, scale: Fraction) -> None:
        add_scaled(total, count, scale)

    def times(self, sign: int, factors: Sequence[Expr]) -> Expr:
        return Mul(sign, *factors)

    def plus(self, one: Expr, two: Expr) -> Expr:
        return canonical(one + two)

    def scaled(self, weight: Expr, factor: Expr) -> Expr:
        return weight if factor == 1 else canonical(Mul(weight, factor))

    def total(self, weights: Sequence[Expr]) -> Expr:
        return weights[0] if len(weights) == 1 else canonical(Add(*weights))


@final
class _EnclosedMeans(_Means[arb]):
    """In balls, with all numbers given."""

    def __init__(self, exact: _ExactMeans) -> None:
        super().__init__(exact.training, exact.basis, exact.order, exact.observable, exact.roots)
        self._exact = exact

    @property
    def timed(self) -> TimedCounter:
        """None: what is read at several times is derived exactly."""
        raise NotImplementedError

    def made(self, factors: tuple[str, ...]) -> list[tuple[int, Counter]]:
        # Whatever is long and has no closed form is counted by number.
        exact: list[tuple[int, Any]] = self._exact.counters(factors)
        return [(sign, EnclosedCounter(counter)) for sign, counter in exact]

    def add(self, total: Any, count: Any, scale: Fraction) -> None:
        more = count[()] * fmpq(scale.numerator, scale.denominator)
        total[()] = total[()] + more if total else more

    def times(self, sign: int, factors: Sequence[arb]) -> arb:
        return prod(factors, start=arb(sign))

    def plus(self, one: arb, two: arb) -> arb:
        return one + two

    def scaled(self, weight: arb, factor: Expr) -> arb:
        return weight * fmpq(int(factor.p), int(factor.q))

    def total(self, weights: Sequence[arb]) -> arb:
        return sum(weights, start=arb(0))


def _combined(
    observable: Observable, means: _Means[Weight], order: int
) -> Iterator[tuple[Weight, _Value]]:
    """Yield the terms of all products of means up to an order; values may recur."""
    for p in observable.products:
        factors = [means.of(e, times) for e, times in p.timed]
        for orders in product(range(order + 1), repeat=len(factors)):
            if sum(orders) > order:
                continue
            of_orders = (f[d].items() for f, d in zip(factors, orders, strict=True))
            for combination in product(*of_orders):
                (contraction, shift), _ = combination[0]
                for (other, more), _ in combination[1:]:
                    contraction, shift = disjoint_union(contraction, other), shift + more
                weight = means.times(p.sign, [weight for _, weight in combination])
                yield weight, (contraction, shift)
