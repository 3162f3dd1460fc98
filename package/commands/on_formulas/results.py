"""``sgdiagrams results``: known results of the literature, derived."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.options import format_option, output_option
from sgdiagrams.commands.shared.output import emit, emit_formula
from sgdiagrams.commands.shared.progress import working
from sgdiagrams.commands.shared.requests import refuse_options

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["results"]


def _laws(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the name of a result, which are known where they are derived."""
    from click.shell_completion import CompletionItem

    from sgdiagrams.symbolic.results import RESULTS

    return [CompletionItem(name) for name in RESULTS if name.startswith(incomplete)]


@command(short_help="Derive known results of the literature.")
@click.argument("name", required=False, shell_complete=_laws)
@format_option("text", "latex")
@click.option("--standalone", is_flag=True, help="A whole LaTeX document.")
@output_option
def results(*, name: str | None, style: str, standalone: bool, output: str | None) -> None:
    """Derive results of the literature, with their sources.

    Without NAME all of them: Takeuchi's and Akaike's criteria, the excess loss of full-batch descent and
    the curvature where it is worst, the drift of SGD and its velocity along valleys, the price of skewed
    noise, quadratic losses, the helix, stationary covariances and biases; and modified equations: the
    losses and flows that gradient descent, epochs, SGD and momentum follow. Each is derived when asked
    for and followed by the call that derives it; --format latex gives laws for any number of weights,
    and formulas in the letters of their source.

    \b
    Examples:
        sgdiagrams results
        sgdiagrams results valley-velocity --format latex
        sgdiagrams results --format latex --standalone --output results.tex
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.symbolic.known.page import results_in_latex
    from sgdiagrams.symbolic.results import RESULTS, known_result

    refuse_options("only with --format latex", {"--standalone": standalone and style != "latex"})
    with working("deriving"):
        derived = [known_result(law) for law in (RESULTS if name is None else (name,))]
    if style == "latex":
        emit(results_in_latex(derived, standalone=standalone), output)
        return
    emit_formula("\n".join(map(str, derived)), output)
