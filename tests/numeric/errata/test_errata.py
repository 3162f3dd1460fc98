"""Errata: exact SGD refutes what is printed, and has what is derived."""

import functools
import re
import shutil
import subprocess
from fractions import Fraction
from itertools import combinations, product

import pytest
from sympy import Rational

from sgdiagrams.diagrams import Diagram, RequestError, enumerate_diagrams
from sgdiagrams.literature.entries import shipped_entries
from sgdiagrams.numeric import PolynomialLandscape, exact_training, known_erratum
from sgdiagrams.numeric.errata.catalogue import ERRATA
from sgdiagrams.numeric.errata.erratum import Evidence
from sgdiagrams.numeric.errata.evidence import limit_of_small_steps
from sgdiagrams.numeric.errata.of_limits import _noisy
from sgdiagrams.numeric.errata.page import errata_in_latex
from sgdiagrams.symbolic import Epochs, Expression, OnePass, Training, expand

known = functools.cache(known_erratum)


@pytest.mark.parametrize("name", ERRATA)
def test_exact_sgd_refutes_what_is_printed(name):
    erratum = known(name)
    evidence = erratum.evidence
    assert erratum.name == name
    assert evidence.exact
    assert evidence.derived == evidence.exact
    assert evidence.printed != evidence.exact
    assert evidence.refutes
    assert len(evidence.printed) == len(evidence.exact)
    assert erratum.printed != erratum.derived
    assert erratum.statement.endswith(".")
    [entry] = [e for e in shipped_entries() if (e.kind, e.name) == ("erratum", name)]
    assert entry.text == erratum.statement, "run python docs/write_literature.py"
    assert entry.words == "; ".join(map(str, erratum.sources))
    assert all(source.authors == "S. Tenka" and source.place for source in erratum.sources)


def test_errata_in_notebooks():
    cell = known("drift-power")._repr_markdown_()
    assert cell.startswith("**drift-power.** ")
    assert cell.count("$$") == 4
    assert "\\begin{equation" not in cell
    cell = known("one-pass-order-2")._repr_markdown_()
    assert "\\begin{aligned}\n  {[\\eta^{2}]}" in cell  # not an optional argument


def test_evidence_needs_both():
    """It is none where the derived formula fails, nor where the printed one holds."""
    one, two = (Fraction(1),), (Fraction(2),)
    assert Evidence("", one, one, two).refutes
    assert not Evidence("", one, two, two).refutes
    assert not Evidence("", one, one, one).refutes
    assert not Evidence("", one, two, one).refutes


def test_every_wrong_entry_of_the_gap_matters():
    """Entries where printed and derived gap differ: each of them alone is refuted."""
    erratum = known("one-pass-gap-order-3")
    landscape = PolynomialLandscape.random(3, p=2, degree=4, atoms=3)
    training = Training(OnePass(T=3))
    series = exact_training(landscape, training, order=3, observable="generalisation-gap")
    statistics = landscape.statistics(4)
    differences = (erratum.printed - erratum.derived).subs({"T": 3}).terms
    assert len(differences) == 12
    derived = erratum.derived.subs({"T": 3}).evaluate(statistics).value
    assert derived == series[3]
    for coefficient, contraction in differences:
        entry = Expression([(coefficient, contraction)]).evaluate(statistics).value
        assert derived + entry != series[3]


def test_the_gap_is_printed_as_the_table_has_it():
    """The entries by their names, as fractions of binom(T, k)/N at N = T."""
    printed = known("one-pass-gap-order-3").printed.subs({"T": 7})
    three, two = Rational(35, 7), Rational(21, 7)
    entries = {
        "M_a|ab H_bc G_c": 4 * three,
        "M_a|bc H_ab G_c": 5 * three,
        "G_a M_ab|bc G_c": 2 * three,
        "M_a|b H_ac H_bc": three,
        "G_a H_ab H_bc G_c": -12 * three,
        "M_a|abc G_b G_c": 4 * three - 2 * two,
        "M_a|b J_abc G_c": 2 * three + (Rational(1, 2) - 3 - 2) * two,
        "G_a J_abc G_b G_c": -6 * three,
        "M_a|b|abc G_c": (1 + 1 + 1) * two,
        "M_a|abc M_b|c": (Rational(3, 2) + 1 + 1) * two,
        "M_a|b|c|abc": Rational(1, 6),
        "M_a|b|c J_abc": -Rational(1, 6),
    }
    assert len(printed.terms) == len(entries)
    for text, coefficient in entries.items():
        assert printed.coefficient(text) == coefficient


def test_irreducible_by_its_printed_definition():
    """Sum over diagrams whose nodes of degree 2 are all alone, with the links that propagators hold."""
    steps = 4
    total = Expression()
    for diagram in (d for k in (1, 2) for d in enumerate_diagrams(k, one_pass=True)):
        if not all_alone(diagram):
            continue
        for inserted in range(3 - diagram.order):
            for weight, contraction in with_links(diagram, inserted, steps):
                if diagram.order + inserted == 2:
                    total += weight * Expression.of(contraction)
    assert total == known("irreducible").printed.subs({"T": steps})


def all_alone(diagram):
    alone = {block[0] for block in diagram.blocks if len(block) == 1}
    ends = [node for edge in diagram.edges for node in edge]
    return all(node in alone for node in set(ends) if ends.count(node) == 2)


def with_links(diagram, inserted, steps):
    """Yield (weight, contraction) for each embedding and the ways to insert links on its edges."""
    root = diagram.order
    blocks = [block for block in diagram.blocks if root not in block]
    text = "C_ab H_ab" if len(blocks) < diagram.order else "G_a H_ab G_b"
    for times in product(range(steps), repeat=len(blocks)):
        at = {node: t for block, t in zip(blocks, times, strict=True) for node in block}
        at[root] = steps
        lengths = [at[parent] - at[child] for child, parent in diagram.edges]
        places = [(edge, k) for edge, length in enumerate(lengths) for k in range(length - 1)]
        ways = len(list(combinations(places, inserted)))
        if min(lengths) > 0 and ways:
            yield Rational(ways, diagram.symmetry_factor), text


def test_embeddings_of_the_printed_table():
    """Pairs of cells as the table counts them, and as embeddings do, for T = 2 updates of B = 3."""
    cells = [(3 * t + row, t) for t in range(2) for row in range(3)]
    chains = [(x, y) for x, y in product(cells, cells) if x[1] < y[1]]
    cherries = list(product(cells, cells))  # each pair twice, a cell with itself once, over 2
    erratum = known("embeddings-of-batches")
    for formula, count in (
        (erratum.derived, Rational(len(chains)) + Rational(len(cherries), 2)),
        (erratum.printed, Rational(2 * len(list(combinations(cells, 2))))),
    ):
        assert formula.subs({"T": 2, "B": 3}).coefficient("G_a H_ab G_b") == count / 9


def test_limits_are_polynomials_in_the_length_of_steps():
    """Steps of a third size lie on the same line."""
    fine = limit_of_small_steps(_noisy, order=2, updates=1, finer=2)
    assert fine == limit_of_small_steps(_noisy, order=2, updates=1, finer=3)
    sde = expand("test-loss", order=2, sampling="sde").subs({"T": 1})
    values = sde.evaluate(_noisy(1).statistics(2), eta=1).orders
    assert values[2] == fine


def test_the_law_that_is_printed_for_epochs_holds_for_updates():
    """As it is meant: N M updates, M for each datapoint, whatever the batch."""
    printed = known("epochs-in-batches").printed
    landscape = PolynomialLandscape.random(2, p=1, degree=3, atoms=2)
    training = Training(Epochs(N=2, B=2, E=4))  # 4 updates: M = 2 for each of 2 datapoints
    exact = exact_training(landscape, training, order=2)[2]
    value = printed.subs({"N": 2, "E": 2, "B": 2}).evaluate(landscape.statistics(2)).value
    assert value == exact


def test_which_chain_is_irreducible():
    chain, cherry = Diagram.parse("(0-1-2)(01-12)"), Diagram.parse("(0-1-2)(02-12)")
    assert not chain.is_linkless
    assert cherry.is_linkless
    assert all_alone(chain)
    assert all_alone(cherry)


def test_unknown_erratum():
    with pytest.raises(RequestError, match="expected name"):
        known_erratum("theorem-1")


@pytest.mark.tex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex is installed")
def test_the_page_compiles_and_fits(tmp_path):
    page = errata_in_latex(map(known, ERRATA), standalone=True)
    assert re.findall(r"\\usepackage(?:\[.*\])?\{(\w+)\}", page) == ["geometry", "amsmath"]
    (tmp_path / "page.tex").write_text(page)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout
