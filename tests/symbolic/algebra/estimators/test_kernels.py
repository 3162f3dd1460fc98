"""What kernels are, what they cost, and how they are written."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from sympy import Integer, Rational, Symbol

from sgdiagrams.symbolic.algebra.estimators.kernel import Derivative, Dot, derivatives_in
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.symbols import N

p = Symbol("p")
ROOT = Path(__file__).parents[4]

KERNELS = [
    ("C_aa", "grad l_x . (grad l_x - grad l_y)", 2),
    ("C_ab H_ab", "hess l_x grad l_y . (grad l_y - grad l_z)", 4),
    ("kappa_|", "l_x (l_x - l_y)", 1),
    ("l^2", "l_x l_y", 1),
    ("G_a H_ab G_b", "grad l_x . hess l_y grad l_z", 4),
    ("C_aa H_bc G_b G_c", None, 6),
    ("C_ab s_ab", None, 4),
    ("C_ab", "grad_a l_x grad_b l_x - grad_a l_y grad_b l_x", 2),
    ("H_ab", "hess_ab l_x", 2 * p),
    ("tr(H)", "lap l_x", 2 * p),
    ("tr(H H)", "hess_ab l_x hess_ab l_y", 4 * p),
    ("tr(H H H)", None, 6 * p),
    ("J_aab G_b", None, 4 * p + 1),
    ("D4_aabb", "lap lap l_x", 8 * p**2),
    ("C_ab J_bcc", None, 4 * p + 2),
    ("s_a s_a", "grad s . grad s", 1),
    ("G~_a H~_ab G~_b", "grad l~_x . hess l~_y grad l~_z", 4),
]


@pytest.mark.parametrize(("text", "kernel", "cost"), KERNELS)
def test_kernels_and_their_cost(text, kernel, cost):
    estimator = Expression.parse(text).estimator()
    assert estimator.cost == cost
    assert kernel is None or str(estimator) == kernel
    assert estimator.is_exhaustive


def test_traces_share_what_trees_share():
    trace = Expression.parse("J_aab G_b") - Expression.parse("M_b|aab")
    estimator = trace.estimator()
    assert estimator.cost == 4 * p + 2
    assert str(estimator) == "grad lap l_x . (grad l_y - grad l_x)"


def test_the_gradient_of_the_trace_of_the_covariance():
    estimator = Expression.parse("tr(C)").gradient().estimator()
    assert estimator.datapoints == 2
    assert estimator.cost == 4
    assert str(estimator) == "2 hess l_x (grad l_x - grad l_y)"
    assert estimator.latex() == (r"2\, \nabla\nabla \ell_{x}\, (\nabla \ell_{x} - \nabla \ell_{y})")
    [(coefficient, (derivative,))] = estimator.kernel.terms
    assert coefficient == 2
    assert (derivative.label, derivative.datapoint, derivative.free) == ("loss", 1, (0,))
    [argument] = derivative.arguments
    signs = [(c, d.datapoint, d.degree) for c, (d,) in argument.terms]
    assert signs == [(1, 1, 1), (-1, 2, 1)]
    # Term by term it would cost two products with Hessians.
    assert len(estimator.expanded.terms) == 2
    assert sum(d.degree == 2 for d in derivatives_in(estimator.expanded)) == 2


def test_third_cumulants_are_products_of_differences():
    estimator = Expression.parse("S_abc J_abc").estimator()
    assert (estimator.datapoints, estimator.cost) == (4, 7)
    [(coefficient, (dot,))] = estimator.kernel.terms
    assert coefficient == 1
    assert isinstance(dot, Dot)
    third = [d for d in derivatives_in(estimator.kernel) if d.degree == 3]
    assert len(third) == 1
    assert isinstance(third[0], Derivative)


def test_two_covariances_at_one_node():
    estimator = Expression.parse("K_abcd C_ab C_cd").estimator()
    assert (estimator.datapoints, estimator.cost) == (5, 8 + 4)


def test_coefficients_with_symbols():
    trace = Expression.parse("C_aa") * (N / (N - 1))
    estimator = trace.estimator()
    assert estimator.cost == 2
    [(coefficient, _)] = estimator.kernel.terms
    assert coefficient == N / (N - 1)
    skewness = Expression.parse("S_abc J_abc") * (N / 6)
    assert skewness.estimator().cost == 7
    assert (skewness + Expression.parse("C_aa") * N**2).estimator().cost == 7
    half = Expression.parse("l") / 2
    assert half.estimator().cost == Rational(1, 2)
    assert Expression.of(3).estimator().cost == Integer(0)


def test_estimators_are_values():
    one, two = (Expression.parse("C_ab H_ab").estimator() for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    assert repr(one).startswith("<Estimator: 3 datapoints, cost 4, ")


def test_many_datapoints_have_numbers():
    product = Expression.parse("l") ** 7
    assert str(product.estimator()) == " ".join(f"l_x{i}" for i in range(1, 8))


def test_the_table_of_the_page_is_true():
    page = (ROOT / "docs/algebra.md").read_text()
    rows = re.findall(r"^\| `(.+?)` \| `(.+?)` \| (\d+) \| (.+?) \|$", page, re.MULTILINE)
    assert len(rows) == 5
    for text, kernel, datapoints, cost in rows:
        estimator = Expression.parse(text.replace("\\|", "|")).estimator()
        shown = (str(estimator), str(estimator.datapoints), str(estimator.cost).replace("*", " "))
        assert shown == (kernel, datapoints, cost)


@pytest.mark.tex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex is installed")
def test_kernels_compile_and_fit_the_page(tmp_path):
    texts = [text for text, _, _ in KERNELS] + ["S_abc J_abc", "kappa_a|a|b|bc|c", "C_ab J_bcc"]
    expressions = [Expression.parse(text) for text in texts]
    expressions += [Expression.parse("C_ab H_ab").hessian(), Expression.parse("C_aa") * N / (N - 1)]
    lines = [rf"$\displaystyle {e.estimator().latex()}$\par" for e in expressions]
    start = (
        r"\documentclass{article}\usepackage[textwidth=345pt]{geometry}\usepackage{amsmath}"
        r"\setlength{\parindent}{0pt}\begin{document}"
    )
    (tmp_path / "kernels.tex").write_text("\n".join([start, *lines, r"\end{document}"]))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "kernels.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-500:]
    assert "Overfull" not in done.stdout
