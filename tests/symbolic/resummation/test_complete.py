"""Complete powers: against exact stationary moments and exact runs of SGD, as power series."""

from fractions import Fraction
from itertools import combinations_with_replacement, product
from math import comb, factorial

import numpy as np
import pytest
from sympy import Rational, Symbol
from sympy import symbols as sympy_symbols

from sgdiagrams import landscape
from sgdiagrams.diagrams import RequestError, enumerate_diagrams
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic import (
    SDE,
    SGD,
    ExponentialAverage,
    FullBatch,
    Momentum,
    Nesterov,
    OnePass,
    ResummedExpansion,
    expand,
    symbols,
)

F = Fraction
# Losses of a few equally likely datapoints: derivatives 1 to 7 at 0, gradients of mean zero.
POINTS = (
    (F(2), F(1), F(1, 2), F(-1), F(1, 3), F(1, 2), F(1)),
    (F(-1), F(3), F(-1), F(2), F(1), F(-1), F(1, 2)),
    (F(-1), F(2), F(2), F(1), F(-2), F(3), F(-1)),
)


def gradient(point):
    """The coefficients of a datapoint's gradient as a polynomial."""
    return [c / factorial(k) for k, c in enumerate(point)]


def stationary_moments(points, most):
    """The moments E theta^k of the stationary chain as series in eta, to a power, from one step.

    A step theta - eta g(theta) leaves every moment as it is. As theta is of the order of the root of
    eta, moment k starts at the power ceil(k/2), and the equation for k gives the series of moment k in
    terms of the others: solved by going round until nothing changes.
    """
    size = 2 * most + 1
    moments = [[F(0)] * (most + 1) for _ in range(size + 8)]
    moments[0][0] = F(1)
    H = sum(p[1] for p in points) / len(points)
    # E (theta - eta g)^k = sum over j of binomial(k, j) (-eta)^j E theta^(k - j) g^j
    powers = {}
    for j in range(1, size + 1):
        for n, point in enumerate(points):
            before = powers.get((j - 1, n), [F(1)])
            g = gradient(point)
            now = [F(0)] * (len(before) + len(g) - 1)
            for a, x in enumerate(before):
                for b, y in enumerate(g):
                    now[a + b] += x * y
            powers[j, n] = now
    mean = {
        j: [
            sum(powers[j, n][i] for n in range(len(points))) / len(points)
            for i in range(len(powers[j, 0]))
        ]
        for j in range(1, size + 1)
    }
    while True:
        changed = False
        for k in range(1, size + 1):
            # -eta k H E theta^k + (everything else) = 0, divided by eta
            rest = [F(0)] * (most + 1)
            for j in range(1, k + 1):
                for i, c in enumerate(mean[j]):
                    place = k - j + i
                    if (j == 1 and i == 1) or place >= len(moments):
                        continue
                    for e in range(most + 1 - (j - 1)):
                        rest[e + j - 1] += comb(k, j) * (-1) ** j * c * moments[place][e]
            new = [x / (k * H) for x in rest]
            if new != moments[k]:
                moments[k], changed = new, True
        if not changed:
            return moments


def statistics_of(points):
    samples = {0: [F(0)] * len(points)}
    for k in range(7):
        array = [p[k] for p in points]
        for _ in range(k + 1):
            array = [[x] for x in array]
        samples[k + 1] = array
    return Statistics.from_samples(samples, role="population")


def cumulant(points, orders):
    """The joint cumulant of derivatives, by partitions of a list of factors."""

    def partitions(items):
        if not items:
            yield []
            return
        first, *rest = items
        for smaller in partitions(rest):
            for i, block in enumerate(smaller):
                yield [*smaller[:i], [first, *block], *smaller[i + 1 :]]
            yield [[first], *smaller]

    total = F(0)
    for blocks in partitions(list(range(len(orders)))):
        value = F((-1) ** (len(blocks) - 1) * factorial(len(blocks) - 1))
        for block in blocks:
            mean = F(0)
            for p in points:
                term = F(1)
                for i in block:
                    term *= p[orders[i] - 1]
                mean += term
            value *= mean / len(points)
        total += value
    return total


def numbers_for(formula, points):
    """The values of all symbols of a formula in one dimension."""
    names = {"C": (1, 1), "S": (1, 1, 1), "H": (2,), "J": (3,), "K": (4,)}
    table = {}
    for s in formula.free_symbols:
        name = str(s)
        if name.startswith("kappa_"):
            orders = tuple(map(int, name.removeprefix("kappa_").split("_")))
        elif name.startswith("D"):
            orders = (int(name[1:]),)
        elif name in names:
            orders = names[name]
        else:
            continue
        value = cumulant(points, orders)
        table[s] = Rational(value.numerator, value.denominator)
    return table


def coefficients(expansion, points, most):
    """The powers 0..most of a formula in one dimension, as fractions."""
    result = []
    for k in range(most + 1):
        formula = expansion.in_one_dimension(k)
        value = formula.xreplace(numbers_for(formula, points) | {Symbol("l"): Rational(0)})
        c = (value / symbols.eta**k).simplify()
        result.append(F(int(c.p), int(c.q)))
    return result


# For long times -----------------------------------------------------------------------------------


def test_stationary_displacement_and_second_moment():
    moments = stationary_moments(POINTS, 2)
    for observable, k in (("displacement", 1), ("second-moment", 2)):
        expansion = expand(observable, through=2, sampling="one-pass", resummed=True).stationary()
        assert coefficients(expansion, POINTS, 2) == moments[k][:3]
    assert moments[1][2] != 0


def test_stationary_losses_and_spread():
    moments = stationary_moments(POINTS, 2)
    loss = [sum(p[k] for p in POINTS) / len(POINTS) / factorial(k + 1) for k in range(7)]
    expected = [sum(c * moments[k + 1][e] for k, c in enumerate(loss) if k) for e in range(3)]
    expansion = expand("test-loss", through=2, sampling="one-pass", resummed=True).stationary()
    assert coefficients(expansion, POINTS, 2) == expected
    covariance = expand("covariance", through=2, sampling="one-pass", resummed=True).stationary()
    spread = [
        moments[2][e] - sum(moments[1][i] * moments[1][e - i] for i in range(e + 1))
        for e in range(3)
    ]
    assert coefficients(covariance, POINTS, 2) == spread


def test_gauss():
    """The values of the literature's example: eta/4 + 13/72 eta^2."""
    expansion = expand("displacement", through=2, sampling="one-pass", resummed=True).stationary()
    assert expansion.order == 7
    eta = 0.01
    estimate = expansion.evaluate(landscape("gauss").statistics(8), eta=eta)
    assert estimate.orders[1][0] == pytest.approx(eta / 4)
    assert estimate.orders[2][0] == pytest.approx(13 / 72 * eta**2)
    assert len(estimate.orders) == 3


def test_batches_divide_the_noise():
    """With B datapoints the gradients' cumulants of m nodes are those over B^(m - 1)."""
    pairs = [
        tuple((a + b) / 2 for a, b in zip(p, q, strict=True)) for p, q in product(POINTS, repeat=2)
    ]
    moments = stationary_moments(pairs, 2)
    expansion = expand("displacement", through=2, sampling=OnePass(B=2), resummed=True).stationary()
    assert coefficients(expansion, POINTS, 2) == moments[1][:3]


# Training sets ------------------------------------------------------------------------------------


def training_minima(most):
    """Averages at the minimum of l + sum over k of e_k theta^(k+1)/(k+1)! , the e_k sample means.

    Returns the displacement and losses as series in the deviations, averaged over training sets:
    moments of sample means of N are polynomials in 1/N.
    """
    points = POINTS
    mean = [sum(p[k] for p in points) / len(points) for k in range(7)]
    marks = sympy_symbols("e0:5")
    # theta as a series, with every deviation of the first degree
    theta = [Rational(0)] * (2 * most + 1)
    for _ in range(2 * most + 1):
        powers = [[Rational(1)] + [Rational(0)] * (2 * most)]
        for _ in range(5):
            before = powers[-1]
            powers.append(
                [sum(before[i] * theta[k - i] for i in range(k + 1)) for k in range(2 * most + 1)]
            )
        new = []
        for k in range(2 * most + 1):
            c = Rational(0)
            for d in range(5):
                m = Rational(mean[d].numerator, mean[d].denominator) / factorial(d)
                if d > 1:
                    c += m * powers[d][k]
                if k:
                    c += marks[d] * powers[d][k - 1] / factorial(d)
            new.append((-c / Rational(mean[1].numerator, mean[1].denominator)).expand())
        theta = new
    return theta, marks


def test_full_batches_settle_at_the_minimum_of_their_set():
    """E[displacement] through 1/N^2 from the expansion of the minimum in the deviations of means."""
    theta, marks = training_minima(2)
    N = Symbol("N")
    total = Rational(0)
    for c in theta:
        for monomial, number in c.as_poly(*marks).terms() if c != 0 else ():
            orders = [d + 1 for d, e in enumerate(monomial) for _ in range(e)]
            if orders:
                total += number * mean_of_means(orders, N)
    series = total.expand()
    expansion = expand("displacement", through=2, sampling=FullBatch(), resummed=True).stationary()
    for k in (1, 2):
        formula = expansion.in_one_dimension(k)
        value = formula.xreplace(numbers_for(formula, POINTS)).subs(symbols.N, N)
        assert (value - series.coeff(N, -k) / N**k).simplify() == 0


def mean_of_means(orders, N):
    """E of a product of deviations of sample means: cumulants of sums, by partitions."""
    items = list(range(len(orders)))

    def partitions(left):
        if not left:
            yield []
            return
        first, *rest = left
        for smaller in partitions(rest):
            for i, block in enumerate(smaller):
                yield [*smaller[:i], [first, *block], *smaller[i + 1 :]]
            yield [[first], *smaller]

    total = Rational(0)
    for blocks in partitions(items):
        if any(len(b) == 1 for b in blocks):
            continue
        value = Rational(1)
        for block in blocks:
            k = cumulant(POINTS, [orders[i] for i in block])
            value *= Rational(k.numerator, k.denominator) / N ** (len(block) - 1)
        total += value
    return total


# At fixed eta T -----------------------------------------------------------------------------------


def moments_after(T, eta, points, most=8):
    """E theta^k after T steps from 0 in floats: moments beyond `most` are left out."""
    count = most + 1
    step = [[0.0] * count for _ in range(count)]
    for k in range(count):
        for point in points:
            g = [float(c) for c in gradient(point)]
            base = [0.0] * max(len(g), 2)
            for i, c in enumerate(g):
                base[i] -= eta * c
            base[1] += 1.0
            power = [1.0]
            for _ in range(k):
                power = [
                    sum(power[a] * base[n - a] for a in range(len(power)) if 0 <= n - a < len(base))
                    for n in range(min(len(power) + len(base) - 1, count))
                ]
            for i, c in enumerate(power):
                step[k][i] += c / len(points)
    state = [1.0] + [0.0] * most
    for _ in range(T):
        state = [sum(row[i] * state[i] for i in range(count)) for row in step]
    return state


@pytest.mark.parametrize("observable", ["displacement", "second-moment"])
def test_at_fixed_eta_times_time_what_is_left_falls_as_its_power(observable):
    """The error of powers 1 and 2 against the exact chain falls like eta^3: by 8 when eta halves."""
    expansion = expand(observable, through=2, sampling="one-pass", resummed=True)
    statistics = statistics_of(POINTS)
    errors = []
    for eta in (0.004, 0.002):
        T = round(0.4 / eta)
        state = moments_after(T, eta, POINTS)
        value = float(expansion.evaluate(statistics, eta=eta, T=T).value.ravel()[0])
        errors.append(abs(value - state[1 if observable == "displacement" else 2]))
    assert 6.5 < errors[0] / errors[1] < 9.5


LINEAR = [
    None,
    Momentum(beta=F(1, 2)),
    Nesterov(beta=F(1, 2)),
    SGD(average=ExponentialAverage(F(1, 3))),
]


@pytest.mark.parametrize("optimizer", LINEAR)
def test_for_long_times_it_is_stationary(optimizer):
    expansion = expand(
        "displacement", through=2, sampling="one-pass", optimizer=optimizer, resummed=True
    )
    statistics = statistics_of(POINTS)
    late = expansion.evaluate(statistics, eta=F(1, 100), T=20_000)
    limit = expansion.stationary().evaluate(statistics, eta=F(1, 100))
    for a, b in zip(late.orders, limit.orders, strict=True):
        assert a == pytest.approx(b, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("observable", ["displacement", "test-loss", "generalisation-gap"])
@pytest.mark.parametrize("optimizer", LINEAR)
def test_small_diagrams_against_their_exact_weights(observable, optimizer):
    """In two dimensions: what noise 1 leaves out after powers 1 and 2 falls like eta^3."""
    p = 2
    samples = {0: [0.0, 0.0, 0.0]}
    number = iter(range(1, 10**6))
    for k in range(1, 9):
        array = []
        for n in range(3):
            entries = {}
            for index in combinations_with_replacement(range(p), k):
                entries[index] = ((7 * next(number) + n * k) % 11 - 5) / 7

            def nested(prefix, entries=entries, k=k):
                if len(prefix) == k:
                    return entries[tuple(sorted(prefix))]
                return [nested((*prefix, i)) for i in range(p)]

            array.append(nested(()))
        samples[k] = array
    arrays = {k: np.array(a, dtype=float) for k, a in samples.items()}
    arrays[1] -= arrays[1].mean(axis=0)
    arrays[2] += np.array([[1.5, 0.2], [0.2, 1.0]]) - arrays[2].mean(axis=0)
    statistics = Statistics.from_samples(arrays, role="population")
    exact = expand(
        observable, order=3, sampling="one-pass", optimizer=optimizer, resummed=True
    ).at_minimum()
    cut = expand(observable, through=2, sampling="one-pass", optimizer=optimizer, resummed=True)
    one = [t for t in exact.pieces if t.noise <= 1]
    whole = ResummedExpansion(3, exact.parts, tuple(one))
    series = ResummedExpansion(3, cut.parts, tuple(one), "continuous", through=2)
    errors = []
    for eta in (0.02, 0.01):
        T = round(1 / eta)
        a = whole.evaluate(statistics, eta=eta, T=T).value
        b = series.evaluate(statistics, eta=eta, T=T).value
        errors.append(float(np.abs(np.asarray(a) - b).max()))
    assert 6 < errors[0] / errors[1] < 10


# What is there, and what is refused ---------------------------------------------------------------


def test_noise_ends_where_it_is_said_to():
    """Noise m from a minimum: at most 4m - 1 edges, 4m - 2 with two at the root, 4m - 3 with it tied."""
    for noise in (1, 2):
        for order in range(1, 8):
            options = {"linkless": True, "max_noise": noise, "at_minimum": True}
            isolated = list(enumerate_diagrams(order, **options))
            slow = [
                d
                for d in enumerate_diagrams(order, linkless=True)
                if sum(len(b) - 1 for b in d.blocks) <= noise
                and not any(
                    len(b) == 1 and b[0] != order and b[0] not in {e[1] for e in d.edges}
                    for b in d.blocks
                )
            ]
            assert isolated == slow
            assert all(order <= 4 * noise - d.levels.count(1) for d in isolated)
            tied = [
                d
                for d in enumerate_diagrams(order, root="in-partition", **options)
                if d.root_is_tied
            ]
            assert not tied or order <= 4 * noise - 3


def test_files_sums_and_sizes():
    one = expand("displacement", through=2, sampling="one-pass", resummed=True)
    two = expand("displacement", through=2, sampling=OnePass(B=2), resummed=True)
    difference = one.stationary() - two.stationary()
    assert ResummedExpansion.from_json(difference.to_json()) == difference
    assert ResummedExpansion.from_json(one.to_json()) == one
    eta, C, J, H = symbols.eta, Symbol("C"), Symbol("J"), Symbol("H")
    assert (difference.in_one_dimension(1) + eta * C * J / (8 * H**2)).simplify() == 0
    tensors = {name: [[2]] for name in ("C",)} | {"J": [[[3]]]}
    small = expand("displacement", through=1, sampling="one-pass", resummed=True).stationary()
    value = small.on_tensors(curvatures=(5,), tensors=tensors, free=(0,))
    assert value == -eta * 2 * 3 / (4 * Rational(25))
    loop = expand("displacement", through=1, sampling=SDE(), resummed=True)
    assert loop.in_one_dimension().has(symbols.T)


def test_what_is_printed_says_how_far_it_goes():
    expansion = expand("displacement", through=2, sampling="one-pass", resummed=True).stationary()
    assert "complete but for O(eta^3)" in expansion.text()
    assert r"O(\eta^{3})" in expansion.latex()
    gap = expand("generalisation-gap", through=2, sampling="full-batch", resummed=True)
    assert "complete but for O(1/N^3)" in gap.stationary().text()
    assert "O(eta^3, eta^2/N, eta/N^2, 1/N^3)" in gap.text()
    rows = expand("displacement", order=4, sampling="one-pass", resummed=True)
    words = "rows by edges of linkless diagrams, not by powers of eta"
    assert f"{words}; complete through power 1 of eta" in rows.at_minimum().small_eta().text()
    assert "to power 2 of G are complete" in rows.stationary().text()
    few = expand("displacement", order=2, sampling="one-pass", resummed=True).at_minimum()
    assert few.stationary().text().count("power") == 0  # nothing is there


def test_refusals():
    with pytest.raises(RequestError, match="in place of the order"):
        expand("test-loss", through=2, order=2, sampling="one-pass", resummed=True)
    with pytest.raises(RequestError, match="resummed=True"):
        expand("test-loss", through=2, sampling="one-pass")
    with pytest.raises(RequestError, match="11 edges"):
        expand("test-loss", through=3, sampling="one-pass", resummed=True)
    with pytest.raises(RequestError, match="closed form"):
        expand("test-loss", through=2, sampling="epochs", resummed=True)
    with pytest.raises(RequestError, match="weight decay"):
        expand(
            "test-loss",
            through=1,
            sampling="one-pass",
            optimizer=Momentum(weight_decay=F(1, 10)),
            resummed=True,
        )
    complete = expand("test-loss", through=2, sampling="one-pass", resummed=True)
    with pytest.raises(RequestError, match="plain expansion"):
        complete.with_form("discrete")
    with pytest.raises(RequestError, match="not expanded"):
        complete.expanded()
    with pytest.raises(RequestError, match="through one power"):
        complete - expand("test-loss", through=1, sampling="one-pass", resummed=True)
    drawn = expand("test-loss", through=2, sampling="with-replacement", resummed=True)
    with pytest.raises(RequestError, match="stationary"):
        drawn.continuous()


def test_increments_are_no_complete_powers():
    """A second moment of increments is no difference of second moments."""
    with pytest.raises(RequestError, match="at the end of training for complete powers"):
        expand("second-moment:since=5", through=1, sampling=OnePass(T=10), resummed=True)
    resummed = expand("second-moment:since=5", order=2, sampling=OnePass(T=10), resummed=True)
    assert {str(term.contraction) for term in resummed.terms} == {"G_a G_b", "C_ab"}
    since = expand("second-moment:since=5", order=2, sampling=OnePass(T=10), basis="cumulant")
    weights = {str(term.contraction): term.weight for term in since.terms}
    assert weights == {"G_a G_b": 25, "C_ab": 5}
