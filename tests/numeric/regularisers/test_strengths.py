"""Small batches are imitated to order 2 exactly: by the expansions, and by SGD in exact arithmetic."""

from fractions import Fraction
from itertools import permutations, product

import pytest

import sgdiagrams as sd
from sgdiagrams.numeric import (
    PolynomialLandscape,
    epochs_schedule,
    exact_sgd_average,
    reshuffled_schedules,
)
from sgdiagrams.numeric.regularisers.strengths import check_batches, penalty_strengths

F = Fraction
#: N, the small batch and its epochs, the large batch and its epochs; the sums of learning rates agree.
PAIRS = [
    pytest.param(6, 1, 1, 6, 6, id="one pass by full batches"),
    pytest.param(6, 2, 2, 6, 6, id="epochs by full batches"),
    pytest.param(6, 1, 1, 3, 3, id="as many updates"),
    pytest.param(6, 1, 1, 3, 1, id="one pass by one pass, the rate in proportion"),
    pytest.param(6, 1, 1, 6, 2, id="another rate"),
    pytest.param(4, 2, 1, 2, 3, id="one epoch by three at a third of the rate"),
]


def rates(N, b, E, B, many):
    """Return the learning rate of the large batches in units of that of the small ones."""
    return F(E * N // b, many * N // B)


def strengths(b, B, eta, batch=None):
    return penalty_strengths(
        eta=eta, small_eta=F(1), small=b, large=B, batch=batch or B, momentum=F(0)
    )


@pytest.mark.parametrize(("N", "b", "E", "B", "many"), PAIRS)
@pytest.mark.parametrize("observable", ["displacement", "test-loss"])
def test_expansions_differ_by_the_penalty(N, b, E, B, many, observable):
    """(Small - large) at order 2 is what a penalty moves, - (rate x updates) grad R."""
    small, large = (
        sd.expand(observable, order=2, sampling=sd.Epochs(N=N, B=size, E=e), basis="cumulant")
        for size, e in ((b, E), (B, many))
    )
    eta = rates(N, b, E, B, many)
    T = eta * (many * N // B)  # updates of the small batches
    difference = {}
    for expansion, factor in ((small, F(1)), (large, -1)):
        for term in expansion.terms:
            power = eta**term.order if factor == -1 else 1
            weight = F(str(term.weight)) * factor * power
            key = str(term.contraction)
            difference[key] = difference.get(key, 0) + weight
    on_mean, on_spread = strengths(b, B, eta)
    on_spread += on_mean / B  # <|mean over a batch|^2> = |G|^2 + tr C / B over training sets
    # grad |G|^2 = 2 H G and grad tr C = 2 kappa; the test loss has G contracted with them once more.
    names = {
        "displacement": ("H_ab G_b", "kappa_b|ab"),
        "test-loss": ("G_a H_ab G_b", "kappa_a|ab G_b"),
    }[observable]
    expected = dict(zip(names, (-2 * T * on_mean, -2 * T * on_spread), strict=True))
    changed = {key: value for key, value in difference.items() if value}
    assert changed == {key: value for key, value in expected.items() if value}


def added(*terms):
    total = {}
    for factor, poly in terms:
        for exponents, c in poly.items():
            total[exponents] = total.get(exponents, 0) + factor * c
    return {exponents: c for exponents, c in total.items() if c}


def multiplied(one, other):
    total = {}
    for (e, c), (f, d) in product(one.items(), other.items()):
        key = tuple(map(sum, zip(e, f, strict=True)))
        total[key] = total.get(key, 0) + c * d
    return total


def slope(poly, axis):
    return {
        tuple(e - (i == axis) for i, e in enumerate(exponents)): c * exponents[axis]
        for exponents, c in poly.items()
        if exponents[axis]
    }


def squared_slope(poly, p):
    return added(*((1, multiplied(slope(poly, i), slope(poly, i))) for i in range(p)))


P = 2
LANDSCAPE = PolynomialLandscape.random(5, p=P, degree=3, atoms=2)
LOSSES = [dict(loss) for loss in LANDSCAPE.losses]
MEAN_LOSS = added(*((F(1, 2), loss) for loss in LOSSES))
SQUARE = squared_slope(MEAN_LOSS, P)
VARIANCE = added(*((F(1, 2), squared_slope(loss, P)) for loss in LOSSES), (-1, SQUARE))


def wide(poly, power=0):
    """Return a polynomial of one weight more, times a power of that one."""
    return {(*exponents, power): c for exponents, c in poly.items()}


def observed(observable, schedules, eta, penalty):
    """Return orders 1 and 2 with a penalty times the learning rate s.

    The penalty is multiplied by a weight u that no update moves. What comes with s u is the order 2 that
    the penalty makes; order s is linear in u.
    """
    orders = []
    for u in (0, 1):
        landscape = PolynomialLandscape(
            [added((1, wide(loss)), (1, wide(penalty, 1))) for loss in LOSSES], (0,) * P + (u,)
        )
        function = {"function": wide(MEAN_LOSS)} if observable == "function" else {}
        orders.append(
            exact_sgd_average(
                landscape,
                schedules,
                order=2,
                observable=observable,
                eta=(eta,) * P + (0,),
                **function,
            )
        )
    (_, first, second), (_, with_penalty, _) = orders
    if observable == "displacement":
        return list(first[:P]), list((second + with_penalty - first)[:P])
    return first, second + with_penalty - first


SMALLER = [
    pytest.param(4, 1, 1, 4, 4, id="one pass by full batches"),
    pytest.param(4, 2, 2, 4, 4, id="epochs by full batches"),
    pytest.param(4, 1, 1, 2, 2, id="as many updates"),
    pytest.param(4, 1, 1, 2, 1, id="one pass by one pass, the rate in proportion"),
    pytest.param(4, 1, 1, 4, 2, id="another rate"),
]


@pytest.mark.parametrize(("N", "b", "E", "B", "many"), SMALLER)
@pytest.mark.parametrize("observable", ["displacement", "function"])
def test_sgd_is_imitated_to_order_2(N, b, E, B, many, observable):
    eta = rates(N, b, E, B, many)
    on_mean, on_spread = strengths(b, B, eta)
    penalty = added((on_mean, SQUARE), (on_mean / B + on_spread, VARIANCE))
    small = observed(observable, [epochs_schedule(N=N, B=b, E=E)], 1, {})
    large = [epochs_schedule(N=N, B=B, E=many)]
    assert observed(observable, large, eta, penalty) == small
    assert observed(observable, large, eta, {})[1] != small[1]


# A given training set: SGD with the penalty of every batch, over all shuffles. Weights are power series
# in the learning rate, (coefficient of 1, of eta, of eta^2).


def times(x, y):
    return [sum(x[i] * y[k - i] for i in range(k + 1)) for k in range(3)]


def at(coefficients, theta):
    total = [F(0)] * 3
    for c in reversed(coefficients):
        total = times(total, theta)
        total[0] += c
    return total


def differentiated(coefficients):
    return [k * c for k, c in enumerate(coefficients)][1:]


ROWS = [[F(0), F(1), F(-2), F(1, 3)], [F(0), F(-2), F(2), F(2)], [F(0), F(1, 2), F(3), F(-1)],
        [F(0), F(3), F(0), F(1, 2)]]  # fmt: skip


def run(order, B, eta, small=None):
    theta = [F(0)] * 3
    for first in range(0, len(order), B):
        batch = [ROWS[i] for i in order[first : first + B]]
        slopes = [at(differentiated(row), theta) for row in batch]
        curves = [at(differentiated(differentiated(row)), theta) for row in batch]
        mean = [sum(column) / B for column in zip(*slopes, strict=True)]
        push = mean
        if small is not None:
            on_mean, on_spread = strengths(small, B, eta)
            curve = [sum(column) / B for column in zip(*curves, strict=True)]
            apart = [
                times(h, [x - y for x, y in zip(g, mean, strict=True)])
                for h, g in zip(curves, slopes, strict=True)
            ]
            spread = [sum(column) / (B - 1) for column in zip(*apart, strict=True)]
            extra = [
                2 * (on_mean * x + on_spread * y)
                for x, y in zip(times(curve, mean), spread, strict=True)
            ]
            push = [mean[0], mean[1] + extra[0], mean[2] + extra[1]]  # one power of eta more
        theta = [theta[0], theta[1] - eta * push[0], theta[2] - eta * push[1]]
    return theta


def mean_run(orders, *arguments):
    ends = [run(order, *arguments) for order in orders]
    squares = [times(theta, theta) for theta in ends]
    return [[sum(column) / len(ends) for column in zip(*x, strict=True)] for x in (ends, squares)]


SHUFFLES = list(permutations(range(4)))
TWO = [one + other for one, other in product(SHUFFLES, repeat=2)]
#: The same in batches of two, whose order inside does not matter.
IN_PAIRS = [order for order in SHUFFLES if order[0] < order[1] and order[2] < order[3]]
TWO_IN_PAIRS = [one + other for one, other in product(IN_PAIRS, repeat=2)]


@pytest.mark.parametrize(
    ("small", "b", "large", "B", "eta"),
    [
        pytest.param(SHUFFLES, 1, TWO_IN_PAIRS, 2, F(1), id="as many updates"),
        pytest.param(SHUFFLES, 1, IN_PAIRS, 2, F(2), id="the rate in proportion"),
        pytest.param(SHUFFLES, 1, [(0, 1, 2, 3) * 4], 4, F(1), id="full batches"),
        pytest.param(TWO, 1, [(0, 1, 2, 3) * 2], 4, F(4), id="full batches at a higher rate"),
        pytest.param(IN_PAIRS, 2, TWO_IN_PAIRS, 2, F(1, 2), id="more epochs at a lower rate"),
    ],
)
def test_a_given_training_set_is_imitated(small, b, large, B, eta):
    """Every function of the last weights that knows the training set, since moments agree."""
    reference = mean_run(small, b, F(1))
    assert mean_run(large, B, eta, b) == reference
    assert mean_run(large, B, eta) != reference


def test_reshuffled_and_fixed_orders_are_imitated_alike():
    one = observed("displacement", reshuffled_schedules(N=4, B=2, E=2), 1, {})
    assert one == observed("displacement", [epochs_schedule(N=4, B=2, E=2)], 1, {})


@pytest.mark.parametrize("sampling", [sd.WithReplacement, sd.FreshData])
def test_other_samplings_differ_by_noise_that_no_penalty_makes(sampling):
    numbers = {"N": 6} if sampling is sd.WithReplacement else {}
    small, large = (
        sd.expand("test-loss", order=2, sampling=sampling(T=4, B=B, **numbers), basis="cumulant")
        for B in (1, 3)
    )
    changed = {str(term.contraction): term.weight for term in (small - large).terms}
    assert "C_ab H_ab" in changed


@pytest.mark.parametrize(("b", "beta"), [(1, F(1, 2)), (2, F(1, 2)), (1, F(3, 4))])
def test_momentum_up_to_the_ends(b, beta):
    """The deficit falls like b/N with longer epochs."""
    deficits = []
    for N in (50, 200):
        weights = []
        for B in (b, N):
            E = 2 * B // b
            sampling = sd.Epochs(N=N, B=B, E=E)
            expansion = sd.expand(
                "displacement", order=2, sampling=sampling, basis="cumulant",
                optimizer=sd.Momentum(beta=beta),
            )  # fmt: skip
            weights.append({str(t.contraction): F(str(t.weight)) for t in expansion.terms})
        moved = weights[0]["kappa_b|ab"] - weights[1]["kappa_b|ab"]
        _, on_spread = penalty_strengths(
            eta=F(1), small_eta=F(1), small=b, large=N, batch=N, momentum=beta
        )
        updates = 2 * N // b
        deficits.append(1 + moved / (2 * updates * on_spread / (1 - beta)))
    assert 0 < 3.5 * deficits[1] < deficits[0] < F(1, 5)


def test_momentum_at_another_rate():
    """H G moves by (T/2)(T - (1 + beta)/(1 - beta)) for effective rates, up to the ends."""
    beta = F(1, 2)
    weights = []
    for T, eta in ((2000, F(1)), (1000, F(2))):
        expansion = sd.expand(
            "displacement", order=2, sampling=sd.Epochs(N=1, B=1, E=T),
            optimizer=sd.Momentum(beta=beta), basis="cumulant",
        )  # fmt: skip
        terms = {str(t.contraction): F(str(t.weight)) * eta**t.order for t in expansion.terms}
        weights.append(terms)
    # Displacements begin to differ at order 1 by the ends; take what is proportional to T.
    ends = (weights[0]["G_a"] - weights[1]["G_a"]) / 2
    on_mean, _ = penalty_strengths(
        eta=F(2), small_eta=F(1), small=1, large=1, batch=1, momentum=beta
    )
    moved = weights[0]["H_ab G_b"] - weights[1]["H_ab G_b"]
    by_ends = -2 * ends * 2000 / (1 - beta)  # (sum of rates)^2 / 2 of shorter sums
    expected = -2 * 2000 * on_mean / (1 - beta)
    assert abs((moved - by_ends) / expected - 1) < F(1, 100)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"small": 0}, "small from 1 to large=8"),
        ({"small": 9}, "small from 1 to large=8"),
        ({"small": 2.0}, "small=2"),
        ({"large": True}, "large >= 1"),
        ({"groups": 1}, "groups >= 2"),
        ({"groups": 9}, "a batch of 8; take fewer groups"),
        ({"momentum": 1}, "momentum from 0 to below 1"),
        ({"momentum": "0.9"}, "momentum from 0 to below 1"),
    ],
)
def test_numbers_that_make_no_sense(changes, message):
    numbers = {"small": 2, "large": 8, "batch": 8, "groups": 2, "momentum": 0.0}
    check_batches(**numbers)
    with pytest.raises(sd.RequestError, match=message):
        check_batches(**{**numbers, **changes})
