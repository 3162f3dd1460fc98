"""``sgdiagrams judge``: which of the two series to trust."""

from __future__ import annotations

import json
from typing import Any

import click

from sgdiagrams.commands.common import (
    emit,
    fix_numbers,
    observable_option,
    optimizer_options,
    parse_settings,
    sampling_option,
    set_option,
    start_options,
    statistics_of,
)

__all__ = ["judge"]


@click.command(short_help="Tell which series to trust, plain or re-summed.")
@start_options
@observable_option
@click.option("--order", type=click.IntRange(1, 6), default=3, show_default=True)
@sampling_option("one-pass")
@optimizer_options
@set_option
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option("--output", metavar="FILE", help="Write to a file instead of the terminal.")
def judge(
    *,
    landscape: str | None,
    statistics_path: str | None,
    observable: str,
    order: int,
    sampling: str,
    method: str,
    weight_decay: str | None,
    schedule: str | None,
    average: str | None,
    settings: tuple[str, ...],
    style: str,
    output: str | None,
) -> None:
    """Print the size of every order of the plain and of the re-summed series, and recommend one.

    The numbers are eta (one, or a diagonal separated by commas) and those of the sampling and the
    optimiser.

    \b
    Examples:
        sgdiagrams judge --landscape gauss --set eta=0.01 --set T=10000
        sgdiagrams judge --statistics stats.npz --optimizer momentum:beta=0.9 --set eta=0.01 --set T=50
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.numeric.validity import judge_series
    from sgdiagrams.symbolic.optimizers import optimizer as optimizer_by_name
    from sgdiagrams.symbolic.schemes import sampling as sampling_by_name

    numbers: dict[str, Any] = parse_settings(settings)
    if "eta" not in numbers:
        raise RequestError("expected a learning rate; give --set eta=0.05")
    eta = numbers.pop("eta")
    options = {"schedule": schedule, "average": average, "weight_decay": weight_decay}
    scheme, rule = fix_numbers(
        sampling_by_name(sampling), optimizer_by_name(method, **options), numbers
    )
    found = judge_series(
        statistics_of(landscape, statistics_path, max(order, 2)),
        observable=observable,
        order=order,
        sampling=scheme,
        optimizer=rule,
        eta=eta,
    )
    emit(json.dumps(found.to_dict(), indent=2) if style == "json" else str(found), output)
