"""``sgdiagrams find``: which command answers a question, in the words of papers and libraries."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.output import emit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sgdiagrams.literature.entries import Entry

__all__ = ["find"]

_KINDS = (
    "paper",
    "result",
    "erratum",
    "command",
    "option",
    "observable",
    "sampling",
    "optimizer",
    "average",
    "schedule",
    "landscape",
    "word",
)


@command(short_help="Find the command for a question, a paper or a word.")
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    metavar="KIND",
    help=f"Only entries of this kind: {', '.join(_KINDS)}.",
)
@click.option(
    "--limit", type=click.IntRange(1), default=5, show_default=True, help="How many are shown."
)
def find(*, words: tuple[str, ...], kind: str | None, limit: int) -> None:
    """Find what has to do with some words, the nearest first, with a line to paste.

    It looks through papers and the questions that they ask, results and errata, commands and their
    options, observables, sampling schemes, optimisers, averages, schedules, landscapes, and the words of
    the glossary; it knows synonyms, spellings and slips of the pen. The exit status is 1 when nothing is
    near.

    \b
    Examples:
        sgdiagrams find label noise
        sgdiagrams find linear scaling rule
        sgdiagrams find --kind paper flat minima
        sgdiagrams find -- --penalty
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.diagrams.messages import shown
    from sgdiagrams.literature.entries import shipped_entries
    from sgdiagrams.literature.search import ranked

    if kind is None and any(word.startswith("--") for word in words):
        kind = "option"
    entries = [*shipped_entries(), *_of_command_line()]
    near = ranked((e for e in entries if kind in (None, e.kind)), " ".join(words))
    if not near:
        click.echo(f"sgdiagrams: nothing is near {shown(' '.join(words))}", err=True)
        raise click.exceptions.Exit(1)
    emit("\n".join(map(_wrapped, near[:limit])), None)
    if len(near) > limit:
        click.echo("there is more; see --limit and --kind", err=True)


def _wrapped(entry: Entry) -> str:
    """Return an entry in lines that fit, but for the command, which is to be pasted."""
    from sgdiagrams.diagrams.tables import page_width

    lines = []
    for line in str(entry).splitlines():
        indent = " " * (len(line) - len(line.lstrip()))
        is_command = line.lstrip().startswith("$ ")
        width = page_width()
        whole = textwrap.wrap(
            line, width, subsequent_indent=f"{indent}    ", break_on_hyphens=False
        )
        lines += [line] if is_command else whole
    return "\n".join(lines)


def _of_command_line() -> Iterator[Entry]:
    """Yield the commands and their options, as the command line itself knows them."""
    from sgdiagrams.literature.entries import Entry

    program = click.get_current_context().find_root().command
    if not isinstance(program, click.Group):
        return
    seen = set()
    for name, member in program.commands.items():
        line = f"sgdiagrams {name} --help"
        yield Entry("command", name, member.get_short_help_str(200), line, member.help or "")
        for option in member.params:
            words = getattr(option, "help", None)
            if isinstance(option, click.Option) and words and (option.opts[-1], words) not in seen:
                seen.add((option.opts[-1], words))
                yield Entry("option", f"{option.opts[-1]} of {name}", words, line)
