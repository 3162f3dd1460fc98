"""What is printed has the value that is meant: coefficients, tables and LaTeX."""

from fractions import Fraction
from functools import cache

import pytest
import slow
from hypothesis import given
from hypothesis import strategies as st
from strategies import relaxed
from sympy import Rational, Symbol, degree
from sympy import expand as expand_expr

from sgdiagrams.diagrams import RequestError
from sgdiagrams.symbolic import expand
from sgdiagrams.symbolic.contractions.notation import latex_of, text_of
from sgdiagrams.symbolic.printing.coefficients import coefficient

STYLES = ["factored", "expanded", "binomial"]
OBSERVABLES = ["test-loss", "training-loss", "generalisation-gap"]
SCHEMES = ["one-pass", "fresh-data", "epochs", "full-batch"]
NUMBERS = {"T": 7, "N": 30, "B": 5, "E": 11, "eta": Fraction(2, 3)}


@cache
def make(observable, scheme, basis="moment", order=3):
    return expand(observable, order=order, sampling=scheme, basis=basis)


def check(weight, style):
    c = coefficient(weight, style)
    latex = ("-" if c.sign < 0 else "") + c.latex
    symbols = {str(s) for s in weight.free_symbols}
    for numbers in (NUMBERS, {k: v + 6 for k, v in NUMBERS.items()}):
        values = {k: v for k, v in numbers.items() if k in symbols}
        assert c.sign in (1, -1)
        assert slow.read_formula(c.text, values) == slow.exact(weight, **values), c.text
        assert slow.read_formula(latex, values) == slow.exact(weight, **values), latex


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_coefficients_are_the_weights(style, scheme, observable, basis):
    # Schemes with few symbols to order 3, where factoring is fast.
    order = 3 if scheme in ("one-pass", "full-batch") else 2
    for weight in {t.weight for t in make(observable, scheme, basis, order).terms}:
        check(weight, style)


@st.composite
def laurent_polynomials(draw):
    symbols = [Symbol(name) for name in draw(st.sampled_from(["T", "TB", "NBE", "", "E"]))]
    total = Rational(0)
    for _ in range(draw(st.integers(1, 4))):
        term = Rational(draw(st.integers(-12, 12)), draw(st.integers(1, 12)))
        for s in symbols:
            term *= s ** draw(st.integers(-2, 3))
        total += term
    return expand_expr(total)


@relaxed
@given(laurent_polynomials().filter(lambda w: w != 0), st.sampled_from(STYLES))
def test_any_laurent_polynomial(weight, style):
    check(weight, style)


@relaxed
@given(
    laurent_polynomials().filter(lambda w: w != 0),
    laurent_polynomials().filter(lambda w: w != 0),
    st.sampled_from(STYLES),
)
def test_any_quotient(above, below, style):
    numbers = {str(s): NUMBERS[str(s)] for s in (above / below).free_symbols}
    shifted = {k: v + 6 for k, v in numbers.items()}
    if slow.exact(below, **NUMBERS) and slow.exact(below, **{**NUMBERS, **shifted}):
        from sympy import cancel

        numerator, denominator = cancel(above / below).as_numer_denom()
        check(expand_expr(numerator) / expand_expr(denominator), style)


def test_binomials():
    T = Symbol("T")
    for k in range(1, 6):
        falling = Rational(1)
        for i in range(k):
            falling *= T - i
        weight = expand_expr(falling * Rational(3, 7))
        text = coefficient(weight, "binomial").text
        assert text.count("binom") == (k > 1)
        check(weight, "binomial")


def test_styles_by_hand():
    T, B = Symbol("T"), Symbol("B")
    cases = {
        (T**2 / 2 - T / 2, "factored"): "T (T - 1)/2",
        (T**2 / 2 - T / 2, "expanded"): "(T^2/2 - T/2)",
        (T**2 / 2 - T / 2, "binomial"): "binom(T, 2)",
        (-T, "factored"): "-T",
        (Rational(1), "expanded"): "1",
        (Rational(-3, 2), "factored"): "-3/2",
        (T / B, "factored"): "T/B",
        (T / (2 * B), "factored"): "T/(2 B)",
        (1 / B**2, "factored"): "1/B^2",
    }
    for (weight, style), text in cases.items():
        assert coefficient(weight, style).text == text


# Whole expansions -----------------------------------------------------------------------------------


def tensor_values(expansion, eta):
    """Return a number for every contraction, by its text and by its LaTeX, and the total."""
    values = dict(NUMBERS)
    total = Fraction(0)
    for i, term in enumerate(expansion.terms):
        c = term.contraction.with_metric("eta") if eta == "tensor" else term.contraction
        number = Fraction(1000 + i * i, 7)
        values[slow.tensor_names(text_of(c))] = number
        values[slow.tensor_names(latex_of(c))] = number
        power = 1 if eta == "tensor" else NUMBERS["eta"] ** term.order
        symbols = {str(s): NUMBERS[str(s)] for s in term.weight.free_symbols}
        total += power * slow.exact(term.weight, **symbols) * number
    return values, total


EXPANSIONS = {
    **{
        f"{observable} {scheme} {basis}": (lambda o=observable, s=scheme, b=basis: make(o, s, b, 2))
        for observable in OBSERVABLES
        for scheme, basis in [*((s, "moment") for s in SCHEMES), ("epochs", "cumulant")]
    },
    "gap of order three": lambda: make("generalisation-gap", "epochs"),
    "difference": lambda: (
        make("test-loss", "epochs", "moment", 2) - make("test-loss", "one-pass") * 2
    ),
    "quotients": lambda: make("test-loss", "epochs", "moment", 2).subs({"B": Symbol("N") + 1}),
    "no update": lambda: make("test-loss", "one-pass", "moment", 0),
    "gap to order 0": lambda: make("generalisation-gap", "one-pass", "moment", 0),
    "order four": lambda: make("test-loss", "one-pass", "moment", 4),
    "nothing": lambda: make("test-loss", "one-pass") - make("test-loss", "one-pass"),
}


OPTIONS = pytest.mark.parametrize(
    ("eta", "style"), [*(("scalar", style) for style in STYLES), ("tensor", "factored")]
)


def latex_body(latex):
    """Return the right side of the formula on one line, without + O(eta^k)."""
    assert latex.startswith(r"\begin{align*}")
    assert latex.endswith(r"\end{align*}")
    inner = latex.removeprefix(r"\begin{align*}").removesuffix(r"\end{align*}")
    body = inner[inner.index("={}&") + 4 :]
    assert body.count("{") == body.count("}")
    body, error = body.split(r"O(\eta^{")
    assert error.strip().rstrip("})").isdigit()
    body = body.replace("&", " ").replace("\\\\", " ").strip()
    return body.removesuffix("+").strip().removesuffix("{}").strip()


def refuses_binomials(expansion, style):
    """Check that binomials are refused where no coefficient could have some; tell whether they are."""
    weights = [term.weight for term in expansion.terms if term.weight.free_symbols]
    alone = [w for w in weights if w.free_symbols == {Symbol("T")} and w.is_polynomial(Symbol("T"))]
    has_some = any(degree(w, Symbol("T")) > 1 for w in alone)
    if style != "binomial" or has_some or len(alone) == len(weights):
        return False
    for write in (expansion.latex, expansion.text, expansion.mathml):
        with pytest.raises(RequestError, match="polynomial in T alone"):
            write(coefficients=style)
    return True


@OPTIONS
@pytest.mark.parametrize("name", EXPANSIONS)
def test_latex_is_the_expansion(name, eta, style):
    expansion = EXPANSIONS[name]()
    if refuses_binomials(expansion, style):
        return
    values, total = tensor_values(expansion, eta)
    latex = expansion.latex(eta=eta, coefficients=style)
    body = latex_body(latex)
    if body.endswith("{}+"):
        body = body[:-3]
    assert (slow.read_formula(body, values) if body else 0) == total
    assert rf"O(\eta^{{{expansion.order + 1}}})" in latex
    assert not any(word in latex for word in ("binom(", "**", "None", "zoo"))


@OPTIONS
@pytest.mark.parametrize("name", EXPANSIONS)
def test_text_is_the_expansion(name, eta, style):
    expansion = EXPANSIONS[name]()
    if refuses_binomials(expansion, style):
        return
    values, total = tensor_values(expansion, eta)
    _, *rows = expansion.text(eta=eta, coefficients=style).splitlines()
    found = Fraction(0)
    power = Fraction(1)
    if rows == ["  0"]:
        rows = []
    assert len(rows) == len(expansion.terms)
    for row in rows:
        line = row.strip()
        head, _, rest = line.partition("^" if eta == "scalar" else " ")
        if head == ("eta" if eta == "scalar" else "order"):
            exponent, _, line = rest.strip().partition(" ")
            power = NUMBERS["eta"] ** int(exponent) if eta == "scalar" else Fraction(1)
        shown, star, number = line.partition(" *  ")
        # Wide coefficients stand on the right.
        found += power * slow.read_formula(f"{number} {shown}" if star else line, values)
    assert found == total


def test_wrong_styles():
    expansion = make("test-loss", "one-pass")
    for method in (expansion.text, expansion.latex):
        for options in ({"eta": "matrix"}, {"coefficients": "pretty"}):
            with pytest.raises(RequestError) as error:
                method(**options)
            assert "\n" not in str(error.value)


def test_titles_and_notebooks():
    expansion = make("generalisation-gap", "one-pass")
    title = expansion.text().splitlines()[0]
    for word in ("E[test loss - training loss]", "one-pass", "moment basis", "order 3"):
        assert word in title
    assert str(expansion) == expansion.text()
    assert "\n" not in repr(expansion)
    notebook = expansion._repr_latex_()
    assert notebook.startswith("$$")
    assert r"\begin{aligned}" in notebook
    document = expansion.latex(standalone=True)
    assert document.startswith(r"\documentclass")
    assert expansion.latex() in document
