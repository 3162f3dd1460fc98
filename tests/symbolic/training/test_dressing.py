"""How links dress an edge: the roots against the update rule itself, on a parabola of curvature h."""

from fractions import Fraction

import pytest
from sympy import Rational, simplify

from sgdiagrams.symbolic import SGD, Cosine, Momentum, Nesterov, TailAverage


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(beta="1/4")])
@pytest.mark.parametrize("h", [Fraction(1, 2), Fraction(1, 9), Fraction(7, 3)])
def test_powers_of_the_roots_are_what_is_left_of_a_push(optimizer, h):
    """A push of 1, and then the gradient h theta: theta / theta_1 is a sum of powers of the roots."""
    one = Fraction(1)
    step, memory = optimizer.update(one, (Fraction(0),) * optimizer.memory_size, one)
    positions = [Fraction(0), -step]
    for _ in range(5):
        step, memory = optimizer.update(h * positions[-1], memory, one)
        positions.append(positions[-1] - step)
    exact = [Rational(x.numerator, x.denominator) for x in positions]
    roots = optimizer.dressing.roots(Rational(h.numerator, h.denominator))
    assert len(roots) == optimizer.dressing.root_count
    if len(roots) == 1:
        [q] = roots
        powers = [0, *(q**D for D in range(6))]
    else:
        r, s = roots
        powers = [simplify((r**D - s**D) / (r - s)) for D in range(7)]
    assert exact == [-x for x in powers]


@pytest.mark.parametrize(
    "optimizer", [Nesterov(), SGD(schedule=Cosine()), Momentum(average=TailAverage())]
)
def test_others_are_known_by_number(optimizer):
    assert optimizer.dressing is None
