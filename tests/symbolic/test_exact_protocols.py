"""The last judge for every way to train: coefficients equal those of SGD itself, as fractions.

The simulator makes the updates of each optimiser step by step on truncated power series, over all
training sets and all random schedules. It knows no diagram and no kernel. Landscapes have three atoms,
because two have no third cumulants.
"""

from fractions import Fraction

import numpy as np
import pytest
from exact_protocols import fixed_landscape, plain, schedules, with_start
from hypothesis import given, settings
from hypothesis import strategies as st

from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import (
    exact_sgd_average,
)
from sgdiagrams.symbolic import (
    SGD,
    Cosine,
    Epochs,
    Exponential,
    ExponentialAverage,
    FreshData,
    FullBatch,
    Function,
    Grid,
    Momentum,
    Nesterov,
    OnePass,
    Polynomial,
    Step,
    TailAverage,
    WarmUp,
    WithReplacement,
    expand,
    increment,
)

F = Fraction
OBSERVABLES = (
    "test-loss",
    "training-loss",
    "generalisation-gap",
    "displacement",
    "second-moment",
    "covariance",
    "variance",
)
GRID = Grid([[0, 1], [2], [0, 1, 2], [1]])
# Schemes with all numbers, and the most convenient order for each.
SCHEMES = {
    "one-pass": OnePass(T=4),
    "fresh-data": FreshData(T=2, B=2),
    "epochs": Epochs(N=2, B=1, E=2),
    "epochs of batches": Epochs(N=4, B=2, E=2, shuffle="once"),
    "reshuffled": Epochs(N=3, B=1, E=2, shuffle="every-epoch"),
    "reshuffled batches": Epochs(N=4, B=2, E=2, shuffle="every-epoch"),
    "with-replacement": WithReplacement(N=2, B=2, T=2),
    "with-replacement, single": WithReplacement(N=2, B=1, T=3),
    "full-batch": FullBatch(N=2, E=3),
    "grid": GRID,
}
OPTIMIZERS = {
    "sgd": SGD(),
    "sgd decay": SGD(weight_decay=F(1, 3)),
    "sgd exponential": SGD(schedule=Exponential(F(1, 2))),
    "sgd linear": SGD(schedule=Polynomial()),
    "sgd cosine": SGD(schedule=Cosine(floor=F(1, 4))),
    "sgd warm-up": SGD(schedule=WarmUp(over=2, then=Step(every=1, factor=F(1, 2)))),
    "sgd mean": SGD(average=TailAverage()),
    "sgd tail": SGD(average=TailAverage(2)),
    "sgd ema": SGD(average=ExponentialAverage(F(1, 3))),
    "momentum": Momentum(beta=F(2, 3)),
    "momentum decay ema": Momentum(
        beta=F(1, 2), weight_decay=F(1, 5), average=ExponentialAverage(F(1, 2))
    ),
    "momentum exponential": Momentum(beta=F(1, 2), schedule=Exponential(F(3, 4))),
    "momentum gradient schedule": Momentum(
        beta=F(1, 2), schedule=Polynomial((1, F(-1, 2))), schedule_scales="gradient"
    ),
    "momentum velocity schedule": Momentum(beta=F(1, 2), schedule=Polynomial((1, F(-1, 2)))),
    "nesterov": Nesterov(beta=F(2, 3), average=TailAverage()),
    "nesterov step": Nesterov(beta=F(1, 2), schedule=Step(every=2), average=TailAverage(2)),
    "nesterov gradient step": Nesterov(
        beta=F(1, 2), schedule=Step(every=2), schedule_scales="gradient", weight_decay=F(1, 7)
    ),
}


def check(observable, scheme, optimizer, *, order, landscape, eta=None, basis=None):
    what = expand(observable, order=order, sampling=scheme, optimizer=optimizer, basis=basis)
    metric = 1 if eta is None else np.array(eta, dtype=object)
    ours = what.evaluate(with_start(landscape, order), eta=metric).orders
    judge = exact_sgd_average(
        landscape,
        schedules(scheme),
        order=order,
        observable=observable,
        optimizer=optimizer,
        eta=eta,
        rows=int(scheme.datapoints),
    )
    assert plain(ours) == plain(judge)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_with_every_optimizer(scheme, optimizer):
    check(
        "test-loss",
        SCHEMES[scheme],
        OPTIMIZERS[optimizer],
        order=3,
        landscape=fixed_landscape(1),
    )


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_with_every_observable_to_order_four(scheme, observable):
    check(observable, SCHEMES[scheme], SGD(), order=4, landscape=fixed_landscape(1))


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_with_every_observable(optimizer, observable):
    check(observable, OnePass(T=3), OPTIMIZERS[optimizer], order=3, landscape=fixed_landscape(1))


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_both_bases_with_memory_decay_and_two_dimensions(scheme, basis):
    optimizer = Momentum(beta=F(1, 2), weight_decay=F(1, 3))
    eta = [[F(1), F(1, 2)], [F(1, 2), F(2)]]
    for observable in ("generalisation-gap", "covariance"):
        check(
            observable,
            SCHEMES[scheme],
            optimizer,
            order=2,
            landscape=fixed_landscape(2),
            eta=eta,
            basis=basis,
        )


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["momentum", "nesterov", "sgd ema", "momentum exponential"])
@pytest.mark.parametrize("scheme", ["one-pass", "with-replacement", "full-batch", "reshuffled"])
def test_order_four_with_memory(scheme, optimizer):
    check(
        "training-loss",
        SCHEMES[scheme],
        OPTIMIZERS[optimizer],
        order=4,
        landscape=fixed_landscape(1),
    )


rationals = st.builds(Fraction, st.integers(-3, 3), st.integers(1, 3))
parameters = st.fractions(0, 1, max_denominator=4).filter(lambda x: x < 1)


@st.composite
def landscapes(draw, p):
    monomials = [e for e in np.ndindex(*[5] * p) if sum(e) <= 4]
    losses = [{e: draw(rationals) for e in monomials} for _ in range(3)]
    return PolynomialLandscape(losses, start=[draw(rationals) for _ in range(p)])


@st.composite
def optimizers(draw, T):
    average = draw(
        st.one_of(
            st.none(),
            st.builds(TailAverage, st.one_of(st.none(), st.integers(1, T))),
            st.builds(ExponentialAverage, parameters),
        )
    )
    schedule = draw(
        st.one_of(
            st.none(),
            st.lists(rationals, min_size=T, max_size=T),
            st.builds(Exponential, st.fractions(0, 2, max_denominator=3).filter(bool)),
            st.builds(Polynomial, st.lists(rationals, min_size=1, max_size=2)),
        )
    )
    decay = draw(st.sampled_from([0, F(1, 2)]))
    common = {"schedule": schedule, "average": average, "weight_decay": decay}
    kind = draw(st.sampled_from([SGD, Momentum, Nesterov]))
    if kind is SGD:
        return SGD(**common)
    scales = draw(st.sampled_from(["velocity", "gradient"]))
    return kind(beta=draw(parameters), schedule_scales=scales, **common)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_random_optimizers(data):
    name = data.draw(st.sampled_from(sorted(SCHEMES)))
    scheme = SCHEMES[name]
    optimizer = data.draw(optimizers(int(scheme.updates)))
    observable = data.draw(st.sampled_from(OBSERVABLES))
    check(observable, scheme, optimizer, order=2, landscape=data.draw(landscapes(1)))


# Closed forms keep symbols; the same numbers put in later must give the same.
SYMBOLIC = [
    (OnePass(), SGD(average=ExponentialAverage()), {"T": 3, "alpha": F(1, 3)}),
    (OnePass(), Momentum(), {"T": 4, "beta": F(2, 3)}),
    (FreshData(), Nesterov(), {"T": 2, "B": 2, "beta": F(1, 3)}),
    (
        FullBatch(),
        Momentum(schedule=Exponential()),
        {"N": 2, "E": 3, "beta": F(1, 2), "gamma": F(3, 4)},
    ),
    (WithReplacement(), Momentum(), {"N": 2, "B": 1, "T": 3, "beta": F(1, 2)}),
    (Epochs(shuffle="every-epoch"), SGD(), {"N": 3, "B": 1, "E": 2}),
    (OnePass(), SGD(weight_decay="lamda"), {"T": 3, "lamda": F(1, 2)}),
]


@pytest.mark.parametrize("observable", ["training-loss", "second-moment"])
@pytest.mark.parametrize("case", range(len(SYMBOLIC)))
def test_numbers_may_come_late(case, observable):
    scheme, optimizer, numbers = SYMBOLIC[case]
    order = 2 if len(optimizer.symbols) > 1 else 3
    landscape = fixed_landscape(1)
    free = expand(observable, order=order, sampling=scheme, optimizer=optimizer)
    assert set(free.symbols) == set(numbers)
    ours = free.evaluate(with_start(landscape, order), eta=1, **numbers).orders
    fixed = scheme.at(**{k: v for k, v in numbers.items() if k in scheme.symbols})
    judge = exact_sgd_average(
        landscape,
        schedules(fixed),
        order=order,
        observable=observable,
        optimizer=optimizer.at(**numbers),
    )
    assert plain(ours) == plain(judge)


@pytest.mark.parametrize("since", [0, 1, 3])
@pytest.mark.parametrize("observable", OBSERVABLES[:-1])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum velocity schedule", "sgd ema"])
@pytest.mark.parametrize(
    "scheme", ["one-pass", "epochs of batches", "reshuffled", "with-replacement, single"]
)
def test_increments(scheme, optimizer, observable, since):
    landscape = fixed_landscape(1)
    what = expand(
        increment(observable, since=since),
        order=3,
        sampling=SCHEMES[scheme],
        optimizer=OPTIMIZERS[optimizer],
    )
    ours = what.evaluate(with_start(landscape, 3), eta=1).orders
    judge = exact_sgd_average(
        landscape,
        schedules(SCHEMES[scheme]),
        order=3,
        observable=observable,
        optimizer=OPTIMIZERS[optimizer],
        since=since,
    )
    assert plain(ours) == plain(judge)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum decay ema"])
@pytest.mark.parametrize("scheme", ["one-pass", "reshuffled", "grid"])
def test_a_function_of_the_weights(scheme, optimizer):
    landscape = fixed_landscape(2)
    function = {(3, 0): F(1, 2), (1, 1): F(-2), (0, 4): F(1), (0, 0): F(5)}
    # Its derivatives, by an independent landscape with this one loss.
    single = PolynomialLandscape([function], start=landscape.start).statistics(3)
    derivatives = {k: array[0] for k, array in single.samples.items()}
    statistics = with_start(landscape, 3, {"norm": derivatives})
    what = expand(
        Function("norm"), order=3, sampling=SCHEMES[scheme], optimizer=OPTIMIZERS[optimizer]
    )
    ours = what.evaluate(statistics, eta=1).orders
    judge = exact_sgd_average(
        landscape,
        schedules(SCHEMES[scheme]),
        order=3,
        observable="function",
        function=function,
        optimizer=OPTIMIZERS[optimizer],
    )
    assert plain(ours) == plain(judge)


def test_no_update_leaves_the_start():
    landscape = fixed_landscape(1)
    for scheme in (OnePass(T=0), Epochs(N=2, B=1, E=0), WithReplacement(N=2, B=1, T=0)):
        for optimizer in (SGD(), Momentum(beta=F(1, 2)), SGD(average=TailAverage())):
            for observable in OBSERVABLES:
                what = expand(observable, order=2, sampling=scheme, optimizer=optimizer)
                orders = what.evaluate(with_start(landscape, 2), eta=1).orders
                assert not any(np.any(x) for x in orders[1:])
