"""The command line: one module a command; each parses, calls the public API and prints."""

from __future__ import annotations

import os
import sys

import click

from sgdiagrams import __version__
from sgdiagrams.commands.compare import compare
from sgdiagrams.commands.drift import drift
from sgdiagrams.commands.evaluate import evaluate
from sgdiagrams.commands.expand import expand
from sgdiagrams.commands.judge import judge
from sgdiagrams.commands.list import list_diagrams
from sgdiagrams.commands.results import results
from sgdiagrams.commands.scaling import scaling
from sgdiagrams.commands.verify import verify

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sgdiagrams")
def cli() -> None:
    """Perturbation theory of stochastic gradient descent by diagrams.

    The expected loss of SGD is a sum over diagrams: rooted trees of gradient updates with a partition
    that says which updates used the same datapoint. These commands list the diagrams, sum them to
    closed formulas, put numbers in, and hold the result against simulated SGD.
    """


for _command in (list_diagrams, expand, evaluate, compare, drift, judge, scaling, results, verify):
    cli.add_command(_command)


def main() -> None:
    """Run the command line: exit status 0, 1 (a check failed), 2 (bad input) or 130 (interrupted)."""
    try:
        status = cli.main(prog_name="sgdiagrams", standalone_mode=False)
    except click.exceptions.Exit as stop:
        status = stop.exit_code
    except click.ClickException as error:
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
        hint = f"; see '{path} --help'" if path else ""
        status = _fail(f"{error.format_message().rstrip('.')}{hint}")
    except _errors() as error:
        status = _fail(str(error))
    except (click.Abort, KeyboardInterrupt):
        click.echo("sgdiagrams: interrupted", err=True)
        status = 130
    except BrokenPipeError:
        # The reader has gone (``| head``); keep Python from complaining about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except OSError as error:
        name = f" {error.filename!r}" if error.filename else ""
        status = _fail(f"cannot use the file{name}: {error.strerror or error}")
    except MemoryError:
        status = _fail("out of memory; ask for a lower order or fewer runs")
    sys.exit(status if isinstance(status, int) else 0)


def _errors() -> type[Exception]:
    # Python asks for this only when an exception arrives, so that --help does not load NumPy.
    from sgdiagrams.diagrams.errors import SgdiagramsError

    return SgdiagramsError


def _fail(message: str) -> int:
    click.echo(f"sgdiagrams: error: {' '.join(message.split())}", err=True)
    return 2
