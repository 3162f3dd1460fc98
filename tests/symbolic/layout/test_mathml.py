"""MathML says what LaTeX says, in elements that browsers know."""

import re
import unicodedata
import xml.etree.ElementTree as ET
from fractions import Fraction

import pytest

from sgdiagrams import Observable
from sgdiagrams.symbolic import (
    SGD,
    Contraction,
    GradientDescent,
    GradientFlow,
    OnePass,
    Product,
    TailAverage,
    Training,
    expand,
    imitate,
    increment,
    modified_equation,
    modified_loss,
    symbols,
)

NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
#: https://www.w3.org/TR/mathml-core/
CORE = re.findall(
    r"\w+",
    "math merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace "
    "msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover",
)
CHILDREN = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2}
SIGNS = {
    "−": "-",
    "⋅": r"\cdot",
    "∑": r"\sum",
    "∏": r"\prod",
    "→": r"\to",
    "≃": r"\simeq",
    "∼": r"\sim",
    "×": r"\times",
    "≠": r"\neq",
    "…": r"\dots",
    "Δ": r"\Delta",
    "∂": r"\partial",
    "\u2062": "",
    "ℓ": r"\ell",
    "⟨": r"\langle",
    "⟩": r"\rangle",
    "ϵ": r"\epsilon",
}


def parsed(xml):
    return ET.fromstring(xml)  # noqa: S314 - our own


def letter(text):
    if text in SIGNS:
        return SIGNS[text]
    name = unicodedata.name(text, "") if len(text) == 1 else ""
    if name.startswith("GREEK SMALL LETTER"):
        return "\\" + name.split()[-1].lower().replace("lamda", "lambda")
    if name.startswith("GREEK CAPITAL LETTER"):
        return "\\" + name.split()[-1].capitalize()
    return text


def to_latex(element):
    """Read MathML as LaTeX."""
    name = element.tag.removeprefix(NAMESPACE)
    children = [to_latex(child) for child in element]
    if name in ("mi", "mo", "mn"):
        return letter(element.text)
    if name == "mtext":
        return rf"\text{{{element.text}}}"
    if name == "mfrac":
        if element.get("linethickness") == "0":
            return rf"\binom{{{children[0]}}}{{{children[1]}}}"
        return rf"\frac{{{children[0]}}}{{{children[1]}}}"
    if name == "mover":
        wide = "wide" if element[1].get("stretchy") == "true" else ""
        accent = {"~": "tilde", "^": "hat"}[element[1].text]
        return rf"\{wide}{accent}{{{children[0]}}}"
    scripts = {"msub": "_", "msup": "^", "msubsup": "_^", "munder": "_"}.get(name)
    if scripts:
        tail = "".join(f"{s}{{{x}}}" for s, x in zip(scripts, children[1:], strict=True))
        return children[0] + tail
    whole = "".join(children)
    return re.sub(r"\((\\binom\{\w\}\{\d\})\)", r"\1", whole) if name == "mrow" else whole


def squeezed(latex):
    """Return LaTeX without spaces, sizes and what aligns lines."""
    latex = re.sub(
        r"\\(begin|end)\{.*?\}|\\(Big|big)[lr]?|\\q?quad|\\\\(\[1ex\])?|\\[, _]", "", latex
    )
    latex = re.sub(
        r"[\s\u00a0&]|(?<!_)(?<!\^)(?<!tilde)\{\}", "", latex.replace(r"\mathrm", r"\text")
    )
    # Names may hold an underscore as well, which is a letter.
    latex = re.sub(r"(\^|_(?!task))(\w)", r"\1{\2}", latex).replace("_task", "task")
    # Of two scripts the lower one first, as in MathML.
    return re.sub(r"(\^\{[^{}]*\})(_\{[^{}]*\})", r"\2\1", latex)


def check(mathml, latex):
    root = parsed(mathml)
    assert root.tag == NAMESPACE + "math"
    for element in root.iter():
        name = element.tag.removeprefix(NAMESPACE)
        assert name in CORE
        assert name == "mspace" or len(element) or (element.text or "").strip()
        assert len(element) == CHILDREN.get(name, len(element))
    assert squeezed(to_latex(root)) == squeezed(latex)


PLAIN = [
    ("test-loss", 3, "one-pass", None, {}),
    ("test-loss", 3, "one-pass", None, {"coefficients": "binomial"}),
    ("generalisation-gap", 2, "epochs", None, {"eta": "tensor"}),
    ("training-loss", 2, "epochs", None, {"coefficients": "expanded"}),
    ("test-loss", 2, "fresh-data", "momentum", {}),
    ("test-loss", 2, "one-pass", "momentum", {"coefficients": "expanded"}),
    ("covariance", 2, "one-pass", SGD(weight_decay=symbols.lamda), {}),
    ("function:other_task-2", 2, "full-batch", SGD(average=TailAverage()), {}),
    (increment("displacement", since=3), 1, OnePass(T=5), None, {}),
]


@pytest.mark.parametrize(("observable", "order", "sampling", "optimizer", "style"), PLAIN)
def test_series_are_those_of_latex(observable, order, sampling, optimizer, style):
    expansion = expand(observable, order=order, sampling=sampling, optimizer=optimizer)
    check(expansion.mathml(**style), expansion.latex(**style))


MODIFIED = [
    modified_equation(2, sampling="fresh-data"),
    modified_equation(3, sampling="one-pass", optimizer="momentum"),
    modified_loss(3, sampling="gradient-descent"),
    imitate(Training(GradientDescent()), Training(GradientFlow()), order=3),
]


@pytest.mark.parametrize("made", MODIFIED, ids=repr)
def test_modified_equations_are_those_of_latex(made):
    check(made.mathml(), made.latex())
    title = parsed(made.mathml(standalone=True).removeprefix("<!DOCTYPE html>\n"))
    assert "repeated indices are summed" in "".join(title.find("body/p").itertext())


RESUMMED = [
    ("displacement", 3, "one-pass", None, "discrete", {}),
    ("displacement", 3, "one-pass", None, "discrete", {"differences": "written-out"}),
    ("generalisation-gap", 2, "with-replacement", None, "discrete", {}),
    ("generalisation-gap", 2, "full-batch", None, "continuous", {}),
    ("test-loss", 2, "one-pass", "momentum", "stationary", {}),
    ("test-loss", 2, "with-replacement", None, "small-eta", {}),
    ("test-loss", 2, "epochs", None, "discrete", {}),
]


@pytest.mark.parametrize(
    ("observable", "order", "sampling", "optimizer", "form", "style"), RESUMMED
)
def test_resummed_formulas_are_those_of_latex(observable, order, sampling, optimizer, form, style):
    expansion = expand(
        observable, order=order, sampling=sampling, optimizer=optimizer, resummed=True
    ).with_form(form)
    check(expansion.mathml(**style), expansion.latex(**style))


def test_differences():
    one_pass = expand("test-loss", order=2, sampling="one-pass")
    plain = one_pass * Fraction(-3, 2) - expand("test-loss", order=2, sampling="full-batch")
    check(plain.mathml(), plain.latex())
    a = expand("test-loss", order=1, sampling="one-pass", resummed=True)
    difference = a - expand("test-loss", order=1, sampling="full-batch", resummed=True)
    check(difference.mathml(), difference.latex())
    check((a - a).mathml(), (a - a).latex())


def test_pages():
    expansion = expand("displacement", order=2, sampling="one-pass", resummed=True)
    page = expansion.with_form("stationary", flat=("a",)).mathml(standalone=True)
    assert page.startswith("<!DOCTYPE html>\n")
    html = parsed(page.removeprefix("<!DOCTYPE html>\n"))
    title = "".join(html.find("body/p").itertext())
    assert title.startswith("Displacement, re-summed (stationary form), one-pass B=1, ")
    assert title.endswith("flat along μ:")
    assert html.find(f"body/{NAMESPACE}math") is not None
    assert html.find("head/title").text.startswith("Displacement, re-summed")


def test_contractions():
    free = Contraction.build([(0, 1), (1, 2)], [[0, 2], [1]], free=[1])
    assert squeezed(to_latex(parsed(free.mathml()))) == squeezed(free._latex(None))
    penalised = Contraction.build(
        [(0, 1)], [[0, 1]], labels=["penalised-loss", "loss"], basis="cumulant"
    )
    check(penalised.mathml(), penalised._latex(None))


@pytest.mark.parametrize(
    "left", [r"\frac{}{2}", r"\frac{1}{}", "{}_a", "{}^2", r"\ell^{}_{}", "{}_{}^{}"]
)
def test_nothing_still_is_a_child(left):
    observable = Observable("o", left, "o", (Product(1, (("loss",),)),))
    mathml = expand(observable, order=1, sampling="one-pass").mathml()
    for element in parsed(mathml).iter():
        name = element.tag.rpartition("}")[2]
        assert len(element) == CHILDREN.get(name, len(element)), name
