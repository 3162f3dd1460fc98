"""``sgdiagrams path``: what training ends at, by the expansion in the noise along the run."""

from __future__ import annotations

from typing import Any

import click

from sgdiagrams.commands.shared.completion import files
from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.models import executor_at, given_model, scheduler_option
from sgdiagrams.commands.shared.options import (
    format_option,
    observable_option,
    optimizer_options,
    output_option,
    path_options,
    sampling_option,
    seed_option,
    set_option,
)
from sgdiagrams.commands.shared.output import emit, emit_json
from sgdiagrams.commands.shared.progress import progress_bar
from sgdiagrams.commands.shared.requests import (
    check_others,
    parse_settings,
    path_arguments,
    pop_rates,
    read_protocol,
    whole_numbers,
)

__all__ = ["path"]


@command(short_help="Predict what training of your model ends at, at any learning rate.")
@click.argument("model", metavar="FILE.py:NAME", shell_complete=files)
@observable_option
@sampling_option("fresh-data")
@optimizer_options
@set_option
@path_options
@click.option(
    "--times", metavar="T,T,...", help="After which updates; the last alone when left out."
)
@click.option(
    "--role",
    type=click.Choice(["population", "training-set"]),
    default="population",
    show_default=True,
    help="Whether training sets are drawn from the data, or the data are what is trained on.",
)
@seed_option
@click.option(
    "--checkpoint",
    metavar="FILE.npz",
    shell_complete=files,
    help="Keep what is measured as it goes: the same command goes on from it.",
)
@scheduler_option
@click.option(
    "--plot",
    "picture",
    metavar="FILE",
    shell_complete=files,
    help="Draw the excess against 1/B or 1/N, or with --times the curve (.png, .svg or .pdf).",
)
@format_option("table", "json")
@output_option
def path(
    *,
    model: str,
    observable: str,
    settings: tuple[str, ...],
    times: str | None,
    role: str,
    seed: int,
    checkpoint: str | None,
    scheduler: str | None,
    picture: str | None,
    style: str,
    output: str | None,
    **protocol: Any,
) -> None:
    """Predict what training ends at by an expansion in the noise of its batches.

    The noiseless run follows the mean gradient of all data; what noise adds is measured on sampled runs,
    order by order. Neither the learning rate nor the number of updates need be small, the noise has to
    be: the judgement says whether it is. NAME is a function without arguments that returns (loss,
    weights, data), and with more a dictionary with "test_data" and "functions" of the weights by name.

    Ctrl-C ends the measurement and shows what was measured so far.

    \b
    Examples:
        sgdiagrams path network.py:network --set eta=0.3 --set T=100 --set B=8
        sgdiagrams path network.py:network --set eta=0.3 --set T=100 --set B=32 --at B=8,16,32,64,128
        sgdiagrams path network.py:network --sampling reshuffled-epochs --optimizer momentum:beta=0.9 \
--set eta=0.1 --set E=5 --set N=1000 --set B=50 --plot path.png
        sgdiagrams path network.py:network --set eta=0.3 --set T=100 --times 0,25,50,75,100
    """  # noqa: D301 - click reads the control character
    from sgdiagrams import numeric
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.numeric.path.path_pictures import check_number
    from sgdiagrams.numeric.pictures.canvas import check_picture

    numbers: dict[str, Any] = parse_settings(settings)
    if picture is not None:  # before the long work, not after it
        check_picture(picture)
        check_number(observable)
    eta = pop_rates(numbers)
    if eta is None:
        raise RequestError("expected a learning rate; give --set eta=0.05")
    measuring, others, protocol = path_arguments(protocol)
    scheme, rule = read_protocol(numbers, **protocol)
    check_others(others, scheme, role)
    options: dict[str, Any] = {
        "observable": observable,
        "sampling": scheme,
        "optimizer": rule,
        "eta": eta,
        "role": role,
        "times": whole_numbers("--times", times),
        "seed": seed,
        "checkpoint": checkpoint,
        **measuring,
    }
    with (
        executor_at(scheduler) as executor,
        given_model(model) as given,
        progress_bar("measuring") as progress,
    ):
        estimate = numeric.along_path(
            given.loss,
            given.weights,
            given.data,
            test_data=given.test_data,
            functions=given.functions,
            executor=executor,
            progress=progress,
            **options,
        )
    table = estimate.table(**others) if others else None
    if style == "json":
        emit_json(estimate.to_dict() | ({"at": table.to_dict()["rows"]} if table else {}), output)
    else:
        emit("\n\n".join(map(str, filter(None, (estimate, table)))), output)
    if picture is not None:
        estimate.plot(picture, **others)
        click.echo(f"wrote {picture}", err=True)
    if not estimate.complete:
        if checkpoint is not None:
            click.echo(f"kept in {checkpoint}; the same command goes on", err=True)
        raise click.exceptions.Exit(130)
