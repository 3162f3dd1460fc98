"""The expansion in the noise, measured: against derivatives of whole runs, and all training sets."""

from fractions import Fraction
from itertools import product
from math import factorial

import numpy as np
import pytest

jax = pytest.importorskip("jax")
jnp = jax.numpy

from sgdiagrams import Delayed, ScheduleFree, TailAverage  # noqa: E402
from sgdiagrams.diagrams import FormatError, RequestError, SamplingError  # noqa: E402
from sgdiagrams.numeric.descent import Descent  # noqa: E402
from sgdiagrams.numeric.models.choice import model_of  # noqa: E402
from sgdiagrams.numeric.path.along import along_path  # noqa: E402
from sgdiagrams.numeric.path.draws import DrawnRuns, draw_runs  # noqa: E402
from sgdiagrams.numeric.path.pushing import PAIRS, SINGLE, Push, pushed_runs  # noqa: E402
from sgdiagrams.numeric.path.read_off import ReadOff, signed_factors  # noqa: E402
from sgdiagrams.numeric.path.rounds_of_runs import NoiseRounds, RoundTask  # noqa: E402
from sgdiagrams.symbolic.observable import named_observable  # noqa: E402
from sgdiagrams.symbolic.training.average import ExponentialAverage  # noqa: E402
from sgdiagrams.symbolic.training.names import named_sampling  # noqa: E402
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov  # noqa: E402
from sgdiagrams.symbolic.training.optimizers.sgd import SGD  # noqa: E402
from sgdiagrams.symbolic.training.sampling import course_of  # noqa: E402
from sgdiagrams.symbolic.training.schemes.epochs import Epochs  # noqa: E402
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass  # noqa: E402
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement  # noqa: E402
from sgdiagrams.symbolic.training.training import Training  # noqa: E402

DATA = np.array([[0.3, 1.0], [-0.7, 0.4], [1.1, -0.2]])
START = np.array([0.5, -0.3])


def loss(w, x):
    residual = w[0] * x[0] + w[1] - x[1]
    return residual**2 / 2 + 0.3 * w[0] * w[1] * x[1] + w[0] ** 3 * x[0] / 6 + w[1] ** 4 / 12


def function(w):
    return w[0] * w[1] * w[1]


class Powers:
    """Powers of the strengths of two noises, to the third of each: enough arithmetic for a run."""

    def __init__(self, table):
        self.table = table

    @classmethod
    def of(cls, value, *place):
        table = np.zeros((4, 4))
        table[0, 0] = value
        if place:
            table[place] = 1
        return cls(table)

    def __add__(self, other):
        return Powers(self.table + (other if isinstance(other, Powers) else Powers.of(other)).table)

    def __mul__(self, other):
        if not isinstance(other, Powers):
            return Powers(self.table * other)
        result = np.zeros((4, 4))
        for i, k in product(range(4), repeat=2):
            result[i:, k:] += self.table[i, k] * other.table[: 4 - i, : 4 - k]
        return Powers(result)

    def __sub__(self, other):
        return self + -1.0 * other

    def __pow__(self, power):
        return self if power == 1 else self * self ** (power - 1)

    def __truediv__(self, number):
        return self * (1 / number)

    __radd__, __rmul__ = __add__, __mul__

    def derivative(self, key):
        i, k = key.count(0), key.count(1)
        return self.table[i, k] * factorial(i) * factorial(k)


def gradient(w, x):
    residual = w[0] * x[0] + w[1] - x[1]
    return (
        residual * x[0] + 0.3 * w[1] * x[1] + w[0] ** 2 * x[0] / 2,
        residual + 0.3 * w[0] * x[1] + w[1] ** 3 / 3,
    )


def model():
    return model_of(loss, START, DATA, functions={"s": function})


def rounds_of(observable, sampling, optimizer, *, points=None, eta=0.2, seed=0):
    training = Training(sampling, optimizer)
    own = model()
    factors = signed_factors(named_observable(observable), given_set=False, has_test_data=False)
    return NoiseRounds(
        ReadOff(own, own, factors),
        course_of(sampling),
        Descent.of(training, points=points),
        eta,
        seed,
    )


def whole_run(rounds, batches, rows, observable):
    """Return the observable in powers of the strengths of the noise, by its definition."""

    def mean(of, w, chosen):
        return [
            sum(parts) / len(chosen)
            for parts in zip(*(of(w, DATA[i]) for i in chosen), strict=True)
        ]

    def losses(w, x):
        return (loss(w, x),)

    strengths = [Powers.of(0, 1, 0), Powers.of(0, 0, 1)][: len(rows)]
    descent, everything = rounds.descent, range(len(DATA))
    decay = float(descent.optimizer.weight_decay)
    theta = [Powers.of(w) for w in START]
    state = [[Powers.of(0)] * 2] * descent.states

    def displaced(row, state):
        return [
            w + sum(m * x[i] for m, x in zip(row, state, strict=True)) for i, w in enumerate(START)
        ]

    seen = [descent.watched[0][0] * w for w in theta]
    for t, update in enumerate(descent.updates):
        theta = displaced(update.read, state)
        base = mean(gradient, theta, everything)
        slope = [g + decay * w for g, w in zip(base, theta, strict=True)]
        for e, batch in zip(strengths, batches, strict=True):
            own = mean(gradient, theta, batch[t])
            slope = [s + e * (g - b) for s, g, b in zip(slope, own, base, strict=True)]
        state = [
            [
                sum(m * x[i] for m, x in zip(row, state, strict=True))
                - number * rounds.eta * slope[i]
                for i in range(2)
            ]
            for row, number in zip(update.step, update.inject, strict=True)
        ]
        theta = displaced(update.readout, state)
        seen = [a + descent.watched[0][t + 1] * w for a, w in zip(seen, theta, strict=True)]
    [test] = mean(losses, seen, everything)
    train = test
    for e, row in zip(strengths, rows, strict=True):
        train = train + e * (mean(losses, seen, row)[0] - test)
    return {
        "test-loss": [test],
        "training-loss": [train],
        "generalisation-gap": [test - train],
        "displacement": [w - s for w, s in zip(seen, START, strict=True)],
        "function:s": [function(seen)],
    }[observable]


SCHEMES = [
    OnePass(T=3, B=2),
    Epochs(N=4, B=2, E=2, shuffle="every-epoch"),
    Epochs(N=3, B=3, E=3),
    WithReplacement(N=3, B=2, T=3),
    OnePass(T=3, B=2),
    Epochs(N=3, B=3, E=3),
]
OPTIMIZERS = [
    SGD(), Momentum(beta="0.9"), Nesterov(beta="0.5", weight_decay="0.1"),
    SGD(average=ExponentialAverage(alpha="0.5")),
    ScheduleFree(beta="0.75", weight_decay="0.1"), Delayed(d=1, average=TailAverage(2)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "observable"),
    list(
        enumerate(
            [
                "test-loss",
                "generalisation-gap",
                "displacement",
                "function:s",
                "training-loss",
                "test-loss",
            ]
        )
    ),
)
def test_derivatives_of_pushed_runs_are_those_of_whole_runs(number, observable):
    rounds = rounds_of(observable, SCHEMES[number], OPTIMIZERS[number])
    drawn = draw_runs(rounds.course, 3, first=7, runs=2, seed=(1,), directions=2)
    batches = [list(drawn.batches(x)) for x in range(2)]
    pushes = [(Push(batch) for batch in batches[x]) for x in range(2)]
    own = rounds.read_off.model
    [point] = pushed_runs(own, rounds.descent, pushes, PAIRS, runs=2, eta=rounds.eta)
    jets = rounds.read_off.jets(point, drawn.rows, PAIRS)
    for s in range(2):
        batches_of_run = [[batch[s] for batch in of] for of in batches]
        powers = whole_run(rounds, batches_of_run, [r[s] for r in drawn.rows], observable)
        for key in PAIRS:
            expected = np.squeeze([p.derivative(key) for p in powers])
            np.testing.assert_allclose(jets[key][s], expected, rtol=1e-9, atol=1e-11)


def strength_series(observable, sampling, optimizer, eta):
    """Return the mean over all training sets by its derivatives 1..3 by the strength."""
    rounds = rounds_of(observable, sampling, optimizer, eta=eta)
    N = rounds.course.rows
    [(_, schedule)] = rounds.course.all_batches()
    order = [np.array(batch) for batch in schedule]

    runs = [
        whole_run(rounds, [[rows[b] for b in order]], [rows], observable)[0]
        for rows in map(np.array, product(range(3), repeat=N))
    ]
    return [np.mean([run.derivative((0,) * k) for run in runs]) for k in (1, 2, 3)]


class ByHand:
    """Rounds over all pairs of training sets, in place of drawn ones."""

    def __init__(self, rounds):
        tables = np.array(list(product(range(3), repeat=rounds.course.rows)))
        a, b = np.meshgrid(range(len(tables)), range(len(tables)), indexing="ij")
        self.rows = (tables[a.ravel()], tables[b.ravel()])
        self.rounds = rounds

    def noise(self):
        rounds = self.rounds
        S = len(self.rows[0])
        drawn = DrawnRuns(rounds.course, 3, 0, S, (0,), self.rows)
        order = [np.array(batch) for batch in rounds.course.all_batches()[0][1]]
        pushes = [map(Push, [rows[:, batch] for batch in order]) for rows in drawn.rows]
        own = rounds.read_off.model
        [point] = pushed_runs(own, rounds.descent, pushes, PAIRS, runs=S, eta=rounds.eta)
        jets = rounds.read_off.jets(point, drawn.rows, PAIRS)
        return {key: jets[key].mean() for key in PAIRS}


@pytest.mark.parametrize("observable", ["test-loss", "training-loss"])
def test_orders_over_all_training_sets(observable):
    sampling = Epochs(N=2, B=1, E=2)
    means = ByHand(rounds_of(observable, sampling, Momentum(beta="0.5"))).noise()
    derivatives = strength_series(observable, sampling, Momentum(beta="0.5"), 0.2)
    np.testing.assert_allclose([means[0,], means[1,], means[0, 1]], 0, atol=1e-12)
    np.testing.assert_allclose(means[0, 0], derivatives[1], rtol=1e-9)
    np.testing.assert_allclose(means[0, 0, 0], derivatives[2], rtol=1e-9)
    # With fresh rows for the second direction the fourth cumulant drops out: rows meet in pairs alone.
    estimate = along_path(
        loss, START, DATA, observable=observable, sampling=sampling, optimizer=Momentum(beta="0.5"),
        eta=0.2, samples=400, seed=3,
    )  # fmt: skip
    assert estimate.order_standard_errors[1] == 0  # two courses of a row, three datapoints
    np.testing.assert_allclose(estimate.orders[1], derivatives[1] / 2, rtol=1e-9)


def test_noise_two_leaves_out_the_fourth_cumulant():
    """One update on s = theta^4 (MATHS-like case): noise 2 is 3 m_2^2 / B^2 exactly."""
    quartic = lambda w: w**4
    estimate = along_path(
        lambda w, x: w * x, np.array(0.0), np.array([-1.0, 2.0, -1.0]), functions={"s": quartic},
        observable="function:s", sampling=OnePass(T=1, B=2), eta=1.0, noise=2, samples=4000, seed=1,
    )  # fmt: skip
    m2 = 2.0
    assert estimate.orders[1] == 0
    assert abs(estimate.orders[2] - 3 * m2**2 / 4) < 4 * estimate.order_standard_errors[2]
    assert estimate.order_standard_errors[2] < 0.3
    # E theta^4 = 3 m_2^2 (1/B^2 - 1/B^3) + m_4/B^3 = 2.25, which the runs at full noise know.
    error = estimate.remainder_standard_error
    assert abs(estimate.remainder - (2.25 - 3.0)) < 4 * error
    assert error < 0.3


def test_noise_two_has_the_third_cumulant():
    """One update on s = theta^3 from 0: noise 2 is the third cumulant of the step, -m_3/B^2."""
    cube = lambda w: w**3
    estimate = along_path(
        lambda w, x: w * x, np.array(0.0), np.array([-1.0, 2.0, -1.0]), functions={"s": cube},
        observable="function:s", sampling=OnePass(T=1, B=2), eta=1.0, noise=2, samples=4000, seed=1,
    )  # fmt: skip
    m3 = 2.0
    assert estimate.orders[1] == 0
    assert abs(estimate.orders[2] + m3 / 4) < 4 * estimate.order_standard_errors[2]
    assert estimate.order_standard_errors[2] < 0.1


def test_a_curve_ends_where_the_end_is_and_begins_without_noise():
    options = {"sampling": OnePass(T=4, B=2), "eta": 0.2, "samples": 32}
    curve = along_path(loss, START, DATA, times=[0, 2, 4], **options)
    end = along_path(loss, START, DATA, **options)
    early = along_path(loss, START, DATA, times=[2], **options)
    assert curve.excess.shape == (3,)
    assert curve.excess[0] == 0
    np.testing.assert_allclose(curve.excess[2], end.excess)
    np.testing.assert_allclose(curve.value[1:2], early.value)


def test_noise_is_rescaled_as_a_run_of_its_own_says():
    options = {"eta": 0.2, "samples": 64}
    small = along_path(loss, START, DATA, sampling=OnePass(T=3, B=2), **options)
    large = along_path(loss, START, DATA, sampling=OnePass(T=3, B=8), **options)
    assert small.order_standard_errors[1] == 0
    np.testing.assert_allclose(small.at(B=8).value, large.value, rtol=1e-12)
    np.testing.assert_allclose(small.at(B=8).at(B=2).value, small.value, rtol=1e-12)
    epochs = along_path(loss, START, DATA, sampling=Epochs(N=4, B=2, E=2), **options)
    more = along_path(loss, START, DATA, sampling=Epochs(N=8, B=4, E=2), **options)
    np.testing.assert_allclose(epochs.at(N=8).value, more.value, rtol=1e-12)
    for numbers in ({"T": 5}, {"B": 0}, {}, {"B": 4, "T": 3}):
        with pytest.raises(SamplingError):
            small.at(**numbers)
    for numbers in ({"E": 5}, {"B": 4}, {"N": 9}, {"N": 8, "B": 2}):
        with pytest.raises(SamplingError):
            epochs.at(**numbers)


def test_a_given_training_set_is_the_population_of_fresh_draws():
    given = along_path(
        loss, START, DATA, sampling=WithReplacement(N=3, B=2, T=3), eta=0.2, samples=64,
        role="training-set", observable="training-loss",
    )  # fmt: skip
    fresh = along_path(loss, START, DATA, sampling=OnePass(T=3, B=2), eta=0.2, samples=64)
    np.testing.assert_allclose(given.value, fresh.value, rtol=1e-12)
    for bad in (
        {"sampling": OnePass(T=3, B=1)},
        {"role": "sample"},
        {"observable": "test-loss"},
    ):
        options = {
            "sampling": WithReplacement(N=3, B=2, T=3),
            "role": "training-set",
            "eta": 0.2,
        } | bad
        with pytest.raises(RequestError):
            along_path(loss, START, DATA, **options)


def test_checkpoints_go_on_as_in_one_go(tmp_path):
    path = tmp_path / "path.npz"
    shuffled = Epochs(N=2, B=1, E=2, shuffle="every-epoch")
    options = {"sampling": shuffled, "eta": 0.2, "seed": 5}
    for noise, samples in ((2, 64), (1, 70), (1, 140)):
        last = along_path(
            loss, START, DATA, samples=samples, noise=noise, checkpoint=path, **options
        )  # fmt: skip
    once = along_path(loss, START, DATA, samples=140, **options)
    assert last.to_dict() == once.to_dict()
    with pytest.raises(FormatError, match="other settings"):
        along_path(loss, START, DATA, samples=70, checkpoint=path, **(options | {"seed": 6}))
    damaged = bytearray(path.read_bytes())
    damaged[damaged.rindex(b"NUMPY") + 128] ^= 1  # among the numbers of the last array
    path.write_bytes(damaged)
    with pytest.raises(FormatError, match="expected"):
        along_path(loss, START, DATA, samples=70, checkpoint=path, **options)


def test_real_runs_less_what_is_left_out_are_noise_one():
    data = np.random.default_rng(0).normal(size=(3000, 2))
    options = {"sampling": OnePass(T=3, B=1), "eta": 0.1}
    sampled = along_path(loss, START, data, samples=1024, **options)
    by_runs = along_path(loss, START, data, precision=0.04, seed=1, **options)
    assert "real runs" in by_runs.method
    errors = [e.order_standard_errors[1] for e in (sampled, by_runs)]
    assert errors[1] < 0.04 * by_runs.orders[1]
    assert abs(by_runs.orders[1] - sampled.orders[1]) < 3.5 * np.hypot(*errors)


def test_interrupted_runs_leave_what_was_measured():
    def stop(done, _):
        if done >= 0.5:
            raise KeyboardInterrupt

    estimate = along_path(
        loss,
        START,
        DATA,
        sampling=WithReplacement(N=4, B=2, T=3),
        eta=0.2,
        samples=200,
        progress=stop,
    )
    assert not estimate.complete
    assert 64 <= estimate.samples[0] < 200


def test_strong_noise_is_not_trusted():
    wild = lambda w, x: (w - x) ** 4 / 4
    data = np.array([-1.6, 1.6])
    estimate = along_path(
        wild, np.array(0.5), data, sampling=OnePass(T=20, B=1), eta=0.1, samples=64
    )
    assert not estimate.trustworthy
    assert estimate.judgement.startswith("diverging")
    assert not estimate.at(B=2).trustworthy


@pytest.mark.parametrize(
    "bad",
    [
        {"eta": 0}, {"eta": [0.1, 0.2]}, {"noise": 3}, {"noise": 0}, {"samples": 1}, {"precision": 0},
        {"times": [9]}, {"times": []}, {"observable": "variance"}, {"observable": "function:u"},
        {"observable": "test-loss:since=1"}, {"role": "nobody"}, {"seed": -1}, {"budget": "much"},
        {"sampling": "sde"}, {"sampling": "fresh-data"},
    ],
)  # fmt: skip
def test_bad_requests_are_one_line(bad):
    options = {"sampling": OnePass(T=3, B=1), "eta": 0.2, "samples": 8} | bad
    with pytest.raises((RequestError, SamplingError)) as error:
        along_path(loss, START, DATA, **options)
    assert "\n" not in str(error.value)
    assert "expected" in str(error.value)


def test_executors_change_nothing():
    from concurrent.futures import ThreadPoolExecutor

    options = {"sampling": WithReplacement(N=4, B=2, T=3), "eta": 0.2, "samples": 128}
    alone = along_path(loss, START, DATA, **options)
    with ThreadPoolExecutor(2) as executor:
        shared = along_path(loss, START, DATA, executor=executor, **options)
    assert alone.to_dict() == shared.to_dict()


def test_factors_of_noise_are_exact():
    assert OnePass(T=10, B=3).rescaled(B=9)[1] == Fraction(1, 3)
    assert Epochs(N=6, B=2, E=1).rescaled(N=9) == (Epochs(N=9, B=3, E=1), Fraction(2, 3))
    with pytest.raises(SamplingError):
        WithReplacement(N=3, B=2, T=3).rescaled(N=6)
    assert SINGLE == ((0,), (0, 0))
    assert RoundTask("all", 0, 3).samples == 3
    assert named_sampling("one-pass").on_given_rows is None
