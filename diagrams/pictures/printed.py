"""Pictures as PDF and PNG, without TeX: drawn by matplotlib, which is imported when it is needed."""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.errors import MissingDependencyError, RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.pictures.shapes import Box, Curve, Disc, Polyline, Titled, Words
from sgdiagrams.diagrams.whole_numbers import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

    from sgdiagrams.diagrams.pictures.shapes import Paint, Scene, Shape

__all__ = ["matplotlib_figure", "pdf_bytes", "png_bytes"]

_POINTS = 72.0  # an inch
_BOXED = re.compile(r"\\mbox\{([^{}]*)\}")
_ANCHORS = {"start": "left", "middle": "center", "end": "right"}


def pdf_bytes(scene: Scene) -> bytes:
    """Return a picture as a PDF of its own size, with its fonts inside.

    Raises
    ------
    MissingDependencyError
        When matplotlib is not installed.
    """
    # Fonts of type 42 are TrueType: their letters can be searched and copied.
    about = {"Title": scene.title, "Subject": scene.description, "CreationDate": None}
    return _drawn(scene, resolution=_POINTS, format="pdf", metadata=about)


def png_bytes(scene: Scene, *, resolution: int = 200) -> bytes:
    """Return a picture as a PNG of `resolution` dots an inch.

    Raises
    ------
    RequestError
        When the resolution is no whole number from 10 to 1200.
    MissingDependencyError
        When matplotlib is not installed.
    """
    if not is_whole(resolution, least=10, most=1200):
        raise RequestError(
            f"expected a whole number 10..1200 of dots an inch, got resolution={shown(resolution)}"
        )
    about = {"Title": scene.title, "Description": scene.description, "Software": None}
    return _drawn(scene, resolution=float(resolution), format="png", metadata=about)


def _drawn(scene: Scene, *, resolution: float, **options: Any) -> bytes:
    content = BytesIO()
    with _own_settings() as figure_class:
        figure = figure_class(figsize=(scene.width / _POINTS, scene.height / _POINTS))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, scene.width)
        axes.set_ylim(scene.height, 0)
        axes.set_axis_off()
        for number, shape in enumerate(scene.shapes):
            _add(axes, shape, (0.0, 0.0), number)
        figure.savefig(content, dpi=resolution, facecolor="white", **options)
    return content.getvalue()


def _add(axes: Any, shape: Shape, shift: tuple[float, float], layer: int) -> None:
    """Add a shape to the axes, whose units are points."""
    from matplotlib import patches
    from matplotlib.lines import Line2D
    from matplotlib.path import Path

    dx, dy = shift
    match shape:
        case Titled(shift=(x, y)):
            for part in shape.shapes:
                _add(axes, part, (dx + x, dy + y), layer)
        case Words(place=(x, y)):
            axes.text(
                x + dx,
                y + dy,
                mathtext(shape),
                size=shape.size,
                color=shape.colour,
                family="DejaVu Sans Mono" if shape.monospace else "DejaVu Sans",
                math_fontfamily="stix",
                ha=_ANCHORS[shape.anchor],
                va="baseline",
                zorder=layer,
            )
        case Polyline():
            line = Line2D(
                [x + dx for x, _ in shape.points],
                [y + dy for _, y in shape.points],
                color=shape.paint.stroke,
                linewidth=shape.paint.width,
                linestyle=_dashes(shape.paint),
                zorder=layer,
                solid_capstyle="butt",
            )
            axes.add_line(line)
        case Disc(centre=(x, y)):
            axes.add_patch(
                patches.Circle((x + dx, y + dy), shape.radius, **_look(shape.paint, layer))
            )
        case Box(corner=(x, y)):
            corners = (
                f"round,pad=0,rounding_size={shape.rounding}" if shape.rounding else "square,pad=0"
            )
            box = patches.FancyBboxPatch(
                (x + dx, y + dy),
                shape.width,
                shape.height,
                boxstyle=corners,
                **_look(shape.paint, layer),
            )
            axes.add_patch(box)
        case Curve():
            places = [shape.start, *(place for piece in shape.pieces for place in piece)]
            codes = [Path.MOVETO, *[Path.CURVE4] * (len(places) - 1)]
            if shape.closed:
                places.append(shape.start)
                codes.append(Path.CLOSEPOLY)
            path = Path([(x + dx, y + dy) for x, y in places], codes)
            axes.add_patch(patches.PathPatch(path, **_look(shape.paint, layer)))


def mathtext(words: Words) -> str:
    """Return a text for matplotlib; of a formula, the spelling that its own mathematics can read."""
    from matplotlib.mathtext import MathTextParser

    if words.latex is None:
        return words.text.replace("$", r"\$")
    # Of boxes with words it knows nothing.
    upright = _BOXED.sub(lambda box: rf"\mathrm{{{box[1]}}}".replace(" ", r"\ "), words.latex)
    for body in (upright, words.text.replace(" ", r"\ ")):
        try:
            MathTextParser("path").parse(f"${body}$")
        except ValueError:
            continue
        return f"${body}$"
    return words.text.replace("$", r"\$")


def _look(paint: Paint, layer: int) -> dict[str, Any]:
    return {
        "facecolor": (paint.fill, paint.opacity) if paint.fill else "none",
        "edgecolor": paint.stroke or "none",
        "linewidth": paint.width if paint.stroke else 0,
        "linestyle": _dashes(paint),
        "zorder": layer,
    }


def _dashes(paint: Paint) -> Any:
    """Return dashes in widths of the line, in which matplotlib counts."""
    if not paint.dashes:
        return "solid"
    return (0, tuple(length / paint.width for length in paint.dashes))


@contextmanager
def _own_settings() -> Iterator[Any]:
    """Yield matplotlib's figure under matplotlib's own settings, whatever the user's are."""
    figure_class = matplotlib_figure()
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams["pdf.fonttype"] = 42
        yield figure_class


def matplotlib_figure() -> type[Figure]:
    """Return matplotlib's figure, which has no window and no global state.

    Raises
    ------
    MissingDependencyError
        When matplotlib is not installed, or does not load.
    """
    # A backend that there is none of would keep matplotlib from loading; it matters to no file.
    is_new = "matplotlib" not in sys.modules
    backend = os.environ.pop("MPLBACKEND", None) if is_new else None
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependencyError(
            "expected matplotlib, which draws pictures, but it is not installed; "
            'run pip install "sgdiagrams[demo]"'
        ) from None
    except ValueError as error:
        raise MissingDependencyError(
            f"expected matplotlib, which draws pictures, but it does not load: {shown(str(error))}; "
            "look at the file matplotlibrc"
        ) from None
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with suppress(ValueError):
            mpl.rcParams["backend"] = backend
    return Figure
