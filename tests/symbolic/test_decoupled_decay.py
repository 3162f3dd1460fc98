"""Weight decay past the velocity, and weight decay for groups of weights: against SGD itself."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from sgdiagrams.diagrams.errors import RequestError, SamplingError, StatisticsError
from sgdiagrams.numeric.descent import Descent
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.noise_series import exact_noise
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.symbolic import (
    SDE,
    SGD,
    Epochs,
    Expansion,
    Exponential,
    ExponentialAverage,
    FreshData,
    FullBatch,
    Grid,
    Momentum,
    Nesterov,
    OnePass,
    Penalty,
    TailAverage,
    Training,
    WithReplacement,
    expand,
    imitate,
)
from sgdiagrams.symbolic.training.optimizers.changing_momentum import ChangingMomentum
from sgdiagrams.symbolic.training.optimizers.quasi_hyperbolic import QuasiHyperbolic
from sgdiagrams.symbolic.training.optimizers.wrapped import LookAhead

F = Fraction
START = (F(1, 3), F(-1))
LANDSCAPE = PolynomialLandscape(
    PolynomialLandscape.random(5, p=2, degree=3, atoms=2).losses, start=START
)
KNOWN = replace(LANDSCAPE.statistics(5), start=np.array(START, dtype=object))
ETA = [F(1), F(1, 2)]


def same(one, other):
    return all(np.all(np.asarray(a) == np.asarray(b)) for a, b in zip(one, other, strict=True))


class Series:
    """Truncated power series in the learning rate: enough arithmetic for a run by definition."""

    def __init__(self, numbers):
        self.numbers = [F(x) for x in numbers]

    def __add__(self, other):
        return Series(x + y for x, y in zip(self.numbers, other.numbers, strict=True))

    def __mul__(self, other):
        if not isinstance(other, Series):
            return Series(F(other) * x for x in self.numbers)
        n = len(self.numbers)
        result = [F(0)] * n
        for i, x in enumerate(self.numbers):
            for j in range(n - i):
                result[i + j] += x * other.numbers[j]
        return Series(result)

    __rmul__ = __mul__

    def later(self):
        return Series([0, *self.numbers[:-1]])


def value(polynomial, theta, order):
    total = Series([0] * (order + 1))
    for exponents, c in polynomial:
        term = Series([c] + [0] * order)
        for x, power in zip(theta, exponents, strict=True):
            for _ in range(power):
                term = term * x
        total = total + term
    return total


def slope(polynomial, i):
    return [((*e[:i], e[i] - 1, *e[i + 1 :]), c * e[i]) for e, c in polynomial if e[i]]


def sgdw(T, order, *, beta, decay, coupled=0, is_nesterov=False, factors=None):
    """Return the mean test loss of SGDW as in a loop of PyTorch, one pass, over all training sets."""
    losses = LANDSCAPE.losses
    total = Series([0] * (order + 1))
    for atoms in product(range(2), repeat=T):
        theta = [Series([x] + [0] * order) for x in START]
        velocity = [Series([0] * (order + 1)) for _ in START]
        for t, atom in enumerate(atoms):
            rate = 1 if factors is None else factors[t]
            g = [value(slope(losses[atom], i), theta, order) for i in range(2)]
            g = [x + coupled * y for x, y in zip(g, theta, strict=True)]
            velocity = [beta * v + x for v, x in zip(velocity, g, strict=True)]
            step = velocity
            if is_nesterov:
                step = [x + beta * v for x, v in zip(g, velocity, strict=True)]
            # p.mul_(1 - lr * weight_decay), then p.add_(step, alpha=-lr)
            shrunk = [x + (-rate * decay * x).later() for x in theta]
            theta = [x + (-rate * s).later() for x, s in zip(shrunk, step, strict=True)]
        for loss in losses:
            total = total + value(loss, theta, order)
    return [x / 2 / 2**T for x in total.numbers]


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        (Momentum(beta="1/2", decoupled_decay="1/3"), {}),
        (Momentum(beta="1/2", decoupled_decay="1/3", weight_decay="1/7"), {"coupled": F(1, 7)}),
        (Nesterov(beta="1/2", decoupled_decay="1/3"), {"is_nesterov": True}),
        (
            Momentum(beta="1/2", decoupled_decay="1/3", schedule=Exponential("1/4")),
            {"factors": [F(1, 4) ** t for t in range(3)]},
        ),
    ],
)
def test_closed_forms_and_the_judge_agree_with_a_loop(optimizer, words, basis):
    order = 3
    loop = sgdw(3, order, beta=F(1, 2), decay=F(1, 3), **words)
    judge = exact_training(LANDSCAPE, Training(OnePass(T=3), optimizer), order=order)
    assert same(judge, loop)
    symbolic = expand(
        "test-loss", order=order, sampling="one-pass", optimizer=optimizer, basis=basis
    )
    assert same(KNOWN.evaluate(symbolic, eta=1, T=3).orders, loop)
    by_number = expand(
        "test-loss", order=order, sampling=OnePass(T=3), optimizer=optimizer, basis=basis
    )
    assert same(KNOWN.evaluate(by_number, eta=1).orders, loop)


@pytest.mark.parametrize(
    ("scheme", "optimizer"),
    [
        (Epochs(N=2, B=1, E=2), Nesterov(beta="1/3", decoupled_decay="1/3", weight_decay="1/5")),
        (
            Epochs(N=2, B=1, E=2, shuffle="every-epoch"),
            Momentum(beta="1/2", decoupled_decay="1/3", average=TailAverage(2)),
        ),
        (
            WithReplacement(N=2, B=1, T=3),
            QuasiHyperbolic(beta="1/2", nu="2/3", decoupled_decay="1/3"),
        ),
        (OnePass(T=3), ChangingMomentum(betas=["1/2", "1/4", "1/3"], decoupled_decay="1/3")),
        (OnePass(T=3), Momentum(beta="1/2", dampening="1/4", decoupled_decay="1/3")),
        (
            Grid([[0], [0, 1], [1]]),
            Momentum(beta="1/2", decoupled_decay="1/3", schedule=[1, F(1, 2), 3]),
        ),
    ],
)
def test_every_scheme_counts_the_second_kind_of_update(scheme, optimizer):
    for observable in ("displacement", "training-loss", "covariance"):
        expansion = expand(observable, order=2, sampling=scheme, optimizer=optimizer)
        judge = exact_training(
            LANDSCAPE, Training(scheme, optimizer), order=2, observable=observable, eta=ETA
        )
        assert same(KNOWN.evaluate(expansion, eta=ETA).orders, judge), observable


def test_closed_forms_of_other_schemes():
    optimizer = Momentum(beta="1/2", decoupled_decay="1/3", average=ExponentialAverage("1/4"))
    for symbolic, fixed, numbers in (
        (FullBatch(), FullBatch(N=2, E=3), {"N": 2, "E": 3}),
        (WithReplacement(), WithReplacement(N=2, B=1, T=3), {"N": 2, "B": 1, "T": 3}),
        (FreshData(B=2), FreshData(B=2, T=2), {"T": 2}),
    ):
        expansion = expand("test-loss", order=2, sampling=symbolic, optimizer=optimizer)
        judge = exact_training(LANDSCAPE, Training(fixed, optimizer), order=2)
        assert same(KNOWN.evaluate(expansion, eta=1, **numbers).orders, judge)


def test_order_four():
    optimizer = Momentum(beta="1/2", decoupled_decay="1/3")
    for scheme in (OnePass(T=2), Epochs(N=2, B=1, E=2)):
        expansion = expand(
            "test-loss", order=4, sampling=scheme, optimizer=optimizer, basis="cumulant"
        )
        judge = exact_training(LANDSCAPE, Training(scheme, optimizer), order=4)
        assert same(KNOWN.evaluate(expansion, eta=1).orders, judge)


def test_without_memory_it_is_coupled_with_the_root_bare():
    assert SGD(decoupled_decay="1/3") == SGD(weight_decay="1/3")
    # Momentum with beta = 0 remembers nothing either.
    decoupled = expand(
        "test-loss", order=3, sampling="one-pass", optimizer=Momentum(beta=0, decoupled_decay=1)
    )
    coupled = expand("test-loss", order=3, sampling="one-pass", optimizer=SGD(weight_decay=1))
    both = [KNOWN.evaluate(e, eta=F(1, 2), T=4).orders for e in (decoupled, coupled)]
    assert same(*both)


def test_strengths_files_and_given_orders():
    open_one = Momentum(beta="1/2", decoupled_decay="lamda")
    expansion = expand("test-loss", order=2, sampling=OnePass(T=3), optimizer=open_one)
    assert expansion.symbols == ("lamda",)
    fixed = expand(
        "test-loss", order=2, sampling=OnePass(T=3), optimizer=open_one.at(lamda=F(1, 3))
    )
    assert same(
        KNOWN.evaluate(expansion, eta=1, lamda=F(1, 3)).orders, KNOWN.evaluate(fixed, eta=1).orders
    )
    assert Expansion.from_json(fixed.to_json()) == fixed
    assert (
        expansion.subs({"lamda": 0}).terms
        == expand("test-loss", order=2, sampling=OnePass(T=3), optimizer=Momentum(beta="1/2")).terms
    )


def test_given_orders_make_up_the_average_over_training_sets():
    method = Momentum(beta="1/2", decoupled_decay="1/3", weight_decay=("1/5", 0))
    expansion = expand("displacement", order=3, sampling=Grid([[0], [1], [0, 1]]), optimizer=method)
    total = [0] * 4
    for rows in product(range(2), repeat=2):
        samples = {k: array[list(rows)] for k, array in KNOWN.samples.items()}
        given = KNOWN.from_samples(samples, role="training-set", start=KNOWN.start)
        answer = given.evaluate(expansion, eta=ETA).orders
        total = [x + y / 4 for x, y in zip(total, answer, strict=True)]
    assert same(total, KNOWN.evaluate(expansion, eta=ETA).orders)


def test_noise_and_floats():
    method = Momentum(beta="1/2", decoupled_decay="1/3")
    training = Training(OnePass(T=3), method)
    eta = F(1, 5)
    noiseless = exact_noise(LANDSCAPE, training, pushes=0, eta=eta, observable="displacement")[0]

    def gradient(theta, _):
        def polynomial(p):
            return sum(float(c) * theta[:, 0] ** e[0] * theta[:, 1] ** e[1] for e, c in p)

        columns = [
            sum(polynomial(slope(loss, i)) for loss in LANDSCAPE.losses) / 2 for i in range(2)
        ]
        return np.stack([c * np.ones(len(theta)) for c in columns], axis=1)

    start = np.array([[float(x) for x in START]])
    [end] = Descent.of(training).follow(gradient, start, [np.zeros((1, 1))] * 3, eta=float(eta))
    np.testing.assert_allclose(end[0] - start[0], [float(x) for x in noiseless], rtol=1e-12)


@pytest.mark.parametrize("rates", [("1/3", 0), (F(1, 3), F(2, 7))])
def test_groups_of_weights_have_their_own_decay(rates):
    optimizer = Momentum(beta="1/2", weight_decay=rates)
    inside = [
        {**dict(loss), **{
            e: dict(loss).get(e, 0) + F(rate) / 2
            for e, rate in zip(((2, 0), (0, 2)), rates, strict=True)
        }}
        for loss in LANDSCAPE.losses
    ]  # fmt: skip
    penalised = PolynomialLandscape(inside, start=START)
    for scheme in (OnePass(T=3), Epochs(N=2, B=1, E=2)):
        expansion = expand("displacement", order=3, sampling=scheme, optimizer=optimizer)
        assert Expansion.from_json(expansion.to_json()) == expansion
        judge = exact_training(
            penalised, Training(scheme, Momentum(beta="1/2")), order=3,
            observable="displacement", eta=ETA,
        )  # fmt: skip
        assert same(KNOWN.evaluate(expansion, eta=ETA).orders, judge)
        again = exact_training(
            LANDSCAPE, Training(scheme, optimizer), order=3, observable="displacement", eta=ETA
        )
        assert same(again, judge)
    options = {"order": 3, "sampling": "one-pass", "resummed": True}
    got = KNOWN.evaluate(expand("displacement", optimizer=optimizer, **options), eta=0.1, T=5)
    bare = expand("displacement", optimizer=Momentum(beta="1/2"), **options)
    want = penalised.statistics(5).evaluate(bare, eta=0.1, T=5)
    np.testing.assert_allclose(np.array(got.orders), np.array(want.orders), rtol=1e-9, atol=1e-12)
    # Equal strengths are one number.
    one = expand(
        "test-loss", order=2, sampling=OnePass(T=3), optimizer=SGD(weight_decay=["1/3"] * 2)
    )
    other = expand("test-loss", order=2, sampling=OnePass(T=3), optimizer=SGD(weight_decay="1/3"))
    assert same(KNOWN.evaluate(one, eta=1).orders, KNOWN.evaluate(other, eta=1).orders)


def test_refusals():
    method = Momentum(decoupled_decay="1/3")
    with pytest.raises(RequestError, match="re-summed"):
        expand("test-loss", order=1, sampling="one-pass", optimizer=method, resummed=True)
    with pytest.raises(RequestError, match="along the path"):
        expand("test-loss", noise=1, sampling="one-pass", optimizer=method, along_path=True)
    with pytest.raises(RequestError, match="limit"):
        expand("test-loss", order=1, sampling=SDE(), optimizer=method)
    with pytest.raises(RequestError, match="without weight decay"):
        imitate(Training(OnePass(), method), Training(FullBatch()), order=2)
    with pytest.raises(SamplingError, match="schedule_scales"):
        Momentum(decoupled_decay=1, schedule=[1, 2], schedule_scales="gradient")
    with pytest.raises(SamplingError, match="coupled weight decay with"):
        LookAhead(inner=method, k=2, alpha=1)
    with pytest.raises(SamplingError, match="one weight decay"):
        SGD(weight_decay=1, decoupled_decay=1)
    with pytest.raises(RequestError, match="without another penalty"):
        SGD(weight_decay=[1, 2], penalty=Penalty("R"))
    with pytest.raises(SamplingError, match="weight_decay"):
        SGD(weight_decay=[1, -2])
    expansion = expand(
        "test-loss", order=2, sampling=OnePass(T=3), optimizer=SGD(weight_decay=[1, 2, 3])
    )
    with pytest.raises(RequestError, match="each of 2 weights"):
        KNOWN.evaluate(expansion, eta=1)
    decoupled = expand("test-loss", order=1, sampling=OnePass(T=3), optimizer=method.at(beta=0))
    with pytest.raises(StatisticsError, match="start"):
        LANDSCAPE.statistics(2).evaluate(decoupled, eta=1)
