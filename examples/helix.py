r"""The helix: a valley of minima along which SGD keeps climbing.

Every point of the z axis is a minimum of the test loss, with the same Hessian but for a rotation, and
gradient descent stays where it is. The noise of SGD winds around the axis with the Hessian, at an angle
to it, and drives the weights along the axis: by eta^2/(2 (3 - 2 eta)) per update, says the re-summed
series with its first three orders, eta^2/6 at small eta. The plain series in powers of eta, evaluated to
the same order, grows like T^2 and is of no use after some 1/eta updates.

    python examples/helix.py
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
from experiment import BLUE, GREY, ORANGE, picture, points, read_options

import sgdiagrams as sd

if TYPE_CHECKING:
    from collections.abc import Sequence

ETA = 0.1
UPDATES = (10, 20, 50, 100, 200, 500, 1000, 2000)
RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4)
SETTLED, END = 200, 1000  # updates until transients are over, and until the end
UPWARDS = 2  # the component z of (u, v, z)


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, predict, print and draw."""
    runs = (1000, 20_000, "runs of SGD a point")
    options = read_options(__doc__, arguments, runs=runs)
    helix = sd.landscape("helix")
    statistics = helix.statistics(3)

    # Where SGD is after T updates: both series, and the experiment.
    plain, resummed = (
        sd.expand("displacement", order=3, sampling="one-pass", resummed=resummed)
        for resummed in (False, True)
    )
    heights = [
        sd.compare(
            helix,
            observable="displacement",
            component=UPWARDS,
            eta=ETA,
            T=T,
            runs=options.runs,
            seed=T,
        ).points[0]
        for T in UPDATES
    ]
    print(f"height z at eta = {ETA}\n    T  simulated       +-  re-summed      plain")
    for T, point in zip(UPDATES, heights, strict=True):
        both = [e.evaluate(statistics, eta=ETA, T=T).value[UPWARDS] for e in (resummed, plain)]
        simulated = f"{point.simulated:8.5f} {point.standard_error:8.5f}"
        print(f"{T:5}   {simulated}   {both[0]:8.5f} {both[1]:10.4f}")

    # How fast it goes there, once transients are over.
    increment = sd.increment("displacement", since=SETTLED)
    speeds = sd.compare(
        helix, observable=increment, component=UPWARDS, order=1, eta=RATES, T=END, runs=options.runs
    ).points
    unit = [(END - SETTLED) * point.eta**2 for point in speeds]
    print("velocity per update and eta^2\n   eta  simulated       +-  re-summed")
    predicted = [sd.drift(statistics, eta=eta).velocity_vector[UPWARDS] / eta**2 for eta in RATES]
    for point, scale, value in zip(speeds, unit, predicted, strict=True):
        moved, error = point.simulated / scale, point.standard_error / scale
        print(f"  {point.eta:4}   {moved:8.5f} {error:8.5f}   {value:8.5f}")
    print(f"    0                       {1 / 6:8.5f} = 1/6")

    title = (
        "SGD climbs a valley of minima: the re-summed series follows it, the plain one runs away"
    )
    with picture(options.output / "helix.png", title, columns=2, size=(9, 3.9)) as (left, right):
        times = np.geomspace(UPDATES[0], UPDATES[-1], 60).astype(int)
        for series, colour, label in ((plain, ORANGE, "plain"), (resummed, BLUE, "re-summed")):
            values = [series.evaluate(statistics, eta=ETA, T=int(T)).value[UPWARDS] for T in times]
            left.plot(times, values, color=colour, label=f"{label}, order 3", linewidth=1.8)
        simulated = [point.simulated for point in heights]
        points(left, UPDATES, simulated, [p.standard_error for p in heights], "simulated SGD")
        left.set(xscale="log", yscale="log", xlabel="updates T", ylabel="mean height z (weights)")
        left.set_ylim(simulated[0] / 2, 30 * simulated[-1])
        left.set_title(rf"height, $\eta = {ETA}$")
        left.legend(loc="upper left")

        etas = np.linspace(0.001, 0.42, 40)
        curve = [sd.drift(statistics, eta=e).velocity_vector[UPWARDS] / e**2 for e in etas]
        right.plot(etas, curve, color=BLUE, linewidth=1.8, label="re-summed, order 3")
        right.axhline(1 / 6, color=GREY, linestyle="--", label=r"small $\eta$: $1/6$")
        scaled = [p.simulated / scale for p, scale in zip(speeds, unit, strict=True)]
        errors = [p.standard_error / scale for p, scale in zip(speeds, unit, strict=True)]
        points(right, RATES, scaled, errors, "simulated SGD")
        right.set(
            xlabel=r"learning rate $\eta$", ylabel=r"velocity / $\eta^2$ (weights per update)"
        )
        right.set_title(f"velocity after {SETTLED} updates")
        right.legend(loc="upper left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
