"""``sgdiagrams expand``: the formula."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sgdiagrams.commands.common import (
    basis_option,
    derive,
    derive_resummed,
    emit,
    emit_formula,
    fix_option,
    format_option,
    observable_option,
    optimizer_options,
    output_option,
    sampling_option,
    working,
)

if TYPE_CHECKING:
    from sgdiagrams.symbolic.expansion import Expansion
    from sgdiagrams.symbolic.resummed import ResummedExpansion
from sgdiagrams.commands.help import command

__all__ = ["expand"]


@command(short_help="Derive an expansion as text, LaTeX, MathML, JSON or Python.")
@observable_option
@click.option("--order", type=click.IntRange(0, 10), required=True, help="Highest power of eta.")
@sampling_option("one-pass")
@optimizer_options
@basis_option
@format_option("text", "latex", "mathml", "json", "python")
@click.option(
    "--eta",
    type=click.Choice(["scalar", "tensor"]),
    default="scalar",
    show_default=True,
    help="A power of eta in front, or the tensor eta on every edge (text, latex, mathml).",
)
@click.option(
    "--coefficients",
    type=click.Choice(["factored", "expanded", "binomial"]),
    default="factored",
    show_default=True,
    help="How coefficients are written (text, latex, mathml).",
)
@click.option("--standalone", is_flag=True, help="A whole LaTeX document, or a page of HTML.")
@click.option(
    "--width",
    metavar="LENGTH",
    help="Of a line (latex, mathml): 12cm, 345pt, textwidth, columnwidth; LaTeX's article when left out.",
)
@click.option("--resummed", is_flag=True, help="Sum over linkless diagrams: finite for long times.")
@click.option(
    "--form",
    type=click.Choice(["discrete", "continuous", "stationary", "small-eta"]),
    help="How the weights of --resummed are written; exact when left out.",
)
@click.option(
    "--flat",
    metavar="NAME",
    multiple=True,
    help="A free index of --resummed with eigenvalue 0: a, b; may be repeated.",
)
@click.option("--at-minimum", is_flag=True, help="Of --resummed, what a zero mean gradient leaves.")
@click.option(
    "--differences",
    type=click.Choice(["short", "written-out"]),
    help="Divided differences of --resummed in print: in brackets (short), or as fractions.",
)
@fix_option
@output_option
def expand(
    *,
    style: str,
    eta: Any,
    coefficients: Any,
    standalone: bool,
    width: str | None,
    resummed: bool,
    form: Any,
    flat: tuple[str, ...],
    at_minimum: bool,
    differences: str | None,
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
        sgdiagrams expand --observable displacement --order 3 --resummed --form stationary
    """  # noqa: D301 - click reads the control character
    if style not in ("latex", "mathml"):
        _refuse("only with --format latex or mathml", {"--width": width is not None})
    page = {"standalone": standalone, "width": width}
    if resummed:
        _refuse(
            "only without --resummed",
            {"--eta": eta != "scalar", "--coefficients": coefficients != "factored"},
        )
        with working("expanding"):
            expansion = _presented(derive_resummed(**request), form, flat, at_minimum=at_minimum)
            text = _resummed(expansion, style, differences or "short", page)
        (emit_formula if style == "text" else emit)(text, output)
        return
    _refuse(
        "only with --resummed",
        {
            "--form": form is not None,
            "--flat": bool(flat),
            "--at-minimum": at_minimum,
            "--differences": differences is not None,
        },
    )
    with working("expanding"):
        text = _plain(derive(**request), style, eta, coefficients, page)
    (emit_formula if style == "text" else emit)(text, output)


def _plain(
    expansion: Expansion, style: str, eta: Any, coefficients: Any, page: dict[str, Any]
) -> str:
    """Return a plain expansion in a format."""
    if style == "latex":
        return expansion.latex(eta=eta, coefficients=coefficients, **page)
    if style == "mathml":
        return expansion.mathml(eta=eta, coefficients=coefficients, **page)
    if style == "json":
        return expansion.to_json()
    if style == "python":
        return expansion.python()
    return expansion.text(eta=eta, coefficients=coefficients)


def _resummed(
    expansion: ResummedExpansion, style: str, differences: str, page: dict[str, Any]
) -> str:
    """Return a re-summed expansion in a format."""
    from sgdiagrams.diagrams.errors import RequestError

    if style == "python":
        raise RequestError(
            "expected --format text, latex, mathml or json with --resummed, got --format python; "
            "evaluate the JSON with 'sgdiagrams evaluate'"
        )
    if style == "latex":
        return expansion.latex(differences=differences, **page)
    if style == "mathml":
        return expansion.mathml(differences=differences, **page)
    return expansion.to_json() if style == "json" else expansion.text()


def _presented(
    expansion: ResummedExpansion, form: Any, flat: tuple[str, ...], *, at_minimum: bool
) -> ResummedExpansion:
    """Return a re-summed expansion as the options of a command ask for."""
    if form is not None or flat:
        expansion = expansion.with_form(form or expansion.form, flat=flat)
    return expansion.at_minimum() if at_minimum else expansion


def _refuse(rule: str, options: dict[str, bool]) -> None:
    """Refuse options that were given but mean nothing here.

    Raises
    ------
    RequestError
        For the first of them.
    """
    from sgdiagrams.diagrams.errors import RequestError

    for name, is_given in options.items():
        if is_given:
            raise RequestError(f"expected {name} {rule}, got it otherwise")
