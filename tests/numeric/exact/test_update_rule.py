"""The exact simulator with momentum, decay, schedules and averages, against recursions with numbers.

At a number s in the place of the series' variable, weights are plain fractions. The weights of a
polynomial landscape are polynomials in s of a known degree: a series up to that degree is not
truncated, and its value at s must be the recursion's, exactly.
"""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgdiagrams.diagrams import SamplingError
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import (
    exact_sgd,
)
from sgdiagrams.symbolic.embeddings.batches import (
    epochs_schedule,
    one_pass_schedule,
)
from sgdiagrams.symbolic.observable import GAP
from sgdiagrams.symbolic.training.average import ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schedules.closed_schedules import Exponential

HALF = Fraction(1, 2)
LOSSES = ("test-loss", "training-loss", "generalisation-gap")
TENSORS = ("displacement", "second-moment", "covariance")
FUNCTION = {(1, 1): Fraction(2, 3), (0, 2): -1, (3, 0): Fraction(1, 5), (0, 0): 7}
#: Points at which polynomials in the learning rate are compared.
NUMBERS = (Fraction(1, 2), Fraction(-2, 3), Fraction(3))

LANDSCAPES = {
    p: PolynomialLandscape(
        PolynomialLandscape.random(6 + p, p=p, degree=3, atoms=2).losses,
        start=[Fraction(1, 3), Fraction(-2)][:p],
    )
    for p in (1, 2)
}
TENSOR = {1: [[Fraction(3, 2)]], 2: [[HALF, Fraction(-1, 3)], [Fraction(-1, 3), 2]]}


def value(polynomial, point):
    return sum(
        c * np.prod([x**e for x, e in zip(point, powers, strict=True)], initial=Fraction(1))
        for powers, c in polynomial
    )


def slope(polynomial, point, i):
    lowered = []
    for powers, c in polynomial:
        if powers[i]:
            lowered.append(((*powers[:i], powers[i] - 1, *powers[i + 1 :]), c * powers[i]))
    return value(lowered, point)


def trajectory(losses, start, schedule, s, *, kind, beta, factors, scales, decay, eta):
    """Return all iterates for one training set, `losses` being the losses of its rows."""
    theta, p = list(start), len(start)
    velocity = [Fraction(0)] * p
    path = [tuple(theta)]
    for a, batch in zip(factors, schedule, strict=True):
        g = [
            sum(slope(losses[n], theta, i) for n in batch) / Fraction(len(batch)) for i in range(p)
        ]
        g = [x + decay * y for x, y in zip(g, theta, strict=True)]
        inner, outer = (a, 1) if scales == "gradient" else (1, a)
        g = [inner * x for x in g]
        velocity = [beta * v + x for v, x in zip(velocity, g, strict=True)]
        step = {
            "sgd": g,
            "momentum": velocity,
            "nesterov": [x + beta * v for x, v in zip(g, velocity, strict=True)],
        }[kind]
        theta = [
            theta[i] - s * outer * sum(eta[i][j] * step[j] for j in range(p)) for i in range(p)
        ]
        path.append(tuple(theta))
    return path


def averaged(path, average):
    """Return the averaged weights at the end of a path."""
    if average is None or len(path) == 1:
        return path[-1]
    if isinstance(average, TailAverage):
        last = path[1:] if average.W is None else path[-average.W :]
        return tuple(sum(xs) / Fraction(len(last)) for xs in zip(*last, strict=True))
    point = path[0]
    for theta in path[1:]:
        point = tuple(
            average.alpha * x + (1 - average.alpha) * y for x, y in zip(point, theta, strict=True)
        )
    return point


def expected(landscape, schedule, s, observable, optimizer, *, eta=None, rows=None, since=None):
    """Return the observable at the number s: a loop over training sets, nothing else."""
    p, T = landscape.dimension, len(schedule)
    rows = rows or 1 + max((n for batch in schedule for n in batch), default=0)
    scales = getattr(optimizer, "schedule_scales", "velocity")
    results = []
    for atoms in product(landscape.losses, repeat=rows):
        path = trajectory(
            atoms,
            landscape.start,
            schedule,
            s,
            kind=optimizer.name,
            beta=getattr(optimizer, "beta", 0),
            factors=optimizer.multipliers(T),
            scales=scales,
            decay=optimizer.weight_decay,
            eta=eta or [[Fraction(i == j) for j in range(p)] for i in range(p)],
        )

        def seen(point, atoms=atoms):
            test = sum(value(loss, point) for loss in landscape.losses) / len(landscape.losses)
            train = sum(value(loss, point) for loss in atoms) / rows
            return {
                "test-loss": test,
                "variance": test,
                "training-loss": train,
                "generalisation-gap": test - train,
                "function": value(FUNCTION.items(), point) if p == 2 else None,
            }

        end = averaged(path, optimizer.average)
        before = averaged(path[: (since or 0) + 1], optimizer.average)
        if observable in TENSORS:
            rise = np.array([x - y for x, y in zip(end, before, strict=True)], dtype=object)
        else:
            rise = seen(end)[observable] - (0 if since is None else seen(before)[observable])
        results.append(rise)
    mean = sum(results) / Fraction(len(results))
    if observable == "variance":
        return sum(x * x for x in results) / Fraction(len(results)) - mean**2
    if observable in {"second-moment", "covariance"}:
        square = sum(np.outer(x, x) for x in results) / Fraction(len(results))
        return square - np.outer(mean, mean) if observable == "covariance" else square
    return mean


def degree(T, factor=3):
    """Return the degree in s of a polynomial of degree `factor` of the weights: cubic losses."""
    d = 0
    for _ in range(T):
        d = 2 * d + 1
    return factor * d


def at(series, s):
    return sum(c * s**k for k, c in enumerate(series))


def check(landscape, schedule, optimizer, observable="test-loss", **options):
    factor = {"variance": 6, "displacement": 1, "second-moment": 2, "covariance": 2}
    order = degree(len(schedule), factor.get(observable, 3))
    function = FUNCTION if observable == "function" else None
    ours = exact_sgd(
        landscape,
        schedule,
        order=order,
        observable=observable,
        optimizer=optimizer,
        function=function,
        **options,
    )
    for s in NUMBERS:
        theirs = expected(landscape, schedule, s, observable, optimizer, **options)
        assert np.all(at(ours, s) == theirs)
    short = exact_sgd(
        landscape,
        schedule,
        order=3,
        observable=observable,
        optimizer=optimizer,
        function=function,
        **options,
    )
    assert all(np.all(x == y) for x, y in zip(short, ours, strict=False))
    return ours


FACTORS = [Fraction(1, 2), Fraction(-3), Fraction(2, 5)]
OPTIMIZERS = [
    SGD(),
    SGD(schedule=FACTORS),
    SGD(weight_decay="2/3"),
    SGD(average=TailAverage(2), schedule=FACTORS, weight_decay="1/4"),
    SGD(average=ExponentialAverage("1/3")),
]
for momentum in (Momentum, Nesterov):
    OPTIMIZERS += [
        momentum(beta="2/3"),
        momentum(beta="9/10", schedule=FACTORS),
        momentum(beta="2/3", schedule=FACTORS, schedule_scales="gradient", weight_decay="1/7"),
        momentum(beta="2/3", weight_decay="3/2", average=TailAverage()),
        momentum(beta="1/2", schedule=FACTORS, average=ExponentialAverage("3/4")),
    ]
names = [optimizer.label for optimizer in OPTIMIZERS]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=names)
@pytest.mark.parametrize(
    ("p", "schedule", "eta"),
    [
        (1, epochs_schedule(1, 1, 3), None),
        (1, ((0,), (1, 2), (0,)), TENSOR[1]),
        (2, ((0, 1), (1,), (0, 0, 1)), TENSOR[2]),
    ],
)
def test_test_loss_is_the_recursions(optimizer, p, schedule, eta):
    check(LANDSCAPES[p], schedule, optimizer, eta=eta)


@pytest.mark.parametrize("since", [None, 0, 1, 2])
@pytest.mark.parametrize("observable", [*LOSSES, *TENSORS, "variance", "function"])
@pytest.mark.parametrize("optimizer", [OPTIMIZERS[i] for i in (0, 4, 6, 13)], ids=str)
def test_observables_and_increments_are_the_recursions(optimizer, observable, since):
    schedule = ((0, 1), (1,)) if observable == "variance" else ((0, 1), (1,), (2,))
    if optimizer.schedule is not None:
        optimizer = type(optimizer)(beta="9/10", schedule=FACTORS[: len(schedule)])
    check(LANDSCAPES[2], schedule, optimizer, observable, since=since, eta=TENSOR[2])


def test_rows_that_no_update_uses():
    for observable in (*LOSSES, "variance", "displacement"):
        check(LANDSCAPES[1], ((0,), (2,)), Momentum(beta="1/2"), observable, rows=4, since=1)


def test_increments_by_the_definition():
    """From the start on, the increment is the loss minus its value there; at the end it is 0."""
    landscape, schedule = LANDSCAPES[2], epochs_schedule(2, 1, 2)
    for observable in (*LOSSES, "variance"):
        plain = exact_sgd(landscape, schedule, order=3, observable=observable)
        whole = exact_sgd(landscape, schedule, order=3, observable=observable, since=0)
        start = exact_sgd(landscape, (), order=3, observable=observable, rows=2)
        assert whole == tuple(x - y for x, y in zip(plain, start, strict=True))
        assert not any(exact_sgd(landscape, schedule, order=3, observable=observable, since=4))
    for observable in TENSORS:
        pair = (
            exact_sgd(landscape, schedule, order=3, observable=observable, since=since)
            for since in (None, 0)
        )
        assert all(np.array_equal(x, y) for x, y in zip(*pair, strict=True))


@pytest.mark.parametrize("observable", [*LOSSES, *TENSORS, "variance", "function"])
@pytest.mark.parametrize("momentum", [Momentum, Nesterov])
def test_degenerate_optimisers_are_plain(momentum, observable):
    """Without memory, with one iterate in the average, with factors 1: all is SGD."""
    landscape, schedule = LANDSCAPES[2], ((0,), (0, 1), (1,))
    degenerate = [
        momentum(beta=0),
        momentum(beta=0, schedule=[1, 1, 1], schedule_scales="gradient"),
        momentum(beta=0, weight_decay=0, average=TailAverage(1)),
        SGD(average=ExponentialAverage(0)),
        SGD(schedule=Exponential(1)),
        None,
    ]
    function = FUNCTION if observable == "function" else None
    results = [
        exact_sgd(
            landscape,
            schedule,
            order=4,
            observable=observable,
            optimizer=optimizer,
            function=function,
        )
        for optimizer in degenerate
    ]
    for result in results:
        assert all(np.array_equal(x, y) for x, y in zip(result, results[-1], strict=True))


def test_weight_decay_is_a_penalty_in_the_training_losses():
    """It pulls to the origin and not to the start, and the test loss has no penalty."""
    landscape, strength = LANDSCAPES[2], Fraction(2, 5)
    penalised = PolynomialLandscape(
        [[*loss, ((2, 0), strength / 2), ((0, 2), strength / 2)] for loss in landscape.losses],
        start=landscape.start,
    )
    schedule = epochs_schedule(2, 1, 2)
    for kind in (SGD, lambda **options: Nesterov(beta="1/3", **options)):
        ours = exact_sgd(
            landscape,
            schedule,
            order=4,
            observable="covariance",
            optimizer=kind(weight_decay=strength),
        )
        theirs = exact_sgd(penalised, schedule, order=4, observable="covariance", optimizer=kind())
        assert all(np.array_equal(x, y) for x, y in zip(ours, theirs, strict=True))


PARABOLA = PolynomialLandscape([{(2,): HALF}], start=(1,))


def weight(optimizer, T, order=None, landscape=PARABOLA):
    return exact_sgd(
        landscape,
        epochs_schedule(1, 1, T),
        order=T if order is None else order,
        observable="function",
        function={(1,): 1},
        optimizer=optimizer,
    )


BETA, DECAY = Fraction(1, 3), Fraction(1, 5)


@pytest.mark.parametrize(
    ("optimizer", "T", "result"),
    [
        # v = 1, then beta + 1 - s.
        (Momentum(beta=BETA), 2, (1, -2 - BETA, 1)),
        # The first step is along 1 + beta; then g = 1 - (1 + beta) s, v = beta + g.
        (Nesterov(beta=BETA), 2, (1, -2 - 2 * BETA - BETA**2, (1 + BETA) ** 2)),
        # The factor 5 at the first update, 7 at the second: on the velocity at the time of the step,
        (Momentum(beta=BETA, schedule=[5, 7]), 2, (1, -12 - 7 * BETA, 35)),
        # or on the gradient for ever.
        (
            Momentum(beta=BETA, schedule=[5, 7], schedule_scales="gradient"),
            2,
            (1, -12 - 5 * BETA, 35),
        ),
        (
            Nesterov(beta=BETA, schedule=[5, 7], schedule_scales="gradient"),
            2,
            (1, -12 * (1 + BETA) - 5 * BETA**2, 35 * (1 + BETA) ** 2),
        ),
        (SGD(weight_decay=DECAY), 1, (1, -1 - DECAY)),
        (Momentum(beta=BETA, weight_decay=DECAY), 1, (1, -1 - DECAY)),
        # (1 - s) and (1 - s)^2, with weights 1/2, or 1/4 and 1/2 beside 1/4 for the start.
        (SGD(average=TailAverage()), 2, (1, Fraction(-3, 2), HALF)),
        (SGD(average=ExponentialAverage(HALF)), 2, (1, Fraction(-5, 4), HALF)),
    ],
)
def test_parabola_by_hand(optimizer, T, result):
    assert weight(optimizer, T) == result


@pytest.mark.parametrize("T", [0, 1, 2, 5])
def test_heavy_ball_on_a_slope(T):
    """On l = x each push goes on as (1 - beta^D)/(1 - beta), D updates later."""
    slope_only = PolynomialLandscape([{(1,): 1}])
    ball = sum((1 - BETA**d) / (1 - BETA) for d in range(1, T + 1))
    ahead = sum((1 - BETA ** (d + 1)) / (1 - BETA) for d in range(1, T + 1))
    assert weight(Momentum(beta=BETA), T, 1, slope_only) == (0, -ball)
    assert weight(Nesterov(beta=BETA), T, 1, slope_only) == (0, -ahead)


def test_decay_from_a_fractional_start_by_hand():
    """On l = x from (0, 1/3) the pull on y is lambda/3, a fraction where all of the loss is whole."""
    slope_only = PolynomialLandscape([{(1, 0): 1}], start=(0, Fraction(1, 3)))
    result = exact_sgd(
        slope_only,
        one_pass_schedule(1),
        order=2,
        observable="displacement",
        optimizer=SGD(weight_decay=DECAY),
    )
    assert [x.tolist() for x in result] == [[0, 0], [-1, -DECAY / 3], [0, 0]]


def test_function_of_a_higher_degree_than_the_losses():
    """One step down l = x from 2, read off as (2 - s)^4/2 + 1."""
    slope_only = PolynomialLandscape([{(1,): 1}], start=(2,))
    quartic = {(4,): HALF, (0,): 1}
    result = exact_sgd(
        slope_only, one_pass_schedule(1), order=5, observable="function", function=quartic
    )
    assert result == (9, -16, 12, -4, HALF, 0)


def test_variance_and_covariance_by_hand():
    """One step on (x -+ 1)^2/2 from 3: x = 3 - s (3 -+ 1), and the test loss is (x^2 + 1)/2."""
    landscape = PolynomialLandscape(
        [{(2,): HALF, (1,): -a, (0,): HALF} for a in (1, -1)], start=(3,)
    )
    schedule = one_pass_schedule(1)
    moments = {
        name: exact_sgd(landscape, schedule, order=4, observable=name)
        for name in (*TENSORS, "variance")
    }
    assert [x.tolist() for x in moments["displacement"]] == [[0], [-3], [0], [0], [0]]
    assert [x.tolist() for x in moments["second-moment"]] == [[[c]] for c in (0, 0, 10, 0, 0)]
    assert [x.tolist() for x in moments["covariance"]] == [[[c]] for c in (0, 0, 1, 0, 0)]
    # x = 3 (1 - s) +- s: the loss moves by +-3 s (1 - s) around its mean.
    assert moments["variance"] == (0, 0, 9, -18, 9)
    assert moments["displacement"][0].shape == (1,)
    assert moments["second-moment"][0].shape == (1, 1)
    assert all(isinstance(x[0, 0], Fraction) for x in moments["covariance"])


def test_observables_go_by_name():
    landscape, schedule = LANDSCAPES[1], one_pass_schedule(2)
    by_object = exact_sgd(landscape, schedule, order=2, observable=GAP)
    assert by_object == exact_sgd(landscape, schedule, order=2, observable="generalisation-gap")


betas = st.builds(Fraction, st.integers(0, 6), st.just(7))
rationals = st.builds(Fraction, st.integers(-3, 3), st.integers(1, 3))


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    beta=betas,
    scale=rationals,
    kind=st.sampled_from([Momentum, Nesterov]),
    scales=st.sampled_from(["velocity", "gradient"]),
    observable=st.sampled_from([*LOSSES, *TENSORS, "variance"]),
)
def test_a_constant_factor_is_in_the_learning_rate(seed, beta, scale, kind, scales, observable):
    landscape = PolynomialLandscape.random(seed, p=2, degree=3)
    schedule = ((0,), (1, 1), (0, 1))
    pair = [
        exact_sgd(landscape, schedule, order=3, observable=observable, optimizer=optimizer, eta=eta)
        for optimizer, eta in (
            (kind(beta=beta, schedule=[scale] * 3, schedule_scales=scales), None),
            (kind(beta=beta), [scale] * 2),
        )
    ]
    assert all(np.array_equal(x, y) for x, y in zip(*pair, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("decay", [0, Fraction(2, 3)])
@pytest.mark.parametrize("schedule", [None, [HALF, 3, Fraction(2, 5)]])
@pytest.mark.parametrize("optimizer", [SGD(), Momentum(beta="2/3"), Nesterov(beta="2/3")], ids=str)
def test_agrees_with_pytorch(optimizer, schedule, decay):
    """The update rules are those of torch.optim.SGD, where a schedule scales the velocity."""
    torch = pytest.importorskip("torch")
    optimizer = replace(optimizer, schedule=schedule, weight_decay=decay)
    landscape = PolynomialLandscape(LANDSCAPES[2].losses[:1], start=LANDSCAPES[2].start)
    s = 0.125
    theta = torch.tensor([float(x) for x in landscape.start], dtype=torch.float64)
    theta.requires_grad_()
    torch_sgd = torch.optim.SGD(
        [theta],
        lr=s,
        momentum=float(getattr(optimizer, "beta", 0)),
        weight_decay=float(optimizer.weight_decay),
        nesterov=optimizer.name == "nesterov",
    )
    for factor in optimizer.multipliers(3):
        torch_sgd.param_groups[0]["lr"] = s * float(factor)
        torch_sgd.zero_grad()
        (loss,) = landscape.losses
        sum(float(c) * torch.prod(theta ** torch.tensor(e)) for e, c in loss).backward()
        torch_sgd.step()
    ours = exact_sgd(
        landscape,
        epochs_schedule(1, 1, 3),
        order=degree(3, 1),
        observable="displacement",
        optimizer=optimizer,
    )
    moved = theta.detach().numpy() - np.array(landscape.start, dtype=float)
    assert np.allclose(at(ours, Fraction(s)).astype(float), moved, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"optimizer": Momentum()}, "^expected a number for beta, got beta=beta; give beta=...$"),
        ({"optimizer": SGD(schedule=Exponential())}, "^expected a number for gamma.*$"),
        ({"optimizer": SGD(average=ExponentialAverage())}, "^expected a number for alpha.*$"),
        ({"optimizer": SGD(schedule=[1])}, "^expected a schedule of T=2.*$"),
        ({"optimizer": SGD(average=TailAverage(3))}, "^expected at least W=3 updates.*$"),
        ({"optimizer": SGD(average=TailAverage(2)), "since": 1}, "^expected at least W=2.*$"),
        ({"since": 3}, "^expected since= as a number of updates 0..2, got since=3$"),
        ({"since": -1}, "^expected since=.*$"),
        ({"since": 1.0}, "^expected since=.*$"),
        ({"since": True}, "^expected since=.*$"),
    ],
)
def test_bad_numbers_are_refused_in_one_line(options, match):
    with pytest.raises(SamplingError, match=match):
        exact_sgd(LANDSCAPES[1], one_pass_schedule(2), order=1, **options)
