"""The command line in this process: what a user sees, without starting Python anew each time."""

import contextlib
import subprocess
import sys
from unittest.mock import patch

from click.testing import CliRunner

from sgdiagrams.commands import main


def run(*arguments, text=None, cwd="."):
    """Run a command; return its exit status and what it wrote, as `subprocess.run` does."""
    command = ["sgdiagrams", *map(str, arguments)]
    status = None
    with (
        CliRunner().isolation(input=text) as (output, errors, _),
        contextlib.chdir(cwd),
        patch.object(sys, "argv", command),
    ):
        try:
            main()
        except SystemExit as stop:
            status = stop.code
    written = (stream.getvalue().decode() for stream in (output, errors))
    return subprocess.CompletedProcess(command, status, *written)


def good(*arguments, **options):
    """Run a command that succeeds; return its output."""
    done = run(*arguments, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout
