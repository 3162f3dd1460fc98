"""``sgdiagrams completion``: what a shell needs to complete commands, options and names."""

from __future__ import annotations

import click

from sgdiagrams.commands.shared.completion import VARIABLE
from sgdiagrams.commands.shared.help import command

__all__ = ["completion"]


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

    writer = get_completion_class(shell)
    if writer is not None:  # click knows all three
        program = click.get_current_context().find_root().command
        click.echo(writer(program, {}, "sgdiagrams", VARIABLE).source())
