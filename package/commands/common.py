"""What the commands share: options, numbers, files and the progress bar."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from sgdiagrams.commands.completion import files, names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.progress import Progress

    from sgdiagrams.numeric.statistics import Statistics
    from sgdiagrams.symbolic.expansion import Expansion
    from sgdiagrams.symbolic.resummed import ResummedExpansion
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = [
    "AVERAGES",
    "LANDSCAPES",
    "OBSERVABLES",
    "OPTIMIZERS",
    "SAMPLINGS",
    "SCHEDULES",
    "basis_option",
    "derive",
    "derive_resummed",
    "emit",
    "emit_formula",
    "emit_json",
    "fix_option",
    "format_option",
    "line_writer",
    "observable_option",
    "optimizer_options",
    "output_option",
    "parse_settings",
    "pop_eta",
    "progress_bar",
    "read_protocol",
    "read_text",
    "refuse_options",
    "sampling_option",
    "set_option",
    "start_options",
    "statistics_of",
    "working",
]

# Repeated here so that --help does not load SymPy; a test compares them with the library.
OBSERVABLES = (
    "test-loss",
    "training-loss",
    "generalisation-gap",
    "displacement",
    "second-moment",
    "covariance",
    "variance",
)
SAMPLINGS = (
    "one-pass",
    "epochs",
    "shuffled-epochs",
    "reshuffled-epochs",
    "with-replacement",
    "fresh-data",
    "full-batch",
    "gradient-flow",
    "sde",
)
OPTIMIZERS = ("sgd", "momentum", "nesterov")
SCHEDULES = ("cosine", "step", "warm-up", "linear", "exponential")
AVERAGES = ("tail", "exponential")
LANDSCAPES = ("digits", "gauss", "helix", "mean")

observable_option = click.option(
    "--observable",
    metavar="NAME",
    default="test-loss",
    show_default=True,
    shell_complete=names(*OBSERVABLES, "function:"),
    help=f"{', '.join(OBSERVABLES)}, function:NAME; with :since=T0 the change since update T0.",
)
basis_option = click.option(
    "--basis",
    type=click.Choice(["moment", "cumulant"]),
    help="Moments of the derivatives, or cumulants; the usual one of the sampling when left out.",
)
fix_option = click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="Fix a number of the sampling or the optimiser: T=10, N=60, beta=0.9; may be repeated.",
)


output_option = click.option(
    "--output", metavar="FILE", shell_complete=files, help="Write to a file, not to the terminal."
)


def format_option(
    *styles: str, words: str | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option of the format; the first one is the default."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(styles),
        default=styles[0],
        show_default=True,
        help=words,
    )


def sampling_option(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option of the sampling scheme."""
    return click.option(
        "--sampling",
        metavar="NAME",
        default=default,
        show_default=True,
        shell_complete=names(*SAMPLINGS, "grid:"),
        help=f"{', '.join(SAMPLINGS)}, grid:FILE.",
    )


def optimizer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the optimiser to a command."""
    options = (
        click.option(
            "--optimizer",
            "method",
            metavar="NAME",
            default="sgd",
            show_default=True,
            shell_complete=names(*OPTIMIZERS),
            help=f"{', '.join(OPTIMIZERS)}; with a number momentum:beta=0.9.",
        ),
        click.option("--weight-decay", metavar="NUMBER", help="Strength of an L2 penalty."),
        click.option(
            "--schedule",
            metavar="NAME",
            shell_complete=names(*SCHEDULES, "file:"),
            help=f"Learning-rate factors: {', '.join(SCHEDULES)}, with numbers as in "
            "step:every=30,factor=0.1, warm-up:over=5, exponential:gamma=0.99; or file:PATH.",
        ),
        click.option(
            "--average",
            metavar="NAME",
            shell_complete=names(*AVERAGES),
            help=f"Average of iterates: {', '.join(AVERAGES)}; with a number tail:W=10, "
            "exponential:alpha=0.9.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def start_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a start, a landscape or a file of statistics, to a command."""
    of_file = click.option(
        "--statistics",
        "statistics_path",
        metavar="FILE",
        shell_complete=files,
        help="Instead of a landscape: derivatives as Statistics.save writes them, .npz or .json.",
    )
    of_landscape = click.option("--landscape", type=click.Choice(LANDSCAPES))
    return of_landscape(of_file(command))


set_option = click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="A number, e.g. --set T=10 or --set eta=0.05 (read exactly: 1/20); may be repeated.",
)


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Return ``NAME=VALUE`` options as exact numbers; values with commas as lists of them.

    Raises
    ------
    RequestError
        When an option has another form, a name occurs twice, or a comma stands for a decimal point.
    """
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.diagrams.messages import shortened, shown
    from sgdiagrams.diagrams.written_numbers import read_numbers

    numbers: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            raise RequestError(f"expected --set NAME=VALUE such as T=10, got {shown(setting)}")
        if name in numbers:
            raise RequestError(f"expected --set {shortened(name)} once, got it twice")
        parsed = read_numbers(shortened(name), value)
        plain = [int(f) if f.denominator == 1 else f for f in parsed]
        numbers[name] = plain[0] if len(plain) == 1 else plain
    return numbers


def derive(**request: Any) -> Expansion:
    """Return the expansion that the options of a command ask for."""
    from sgdiagrams.symbolic.theorem import expand

    expansion: Expansion = expand(**_arguments(**request))
    return expansion


def derive_resummed(**request: Any) -> ResummedExpansion:
    """Return the re-summed expansion that the options of a command ask for."""
    from sgdiagrams.symbolic.theorem import expand

    return expand(**_arguments(**request), resummed=True)


def _arguments(
    *,
    observable: str,
    order: int | None,
    basis: Any,
    settings: Sequence[str],
    through: int | None = None,
    **protocol: Any,
) -> dict[str, Any]:
    """Return the options of a command as arguments of `expand`."""
    from sgdiagrams.diagrams.errors import RequestError

    if (order is None) == (through is None):
        raise RequestError(
            "expected either --order or, with --resummed, --through, got "
            f"{'none' if order is None else 'both'}"
        )
    scheme, rule = read_protocol(parse_settings(settings), **protocol)
    extent = {"order": order} if through is None else {"through": through}
    return {
        "observable": observable,
        **extent,
        "sampling": scheme,
        "optimizer": rule,
        "basis": basis,
    }


def read_protocol(
    numbers: dict[str, Any],
    *,
    sampling: str,
    method: str,
    weight_decay: str | None,
    schedule: str | None,
    average: str | None,
) -> tuple[Sampling, Optimizer]:
    """Return the scheme and the optimiser that options name, each with its own numbers.

    Raises
    ------
    SamplingError
        When a number belongs to neither, or is impossible.
    """
    from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling

    options = {"schedule": schedule, "average": average, "weight_decay": weight_decay}
    scheme = named_sampling(sampling)
    optimizer = named_optimizer(method, **options)
    own = {name: value for name, value in numbers.items() if name in optimizer.symbols}
    rest = {name: value for name, value in numbers.items() if name not in own}
    return scheme.at(**rest), optimizer.at(**own)


def pop_eta(numbers: dict[str, Any]) -> Any:
    """Take the learning rate out of the numbers.

    Raises
    ------
    RequestError
        When there is none.
    """
    from sgdiagrams.diagrams.errors import RequestError

    if "eta" not in numbers:
        raise RequestError("expected a learning rate; give --set eta=0.05")
    return numbers.pop("eta")


def statistics_of(landscape: str | None, path: str | None, order: int) -> Statistics:
    """Return the statistics of a landscape up to an order, with its start, or those of a file.

    Raises
    ------
    RequestError
        When both are given, or neither.
    """
    from dataclasses import replace

    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.numeric.landscapes.names import landscape as named_landscape
    from sgdiagrams.numeric.statistics import Statistics

    if (landscape is None) == (path is None):
        raise RequestError("expected either --landscape or --statistics, got both or neither")
    if path is not None:
        return Statistics.load(path)
    ground = named_landscape(landscape or "")
    statistics = ground.statistics(order)
    return statistics if statistics.start is not None else replace(statistics, start=ground.start)


def refuse_options(rule: str, options: dict[str, bool]) -> None:
    """Refuse options that were given but mean nothing here.

    Raises
    ------
    RequestError
        For the first of them.
    """
    from sgdiagrams.diagrams.errors import RequestError

    for name, is_given in options.items():
        if is_given:
            raise RequestError(f"expected {name} {rule}, got it otherwise")


def read_text(path: str) -> str:
    """Return the text of a file, or of standard input for ``-``.

    Raises
    ------
    FormatError
        When the path is no readable text file.
    """
    from sgdiagrams.diagrams import files

    if path == "-":
        return files.decoded(
            files.read_bounded(sys.stdin.buffer, name="standard input"), name="standard input"
        )
    return files.read_text(path)


def emit(text: str, output: str | None) -> None:
    """Print text, or write it to a file that stays as it was until everything is written."""
    text = text if text.endswith("\n") else text + "\n"
    if output is None or output == "-":
        click.echo(text, nl=False)
        return
    from sgdiagrams.diagrams.files import output_file

    with output_file(output) as file:
        file.write(text.encode())


def emit_formula(text: str, output: str | None) -> None:
    """Print lines of formulas, folded for people, or write them to a file as they are."""
    from sgdiagrams.diagrams.tables import folded_for_people

    emit(folded_for_people(text) if output in (None, "-") else text, output)


@contextmanager
def line_writer(output: str | None) -> Iterator[Callable[[str], None]]:
    """Yield what prints a line, or writes it to a file that stays as it was until the end."""
    if output is None or output == "-":
        yield click.echo
        return
    from sgdiagrams.diagrams.files import output_file

    with output_file(output) as file:

        def write(line: str) -> None:
            file.write(f"{line}\n".encode())

        yield write


def emit_json(data: Any, output: str | None) -> None:
    """Print plain data as JSON, or write it to a file."""
    from sgdiagrams.diagrams.files import json_text

    emit(json_text(data, indent=2), output)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[float, str], None] | None]:
    """Show a progress bar on stderr, if that is a terminal; yields ``update(fraction, text)``."""
    if not sys.stderr.isatty():
        yield None
        return
    with _bar(label, total=1.0) as progress:
        (task,) = progress.task_ids

        def update(fraction: float, text: str = "") -> None:
            progress.update(task, completed=fraction, description=f"{label} {text}".strip())

        yield update


@contextmanager
def working(label: str) -> Iterator[None]:
    """Show on stderr, if that is a terminal, that work which takes more than a second goes on."""
    if not sys.stderr.isatty():
        yield
        return
    with _bar(label, total=None):
        yield


@contextmanager
def _bar(label: str, *, total: float | None) -> Iterator[Progress]:
    """Show a bar after a second; without a total it moves to and fro, and tells the time."""
    from threading import Timer

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed
    from rich.progress import TimeRemainingColumn as Remaining

    time = (Elapsed(),) if total is None else (TaskProgressColumn(), Remaining())
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), *time)
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    progress.add_task(label, total=total)
    start = Timer(1.0, progress.start)
    start.daemon = True
    start.start()
    try:
        yield progress
    finally:
        start.cancel()
        start.join()
        progress.stop()
