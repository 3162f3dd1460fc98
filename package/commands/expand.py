"""``sgdiagrams expand``: the formula."""

from __future__ import annotations

from typing import Any

import click

from sgdiagrams.commands.common import (
    basis_option,
    derive,
    emit,
    fix_option,
    observable_option,
    optimizer_options,
    sampling_option,
)

__all__ = ["expand"]


@click.command(short_help="Derive an expansion as LaTeX, text, JSON or Python.")
@observable_option
@click.option("--order", type=click.IntRange(0, 14), required=True, help="Highest power of eta.")
@sampling_option("one-pass")
@optimizer_options
@basis_option
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "latex", "json", "python"]),
    default="text",
    show_default=True,
)
@click.option(
    "--eta",
    type=click.Choice(["scalar", "tensor"]),
    default="scalar",
    show_default=True,
    help="A power of eta in front, or the tensor eta on every edge (text and latex).",
)
@click.option(
    "--coefficients",
    type=click.Choice(["factored", "expanded", "binomial"]),
    default="factored",
    show_default=True,
    help="How coefficients are written (text and latex).",
)
@click.option("--standalone", is_flag=True, help="A whole LaTeX document.")
@fix_option
@click.option("--output", metavar="FILE", help="Write to a file instead of the terminal.")
def expand(
    *,
    style: str,
    eta: Any,
    coefficients: Any,
    standalone: bool,
    output: str | None,
    **request: Any,
) -> None:
    """Expand an expected observable of SGD in powers of the learning rate, exactly.

    Formulas keep the numbers T of updates, N of datapoints, B of a batch, E of epochs and the optimiser's
    beta, gamma and alpha as symbols wherever there is a closed form; --set fixes some of them. Without
    one (given factors, averages over a part, momentum with epochs, grids) all numbers must be set.

    \b
    Examples:
        sgdiagrams expand --order 3 --sampling one-pass --format latex
        sgdiagrams expand --observable generalisation-gap --order 2 --sampling epochs
        sgdiagrams expand --order 2 --sampling with-replacement --optimizer momentum
        sgdiagrams expand --order 3 --format json --output expansion.json
    """  # noqa: D301 - click reads the control character
    expansion = derive(**request)
    if style == "latex":
        text = expansion.latex(eta=eta, coefficients=coefficients, standalone=standalone)
    elif style == "json":
        text = expansion.to_json()
    elif style == "python":
        text = expansion.python()
    else:
        text = expansion.text(eta=eta, coefficients=coefficients)
    emit(text, output)
