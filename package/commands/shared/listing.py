"""Which diagrams a command lists or draws, with their counts and values, and their pictures."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from sgdiagrams.commands.shared.requests import refuse_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sgdiagrams.diagrams import Diagram
    from sgdiagrams.diagrams.pictures.picture import Picture
    from sgdiagrams.symbolic import Sampling
    from sgdiagrams.symbolic.drawn.entries import ListedDiagram

__all__ = [
    "Subject",
    "check_picture",
    "grids_of",
    "grids_text",
    "listed_of",
    "picture_of",
    "root_role",
    "subject_of",
    "text_of",
    "write_picture",
]

_MOST_DRAWN = 2000
_ENDINGS = (".svg", ".tex", ".pdf", ".png")
_SHEET, _SMALL, _IN_TEXT = 0.8, 0.65, 0.6  # scales in TeX
_WIDE, _HIGH = 345, 540  # a page of LaTeX's article, in points
_TEXT_WIDTH = 100  # characters a line of a file
_CHARACTERS = "●■─│┐┘┤├┬┴┼·"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is listed: an order, or a noise, and what is said of every diagram.

    Attributes
    ----------
    name, number
        ``"order"`` or ``"noise"``, and which.
    root
        ``"isolated"`` or ``"in-partition"``.
    basis
        That of values and counts; None for the usual one.
    scheme
        What counts; None for nobody.
    options
        Options of the enumeration.
    """

    name: str
    number: int
    root: str
    basis: Any
    scheme: Sampling | None
    options: dict[str, Any]

    @property
    def is_noise(self) -> bool:
        """Whether it is a noise."""
        return self.name == "noise"

    @property
    def order(self) -> int:
        """The greatest number of edges."""
        return max(0, 4 * self.number - 1) if self.is_noise else self.number

    @property
    def title(self) -> str:
        """The order, and the scheme."""
        setting = "" if self.scheme is None else f", {self.scheme.label}"
        return f"{self.name} {self.number}{setting}"

    def diagrams(self) -> Iterator[Diagram]:
        """Return the diagrams, made one by one."""
        from sgdiagrams.diagrams import enumerate_diagrams, noise_diagrams

        make = noise_diagrams if self.is_noise else enumerate_diagrams
        return make(self.number, **self.options)

    def total(self) -> int:
        """Return how many there are."""
        from sgdiagrams.diagrams import diagram_rows, noise_rows

        if "visits" in self.options:
            return sum(1 for _ in self.diagrams())
        rows = noise_rows if self.is_noise else diagram_rows
        return sum(map(len, rows(self.number, **self.options)))

    def entry(self, diagram: Diagram, *, too_long: Any = "describe") -> ListedDiagram:
        """Return what is said of a diagram."""
        from sgdiagrams.symbolic.drawn.entries import listed_diagram

        return listed_diagram(
            diagram,
            sampling=self.scheme,
            basis=_values_basis(self.basis, self.scheme),
            root=root_role(self.root),
            along_path=self.is_noise,
            too_long=too_long,
        )

    def drawn(self) -> list[Diagram]:
        """Return the diagrams, if they are not too many to be drawn."""
        from sgdiagrams.diagrams import RequestError

        drawn = list(islice(self.diagrams(), _MOST_DRAWN + 1))
        if len(drawn) > _MOST_DRAWN:
            raise RequestError(
                f"expected at most {_MOST_DRAWN} diagrams to draw; lower the {self.name} or use a filter"
            )
        return drawn


def subject_of(
    *,
    order: int | None,
    noise: int | None,
    sampling: Sampling | None,
    root: str,
    basis: Any,
    visits: str,
    linkless: bool,
    max_block_size: int | None = None,
    **bounds: Any,
) -> Subject:
    """Return what the options of a command name; what is impossible is said here.

    Raises
    ------
    RequestError
        When options do not go together, or the scheme does not count as they ask.
    """
    from sgdiagrams.diagrams.errors import RequestError

    if (order is None) == (noise is None):
        got = "neither" if order is None else "both"
        raise RequestError(f"expected either --order or --noise, got {got}")
    options = {"root": root, "max_block_size": max_block_size, **bounds}
    if noise is None:
        options["linkless"] = linkless
        if visits != "same":
            options["visits"] = "fresh"
    else:
        refuse_options("only without --noise", {"--visits": visits != "same"})
        refuse_options("only without --noise", {"--linkless": linkless})
        refuse_options("only without --noise", {"--basis moment": basis == "moment"})
        basis = "cumulant"
    if sampling is not None:
        sampling.check_basis(basis)  # before anything is written
        sampling.check_root(root_role(root))
        limits = dict(sampling.diagram_options)
        least = limits.pop("max_block_size", None)
        if isinstance(least, int):
            options["max_block_size"] = min(least, max_block_size or least)
        options.update(limits)
    name, number = ("order", order) if noise is None else ("noise", noise)
    return Subject(name, number or 0, root, basis, sampling, options)


def listed_of(texts: Sequence[str], scheme: Sampling | None, basis: Any) -> list[ListedDiagram]:
    """Return what is said of diagrams that are given as texts.

    Raises
    ------
    DiagramError
        When a text is no diagram.
    RequestError
        When the scheme does not count as asked.
    """
    from sgdiagrams.diagrams import Diagram
    from sgdiagrams.symbolic.drawn.entries import listed_diagram

    diagrams = [Diagram.parse(text) for text in texts]
    in_basis = _values_basis(basis, scheme)
    entries = []
    for diagram in diagrams:
        root = root_role("in-partition" if diagram.root_is_tied else "isolated")
        if scheme is not None:
            scheme.check_root(root)
        entries.append(listed_diagram(diagram, sampling=scheme, basis=in_basis, root=root))
    return entries


def root_role(root: str) -> Any:
    """Return the role of a root in counts."""
    return "population" if root == "isolated" else "training"


def _values_basis(basis: Any, scheme: Sampling | None) -> Any:
    if scheme is not None:
        return scheme.check_basis(basis)
    return basis or "moment"


def check_picture(option: str, path: str, *more: str) -> None:
    """Check that a file has the ending of a format of pictures, or another one.

    Raises
    ------
    RequestError
        When it has not.
    """
    from sgdiagrams.diagrams.errors import RequestError
    from sgdiagrams.diagrams.messages import shown

    endings = (*_ENDINGS, *more)
    if not path.lower().endswith(endings):
        raise RequestError(
            f"expected a file ending in {', '.join(endings)} for {option}, got {shown(path)}"
        )


def picture_of(
    entries: Sequence[ListedDiagram],
    title: str,
    *,
    columns: int | None = None,
    is_alone: bool = False,
) -> Picture:
    """Return the sheet of diagrams, with their counts and values.

    One diagram that `is_alone` has no words below it.
    """
    from sgdiagrams.diagrams import draw_diagram, draw_sheet

    diagrams = [entry.diagram for entry in entries]
    if is_alone and len(diagrams) == 1:
        return draw_diagram(diagrams[0])
    captions = [entry.caption() for entry in entries]
    kinds = "diagram" if len(entries) == 1 else "diagrams"
    name = " of ".join([f"{len(entries)} {kinds}", *([title] if title else [])])
    return draw_sheet(diagrams, captions=captions, columns=columns, title=name)


def text_of(entries: Sequence[ListedDiagram], output: str | None, *, ascii_only: bool) -> str:
    """Return diagrams as trees of characters; on a terminal only with characters that it has."""
    from sgdiagrams.diagrams.pictures.characters.text_sheet import sheet_text

    diagrams = [entry.diagram for entry in entries]
    captions = [entry.words() for entry in entries]
    return sheet_text(diagrams, captions=captions, **_page(output, ascii_only=ascii_only))


def grids_of(
    texts: Sequence[str], scheme: Sampling | None, basis: Any, *, columns: int | None = None
) -> Picture:
    """Return the picture of all embeddings of one diagram.

    Raises
    ------
    RequestError
        When there is not one diagram, or no scheme with a schedule that is fixed.
    """
    from sgdiagrams.symbolic.drawn.placements import draw_embeddings

    diagram, sampling = _one_embedded(texts, scheme)
    return draw_embeddings(diagram, sampling, basis=basis, columns=columns)


def grids_text(
    texts: Sequence[str],
    scheme: Sampling | None,
    basis: Any,
    output: str | None,
    *,
    ascii_only: bool,
) -> str:
    """Return all embeddings of one diagram as grids of characters; see `grids_of`."""
    from sgdiagrams.symbolic.drawn.placements import embeddings_text

    diagram, sampling = _one_embedded(texts, scheme)
    return embeddings_text(diagram, sampling, basis=basis, **_page(output, ascii_only=ascii_only))


def _one_embedded(texts: Sequence[str], scheme: Sampling | None) -> tuple[Diagram, Sampling]:
    from sgdiagrams.diagrams import Diagram, RequestError

    if len(texts) != 1:
        raise RequestError(f"expected one DIAGRAM with --grid, got {len(texts) or 'none'}")
    if scheme is None:
        raise RequestError("expected --sampling with --grid, such as epochs, got none")
    return Diagram.parse(texts[0]), scheme


def _page(output: str | None, *, ascii_only: bool) -> dict[str, Any]:
    """Return the width of lines and the characters of the terminal, or of a file."""
    from sgdiagrams.diagrams.tables import page_width

    if output not in (None, "-"):
        return {"width": _TEXT_WIDTH, "ascii_only": ascii_only}
    return {"width": page_width(), "ascii_only": ascii_only or not _can_show(_CHARACTERS)}


def _can_show(characters: str) -> bool:
    """Return whether standard output has characters."""
    try:
        characters.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def write_picture(
    drawn: Callable[[int | None], Picture], path: str, *, columns: int | None = None
) -> None:
    """Write a picture, which is drawn in so many columns, to a file.

    TeX gets it as wide as a page of LaTeX's article, row by row where it is longer than a page.
    """
    if not path.lower().endswith(".tex"):
        drawn(columns).save(path)
        return
    from sgdiagrams.commands.shared.output import emit
    from sgdiagrams.diagrams.pictures.shapes import Titled
    from sgdiagrams.diagrams.pictures.sheet import sheet_in_rows

    first = drawn(1 if columns is None else columns)
    if not any(isinstance(shape, Titled) for shape in first.shapes):
        emit(f"{first.tikz(scale=_IN_TEXT)}%", path)
        return
    for scale in (_SHEET, _SMALL):
        per_row = columns or max(1, int(_WIDE / scale // first.width))
        sheet = drawn(per_row)
        if sheet.height * scale <= _HIGH:
            emit(f"{sheet.tikz(scale=scale)}%", path)
            return
    rows = [f"\\noindent\n{row.tikz(scale=scale)}\\par" for row in sheet_in_rows(sheet, per_row)]
    emit("\n".join(rows), path)
