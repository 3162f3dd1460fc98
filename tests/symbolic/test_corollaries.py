"""Consequences of the theory that people quote, derived from the expansions and not typed in."""

from fractions import Fraction
from functools import cache
from itertools import permutations

import numpy as np
import pytest
import slow
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import relaxed
from sympy import Integer, Poly, Rational, cancel

from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import (
    exact_sgd,
    exact_sgd_average,
)
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic import (
    SDE,
    Contraction,
    Epochs,
    FullBatch,
    GradientFlow,
    Grid,
    OnePass,
    WithReplacement,
    expand,
    symbols,
)
from sgdiagrams.symbolic.embeddings.batches import (
    epochs_schedule,
    one_pass_schedule,
    reshuffled_schedules,
)
from sgdiagrams.symbolic.observable import increment
from sgdiagrams.symbolic.training.average import ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schedules.closed_schedules import Exponential, Polynomial
from sgdiagrams.symbolic.training.schedules.stepwise import Cosine, Step, WarmUp

T, N, B, E, beta, eta = (getattr(symbols, s) for s in ("T", "N", "B", "E", "beta", "eta"))
HALF = Rational(1, 2)
OBSERVABLES = (
    "test-loss",
    "training-loss",
    "generalisation-gap",
    "displacement",
    "second-moment",
    "covariance",
    "variance",
)


def parts(text):
    """Read ``"a|bc ab D"``: blocks, their nodes, and each node's indices; capitals are free."""
    nodes, blocks = [], []
    for word in text.split():
        blocks.append([])
        for legs in word.split("|"):
            blocks[-1].append(len(nodes))
            nodes.append(legs)
    inner = sorted({i for legs in nodes for i in legs if i.islower()})
    edges = [tuple(v for v, legs in enumerate(nodes) for j in legs if j == i) for i in inner]
    outer = sorted(i for legs in nodes for i in legs if i.isupper())
    return edges, blocks, [next(v for v, x in enumerate(nodes) if i in x) for i in outer]


def value(text, basis="cumulant"):
    """Return a contraction of joint cumulants or moments: ``"a|bc ab c"`` is kappa_{a|bc} H_ab G_c."""
    edges, blocks, free = parts(text)
    return Contraction.build(edges, blocks, free=free, basis=basis)


LOSS = Contraction.build([], [[0]])
GG, GHG, CH = value("a a"), value("a ab b"), value("a|b ab")
#: Half the gradient of tr C, times G.
DRIFT = value("a|ab b")


def weights(expansion):
    return {term.contraction: term.weight for term in expansion.terms}


def assert_weights(expansion, wanted):
    """Compare all weights as rational functions."""
    found = weights(expansion)
    assert set(found) == {c for c, w in wanted.items() if cancel(w) != 0}
    for contraction, weight in found.items():
        assert cancel(weight - wanted[contraction]) == 0, contraction


@cache
def expansion(observable, scheme, order, basis="cumulant", optimizer=None):
    return expand(observable, order=order, sampling=scheme, basis=basis, optimizer=optimizer)


# Equal visits: one law at order two ----------------------------------------------------------------


def law(T, N, B):
    """Return the test loss to order two where every datapoint is visited equally often."""
    M = T / N
    return {
        LOSS: Integer(1),
        GG: -T,
        GHG: T * (T - HALF),
        CH: T * M / 2,
        DRIFT: T / 2 * (M - 1 / B),
    }


@pytest.mark.parametrize(
    ("scheme", "wanted"),
    [
        (OnePass(B=B), law(T, T * B, B)),
        (Epochs(), law(E * N / B, N, B)),
        (Epochs(shuffle="once"), law(E * N / B, N, B)),
        (Epochs(shuffle="every-epoch"), law(E * N / B, N, B)),
        (FullBatch(), law(E, N, N)),
    ],
    ids=lambda x: getattr(x, "label", ""),
)
def test_schedules_that_visit_all_equally(scheme, wanted):
    assert_weights(expansion("test-loss", scheme, 2), wanted)


@st.composite
def equal_visits(draw):
    """Draw batches of one size in any order, every row being in equally many."""
    N, visits = draw(st.sampled_from([(2, 2), (3, 2), (2, 3), (4, 1), (4, 2)]))
    B = draw(st.sampled_from([b for b in (1, 2, N) if N * visits % b == 0 and b <= N]))
    rows = draw(st.permutations([n for n in range(N) for _ in range(visits)]))
    batches = [rows[i : i + B] for i in range(0, len(rows), B)]
    if any(len(set(batch)) < B for batch in batches):
        batches = [[(i + j) % N for j in range(B)] for i in range(0, N * visits, B)]
    return Grid(batches, N=N), len(batches), N, B


@settings(relaxed, max_examples=25)
@given(case=equal_visits())
def test_any_order_of_equal_visits(case):
    grid, *numbers = case
    assert_weights(
        expand("test-loss", order=2, sampling=grid, basis="cumulant"), law(*map(Integer, numbers))
    )
    gap = expand("generalisation-gap", order=1, sampling=grid, basis="cumulant")
    assert_weights(gap, {value("a|a"): Rational(numbers[0], numbers[1])})


def test_unequal_visits_break_the_law():
    uneven = expand("test-loss", order=2, sampling=Grid([[0], [0], [0], [1]]), basis="cumulant")
    assert weights(uneven)[CH] == 5  # (9 + 1)/2 instead of 4
    assert weights(uneven)[DRIFT] == 3


def test_with_replacement():
    wanted = law(T, N, B) | {
        CH: T / (2 * B) * (1 + (T * B - 1) / N),
        DRIFT: T * (T - 1) / (2 * N),
    }
    assert_weights(expansion("test-loss", WithReplacement(), 2), wanted)
    gap = expansion("generalisation-gap", WithReplacement(), 1)
    assert_weights(gap, {value("a|a"): T / N})


# Batches, epochs and the implicit penalty ----------------------------------------------------------


def test_full_batches_against_single_datapoints():
    # E[theta_GD - theta_SGD] = + T (N - 1)/(4 N) grad tr C at order two, T = N
    full = expansion("displacement", FullBatch(), 2).subs({E: T, N: T})
    difference = full - expansion("displacement", OnePass(), 2)
    grad_trace = 2  # grad tr C = 2 kappa_{b|ab}
    assert_weights(difference, {value("b|bA"): grad_trace * T * (T - 1) / (4 * T)})


def test_epochs_at_a_smaller_rate_against_one_epoch():
    # + eta^2 N (M0 - 1)/(4 M0) grad E |grad l_x|^2, in plain moments, with M0 epochs at eta/M0
    for epochs in (Epochs(B=1), Epochs(B=1, shuffle="every-epoch")):
        many = expansion("displacement", epochs, 2, "moment").subs({eta: eta / E})
        once = expansion("displacement", OnePass(), 2, "moment").subs({T: N})
        wanted = {value("b|bA", "moment"): 2 * N * (E - 1) / (4 * E)}
        assert_weights(many - once, wanted)


def plus(f, g, scale=1):
    result = dict(f)
    for e, c in g.items():
        result[e] = result.get(e, Fraction(0)) + scale * c
    return result


def times(f, g):
    result = {}
    for e, a in f.items():
        for d, b in g.items():
            key = tuple(x + y for x, y in zip(e, d, strict=True))
            result[key] = result.get(key, Fraction(0)) + a * b
    return result


def slope(f, mu):
    return {(*e[:mu], e[mu] - 1, *e[mu + 1 :]): c * e[mu] for e, c in f.items() if e[mu]}


def mean(polynomials):
    total = {}
    for f in polynomials:
        total = plus(total, f, Fraction(1, len(polynomials)))
    return total


def derivatives(f, start, order):
    """Return the derivatives of a polynomial at a point: {k: tensor}."""
    result = {}
    for k in range(order + 1):
        tensor = np.empty((len(start),) * k, dtype=object)
        for index in np.ndindex(tensor.shape):
            g = f
            for mu in index:
                g = slope(g, mu)
            tensor[index] = sum(
                (c * np.prod([x**i for x, i in zip(start, e, strict=True)]) for e, c in g.items()),
                Fraction(0),
            )
        result[k] = tensor
    return result


@pytest.mark.parametrize(
    "metric", [None, [[1, -1], [-1, Fraction(1, 2)]]], ids=["scalar", "matrix"]
)
@pytest.mark.parametrize("N", [1, 2, 3])
def test_descent_on_a_penalised_loss_is_like_single_datapoints(N, metric):
    # Full batches on l_x + (N - 1)/(4 N) tr(eta C) against one pass: the test losses agree to order two.
    landscape = PolynomialLandscape(
        PolynomialLandscape.random(31, p=2, degree=3, atoms=3).losses, start=[Fraction(1, 2), -1]
    )
    table = [[1, 0], [0, 1]] if metric is None else metric
    losses = [dict(f) for f in landscape.losses]
    loss = mean(losses)
    trace = {}
    for i in range(2):
        for j in range(2):
            both = mean([times(slope(f, i), slope(f, j)) for f in losses])
            both = plus(both, times(slope(loss, i), slope(loss, j)), -1)
            trace = plus(trace, both, Fraction(table[i][j]))
    share = Fraction(N - 1, 4 * N)
    penalised = PolynomialLandscape([plus(f, trace, share) for f in losses], start=landscape.start)

    # SGD itself. The penalty is of first order in eta, so its effect on order one belongs to order two.
    def run(which, schedule):
        return exact_sgd(which, schedule, order=2, eta=metric, observable="function", function=loss)

    full = epochs_schedule(N, N, N)
    plain, bent = run(landscape, full), run(penalised, full)
    moved = (plain[0], plain[1], plain[2] + bent[1] - plain[1])
    single = run(landscape, one_pass_schedule(N))
    assert moved == single
    assert (plain == single) == (N == 1)

    # The same from the expansions, with the statistics of the penalised landscape.
    watched = {"bare": derivatives(loss, landscape.start, 2)}
    rate = 1 if metric is None else np.array(metric, dtype=object)

    def predict(which, scheme):
        statistics = Statistics.from_samples(
            which.statistics(2).samples, role="population", functions=watched
        )
        what = expand("function:bare", order=2, sampling=scheme)
        return what.evaluate(statistics, eta=rate).orders

    assert predict(landscape, FullBatch(N=N, E=N)) == plain
    assert predict(penalised, FullBatch(N=N, E=N))[1] == bent[1]
    assert predict(landscape, OnePass(T=N)) == single


def test_the_unbiased_covariance_serves_and_the_plug_in_one_is_short():
    # On average over training sets of N the unbiased covariance is the population's; with the plug-in
    # one, (N - 1)/N of it, the factor is 1/4.
    random = np.random.default_rng(5)
    gradients = [Fraction(int(x)) for x in random.integers(-5, 6, size=4)]
    m = sum(gradients) / 4
    population = sum((g - m) ** 2 for g in gradients) / 4
    for size in (2, 3):
        sets = list(np.ndindex(*[4] * size))
        plug_in = Fraction(0)
        for chosen in sets:
            here = [gradients[i] for i in chosen]
            centre = sum(here) / size
            plug_in += sum((g - centre) ** 2 for g in here) / size / len(sets)
        assert plug_in * size / (size - 1) == population
        assert plug_in / 4 == population * Fraction(size - 1, 4 * size)


# Reshuffling --------------------------------------------------------------------------------------

RESHUFFLED, FIXED = Epochs(shuffle="every-epoch"), Epochs()

#: Reshuffled minus fixed order, in units of E (E - 1) N (N - B)/(24 B^4).
#: Blocks whose factor is N + B, then 3 (N - B)/(N - 1), then -3 (N + B - 2)/(N - 1).
ONE_PAIR = {
    "a|bc ad bd c": 3,
    "a|b ac cd bd": -1,
    "a ab|cd bc d": -2,
    "a ab|bc cd d": 1,
    "a|bc ab cd d": -1,
    "a|bc abd d c": 1,
    "a|b acd c bd": -1,
    "a bc|abd d c": -1,
    "a|bcd ad b c": 1,
}
TWO_PAIRS_PLUS = ("a|bc c|ad bd", "a|bc ad|bd c", "a|bc c|abd d")
TWO_PAIRS_MINUS = ("a|b ac|bd cd", "a|bc ab|cd d", "a|b bc|acd d")


def reshuffling(E, N, B):
    """Return the formula at order four: contraction -> weight."""
    unit = E * (E - 1) * N * (N - B) / (24 * B**4)
    result = {value(text): unit * (N + B) * c for text, c in ONE_PAIR.items()}
    result |= {value(text): unit * 3 * (N - B) / (N - 1) for text in TWO_PAIRS_PLUS}
    result |= {value(text): -unit * 3 * (N + B - 2) / (N - 1) for text in TWO_PAIRS_MINUS}
    return result


@pytest.mark.parametrize("observable", OBSERVABLES)
def test_reshuffling_changes_nothing_through_order_three(observable):
    for basis in ("moment", "cumulant"):
        difference = expansion(observable, RESHUFFLED, 3, basis) - expansion(
            observable, FIXED, 3, basis
        )
        assert not difference.terms


def test_reshuffling_at_order_four():
    r"""The test loss of reshuffled epochs minus that of a fixed order, at :math:`\eta^4`, is

    E (E - 1) N (N - B) / (24 B^4) times

        (N + B) [ 3 k_{a|bc} H_ad H_bd G_c - C_ab H_ac H_cd H_bd - 2 G_a k_{ab|cd} H_bc G_d
                  + G_a k_{ab|bc} H_cd G_d - k_{a|bc} H_ab H_cd G_d + k_{a|bc} J_abd G_d G_c
                  - C_ab J_acd G_c H_bd - G_a k_{bc|abd} G_d G_c + k_{a|bcd} H_ad G_b G_c ]

        + 3 (N - B)/(N - 1) [ k_{a|bc} k_{c|ad} H_bd + k_{a|bc} k_{ad|bd} G_c + k_{a|bc} k_{c|abd} G_d ]

        - 3 (N + B - 2)/(N - 1) [ C_ab k_{ac|bd} H_cd + k_{a|bc} k_{ab|cd} G_d + C_ab k_{bc|acd} G_d ]

    with k_{a|bc} = Cov(d_a l_x, d_b d_c l_x) and so on: only pairs, no joint cumulant of three.
    It is 0 for E = 1 and for B = N; N = 1 has only B = N.
    """
    difference = expansion("test-loss", RESHUFFLED, 4) - expansion("test-loss", FIXED, 4)
    assert_weights(difference, reshuffling(E, N, B))
    assert difference.terms
    assert not difference.subs({E: 1}).terms
    assert not difference.subs({B: N}).terms
    for single in (Epochs(N=1, B=1), Epochs(N=1, B=1, shuffle="every-epoch")):
        once = expand("test-loss", order=4, sampling=single, basis="cumulant")
        assert weights(once) == weights(expansion("test-loss", FIXED, 4).subs({N: 1, B: 1}))


@pytest.mark.parametrize(
    ("N", "B", "E", "p"), [(2, 1, 2, 1), (2, 1, 3, 1), (4, 2, 2, 1), (3, 1, 2, 1), (2, 1, 2, 2)]
)
def test_the_formula_of_reshuffling_against_the_judge(N, B, E, p):
    # SGD itself, and the contractions by loops over indices.
    degree = 5 if p == 1 else 4
    landscape = PolynomialLandscape.random(17, p=p, degree=degree, atoms=2)
    shuffled = exact_sgd_average(
        landscape, reshuffled_schedules(N, B, E, first_fixed=True), order=4
    )
    fixed = exact_sgd(landscape, epochs_schedule(N, B, E), order=4)
    assert shuffled[:4] == fixed[:4]
    samples = landscape.statistics(4).samples
    numbers = (Fraction(x) for x in (E, N, B))
    total = Fraction(0)
    formula = reshuffling(*numbers)
    for text in (*ONE_PAIR, *TWO_PAIRS_PLUS, *TWO_PAIRS_MINUS):
        edges, blocks, _ = parts(text)
        total += formula[value(text)] * slow.value(edges, blocks, samples, basis="cumulant")
    assert shuffled[4] - fixed[4] == total != 0


# The diffusion limit ------------------------------------------------------------------------------


def without_gradient(expansion):
    """Return the weights at G = 0."""
    return {
        c: w
        for c, w in weights(expansion).items()
        if not any(len(block) == 1 and c.legs[block[0]] == 1 for block in c.blocks)
    }


def test_single_steps_against_the_diffusion():
    difference = expansion("test-loss", OnePass(B=B), 3) - expansion("test-loss", SDE(B=B), 3)
    at_two = {t.contraction: t.weight for t in difference.order_terms(2)}
    assert at_two == {GHG: -T / 2}
    assert not difference.order_terms(0)
    assert not difference.order_terms(1)
    # Near a minimum the first difference is of order three.
    assert without_gradient(difference) == {
        value("a|b bc ac"): T / (2 * B),
        value("a|b|c abc"): -T / (6 * B**2),
    }
    # Both have (T/2B) C:H, which the flow has not.
    for scheme in (OnePass(B=B), SDE(B=B)):
        assert weights(expansion("test-loss", scheme, 2))[CH] == T / (2 * B)
    assert CH not in weights(expansion("test-loss", GradientFlow(), 2))


# Fluctuations of one pass -------------------------------------------------------------------------


def test_fluctuations_at_order_two():
    covariance = expansion("covariance", OnePass(B=B), 2)
    assert_weights(covariance, {value("A|B"): T / B})
    variance = expansion("variance", OnePass(B=B), 2)
    assert_weights(variance, {value("a|b a b"): T / B})
    moments = expansion("covariance", OnePass(), 2, "moment")
    assert_weights(moments, {value("A|B", "moment"): T, value("A B", "moment"): -T})
    # The whole second moment: the square of the drift beside it
    second = expansion("second-moment", OnePass(), 2)
    assert_weights(second, {value("A|B"): T, value("A B"): T**2})
    # With M visits of every datapoint, T = N M / B updates: the fluctuations of the training set add up.
    many = expansion("covariance", Epochs(), 2)
    assert_weights(many, {value("A|B"): N * E**2 / B**2})


# Momentum -----------------------------------------------------------------------------------------


def in_decay(weight, x):
    """Write x for beta^T."""
    return weight.replace(
        lambda p: p.is_Pow and p.base == beta and p.exp.has(T),
        lambda p: x ** p.exp.expand().coeff(T) * beta ** p.exp.subs(T, 0),
    )


def late(weight):
    """Leave out powers of beta that vanish for T -> infinity."""
    return cancel(in_decay(weight, Integer(0)))


@pytest.mark.parametrize("optimizer", [Momentum(), Nesterov()], ids=lambda o: o.name)
def test_momentum_is_a_greater_learning_rate_in_the_end(optimizer):
    r"""For T -> infinity :math:`\eta \to \eta/(1 - \beta)`; the first correction is a shift in time.

    With k = 1/(1 - beta) and the shift b = beta (heavy ball) or beta^2 (Nesterov):

    GG   -k (T - b k)
    GHG  k^2 (T^2 - (1/2 + 3 b k) T + ...)
    C:H  k^2 (T/2 - ...)
    """
    k = 1 / (1 - beta)
    shift = (beta if optimizer.name == "momentum" else beta**2) * k
    found = {
        c: late(w)
        for c, w in weights(expansion("test-loss", OnePass(B=B), 2, optimizer=optimizer)).items()
    }
    assert set(found) == {LOSS, GG, GHG, CH}
    assert cancel(found[GG] + k * (T - shift)) == 0

    def coefficient(weight, power):
        assert weight.is_polynomial(T)
        return cancel(Poly(weight, T).coeff_monomial(T**power))

    assert cancel(coefficient(found[GHG], 2) - k**2) == 0
    assert cancel(coefficient(found[GHG], 1) + k**2 * (HALF + 3 * shift)) == 0
    assert cancel(coefficient(found[CH], 1) - k**2 / (2 * B)) == 0
    # The same as plain SGD at eta/(1 - beta), in the leading power of T.
    plain = weights(expansion("test-loss", OnePass(B=B), 2).subs({eta: eta * k}))
    for contraction, power in ((GG, 1), (GHG, 2), (CH, 1)):
        lead = coefficient(found[contraction], power)
        assert cancel(lead - coefficient(plain[contraction], power)) == 0


def test_the_whole_fluctuation_with_momentum():
    # (1/2B) sum_D ((1 - beta^D)/(1 - beta))^2, D = 1..T
    weight = weights(expansion("test-loss", OnePass(B=B), 2, optimizer=Momentum()))[CH]
    steps = (
        T - 2 * beta * (1 - beta**T) / (1 - beta) + beta**2 * (1 - beta ** (2 * T)) / (1 - beta**2)
    )
    assert cancel(in_decay(weight - steps / (2 * B * (1 - beta) ** 2), symbols.gamma)) == 0


# Degenerate cases ---------------------------------------------------------------------------------

SCHEMES = [OnePass(), OnePass(B=B), FullBatch(), WithReplacement()]


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.label)
def test_without_memory_momentum_is_plain(scheme, observable):
    plain = weights(expansion(observable, scheme, 2))
    for same in (
        Momentum(beta=0),
        Nesterov(beta=0),
        SGD(schedule=Exponential(1)),
        SGD(schedule=Polynomial((1,))),
        SGD(average=ExponentialAverage(0)),
        Nesterov(beta=0, schedule=Exponential(1), average=ExponentialAverage(0)),
    ):
        assert weights(expansion(observable, scheme, 2, optimizer=same)) == plain


@pytest.mark.parametrize("optimizer", [Momentum(), Nesterov()], ids=lambda o: o.name)
def test_beta_to_zero_afterwards(optimizer):
    found = expansion("test-loss", OnePass(), 3, optimizer=optimizer)
    numbered = weights(expansion("test-loss", OnePass(), 3).subs({T: 5}))
    assert weights(found.subs({T: 5, beta: 0})) == numbered


NUMBERED = [
    OnePass(T=5),
    OnePass(T=3, B=2),
    FullBatch(N=3, E=4),
    Epochs(N=4, B=2, E=2),
    Epochs(N=3, B=1, E=2, shuffle="every-epoch"),
    WithReplacement(N=3, B=2, T=4),
    Grid([[0, 1], [2], [0, 2, 1], [1]]),
]


@pytest.mark.parametrize("scheme", NUMBERED, ids=lambda s: s.label)
def test_constant_schedules_and_averages_of_one_are_nothing(scheme):
    updates = int(scheme.updates)
    constant = [
        [1] * updates,
        Exponential(1),
        Polynomial((1,)),
        Cosine(floor=1),
        Step(every=updates),
        WarmUp(over=1),
    ]
    for method in (SGD(), Momentum(beta="1/3"), Nesterov(beta="1/2")):
        kind = type(method)
        memory = {} if method.name == "sgd" else {"beta": method.beta}
        scales = (
            [{}]
            if method.name == "sgd"
            else [
                {"schedule_scales": "velocity"},
                {"schedule_scales": "gradient"},
            ]
        )
        bare = weights(expand("generalisation-gap", order=2, sampling=scheme, optimizer=method))
        assert bare
        for same in (
            kind(average=TailAverage(1), **memory),
            kind(average=ExponentialAverage(0), **memory),
            *(kind(schedule=s, **memory, **scale) for s in constant for scale in scales),
        ):
            found = expand("generalisation-gap", order=2, sampling=scheme, optimizer=same)
            assert weights(found) == bare, same.label


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(beta="1/3")], ids=lambda o: o.name)
def test_a_constant_factor_is_a_factor_of_the_learning_rate(optimizer):
    memory = {} if optimizer.name == "sgd" else {"beta": optimizer.beta}
    for scheme in (OnePass(), FullBatch()):
        scaled = type(optimizer)(schedule=Polynomial((3,)), **memory)
        found = expansion("test-loss", scheme, 2, optimizer=scaled)
        plain = expansion("test-loss", scheme, 2, optimizer=optimizer)
        assert weights(found) == weights(plain.subs({eta: 3 * eta}))


def test_formulas_of_schedules_are_those_of_their_numbers():
    for formula, factors in (
        (Exponential("1/2"), [1, "1/2", "1/4", "1/8"]),
        (Polynomial(), [1, "3/4", "1/2", "1/4"]),
    ):
        for kind, memory in ((SGD, {}), (Nesterov, {"beta": "1/3", "schedule_scales": "gradient"})):
            closed = expansion(
                "test-loss", OnePass(), 3, optimizer=kind(schedule=formula, **memory)
            )
            by_number = expand(
                "test-loss",
                order=3,
                sampling=OnePass(T=4),
                optimizer=kind(schedule=factors, **memory),
                basis="cumulant",
            )
            assert weights(closed.subs({T: 4})) == weights(by_number)


def test_the_mean_of_all_iterates_lags_behind():
    # sum_s K_out(s) = (T + 1)/2; the squares add up to (T + 1) (2 T + 1)/(6 T).
    found = weights(expansion("test-loss", OnePass(), 2, optimizer=SGD(average=TailAverage())))
    assert cancel(found[GG] + (T + 1) / 2) == 0
    assert cancel(found[CH] - (T + 1) * (2 * T + 1) / (12 * T)) == 0


def test_increments_are_differences():
    for optimizer in (SGD(), Momentum(beta="1/2", schedule=[1, 2, "1/3", 1, 1])):
        schedule = optimizer.schedule

        def cut(length, optimizer=optimizer, schedule=schedule):
            if schedule is None:
                return optimizer
            return Momentum(beta="1/2", schedule=schedule.values[:length])

        for name in ("test-loss", "displacement", "function:s"):
            change = expand(
                increment(name, since=3), order=3, sampling=OnePass(T=5), optimizer=optimizer
            )
            end = expand(name, order=3, sampling=OnePass(T=5), optimizer=optimizer)
            start = expand(name, order=3, sampling=OnePass(T=3), optimizer=cut(3))
            assert weights(change) == weights(end - start)
    # From the start on: the whole second moment
    for name in ("second-moment", "covariance", "displacement"):
        whole = expand(increment(name, since=0), order=3, sampling=Epochs(N=4, B=2, E=2))
        assert weights(whole) == weights(expand(name, order=3, sampling=Epochs(N=4, B=2, E=2)))


def test_names_of_rows_do_not_matter():
    wanted = weights(expand("generalisation-gap", order=2, sampling=Grid([[0, 1], [2], [0]])))
    for a, b, c in permutations(range(3)):
        renamed = Grid([[a, b], [c], [a]], N=3)
        assert weights(expand("generalisation-gap", order=2, sampling=renamed)) == wanted
