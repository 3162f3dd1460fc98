"""``sgdiagrams compare``: formula against simulated SGD."""

from __future__ import annotations

import json
from typing import Any

import click

from sgdiagrams.commands.common import (
    OBSERVABLES,
    SAMPLINGS,
    emit,
    parse_settings,
    progress_bar,
    set_option,
)

__all__ = ["compare"]


@click.command(short_help="Hold an expansion against simulated SGD.")
@click.option(
    "--landscape",
    type=click.Choice(["digits", "gauss", "helix", "mean"]),
    default="digits",
    show_default=True,
)
@click.option(
    "--observable", type=click.Choice(OBSERVABLES), default="test-loss", show_default=True
)
@click.option("--order", type=click.IntRange(1, 6), default=3, show_default=True)
@click.option("--sampling", type=click.Choice(SAMPLINGS), default="one-pass", show_default=True)
@set_option
@click.option("--runs", type=click.IntRange(2), default=10_000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--plot", "picture", metavar="FILE", help="Draw the picture (.png, .svg or .pdf).")
@click.option(
    "--checkpoint", metavar="FILE", help="Save the simulation as it goes, and resume from it."
)
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option("--output", metavar="FILE", help="Write the table to a file.")
def compare(
    *,
    landscape: str,
    observable: str,
    order: int,
    sampling: str,
    settings: tuple[str, ...],
    runs: int,
    seed: int,
    picture: str | None,
    checkpoint: str | None,
    style: str,
    output: str | None,
) -> None:
    """Predict the change of a loss order by order and simulate it over a range of learning rates.

    Ctrl-C ends the simulation and shows what was measured so far.

    \b
    Example:
        sgdiagrams compare --landscape digits --order 3 --set T=10 --runs 20000 --plot digits.png
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.numeric.compare import compare as run_comparison
    from sgdiagrams.numeric.plot import check_picture

    numbers: dict[str, Any] = parse_settings(settings)
    if picture is not None:
        check_picture(picture)  # before the long work, not after it
    eta = numbers.pop("eta", None)
    if eta is not None:
        eta = [float(value) for value in (eta if isinstance(eta, list) else [eta])]
    with progress_bar("simulating") as progress:
        comparison = run_comparison(
            landscape,
            observable=observable,
            order=order,
            sampling=sampling,
            eta=eta,
            runs=runs,
            seed=seed,
            checkpoint=checkpoint,
            progress=progress,
            **numbers,
        )
    if style == "json":
        emit(json.dumps(comparison.to_dict(), indent=2), output)
    else:
        emit(str(comparison), output)
    if picture is not None:
        comparison.plot(picture)
        click.echo(f"wrote {picture}", err=True)
    if not comparison.complete:
        raise click.exceptions.Exit(130)
