r"""Complete powers: which diagrams a power needs, and the terms of a series that is cut at it.

From a minimum of the test loss the small parameters of a re-summed series are :math:`\eta` at fixed
:math:`\eta T`, and 1/N where a training set is kept. A diagram of noise m (nodes less blocks) starts at
power m of them. At a minimum every node without or with one child shares its block, so noise m ends
with 4m - r edges, r the least degree of the root: a series is complete through a power once all these
are there and every weight is expanded to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sympy import Add, Expr, Integer, Rational, factor

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.contractions.notation import index_letter
from sgdiagrams.symbolic.formula import Term
from sgdiagrams.symbolic.resummation.formula import memory_of
from sgdiagrams.symbolic.resummation.graded import (
    graded_count,
    product_of_graded,
    roots_in_powers,
)
from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING, WEIGHTS
from sgdiagrams.symbolic.weights.divided_differences import ExponentialDifference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sgdiagrams.symbolic.formula import Part
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.resummation.forms import Form
    from sgdiagrams.symbolic.resummation.graded import Grade, Graded
    from sgdiagrams.symbolic.resummation.skeletons import DressedTerm, Piece, Skeleton
    from sgdiagrams.symbolic.resummation.weights import Weights
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["PowerTerm", "check_through", "edges_needed", "form_in_powers", "power_terms"]

#: The highest power: noise 4 has up to 15 edges.
HIGHEST = 3


@dataclass(frozen=True, slots=True)
class PowerTerm(Term):
    """A term of a series that is cut at a power.

    Attributes
    ----------
    grade
        Its power of eta at fixed eta T, and its power of 1/N.
    """

    grade: Grade = (0, 0)

    @property
    def power(self) -> int:
        """The power of the small parameters together."""
        return sum(self.grade)


def check_through(through: int, training: Training) -> int:
    """Return the power through which a series is to be complete.

    Raises
    ------
    RequestError
        When it is no whole number 1..3, there is no closed form, or there is weight decay, with which a
        minimum of the test loss is no point of rest.
    """
    if not is_whole(through, least=1, most=HIGHEST):
        raise RequestError(
            f"expected a whole number 1..{HIGHEST} for the power, got through={shown(through)}; "
            f"power {HIGHEST + 1} needs diagrams with {4 * HIGHEST + 3} edges"
        )
    if training.dressing is None:
        raise RequestError(
            f"expected a scheme and an optimiser with a closed form for complete powers, got "
            f"{training.sampling.label} with {training.optimizer.label}; take order= in place of through="
        )
    if training.optimizer.weight_decay != 0:
        raise RequestError(
            "expected no weight decay for complete powers, which start from a minimum of the test loss, "
            f"got weight_decay={shown(training.optimizer.weight_decay)}"
        )
    return int(through)


def form_in_powers(form: Form) -> Form:
    """Return the form in which a series is cut at a power.

    Raises
    ------
    RequestError
        For the discrete form: at fixed T powers of eta are those of the plain expansion.
    """
    if form == "discrete":
        raise RequestError(
            "expected form='continuous' or 'stationary' for complete powers, got form='discrete'; "
            "powers of eta at fixed T are the plain expansion's"
        )
    return "continuous" if form == "continuous" else "stationary"


def edges_needed(observable: Observable, power: int) -> int:
    """Return the greatest number of edges of a diagram whose noise is `power`, at a minimum.

    Examples
    --------
    >>> from sgdiagrams.symbolic.observable import named_observable
    >>> [edges_needed(named_observable(name), 2) for name in ("displacement", "test-loss", "variance")]
    [7, 6, 6]
    """
    return 4 * power - min(_root_degree(product.expectations) for product in observable.products)


def _root_degree(expectations: tuple[tuple[str, ...], ...]) -> int:
    """Return the least number of edges into roots that are isolated, where there are some."""
    coordinates = sum(factors.count(WEIGHTS) for factors in expectations)
    # The gradients of losses vanish; a tied root may have one edge, but costs noise of its own.
    is_of_losses = all(set(factors) <= {LOSS, TRAINING} for factors in expectations)
    return coordinates or (2 if is_of_losses else 1)


def power_terms(
    dressed_terms: Iterable[DressedTerm],
    parts: tuple[Part, ...],
    weights: Weights,
    *,
    form: Form,
    through: int,
) -> tuple[PowerTerm, ...]:
    """Return the terms through a power, sorted by power: several for every contraction.

    Parameters
    ----------
    dressed_terms
        All of noise up to the power.
    parts
        What is expanded.
    weights
        Knows counts and eigenvalues.
    form
        ``"continuous"``, at fixed eta T, or ``"stationary"``, for T to infinity.
    through
        The power.
    """
    result = []
    for term in dressed_terms:
        total: dict[Grade, list[Expr]] = {}
        for piece in term.pieces:
            own = _graded(piece, term, parts[piece.part], weights, form, through)
            for grade, weight in own.items():
                if sum(grade) <= through:
                    total.setdefault(grade, []).append(weight)
        names = tuple(index_letter(i) for i in range(term.order))
        for grade, summands in sorted(total.items()):
            weight = _tidy(Add(*summands))
            if weight != 0:
                result.append(PowerTerm(weight, term.contraction, names, grade))
    return tuple(
        sorted(result, key=lambda t: (t.power, t.grade, t.order, t.contraction.simplicity))
    )


def _graded(
    piece: Piece, term: DressedTerm, part: Part, weights: Weights, form: Form, through: int
) -> Graded:
    total: Graded = {(0, 0): Rational(piece.coefficient)}
    for skeleton in piece.skeletons:
        own = _graded_skeleton(skeleton, len(term.contraction.free), part, weights, form, through)
        total = product_of_graded(total, own, through)
    return total


def _graded_skeleton(
    skeleton: Skeleton, free: int, part: Part, weights: Weights, form: Form, through: int
) -> Graded:
    memory = memory_of(part.optimizer)
    bases = [
        roots_in_powers(weights.eigenvalue(i, free), memory, through + skeleton.diagram.order + 2)
        for i in skeleton.indices
    ]
    return graded_count(
        weights.count(skeleton, part),
        bases,
        most=through,
        stationary=form != "continuous",
        is_continuous=part.training.is_continuous,
    )


def _tidy(weight: Expr) -> Expr:
    """Return a rational function factored; with exponentials, a sum with factored coefficients."""
    if not weight.has(ExponentialDifference):
        return factor(weight)
    sums: dict[Expr, list[Expr]] = {}
    for summand in Add.make_args(weight.expand(func=False, power_base=False)):
        differences, rest = Integer(1), Integer(1)
        for f in summand.as_ordered_factors():
            if f.has(ExponentialDifference):
                differences *= f
            else:
                rest *= f
        sums.setdefault(differences, []).append(rest)
    return Add(*(factor(Add(*c)) * differences for differences, c in sums.items()))
