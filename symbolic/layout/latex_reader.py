r"""A reader of the little LaTeX that names come in: :math:`\mathbb{E}\,\hat{\ell}(\theta_T)`.

It is for formats other than LaTeX. What it does not know it does not guess: such a name is shown as the
plain text that comes with it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from sgdiagrams.symbolic.layout.nodes import (
    QUAD,
    SPACE,
    THIN,
    Accent,
    Fence,
    Fraction,
    Node,
    Numeral,
    Operator,
    Row,
    Scripts,
    Sign,
    Size,
    Symbol,
    Text,
)

__all__ = ["estimated_width", "read_latex"]

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\s+|.")

_OPERATORS = {
    name: character
    for names, characters in (
        ("sum prod to simeq approx sim neq dots ldots cdots cdot", "∑∏→≃≈∼≠……⋯⋅"),
        ("Delta infty langle rangle nabla partial", "Δ∞⟨⟩∇∂"),
        ("leq geq in times mid", "≤≥∈×|"),
    )
    for name, character in zip(names.split(), characters, strict=True)
}
_ACCENTS: dict[str, tuple[Literal["tilde", "hat", "breve"], bool]] = {
    "tilde": ("tilde", False),
    "hat": ("hat", False),
    "breve": ("breve", False),
    "widetilde": ("tilde", True),
    "widehat": ("hat", True),
}
_GREEK = re.compile(
    r"(var)?(alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|"
    r"upsilon|phi|chi|psi|omega|Gamma|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega|ell)"
)
_BLACKBOARD = {"E": "𝔼", "R": "ℝ", "P": "ℙ", "V": "𝕍", "N": "ℕ", "Z": "ℤ"}
_SIZES: dict[str, Size] = {"big": "big", "Big": "Big", "bigg": "Big", "Bigg": "Big", "left": ""}


class _Unknown(Exception):  # noqa: N818 - caught where it is raised
    """LaTeX that is not understood."""


@lru_cache(maxsize=256)
def read_latex(latex: str, *, otherwise: str = "") -> Node:
    r"""Return the layout of some LaTeX, or of words that stand for it if it is not understood.

    Examples
    --------
    >>> read_latex(r"\theta_T")
    Row(items=(Scripts(base=Symbol(name='theta'), below=Symbol(name='T'), above=None),))
    >>> read_latex(r"\begin{cd}", otherwise="E[mine]")
    Text(words='E[mine]')
    """
    try:
        return _Reader(latex).row(None)
    except _Unknown:
        return Text(otherwise or latex)


def estimated_width(latex: str) -> int:
    """Return about as many characters as some LaTeX is wide."""
    shown = re.sub(r"\\[A-Za-z]+|[{},_\\ ]", lambda match: "x" if len(match[0]) > 5 else "", latex)
    return len(shown)


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, latex: str) -> None:
        self.tokens = _TOKEN.findall(latex)
        self.place = 0

    def next(self) -> str:
        if self.place == len(self.tokens):
            raise _Unknown
        self.place += 1
        mark: str = self.tokens[self.place - 1]
        return mark

    def row(self, end: str | None) -> Row:
        """Read up to a mark, or to the end."""
        items: list[Node] = []
        while True:
            if end is None and self.place == len(self.tokens):
                return Row(tuple(items))
            mark = self.next()
            if mark == end:
                return Row(tuple(items))
            if mark in "_^":
                if not items:
                    raise _Unknown
                items.append(self._scripted(items.pop(), mark))
            elif (node := self._node(mark, is_first=not items)) is not None:
                items.append(node)

    def _scripted(self, base: Node, mark: str) -> Node:
        script = self._argument()
        before = base if isinstance(base, Scripts) else Scripts(base)
        taken = before.below if mark == "_" else before.above
        if taken is not None:
            raise _Unknown
        if mark == "_":
            return Scripts(before.base, script, before.above)
        return Scripts(before.base, before.below, script)

    def _argument(self) -> Node:
        mark = self.next()
        while mark.isspace():
            mark = self.next()
        if mark == "{":
            row = self.row("}")
            return row.items[0] if len(row.items) == 1 else row
        node = self._node(mark, is_first=True)
        if node is None:
            raise _Unknown
        return node

    def _words(self) -> str:
        """Read letters in braces."""
        if self.next() != "{":
            raise _Unknown
        words = ""
        while (mark := self.next()) != "}":
            if mark in ("{", "$"):
                raise _Unknown
            words += mark.removeprefix("\\") if len(mark) == 2 else mark
        return words

    def _node(self, mark: str, *, is_first: bool) -> Node | None:
        if mark.isspace():
            return None if is_first else SPACE
        if mark[0].isdigit():
            return Numeral(mark)
        if mark.isalpha():
            return Symbol(mark)
        if mark in "+-":
            return Sign(1 if mark == "+" else -1, is_unary=is_first)
        if mark in "()[]":
            return Fence(mark)  # type: ignore[arg-type]  # one of the four
        if mark == "{":
            return self.row("}")
        if mark in "=<>,.;:!|/'":
            return Operator(mark)
        if mark.startswith("\\"):
            return self._command(mark[1:])
        raise _Unknown

    def _command(self, name: str) -> Node:
        if name in (",", ";", ":", " "):
            return THIN
        if name in ("quad", "qquad"):
            return QUAD
        if name == "_":
            return Operator("_")
        if _GREEK.fullmatch(name):
            return Symbol(name)
        if name in _OPERATORS:
            return Operator(_OPERATORS[name])
        if name in _ACCENTS:
            accent, is_wide = _ACCENTS[name]
            return Accent(self._argument(), accent, is_wide)
        if name in ("text", "mathrm", "textrm", "operatorname"):
            return Text(self._words())
        if name == "mathbb":
            return Symbol(self._blackboard(self._words()))
        if name in ("frac", "tfrac", "dfrac"):
            return Fraction(self._argument(), self._argument())
        return self._sized(name)

    def _blackboard(self, letter: str) -> str:
        if letter not in _BLACKBOARD:
            raise _Unknown
        return _BLACKBOARD[letter]

    def _sized(self, name: str) -> Node:
        r"""Read a bracket such as ``\bigl(``, or a bar."""
        size = re.fullmatch(r"([Bb]igg?)[lrm]?|left|right", name)
        if size is None:
            raise _Unknown
        mark = self.next()
        if mark in ("(", ")", "[", "]"):
            return Fence(mark, _SIZES.get(size[1] or "", ""))  # type: ignore[arg-type]
        if mark in ("|", "/"):
            return Operator(mark)
        if mark in (r"\langle", r"\rangle"):
            return Operator(_OPERATORS[mark[1:]])
        raise _Unknown
