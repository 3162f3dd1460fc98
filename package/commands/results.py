"""``sgdiagrams results``: known laws on long times, derived."""

from __future__ import annotations

import click

from sgdiagrams.commands.common import emit

__all__ = ["results"]


@click.command(short_help="Derive the known laws on long times.")
@click.argument("name", required=False)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "latex"]),
    default="text",
    show_default=True,
)
@click.option("--output", metavar="FILE", help="Write to a file instead of the terminal.")
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

    laws = [known_result(law) for law in (RESULTS if name is None else (name,))]
    if style == "latex":
        emit("\n".join(f"% {law.statement}\n{law.latex()}" for law in laws), output)
        return
    blocks = [f"{law.name}: {law.statement}\n  {law.formula}\n  {law.call}" for law in laws]
    emit("\n".join(blocks), output)
