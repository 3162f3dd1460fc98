r"""What overfitting costs near flat and sharp minima, when training ends early.

Estimate a mean: started at the minimum of the test loss H theta^2/2, with gradient noise of variance C,
descent on all N datapoints moves to the minimum of the training loss. In the end that costs C/(2 H N),
half of Takeuchi's criterion, whatever the learning rate: the flatter, the dearer. But a flat minimum is
left slowly. At a given number of updates the cost is C (1 - exp(-eta T H))^2/(2 H N), which is largest
where eta T H = 1.2564 and vanishes for the flattest minima as for the sharpest ones. Akaike's criterion,
1/(2 N) a weight, knows no curvature; it is right where C = H and training has ended.

    python examples/flat_minima.py
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
from experiment import BLUE, GREEN, GREY, ORANGE, picture, points, read_options

import sgdiagrams as sd
from sgdiagrams.numeric import Mean

if TYPE_CHECKING:
    from collections.abc import Sequence

ETA, UPDATES, N, C = 0.01, 100, 10, 1  # so that eta T = 1
CURVATURES = np.geomspace(0.03, 30, 37)


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, predict, print and draw."""
    runs = (20_000, 200_000, "training sets, the same ones for every curvature")
    options = read_options(__doc__, arguments, runs=runs)
    numbers = {"N": N, "E": UPDATES}  # a full batch is an epoch
    excess = sd.expand("test-loss", order=2, sampling="full-batch", resummed=True)
    rows = []
    for H in CURVATURES:
        mean = Mean(curvature=H, noise=C**0.5)
        simulated = sd.simulate(mean, sampling="full-batch", eta=ETA, runs=options.runs, **numbers)
        predicted = excess.evaluate(mean.statistics(2), eta=ETA, **numbers).change
        rows.append((H, simulated.value, simulated.standard_error, predicted))
    H, costs, errors, predicted = np.transpose(rows)
    takeuchi = sd.known_result("takeuchi").formula
    half = [float(takeuchi.subs({"C": C, "N": N, "H": h})) / 2 for h in H]
    akaike = float(sd.known_result("akaike").formula.subs({"p": 1, "N": N})) / 2
    worst = float(sd.known_result("worst-curvature").formula)

    print(f"excess test loss, eta = {ETA}, T = {UPDATES}, N = {N}, C = {C}")
    print("  eta T H   simulated        +-   predicted    Takeuchi")
    for h, value, error, law, limit in zip(H, costs, errors, predicted, half, strict=True):
        x = ETA * UPDATES * h
        print(f"  {x:7.4f}  {value:10.7f} {error:9.7f}  {law:10.7f}  {limit:10.7f}")
    top = int(np.argmax(costs))
    near = slice(top - 1, top + 2)  # a parabola through three points
    curve = np.polynomial.Polynomial.fit(np.log(H[near]), np.log(costs[near]), 2).convert()
    peak = ETA * UPDATES * np.exp(-curve.coef[1] / (2 * curve.coef[2]))
    print(f"largest where eta T H is\n   {peak:.4f} simulated\n   {worst:.4f} derived")

    title = "A flat minimum that descent has no time to leave costs less than the criteria say"
    with picture(options.output / "flat_minima.png", title) as axes:
        x = ETA * UPDATES * H
        axes.plot(x, predicted, color=BLUE, linewidth=1.8, label="re-summed, order 2 (exact)")
        axes.plot(x, half, color=ORANGE, linestyle="--", label=r"Takeuchi, $C/2HN$")
        axes.axhline(akaike, color=GREEN, linestyle="-.", label=r"Akaike, $1/2N$")
        axes.axvline(worst, ymin=0.45, color=GREY, linestyle=":", label=rf"$\eta TH = {worst:.4f}$")
        label = f"simulated descent, {options.runs:,} training sets"
        points(axes, x, costs, errors, label)
        axes.set(xscale="log", yscale="log", ylim=(4e-4, 0.4))
        axes.set_xlabel(r"curvature $\eta T H$ (no unit), at fixed $\eta$, $T$, $C$ and $N$")
        axes.set_ylabel("excess test loss (units of the loss)")
        axes.legend(loc="lower center")
    return 0


if __name__ == "__main__":
    sys.exit(main())
