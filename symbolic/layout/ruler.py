r"""How wide a formula is in print, in Computer Modern at ten points.

Widths are in hundredths of a point, as TeX sets the formula: letters from the fonts' files, and the
spaces that TeX puts around signs and relations. They are exact to about a point a line, never less
than what is printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.layout.indices import index_greek
from sgdiagrams.symbolic.layout.latex_reader import read_latex
from sgdiagrams.symbolic.layout.nodes import Node, Operator, Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from sgdiagrams.symbolic.layout.formulas import Binomial, Spelled
    from sgdiagrams.symbolic.layout.nodes import (
        Accent,
        Fence,
        Fraction,
        Index,
        Numeral,
        Scripts,
        Sign,
        Space,
        Symbol,
        Text,
    )
    from sgdiagrams.symbolic.layout.quantities import Difference, SumOver

__all__ = ["QUAD_WIDTH", "printed_width"]

#: The width of a quad.
QUAD_WIDTH = 1000

_THIN, _MEDIUM, _THICK = 167, 222, 278
# Around a fraction, and after a script.
_DELIMITER, _AFTER_SCRIPT = 240, 50

# The widths of letters, italic corrections included: the fonts cmmi10 and cmr10.
_ITALIC = {
    letter: int(width)
    for letters, widths in (
        (
            "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z",
            (
                "750 809 787 856 796 782 786 912 518 651 921 681 1079 912 791 781 791 767 671 723 792 "
                "805 1083 906 803 755"
            ),
        ),
        (
            "a b c d e f g h i j k l m n o p q r s t u v w x y z",
            (
                "529 429 433 520 466 598 513 576 345 469 552 318 878 600 485 503 482 479 469 361 572 521 "
                "743 572 526 509"
            ),
        ),
        (
            "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda lamda mu nu xi pi rho sigma",
            "644 619 574 482 406 512 533 497 354 576 583 583 603 558 484 606 517 607",
        ),
        (
            "tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell",
            "550 576 596 626 687 658 754 833 791 694 818 912 838 667 722 822 417",
        ),
    )
    for letter, width in zip(letters.split(), widths.split(), strict=True)
}
_UPRIGHT = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz ,.;:-/()",
        (
            *(
                500,
                556,
                444,
                556,
                444,
                306,
                500,
                556,
                278,
                306,
                528,
                278,
                833,
                556,
                500,
                556,
                528,
                392,
            ),
            *(394, 389, 556, 528, 722, 528, 528, 444, 333, 278, 278, 278, 278, 333, 500, 389, 389),
        ),
        strict=True,
    )
)
_WIDEST = 800  # of letters that are in no table
_FENCES = {
    "(": {"": 389, "big": 458, "Big": 597},
    "[": {"": 278, "big": 417, "Big": 472},
}
_RELATIONS = {
    "=": 778,
    "≃": 778,
    "≈": 778,
    "∼": 778,
    "<": 778,
    "→": 1000,
    "≠": 778,
    "≤": 778,
    "≥": 778,
    "∈": 667,
}
_BINARY = {"×": 778, "⋅": 278}
_OTHERS = {
    "|": 278,
    "⟨": 389,
    "⟩": 389,
    "/": 500,
    "'": 280,
    "…": 1172,
    "⋯": 1172,
    "Δ": 833,
    "∑": 1444,
    "∏": 1278,
}
# A binomial coefficient's parentheses.
_PARENTHESES = 1472
# Letters of scripts and of scripts of scripts, in hundredths of those of a line.
_SCALES = (100, 100, 82, 68)


def printed_width(node: Node) -> int:
    """Return the width of a node in display style, in hundredths of a point.

    Examples
    --------
    >>> from sgdiagrams.symbolic.layout.nodes import Sign, Symbol
    >>> printed_width(Row((Symbol("T"), Sign(1), Symbol("x"))))  # T + x
    2517
    """
    return _Ruler(0).measure(node)


@dataclass(frozen=True, slots=True)
class _Ruler:
    """Measures nodes in a style: 0 display, 1 text, 2 scripts, 3 scripts of scripts."""

    style: int

    def measure(self, node: Node) -> int:
        method: Callable[[Node], int] | None = getattr(self, node.kind, None)
        return self.measure(node.composed()) if method is None else method(node)

    @property
    def _inner(self) -> _Ruler:
        return _Ruler(min(3, self.style + 1))

    @property
    def _script(self) -> _Ruler:
        return _Ruler(min(3, max(2, self.style + 1)))

    def letters(self, width: int) -> int:
        # Rounded up.
        return -(-width * _SCALES[self.style] // 100)

    def _between(self, space: int) -> int:
        """Return a space around a sign, which scripts have not."""
        return 2 * space if self.style < 2 else 0

    # Core nodes -----------------------------------------------------------------------------------

    def numeral(self, node: Numeral) -> int:
        return self.letters(sum([278 if c in ".," else 500 for c in node.digits]))

    def symbol(self, node: Symbol) -> int:
        name, _, below = node.name.partition("_")
        width = self.letters(self._name(name))
        return width + (self._script.letters(self._name(below)) + _AFTER_SCRIPT if below else 0)

    def _name(self, name: str) -> int:
        if name in _ITALIC:
            return _ITALIC[name]
        return sum([500 if c.isdigit() else _ITALIC.get(c, _WIDEST) for c in name])

    def index(self, node: Index) -> int:
        letter, lap = index_greek(node.number)
        width = self.letters(_ITALIC[letter])
        return width + (self._script.letters(500 * len(str(lap))) + _AFTER_SCRIPT if lap else 0)

    def sign(self, node: Sign) -> int:
        if node.is_unary and node.value > 0:
            return 0
        return self.letters(778) + (0 if node.is_unary else self._between(_MEDIUM))

    def operator(self, node: Operator) -> int:
        character = node.character
        if character in _RELATIONS:
            return self.letters(_RELATIONS[character]) + self._between(_THICK)
        if character in _BINARY:
            return self.letters(_BINARY[character]) + self._between(_MEDIUM)
        if character in ",;":
            return self.letters(278) + (_THIN if self.style < 2 else 0)
        return self.letters(_OTHERS.get(character, _WIDEST)) + (
            2 * _THIN if character in "∑∏" else 0
        )

    def text(self, node: Text) -> int:
        return self.letters(
            sum([_UPRIGHT.get(c, 500 if c.isdigit() else _WIDEST) for c in node.words])
        )

    def space(self, node: Space) -> int:
        return {"word": 0, "thin": _THIN, "quad": QUAD_WIDTH}[node.size]

    def nothing(self, node: Node) -> int:
        del node
        return 0

    def row(self, node: Row) -> int:
        return sum(map(self.measure, node.items))

    def fraction(self, node: Fraction) -> int:
        inner = self._inner
        return max(inner.measure(node.above), inner.measure(node.below)) + _DELIMITER

    def scripts(self, node: Scripts) -> int:
        script = self._script
        shown = [script.measure(x) for x in (node.below, node.above) if x is not None]
        base = self.measure(node.base)
        if isinstance(node.base, Operator) and node.base.character in "∑∏":
            return max(base, *shown)
        return base + max(shown, default=-_AFTER_SCRIPT) + _AFTER_SCRIPT

    def accent(self, node: Accent) -> int:
        return max(self.measure(node.inner), self.letters(500))

    def fence(self, node: Fence) -> int:
        widths = _FENCES["(" if node.character in "()" else "["]
        return self.letters(widths[node.size]) if not node.size else widths[node.size]

    # Others ---------------------------------------------------------------------------------------

    def times(self, node: Node) -> int:
        return sum(map(self.measure, node.children))

    def binomial(self, node: Binomial) -> int:
        inner = self._inner
        return max(inner.measure(node.above), inner.measure(node.below)) + _PARENTHESES

    def difference(self, node: Difference) -> int:
        nodes = sum(map(self.measure, node.nodes)) + (len(node.nodes) - 1) * (278 + 2 * _THIN)
        width = nodes + 2 * 278 + _THIN + self.measure(node.value)
        return width if node.exponent == 1 else width + 2 * 458 + self._script.letters(500) + 50

    def sum_over(self, node: SumOver) -> int:
        return max(1444, self._script.measure(Row(node.indices))) + 2 * _THIN

    def spelled(self, node: Spelled) -> int:
        return self.measure(read_latex(node.latex, otherwise=node.latex))
