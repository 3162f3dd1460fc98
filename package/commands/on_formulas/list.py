"""``sgdiagrams list``: the diagrams of an order, or of a noise."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click

from sgdiagrams.commands.shared.completion import files, names
from sgdiagrams.commands.shared.listing import (
    check_picture,
    picture_of,
    subject_of,
    write_picture,
)
from sgdiagrams.commands.shared.options import (
    SAMPLINGS,
    basis_option,
    format_option,
    output_option,
    visits_option,
)
from sgdiagrams.commands.shared.output import emit, line_writer
from sgdiagrams.commands.shared.progress import progress_bar, working
from sgdiagrams.commands.shared.requests import refuse_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sgdiagrams.commands.shared.listing import Subject
    from sgdiagrams.diagrams import Diagram
from sgdiagrams.commands.shared.help import command

__all__ = ["list_diagrams"]

_MOST_COUNTED = 8


@command("list", short_help="Enumerate the diagrams of an order, or of a noise.")
@click.option("--order", type=click.IntRange(0, 12), help="Number of edges.")
@click.option(
    "--noise",
    type=click.IntRange(0, 3),
    help="In place of --order: those of this order in the noise, of the expansion along the path.",
)
@click.option(
    "--sampling",
    metavar="NAME",
    shell_complete=names(*SAMPLINGS, "grid:"),
    help="Add the number of embeddings, and leave out diagrams that the sampling cannot have: "
    f"{', '.join(SAMPLINGS)}, grid:FILE.",
)
@click.option(
    "--root",
    type=click.Choice(["isolated", "in-partition"]),
    default="isolated",
    show_default=True,
    help="Whether the root may share a block (training loss).",
)
@basis_option
@visits_option
@click.option("--linkless", is_flag=True, help="Only diagrams without links.")
@click.option("--max-block-size", type=click.IntRange(1), help="Bound on the nodes of a block.")
@click.option("--max-legs", type=click.IntRange(1), help="Bound on the derivatives at a node.")
@click.option(
    "--residue",
    type=int,
    default=0,
    show_default=True,
    help="Of the rooted trees, numbered from 0, only those that leave this residue (with --modulus).",
)
@click.option(
    "--modulus", type=int, default=1, show_default=True, help="How many parts share the order."
)
@click.option(
    "--draw",
    "picture",
    metavar="FILE",
    shell_complete=files,
    help="Also draw the diagrams (at most 2000), as 'sgdiagrams draw' does: .svg, .tex, .pdf or .png.",
)
@click.option("--count", "only_count", is_flag=True, help="Print only how many there are.")
@click.option(
    "--check",
    is_flag=True,
    help="Count all symmetry factors a second time, with networkx, and look for diagrams that occur "
    "twice; exit status 1 when anything is off.",
)
@format_option("table", "text", "json", words="text: one diagram a line; json: one object a line.")
@output_option
def list_diagrams(
    *,
    order: int | None,
    noise: int | None,
    sampling: str | None,
    root: str,
    basis: Any,
    visits: str,
    linkless: bool,
    max_block_size: int | None,
    max_legs: int | None,
    residue: int,
    modulus: int,
    picture: str | None,
    only_count: bool,
    check: bool,
    style: str,
    output: str | None,
) -> None:
    """Enumerate the diagrams of an order, each once, with its symmetry factor and value.

    A diagram is written (blocks)(edges), children before parents, the root last: (01-2)(02-12) is two
    tied leaves on the root. With --noise, those of the expansion in the noise along the path: no leaf
    and no node with one child is alone in its block. Values are then taken along the run, at the times
    that they name, with propagators U between them. With --visits fresh, bars split blocks into visits:
    (0|1-|2)(02-12); the root always has a bar before it.

    \b
    Examples:
        sgdiagrams list --order 3 --sampling one-pass
        sgdiagrams list --noise 1 --root in-partition
        sgdiagrams list --order 5 --count --check
    """  # noqa: D301 - click reads the control character
    if only_count:
        given = {"--draw": picture is not None, "--format": style != "table"}
        refuse_options("only without --count", given)
    if only_count or style == "text":
        refuse_options("only with values to print", {"--basis": basis is not None})
    if picture is not None:
        check_picture("--draw", picture)
    scheme = None
    if sampling is not None:
        from sgdiagrams.symbolic.training.names import named_sampling

        scheme = named_sampling(sampling)
    subject = subject_of(
        order=order,
        noise=noise,
        sampling=scheme,
        root=root,
        basis=basis,
        visits=visits,
        linkless=linkless,
        max_block_size=max_block_size,
        max_legs=max_legs,
        residue=residue,
        modulus=modulus,
    )
    if only_count:
        with working("counting"):
            total = subject.total()
        emit(str(total), output)
    else:
        if picture is not None:
            with working("drawing"):
                entries = [subject.entry(diagram) for diagram in subject.drawn()]
                write_picture(
                    lambda columns: picture_of(entries, subject.title, columns=columns), picture
                )
        _show(subject, style=style, output=output)
    if check:
        _check(subject)


def _show(subject: Subject, *, style: str, output: str | None) -> None:
    """Print the diagrams line by line, as they are made."""
    diagrams = subject.diagrams()
    first = list(islice(diagrams, 1))  # what is impossible is said before anything is written
    diagrams = chain(first, diagrams)
    if style == "text":
        lines: Iterator[str] = map(str, diagrams)
    else:
        records = _records(subject, diagrams)
        lines = map(json.dumps, records) if style == "json" else _rows(subject, records)
    # What is printed on the terminal is its own sign of progress.
    is_shown = sys.stdout.isatty() and output in (None, "-")
    # To count a higher order takes too long by itself.
    is_counted = subject.order <= _MOST_COUNTED and not is_shown and sys.stderr.isatty()
    total = subject.total() if is_counted else 0
    count = 0
    bar = nullcontext() if is_shown else progress_bar("listing")
    with line_writer(output) as write, bar as progress:
        if style == "table":
            write(next(lines))
        for line in lines:
            write(line)
            count += 1
            if progress is not None:
                progress(count / total if total else 0.0, f"{count} of {total or 'many'}")
    if style == "table":
        click.echo(f"{count} diagram{'s' if count != 1 else ''}", err=True)


def _rows(subject: Subject, records: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Yield the names of the columns and the rows; a row is one line, if nobody looks.

    The columns are as wide as the order needs, so that no row waits for the others.
    """
    from sgdiagrams.diagrams.tables import folded_for_people

    order = subject.order
    has_counts = subject.scheme is not None
    width = 2 * (2 * order + 1) + 6 if order < 9 else 60
    titles = {"diagram": "diagram", "symmetry_factor": "symmetry", "value": "value", "count": ""}
    if has_counts:
        titles["count"] = "count"
    for record in chain((titles,), records):
        start = f"{record['diagram']:<{width}}{record['symmetry_factor']!s:>8}  "
        value, count = record["value"], record.get("count", "")
        if subject.is_noise:
            # Values along the path are long, so that nothing stands behind them.
            line = f"{start}{count:<{6 * order}}{value}" if has_counts else start + value
        else:
            line = f"{start}{value:<{max(12, 6 * order + 4)}}{count}"
        yield folded_for_people(line.rstrip())


def _check(subject: Subject) -> None:
    """Check what was listed with networkx and say so in one line; leave with status 1 when it is off."""
    from sgdiagrams.diagrams import disagreements

    total = subject.total()
    checked = 0
    with progress_bar("checking") as progress:

        def counted() -> Iterator[tuple[Diagram, int]]:
            nonlocal checked
            for diagram in subject.diagrams():
                yield diagram, diagram.symmetry_factor
                checked += 1
                if progress is not None:
                    progress(checked / total, f"{checked} of {total}")

        lines = list(disagreements(counted()))
    said = f"{checked} diagram{'s' if checked != 1 else ''} checked with networkx"
    if lines:
        click.echo(f"{said}: {len(lines)} off, the first: {lines[0]}", err=True)
        raise click.exceptions.Exit(1)
    click.echo(f"{said}: all symmetry factors agree, no two are isomorphic", err=True)


def _records(subject: Subject, diagrams: Iterator[Diagram]) -> Iterator[dict[str, Any]]:
    for diagram in diagrams:
        entry = subject.entry(diagram, too_long="refuse")
        record: dict[str, Any] = {
            "diagram": str(diagram),
            "symmetry_factor": diagram.symmetry_factor,
            "value": entry.value_text,
        }
        if entry.count is not None:
            record["count"] = entry.count_text
        yield record
