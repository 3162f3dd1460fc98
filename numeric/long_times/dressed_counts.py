r"""Counts with re-summed links, by number: polynomial in T, at any eigenvalues.

In the cumulant basis all insertions of links on an edge sum to a dressed kernel
(`sgdiagrams.symbolic.propagation.dynamics`), so that linkless diagrams alone remain, each with its count
at the eigenvalues h of :math:`\eta H` on its edges. At h = 0 it is the bare count.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.numeric.precision.double_double import DoubleDouble
from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.observed.times_of_reading import AT_END
from sgdiagrams.symbolic.propagation.dressed import DressedPropagator
from sgdiagrams.symbolic.propagation.dynamics import Dynamics
from sgdiagrams.symbolic.propagation.rings import FRACTIONS, Ring
from sgdiagrams.symbolic.training.sampling import course_of
from sgdiagrams.symbolic.vocabulary import RootRole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["dressed_count"]

#: Matrices are squared with 32 digits, since errors grow with every squaring.
_DOUBLES = Ring(DoubleDouble.of, price=30, lift=DoubleDouble.of, settle=DoubleDouble.to_floats)
FLOATS = Ring(float, dtype=float, for_squaring=_DOUBLES)


def dressed_count(
    diagram: Diagram,
    training: Training,
    eigenvalues: Sequence[Any],
    *,
    root: RootRole = "population",
    reads: tuple[ReadTime | None, ...] = (),
) -> Any:
    r"""Return the weighted count of a diagram with all links that its edges may have.

    .. math:: \sum_{m} \prod_e (-h_e)^{m_e} \, \mathrm{count}(D \text{ with } m_e \text{ links on } e)

    with the counts of the cumulant basis, weighted as everywhere: divided by B for every update, with
    the kernels of edges and the learning-rate factors of nodes. The sign :math:`(-1)^d` of the main
    theorem and :math:`1/|\mathrm{Aut}|` are left to the caller, and so is the weight decay, which
    changes h and no count.

    Parameters
    ----------
    diagram
        A diagram, linkless if links are not to be counted twice.
    training
        With numbers, and with a training set or a stream of data.
    eigenvalues
        For every node but the root, in the diagram's preorder, h on the edge above it: arrays that
        broadcast. Floats are computed with; fractions (or object arrays of them) and elements of other
        commutative rings over the rationals, such as SymPy's polynomials, give exact results.
    root
        ``"population"``, or ``"training"`` for the loss of the training set: a tied root then has a
        factor 1/N.
    reads
        For every node but the root when the factor above it looks at the weights, None below others;
        empty where all look at the end.

    Returns
    -------
    object
        An array in the broadcast shape, or a scalar where all eigenvalues are scalars. Counts out of
        the range of floats come out as inf or nan. Steps that are alike are taken by squaring with 32
        digits; otherwise the error grows with the number of steps, at most like that of T roundings
        for every node where no factor :math:`1 - a_t h` is negative. Errors are relative to the
        sum of the absolute terms: where these cancel, as they may for h and 2 - h, rounding is left.

    Raises
    ------
    SamplingError
        When a number is missing.
    RequestError
        When the scheme is a continuous limit, the eigenvalues do not fit, or the root is tied for a
        population root.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> from sgdiagrams.symbolic import SGD, OnePass, Training
    >>> cherry = Diagram.parse("(01-2)(02-12)")
    >>> h = Fraction(1, 2)
    >>> dressed_count(cherry, Training(OnePass(T=3), SGD()), [h, h])
    Fraction(21, 16)
    """
    check_choice("root", root, get_args(RootRole))
    _check_numbers(training)
    forest = update_forest(diagram)
    if len(eigenvalues) != diagram.order:
        raise RequestError(
            f"expected one eigenvalue for each of the {diagram.order} edges, got {len(eigenvalues)}"
        )
    if forest.root_is_tied and root == "population":
        raise RequestError(
            "expected an isolated root for a population observable, got a tied one; "
            "use root='training'"
        )
    arrays, is_exact = _arrays(eigenvalues)
    shape = np.broadcast_shapes(*(h.shape for h in arrays))
    factor: Any = Fraction(1)
    if forest.root_is_tied:
        factor /= (
            int(training.sampling.datapoints or 1) or 1
        )  # without updates there are no datapoints
    with np.errstate(all="ignore"):
        count = _count(forest, training, arrays, FRACTIONS if is_exact else FLOATS, reads)
        total = np.multiply(count, factor if is_exact else float(factor))
    result = np.broadcast_to(np.asarray(total, dtype=object if is_exact else float), shape)
    return result.copy() if shape or not result.size else result.item()


def _check_numbers(training: Training) -> None:
    if training.is_continuous:
        raise RequestError(
            "expected a scheme of discrete updates, whose links are counted, "
            f"got sampling={training.sampling.label}"
        )
    missing = training.needed_symbols
    if missing:
        raise SamplingError(
            f"expected numbers for {', '.join(missing)}: re-summed diagrams are counted by number; "
            f"fix {missing[0]}=..."
        )


def _arrays(eigenvalues: Sequence[Any]) -> tuple[list[np.ndarray[Any, Any]], bool]:
    """Return the eigenvalues as arrays of floats, or all as arrays of objects."""
    arrays = [np.asarray(h) for h in eigenvalues]
    if any(h.dtype.kind not in "biufO" for h in arrays):
        raise RequestError("expected real eigenvalues, got others")
    is_exact = all(h.dtype.kind != "f" for h in arrays) and not any(
        isinstance(x, float) for h in arrays if h.dtype == object for x in h.flat
    )
    try:
        np.broadcast_shapes(*(h.shape for h in arrays))
        return [h.astype(object if is_exact else float) for h in arrays], is_exact
    except (TypeError, ValueError):
        shapes = ", ".join(str(h.shape) for h in arrays)
        raise RequestError(
            f"expected numbers whose shapes broadcast as eigenvalues, got shapes {shapes}"
        ) from None


def _count(
    forest: UpdateForest,
    training: Training,
    arrays: list[np.ndarray[Any, Any]],
    ring: Ring,
    reads: tuple[ReadTime | None, ...],
) -> Any:
    """Return the count without the factor of the root."""
    T = int(training.updates)
    if not (forest.parents and T):
        return ring.number(Fraction(not forest.parents))
    if ring is FRACTIONS and not any(h.ndim for h in arrays):
        values: list[Any] = [h.item() for h in arrays]
    else:
        # Operators of numpy's scalars would not always find those of other rings.
        depth = max(h.ndim for h in arrays)
        values = [h.reshape((1,) * (depth - h.ndim) + h.shape) for h in arrays]
    if reads:
        known = {time: training.iterate_weights((time or AT_END).number(T)) for time in reads}
        iterates = [known[time] for time in reads]
        dynamics = Dynamics.timed(
            training.optimizer, T, iterates=iterates, eigenvalues=values, ring=ring
        )
    else:
        dynamics = Dynamics.dressed(training.optimizer, T, values, ring)
    course = course_of(training.sampling)
    course.check_means(training.sampling.label)
    return course.embed(DressedPropagator(dynamics), forest, "cumulant")
