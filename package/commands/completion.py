"""``sgdiagrams completion``: what a shell needs to complete commands, options and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sgdiagrams.commands.help import command

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

__all__ = ["VARIABLE", "completion", "files", "names"]

#: The environment variable by which a shell asks for completions.
VARIABLE = "_SGDIAGRAMS_COMPLETE"


def names(*known: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return what completes one of several names; a name that ends in a colon goes on with a file."""

    def complete(
        _context: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in known if name.startswith(incomplete)]

    return complete


def files(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the name of a file."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


@command(short_help="Print what a shell needs to complete commands.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(*, shell: str) -> None:
    """Print what makes a shell complete commands, options, and names.

    Names are those of schemes, optimisers, schedules, averages, observables, landscapes and laws.

    \b
    In ~/.bashrc (bash 4.4 or later):
      eval "$(sgdiagrams completion bash)"
    In ~/.zshrc, after compinit:
      eval "$(sgdiagrams completion zsh)"
    In ~/.config/fish/config.fish:
      sgdiagrams completion fish | source
    """  # noqa: D301 - click reads the control character
    from click.shell_completion import get_completion_class

    from sgdiagrams.commands import cli

    writer = get_completion_class(shell)
    if writer is not None:  # click knows all three
        click.echo(writer(cli, {}, "sgdiagrams", VARIABLE).source())
