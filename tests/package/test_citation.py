"""How the package is cited: what the citation file says agrees with the package's own data."""

import tomllib

import pytest
from layout import ROOT

yaml = pytest.importorskip("yaml", reason="reading CITATION.cff needs PyYAML")


def test_citation_agrees_with_the_package():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    # What the format wants at least (Citation File Format 1.2.0).
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()
    assert cited["type"] == "software"
    assert cited["version"] == project["version"]
    assert cited["license"] == project["license"]
    assert [author["name"] for author in cited["authors"]] == [
        author["name"] for author in project["authors"]
    ]
    assert set(cited["keywords"]) <= {*project["keywords"], "modified equations"}
    assert [work["authors"][0]["family-names"] for work in cited["references"]] == ["Tenka"]
