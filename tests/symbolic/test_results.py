"""Known results of the literature, as identities."""

import functools
import re
import shutil
import subprocess

import numpy as np
import pytest
from sympy import (
    Rational,
    Symbol,
    diff,
    exp,
    limit,
    log,
    series,
    simplify,
    symbols,
    sympify,
)

import sgdiagrams.symbolic
from sgdiagrams.diagrams import RequestError
from sgdiagrams.literature.entries import shipped_entries
from sgdiagrams.numeric import landscape
from sgdiagrams.symbolic import expand, results
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.known.page import results_in_latex
from sgdiagrams.symbolic.known.result import KnownResult, Source
from sgdiagrams.symbolic.resummation.given_tensors import tidy
from sgdiagrams.symbolic.symbols import B, E, N, T, beta, eta

C, G, H, J, S = symbols("C G H J S")


RESULTS = results.RESULTS
known_result = functools.cache(results.known_result)


def same(first, second):
    return simplify(first - second) == 0


def resummed(observable, order, sampling, optimizer=None):
    return expand(
        observable, order=order, sampling=sampling, optimizer=optimizer, resummed=True
    ).at_minimum()


def test_takeuchi_and_akaike():
    assert known_result("takeuchi").formula == C / (H * N)
    assert known_result("akaike").formula == Symbol("p") / N
    # For any number of weights it is the trace of C over H.
    [term] = known_result("takeuchi").derived.terms
    assert str(term.contraction) == "C_aa"
    assert term.weight == 1 / (N * Symbol("h_a"))


def test_excess_loss_of_gradient_descent():
    excess = known_result("excess-loss").formula
    assert same(excess, C / (2 * N * H) * (1 - exp(-eta * E * H)) ** 2)
    gap = resummed("generalisation-gap", 1, "full-batch").continuous().in_one_dimension()
    assert same(gap, C / (N * H) * (1 - exp(-eta * E * H)))
    assert same(known_result("excess-limit").formula * 2, known_result("takeuchi").formula)


def test_discretely_the_powers_stand_for_exponentials():
    excess = resummed("test-loss", 2, "full-batch").in_one_dimension(2)
    assert same(excess, C / (2 * N * H) * (1 - (1 - eta * H) ** E) ** 2)


def test_the_worst_curvature():
    x = known_result("worst-curvature").formula
    assert abs(x.evalf(30) - sympify("1.25643120862616967698")) < 1e-19
    # It is a maximum of (1 - e^-x)^2 / x.
    z = Symbol("z")
    excess = (1 - exp(-z)) ** 2 / z
    assert abs(diff(excess, z).subs(z, x).evalf()) < 1e-15
    assert diff(excess, z, 2).subs(z, x).evalf() < 0


def test_drift_and_valley_velocity():
    [term] = known_result("drift").derived.terms
    ha, hb, hc = symbols("h_a h_b h_c")
    assert same(term.weight, -1 / (2 * (hb + hc) * ha))
    assert str(term.contraction) == "J_abc C_bc"
    [term] = known_result("valley-velocity").derived.terms
    assert same(term.weight, -T / (2 * (hb + hc)))
    assert same(known_result("valley-velocity").formula / T, -(eta**2) / 2 * C * J / (2 * H))


def test_skewness():
    [term] = known_result("skewness").derived.order_terms(3)
    ha, hb, hc = symbols("h_a h_b h_c")
    rate = ha + hb + hc
    assert str(term.contraction) == "S_abc J_abc"
    assert same(term.weight.doit(), -(1 - exp(-T * rate)) / (6 * rate))
    expected = -(eta**3) / 6 * S * J * (1 - exp(-3 * eta * T * H)) / (3 * eta * H)
    assert same(known_result("skewness").formula, expected)


@pytest.mark.parametrize("sampling", ["one-pass", "full-batch", "with-replacement"])
def test_quadratic_landscapes_end_at_two_edges(sampling):
    expansion = expand("test-loss", order=5, sampling="one-pass", resummed=True).for_quadratic()
    assert max(term.order for term in expansion.terms) == 2
    shorter = expand("test-loss", order=4, sampling=sampling, resummed=True).for_quadratic()
    assert max(term.order for term in shorter.terms) == 2


def test_quadratic_formula_is_the_recursion_of_means():
    """E l = H m^2/2 + H v/2 with m' = (1 - eta H) m and v' = (1 - eta H)^2 v + eta^2 C."""
    formula = known_result("quadratic").formula
    start = Rational(3, 2)
    curvature, noise, rate = Rational(2), Rational(1, 3), Rational(1, 7)
    mean, variance = start, Rational(0)
    for steps in range(6):
        loss = curvature * (mean**2 + variance) / 2
        ours = formula.subs(
            {
                G: curvature * start,
                H: curvature,
                C: noise,
                eta: rate,
                T: steps,
                Symbol("l"): curvature * start**2 / 2,
            }
        )
        assert simplify(ours - loss) == 0
        mean = (1 - rate * curvature) * mean
        variance = (1 - rate * curvature) ** 2 * variance + rate**2 * noise


def test_helix():
    velocity = known_result("helix-velocity").formula
    assert same(velocity, eta**2 / (2 * (3 - 2 * eta)))
    assert limit(velocity / eta**2, eta, 0) == Rational(1, 6)


def test_momentum_rescales_the_learning_rate():
    """Heavy ball at small eta is SGD at eta/(1 - beta); its drift is larger by that factor."""
    plain = resummed("displacement", 3, "one-pass").small_eta().in_one_dimension()
    heavy = resummed("displacement", 3, "one-pass", "momentum").small_eta().in_one_dimension()
    assert same(heavy, plain.subs(eta, eta / (1 - beta)))


def test_momentum_exactly():
    """The stationary variance is eta C (1 + beta)/((1 - beta) H (2 (1 + beta) - eta H))."""
    stationary = resummed("test-loss", 2, "one-pass", "momentum").stationary().in_one_dimension(2)
    expected = eta * C * (1 + beta) / (2 * (1 - beta) * (2 * (1 + beta) - eta * H))
    numbers = {eta: Rational(1, 7), beta: Rational(1, 3), C: 5, H: Rational(3, 2)}
    assert abs((stationary - expected).subs(numbers).evalf(40)) < 1e-35


def test_sde_has_the_small_eta_form():
    sde = resummed("displacement", 3, "sde").small_eta()
    sgd = resummed("displacement", 3, "one-pass").small_eta()
    assert [t.weight for t in sde.terms] == [t.weight for t in sgd.terms]
    loss = resummed("test-loss", 2, "sde").small_eta().in_one_dimension(2)
    assert same(loss, eta * C / 4)


def test_worked_out_on_tensors():
    """Off-diagonal noise counts with the sum of two curvatures."""
    loss = resummed("test-loss", 2, "one-pass").continuous()
    a, b, c = symbols("a b c")
    found = loss.on_tensors(curvatures=(a, b), tensors={"C": [[c, 0], [0, 0]], "l": 0})
    assert same(found, eta * c * (1 - exp(-2 * T * eta * a)) / 4)


def test_tidy_keeps_the_value():
    x = Symbol("x")
    ugly = (exp(-2 * x) - 1) / (x - 2) + (4 ** (2 * x) - 4**x)
    assert simplify(tidy(ugly) - ugly) == 0
    assert series(tidy((exp(-x) - 1) / (x * log(2))), x, 0, 2)


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_has_words_and_a_formula(name):
    found = known_result(name)
    assert found.name == name
    assert found.statement.endswith(".")
    is_expression = isinstance(found.formula, Expression)
    occurring = found.formula.symbols if is_expression else found.formula.free_symbols
    assert occurring or name == "worst-curvature"
    assert found.latex().startswith("\\begin{")
    assert found.sources
    assert all(source.authors and source.title and source.year > 1700 for source in found.sources)
    lines = str(found).splitlines()
    assert lines[0] == f"{name}: {found.statement}"
    assert lines[1:] == [f"  {line}" for line in (*map(str, found.sources), *lines_of(found))]
    [entry] = [e for e in shipped_entries() if (e.kind, e.name) == ("result", name)]
    assert entry.text == found.statement, "run python docs/write_literature.py"
    assert entry.words == "; ".join(map(str, found.sources))
    if found.call.startswith("known_result("):
        return
    if found.derived is not None:
        derived = eval(found.call, dict(vars(sgdiagrams.symbolic)))  # noqa: S307 - our own text
        assert type(derived) is type(found.derived)
        assert derived.latex() == found.derived.latex()
        if hasattr(derived, "terms"):
            assert derived.terms == found.derived.terms


def lines_of(result):
    """The formula, in letters of the source where they differ, and the call."""
    yield str(result.formula)
    if result.letters:
        letters = ", ".join(f"{theirs} for {ours}" for ours, theirs in result.letters)
        # Expressions put symbols that are none of ours in braces.
        yield re.sub(r"\{(\w+)\}", r"\1", f"{result.published}  ({letters})")
    yield result.call


def test_every_result_has_a_markdown_cell_and_a_place_on_the_page():
    page = results_in_latex(map(known_result, RESULTS), standalone=True)
    for name in RESULTS:
        assert f"\\textbf{{{name}.}}" in page
        assert known_result(name)._repr_markdown_().startswith(f"**{name}.** ")


@pytest.mark.tex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex is installed")
def test_every_result_compiles_and_fits_the_page(tmp_path):
    page = results_in_latex(map(known_result, RESULTS), standalone=True)
    assert re.findall(r"\\usepackage(?:\[.*\])?\{(\w+)\}", page) == ["geometry", "amsmath"]
    (tmp_path / "page.tex").write_text(page)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout


def test_covariance_of_small_steps():
    """Mandt, Hoffman and Blei: A Sigma + Sigma A = (epsilon/S) C, in the eigenbasis of A."""
    result = known_result("stationary-covariance")
    [term] = result.derived.terms
    ha, hb = symbols("h_a h_b")
    assert str(term.contraction) == "C_ab"
    assert same((ha + hb) * term.weight, 1 / B)
    epsilon, size, A = symbols("epsilon S A")
    assert same(2 * A * result.published, epsilon / size * C)


def test_covariance_of_the_heavy_ball():
    """Liu, Ziyin and Ueda: their matrix equation in the eigenbasis of K, and solved for C along K."""
    result = known_result("heavy-ball-covariance")
    [term] = result.derived.terms
    ha, hb = symbols("h_a h_b")
    left = (
        (1 - beta) * (ha + hb)
        - (1 + beta**2) / (1 - beta**2) * ha * hb
        + beta / (1 - beta**2) * (ha**2 + hb**2)
    )
    assert str(term.contraction) == "C_ab"
    assert same(left * term.weight, 1 / B)
    assert same(result.formula, eta * C / (B * (1 - beta) * H * (2 - eta * H / (1 + beta))))
    lamda, mu, size, K = symbols("lambda mu S K")
    law = lamda * C / (size * (1 - mu) * K * (2 - lamda * K / (1 + mu)))
    assert same(result.published, law)


def test_covariance_of_subsets():
    """Cochran: the mean of B of N different values has the variance (N - B)/(B (N - 1)) times theirs."""
    result = known_result("subset-covariance")
    [term] = result.derived.terms
    ha, hb, N = symbols("h_a h_b N")
    share = (N - B) / (B * (N - 1))
    assert str(term.contraction) == "C_ab"
    assert same((1 - (1 - ha) * (1 - hb)) * term.weight, share)
    assert same(result.formula, eta * C * share / (H * (2 - eta * H)))


def test_the_mean_of_all_iterates():
    """Polyak and Juditsky, theorem 1: t V = A^-1 S A^-1, without learning rate and momentum."""
    result = known_result("polyak-ruppert")
    [term] = result.derived.terms
    ha, hb = symbols("h_a h_b")
    assert str(term.contraction) == "C_ab"
    assert same(ha * hb * term.weight, 1 / (B * symbols("T")))
    assert same(result.formula, C / (B * H**2 * symbols("T")))


def test_stationary_bias():
    """Dieuleveut, Durmus and Bach: -(gamma/2) H^-1 J (H x 1 + 1 x H)^-1 C."""
    result = known_result("stationary-bias")
    [term] = result.derived.terms
    ha, hb, hc = symbols("h_a h_b h_c")
    assert str(term.contraction) == "J_abc C_bc"
    assert same(term.weight, -1 / (2 * ha * (hb + hc)))
    assert same(result.published, -Symbol("gamma") / 2 / H * J * C / (2 * H))


def test_bias_on_gauss_to_the_second_power():
    result = known_result("gauss-bias")
    assert result.formula == eta / 4 + Rational(13, 72) * eta**2
    statistics = landscape("gauss").statistics(8)
    orders = result.derived.evaluate(statistics, eta=0.01).orders
    assert orders[1:] == pytest.approx([0.01 / 4, 13 / 72 * 1e-4])


def test_results_may_be_expressions():
    """Of modified equations for instance: in the letters of a source, as text and in LaTeX."""
    law = KnownResult(
        "implicit",
        "Gradient descent regularises.",
        (Source("D. Barrett, B. Dherin", 2021, "Implicit Gradient Regularization", "section 3"),),
        "modified_loss(2, sampling='gradient-descent').term(2)",
        Expression.parse("eta/4 G_a G_a"),
        left=r"\tilde{\ell} - \ell =",
        letters=(("eta", "h"),),
    )
    assert str(law).splitlines()[1:4] == [
        "  D. Barrett, B. Dherin (2021), Implicit Gradient Regularization, section 3",
        "  eta/4 G_a G_a",
        "  h/4 G_a G_a  (h for eta)",
    ]
    assert law.published == Expression.parse("{h}/4 G_a G_a")
    assert r"\frac{h}{4}\, G_{\mu}\, G_{\mu}" in law.latex()
    assert law._repr_latex_().startswith("$$")


def test_unknown_result():
    with pytest.raises(RequestError, match="expected name"):
        known_result("fisher")
    assert np.isfinite(float(known_result("worst-curvature").formula))
