"""How links dress an edge: the roots against the update rule itself, on a parabola of curvature h."""

from fractions import Fraction

import pytest
from sympy import Rational, simplify

from sgdiagrams.symbolic import (
    SGD,
    Cosine,
    ExponentialAverage,
    Momentum,
    Nesterov,
    TailAverage,
    Training,
    WeightedAverage,
    symbols,
)
from sgdiagrams.symbolic.training.dressing import Dressing, dressing_of, polynomial_at
from sgdiagrams.symbolic.training.kernels import Mode
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass


def kernel(dressing, h, D, *, into_root=False):
    """The sum over the roots, written out."""
    roots = [*dressing.roots(h), *(dressing.more if into_root else ())]
    polynomial = dressing.readout if into_root else dressing.numerator
    total = Rational(0)
    for i, x in enumerate(roots):
        share = polynomial_at(polynomial, x) * x ** (D - 1)
        for k, y in enumerate(roots):
            if k != i:
                share /= x - y
        total += share
    return simplify(total)


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(beta="1/4"), Nesterov(beta="1/4")])
@pytest.mark.parametrize("h", [Fraction(1, 2), Fraction(1, 9), Fraction(7, 3)])
def test_powers_of_the_roots_are_what_is_left_of_a_push(optimizer, h):
    """A push of 1, and then the gradient h theta: theta / theta_1 is a sum of powers of the roots."""
    one = Fraction(1)
    step, memory = optimizer.update(one, (Fraction(0),) * optimizer.memory_size, one)
    positions = [-step]
    for _ in range(5):
        step, memory = optimizer.update(h * positions[-1], memory, one)
        positions.append(positions[-1] - step)
    exact = [Rational(x.numerator, x.denominator) for x in positions]
    dressing, eigenvalue = optimizer.dressing, Rational(h.numerator, h.denominator)
    assert len(dressing.roots(eigenvalue)) == dressing.root_count
    assert exact == [-kernel(dressing, eigenvalue, D) for D in range(1, 7)]
    for average in (ExponentialAverage("1/3"), TailAverage()):
        averaged = type(optimizer)(
            **({} if isinstance(optimizer, SGD) else {"beta": optimizer.beta}), average=average
        )
        for T in (1, 2, 5):
            weights = average.weights(T)
            seen = sum(w * x for w, x in zip(weights, positions, strict=False))
            got = kernel(averaged.dressing, eigenvalue, T, into_root=True)
            if averaged.dressing.is_mean:
                got /= T
            assert got == -Rational(seen.numerator, seen.denominator)


def test_the_whole_of_an_update():
    """What is left of an update after all its steps."""
    b = symbols.beta
    assert Momentum().dressing.gain == Nesterov().dressing.gain == 1 / (1 - b)
    for optimizer in (SGD(), Momentum(), Nesterov()):
        averaged = type(optimizer)(average=ExponentialAverage())
        assert averaged.dressing.readout_gain == optimizer.dressing.gain
    assert Momentum().dressing.beta == b
    assert Nesterov().dressing.beta is None
    assert Momentum(beta=0).dressing == SGD().dressing == Dressing()


def test_any_kernel_of_two_modes_has_one():
    """Quasi-hyperbolic momentum, K = 1 - nu beta^D."""
    b, nu = Rational(1, 2), Rational(1, 3)
    modes = (Mode(1, 0, 1), Mode(-nu, 0, b))
    dressing = dressing_of(modes, modes)
    assert dressing.numerator == (1 - nu * b, -b * (1 - nu))
    # A push, and the sum over numbers of links on the way.
    h, bare = Rational(1, 5), [0, *(1 - nu * b**D for D in range(1, 6))]
    dressed = [Rational(0)]
    for D in range(1, 6):
        dressed.append(bare[D] - h * sum(bare[D - s] * dressed[s] for s in range(1, D)))
    assert dressed[1:] == [kernel(dressing, h, D) for D in range(1, 6)]


@pytest.mark.parametrize(
    "optimizer", [SGD(schedule=Cosine()), Momentum(average=WeightedAverage([1]))]
)
def test_others_are_known_by_number(optimizer):
    assert Training(OnePass(), optimizer).dressing is None


def test_kernels_without_a_closed_form():
    """Of three modes, of one that forgets all, of modes that grow."""
    half, third = Rational(1, 2), Rational(1, 3)
    for modes in (
        (Mode(1, 0, 1), Mode(1, 0, half), Mode(1, 0, third)),
        (Mode(1, 0, half),),
        (Mode(1, 0, 1), Mode(1, 1, 1)),
    ):
        assert dressing_of(modes, modes) is None
