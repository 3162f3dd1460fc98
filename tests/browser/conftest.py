"""A real browser, headless: pages are opened as a reader opens them, from a file."""

import os
import shutil
from contextlib import ExitStack

import pytest

# Debian's, Ubuntu's, and the names that other builds install.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def missing(reason):
    """Skip, or fail where the caller insists on a browser, as `.ci/run` does."""
    if os.environ.get("SGDIAGRAMS_TESTS_NEED_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


# Not for the whole run: as long as the driver is there, its event loop runs in this thread, and other
# tests start loops of their own.
@pytest.fixture(scope="module")
def browser():
    """Chromium, one for all tests of a module."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        missing("no Chromium is installed (apt-get install chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("its driver is not installed (pip install 'sgdiagrams[browser]')")
    with sync_playwright() as driver:
        # No sandbox: containers forbid it to root. The pages are our own, and ask for nothing.
        chromium = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Quiet:
    """Pages of one test, none of which may write to the console or ask for a file."""

    def __init__(self, browser, folder):
        self.browser, self.folder = browser, folder
        self.contexts = ExitStack()
        self.said = []
        self.asked = []

    def open(self, html, *, width=1280, height=800, **options):
        """Open a page of HTML in a window of its own, and wait until it is all drawn."""
        path = self.folder / f"page{len(self.asked)}.html"
        path.write_text(html, encoding="utf-8")
        context = self.browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(20_000)
        self.contexts.callback(context.close)
        page = context.new_page()
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: self.said.append(dialog.message))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("#table:not([aria-busy])")
        return page


@pytest.fixture
def pages(browser, tmp_path):
    """Pages that are opened; afterwards, that they were silent and asked for nothing."""
    quiet = Quiet(browser, tmp_path)
    with quiet.contexts:
        yield quiet
    assert quiet.said == []
    assert [url for url in quiet.asked if not url.endswith(".html")] == []
