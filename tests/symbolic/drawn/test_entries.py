"""What stands below a diagram says its count and its value, in every spelling."""

import re
from xml.etree import ElementTree as ET

import pytest
from sympy import sympify

from sgdiagrams.diagrams import Diagram, enumerate_diagrams
from sgdiagrams.diagrams.pictures.captions import caption_words
from sgdiagrams.diagrams.pictures.printed import mathtext
from sgdiagrams.diagrams.pictures.shapes import Scene
from sgdiagrams.diagrams.pictures.svg import svg_text
from sgdiagrams.symbolic import Contraction, Epochs, OnePass, WithReplacement
from sgdiagrams.symbolic.drawn.entries import listed_diagram
from sgdiagrams.symbolic.drawn.unicode_formulas import unicode_text
from sgdiagrams.symbolic.layout.nodes import Scripts, Symbol

CHERRY = Diagram.parse("(01-2)(02-12)")


def lines(entry):
    return [line if isinstance(line, str) else line.text for line in entry.caption()]


def test_captions_are_exact():
    assert lines(listed_diagram(CHERRY)) == ["(01-2)(02-12)", "|Aut| = 2", "M_{μ|ν} H_{μν}"]
    entry = listed_diagram(CHERRY, sampling=OnePass(), basis="cumulant")
    assert lines(entry) == ["(01-2)(02-12)", "|Aut| = 2,  count T", "C_{μν} H_{μν}"]
    latex = [line.latex for line in entry.caption()[1:]]
    assert latex == [r"|\mathrm{Aut}| = 2,\quad \mbox{count }T", r"C_{\mu\nu}\, H_{\mu\nu}"]
    path = Diagram.parse("(0-1-2)(02-12)")
    assert lines(listed_diagram(path, sampling=Epochs()))[1] == "|Aut| = 2,  count E^{2} N (N − 1)"


def value_of(text):
    """Return the number that a count in Unicode says at N = 11, B = 2, E = 3, T = 7."""
    plain = text.replace("−", "-").replace("{", "(").replace("}", ")").replace("× ", "")
    plain = re.sub(r"(?<=[\w)]) (?=[\w(])", "*", plain).replace("^", "**")
    return sympify(plain, locals={"N": 11, "B": 2, "E": 3, "T": 7})


@pytest.mark.parametrize("scheme", [OnePass(), Epochs(), WithReplacement()])
def test_counts_in_captions_are_the_counts(scheme):
    for diagram in enumerate_diagrams(3):
        entry = listed_diagram(diagram, sampling=scheme)
        words = " ".join(lines(entry)[1:-1])
        written = words.split("count ", 1)[1]
        exact = scheme.count(diagram).subs({"N": 11, "B": 2, "E": 3, "T": 7})
        assert value_of(written) == exact, written


def test_values_in_captions_are_the_values():
    greek = dict(zip("μνλρστ", "abcdef", strict=True))
    for diagram in enumerate_diagrams(4):
        for basis in ("moment", "cumulant"):
            shown = " ".join(lines(listed_diagram(diagram, basis=basis))[2:])
            letters = "".join(greek.get(c, c) for c in shown).replace("× ", "")
            plain = letters.replace("{", "").replace("}", "").replace("κ", "kappa")
            assert Contraction.parse(plain) == Contraction.from_diagram(diagram, basis=basis)


def test_nothing_to_count():
    entry = listed_diagram(Diagram.parse("(01-2)(01-12)"), sampling=OnePass())
    assert entry.count_text == "0"
    assert lines(entry)[1] == "|Aut| = 1,  count 0"


def test_values_along_a_run():
    entry = listed_diagram(CHERRY, basis="cumulant", along_path=True)
    assert entry.value_text == "H_ab(T) U_ac(T,t) U_bd(T,t') C_cd(t,t')"


def test_names_of_letters():
    node = Scripts(Symbol("eta"), below=Symbol("varkappa"), above=Symbol("theta_0"))
    assert unicode_text(node) == "η_{ϰ}^{θ_{0}}"


def test_formulas_are_read_by_matplotlib_and_spelled_in_svg():
    matplotlib = pytest.importorskip("matplotlib")
    assert matplotlib
    for diagram in enumerate_diagrams(4):
        words = caption_words(listed_diagram(diagram, sampling=Epochs()).caption()[1:], (0, 0))
        for one in words:
            # No formula falls back to its text.
            assert mathtext(one) == f"${one.latex}$".replace(r"\mbox{count }", r"\mathrm{count\ }")
        picture = Scene(10, 10, tuple(words), "", "")
        shown = "".join(ET.fromstring(svg_text(picture)).itertext())  # noqa: S314 - our own
        assert not set(shown) & set("{}^_")
