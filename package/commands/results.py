"""``sgdiagrams results``: known laws on long times, derived."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.options import format_option, output_option
from sgdiagrams.commands.shared.output import emit, emit_formula
from sgdiagrams.commands.shared.progress import working

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["results"]


def _laws(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the name of a law, which are known where they are derived."""
    from click.shell_completion import CompletionItem

    from sgdiagrams.symbolic.results import RESULTS

    return [CompletionItem(name) for name in RESULTS if name.startswith(incomplete)]


@command(short_help="Derive the known laws on long times.")
@click.argument("name", required=False, shell_complete=_laws)
@format_option("text", "latex")
@output_option
def results(*, name: str | None, style: str, output: str | None) -> None:
    """Derive the laws that re-summed expansions give from a minimum of the test loss.

    Without NAME all of them: Takeuchi's and Akaike's criteria, the excess loss of full-batch descent and
    the curvature where it is worst, the drift of SGD and its velocity along valleys, the price of skewed
    noise, quadratic losses, and the helix. Each is derived when asked for; --format latex gives the law
    for any number of weights.

    \b
    Examples:
        sgdiagrams results
        sgdiagrams results valley-velocity --format latex
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.symbolic.results import RESULTS, known_result

    with working("deriving"):
        laws = [known_result(law) for law in (RESULTS if name is None else (name,))]
    if style == "latex":
        emit("\n".join(f"% {law.statement}\n{law.latex()}" for law in laws), output)
        return
    emit_formula("\n".join(map(str, laws)), output)
