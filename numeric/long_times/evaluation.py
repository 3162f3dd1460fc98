r"""Re-summed expansions in numbers: weights at the eigenvalues of :math:`\eta H` times tensors.

In the eigenbasis of :math:`\eta H` an order is the sum over the values of all indices of the weight at
their eigenvalues times the entries of the cumulant tensors; free indices are brought back to the old
coordinates.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, SamplingError, StatisticsError
from sgdiagrams.diagrams.messages import shortened, shown
from sgdiagrams.numeric.derivatives.derivatives import check_derivatives
from sgdiagrams.numeric.estimates.estimate import Estimate
from sgdiagrams.numeric.long_times.amplitudes import Amplitudes, check_size
from sgdiagrams.numeric.long_times.powers import power_weights
from sgdiagrams.numeric.long_times.training_penalties import with_penalty_of_parts
from sgdiagrams.numeric.long_times.verdict import Rungs, judge_resummed
from sgdiagrams.numeric.long_times.weights import is_limit, weight
from sgdiagrams.numeric.precision.finite import check_finite
from sgdiagrams.numeric.values.jackknife import deletions, jackknifed
from sgdiagrams.numeric.values.leaves import check_leaf
from sgdiagrams.symbolic.resummation.formula import scheme_of
from sgdiagrams.symbolic.resummation.sums import at_lags
from sgdiagrams.symbolic.writing.titles import evaluated_name, is_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from sgdiagrams.numeric.derivatives.derivatives import Derivatives
    from sgdiagrams.numeric.long_times.powers import PowerWeight
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula
    from sgdiagrams.symbolic.resummation.skeletons import DressedTerm, Piece
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["check_limit", "evaluate_resummed", "fixed_parts", "the_weight_decay"]


def evaluate_resummed(
    expansion: ResummedFormula,
    statistics: Derivatives,
    *,
    eta: ArrayLike | Fraction,
    **numbers: int | Fraction,
) -> Estimate:
    r"""Return the value of a re-summed expansion, in floats, order by order, with standard errors.

    Parameters
    ----------
    expansion
        What to evaluate, in any form; without flat indices, which are the business of
        `sgdiagrams.numeric.long_times.motion`.
    statistics
        Derivatives 0, 1, ..., order, and at least 2 from order 1 on; functions and the start as for
        `sgdiagrams.numeric.estimates.evaluation`. A population gives the value. From a sample the
        eigenbasis is estimated too, so that no average over distinct tuples is unbiased: the sample is
        taken for the population, and the delete-a-group jackknife (groups of one up to 40 samples, else
        40 groups) corrects the bias to first order in 1/n and gives the standard errors.
    eta
        The learning rate: scalar, 1-D diagonal of shape ``(p,)`` or symmetric ``(p, p)``, with no
        negative eigenvalue.
    **numbers
        A number for each of ``expansion.symbols``; limits for T to infinity do without T and E.

    Returns
    -------
    Estimate
        Contribution d is that of the linkless diagrams with d edges. The series is judged by powers
        of the distance that weights go: see `sgdiagrams.numeric.estimates.powers`.

    Raises
    ------
    StatisticsError
        When a derivative, a function or the start is missing.
    RequestError
        When `eta` is wrong, the statistics are a training set, there are too many values of the
        indices, or a limit for T to infinity does not exist.
    SamplingError
        When a number is missing, unknown or impossible.

    Examples
    --------
    A quadratic loss with additive noise, at its minimum, after 10^4 updates: the plain expansion is of
    no use here, the re-summed one is exact.

    >>> from sgdiagrams.numeric.landscapes.toys import Mean
    >>> from sgdiagrams.symbolic import expand
    >>> expansion = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    >>> value = expansion.evaluate(Mean().statistics(2), eta=0.1, T=10_000).value
    >>> exact = 0.1**2 / 2 * (1 - 0.9**20_000) / (1 - 0.9**2)
    >>> bool(abs(value - exact) < 1e-12)
    True
    """
    check_derivatives(statistics)
    is_set = _is_of_a_set(expansion, statistics)
    if expansion.flat:
        raise RequestError(
            f"expected no flat indices in numbers, got flat={shown(expansion.flat)}; use drift"
        )
    expansion, others = at_lags(expansion, numbers)
    parts = fixed_parts(expansion, others)
    if is_set:
        _check_rows(parts, statistics)
    decay = the_weight_decay(expansion, parts)
    statistics = with_penalty_of_parts(statistics, expansion, parts)
    _check(expansion, statistics, decay)
    rungs = Rungs()
    amplitudes = Amplitudes(statistics.as_population(), eta, weight_decay=decay)
    powers = None if expansion.through is None else _powers(expansion, parts)
    value = _plug_in(expansion, parts, amplitudes, powers, rungs)
    # Complete powers are judged as any other powers.
    verdict = (
        judge_resummed(expansion, parts, amplitudes, rungs, value[-1]) if powers is None else None
    )
    errors = [np.zeros_like(x) for x in value]
    degrees = None
    if statistics.role == "sample":
        value, errors, degrees = _from_sample(
            expansion, parts, statistics, eta, decay, powers, value
        )
    count = len(value) - 2
    plain = [_number(x) for x in (*value[:count], *errors)]
    return Estimate(
        tuple(plain[:count]),
        tuple(plain[count : 2 * count]),
        plain[-2],
        evaluated_name(expansion),
        eta,
        dict(numbers),
        verdict,
        change_standard_error=plain[-1],
        degrees=degrees,
        is_difference=is_difference(expansion),
        rows=_averaged(parts) if is_set else "",
    )


def _is_of_a_set(expansion: ResummedFormula, statistics: Derivatives) -> bool:
    """Tell whether an expansion is on a given training set, which the statistics have to be then.

    Raises
    ------
    RequestError
        When they are not, or are one for another expansion.
    """
    kinds = {scheme_of(part).given_scheme is not None for part in expansion.parts}
    if len(kinds) > 1:
        raise RequestError(
            "expected parts of one role, got some on a given training set and some averaged over "
            "training sets; evaluate them one by one and subtract"
        )
    if kinds == {True}:
        if statistics.role != "training-set":
            raise RequestError(
                "expected role='training-set' for an expansion on a given training set, "
                f"got role={shown(statistics.role)}; expand(...) without role= is for it"
            )
        return True
    if statistics.role == "training-set":
        raise RequestError(
            "expected role='sample' or 'population' for a re-summed expansion in cumulants over the "
            "distribution, got role='training-set'; take expand(..., resummed=True, role='training-set')"
        )
    return False


def _averaged(parts: Sequence[Training]) -> str:
    """Return in words what is averaged on a given training set."""
    drawn = dict.fromkeys(part.sampling.averaged_over for part in parts)
    words = " and ".join(filter(None, drawn))
    return f"average over {words} of the rows" if words else ""


def _check_rows(parts: Sequence[Training], statistics: Derivatives) -> None:
    """Check that a training set has as many rows as its schemes say."""
    for part in parts:
        size = part.sampling.datapoints
        if size is not None and size != statistics.sample_size:
            raise StatisticsError(
                f"expected a training set of the sampling's N={size} points, "
                f"got sample_size={statistics.sample_size}"
            )


def fixed_parts(
    expansion: ResummedFormula, numbers: Mapping[str, Any], *, limit: bool = False
) -> list[Training]:
    """Return the trainings of all parts with their numbers.

    With `limit`, or in a form that is one, T and E may be missing.

    Raises
    ------
    SamplingError
        When a number is missing, unknown or impossible.
    """
    known = expansion.symbols
    for name, value in numbers.items():
        if name not in known:
            raise SamplingError(
                f"expected numbers for {', '.join(known) or 'no symbol'}, "
                f"got {shortened(name)}={shown(value)}"
            )
    optional: tuple[str, ...] = ("T", "E") if limit or is_limit(expansion.form) else ()
    if any(_shrinks_with_time(p, expansion) for t in expansion.pieces for p in t.pieces):
        optional = ()
    needed = [name for name in known if name not in optional]
    for name in needed:
        if name not in numbers:
            raise SamplingError(
                f"expected a number for each of {', '.join(needed)}, but {name} is missing; "
                f"give {name}=..."
            )
    parts = []
    for part in expansion.parts:
        training = part.training
        own = {k: numbers[k] for k in training.symbols if k in numbers}
        training.sampling.put(**{k: own[k] for k in training.sampling.symbols if k in own})
        parts.append(training.at(**own))
    return parts


def _shrinks_with_time(piece: Piece, expansion: ResummedFormula) -> bool:
    """Tell whether a root is tied to 1/N of a training set that grows with T."""
    scheme = scheme_of(expansion.parts[piece.part])
    return "N" not in scheme.values and any(s.diagram.root_is_tied for s in piece.skeletons)


def the_weight_decay(expansion: ResummedFormula, parts: Sequence[Training]) -> Fraction:
    """Return the weight decay that all parts share, because it is in the eigenvalues.

    Raises
    ------
    RequestError
        When parts have several.
    """
    used = {piece.part for term in expansion.pieces for piece in term.pieces if term.order}
    decays = sorted({Fraction(str(parts[i].optimizer.weight_decay)) for i in used})
    if len(decays) > 1:
        raise RequestError(
            "expected one weight decay for all parts of a re-summed expansion, "
            f"got {' and '.join(map(str, decays))}; evaluate the parts one by one"
        )
    return decays[0] if decays else Fraction(0)


def _check(expansion: ResummedFormula, statistics: Derivatives, decay: Fraction) -> None:
    for term in expansion.pieces:
        c = term.contraction
        for label, k in zip(c.labels, c.legs, strict=True):
            purpose = f"for order {term.order}"
            check_leaf(statistics, label, k, weight_decay=decay, purpose=purpose)
    if statistics.dimension is None and any(part.observable.rank for part in expansion.parts):
        raise StatisticsError(
            "expected derivatives of order 1 or more for an observable with indices, "
            f"got derivatives {', '.join(map(str, statistics.samples))}; add key 1 to the samples"
        )
    highest = max((term.order for term in expansion.pieces), default=0)
    check_size(
        statistics.dimension or 1,
        highest,
        contractions=[term.contraction for term in expansion.pieces],
        samples=statistics.sample_size,
        copies=2 if statistics.role == "sample" else 1,
    )


def _plug_in(
    expansion: ResummedFormula,
    parts: Sequence[Training],
    amplitudes: Amplitudes,
    powers: Sequence[PowerWeight] | None = None,
    rungs: Rungs | None = None,
) -> list[NDArray[np.float64]]:
    """Return the contribution of every order, and in the end their sum and the sum without order 0.

    The orders of complete powers, which come with their weights, are these powers. Rungs are told of
    every other term.
    """
    rank = max((part.observable.rank for part in expansion.parts), default=0)
    highest = expansion.order if expansion.through is None else expansion.through
    orders = [np.zeros((amplitudes.dimension,) * rank) for _ in range(highest + 1)]
    with np.errstate(invalid="ignore", over="ignore"):  # weights run out of range where SGD does
        for power in powers or ():
            contribution = _contribution(power.contraction, power.at, amplitudes, expansion)
            orders[power.power] = orders[power.power] + contribution
        for term in expansion.pieces if powers is None else ():
            contribution = _term(term, parts, amplitudes, expansion)
            # Weights may be infinite, as those of a run that diverges are; what is undefined is not.
            if np.isnan(contribution).any():
                name = f"the term of {shortened(str(term.contraction))} at order {term.order}"
                check_finite(contribution, name, _with_largest(amplitudes, term.order))
            orders[term.order] = orders[term.order] + contribution
            if rungs is not None and term.order:
                shown = amplitudes.basis.upper(contribution) if rank else contribution
                rungs.add(term.contraction, shown)
        if rank and expansion.pieces:
            orders = [amplitudes.basis.upper(x) for x in orders]
        change = np.asarray(sum(orders[1:], np.zeros_like(orders[0])))
        total = np.asarray(sum(orders))
        if np.isnan(total).any():
            name = "the sum of a series whose orders run away with both signs"
            check_finite(total, name, _with_largest(amplitudes, expansion.order))
        return [*orders, total, change]


def _with_largest(amplitudes: Amplitudes, order: int) -> str:
    """Return the largest inputs in words, with the eigenvalue that makes weights grow."""
    if not order:
        return amplitudes.cause
    h = amplitudes.basis.eigenvalues
    farthest = float(h[np.argmax(np.abs(1 - h))])
    return f"{amplitudes.cause}; the eigenvalue of eta H farthest from 1 is {farthest:.6g}"


def _term(
    term: DressedTerm,
    parts: Sequence[Training],
    amplitudes: Amplitudes,
    expansion: ResummedFormula,
) -> Any:
    """Return the contribution of a term with whole weights."""

    def weights(_: NDArray[np.float64]) -> NDArray[np.float64]:
        basis = amplitudes.basis if term.order else None
        return weight(term, parts, basis, expansion.form)

    return _contribution(term.contraction, weights, amplitudes, expansion)


def _contribution(
    contraction: Contraction,
    weights: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    amplitudes: Amplitudes,
    expansion: ResummedFormula,
) -> Any:
    """Return the sum of a term over all indices that are not free, in the eigenbasis.

    The weights are a function of the eigenvalues.
    """
    is_limited = is_limit(expansion.form)
    entries = amplitudes.of(contraction, cleaned=is_limited)
    summed = tuple(range(len(contraction.free), contraction.order))
    if not entries.any():
        return np.zeros_like(entries).sum(axis=summed)
    h = np.zeros(0)
    if contraction.order:
        h = amplitudes.basis.clean if is_limited else amplitudes.basis.eigenvalues
    values = weights(h)
    if is_limited:
        check_limit(np.isnan(values) & (entries != 0), entries, amplitudes, contraction.order)
    return np.where(entries == 0, 0.0, entries * values).sum(axis=summed)


def _powers(expansion: ResummedFormula, parts: Sequence[Training]) -> tuple[PowerWeight, ...]:
    fixed = [
        replace(part, sampling=training.sampling, optimizer=training.optimizer)
        for part, training in zip(expansion.parts, parts, strict=True)
    ]
    at_numbers = replace(cast("Any", expansion), parts=tuple(fixed))
    return power_weights(expansion, at_numbers.terms, parts)


def check_limit(
    fails: NDArray[np.bool_],
    entries: NDArray[np.float64],
    amplitudes: Amplitudes,
    order: int,
) -> None:
    """Raise a RequestError that names an eigenvalue where a limit for T to infinity fails."""
    if not fails.any():
        return
    # The largest amplitude is the most telling example.
    largest = np.unravel_index(int(np.argmax(np.where(fails, np.abs(entries), 0))), fails.shape)
    h = amplitudes.basis.clean[list(largest)]
    if (h < 0).any():
        failing, remedy = h.min(), "along which the landscape curves down; take finite T"
    elif (h == 0).any() and h.max() < 1:
        failing, remedy = 0.0, "which is flat; use drift"
    else:
        failing, remedy = h.max(), "which is unstable; take a smaller eta"
    raise RequestError(
        f"expected a limit for T to infinity, got h={failing:.6g} of eta H at order {order}, {remedy}"
    )


def _from_sample(
    expansion: ResummedFormula,
    parts: Sequence[Training],
    sample: Derivatives,
    eta: ArrayLike | Fraction,
    decay: Fraction,
    powers: Sequence[PowerWeight] | None,
    value: list[NDArray[np.float64]],
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]], int | None]:
    """Return values with less bias, their standard errors, and the errors' degrees of freedom."""
    kept = deletions(sample.sample_size)
    if not kept:
        return value, [np.full_like(x, np.inf) for x in value], None
    without = [
        _plug_in(
            expansion,
            parts,
            Amplitudes(sample.as_population(rows), eta, weight_decay=decay),
            powers,
        )
        for rows in kept
    ]
    sizes = [len(rows) for rows in kept]
    pairs = []
    for i, x in enumerate(value):
        with np.errstate(invalid="ignore", over="ignore"):
            better, error = jackknifed(x, [w[i] for w in without], sizes, sample.sample_size)
        is_known = np.isfinite(x) & np.isfinite(better)
        pairs.append((np.where(is_known, better, x), np.where(is_known, error, np.inf)))
    return [x for x, _ in pairs], [error for _, error in pairs], len(kept) - 1


def _number(array: NDArray[np.float64]) -> Any:
    """Return an array, or a number where it has no axis."""
    return array if array.ndim else float(array)
