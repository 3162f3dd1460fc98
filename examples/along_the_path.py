r"""What noise adds to a run at a working learning rate, predicted along the path and trained.

A tanh network of 910 weights learns handwritten digits; the 1,797 images are the distribution. Left: one
pass of T = 50 updates at eta = 0.3, which takes the loss far down. One measurement along the noiseless
run, at one batch size, says what all batch sizes add to its loss, and for which of them that can be
trusted. Right: the generalisation gap after 5 epochs of 8 updates against the size of the training set.
The points are SGD itself.

    python examples/along_the_path.py
"""

from __future__ import annotations

import sys
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from experiment import BLUE, GREEN, SKY, picture, points, read_options
from networks import digits, small_network, small_network_loss

import sgdiagrams as sd

if TYPE_CHECKING:
    from collections.abc import Sequence

HIDDEN = 12
ETA, UPDATES, BATCH = 0.3, 50, 16
SIZES = (4, 8, 16, 32, 64, 256)
EPOCHS: dict[str, Any] = {"sampling": "reshuffled-epochs", "eta": 0.1, "E": 5}
ROWS, FRACTION = 256, 8
SETS = (64, 128, 256, 512, 2048)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, predict, train, print and draw."""
    samples = (64, 192, "sampled runs that are differentiated")
    runs = (100, 256, "runs of SGD at every size")
    options = read_options(__doc__, arguments, samples=samples, runs=runs)
    model = (small_network_loss, small_network(HIDDEN), digits())
    noise = 2 if options.full else 1

    start = time.perf_counter()
    loss = sd.along_path(
        *model, sampling=sd.OnePass(T=UPDATES, B=BATCH), eta=ETA, noise=noise,
        samples=options.samples,
    )  # fmt: skip
    gap = sd.along_path(
        *model, observable="generalisation-gap", **EPOCHS, N=ROWS, B=ROWS // FRACTION,
        samples=options.samples,
    )  # fmt: skip
    print(loss)
    print(gap)
    print(f"measured in {time.perf_counter() - start:.0f} s")

    ground = sd.model_landscape(*model)
    before = float(ground.test_loss(ground.start[None])[0])
    excess = [
        sd.simulate(
            ground, sampling=sd.OnePass(T=UPDATES, B=B), eta=ETA, runs=options.runs, control=True
        )
        for B in SIZES
    ]
    gaps = [
        sd.simulate(
            ground, observable="generalisation-gap", **EPOCHS, N=N, B=N // FRACTION,
            runs=options.runs, control=True,
        )
        for N in SETS
    ]  # fmt: skip
    title = f"SGD on digits, {HIDDEN} hidden units: predictions along the path, and real runs"
    path = options.output / "along_the_path.png"
    with picture(path, title, columns=2, size=(9.4, 4.2)) as (left, right):
        values = np.array([one.value + before - float(loss.noiseless[0]) for one in excess])
        _compare(left, loss, "B", SIZES, values, excess)
        left.set(xlabel="1/B", ylabel="test loss over that of the noiseless run (nats)")
        _compare(right, gap, "N", SETS, np.array([one.value for one in gaps]), gaps)
        right.set(xlabel="1/N", ylabel="generalisation gap (nats)")
    return 0


def _compare(
    axes: Any, estimate: Any, name: str, sizes: Sequence[int], values: Any, simulated: Any
) -> None:
    """Print and draw predictions beside what was simulated."""
    print(f"{estimate.observable}, simulated and predicted")
    print(f"{name:>6}  simulated       +-  noise 1  all orders       +-  truncation  judgement")
    errors = [one.standard_error for one in simulated]
    for size, value, error in zip(sizes, values, errors, strict=True):
        one = estimate.at(**{name: size})
        word = one.judgement.partition(":")[0]
        print(
            f"  {size:4}  {value:9.5f}  {error:7.5f}  {one.orders[1]:7.5f}  {one.excess:10.5f}"
            f"  {one.standard_error:7.5f}  {one.truncation_error:10.5f}  {word}"
        )
    here = dict(estimate.sampling.values)[name]
    end = 1.1 / min(sizes)
    grid = np.linspace(0.002, 1, 100) * end
    curve = [
        estimate.scaled(Fraction(float(x) * float(here)).limit_denominator(10**6)) for x in grid
    ]
    trusted = [x for x, one in zip(grid, curve, strict=True) if one.trustworthy]
    if trusted:
        axes.axvspan(
            min(trusted), max(trusted), color=SKY, alpha=0.15, linewidth=0, label="trusted"
        )
    axes.plot(grid, [one.orders[1] for one in curve], color=GREEN, linestyle="--", label="noise 1")
    if estimate.noise > 1:
        axes.plot(grid, [one.excess for one in curve], color=BLUE, label="noise 1 and 2")
    points(axes, [1 / size for size in sizes], values, errors, "trained")
    axes.set(xlim=(0, end), ylim=sorted((0, 1.5 * float(values[0]))))
    axes.legend(loc="upper left")


if __name__ == "__main__":
    sys.exit(main())
