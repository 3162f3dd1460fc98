r"""Dressed counts in closed form: embeddings of a linkless diagram whose edges carry eigenvalues.

A *link* is an update alone in its block with exactly one child. In the cumulant basis all insertions
of links on an edge that spans D steps add up to the kernel :math:`q^{D-1}`, :math:`q = 1 - h`, in the
eigenbasis of :math:`\eta H` with eigenvalue h (heavy ball: :math:`(r^D - s^D)/(r - s)` with the roots
of :math:`x^2 - (1 + \beta - h) x + \beta`). A set of L different times with :math:`Q_l` the product of
the alive q between level l and l + 1 then sums up to

.. math:: \prod_e q_e^{(\text{levels spanned by } e) - 1}\; [1, Q_1, \dots, Q_L]\, x^T .

Components of the forest below the root that share no block are independent in the cumulant basis, so
their sums multiply.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from sympy import Expr, Integer, Mul, Pow, Rational

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.embeddings.forests import UpdateForest, update_forest
from sgdiagrams.symbolic.embeddings.levels import EdgeMode, level_sums
from sgdiagrams.symbolic.embeddings.signs import prefactor
from sgdiagrams.symbolic.training.sampling import steps_of
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled

if TYPE_CHECKING:
    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.training.dressing import Dressing
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.vocabulary import RootRole

__all__ = [
    "DressedComponent",
    "DressedCount",
    "Structure",
    "closed_count",
    "factor_of_rows",
]


#: What `level_sums` marks levels with, where the last updates are apart.
_BEFORE, _LAST, _BEGIN = 0, 1, 2


class Structure(NamedTuple):
    """Embeddings with one multiset of alive edges.

    Attributes
    ----------
    coefficient
        Exponents of (N, B) -> coefficient, 1/B for every update included.
    alive
        For each level 1, ..., L how often each base is in :math:`Q_l`.
    begin, last
        Where the read-out is the mean of the last W iterates, the same for what is alive when these
        begin, and for the levels among the last W updates; `alive` is of the levels before.
    """

    coefficient: Laurent
    alive: tuple[tuple[int, ...], ...]
    begin: tuple[int, ...] = ()
    last: tuple[tuple[int, ...], ...] = ()

    @property
    def spans(self) -> tuple[int, ...]:
        """How many levels each base spans."""
        return tuple(map(sum, zip(*self.alive, *self.last, strict=True)))


@dataclass(frozen=True, slots=True)
class DressedComponent:
    """An independent part of a diagram.

    Attributes
    ----------
    nodes
        Its updates, in the diagram's preorder.
    structures
        What its time sum is made of; bases are those of its nodes in order, for every node as many as
        an edge into the root of the diagram has.
    """

    nodes: tuple[int, ...]
    structures: tuple[Structure, ...]


@dataclass(frozen=True, slots=True)
class DressedCount:
    """The dressed count of a diagram: a product over components.

    Attributes
    ----------
    components
        The independent parts.
    factor
        What multiplies them: 1/N where the root is tied, and N for every block of full batches.
    T, N, B
        The numbers of the scheme.
    dressing
        The roots on edges, and what they come with.
    into_root
        The updates whose edges go into the root of the diagram.
    rows
        The power of N in the factor.
    is_of_set
        Whether there is a training set of N datapoints, which does not grow with T.
    is_full_batch
        Whether batches are that set, B = N.
    """

    components: tuple[DressedComponent, ...]
    factor: Expr
    T: Expr
    N: Expr
    B: Expr
    dressing: Dressing
    into_root: frozenset[int] = frozenset()
    rows: int = 0
    is_of_set: bool = False
    is_full_batch: bool = False

    @property
    def roots_per_edge(self) -> int:
        """How many bases a node has."""
        return self.dressing.most_roots

    @property
    def share(self) -> Expr:
        """The powers of 1/T or 1/W that a mean of iterates brings in."""
        window = self.dressing.window
        count = self.T if self.dressing.is_mean else Integer(1 if window is None else window)
        return Pow(count, Integer(-len(self.into_root)))

    def chosen(self, structure: Structure) -> tuple[int, ...]:
        """Return the number of the root that a structure takes, for every node of its component.

        Examples
        --------
        >>> from sgdiagrams.diagrams import Diagram
        >>> from sgdiagrams.symbolic import Momentum, OnePass, Training
        >>> count = closed_count(Diagram.parse("(0-1)(01)"), Training(OnePass(), Momentum()))
        >>> [count.chosen(s) for s in count.components[0].structures]
        [(1,), (0,)]
        """
        step = self.roots_per_edge
        powers = structure.spans
        return tuple(
            next(k for k in range(step) if powers[i + k]) for i in range(0, len(powers), step)
        )

    def coefficient(self, structure: Structure) -> Expr:
        """Return the coefficient of a structure."""
        return sum(
            (
                Mul(
                    Rational(c.numerator, c.denominator),
                    Pow(self.N, Integer(n)),
                    Pow(self.B, Integer(b)),
                )
                for (n, b), c in structure.coefficient.items()
            ),
            Integer(0),
        )


def factor_of_rows(forest: UpdateForest, scheme: Sampling, root: RootRole) -> tuple[int, Expr]:
    """Return the factor of a whole diagram, a power of N, and that power.

    The ways to give the blocks of full batches datapoints belong to it, and the row of a tied root.
    """
    rows = forest.block_count if steps_of(scheme).keeps_rows else 0
    rows -= int(forest.root_is_tied)
    if forest.root_is_tied and root != "training":
        return rows, Integer(0)
    return rows, Pow(scheme.datapoints, Integer(rows)) if rows else Integer(1)


def closed_count(
    diagram: Diagram, training: Training, *, root: RootRole = "population"
) -> DressedCount:
    """Return the dressed count of a linkless diagram, in the cumulant basis, in closed form.

    It includes :math:`B^{-d}` but neither sign nor symmetry factor.

    Raises
    ------
    RequestError
        When there is no closed form.
    """
    scheme, dressing = training.sampling, training.dressing
    if dressing is None:
        raise RequestError(
            f"expected a scheme and an optimiser with a closed form, got {scheme.label} with "
            f"{training.optimizer.label}"
        )
    forest = update_forest(diagram)
    into_root = frozenset(v for v, parent in enumerate(forest.parents) if parent < 0)
    steps = steps_of(scheme)
    components = tuple(
        DressedComponent(nodes, _structures(forest.restricted(nodes), scheme, dressing))
        for nodes in steps.parts(forest)
    )
    rows, factor = factor_of_rows(forest, scheme, root)
    return DressedCount(
        components,
        factor,
        scheme.updates,
        scheme.values.get("N", Integer(1)),
        scheme.batch_size,
        dressing,
        into_root,
        rows,
        scheme.given_scheme is None and "N" in scheme.values,
        steps.keeps_rows,
    )


def _structures(
    forest: UpdateForest, scheme: Sampling, dressing: Dressing
) -> tuple[Structure, ...]:
    n = len(forest.parents)
    largest = scheme.largest_block or len(forest.blocks)
    if any(forest.blocks.count(b) > largest for b in range(forest.block_count)):
        return ()
    rule, forests = steps_of(scheme).in_basis("cumulant", forest)
    per_edge = dressing.most_roots
    own = tuple(
        tuple(
            EdgeMode(per_edge * v + i, ({(0, 0, 0): Fraction((-1) ** i)},))
            for i in range(per_edge if parent < 0 else dressing.root_count)
        )
        for v, parent in enumerate(forest.parents)
    )
    late = None
    if dressing.window is not None:
        late = own
        # Before the last updates all roots but 1 are left.
        own = tuple(modes[: dressing.root_count] for modes in own)
    total: dict[tuple[tuple[int, ...], ...], Laurent] = {}
    batches = prefactor(n).batches
    for coarse in forests:
        sums = level_sums(coarse, rule, base_count=per_edge * n, own=own, late=late)
        for (_, alive), laurent in sums.items():
            into = total.setdefault(alive, {})
            add_scaled(into, {(k, b + batches): c for (_, k, b), c in laurent.items()})
    if steps_of(scheme).keeps_rows:
        P = forest.block_count
        total = {key: {(k - P, b): c for (k, b), c in v.items()} for key, v in total.items()}
    kept = [(alive, laurent) for alive, laurent in sorted(total.items()) if laurent]
    if late is None:
        return tuple(Structure(laurent, alive) for alive, laurent in kept)
    return tuple(_in_two_parts(laurent, alive, per_edge * n) for alive, laurent in kept)


def _in_two_parts(laurent: Laurent, levels: tuple[tuple[int, ...], ...], count: int) -> Structure:
    """Return a structure whose levels before the last updates and among them are told apart."""
    [begin] = (level[count:-1] for level in levels if level[-1] == _BEGIN)
    return Structure(
        laurent,
        tuple(level[:count] for level in levels if level[-1] == _BEFORE),
        begin,
        tuple(level[count:-1] for level in levels if level[-1] == _LAST),
    )
