r"""Weighted embeddings: what a sampling scheme and an optimiser together make of a diagram.

The coefficient of a diagram in the main theorem is :math:`(-1)^d/|\mathrm{Aut}|` times the sum over its
embeddings of :math:`B^{-d}`, the kernels of its edges and the learning-rate factors of its nodes. A
counter returns that sum. There are three kinds:

* those of `sgdiagrams.symbolic.plain_counters`: plain SGD, where all weights are one and the scheme
  counts in closed form;
* `StepCounter`: kernels and factors in closed form, for schemes whose steps are alike;
* `NumberCounter`: anything else, by number, propagated in time.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sympy import Add, Expr, Integer, Mul, Pow, Rational, Symbol, cancel
from sympy.polys.domains import QQ

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.symbolic.common_denominator import Denominators
from sgdiagrams.symbolic.counting import (
    coarser_forests,
    update_forest,
)
from sgdiagrams.symbolic.laurent import Laurent, add_scaled, at_number, to_expr
from sgdiagrams.symbolic.plain_counters import Counter, EpochsCounter, PlainCounter
from sgdiagrams.symbolic.propagation import (
    Dynamics,
    GridPropagator,
    reshuffled_step_count,
    step_count,
)
from sgdiagrams.symbolic.sampling import StepScheme, with_root
from sgdiagrams.symbolic.schemes import Epochs, Grid
from sgdiagrams.symbolic.steps import EdgeMode, level_sums
from sgdiagrams.symbolic.time_sums import (
    Base,
    Coefficients,
    ParameterField,
    binomials_of_power,
)
from sgdiagrams.symbolic.weights import canonical, weight_of_terms

if TYPE_CHECKING:
    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.counting import Basis, UpdateForest
    from sgdiagrams.symbolic.optimizer import Mode, Optimizer
    from sgdiagrams.symbolic.sampling import RootRole, Sampling
    from sgdiagrams.symbolic.schedule import ScheduleTerm
    from sgdiagrams.symbolic.steps import LevelRule

__all__ = [
    "Counter",
    "EpochsCounter",
    "NumberCounter",
    "PlainCounter",
    "StepCounter",
    "counter",
    "iterate_weights",
]


_SHORT = 100

#: Powers of T, N and B, and the base of the exponential in T.
_Place = tuple[int, int, int, Base]


def counter(
    scheme: Sampling,
    optimizer: Optimizer,
    basis: Basis,
    *,
    iterates: tuple[Fraction, ...] | None = None,
) -> Counter:
    """Return the counter for a scheme and an optimiser.

    Parameters
    ----------
    iterates
        Weights of the iterates after 1, ..., T updates that the observable looks at, where they are
        not the optimiser's; then everything is counted by number.

    Raises
    ------
    SamplingError
        When there is no closed form and a number is missing.
    RequestError
        When the scheme is a continuous limit and the optimiser is not plain SGD.
    """
    check_limit(scheme, optimizer, is_plain=optimizer.is_plain and iterates is None)
    if optimizer.is_plain and iterates is None and not isinstance(scheme, Grid):
        if isinstance(scheme, Epochs) and not scheme.is_reshuffled:
            return EpochsCounter(scheme, basis)
        return PlainCounter(scheme, basis)
    # Over few updates, numbers are faster than formulas that would have them put in.
    symbols_left = (*scheme.symbols, *_needed(optimizer))
    is_short = not symbols_left and scheme.updates <= _SHORT
    has_closed_form = (
        iterates is None
        and not is_short
        and isinstance(scheme, StepScheme)
        and not (isinstance(scheme, Epochs) and not scheme.is_full_batch)
        and optimizer.kernel is not None
        and optimizer.readout is not None
        and (optimizer.schedule is None or optimizer.schedule.closed_form is not None)
    )
    if has_closed_form and isinstance(scheme, StepScheme):
        return StepCounter(scheme, optimizer, basis)
    return NumberCounter(scheme, optimizer, basis, iterates)


def check_limit(scheme: Sampling, optimizer: Optimizer, *, is_plain: bool) -> None:
    """Raise a RequestError when a limit in continuous time meets anything but plain SGD."""
    if scheme.datapoints is None and not is_plain:
        raise RequestError(
            f"expected plain SGD with {scheme.name}, which is a limit of it, "
            f"got optimizer={optimizer.label}"
        )


def _needed(optimizer: Optimizer) -> list[str]:
    """Return the symbols that counting needs: all but that of the weight decay."""
    return [name for name in optimizer.symbols if name != str(optimizer.weight_decay)]


def step_rule(
    scheme: Sampling, basis: Basis, forest: UpdateForest
) -> tuple[LevelRule, list[UpdateForest]]:
    """Return the rule of a scheme and the forests whose counts add up.

    A scheme that has a rule for moments alone counts cumulants over all coarser blocks.
    """
    if isinstance(scheme, StepScheme):
        rule = scheme.rule(basis)
        if rule is not None:
            return rule, [forest]
        rule = scheme.rule("moment")
        if rule is not None:
            return rule, coarser_forests(forest)
    raise AssertionError


class StepCounter(Counter):
    """Closed forms in T and the parameters of the optimiser, by divided differences.

    Keys are exponents of (T, N, B), one exponent for the weight of every mode, and the number of a
    multiset of bases.
    """

    def __init__(self, scheme: StepScheme, optimizer: Optimizer, basis: Basis) -> None:
        self.scheme = scheme
        self.basis = basis
        kernel = _nonzero(optimizer.kernel or ())
        readout = _nonzero(optimizer.readout or ())
        schedule = optimizer.schedule
        terms = None if schedule is None else schedule.closed_form
        self._T: Any = Symbol("T")
        modes = [*kernel, *readout]
        found = {
            s for mode in modes for part in (mode.weight, mode.base) for s in part.free_symbols
        }
        node_base = Integer(1)
        if terms is not None:
            bases = {term.base for term in terms}
            if len(bases) == 1:
                [node_base] = bases
            found |= {s for term in terms for s in term.base.free_symbols}
        self.field = ParameterField(found - {self._T})
        distinct = dict.fromkeys(m.base for m in modes if m.base != 1)
        if node_base != 1:
            distinct.setdefault(node_base)
        self.bases = [self.field.base(base) for base in distinct]
        self._number = {base: i for i, base in enumerate(distinct)}
        self.node_base = self._number.get(node_base, -1)
        self.width = 3 + len(modes)
        # Weights may hold powers of T (averages over all iterates); they go into the exponents.
        self.mode_weights = []
        self._powers: list[int] = []
        for mode in modes:
            power = -1 if mode.weight.has(self._T) else 0
            self._powers.append(power)
            self.mode_weights.append(self.field.element(cancel(mode.weight * self._T**-power)))
        self.inner = tuple(self._mode(m, i, terms) for i, m in enumerate(kernel))
        self.outer = tuple(
            self._mode(m, i, terms) for i, m in enumerate(readout, start=len(kernel))
        )
        self._denominators = Denominators(self.field.field.ring)
        self._multisets: dict[tuple[tuple[int, ...], tuple[tuple[int, ...], ...]], int] = {}
        self._sums: list[Coefficients] = []
        self._products: dict[tuple[int, tuple[int, ...]], Coefficients] = {}

    def _mode(self, mode: Mode, number: int, terms: tuple[ScheduleTerm, ...] | None) -> EdgeMode:
        """Return a mode with the polynomial in t of the node below, in binomials."""
        # The node's factor is a polynomial in t: the schedule's, times (T - t)^k of the mode.
        polynomial: dict[int, dict[int, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
        parts = [(Fraction(1), 0, 0)]
        if terms is not None:
            parts = []
            for term in terms:
                c, monomial = term.coefficient.as_coeff_Mul()
                power = int(monomial.as_powers_dict().get(self._T, 0))
                parts.append((Fraction(int(c.p), int(c.q)), power, term.power))
        for c, T_power, k in parts:
            if mode.power:
                polynomial[k][T_power + 1] += c
                polynomial[k + 1][T_power] -= c
            else:
                polynomial[k][T_power] += c
        degree = max(polynomial)
        markers: list[Laurent] = [{} for _ in range(degree + 1)]
        weight = [0] * (self.width - 3)
        weight[number] = 1
        for k, by_power in polynomial.items():
            for m, b in enumerate(binomials_of_power(k)):
                if b:
                    for power, c in by_power.items():
                        exps = (power + self._powers[number], 0, 0, *weight)
                        add_scaled(markers[m], {exps: c * b})
        base = -1 if mode.base == 1 else self._number[mode.base]
        return EdgeMode(base, tuple(markers))

    def count(self, diagram: Diagram, root: RootRole) -> Laurent:
        """Return the weighted count."""
        forest = update_forest(diagram)
        rule, forests = step_rule(self.scheme, self.basis, forest)
        shape = {"inner": self.inner, "outer": self.outer, "width": self.width}
        count: Laurent = {}
        for coarse in forests:
            sums = level_sums(
                coarse,
                rule,
                base_count=len(self.bases),
                node_base=self.node_base,
                **shape,  # type: ignore[arg-type]
            )
            for (first, rest), laurent in sums.items():
                number = self._multiset(first, rest)
                add_scaled(count, {(*exps, number): c for exps, c in laurent.items()})
        batch = [0] * (self.width + 1)
        batch[2] = -diagram.order
        divided: Laurent = {}
        add_scaled(divided, count, 1, tuple(batch))
        size = [0] * (self.width + 1)
        for name, power in self._size.items():
            size["TNB".index(name)] = power
        return with_root(divided, forest, basis=self.basis, root=root, size=tuple(size))

    @property
    def _size(self) -> dict[str, int]:
        """The number of datapoints as powers of T, N and B."""
        return {"T": 1, "B": 1} if "N" not in self.scheme.numbers else {"N": 1}

    def _multiset(self, first: tuple[int, ...], rest: tuple[tuple[int, ...], ...]) -> int:
        key = (first, rest)
        if key not in self._multisets:
            self._multisets[key] = len(self._sums)
            start = self._product(first)
            gaps = [self._product(q) for q in rest]
            factor = self.field.field.one
            for q in gaps:
                factor = factor * self.field.of_base(q)
            differences = self.field.divided_difference([start, *gaps])
            self._sums.append({k: c * factor for k, c in differences.items()})
        return self._multisets[key]

    def _product(self, powers: tuple[int, ...]) -> Base:
        result = self.field.one
        for base, k in zip(self.bases, powers, strict=True):
            result = result * base**k
        return result

    def weight(self, total: Laurent, order: int) -> Expr:  # noqa: ARG002
        """Return the sum as a canonical weight."""
        # Numerators by denominator: reducing every partial sum would cost most of the time.
        parts: dict[_Place, dict[Any, Any]] = {}
        is_single = self.scheme.batch_size == 1
        is_full = self.scheme.batch_size == self.scheme.values.get("N")
        for (t, datapoints, batch, *modes, number), c in total.items():
            # A generator has one place.
            n = datapoints + batch if is_full else datapoints
            b = 0 if is_full or is_single else batch
            scale = QQ(c.numerator, c.denominator)
            for (power, base), value in self._scaled(number, tuple(modes)).items():
                by_denominator = parts.setdefault((t + power, n, b, base), {})
                numerator = value.numer * scale
                if value.denom in by_denominator:
                    numerator = numerator + by_denominator[value.denom]
                by_denominator[value.denom] = numerator
        return self._expression(parts)

    def _scaled(self, number: int, modes: tuple[int, ...]) -> Coefficients:
        """Return the time sum of a multiset times the weights of the modes."""
        key = (number, modes)
        if key not in self._products:
            factor = self.field.field.one
            for weight, k in zip(self.mode_weights, modes, strict=True):
                if k:
                    factor = factor * weight**k
            self._products[key] = {x: c * factor for x, c in self._sums[number].items()}
        return self._products[key]

    def _expression(self, parts: dict[_Place, dict[Any, Any]]) -> Expr:
        numerators, common = self._denominators.reduced(parts)
        T = self.scheme.updates
        N: Expr = self.scheme.values.get("N", Integer(1))
        B = self.scheme.batch_size
        names = self.field.symbols
        inner = len(names)
        generators = (T, N, B, *names, *(Pow(s, T) for s in names))
        numbers: dict[Fraction, dict[tuple[int, ...], Fraction]] = {}
        for (t, n, b, base), numerator in numerators.items():
            terms = numbers.setdefault(base.number, {})
            for exps, c in numerator.terms():
                terms[(t, n, b, *exps[:inner], *base.powers)] = Fraction(int(c))
        zeros = (0,) * inner
        below = {(0, 0, 0, *exps[:inner], *zeros): Fraction(int(c)) for exps, c in common.terms()}
        own = [x for x in dict.fromkeys((T, N, B)) if x != 1]
        is_plain = all(x.is_Symbol and x not in names for x in own)
        if set(numbers) <= {1} and is_plain and (T not in (N, B) or T == 1):
            return weight_of_terms(numbers.get(Fraction(1), {}), below, generators)
        above = [
            Mul(Pow(Rational(number), T), to_expr(terms, generators))
            for number, terms in numbers.items()
        ]
        return canonical(Add(*above) / to_expr(below, generators))


def _nonzero(modes: tuple[Mode, ...]) -> list[Mode]:
    """Drop modes that vanish for all D >= 1."""
    return [mode for mode in modes if mode.weight != 0 and mode.base != 0]


class NumberCounter(Counter):
    """Weighted counts by number; see `sgdiagrams.symbolic.propagation`."""

    def __init__(
        self,
        scheme: Sampling,
        optimizer: Optimizer,
        basis: Basis,
        iterates: tuple[Fraction, ...] | None = None,
    ) -> None:
        missing = (*scheme.symbols, *_needed(optimizer))
        if missing:
            raise SamplingError(
                f"expected numbers for {', '.join(missing)}: {optimizer.label} with "
                f"{scheme.label} is counted by number; fix {missing[0]}=... before expanding"
            )
        self.scheme = scheme
        self.basis = basis
        self.T = int(scheme.updates)
        self._propagator: GridPropagator | None = None
        self.batch = int(scheme.batch_size)
        if isinstance(scheme, Grid):
            node = [Fraction(1, len(batch)) for batch in scheme.batches]
            dynamics = Dynamics.of(optimizer, self.T, iterates=iterates, node=node)
            self._propagator = GridPropagator(scheme.batches, scheme.N, dynamics)
            return
        self.dynamics = Dynamics.of(optimizer, self.T, iterates=iterates)
        if isinstance(scheme, Epochs) and not (scheme.is_full_batch or scheme.is_reshuffled):
            N, B, E = (int(v) for v in scheme.values.values())
            epoch = [tuple(range(start, start + B)) for start in range(0, N, B)]
            self._propagator = GridPropagator(epoch * E, N, self.dynamics)

    def count(self, diagram: Diagram, root: RootRole) -> Laurent:
        """Return the weighted count under the empty exponents."""
        forest = update_forest(diagram)
        found = self._count(forest) / self.batch**diagram.order
        N = int(self.scheme.datapoints or 1) or 1  # without updates there is order 0 alone
        rooted = with_root({(0,): found}, forest, basis=self.basis, root=root, size=(1,))
        total = at_number(rooted, N)
        return {(): total} if total else {}

    def _count(self, forest: UpdateForest) -> Fraction:
        scheme = self.scheme
        if self._propagator is not None:
            return self._propagator.count(forest, self.basis)
        N = int(scheme.values.get("N", Integer(1)))
        if isinstance(scheme, Epochs) and scheme.is_reshuffled:
            E = int(scheme.values["E"])
            forests = [forest] if self.basis == "moment" else coarser_forests(forest)
            counts = (
                reshuffled_step_count(f, self.dynamics, N=N, B=self.batch, E=E) for f in forests
            )
        else:
            rule, forests = step_rule(scheme, self.basis, forest)
            counts = (step_count(f, rule, self.dynamics, N=N, B=self.batch) for f in forests)
        return sum(counts, Fraction(0))

    def weight(self, total: Laurent, order: int) -> Expr:  # noqa: ARG002
        """Return the number."""
        value = total.get((), Fraction(0))
        return Rational(value.numerator, value.denominator)


def iterate_weights(scheme: Sampling, optimizer: Optimizer, at: int) -> tuple[Fraction, ...]:
    """Return the weights of the iterates that the optimiser's observable sees after `at` updates.

    Raises
    ------
    SamplingError
        When the number of updates is not known, or less than `at`.
    """
    if scheme.symbols:
        raise SamplingError(
            f"expected numbers for {', '.join(scheme.symbols)}: increments are counted by number; "
            f"fix {scheme.symbols[0]}=... before expanding"
        )
    T = int(scheme.updates)
    if at > T:
        raise SamplingError(f"expected an increment since one of T={T} updates, got since={at}")
    if optimizer.average is not None:
        found = optimizer.average.weights(at)
    else:
        found = (Fraction(0),) * (at - 1) + (Fraction(1),) if at else ()
    return found + (Fraction(0),) * (T - at)
