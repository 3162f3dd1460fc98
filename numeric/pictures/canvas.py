"""Matplotlib without the user's settings, so that pictures come out the same everywhere."""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from sgdiagrams.diagrams.errors import FormatError, RequestError
from sgdiagrams.diagrams.files import output_file, usable_path
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.pictures.printed import matplotlib_figure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.figure import Figure

__all__ = ["check_picture", "own_settings", "write_figure"]

_SUFFIXES = (".png", ".svg", ".pdf")


def check_picture(path: str | Path) -> str:
    """Return the format that a file's name asks for, before anything long is begun.

    Raises
    ------
    RequestError
        When the suffix is not png, svg or pdf.
    FormatError
        When the path is a directory or lies in none.
    MissingDependencyError
        When matplotlib is not installed.

    Examples
    --------
    >>> check_picture("loss.svg")
    'svg'
    """
    target = usable_path(path)
    if target.suffix.lower() not in _SUFFIXES:
        raise RequestError(
            f"expected a file ending in {', '.join(_SUFFIXES)}, got {shown(str(path))}"
        )
    if target.is_dir() or not target.parent.is_dir():
        raise FormatError(f"expected a file in an existing directory, got {shown(str(path))}")
    matplotlib_figure()
    return target.suffix.lower()[1:]


@contextmanager
def own_settings() -> Iterator[type[Figure]]:
    """Yield matplotlib's figure under matplotlib's own settings.

    A user's matplotlibrc may ask for TeX, for fonts or for a look that this picture is not made for. The
    figure has no global state either: no window, no backend to choose.
    """
    figure_class = _shown_in_notebooks(matplotlib_figure())
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams["svg.hashsalt"] = "sgdiagrams"  # the same picture is the same file
        yield figure_class


def _shown_in_notebooks(figure_class: type[Figure]) -> type[Figure]:
    """Return figures that a notebook shows, whether or not it has set matplotlib up."""

    class NotebookFigure(figure_class):  # type: ignore[misc, valid-type]
        def _repr_png_(self) -> bytes:
            content = BytesIO()
            with own_settings():
                self.savefig(content, dpi=100, format="png")
            return content.getvalue()

    return NotebookFigure


def write_figure(figure: Figure, path: str | Path, *, title: str, description: str) -> None:
    """Write a picture to a file; what was there stays until everything is written.

    Parameters
    ----------
    figure
        The picture.
    path
        The file; see `check_picture`.
    title, description
        What the picture shows, for those who do not see it.
    """
    kind = check_picture(path)
    metadata: dict[str, str | None] = {"Title": title}
    if kind == "pdf":
        metadata |= {"Subject": description, "CreationDate": None}
    else:
        metadata |= {"Description": description}
    if kind == "svg":
        metadata["Date"] = None
    content = BytesIO()
    with own_settings():
        figure.savefig(content, dpi=150, format=kind, metadata=metadata)
    data = content.getvalue()
    if kind == "svg":
        # Matplotlib writes a title, and a description only where no reader looks for one.
        described = f"</title>\n <desc>{escape(description)}</desc>".encode()
        data = data.replace(b"</title>", described, 1)
    with output_file(path) as file:
        file.write(data)
