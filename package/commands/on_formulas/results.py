"""``sgdiagrams results``: known results of the literature, derived, and errata, checked."""

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
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the name of a result or an erratum, which are known where they are derived."""
    from click.shell_completion import CompletionItem

    from sgdiagrams.numeric.errata.catalogue import ERRATA
    from sgdiagrams.symbolic.results import RESULTS

    names = ERRATA if context.params.get("errata") else RESULTS
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@command(short_help="Derive known results of the literature.")
@click.argument("name", required=False, shell_complete=_laws)
@click.option(
    "--errata",
    is_flag=True,
    is_eager=True,
    help="Published formulas that are wrong, with the correction and what exact SGD says of both.",
)
@format_option("text", "latex")
@click.option("--standalone", is_flag=True, help="A whole LaTeX document.")
@output_option
def results(
    *, name: str | None, errata: bool, style: str, standalone: bool, output: str | None
) -> None:
    """Derive results of the literature, with their sources.

    Without NAME all of them: Takeuchi's and Akaike's criteria, the excess loss of full-batch descent and
    the curvature where it is worst, the drift of SGD and its velocity along valleys, the price of skewed
    noise, quadratic losses, the helix, stationary covariances and biases; and modified equations: the
    losses and flows that gradient descent, epochs, SGD and momentum follow. Each is derived when asked
    for and followed by the call that derives it; --format latex gives laws for any number of weights,
    and formulas in the letters of their source.

    With --errata formulas of this theory that are printed wrong: as printed, as derived, and what SGD
    does in exact arithmetic; the exit status is 1 if that refuted a derived one.

    \b
    Examples:
        sgdiagrams results
        sgdiagrams results valley-velocity --format latex
        sgdiagrams results --format latex --standalone --output results.tex
        sgdiagrams results --errata descent-less-sgd-sign
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.symbolic.known.page import results_in_latex
    from sgdiagrams.symbolic.results import RESULTS, known_result

    refuse_options("only with --format latex", {"--standalone": standalone and style != "latex"})
    if errata:
        _show_errata(name, style=style, standalone=standalone, output=output)
        return
    with working("deriving"):
        derived = [known_result(law) for law in (RESULTS if name is None else (name,))]
    if style == "latex":
        emit(results_in_latex(derived, standalone=standalone), output)
        return
    emit_formula("\n".join(map(str, derived)), output)


def _show_errata(name: str | None, *, style: str, standalone: bool, output: str | None) -> None:
    from sgdiagrams.numeric.errata.catalogue import ERRATA, known_erratum
    from sgdiagrams.numeric.errata.page import errata_in_latex

    with working("checking"):
        checked = [known_erratum(word) for word in (ERRATA if name is None else (name,))]
    if style == "latex":
        emit(errata_in_latex(checked, standalone=standalone), output)
    else:
        emit_formula("\n".join(map(str, checked)), output)
    if not all(erratum.evidence.refutes for erratum in checked):
        raise click.exceptions.Exit(1)
