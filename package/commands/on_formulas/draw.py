"""``sgdiagrams draw``: diagrams as pictures, or as trees of characters."""

from __future__ import annotations

from typing import Any

import click

from sgdiagrams.commands.shared.completion import files, names
from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.listing import (
    check_picture,
    grids_of,
    grids_text,
    listed_of,
    picture_of,
    subject_of,
    text_of,
    write_picture,
)
from sgdiagrams.commands.shared.options import (
    ALSO,
    SAMPLINGS,
    basis_option,
    fix_option,
    visits_option,
)
from sgdiagrams.commands.shared.output import emit
from sgdiagrams.commands.shared.progress import working
from sgdiagrams.commands.shared.requests import parse_settings, refuse_options

__all__ = ["draw"]


@command(short_help="Draw diagrams: SVG, TikZ, PDF, PNG, or trees of characters.")
@click.argument("texts", metavar="[DIAGRAM]...", nargs=-1)
@click.option("--order", type=click.IntRange(0, 12), help="All diagrams of this order.")
@click.option(
    "--noise",
    type=click.IntRange(0, 3),
    help="All of this order in the noise, of the expansion along the path.",
)
@click.option(
    "--sampling",
    metavar="NAME",
    shell_complete=names(*SAMPLINGS, "grid:", *ALSO["SAMPLINGS"]),
    help="Add the number of embeddings, and leave out diagrams that the sampling cannot have: "
    f"{', '.join(SAMPLINGS)}, grid:FILE.",
)
@fix_option
@click.option(
    "--grid",
    is_flag=True,
    help="Every embedding of one DIAGRAM into the datapoints and updates of the sampling.",
)
@click.option(
    "--root",
    type=click.Choice(["isolated", "in-partition"]),
    help="Of --order and --noise: whether the root may share a block (training loss).",
)
@basis_option
@visits_option
@click.option("--linkless", is_flag=True, help="Of --order: only diagrams without links.")
@click.option("--columns", type=click.IntRange(1), help="Of pictures: how many a row.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Of characters: ASCII alone.")
@click.option(
    "--output",
    metavar="FILE",
    shell_complete=files,
    help="Draw to a file that ends in .svg, .tex (TikZ), .pdf, .png (these two need matplotlib) or "
    ".txt; trees of characters on the terminal when left out.",
)
def draw(
    *,
    texts: tuple[str, ...],
    order: int | None,
    noise: int | None,
    sampling: str | None,
    settings: tuple[str, ...],
    grid: bool,
    root: str | None,
    basis: Any,
    visits: str,
    linkless: bool,
    columns: int | None,
    ascii_only: bool,
    output: str | None,
) -> None:
    """Draw diagrams, each with its symmetry factor, its count and its value.

    Time runs from left to right and the root is the square. On the terminal nodes of one block have one
    letter, and nodes alone in theirs are dots. A DIAGRAM is quoted for the shell; a single one without
    --sampling is drawn without words. With --grid rows are datapoints and columns are updates, cells
    that the sampling uses are shaded, nodes have their numbers, and there is a grid for every embedding.

    \b
    Examples:
        sgdiagrams draw '(01-2)(02-12)'
        sgdiagrams draw --order 3 --output a.svg
        sgdiagrams draw --order 3 --sampling one-pass --output a.tex
        sgdiagrams draw --noise 1 --sampling epochs --output a.pdf
        sgdiagrams draw '(01-2)(02-12)' --grid --sampling epochs --set N=3 --set B=1 --set E=2
    """  # noqa: D301 - click reads the control character
    is_text = output in (None, "-") or str(output).lower().endswith(".txt")
    if output is not None and not is_text:
        check_picture("--output", output, ".txt")
    refuse_options("only for characters", {"--ascii": ascii_only and not is_text})
    refuse_options("only for pictures", {"--columns": columns is not None and is_text})
    refuse_options("only with --sampling", {"--set": bool(settings) and sampling is None})
    if texts or grid:
        given = {
            "--order": order is not None,
            "--noise": noise is not None,
            "--root": root is not None,
            "--visits": visits != "same",
            "--linkless": linkless,
        }
        refuse_options("only without DIAGRAM and --grid", given)
    scheme = None
    if sampling is not None:
        from sgdiagrams.symbolic.training.names import named_sampling

        scheme = named_sampling(sampling).at(**parse_settings(settings))
    path = str(output)
    with working("drawing"):
        if grid and is_text:
            emit(grids_text(texts, scheme, basis, output, ascii_only=ascii_only), output)
            return
        if grid:
            write_picture(
                lambda per_row: grids_of(texts, scheme, basis, columns=per_row),
                path,
                columns=columns,
            )
            return
        if texts:
            title = ""
            entries = listed_of(texts, scheme, basis)
        else:
            subject = subject_of(
                order=order,
                noise=noise,
                sampling=scheme,
                root=root or "isolated",
                basis=basis,
                visits=visits,
                linkless=linkless,
            )
            title = subject.title
            entries = [subject.entry(diagram) for diagram in subject.drawn()]
        if is_text:
            emit(text_of(entries, output, ascii_only=ascii_only), output)
            return
        is_alone = bool(texts) and scheme is None
        write_picture(
            lambda per_row: picture_of(entries, title, columns=per_row, is_alone=is_alone),
            path,
            columns=columns,
        )
