"""``sgdiagrams judge``: which of the two series to trust."""

from __future__ import annotations

from typing import Any

import click

from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.options import (
    format_option,
    observable_option,
    optimizer_options,
    output_option,
    sampling_option,
    set_option,
    start_options,
)
from sgdiagrams.commands.shared.output import emit_result
from sgdiagrams.commands.shared.progress import working
from sgdiagrams.commands.shared.requests import (
    holder_of,
    parse_settings,
    pop_eta,
    read_protocol,
)

__all__ = ["judge"]


@command(short_help="Tell which series to trust, plain or re-summed.")
@start_options
@observable_option
@click.option(
    "--order",
    type=click.IntRange(1, 6),
    help="Highest order; by default 4, for displacement and generalisation gap 3, so that the powers "
    "of the re-summed series are complete.",
)
@sampling_option("one-pass")
@optimizer_options
@set_option
@format_option("text", "json")
@output_option
def judge(
    *,
    landscape: str | None,
    statistics_path: str | None,
    observable: str,
    order: int | None,
    settings: tuple[str, ...],
    style: str,
    output: str | None,
    **protocol: Any,
) -> None:
    """Print the size of every order of the plain and of the re-summed series, and recommend one.

    The numbers are eta (one, or a diagonal separated by commas) and those of the sampling and the
    optimiser. From measured contractions and from tables of values there is the plain series alone.

    \b
    Examples:
        sgdiagrams judge --landscape gauss --set eta=0.01 --set T=10000
        sgdiagrams judge --statistics stats.npz --optimizer momentum:beta=0.9 --set eta=0.01 --set T=50
        sgdiagrams judge --statistics values.csv --order 2 --set eta=0.01 --set T=50
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.numeric.comparison.validity import judge_series

    numbers: dict[str, Any] = parse_settings(settings)
    eta = pop_eta(numbers)
    scheme, rule = read_protocol(numbers, **protocol)
    with working("judging"):
        validity = judge_series(
            holder_of(landscape, statistics_path, max(order or 4, 3)),
            observable=observable,
            order=order,
            sampling=scheme,
            optimizer=rule,
            eta=eta,
        )
    emit_result(validity, style, output)
