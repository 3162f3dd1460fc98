"""The tables of contents of the site: the lists of pages that pages have for readers anyway.

A page that `docs/index.md` lists stands in the chapter of its heading; a ``README.md`` in a folder of
`docs` lists the pages of that folder. A page is listed where a line of a list or of a table begins
with a link to it.
"""

import posixpath
import re
from pathlib import PurePosixPath

INDEX = "docs/index"
ROOMS = ("sgdiagrams", "sgdiagrams.diagrams", "sgdiagrams.symbolic", "sgdiagrams.numeric")
_LISTED = re.compile(r"^[|*-] \[[^\]]*\]\(([^)#:\s]+)\.md\)", flags=re.MULTILINE)
_HEADING = re.compile(r"^## (.*)$", flags=re.MULTILINE)


def lists_pages(name):
    """Whether the page of this name, without suffix, is a table of contents."""
    path = PurePosixPath(name)
    return name == INDEX or (path.name == "README" and path.parts[0] == "docs")


def chapters(text):
    """Return the headings of a page, each with the pages listed below it, without suffix."""
    first, *parts = _HEADING.split(text)
    below = {"": first, **dict(zip(parts[::2], parts[1::2], strict=True))}
    pages = {heading: _LISTED.findall(part) for heading, part in below.items()}
    return {heading: names for heading, names in pages.items() if names}


def listed(pages):
    """Return the names of all pages that stand in a table of contents.

    Parameters
    ----------
    pages
        The text of every page by its name, a path without suffix.
    """
    names = {INDEX}
    for name, text in pages.items():
        if lists_pages(name):
            folder = posixpath.dirname(name)
            for links in chapters(text).values():
                names |= {posixpath.normpath(f"{folder}/{link}") for link in links}
    return names


def add_tables_of_contents(app, name, source):
    """Give the index its chapters; pages that a ``README.md`` lists are found there alone.

    So the tree beside every page stays short, and the site, which writes it anew on every page, is
    built in a minute.
    """
    if name == INDEX:
        tables = {**chapters(source[0]), "Reference": [f"reference/{room}" for room in ROOMS]}
        written = [
            "\n".join(["```{toctree}", ":hidden:", f":caption: {heading}", "", *links, "```"])
            for heading, links in tables.items()
        ]
        source[0] = "\n\n".join([source[0], *written, ""])
        return
    listing = f"{posixpath.dirname(name)}/README"
    path = app.srcdir / f"{listing}.md"
    others = path.read_text(encoding="utf-8") if lists_pages(listing) and path.exists() else ""
    if name in listed({listing: others}):
        source[0] = f"---\norphan: true\n---\n\n{source[0]}"
