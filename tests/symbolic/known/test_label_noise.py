"""What label noise adds to the loss, against what is published and against SGD with such labels."""

import pytest
from sympy import Rational, Symbol, log, series, simplify

from sgdiagrams.symbolic import known_result
from sgdiagrams.symbolic.symbols import beta, eta

H = Symbol("H")


def published(b):
    """Return -(1 + b)/(2 eta) log(1 - eta H/(2 (1 + b))): Damian, Ma, Lee (2021)."""
    return -(1 + b) / (2 * eta) * log(1 - eta * H / (2 * (1 + b)))


@pytest.mark.parametrize(("name", "b"), [("label-noise", 0), ("label-noise-momentum", beta)])
def test_all_orders_are_those_published(name, b):
    derived = known_result(name).formula
    order = 8
    one, other = (series(f, eta, 0, order).removeO() for f in (derived, published(b)))
    assert simplify(one - other) == 0
    # A quarter of the trace of the Hessian to lowest order, with momentum or without.
    assert simplify(one.subs(eta, 0) - H / 4) == 0
    assert one.coeff(eta, 1).subs(beta, 0) == H**2 / 16
    assert simplify(derived.diff(H) - published(b).diff(H)) == 0


@pytest.mark.parametrize("b", [0, Rational(1, 2)])
def test_the_velocity_is_that_of_sgd_with_noisy_labels(b):
    # The model f = s(z) y with s^2 = H is fitted by y = 0 for all z; labels are +-1. Without the small
    # motion of z, y and its velocity have exact second moments; z moves against s' y (s y - label).
    rate, curvature = Rational(1, 3), Rational(4, 5)
    yy = yv = vv = Rational(0)
    for _ in range(200):
        # v <- b v - rate (H y - s e), y <- y + v, with the mean 0 and the variance 1 of the label e.
        pull, kick = rate * curvature, rate**2 * curvature
        new_vv = b**2 * vv - 2 * b * pull * yv + pull**2 * yy + kick
        new_yv = b * yv - pull * yy + new_vv
        new_yy = yy + 2 * (b * yv - pull * yy) + new_vv
        yy, yv, vv = (x.limit_denominator(10**30) for x in (new_yy, new_yv, new_vv))
    # s s' is half of the slope of H; momentum makes 1/(1 - b) of every push.
    velocity = -rate / (1 - b) * yy / 2
    name = "label-noise-momentum" if b else "label-noise"
    slope = known_result(name).formula.diff(H).subs({eta: rate, beta: b, H: curvature})
    strength = rate / (1 - b)
    assert float(velocity) == pytest.approx(float(-rate / (1 - b) * strength * slope), rel=1e-12)
