"""``sgdiagrams ordering``: what the order of the rows does to training on a given set."""

from __future__ import annotations

from typing import Any

import click

from sgdiagrams.commands.shared.completion import files
from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.options import (
    format_option,
    optimizer_options,
    output_option,
    sampling_option,
    set_option,
)
from sgdiagrams.commands.shared.output import emit_result
from sgdiagrams.commands.shared.progress import working
from sgdiagrams.commands.shared.requests import (
    component_indices,
    parse_settings,
    pop_eta,
    read_protocol,
)

__all__ = ["ordering"]


@command(short_help="What the order of the rows does to training on a given set.")
@click.option(
    "--statistics",
    "statistics_path",
    metavar="FILE",
    shell_complete=files,
    required=True,
    help="The training set: derivatives of every datapoint as Statistics.save writes them, with the role "
    "training-set.",
)
@click.option(
    "--observable",
    metavar="NAME",
    default="training-loss",
    show_default=True,
    help="training-loss of the whole set, displacement (with --component) or function:NAME.",
)
@click.option("--component", metavar="I", help="The entry of a displacement, from 0.")
@click.option(
    "--order",
    type=click.IntRange(1, 6),
    default=2,
    show_default=True,
    help="Highest power of the learning rate.",
)
@sampling_option("epochs")
@optimizer_options
@set_option
@click.option("--no-pairs", is_flag=True, help="Leave out the table of pairs of datapoints.")
@click.option("--no-spread", is_flag=True, help="Leave out the deviations over orders.")
@format_option("table", "json")
@output_option
def ordering(
    *,
    statistics_path: str,
    observable: str,
    component: str | None,
    order: int,
    settings: tuple[str, ...],
    no_pairs: bool,
    no_spread: bool,
    style: str,
    output: str | None,
    **protocol: Any,
) -> None:
    """Tell what the order of the rows does to training on a given set.

    With a scheme that names its rows (epochs, one-pass, grid:FILE), the answer for this very order, what
    every datapoint and every pair contributes, and how the order stands among all orders. With a scheme
    that shuffles or draws rows, the average over what may happen to them, and its deviation. A recorded
    order is a file with the rows of one batch in every line: --sampling grid:order.txt.

    \b
    Examples:
        sgdiagrams ordering --statistics set.npz --set eta=0.05 --set N=50 --set B=5 --set E=2
        sgdiagrams ordering --statistics set.npz --sampling grid:order.txt --set eta=0.05
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.numeric.row_orders.effects import order_effects
    from sgdiagrams.numeric.statistics import Statistics

    numbers: dict[str, Any] = parse_settings(settings)
    eta = pop_eta(numbers)
    scheme, rule = read_protocol(numbers, **protocol)
    indices = component_indices(component)
    if indices is not None and len(indices) > 1:
        raise RequestError("expected one index for --component, that of a displacement")
    with working("following orders"):
        told = order_effects(
            Statistics.load(statistics_path),
            observable=observable,
            component=None if indices is None else indices[0],
            order=order,
            sampling=scheme,
            optimizer=rule,
            eta=eta,
            pairs=not no_pairs,
            spread=not no_spread,
        )
    emit_result(told, style, output)
