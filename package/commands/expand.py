"""``sgdiagrams expand``: the formula."""

from __future__ import annotations

from typing import Any

import click

from sgdiagrams.commands.common import OBSERVABLES, SAMPLINGS, emit, parse_settings

__all__ = ["expand"]


@click.command(short_help="Derive an expansion as LaTeX, text, JSON or Python.")
@click.option(
    "--observable", type=click.Choice(OBSERVABLES), default="test-loss", show_default=True
)
@click.option("--order", type=click.IntRange(0, 14), required=True, help="Highest power of eta.")
@click.option("--sampling", type=click.Choice(SAMPLINGS), default="one-pass", show_default=True)
@click.option(
    "--basis", type=click.Choice(["moment", "cumulant"]), default="moment", show_default=True
)
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
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="Fix a number of the sampling, e.g. --set T=10 or --set N=60; may be repeated.",
)
@click.option("--output", metavar="FILE", help="Write to a file instead of the terminal.")
def expand(
    *,
    observable: str,
    order: int,
    sampling: str,
    basis: Any,
    style: str,
    eta: Any,
    coefficients: Any,
    standalone: bool,
    settings: tuple[str, ...],
    output: str | None,
) -> None:
    """Expand an expected loss of SGD in powers of the learning rate, exactly.

    Formulas keep the number of updates T (one-pass), or the numbers N of datapoints, B of a batch and E
    of epochs (epochs), as symbols; --set fixes some of them.

    \b
    Examples:
        sgdiagrams expand --order 3 --sampling one-pass --format latex
        sgdiagrams expand --observable generalisation-gap --order 2 --sampling epochs
        sgdiagrams expand --order 3 --format json --output expansion.json
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.symbolic.expand import expand as expand_observable
    from sgdiagrams.symbolic.sampling import sampling as sampling_by_name

    scheme = sampling_by_name(sampling).at(**parse_settings(settings))
    expansion = expand_observable(observable, order=order, sampling=scheme, basis=basis)
    if style == "latex":
        text = expansion.latex(eta=eta, coefficients=coefficients, standalone=standalone)
    elif style == "json":
        text = expansion.to_json()
    elif style == "python":
        text = expansion.python()
    else:
        text = expansion.text(eta=eta, coefficients=coefficients)
    emit(text, output)
