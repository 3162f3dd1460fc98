"""Formulas in Unicode, with scripts in braces: what pictures show where there is no mathematics."""

from __future__ import annotations

import re
from html.entities import html5
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.layout.indices import index_greek
from sgdiagrams.symbolic.layout.text import TextRenderer

if TYPE_CHECKING:
    from sgdiagrams.symbolic.layout.nodes import Index, Node, Scripts, Sign, Symbol
    from sgdiagrams.symbolic.layout.quantities import IndexedTensor

__all__ = ["UnicodeRenderer", "unicode_text"]


class UnicodeRenderer(TextRenderer):
    """Plain text with Greek letters: ``−T (T − 1)/2``, ``M_{μ|ν} H_{μν}``, ``T^{2}``."""

    def symbol(self, node: Symbol) -> str:
        """Return the letter."""
        name, _, below = node.name.partition("_")
        return f"{_greek(name)}_{{{below}}}" if below else _greek(name)

    def index(self, node: Index) -> str:
        """Return a Greek letter."""
        name, lap = index_greek(node.number)
        return f"{_greek(name)}{lap or ''}"

    def sign(self, node: Sign) -> str:
        """Return a sign."""
        return super().sign(node).replace("-", "−")

    def scripts(self, node: Scripts) -> str:
        """Return ``base_{below}^{above}``."""
        below = "" if node.below is None else f"_{{{self.render(node.below)}}}"
        above = "" if node.above is None else f"^{{{self.render(node.above)}}}"
        return f"{self.render(node.base)}{below}{above}"

    def tensor(self, node: IndexedTensor) -> str:
        """Return a tensor as it is composed of letters and scripts."""
        return self.render(node.composed())


def _greek(name: str) -> str:
    """Return the letter of a name, or the name."""
    letter = html5.get(f"{name.replace('lamda', 'lambda').replace('varkappa', 'kappav')};", "")
    return letter if re.fullmatch(r"[Α-ϵℓ]", letter) else name


_UNICODE = UnicodeRenderer()


def unicode_text(node: Node) -> str:
    r"""Return a node in Unicode.

    Examples
    --------
    >>> from sgdiagrams.symbolic.printing.coefficients import coefficient
    >>> from sgdiagrams.symbolic.symbols import T, eta
    >>> unicode_text(coefficient(eta * T**2 * (T - 1) / 2).row)
    'T^{2} η (T − 1)/2'
    """
    return _UNICODE.render(node)
