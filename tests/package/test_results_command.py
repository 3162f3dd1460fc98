"""``sgdiagrams results``."""

import pytest
from command_line import good, run

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
