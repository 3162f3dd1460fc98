"""Articles: rows add up to the formula, the words fit, and a real TeX has nothing to complain of."""

import re
import shutil
import subprocess
from collections import defaultdict
from functools import partial

import pytest
from sympy import Integer, Rational

from sgdiagrams.diagrams import RequestError
from sgdiagrams.symbolic import (
    SGD,
    Cosine,
    Epochs,
    Exponential,
    Grid,
    Momentum,
    OnePass,
    TailAverage,
    expand,
    modified_equation,
    modified_loss,
    symbols,
)
from sgdiagrams.symbolic.article import article
from sgdiagrams.symbolic.article.article import Article, Section, article_points, escaped, verbatim
from sgdiagrams.symbolic.article.dressed_derivation import DressedTables
from sgdiagrams.symbolic.article.rows import check_length
from sgdiagrams.symbolic.article.tables import DiagramEntry
from sgdiagrams.symbolic.article.words.observables import expectations_of
from sgdiagrams.symbolic.article.words.schemes import common_share, scheme_words
from sgdiagrams.symbolic.derivation import Derivation
from sgdiagrams.symbolic.resummation.eigenvalues import eigenvalue
from sgdiagrams.symbolic.resummation.weights import Weights
from sgdiagrams.symbolic.training.names import SAMPLINGS, named_sampling
from sgdiagrams.symbolic.weights.quotients import canonical

NAMED = [
    "one-pass", "epochs", "reshuffled-epochs", "with-replacement", "subsets", "poisson", "full-batch",
    "gradient-descent", "gradient-flow", "sde", "epochs:reduction=sum", "sde:order=2",
]  # fmt: skip

SUMS = [
    *(("test-loss", 3, scheme, None, "same") for scheme in NAMED),
    ("training-loss", 2, "epochs", None, "same"),
    ("training-loss", 2, Epochs(N=5, B=2, E=2), "momentum:beta=0.5", "same"),
    ("training-loss", 2, "epochs", None, "fresh"),
    ("test-loss", 2, "epochs", None, "gaussian"),
    ("second-moment", 3, "one-pass", "nesterov", "same"),
    ("test-loss", 2, "one-pass", Momentum(decoupled_decay=symbols.lamda), "same"),
    ("displacement", 3, "one-pass", SGD(weight_decay=symbols.lamda), "same"),
    ("displacement:since=2", 2, OnePass(T=5), None, "same"),
    ("displacement * displacement:lag=1", 2, "one-pass", None, "same"),
]


@pytest.mark.parametrize(("observable", "order", "sampling", "optimizer", "visits"), SUMS)
def test_signs_counts_and_values_of_the_rows_add_up_to_the_formula(
    observable, order, sampling, optimizer, visits
):
    """The sum over diagrams is done here once more: sign, share and symmetry factor are its own."""
    basis = "cumulant" if optimizer is not None or "sde" in str(sampling) else None
    expansion = expand(
        observable, order=order, sampling=sampling, optimizer=optimizer, visits=visits, basis=basis
    )
    [part] = expansion.parts
    derivation = Derivation(
        part.observable, part.training, expansion.basis, expansion.order, part.visits
    )
    share = common_share(part.training.sampling) or Integer(1)
    sums = defaultdict(lambda: Integer(0))
    for factors, times in expectations_of(part.observable):
        for d in range(order + 1):
            for diagram, weight, values in derivation.contributions(d, factors, times):
                count = weight * share**d  # what the table shows
                for value in values:
                    term = Rational((-1) ** d, diagram.symmetry_factor) * count / share**d
                    sums[value] = canonical(sums[value] + term)
    expected = {term.contraction: term.weight for term in expansion.terms}
    assert {value: weight for value, weight in sums.items() if weight != 0} == expected


def test_counts_are_those_of_the_scheme():
    scheme = Epochs()
    derivation = Derivation(
        expand("test-loss", order=0, sampling=scheme).parts[0].observable,
        expand("test-loss", order=0, sampling=scheme).parts[0].training,
        "moment",
        3,
    )
    [(factors, times)] = expectations_of(derivation.observable)
    seen = 0
    for diagram, weight, _ in derivation.contributions(3, factors, times):
        assert canonical(weight * symbols.B**3 - scheme.count(diagram)) == 0
        seen += 1
    assert seen == 17


def test_counts_in_print_are_those_of_the_theorem():
    """The rows of order 2 of epochs, transcribed from the closed forms of the mathematics page."""
    text = expand("test-loss", order=2, sampling="epochs").document()
    rows = re.findall(r"\\end\{tikzpicture\}\}\}\\\) & (\d) & (.*)\\\\$", text, flags=re.MULTILINE)
    shown = {
        (int(aut), *re.sub(r"\\[(),]|\\displaystyle| ", "", cells).split("&"))
        for aut, cells in rows
    }
    assert shown == {
        (1, "1", r"\ell"),
        (1, "EN", r"G_{\mu}G_{\mu}"),
        (1, r"\frac{EN(E-1)}{2}", r"M_{\mu|\mu\nu}G_{\nu}"),
        (1, r"\frac{EN(EN-E-B+1)}{2}", r"G_{\mu}H_{\mu\nu}G_{\nu}"),
        (2, "E^{2}N", r"M_{\mu|\nu}H_{\mu\nu}"),
        (2, "E^{2}N(N-1)", r"G_{\mu}H_{\mu\nu}G_{\nu}"),
    }


@pytest.mark.parametrize("observable", ["test-loss", "second-moment"])
def test_contributions_of_linkless_diagrams_add_up_to_the_weights(observable):
    """At numbers for eigenvalues, diagram by diagram against all at once."""
    expansion = expand(observable, order=3, sampling=Epochs(N=4, B=2, E=2), resummed=True)
    tables = [DressedTables(i, expansion, 345, "short", None) for i in range(len(expansion.parts))]
    weights = Weights(expansion.parts, "discrete", ())
    numbers = {eigenvalue(i): Rational(1, 3 + i) for i in range(3)}
    for term in expansion.pieces:
        shares = [own for table in tables for own in table.shares_of(term).values()]
        total = sum(weights.weight(own) for own in shares)
        difference = total - weights.weight(term)
        assert difference.xreplace(numbers).doit().expand() == 0


# What is written ----------------------------------------------------------------------------------------


def packages_of(document):
    return re.findall(r"^\\usepackage(?:\[.*\])?\{(.+)\}$", document, flags=re.MULTILINE)


def test_a_document_needs_the_packages_that_docstrings_name():
    documents = [
        expand("test-loss", order=2, sampling="epochs").document(),
        expand("test-loss", order=2, sampling="one-pass", resummed=True).document(),
        expand("test-loss", noise=1, sampling="one-pass", along_path=True).document(),
    ]
    for words in (
        article.__doc__,
        type(expand("test-loss", order=0, sampling="sde")).document.__doc__,
    ):
        sentence = re.search(r"needs the packages (.*?)\.", re.sub(r"\s+", " ", words))[1]
        named = re.findall(r"``(\w+)``", sentence)
        assert all(packages_of(document) == named for document in documents)


def test_every_scheme_has_words_and_a_rule_in_both_bases():
    for name in [*NAMED, "shuffled-epochs", "fresh-data"]:
        scheme = named_sampling(name)
        for basis in scheme.bases:
            words = scheme_words(scheme, basis)
            assert words.described.endswith(".")
            assert any("count" in line or "L(c_i)" in line for line in words.rule)
            assert "scheme" not in words.described  # the words of one that is in no table
    assert set(SAMPLINGS) == {named_sampling(name).name for name in NAMED} | {"grid"}


def test_words_say_how_blocks_are_placed():
    both = [
        expand("test-loss", order=1, sampling="epochs", basis=b).document()
        for b in ("moment", "cumulant")
    ]
    assert "Different blocks are on different datapoints" in both[0]
    assert "Different blocks may be on the same datapoint" in both[1]
    assert "(B)_{k}" in both[0]
    assert "B^{k}" in both[1]


def test_sums_over_a_batch_are_no_means():
    """A smaller last batch, or a row twice: where gradients are added up no share is one over B."""
    text = expand("test-loss", order=1, sampling=Epochs(N=5, B=2, E=2, reduction="sum")).document()
    assert "The last batch of an epoch is smaller. Gradients of a batch are added up" in text
    assert "share" not in text
    assert (
        "one over the number" in expand("test-loss", order=1, sampling=Epochs(5, 2, 2)).document()
    )
    twice = expand("test-loss", order=1, sampling=Grid([[0, 0], [1]], reduction="sum"))
    assert "the share of a row is how often the batch has it." in twice.document()


def test_only_what_occurs_is_explained():
    text = expand("test-loss", order=1, sampling="one-pass").document()
    assert "Hessian" not in text
    assert "the number of updates" in text
    assert "number of epochs" not in text
    text = expand("training-loss", order=2, sampling="epochs", basis="cumulant").document()
    assert "Hessian" in text
    assert "joint cumulant of derivatives" in text
    assert "the number of epochs" in text


def test_command_and_call_are_told():
    expansion = expand("test-loss", order=1, sampling="one-pass", optimizer="momentum")
    text = re.sub(r"\\penalty500\{\}", "", expansion.document()).replace(r"\mbox{-}", "-")
    assert "expand('test-loss', sampling=OnePass(T=T, B=1), order=1" in text
    assert r"\mbox{-}\mbox{-}order 1" in expansion.document(command="sgdiagrams expand --order 1")
    dressed = expand("test-loss", order=1, sampling="one-pass", resummed=True).stationary()
    assert "with\\_form('stationary')" in dressed.document().replace(r"\penalty500{}", "")


def test_a_modified_equation_and_its_loss_are_articles_too():
    equation = modified_equation(2, sampling="fresh-data", optimizer="momentum")
    text = equation.document()
    assert packages_of(text) == packages_of(expand("test-loss", order=1, sampling="sde").document())
    assert r"S\, e^{T L} s" in text
    assert "its transient" not in modified_equation(2, sampling="one-pass").document().lower()
    assert "Barrett" not in text
    loss = modified_loss(2, sampling="reshuffled-epochs", role="training-set").document()
    assert "Barrett" in loss
    assert "on one given training set" in loss
    assert "$B$ divides $N$" in loss


def test_references_are_those_of_what_is_used():
    plain = expand("test-loss", order=1, sampling="one-pass").document()
    assert "Polyak" not in plain
    assert "A perturbative analysis of stochastic descent" in plain
    heavy = expand("test-loss", order=1, sampling="one-pass", optimizer="momentum").document()
    assert "Polyak (1964)" in heavy
    dressed = expand("test-loss", order=1, sampling="one-pass", resummed=True).document()
    assert dressed.index("Tenka 2020, proposition 1") < dressed.index("Tenka 2020, theorem 1")
    assert "theorem 2" not in dressed


def test_linkless_diagrams_alone_are_in_the_table_of_a_dressed_article():
    text = expand("test-loss", order=3, sampling="one-pass", resummed=True).document()
    assert [int(n) for n in re.findall(r"edges?: (\d+) diagram", text)] == [1, 2, 6]
    at_rest = expand("test-loss", order=3, sampling="one-pass", resummed=True).at_minimum()
    assert [int(n) for n in re.findall(r"edges?: (\d+) diagram", at_rest.document())] == [1, 1]


def test_numbers_stand_before_letters_and_pulls_go_with_the_rate():
    """The weights of edges are those of order 1 at three updates: 1 + 1/2 + 1/4, and 1, 2/3, 1/3."""
    how = {"order": 1, "sampling": OnePass(T=3)}
    heavy = partial(Momentum, beta="1/2", decoupled_decay="1/10")
    scheduled = heavy(schedule=Exponential(gamma="1/2"))
    text = expand("test-loss", **how, optimizer=scheduled).document()
    assert r"$-\eta\, a_t\, \tfrac{1}{10}\, \theta$" in text
    assert "edge has the weight $a_s$" in text
    assert r"\frac{7}{40}" in text
    text = expand("test-loss", **how, optimizer=heavy(average=TailAverage())).document()
    assert "weight 1, since weights stay where they are, and into the root the average" in text
    assert r"\frac{1}{5}" in text
    assert r"(\tfrac{1}{2})^{t - s}" in text
    decay = expand("test-loss", **how, optimizer=SGD(weight_decay="1/10")).document()
    assert r"The penalty $\tfrac{1}{20}\, |\theta|^2$" in decay
    assert r"$\tilde G = G + \tfrac{1}{10}\, \theta_0$" in decay


def test_a_tilde_over_an_index_is_explained():
    decayed = SGD(weight_decay=symbols.lamda)
    text = expand("test-loss", order=2, sampling="one-pass", optimizer=decayed).document()
    assert "a tilde over indices" in text
    assert (
        "a tilde over indices" not in expand("test-loss", order=2, sampling="one-pass").document()
    )


def test_a_quadratic_loss_is_exact_with_two_edges_and_not_with_one():
    kinds = {"sampling": "one-pass", "resummed": True}
    sizes = [len(expand("test-loss", order=k, **kinds).for_quadratic().terms) for k in (1, 2, 3)]
    assert sizes == [2, 4, 4]
    text = expand("test-loss", order=1, **kinds).document()
    assert "two at most for a loss: with these all is exact" in re.sub(r"\s+", " ", text)


# Refusals -----------------------------------------------------------------------------------------------


def test_what_cannot_be_written_is_refused():
    expansion = expand("test-loss", order=1, sampling="epochs")
    with pytest.raises(RequestError, match=r"300pt \(10.55cm\) or more for a document"):
        expansion.document(width="columnwidth")
    with pytest.raises(RequestError, match="expected a width"):
        expansion.document(width="wide")
    with pytest.raises(RequestError, match="symbols have been substituted"):
        expansion.subs({"B": 1}).document()
    other = expand("test-loss", order=1, sampling="epochs", basis="cumulant")
    with pytest.raises(RequestError, match="one basis, got both bases"):
        (expansion - other.parts[0].coefficient * 2 * other).document()
    with pytest.raises(RequestError, match="at most 2000 rows"):
        check_length([DiagramEntry(None, (None,) * 2001)])
    assert article_points("16cm") == 455
    with pytest.raises(RequestError, match="at most 20 letters in a document"):
        expand(f"function:{'x' * 21}", order=1, sampling="epochs").document()


def test_long_numbers_are_rounded_or_described():
    long = expand("test-loss", order=2, sampling=OnePass(T=4000), optimizer=Momentum(beta="17/29"))
    assert "characters long" in long.document()
    rounded = long.document(digits=5)
    assert "characters long" not in rounded
    assert r"\cdot 10^{" in rounded
    assert "rounded to 5" in rounded
    heavy = {"optimizer": Momentum(schedule=Cosine(), beta="9/10"), "sampling": OnePass(T=5)}
    text = expand("test-loss", order=2, **heavy).document()
    assert "only in print are numbers with more than 12 digits rounded to 12" in text
    assert "no rounding" not in text
    assert not re.search(r"\d{20}", text)


def test_empty_sections_are_left_out():
    page = Article("t", "s", (Section("A", ()), Section("B", ("", "b"))), 345).latex()
    assert "section*{A}" not in page
    assert "\\section*{B}\n\nb\n" in page
    assert verbatim("a_b") == r"{\raggedright\small\ttfamily a\_b\par}"
    assert escaped("Größe α_1 50%") == r"Größe ?\_\allowbreak{}1 50\%"


# With a real TeX ----------------------------------------------------------------------------------------

PLAIN = [
    ("test-loss", 4, "one-pass", {}, {}),
    ("generalisation-gap", 2, "with-replacement", {"basis": "cumulant"}, {"width": "300pt"}),
    ("covariance", 3, "one-pass", {"optimizer": "momentum"}, {"width": "16cm"}),
    ("variance", 2, "reshuffled-epochs", {"visits": "fresh"}, {}),
    ("test-loss", 2, OnePass(T=9), {"optimizer": Momentum(decoupled_decay=symbols.lamda)}, {}),
    ("expression:|G|^2", 2, "subsets", {"optimizer": SGD(penalty="expression:C_aa")}, {}),
    ("displacement", 2, Grid([[0, 1], [2], [0]]), {"optimizer": "lookahead:k=2"}, {}),
    ("second-moment", 3, "sde:order=2", {}, {}),
    ("test-loss", 3, OnePass(T=5), {"optimizer": Momentum(schedule=Cosine(), beta="9/10")}, {}),
    ("function:other_task", 2, "poisson", {"optimizer": SGD(average=TailAverage())}, {}),
    (
        "training-loss",
        2,
        Epochs(N=7, B=2, E=2),
        {"optimizer": SGD(schedule=Exponential(gamma="1/2"))},
        {},
    ),
]


def plain(observable, order, sampling, how, style):
    return expand(observable, order=order, sampling=sampling, **how).document(**style)


def difference():
    one, two = (expand("test-loss", order=2, sampling=s) for s in ("one-pass", "full-batch"))
    return (one - two).document()


def dressed(observable, form="discrete", width=None, **how):
    expansion = expand(observable, resummed=True, **how)
    return (expansion if form == "discrete" else expansion.with_form(form)).document(width=width)


def along_path():
    return expand("variance", noise=2, sampling="with-replacement", along_path=True).document()


def modified(optimizer):
    how = {"sampling": "fresh-data", "optimizer": optimizer}
    return (modified_equation if optimizer == "sgd" else modified_loss)(3, **how).document()


HEAVY = {"sampling": "one-pass", "optimizer": "momentum"}
GIVEN = {"sampling": "reshuffled-epochs", "role": "training-set"}
DOCUMENTS = [
    *(partial(plain, *case) for case in PLAIN),
    difference,
    partial(dressed, "covariance", "stationary", order=2, **HEAVY),
    partial(dressed, "test-loss", width="300pt", order=3, sampling="epochs"),
    partial(dressed, "displacement", order=3, **HEAVY),  # a row is several
    partial(dressed, "displacement", through=2, sampling="one-pass"),
    partial(dressed, "training-loss", order=2, **GIVEN),
    along_path,
    partial(modified, "momentum"),
    partial(modified, "sgd"),
    partial(plain, "test-loss", 1, "one-pass", {}, {"command": 'expand("test-loss") | <...>'}),
]


def complaints(document, folder):
    """Compile a document until widths of tables rest, and return what TeX complains of."""
    (folder / "article.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "article.tex"]
    for _ in range(4):
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        log = (folder / "article.log").read_text(errors="replace")
        assert done.returncode == 0, log[-2000:]
        if "rerun" not in log.lower():
            break
    return re.findall(r"^(?:Overfull|Underfull|.*Warning).*", log, flags=re.MULTILINE)


@pytest.mark.tex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex is installed")
@pytest.mark.parametrize("made", DOCUMENTS)
def test_articles_compile_without_a_complaint(tmp_path, made):
    document = made()
    assert complaints(document, tmp_path) == []
    assert "wider than this page" not in document
