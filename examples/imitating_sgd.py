r"""Large batches with a penalty imitate SGD on a real network.

A tanh network learns handwritten digits from N = 64 of them, picked anew for every training set. SGD
with batches of one is imitated in two ways: by full-batch descent with as many updates, and by batches of
eight at eight times the learning rate. Both have the same first order; in the second they differ from SGD
by the gradient of the covariance's trace, and for the other learning rate by Hessian times gradient.
`optax_small_batch_penalty` adds what is missing, estimated from two halves of every batch. All ways of
training see the same training sets, and each many shuffles of them, so that small differences show.

    python examples/imitating_sgd.py
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from experiment import BLUE, GREY, ORANGE, picture, points, read_options
from networks import digits, small_network, small_network_loss

import sgdiagrams as sd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

N, LARGE, EPOCHS, SHUFFLES = 64, 8, 8, 8
RATES = (0.001, 0.002, 0.003, 0.005, 0.007, 0.01)  # for one pass
RATE = 0.01  # for many epochs
#: Batch size, and the learning rate in units of that of SGD.
WAYS = {"full batches": (N, 1), f"batches of {LARGE}, {LARGE} times the rate": (LARGE, LARGE)}


@cache
def training(times: int, *, with_penalty: bool) -> Any:
    """Return a function: learning rate of SGD, training sets, orders -> test losses after epochs.

    Training sets are rows of images, shape (sets, N); orders are rows of training sets, shape
    (sets, shuffles, epochs, updates, batch); test losses are averages over shuffles, (epochs, sets).
    """
    import jax  # noqa: PLC0415 - after the options
    import optax  # noqa: PLC0415 - after the options

    images, labels = map(jax.numpy.asarray, digits())
    start = jax.tree.map(jax.numpy.asarray, small_network())

    def mean_loss(weights: Any, data: Any) -> Any:
        return jax.vmap(small_network_loss, in_axes=(None, 0))(weights, data).mean()

    @jax.jit
    def trained(eta: Any, rows: Any, orders: Any) -> Any:
        optimizer = optax.sgd(times * eta)
        if with_penalty:
            penalty = sd.optax_small_batch_penalty(
                small_network_loss, eta=times * eta, small_eta=eta, small=1
            )
            optimizer = optax.chain(penalty, optimizer)
        optimizer = optax.with_extra_args_support(optimizer)

        def update(state: Any, rows: Any) -> Any:
            weights, memory = state
            data = images[rows], labels[rows]
            gradient = jax.grad(mean_loss)(weights, data)
            step, memory = optimizer.update(gradient, memory, weights, batch=data)
            return (optax.apply_updates(weights, step), memory), None

        def epoch(state: Any, batches: Any) -> Any:
            state, _ = jax.lax.scan(update, state, batches)
            return state, mean_loss(state[0], (images, labels))

        def run(order: Any) -> Any:
            return jax.lax.scan(epoch, (start, optimizer.init(start)), order)[1]

        def training_set(both: Any) -> Any:
            picked, shuffled = both
            return jax.vmap(run)(picked[shuffled]).mean(axis=0)

        return jax.lax.map(training_set, (rows, orders)).T

    return trained


def shuffled(sets: int, epochs: int, batch: int, passes: int, *, seed: int) -> NDArray[Any]:
    """Return orders of training sets; an epoch of SGD is imitated by several passes."""
    shape = (sets, 1 if batch == N else SHUFFLES, epochs, passes)
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.broadcast_to(np.arange(N), (*shape, N)), axis=-1)
    return orders.reshape(*shape[:3], passes * N // batch, batch)


def predictions(etas: Sequence[float]) -> dict[str, NDArray[Any]]:
    """Return the differences of the test loss to SGD, at order 2, for one pass."""
    ways = {"SGD": (1, 1), **WAYS}
    expansions = {
        way: sd.expand("test-loss", order=2, sampling=sd.Epochs(N=N, B=batch, E=batch // times))
        for way, (batch, times) in ways.items()
    }
    measured = sd.measure(
        small_network_loss, small_network(), digits(), [*expansions.values()], role="population"
    )
    values = {
        way: np.array(
            [expansions[way].evaluate(measured, eta=times * eta).orders[2] for eta in etas]
        )
        for way, (_, times) in ways.items()
    }
    return {way: values[way] - values["SGD"] for way in WAYS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, predict, print and draw."""
    sets = (48, 480, "training sets")
    options = read_options(__doc__, arguments, sets=sets)
    rng = np.random.default_rng(1)
    rows = rng.integers(len(digits()[0]), size=(options.sets, N))

    def losses(epochs: int, etas: Sequence[float], *way: int, penalty: bool, seed: int) -> Any:
        batch, times = way
        orders = shuffled(options.sets, epochs, batch, batch // times, seed=seed)
        train = training(times, with_penalty=penalty)
        return np.array([train(eta, rows, orders) for eta in etas], dtype=float)

    def differences(epochs: int, etas: Sequence[float]) -> dict[tuple[str, bool], Any]:
        """Return means over training sets of the differences to SGD, and standard errors."""
        sgd = losses(epochs, etas, 1, 1, penalty=False, seed=2)
        result = {}
        for seed, (way, sizes) in enumerate(WAYS.items(), 3):
            for penalty in (False, True):
                apart = losses(epochs, etas, *sizes, penalty=penalty, seed=seed) - sgd
                error = apart.std(axis=-1, ddof=1) / np.sqrt(options.sets)
                result[way, penalty] = (apart.mean(axis=-1), error)
        return result

    one_pass, many = differences(1, RATES), differences(EPOCHS, [RATE])
    predicted = predictions(RATES)
    for way in WAYS:
        print(f"{way}: test loss less that of SGD after one pass, / eta^2")
        print("    eta    without       +-    with       +-   order 2")
        for i, eta in enumerate(RATES):
            row = [x[i, 0] / eta**2 for penalty in (False, True) for x in one_pass[way, penalty]]
            cells = " ".join(f"{x:8.1f}" for x in (*row, predicted[way][i] / eta**2))
            print(f"  {eta:5} {cells}")
        print(f"{way}: the same after epochs at eta = {RATE}, without penalty and with")
        for i in range(EPOCHS):
            row = [x[0, i] for penalty in (False, True) for x in many[way, penalty]]
            print(f"  {i + 1:3} " + " ".join(f"{x:9.6f}" for x in row))

    title = "With the penalty, large batches train a network as batches of one do"
    with picture(options.output / "imitating_sgd.png", title, columns=2, size=(9, 4.4)) as (
        left,
        right,
    ):
        for way, colour, marker, beside in zip(WAYS, (ORANGE, BLUE), "os", (-1, 1), strict=True):
            etas = np.array(RATES) + beside * 4e-5  # so that markers do not hide each other
            epochs = np.arange(1, EPOCHS + 1) + beside * 0.06
            for penalty in (False, True):
                shape: dict[str, Any] = {"color": colour, "marker": marker}
                shape["markerfacecolor"] = colour if penalty else "white"
                label = f"{way}, {'with the penalty' if penalty else 'without'}"
                value, error = one_pass[way, penalty]
                points(
                    left,
                    etas,
                    value[:, 0] / np.square(RATES),
                    error[:, 0] / np.square(RATES),
                    label,
                    **shape,
                )
                value, error = many[way, penalty]
                points(right, epochs, 1000 * value[0], 1000 * error[0], label, **shape)
            limit = predicted[way][0] / RATES[0] ** 2
            left.axhline(limit, color=colour, linestyle="--", label=f"{way}, without: order 2")
        for axes in (left, right):
            axes.axhline(0, color=GREY, linewidth=1)
        left.set(xlabel=r"learning rate $\eta$ of SGD", xlim=(0, 0.0106),
                 ylabel=r"(test loss $-$ that of SGD) / $\eta^2$ (nats)")  # fmt: skip
        left.set_title(f"one pass, N = {N}")
        right.set(xlabel="epochs of SGD", ylabel=r"test loss $-$ that of SGD ($10^{-3}$ nats)")
        right.set_title(rf"$\eta = {RATE}$")
        handles = dict(zip(*reversed(left.get_legend_handles_labels()), strict=True))
        labels = sorted(handles, key=lambda label: [label.startswith(way) for way in WAYS])
        left.figure.legend(
            [handles[label] for label in labels], labels, loc="outside lower center", ncols=2
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
