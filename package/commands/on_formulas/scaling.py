"""``sgdiagrams scaling``: which terms obey the linear scaling rule, or another one."""

from __future__ import annotations

from typing import Any

import click

from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.options import (
    basis_option,
    fix_option,
    format_option,
    observable_option,
    optimizer_options,
    output_option,
    sampling_option,
)
from sgdiagrams.commands.shared.output import emit, emit_json
from sgdiagrams.commands.shared.progress import working
from sgdiagrams.commands.shared.requests import derive, refuse_options

__all__ = ["scaling"]


@command(short_help="Tell which terms obey the linear scaling rule.")
@observable_option
@click.option(
    "--order",
    type=click.IntRange(0, 10),
    default=3,
    show_default=True,
    help="Highest power of eta.",
)
@sampling_option("fresh-data")
@optimizer_options
@basis_option
@fix_option
@click.option(
    "--through",
    metavar="COMBINATION",
    multiple=True,
    help="A combination such as eta/B or 'eta*T'; may be repeated. Default: the linear scaling rule.",
)
@format_option("text", "latex", "json")
@click.option("--standalone", is_flag=True, help="A whole LaTeX document.")
@output_option
def scaling(
    *,
    through: tuple[str, ...],
    style: str,
    standalone: bool,
    output: str | None,
    **request: Any,
) -> None:
    """Split every term of an expansion into what obeys a scaling rule and what breaks it.

    A part obeys when it depends on eta and the numbers of the sampling only through the combinations.
    The linear scaling rule is 'eta/B' and 'eta*T' for fresh data, and 'eta/B', 'N' and 'E' for epochs.

    \b
    Examples:
        sgdiagrams scaling --basis cumulant
        sgdiagrams scaling --sampling epochs --order 2
        sgdiagrams scaling --sampling one-pass --through 'eta*T'
        sgdiagrams scaling --optimizer momentum --through 'eta/B' --through 'eta*T' --order 2
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.symbolic.scaling_law import scaling as scaling_table

    refuse_options("only with --format latex", {"--standalone": standalone and style != "latex"})
    with working("expanding"):
        table = scaling_table(derive(**request), through or None)
    if style == "json":
        emit_json(table.to_dict(), output)
    else:
        emit(table.latex(standalone=standalone) if style == "latex" else str(table), output)
