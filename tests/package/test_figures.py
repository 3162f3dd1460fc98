"""Every figure of the pages is printed by what they run, kept in a record, counted, or given."""

import importlib.util
import json
import re
import sys

import pytest
from layout import ROOT
from reference import diagram_counts as reference

from sgdiagrams import Contraction, expand
from sgdiagrams.diagrams import bell_number, enumerate_diagrams, noise_diagrams, rooted_tree_count


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # where dataclasses look for their module
    spec.loader.exec_module(module)
    return module


figures = load(ROOT / "docs" / "figures.py")

# Decisions and the changelog say what was measured when; they are history.
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING")),
    *sorted(page for page in ROOT.glob("docs/**/*.md") if page.parent.name != "decisions"),
]
#: Numbers of rooted trees times those of partitions, for order 0, 1, ...
PAIRS = tuple(rooted_tree_count(d + 1) * bell_number(d) for d in range(11))
#: Found once by enumeration (an order takes a second or minutes): contractions of all diagrams, of
#: linkless and of one-pass ones, and diagrams of orders 9 and 10, checked by the sum rule.
CONTRACTIONS = (1, 1, 3, 12, 62, 401, 3125, 28515)
LINKLESS_CONTRACTIONS = (1, 1, 3, 10, 55, 345, 2680, 24133)
ONE_PASS_CONTRACTIONS = (1, 1, 2, 6, 20, 85, 425, 2478)
BEYOND = (7_075_470, 91_341_253)
NOISE = {
    ("isolated", False): (1, 3, 78, 4584),
    ("isolated", True): (1, 2, 34, 1378),
    ("in-partition", False): (1, 4, 100, 5814),
    ("in-partition", True): (1, 3, 48, 1912),
}
COUNTS = frozenset(
    float(count)
    for row in (
        reference.ROOTED_TREES, reference.BELL, reference.ISOLATED, reference.ONE_PASS,
        reference.LINKLESS, reference.IN_PARTITION, reference.VALUES_IN_PARTITION, PAIRS, CONTRACTIONS,
        LINKLESS_CONTRACTIONS, ONE_PASS_CONTRACTIONS, BEYOND, *NOISE.values(), (518,),
    )
    for count in row
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_figure_has_a_source(page):
    missing = figures.unaccounted(page, COUNTS)
    assert not missing, (
        f"{', '.join(missing)}: show a command that prints it, or keep a record (docs/figures.py); what "
        "is chosen or quoted goes into docs/figures.toml with the reason"
    )
    assert figures.not_as_printed(page) == []


def rows(page, start):
    """Return the rows of the table that begins with these words: first cell -> the numbers after it."""
    text = (ROOT / page).read_text(encoding="utf-8")
    table = text[text.index(f"| {start} |") :].partition("\n\n")[0]
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines()]
    return {
        name: [int(cell.replace(",", "")) for cell in rest if cell]
        for name, *rest in [cells[0], *cells[2:]]
        if all(re.fullmatch(r"[\d,]*", cell) for cell in rest)
    }


def contractions(order, **options):
    diagrams = enumerate_diagrams(order, **options)
    return len({Contraction.from_diagram(diagram, basis="moment") for diagram in diagrams})


def test_tables_of_counts():
    counted = {
        (root, which): [sum(1 for _ in enumerate_diagrams(d, root=root, **{which: True} if which else {}))
                        for d in range(6)]
        for root, which in (("isolated", ""), ("isolated", "one_pass"), ("isolated", "linkless"),
                            ("in-partition", ""))
    }  # fmt: skip
    table = rows("docs/mathematics.md", "order")
    expected = {
        "root isolated": (reference.ISOLATED, "isolated", ""),
        "of these, possible in one pass with B = 1": (reference.ONE_PASS, "isolated", "one_pass"),
        "of these, linkless": (reference.LINKLESS, "isolated", "linkless"),
        "root in the partition": (reference.IN_PARTITION, "in-partition", ""),
    }
    for name, (known, *kind) in expected.items():
        assert table[name] == list(known[: len(table[name])]), name
        assert table[name][:6] == counted[tuple(kind)], name


def test_table_of_sizes():
    table = rows("docs/algorithms.md", "order")
    for d in range(1, 8):
        assert table[str(d)] == [
            rooted_tree_count(d + 1), PAIRS[d], reference.ISOLATED[d], CONTRACTIONS[d],
            reference.LINKLESS[d], LINKLESS_CONTRACTIONS[d], reference.ONE_PASS[d],
            ONE_PASS_CONTRACTIONS[d],
        ]  # fmt: skip
    for d, diagrams in zip((8, 9, 10), (reference.ISOLATED[8], *BEYOND), strict=True):
        assert table[str(d)] == [rooted_tree_count(d + 1), PAIRS[d], diagrams]
    for d in range(1, 6):
        assert CONTRACTIONS[d] == contractions(d)
        assert LINKLESS_CONTRACTIONS[d] == contractions(d, linkless=True)
        assert ONE_PASS_CONTRACTIONS[d] == contractions(d, one_pass=True)
    assert contractions(5, root="in-partition") == 518


def test_table_of_noise():
    text = (ROOT / "docs/along-the-path.md").read_text(encoding="utf-8")
    for (root, one_pass), counts in NOISE.items():
        assert f"| {' | '.join(map(str, counts))} |" in text
        for noise in range(3):
            assert counts[noise] == sum(
                1 for _ in noise_diagrams(noise, root=root, one_pass=one_pass)
            )


def test_diagrams_of_an_order_in_words():
    said = []
    for page in PAGES:
        text = " ".join(page.read_text(encoding="utf-8").split())
        said += re.findall(r"(\d[\d,]*) diagrams of order (\d+)", text)
        said += [
            (n, d) for d, n in re.findall(r"order (\d+), compact rows \| (\d[\d,]*) diagrams", text)
        ]
    counts = (*reference.ISOLATED, *BEYOND)
    assert len(said) > 5
    for number, order in said:
        assert int(number.replace(",", "")) == counts[int(order)], (number, order)


def test_sizes_of_formulas():
    text = (ROOT / "docs/algorithms.md").read_text(encoding="utf-8")
    for sampling, orders in (("one pass", (4, 5)), ("epochs", (3, 4))):
        made = [expand("test-loss", order=d, sampling=sampling.replace(" ", "-")) for d in orders]
        json_sizes = [round(len(formula.to_json()) / 1000) for formula in made]
        latex_sizes = [len(formula.latex()) / 1000 for formula in made]
        assert f"{sampling}: {', '.join(map(str, json_sizes))}, " in text
        assert f"{sampling} {latex_sizes[0]:.1f}, {latex_sizes[1]:.0f}, " in text


RECORDS = sorted([*ROOT.glob("examples/records/*.json"), *ROOT.glob("benchmarks/records/*.json")])


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_records_name_command_and_machine_and_are_used(path):
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["command"]
    assert kept["machine"]["processor"]
    name = str(path.relative_to(ROOT))
    marks = "\n".join(
        line for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith(("<!-- recorded: ", "<!-- printed: "))
    )  # fmt: skip
    assert f" {name} " in marks, "no page uses it"


def test_figures_are_read_as_people_read_them():
    def shown(text):
        return [(figure.shown, figure.value, figure.error) for figure in figures.figures(text)]

    assert shown("It took 12.5 s for 1,234 of 99, in 2024, by version 1.2.3.") == [
        ("12.5", 12.5, 0),
        ("1,234", 1234, 0),
    ]
    ((_, value, error),) = shown(r"$0.1688(3)\,\eta^2$")
    assert (value, error) == (0.1688, pytest.approx(0.0003))
    ((_, value, error),) = shown(r"$1.774(1) \cdot 10^{-3}$")
    assert (value, error) == (pytest.approx(0.001774), pytest.approx(1e-6))
    ((_, value, error),) = shown("133.7(1.4)")
    assert (value, error) == (133.7, 1.4)


@pytest.mark.parametrize(
    ("shown", "printed", "agrees"),
    [
        ("0.1689", "0.16892", True),
        ("0.1688", "0.16892", False),
        ("0.1688(3)", "0.16881 0.00025", True),
        ("0.1688(4)", "0.16881 0.00025", False),
        ("20,000", "20_000", True),
        ("1.82125", "Fraction(1457, 800)", True),
        ("0.00145", "0.0014562", False),
    ],
)
def test_figures_are_numbers_rounded(shown, printed, agrees):
    (figure,) = figures.figures(shown)
    assert figure.is_one_of(figures.numbers(printed)) is agrees


def test_what_a_record_derives_is_worked_out(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    text = json.dumps({"command": "x", "machine": {}, "printed": ["0.02194 0.00019"],
                       "derived": {"115": "0.02194 / 0.00019"}})  # fmt: skip
    (tmp_path / "right.json").write_text(text)
    assert 115 in figures.record("right.json")[-1]
    (tmp_path / "wrong.json").write_text(text.replace('"115"', '"116"'))
    with pytest.raises(ValueError, match="and not 116"):
        figures.record("wrong.json")
    (tmp_path / "else.json").write_text(text.replace("/ 0.00019", "/ 0.00018"))
    with pytest.raises(ValueError, match="not in the record"):
        figures.record("else.json")
    page = tmp_path / "page.md"
    page.write_text("# A\n\n<!-- recorded: right.json -->\n\n115 times\n\n# B\n\n115 times, 0.5\n")
    monkeypatch.setattr(figures, "given", dict)
    assert figures.unaccounted(page) == ["115", "0.5"]


def test_a_figure_and_its_error_come_from_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    monkeypatch.setattr(figures, "given", dict)
    printed = ["0.01 133.7 1.4", "0.02 130.5 1.3"]
    (tmp_path / "a.json").write_text(
        json.dumps({"command": "x", "machine": {}, "printed": printed})
    )
    page = tmp_path / "page.md"
    page.write_text("<!-- recorded: a.json -->\n\n133.7(1.4) and 130.5(1.3), but 133.7(1.3)\n")
    assert figures.unaccounted(page) == ["133.7(1.3)"]
