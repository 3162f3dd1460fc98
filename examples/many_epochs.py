r"""Many epochs at a small learning rate against one epoch at a large one.

M epochs at eta/M move the weights as far as one epoch at eta, but for the second power of eta: a
datapoint is visited more than once, and the expected displacement differs by

    eta^2 N (M - 1)/(4 M) grad E |grad l_x|^2.

Repetition goes to where single gradients are larger: their second moment stands here, not their
covariance alone. On handwritten digits it costs test loss. The runs of both protocols share their
training sets, so that differences show which are a hundredth of the spread of single runs.

    python examples/many_epochs.py
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
from experiment import BLUE, GREEN, GREY, ORANGE, picture, points, read_options

import sgdiagrams as sd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

N = 10
ORDER = 3
EPOCHS = {2: GREEN, 4: BLUE, 16: ORANGE}
RATES = np.array([0.01, 0.02, 0.04, 0.06, 0.08, 0.1])
UNIT = N * RATES**2
PANELS = (("gauss", "displacement", {"component": 0}), ("digits", "test-loss", {}))


def schedule(epochs: int) -> sd.Epochs:
    """Return so many epochs of N datapoints, one at a time, in new orders."""
    return sd.Epochs(N=N, B=1, E=epochs, shuffle="every-epoch")


def derived(observable: str, epochs: int, statistics: sd.Statistics) -> NDArray[np.float64]:
    """Return the difference by orders, shape (ORDER + 1, rates), in units of eta^2 N."""
    both = []
    for number in (epochs, 1):
        expansion = sd.expand(observable, order=ORDER, sampling=schedule(number))
        estimates = [expansion.evaluate(statistics, eta=eta / number) for eta in RATES]
        both.append([np.reshape(estimate.orders, (ORDER + 1, -1))[:, 0] for estimate in estimates])
    many, once = np.asarray(both, dtype=float)
    return (many - once).T / UNIT


def law(observable: str, epochs: int, statistics: sd.Statistics) -> float:
    """Return the difference by the formula above, in units of eta^2 N."""
    g, H = statistics.samples[1], statistics.samples[2]
    shares = statistics.weights if statistics.weights is not None else np.full(len(g), 1 / len(g))
    moved = (epochs - 1) / (4 * epochs) * 2 * np.einsum("n,nab,nb->a", shares, H, g)
    return float(moved[0] if observable == "displacement" else shares @ g @ moved)


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, predict, print and draw."""
    runs = (5000, 100_000, "training sets")
    options = read_options(__doc__, arguments, runs=runs)
    title = "Repeating the data moves the weights to where single gradients are larger"
    with picture(options.output / "many_epochs.png", title, columns=2, size=(9, 4)) as panels:
        for axes, (name, observable, component) in zip(panels, PANELS, strict=True):
            statistics = sd.landscape(name).statistics(ORDER)
            once, *others = (
                sd.simulate(
                    name,
                    observable=observable,
                    sampling=schedule(epochs),
                    eta=RATES / epochs,
                    runs=options.runs,
                    **component,
                )
                for epochs in (1, *EPOCHS)
            )
            print(f"{observable} on {name}: many epochs less one, in units of eta^2 N")
            print("   M   eta  simulated       +-  unpaired +-  order 2  order 3      law")
            for many, (epochs, colour) in zip(others, EPOCHS.items(), strict=True):
                difference = many - once
                simulated, error = difference.value / UNIT, difference.standard_error / UNIT
                unpaired = difference.unpaired_standard_error / UNIT
                second, third = derived(observable, epochs, statistics)[1:].cumsum(axis=0)[1:]
                known = law(observable, epochs, statistics)
                for row in zip(RATES, simulated, error, unpaired, second, third, strict=True):
                    eta, *numbers = row
                    print(f"  {epochs:2} {eta:5}   ", *(f"{x:8.5f}" for x in (*numbers, known)))
                axes.axhline(known, color=colour, linestyle="--", linewidth=1)
                label = f"{epochs} epochs"
                line = {"color": colour, "linewidth": 1.6, "label": f"{label}, order 3"}
                axes.plot([0, *RATES], [known, *third], **line)
                points(axes, RATES, simulated, error, f"{label}, simulated", color=colour)
            axes.axhline(0, color=GREY, linewidth=0.8)
            axes.set_title(f"{observable} on {name}; dashed: the law, order 2")
            axes.set_xlabel(r"learning rate $\eta$ of the single epoch")
            axes.set_ylabel(rf"difference / $\eta^2 N$, N = {N}")
        panels[0].set_ylim(top=0.12)
        panels[0].legend(loc="upper center", ncols=2, fontsize=8)
    return 0


if __name__ == "__main__":
    sys.exit(main())
