"""Re-summed formulas in LaTeX and in text: what a reader sees, and that it is the right number."""

import re

import pytest
from sympy import latex, sympify

from sgdiagrams.diagrams import RequestError
from sgdiagrams.symbolic import (
    SGD,
    ExponentialAverage,
    Nesterov,
    TailAverage,
    expand,
    symbols,
)
from sgdiagrams.symbolic.layout.text import plain_text
from sgdiagrams.symbolic.resummation.pairs.pair_law import PairLaw
from sgdiagrams.symbolic.training.dressing import polynomial_at
from sgdiagrams.symbolic.writing.resummed.names import Names, fraction_of
from sgdiagrams.symbolic.writing.resummed.products import SpectralTerms, merged, scalar_node
from sgdiagrams.symbolic.writing.resummed.summands import Summand

FORMS = ("discrete", "continuous", "stationary", "small-eta")


def drift(**options):
    return expand(
        "displacement", order=3, sampling="one-pass", resummed=True, **options
    ).at_minimum()


def formula(expansion, **options):
    """The formula's right side, without its legend, in one line."""
    tex = expansion.latex(**options).split(r"{}& ", 1)[1]
    tex = tex.split(r"\\[1ex]")[0].split(r"\end{align*}")[0]
    return " ".join(tex.replace(r"\\", "").replace("& ", "").split())


def test_drift_in_all_forms():
    assert formula(drift()) == (
        r"- \frac{\eta^{3}}{2} \sum_{\nu\lambda} [1,\, q_{\mu},\, q_{\nu} q_{\lambda}]\,x^{T}\, "
        r"J_{\mu\nu\lambda}\, C_{\nu\lambda}"
    )
    assert formula(drift().continuous()) == (
        r"- \frac{\eta^{3}}{2} \sum_{\nu\lambda} "
        r"[0,\, -\eta H_{\mu},\, -\eta (H_{\nu} + H_{\lambda})]\,e^{T x}\, "
        r"J_{\mu\nu\lambda}\, C_{\nu\lambda}"
    )
    assert formula(drift().stationary()) == (
        r"- \frac{\eta^{2}}{2} \sum_{\nu\lambda} \frac{J_{\mu\nu\lambda}\, C_{\nu\lambda}}"
        r"{H_{\mu} (1 - q_{\nu} q_{\lambda})}"
    )
    assert formula(drift().small_eta()) == (
        r"- \frac{\eta}{2} \sum_{\nu\lambda} \frac{J_{\mu\nu\lambda}\, C_{\nu\lambda}}"
        r"{H_{\mu} (H_{\nu} + H_{\lambda})}"
    )


def test_flat_directions_drift_along():
    assert formula(drift().small_eta(flat=("a",))) == (
        r"- \frac{\eta^{2} T}{2} \sum_{\nu\lambda} \frac{J_{\mu\nu\lambda}\, C_{\nu\lambda}}"
        r"{H_{\nu} + H_{\lambda}}"
    )
    assert "[1, 1, q_b q_c]x^T" in drift().with_form("discrete", flat=("a",)).text()


def test_two_nodes_are_a_fraction():
    excess = expand("test-loss", order=2, sampling="full-batch", resummed=True).at_minimum()
    assert formula(excess).endswith(
        r"\frac{\eta^{2}}{2 N} \sum_{\mu\nu} \frac{(1 - q_{\mu}^{E}) (1 - q_{\nu}^{E})}"
        r"{(1 - q_{\mu}) (1 - q_{\nu})}\, C_{\mu\nu}\, H_{\mu\nu}"
    )
    assert formula(excess.continuous()).endswith(
        r"\frac{1}{2 N} \sum_{\mu\nu} \frac{(1 - e^{-\eta H_{\mu} E}) (1 - e^{-\eta H_{\nu} E})}"
        r"{H_{\mu} H_{\nu}}\, C_{\mu\nu}\, H_{\mu\nu}"
    )
    one_pass = expand("test-loss", order=2, sampling="one-pass", resummed=True).at_minimum()
    assert r"\frac{1 - (q_{\mu} q_{\nu})^{T}}{1 - q_{\mu} q_{\nu}}" in formula(one_pass)
    assert r"\frac{1 - e^{-\eta (H_{\mu} + H_{\nu}) T}}{H_{\mu} + H_{\nu}}" in formula(
        one_pass.continuous()
    )


def test_takeuchi_is_seen():
    gap = expand("generalisation-gap", order=1, sampling="full-batch", resummed=True)
    assert formula(gap.stationary()) == r"\frac{1}{N} \sum_{\mu} \frac{C_{\mu\mu}}{H_{\mu}}"


def test_finite_samples_and_single_draws_stand_apart():
    loss = expand("test-loss", order=2, sampling="with-replacement", resummed=True).small_eta()
    text = formula(loss)
    assert r"\frac{\eta}{B (H_{\mu} + H_{\nu})} + \frac{1}{N H_{\mu} H_{\nu}}" in text
    line = next(x for x in loss.text().splitlines() if "C_ab H_ab" in x)
    assert line.endswith("  1/2 (1/(B (h_a + h_b)) + 1/(N h_a h_b))   C_ab H_ab")


def test_momentum():
    loss = expand("test-loss", order=2, sampling="one-pass", optimizer="momentum", resummed=True)
    tex = loss.latex()
    assert r"\text{ the roots of } x^2 - (1 + \beta - \eta H_{\mu})\, x + \beta" in tex
    assert r"\frac{r_{\mu} (1 - r_{\mu}^{T})}{1 - r_{\mu}}" in tex
    assert r"\frac{\eta}{2 (1 - \beta)} \sum_{\mu\nu}" in formula(loss.small_eta())
    # What is symmetric in both roots is rational in H and beta.
    stationary = formula(loss.stationary())
    assert r"- \sum_{\mu} \frac{G_{\mu}\, G_{\mu}}{H_{\mu}}" in stationary
    assert r"\frac{\eta (1 - \beta) (1 + \beta)}{2} \sum_{\mu\nu}" in stationary
    assert (
        r"{(1 - \beta)^{2} ((1 + \beta) (H_{\mu} + H_{\nu}) - \eta H_{\mu} H_{\nu})"
        r" + \eta \beta (H_{\mu} - H_{\nu})^{2}}"
    ) in stationary
    assert "r_{" not in stationary
    assert "s_{" not in stationary


def test_legends_say_what_occurs():
    assert "divided difference" in drift().latex()
    assert "divided difference" not in drift().latex(differences="written-out")
    assert "q_{" not in drift().continuous().latex()
    decay = expand(
        "test-loss",
        order=1,
        sampling="one-pass",
        optimizer=SGD(weight_decay=symbols.lamda),
        resummed=True,
    )
    assert r"\text{ the eigenvalues of } \eta (H + \lambda)" in decay.latex()
    assert "h_a an eigenvalue of eta (H + lamda)" in decay.text()
    epochs = expand("test-loss", order=2, sampling="epochs", resummed=True)
    assert r"W_{\text{(01-2)(02-12)}}(\eta H_{\mu}, \eta H_{\nu})" in epochs.latex()
    assert "1/2 W[(01-2)(02-12)](h_a, h_b)" in epochs.text()


def test_differences_are_checked():
    with pytest.raises(RequestError, match="differences"):
        drift().latex(differences="long")


def test_table():
    expansion = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    title, legend, *rows = expansion.text().splitlines()
    assert title == "E[test loss] | one-pass B=1 | re-summed (discrete) | order 2"
    assert legend.startswith("sum over a, b; q_a = 1 - h_a, h_a an eigenvalue of eta H; ")
    assert rows[-1].split() == ["1/2", "[1,", "q_a", "q_b]x^T", "C_ab", "H_ab"]
    assert str(expansion - expansion).splitlines() == [
        "0 | re-summed (discrete) | order 2",
        "  0",
    ]
    assert r"\begin{aligned}" in expansion._repr_latex_()


def test_differences_of_schemes():
    a = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    b = expand("test-loss", order=2, sampling="full-batch", resummed=True)
    assert "1/2 ([1, q_a q_b]x^T - 1/N [1, q_a]x^E [1, q_b]x^E)" in (a - b).text()
    assert r"\big|_{\text{full-batch}}" in (a - b).latex()
    assert "0 \\\\" not in (a - a).latex()


def test_inside_expressions():
    loss = expand("test-loss", order=2, sampling="one-pass", resummed=True).at_minimum()
    assert latex(loss.small_eta().sympy(2)).endswith(
        r"\sum_{\mu\nu} \frac{C_{\mu\nu}\, H_{\mu\nu}}{H_{\mu} + H_{\nu}}"
    )
    assert r"1 - q_{\mu} q_{\nu}" in latex(loss.stationary().sympy(2))
    assert r"e^{-\eta (H_{\mu} + H_{\nu}) T}" in latex(loss.continuous().sympy(2))
    assert r"\left(-" in latex(drift().sympy(3))


# What is written has the value of the weight ---------------------------------------------------------


def read(text):
    """Read a weight in plain text."""
    text = re.sub(r"(\w+|\))\^(\(|\w)", r"\1**\2", text)
    text = re.sub(r"(?<=[\w)]) (?=[\w(])", "*", text)
    return sympify(text, locals={"E": symbols.E, "N": symbols.N, "beta": symbols.beta})


def value_of(products, values):
    """The value of products in plain text."""
    total = 0
    for p in products:
        term = p.scalar
        for f in p.above:
            term *= read(plain_text(f))
        for f in p.below:
            term /= read(plain_text(f))
        term = term.subs(values)
        for inner in p.beside:
            term *= value_of(inner, values)
        total += term
    return total


CASES = [
    ("displacement", 3, "one-pass", None, ()),
    ("displacement", 3, "one-pass", None, ("a",)),
    ("generalisation-gap", 2, "with-replacement", None, ()),
    ("second-moment", 3, "full-batch", None, ("b",)),
    ("displacement", 2, "full-batch", "momentum", ()),
    ("test-loss", 2, "one-pass", "momentum", ()),
    ("test-loss", 2, "one-pass", "nesterov", ()),
    ("displacement", 2, "full-batch", SGD(average=ExponentialAverage()), ()),
    ("test-loss", 2, "one-pass", Nesterov(average=TailAverage()), ()),
    ("test-loss", 2, "one-pass", Nesterov(average=TailAverage(2)), ()),
    ("generalisation-gap", 4, "one-pass", None, ()),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("observable", "order", "sampling", "optimizer", "flat"), CASES)
def test_written_out_weights_are_the_weights(observable, order, sampling, optimizer, flat, form):
    if form in ("continuous", "small-eta") and "last" in str(getattr(optimizer, "label", "")):
        pytest.skip("there is no time in a number of updates")
    if order == 4 and form != "stationary":
        pytest.skip("polynomials too wide for a fraction occur in the stationary form")
    expansion = expand(
        observable, order=order, sampling=sampling, optimizer=optimizer, resummed=True
    ).with_form(form, flat=flat)
    dressing = expansion.parts[0].training.dressing
    law = PairLaw.of(dressing)
    for term in [t for t in expansion.terms if t.order == order]:
        values = {"T": 5, "E": 4, "N": 7, "B": 3, "beta": sympify("2/9"), "alpha": sympify("3/5")}
        for i, letter in enumerate("abcd"[: term.order]):
            h = sympify(1) / (7 + 2 * i)
            r = s = sympify(8) / (9 + i)
            if law is not None:
                # A root defines h, and the sum of both the other root.
                above, below = (
                    polynomial_at(c, r) for c in (dressing.denominator, dressing.numerator)
                )
                h = (-above / below).subs(values)
                s = (dressing.total[0] + dressing.total[1] * h - r).subs(values)
            values |= {f"h_{letter}": h, f"q_{letter}": 1 - h, f"r_{letter}": r, f"s_{letter}": s}
        names = Names(
            term.order,
            in_rates=form in ("continuous", "small-eta"),
            eta_apart=False,
            bare_rates=form == "stationary",
            law=law,
        )
        scalar, products = SpectralTerms(names, "written-out").common(term.weight)
        written = scalar.subs(values) * value_of(products, values)
        expected = term.weight.doit().subs(values)
        assert abs((written - expected).evalf(30)) < 1e-20 * (1 + abs(expected.evalf(30)))


def test_signs_of_scalars_stand_in_front():
    N, T = symbols.N, symbols.T
    for scalar, sign, text in [
        (T / (1 - N), -1, "T/(N - 1)"),
        ((1 - T) / N, -1, "(T - 1)/N"),
        ((1 - T) / (1 - N), 1, "(T - 1)/(N - 1)"),
        (-3 * symbols.eta**2 * T / 2, -1, "3 eta^2 T/2"),
    ]:
        shown_sign, node = scalar_node(scalar)
        assert (shown_sign, plain_text(node)) == (sign, text)
        in_fraction = merged(Summand(scalar))
        assert in_fraction[0] == sign
        assert plain_text(fraction_of(*in_fraction[1:])) == text
