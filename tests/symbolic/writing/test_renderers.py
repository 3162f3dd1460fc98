"""Formats from outside the package: a renderer of one's own is all that is needed."""

import inspect

import pytest

from sgdiagrams.symbolic import Renderer, expand
from sgdiagrams.symbolic.layout import formulas, nodes, quantities
from sgdiagrams.symbolic.layout.indices import index_greek
from sgdiagrams.symbolic.layout.latex import LatexRenderer
from sgdiagrams.symbolic.layout.mathml import MathmlRenderer
from sgdiagrams.symbolic.layout.text import TextRenderer


class Typst(Renderer[str]):
    """Typst, as a user would write it."""

    def numeral(self, node):
        return node.digits

    def symbol(self, node):
        return {"ell": "l", "lamda": "lambda", "𝔼": "EE"}.get(node.name, node.name)

    def index(self, node):
        return index_greek(node.number)[0]

    def sign(self, node):
        return "- " if node.value < 0 else "" if node.is_unary else "+ "

    def operator(self, node):
        return {"∑": "sum", "→": "arrow"}.get(node.character, node.character)

    def text(self, node):
        return f'"{node.words}"'

    def space(self, _node):
        return " "

    def row(self, node):
        return " ".join(filter(None, (self.render(item).strip() for item in node.items)))

    def fraction(self, node):
        return f"({self.render(node.above)})/({self.render(node.below)})"

    def scripts(self, node):
        below = f"_({self.render(node.below)})" if node.below else ""
        above = f"^({self.render(node.above)})" if node.above else ""
        return f"{self.render(node.base)}{below}{above}"

    def accent(self, node):
        return f"{node.accent}({self.render(node.inner)})"

    def fence(self, node):
        return node.character

    def equation(self, equation):
        lines = [self.render(line.row) for line in equation.lines(self.line_width)]
        start = f"{self.render(equation.left)} &{self.render(equation.relation)} "
        return "$ " + start + " \\\n  & ".join(lines) + " $"


def test_a_format_of_a_users_own():
    assert expand("generalisation-gap", order=2, sampling="one-pass").write(Typst()) == (
        "$ ⟨ l ( theta_(T) ) - hat(l) ( theta_(T) ) ⟩ &= - eta [ G_(mu) G_(mu) - M_(mu | mu) ] \\\n"
        "  & + eta^(2) [ 2 ( T - 1 ) G_(mu) H_(mu nu) G_(nu) - (T - 2)/(2) M_(mu | nu) H_(mu nu) "
        "- (3 ( T - 1 ))/(2) M_(mu | mu nu) G_(nu) - (1)/(2) M_(mu | nu | mu nu) ] \\\n"
        "  & + O ( eta^(3) ) $"
    )


def test_resummed_formulas_in_a_format_of_a_users_own():
    drift = expand("displacement", order=3, sampling="one-pass", resummed=True).at_minimum()
    assert drift.write(Typst()) == (
        "$ ⟨ ( theta_(T) - theta_(0) )^(mu) ⟩ &= - (eta^(3))/(2) sum_(nu lambda) "
        "[ 1 , q_(mu) , q_(nu) q_(lambda) ] x^(T) J_(mu nu lambda) C_(nu lambda) $"
    )
    assert (
        drift.small_eta()
        .write(Typst())
        .endswith(
            "&≃ - (eta)/(2) sum_(nu lambda) "
            "(J_(mu nu lambda) C_(nu lambda))/(H_(mu) ( H_(nu) + H_(lambda) )) $"
        )
    )


class Unicode(TextRenderer):
    """A table with Greek letters, from the package's own table."""

    def symbol(self, node):
        return {"eta": "η"}.get(node.name, node.name)

    def tensor(self, node):
        return super().tensor(node).replace("l", "ℓ")

    def scripts(self, node):
        if isinstance(node.above, nodes.Numeral):
            digits = node.above.digits.translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
            return f"{self.render(node.base)}{digits}"
        return super().scripts(node)


def test_a_table_of_a_users_own():
    expansion = expand("test-loss", order=2, sampling="fresh-data")
    _, *rows = expansion.write(Unicode()).splitlines()
    _, *same = expansion.text().splitlines()
    assert [row.split() for row in rows[:2]] == [["η⁰", "1", "ℓ"], ["η¹", "-T", "G_a", "G_a"]]
    assert [row.split()[1:-1] for row in rows[:2]] == [row.split()[1:-1] for row in same[:2]]


def test_kinds_with_a_method_are_spelled_by_it():
    class Named(Typst):
        def tensor(self, node):
            return f"{node.name}({','.join(map(str, node.groups))})"

    text = expand("test-loss", order=1, sampling="one-pass").write(Named())
    assert "- eta T G((0,)) G((0,))" in text


def test_options_are_those_of_latex():
    expansion = expand("test-loss", order=2, sampling="one-pass")
    tensor = expansion.write(Typst(), eta="tensor", coefficients="binomial")
    assert '2 "binom" ( T , 2 ) G_(mu) eta^(mu nu)' in tensor
    assert expansion.write(LatexRenderer()) == expansion.latex()
    assert expansion.write(TextRenderer()) == expansion.text()
    assert expansion.write(MathmlRenderer()) == expansion.mathml()


def test_width_of_lines_is_the_renderers():
    class Narrow(Typst):
        line_width = 40

    expansion = expand("test-loss", order=3, sampling="one-pass")
    wide, narrow = expansion.write(Typst()), expansion.write(Narrow())
    assert narrow.count("\n") > wide.count("\n")
    assert narrow.replace("\\\n  & ", "") == wide.replace("\\\n  & ", "")


def test_text_can_be_an_equation_too():
    class Plain(TextRenderer):
        is_tabular = False

    text = expand("generalisation-gap", order=2, sampling="one-pass", resummed=True).write(Plain())
    assert text.splitlines()[0].startswith("E[test loss - training loss] = ")
    assert "\n  + " in text or "\n  - " in text


def test_what_is_missing_is_said():
    class Half(Renderer):
        def numeral(self, node):
            return node.digits

    with pytest.raises(TypeError, match="abstract"):
        Half()

    class Tabular(Typst):
        is_tabular = True

    with pytest.raises(NotImplementedError, match="Tabular to have a method 'table'"):
        expand("test-loss", order=1, sampling="one-pass").write(Tabular())


@pytest.mark.parametrize(
    "cls",
    [
        cls
        for module in (nodes, formulas, quantities)
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if issubclass(cls, nodes.Node)
        and cls is not nodes.Node
        and cls.__module__ == module.__name__
    ],
)
def test_every_kind_of_node_has_a_method_or_is_composed(cls):
    is_core = cls.kind in {*Renderer.__abstractmethods__, "nothing", "spelled"}
    assert is_core != (cls.composed is not nodes.Node.composed)
