"""The picture: shapes on paper, and the doors to all formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.files import output_file, usable_path
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.pictures.printed import pdf_bytes, png_bytes
from sgdiagrams.diagrams.pictures.shapes import Scene
from sgdiagrams.diagrams.pictures.svg import svg_text
from sgdiagrams.diagrams.pictures.tikz import tikz_text

if TYPE_CHECKING:
    import os

__all__ = ["Picture"]

_MOST_SCALE = 100


@dataclass(frozen=True, slots=True)
class Picture(Scene):
    """A picture of diagrams, which writes itself in every format; notebooks show it.

    The same picture is the same file, on every day.

    Attributes
    ----------
    width, height
        In points; x runs to the right, y down.
    shapes
        What is drawn, from below to above.
    title, description
        What it shows, for those who do not see it.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram, draw_diagram
    >>> picture = draw_diagram(Diagram.parse("(01-2)(02-12)"))
    >>> picture.svg().startswith("<svg xmlns=")
    True
    """

    def svg(self) -> str:
        """Return the picture as a standalone SVG."""
        return svg_text(self)

    def tikz(self, *, scale: float = 1.0) -> str:
        r"""Return the picture as one ``tikzpicture``, which needs ``\usepackage{tikz}`` and no library.

        Parameters
        ----------
        scale
            Points of TeX a point of the picture, above 0.

        Raises
        ------
        RequestError
            When the scale is something else.
        """
        return tikz_text(self, scale=_checked_scale(scale))

    def pdf(self) -> bytes:
        """Return the picture as a PDF with its fonts inside; this needs matplotlib, and no TeX.

        Raises
        ------
        MissingDependencyError
            When matplotlib is not installed.
        """
        return pdf_bytes(self)

    def png(self, *, resolution: int = 200) -> bytes:
        """Return the picture as a PNG; this needs matplotlib.

        Parameters
        ----------
        resolution
            Dots an inch, 10 to 1200.

        Raises
        ------
        RequestError
            When the resolution is something else.
        MissingDependencyError
            When matplotlib is not installed.
        """
        return png_bytes(self, resolution=resolution)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file in the format that its name ends in.

        Parameters
        ----------
        path
            A name that ends in .svg, .tex (TikZ), .pdf or .png.

        Raises
        ------
        RequestError
            When the name ends in something else.
        FormatError
            When the file cannot be written.
        MissingDependencyError
            When the format needs matplotlib, and it is not installed.
        """
        writers = {
            ".svg": lambda: self.svg().encode(),
            ".tex": lambda: self.tikz().encode() + b"%\n",  # no space after it
            ".pdf": self.pdf,
            ".png": self.png,
        }
        target = usable_path(path)
        if target.suffix.lower() not in writers:
            endings = ", ".join(writers)
            raise RequestError(f"expected a file ending in {endings}, got path={shown(str(path))}")
        content = writers[target.suffix.lower()]()
        with output_file(target) as file:
            file.write(content)

    def _repr_svg_(self) -> str:
        """Return the picture that notebooks show."""
        return self.svg()


def _checked_scale(scale: object) -> float:
    if isinstance(scale, int | float) and not isinstance(scale, bool) and 0 < scale <= _MOST_SCALE:
        return float(scale)
    raise RequestError(
        f"expected a scale above 0 and up to {_MOST_SCALE}, got scale={shown(scale)}"
    )
