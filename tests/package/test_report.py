"""The report as data and as one file: what is in it, that nothing breaks out of it, and its size."""

import json
import re
from fractions import Fraction
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from command_line import run

from sgdiagrams import RequestError, Statistics, StatisticsError, expand, landscape, make_report
from sgdiagrams.diagrams import Diagram, enumerate_diagrams
from sgdiagrams.report.packing import triangular_factor

GAUSS = landscape("gauss").statistics(4)


class Elements(HTMLParser):
    """The elements of a page, and what stands in its scripts."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.scripts, self.links = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, text):
        if self.tags and self.tags[-1] == "script":
            self.scripts[-1] += text

    def handle_endtag(self, tag):
        if tag == "script":
            self.tags.append("")


def embedded(html):
    """Return the data of a page as the page reads it."""
    [text] = re.findall(
        r'<script type="application/json" id="report-data">(.*?)</script>', html, re.S
    )
    return json.loads(text)


def test_rows_are_the_diagrams_of_the_expansion():
    report = make_report(order=3)
    texts = [row["text"] for row in report.data["diagrams"]]
    expected = [str(d) for k in range(4) for d in enumerate_diagrams(k, one_pass=True)]
    assert texts == expected
    cherry = next(row for row in report.data["diagrams"] if row["text"] == "(01-2)(02-12)")
    assert cherry["count"]["text"] == "T"
    assert cherry["coefficient"] == "T/2"
    assert cherry["value"]["text"] == "M_a|b H_ab"
    assert (cherry["symmetry_factor"], cherry["links"], cherry["tied"]) == (2, 0, False)


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"sampling": "epochs", "observable": "gap"},
        {"optimizer": "momentum"},
        {"sampling": "sde"},
    ],
)
def test_rows_sum_to_the_expansion(question):
    """Coefficients times values are the terms: the table and the closed form are one."""
    from sgdiagrams import Expression
    from sgdiagrams.report.question import Question

    total = Expression()
    for row in make_report(order=2, **question).data["diagrams"]:
        total += Expression.parse(row["coefficient"]) * Expression.parse(row["value"]["text"])
    expansion = Question.of(order=2, **question).expansion()
    weights = sum((expansion.expression(k) for k in range(3)), Expression())
    assert total == weights


def test_formulas_and_pictures_are_well_formed():
    data = make_report("training-loss", order=3, sampling="epochs").data
    for row in data["diagrams"]:
        assert Diagram.parse(row["text"]).order == row["order"]
        for markup in (row["svg"], row["count"]["mathml"], row["value"]["mathml"]):
            ET.fromstring(markup)  # noqa: S314 - our own
    assert data["formulas"]["plain"]["mathml"].startswith("<math")
    assert r"\begin{align*}" in data["formulas"]["plain"]["latex"]


def test_resummed_formula_on_request():
    assert make_report(order=2).data["formulas"]["resummed"] is None
    assert "<math" in make_report(order=2, resummed=True).data["formulas"]["resummed"]["mathml"]


@pytest.mark.parametrize("title", ["</script><script>alert(1)</script>", "<!--<script>", "a & b"])
def test_nothing_breaks_out(title):
    html = make_report(order=1, title=title, source=title, statistics=GAUSS).html()
    plain = make_report(order=1, statistics=GAUSS).html()
    assert Elements(html).tags == Elements(plain).tags
    data = embedded(html)
    assert (data["title"], data["question"]["statistics"]) == (title, title)


def test_functions_with_names_of_markup():
    name = "f<img src=x onerror=alert(1)>"
    with pytest.raises(RequestError):
        make_report(f"function:{name}", order=1)


def test_no_request_and_no_other_script():
    html = make_report(order=2, statistics=GAUSS).html()
    assert not [link for link in Elements(html).links if not link.startswith(("#", "data:"))]
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\beval\b|\bFunction\(|\bimport\(", "".join(Elements(html).scripts))


@pytest.mark.slow
@pytest.mark.parametrize(
    "question",
    [
        {"observable": "training-loss", "sampling": "epochs", "statistics": GAUSS},
        {"resummed": True, "statistics": GAUSS},
    ],
)
def test_size_at_order_four(question):
    html = make_report(order=4, **question).html()
    assert len(html.encode()) < 2_000_000


def test_sliders():
    sliders = make_report(order=1, statistics=GAUSS, sampling="epochs", eta=Fraction(1, 20)).data[
        "numbers"
    ]["sliders"]
    assert [s["name"] for s in sliders] == ["eta", "E", "N", "B"]
    assert sliders[0]["value"] == 0.05
    assert all(s["minimum"] <= s["value"] <= s["maximum"] for s in sliders)
    momentum = make_report(order=1, statistics=GAUSS, optimizer="momentum").data["numbers"]
    assert momentum["sliders"][2]["maximum"] < 1


@pytest.mark.parametrize("sampling", ["one-pass", "epochs", "with-replacement", "subsets"])
@pytest.mark.parametrize("name", ["gauss", "digits"])
def test_sliders_begin_where_the_series_is_good(sampling, name):
    statistics = landscape(name).statistics(3)
    data = make_report(order=3, statistics=statistics, sampling=sampling).data
    first = {s["name"]: s["value"] for s in data["numbers"]["sliders"]}
    estimate = expand("test-loss", order=3, sampling=sampling).evaluate(statistics, **first)
    assert estimate.trustworthy, estimate


def test_a_training_set_has_its_size():
    rows = Statistics.from_samples({0: [1.0] * 6, 1: [[1.0]] * 6}, role="training-set")
    sampling = "shuffled-epochs"
    data = make_report("training-loss", order=1, sampling=sampling, statistics=rows).data
    [n] = [s for s in data["numbers"]["sliders"] if s["name"] == "N"]
    assert n["minimum"] == n["value"] == n["maximum"] == 6
    with pytest.raises(RequestError, match="shuffled-epochs"):
        make_report("training-loss", order=1, sampling="epochs", statistics=rows)


def test_what_is_missing_is_named():
    few = Statistics.from_samples({0: [1.0, 2.0], 1: [[1.0], [2.0]]}, role="population")
    with pytest.raises(StatisticsError, match="derivative 2"):
        make_report(order=2, statistics=few)


def test_nothing_at_all_is_a_page_too():
    """Gradient descent has no covariance at any order: there is not one value to put numbers in."""
    question = {"order": 0, "sampling": "gradient-descent"}
    report = make_report("covariance", statistics=landscape("helix").statistics(3), **question)
    assert report.data["diagrams"] == []
    plain = report.data["numbers"]["plain"]
    assert plain["orders"] == [[]]
    assert plain["values"]["shape"] == [1, 0]


def test_factors_keep_what_cancels():
    rng = np.random.default_rng(0)
    common = rng.normal(size=(50, 1)) * 1e8
    matrix = np.hstack([common, common + rng.normal(size=(50, 1)), rng.normal(size=(50, 2))])
    factor = triangular_factor(matrix)
    assert factor.shape == (4, 4)
    for weights in ([1, -1, 0, 0], [0, 0, 1, 2], [1, 1, 1, 1]):
        expected = np.linalg.norm(matrix @ weights)
        assert abs(np.linalg.norm(factor @ weights) - expected) < 1e-6 * expected


def test_command(tmp_path):
    name = "a & b.json"
    path = tmp_path / name
    Statistics.from_samples({0: [1, 2], 1: [[1], [2]]}, role="population").save(path)
    result = run(
        "report", "--order", 1, "--statistics", name, "--set", "eta=0.05", "--set", "T=7",
        "--output", "r.html", "--title", "<b>bold</b>", cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    data = embedded((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert data["title"] == "<b>bold</b>"
    assert data["question"]["statistics"] == f"file {name}"
    assert [s["name"] for s in data["numbers"]["sliders"]] == ["eta"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--order", 5], "5"),
        (["--order", 1, "--set", "eta=0.1"], "--statistics"),
        (["--order", 1, "--landscape", "mean", "--weight-decay", "lamda"], "--set lamda"),
        (["--order", 1, "--landscape", "gauss", "--set", "eta=-1"], "positive"),
        (["--order", 1, "--landscape", "gauss", "--set", "eta=1,2"], "one positive"),
        (["--order", 1, "--landscape", "gauss", "--set", "eta=1e400"], "one positive"),
        (["--order", 1, "--landscape", "gauss", "--statistics", "x.npz"], "either"),
        (["--order", 1, "--sampling", "reshuffled-epochs", "--optimizer", "momentum"], "fix N"),
    ],
)
def test_bad_requests_are_refused_in_a_line(options, words):
    result = run("report", *options)
    assert result.returncode == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
