r"""A trajectory of SGD through three cross-sections of a landscape.

The direction in which SGD drifts is derived (`drift`); the cross-sections are the planes across it. In
each a heat map shows the expected loss, and contours show the strength of the gradient noise, tr C. On
the helix the loss turns around the direction of drift from one plane to the next, and the noise with it,
at 45 degrees to the steepest direction. Weights that noise has pushed off the axis lower their loss by
climbing, which turns the steep direction away from them: so SGD climbs, though all points of the axis
are minima at the same height.

    python examples/cross_sections.py
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from experiment import BLACK, ORANGE, RED, picture, read_options

import sgdiagrams as sd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ETA = 0.1
HEIGHTS = np.radians([30, 90, 150])
UPDATES = 1700
HALF_WIDTH = 0.8
LEVELS = np.linspace(0, 1.4, 29)  # of the loss
NOISE = (1.1, 1.3, 1.6, 2.0)  # contours of tr C
MOSAIC = [["path", "150"], ["path", "90"], ["path", "30"]]


def trajectories(landscape: sd.Landscape, runs: int) -> NDArray[Any]:
    """Return weights before every update and at the end, shape (updates + 1, runs, p)."""
    rng = np.random.default_rng(0)
    theta = np.tile(landscape.start, (runs, 1))
    path = [theta]
    for _ in range(UPDATES):
        theta = theta - ETA * landscape.gradient(theta, landscape.draw(rng, (runs, 1)))
        path.append(theta)
    return np.array(path)


def gradients(landscape: sd.Landscape, theta: NDArray[Any], datapoints: int) -> NDArray[Any]:
    """Return the gradients of single datapoints, shape (datapoints, R, p)."""
    x = landscape.draw(np.random.default_rng(1), (datapoints, 1))
    return np.array([landscape.gradient(theta, np.tile(one, (len(theta), 1))) for one in x])


def main(arguments: Sequence[str] | None = None) -> int:
    """Derive the direction, simulate, print and draw."""
    runs = (400, 20_000, "runs whose mean climb is printed")
    datapoints = (400, 4000, "datapoints of which the noise is measured")
    options = read_options(__doc__, arguments, runs=runs, datapoints=datapoints)
    helix = sd.landscape("helix")
    velocity = sd.drift(helix.statistics(3), eta=ETA).velocity_vector
    speed = np.linalg.norm(velocity)
    along = velocity / speed
    across = np.eye(3)[:, np.argsort(abs(along))[:2]]  # the axes that are across the drift

    run = trajectories(helix, 1)[:, 0]
    ends = trajectories(helix, options.runs)[-1] @ along / UPDATES
    error = ends.std() / options.runs**0.5
    print(f"drift along {along.tolist()}, in weights per update")
    print(f"   {ends.mean():.3e} {error:.1e} simulated\n   {speed:.3e} derived")

    sides = np.linspace(-HALF_WIDTH, HALF_WIDTH, 41)
    angles = np.arange(180)
    circle = 0.1 * np.array([np.cos(np.radians(angles)), np.sin(np.radians(angles))]).T @ across.T
    planes = []
    print(
        "directions in the cross-sections, in degrees\n    height  steepest loss  strongest noise"
    )
    for height in HEIGHTS:
        theta = np.array([[x, y] for y in sides for x in sides]) @ across.T + height * along
        spread = gradients(helix, theta, options.datapoints).var(axis=0, ddof=1).sum(axis=1)
        shape = (len(sides), len(sides))
        planes.append((helix.test_loss(theta).reshape(shape), spread.reshape(shape)))
        steepest = angles[np.argmax(helix.test_loss(circle + height * along))]
        at_axis = gradients(helix, (height * along)[None], options.datapoints)[:, 0] @ across
        strongest = angles[np.argmax((at_axis @ (across.T @ circle.T)).var(axis=0))]
        print(f"  {np.degrees(height):8.0f}       {steepest:8}         {strongest:8}")

    title = "SGD climbs: its noise stands at 45 degrees to the steep direction, and turns with it"
    settings = {
        "width_ratios": [2.2, 1],
        "per_subplot_kw": {"path": {"projection": "3d", "computed_zorder": False}},
    }
    name = options.output / "cross_sections.png"
    with picture(name, title, mosaic=MOSAIC, size=(8, 7.4), **settings) as axes:
        x, y, z = *(run @ across).T, run @ along
        draw_path(axes["path"], sides, planes, (x, y, z))
        for height, (loss, spread) in zip(HEIGHTS, planes, strict=True):
            flat = axes[f"{np.degrees(height):.0f}"]
            heat = flat.contourf(sides, sides, loss, LEVELS, cmap="Blues")
            lines = flat.contour(sides, sides, spread, NOISE, colors=RED, linewidths=1.2)
            flat.clabel(lines, fontsize=7)
            near = abs(z - height) < 0.1
            flat.plot(x[near], y[near], ".", color=BLACK, markersize=2)
            flat.set(aspect="equal", ylabel="v (weights)")
            flat.set_title(f"z = {height:.2f}, points within 0.1")
            flat.grid(visible=False)
        flat = axes[MOSAIC[-1][1]]
        flat.set_xlabel("u (weights)")
        bar = flat.figure.colorbar(heat, ax=flat, orientation="horizontal", ticks=[0, 0.5, 1])
        bar.set_label("expected loss; red: noise tr C")
    return 0


def draw_path(view: Any, sides: Any, planes: Any, path: Any) -> None:
    """Draw the planes and the path through them, from below to above: planes hide what is under them."""
    x, y, z = path
    ends = [-np.inf, *HEIGHTS, np.inf]
    for k, end in enumerate(ends[:-1]):
        if k:
            loss, spread = planes[k - 1]
            plane = {"zdir": "z", "offset": end, "zorder": 2 * k}
            view.contourf(sides, sides, loss, LEVELS, cmap="Blues", alpha=0.85, **plane)
            view.contour(sides, sides, spread, NOISE, colors=RED, linewidths=1, **plane)
        part = np.where((end <= z) & (z <= ends[k + 1]), z, np.nan)
        view.plot(x, y, part, color=BLACK, linewidth=0.5, zorder=2 * k + 1)
    view.plot([0, 0], [0, 0], [0, z.max()], color=ORANGE, linewidth=1.5, zorder=9)
    view.set(xlabel="u (weights)", ylabel="v (weights)", zlabel="z (weights)", zlim=(0, z.max()))
    view.set(xticks=(-0.5, 0, 0.5), yticks=(-0.5, 0, 0.5))
    words = f"{UPDATES:,} updates, $\\eta = {ETA}$\norange: the direction of drift"
    view.text2D(0, -0.2, words, transform=view.transAxes)
    view.view_init(elev=20, azim=-60)
    view.set_box_aspect((1, 1, 1.7), zoom=1.12)


if __name__ == "__main__":
    sys.exit(main())
