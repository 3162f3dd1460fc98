"""``sgdiagrams compare``: formula against simulated SGD."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from sgdiagrams.commands.shared.completion import files
from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.models import (
    executor_at,
    landscape_of,
    loaded_model,
    model_option,
    scheduler_option,
)
from sgdiagrams.commands.shared.options import (
    LANDSCAPES,
    NearestChoice,
    checkpoint_option,
    component_option,
    format_option,
    observable_option,
    optimizer_options,
    output_option,
    path_options,
    sampling_option,
    seed_option,
    set_option,
)
from sgdiagrams.commands.shared.output import emit_result
from sgdiagrams.commands.shared.progress import progress_bar
from sgdiagrams.commands.shared.requests import (
    check_others,
    component_indices,
    parse_settings,
    path_arguments,
    pop_rates,
    read_protocol,
    refuse_options,
)

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from sgdiagrams.numeric.comparison.comparison import Comparison
    from sgdiagrams.numeric.comparison.path_comparison import PathComparison
    from sgdiagrams.numeric.measurement.measured import Measured
    from sgdiagrams.symbolic.expansion import Expansion

__all__ = ["compare"]


@command(short_help="Hold an expansion against simulated SGD.")
@click.option("--landscape", type=NearestChoice(LANDSCAPES), help="digits when left out.")
@model_option
@click.option(
    "--statistics",
    "statistics_path",
    metavar="FILE",
    shell_complete=files,
    help="Where the numbers of the prediction come from, any file that 'sgdiagrams evaluate' takes; when "
    "left out, the landscape's own, or what is measured on all data of the model.",
)
@observable_option
@component_option
@click.option(
    "--order",
    type=click.IntRange(1, 6),
    help="Highest order; by default 3, with --resummed 4, for displacement and generalisation gap 3.",
)
@sampling_option("one-pass")
@optimizer_options
@set_option
@click.option(
    "--resummed", is_flag=True, help="Show the re-summed prediction beside the plain one."
)
@click.option(
    "--along-path",
    is_flag=True,
    help="Of a model, what noise adds to the run without noise, at one learning rate for the batch sizes "
    "of --at.",
)
@path_options
@click.option(
    "--control",
    is_flag=True,
    help="With --along-path: subtract the first order in the noise from simulated runs.",
)
@click.option("--runs", type=click.IntRange(2, 10**8), default=10_000, show_default=True)
@seed_option
@click.option(
    "--plot",
    "picture",
    metavar="FILE",
    shell_complete=files,
    help="Draw the picture (.png, .svg or .pdf).",
)
@checkpoint_option
@scheduler_option
@format_option("text", "json")
@output_option
def compare(
    *,
    landscape: str | None,
    model: str | None,
    statistics_path: str | None,
    observable: str,
    component: str | None,
    order: int | None,
    settings: tuple[str, ...],
    resummed: bool,
    along_path: bool,
    control: bool,
    runs: int,
    seed: int,
    picture: str | None,
    checkpoint: str | None,
    scheduler: str | None,
    style: str,
    output: str | None,
    **protocol: Any,
) -> None:
    """Predict an observable order by order and simulate it over a range of learning rates.

    Losses are compared by their change, the variance of the test loss and an entry of the displacement or
    the second moment as they are. Of a model of yours the data are the distribution that training sets
    are drawn from; what the prediction needs is measured first, or read from --statistics. Ctrl-C ends
    the simulation and shows what was simulated so far.

    \b
    Examples:
        sgdiagrams compare --landscape digits --order 3 --set T=10 --runs 20000 --plot digits.png
        sgdiagrams compare --landscape gauss --optimizer momentum:beta=0.9 --set T=10
        sgdiagrams compare --landscape helix --observable displacement --component 2 --set T=10
        sgdiagrams compare --landscape gauss --resummed --set T=10000 --set eta=0.01,0.05 --runs 3000
        sgdiagrams compare --model network.py:network --order 2 --set T=20 --runs 500
        sgdiagrams compare --model network.py:network --along-path --sampling fresh-data --set eta=0.3 \
--set T=20 --set B=8 --at B=4,8,16,32 --runs 500 --plot noise.png
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.numeric.holders import read_holder
    from sgdiagrams.numeric.pictures.canvas import check_picture

    numbers: dict[str, Any] = parse_settings(settings)
    if picture is not None:
        check_picture(picture)  # before the long work, not after it
    eta = pop_rates(numbers)
    measuring, at, protocol = path_arguments(protocol)
    scheme, rule = read_protocol(numbers, **protocol)
    common: dict[str, Any] = {
        "observable": observable,
        "sampling": scheme,
        "optimizer": rule,
        "eta": eta,
        "runs": runs,
        "seed": seed,
        "checkpoint": checkpoint,
    }
    comparison: Comparison | PathComparison
    if along_path:
        others = {
            "--landscape": landscape is not None,
            "--statistics": statistics_path is not None,
            "--order": order is not None,
            "--component": component is not None,
            "--resummed": resummed,
        }
        refuse_options("only without --along-path", others)
        check_others(at, scheme, "population")
        common |= {"control": control, "at": at, **measuring}
        comparison = _along_path(model, common, scheduler)
    else:
        others = {f"--{name}": True for name in measuring}
        others |= {"--at": bool(at), "--control": control}
        refuse_options("only with --along-path", others)
        refuse_options(
            "only with --landscape or --statistics",
            {"--resummed": resummed and model is not None and statistics_path is None},
        )
        if landscape is not None and model is not None:
            raise RequestError("expected either --landscape or --model, got both")
        common |= {
            "order": order,
            "component": component_indices(component),
            "resummed": resummed,
            "values": None if statistics_path is None else read_holder(statistics_path),
        }
        comparison = _by_orders(landscape, model, common, scheduler)
    emit_result(comparison, style, output)
    if picture is not None:
        comparison.plot(picture)
        click.echo(f"wrote {picture}", err=True)
    if not comparison.complete:
        raise click.exceptions.Exit(130)


def _by_orders(
    landscape: str | None, model: str | None, common: dict[str, Any], scheduler: str | None
) -> Comparison:
    """Compare what an expansion in the learning rate says, order by order."""
    from sgdiagrams import numeric
    from sgdiagrams.symbolic.theorem import expand

    with executor_at(scheduler) as executor, ExitStack() as stack:
        ground: Any = landscape or "digits"
        if model is not None:
            loss, weights, data = stack.enter_context(loaded_model(model))
            ground = numeric.model_landscape(loss, weights, data, name=model.rpartition(":")[2])
            if common["values"] is None:
                common["order"] = common["order"] or 3
                names = ("observable", "order", "sampling", "optimizer")
                needed = expand(**{name: common[name] for name in names})
                common["values"] = _measured(loss, weights, data, needed, executor)
        with progress_bar("simulating") as progress:
            comparison: Comparison = numeric.compare(
                ground, **common, executor=executor, progress=progress
            )
    return comparison


def _along_path(model: str | None, common: dict[str, Any], scheduler: str | None) -> PathComparison:
    """Compare what noise adds to the noiseless run of a model, for several batch sizes."""
    from sgdiagrams import numeric
    from sgdiagrams.diagrams.errors import RequestError

    if model is None or not common["at"]:
        raise RequestError(
            "expected --model FILE.py:NAME and --at B=8,16,32, or for epochs --at N=500,1000, with "
            "--along-path"
        )
    with (
        executor_at(scheduler) as executor,
        landscape_of(None, model) as ground,
        progress_bar("comparing") as progress,
    ):
        return numeric.compare(
            ground, along_path=True, **common, executor=executor, progress=progress
        )


def _measured(
    loss: Any, weights: Any, data: Any, expansion: Expansion, executor: Executor | None
) -> Measured:
    """Measure what a prediction needs on all data, which are the distribution here."""
    from sgdiagrams import numeric

    click.echo("measuring on all data; --statistics FILE.npz takes a measurement", err=True)
    with progress_bar("measuring") as progress:
        measured = numeric.measure(
            loss, weights, data, expansion, role="population", executor=executor, progress=progress
        )
    if not measured.complete:
        raise KeyboardInterrupt
    return measured
