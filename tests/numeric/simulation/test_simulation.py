"""Simulated SGD against a plain loop, the exact simulator, closed forms, and its own bookkeeping."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from sgdiagrams.diagrams import RequestError, SamplingError
from sgdiagrams.numeric.descent import Descent
from sgdiagrams.numeric.exact.batches import (
    grid_schedule,
)
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import (
    exact_sgd_average,
)
from sgdiagrams.numeric.landscapes.landscape import Landscape
from sgdiagrams.numeric.landscapes.names import landscape
from sgdiagrams.numeric.landscapes.toys import Helix, Mean
from sgdiagrams.numeric.simulation.batches import select, simulated_course
from sgdiagrams.numeric.simulation.moments import Moments
from sgdiagrams.numeric.simulation.simulation import Simulation
from sgdiagrams.symbolic import (
    SDE,
    Epochs,
    FullBatch,
    GradientFlow,
    Grid,
    OnePass,
    WithReplacement,
)
from sgdiagrams.symbolic.embeddings.batches import (
    epochs_schedule,
    one_pass_schedule,
    reshuffled_schedules,
    with_replacement_schedules,
)
from sgdiagrams.symbolic.observable import COVARIANCE, Function, Observable, Product
from sgdiagrams.symbolic.training.average import ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.sampling import Sampling
from sgdiagrams.symbolic.training.schedules.closed_schedules import Exponential
from sgdiagrams.symbolic.training.schedules.stepwise import Step
from sgdiagrams.symbolic.training.training import Training

LOSSES = ("test-loss", "training-loss", "generalisation-gap")
#: All of six updates but the last two, so that one schedule serves them.
SCHEMES = [
    OnePass(T=6),
    OnePass(T=6, B=3),
    Epochs(N=6, B=2, E=2),
    Epochs(N=6, B=2, E=2, shuffle="once"),
    Epochs(N=6, B=2, E=2, shuffle="every-epoch"),
    FullBatch(N=3, E=6),
    WithReplacement(N=3, B=2, T=6),
    WithReplacement(N=2, B=4, T=6),
    Grid([[0, 1], [3], [0, 1, 2], [2], [0], [3, 1]], N=5),
]
FACTORS = [1, 0.5, 2, 0.25, 1.5, 0.75]
OPTIMIZERS = [
    SGD(),
    SGD(schedule=FACTORS, weight_decay="1/10"),
    SGD(average=TailAverage(3)),
    Momentum(beta=0.9),
    Momentum(beta=0.5, schedule=FACTORS, average=ExponentialAverage(0.75)),
    Momentum(beta=0.5, schedule=Step(2), schedule_scales="gradient", weight_decay="1/4"),
    Nesterov(beta=0.5),
    Nesterov(beta=0.9, schedule=FACTORS, average=TailAverage()),
    Nesterov(beta=0.5, schedule=FACTORS, schedule_scales="gradient", weight_decay="1/4"),
    SGD(average=ExponentialAverage(0.5), schedule=Exponential(0.5)),
]


def label(item):
    return item.label


def trajectory(where, training_set, batches, optimizer, eta):
    """Return all weights of one run, one datapoint at a time: the rules as they are printed."""
    theta, v = where.start, 0.0
    path = [theta]
    beta = float(getattr(optimizer, "beta", 0))
    factors = [float(a) for a in optimizer.multipliers(len(batches))]
    on_gradient = getattr(optimizer, "schedule_scales", None) == "gradient"
    for a, batch in zip(factors, batches, strict=True):
        slopes = [where.gradient(theta[None], training_set[None, [n]])[0] for n in batch]
        g = sum(slopes) / len(batch) + float(optimizer.weight_decay) * theta
        if on_gradient:
            g, a = a * g, 1  # noqa: PLW2901
        v = beta * v + g
        step = {"sgd": g, "momentum": v, "nesterov": g + beta * v}[optimizer.name]
        theta = theta - eta * a * step
        path.append(theta)
    return path


def averaged(path, average):
    """Return what an average shows of the weights so far."""
    if average is None or len(path) == 1:
        return path[-1]
    if isinstance(average, TailAverage):
        return np.mean(path[1:] if average.W is None else path[-average.W :], axis=0)
    point, alpha = path[0], float(average.alpha)
    for theta in path[1:]:
        point = alpha * point + (1 - alpha) * theta
    return point


def seen(where, training_set, path, observable, optimizer, since, component):
    """Return what is read off at the end of a run."""
    end = averaged(path, optimizer.average)
    before = averaged(path[: since + 1], optimizer.average)
    if observable in {"displacement", "second-moment"}:
        return math.prod((end - before)[i] for i in component)
    test = where.test_loss(end[None])[0] - where.test_loss(before[None])[0]
    changes = [
        where.loss(end[None], x[None, None])[0, 0] - where.loss(before[None], x[None, None])[0, 0]
        for x in training_set
    ]
    train = sum(changes) / len(changes)
    return {"test-loss": test, "training-loss": train, "variance": test}.get(
        observable, test - train
    )


def rows_of(batches, run, size):
    """Return the rows of every batch of one run, as lists."""
    found = []
    for rows in batches:
        if isinstance(rows, slice):
            found.append(list(range(size))[rows])
        else:
            found.append((rows if rows.ndim == 1 else rows[run]).tolist())
    return found


def check(where, scheme, optimizer, observable, since=None, component=None, runs=5):
    name = observable if since is None else f"{observable}:since={since}"
    simulation = Simulation(
        where, Training(scheme, optimizer), observable=name, component=component
    )
    seed, eta = (5, 2), 0.2
    rng = np.random.default_rng(seed)
    data = where.draw(rng, (runs, simulation.rows))
    batches = list(simulated_course(scheme).draw(runs, rng))
    theirs = np.array(
        [
            seen(
                where,
                data[r],
                trajectory(where, data[r], rows_of(batches, r, len(data[r])), optimizer, eta),
                observable,
                optimizer,
                since or 0,
                component,
            )
            for r in range(runs)
        ]
    )
    ours = simulation.read_off(data, (select(data, rows) for rows in batches), eta=eta)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-13)
    moments = simulation.run(eta=eta, runs=runs, seed=seed)
    assert (moments.count, moments.diverged) == (runs, 0)
    assert moments.mean == pytest.approx(theirs.mean(), rel=1e-9, abs=1e-13)
    assert moments.variance == pytest.approx(theirs.var(ddof=1), rel=1e-6, abs=1e-20)
    assert simulation.statistic == ("variance" if observable == "variance" else "mean")


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=label)
@pytest.mark.parametrize("scheme", SCHEMES, ids=label)
def test_every_scheme_and_optimizer_agree_with_a_loop(scheme, optimizer):
    check(Helix(), scheme, optimizer, "displacement", component=(2,))
    check(landscape("gauss"), scheme, optimizer, "generalisation-gap")


@pytest.mark.parametrize("since", [None, 0, 3])
@pytest.mark.parametrize(
    ("observable", "component"),
    [*((name, None) for name in LOSSES), ("displacement", (1,)), ("second-moment", (2, 0))],
)
@pytest.mark.parametrize("optimizer", [OPTIMIZERS[i] for i in (0, 2, 4)], ids=label)
@pytest.mark.parametrize("name", ["helix", "digits"])
def test_every_observable_agrees_with_a_loop(name, optimizer, observable, component, since):
    scheme = WithReplacement(N=3, B=2, T=6)
    check(landscape(name), scheme, optimizer, observable, since=since, component=component)


def test_the_variance_agrees_with_a_loop():
    check(landscape("digits"), SCHEMES[4], OPTIMIZERS[4], "variance", runs=9)


class Atoms(Landscape):
    """A polynomial landscape in floating point; a datapoint is the number of an atom."""

    name = "atoms"

    def __init__(self, exact):
        self.losses = [[(e, float(c)) for e, c in loss] for loss in exact.losses]
        self._start = np.array([float(x) for x in exact.start])

    @property
    def start(self):
        return self._start

    def draw(self, rng, shape):
        return rng.integers(len(self.losses), size=shape)

    def _value(self, atom, theta):
        return sum(c * np.prod(theta ** np.array(e), axis=1) for e, c in self.losses[atom])

    def _slope(self, atom, theta):
        result = np.zeros_like(theta)
        for e, c in self.losses[atom]:
            for i, power in enumerate(e):
                if power:
                    lowered = np.array(e) - (np.arange(len(e)) == i)
                    result[:, i] += c * power * np.prod(theta**lowered, axis=1)
        return result

    def loss(self, theta, x):
        values = np.stack([self._value(a, theta) for a in range(len(self.losses))], axis=1)
        return np.take_along_axis(values, x, axis=1)

    def gradient(self, theta, x):
        slopes = np.stack([self._slope(a, theta) for a in range(len(self.losses))], axis=1)
        return np.take_along_axis(slopes, x[:, :, None], axis=1).mean(axis=1)

    def test_loss(self, theta):
        return np.mean([self._value(a, theta) for a in range(len(self.losses))], axis=0)

    def statistics(self, order):
        raise NotImplementedError


QUADRATIC = PolynomialLandscape(
    PolynomialLandscape.random(11, p=2, degree=2, atoms=2).losses, start=[Fraction(1, 2), -1]
)


@pytest.mark.parametrize("optimizer", [
    SGD(),
    SGD(average=TailAverage(2)),
    Momentum(beta="9/10"),
    Momentum(beta="1/2", schedule=[1, "1/2", 2, "1/4"], weight_decay="1/4"),
    Nesterov(beta="1/2", schedule=[1, "1/2", 2, "1/4"], schedule_scales="gradient"),
    Nesterov(beta="1/2", weight_decay="1/4", average=ExponentialAverage("1/4")),
], ids=label)  # fmt: skip
@pytest.mark.parametrize(
    ("scheme", "schedules"),
    [
        (OnePass(T=4), [one_pass_schedule(4)]),
        (Epochs(N=2, B=1, E=2), [epochs_schedule(2, 1, 2)]),
        (Epochs(N=2, B=1, E=2, shuffle="every-epoch"), reshuffled_schedules(2, 1, 2)),
        (WithReplacement(N=2, B=1, T=4), with_replacement_schedules(2, 1, 4)),
        (Grid([[0], [0, 1], [1], [0, 1]]), [grid_schedule([[0], [0, 1], [1], [0, 1]])]),
    ],
    ids=lambda item: getattr(item, "label", ""),
)
def test_all_training_sets_and_batches_give_the_exact_expectation(scheme, schedules, optimizer):
    """Quadratics: the weights are polynomials of degree T = 4, and nothing is truncated."""
    where, s, atoms = Atoms(QUADRATIC), Fraction(1, 4), 2
    random = [
        x if isinstance(x[0], Fraction) else (Fraction(1, len(schedules)), x) for x in schedules
    ]
    for observable, component, degree in (
        ("training-loss", None, 8),
        ("displacement:since=2", (1,), 4),
        ("second-moment", (0, 1), 8),
    ):
        simulation = Simulation(
            where, Training(scheme, optimizer), observable=observable, component=component
        )
        sets = np.array(list(product(range(atoms), repeat=simulation.rows)))
        ours = sum(
            float(chance)
            * simulation.read_off(
                sets, (sets[:, list(batch)] for batch in schedule), eta=float(s)
            ).mean()
            for chance, schedule in random
        )
        name, _, since = observable.partition(":since=")
        series = exact_sgd_average(
            QUADRATIC,
            random,
            order=degree,
            observable=name,
            optimizer=optimizer,
            rows=simulation.rows,
            since=int(since) if since else None,
        )
        if component is None:
            theirs = sum(c * s**k for k, c in enumerate(series) if k)
        else:
            theirs = sum(c[component] * s**k for k, c in enumerate(series))
        assert ours == pytest.approx(float(theirs), rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("scheme", SCHEMES, ids=label)
def test_batches_are_those_of_the_scheme(scheme):
    course = simulated_course(scheme)
    N, T = course.rows, course.updates
    runs = 4
    batches = list(course.draw(runs, np.random.default_rng(0)))
    assert (N, T) == (int(scheme.datapoints), int(scheme.updates)) == (N, len(batches))
    data = np.arange(N) + 100 * np.arange(runs)[:, None]
    values = {name: int(value) for name, value in scheme.values.items()}
    for run in range(runs):
        rows = rows_of(batches, run, N)
        for lists, picked in zip(rows, (select(data, b) for b in batches), strict=True):
            assert picked[run].tolist() == [n + 100 * run for n in lists]
        assert tuple(map(len, rows)) == course.sizes
        if isinstance(scheme, OnePass):
            assert tuple(map(tuple, rows)) == one_pass_schedule(**values)
        elif isinstance(scheme, Grid):
            assert tuple(map(tuple, rows)) == scheme.batches
        elif isinstance(scheme, WithReplacement):
            assert {len(batch) for batch in rows} == {scheme.B}
        elif scheme.is_reshuffled:
            for epoch in range(scheme.E):
                size = N // scheme.B
                once = [n for batch in rows[epoch * size : (epoch + 1) * size] for n in batch]
                assert sorted(once) == list(range(N))
        else:
            assert tuple(map(tuple, rows)) == epochs_schedule(**values)


def test_orders_are_uniform_and_independent_of_each_other():
    runs = 6000
    scheme = Epochs(N=3, B=1, E=2, shuffle="every-epoch")
    batches = simulated_course(scheme).draw(runs, np.random.default_rng(2))
    orders = np.hstack(list(batches))
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 36
    assert chisquare(counts).pvalue > 1e-3


def test_draws_with_replacement_are_uniform_and_independent_of_each_other():
    runs = 6000
    batches = simulated_course(WithReplacement(N=3, B=2, T=2)).draw(runs, np.random.default_rng(2))
    _, counts = np.unique(np.hstack(list(batches)), axis=0, return_counts=True)
    assert len(counts) == 3**4
    assert chisquare(counts).pvalue > 1e-3


def test_mean_and_variance_of_a_quadratic():
    """theta_T is Gaussian of variance v: H theta^2/2 has mean H v/2 and variance H^2 v^2/2."""
    H, S, eta, T, runs = 1.5, 0.7, 0.2, 8, 20_000
    simulation = Simulation(Mean(H, S), Training(OnePass(T=T)), observable="variance")
    moments = simulation.run(eta=eta, runs=runs, seed=(1,))
    v = sum(eta**2 * S**2 * (1 - eta * H) ** (2 * k) for k in range(T))
    assert abs(moments.mean - H * v / 2) < 4 * moments.standard_error
    assert abs(moments.variance - H**2 * v**2 / 2) < 4 * moments.variance_error
    # The fourth cumulant of theta^2 is 48 v^4, that is 12 of the squared variance.
    assert moments.variance_error == pytest.approx(
        H**2 * v**2 / 2 * math.sqrt((12 + 2) / runs), rel=0.2
    )


def test_gap_of_one_full_batch_step_on_a_quadratic():
    """Only the noise meets itself: the gap is eta C / N."""
    simulation = Simulation(
        Mean(1, 2), Training(FullBatch(N=4, E=1)), observable="generalisation-gap"
    )
    moments = simulation.run(eta=0.3, runs=20_000, seed=(3,))
    assert abs(moments.mean - 0.3 * 4 / 4) < 4 * moments.standard_error


finite = st.floats(-1e3, 1e3)


@given(st.lists(finite, max_size=12), st.lists(finite, max_size=12))
def test_moments_merge_as_if_together(one, two):
    together = Moments.of(np.array(one + two))
    merged = Moments.of(np.array(one)).merge(Moments.of(np.array(two)))
    assert merged.count == together.count == len(one + two)
    assert merged.mean == pytest.approx(together.mean, abs=1e-9)
    assert merged.squares == pytest.approx(together.squares, rel=1e-9, abs=1e-6)
    size = max(1, *(abs(x) for x in [*one, *two, 0]))
    assert merged.cubes == pytest.approx(together.cubes, rel=1e-9, abs=1e-9 * size**3)
    assert merged.fourths == pytest.approx(together.fourths, rel=1e-9, abs=1e-9 * size**4)


def test_standard_errors_by_hand():
    """0, 0, 0, 4: mean 1, variance 4, mean fourth power of the deviations 84/4 = 21."""
    moments = Moments.of(np.array([0.0, 0.0, 0.0, 4.0]))
    assert (moments.mean, moments.squares, moments.cubes, moments.fourths) == (1, 12, 24, 84)
    assert (moments.variance, moments.standard_error) == (4, 1)
    assert moments.variance_error == pytest.approx(math.sqrt((21 - 16 / 3) / 4))
    assert moments.estimate("mean") == (1, 1)
    assert moments.estimate("variance") == (moments.variance, moments.variance_error)


def test_the_error_of_the_variance_is_its_spread():
    """Over many samples of a skewed law the spread of the variances is the error that each tells."""
    samples = np.random.default_rng(0).exponential(size=(2000, 200))
    moments = [Moments.of(sample) for sample in samples]
    spread = np.std([m.variance for m in moments], ddof=1)
    told = math.sqrt(np.mean([m.variance_error**2 for m in moments]))
    assert told == pytest.approx(spread, rel=0.1)
    assert np.mean([m.variance for m in moments]) == pytest.approx(1, abs=0.03)


def test_moments_count_what_is_not_finite():
    moments = Moments.of(np.array([1.0, np.nan, 3.0, np.inf, -np.inf, 1e100]))
    assert (moments.count, moments.mean, moments.squares, moments.diverged) == (2, 2.0, 2.0, 4)
    merged = Moments.of(np.array([np.nan])).merge(moments)
    assert merged == Moments(2, 2.0, 2.0, 0.0, 2.0, diverged=5)
    assert Moments().standard_error == Moments().variance_error == math.inf
    one = Moments.of(np.ones(1))
    assert one.standard_error == one.variance_error == math.inf
    assert math.isnan(one.variance)


@pytest.mark.parametrize(
    ("observable", "component"),
    [*((name, None) for name in LOSSES), ("variance", None), ("second-moment", (0, 0))],
)
@pytest.mark.parametrize("optimizer", [SGD(), Momentum(beta=0.5, average=TailAverage())], ids=label)
def test_diverging_runs_are_counted_without_a_warning(observable, component, optimizer):
    simulation = Simulation(
        Mean(4, 1, 1),
        Training(OnePass(T=2000), optimizer),
        observable=observable,
        component=component,
    )
    moments = simulation.run(eta=5.0, runs=10, seed=(0,))
    assert (moments.count, moments.diverged) == (0, 10)


@pytest.mark.parametrize("scheme", [SCHEMES[0], SCHEMES[4], SCHEMES[6]], ids=label)
def test_seeds_reproduce_and_differ(scheme):
    options = {"eta": 0.1, "runs": 20}
    simulation = Simulation(Helix(), Training(scheme))
    first = simulation.run(seed=(0, 0, 0), **options)
    assert simulation.run(seed=(0, 0, 0), **options) == first
    assert Simulation(Helix(), Training(scheme)).run(seed=(0, 0, 0), **options) == first
    for other in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        assert simulation.run(seed=other, **options) != first


def test_chunks_shrink_with_the_problem():
    sizes = [Helix().runs_at_once(rows, 1) for rows in (1, 10**4, 10**9)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1] > 0
    small, large = (
        Simulation(Helix(), Training(WithReplacement(N=2, B=B, T=1))).chunk for B in (1, 10**5)
    )
    assert small > large


def test_fingerprints_tell_what_labels_leave_out():
    def fingerprint(scheme, optimizer):
        return Simulation(Helix(), Training(scheme, optimizer)).fingerprint

    grids = [Grid([[0], [1]]), Grid([[1], [0]])]
    assert grids[0].label == grids[1].label
    assert fingerprint(grids[0], SGD()) == fingerprint(Grid([[0], [1]]), SGD())
    assert fingerprint(grids[0], SGD()) != fingerprint(grids[1], SGD())
    methods = [
        Momentum(beta=0.5, schedule=[1, 2]),
        Momentum(beta=0.5, schedule=[1, 3]),
        Momentum(beta=0.5, schedule=[1, 2], schedule_scales="gradient"),
    ]
    assert len({method.label for method in methods}) == 1
    assert len({fingerprint(OnePass(T=2), method) for method in methods}) == 3


class Strange(Sampling):
    name = "strange"
    numbers = ("B",)
    B = 1
    updates = datapoints = 1

    def laurent(self, *_, **__):
        return {}


@pytest.mark.parametrize(
    ("scheme", "error"),
    [
        (OnePass(), SamplingError),
        (Epochs(N=4), SamplingError),
        (WithReplacement(N=4, T=3), SamplingError),
        (OnePass(T=0), SamplingError),
        (Epochs(N=4, B=2, E=0), SamplingError),
        (Strange(), RequestError),
        (GradientFlow(), SamplingError),
        (SDE(T=0), SamplingError),
        (GradientFlow(T=3, order=5), RequestError),
    ],
    ids=lambda item: getattr(item, "name", item.__name__ if isinstance(item, type) else ""),
)
def test_schemes_that_cannot_be_run(scheme, error):
    with pytest.raises(error, match=r"^expected .* (to simulate, got|give .=).*$") as caught:
        Simulation(Mean(), Training(scheme))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("optimizer", "error", "match"),
    [
        (Momentum(), SamplingError, "beta"),
        (SGD(schedule=Exponential()), SamplingError, "gamma"),
        (SGD(average=ExponentialAverage()), SamplingError, "alpha"),
        (SGD(schedule=[1, 1]), SamplingError, "T=3 factors"),
        (SGD(average=TailAverage(4)), SamplingError, "W=4 updates"),
        ("momentum", RequestError, "Momentum"),
    ],
)
def test_optimizers_that_cannot_be_run(optimizer, error, match):
    with pytest.raises(error, match=f"^expected .*{match}.*$"):
        Simulation(Mean(), Training(OnePass(T=3), optimizer))
    with pytest.raises(error, match=f"^expected .*{match}.*$"):
        Descent.of(Training(OnePass(T=3), optimizer))


@pytest.mark.parametrize(
    ("observable", "match"),
    [
        ("covariance", "second-moment"),
        (COVARIANCE, "second-moment"),
        ("covariance:since=2", "second-moment"),
        ("function:other-task", "functions of the weights are not simulated"),
        (Function("other"), "functions of the weights are not simulated"),
        (Observable("square", "", "", (Product(1, (("loss",), ("loss",))),)), "take one of these"),
    ],
)
def test_observables_that_are_not_simulated(observable, match):
    with pytest.raises(RequestError, match=f"^expected .*{match}.*$"):
        Simulation(Helix(), Training(OnePass(T=3)), observable=observable)


def test_increments_need_enough_updates():
    with pytest.raises(SamplingError, match="since=4"):
        Simulation(Helix(), Training(OnePass(T=3)), observable="test-loss:since=4")


@pytest.mark.parametrize(
    ("observable", "component"),
    [
        ("test-loss", (0,)),
        ("variance", 0),
        ("displacement", None),
        ("displacement", ()),
        ("displacement", 3),
        ("displacement", -1),
        ("displacement", True),
        ("displacement", 1.0),
        ("displacement", "1"),
        ("displacement", (0, 1)),
        ("second-moment", 0),
        ("second-moment", (0,)),
        ("second-moment", (0, 3)),
        ("second-moment", [0, 0.5]),
    ],
)
def test_components_that_do_not_exist(observable, component):
    with pytest.raises(RequestError, match=r"^expected .*component.*, got component=.*$"):
        Simulation(Helix(), Training(OnePass(T=3)), observable=observable, component=component)


def test_components_may_be_any_integers():
    for observable, component, kept in (
        ("displacement", 2, (2,)),
        ("displacement", np.int64(1), (1,)),
        ("second-moment", (np.int64(1), 2), (1, 2)),
    ):
        simulation = Simulation(
            Helix(), Training(OnePass(T=3)), observable=observable, component=component
        )
        assert simulation.component == kept
