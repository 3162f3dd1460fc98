"""``sgdiagrams report``: one page of HTML on a question."""

from __future__ import annotations

from typing import Any

import click

from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.options import (
    basis_option,
    observable_option,
    optimizer_options,
    output_option,
    sampling_option,
    set_option,
    start_options,
)
from sgdiagrams.commands.shared.output import emit
from sgdiagrams.commands.shared.progress import working
from sgdiagrams.commands.shared.requests import holder_of, parse_settings, read_protocol

__all__ = ["report"]


@command(short_help="Make one page of HTML: diagrams, formulas, numbers with sliders.")
@start_options
@observable_option
@click.option("--order", type=click.IntRange(0, 4), required=True, help="Highest power of eta.")
@sampling_option("one-pass")
@optimizer_options
@basis_option
@click.option("--resummed", is_flag=True, help="Show the re-summed formula too.")
@click.option("--title", metavar="TEXT", default="", help="Of the page.")
@set_option
@output_option
def report(
    *,
    landscape: str | None,
    statistics_path: str | None,
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

    It has every diagram with its picture, count and value, and the closed form. From derivatives, from
    what 'sgdiagrams measure' writes, from a table of values or from a landscape it has numbers too, with
    sliders for the learning rate and all numbers that --set does not fix; --set eta=0.05 says where the
    slider of the learning rate begins.

    \b
    Examples:
        sgdiagrams report --order 3 --output report.html
        sgdiagrams report --order 3 --landscape gauss --output report.html
        sgdiagrams report --order 2 --statistics stats.npz --sampling epochs --output report.html
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.report.report import make_report

    numbers = parse_settings(settings)
    eta = numbers.pop("eta", None)
    scheme, rule = read_protocol(numbers, **protocol)
    holder, source = None, ""
    if landscape is not None or statistics_path is not None:
        holder = holder_of(landscape, statistics_path, max(order, 4))
        source = f"landscape {landscape}" if landscape is not None else f"file {statistics_path}"
    elif eta is not None:
        raise RequestError(
            "expected --set eta only with numbers, got neither --statistics nor --landscape"
        )
    with working("making the report"):
        page = make_report(
            observable,
            order=order,
            sampling=scheme,
            optimizer=rule,
            basis=basis,
            resummed=resummed,
            statistics=holder,
            eta=eta,
            source=source,
            title=title,
        ).html()
    emit(page, output)
