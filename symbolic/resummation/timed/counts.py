r"""Dressed counts in closed form where roots look at the weights at several times.

The times cut training into stages. Within a stage of n steps, with :math:`Q_0` the product of what is
alive at its start and :math:`Q_l` after its l-th level, the sum over the times is
:math:`\prod_{l \ge 1} Q_l\, [Q_0, \dots, Q_L]\, x^n`; stages multiply. An edge into the root is alive
until its factor looks, and no longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sympy import Expr, Integer, Mul, Pow, Rational

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.embeddings.signs import prefactor
from sgdiagrams.symbolic.embeddings.stages import StageLevels, stage_levels
from sgdiagrams.symbolic.observed.times_of_reading import in_order_of_time, stage_lengths
from sgdiagrams.symbolic.resummation.dressed import factor_of_rows
from sgdiagrams.symbolic.training.sampling import steps_of
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled

if TYPE_CHECKING:
    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
    from sgdiagrams.symbolic.training.dressing import Dressing
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.vocabulary import RootRole

__all__ = ["StagedCount", "StagedPart", "StagedStructure", "has_stages", "staged_count"]


class StagedStructure(NamedTuple):
    """Embeddings with the same edges alive.

    Attributes
    ----------
    coefficient
        Exponents of (N, B) -> coefficient, 1/B for every update included.
    stages
        For every stage how often each base is in Q at its start, and after each of its levels.
    """

    coefficient: Laurent
    stages: tuple[StageLevels, ...]


class StagedPart(NamedTuple):
    """An independent part of a diagram.

    Attributes
    ----------
    nodes
        Its updates, in the diagram's preorder.
    structures
        What its time sum is made of; bases are those of its nodes in order, two for each with momentum.
    lengths
        The numbers of updates of the stages between the times at which the part is looked at.
    endless
        The number of the stage that grows with T; -1 where none does.
    """

    nodes: tuple[int, ...]
    structures: tuple[StagedStructure, ...]
    lengths: tuple[Expr, ...]
    endless: int


@dataclass(frozen=True, slots=True)
class StagedCount:
    """The dressed count of a diagram whose roots look at several times: a product over parts.

    Attributes
    ----------
    parts
        The independent parts.
    factor
        What multiplies them.
    T, N, B
        The numbers of the scheme.
    dressing
        The roots on edges, and what they come with.
    """

    parts: tuple[StagedPart, ...]
    factor: Expr
    T: Expr
    N: Expr
    B: Expr
    dressing: Dressing

    @property
    def roots_per_edge(self) -> int:
        """The number of roots of an edge."""
        return self.dressing.root_count

    def chosen(self, structure: StagedStructure) -> tuple[int, ...]:
        """Return the number of the root that a structure takes, for every node of its part."""
        step = self.roots_per_edge
        levels = (level for _, of_stage in structure.stages for level in of_stage)
        powers = [sum(level) for level in zip(*levels, strict=True)]
        return tuple(
            next(k for k in range(step) if powers[i + k]) for i in range(0, len(powers), step)
        )

    def coefficient(self, structure: StagedStructure) -> Expr:
        """Return the coefficient of a structure."""
        return sum(
            (
                Mul(Rational(c.numerator, c.denominator), Pow(self.N, n), Pow(self.B, b))
                for (n, b), c in structure.coefficient.items()
            ),
            Integer(0),
        )


def has_stages(training: Training) -> bool:
    """Tell whether counts of several times have a closed form: without averages, and by equal steps."""
    dressing = training.dressing
    return dressing is not None and not dressing.more


def staged_count(
    diagram: Diagram,
    training: Training,
    reads: tuple[ReadTime | None, ...],
    *,
    root: RootRole = "population",
) -> StagedCount:
    """Return the dressed count of a linkless diagram, in the cumulant basis, in closed form.

    Parameters
    ----------
    diagram, training, root
        As for `sgdiagrams.symbolic.resummation.dressed.closed_count`.
    reads
        For every update, in preorder, when the factor above it looks; None below other updates.

    Raises
    ------
    RequestError
        When there is no closed form.
    """
    scheme, dressing = training.sampling, training.dressing
    training.check_discrete()
    if dressing is None or not has_stages(training):
        raise RequestError(
            f"expected a scheme and an optimiser with a closed form, got {scheme.label} with "
            f"{training.optimizer.label}"
        )
    forest = update_forest(diagram)
    steps = steps_of(scheme)
    parts = tuple(_part(forest, nodes, training, reads) for nodes in steps.parts(forest))
    _, factor = factor_of_rows(forest, scheme, root)
    return StagedCount(
        parts,
        factor,
        scheme.updates,
        scheme.values.get("N", Integer(1)),
        scheme.batch_size,
        dressing,
    )


def _part(
    forest: UpdateForest,
    nodes: tuple[int, ...],
    training: Training,
    reads: tuple[ReadTime | None, ...],
) -> StagedPart:
    """Return a part, which knows no other times than its own."""
    own = [reads[v] for v in nodes]
    times = in_order_of_time(time for time in own if time is not None)
    last = [len(times) - 1 if time is None else times.index(time) for time in own]
    scheme, dressing = training.sampling, training.dressing
    per_edge = 1 if dressing is None else dressing.root_count
    return StagedPart(
        nodes,
        _structures(forest.restricted(nodes), scheme, last, len(times), per_edge),
        tuple(stage_lengths(times, scheme.updates)),
        next((i for i, time in enumerate(times) if time.after is None), -1),
    )


def _structures(
    forest: UpdateForest, scheme: Sampling, last: list[int], stages: int, per_edge: int
) -> tuple[StagedStructure, ...]:
    rule, forests = steps_of(scheme).in_basis("cumulant", forest)
    total: dict[tuple[StageLevels, ...], Laurent] = {}
    batches = prefactor(len(forest.parents)).batches
    rows = -forest.block_count if steps_of(scheme).keeps_rows else 0
    for coarse in forests:
        for key, laurent in stage_levels(coarse, rule, last, stages, per_edge=per_edge).items():
            add_scaled(total.setdefault(key, {}), laurent, 1, (rows, batches))
    return tuple(StagedStructure(laurent, key) for key, laurent in sorted(total.items()) if laurent)
