"""``sgdiagrams find``, what it looks through, and the page from the literature."""

import importlib
import json
import re
import shlex
import sys
from importlib.resources import files
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from command_line import good, run
from layout import ROOT

from sgdiagrams.commands.find import _KINDS
from sgdiagrams.commands.shared import options
from sgdiagrams.literature.entries import KINDS, Entry, papers, shipped_entries
from sgdiagrams.literature.search import ranked
from sgdiagrams.numeric import ERRATA
from sgdiagrams.symbolic import RESULTS

with patch.object(sys, "path", [str(ROOT / "docs"), *sys.path]):
    write_literature = importlib.import_module("write_literature")

ENTRIES = shipped_entries()


def first(query, count=1):
    """Return the names of the first entries."""
    return [entry.name for entry in ranked(ENTRIES, query)[:count]]


@pytest.mark.parametrize("name", ["literature.md", "errata.md"])
def test_the_pages_are_those_of_the_data(name):
    """What their commands print is compared where pages are run."""
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    made = write_literature.pages(lambda _: "")[name]
    assert write_literature.without_output(page) == made, "run python docs/write_literature.py"


def test_the_index_is_that_of_results_and_errata():
    """What it says of results and errata is compared where these are derived."""
    shipped = (files("sgdiagrams.literature") / "index.json").read_text(encoding="utf-8")
    entries = json.loads(shipped)
    said = {(entry["kind"], entry["name"]): entry for entry in entries}

    def known(kind):
        return lambda name: SimpleNamespace(
            statement=said[kind, name]["text"], sources=[said[kind, name]["words"]]
        )

    made = write_literature.index((known("result"), known("erratum")))
    assert shipped == made, "run python docs/write_literature.py"
    kinds = [entry["kind"] for entry in entries]
    assert kinds.count("result") == len(RESULTS)
    assert kinds.count("erratum") == len(ERRATA)
    assert sum(entry.kind == "word" for entry in ENTRIES) > 80


def test_papers_are_whole():
    assert len(papers()) >= 30
    assert len({paper["key"] for paper in papers()}) == len(papers())
    for paper in papers():
        wanted = {
            "key",
            "authors",
            "year",
            "title",
            "topic",
            "question",
            "command",
            "answer",
            "words",
        }
        assert wanted <= set(paper) <= wanted | {"arxiv"}
        assert str(paper["year"]) in paper["key"]
        assert paper["question"].rstrip(")").endswith("?") or "?" in paper["question"]
        assert paper["answer"].endswith(".")
        assert paper["command"].startswith("sgdiagrams ")
        assert re.fullmatch(r"\d{4}\.\d{4,5}", paper.get("arxiv", "0000.0000"))


def test_sources_of_results_are_among_the_papers():
    """Who knows a paper that a result names finds it there."""
    rows = {(paper["authors"].split(",")[0], paper["year"]) for paper in papers()}
    for name in RESULTS:
        line = next(e for e in ENTRIES if e.kind == "result" and e.name == name)
        assert line.command == f"sgdiagrams results {name}"
    for author, year in (("D. Barrett", 2021), ("S. Mandt", 2017), ("A. Damian", 2021)):
        assert (author, year) in rows


@pytest.mark.parametrize("kind", ["observable", "sampling", "optimizer", "average", "schedule"])
def test_every_name_of_the_command_line_can_be_found(kind):
    listed = {entry.name.partition(":")[0]: entry.text for entry in ENTRIES if entry.kind == kind}
    upper = {"optimizer": "OPTIMIZERS"}.get(kind, f"{kind.upper()}S")
    assert set(getattr(options, upper)) <= set(listed)
    words = " ".join(listed.values())
    for other in options.ALSO.get(upper, ()):
        assert other in words, f"{other} is missing in package/literature/names.toml"


def test_every_landscape_can_be_found():
    assert {e.name for e in ENTRIES if e.kind == "landscape"} == set(options.LANDSCAPES)


@pytest.mark.parametrize(
    "entry",
    [e for e in ENTRIES if e.kind in KINDS[5:-1] and e.name not in ("grid:FILE", "digits")],
    ids=lambda entry: f"{entry.kind} {entry.name}",
)
def test_lines_to_paste_run(entry):
    program, *arguments = shlex.split(entry.command)
    assert program == "sgdiagrams"
    good(*arguments)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("label noise", "label-noise"),
        ("takeuchi", "takeuchi"),
        ("heavy ball", "heavy-ball"),
        ("generalization gap", "generalisation-gap"),
        ("symmetry factor", "symmetry factor"),
        ("swa", "swa"),
        ("random reshufling", "Why random reshuffling"),
        ("edge of stability", "Edge of Stability"),
        ("2101.12176", "arXiv:2101.12176"),
        ("gurbuzbalaban", "Gürbüzbalaban"),
        ("linear scaling rule", "1 Hour"),
        ("mandt hoffman blei", "Approximate Bayesian"),
        ("momentm", "omentum"),
        ("AIC", "Akaike"),
        ("adamw", "Decoupled Weight Decay"),
        ("privacy", "Privacy"),
        ("critical batch size", "Large-Batch"),
        ("influence functions", "Influence Functions"),
        ("misprint", "erratum"),
    ],
)
def test_what_is_near_comes_first(query, name):
    assert name in first(query)[0]


def test_synonyms_spellings_slips_and_accents():
    assert first("regularisation", 3) == first("regularization", 3)
    assert first("behaviour of momentum", 3) == first("behavior of momentum", 3)
    assert "dropout" in " ".join(e.words + e.text for e in ranked(ENTRIES, "augmentation")[:3])
    assert ranked(ENTRIES, "fluctuashion")
    assert not ranked(ENTRIES, "qqqqzzzz")
    assert not ranked(ENTRIES, "")
    assert ranked(ENTRIES, "the the") == ranked(ENTRIES, "the the")


def test_more_of_the_words_come_first():
    entries = [
        Entry("word", "noise", "Whatever."),
        Entry("word", "batch", "Whatever."),
        Entry("word", "plain", "The noise of a batch."),
    ]
    assert ranked(entries, "noise batch")[0].name == "plain"
    assert [e.name for e in ranked(entries, "noise batch tree shape size")] == []


def test_the_word_itself_is_better_than_a_synonym_in_a_name():
    entries = [
        Entry("word", "velocity", "Whatever."),
        Entry("word", "other", "Whatever.", words="momentum"),
    ]
    assert [e.name for e in ranked(entries, "momentum")] == ["other", "velocity"]


def test_the_command():
    text = good("find", "label", "noise")
    assert text.startswith("result: label-noise\n")
    assert "\n  $ sgdiagrams results label-noise\n" in text
    assert len(re.findall(r"^\w+: ", text, flags=re.MULTILINE)) == 5
    assert good("find", "label noise") == text
    one = run("find", "label", "noise", "--limit", "1")
    assert len(one.stdout.splitlines()) == 3 or "$ " in one.stdout
    assert "there is more; see --limit and --kind" in one.stderr


def test_commands_and_options_can_be_found():
    assert "sgdiagrams judge --help" in good("find", "trust", "series")
    assert "option: --decoupled-decay of expand" in good("find", "--kind", "option", "decoupled")
    assert good("find", "--kind", "erratum", "sde").startswith("erratum: noise-of-sde")


def test_an_option_is_asked_for_by_its_dashes():
    assert good("find", "--", "--penalty").startswith("option: --penalty of expand\n")


def test_letters_of_formulas():
    assert first("2/η", 3) == first("2/eta", 3)
    assert first("∇ C") == first("grad C")
    assert first("noise " * 50) == first("noise")


def test_long_lines_are_folded_but_not_commands():
    text = good("find", "--kind", "paper", "strength of minibatch noise")
    lines = text.splitlines()
    assert max(len(line) for line in lines if not line.startswith("  $ ")) <= 80
    assert any(len(line) > 80 for line in lines if line.startswith("  $ "))


def test_nothing_near_and_nothing_asked():
    nothing = run("find", "qqqqzzzz")
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert nothing.stderr == "sgdiagrams: nothing is near 'qqqqzzzz'\n"
    assert run("find").returncode == 2
    assert run("find", "x", "--limit", "0").returncode == 2
    assert run("find", "x", "--kind", "papers").returncode == 2
    assert len(run("find", "z" * 5000).stderr) < 300


def test_help_names_it():
    assert "sgdiagrams find WORD..." in good("--help")


def test_kinds_are_those_of_the_entries():
    assert _KINDS == KINDS
    assert {entry.kind for entry in ENTRIES} == set(KINDS) - {"command", "option"}
