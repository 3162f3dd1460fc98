r"""Counts for several times in closed form, with momentum: powers of beta with the lengths of stages.

A bare edge has the roots 1 and :math:`\beta`, and the sum over the times of a stage is a divided
difference of :math:`x^n` at powers of :math:`\beta`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, final

from sympy import Add, Expr, Integer, Mul, Pow, Rational

from sgdiagrams.symbolic.counting.staged import shares_of_updates
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.embeddings.stages import stage_levels
from sgdiagrams.symbolic.observed.times_of_reading import in_order_of_time, stage_lengths
from sgdiagrams.symbolic.training.counters.counter import TimedCounter
from sgdiagrams.symbolic.training.counters.rooted import with_root
from sgdiagrams.symbolic.training.dressing import polynomial_at
from sgdiagrams.symbolic.training.sampling import steps_of
from sgdiagrams.symbolic.weights.exponential_sums import ParameterField
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
    from sgdiagrams.symbolic.training.dressing import Dressing
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole

__all__ = ["StagedPowers"]


class _Shape(NamedTuple):
    """What structures with one time sum share.

    Attributes
    ----------
    fast
        How many of the edges have the root beta.
    power
        The power of beta in front.
    stages
        For every stage the powers of beta that are alive at its start and, sorted, after its levels.
    """

    edges: int
    fast: int
    power: int
    stages: tuple[tuple[int, tuple[int, ...]], ...]


@final
class StagedPowers(TimedCounter):
    """Closed forms for optimisers with two roots at a constant rate, and steps that are alike.

    Keys are exponents of N and B, and the number of a time sum.

    Parameters
    ----------
    training
        With a dressing and without an average of iterates.
    basis
        That of the counts.
    times
        When factors look at the weights.
    """

    def __init__(
        self, training: Training, basis: Basis, times: Sequence[ReadTime], dressing: Dressing
    ) -> None:
        self.scheme = training.sampling
        self.basis = basis
        ordered = in_order_of_time(times)
        self._stage = {time: i for i, time in enumerate(ordered)}
        self._lengths = stage_lengths(ordered, self.scheme.updates)
        one, self._beta = dressing.roots(Integer(0))
        self._with = [polynomial_at(dressing.numerator, x) for x in (one, self._beta)]
        self._field = ParameterField(self._beta.free_symbols)
        self._shapes: dict[_Shape, int] = {}
        self._sums: dict[_Shape, Expr] = {}

    def count_read(
        self, diagram: Diagram, root: RootRole, reads: tuple[ReadTime | None, ...]
    ) -> Laurent:
        """Return the weighted count."""
        forest = update_forest(diagram)
        n, stages = len(forest.parents), len(self._lengths)
        last = [stages - 1 if time is None else self._stage[time] for time in reads]
        rule, forests = steps_of(self.scheme).in_basis(self.basis, forest)
        count: Laurent = {}
        shares = (*shares_of_updates(self.scheme, n), 0)
        for coarse in forests:
            for key, laurent in stage_levels(coarse, rule, last, stages, per_edge=2).items():
                levels = [level for _, of_stage in key for level in of_stage]
                spanned = [sum(level[2 * v + 1] for level in levels) for v in range(n)]
                shape = _Shape(
                    n,
                    sum(k > 0 for k in spanned),
                    sum(k - 1 for k in spanned if k),
                    tuple(
                        (sum(start[1::2]), tuple(sorted(sum(level[1::2]) for level in of_stage)))
                        for start, of_stage in key
                    ),
                )
                number = self._shapes.setdefault(shape, len(self._shapes))
                for (k, b), c in laurent.items():
                    add_scaled(count, {(k, b, number): c}, 1, shares)
        return with_root(count, forest, basis=self.basis, root=root, size=(1, 0, 0))

    def weight(self, total: Laurent, order: int) -> Expr:  # noqa: ARG002
        """Return the sum as a canonical weight."""
        N: Expr = self.scheme.datapoints or Integer(1)
        B = self.scheme.step_number
        shapes = list(self._shapes)
        terms = [
            Mul(Rational(c.numerator, c.denominator), Pow(N, n), Pow(B, b), self._sum(shapes[i]))
            for (n, b, i), c in total.items()
        ]
        return canonical(Add(*terms))

    def _sum(self, shape: _Shape) -> Expr:
        """Return the time sum of a shape."""
        if shape not in self._sums:
            slow, fast = self._with
            factors = [
                slow ** (shape.edges - shape.fast),
                fast**shape.fast,
                self._beta**shape.power,
                (1 - self._beta) ** -shape.edges,
            ]
            for length, (start, levels) in zip(self._lengths, shape.stages, strict=True):
                factors.append(self._difference(length, (start, *levels)))
            self._sums[shape] = canonical(Mul(*factors))
        return self._sums[shape]

    def _difference(self, length: Expr, powers: Sequence[int]) -> Expr:
        """Return the divided difference of a power of x at powers of beta."""
        base = self._field.base(self._beta)
        sums = self._field.divided_difference([base**k for k in powers])
        return Add(
            *(
                c.as_expr()
                * length**power
                * Pow(Rational(x.number.numerator, x.number.denominator), length)
                * Mul(
                    *(s ** (k * length) for s, k in zip(self._field.symbols, x.powers, strict=True))
                )
                for (power, x), c in sums.items()
            )
        )
