"""The options that several commands have, and the names that they take."""

from __future__ import annotations

from functools import wraps
from os.path import splitext
from typing import TYPE_CHECKING, Any

import click

from sgdiagrams.commands.shared.completion import files, names

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ALSO",
    "AVERAGES",
    "LANDSCAPES",
    "OBSERVABLES",
    "OPTIMIZERS",
    "SAMPLINGS",
    "SCHEDULES",
    "NearestChoice",
    "basis_option",
    "checkpoint_option",
    "component_option",
    "fix_option",
    "format_option",
    "observable_option",
    "optimizer_options",
    "output_option",
    "path_options",
    "sampling_option",
    "seed_option",
    "set_option",
    "start_options",
    "visits_option",
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
    "subsets",
    "poisson",
    "fresh-data",
    "full-batch",
    "gradient-descent",
    "gradient-flow",
    "sde",
)
OPTIMIZERS = ("sgd", "momentum", "nesterov", "qhm", "lookahead", "delayed", "schedule-free")
SCHEDULES = (
    "cosine",
    "step",
    "warm-up",
    "linear",
    "exponential",
    "inverse",
    "constant",
    "StepLR",
    "MultiStepLR",
    "ConstantLR",
    "LinearLR",
    "ExponentialLR",
    "PolynomialLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "OneCycleLR",
    "exponential-decay",
    "warmup-cosine-decay",
    "piecewise-constant",
    "invscaling",
    "optimal",
)
AVERAGES = ("tail", "swa", "exponential")
LANDSCAPES = ("digits", "gauss", "helix", "mean")

# Other words for some of them.
ALSO = {
    "OBSERVABLES": ("train-loss", "gap", "generalization-gap", "shift"),
    "SAMPLINGS": (
        "online",
        "fixed-order",
        "incremental",
        "shuffle-once",
        "single-shuffle",
        "random-reshuffling",
        "rr",
        "iid",
        "without-replacement",
        "poisson-sampling",
        "gd",
        "sme",
    ),
    "OPTIMIZERS": ("heavy-ball", "nag", "quasi-hyperbolic", "look-ahead"),
    "SCHEDULES": (
        "cosine-decay",
        "cosine-decay-schedule",
        "warmup",
        "linear-decay",
        "1/t",
        "inverse-time-decay",
        "constant-schedule",
        "warmup-cosine-decay-schedule",
        "piecewise-constant-schedule",
        "inv-scaling",
    ),
    "AVERAGES": ("polyak-ruppert", "every-kth", "ema"),
}


class NearestChoice(click.Choice[str]):
    """A choice whose message names the nearest."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Return click's message, with the nearest choice."""
        from sgdiagrams.diagrams.messages import nearest

        message = super().get_invalid_choice_message(value, ctx).rstrip(".")
        return f"{message}{nearest(value, self.choices) or '.'}"


def also(kind: str) -> str:
    """Return the other words for names of a kind, for a help text."""
    return f"also {', '.join(ALSO[kind])}"


observable_option = click.option(
    "--observable",
    metavar="NAME",
    default="test-loss",
    show_default=True,
    shell_complete=names(*OBSERVABLES, "function:", "expression:"),
    help=f"{', '.join(OBSERVABLES)}, function:NAME, expression:TEXT (such as |G|^2); "
    "with :since=T0 the change since update T0; with :lag=K or :at=K the first factor is read earlier, "
    f"with :step steps, and 'A * B' is a product; {also('OBSERVABLES')}.",
)
basis_option = click.option(
    "--basis",
    type=click.Choice(["moment", "cumulant"]),
    help="Moments of the derivatives, or cumulants; the usual one of the sampling when left out.",
)
visits_option = click.option(
    "--visits",
    type=click.Choice(["same", "fresh", "additive", "gaussian", "sgld"]),
    default="same",
    show_default=True,
    help="Whether a datapoint is the same at all its visits, or has noise that is fresh at each "
    "(augmentation, dropout, label noise), or added to its gradient (gaussian: also sgld).",
)
component_option = click.option(
    "--component",
    metavar="I[,J]",
    help="The entry of a displacement (one index) or a second moment (two), from 0.",
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


#: Formats by the end of a file's name.
_ENDS = {".tex": "latex", ".mml": "mathml", ".json": "json", ".py": "python"}


def format_option(
    *styles: str, words: str | None = None, by_name: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option of the format; left out, it is that of the output's name, or else the first one.

    Parameters
    ----------
    styles
        The formats.
    words
        What they are, for the help.
    by_name
        Whether the file that is written is in the format.
    """
    ends = [end for end, style in _ENDS.items() if by_name and style in styles]

    def style_of(context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
        if value is not None:
            return value
        # Options that are given are read before those that are left out.
        end = splitext(context.params.get("output") or "")[1].lower()
        return _ENDS[end] if end in ends else styles[0]

    return click.option(
        "--format",
        "style",
        type=click.Choice(styles),
        default=None if ends else styles[0],
        callback=style_of,
        show_default=f"{styles[0]}, or by the name of the output: {', '.join(ends)}"
        if ends
        else True,
        help=words,
    )


def sampling_option(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the options of the sampling scheme: its name, and what becomes of a smaller last batch."""

    def with_sampling(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.option(
            "--drop-last",
            is_flag=True,
            help="Epochs leave out a last batch of fewer rows than B; as a rule it is a smaller batch.",
        )
        @click.option(
            "--sampling",
            metavar="NAME",
            default=default,
            show_default=True,
            shell_complete=names(*SAMPLINGS, "grid:", *ALSO["SAMPLINGS"]),
            help=f"{', '.join(SAMPLINGS)}, grid:FILE; with entries epochs:reduction=sum, poisson:q=1/10; "
            f"{also('SAMPLINGS')}.",
        )
        @wraps(command)
        def with_entries(*arguments: Any, sampling: str, drop_last: bool, **options: Any) -> Any:
            if drop_last:
                sampling += f"{',' if ':' in sampling else ':'}drop_last=true"
            return command(*arguments, sampling=sampling, **options)

        return with_entries

    return with_sampling


def optimizer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the optimiser to a command."""
    options = (
        click.option(
            "--optimizer",
            "method",
            metavar="NAME",
            default="sgd",
            show_default=True,
            shell_complete=names(*OPTIMIZERS, *ALSO["OPTIMIZERS"]),
            help=f"{', '.join(OPTIMIZERS)}; with numbers momentum:beta=0.9,dampening=0.1, "
            f"lookahead:k=5,alpha=0.5; {also('OPTIMIZERS')}.",
        ),
        click.option(
            "--weight-decay",
            metavar="NUMBER",
            help="Strength of an L2 penalty; or strengths of all weights, with commas between them.",
        ),
        click.option(
            "--decoupled-decay",
            metavar="NUMBER",
            help="Weight decay past the velocity, as in AdamW.",
        ),
        click.option(
            "--penalty",
            metavar="NAME",
            help="Another penalty: a function of the weights whose derivatives the statistics give, or "
            "expression:TEXT such as 'expression:C_aa'; times lamda, or NAME:strength=0.1.",
        ),
        click.option(
            "--schedule",
            metavar="NAME",
            shell_complete=names(*SCHEDULES, "file:"),
            help=f"Learning-rate factors: {', '.join(SCHEDULES)}, with numbers as in "
            "step:every=30,factor=0.1, inverse:gamma=0.1, StepLR:step_size=30,every=100 (every: updates "
            "to a step); 'A until=N then B', 'A times B'; or file:PATH.",
        ),
        click.option(
            "--average",
            metavar="NAME",
            shell_complete=names(*AVERAGES, *ALSO["AVERAGES"]),
            help=f"Average of iterates: {', '.join(AVERAGES)}; with a number tail:W=10, "
            f"exponential:alpha=0.9, swa:start=100,every=10; {also('AVERAGES')}.",
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
    of_landscape = click.option("--landscape", type=NearestChoice(LANDSCAPES))
    return of_landscape(of_file(command))


set_option = click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="A number, e.g. --set T=10 or --set eta=0.05 (read exactly: 1/20); may be repeated.",
)

seed_option = click.option("--seed", type=click.IntRange(0), default=0, show_default=True)

checkpoint_option = click.option(
    "--checkpoint",
    metavar="FILE",
    shell_complete=files,
    help="Save the simulation as it goes, and resume from it.",
)


def path_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add to a command what a measurement along the path is told; see `path_arguments`."""
    options = (
        click.option(
            "--noise",
            type=click.IntRange(1, 2),
            help="Highest order of the noise along the path; 1 when left out.",
        ),
        click.option(
            "--at",
            "at",
            metavar="NAME=N,N,...",
            help="Other batch sizes, --at B=8,16,32, or for epochs training sets, --at N=500,1000, from "
            "the one measurement.",
        ),
        click.option(
            "--samples",
            type=click.IntRange(2, 10**8),
            help="How many sampled runs are differentiated; else as the precision asks.",
        ),
        click.option(
            "--precision",
            metavar="NUMBER",
            help="Stop at this statistical error of each order, relative to all that noise adds; 0.05.",
        ),
        click.option(
            "--budget", metavar="NUMBER", help="Stop after so many gradients of all data."
        ),
        click.option("--memory", metavar="BYTES", help="At most so much for the work: 2GB, 500MB."),
    )
    for option in reversed(options):
        command = option(command)
    return command
