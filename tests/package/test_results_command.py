"""``sgdiagrams results``."""

from dataclasses import replace

import pytest
from command_line import good, run

from sgdiagrams.numeric.errata.catalogue import ERRATA, known_erratum
from sgdiagrams.symbolic.results import RESULTS, known_result


def test_all_results_with_their_sources():
    text = good("results")
    for name in RESULTS:
        assert f"{name}: " in text
    assert "S. Mandt, M. Hoffman, D. Blei (2017)" in text


@pytest.mark.parametrize("name", ["heavy-ball-covariance", "gauss-bias"])
def test_one_result(name):
    assert good("results", name).splitlines() == str(known_result(name)).splitlines()


def test_a_page_of_latex(tmp_path):
    file = tmp_path / "page.tex"
    good("results", "akaike", "--format", "latex", "--standalone", "--output", str(file))
    page = file.read_text()
    assert page.startswith(r"\documentclass")
    assert r"\textbf{akaike.} Akaike's criterion" in page
    refused = run("results", "--standalone")
    assert refused.returncode == 2
    assert "--standalone only with --format latex" in refused.stderr


def test_errata_with_their_checks():
    text = good("results", "--errata", "descent-less-sgd-factor")
    assert text.splitlines() == str(known_erratum("descent-less-sgd-factor")).splitlines()
    assert (
        "exact SGD  -49/36, -91/12\n    derived    -49/36, -91/12\n    printed    -49/108" in text
    )


def test_all_errata_in_latex(tmp_path):
    file = tmp_path / "errata.tex"
    good("results", "--errata", "--format", "latex", "--standalone", "--output", str(file))
    page = file.read_text()
    for name in ERRATA:
        assert f"\\textbf{{{name}.}}" in page
    assert good("results", "--errata", "irreducible", "--format", "latex").startswith("% A diagram")


def test_no_such_erratum():
    done = run("results", "--errata", "takeuchi")
    assert done.returncode == 2
    assert "expected name to be one of one-pass-order-2" in done.stderr


def test_a_derived_formula_that_fails_is_an_exit_status(monkeypatch):
    right = known_erratum("skewness-sign")
    wrong = replace(right, evidence=replace(right.evidence, derived=right.evidence.printed))
    monkeypatch.setitem(ERRATA, "skewness-sign", lambda: wrong)
    done = run("results", "--errata", "skewness-sign")
    assert done.returncode == 1
    assert "derived    8" in done.stdout
