"""Numbers in print: exact, or rounded where digits are asked for, which the formula says."""

from fractions import Fraction

import pytest
from sympy import Poly, together

from sgdiagrams.diagrams import RequestError
from sgdiagrams.symbolic import (
    SGD,
    Epochs,
    ExponentialAverage,
    Momentum,
    OnePass,
    WithReplacement,
    expand,
)
from sgdiagrams.symbolic.symbols import N

HEAVY = Momentum(beta=Fraction(9, 10))


def test_numbers_are_exact_however_long():
    text = expand("test-loss", order=2, sampling=Epochs(N=10**9, B=1)).text()
    assert "999999999000000000 E^2" in text
    assert "500000000 E (E - 1)" in text
    decay = SGD(weight_decay=Fraction(1, 10**9 + 7))
    assert "1000000007" in expand("test-loss", order=1, sampling="one-pass", optimizer=decay).text()
    expansion = expand("test-loss", order=1, sampling=OnePass(T=50), optimizer=HEAVY)
    number = abs(Fraction(str(expansion.order_terms(1)[0].weight)))
    assert f"-{number}" in expansion.text()
    assert f"{{{number.numerator}}}{{{number.denominator}}}" in expansion.latex()


def test_digits_round_and_say_so():
    expansion = expand("test-loss", order=2, sampling=OnePass(T=50), optimizer=HEAVY)
    number = abs(Fraction(str(expansion.order_terms(1)[0].weight)))
    note = "numbers with more than 6 digits are rounded to 6"
    text, latex, mathml = (
        expansion.text(digits=6),
        expansion.latex(digits=6),
        expansion.mathml(digits=6),
    )
    for shown in (text, latex, mathml):
        assert f"{float(number):.6g}" in shown
        assert note in shown.replace("\u00a0", " ")
    assert r"\approx{}&" in latex
    assert "≈" in mathml
    large = expand("test-loss", order=2, sampling=OnePass(T=10**5), optimizer=HEAVY)
    with pytest.raises(RequestError, match="digits="):
        large.text()
    assert "e+" in large.text(digits=4)


def test_numerator_and_denominator_are_rounded_as_one_number():
    scheme = WithReplacement(B=1, T=20)
    average = SGD(average=ExponentialAverage(alpha=Fraction(9, 10)))
    expansion = expand("second-moment", order=2, sampling=scheme, optimizer=average)
    weights = {str(term.contraction): term.weight for term in expansion.order_terms(2)}
    first = float(weights["G_a G_b"].subs({"N": 10**9}))
    assert f"  {first:.6g} (N - 1)/N  " in expansion.text(digits=6)
    constant, slope = Poly(together(weights["M_a|b"] * N), N).all_coeffs()[::-1]
    tied = f"({float(slope):.6g} N + {float(constant):.6g})/N"
    assert tied in expansion.text(digits=6)
    latex = expansion.latex(digits=6)
    assert rf"\frac{{{first:.6g} (N - 1)}}{{N}}" in latex
    # A wide sum stands beside its fraction.
    assert rf"\frac{{1}}{{N}}\bigl({float(slope):.6g} N + {float(constant):.6g}\bigr)" in latex


def test_what_is_short_stays_as_it_is():
    expansion = expand("test-loss", order=3, sampling="one-pass")
    assert expansion.latex(digits=3) == expansion.latex()
    assert expansion.text(digits=3) == expansion.text()
    resummed = expand(
        "test-loss", order=2, sampling=OnePass(T=10**9), optimizer=None, resummed=True
    )
    assert "10^9" not in resummed.text()
    assert resummed.at_minimum().text(digits=3).count("rounded") <= 1


@pytest.mark.parametrize("digits", [0, 51, True, 2.5, "6"])
def test_digits_are_a_whole_number(digits):
    with pytest.raises(RequestError, match=r"1\.\.50"):
        expand("test-loss", order=1, sampling="one-pass").text(digits=digits)
