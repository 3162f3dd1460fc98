"""``sgdiagrams influence``: what single datapoints do along the training of a model."""

from __future__ import annotations

from typing import Any

import click

from sgdiagrams.commands.shared.completion import files
from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.models import executor_at, given_model, scheduler_option
from sgdiagrams.commands.shared.options import (
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
    byte_size,
    component_indices,
    parse_settings,
    pop_rates,
    read_protocol,
    whole_numbers,
)

__all__ = ["influence"]


@command(short_help="Which datapoints of your model harm, help, and make the noise of training.")
@click.argument("model", metavar="FILE.py:NAME", shell_complete=files)
@observable_option
@component_option
@sampling_option("one-pass")
@optimizer_options
@set_option
@click.option(
    "--samples",
    type=click.IntRange(0, 10**6),
    default=0,
    show_default=True,
    help="Sampled runs of each datapoint for what it contributes to noise 1; 0 for the first order.",
)
@click.option(
    "--datapoints",
    metavar="I,I,...",
    help="Whose contributions to the noise, from 0; of all when left out.",
)
@click.option("--memory", metavar="BYTES", help="At most so much for the work: 2GB, 500MB.")
@seed_option
@scheduler_option
@format_option("table", "json")
@output_option
def influence(
    *,
    model: str,
    observable: str,
    component: str | None,
    settings: tuple[str, ...],
    samples: int,
    datapoints: str | None,
    memory: str | None,
    seed: int,
    scheduler: str | None,
    style: str,
    output: str | None,
    **protocol: Any,
) -> None:
    """Tell what every datapoint does to an observable along training.

    To first order in its weight, for all datapoints from one noiseless run and one pass backwards; and
    with --samples through the noise of the batches. The table shows those that raise the observable most,
    and lower it most; --format json has all of them. NAME is a function as for sgdiagrams path.

    \b
    Examples:
        sgdiagrams influence network.py:network --set eta=0.3 --set T=100
        sgdiagrams influence network.py:network --sampling reshuffled-epochs --set eta=0.1 --set N=1000 \
--set B=50 --set E=5 --samples 20 --datapoints 3,17
    """  # noqa: D301 - click reads the control character
    from sgdiagrams import numeric
    from sgdiagrams.diagrams.errors import RequestError

    numbers: dict[str, Any] = parse_settings(settings)
    eta = pop_rates(numbers)
    if eta is None:
        raise RequestError("expected a learning rate; give --set eta=0.05")
    scheme, rule = read_protocol(numbers, **protocol)
    indices = component_indices(component)
    if indices is not None and len(indices) > 1:
        raise RequestError("expected one index for --component, that of a displacement")
    options: dict[str, Any] = {
        "observable": observable,
        "component": None if indices is None else indices[0],
        "sampling": scheme,
        "optimizer": rule,
        "eta": eta,
        "samples": samples,
        "datapoints": whole_numbers("--datapoints", datapoints),
        "memory": None if memory is None else byte_size("--memory", memory),
        "seed": seed,
    }
    with (
        executor_at(scheduler) as executor,
        given_model(model) as given,
        progress_bar("measuring") as progress,
    ):
        told = numeric.influence(
            given.loss,
            given.weights,
            given.data,
            test_data=given.test_data,
            functions=given.functions,
            executor=executor,
            progress=progress,
            **options,
        )
    emit_result(told, style, output)
    if not told.complete:
        raise click.exceptions.Exit(130)
