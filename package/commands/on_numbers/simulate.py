"""``sgdiagrams simulate``: what SGD does, without a formula."""

from __future__ import annotations

from typing import Any

import click

from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.models import (
    executor_at,
    landscape_of,
    model_option,
    scheduler_option,
)
from sgdiagrams.commands.shared.options import (
    LANDSCAPES,
    NearestChoice,
    checkpoint_option,
    component_option,
    format_option,
    observable_option,
    optimizer_options,
    output_option,
    sampling_option,
    seed_option,
    set_option,
)
from sgdiagrams.commands.shared.output import emit_result
from sgdiagrams.commands.shared.progress import progress_bar
from sgdiagrams.commands.shared.requests import (
    component_indices,
    parse_settings,
    pop_rates,
    read_protocol,
)

__all__ = ["simulate"]


@command(short_help="Run SGD many times on a landscape or a model of yours.")
@click.option("--landscape", type=NearestChoice(LANDSCAPES))
@model_option
@observable_option
@component_option
@sampling_option("one-pass")
@optimizer_options
@set_option
@click.option("--runs", type=click.IntRange(2, 10**7), default=10_000, show_default=True)
@seed_option
@click.option(
    "--control",
    is_flag=True,
    help="Subtract the first order in the noise of every run, which has mean zero: a smaller error "
    "(models alone).",
)
@checkpoint_option
@scheduler_option
@format_option("text", "json")
@output_option
def simulate(
    *,
    landscape: str | None,
    model: str | None,
    observable: str,
    component: str | None,
    settings: tuple[str, ...],
    runs: int,
    seed: int,
    control: bool,
    checkpoint: str | None,
    scheduler: str | None,
    style: str,
    output: str | None,
    **protocol: Any,
) -> None:
    """Simulate SGD and print the mean of an observable over the runs, with its error.

    The numbers are eta (one, or several separated by commas) and those of the sampling and the optimiser.
    Losses are read off as their change since the start. Of a model of yours the data are the distribution
    that training sets are drawn from. The same --seed draws the same ones for every optimiser and eta, so
    that small differences show. Ctrl-C ends the simulation and shows what was simulated so far.

    \b
    Examples:
        sgdiagrams simulate --landscape gauss --set eta=0.05 --set T=100
        sgdiagrams simulate --model network.py:network --set eta=0.05 --set T=100 --runs 500 --control
        sgdiagrams simulate --model network.py:network --sampling reshuffled-epochs \
--optimizer momentum:beta=0.9 --set eta=0.01 --set N=60 --set B=6 --set E=2
    """  # noqa: D301 - click reads the control character
    from sgdiagrams import numeric
    from sgdiagrams.diagrams.errors import RequestError

    numbers: dict[str, Any] = parse_settings(settings)
    eta = pop_rates(numbers)
    if eta is None:
        raise RequestError("expected a learning rate; give --set eta=0.05")
    scheme, rule = read_protocol(numbers, **protocol)
    with (
        executor_at(scheduler) as executor,
        landscape_of(landscape, model) as ground,
        progress_bar("simulating") as progress,
    ):
        simulation = numeric.simulate(
            ground,
            observable=observable,
            sampling=scheme,
            optimizer=rule,
            eta=eta,
            runs=runs,
            seed=seed,
            component=component_indices(component),
            control=control,
            checkpoint=checkpoint,
            executor=executor,
            progress=progress,
        )
    emit_result(simulation, style, output)
    if not simulation.complete:
        raise click.exceptions.Exit(130)
