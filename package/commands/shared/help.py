"""Help that fits the terminal: options in two columns or one below the other, examples in lines."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["FittingCommand", "FittingContext", "command", "given_command", "help_width"]

_GIVEN = "sgdiagrams.arguments"
_WIDEST = 100  # lines that are longer are hard to read
_TWO_COLUMNS = 70  # from this width on


def help_width() -> int:
    """Return the width of help: what COLUMNS says, else the terminal's, else 80; at most 100."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns):
        return min(int(columns), _WIDEST)
    if sys.stdout.isatty():
        return min(shutil.get_terminal_size().columns, _WIDEST)
    return 80


class FittingFormatter(click.HelpFormatter):
    """A formatter that keeps to the width it is given, and breaks no name at its hyphens."""

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write options and what they do: below each other where two columns are too narrow."""
        entries = list(rows)
        start = " " * self.current_indent
        if self.width < _TWO_COLUMNS:
            for term, words in entries:
                # Choices may be broken at their bars.
                pieces = _wrapped(term.replace("|", "| "), self.width, start, start + "    ")
                self.write("".join(re.sub(r"\| (?=\S)", "|", f"{piece}\n") for piece in pieces))
                self.write(_lines(words, self.width, start + "  "))
            return
        first = min(max((len(term) for term, _ in entries), default=0), col_max) + col_spacing
        for term, words in entries:
            lines = _lines(words, self.width, " " * (self.current_indent + first))
            if len(term) > first - col_spacing or not lines:
                self.write(f"{start}{term}\n{lines}")
            else:
                self.write(f"{start}{term:<{first}}{lines.lstrip()}")


def _wrapped(text: str, width: int, first: str, others: str) -> list[str]:
    return textwrap.wrap(
        text,
        max(width, len(others) + 10),
        initial_indent=first,
        subsequent_indent=others,
        break_on_hyphens=False,
    )


def _lines(text: str, width: int, indent: str) -> str:
    return "".join(f"{line}\n" for line in _wrapped(text, width, indent, indent))


class FittingContext(click.Context):
    """A context whose help fits."""

    formatter_class = FittingFormatter


class FittingCommand(click.Command):
    """A command whose examples are broken into lines that can be pasted as they stand."""

    context_class = FittingContext

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what was given, and keep it as it was, for `given_command`."""
        ctx.meta[_GIVEN] = tuple(args)
        return super().parse_args(ctx, args)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        r"""Write the prose wrapped, and the examples after ``\b`` line by line."""
        del ctx
        prose, _, examples = inspect.cleandoc(self.help or "").partition("\b\n")
        formatter.write_paragraph()
        paragraphs = re.split(r"\n\s*\n", prose.strip())
        indent = " " * formatter.indent_increment
        formatter.write("\n".join(_lines(p, formatter.width, indent) for p in paragraphs))
        if not examples:
            return
        formatter.write_paragraph()
        for line in examples.splitlines():
            formatter.write(
                "".join(f"{indent}{part}\n" for part in _example(line, formatter.width))
            )


def _example(line: str, width: int) -> list[str]:
    """Return a command in lines that a shell reads as one."""
    indent = " " * (len(line) - len(line.lstrip()))
    if len(line) + 2 <= width or "sgdiagrams " not in line[:20]:
        return [line]
    room = width - len(indent) - 6  # for the indents of the text and of what follows, and " \\"
    pieces: list[str] = []
    # An option stays with its value where there is room for both.
    for option in re.split(r" (?=-)", line.strip()):
        for word in [option] if len(option) <= room else option.split(" "):
            if pieces and len(pieces[-1]) + 1 + len(word) <= room:
                pieces[-1] += f" {word}"
            else:
                pieces.append(word)
    first, *rest = pieces
    shown = [indent + first, *(f"{indent}  {piece}" for piece in rest)]
    return [f"{piece} \\" for piece in shown[:-1]] + shown[-1:]


def command(
    name: str | None = None, *, short_help: str
) -> Callable[[Callable[..., Any]], click.Command]:
    """Return the decorator of commands, whose help fits."""
    return click.command(name, cls=FittingCommand, short_help=short_help)


def given_command() -> str:
    """Return the command that runs as a line for a shell, without the file that it writes to."""
    ctx = click.get_current_context()
    words: list[str] = []
    skips_next = False
    for word in ctx.meta.get(_GIVEN, ()):
        if not (skips_next or word.startswith("--output=") or word == "--output"):
            words.append(word)
        skips_next = word == "--output"
    return shlex.join(["sgdiagrams", str(ctx.info_name), *words])
