"""Optimisers from matrices and kernels, and all rules that have a name, against SGD itself."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from exact_protocols import with_start
from sympy import Integer, Symbol, simplify

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.numeric import Mean, PolynomialLandscape, exact_training
from sgdiagrams.symbolic import (
    SGD,
    ArraySchedule,
    ChangingMomentum,
    Delayed,
    Epochs,
    EveryKthAverage,
    Exponential,
    ExponentialAverage,
    LinearOptimizer,
    LookAhead,
    Mode,
    Momentum,
    Nesterov,
    OnePass,
    QuasiHyperbolic,
    ScheduleFree,
    TailAverage,
    Training,
    WeightedAverage,
    expand,
    symbols,
)
from sgdiagrams.symbolic.training.names import named_average, named_optimizer

HALF, THIRD, F = Fraction(1, 2), Fraction(1, 3), Fraction
FACTORS = [1, "1/2", 3, "2/3"]

RULES = [
    Momentum(beta=HALF, dampening=THIRD),
    Momentum(beta=HALF, dampening=THIRD, schedule=FACTORS, weight_decay="1/5"),
    QuasiHyperbolic(beta=HALF, nu="2/3"),
    QuasiHyperbolic(beta=HALF, nu="2/3", schedule=FACTORS, average=TailAverage(2)),
    ChangingMomentum(betas=[0, HALF, THIRD, "3/4"]),
    ChangingMomentum(betas=[0, HALF, THIRD, "3/4"], nesterov=True, schedule=FACTORS),
    LookAhead(k=2, alpha=THIRD),
    LookAhead(k=3, alpha=THIRD, inner=Nesterov(beta=HALF), looks_at="fast", schedule=FACTORS),
    Delayed(d=2),
    Delayed(d=1, inner=Momentum(beta=HALF), weight_decay=THIRD),
    ScheduleFree(beta="2/3"),
    ScheduleFree(beta="2/3", r=1, schedule=FACTORS, weight_decay=THIRD),
]


# What the rules do, as papers and manuals print them, on a function of the weights -----------------


def run(rule, gradient, theta, T, eta):
    """Return the weights after 0, ..., T updates where `rule` is a generator of the updates."""
    path = [theta]
    for _, point in zip(range(T), rule(gradient, theta, eta), strict=False):
        path.append(point)
    return path


def damped(g, theta, eta, beta=HALF, dampening=THIRD, factors=(1,) * 9, decay=0):
    velocity = None
    for t in range(len(factors)):
        slope = g(theta, t) + decay * theta
        velocity = slope if velocity is None else beta * velocity + (1 - dampening) * slope
        theta = theta - eta * F(factors[t]) * velocity
        yield theta


def quasi(g, theta, eta, beta=HALF, factors=(1,) * 9):
    nu = F(2, 3)
    velocity = F(0)
    for t, factor in enumerate(factors):
        slope = g(theta, t)
        velocity = beta * velocity + (1 - beta) * slope
        theta = theta - eta * F(factor) * ((1 - nu) * slope + nu * velocity)
        yield theta


def changing(g, theta, eta, nesterov=False, factors=(1,) * 4):
    velocity = F(0)
    for t, beta in enumerate([F(0), HALF, THIRD, F(3, 4)]):
        slope = g(theta, t)
        velocity = beta * velocity + slope
        step = slope + beta * velocity if nesterov else velocity
        theta = theta - eta * F(factors[t]) * step
        yield theta


def ahead(g, theta, eta, k=2, inner=None, looks_at="slow", factors=(1,) * 9):
    slow, velocity = theta, F(0)
    for t, factor in enumerate(factors):
        slope = g(theta, t)
        if inner is None:
            step = slope
        else:
            velocity = HALF * velocity + slope
            step = slope + HALF * velocity
        theta = theta - eta * F(factor) * step
        if (t + 1) % k == 0:
            slow = slow + THIRD * (theta - slow)
            theta = slow
        yield slow if looks_at == "slow" else theta


def late(g, theta, eta, d=2, beta=0, decay=0):
    path, velocity = [theta], F(0)
    for t in range(9):
        before = path[max(t - d, 0)]
        velocity = beta * velocity + g(before, t) + decay * before
        path.append(path[-1] - eta * velocity)
        yield path[-1]


def free(g, theta, eta, r=0, factors=(1,) * 9, decay=0):
    beta, z, x, total, top = F(2, 3), theta, theta, F(0), F(0)
    for t, factor in enumerate(map(F, factors)):
        y = (1 - beta) * z + beta * x
        z = z - eta * factor * (g(y, t) + decay * y)
        top = max(top, factor)
        weight = (t + 1) ** r * top**2
        total += weight
        x = (1 - weight / total) * x + weight / total * z
        yield x


def with_options(rule, **options):
    return lambda g, theta, eta: rule(g, theta, eta, **options)


WRITTEN = [
    damped,
    with_options(damped, factors=FACTORS, decay=F(1, 5)),
    quasi,
    with_options(quasi, factors=FACTORS),
    changing,
    with_options(changing, nesterov=True, factors=FACTORS),
    ahead,
    with_options(ahead, k=3, inner="nesterov", looks_at="fast", factors=FACTORS),
    late,
    with_options(late, d=1, beta=HALF, decay=THIRD),
    free,
    with_options(free, r=1, factors=FACTORS, decay=THIRD),
]
PAIRS = [pytest.param(*pair, id=pair[0].label) for pair in zip(RULES, WRITTEN, strict=True)]


@pytest.mark.parametrize(("optimizer", "written"), PAIRS)
def test_rules_do_what_papers_print(optimizer, written):
    """On changing parabolas, where all is a polynomial in eta."""
    curves, pulls, start = [F(1), F(-2), THIRD, F(3)], [F(1), F(2), F(-1), HALF], F(5, 7)
    landscapes = [{(2,): h / 2, (1,): c} for h, c in zip(curves, pulls, strict=True)]
    end = HALF
    path = run(written, lambda w, t: curves[t] * w + pulls[t], start, 4, end)
    weights = optimizer.iterate_weights(4)
    seen = (
        path[4] if weights is None else sum(w * x for w, x in zip(weights, path[1:], strict=True))
    )
    assert seen == by_matrices(optimizer, landscapes, start, end)


def by_matrices(optimizer, losses, start, eta):
    """Return where the weights end, by the matrices of all updates."""
    updates = optimizer.linear_updates(len(losses))
    weights = optimizer.iterate_weights(len(losses)) or [F(0)] * (len(losses) - 1) + [F(1)]
    state, end = [F(0)] * updates[0].states, start
    for loss, update, weight in zip(losses, updates, weights, strict=True):
        read = start + sum(r * z for r, z in zip(update.read, state, strict=True))
        slope = 2 * loss[2,] * read + loss[1,] + F(optimizer.weight_decay) * read
        state = [
            sum(x * z for x, z in zip(row, state, strict=True)) - eta * b * slope
            for row, b in zip(update.step, update.inject, strict=True)
        ]
        end += weight * sum(c * z for c, z in zip(update.readout, state, strict=True))
    return end


SCHEMES = [OnePass(T=4), Epochs(N=2, B=1, E=2), Epochs(N=2, B=1, E=2, shuffle="every-epoch")]
OBSERVABLES = ["test-loss", "training-loss", "displacement", "second-moment"]


ASKED = [*zip(SCHEMES, OBSERVABLES[:3], strict=True), (SCHEMES[0], OBSERVABLES[3])]


@pytest.mark.parametrize("optimizer", RULES, ids=lambda o: o.label)
@pytest.mark.parametrize(
    ("scheme", "observable"),
    ASKED,
    ids=str,
)
def test_expansions_of_all_rules_to_order_4(scheme, observable, optimizer):
    landscape = PolynomialLandscape.random(7, p=1, degree=5, atoms=2)
    landscape = PolynomialLandscape(landscape.losses, [HALF])
    series = expand(observable, order=4, sampling=scheme, optimizer=optimizer)
    statistics = with_start(landscape, 4)
    values = series.evaluate(statistics, eta=F(1)).orders
    exact = exact_training(landscape, Training(scheme, optimizer), order=4, observable=observable)
    assert [np.asarray(x).item() for x in values] == [np.asarray(x).item() for x in exact]


# Matrices and kernels -----------------------------------------------------------------------------


def test_the_built_in_optimisers_stand_on_matrices():
    beta = symbols.beta
    for named, matrices in (
        (SGD(), LinearOptimizer(step=1, inject=1)),
        (Momentum(), LinearOptimizer(step=[[1, beta], [0, beta]], inject=[1, 1])),
        (Nesterov(), LinearOptimizer(step=[[1, beta**2], [0, beta]], inject=[1 + beta, 1])),
    ):
        assert matrices.symbols == named.symbols
        assert matrices.at(beta=0.9).linear_updates(3) == named.at(beta=0.9).linear_updates(3)
        for D in range(1, 5):
            ours, theirs = (sum(w * D**k * x**D for w, k, x in o.kernel) for o in (matrices, named))
            assert simplify(ours - theirs) == 0
        formula = expand("test-loss", order=3, sampling="one-pass", optimizer=matrices)
        theirs = expand("test-loss", order=3, sampling="one-pass", optimizer=named)
        for k in range(1, 4):
            ours = {term.contraction: term.weight for term in formula.order_terms(k)}
            for term in theirs.order_terms(k):
                assert simplify(ours[term.contraction] - term.weight) == 0


def test_states_may_hold_the_start_and_be_read_anywhere():
    """Nesterov as he wrote it: the velocity is ahead, and the gradient is read there."""
    beta = THIRD
    # theta, v: y = theta + beta v; v <- beta v - eta g(y); theta <- theta + v.
    ahead_of = LinearOptimizer(
        step=[[1, beta], [0, beta]], inject=[1, 1], read=[1, beta], readout=[1, 0]
    )
    # Schedule-free averages hold the start twice.
    free_ = LinearOptimizer(
        step=lambda t: [[1, 0], [F(1, t + 1), F(t, t + 1)]],
        inject=lambda t: [1, F(1, t + 1)],
        read=["1/3", "2/3"],
        readout=[0, 1],
        start=[1, 1],
    )
    assert free_.linear_updates(4) == ScheduleFree(beta="2/3").linear_updates(4)
    landscape = PolynomialLandscape.random(7, p=1, degree=5, atoms=2)
    for optimizer in (ahead_of, free_):
        series = expand("training-loss", order=3, sampling=SCHEMES[2], optimizer=optimizer)
        exact = exact_training(
            landscape, Training(SCHEMES[2], optimizer), order=3, observable="training-loss"
        )
        assert series.evaluate(landscape.statistics(3), eta=F(1)).orders == exact
    # In closed form, where read and root differ.
    formula = expand("test-loss", order=3, sampling="one-pass", optimizer=ahead_of)
    exact = exact_training(landscape, Training(OnePass(T=4), ahead_of), order=3)
    assert formula.evaluate(landscape.statistics(3), eta=F(1), T=4).orders == exact


def test_symbols_of_matrices_are_given_numbers():
    a = Symbol("a")
    optimizer = LinearOptimizer(
        step=[[1, a], [0, a]], inject=[1, 1], schedule=Exponential(), weight_decay=THIRD
    )
    assert optimizer.symbols == ("a", "gamma")
    assert optimizer.label == "linear M=2 weight-decay=1/3, exponential"
    assert SGD(schedule=Exponential()).label == "sgd, exponential"
    formula = expand("test-loss", order=3, sampling="one-pass", optimizer=optimizer)
    landscape = PolynomialLandscape.random(7, p=1, degree=5, atoms=2)
    numbers = {"a": HALF, "gamma": F(2, 3)}
    exact = exact_training(landscape, Training(OnePass(T=3), optimizer.at(**numbers)), order=3)
    statistics = with_start(landscape, 3)
    assert formula.evaluate(statistics, eta=F(1), T=3, **numbers).orders == exact
    assert formula.subs(numbers).evaluate(statistics, eta=F(1), T=3).orders == exact
    with pytest.raises(SamplingError, match="a is missing"):
        formula.evaluate(statistics, eta=F(1), T=3, gamma=HALF)
    with pytest.raises(SamplingError, match="rational number for a, got a='x'"):
        optimizer.at(a="x")


def test_closed_forms_of_quasi_hyperbolic_momentum():
    landscape = PolynomialLandscape.random(7, p=1, degree=5, atoms=2)
    numbers = {"beta": THIRD, "nu": F(3, 5)}
    for average in (None, TailAverage(), ExponentialAverage(HALF)):
        free = QuasiHyperbolic(average=average)
        formula = expand("test-loss", order=3, sampling="one-pass", optimizer=free)
        for T in (1, 4):
            exact = exact_training(landscape, Training(OnePass(T=T), free.at(**numbers)), order=3)
            values = formula.evaluate(landscape.statistics(3), eta=F(1), T=T, **numbers)
            assert values.orders == exact


def test_kernels_are_realised():
    n = Symbol("n")
    modes = (Mode(2, 1, HALF), Mode(3, 0, HALF), Mode(-1, 2, 1), Mode(n, 0, THIRD))
    given = LinearOptimizer.of_kernel(modes)
    for D in range(1, 6):
        value = sum(w * Integer(D) ** k * x**D for w, k, x in modes)
        again = sum(w * Integer(D) ** k * x**D for w, k, x in given.kernel)
        assert simplify(value - again) == 0
        updates = given.at(n=4).linear_updates(D + 1)
        state = updates[0].inject
        for update in updates[1:D]:
            state = [sum(x * z for x, z in zip(row, state, strict=True)) for row in update.step]
        assert sum(r * z for r, z in zip(updates[D].read, state, strict=True)) == value.subs(n, 4)
    listed = LinearOptimizer.of_kernel([0, 0, 1])
    landscape = PolynomialLandscape.random(7, p=1, degree=5, atoms=2)
    scheme = Epochs(N=2, B=1, E=3)
    series = [
        expand("training-loss", order=3, sampling=scheme, optimizer=optimizer)
        .evaluate(landscape.statistics(3), eta=F(1))
        .orders
        for optimizer in (listed, LinearOptimizer.of_kernel([0, 0, 1], readout=[1]), Delayed(d=2))
    ]
    assert series[1] == series[2] != series[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"step": [[1, 0], [0, 1]], "inject": [1]}, "2 numbers in inject"),
        ({"step": [[1, 0]], "inject": [1]}, "M rows of M numbers"),
        ({"step": [1, 2], "inject": [1]}, "a matrix of numbers for step"),
        ({"step": 1, "inject": "a"}, "rational number for inject"),
        ({"step": "1/2", "inject": 1}, "rests without gradients, but after 1 update weights are at 1/2"),
        ({"step": [[1, 0], [1, 0]], "inject": [1, 0], "read": [0, 1]}, "after 0 updates the gradient is"),
        ({"step": [[[1]], [[2]]], "inject": 1}, "after 2 updates weights are at 2 times"),
        ({"step": [[[1]], [[1]]], "inject": [[1], [1], [1]]}, "lists of one number of updates, got 2, 3"),
        ({"step": 1, "inject": 1, "start": []}, "numbers for start"),
    ],
)  # fmt: skip
def test_what_matrices_cannot_be(arguments, words):
    with pytest.raises(SamplingError, match=words) as caught:
        LinearOptimizer(**arguments)
    assert "\n" not in str(caught.value)


def test_matrices_of_every_update_need_their_number():
    listed = LinearOptimizer(step=1, inject=[[1], [2]])
    assert [u.inject for u in listed.linear_updates(2)] == [(1,), (2,)]
    with pytest.raises(SamplingError, match="expected inject for T=3 updates, one each, got 2"):
        listed.linear_updates(3)
    falling = LinearOptimizer(step=lambda t: [[1 - F(t, 9)]], inject=1)
    with pytest.raises(SamplingError, match="after 2 updates weights are at 8/9 times"):
        falling.linear_updates(4)


@pytest.mark.parametrize(
    "optimizer",
    [
        QuasiHyperbolic(beta=HALF, nu="2/3"),
        LinearOptimizer(step=[[1, THIRD], [0, THIRD]], inject=[1, 1], read=[1, THIRD], readout=[1, 0]),
        QuasiHyperbolic(beta=HALF, nu="2/3", average=TailAverage()),
        Momentum(beta=HALF, dampening=THIRD),
        ScheduleFree(beta="2/3"),
    ],
    ids=lambda o: o.label,
)  # fmt: skip
@pytest.mark.parametrize("T", [3, 400])
def test_long_times_on_a_parabola(optimizer, T):
    """Re-summed order 2 is exact there: the covariance of all vectors, update by update."""
    eta = 0.3
    states = optimizer.linear_updates(1)[0].states
    weights = optimizer.iterate_weights(T) or (0,) * (T - 1) + (1,)
    # One more vector adds up what is looked at.
    covariance = np.zeros((states + 1, states + 1))
    for update, weight in zip(optimizer.linear_updates(T), weights, strict=True):
        step, inject = np.array(update.step, float), np.array(update.inject, float)
        carried = np.zeros_like(covariance)
        carried[:-1, :-1] = step - eta * np.outer(inject, np.array(update.read, float))
        push = np.append(inject, 0)
        seen = float(weight) * np.array(update.readout, float)
        carried[-1] = np.append(seen @ carried[:-1, :-1], 1)
        push[-1] = seen @ inject
        covariance = carried @ covariance @ carried.T + eta**2 * np.outer(push, push)
    sampling = OnePass() if optimizer.dressing else OnePass(T=T)
    series = expand("test-loss", order=2, sampling=sampling, optimizer=optimizer, resummed=True)
    numbers = {"T": T} if "T" in series.symbols else {}
    value = series.evaluate(Mean().statistics(2), eta=eta, **numbers).value
    assert value == pytest.approx(covariance[-1, -1] / 2, rel=1e-10)


# Averages -----------------------------------------------------------------------------------------


def iterated_mean(path, first, alpha):
    """Return an exponential average as libraries make it, update by update."""
    mean, count = (path[0], 0) if first == "start" else (F(0), 0)
    for t, point in enumerate(path[1:], start=1):
        mean = point if (first, t) == ("copied", 1) else alpha * mean + (1 - alpha) * point
        count = t
    return mean / (1 - alpha**count) if first == "debiased" else mean


@pytest.mark.parametrize("first", ["start", "copied", "debiased"])
def test_exponential_averages_begin_as_libraries_do(first):
    path = [F(x) for x in (3, 1, -2, 5, 7)]
    average = ExponentialAverage(THIRD, first=first)
    weights = average.weights(4)
    seen = (1 - sum(weights)) * path[0] + sum(w * x for w, x in zip(weights, path[1:], strict=True))
    assert seen == iterated_mean(path, first, THIRD)
    assert average.weights(0) == ()
    assert (average == ExponentialAverage(THIRD)) == (first == "start")


def test_iterates_that_are_averaged():
    path = [F(x) for x in (3, 1, -2, 5, 7, 11)]
    for start, every in product(range(4), (1, 2, 3)):
        weights = EveryKthAverage(start=start, every=every).weights(5)
        chosen = [x for t, x in enumerate(path) if t >= start and (t - start) % every == 0]
        rest = 1 - sum(weights)
        seen = rest * path[0] + sum(w * x for w, x in zip(weights, path[1:], strict=True))
        assert seen == sum(chosen) / len(chosen)
    with pytest.raises(SamplingError, match="start=6"):
        EveryKthAverage(start=6).weights(5)
    with pytest.raises(SamplingError, match="T=2 weights"):
        WeightedAverage([1]).weights(2)


@pytest.mark.parametrize(
    "average",
    [
        WeightedAverage(["-1/2", 2, 0, "1/3"]),
        EveryKthAverage(start=1, every=2),
        ExponentialAverage(THIRD, first="copied"),
        ExponentialAverage(THIRD, first="debiased"),
    ],
    ids=lambda a: a.label,
)
def test_expansions_of_averages(average):
    landscape = PolynomialLandscape.random(7, p=1, degree=5, atoms=2)
    for optimizer in (SGD(average=average), ScheduleFree(beta=HALF, average=average)):
        for scheme in (OnePass(T=4), SCHEMES[2]):
            series = expand("training-loss", order=3, sampling=scheme, optimizer=optimizer)
            exact = exact_training(
                landscape, Training(scheme, optimizer), order=3, observable="training-loss"
            )
            assert series.evaluate(landscape.statistics(3), eta=F(1)).orders == exact


# Words --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("qhm:beta=0.9,nu=0.7", QuasiHyperbolic(beta=0.9, nu=0.7)),
        ("qhm", QuasiHyperbolic()),
        ("lookahead:k=5,alpha=0.5", LookAhead(k=5, alpha=0.5)),
        ("lookahead:k=5,beta=0.9", LookAhead(k=5, alpha=0.5, inner=Momentum(beta=0.9))),
        (
            "look-ahead:k=2,inner=nesterov,looks_at=fast",
            LookAhead(k=2, alpha=0.5, inner=Nesterov(), looks_at="fast"),
        ),
        ("delayed:d=2", Delayed(d=2)),
        ("schedule-free:beta=0.9", ScheduleFree(beta=0.9)),
        ("momentum:beta=0.9,dampening=0.1", Momentum(beta=0.9, dampening=0.1)),
    ],
)  # fmt: skip
def test_rules_have_words(words, meant):
    assert named_optimizer(words) == meant


def test_averages_have_words():
    assert named_average("swa:start=2,every=3") == EveryKthAverage(start=2, every=3)
    assert named_average("swa:W=3") == TailAverage(3)
    assert named_average("swa") == TailAverage()
    assert named_average("ema:decay=0.9,first=copied") == ExponentialAverage(0.9, first="copied")


def test_symbols_of_what_is_inside_are_given_numbers():
    outer = LookAhead(k=2, alpha=HALF, inner=Momentum(), schedule=ArraySchedule([1, 1]))
    assert outer.symbols == ("beta",)
    assert outer.at(beta=HALF).inner == Momentum(beta=HALF)
    with pytest.raises(SamplingError, match="give it to lookahead"):
        LookAhead(k=2, alpha=HALF, inner=SGD(average=TailAverage()))
    with pytest.raises(SamplingError, match="reads gradients at its weights"):
        Delayed(d=1, inner=ScheduleFree(beta=HALF)).linear_updates(2)
