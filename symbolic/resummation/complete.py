r"""Complete powers: which diagrams a power needs, and the terms of a series that is cut at it.

From a minimum of the test loss the small parameters of a re-summed series are :math:`\eta` at fixed
:math:`\eta T`, and 1/N where a training set is kept. A diagram of noise m (nodes less blocks) starts at
power m of them. At a minimum every node without or with one child shares its block, so noise m ends
with 4m - r edges, r the least degree of the root: a series is complete through a power once all these
are there and every weight is expanded to it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sympy import Add, Dummy, Expr, Mul, Rational

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.contractions.notation import index_letter
from sgdiagrams.symbolic.formula import Term
from sgdiagrams.symbolic.resummation.formula import scheme_of
from sgdiagrams.symbolic.resummation.graded import (
    graded_count,
    product_of_graded,
    roots_in_powers,
)
from sgdiagrams.symbolic.training.sampling import steps_of
from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING
from sgdiagrams.symbolic.weights.divided_differences import ExponentialDifference
from sgdiagrams.symbolic.weights.factoring import factor_terms
from sgdiagrams.symbolic.weights.laurent import to_expr
from sgdiagrams.symbolic.weights.quotients import as_quotient

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

    from sgdiagrams.symbolic.formula import Part
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.resummation.forms import Form
    from sgdiagrams.symbolic.resummation.graded import Grade, Graded
    from sgdiagrams.symbolic.resummation.skeletons import DressedTerm, Piece, Skeleton
    from sgdiagrams.symbolic.resummation.weights import Weights
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.weights.factoring import Terms

__all__ = [
    "PowerTerm",
    "check_through",
    "edges_needed",
    "form_in_powers",
    "power_terms",
    "small_powers",
]

#: The highest power: noise 3 has up to 11 edges, and hundreds of contractions of 8 to 11 indices.
HIGHEST = 2


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
        When it is no whole number 1..2, there is no closed form, or there is weight decay, with which a
        minimum of the test loss is no point of rest.
    """
    if not is_whole(through, least=1, most=HIGHEST):
        raise RequestError(
            f"expected a whole number 1..{HIGHEST} for the power, got through={shown(through)}; "
            f"power {HIGHEST + 1} needs diagrams with {4 * HIGHEST + 3} edges"
        )
    if training.sampling.rounds is not None:
        raise RequestError(
            "expected full batches or rows drawn one by one for complete powers on a given training set, "
            f"got {training.sampling.label}; take order= in place of through="
        )
    dressing = training.dressing
    if dressing is None or dressing.is_of_many:
        raise RequestError(
            f"expected a scheme and an optimiser with a closed form for complete powers, got "
            f"{training.sampling.label} with {training.optimizer.label}; take order= in place of through="
        )
    if training.optimizer.weight_decay != 0 or training.optimizer.penalty is not None:
        raise RequestError(
            "expected no weight decay for complete powers, which start from a minimum of the test loss, "
            f"nor another penalty, got {shown(training.optimizer.label)}"
        )
    return int(through)


def form_in_powers(form: Form, through: int, parts: Sequence[Part]) -> Form:
    """Return the form in which a series is cut at a power.

    Raises
    ------
    RequestError
        For the discrete form: at fixed T powers of eta are those of the plain expansion. At fixed eta T
        for a scheme that draws with replacement beyond the first power, where it has thousands of
        summands.
    """
    if form == "discrete":
        raise RequestError(
            "expected form='continuous' or 'stationary' for complete powers, got form='discrete'; "
            "powers of eta at fixed T are the plain expansion's"
        )
    if form != "continuous":
        return "stationary"
    for part in parts:
        rows = small_powers(part)
        if rows == ("eta", "N") and through > 1 and not steps_of(scheme_of(part)).keeps_rows:
            raise RequestError(
                f"expected through=1 with form='continuous' for {scheme_of(part).name}, which has "
                f"thousands of summands beyond, got through={through}; take form='stationary'"
            )
    return form


def small_powers(part: Part) -> tuple[str, ...]:
    """Return the small parameters: the learning rate at fixed eta T, and N for a set that is kept.

    Full batches rest at the minimum of their set, whatever the learning rate; that is for a form to say.
    On a given set N is a number like others.
    """
    scheme = scheme_of(part)
    is_kept = scheme.given_scheme is None and "N" in scheme.values
    return ("eta", "N") if is_kept else ("eta",)


def edges_needed(observable: Observable, power: int) -> int:
    """Return the greatest number of edges of a diagram whose noise is `power`, at a minimum.

    Examples
    --------
    >>> from sgdiagrams.symbolic.observable import named_observable
    >>> names = ("displacement", "test-loss", "variance", "generalisation-gap")
    >>> [edges_needed(named_observable(name), 2) for name in names]
    [7, 6, 6, 5]
    """
    isolated: Counter[tuple[tuple[str, ...], ...]] = Counter()
    for p in observable.products:
        # With its root isolated, the training loss is the test loss.
        alike = tuple(tuple(LOSS if f == TRAINING else f for f in e) for e in p.expectations)
        isolated[alike] += p.sign
    if not any(isolated.values()):
        return 4 * power - 3
    # A tied root may have one edge, but costs noise of its own.
    return 4 * power - min(product.root_degree for product in observable.products)


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
                result.append(PowerTerm(weight, term.contraction, names, grade=grade))
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
    dressing = part.training.dressing
    assert dressing is not None  # noqa: S101 - asked for when the series was made
    bases = [
        roots_in_powers(weights.eigenvalue(i, free), dressing, through + skeleton.diagram.order + 2)
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
    if weight.is_Rational:
        return weight
    back = {
        Dummy(f"x{i}"): difference
        for i, difference in enumerate(sorted(weight.atoms(ExponentialDifference), key=str))
    }
    q = as_quotient(weight.xreplace({difference: x for x, difference in back.items()}))
    places = [k for k, generator in enumerate(q.generators) if generator in back]
    sums: dict[tuple[int, ...], list[tuple[tuple[int, ...], Fraction]]] = {}
    for exps, c in q.numerator:
        apart = tuple(exps[k] if k in places else 0 for k in range(len(exps)))
        rest = tuple(e - a for e, a in zip(exps, apart, strict=True))
        sums.setdefault(apart, []).append((rest, c))
    below = _product_of_factors(q.denominator, q.generators)
    return Add(
        *(
            _product_of_factors(tuple(terms), q.generators)
            / below
            * Mul(*(back[q.generators[k]] ** apart[k] for k in places))
            for apart, terms in sums.items()
        )
    )


def _product_of_factors(terms: Terms, generators: Sequence[Expr]) -> Expr:
    number, factors = factor_terms(terms)
    powers = (to_expr(dict(f), generators) ** k for f, k in factors)
    return Mul(Rational(number.numerator, number.denominator), *powers)
