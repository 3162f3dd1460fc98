"""How a shell completes names and files: without a word about which command asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import click
    from click.shell_completion import CompletionItem

__all__ = ["VARIABLE", "files", "names"]

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
