"""Where the output of a command goes: to the terminal, or to a file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["emit", "emit_formula", "emit_json", "emit_result", "line_writer"]


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


def emit_result(result: Any, style: str, output: str | None) -> None:
    """Print a result as the option of the format says, or write it to a file."""
    if style == "json":
        emit_json(result.to_dict(), output)
    else:
        emit(str(result), output)
