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
    climb = {"observable": "displacement", "component": UPWARDS, "runs": options.runs}
    heights = [sd.simulate(helix, eta=ETA, T=T, seed=T, **climb) for T in UPDATES]
    print(f"height z at eta = {ETA}\n    T  simulated       +-  re-summed      plain")
    for T, height in zip(UPDATES, heights, strict=True):
        both = [e.evaluate(statistics, eta=ETA, T=T).value[UPWARDS] for e in (resummed, plain)]
        simulated = f"{height.value:8.5f} {height.standard_error:8.5f}"
        print(f"{T:5}   {simulated}   {both[0]:8.5f} {both[1]:10.4f}")

    # How fast it goes there, once transients are over.
    climb["observable"] = sd.increment("displacement", since=SETTLED)
    climbed = sd.simulate(helix, eta=RATES, T=END, **climb)
    unit = (END - SETTLED) * np.square(RATES)
    speeds, errors = climbed.value / unit, climbed.standard_error / unit
    print("velocity per update and eta^2\n   eta  simulated       +-  re-summed")
    predicted = [sd.drift(statistics, eta=eta).velocity_vector[UPWARDS] / eta**2 for eta in RATES]
    for eta, speed, error, value in zip(RATES, speeds, errors, predicted, strict=True):
        print(f"  {eta:4}   {speed:8.5f} {error:8.5f}   {value:8.5f}")
    print(f"    0                       {1 / 6:8.5f} = 1/6")

    title = (
        "SGD climbs a valley of minima: the re-summed series follows it, the plain one runs away"
    )
    with picture(options.output / "helix.png", title, columns=2, size=(9, 3.9)) as (left, right):
        times = np.geomspace(UPDATES[0], UPDATES[-1], 60).astype(int)
        for series, colour, label in ((plain, ORANGE, "plain"), (resummed, BLUE, "re-summed")):
            values = [series.evaluate(statistics, eta=ETA, T=int(T)).value[UPWARDS] for T in times]
            left.plot(times, values, color=colour, label=f"{label}, order 3", linewidth=1.8)
        simulated = [height.value for height in heights]
        points(left, UPDATES, simulated, [h.standard_error for h in heights], "simulated SGD")
        left.set(xscale="log", yscale="log", xlabel="updates T", ylabel="mean height z (weights)")
        left.set_ylim(simulated[0] / 2, 30 * simulated[-1])
        left.set_title(rf"height, $\eta = {ETA}$")
        left.legend(loc="upper left")

        etas = np.linspace(0.001, 0.42, 40)
        curve = [sd.drift(statistics, eta=e).velocity_vector[UPWARDS] / e**2 for e in etas]
        right.plot(etas, curve, color=BLUE, linewidth=1.8, label="re-summed, order 3")
        right.axhline(1 / 6, color=GREY, linestyle="--", label=r"small $\eta$: $1/6$")
        points(right, RATES, speeds, errors, "simulated SGD")
        right.set(
            xlabel=r"learning rate $\eta$", ylabel=r"velocity / $\eta^2$ (weights per update)"
        )
        right.set_title(f"velocity after {SETTLED} updates")
        right.legend(loc="upper left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
