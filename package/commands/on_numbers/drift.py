"""``sgdiagrams drift``: where SGD goes in the long run."""

from __future__ import annotations

from typing import Any

import click

from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.options import (
    format_option,
    optimizer_options,
    output_option,
    sampling_option,
    set_option,
    start_options,
)
from sgdiagrams.commands.shared.output import emit_result
from sgdiagrams.commands.shared.progress import working
from sgdiagrams.commands.shared.requests import (
    parse_settings,
    pop_eta,
    read_protocol,
    statistics_of,
)

__all__ = ["drift"]


@command(short_help="Tell where SGD goes in the long run.")
@start_options
@click.option("--order", type=click.IntRange(1, 8), default=3, show_default=True)
@sampling_option("one-pass")
@optimizer_options
@set_option
@format_option("text", "json")
@output_option
def drift(
    *,
    landscape: str | None,
    statistics_path: str | None,
    order: int,
    settings: tuple[str, ...],
    style: str,
    output: str | None,
    **protocol: Any,
) -> None:
    """Print the expected displacement for T to infinity, in the eigenbasis of eta H.

    That is a limit along every curved direction, and a velocity per update along every flat one. The
    numbers are eta (one, or a diagonal separated by commas) and those of the sampling and the
    optimiser, but for T and E.

    \b
    Examples:
        sgdiagrams drift --landscape helix --set eta=0.05
        sgdiagrams drift --statistics stats.npz --sampling full-batch --set eta=0.05 --set N=60
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.numeric.long_times.motion import drift as find_drift

    numbers: dict[str, Any] = parse_settings(settings)
    eta = pop_eta(numbers)
    for name in ("T", "E"):
        if name in numbers:
            raise RequestError(f"expected no number for {name}, which goes to infinity")
    scheme, rule = read_protocol(numbers, **protocol)
    with working("summing"):
        motion = find_drift(
            statistics_of(landscape, statistics_path, max(order, 2)),
            eta=eta,
            order=order,
            sampling=scheme,
            optimizer=rule,
        )
    emit_result(motion, style, output)
