"""Counts in closed form for steps that are alike: divided differences."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING, Any

from sympy import Add, Expr, Integer, Mul, Pow, Rational, Symbol, cancel
from sympy.polys.domains import QQ

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.embeddings.levels import EdgeMode, level_sums
from sgdiagrams.symbolic.embeddings.signs import prefactor
from sgdiagrams.symbolic.training.average import check_window, window_readouts
from sgdiagrams.symbolic.training.counters.counter import Counter
from sgdiagrams.symbolic.training.counters.rooted import with_root
from sgdiagrams.symbolic.training.sampling import steps_of
from sgdiagrams.symbolic.weights.denominators import over_common_denominator
from sgdiagrams.symbolic.weights.exponential_sums import (
    Base,
    ParameterField,
    TimeSum,
    binomials_of_power,
)
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled, to_expr
from sgdiagrams.symbolic.weights.quotients import canonical, weight_of_terms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.training.kernels import Mode
    from sgdiagrams.symbolic.training.schedules.schedule import ScheduleTerm
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole


__all__ = ["StepCounter"]

_MOST_BITS = 2**24  # of an exact power: five million digits


#: Powers of T, N and B, and the base of the exponential in T.
_Place = tuple[int, int, int, Base]


class StepCounter(Counter):
    """Closed forms in T and the parameters of the optimiser, by divided differences.

    Keys are exponents of (T, N, B), or of (T, N, q), one exponent for the weight of every mode, before
    them those of N - 1, N - 2, ... where steps have them, and the number of a multiset of bases.
    """

    def __init__(self, training: Training, basis: Basis) -> None:
        optimizer = training.optimizer
        self.scheme = training.sampling
        self.basis = basis
        kernel = _nonzero(optimizer.kernel or ())
        average = optimizer.average
        self._window = None if average is None else average.window
        of_last: tuple[Mode, ...] = ()
        if self._window is None:
            readout = _nonzero(optimizer.root_kernel or ())
        else:
            before, of_last = window_readouts(optimizer.iterate_kernel or (), self._window)
            readout = _nonzero(before)
            check_window(self._window, self.scheme.updates)
        last = _nonzero(of_last)
        schedule = optimizer.schedule
        terms = None if schedule is None else schedule.closed_form
        self._T: Any = Symbol("T")
        pull = optimizer.pull_modes
        of_pull = [] if pull is None else [_nonzero(part) for part in pull]
        modes = [*kernel, *readout, *(mode for part in of_pull for mode in part), *last]
        parameters = {
            s for mode in modes for part in (mode.weight, mode.base) for s in part.free_symbols
        }
        node_base = Integer(1)
        if terms is not None:
            bases = {term.base for term in terms}
            if len(bases) == 1:
                [node_base] = bases
            parameters |= {s for term in terms for s in term.base.free_symbols}
        #: N - 1, N - 2, ..., where the weight of a step has them below the line.
        less = steps_of(self.scheme).numbers_below
        below = [self.scheme.values["N"] - i for i in range(1, less + 1)]
        parameters |= {s for value in below for s in value.free_symbols}
        self.field = ParameterField(parameters - {self._T})
        distinct = dict.fromkeys(m.base for m in modes if m.base != 1)
        if node_base != 1:
            distinct.setdefault(node_base)
        self.bases = [self.field.base(base) for base in distinct]
        self._number = {base: i for i, base in enumerate(distinct)}
        self.node_base = self._number.get(node_base, -1)
        self.width = 3 + len(below) + len(modes)
        # Weights may hold powers of T (averages over all iterates); they go into the exponents.
        self.mode_weights = [self.field.element(value) for value in below]
        self._powers: list[int] = []
        self._powers += [0] * less
        for mode in modes:
            power = -1 if mode.weight.has(self._T) else 0
            self._powers.append(power)
            self.mode_weights.append(self.field.element(cancel(mode.weight * self._T**-power)))
        self.inner = tuple(self._mode(m, i, terms) for i, m in enumerate(kernel, start=less))
        self.outer = tuple(
            self._mode(m, i, terms) for i, m in enumerate(readout, start=less + len(kernel))
        )
        #: Of edges above updates of decoupled weight decay: into updates, and into the root.
        self.pulled: list[tuple[EdgeMode, ...]] = []
        first = len(kernel) + len(readout)
        for part in of_pull:
            self.pulled.append(
                tuple(self._mode(m, i, terms) for i, m in enumerate(part, start=first))
            )
            first += len(part)
        #: Of edges into the root from the last updates, where the average begins with them.
        self.last: tuple[EdgeMode, ...] | None = None
        if self._window is not None:
            self.last = tuple(
                self._mode(m, i, terms, end=self._window) for i, m in enumerate(last, start=first)
            )
        self._multisets: dict[tuple[tuple[int, ...], tuple[tuple[int, ...], ...]], int] = {}
        self._sums: list[TimeSum] = []
        self._products: dict[tuple[int, tuple[int, ...]], TimeSum] = {}

    def _mode(
        self,
        mode: Mode,
        number: int,
        terms: tuple[ScheduleTerm, ...] | None,
        *,
        end: int | None = None,
    ) -> EdgeMode:
        """Return a mode with the polynomial in t of the node below, in binomials; D ends at T."""
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
                if end is None:
                    polynomial[k][T_power + 1] += c
                else:
                    polynomial[k][T_power] += c * end
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
        return self.count_pulled(diagram, root, ())

    def count_pulled(self, diagram: Diagram, root: RootRole, pulled: tuple[int, ...]) -> Laurent:
        """Return the count of a diagram some of whose updates are those of decoupled weight decay."""
        forest = update_forest(diagram)
        size = [0] * (self.width + 1)
        for name, power in self._size.items():
            size["TNB".index(name)] = power
        count = self._count(forest, pulled)
        return with_root(count, forest, basis=self.basis, root=root, size=tuple(size))

    def without_exponentials(self, forest: UpdateForest) -> dict[int, Any]:
        """Return the part of a count that is a polynomial in T, its coefficients in the field.

        Powers of N and B are left out, so it is for one pass.
        """
        powers: dict[int, Any] = {}
        for (t, _, _, *modes, number), c in self._count(forest).items():
            scale = QQ(c.numerator, c.denominator)
            for (power, base), value in self._scaled(number, tuple(modes)).items():
                if base == self.field.one:
                    k = t + power
                    powers[k] = powers.get(k, self.field.field.zero) + value * scale
        return powers

    def _count(self, forest: UpdateForest, pulled: tuple[int, ...] = ()) -> Laurent:
        """Return the count of a forest, divided by B for every update."""
        own = None
        if pulled:
            inner, outer = self.pulled
            own = tuple(
                ((outer if parent < 0 else inner) if v in pulled else None)
                or (self.outer if parent < 0 else self.inner)
                for v, parent in enumerate(forest.parents)
            )
        rule, forests = steps_of(self.scheme).in_basis(self.basis, forest)
        shape = {"inner": self.inner, "outer": self.outer, "width": self.width}
        count: Laurent = {}
        N = self.scheme.values.get("N", Integer(0))
        for coarse in forests:
            if N.is_Integer and steps_of(self.scheme).numbers_below and coarse.block_count > N:
                continue  # different blocks need different rows
            sums = level_sums(
                coarse,
                rule,
                base_count=len(self.bases),
                node_base=self.node_base,
                own=own,
                late=None if self.last is None else (self.last,) * len(coarse.parents),
                **shape,  # type: ignore[arg-type]
            )
            for (first, rest), laurent in sums.items():
                number = self._multiset(first, rest)
                add_scaled(count, {(*exps, number): c for exps, c in laurent.items()})
        batch = [0] * (self.width + 1)
        for name, power in self.scheme.share_powers.items():
            place = 1 if name == "N" else 2
            batch[place] = -power * prefactor(len(forest.parents)).batches
        divided: Laurent = {}
        add_scaled(divided, count, 1, tuple(batch))
        return divided

    @property
    def _size(self) -> dict[str, int]:
        """The number of datapoints as powers of T, N and B."""
        return {"T": 1, "B": 1} if "N" not in self.scheme.numbers else {"N": 1}

    def _multiset(self, first: tuple[int, ...], rest: tuple[tuple[int, ...], ...]) -> int:
        key = (first, rest)
        if key not in self._multisets:
            self._multisets[key] = len(self._sums)
            if self._window is None:
                self._sums.append(self._time_sum(first, rest))
            else:
                self._sums.append(self._in_two_parts(first, rest, self._window))
        return self._multisets[key]

    def _time_sum(self, first: tuple[int, ...], rest: Iterable[tuple[int, ...]]) -> TimeSum:
        """Return the sum over the times of levels, as powers and exponentials of their number."""
        start = self._product(first)
        gaps = [self._product(q) for q in rest]
        factor = self.field.field.one
        for q in gaps:
            factor = factor * self.field.of_base(q)
        differences = self.field.divided_difference([start, *gaps])
        return {k: c * factor for k, c in differences.items()}

    def _in_two_parts(
        self, first: tuple[int, ...], rest: tuple[tuple[int, ...], ...], W: int
    ) -> TimeSum:
        """Return the sum over the times before the last W updates, times that over their own."""
        count = len(self.bases)
        before = self._time_sum(first[:count], (q[:count] for q in rest if q[-1] == 0))
        [begin] = (q[count:-1] for q in rest if q[-1] == 2)
        last = self._time_sum(begin, (q[count:-1] for q in rest if q[-1] == 1))
        factor = self.field.field.zero
        for (power, base), c in last.items():
            factor = factor + c * QQ(W) ** power * self.field.of_base(base**W)
        total: TimeSum = {}
        for (power, base), c in before.items():
            # (T - W)^power base^(T - W)
            scaled = c * factor / self.field.of_base(base**W)
            for j in range(power + 1):
                share = scaled * QQ(comb(power, j) * (-W) ** (power - j))
                key = (j, base)
                total[key] = total.get(key, self.field.field.zero) + share
        return total

    def _product(self, powers: tuple[int, ...]) -> Base:
        result = self.field.one
        for base, k in zip(self.bases, powers, strict=True):
            result = result * base**k
        return result

    def weight(self, total: Laurent, order: int) -> Expr:  # noqa: ARG002
        """Return the sum as a canonical weight."""
        # Numerators by denominator: reducing every partial sum would cost most of the time.
        parts: dict[_Place, dict[Any, Any]] = {}
        is_single = self.scheme.step_number == 1
        is_full = self.scheme.step_number == self.scheme.values.get("N")
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

    def _scaled(self, number: int, modes: tuple[int, ...]) -> TimeSum:
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
        numerators, common = over_common_denominator(self.field.field.ring, parts)
        T = self.scheme.updates
        N: Expr = self.scheme.values.get("N", Integer(1))
        B = self.scheme.step_number
        names = self.field.symbols
        inner = len(names)
        generators = (T, N, B, *names, *(Pow(s, T) for s in names))
        numbers: dict[Fraction, dict[tuple[int, ...], Fraction]] = {}
        for (t, n, b, base), numerator in numerators.items():
            terms = numbers.setdefault(base.number, {})
            for exps, c in numerator.items():
                terms[(t, n, b, *exps[:inner], *base.powers)] = c
        zeros = (0,) * inner
        below = {(0, 0, 0, *exps[:inner], *zeros): c for exps, c in common.items()}
        own = [x for x in dict.fromkeys((T, N, B)) if x != 1]
        is_plain = all(x.is_Symbol and x not in names for x in own)
        if set(numbers) <= {1} and is_plain and (T not in (N, B) or T == 1):
            return weight_of_terms(numbers.get(Fraction(1), {}), below, generators)
        if T.is_Integer:
            for number in numbers:
                bits = max(number.numerator, number.denominator).bit_length() - 1
                if int(T) * bits > _MOST_BITS:
                    raise SamplingError(
                        f"expected fewer updates for an exact power of {shown(number)}, got "
                        f"T={shown(T)}; leave T a symbol and give its number later"
                    )
        above = [
            Mul(Pow(Rational(number), T), to_expr(terms, generators))
            for number, terms in numbers.items()
        ]
        return canonical(Add(*above) / to_expr(below, generators))


def _nonzero(modes: tuple[Mode, ...]) -> list[Mode]:
    """Drop modes that vanish for all D >= 1."""
    return [mode for mode in modes if mode.weight != 0 and mode.base != 0]
