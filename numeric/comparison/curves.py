"""The picture of a comparison: an observable against the learning rate, one curve an order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sgdiagrams.diagrams.errors import FormatError, MissingDependencyError, RequestError
from sgdiagrams.diagrams.files import output_file
from sgdiagrams.diagrams.messages import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.figure import Figure

    from sgdiagrams.numeric.comparison.points import Point

__all__ = ["check_picture", "draw_curves"]

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
    target = Path(path)
    if target.suffix.lower() not in _SUFFIXES:
        raise RequestError(
            f"expected a file ending in {', '.join(_SUFFIXES)}, got {shown(str(path))}"
        )
    if target.is_dir() or not target.parent.is_dir():
        raise FormatError(f"expected a file in an existing directory, got {shown(str(path))}")
    _figure_class()
    return target.suffix.lower()[1:]


def draw_curves(
    points: Sequence[Point],
    predict: Callable[[float], Sequence[float]],
    *,
    resummed: Sequence[tuple[float, Sequence[float]]] = (),
    quantity: str,
    title: str,
    path: str | Path | None = None,
) -> Figure:
    """Draw predictions over the simulated points, and write the picture when a file is named.

    Parameters
    ----------
    points
        What was simulated.
    predict
        Learning rate -> the sums of the orders 1..k, for every k.
    resummed
        Learning rates and the same of the re-summed series; by default those of the points.
    quantity, title
        What stands at the axis and above.
    path
        The file, if any; see `check_picture`.
    """
    kind = None if path is None else check_picture(path)
    top = max((p.eta for p in points), default=0.0)
    points = [p for p in points if p.moments.count and not p.moments.diverged]
    if not points:
        raise RequestError("expected at least one learning rate at which no run diverged")
    figure = _figure_class()(figsize=(7.0, 4.6), layout="constrained")
    axes = figure.add_subplot()
    etas = np.linspace(0, 1.04 * top, 400)
    curves = np.array([predict(float(eta)) for eta in etas])
    colours = ["#9a9a9a", "#e69f00", "#009e73", "#0072b2", "#cc79a7", "#d55e00"]
    order = curves.shape[1]
    for k in range(order):
        axes.plot(
            etas,
            curves[:, k],
            color=colours[k % len(colours)],
            linewidth=2.2 if k == order - 1 else 1.5,
            label=f"order {k + 1}",
            zorder=2 + k,
        )
    others = resummed or [(p.eta, p.resummed) for p in points if p.resummed]
    for k in range(order if others else 0):
        values = np.array([value[k] for _, value in others])
        axes.plot(
            [eta for eta, _ in others],
            np.where(np.isfinite(values), values, np.nan),
            color=colours[k % len(colours)],
            linewidth=1.8,
            linestyle=(0, (4, 2)),
            label=f"re-summed, order {k + 1}",
            zorder=10 + k,
        )
    means = np.array([p.simulated for p in points])
    errors = np.array([p.standard_error for p in points])
    axes.errorbar(
        [p.eta for p in points],
        means,
        yerr=2 * errors,
        fmt="o",
        markersize=4.5,
        color="black",
        capsize=3,
        linewidth=1.2,
        label=f"simulated SGD, {min(p.moments.count for p in points):,} runs\n"
        "(bars: two standard errors)",
        zorder=20,
    )
    # Plain orders run away where they fail: the data and the re-summed values decide what is shown.
    finest = [p.resummed[-1] for p in points if p.resummed and np.isfinite(p.resummed[-1])]
    low = min(0.0, float((means - 2 * errors).min()), *finest)
    high = max(0.0, float((means + 2 * errors).max()), *finest)
    margin = 0.3 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)
    axes.set_xlim(0, 1.04 * top)
    axes.axhline(0, color="black", linewidth=0.6, zorder=1)
    axes.set_xlabel(r"learning rate $\eta$")
    axes.set_ylabel(quantity)
    axes.set_title(title, fontsize=11)
    axes.grid(visible=True, color="#e6e6e6", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    legend = axes.legend(frameon=bool(others), fontsize=8 if others else 9)
    legend.set_zorder(30)
    legend.get_frame().set(edgecolor="none", alpha=0.9)
    if path is not None:
        with output_file(path) as file:
            figure.savefig(file, dpi=150, format=kind)
    return figure


def _figure_class() -> type[Figure]:
    """Return matplotlib's figure without its global state: no window, no backend to choose."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependencyError(
            "expected matplotlib, which draws pictures, but it is not installed; "
            'run pip install "sgdiagrams[demo]"'
        ) from None
    return Figure
