"""``sgdiagrams list``: the diagrams of an order."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from sgdiagrams.commands.common import SAMPLINGS, basis_option, emit, progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sgdiagrams.diagrams import Diagram
    from sgdiagrams.symbolic import Sampling

__all__ = ["list_diagrams"]

_MOST_DRAWN = 2000


@click.command("list", short_help="Enumerate the diagrams of an order.")
@click.option("--order", type=click.IntRange(0, 14), required=True, help="Number of edges.")
@click.option(
    "--sampling",
    metavar="NAME",
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
    "--draw", "picture", metavar="FILE.svg", help="Also draw the diagrams (at most 2000) as SVG."
)
@click.option("--count", "only_count", is_flag=True, help="Print only how many there are.")
@click.option(
    "--check",
    is_flag=True,
    help="Count all symmetry factors a second time, with networkx, and look for diagrams that occur "
    "twice; exit status 1 when anything is off.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "text", "json"]),
    default="table",
    show_default=True,
    help="text: one diagram a line; json: one object a line.",
)
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
) -> None:
    """Enumerate the diagrams of an order, each once, with its symmetry factor and value.

    A diagram is written (blocks)(edges), children before parents, the root last: (01-2)(02-12) is two
    tied leaves on the root.

    \b
    Examples:
        sgdiagrams list --order 3 --sampling one-pass
        sgdiagrams list --order 5 --count --check
    """  # noqa: D301 - click reads the control character
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
        bounds = dict(scheme.diagram_options)
        least = bounds.pop("max_block_size", None)
        if isinstance(least, int):
            options["max_block_size"] = min(least, max_block_size or least)
        options.update(bounds)
    _show(order, options, scheme, basis, picture, style="count" if only_count else style)
    if check:
        _check(order, options)


def _show(
    order: int,
    options: dict[str, Any],
    scheme: Sampling | None,
    basis: Any,
    picture: str | None,
    *,
    style: str,
) -> None:
    """Print the diagrams, or how many there are."""
    from sgdiagrams.diagrams import diagram_rows, enumerate_diagrams

    if style == "count":
        click.echo(sum(map(len, diagram_rows(order, **options))))
        return
    if picture is not None:
        _draw(enumerate_diagrams(order, **options), picture)
    diagrams = enumerate_diagrams(order, **options)
    if style == "text":
        for diagram in diagrams:
            click.echo(str(diagram))
        return
    records = _records(diagrams, scheme, options["root"], basis)
    if style == "json":
        for record in records:
            click.echo(json.dumps(record))
        return
    width = 2 * (2 * order + 1) + 6 if order < 9 else 60
    header = f"{'diagram':<{width}}{'symmetry':>8}  {'value':<{max(12, 6 * order + 4)}}"
    click.echo((header + ("count" if scheme is not None else "")).rstrip())
    total = 0
    for record in records:
        line = (
            f"{record['diagram']:<{width}}{record['symmetry_factor']:>8}"
            f"  {record['value']:<{max(12, 6 * order + 4)}}{record.get('count', '')}"
        )
        click.echo(line.rstrip())
        total += 1
    click.echo(f"{total} diagram{'s' if total != 1 else ''}", err=True)


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


def _draw(diagrams: Iterator[Diagram], picture: str) -> None:
    from sgdiagrams.diagrams import RequestError, contact_sheet_svg
    from sgdiagrams.diagrams.messages import shown

    if not picture.endswith(".svg"):
        raise RequestError(f"expected a file ending in .svg for --draw, got {shown(picture)}")
    drawn = list(islice(diagrams, _MOST_DRAWN + 1))
    if len(drawn) > _MOST_DRAWN:
        raise RequestError(
            f"expected at most {_MOST_DRAWN} diagrams to draw; lower the order or use a filter"
        )
    captions = [f"{diagram}\n|Aut| = {diagram.symmetry_factor}" for diagram in drawn]
    emit(contact_sheet_svg(drawn, captions=captions), picture)


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
            role: Any = "population" if root == "isolated" else "training"
            count = scheme.count(diagram, basis=values_basis, root=role)
            record["count"] = coefficient(count).text if count != 0 else "0"
        yield record
