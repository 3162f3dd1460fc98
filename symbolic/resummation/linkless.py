r"""Re-summation: an expected observable as a sum over linkless diagrams with dressed edges.

.. math:: E[s(\theta_T)] = \sum_{D \text{ linkless}} \frac{(-1)^{d(D)}}{|\mathrm{Aut}(D)|}
    \sum_{\mu \nu \dots} W_D(h_\mu, h_\nu, \dots)\, \mathrm{value}(D)_{\mu\nu\dots}

in the eigenbasis of :math:`\eta H` (Tenka 2020, theorem 1). It stays finite for long times.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.enumeration import enumerate_diagrams
from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.contractions.factors import edge_indices
from sgdiagrams.symbolic.contractions.placements import Placement, fits, shared_out
from sgdiagrams.symbolic.embeddings.signs import prefactor
from sgdiagrams.symbolic.observable import root_mode, root_role
from sgdiagrams.symbolic.observed.product import since_before
from sgdiagrams.symbolic.observed.times_of_reading import check_stages, read_time
from sgdiagrams.symbolic.resummation.skeletons import Piece, Skeleton, collect_pieces
from sgdiagrams.symbolic.vocabulary import PENALISED

if TYPE_CHECKING:
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
    from sgdiagrams.symbolic.resummation.skeletons import DressedTerm
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["resum"]

#: The factors of an expectation, and when they look at the weights.
_Timed = tuple[tuple[str, ...], tuple["ReadTime", ...]]
#: A diagram, the way it is placed, and sign / symmetry factor.
_Placed = tuple["Skeleton", "Placement", Fraction]


def resum(
    observable: Observable, *, order: int, training: Training, noise: int | None = None
) -> tuple[DressedTerm, ...]:
    """Return the dressed terms of an observable; see `sgdiagrams.symbolic.theorem.expand`.

    With `noise` only those of at most this noise, nodes less blocks, from a minimum of the test loss.

    Raises
    ------
    RequestError
        When complete powers are asked for, and factors look at the weights before the end.
    """
    products = observable.products
    if observable.since is not None:
        products = since_before(products, read_time(at=observable.since))
    is_timed = any(p.times for p in products)
    if noise is not None and is_timed:
        raise RequestError(
            f"expected an observable at the end of training for complete powers, got "
            f"observable={shown(observable.name)}; take order= in place of through="
        )
    if is_timed:
        training.check_discrete()
        times = [time for p in products for _, of in p.timed for time in of]
        check_stages(times, training.updates, {})
    known: dict[tuple[_Timed, int], list[_Placed]] = {}
    pieces: list[tuple[Contraction, Piece]] = []
    for p in products:
        for orders in product(range(order + 1), repeat=len(p.expectations)):
            if sum(orders) > order:
                continue
            for timed, d in zip(p.timed, orders, strict=True):
                if (timed, d) not in known:
                    known[timed, d] = _placed(timed, d, training, noise, is_timed=is_timed)
            lists = [known[timed, d] for timed, d in zip(p.timed, orders, strict=True)]
            pieces += [_piece(p.sign, placed) for placed in product(*lists)]
    collected = collect_pieces(pieces)
    if noise is None:
        return collected
    return tuple(t for t in collected if t.noise <= noise and not t.vanishes_at_minimum)


def _placed(
    timed: _Timed, d: int, training: Training, noise: int | None, *, is_timed: bool
) -> list[_Placed]:
    """Return the linkless diagrams of an order in all their placements."""
    factors, times = timed
    # On a given set the mean loss over its rows is that of the population that it is.
    is_set = training.sampling.given_scheme is not None
    role = "population" if is_set else root_role(factors)
    if d and training.sampling.is_empty:
        return []
    placed: list[_Placed] = []
    options = {**training.sampling.diagram_options, "linkless": True}
    if noise is not None:
        options |= {"max_noise": noise, "at_minimum": True}
    for diagram in enumerate_diagrams(d, root=root_mode(role), **options):  # type: ignore[arg-type]
        if not fits(diagram, factors):
            continue
        scale = prefactor(d, symmetry_factor=diagram.symmetry_factor).number
        ways = shared_out(
            diagram,
            factors,
            basis="cumulant",
            is_penalised=training.optimizer.weight_decay != 0,
            updates=None if training.optimizer.penalty is None else PENALISED,
        )
        for way in ways:
            above = way.factors_above(factors) if is_timed else ()
            reads = tuple(None if i < 0 else times[i] for i in above)
            placed.append((Skeleton(diagram, role, (), reads), way, scale))
    return placed


def _piece(sign: int, placed: tuple[_Placed, ...]) -> tuple[Contraction, Piece]:
    """Return the contraction of a product of placed diagrams, and the piece that multiplies it."""
    union = Placement((), (), (), ())
    firsts: list[tuple[int, int]] = []
    coefficient = Fraction(sign)
    for skeleton, placement, scale in placed:
        firsts.append((len(union.blocks), skeleton.diagram.order))
        union = union.beside(placement)
        coefficient *= scale
    contraction = union.contraction("cumulant")
    numbers = (*range(len(contraction.free)), *edge_indices(contraction))
    positions = union.positions()
    skeletons = tuple(
        Skeleton(
            skeleton.diagram,
            skeleton.role,
            tuple(numbers[positions[first + v]] for v in range(updates)),
            skeleton.reads,
        )
        for (skeleton, _, _), (first, updates) in zip(placed, firsts, strict=True)
        if updates  # a root alone counts once
    )
    return contraction, Piece(coefficient, 0, skeletons)
