"""What can be found: an entry, and all entries that come with the package."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, final

__all__ = ["KINDS", "Entry", "papers", "shipped_entries", "synonym_groups"]

#: What entries are, in the order in which equals are shown.
KINDS = (
    "paper",
    "result",
    "erratum",
    "command",
    "option",
    "observable",
    "sampling",
    "optimizer",
    "average",
    "schedule",
    "landscape",
    "word",
)


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """Something that can be found.

    Attributes
    ----------
    kind
        One of `KINDS`.
    name
        What it is called.
    text
        What it says: one sentence.
    command
        A line to paste; empty for a word of the glossary.
    words
        More that people look for.

    Examples
    --------
    >>> print(Entry("sampling", "sde", "Ito diffusion.", "sgdiagrams expand --sampling sde --order 2"))
    sampling: sde
      Ito diffusion.
      $ sgdiagrams expand --sampling sde --order 2
    """

    kind: str
    name: str
    text: str
    command: str = ""
    words: str = ""

    def __str__(self) -> str:
        lines = [f"{self.kind}: {self.name}", self.text]
        if self.command:
            lines.append(f"$ {self.command}")
        return "\n  ".join(lines)


def _data(name: str) -> str:
    return (files("sgdiagrams.literature") / name).read_text(encoding="utf-8")


@cache
def papers() -> tuple[dict[str, Any], ...]:
    """Return the papers: authors, year, title, perhaps arxiv, topic, question, command, answer, words.

    Examples
    --------
    >>> first = papers()[0]
    >>> print(first["authors"], first["year"], first["command"])
    D. Barrett, B. Dherin 2021 sgdiagrams results implicit-regularisation
    """
    return tuple(tomllib.loads(_data("papers.toml"))["paper"])


def synonym_groups() -> list[list[str]]:
    """Return words that stand for one another."""
    groups: list[list[str]] = tomllib.loads(_data("synonyms.toml"))["groups"]
    return groups


def shipped_entries() -> list[Entry]:
    """Return all entries but commands and options, which the command line knows itself."""
    found = [_of_paper(paper) for paper in papers()]
    for kind, names in tomllib.loads(_data("names.toml")).items():
        found += [Entry(kind, name, text, _line(kind, name)) for name, text in names.items()]
    found += [Entry(**entry) for entry in json.loads(_data("index.json"))]
    glossary = json.loads(_data("words.json"))
    return found + [Entry("word", *pair) for line in glossary for pair in line.items()]


def _of_paper(paper: dict[str, Any]) -> Entry:
    number = f", arXiv:{paper['arxiv']}" if "arxiv" in paper else ""
    return Entry(
        "paper",
        f"{paper['authors']} ({paper['year']}), {paper['title']}{number}",
        paper["question"],
        paper["command"],
        f"{paper['topic']} {paper['words']} {paper['answer']}",
    )


#: How a name is given to a command.
_LINES = {
    "observable": "sgdiagrams expand --observable {} --order 2",
    "sampling": "sgdiagrams expand --sampling {} --order 2",
    "optimizer": "sgdiagrams expand --optimizer {} --set T=10 --order 1",
    "average": "sgdiagrams expand --average {} --set T=10 --order 2",
    "schedule": "sgdiagrams expand --schedule {} --set T=10 --order 1",
    "landscape": "sgdiagrams judge --landscape {} --order 2 --set eta=0.05 --set T=10",
}


def _line(kind: str, name: str) -> str:
    return _LINES[kind].format(name)
