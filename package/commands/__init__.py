"""The command line: one module a command; each parses, calls the public API and prints."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from contextlib import suppress
from typing import TextIO

import click

from sgdiagrams import __version__
from sgdiagrams.commands.completion import completion
from sgdiagrams.commands.find import find
from sgdiagrams.commands.on_formulas.draw import draw
from sgdiagrams.commands.on_formulas.expand import expand
from sgdiagrams.commands.on_formulas.list import list_diagrams
from sgdiagrams.commands.on_formulas.modified import modified
from sgdiagrams.commands.on_formulas.results import results
from sgdiagrams.commands.on_formulas.scaling import scaling
from sgdiagrams.commands.on_models.influence import influence
from sgdiagrams.commands.on_models.measure import measure
from sgdiagrams.commands.on_models.merge import merge
from sgdiagrams.commands.on_models.path import path
from sgdiagrams.commands.on_numbers.compare import compare
from sgdiagrams.commands.on_numbers.drift import drift
from sgdiagrams.commands.on_numbers.evaluate import evaluate
from sgdiagrams.commands.on_numbers.judge import judge
from sgdiagrams.commands.on_numbers.ordering import ordering
from sgdiagrams.commands.on_numbers.report import report
from sgdiagrams.commands.on_numbers.simulate import simulate
from sgdiagrams.commands.shared.completion import VARIABLE
from sgdiagrams.commands.shared.help import FittingContext, help_width
from sgdiagrams.commands.verify import verify

__all__ = ["cli", "main"]


class _Group(click.Group):
    """The command without a command: it says what there is."""

    context_class = FittingContext


@click.group(
    cls=_Group,
    invoke_without_command=True,
    epilog="What is the command for a question, a paper, a word? 'sgdiagrams find WORD...' knows papers, "
    "results, options and names: sgdiagrams find label noise.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="sgdiagrams")
@click.pass_context
def cli(context: click.Context) -> None:
    """Perturbation theory of stochastic gradient descent by diagrams.

    The expected loss of SGD is a sum over diagrams: rooted trees of gradient updates with a partition
    that says which updates used the same datapoint. These commands list the diagrams, sum them to
    closed formulas, put numbers in, and hold the result against simulated SGD.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _command in (
    list_diagrams,
    draw,
    expand,
    modified,
    measure,
    merge,
    evaluate,
    report,
    ordering,
    simulate,
    compare,
    path,
    influence,
    drift,
    judge,
    scaling,
    results,
    find,
    verify,
    completion,
):
    cli.add_command(_command)

# Characters of a message of the parser, which repeats what was given.
_MOST = 200


def main() -> None:
    """Run the command line.

    The exit status is 0, 1 (a check failed), 2 (bad input) or 130 (interrupted); where whoever reads the
    output has gone (``| head``) the process ends by the signal SIGPIPE, which shells call 141.
    """
    try:
        status = _run()
    except click.exceptions.Exit as stop:
        status = stop.exit_code
    except click.ClickException as error:
        status = _fail(_words_of(error))
    except _errors() as error:
        status = _fail(str(error))
    except (click.Abort, KeyboardInterrupt):
        click.echo("sgdiagrams: interrupted", err=True)
        status = 130
    except BrokenPipeError:
        status = _end_quietly()
    except OSError as error:
        _forget_output()
        name = f" {_shortened(repr(error.filename))}" if error.filename else ""
        status = _fail(f"cannot use the file{name}: {error.strerror or error}")
    except MemoryError:
        status = _fail("out of memory; ask for a lower order or fewer runs")
    sys.exit(status)


def _run() -> int:
    """Run what the arguments ask for, or complete what a shell asks for; return the exit status.

    This is `click.Group.main` but for its errors: it would turn a broken pipe into the exit status 1.
    """
    request = os.environ.get(VARIABLE)
    if request:
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "sgdiagrams", VARIABLE, request)
    arguments = sys.argv[1:]
    with (
        warnings.catch_warnings(),
        cli.make_context("sgdiagrams", arguments, terminal_width=help_width()) as context,
    ):
        warnings.showwarning = _note
        cli.invoke(context)
    return 0


def _note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Say a warning in one line, without the line of the source that warns."""
    del category, filename, lineno, file, line
    click.echo(f"sgdiagrams: warning: {' '.join(str(message).split())}", err=True)


def _words_of(error: click.ClickException) -> str:
    """Return what the parser says, without most of a long argument, and where to read on."""
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
    hint = f"; see '{path} --help'" if path else ""
    return _shortened(error.format_message().rstrip(".")) + hint


def _shortened(text: str) -> str:
    if len(text) <= _MOST:
        return text
    # Loaded only when it is needed: --help and a misspelt option are fast.
    from sgdiagrams.diagrams.messages import shortened

    return shortened(text, most=_MOST)


def _errors() -> type[Exception]:
    # Python asks for this only when an exception arrives, so that --help does not load NumPy.
    from sgdiagrams.diagrams.errors import SgdiagramsError

    return SgdiagramsError


def _fail(message: str) -> int:
    click.echo(f"sgdiagrams: error: {' '.join(message.split())}", err=True)
    return 2


def _end_quietly() -> int:
    """End as other programs end whose reader has gone: by the signal, where there is one."""
    _forget_output()
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.raise_signal(signal.SIGPIPE)
    return 141


def _forget_output() -> None:
    """Drop what standard output still holds, so that Python does not complain about it at exit."""
    with suppress(OSError, ValueError):  # streams in memory have no number
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
