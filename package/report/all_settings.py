"""Numbers for all settings: what the sliders of a page set, and both series in them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from sympy import Symbol

from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.estimates.tabulated import Tabulated
from sgdiagrams.numeric.estimates.training_sets import use_of_rows
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.report.exact_weights import Generators, conditions_of
from sgdiagrams.report.plain_series import plain_numbers
from sgdiagrams.report.resummed_series import resummed_numbers
from sgdiagrams.report.sliders import first_settings, sliders_of
from sgdiagrams.symbolic.writing.titles import evaluated_name

if TYPE_CHECKING:
    from sgdiagrams.report.question import Question

__all__ = ["numbers_of"]


def numbers_of(question: Question, holder: Statistics | Tabulated, eta: Any) -> dict[str, Any]:
    """Return what `assets/model.js` makes numbers of, as plain data.

    Parameters
    ----------
    question
        What is asked.
    holder
        Statistics, measured contractions, or a table of values.
    eta
        Where the learning rate stands at first; None for a usual one.

    Raises
    ------
    RequestError, SamplingError, StatisticsError
        As from `Expansion.evaluate` with the numbers that the sliders stand at first.
    """
    expansion = question.expansion()
    [part] = expansion.parts
    decay = part.optimizer.weight_decay
    if isinstance(decay, Symbol):
        raise RequestError(
            f"expected a number for {decay}, which changes the contractions and has no slider; "
            f"give --set {decay}=0.1"
        )
    sliders = sliders_of(
        part,
        eta=eta,
        curvature=_curvature(holder),
        datapoints=_datapoints(holder),
        is_set=holder.role == "training-set",
    )
    first = {name: _exact(value) for name, value in first_settings(sliders).items()}
    rate = first.pop("eta")
    if isinstance(holder, Statistics):
        rows = use_of_rows(expansion, holder, first)
        if rows.are_named or rows.products:
            raise RequestError(
                "expected a mean over orders of the rows, whose formula holds for all settings, for a "
                f"report on a training set, got {shown(question.training.sampling.label)}; take "
                "shuffled-epochs, or 'sgdiagrams evaluate' for one setting"
            )
    # Says what is missing as the evaluation of one setting does, and what has to be said of it.
    estimate = expansion.evaluate(holder, eta=rate, **first)
    generators = Generators()
    conditions = conditions_of(part, generators)
    updates = generators.weight(part.training.updates)
    plain = plain_numbers(expansion, holder, generators, first)
    refused = {}
    resummed = None
    try:
        resummed = _resummed(question, holder, generators)
    except RequestError as error:
        refused["re-summed"] = f"re-summed: {str(error).removeprefix('re-summed: ')}"
    return {
        "sliders": sliders,
        "observable": evaluated_name(expansion),
        "is_size": plain["is_size"],
        "notes": [*filter(None, [estimate.rows]), *estimate.caveats],
        "refused": refused,
        "order": expansion.order,
        "has_bare_edges": expansion.has_bare_edges,
        "conditions": conditions,
        "updates": updates,
        "plain": plain,
        "resummed": resummed,
        "generators": generators.data,
    }


def _resummed(
    question: Question, holder: Statistics | Tabulated, generators: Generators
) -> dict[str, Any]:
    """Return the re-summed series in numbers.

    Raises
    ------
    RequestError
        When there is none, or none that a page evaluates.
    """
    if not isinstance(holder, Statistics):
        raise RequestError("re-summed: not known, it needs the eigenbasis of the Hessian")
    if holder.noise is not None:
        raise RequestError("re-summed: not of statistics with several visits of every datapoint")
    try:
        return resummed_numbers(question.resummed_expansion(), holder, generators)
    except StatisticsError as error:
        raise RequestError(f"re-summed: {error}") from None


def _exact(value: Any) -> int | Fraction:
    """Return a number of a slider as people write it."""
    exact = Fraction(str(value))
    return int(exact) if exact.denominator == 1 else exact


def _datapoints(holder: Statistics | Tabulated) -> int | None:
    if isinstance(holder, Tabulated):
        return holder.datapoints
    return None if holder.role == "population" else holder.sample_size


def _curvature(holder: Statistics | Tabulated) -> float | None:
    """Return the greatest eigenvalue of the Hessian in size, where it is known."""
    if isinstance(holder, Tabulated) or 2 not in holder.samples:
        return None
    hessians = np.asarray(holder.as_population().samples[2], dtype=np.float64)
    weights = getattr(holder, "weights", None)
    shares = np.full(len(hessians), 1 / len(hessians)) if weights is None else weights
    mean = np.tensordot(np.asarray(shares, dtype=np.float64), hessians, axes=1)
    return float(np.abs(np.linalg.eigvalsh(mean)).max(initial=0.0))
