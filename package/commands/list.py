"""``sgdiagrams list``: the diagrams of an order."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click

from sgdiagrams.commands.shared.completion import files, names
from sgdiagrams.commands.shared.options import SAMPLINGS, basis_option, format_option, output_option
from sgdiagrams.commands.shared.output import emit, line_writer
from sgdiagrams.commands.shared.progress import progress_bar, working
from sgdiagrams.commands.shared.requests import refuse_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sgdiagrams.diagrams import Diagram
    from sgdiagrams.symbolic import Sampling
from sgdiagrams.commands.shared.help import command

__all__ = ["list_diagrams"]

_MOST_DRAWN = 2000
_MOST_COUNTED = 8


@command("list", short_help="Enumerate the diagrams of an order.")
@click.option("--order", type=click.IntRange(0, 12), required=True, help="Number of edges.")
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
    metavar="FILE.svg",
    shell_complete=files,
    help="Also draw the diagrams (at most 2000) as SVG.",
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
    order: int,
    sampling: str | None,
    root: str,
    basis: Any,
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
    tied leaves on the root.

    \b
    Examples:
        sgdiagrams list --order 3 --sampling one-pass
        sgdiagrams list --order 5 --count --check
    """  # noqa: D301 - click reads the control character
    if only_count:
        given = {"--draw": picture is not None, "--format": style != "table"}
        refuse_options("only without --count", given)
    if only_count or style == "text":
        refuse_options("only with values to print", {"--basis": basis is not None})
    options: dict[str, Any] = {
        "root": root,
        "linkless": linkless,
        "max_block_size": max_block_size,
        "max_legs": max_legs,
        "residue": residue,
        "modulus": modulus,
    }
    scheme = None
    if sampling is not None:
        from sgdiagrams.symbolic.training.names import named_sampling

        scheme = named_sampling(sampling)
        scheme.check_basis(basis)  # before anything is written
        scheme.check_root(_role(root))
        bounds = dict(scheme.diagram_options)
        least = bounds.pop("max_block_size", None)
        if isinstance(least, int):
            options["max_block_size"] = min(least, max_block_size or least)
        options.update(bounds)
    if only_count:
        with working("counting"):
            total = _total(order, options)
        emit(str(total), output)
    else:
        if picture is not None:
            _draw(order, options, scheme, picture)
        _show(order, options, scheme, basis, style=style, output=output)
    if check:
        _check(order, options)


def _total(order: int, options: dict[str, Any]) -> int:
    from sgdiagrams.diagrams import diagram_rows

    return sum(map(len, diagram_rows(order, **options)))


def _show(
    order: int,
    options: dict[str, Any],
    scheme: Sampling | None,
    basis: Any,
    *,
    style: str,
    output: str | None,
) -> None:
    """Print the diagrams line by line, as they are made."""
    from sgdiagrams.diagrams import enumerate_diagrams

    diagrams = enumerate_diagrams(order, **options)
    first = list(islice(diagrams, 1))  # what is impossible is said before anything is written
    diagrams = chain(first, diagrams)
    if style == "text":
        lines: Iterator[str] = map(str, diagrams)
    else:
        records = _records(diagrams, scheme, options["root"], basis)
        lines = (
            map(json.dumps, records)
            if style == "json"
            else _rows(order, records, has_counts=scheme is not None)
        )
    # What is printed on the terminal is its own sign of progress.
    is_shown = sys.stdout.isatty() and output in (None, "-")
    # To count a higher order takes too long by itself.
    is_counted = order <= _MOST_COUNTED and not is_shown and sys.stderr.isatty()
    total = _total(order, options) if is_counted else 0
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


def _rows(order: int, records: Iterator[dict[str, Any]], *, has_counts: bool) -> Iterator[str]:
    """Yield the names of the columns and the rows; a row is one line, if nobody looks.

    The columns are as wide as the order needs, so that no row waits for the others.
    """
    from sgdiagrams.diagrams.tables import folded_for_people

    width = 2 * (2 * order + 1) + 6 if order < 9 else 60
    header = ("diagram", "symmetry", "value", "count" if has_counts else "")
    cells = (
        (r["diagram"], str(r["symmetry_factor"]), r["value"], r.get("count", "")) for r in records
    )
    for diagram, symmetry, value, count in chain((header,), cells):
        line = f"{diagram:<{width}}{symmetry:>8}  {value:<{max(12, 6 * order + 4)}}{count}"
        yield folded_for_people(line.rstrip())


def _check(order: int, options: dict[str, Any]) -> None:
    """Check what was listed with networkx and say so in one line; leave with status 1 when it is off."""
    from sgdiagrams.diagrams import diagram_rows, disagreements, enumerate_diagrams

    total = sum(map(len, diagram_rows(order, **options)))
    checked = 0
    with progress_bar("checking") as progress:

        def counted() -> Iterator[tuple[Diagram, int]]:
            nonlocal checked
            for diagram in enumerate_diagrams(order, **options):
                yield diagram, diagram.symmetry_factor
                checked += 1
                if progress is not None:
                    progress(checked / total, f"{checked} of {total}")

        lines = list(disagreements(counted()))
    subject = f"{checked} diagram{'s' if checked != 1 else ''} checked with networkx"
    if lines:
        click.echo(f"{subject}: {len(lines)} off, the first: {lines[0]}", err=True)
        raise click.exceptions.Exit(1)
    click.echo(f"{subject}: all symmetry factors agree, no two are isomorphic", err=True)


def _draw(order: int, options: dict[str, Any], scheme: Sampling | None, picture: str) -> None:
    from sgdiagrams.diagrams import RequestError, contact_sheet_svg, enumerate_diagrams
    from sgdiagrams.diagrams.messages import shown

    if not picture.endswith(".svg"):
        raise RequestError(f"expected a file ending in .svg for --draw, got {shown(picture)}")
    drawn = list(islice(enumerate_diagrams(order, **options), _MOST_DRAWN + 1))
    if len(drawn) > _MOST_DRAWN:
        raise RequestError(
            f"expected at most {_MOST_DRAWN} diagrams to draw; lower the order or use a filter"
        )
    captions = [f"{diagram}\n|Aut| = {diagram.symmetry_factor}" for diagram in drawn]
    kinds = "diagram" if len(drawn) == 1 else "diagrams"
    setting = "" if scheme is None else f", {scheme.label}"
    title = f"{len(drawn)} {kinds} of order {order}{setting}"
    emit(contact_sheet_svg(drawn, captions=captions, title=title), picture)


def _role(root: str) -> Any:
    """Return the role of a root in counts."""
    return "population" if root == "isolated" else "training"


def _records(
    diagrams: Iterator[Diagram], scheme: Sampling | None, root: str, basis: Any
) -> Iterator[dict[str, Any]]:
    from sgdiagrams.symbolic import Contraction
    from sgdiagrams.symbolic.writing.coefficients import coefficient

    values_basis: Any = "moment" if basis is None else basis
    if scheme is not None:
        values_basis = scheme.check_basis(basis)
    for diagram in diagrams:
        record: dict[str, Any] = {
            "diagram": str(diagram),
            "symmetry_factor": diagram.symmetry_factor,
            "value": str(Contraction.from_diagram(diagram, basis=values_basis)),
        }
        if scheme is not None:
            count = scheme.count(diagram, basis=values_basis, root=_role(root))
            record["count"] = coefficient(count).text if count != 0 else "0"
        yield record
