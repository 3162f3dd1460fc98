r"""Test loss and generalisation gap of a convolutional network, predicted and trained.

A tanh network of 4,983 weights learns handwritten digits; the 1,797 images are the distribution. SGD
makes T = 10 updates, each on a new image. All that the expansions to order 3 need is measured at the
start, by derivatives along vectors and without a tensor, until every order at eta = 0.01 is known to a
few percent; then formulas say what happens at any learning rate. The experiment is SGD itself.

    python examples/convolutional_network.py
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from experiment import BLUE, GREEN, ORANGE, picture, points, read_options
from networks import convolutional_network, convolutional_network_loss, digits

import sgdiagrams as sd

if TYPE_CHECKING:
    from collections.abc import Sequence

ORDER, UPDATES = 3, 10
AT = 0.01  # the learning rate at which contributions are measured well enough
RATES = (0.003, 0.006, 0.01, 0.015, 0.02, 0.025)
CURVE = np.linspace(0, 0.027, 28)
PANELS = ("test-loss", "generalisation-gap")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, predict, train, print and draw."""
    runs = (400, 2000, "runs of SGD, the same ones for every learning rate")
    percent = (5, 3, "relative error to which every order is measured")
    options = read_options(__doc__, arguments, runs=runs, percent=percent)
    model = (convolutional_network_loss, convolutional_network(), digits())

    start = time.perf_counter()
    expansions = {
        name: [sd.expand(name, order=k, sampling="one-pass") for k in range(1, ORDER + 1)]
        for name in PANELS
    }
    measured = sd.measure(
        *model, [orders[-1] for orders in expansions.values()], role="population",
        precision=options.percent / 100, at={"eta": AT, "T": UPDATES},
    )  # fmt: skip
    predicted = {
        name: [expansions[name][-1].evaluate(measured, eta=eta, T=UPDATES) for eta in RATES]
        for name in PANELS
    }
    seconds = time.perf_counter() - start
    print(measured)
    print(f"measured, and evaluated at {len(RATES)} learning rates, in {seconds:.0f} s")

    landscape = sd.model_landscape(*model)
    test, training = (
        sd.simulate(
            landscape, observable=name, eta=RATES, T=UPDATES, runs=options.runs
        ).per_run
        for name in ("test-loss", "training-loss")
    )  # fmt: skip
    simulated = dict(zip(PANELS, (test, test - training), strict=True))

    title = f"A convolutional network after {UPDATES} updates of SGD: measured orders and real runs"
    with picture(
        options.output / "convolutional_network.png", title, columns=2, size=(9, 4)
    ) as both:
        for axes, name in zip(both, PANELS, strict=True):
            ends = simulated[name]
            values, errors = ends.mean(axis=1), ends.std(axis=1, ddof=1) / np.sqrt(ends.shape[1])
            print(f"change of the {name.replace('-', ' ')}: simulated, and orders with errors")
            heads = "".join(f"   order {k}       +-" for k in range(1, ORDER + 1))
            print(f"    eta  simulated       +-{heads}       sum")
            for i, eta in enumerate(RATES):
                one = predicted[name][i]
                orders = zip(one.orders[1:], one.order_standard_errors[1:], strict=True)
                cells = " ".join(f"{x:9.5f} {e:8.5f}" for x, e in orders)
                print(f"  {eta:5}  {values[i]:9.5f} {errors[i]:8.5f} {cells}  {one.change:9.5f}")
            for expansion, colour, style in zip(
                expansions[name], (GREEN, ORANGE, BLUE), (":", "--", "-"), strict=False
            ):
                curve = [expansion.evaluate(measured, eta=eta, T=UPDATES) for eta in CURVE]
                total, band = np.array([(x.change, 2 * x.change_standard_error) for x in curve]).T
                label = f"to order {expansion.order}"
                axes.plot(CURVE, total, color=colour, linestyle=style, label=label)
                axes.fill_between(
                    CURVE, total - band, total + band, color=colour, alpha=0.2, linewidth=0
                )
            points(axes, RATES, values, errors, "trained")
            end = 1.35 * values[-1]
            axes.set(xlabel=r"learning rate $\eta$", xlim=(0, CURVE[-1]), ylim=sorted((0, end)))
            axes.set_ylabel(f"{name.replace('-', ' ')}, change (nats)")
        both[0].legend(loc="lower left")
        both[1].legend(loc="upper left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
