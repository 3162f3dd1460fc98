"""Expressions as text: what is printed is read, and what people write; errors point to their place."""

import pytest
from expressions import NAMES, coefficients, expressions
from hypothesis import given
from hypothesis import strategies as st
from strategies import relaxed
from sympy import Rational, Symbol

from sgdiagrams.diagrams.errors import RequestError, SgdiagramsError
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.symbols import N, T, beta, eta

BASES = ("moment", "cumulant", "plug-in", "distinct")
parse = Expression.parse


@relaxed
@given(expressions(bases=BASES, names=NAMES, scalars=coefficients(), max_terms=4))
def test_what_is_printed_is_read(expression):
    assert parse(expression.text()) == expression
    assert eval(repr(expression), {"Expression": Expression}) == expression  # noqa: S307
    for style in ("expanded", "binomial"):
        assert parse(expression.text(coefficients=style)) == expression


def test_expressions_as_people_write_them():
    G2, C = Expression.of("G_a G_a"), Expression.of("C_aa")
    known = {
        "1/2 C_ab H_ab - G_a G_a + 3": Rational(1, 2) * Expression.of("C_ab H_ab") - G2 + 3,
        "(N - 1)/(4*N) tr(C)": (N - 1) / (4 * N) * C,
        "eta/4 |G|^2": eta / 4 * G2,
        "(1 + beta)/(2*(1 - beta)**3) H_ab G_b": (1 + beta)
        / (2 * (1 - beta) ** 3)
        * Expression.of("H_ab G_b"),
        "2 (tr(C) - |G|^2) G_a": 2 * (C - G2) * Expression.of("G_a"),
        "tr(C)-|G|^2": C - G2,
        "tr(C)^2 |G|^4": C**2 * G2**2,
        "(tr(C) - 1)^2": C * C - 2 * C + 1,
        "G.H.G-l": Expression.of("G_a H_ab G_b") - Expression.of("l"),
        "\N{MINUS SIGN}0.25 l": -Rational(1, 4) * Expression.of("l"),
        "H_ab*G_b*f_a": Expression.of("G_a H_ab f_b"),
        "(H_ab G_b) f_a": Expression.of("G_a H_ab f_b"),
        "f_b*G_b": Expression.of("G_a f_a"),
        "other-task - N-1": Expression.of("other-task") - N - 1,
        '"N" N {x}/3': Expression(
            [(N * Symbol("x") / 3, Contraction.build([], [[0]], labels=["N"]))]
        ),
        "(1 - beta^(2 T))/2 l^2": (1 - beta ** (2 * T)) / 2 * Expression.of("l") ** 2,
        "binom(T, 2) l": T * (T - 1) / 2 * Expression.of("l"),
        "2^-3": Expression.of(Rational(1, 8)),
    }
    for text, expected in known.items():
        assert parse(text) == expected, text


def test_names_end_where_people_mean_it():
    assert parse("2E l(N - 1)") == parse("2 E (N - 1) l")
    assert parse("exp (N)") == parse("N exp")
    assert parse("l^ - 1 - s^2") == parse("l^") - 1 - parse("s s")
    assert parse("2 e3") == 2 * parse("e3")


def test_indices_in_another_order_are_other_tensors():
    assert parse("G_a H_bc G_c") == Expression.of("G_a") * Expression.of("H_ab G_b")
    assert parse("G_b H_ac G_c") == Expression.of("H_ab G_b") * Expression.of("G_a")
    assert parse("G_b*(H_ac*G_c)") == parse("G_b H_ac G_c") != parse("G_a H_bc G_c")


def test_sums_say_their_signs_as_people_do():
    assert str(parse("-1 l + -1/2 G_a G_a + 3")) == "3 - l - 1/2 G_a G_a"
    assert parse("1 - T").text() == "-(T - 1)"
    assert (str(parse("0 G_a")), parse("0 G_a").text()) == ("0", "0 G_a")


def test_long_sums_are_folded_for_people(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    lines = str(
        parse("1/2 C_ab H_ab - G_a G_a + 3 G_a H_ab G_b + 7 G_a H_ab H_bc G_c")
    ).splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "an expression such as"),
        ("2 (G_a", "closes that of column 3, got the end at column 7"),
        ("G_a + G_b", "the free index a, got the free index b at column 7"),
        ("l + G_a", "no free index, got the free index a at column 5"),
        ("1/0 l", "divide by, got 0 at column 2"),
        ("l/(N - N)", "divide by, got 0 at column 2"),
        ("G_a/G_a", "divide by, got contractions at column 4"),
        ("2 $ l", "got '$' at column 3"),
        ("l + G_a G_a G_a", "an index at most twice, got 'a' at column 13"),
        ("l + C_abc", "2 indices on C, got 'C_abc' at column 5"),
        ("G_a^2", "powers of what has no free index, as l^2 or |G|^2, got '2' at column 5"),
        ("l^(1/2)", "whole powers"),
        ("l^N", "whole powers"),
        ("l^l", "a number or symbols as exponent"),
        ("0^-1", "what is not 0"),
        ("binom(T, N) l", "a whole number 0..50 below"),
        ("binom(T) l", "a binomial coefficient"),
        ("(1 + beta + N + T)^900", "fewer steps"),
        ("9^1000 " * 3000, "fewer steps"),
        ("(" * 100, "50 parentheses"),
        ("l)", "a factor, a sign or the end, got ')' at column 2"),
        ("x" * 2000, "words of at most"),
        (
            "1e-3 l",
            "a number such as 0.001 or 1/1000, and blanks before names, got '1' at column 1",
        ),
        ("l + 2.5E2", "a number such as 0.001"),
        ("G_a G_a exp(N)", "a blank between a function of the weights and a factor in parentheses"),
        ("sqrt(2) l", "got 'sqrt' at column 1"),
        ("l^-1", "a power 0..1000, or a blank after an average, got 'l^' at column 1"),
        ('"" l', "the name of a function in quotes"),
        ("G_a eta^ab G_b", "a number or symbols as exponent, got 'ab' at column 9"),
    ],
)
def test_errors_point_to_the_place(text, words):
    with pytest.raises(SgdiagramsError) as error:
        parse(text)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_no_text_is_too_long_to_be_refused():
    with pytest.raises(RequestError, match="1,000,000 characters"):
        parse("l + " * 300_000)


@relaxed
@given(st.text(alphabet='GHlCM_ab|+-*/^()~.{}"1290 Ntreubinom,\n\t−²', max_size=40))
def test_any_text_is_read_or_refused_in_a_line(text):
    message = ""
    try:
        expression = parse(text)
    except SgdiagramsError as error:
        message = str(error)
    else:
        assert parse(expression.text()) == expression
    assert "\n" not in message
    assert len(message) < 400


def test_expressions_on_paper():
    expression = parse("N - 3 + 1/2 C_ab H_ab - l + 2 G_a G_a")
    body = r"(N - 3) - \ell + 2\, G_{\mu}\, G_{\mu} + \frac{1}{2}\, C_{\mu\nu}\, H_{\mu\nu}"
    assert body in expression.latex(left="R")
    assert r"R ={}& (N - 3)" in expression.latex(left="R")
    # Gaps as all notebooks know them.
    assert body.replace(r"\,", r"\mkern3mu") in expression._repr_latex_()
    assert r"\begin{align*}" in parse("0").latex()
    assert r"{}& 3 + \ell" in parse("3 + l").latex()
    assert "T (T - 1)/2" in parse("T (T - 1)/2 l").text()
    assert r"\binom{T}{2}" in parse("T (T - 1)/2 l").latex(coefficients="binomial")
    assert r"\approx" in parse("1/3000000007 l").latex(left="R", digits=3)
    page = parse("G_a + 2 f_a").mathml(left=r"\nabla R", standalone=True)
    assert "<mi>R</mi>" in page
    assert "∇" in page
    with pytest.raises(RequestError, match="coefficients to be one of"):
        expression.text(coefficients="short")
