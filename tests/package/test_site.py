"""The documentation site is whole and needs nothing from elsewhere; every page is in its contents."""

import html
import importlib.util
import re
from functools import cache
from urllib.parse import unquote

import pytest
from documentation_site import built_site
from layout import ROOT

TAG = re.compile(r"<([a-z][a-z0-9]*)((?:\s+[\w:.-]+(?:=(?:\"[^\"]*\"|'[^']*'|[^\s>]*))?)*)\s*/?>")
ATTRIBUTE = re.compile(r"([\w:.-]+)=(?:\"([^\"]*)\"|'([^']*)')")
ELSEWHERE = re.compile(r"\s*(?:[a-z]+:)?//", flags=re.IGNORECASE)
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


contents = load(ROOT / "docs" / "site" / "contents.py")


def test_every_page_is_in_a_table_of_contents():
    names = {path.relative_to(ROOT).with_suffix("").as_posix(): path for path in PAGES}
    texts = {name: path.read_text(encoding="utf-8") for name, path in names.items()}
    listed = contents.listed(texts)
    assert not listed - set(texts), "listed, but not there"
    assert not set(texts) - listed, (
        "list these pages in a table of docs/index.md, and decisions in docs/decisions/README.md"
    )


@pytest.fixture(scope="module")
def site():
    return built_site()


@cache
def tags(path):
    """Return the tags of a page with their attributes."""
    text = path.read_text(encoding="utf-8")
    return [
        (
            name,
            {key: html.unescape(a or b) for key, a, b in ATTRIBUTE.findall(attributes)},
        )
        for name, attributes in TAG.findall(text)
    ]


def requests_elsewhere(site):
    """Return what the pages and styles of a site would ask another host for."""
    wrong = []
    for path in site.rglob("*.html"):
        for name, attributes in tags(path):
            for key, value in attributes.items():
                is_request = key in {"src", "srcset", "data", "poster", "action", "style"} or (
                    key == "href" and name not in {"a", "area"}
                )
                if is_request and ELSEWHERE.search(value):
                    wrong.append(f"{path.relative_to(site)}: {name} {key}={value}")
    for path in site.rglob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for found in re.findall(r"url\(([^)]*)\)|@import\s*([^;]*)", text):
            target = "".join(found).strip("\"' ")
            if ELSEWHERE.match(target):
                wrong.append(f"{path.relative_to(site)}: {target}")
    return wrong


def broken_links(site):
    """Return the links inside a site that lead to no file, or to no place in it."""
    wrong = []
    for path in site.rglob("*.html"):
        for name, attributes in tags(path):
            target = attributes.get("href", attributes.get("src", ""))
            if not target or ":" in target.partition("/")[0] or ELSEWHERE.match(target):
                continue
            file, _, anchor = target.partition("#")
            there = (path.parent / unquote(file.partition("?")[0])).resolve() if file else path
            if not there.exists() or (
                anchor and there.suffix == ".html" and unquote(anchor) not in places(there)
            ):
                wrong.append(f"{path.relative_to(site)}: {name} {target}")
    return wrong


@cache
def places(path):
    """Return the anchors of a page."""
    return {attributes.get(key) for _, attributes in tags(path) for key in ("id", "name")}


def test_no_page_asks_for_anything_from_elsewhere(site):
    assert requests_elsewhere(site) == []


def test_every_link_inside_leads_somewhere(site):
    assert broken_links(site) == []


def test_what_is_wrong_with_a_site_is_seen(tmp_path):
    (tmp_path / "a.html").write_text(
        '<h1 id="top">A</h1><a href="https://example.org">elsewhere</a><a href="b.html#none">b</a>'
        '<a href="c.html">c</a><a class="x" href="#top">top</a><script src="//cdn.org/x.js"></script>'
        '<link rel="stylesheet" href="https://cdn.org/x.css"><img alt="a > b" src="none.png"/>'
    )
    (tmp_path / "b.html").write_text("<p>b</p>")
    (tmp_path / "x.css").write_text('@import "https://cdn.org/y.css"; p { src: url(//cdn.org/f) }')
    assert requests_elsewhere(tmp_path) == [
        "a.html: script src=//cdn.org/x.js",
        "a.html: link href=https://cdn.org/x.css",
        "x.css: https://cdn.org/y.css",
        "x.css: //cdn.org/f",
    ]
    assert broken_links(tmp_path) == [
        "a.html: a b.html#none",
        "a.html: a c.html",
        "a.html: img none.png",
    ]


def test_every_public_name_has_its_page(site):
    shown = {path.stem for path in (site / "docs" / "reference").glob("*.html")}
    names, room = set(), ""
    for line in (ROOT / "tests/package/public_names.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            names.add((room, line.strip()))
        else:
            room = line.strip()
            assert room in shown
    for room, name in names:
        assert {f"{room}.{name}", f"sgdiagrams.{name}"} & shown, f"{room}.{name}"


def test_mathematics_and_search_are_on_the_site(site):
    page = (site / "docs" / "mathematics.html").read_text(encoding="utf-8")
    assert 'src="../_static/tex-svg-full.js' in page
    assert "MathJax" in (site / "_static" / "tex-svg-full.js").read_text(encoding="utf-8")
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert '"docs/reference/sgdiagrams.Expansion"' in index
    assert 'url=docs/index.html"' in (site / "index.html").read_text(encoding="utf-8")


def test_names_in_prose_link_to_their_reference(site):
    page = (site / "docs" / "samplings.html").read_text(encoding="utf-8")
    assert 'href="reference/sgdiagrams.OnePass.html' in page
