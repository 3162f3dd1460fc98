"""``sgdiagrams merge``: measurements of several machines, seeds or parts as one."""

from __future__ import annotations

import click

from sgdiagrams.commands.shared.completion import files
from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.options import format_option
from sgdiagrams.commands.shared.output import emit_result
from sgdiagrams.commands.shared.progress import working

__all__ = ["merge"]


@command(short_help="Put measurements of several machines together.")
@click.argument("paths", metavar="FILE.npz...", nargs=-1, required=True, shell_complete=files)
@click.option(
    "--output",
    metavar="FILE.npz",
    required=True,
    shell_complete=files,
    help="Where all of them go: a new file, or one of those that are merged.",
)
@format_option("text", "json", by_name=False)
def merge(*, paths: tuple[str, ...], output: str, style: str) -> None:
    """Put files of 'sgdiagrams measure' together that measured the same model on the same data.

    They are parts (--part) or other seeds of the same expansions. A round that several files have
    counts once, and neither the order nor the number of steps changes the result.

    \b
    Examples:
        sgdiagrams merge m1.npz m2.npz --output m.npz
    """  # noqa: D301 - click reads the control character
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.diagrams.files import usable_path
    from sgdiagrams.diagrams.messages import shown
    from sgdiagrams.numeric import Measured

    target, sources = usable_path(output), list(map(usable_path, paths))
    if target.exists() and not any(path.resolve() == target.resolve() for path in sources):
        raise RequestError(
            f"expected --output to be a new file or one of the merged ones, got {shown(output)}, which "
            "exists"
        )
    with working("merging"):
        one, *others = map(Measured.load, sources)
        merged = one.merge(*others)
        merged.save(output)
    emit_result(merged, style, None)
    click.echo(f"wrote {output}", err=True)
