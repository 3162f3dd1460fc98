"""``sgdiagrams expand``: the formula."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sgdiagrams.commands.shared.options import (
    basis_option,
    fix_option,
    format_option,
    observable_option,
    optimizer_options,
    output_option,
    sampling_option,
    visits_option,
)
from sgdiagrams.commands.shared.output import emit, emit_formula
from sgdiagrams.commands.shared.progress import working
from sgdiagrams.commands.shared.requests import (
    derive,
    derive_along_path,
    derive_resummed,
    refuse_options,
)

if TYPE_CHECKING:
    from sgdiagrams.symbolic.expansion import Expansion
    from sgdiagrams.symbolic.path_expansion import PathExpansion
    from sgdiagrams.symbolic.resummed import ResummedExpansion
from sgdiagrams.commands.shared.help import command, given_command

__all__ = ["expand"]


@command(short_help="Derive an expansion as text, LaTeX, MathML, JSON or Python.")
@observable_option
@click.option("--order", type=click.IntRange(0, 10), help="Highest power of eta, or most edges.")
@click.option(
    "--through",
    type=int,
    metavar="K",
    help="Of --resummed, in place of --order: from a minimum, complete through power K of eta and 1/N.",
)
@sampling_option("one-pass")
@optimizer_options
@basis_option
@visits_option
@format_option("text", "latex", "mathml", "json", "python")
@click.option(
    "--eta",
    type=click.Choice(["scalar", "tensor"]),
    help="A power of eta in front (scalar, the default), or the tensor eta on every edge.",
)
@click.option(
    "--coefficients",
    type=click.Choice(["factored", "expanded", "binomial"]),
    help="How coefficients are written; factored when left out. Binomials are of T alone.",
)
@click.option("--standalone", is_flag=True, help="A whole LaTeX document, or a page of HTML.")
@click.option(
    "--document",
    is_flag=True,
    help="The whole derivation as an article (latex): question, theorem, counting, diagrams with counts "
    "and values, formula, limits.",
)
@click.option(
    "--width",
    metavar="LENGTH",
    help="Of a line (latex, mathml): 12cm, 345pt, textwidth, columnwidth; LaTeX's article when left out.",
)
@click.option(
    "--digits", type=int, metavar="K", help="Round numbers with more digits to K, and say so."
)
@click.option(
    "--along-path",
    is_flag=True,
    help="Expand in the noise, about the run of the mean gradient: at any learning rate.",
)
@click.option(
    "--noise",
    type=click.IntRange(0, 3),
    help="Of --along-path, in place of --order: the highest order in the noise.",
)
@click.option("--resummed", is_flag=True, help="Sum over linkless diagrams: finite for long times.")
@click.option(
    "--role",
    type=click.Choice(["population", "training-set"]),
    help="Of --resummed: averaged over training sets (population, the default), or on a given one, in "
    "its own cumulants.",
)
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
@click.option(
    "--in-one-dimension", is_flag=True, help="Of --resummed: the formula for a single weight."
)
@click.option(
    "--on-tensors",
    "tensors",
    metavar="FILE",
    help="Of --resummed: the formula on given tensors in an eigenbasis; JSON from FILE, or from "
    "standard input for -.",
)
@fix_option
@output_option
def expand(
    *,
    style: str,
    eta: Any,
    coefficients: Any,
    standalone: bool,
    document: bool,
    width: str | None,
    along_path: bool,
    noise: int | None,
    resummed: bool,
    role: Any,
    form: Any,
    flat: tuple[str, ...],
    at_minimum: bool,
    differences: str | None,
    in_one_dimension: bool,
    tensors: str | None,
    digits: int | None,
    output: str | None,
    visits: Any,
    **request: Any,
) -> None:
    """Expand an expected observable of SGD in powers of the learning rate, or of the noise, exactly.

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
        sgdiagrams expand --observable displacement --through 2 --resummed --form stationary
        sgdiagrams expand --order 2 --sampling epochs --visits fresh
        sgdiagrams expand --along-path --noise 1 --sampling epochs --format latex
        sgdiagrams expand --order 3 --sampling epochs --format latex --document --output gap.tex
    """  # noqa: D301 - click reads the control character
    if not resummed:
        refuse_options(
            "only with --resummed",
            {
                "--through": request["through"] is not None,
                "--role": role is not None,
                "--form": form is not None,
                "--flat": bool(flat),
                "--at-minimum": at_minimum,
                "--differences": differences is not None,
                "--in-one-dimension": in_one_dimension,
                "--on-tensors": tensors is not None,
            },
        )
    if style not in ("latex", "mathml"):
        refuse_options("only with --format latex or mathml", {"--width": width is not None})
    if document:
        refuse_options("only with --format latex", {"--document": style != "latex"})
        without = {
            "--standalone": standalone,  # it is a whole document as it is
            "--eta": eta is not None,
            "--in-one-dimension": in_one_dimension,
            "--on-tensors": tensors is not None,
        }
        refuse_options("only without --document", without)
    page = {"standalone": standalone, "width": width, "digits": digits}
    article = {"command": given_command(), "width": width} if document else None
    if standalone:
        refuse_options("only with --format latex or mathml", {"--standalone": style in _OF_DATA})
    if style in _OF_DATA[1:]:
        rule = "only with --format text, latex or mathml"
        refuse_options(rule, {"--eta": eta is not None, "--coefficients": coefficients is not None})
        refuse_options(rule, {"--digits": digits is not None})
    if along_path:
        refuse_options(
            "only without --along-path",
            {
                "--order": request.pop("order") is not None,
                "--through": request.pop("through") is not None,
                "--resummed": resummed,
                "--visits": visits != "same",
                "--eta": eta is not None,
                "--coefficients": coefficients is not None,
                "--digits": digits is not None,
                "--format python": style == "python",
            },
        )
        with working("expanding"):
            path_expansion = derive_along_path(noise=noise, **request)
            text = (
                _along_path(path_expansion, style, page)
                if article is None
                else path_expansion.document(**article)
            )
        (emit_formula if style == "text" else emit)(text, output)
        return
    refuse_options("only with --along-path", {"--noise": noise is not None})
    if not resummed:
        with working("expanding"):
            plain = derive(visits=visits, **request)
            text = (
                _plain(plain, style, eta or "scalar", coefficients or "factored", page)
                if article is None
                else plain.document(
                    coefficients=coefficients or "factored", digits=digits, **article
                )
            )
        (emit_formula if style == "text" else emit)(text, output)
        return
    refuse_options("only without --resummed", {"--visits": visits != "same"})
    refuse_options(
        "only without --resummed",
        {"--eta": eta is not None, "--coefficients": coefficients is not None},
    )
    if differences is not None:
        refuse_options("only with --format latex or mathml", {"--differences": style in _OF_DATA})
    if in_one_dimension:
        refuse_options("only without --in-one-dimension", {"--on-tensors": tensors is not None})
    if in_one_dimension or tensors is not None:
        rule = "only without --in-one-dimension and --on-tensors"
        refuse_options(rule, {"--differences": differences is not None})
    with working("expanding"):
        expansion = _presented(derive_resummed(role, **request), form, flat, at_minimum=at_minimum)
        if in_one_dimension or tensors is not None:
            text = _as_formula(expansion, style, tensors, page)
        elif article is not None:
            text = expansion.document(differences=differences or "short", digits=digits, **article)
        else:
            text = _resummed(expansion, style, differences or "short", page)
    (emit_formula if style == "text" else emit)(text, output)


# Formats without mathematical layout; the terminal's has one of its own.
_OF_DATA = ("text", "json", "python")


def _as_formula(
    expansion: ResummedExpansion, style: str, path: str | None, page: dict[str, Any]
) -> str:
    """Return an ordinary formula: for one weight, or on the tensors of a file."""
    from sgdiagrams.commands.shared.tensors import read_tensors
    from sgdiagrams.diagrams.errors import RequestError

    if style not in ("text", "latex") or any(value not in (None, False) for value in page.values()):
        raise RequestError(
            "expected --format text or latex, without --standalone, --width and --digits, for an "
            f"ordinary formula, got --format {style}"
        )
    from sympy import Add, latex

    from sgdiagrams.symbolic import symbols

    given = None if path is None else read_tensors(path)
    formula = expansion.in_one_dimension() if given is None else expansion.on_tensors(**given)
    # As a person writes a series: from the lowest power of eta on.
    terms = sorted(Add.make_args(formula), key=lambda term: term.as_coeff_exponent(symbols.eta)[1])
    if style == "text":
        parts, left_out = [str(term).replace("**", "^") for term in terms], expansion.left_out.text
    else:
        parts, left_out = [str(latex(term)) for term in terms], expansion.left_out.latex
    shown = " + ".join([*parts, *([left_out] if left_out else [])])
    return shown.replace(" + -", " - ").replace("-  ", "- ")


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
    return expansion.text(eta=eta, coefficients=coefficients, digits=page["digits"])


def _along_path(expansion: PathExpansion, style: str, page: dict[str, Any]) -> str:
    """Return an expansion along the path in a format."""
    if style in ("latex", "mathml"):
        write = expansion.latex if style == "latex" else expansion.mathml
        return write(standalone=page["standalone"], width=page["width"])
    return expansion.to_json() if style == "json" else expansion.text()


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
    return expansion.to_json() if style == "json" else expansion.text(digits=page["digits"])


def _presented(
    expansion: ResummedExpansion, form: Any, flat: tuple[str, ...], *, at_minimum: bool
) -> ResummedExpansion:
    """Return a re-summed expansion as the options of a command ask for."""
    if form is not None or flat:
        expansion = expansion.with_form(form or expansion.form, flat=flat)
    return expansion.at_minimum() if at_minimum else expansion
