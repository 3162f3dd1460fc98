"""What little LaTeX is read comes out as it went in; what is not understood is shown as text."""

import pytest

from sgdiagrams.symbolic.layout.latex import latex_text
from sgdiagrams.symbolic.layout.latex_reader import estimated_width, read_latex
from sgdiagrams.symbolic.layout.nodes import Sign, Text, occurring
from sgdiagrams.symbolic.observable import OBSERVABLES


def squeezed(latex):
    return "".join(c for c in latex.replace(r"\,", "") if c not in "{} ")


@pytest.mark.parametrize(
    "latex",
    [
        *(o.latex.replace(r"\mathrm", r"\text") for o in OBSERVABLES.values()),
        r"\frac{T}{2}\, x^{2}_{0} - \beta^{2 T + 1} \to -1, \widetilde{\mu\nu}",
        r"\text{with_out }q_{\mu} = 1 - \eta H_{\mu}",
    ],
)
def test_round_trip(latex):
    shown = latex_text(read_latex(latex)).replace("𝔼", r"\mathbb{E}").replace(r"\_", "_")
    assert squeezed(shown) == squeezed(latex)


@pytest.mark.parametrize(
    "latex",
    [r"\begin{x}", "x^2^3", r"\frac{1}", "_1", r"\mathbb{Q}", r"\text{a$b$}", "{x", r"\bigl<"],
)
def test_what_is_not_understood_is_text(latex):
    assert read_latex(latex, otherwise="mine") == Text("mine")
    assert read_latex(latex) == Text(latex)


def test_signs():
    signs = [n for n in occurring(read_latex("-1 - 2 + 3")) if isinstance(n, Sign)]
    assert signs == [Sign(-1, is_unary=True), Sign(-1), Sign(1)]


def test_widths():
    assert estimated_width(r"\mathbb{E}\,\ell(\theta_T)") == len("xE(xT)")
