"""What notebooks show: every noun that people look at has a rich representation."""

import re
from fractions import Fraction

import pytest
from notebook_formulas import formulas
from sympy import Symbol

from sgdiagrams import (
    Comparison,
    Diagram,
    Momentum,
    OnePass,
    Term,
    compare,
    drift,
    expand,
    judge_series,
    known_result,
    landscape,
    scaling,
)

PLAIN = expand("test-loss", order=2, sampling="one-pass")
LONG = expand("displacement", order=3, sampling="one-pass", resummed=True)


def tables():
    mean = landscape("mean").statistics(3)
    helix = landscape("helix").statistics(3)
    yield "Estimate", PLAIN.evaluate(mean, eta=Fraction(1, 20), T=10)
    vector = expand("displacement", order=2, sampling="one-pass")
    yield "Estimate of a vector", vector.evaluate(helix, eta=0.05, T=10)
    yield "Comparison", compare("mean", order=2, eta=0.1, runs=20, T=3, resummed=True)
    yield "Drift", drift(helix, eta=0.05)
    yield "Validity", judge_series(mean, eta=0.1, T=1000)
    yield "ScalingTable", scaling(expand("test-loss", order=2, sampling="fresh-data"))


def test_tables():
    for name, noun in tables():
        text = noun._repr_html_()
        assert text.count("<table") == 1, name
        assert "color" not in text
        # All numbers of the printed table stand in the other one too.
        numbers = set(re.findall(r"-?\d+\.\d+", str(noun)))
        assert numbers <= set(re.findall(r"-?\d+\.\d+", text)), name


def test_names_of_users_are_escaped():
    named = Comparison("<img src=x>", "test-loss", "one-pass", (0, 1), (), 1)
    assert "<img" not in named._repr_html_()


@pytest.mark.parametrize("law", ["takeuchi", "akaike", "valley-velocity"])
def test_laws(law):
    result = known_result(law)
    assert result._repr_latex_().startswith("$$\n")
    shown = result._repr_markdown_()
    assert result.statement in shown
    assert result._repr_latex_() in shown
    assert str(result).splitlines()[0] == f"{law}: {result.statement}"


def test_terms():
    assert PLAIN.terms[0]._repr_latex_() == r"$\displaystyle \ell$"
    assert PLAIN.terms[1]._repr_latex_() == r"$\displaystyle - T \eta\, G_{\mu}\, G_{\mu}$"
    sums = Term(Symbol("T") - 1, PLAIN.terms[0].contraction)
    assert sums._repr_latex_() == r"$\displaystyle \left(T - 1\right)\, \ell$"
    # Eigenvalues have the letters of their indices.
    text = LONG.terms[-1]._repr_latex_()
    assert r"h_{\nu}" in text
    assert "h_{b}" not in text


def test_formulas_and_diagrams():
    for noun in (PLAIN, LONG):
        assert noun._repr_latex_().startswith("$$\n")
    assert PLAIN.terms[-1].contraction._repr_latex_().startswith("$")
    assert Diagram.parse("(01-2)(02-12)")._repr_svg_().startswith("<svg")


def test_formulas_say_what_they_are_of():
    expansions = [
        expand("test-loss", order=1, sampling=sampling, optimizer=method, basis=basis)
        for sampling in ("one-pass", OnePass(T=3), "fresh-data")
        for method in ("sgd", "momentum", Momentum(beta=Fraction(9, 10)), "nesterov")
        for basis in ("moment", "cumulant")
    ]
    expansions.append(expand("training-loss", order=1, sampling="one-pass"))
    assert len({*map(repr, expansions)}) == len(expansions)
    assert "momentum beta=9/10" in repr(expansions[4])
    forms = [LONG, LONG.at_minimum(), LONG.stationary(), LONG.small_eta(flat=("a",))]
    forms.append(
        expand("displacement", order=3, sampling="one-pass", optimizer="nesterov", resummed=True)
    )
    assert len({*map(repr, forms)}) == len(forms)


# What `tests/check_notebooks.py` has seen in KaTeX and MathJax, besides Greek letters.
SEEN = (
    "begin big bigl bigr Bigl Bigr binom cdot displaystyle dot dots ell end frac hat langle left mathrm "
    "mkern nabla neq partial prod rangle right sim simeq sum text tilde times to varphi Sigma"
)
LETTERS = (
    "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi rho sigma tau phi chi"
)
# What KaTeX expands; it stops at the thousandth, and some take three.
MACROS = re.compile(r"\\(?:[,:;]|quad|qquad|dots|neq|tmspace)(?![A-Za-z])")


def test_notebooks_can_read_all_formulas():
    known = {f"\\{name}" for name in (*SEEN.split(), *LETTERS.split(), ",", "\\")}
    for name, noun in formulas():
        text = noun._repr_latex_()
        assert set(re.findall(r"\\(?:[A-Za-z]+|[^A-Za-z])", text)) <= known, name
        assert len(MACROS.findall(text)) < 100, name
        # Markdown ends a formula at an empty line, and reads $ only beside a character.
        assert "\n\n" not in text, name
        assert re.fullmatch(r"[$]{2}\n[^$]+\n[$]{2}|[$][^$\s][^$\n]*(?<!\s)[$]", text), name
