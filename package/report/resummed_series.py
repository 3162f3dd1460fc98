r"""A re-summed expansion in numbers for all settings at once: what a page evaluates at its sliders.

.. math:: c_d = \eta^d \sum_i \sum_{ab\dots} w_i(\eta h_a, \eta h_b, \dots)\, A^i_{ab\dots}

with eigenvalues h of the Hessian, entries A of contractions in its eigenbasis at :math:`\eta = 1`, and
weights that are sums over structures: exact coefficients times divided differences of :math:`x^T`.
Samples come with the same numbers for every group that the jackknife leaves out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sympy import sympify

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.estimates.powers import (
    complete_power,
    is_loss,
    is_of_noise,
    mean_gradients,
    power_of,
)
from sgdiagrams.numeric.long_times.amplitudes import Amplitudes
from sgdiagrams.numeric.long_times.evaluation import the_weight_decay
from sgdiagrams.numeric.values.jackknife import deletions
from sgdiagrams.numeric.values.leaves import check_leaf
from sgdiagrams.report.packing import packed
from sgdiagrams.symbolic.resummation.dressed import closed_count
from sgdiagrams.symbolic.resummation.forms import leading
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.numeric.statistics import Statistics
    from sgdiagrams.report.exact_weights import Generators
    from sgdiagrams.symbolic.resummation.skeletons import DressedTerm, Skeleton
    from sgdiagrams.symbolic.resummed import ResummedExpansion

__all__ = ["resummed_numbers"]

#: Doubles of a page.
_MOST_DOUBLES = 40_000
#: Divided differences at one setting, which takes a page some tenths of a second.
_MOST_DIFFERENCES = 40_000
#: Divided differences that take as long as an entry of the cube of a matrix.
_PER_ENTRY = 0.05
#: Entries of fourth derivatives that are looked at; see `sgdiagrams.numeric.long_times.distance`.
_MOST_FOURTH = 2**20


def resummed_numbers(
    expansion: ResummedExpansion, statistics: Statistics, generators: Generators
) -> dict[str, Any]:
    """Return a re-summed expansion as data for `assets/resummed.js`.

    Raises
    ------
    RequestError
        When weights have no closed form in the eigenvalues that a page evaluates, or there are too many
        values of the indices.
    StatisticsError
        When a derivative is missing.
    """
    [part] = expansion.parts
    training = part.training
    _check(expansion, statistics)
    decay = the_weight_decay(expansion, [training])
    for term in expansion.pieces:
        c = term.contraction
        for label, k in zip(c.labels, c.legs, strict=True):
            check_leaf(statistics, label, k, weight_decay=decay, purpose=f"for order {term.order}")
    counts = _Counts(training, expansion.form, generators)
    moments = _pieces("second-moment", 2, training)
    responses = _pieces("displacement", 1, training)
    kept = deletions(statistics.sample_size) if statistics.role == "sample" else []
    p = statistics.dimension or 1
    _check_size(expansion, counts, p, 1 + len(kept))
    whole = Amplitudes(statistics.as_population(), 1.0, weight_decay=decay)
    every = [whole] + [
        Amplitudes(statistics.as_population(rows), 1.0, weight_decay=decay) for rows in kept
    ]
    observable = part.observable
    third, fourth = whole.tensor(3), None
    if p**4 <= _MOST_FOURTH:
        fourth = whole.tensor(4)
    return {
        "form": expansion.form,
        "eigenvalues": packed(np.stack([a.basis.eigenvalues for a in every])),
        "kept": [len(rows) for rows in kept],
        "sample_size": statistics.sample_size,
        "highest": expansion.order,
        "terms": [
            {
                "order": term.order,
                "power": power_of(term.contraction),
                "has_gradient": mean_gradients(term.contraction) > 0,
                **_term(term, counts, every),
            }
            for term in expansion.pieces
        ],
        "judged": {
            "flat": whole.basis.flat.tolist(),
            "moments": [
                {
                    "of_noise": term.contraction.node_count == 2
                    and len(term.contraction.blocks) == 1,
                    **_term(term, counts, [whole]),
                }
                for term in moments
            ],
            "response": [_term(term, counts, [whole]) for term in responses],
            "third": None if third is None else packed(third),
            "fourth": None if fourth is None else packed(fourth),
            "hessian_noise": packed(_hessian_noise(whole, p)),
            "is_loss": is_loss(observable),
            "is_of_noise": is_of_noise(observable),
            "complete": complete_power(observable, expansion.order),
        },
        "updates": generators.weight(training.updates),
        "kernel": _kernel(training, generators),
        "counts": counts.data,
    }


def _pieces(observable: str, order: int, training: Training) -> Sequence[DressedTerm]:
    """Return the terms that tell how far the weights go; see `sgdiagrams.numeric.long_times.distance`."""
    expansion = expand(
        observable,
        order=order,
        sampling=training.sampling,
        optimizer=training.optimizer,
        resummed=True,
    )
    return [term for term in expansion.pieces if term.order]


class _Counts:
    """Dressed counts as data, each once."""

    def __init__(self, training: Training, form: str, generators: Generators) -> None:
        # Where and how often updates may be is the same for all optimisers; their kernels come apart.
        self._plain = Training(training.sampling)
        self._form = form
        self._generators = generators
        self._places: dict[Any, int] = {}
        self.data: list[dict[str, Any]] = []

    def place(self, skeleton: Skeleton) -> int:
        """Return the place of the count of a diagram."""
        key = (skeleton.diagram, skeleton.role)
        if key not in self._places:
            count = closed_count(skeleton.diagram, self._plain, root=skeleton.role)
            weight = self._generators.weight
            self._places[key] = len(self.data)
            self.data.append(
                {
                    "factor": weight(count.factor),
                    "into_root": sorted(count.into_root),
                    "components": [
                        {
                            "nodes": part.nodes,
                            "structures": [
                                {"coefficient": weight(count.coefficient(s)), "alive": s.alive}
                                for s in (
                                    part.structures
                                    if self._form == "discrete"
                                    else leading(part, count)
                                )
                            ],
                        }
                        for part in count.components
                    ],
                }
            )
        return self._places[key]

    def effort(self, term: DressedTerm, *, has_memory: bool) -> float:
        """Return how many divided differences a term has for one value of its indices.

        With memory each counts for as much as its matrix takes.
        """
        places = [self.place(s) for piece in term.pieces for s in piece.skeletons]
        structures = [
            s for i in places for c in self.data[i]["components"] for s in c["structures"]
        ]
        if not has_memory:
            return len(structures)
        sizes = (1 + sum(2 ** sum(level) for level in s["alive"]) for s in structures)
        return float(sum(size**3 * _PER_ENTRY for size in sizes))


def _kernel(training: Training, generators: Generators) -> dict[str, Any] | None:
    """Return the kernels of edges with memory, as polynomials in the eigenvalue; None for SGD."""
    dressing = training.dressing
    if dressing is None or dressing.is_plain:
        return None
    parts = {
        "total": dressing.total,
        "product": dressing.product,
        "numerator": dressing.numerator,
        "readout": dressing.readout,
    }
    return {name: [generators.weight(sympify(x)) for x in xs] for name, xs in parts.items()}


def _term(term: DressedTerm, counts: _Counts, every: Sequence[Amplitudes]) -> dict[str, Any]:
    entries = np.stack([amplitudes.of(term.contraction).ravel() for amplitudes in every])
    return {
        "indices": term.order,
        "free": len(term.contraction.free),
        "entries": packed(entries),
        "pieces": [
            {
                "coefficient": float(piece.coefficient),
                "skeletons": [
                    {"count": counts.place(s), "indices": s.indices} for s in piece.skeletons
                ],
            }
            for piece in term.pieces
        ],
    }


def _hessian_noise(amplitudes: Amplitudes, p: int) -> Any:
    """Return what the diagonal of the noise of the Hessian around a matrix is, linear in its entries."""
    result = np.zeros((p, p, p))
    for b in range(p):
        for c in range(p):
            unit = np.zeros((p, p))
            unit[b, c] = 1.0
            result[:, b, c] = np.diagonal(amplitudes.hessian_noise(unit))
    return result


def _check(expansion: ResummedExpansion, statistics: Statistics) -> None:
    [part] = expansion.parts
    training = part.training
    advice = "; 'sgdiagrams judge' and 'evaluate' have it at one setting"
    if statistics.role == "training-set":
        raise RequestError(
            "re-summed: on a given training set it is expanded in the set's own cumulants; take "
            "'sgdiagrams expand --resummed --role training-set'"
        )
    if not part.observable.is_at_end or part.observable.expressions:
        raise RequestError(f"re-summed: only of what is read at the end{advice}")
    if part.observable.rank:
        raise RequestError(
            f"re-summed: only of numbers on a page, not of {shown(part.observable.name)}{advice}"
        )
    if part.optimizer.penalty is not None:
        raise RequestError(f"re-summed: not with a penalty on a page{advice}")
    if not _is_evaluated(training):
        raise RequestError(
            f"re-summed: {training.label} has no closed form in the eigenvalues that a page evaluates"
            f"{advice}"
        )


def _is_evaluated(training: Training) -> bool:
    """Tell whether a page evaluates its kernels: those of SGD, and with one memory."""
    dressing = training.dressing
    if dressing is None or dressing.is_plain:
        return dressing is not None
    if dressing.root_count != 2 or dressing.more or dressing.is_of_many:
        return False
    return len(dressing.numerator) == len(dressing.readout) == 2 and not training.is_continuous


def _check_size(expansion: ResummedExpansion, counts: _Counts, p: int, copies: int) -> None:
    [training] = [part.training for part in expansion.parts]
    doubles = copies * sum(p**term.order for term in expansion.pieces)
    has_memory = not training.optimizer.is_plain
    effort = copies * sum(
        p**t.order * counts.effort(t, has_memory=has_memory) for t in expansion.pieces
    )
    if doubles > _MOST_DOUBLES or effort > _MOST_DIFFERENCES:
        order = expansion.order
        raise RequestError(
            f"re-summed: too many values of its indices for a page, {doubles:,} numbers for p={p} "
            f"parameters at order {order}; a lower order has fewer, or 'sgdiagrams judge'"
        )
