"""``sgdiagrams measure``: what expansions need, from a model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from sgdiagrams.commands.shared.completion import files
from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.models import executor_at, loaded_model, scheduler_option
from sgdiagrams.commands.shared.options import (
    format_option,
    seed_option,
)
from sgdiagrams.commands.shared.output import emit_result
from sgdiagrams.commands.shared.progress import progress_bar, working
from sgdiagrams.commands.shared.reading import read_text
from sgdiagrams.commands.shared.requests import (
    byte_size,
    parse_settings,
    positive_number,
    refuse_options,
)

if TYPE_CHECKING:
    from sgdiagrams.symbolic.expansion import Expansion

__all__ = ["measure"]


@command(short_help="Measure what expansions need on a model of yours, with errors.")
@click.argument("model", metavar="FILE.py:NAME", shell_complete=files)
@click.option(
    "--expansion",
    "expansions",
    metavar="FILE.json",
    multiple=True,
    required=True,
    shell_complete=files,
    help="What is to be evaluated, as 'sgdiagrams expand --format json' writes it; may be repeated.",
)
@click.option(
    "--output",
    metavar="FILE.npz",
    shell_complete=files,
    help="Where the measurement is kept, also while it goes on: the same command resumes it.",
)
@click.option(
    "--role",
    type=click.Choice(["sample", "population", "training-set"]),
    default="sample",
    show_default=True,
    help="Whether the data are a sample of a distribution, are the distribution, or are what is "
    "trained on.",
)
@click.option(
    "--precision",
    metavar="NUMBER",
    help="Stop at this relative error of each order, such as 0.05.",
)
@click.option(
    "--at",
    "at",
    metavar="NAME=VALUE",
    multiple=True,
    help="Where that precision is wanted: --at eta=0.05 --at T=100.",
)
@click.option("--budget", metavar="NUMBER", help="Stop after so many gradients of all data.")
@click.option("--memory", metavar="BYTES", help="At most so much for the work: 2GB, 500MB.")
@seed_option
@click.option(
    "--part",
    metavar="K/N",
    help="The share of machine K of N, for 'sgdiagrams merge' to put together.",
)
@scheduler_option
@click.option(
    "--plan", "only_plan", is_flag=True, help="Say what would be done, and what it costs."
)
@format_option("text", "json", by_name=False)
def measure(
    *,
    model: str,
    expansions: tuple[str, ...],
    output: str | None,
    role: Any,
    precision: str | None,
    at: tuple[str, ...],
    budget: str | None,
    memory: str | None,
    seed: int,
    part: str | None,
    scheduler: str | None,
    only_plan: bool,
    style: str,
) -> None:
    """Measure the contractions that expansions need, by nested derivatives of a model.

    NAME is a function without arguments that returns (loss, weights, data): in JAX loss(weights,
    datapoint) gives a number, for PyTorch sgdiagrams.torch_loss(module, criterion) gives loss and
    weights. The file is executed as Python; it is the only file that is.

    Ctrl-C ends the measurement and keeps what was measured so far; the same command goes on with it.
    'sgdiagrams evaluate FILE.json --statistics FILE.npz' puts the numbers into an expansion.

    \b
    Examples:
        sgdiagrams expand --order 3 --format json --output e.json
        sgdiagrams measure network.py:network --expansion e.json --plan
        sgdiagrams measure network.py:network --expansion e.json --output m.npz
        sgdiagrams measure network.py:network --expansion e.json --output m.npz --precision 0.05 \
--at eta=0.05 --at T=100
        sgdiagrams measure network.py:network --expansion e.json --output m1.npz --part 1/2
    """  # noqa: D301 - click reads the control character
    from sgdiagrams import numeric

    refuse_options("only without --plan", {"--output": only_plan and output is not None})
    if not only_plan and output is None:
        from sgdiagrams.diagrams.errors import RequestError

        raise RequestError(
            "expected --output FILE.npz for what is measured, or --plan, got neither"
        )
    options: dict[str, Any] = {
        "role": role,
        "at": parse_settings(at, option="--at") or None,
        "precision": positive_number("--precision", precision),
        "budget": positive_number("--budget", budget),
        "memory": None if memory is None else byte_size("--memory", memory),
        "seed": seed,
    }
    share = (1, 1) if part is None else _share(part)
    formulas = [_formula(path) for path in expansions]
    with executor_at(scheduler) as executor, loaded_model(model) as (loss, weights, data):
        if only_plan:
            with working("planning"):
                plan = numeric.plan(loss, weights, data, formulas, **options)
            emit_result(plan, style, None)
            return
        with progress_bar("measuring") as progress:
            measured = numeric.measure(
                loss,
                weights,
                data,
                formulas,
                **options,
                part=share,
                checkpoint=output,
                executor=executor,
                progress=progress,
            )
    emit_result(measured, style, None)
    if part is not None and not measured.rounds:
        click.echo(f"part {part} has nothing to do: there are fewer rounds than parts", err=True)
    if not measured.complete:
        click.echo(f"kept in {output}; the same command goes on", err=True)
        raise click.exceptions.Exit(130)
    click.echo(f"wrote {output}", err=True)


def _formula(path: str) -> Expansion:
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.diagrams.messages import shown
    from sgdiagrams.symbolic.expansion import Expansion
    from sgdiagrams.symbolic.files.resummed import is_resummed
    from sgdiagrams.symbolic.paths.path_json import refuse_path

    text = read_text(path)
    refuse_path(text)
    if is_resummed(text):
        raise RequestError(
            f"expected a plain expansion, got the re-summed one in {shown(path)}, which needs the "
            "eigenbasis of the Hessian; expand without --resummed"
        )
    return Expansion.from_json(text)


def _share(text: str) -> tuple[int, int]:
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.diagrams.messages import shown

    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise RequestError(f"expected a part such as 1/3 or 3/3 for --part, got {shown(text)}")
    return int(match[1]), int(match[2])
