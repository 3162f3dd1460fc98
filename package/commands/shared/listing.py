"""Which diagrams a command lists or draws, with their counts and values, and their pictures."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from sgdiagrams.commands.shared.requests import refuse_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sgdiagrams.diagrams import Diagram
    from sgdiagrams.diagrams.pictures.picture import Picture
    from sgdiagrams.symbolic import Sampling
    from sgdiagrams.symbolic.drawn.entries import ListedDiagram

__all__ = ["Subject", "check_picture", "picture_of", "root_role", "subject_of", "write_picture"]

_MOST_DRAWN = 2000
_ENDINGS = (".svg", ".tex", ".pdf", ".png")
_PAGE = 430  # points of a sheet that TeX sets at four fifths on a page of LaTeX's article


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


def picture_of(entries: Sequence[ListedDiagram], title: str, path: str) -> Picture:
    """Return the sheet of diagrams, with their counts and values; for TeX as wide as a page."""
    from sgdiagrams.diagrams import draw_sheet

    kinds = "diagram" if len(entries) == 1 else "diagrams"
    diagrams = [entry.diagram for entry in entries]
    captions = [entry.caption() for entry in entries]
    name = f"{len(entries)} {kinds} of {title}"
    sheet = draw_sheet(diagrams, captions=captions, title=name)
    if path.lower().endswith(".tex"):
        columns = max(1, int(_PAGE // draw_sheet(diagrams, captions=captions, columns=1).width))
        sheet = draw_sheet(diagrams, captions=captions, columns=columns, title=name)
    return sheet


def write_picture(picture: Picture, path: str) -> None:
    """Write a picture to a file; TeX sets it at four fifths, as formulas beside text."""
    if not path.lower().endswith(".tex"):
        picture.save(path)
        return
    from sgdiagrams.commands.shared.output import emit

    emit(picture.tikz(scale=0.8), path)
