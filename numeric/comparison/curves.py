"""The picture of a comparison: an observable against the learning rate, one curve an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.comparison.refinement import BEYOND, smooth
from sgdiagrams.numeric.pictures.canvas import check_picture, own_settings, write_figure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from sgdiagrams.numeric.comparison.points import Point

__all__ = ["draw_curves"]

#: An order that changes a curve by less than this part of the picture's height is left out.
_INVISIBLE = 1e-6


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

    Orders that contribute nothing are left out. Colours grow darker with the order, so that curves
    can be told apart in print without colour; the re-summed ones are dashed.

    Parameters
    ----------
    points
        What was simulated.
    predict
        Learning rate -> the sums of the orders 1..k, for every k.
    resummed
        Learning rates and the same of the re-summed series; by default those of the points, and 0.
    quantity, title
        What stands at the axis and above.
    path
        The file, if any; see `check_picture`.
    """
    if path is not None:
        check_picture(path)
    span = _span([p.eta for p in points])
    points = [p for p in points if p.moments.count and not p.moments.diverged]
    if not points:
        raise RequestError("expected at least one learning rate at which no run diverged")
    window = _window(points)
    with own_settings() as figure_class:
        figure = figure_class(figsize=(8.4, 4.6), layout="constrained")
        axes = figure.add_subplot()
        _draw_plain(axes, predict, span, window)
        _draw_errors(axes, points, predict)
        _draw_resummed(axes, points, resummed, window)
        _draw_simulation(axes, points)
        margin = 0.3 * (window[1] - window[0])
        axes.set_ylim(window[0] - margin, window[1] + margin)
        axes.set_xlim(*span)
        axes.axhline(0, color="black", linewidth=0.6, zorder=1)
        axes.set_xlabel(r"learning rate $\eta$")
        axes.set_ylabel(quantity)
        axes.set_title(title, fontsize=11)
        axes.grid(visible=True, color="#e6e6e6", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        # Beside the axes it hides no curve.
        axes.legend(
            loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9, handlelength=2.6
        )
        figure.draw_without_rendering()  # makes the labels of the ticks, under these settings
    if path is not None:
        names = [str(line.get_label()) for line in axes.lines]
        shown = ", ".join(name for name in names if not name.startswith("_"))
        words = f"{quantity} against the learning rate, simulated and predicted: {shown}."
        write_figure(figure, path, title=title.replace("\n", ", "), description=words)
    return figure


def _span(etas: Sequence[float]) -> tuple[float, float]:
    """Return the learning rates that are shown: 0 and a little beyond the farthest."""
    low, high = (BEYOND * extreme((0.0, *etas)) for extreme in (min, max))
    return (low, high) if high > low else (0.0, 1.0)


def _window(points: Sequence[Point]) -> tuple[float, float]:
    """Return the heights of what must be seen.

    These are the data and the re-summed values; plain orders run away where they fail.
    """
    means = np.array([p.simulated for p in points])
    errors = np.array([p.standard_error for p in points])
    finest = [p.resummed[-1] for p in points if p.resummed and np.isfinite(p.resummed[-1])]
    low = min(0.0, float((means - 2 * errors).min()), *finest)
    high = max(0.0, float((means + 2 * errors).max()), *finest)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _draw_plain(
    axes: Axes,
    predict: Callable[[float], Sequence[float]],
    span: tuple[float, float],
    window: tuple[float, float],
) -> None:
    etas = np.linspace(*span, 400)
    curves = np.array([predict(float(eta)) for eta in etas])
    kept = _visible(curves, window)
    for k in kept:
        axes.plot(
            etas,
            curves[:, k],
            color=_colour(k, curves.shape[1]),
            linewidth=2.2 if k == kept[-1] else 1.5,
            label=f"order {k + 1}",
            zorder=2 + k,
        )


def _draw_errors(
    axes: Axes, points: Sequence[Point], predict: Callable[[float], Sequence[float]]
) -> None:
    """Shade two standard errors of the highest order on both sides, where it has some."""
    known = sorted((p.eta, p.prediction_errors[-1]) for p in points if p.prediction_errors)
    if not known:
        return
    rates = [eta for eta, _ in known]
    slopes = [error / abs(eta) for eta, error in known]
    # Without a step there is no change, and no error of it.
    etas = np.linspace(min(0.0, *rates), max(0.0, *rates), 200)
    error = np.abs(etas) * np.interp(etas, rates, slopes)
    middle = np.array([predict(float(eta))[-1] for eta in etas])
    axes.fill_between(
        etas,
        middle - 2 * error,
        middle + 2 * error,
        color=_colour(0, 1),
        alpha=0.18,
        linewidth=0,
        label="two standard errors\nof the prediction",
        zorder=1,
    )


def _draw_resummed(
    axes: Axes,
    points: Sequence[Point],
    resummed: Sequence[tuple[float, Sequence[float]]],
    window: tuple[float, float],
) -> None:
    curve = list(resummed) or [(p.eta, p.resummed) for p in points if p.resummed]
    if not curve:
        return
    if not resummed and all(eta for eta, _ in curve):
        # Without a step there is no change.
        curve = sorted([*curve, (0.0, (0.0,) * len(curve[0][1]))])
    etas = np.array([eta for eta, _ in curve])
    curves = np.array([values for _, values in curve])
    for k in _visible(curves, window):
        axes.plot(
            *smooth(etas, curves[:, k], low=window[0], high=window[1]),
            color=_colour(k, curves.shape[1]),
            linewidth=1.8,
            linestyle=(0, (4, 2)),
            label=f"re-summed, order {k + 1}",
            zorder=10 + k,
        )


def _draw_simulation(axes: Axes, points: Sequence[Point]) -> None:
    axes.errorbar(
        [p.eta for p in points],
        [p.simulated for p in points],
        yerr=[2 * p.standard_error for p in points],
        fmt="o",
        markersize=4.5,
        color="black",
        capsize=3,
        linewidth=1.2,
        label=f"simulated, {min(p.moments.count for p in points):,} runs\n"
        "(bars: two standard errors)",
        zorder=20,
    )


def _visible(curves: NDArray[np.float64], window: tuple[float, float]) -> list[int]:
    """Return the orders that contribute; the last one where none does."""
    steps = np.abs(np.diff(curves, axis=1, prepend=0.0))
    sizes = np.nanmax(np.where(np.isfinite(steps), steps, np.inf), axis=0)
    kept = np.flatnonzero(sizes > _INVISIBLE * (window[1] - window[0]))
    return [int(k) for k in kept] or [curves.shape[1] - 1]


def _colour(k: int, order: int) -> tuple[float, float, float, float]:
    """Return a colour for one of `order` curves: the higher the order, the darker."""
    from matplotlib import colormaps

    place = 0.03 + 0.75 * (order - 1 - k) / max(order - 1, 1)
    red, green, blue, alpha = colormaps["plasma"](place)
    return float(red), float(green), float(blue), float(alpha)
