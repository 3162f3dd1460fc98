"""Modified equations and imitations against SGD itself, in exact or in 50-digit arithmetic."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polynomial_fields import expression_at, losses_of, terms_of
from sympy import Rational, lambdify

from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import exact_sgd
from sgdiagrams.symbolic.embeddings.batches import epochs_schedule, one_pass_schedule
from sgdiagrams.symbolic.modified.equation import modified_equation
from sgdiagrams.symbolic.modified.imitation import imitate
from sgdiagrams.symbolic.modified.operators import tensor_of_rank
from sgdiagrams.symbolic.symbols import beta
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.schemes.epochs import Epochs, FullBatch
from sgdiagrams.symbolic.training.schemes.limits import GradientDescent, GradientFlow
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.training import Training

DEGREE = 4

quarters = st.builds(Fraction, st.integers(-3, 3), st.just(4))


@st.composite
def landscapes(draw, atoms=2, p=2, degree=DEGREE):
    monomials = [e for e in np.ndindex(*[degree + 1] * p) if 0 < sum(e) <= degree]
    losses = [{e: draw(quarters) for e in monomials} for _ in range(atoms)]
    return PolynomialLandscape(losses, start=[draw(quarters) for _ in range(p)])


# The drift, integrated -------------------------------------------------------------------------------


def integrated(field, start, time, steps):
    """Integrate y' = field(y) by the midpoint rule with extrapolation, to order 12."""
    y = start
    for _ in range(steps):
        table = []
        for n in (2, 4, 6, 8, 10, 12):
            h = mpmath.mpf(time) / steps / n
            before, now = y, y + h * field(y)
            for _ in range(n - 1):
                before, now = now, before + 2 * h * field(now)
            # Gragg's smoothing.
            row = [(before + now + h * field(now)) / 2]
            for j, above in enumerate(table[-1] if table else []):
                ratio = mpmath.mpf(n) / (2 * (len(table) - j))
                row.append(row[j] + (row[j] - above) / (ratio**2 - 1))
            table.append(row)
        y = table[-1][-1]
    return y


def drift_of(equation, landscape, order, numbers):
    """Return the drift as functions of weights and eta."""
    losses, variables = losses_of(landscape)
    fields = []
    for k in range(1, order + 1):
        drift = equation.drift(k).subs(numbers) if numbers else equation.drift(k)
        values = [expression_at(drift, losses, variables, (i,)) for i in range(len(variables))]
        fields.append(lambdify(variables, values, "mpmath"))
    return lambda eta: (
        lambda y: sum(
            (eta**k * np.array(f(*y), dtype=object) for k, f in enumerate(fields, start=1)),
            np.array([mpmath.mpf(0)] * len(variables), dtype=object),
        )
    )


def final_weights(landscape, eta, updates, momentum=0, *, is_nesterov=False):
    losses, variables = losses_of(landscape)
    mean = sum(losses) / len(losses)
    gradient = lambdify(variables, [mean.diff(v) for v in variables], "mpmath")
    theta = np.array(
        [mpmath.mpf(x.numerator) / x.denominator for x in landscape.start], dtype=object
    )
    velocity = 0 * theta
    for _ in range(updates):
        g = np.array(gradient(*theta), dtype=object)
        velocity = momentum * velocity + g
        theta = theta - eta * (g + momentum * velocity if is_nesterov else velocity)
    return theta


def smooth_losses(seed):
    """Return a random polynomial loss of two weights, gentle enough for a time of one half."""
    rng = np.random.default_rng(seed)
    terms = {
        exps: Fraction(int(rng.integers(-8, 9)), 12 * sum(exps))
        for exps in np.ndindex(DEGREE + 1, DEGREE + 1)
        if 0 < sum(exps) <= DEGREE
    }
    start = [Fraction(int(x), 8) for x in rng.integers(-4, 5, 2)]
    return PolynomialLandscape([terms], start=start)


@pytest.mark.parametrize(("order", "seed"), [(1, 1), (2, 2), (3, 3), (3, 4), (4, 5)])
def test_the_drift_of_gradient_descent_is_right_to_its_power_of_eta(order, seed):
    landscape = smooth_losses(seed)
    equation = modified_equation(order, sampling="gradient-descent")
    with mpmath.workdps(50):
        field = drift_of(equation, landscape, order, {})
        errors = []
        for updates in (64, 128):
            eta = mpmath.mpf(1) / (2 * updates)
            flown = integrated(field(eta), final_weights(landscape, eta, 0), updates, 8)
            errors.append(max(abs(flown - final_weights(landscape, eta, updates))))
        assert errors[1] > 1e-25  # not rounding
        assert abs(mpmath.log(errors[0] / errors[1], 2) - order) < 0.1


@pytest.mark.parametrize("optimizer", [Momentum, Nesterov])
def test_the_drift_of_momentum_begins_where_the_shift_says(optimizer):
    """After the transient: the flow from the shifted start, as far as two orders go."""
    order = 3
    landscape = smooth_losses(6)
    equation = modified_equation(order, sampling="gradient-descent", optimizer=optimizer())
    losses, variables = losses_of(landscape)
    numbers = {beta: Rational(1, 4)}
    # Of the mean of the weights: no function of theirs is differentiated twice.
    shifts = [tensor_of_rank(equation.shift(k).subs(numbers), 1) for k in (1, 2)]
    at_start = {
        v: Rational(x.numerator, x.denominator)
        for v, x in zip(variables, landscape.start, strict=True)
    }
    with mpmath.workdps(50):
        field = drift_of(equation, landscape, order, numbers)
        errors = []
        for updates in (128, 256):
            eta = mpmath.mpf(1) / (4 * updates)
            start = final_weights(landscape, eta, 0)
            for k, moved in enumerate(shifts, start=1):
                for i in range(2):
                    value = expression_at(moved, losses, variables, (i,)).subs(at_start)
                    start[i] += eta**k * mpmath.mpf(value.p) / value.q
            flown = integrated(field(eta), start, updates, 8)
            reached = final_weights(
                landscape, eta, updates, mpmath.mpf(1) / 4, is_nesterov=optimizer is Nesterov
            )
            errors.append(max(abs(flown - reached)))
        assert errors[1] > 1e-25
        assert abs(mpmath.log(errors[0] / errors[1], 2) - order) < 0.15


# Imitation -------------------------------------------------------------------------------------------


def penalised(landscape, polynomial, scale):
    """Return the landscape with a multiple of a polynomial added to every loss."""
    losses = []
    for loss in landscape.losses:
        terms = dict(loss)
        for exps, c in polynomial.items():
            terms[exps] = terms.get(exps, Fraction(0)) + scale * c
        losses.append(terms)
    return PolynomialLandscape(losses, start=landscape.start)


@settings(max_examples=4, deadline=None)
@given(landscape=landscapes(), function=landscapes(atoms=1))
def test_full_batches_imitate_one_pass(landscape, function):
    """Expected values of any function agree through eta^2 (Tenka 2020, corollary 3)."""
    N = 3
    imitation = imitate(Training(OnePass(T=N)), Training(FullBatch(N=N, E=N)), order=2)
    assert imitation.is_exact
    losses, variables = losses_of(landscape)
    penalty = terms_of(expression_at(imitation.term(2), losses, variables), variables)
    s = dict(function.losses[0])

    def expected(on, schedule, order):
        return exact_sgd(on, schedule, order=order, observable="function", function=s)

    wanted = expected(landscape, one_pass_schedule(N, 1), 2)
    full = epochs_schedule(N, N, N)
    plain = expected(landscape, full, 2)
    assert wanted[:2] == plain[:2]
    # Of the penalty times eta, order 2 sees the first power.
    added = expected(penalised(landscape, penalty, Fraction(1)), full, 1)[1] - plain[1]
    assert wanted[2] == plain[2] + added


@settings(max_examples=4, deadline=None)
@given(landscape=landscapes(), function=landscapes(atoms=1))
def test_one_epoch_imitates_three(landscape, function):
    imitation = imitate(Training(Epochs(N=2, B=1, E=3)), Training(OnePass(T=2)), order=2)
    assert imitation.rate == Rational(1, 3)
    losses, variables = losses_of(landscape)
    penalty = terms_of(expression_at(imitation.term(2), losses, variables), variables)
    s = dict(function.losses[0])
    rate = Fraction(1, 3)
    wanted = exact_sgd(
        landscape, epochs_schedule(2, 1, 3), order=2, observable="function", function=s
    )
    once = one_pass_schedule(2, 1)
    plain = exact_sgd(landscape, once, order=2, observable="function", function=s)
    assert wanted[1] * rate == plain[1]
    more = exact_sgd(
        penalised(landscape, penalty, Fraction(1)), once, order=1, observable="function", function=s
    )
    assert wanted[2] * rate**2 == plain[2] + more[1] - plain[1]


@settings(max_examples=2, deadline=None)
@given(landscape=landscapes(degree=3), function=landscapes(atoms=1, degree=3))
def test_what_no_penalty_mends_is_the_obstruction(landscape, function):
    """Order 3: what is imitated is the imitator with both penalties, and the obstruction."""
    N = 2
    imitation = imitate(Training(OnePass(T=N)), Training(FullBatch(N=N, E=N)), order=3)
    losses, variables = losses_of(landscape)
    second, third = (
        terms_of(expression_at(imitation.term(k), losses, variables), variables) for k in (2, 3)
    )
    s = dict(function.losses[0])
    (s_polynomial,), _ = losses_of(function)

    def expected(scale, penalty, order, schedule):
        return exact_sgd(
            penalised(landscape, penalty, Fraction(scale)),
            schedule,
            order=order,
            observable="function",
            function=s,
        )

    full = epochs_schedule(N, N, N)
    plain = expected(0, second, 3, full)
    first_power = (expected(1, second, 2, full)[2] - expected(-1, second, 2, full)[2]) / 2
    made = plain[3] + first_power + expected(1, third, 1, full)[1] - plain[1]
    at_start = {
        v: Rational(x.numerator, x.denominator)
        for v, x in zip(variables, landscape.start, strict=True)
    }
    rest = expression_at(imitation.obstruction(3), losses, variables, (), {"s": s_polynomial})
    value = rest.subs(at_start)
    wanted = expected(0, second, 3, one_pass_schedule(N, 1))[3]
    assert wanted == made + Fraction(int(value.p), int(value.q))


def test_gradient_flow_imitates_descent_until_no_loss_does():
    imitation = imitate(Training(GradientDescent()), Training(GradientFlow()), order=3)
    assert imitation.term(2).coefficient("G_a G_a") == Rational(1, 4)
    assert imitation.obstruction(2).is_zero
    assert not imitation.obstruction(3).is_zero
