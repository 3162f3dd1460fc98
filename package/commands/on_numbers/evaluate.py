"""``sgdiagrams evaluate``: numbers into a formula."""

from __future__ import annotations

import click

from sgdiagrams.commands.shared.completion import files
from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.options import format_option, output_option, set_option
from sgdiagrams.commands.shared.output import emit_result
from sgdiagrams.commands.shared.progress import working
from sgdiagrams.commands.shared.reading import read_text
from sgdiagrams.commands.shared.requests import parse_settings

__all__ = ["evaluate"]


@command(short_help="Put statistics and numbers into an expansion.")
@click.argument("expansion", metavar="EXPANSION.json", shell_complete=files)
@click.option(
    "--statistics",
    "statistics_path",
    metavar="FILE",
    shell_complete=files,
    required=True,
    help="Per-sample derivatives as Statistics.save writes them (.npz, or exact .json), what 'sgdiagrams "
    "measure' writes (.npz), or a table of contractions and their values (.json or .csv).",
)
@set_option
@format_option("text", "json")
@output_option
def evaluate(
    *,
    expansion: str,
    statistics_path: str,
    settings: tuple[str, ...],
    style: str,
    output: str | None,
) -> None:
    """Evaluate an expansion on measured derivatives, measured contractions or published values.

    EXPANSION.json is what 'sgdiagrams expand --format json' writes, re-summed or not; '-' reads
    standard input. The numbers are eta (one, or a diagonal separated by commas) and those of the
    expansion.

    \b
    Examples:
        sgdiagrams evaluate expansion.json --statistics stats.npz --set eta=0.05 --set T=10
        sgdiagrams evaluate expansion.json --statistics values.csv --set eta=0.05 --set T=10
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.numeric.holders import read_holder
    from sgdiagrams.symbolic.expansion import Expansion
    from sgdiagrams.symbolic.files.resummed import is_resummed
    from sgdiagrams.symbolic.paths.path_json import refuse_path
    from sgdiagrams.symbolic.resummed import ResummedExpansion

    numbers = parse_settings(settings)
    if "eta" not in numbers:
        raise RequestError("expected a learning rate; give --set eta=0.05")
    eta = numbers.pop("eta")
    if expansion == statistics_path == "-":
        raise RequestError("expected one of the files from standard input, got both")
    text = read_text(expansion)
    refuse_path(text)
    kind = ResummedExpansion if is_resummed(text) else Expansion
    formula = kind.from_json(text)
    with working("evaluating"):
        estimate = formula.evaluate(read_holder(statistics_path), eta=eta, **numbers)
    emit_result(estimate, style, output)
