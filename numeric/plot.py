"""The picture of a comparison: loss against learning rate, simulation and one curve an order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sgdiagrams.diagrams.errors import MissingDependencyError, RequestError
from sgdiagrams.numeric.files import replacing

if TYPE_CHECKING:
    from sgdiagrams.numeric.compare import Comparison

__all__ = ["plot_comparison"]

_SUFFIXES = (".png", ".svg", ".pdf")


def plot_comparison(comparison: Comparison, path: str | Path) -> None:
    """Draw a comparison and write it atomically; see `Comparison.plot`."""
    target = Path(path)
    if target.suffix.lower() not in _SUFFIXES:
        raise RequestError(f"expected a file ending in {', '.join(_SUFFIXES)}, got {str(path)!r}")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependencyError(
            "expected matplotlib, which draws pictures, but it is not installed; "
            "pip install 'sgdiagrams[demo]'"
        ) from None
    points = [p for p in comparison.points if p.moments.count and not p.moments.diverged]
    if not points:
        raise RequestError("expected at least one learning rate at which no run diverged")
    figure = Figure(figsize=(7.0, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    top = max(p.eta for p in comparison.points)
    etas = np.linspace(0, 1.04 * top, 400)
    curves = np.array([comparison.predict(float(eta)) for eta in etas])
    colours = ["#9a9a9a", "#e69f00", "#009e73", "#0072b2", "#cc79a7", "#d55e00"]
    for k in range(comparison.order):
        axes.plot(
            etas,
            curves[:, k],
            color=colours[k % len(colours)],
            linewidth=2.2 if k == comparison.order - 1 else 1.5,
            label=f"order {k + 1}",
            zorder=2 + k,
        )
    means = np.array([p.moments.mean for p in points])
    errors = np.array([p.moments.standard_error for p in points])
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
    # Low orders run away; the data decide what is shown.
    low = min(0.0, float((means - 2 * errors).min()), float(curves[:, -1].min()))
    high = max(0.0, float((means + 2 * errors).max()), float(curves[:, -1].max()))
    margin = 0.12 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)
    axes.set_xlim(0, 1.04 * top)
    axes.axhline(0, color="black", linewidth=0.6, zorder=1)
    axes.set_xlabel(r"learning rate $\eta$")
    axes.set_ylabel(f"expected change of the {comparison.observable.replace('-', ' ')}")
    axes.set_title(f"{comparison.landscape}, {comparison.sampling}", fontsize=11)
    axes.grid(visible=True, color="#e6e6e6", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    with replacing(target) as temporary:
        figure.savefig(temporary, dpi=150, format=target.suffix.lower()[1:])
