"""Contractions measured on a model: from a loss, weights and data to numbers with errors."""

from __future__ import annotations

import warnings
from contextlib import closing
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.executors.ordered import mapped
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import checked_seed, is_whole
from sgdiagrams.numeric.derivatives.derivatives import check_role
from sgdiagrams.numeric.measurement.foretelling import foretold
from sgdiagrams.numeric.measurement.measured import Measured
from sgdiagrams.numeric.measurement.measurement_file import MeasurementFile
from sgdiagrams.numeric.measurement.method import WINDOW, Method
from sgdiagrams.numeric.measurement.planning import Plan
from sgdiagrams.numeric.measurement.procedure import Procedure
from sgdiagrams.numeric.measurement.wanted import Wanted
from sgdiagrams.numeric.models.choice import model_of
from sgdiagrams.numeric.models.inputs import check_functions, positive_option
from sgdiagrams.numeric.models.safety.checking import check_model
from sgdiagrams.numeric.models.structure import halved_squares
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.formula import check_scalar_rate
from sgdiagrams.symbolic.vocabulary import GROUP_DECAY, L2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Executor
    from pathlib import Path

    from sgdiagrams.numeric.measurement.rounds import Round
    from sgdiagrams.numeric.models.model import Model
    from sgdiagrams.symbolic.formula import SeriesFormula

__all__ = ["measure", "measure_model", "plan"]


def measure(
    loss: Callable[[Any, Any], Any],
    weights: Any,
    data: Any,
    expansions: SeriesFormula | Expression | Iterable[SeriesFormula | Expression],
    *,
    role: str = "sample",
    at: Mapping[str, Any] | None = None,
    precision: float | None = None,
    budget: float | None = None,
    memory: float | None = None,
    eta: Any = None,
    functions: Mapping[str, Callable[[Any], Any]] | None = None,
    seed: int = 0,
    part: tuple[int, int] = (1, 1),
    checkpoint: str | Path | None = None,
    executor: Executor | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Measured:
    r"""Measure all that expansions need on a model, with errors, without forming a tensor.

    Every contraction is worked out by nested derivatives along its tree, what several have in common
    once: :math:`G_\mu H_{\mu\nu} G_\nu` costs about four gradients, whatever the number of weights. Nodes
    with datapoints of their own take the means over disjoint groups of datapoints, nodes that share one
    are worked out datapoint by datapoint. Every number is an unbiased estimate (an average over distinct
    groups, a U-statistic), or exact where the data are the distribution and that is affordable.

    Parameters
    ----------
    loss
        ``loss(weights, datapoint)`` returns the loss of one datapoint, a scalar; in JAX, or in PyTorch
        from `torch_loss`. It is one fixed function, whatever else is in a batch.
    weights
        The weights at the start: any pytree of floating arrays, or what `torch_loss` returns. Their type,
        float32 or float64, is what is computed in; sums are made in float64.
    data
        An array, or a pytree of arrays, with the datapoints along the first axis.
    expansions
        One or several plain expansions, of observables that are numbers or vectors; or expressions with
        at most one free leg.
    role
        ``"sample"``: the data are independent draws, values are estimates with errors.
        ``"population"``: they are the distribution; ``"training-set"``: the fixed training set, with
        averages over distinct tuples. These two are exact where affordable, else drawn from, with errors.
    at
        Numbers for `precision`, such as ``dict(eta=0.05, T=100)``.
    precision
        The relative error that every order may have at the numbers `at`; without them every contraction
        relative to the largest of its order. Rounds end when it is reached.
    budget
        How many gradients of the mean loss of all data may be spent. By default a sample is used once,
        and exact values may take a minute or so.
    memory
        Bytes that may be used, about; 1 GiB by default.
    eta
        Learning rates of the weights, in their structure, or a function from vectors to vectors; every
        edge then carries them, and the learning rate of `evaluate` multiplies them.
    functions
        Name -> function of the weights, where an expansion observes one.
    seed
        The same seed gives the same numbers, on one kind of machine.
    part
        ``(k, n)``: only the k-th of n parts of the rounds; files of all parts merge to one measurement.
    checkpoint
        A file of `Measured` that is written every half minute, as rounds end; a later call with the same
        settings goes on from it, with the same result as in one go.
    executor
        Any ``concurrent.futures.Executor``; this process by default. Results do not depend on it.
    progress
        Called with the fraction done and the running value.

    Returns
    -------
    Measured
        After Ctrl-C, with what was measured so far.

    Raises
    ------
    RequestError, StatisticsError
        When an argument is wrong, the loss is no function that can be trusted, or there are too few
        datapoints.
    FormatError
        When the checkpoint is of another measurement, damaged or in use.
    MissingDependencyError
        When the library of the model is absent.

    Warns
    -----
    UserWarning
        When the loss has kinks, which no derivative at a point sees.

    Examples
    --------
    The loss of a mean, measured on three datapoints that are the distribution:

    >>> import sgdiagrams as sd
    >>> expansion = sd.expand("test-loss", order=2, sampling="one-pass")
    >>> import jax.numpy as jnp
    >>> measured = measure(
    ...     lambda w, x: jnp.sum((w - x) ** 2) / 2, jnp.zeros(2), jnp.array([[1.0, 0], [2, 0], [3, 3]]),
    ...     expansion, role="population",
    ... )
    >>> print(measured.method)
    exact: averages of the data as the distribution
    >>> round(expansion.evaluate(measured, eta=0.1, T=3).value, 6)
    2.748333
    """
    wanted = Wanted.of(expansions, at, precision)
    model = _model(wanted, loss, weights, data, functions=functions, eta=eta, memory=memory)
    notes = check_model(model, max(1, wanted.highest_degree))
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return measure_model(
        model,
        wanted,
        role=role,
        budget=budget,
        memory=memory,
        has_metric=eta is not None,
        seed=seed,
        part=part,
        checkpoint=checkpoint,
        executor=executor,
        progress=progress,
        notes=notes,
    )


def plan(
    loss: Callable[[Any, Any], Any],
    weights: Any,
    data: Any,
    expansions: SeriesFormula | Expression | Iterable[SeriesFormula | Expression],
    *,
    role: str = "sample",
    at: Mapping[str, Any] | None = None,
    precision: float | None = None,
    budget: float | None = None,
    memory: float | None = None,
    eta: Any = None,
    functions: Mapping[str, Callable[[Any], Any]] | None = None,
    seed: int = 0,
    part: tuple[int, int] = (1, 1),
) -> Plan:
    """Say what `measure` would do with the same arguments, in gradients and bytes.

    Nothing is measured. How many datapoints a precision needs is not known beforehand; the plan is that
    without one.

    Parameters
    ----------
    loss, weights, data, expansions, role, at, precision, budget, memory, eta, functions, seed, part
        As for `measure`.

    Returns
    -------
    Plan

    Raises
    ------
    RequestError, StatisticsError, MissingDependencyError
        As for `measure`.
    """
    wanted = Wanted.of(expansions, at, precision)
    model = _model(wanted, loss, weights, data, functions=functions, eta=eta, memory=memory)
    _check_part(part)
    method = _method(model, wanted, role, seed, budget, memory)
    return Plan.of(method, wanted.moments, model, part=part)


def measure_model(
    model: Model,
    wanted: Wanted,
    *,
    role: str,
    budget: float | None = None,
    memory: float | None = None,
    has_metric: bool = False,
    seed: int = 0,
    part: tuple[int, int] = (1, 1),
    checkpoint: str | Path | None = None,
    executor: Executor | None = None,
    progress: Callable[[float, str], None] | None = None,
    notes: tuple[str, ...] = (),
) -> Measured:
    """Measure what is wanted on a model that is trusted; for the rest see `measure`."""
    k, n = _check_part(part)
    method = _method(model, wanted, role, seed, budget, memory)

    def error_of_a_round(trial: Method) -> float:
        first = Procedure(model, trial, wanted.numbers, wanted.vectors)
        state = replace(_noun(first, wanted, has_metric=has_metric), rounds=(first(0),))
        return max(wanted.errors(state), default=0.0)

    if wanted.precision is not None:
        choice = foretold(method, wanted.moments, model, wanted.precision, error_of_a_round)
        notes = (*notes, *choice.notes)
        if choice.is_other:
            method = _method(
                model, wanted, role, seed, budget, memory, choice.samples, choice.window
            )
    procedure = Procedure(model, method, wanted.numbers, wanted.vectors)
    start = _noun(procedure, wanted, notes, has_metric=has_metric)
    indices = range(k - 1, method.rounds, n)
    with MeasurementFile(checkpoint, _settings(procedure), start) as file:
        done = {entry.index: entry for entry in file.measured.rounds if entry.seed == method.seed}
        # What the file knows of later rounds is not looked at before their turn, as in one go.
        taken: list[Round] = []
        left = [index for index in indices if index not in done]
        try:
            with closing(mapped(procedure, left, executor)) as results:
                for index in indices:
                    entry = done[index] if index in done else next(results)
                    if index not in done:
                        file.add(entry)
                    taken.append(entry)
                    if progress is None and wanted.precision is None:
                        continue  # nobody looks at what is not finished
                    state = replace(start, rounds=tuple(taken), complete=True)
                    if progress is not None:
                        progress(len(taken) / len(indices), wanted.running_value(state))
                    if wanted.is_reached_by(state):
                        break
        except KeyboardInterrupt:
            return file.measured
        file.finish()
        return file.measured


def _model(
    wanted: Wanted, loss: Any, weights: Any, data: Any, *, functions: Any, eta: Any, memory: Any
) -> Model:
    if eta is not None:
        for expansion in wanted.expansions:
            if isinstance(expansion, Expression):
                raise RequestError(
                    "expected expansions to measure with learning rates on all edges, got the expression "
                    f"{shown(str(expansion))}, whose edges have none; measure it without eta"
                )
            check_scalar_rate(expansion)
    return model_of(
        loss,
        weights,
        data,
        functions=_functions(wanted, weights, functions),
        weight_decay=float(wanted.weight_decay),
        eta=eta,
        memory=memory,
    )


def _functions(wanted: Wanted, weights: Any, functions: Any) -> Any:
    """Return the functions of the weights with those of weight decay that are asked for."""
    rates: dict[str, Any] = {L2: None}
    for expansion in wanted.expansions:
        for part in () if isinstance(expansion, Expression) else expansion.parts:
            penalty = part.optimizer.penalty
            if penalty is not None and penalty.rates:
                rates[GROUP_DECAY] = penalty.rates
    known = {
        name: halved_squares(weights, given)
        for name, given in rates.items()
        if name in wanted.functions and name not in (functions or {})
    }
    return {**known, **functions} if known and functions else known or functions


def _settings(procedure: Procedure) -> dict[str, Any]:
    """Return by what the numbers of every round are fixed."""
    method = procedure.method
    return {
        "contractions": [str(c.args) for c in (*procedure.numbers, *procedure.vectors)],
        "role": method.role,
        "seed": method.seed,
        "exact": method.is_exact,
        "grouping": asdict(method.grouping),
    }


def _noun(
    procedure: Procedure,
    wanted: Wanted,
    notes: tuple[str, ...] = (),
    *,
    has_metric: bool,
) -> Measured:
    """Return the measurement without rounds."""
    model, method = procedure.model, procedure.method
    return Measured(
        contractions=wanted.numbers,
        vector_contractions=wanted.vectors,
        rounds=(),
        role=method.role,
        datapoints=model.size,
        dimension=model.dimension,
        dtype=str(model.dtype),
        library=model.library,
        weight_decay=wanted.weight_decay,
        has_metric=has_metric,
        method=method.words(),
        methods=tuple(map(method.words_of, wanted.moments)),
        notes=notes,
        data_digest=procedure.data_digest,
        model_probe=procedure.model_probe,
    )


def _method(
    model: Model,
    wanted: Wanted,
    role: str,
    seed: int,
    budget: float | None,
    memory: float | None,
    samples: int | None = None,
    window: int = WINDOW,
) -> Method:
    check_functions(model, wanted.functions)
    check_role(role, RequestError)
    return Method.of(
        model,
        wanted.moments,
        role=role,
        seed=checked_seed(seed),
        budget=positive_option("budget", budget, "gradients"),
        memory=positive_option("memory", memory, "bytes"),
        samples=samples,
        window=window,
    )


def _check_part(part: Any) -> tuple[int, int]:
    if (
        not isinstance(part, (tuple, list))
        or len(part) != 2
        or not is_whole(part[1], least=1)
        or not is_whole(part[0], least=1, most=part[1])
    ):
        raise RequestError(
            f"expected part=(k, n) with 1 <= k <= n, the k-th of n parts, got part={shown(part)}"
        )
    return int(part[0]), int(part[1])
