"""``sgdiagrams compare``: formula against simulated SGD."""

from __future__ import annotations

from typing import Any

import click

from sgdiagrams.commands.shared.completion import files
from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.options import (
    LANDSCAPES,
    component_option,
    format_option,
    observable_option,
    optimizer_options,
    output_option,
    sampling_option,
    set_option,
)
from sgdiagrams.commands.shared.output import emit, emit_json
from sgdiagrams.commands.shared.progress import progress_bar
from sgdiagrams.commands.shared.requests import (
    component_indices,
    parse_settings,
    pop_rates,
    read_protocol,
)

__all__ = ["compare"]


@command(short_help="Hold an expansion against simulated SGD.")
@click.option(
    "--landscape",
    type=click.Choice(LANDSCAPES),
    default="digits",
    show_default=True,
)
@observable_option
@component_option
@click.option(
    "--order",
    type=click.IntRange(1, 6),
    help="Highest order; by default 3, with --resummed 4, for displacement and generalisation gap 3.",
)
@sampling_option("one-pass")
@optimizer_options
@set_option
@click.option(
    "--resummed", is_flag=True, help="Show the re-summed prediction beside the plain one."
)
@click.option("--runs", type=click.IntRange(2, 10**8), default=10_000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--plot",
    "picture",
    metavar="FILE",
    shell_complete=files,
    help="Draw the picture (.png, .svg or .pdf).",
)
@click.option(
    "--checkpoint",
    metavar="FILE",
    shell_complete=files,
    help="Save the simulation as it goes, and resume from it.",
)
@format_option("text", "json")
@output_option
def compare(
    *,
    landscape: str,
    observable: str,
    component: str | None,
    order: int | None,
    settings: tuple[str, ...],
    resummed: bool,
    runs: int,
    seed: int,
    picture: str | None,
    checkpoint: str | None,
    style: str,
    output: str | None,
    **protocol: Any,
) -> None:
    """Predict an observable order by order and simulate it over a range of learning rates.

    Losses are compared by their change, the variance of the test loss and an entry of the displacement or
    the second moment as they are. Ctrl-C ends the simulation and shows what was measured so far.

    \b
    Examples:
        sgdiagrams compare --landscape digits --order 3 --set T=10 --runs 20000 --plot digits.png
        sgdiagrams compare --landscape gauss --optimizer momentum:beta=0.9 --set T=10
        sgdiagrams compare --landscape helix --observable displacement --component 2 --set T=10
        sgdiagrams compare --landscape gauss --resummed --set T=10000 --set eta=0.01,0.05 --runs 3000
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.numeric.comparison.canvas import check_picture
    from sgdiagrams.numeric.comparison.experiment import compare as run_comparison

    numbers: dict[str, Any] = parse_settings(settings)
    if picture is not None:
        check_picture(picture)  # before the long work, not after it
    eta = pop_rates(numbers)
    scheme, rule = read_protocol(numbers, **protocol)
    with progress_bar("simulating") as progress:
        comparison = run_comparison(
            landscape,
            observable=observable,
            order=order,
            sampling=scheme,
            optimizer=rule,
            eta=eta,
            runs=runs,
            seed=seed,
            checkpoint=checkpoint,
            progress=progress,
            component=component_indices(component),
            resummed=resummed,
        )
    if style == "json":
        emit_json(comparison.to_dict(), output)
    else:
        emit(str(comparison), output)
    if picture is not None:
        comparison.plot(picture)
        click.echo(f"wrote {picture}", err=True)
    if not comparison.complete:
        raise click.exceptions.Exit(130)
