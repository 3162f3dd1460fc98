"""Re-summed expansions of several times, held against the recursion of joint second moments."""

import cmath
from fractions import Fraction

import numpy as np
import pytest
from sympy import Symbol, cancel, simplify, symbols

from sgdiagrams import RequestError, SamplingError, Statistics
from sgdiagrams.symbolic import Epochs, Nesterov, OnePass, ResummedExpansion, expand, known_result

ETA = 0.3
CURVATURE = np.array([[1.0, 0.3], [0.3, 0.5]])
NOISE = np.random.default_rng(0).normal(size=(6, 2))
NOISE -= NOISE.mean(axis=0)
COVARIANCE = NOISE.T @ NOISE / 6
SIDES = "displacement:lag=1 * displacement:step"


def quadratic():
    """A quadratic loss with additive noise at its minimum."""
    samples = {0: np.zeros(6), 1: NOISE, 2: np.repeat(CURVATURE[None], 6, axis=0)}
    return Statistics.from_samples(samples, role="population")


def joint_moments(beta, T):
    """E z_s z_t^T of z = (theta, v) by its linear recursion, for all times to T."""
    one = np.eye(2)
    step = np.block([[one - ETA * CURVATURE, beta * one], [-ETA * CURVATURE, beta * one]])
    push = ETA**2 * np.block([[COVARIANCE, COVARIANCE], [COVARIANCE, COVARIANCE]])
    at_once = [np.zeros((4, 4))]
    for _ in range(T):
        at_once.append(step @ at_once[-1] @ step.T + push)

    def moment(s, t):
        if s > t:
            return moment(t, s).T
        return at_once[s] @ np.linalg.matrix_power(step.T, t - s)

    return moment


def recursion(beta, T, first, second):
    """The second moment of two sums of theta at times, given as signs and times."""
    moment = joint_moments(beta, T)
    return sum(a * b * moment(s, t)[:2, :2] for a, s in first for b, t in second)


def step_at(t):
    return [(1, t), (-1, t - 1)]


CASES = {
    "second-moment:lag": lambda T: ([(1, T - 2)], [(1, T)]),
    "covariance:lag=3": lambda T: ([(1, T - 3)], [(1, T)]),
    "second-moment:step": lambda T: (step_at(T), step_at(T)),
    "second-moment:step:lag=1": lambda T: (step_at(T - 1), step_at(T)),
    SIDES: lambda T: ([(1, T - 1)], step_at(T)),
    "second-moment:since=4": lambda T: ([(1, T), (-1, 4)],) * 2,
    "second-moment:at=4": lambda T: ([(1, 4)], [(1, T)]),
}


@pytest.mark.parametrize("beta", [0, Fraction(3, 5)])
@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_of_the_recursion(name, beta):
    expansion = expand(
        name,
        order=2,
        sampling=OnePass(),
        optimizer=f"momentum:beta={beta}" if beta else None,
        resummed=True,
    )
    lag = {"t": 2} if name.endswith(":lag") else {}
    for T in (4, 9):
        ours = expansion.evaluate(quadratic(), eta=ETA, T=T, **lag).value
        assert np.allclose(ours, recursion(float(beta), T, *CASES[name](T)), rtol=0, atol=1e-13)
    late = expansion.stationary().evaluate(quadratic(), eta=ETA, **lag).value
    assert np.allclose(late, recursion(float(beta), 300, *CASES[name](300)), rtol=0, atol=1e-13)
    assert ResummedExpansion.from_json(expansion.to_json()) == expansion


@pytest.mark.parametrize("name", ["second-moment:step", "second-moment:lag=2"])
def test_what_has_no_formula_is_counted_by_number(name):
    """Nesterov's recursion by hand, and epochs against one pass with one row for each update."""
    nesterov = expand(
        name, order=2, sampling=OnePass(T=5), optimizer=Nesterov(beta="1/2"), resummed=True
    )
    ours = nesterov.evaluate(quadratic(), eta=ETA).value
    beta, one = 0.5, np.eye(2)
    gradient = np.hstack([CURVATURE, 0 * one])
    velocity = np.hstack([0 * one, beta * one]) + gradient
    step = np.vstack([np.hstack([one, 0 * one]) - ETA * (gradient + beta * velocity), velocity])
    push = np.vstack([-ETA * (1 + beta) * one, one])
    moments = [np.zeros((4, 4))]
    for _ in range(5):
        moments.append(step @ moments[-1] @ step.T + push @ COVARIANCE @ push.T)
    cross = moments[4] @ step.T
    wanted = (moments[5] + moments[4] - cross - cross.T)[:2, :2]
    if name != "second-moment:step":
        wanted = (moments[3] @ np.linalg.matrix_power(step.T, 2))[:2, :2]
    assert np.allclose(ours, wanted, rtol=0, atol=1e-13)
    epochs = expand(name, order=2, sampling=Epochs(N=5, B=1, E=1), resummed=True)
    once = expand(name, order=2, sampling=OnePass(T=5), resummed=True)
    values = [e.evaluate(quadratic(), eta=ETA).value for e in (epochs, once)]
    assert np.allclose(*values, rtol=0, atol=1e-14)


# Formulas ---------------------------------------------------------------------------------------------


def test_the_autocovariance_falls_like_one_less_eta_h():
    lagged = expand("covariance:lag", order=2, sampling="fresh-data", resummed=True).at_minimum()
    [term] = lagged.stationary().terms
    ha, hb, B, t = symbols("h_a h_b B t")
    assert simplify(term.weight - (1 - hb) ** t / (B * (1 - (1 - ha) * (1 - hb)))) == 0
    eta, H, C = symbols("eta H C")
    shown = lagged.stationary().in_one_dimension()
    assert simplify(shown - C * eta * (1 - eta * H) ** t / (B * H * (2 - eta * H))) == 0
    assert r"q_{\nu}^{t}" in lagged.stationary().latex()
    assert "q_b^t" in lagged.stationary().text()
    small = lagged.small_eta().latex()
    assert r"e^{-\eta H_{\nu} t}" in small
    assert r"(T - t)" in lagged.continuous().latex()
    assert lagged.conditions(term) == (("a", "b"),)


def test_momentum_has_one_power_for_each_root():
    lagged = expand(
        "covariance:lag", order=2, sampling="one-pass", optimizer="momentum", resummed=True
    )
    [term] = lagged.at_minimum().stationary().terms
    numbers = {"h_a": 1 / 3, "h_b": 1 / 5, "beta": 1 / 2}
    trace = 1 + numbers["beta"] - numbers["h_b"]
    root = cmath.sqrt(trace**2 - 4 * numbers["beta"])
    given = {**numbers, "r_b": (trace + root) / 2, "s_b": (trace - root) / 2}
    for lag in (1, 3):
        name = f"covariance:lag={lag}"
        other = expand(name, order=2, sampling="one-pass", optimizer="momentum", resummed=True)
        [fixed] = other.at_minimum().stationary().terms
        ours = complex(term.weight.subs({"t": lag}).subs(given))
        assert abs(ours - float(fixed.weight.subs(numbers))) < 1e-12


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
def test_what_a_step_adds_to_the_second_moment_cancels(optimizer):
    """Yaida's first relation for one weight, in every order: 2 <theta v> + <v v> = 0."""
    order = 4 if optimizer == "sgd" else 2
    moved, squared = (
        expand(name, order=order, sampling="one-pass", optimizer=optimizer, resummed=True)
        .at_minimum()
        .stationary()
        for name in (SIDES, "second-moment:step")
    )
    for k in range(2, order + 1):
        total = 2 * moved.in_one_dimension(k) + squared.in_one_dimension(k)
        assert simplify(total) == 0
    assert squared.in_one_dimension(2) != 0
    if order > 2:  # third derivatives, and the noise of the Hessian
        names = {str(s) for s in squared.in_one_dimension(4).free_symbols}
        assert names >= {"C", "J", "kappa_1_3"}


def test_yaida_with_momentum():
    """<theta . grad l> = (1 + mu)/(2 eta) <v v>, where H <theta theta> is the left side."""
    covariance = known_result("heavy-ball-covariance").formula
    eta, H, beta = symbols("eta H beta")
    velocity = known_result("stationary-velocity").formula
    assert cancel(H * covariance - (1 + beta) / (2 * eta) * velocity) == 0
    plain = known_result("fluctuation-dissipation").formula
    assert cancel((H * covariance).subs(beta, 0) - plain) == 0


def test_pflug_changes_its_sign():
    eta, H, C, B = symbols("eta H C B")
    late = known_result("successive-gradients").formula
    assert cancel(late + eta * H * C / (B * (2 - eta * H))) == 0
    early = expand("second-moment:step:lag=1", order=2, sampling="fresh-data", basis="cumulant")
    [first] = early.terms
    assert (str(first.contraction), first.weight) == ("G_a G_b", 1)


def test_steps_along_a_flat_direction_are_the_velocity():
    steps, drift = (
        expand(name, order=3, sampling="one-pass", resummed=True)
        .at_minimum()
        .stationary(flat=("a",))
        for name in ("displacement:step", "displacement")
    )
    assert simplify(steps.terms[0].weight * Symbol("T") - drift.terms[0].weight) == 0


def test_mean_gradients_leave_no_covariance():
    """Parts of a diagram that look at one time know no other, so that products of means cancel."""
    lagged = expand("covariance:lag", order=2, sampling="one-pass", resummed=True)
    assert [str(term.contraction) for term in lagged.terms] == ["C_ab"]


def test_what_grows_is_counted_from_its_own_time():
    """Along a flat direction, T updates push; T - 3 when looked at three updates before."""
    flat = Statistics.from_samples(
        {0: [0, 0], 1: [[1.0], [-1.0]], 2: [[[0.0]], [[0.0]]]}, role="population"
    )
    for name, steps in (("second-moment:lag=3", 7), ("covariance:at=4", 4)):
        expansion = expand(name, order=2, sampling="one-pass", resummed=True)
        value = expansion.evaluate(flat, eta=0.5, T=10).value
        assert value.item() == pytest.approx(0.25 * steps)
    step = expand("second-moment:step", order=2, sampling="one-pass", resummed=True)
    assert step.stationary().evaluate(flat, eta=0.5).value.item() == pytest.approx(0.25)


@pytest.mark.parametrize(
    "call",
    [
        lambda e: e.expanded(),
        lambda e: e.at(t=4, T=3),
        lambda e: e.evaluate(quadratic(), eta=ETA, T=3, t=4),
        lambda e: e.evaluate(quadratic(), eta=ETA, T=3),
        lambda e: e.evaluate(quadratic(), eta=ETA, T=3, t=1, s=2),
        lambda e: e.at(t=1).continuous().terms,
        lambda _: (
            expand("second-moment:at=2", order=2, sampling="one-pass", resummed=True)
            .small_eta()
            .terms
        ),
        lambda _: expand("second-moment:lag=1", order=2, sampling="sde", resummed=True),
        lambda _: expand("second-moment:at=4", order=2, sampling=OnePass(T=3), resummed=True),
    ],
)
def test_what_has_no_answer_is_refused(call):
    expansion = expand("second-moment:lag", order=2, sampling="one-pass", resummed=True)
    with pytest.raises((RequestError, SamplingError)) as refused:
        call(expansion)
    assert "\n" not in str(refused.value)


def test_orders_of_a_given_set_are_averaged_at_several_times():
    """All orders of two epochs over four rows, by the recursion of each."""
    slopes = [1.0, -1.0, 0.5, -0.5]
    rows = Statistics.from_samples(
        {0: np.zeros(4), 1: np.array(slopes)[:, None], 2: np.full((4, 1, 1), 0.7)},
        role="training-set",
    )
    scheme = Epochs(N=4, B=2, E=2, shuffle="every-epoch")
    sums = np.zeros(2)
    for chance, batches in scheme.course().all_batches():
        theta = [0.0]
        for batch in batches:
            slope = 0.7 * theta[-1] + np.mean([slopes[row] for row in batch])
            theta.append(theta[-1] - ETA * slope)
        moments = [theta[-2] * theta[-1], (theta[-1] - theta[-2]) ** 2]
        sums += float(chance) * np.array(moments)
    for name, wanted in zip(("second-moment:lag=1", "second-moment:step"), sums, strict=True):
        expansion = expand(name, order=2, sampling=scheme, resummed=True, role="training-set")
        assert expansion.evaluate(rows, eta=ETA).value.item() == pytest.approx(wanted, rel=1e-12)
        assert "T-1" in expansion.text()
        assert "T-1" in expansion.latex()
