"""LaTeX must compile in a real TeX and fit on the page."""

import re
import shutil
import subprocess

import pytest
from sympy import latex

from sgdiagrams.symbolic import (
    SGD,
    Cosine,
    Exponential,
    Expression,
    FullBatch,
    Momentum,
    OnePass,
    TailAverage,
    Training,
    expand,
    imitate,
    modified_equation,
    modified_loss,
    scaling,
    symbols,
)
from sgdiagrams.symbolic.layout.latex import LatexRenderer, latex_text
from sgdiagrams.symbolic.layout.ruler import printed_width

pytestmark = [
    pytest.mark.tex,
    pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex is installed"),
]

CASES = [
    ("test-loss", 4, "one-pass", "moment", {}),
    ("test-loss", 4, "one-pass", "cumulant", {"coefficients": "binomial"}),
    ("generalisation-gap", 3, "one-pass", "cumulant", {"eta": "tensor"}),
    ("training-loss", 3, "epochs", "moment", {"coefficients": "expanded"}),
    ("test-loss", 4, "epochs", "moment", {}),
    ("generalisation-gap", 3, "epochs", "cumulant", {"eta": "tensor", "coefficients": "expanded"}),
    ("test-loss", 6, "one-pass", "moment", {"eta": "tensor"}),
    ("generalisation-gap", 2, OnePass(B=symbols.B), "moment", {}),
]


def compile_tex(document, folder):
    """Compile a document twice and return TeX's log."""
    (folder / "formula.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "formula.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    log = (folder / "formula.log").read_text(errors="replace")
    assert done.returncode == 0, log[-2000:]
    return log


@pytest.mark.parametrize(("observable", "order", "sampling", "basis", "style"), CASES)
def test_formulas_compile_and_fit_the_page(tmp_path, observable, order, sampling, basis, style):
    expansion = expand(observable, order=order, sampling=sampling, basis=basis)
    log = compile_tex(expansion.latex(standalone=True, **style), tmp_path)
    assert "Overfull \\hbox" not in log
    assert (tmp_path / "formula.pdf").stat().st_size > 1000


def test_difference_of_protocols_compiles(tmp_path):
    difference = expand("test-loss", order=2, sampling="full-batch") - expand(
        "test-loss", order=2, sampling="epochs"
    )
    compile_tex(difference.latex(standalone=True), tmp_path)


def test_inline_form_for_notebooks_compiles(tmp_path):
    body = expand("test-loss", order=3, sampling="one-pass")._repr_latex_()
    body += expand("test-loss", noise=1, along_path=True, sampling="epochs")._repr_latex_()
    document = "\\documentclass{article}\\usepackage{amsmath}\\begin{document}\n"
    compile_tex(document + re.sub(r"\n\n+", "\n", body) + "\n\\end{document}\n", tmp_path)


ALONG_PATHS = [
    ("test-loss", 1, "fresh-data", None, {}),
    ("test-loss", 2, "one-pass", None, {}),
    ("training-loss", 1, "epochs", SGD(weight_decay=symbols.lamda), {}),
    ("generalisation-gap", 2, "with-replacement", None, {"width": "columnwidth"}),
    ("displacement", 2, "fresh-data", Momentum(), {"width": "16cm"}),
    ("variance", 2, "reshuffled-epochs", None, {}),
    ("function:other_task-2", 1, OnePass(T=9), SGD(schedule=Cosine(), average=TailAverage(3)), {}),
]


@pytest.mark.parametrize(("observable", "noise", "sampling", "optimizer", "style"), ALONG_PATHS)
def test_formulas_along_a_path_compile_and_fit_the_page(
    tmp_path, observable, noise, sampling, optimizer, style
):
    expansion = expand(
        observable, noise=noise, along_path=True, sampling=sampling, optimizer=optimizer
    )
    document = expansion.latex(standalone=True, **style)
    assert re.findall(r"\\usepackage(?:\[.*\])?\{(\w+)\}", document) == ["geometry", "amsmath"]
    assert "Overfull \\hbox" not in compile_tex(document, tmp_path)


MODIFIED = [
    (modified_equation(2, sampling="fresh-data"), {}),
    (modified_equation(3, sampling="one-pass", optimizer="momentum"), {"width": "columnwidth"}),
    (modified_equation(3, sampling="reshuffled-epochs", role="training-set"), {}),
    (modified_equation(4, sampling="gradient-descent"), {"width": "12cm"}),
    (modified_loss(3, sampling="one-pass"), {}),
    (imitate(Training(OnePass()), Training(FullBatch()), order=3), {}),
]


@pytest.mark.parametrize(("made", "style"), MODIFIED)
def test_modified_equations_compile_and_fit_the_page(tmp_path, made, style):
    document = made.latex(standalone=True, **style)
    assert re.findall(r"\\usepackage(?:\[.*\])?\{(\w+)\}", document) == ["geometry", "amsmath"]
    assert "Overfull \\hbox" not in compile_tex(document, tmp_path)


PROTOCOLS = [
    ("test-loss", 3, "fresh-data", "momentum", {}),
    ("generalisation-gap", 2, "with-replacement", "nesterov", {"coefficients": "expanded"}),
    ("second-moment", 3, "one-pass", SGD(schedule=Exponential()), {"eta": "tensor"}),
    ("training-loss", 2, "one-pass", SGD(weight_decay=symbols.lamda), {}),
    ("variance", 3, "reshuffled-epochs", None, {}),
    ("function:other_task-2", 3, "full-batch", SGD(average=TailAverage()), {}),
    ("covariance", 3, OnePass(T=50), SGD(schedule=Cosine()), {"digits": 12}),
]


@pytest.mark.parametrize(("observable", "order", "sampling", "optimizer", "style"), PROTOCOLS)
def test_every_way_to_train_compiles(tmp_path, observable, order, sampling, optimizer, style):
    expansion = expand(observable, order=order, sampling=sampling, optimizer=optimizer)
    log = compile_tex(expansion.latex(standalone=True, **style), tmp_path)
    assert "Overfull \\hbox" not in log


RESUMMED = [
    ("test-loss", 4, "one-pass", None, "discrete", "short"),
    ("test-loss", 3, "with-replacement", None, "discrete", "written-out"),
    ("displacement", 3, "one-pass", None, "continuous", "written-out"),
    ("generalisation-gap", 3, "full-batch", None, "continuous", "short"),
    ("generalisation-gap", 4, "one-pass", None, "stationary", "short"),
    ("covariance", 3, "sde", None, "small-eta", "short"),
    ("second-moment", 3, "with-replacement", None, "stationary", "short"),
    ("test-loss", 2, "one-pass", "momentum", "discrete", "short"),
    ("second-moment", 2, "full-batch", "momentum", "continuous", "written-out"),
    ("test-loss", 3, "fresh-data", "momentum", "stationary", "short"),
    ("test-loss", 3, "epochs", None, "discrete", "short"),
    ("test-loss", 2, "fresh-data", SGD(weight_decay=symbols.lamda), "stationary", "short"),
]


@pytest.mark.parametrize(
    ("observable", "order", "sampling", "optimizer", "form", "differences"), RESUMMED
)
def test_resummed_formulas_compile_and_fit_the_page(
    tmp_path, observable, order, sampling, optimizer, form, differences
):
    expansion = expand(
        observable, order=order, sampling=sampling, optimizer=optimizer, resummed=True
    ).with_form(form)
    log = compile_tex(expansion.latex(differences=differences, standalone=True), tmp_path)
    assert "Overfull \\hbox" not in log


@pytest.mark.parametrize("observable", ["covariance", "displacement", "test-loss"])
def test_sums_below_fit_a_column(tmp_path, observable):
    """What is wider than a line becomes an inverse power, in which a line may be broken."""
    expansion = expand(
        observable, order=3, sampling="fresh-data", optimizer="momentum", resummed=True
    )
    tex = expansion.at_minimum().stationary().latex(standalone=True, width="columnwidth")
    assert r"\bigr)^{-1}" in tex
    assert "Overfull \\hbox" not in compile_tex(tex, tmp_path)


def test_conditional_cumulants_have_the_package_of_their_letter(tmp_path):
    expansion = expand("test-loss", order=2, sampling="epochs", visits="fresh", basis="cumulant")
    document = expansion.latex(standalone=True)
    assert r"\varkappa" in document
    assert r"\usepackage{amssymb}" in document
    assert "Overfull \\hbox" not in compile_tex(document, tmp_path)


def test_resummed_formulas_inside_other_documents_compile(tmp_path):
    drift = expand("displacement", order=3, sampling="one-pass", resummed=True).small_eta()
    gap = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    difference = gap - expand("test-loss", order=2, sampling="full-batch", resummed=True)
    body = f"{drift._repr_latex_()}\n\n$${latex(gap.sympy())}$$\n\n{difference.latex()}"
    document = "\\documentclass{article}\\usepackage{amsmath}\\begin{document}\n"
    compile_tex(document + body + "\n\\end{document}\n", tmp_path)


# Fragments ----------------------------------------------------------------------------------------------

# Documents of a user's own, with amsmath alone, and the width that formulas are asked for.
PAGES = {
    "textwidth": r"\documentclass{article}",
    "columnwidth": r"\documentclass[twocolumn,a4paper]{article}",
    "200pt": r"\documentclass{article}\textwidth=200pt\columnwidth=200pt\hsize=200pt",
    "17cm": r"\documentclass{article}\textwidth=17cm\columnwidth=17cm\hsize=17cm\oddsidemargin=0cm",
}
FRAGMENTS = [
    expand("test-loss", order=4, sampling="one-pass"),
    expand("generalisation-gap", order=3, sampling="epochs", basis="cumulant"),
    expand("second-moment", order=3, sampling="with-replacement"),
    expand("test-loss", order=3, sampling="one-pass", optimizer="momentum"),
    expand("displacement", order=3, sampling="full-batch", optimizer=SGD(schedule=Exponential())),
    expand("variance", order=3, sampling="reshuffled-epochs"),
    expand("test-loss", order=2, sampling="epochs") - expand("test-loss", order=2, sampling="sde"),
    expand("test-loss", order=3, sampling="epochs", resummed=True),
    expand("generalisation-gap", order=3, sampling="one-pass", resummed=True).continuous(),
    expand("test-loss", order=2, sampling="one-pass", optimizer="momentum", resummed=True),
    expand("displacement", order=3, sampling="one-pass", resummed=True).stationary(),
]


@pytest.mark.parametrize("width", PAGES)
def test_fragments_need_amsmath_alone_and_fit_the_width(tmp_path, width):
    body = "\n\n".join(f.latex(width=width) for f in FRAGMENTS)
    head = f"{PAGES[width]}\\usepackage{{amsmath}}\\allowdisplaybreaks\n\\begin{{document}}\n"
    log = compile_tex(f"{head}{body}\n\\end{{document}}\n", tmp_path)
    assert "Overfull \\hbox" not in log


def test_widths_are_those_of_tex(tmp_path):
    lines = [line.row for f in FRAGMENTS[:6] for line in series_lines(f)]
    # A sign that stands between terms has something before it.
    starts = ["" if getattr(row.items[0], "is_unary", False) else "{}" for row in lines]
    boxes = "\n".join(
        rf"\setbox0\hbox{{$\displaystyle {start}{latex_text(row)}$}}\typeout{{WIDTH \the\wd0}}"
        for start, row in zip(starts, lines, strict=True)
    )
    head = "\\documentclass{article}\\usepackage{amsmath}\\begin{document}\n"
    log = compile_tex(f"{head}{boxes}\nx\\end{{document}}\n", tmp_path)
    real = [float(width) for width in re.findall(r"^WIDTH ([0-9.]+)pt", log, flags=re.MULTILINE)]
    assert len(real) == len(lines) > 50
    for row, width in zip(lines, real, strict=True):
        ours = printed_width(row) / 100
        # Never less, but for what is rounded, and seldom more.
        assert width - 0.1 <= ours <= 1.05 * width + 4


def series_lines(expansion):
    """Return the lines of a formula as nodes."""
    kept = []

    class Keeper(LatexRenderer):
        def equation(self, equation):
            kept.extend(equation.lines(60))
            return ""

    expansion.write(Keeper())
    return kept


def test_no_product_is_torn_and_no_sum_sign_stands_alone():
    torn = 0
    for width in PAGES:
        for formula in FRAGMENTS:
            before = ""
            for line in formula.latex(width=width).partition(r"\\[1ex]")[0].splitlines()[1:-1]:
                shown = line.strip().removesuffix(r"\\").strip()
                if before and shown.startswith("& ") and "={}" not in before[-8:]:
                    start = re.match(r"& (\\q?quad)?\{\}(\+|-|\\times)", shown)
                    # Divided differences and numbers of embeddings go on after a comma.
                    assert (
                        start or before.endswith(",") or "={}&" in shown or "&  \\langle" in shown
                    )
                    torn += start is not None and "times" in start[2]
                assert not re.search(r"\\sum(_\{[^}]*\})?$", shown)
                before = shown
    assert torn  # in narrow columns only
    assert not any(r"\times" in f.latex(width="17cm") for f in FRAGMENTS)


@pytest.mark.parametrize("optimizer", [None, "momentum"])
def test_scaling_tables_fit_the_text_of_an_article(tmp_path, optimizer):
    table = scaling(
        expand("test-loss", order=3, sampling="one-pass", optimizer=optimizer), through=("eta*T",)
    )
    head = "\\documentclass{article}\\usepackage{amsmath,longtable}\\begin{document}\n"
    log = compile_tex(f"{head}{table.latex()}\n\\end{{document}}\n", tmp_path)
    assert "Overfull \\hbox" not in log


def test_expressions_compile_and_fit_the_page(tmp_path):
    expression = Expression.parse(
        "(1 + beta)/(2 (1 - beta)^3) H_ab G_b - (N - 1)/(4 N) M_b|ab + 2 tr(C) G_a - G~_a"
        " - {x}/3 other-task_a + N U_b|c J^u_abc + D5_abbcc - eta T/2 K_abcc kappa_b|de|de"
    )
    for width in ("textwidth", "columnwidth"):
        options = {"left": r"\nabla_\mu \mathcal{L}", "standalone": True, "width": width}
        assert "Overfull \\hbox" not in compile_tex(expression.latex(**options), tmp_path)
    plug_ins = expand("test-loss", order=4, sampling="epochs").expression(4).in_basis("plug-in")
    log = compile_tex(plug_ins.latex(standalone=True, width="columnwidth"), tmp_path)
    assert "Overfull \\hbox" not in log
