r"""Where truncated series end: at large learning rates, after long times, and over the next hill.

Above: logistic regression far from its minimum makes 20 updates with batches of 4. The plain series, in
powers of eta, ends first; the re-summed one goes a little further; the expansion along the noiseless run
goes as far as the noise is weak. All end where training itself becomes unstable.

Below left: what the judge says of 3 orders on random small problems, against the truth, which is known
because all runs can be listed. Below right: a minimum beside a deeper one. The re-summed series says what
happens in the first, and is trusted; it does not know the second, to which ever more runs escape.

    python examples/limits.py
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from experiment import BLUE, GREEN, GREY, ORANGE, RED, SKY, picture, points, read_options
from numpy.polynomial import Polynomial

import sgdiagrams as sd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

VERDICTS = {"trustworthy": GREEN, "borderline": ORANGE, "diverging": RED}
BATCHES = sd.OnePass(T=20, B=4)
ORDER = 4
SERIES = {
    is_resummed: sd.expand("test-loss", order=ORDER, sampling="one-pass", resummed=is_resummed)
    for is_resummed in (False, True)
}
WELLS = Polynomial([0, 0.25, -0.5, 0, 0.25])
NOISE, RATE = 0.7, 0.05
TIMES = (3, 10, 20, 30, 60, 100, 200, 300, 600, 1000, 2000)


def verdict(estimate: Any) -> str:
    """Return the first words of a judgement."""
    return str(estimate.judgement.partition(":")[0])


def classifier() -> tuple[Any, NDArray[np.float64], Any]:
    """Return loss, weights and data of a logistic regression with two weights and weight decay."""
    import jax  # noqa: PLC0415 - after the options

    rng = np.random.default_rng(0)
    data = rng.standard_normal((60, 2)), rng.integers(2, size=60)

    def loss(weights: Any, datapoint: Any) -> Any:
        x, label = datapoint
        score = (1 - 2 * label) * (weights @ x)
        return jax.numpy.logaddexp(0.0, score) + 0.1 * weights @ weights

    return loss, np.array([3.0, -2.0]), data


def against_rates(axes: Any, rates: int, runs: int, samples: int) -> None:
    """Predict 20 updates at several learning rates, in three ways."""
    loss, weights, data = classifier()
    ground = sd.model_landscape(loss, weights, data, name="logistic regression")
    statistics = ground.statistics(ORDER)
    etas = np.geomspace(0.02, 6, rates)
    simulated = sd.simulate(ground, sampling=BATCHES, eta=list(etas), runs=runs, control=True)
    start = np.mean(statistics.samples[0])
    ways = {
        "plain": sd.expand("test-loss", order=ORDER, sampling=BATCHES),
        "re-summed": sd.expand("test-loss", order=ORDER, sampling=BATCHES, resummed=True),
    }
    curvatures = np.linalg.eigvalsh(np.mean(statistics.samples[2], axis=0))
    print(f"largest curvature at the start: {max(curvatures):.4f}")
    print(f"change of the test loss in {BATCHES.T} updates")
    print("     eta  simulated       +-       plain           re-summed       along the path")
    lines: dict[str, list[tuple[float, str]]] = {"plain": [], "re-summed": [], "along the path": []}
    orders = []
    for eta, value, error in zip(etas, simulated.value, simulated.standard_error, strict=True):
        for name, expansion in ways.items():
            estimate = expansion.evaluate(statistics, eta=float(eta))
            lines[name].append((estimate.change, verdict(estimate)))
            if name == "plain":
                orders.append(np.cumsum(np.asarray(estimate.orders, dtype=float)[1:]))
        path = sd.along_path(loss, weights, data, sampling=BATCHES, eta=float(eta), samples=samples)
        lines["along the path"].append((path.value - start, verdict(path)))
        said = "  ".join(f"{line[-1][0]:9.4g} {line[-1][1]:11}" for line in lines.values())
        print(f"  {eta:6.3f}  {value:9.5f} {error:8.5f}  {said}")
    for k, sums in enumerate(np.transpose(orders)[:-1], 1):
        axes.plot(etas, sums, color=GREY, linewidth=0.8, linestyle=(0, (k, 2)), label=f"order {k}")
    for (name, line), colour in zip(lines.items(), (SKY, ORANGE, BLUE), strict=True):
        label = f"plain, order {ORDER}" if name == "plain" else name
        values, said = zip(*line, strict=True)
        axes.plot(etas, values, color=colour, linewidth=1.6, label=label)
        for eta, number, word in zip(etas, values, said, strict=True):
            face = colour if word == "trustworthy" else "white"
            axes.plot(eta, number, "s", color=colour, markerfacecolor=face, markersize=6)
    points(axes, etas, simulated.value, simulated.standard_error, "simulated")
    axes.set(xscale="log", ylim=(-2.6, 0.6), xlabel=r"learning rate $\eta$")
    axes.set_ylabel("change of the test loss")
    axes.set_title("20 updates; full squares are called trustworthy, empty ones are not")
    axes.legend(ncols=2, fontsize=8)


def derivatives(losses: Sequence[Polynomial], at: float) -> sd.Statistics:
    """Return the derivatives of equally likely losses of one weight."""
    samples = {
        k: np.array([loss.deriv(k)(at) if k else loss(at) for loss in losses]).reshape(
            (-1, *[1] * k)
        )
        for k in range(7)
    }
    return sd.Statistics.from_samples(samples, role="population")


def random_problem(rng: np.random.Generator) -> tuple[list[Polynomial], float, int]:
    """Return two losses of degree 4, a learning rate, and a number of updates."""
    slope = rng.normal() * rng.integers(2)
    mean = np.array([0, slope, 0.5, 0.3 * rng.normal(), 0.2 * rng.random()])
    noise = np.array([0, 1, 0.4, 0.2, 0.1]) * rng.normal(size=5) * 10 ** rng.uniform(-1, 0)
    eta = 10 ** rng.uniform(-2, 0)
    return [Polynomial(mean + noise), Polynomial(mean - noise)], eta, int(rng.integers(2, 13))


def against_truth(axes: Any, problems: int) -> None:
    """Hold truncation errors and verdicts against the truth, from all runs that there are."""
    rng = np.random.default_rng(1)
    rows = []
    for _ in range(problems):
        losses, eta, updates = random_problem(rng)
        weights = np.zeros(1)
        with np.errstate(all="ignore"):
            for _ in range(updates):
                weights = np.concatenate([weights - eta * loss.deriv()(weights) for loss in losses])
            truth = np.mean([loss(weights).mean() for loss in losses])
        if not abs(truth) < 100:  # some runs diverge
            continue
        statistics = derivatives(losses, 0.0)
        for is_resummed, expansion in SERIES.items():
            estimate = expansion.evaluate(statistics, eta=eta, T=updates)
            error = abs(estimate.change - truth) / abs(truth)
            claimed = estimate.truncation_error / abs(truth)
            rows.append((is_resummed, verdict(estimate), claimed, error))
    for is_resummed in SERIES:
        name = "re-summed" if is_resummed else "plain"
        print(f"order {ORDER} of the {name} series on random problems of one weight")
        print("  problems  off by > 30 %  right to 3 %  said")
        for word, colour in VERDICTS.items():
            said = np.array([row[2:] for row in rows if row[:2] == (is_resummed, word)])
            claimed, errors = said.reshape(-1, 2).T
            off, right = np.sum(errors > 0.3), np.sum(errors < 0.03)
            print(f"  {len(errors):8}  {off:13}  {right:12}  {word}")
            marker, label = ("o", word) if is_resummed else ("+", f"{word}, plain")
            spots = {"s": 14, "linewidths": 0.9, "label": label, "alpha": 0.8}
            spots |= {"color": colour} if not is_resummed else {"c": "none", "edgecolors": colour}
            axes.scatter(claimed.clip(1e-6, 1e3), errors.clip(1e-6, 1e3), marker=marker, **spots)
    axes.plot([1e-6, 1e3], [1e-6, 1e3], color=GREY, linewidth=0.8)
    axes.axhline(0.3, color=GREY, linestyle=":", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="truncation error / true change")
    axes.set_ylabel("true error / true change")
    axes.set_title(f"order {ORDER} on random problems")
    axes.legend(fontsize=7)


def against_time(axes: Any, runs: int) -> None:
    """Follow runs from a minimum beside a deeper one, and what the re-summed series says."""
    start = max(root.real for root in WELLS.deriv().roots())
    losses = [WELLS + Polynomial([0, NOISE]), WELLS - Polynomial([0, NOISE])]
    statistics = derivatives(losses, start)
    rng = np.random.default_rng(0)
    weights = np.full(runs, start)
    rows, t = [], 0
    print(f"excess loss from a minimum beside a deeper one, eta = {RATE}")
    print("     T  simulated       +-  re-summed       plain   escaped  said of the re-summed")
    for updates in TIMES:
        while t < updates:
            weights -= RATE * (WELLS.deriv()(weights) + NOISE * rng.choice((-1, 1), size=runs))
            t += 1
        excess = WELLS(weights) - WELLS(start)
        plain, resummed = (e.evaluate(statistics, eta=RATE, T=updates) for e in SERIES.values())
        row = (excess.mean(), excess.std() / runs**0.5, resummed.change, plain.change)
        escaped = np.mean(weights < 0)
        numbers = " ".join(f"{x:10.5f}" for x in row[:3]) + f"  {row[3]:10.4g}"
        print(f"  {updates:4} {numbers}   {escaped:7.5f}  {verdict(resummed)}")
        rows.append(row)
    simulated, errors, resummed, plain = np.transpose(rows)
    axes.plot(TIMES, resummed, color=ORANGE, linewidth=1.6, label="re-summed")
    axes.plot(TIMES, plain, color=SKY, linewidth=1.6, label=f"plain, order {ORDER}")
    points(axes, TIMES, simulated, errors, "simulated")
    axes.set(xscale="log", ylim=(-0.02, 0.016), xlabel="number of updates T")
    axes.set_ylabel("excess test loss")
    axes.set_title("a minimum beside a deeper one")
    axes.legend(fontsize=8)


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, predict, print and draw."""
    options = read_options(
        __doc__,
        arguments,
        rates=(7, 15, "learning rates"),
        runs=(500, 2000, "of the classifier, for each learning rate"),
        samples=(64, 256, "of the expansion along the path"),
        problems=(100, 600, "random problems"),
        escapes=(2000, 20_000, "runs beside a deeper minimum"),
    )
    title = "Where series end"
    mosaic = [["rate", "rate"], ["judge", "time"]]
    with picture(options.output / "limits.png", title, mosaic=mosaic, size=(9.5, 8)) as panels:
        against_rates(panels["rate"], options.rates, options.runs, options.samples)
        against_truth(panels["judge"], options.problems)
        against_time(panels["time"], options.escapes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
