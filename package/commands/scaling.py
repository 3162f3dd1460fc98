"""``sgdiagrams scaling``: which terms obey the linear scaling rule, or another one."""

from __future__ import annotations

import json
from typing import Any

import click

from sgdiagrams.commands.common import OBSERVABLES, SAMPLINGS, emit

__all__ = ["scaling"]


@click.command(short_help="Tell which terms obey the linear scaling rule.")
@click.option(
    "--observable", type=click.Choice(OBSERVABLES), default="test-loss", show_default=True
)
@click.option(
    "--order",
    type=click.IntRange(0, 14),
    default=3,
    show_default=True,
    help="Highest power of eta.",
)
@click.option("--sampling", type=click.Choice(SAMPLINGS), default="fresh-data", show_default=True)
@click.option(
    "--basis",
    type=click.Choice(["moment", "cumulant"]),
    help="Default: the usual one of the sampling.",
)
@click.option(
    "--through",
    metavar="COMBINATION",
    multiple=True,
    help="A combination such as eta/B or 'eta*T'; may be repeated. Default: the linear scaling rule.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "latex", "json"]),
    default="text",
    show_default=True,
)
@click.option("--standalone", is_flag=True, help="A whole LaTeX document.")
@click.option("--output", metavar="FILE", help="Write to a file instead of the terminal.")
def scaling(
    *,
    observable: str,
    order: int,
    sampling: str,
    basis: Any,
    through: tuple[str, ...],
    style: str,
    standalone: bool,
    output: str | None,
) -> None:
    """Split every term of an expansion into what obeys a scaling rule and what breaks it.

    A part obeys when it depends on eta and the numbers of the sampling only through the combinations.
    The linear scaling rule is 'eta/B' and 'eta*T' for fresh data, and 'eta/B', 'N' and 'E' for epochs.

    \b
    Examples:
        sgdiagrams scaling --basis cumulant
        sgdiagrams scaling --sampling epochs --order 2
        sgdiagrams scaling --sampling one-pass --through 'eta*T'
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.symbolic.expand import expand
    from sgdiagrams.symbolic.scaling import scaling as scaling_table

    expansion = expand(observable, order=order, sampling=sampling, basis=basis)
    table = scaling_table(expansion, through or None)
    if style == "latex":
        text = table.latex(standalone=standalone)
    elif style == "json":
        text = json.dumps(table.to_dict(), indent=2)
    else:
        text = str(table)
    emit(text, output)
