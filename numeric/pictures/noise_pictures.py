"""Pictures of an expansion in the noise: against its strength, and along a run.

Colours are told apart by the colour-blind; lines differ in their strokes and bands in their hatching, for
print without colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.numeric.pictures.canvas import check_picture, own_settings, write_figure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["NoiseBands", "SimulatedPoint", "draw_along_run", "draw_strengths"]

_FIRST, _HIGHEST, _TRUSTED = "#0072B2", "#D55E00", "#e3efe0"
#: Labels of batch sizes are at least so far apart, of the width of the axes.
_APART = 0.05
_ERRORS = 2.0  # standard errors that bars and bands show


@final
@dataclass(frozen=True, slots=True, eq=False)
class NoiseBands:
    """What an expansion predicts along an axis: sums of orders, errors, and where it is trusted.

    Attributes
    ----------
    places
        Shape (K,), ascending: the strength of the noise, or the number of updates.
    sums
        The sums of the orders up to 1, 2, ..., each of shape (K,).
    error
        The standard error of the last of these.
    missing
        How far the truth may be because the expansion ends.
    trusted
        Whether the judgement is *trustworthy*.
    """

    places: NDArray[np.float64]
    sums: tuple[NDArray[np.float64], ...]
    error: NDArray[np.float64]
    missing: NDArray[np.float64]
    trusted: NDArray[np.bool_]

    def from_nothing(self) -> NoiseBands:
        """Return the bands with a place in front where there is no noise, which adds nothing."""
        zero = np.zeros(1)
        return NoiseBands(
            places=np.append(zero, self.places),
            sums=tuple(np.append(zero, values) for values in self.sums),
            error=np.append(zero, self.error),
            missing=np.append(zero, self.missing),
            trusted=np.append(self.trusted[:1], self.trusted),
        )


@final
@dataclass(frozen=True, slots=True)
class SimulatedPoint:
    """A mean of simulated runs, and its standard error, at a strength of the noise."""

    place: float
    value: float
    standard_error: float


def draw_strengths(
    bands: NoiseBands,
    *,
    number: str | None,
    marks: Sequence[int] = (),
    simulated: Sequence[SimulatedPoint] = (),
    quantity: str,
    title: str,
    path: str | Path | None = None,
) -> Figure:
    """Draw what noise adds against its strength, and write the picture when a file is named.

    Parameters
    ----------
    bands
        Predictions, from no noise on.
    number
        ``"B"`` or ``"N"`` for strengths 1/B or 1/N; None for those relative to a measurement.
    marks
        Numbers B or N that are pointed out.
    simulated
        What runs of SGD gave.
    quantity, title
        What stands at the axis and above.
    path
        The file, if any; see `check_picture`.
    """
    axis = "strength of the noise (1: as measured)" if number is None else f"1/{number}"
    if path is not None:
        check_picture(path)
    with own_settings() as figure_class:
        figure = figure_class(figsize=(8.4, 4.6), layout="constrained")
        axes = figure.add_subplot()
        window = _window(bands, simulated)
        _draw_bands(axes, bands, window)
        if simulated:
            _draw_simulated(axes, simulated)
        else:
            _mark(axes, bands, marks)
        axes.set_xlim(0, bands.places[-1])
        _finish(axes, window, axis=axis, quantity=quantity, title=title)
        if number is not None and marks:
            _number_above(axes, number, marks)
        figure.draw_without_rendering()  # makes the labels of the ticks, under these settings
    if path is not None:
        _write(figure, axes, path, f"{quantity} against {axis}", title)
    return figure


def draw_along_run(
    bands: NoiseBands,
    noiseless: NDArray[np.float64],
    *,
    quantity: str,
    title: str,
    path: str | Path | None = None,
) -> Figure:
    """Draw predictions along a run, with the noiseless one, and write the picture when a file is named.

    Parameters
    ----------
    bands
        Predictions after numbers of updates: whole values.
    noiseless
        The value along the noiseless run, shape (K,).
    quantity, title, path
        As for `draw_strengths`.
    """
    if path is not None:
        check_picture(path)
    with own_settings() as figure_class:
        figure = figure_class(figsize=(8.4, 4.6), layout="constrained")
        axes = figure.add_subplot()
        window = _window(bands, (), noiseless)
        _draw_bands(axes, bands, window, few=len(noiseless) <= 30)
        axes.plot(
            bands.places, noiseless, color="black", linewidth=1.4, linestyle=":",
            label="noiseless run", zorder=3,
        )  # fmt: skip
        _finish(axes, window, axis="updates", quantity=quantity, title=title)
        figure.draw_without_rendering()
    if path is not None:
        _write(figure, axes, path, f"{quantity} against the number of updates", title)
    return figure


def _window(
    bands: NoiseBands, simulated: Sequence[SimulatedPoint], *others: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the heights of what must be seen: simulations, and predictions but for the wildest."""
    first, last = bands.sums[0], bands.sums[-1]
    reach = _ERRORS * bands.error + np.where(bands.trusted, bands.missing, 0.0)
    seen = [first, *others]
    for sign in (-1, 0, 1):
        seen.append((last + sign * reach)[bands.trusted])
        seen.append(np.array([p.value + sign * _ERRORS * p.standard_error for p in simulated]))
    values = np.concatenate(seen)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    if not others:
        low, high = min(low, 0.0), max(high, 0.0)
    if high == low:
        low, high = low - 0.5, high + 0.5
    return low - 0.06 * (high - low), high + 0.12 * (high - low)


def _draw_bands(
    axes: Axes, bands: NoiseBands, window: tuple[float, float], *, few: bool = False
) -> None:
    """Draw the sums of orders, what errors there are of the last, and where it is trusted."""
    height = window[1] - window[0]
    bounds = (window[0] - 9 * height, window[1] + 9 * height)
    x, last = bands.places, bands.sums[-1]
    count = len(bands.sums)
    colour = _HIGHEST if count > 1 else _FIRST
    marker = "o" if few else ""
    axes.fill_between(
        x, *window, where=bands.trusted, color=_TRUSTED, linewidth=0,
        label="trusted by the judgement", zorder=0,
    )  # fmt: skip
    inner = _ERRORS * bands.error
    outer = inner + np.where(np.isfinite(bands.missing), bands.missing, 1e3 * height)
    looks: list[tuple[NDArray[np.float64], dict[str, Any], str]] = [
        (
            outer,
            {"facecolor": "none", "edgecolor": colour, "hatch": "////", "alpha": 0.35},
            "and what is left out",
        ),
        (inner, {"color": colour, "alpha": 0.35}, "two standard errors"),
    ]
    for reach, look, words in looks:
        if reach.any():
            low, high = (np.clip(last + sign * reach, *bounds) for sign in (-1, 1))
            axes.fill_between(x, low, high, linewidth=0, label=words, zorder=1, **look)
    if count > 1:
        axes.plot(
            x, np.clip(bands.sums[0], *bounds), color=_FIRST, linewidth=1.8, linestyle=(0, (5, 2)),
            label="noise 1", zorder=4,
        )  # fmt: skip
    axes.plot(
        x, np.clip(last, *bounds), color=colour, linewidth=2.2, marker=marker, markersize=3.5,
        label="noise 1" if count == 1 else f"noise 1 to {count}", zorder=5,
    )  # fmt: skip


def _mark(axes: Axes, bands: NoiseBands, marks: Sequence[int]) -> None:
    places = np.array([1 / mark for mark in marks])
    if len(places):
        heights = np.interp(places, bands.places, bands.sums[-1])
        colour = _HIGHEST if len(bands.sums) > 1 else _FIRST
        axes.plot(
            places, heights, linestyle="", marker="o", markersize=5, markerfacecolor="white",
            markeredgecolor=colour, zorder=6,
        )  # fmt: skip


def _draw_simulated(axes: Axes, simulated: Sequence[SimulatedPoint]) -> None:
    axes.errorbar(
        [p.place for p in simulated],
        [p.value for p in simulated],
        yerr=[_ERRORS * p.standard_error for p in simulated],
        fmt="o",
        markersize=4.5,
        color="black",
        capsize=3,
        linewidth=1.2,
        label="simulated SGD\n(bars: two standard errors)",
        zorder=20,
    )


def _finish(
    axes: Axes, window: tuple[float, float], *, axis: str, quantity: str, title: str
) -> None:
    axes.set_ylim(*window)
    axes.set_xlabel(axis)
    axes.set_ylabel(quantity)
    axes.set_title(title, fontsize=11)
    axes.grid(visible=True, color="#d9d9d9", linewidth=0.6)
    axes.set_axisbelow(True)
    if window[0] <= 0 <= window[1]:
        axes.axhline(0, color="black", linewidth=0.6, zorder=2)
    axes.spines[["top", "right"]].set_visible(False)
    # Beside the axes it hides no curve; what is drawn last is named first.
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False,
        fontsize=9, handlelength=2.6,
    )  # fmt: skip


def _number_above(axes: Axes, number: str, marks: Sequence[int]) -> None:
    """Write batch sizes above the axes, those that there is room for."""
    width = axes.get_xlim()[1]
    kept: list[int] = []
    for mark in sorted(set(marks)):  # the strongest noise first
        if not kept or (1 / kept[-1] - 1 / mark) > _APART * width:
            kept.append(mark)
    above = axes.secondary_xaxis("top")
    above.set_xticks([1 / mark for mark in kept], [str(mark) for mark in kept])
    above.set_xlabel(number)
    above.spines["top"].set_visible(False)


def _write(figure: Figure, axes: Axes, path: str | Path, words: str, title: str) -> None:
    _, labels = axes.get_legend_handles_labels()
    shown = ", ".join(" ".join(label.split()) for label in labels)
    write_figure(figure, path, title=title.replace("\n", ", "), description=f"{words}: {shown}.")
