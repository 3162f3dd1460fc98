"""What the experiments share: their options, and the look of their pictures."""

from __future__ import annotations

import argparse
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The palette of M. Okabe and K. Ito, which colour-blind readers tell apart, and black for simulations.
BLACK, ORANGE, SKY, GREEN = "#000000", "#e69f00", "#56b4e9", "#009e73"
BLUE, RED, PINK, GREY = "#0072b2", "#d55e00", "#cc79a7", "#999999"

_SETTINGS = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.titlesize": 11,
    "font.size": 9.5,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
}


def read_options(
    description: str | None,
    arguments: Sequence[str] | None = None,
    **sizes: tuple[int, int, str],
) -> argparse.Namespace:
    """Return the options of an experiment: --output, --full, and one for each of its sizes.

    Parameters
    ----------
    description
        The docstring of the script.
    arguments
        In place of those of the command line.
    **sizes
        The name of a size: its value, its value with ``--full``, and what it is.
    """
    parser = argparse.ArgumentParser(description=(description or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--full", action="store_true", help="take longer, for smaller errors")
    parser.add_argument(
        "--output", type=Path, default=Path(), metavar="DIR", help="where the picture goes"
    )
    for name, (quick, full, words) in sizes.items():
        both = f"{quick:,}; with --full {full:,}"
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"{words} ({both})")
    options = parser.parse_args(arguments)
    for name, (quick, full, _) in sizes.items():
        if getattr(options, name) is None:
            setattr(options, name, full if options.full else quick)
        elif getattr(options, name) < 2:
            parser.error(f"expected --{name} 2 or more, got {getattr(options, name)}")
    if not options.output.is_dir():
        parser.error(f"expected a folder that exists, got --output {options.output}")
    return options


@contextmanager
def picture(
    path: Path,
    title: str,
    *,
    columns: int = 1,
    mosaic: Sequence[Sequence[str]] | None = None,
    size: tuple[float, float] = (6.8, 4.2),
    **settings: Any,
) -> Iterator[Any]:
    """Yield the axes of a picture, one, a row or a mosaic, and write it when they are drawn.

    The picture looks the same everywhere, whatever matplotlib's settings are on this machine.
    """
    import matplotlib as mpl  # noqa: PLC0415 - after the options, so that --help comes at once
    from matplotlib.figure import Figure  # noqa: PLC0415 - needs no screen

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        figure = Figure(figsize=size, layout="constrained")
        figure.suptitle(title)
        if mosaic is None:
            yield figure.subplots(1, columns, **settings)
        else:
            yield figure.subplot_mosaic(mosaic, **settings)
        figure.savefig(path, dpi=100, metadata={"Software": None, "Description": title})
    print(f"picture: {path}")


def points(axes: Any, x: Any, y: Any, errors: Any, label: str, **settings: Any) -> None:
    """Draw what was simulated or measured, with bars of two standard errors."""
    settings = {"color": BLACK, "marker": "o", "zorder": 10, **settings}
    axes.errorbar(
        x,
        y,
        yerr=[2 * e for e in errors],
        linestyle="",
        markersize=4,
        capsize=2.5,
        label=label,
        **settings,
    )
