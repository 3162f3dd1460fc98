r"""An article: a title, sections of paragraphs, formulas and tables, and the document around them.

A document needs the packages ``geometry``, ``amsmath``, ``amssymb``, ``longtable`` and ``tikz``, and no
other. Between the comments that say so is what can be pasted into a paper of one column, which needs
the last four.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.layout.latex import TEX_CHARACTERS
from sgdiagrams.symbolic.printing.page_widths import in_points

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Article", "Section", "article_points", "escaped", "listed_in_words", "verbatim"]

#: Columns that are narrower have no room for a picture beside its count and its value.
_LEAST = 300

_DOCUMENT = r"""\documentclass[10pt]{article}
\usepackage[textwidth=%(points)spt,vmargin=2.5cm]{geometry}
\usepackage{amsmath}
\usepackage{amssymb}
\usepackage{longtable}
\usepackage{tikz}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt plus 1pt}
\setlength{\rightskip}{0pt plus 0.15\textwidth}
\begin{document}
\begin{center}
{\Large %(title)s\par}
\medskip
{%(subtitle)s\par}
\end{center}
%% From here to the next such line it can be pasted into a paper.
%(body)s
%% To here.
\end{document}
"""
#: What begins a displayed formula.
_DISPLAYS = (r"\begin{align*}", r"\begin{equation*}", r"\[")
#: What typewriter letters have themselves, where text takes them from other fonts.
_TYPED = frozenset('"<>|{}\\^~')


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and LaTeX below it: paragraphs, formulas and tables in reading order."""

    title: str
    body: tuple[str, ...]

    def latex(self) -> str:
        """Return the section; displayed formulas are in the paragraph around them."""
        text = rf"\section*{{{self.title}}}"
        is_displayed = False
        for piece in filter(None, self.body):
            was_displayed, is_displayed = is_displayed, piece.startswith(_DISPLAYS)
            text += ("\n" if was_displayed or is_displayed else "\n\n") + piece
        return text


@dataclass(frozen=True, slots=True)
class Article:
    """A derivation for people to read.

    Attributes
    ----------
    title, subtitle
        In LaTeX.
    sections
        In reading order.
    points
        The width of the text.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    points: int

    def latex(self) -> str:
        """Return a whole document."""
        body = "\n\n".join(section.latex() for section in self.sections if any(section.body))
        return _DOCUMENT % {
            "title": self.title,
            "subtitle": self.subtitle,
            "body": body,
            "points": self.points,
        }


def article_points(width: int | str | None) -> int:
    """Return the width of an article's text in points.

    Raises
    ------
    RequestError
        When it is no length, or tables of diagrams would not fit.
    """
    points = in_points(width)
    if points < _LEAST:
        raise RequestError(
            f"expected a width of {_LEAST}pt (10.55cm) or more for a document, whose tables need one "
            f"wide column, got width={shown(width)}; take the formula alone, without document"
        )
    return points


def escaped(words: str) -> str:
    r"""Return words with the characters that LaTeX takes for its own written out.

    Lines may end after an underscore. Letters that its fonts have not are question marks.

    Examples
    --------
    >>> print(escaped("100% of other_task"))
    100\% of other\_\allowbreak{}task
    """
    return "".join(_spelled(x) + (r"\allowbreak{}" if x == "_" else "") for x in words)


def _spelled(character: str) -> str:
    is_known = character.isascii() or "\u00c0" <= character <= "\u00ff"
    return TEX_CHARACTERS.get(character, character if is_known else "?")


def verbatim(code: str) -> str:
    r"""Return code in a typewriter's letters, in lines that end between words, or after a sign.

    Examples
    --------
    >>> print(verbatim("expand --order 2"))
    {\raggedright\small\ttfamily expand \mbox{-}\mbox{-}order 2\par}
    """
    pieces = []
    for x in code:
        if x == "-":
            shown_as = r"\mbox{-}"
        elif x in _TYPED:
            shown_as = rf"\char{ord(x)}{{}}"
        else:
            shown_as = _spelled(x)
        pieces.append(shown_as + (r"\penalty500{}" if x in ",=(:/;." else ""))
    return rf"{{\raggedright\small\ttfamily {''.join(pieces)}\par}}"


def listed_in_words(parts: Iterable[str]) -> str:
    """Return words in a row, with commas and an "and".

    Examples
    --------
    >>> listed_in_words(["T", "N", "B"])
    'T, N and B'
    """
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
