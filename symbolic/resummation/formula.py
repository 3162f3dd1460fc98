"""What machinery sees of a re-summed expansion, and in which forms it can be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError, listed
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.contractions.notation import index_letter
from sgdiagrams.symbolic.formula import Formula
from sgdiagrams.symbolic.resummation.forms import FORMS, Form
from sgdiagrams.symbolic.resummation.given_sets.round_forms import ROUND_FORMS
from sgdiagrams.symbolic.resummation.pairs.pair_law import PairLaw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.formula import Part
    from sgdiagrams.symbolic.resummation.skeletons import DressedTerm
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["ResummedFormula", "check_form", "common_law", "law_of", "scheme_of"]


#: Why rounds of several batches, and of one, have no forms at small eta.
_WHY_NOT = (
    "the noise of a whole epoch is 0 in the leading order of small eta",
    "stationary() is exact in eta",
)


class ResummedFormula(Formula):
    """A sum over linkless diagrams: a formula whose weights are derived from dressed diagrams.

    What users make is `sgdiagrams.symbolic.resummed.ResummedExpansion`, which describes the attributes.
    """

    __slots__ = ()

    # Declared for type checkers alone: fields of dataclasses take their place.
    if TYPE_CHECKING:

        @property
        def pieces(self) -> tuple[DressedTerm, ...]:
            """For every contraction the linkless diagrams on it."""

        @property
        def form(self) -> Form:
            """How weights are written."""

        @property
        def flat(self) -> tuple[str, ...]:
            """The names of the free indices along which the eigenvalue is 0."""

        @property
        def through(self) -> int | None:
            """The power through which it is complete, if weights are expanded."""


def scheme_of(part: Part) -> Sampling:
    """Return the scheme of a part, which substitutions never remove from a re-summed expansion."""
    if part.sampling is None:
        raise RequestError("expected a sampling scheme in every part of a re-summed expansion")
    return part.sampling


def check_form(parts: Sequence[Part], form: Form, flat: Sequence[str]) -> None:
    """Check that weights of the parts can be written in a form, and that flat indices are free.

    Raises
    ------
    RequestError
        When they cannot, or are not.
    """
    check_choice("form", form, FORMS)
    if form == "discrete" and any(part.training.is_continuous for part in parts):
        raise RequestError(
            f"expected form='continuous' for {scheme_of(parts[0]).name}, got form='discrete'"
        )
    for part in parts:
        scheme = scheme_of(part)
        if part.training.rounds is not None:
            if form in ROUND_FORMS:
                continue
            raise RequestError(
                f"expected form='discrete' or 'stationary' for {scheme.label}, got form={shown(form)}: "
                f"{_WHY_NOT[part.training.rounds.batches == 1]}"
            )
        if form != "discrete" and part.training.dressing is None:
            raise RequestError(
                f"expected form='discrete' for {scheme.label} with {part.optimizer.label}, which has "
                f"no closed form, got form={shown(form)}"
            )
        dressing = part.training.dressing
        if form not in ("discrete", "stationary") and dressing and dressing.window:
            raise RequestError(
                f"expected form='discrete' or 'stationary' for {part.optimizer.label}: so many updates "
                f"take no time where the learning rate tends to 0, got form={shown(form)}"
            )
        if flat and dressing is not None and dressing.coincides_when_flat:
            raise RequestError(
                f"expected no flat directions for {part.optimizer.label}, along which two roots of an "
                f"edge coincide, got flat={shown(tuple(flat))}; the plain expansion takes them"
            )
    rank = max((part.observable.rank for part in parts), default=0)
    free = tuple(index_letter(i) for i in range(rank))
    for name in listed("flat", flat, called="a tuple of free indices"):
        if name not in free:
            raise RequestError(
                f"expected flat directions among the free indices {', '.join(free) or '(none)'}, "
                f"got flat={shown(name)}"
            )


def law_of(optimizer: Optimizer) -> PairLaw | None:
    """Return what is known of both roots of an optimiser with two; None with one root, or by number."""
    return None if optimizer.dressing is None else PairLaw.of(optimizer.dressing)


def common_law(formula: ResummedFormula) -> PairLaw | None:
    """Return what is known of both roots where all that have two are alike."""
    laws = {law_of(part.optimizer) for part in formula.parts} - {None}
    return laws.pop() if len(laws) == 1 else None
