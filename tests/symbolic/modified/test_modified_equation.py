"""Modified equations: the generator of training, and exponentiated again the expansion."""

import pytest
from sympy import Add, Rational, factor, factorial

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.modified.equation import modified_equation
from sgdiagrams.symbolic.modified.gradients import potential_of
from sgdiagrams.symbolic.modified.loss import modified_loss
from sgdiagrams.symbolic.modified.operators import (
    composition,
    exponential,
    identity,
    inverse,
    logarithm,
)
from sgdiagrams.symbolic.symbols import B, N, T, beta
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.average import TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schemes.epochs import Epochs
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.weights.secular import secular_coefficients


def E(text):
    return Expression.of(text)


def test_the_drift_of_sgd_to_the_third_order():
    equation = modified_equation(3, sampling="one-pass")
    assert equation.drift(1) == -E("G_a")
    assert equation.drift(2).coefficient(Contraction.parse("H_ab G_b")) == Rational(-1, 2)
    third = E("H_ab H_bc G_c") * Rational(-1, 3) - E("J_abc G_b G_c") * Rational(1, 12)
    assert equation.drift(3) == third + E("C_bc J_bca") * Rational(1, 4)
    assert equation.diffusion(2) == E("C_ab")
    symmetric = E("C_ac H_cb") + E("C_bc H_ca") + E("kappa_a|bc G_c") + E("kappa_b|ac G_c")
    assert equation.diffusion(3) == symmetric * Rational(1, 2)
    assert equation.tensor(3, 3) == -E("S_abc")
    assert str(equation.tensor(3, 3).contractions[0]) == "S_abc"
    assert equation.ranks == (1, 2, 3)


@pytest.mark.parametrize(("optimizer", "order"), [("sgd", 5), ("momentum", 3), ("nesterov", 3)])
def test_exponentiated_again_it_gives_the_expansion_at_every_time(optimizer, order):
    training = {"sampling": "fresh-data", "optimizer": optimizer}
    equation = modified_equation(order, **training)
    expansion = expand("function:s", order=order, basis="cumulant", **training)
    again = composition(equation.shifts, exponential(equation.operators, T))
    for k in range(order + 1):
        lasting = Expression(
            (Add(*(c * T**p for p, c in secular_coefficients(t.weight, T).items())), t.contraction)
            for t in expansion.order_terms(k)
        )
        assert again[k] == lasting


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_it_is_the_logarithm_of_one_update(order):
    """Taylor's theorem: s(theta - eta g) = sum of (-eta)^k/k! g...g d^k s, averaged in moments."""
    one_update = [identity(order)[0]]
    for k in range(1, order + 1):
        tied = Contraction.build(
            [(i, k) for i in range(k)],
            [list(range(k)), [k]],
            labels=["loss"] * k + ["s"],
        )
        one_update.append(Expression([(Rational((-1) ** k, factorial(k)), tied)]))
    by_taylor = logarithm(tuple(one_update))
    equation = modified_equation(order, sampling="one-pass", basis="moment")
    assert by_taylor == equation.operators


def test_operators_have_inverses_and_logarithms():
    generator = modified_equation(4, sampling="one-pass").operators
    power = exponential(generator)
    assert composition(power, inverse(power)) == composition(inverse(power), power) == identity(4)
    assert logarithm(power) == generator


def test_momentum_in_closed_form():
    equation = modified_equation(3, sampling="one-pass", optimizer="momentum")
    second = equation.drift(2).coefficient("H_ab G_b")
    assert factor(second + (1 + beta) / (2 * (1 - beta) ** 3)) == 0
    chain, bush = (equation.drift(3).coefficient(c) for c in ("H_ab H_bc G_c", "J_abc G_b G_c"))
    assert factor(chain + (beta**2 + 4 * beta + 1) / (3 * (1 - beta) ** 5)) == 0
    assert factor(bush + (beta**2 + 10 * beta + 1) / (12 * (1 - beta) ** 5)) == 0
    assert factor(equation.shift(1).coefficient("G_a s_a") - beta / (1 - beta) ** 2) == 0


def test_reshuffled_epochs_on_a_given_set():
    equation = modified_equation(2, sampling="reshuffled-epochs", role="training-set")
    expected = -E("H_ab G_b") / 2 - E("kappa_b|ba") * ((N - B) / (2 * B * (N - 1)))
    assert equation.drift(2) == expected
    assert equation.diffusion(2).is_zero
    epoch = modified_equation(2, sampling="reshuffled-epochs", role="training-set", per="epoch")
    assert epoch.drift(2) == expected * (N / B)


def test_with_replacement_the_set_is_the_population():
    drawn = modified_equation(3, sampling="with-replacement", role="training-set")
    assert drawn.operators == modified_equation(3, sampling="fresh-data").operators


def test_schedules_are_answered_for_the_last_update():
    rates = [Rational(1), Rational(2), Rational(1, 3)]
    last = modified_equation(3, sampling=OnePass(T=3), optimizer=SGD(schedule=["1", "2", "1/3"]))
    constant = modified_equation(3, sampling="one-pass")
    for k in (1, 2, 3):
        assert last.operator(k) == constant.operator(k) * rates[-1] ** k


def test_momentum_by_number_tends_to_its_closed_form():
    long = modified_equation(
        2, sampling=OnePass(T=40), optimizer=Momentum(beta="1/4", schedule=["1"] * 40)
    )
    closed = modified_equation(2, sampling="one-pass", optimizer=Momentum(beta="1/4"))
    for k in (1, 2):
        for coefficient, contraction in closed.operator(k).terms:
            assert abs(float(long.operator(k).coefficient(contraction) - coefficient)) < 1e-20


def test_gradients_and_what_is_none():
    loss = modified_loss(3, sampling="one-pass")
    assert loss.term(1) == E("l")
    assert loss.term(2) == E("G_a G_a") / 4
    assert not loss.is_gradient
    for k in (1, 2, 3):
        assert loss.equation.drift(k) == -loss.term(k).gradient() - loss.obstruction(k)
    assert potential_of(loss.term(3).gradient()) == (loss.term(3), Expression((), 1))
    assert loss.total().power(1) == loss.term(2)


@pytest.mark.parametrize(
    "text",
    ["G~_a H~_ab G~_b", "C_ab H~_ab", "M_a~|bc~ G~_b H~_ac", "G_a H~_ab G~_b", "G~_a J_abc C_bc"],
)
def test_gradients_of_losses_with_a_penalty(text):
    scalar = E(text)
    assert potential_of(scalar.gradient()) == (scalar, Expression((), 1))


def test_with_weight_decay_the_loss_is_that_of_descent_on_the_penalised_loss():
    bare = modified_loss(3, sampling="gradient-descent")
    decayed = modified_loss(3, sampling="gradient-descent", optimizer=SGD(weight_decay="1/10"))
    assert bare.term(3) == E("G_a H_ab G_b") * Rational(5, 36)
    assert decayed.term(3) == E("G~_a H~_ab G~_b") * Rational(5, 36)


def test_what_comes_back_to_its_rows_has_no_equation():
    for name in (
        "epochs",
        "shuffled-epochs",
        "full-batch",
        "with-replacement",
        "reshuffled-epochs",
    ):
        with pytest.raises(RequestError, match="modified equation"):
            modified_equation(2, sampling=name)
    with pytest.raises(RequestError, match="population"):
        modified_equation(2, sampling="one-pass", role="training-set")
    with pytest.raises(RequestError, match="average"):
        modified_equation(2, sampling="one-pass", optimizer=SGD(average=TailAverage()))
    with pytest.raises(SamplingError, match="E=1 or more"):
        modified_equation(
            2,
            sampling=Epochs(N=4, B=2, E=0, shuffle="every-epoch"),
            role="training-set",
            optimizer=Momentum(beta="1/2"),
        )
    with pytest.raises(RequestError, match=r"1\.\.2 of this equation"):
        modified_equation(2, sampling="one-pass").drift(3)
