r"""SGD against the stochastic differential equation that is often taken for it.

    d theta = -G dt + sqrt(eta C) dW        (time eta T)

has the same gradient and the same covariance of the noise as SGD. From the minimum of a test loss both
settle at the same excess to first order in eta. They part in the next power, by the length of the steps
(C H) and by the skewness of the noise (S J), of which the equation has none: the formulas of both are
derived, complete through eta^2, and held against simulated SGD and the exact solution of the equation.
The loss is that of a Gaussian's log-variance, l_x(h) = (h + x^2 exp(-h))/2, where H = C = 1/2,
J = -1/2 and S = -1.

    python examples/sgd_and_sde.py
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
from experiment import BLUE, GREY, ORANGE, picture, points, read_options

import sgdiagrams as sd

if TYPE_CHECKING:
    from collections.abc import Sequence

TIME = 12  # eta T: what decays has decayed
RATES = (0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3)


def exact_equation(eta: float) -> float:
    """Return the mean excess loss in which the equation settles.

    With y = exp(h) it is dy = ((1 - y)/2 + eta/(4 y)) dt + sqrt(eta/2) dW, whose stationary density is
    proportional to y exp(-(1 - y)^2/eta).
    """
    y = np.linspace(0, 1 + 10 * eta**0.5, 100_001)[1:]
    density = y * np.exp(-((1 - y) ** 2) / eta)
    excess = (np.log(y) + 1 / y - 1) / 2
    return float((excess * density).sum() / density.sum())


def main(arguments: Sequence[str] | None = None) -> int:
    """Derive, simulate, print and draw."""
    runs = (50_000, 400_000, "runs of SGD a point")
    options = read_options(__doc__, arguments, runs=runs)
    gauss = sd.landscape("gauss")
    statistics = gauss.statistics(8)
    sgd, sde = (
        sd.expand("test-loss", through=2, sampling=sampling, resummed=True).stationary()
        for sampling in ("one-pass", "sde")
    )
    difference = sgd.in_one_dimension(2) - sde.in_one_dimension(2)
    print(f"SGD settles above the equation by {difference.expand()}")

    rows = []
    for eta in RATES:
        settled = sd.simulate(
            gauss, eta=eta, T=round(TIME / eta), runs=options.runs, seed=len(rows)
        )
        derived = [series.evaluate(statistics, eta=eta).change for series in (sgd, sde)]
        measured = settled.value, settled.standard_error
        rows.append((eta, *(x / eta for x in (*measured, *derived, exact_equation(eta)))))
    print("excess test loss / eta\n    eta  SGD               derived   equation derived")
    for eta, simulated, error, sgd_law, sde_law, exact in rows:
        print(
            f"  {eta:5}  {simulated:.5f} {error:.5f}   {sgd_law:.5f}   {exact:.5f}  {sde_law:.5f}"
        )

    title = "SGD and its differential equation part in the second power of the learning rate"
    with picture(options.output / "sgd_and_sde.png", title) as axes:
        eta, simulated, errors, sgd_law, sde_law, _ = np.transpose(rows)
        etas = np.linspace(0, 0.32, 33)
        for law, colour, name in ((sgd_law, BLUE, "SGD"), (sde_law, ORANGE, "equation")):
            slope, first = np.polyfit(eta, law, 1)  # the formula over eta is a line in eta
            label = rf"{name}, derived to $\eta^2$"
            axes.plot(etas, first + slope * etas, color=colour, linewidth=1.8, label=label)
        axes.axhline(1 / 8, color=GREY, linestyle="--", label=r"both, derived to $\eta$")
        points(axes, eta, simulated, errors, "SGD, simulated", color=BLUE)
        exact = [exact_equation(e) / e for e in etas[1:]]
        axes.plot(
            etas[1:], exact, color=ORANGE, linestyle=":", linewidth=2, label="equation, exact"
        )
        axes.set(xlabel=r"learning rate $\eta$")
        axes.set(ylabel=r"excess test loss / $\eta$, after long times", ylim=(0.121, None))
        axes.legend(loc="upper left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
