"""Weights with exponentials are printed collected, short and quickly, and are what is printed."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest
import slow
from sympy import Add, Integer, Mul, Pow, Rational, Symbol

from sgdiagrams.diagrams import RequestError
from sgdiagrams.symbolic import (
    SGD,
    Exponential,
    ExponentialAverage,
    Momentum,
    Nesterov,
    TailAverage,
    Term,
    expand,
)
from sgdiagrams.symbolic.layout import formulas, nodes
from sgdiagrams.symbolic.printing.coefficients import coefficient
from sgdiagrams.symbolic.weights.quotients import canonical

TRAININGS = {
    "momentum": ("one-pass", Momentum(), 3),
    "momentum, full batch": ("full-batch", Momentum(), 2),
    "nesterov under a schedule": ("one-pass", Nesterov(schedule=Exponential()), 2),
    "a number for beta": ("one-pass", Momentum(beta=Fraction(9, 10)), 3),
    "two memories": ("with-replacement", Momentum(average=ExponentialAverage()), 2),
    "average of all": ("fresh-data", Momentum(average=TailAverage()), 2),
    "schedule": ("full-batch", SGD(schedule=Exponential()), 3),
}


def weights(name):
    scheme, optimizer, order = TRAININGS[name]
    expansion = expand("test-loss", order=order, sampling=scheme, optimizer=optimizer)
    return dict.fromkeys(term.weight for term in expansion.terms)


def value(node):
    """Return what a layout means as a SymPy expression."""
    match node:
        case nodes.Numeral():
            return Rational(node.digits)
        case nodes.Symbol():
            return Symbol(node.name)
        case nodes.Fraction():
            return value(node.above) / value(node.below)
        case nodes.Scripts():
            assert node.below is None
            if isinstance(node.base, formulas.Spelled):
                # A number in parentheses.
                return Pow(Rational(node.base.text.strip("()")), exponent(node.above))
            return Pow(value(node.base), exponent(node.above))
        case formulas.Times():
            return Mul(*map(value, node.factors))
        case formulas.Sum():
            return Add(*(sign * value(term) for sign, term in node.terms))
        case formulas.Group() | formulas.OneLine():
            return value(node.inner)
    raise TypeError(node)


def exponent(node):
    if isinstance(node, nodes.Numeral):
        return Integer(node.digits)
    total = Integer(0)
    for term in node.text.strip("()").split(" + "):
        *number, last = term.split()
        last = Integer(last) if last.isdigit() else Symbol(last)
        total += Mul(*map(Integer, number), last)
    return total


@pytest.mark.parametrize("name", TRAININGS)
def test_what_is_printed_is_the_weight(name):
    draw = random.Random(name)
    for weight in weights(name):
        shown = coefficient(weight)
        assert canonical(shown.sign * value(shown.node or nodes.ONE) - weight) == 0
        for _ in range(2):
            numbers = {s: draw.randint(2, 9) for s in "TNBE"}
            numbers |= {s: Fraction(draw.randint(1, 40), 41) for s in ("alpha", "beta", "gamma")}
            exact = slow.exact(weight, **numbers)
            assert slow.read_formula(shown.text, numbers) == exact
            assert shown.sign * slow.read_formula(shown.latex, numbers) == exact


def test_a_wrong_sign_would_be_seen():
    weight = next(w for w in weights("momentum") if w.free_symbols)
    shown = coefficient(weight)
    inner = shown.node.above.inner
    wrong = replace(inner, terms=tuple((1, term) for _, term in inner.terms))
    assert canonical(value(inner) - value(wrong)) != 0


def test_formulas_by_hand():
    _, first, second, noise, *_ = (coefficient(w).text for w in weights("momentum"))
    assert first == "-(T (1 - beta) - beta (1 - beta^T))/(1 - beta)^2"
    assert second == (
        "(T^2/(1 - beta)^2 - T (1 + 2 beta)/(1 - beta)^3 "
        "+ beta (1 - beta^T) (3 + 3 beta + beta^2 - beta^(T + 1))/((1 - beta)^4 (1 + beta)))"
    )
    assert noise == (
        "(T (1 - beta) (1 + beta) - beta (1 - beta^T) (2 + beta - beta^(T + 1)))"
        "/(2 (1 - beta)^3 (1 + beta))"
    )


def test_order_four_of_momentum_is_short():
    texts = [
        coefficient(term.weight).text
        for term in expand("test-loss", order=4, sampling="one-pass", optimizer=Momentum()).terms
    ]
    assert max(map(len, texts)) < 1000
    assert sum(map(len, texts)) < 13_000


# What nobody would read ---------------------------------------------------------------------------------


def with_weight(weight):
    expansion = expand("test-loss", order=1, sampling="one-pass")
    first, second = expansion.terms
    return replace(expansion, terms=(first, Term(weight, second.contraction)))


T = Symbol("T")
LONG = Add(*(Rational(k * k + 1, k + 3) * T**k for k in range(2001)))


@pytest.mark.parametrize("style", ["factored", "expanded", "binomial"])
@pytest.mark.parametrize(
    "weight", [LONG, Add(*(Rational(k + 1, 10**9 + k) * T**k for k in range(300)))]
)
def test_what_does_not_fit_a_page_is_refused(weight, style):
    expansion = with_weight(weight)
    for write in (expansion.text, expansion.latex, expansion.mathml):
        with pytest.raises(RequestError, match=r"fit a page .* in T; fix .* JSON") as error:
            write(coefficients=style)
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 200


def test_a_text_for_the_terminal_is_always_there():
    expansion = with_weight(LONG)
    assert str(expansion).splitlines()[-1].endswith("(a weight of 2,001 monomials in T)   G_a G_a")
    assert "2,001 monomials" in expansion._repr_latex_()


def test_high_powers_are_written():
    assert coefficient(T**100_000 - 1).text == "(T^100000 - 1)"
    assert coefficient(4 * T**4000 - 2 * T**5000).text == "-2 T^4000 (T^1000 - 2)"
    assert coefficient(T**400 - T, "binomial").text == "T (T^399 - 1)"
