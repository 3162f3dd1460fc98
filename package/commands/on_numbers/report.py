"""``sgdiagrams report``: one page of HTML on a question."""

from __future__ import annotations

from typing import Any

import click

from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.options import (
    basis_option,
    fix_option,
    observable_option,
    optimizer_options,
    output_option,
    sampling_option,
)
from sgdiagrams.commands.shared.output import emit
from sgdiagrams.commands.shared.progress import working
from sgdiagrams.commands.shared.requests import parse_settings, read_protocol

__all__ = ["report"]


@command(short_help="Make one page of HTML: diagrams, formulas, numbers with sliders.")
@observable_option
@click.option("--order", type=click.IntRange(0, 4), required=True, help="Highest power of eta.")
@sampling_option("one-pass")
@optimizer_options
@basis_option
@click.option("--resummed", is_flag=True, help="Show the re-summed formula too.")
@click.option("--title", metavar="TEXT", default="", help="Of the page.")
@fix_option
@output_option
def report(
    *,
    observable: str,
    order: int,
    basis: Any,
    resummed: bool,
    title: str,
    settings: tuple[str, ...],
    output: str | None,
    **protocol: Any,
) -> None:
    """Write one page of HTML that needs no other file and no network: a report on a question.

    \b
    Examples:
        sgdiagrams report --order 3 --output report.html
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.report.report import make_report

    scheme, rule = read_protocol(parse_settings(settings), **protocol)
    with working("making the report"):
        page = make_report(
            observable,
            order=order,
            sampling=scheme,
            optimizer=rule,
            basis=basis,
            resummed=resummed,
            title=title,
        ).html()
    emit(page, output)
