"""The documentation site in a real browser, opened from files: it is complete, and asks for nothing."""

import pytest
from documentation_site import built_site

pytest.importorskip("playwright.sync_api")


@pytest.fixture
def visit(browser):
    """Open pages of the site; afterwards, that they were silent and asked for files of the site alone."""
    site, said, asked, contexts = built_site(), [], [], []

    def open_page(name, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{site.as_uri()}/{name}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith((site.as_uri(), "data:"))] == []


@pytest.mark.parametrize(
    "name", ["docs/mathematics.html", "docs/reference/sgdiagrams.symbolic.html", "README.html"]
)
def test_mathematics_is_set(visit, name):
    page = visit(name)
    page.wait_for_selector("mjx-container svg")
    page.evaluate("MathJax.startup.promise")
    formulas = page.locator(".math").count()
    assert formulas > 0
    assert page.locator("mjx-container").count() >= formulas
    assert page.locator("[data-mjx-error]").count() == 0


def test_search_finds_pages_and_names(visit):
    page = visit("search.html?q=momentum")
    page.get_by_text("Search finished").wait_for()
    links = page.locator("ul.search a").evaluate_all(
        "all => all.map((a) => a.getAttribute('href'))"
    )
    assert any("reference/sgdiagrams.Momentum.html" in link for link in links)
    assert any("docs/optimisers.html" in link for link in links)


def test_the_start_leads_to_the_contents_and_on(visit):
    page = visit("index.html")
    page.wait_for_url("**/docs/index.html")
    page.locator("article").get_by_role("link", name="Observables").click()
    page.wait_for_url("**/docs/observables.html")


def test_it_is_dark_for_who_likes_that(visit):
    paper = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    assert min(visit("docs/index.html", color_scheme="light").evaluate(paper)) > 240
    assert max(visit("docs/index.html", color_scheme="dark").evaluate(paper)) < 40
