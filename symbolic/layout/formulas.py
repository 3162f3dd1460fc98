r"""What formulas are made of beyond core nodes: products, sums, groups, what has a name elsewhere.

Each of them knows how it is composed of core nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from sgdiagrams.symbolic.layout.nodes import (
    SPACE,
    Fence,
    Node,
    Numeral,
    Operator,
    Row,
    Scripts,
    Sign,
    Size,
    Text,
    joined,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Binomial",
    "Group",
    "OneLine",
    "Rounded",
    "Slash",
    "Spelled",
    "Sum",
    "Times",
    "product",
]


@dataclass(frozen=True, slots=True)
class Times(Node):
    """Factors side by side."""

    kind: ClassVar[str] = "times"

    factors: tuple[Node, ...]

    @property
    def width(self) -> int:
        """The sum."""
        return sum([factor.width for factor in self.factors])

    @property
    def children(self) -> tuple[Node, ...]:
        """The factors."""
        return self.factors

    @property
    def has_breaks(self) -> bool:
        """Whether a factor has one."""
        return any(factor.has_breaks for factor in self.factors)

    def composed(self) -> Node:
        """Return a row."""
        return joined(self.factors, SPACE)


def product(factors: Iterable[Node | None]) -> Node | None:
    """Return a product of what is not None; the factor itself where there is one."""
    kept = tuple(f for f in factors if f is not None)
    if len(kept) > 1:
        return Times(kept)
    return kept[0] if kept else None


@dataclass(frozen=True, slots=True)
class Sum(Node):
    """Terms with signs.

    Attributes
    ----------
    terms
        A sign, ``+1`` or ``-1``, and what it stands before.
    room
        What a sign between two terms counts for in widths.
    is_breakable
        Whether a line may be broken before every sign.
    """

    kind: ClassVar[str] = "sum"

    terms: tuple[tuple[int, Node], ...]
    room: int = 3
    is_breakable: bool = False

    @property
    def width(self) -> int:
        """The sum, with the signs."""
        signs = self.room * (len(self.terms) - 1) + (self.terms[0][0] < 0)
        return sum([term.width for _, term in self.terms]) + signs

    @property
    def children(self) -> tuple[Node, ...]:
        """The terms."""
        return tuple(term for _, term in self.terms)

    @property
    def has_breaks(self) -> bool:
        """Whether a line may be broken before a sign, or in a term."""
        if self.is_breakable and len(self.terms) > 1:
            return True
        return any(term.has_breaks for _, term in self.terms)

    def composed(self) -> Node:
        """Return a row."""
        items: list[Node] = []
        for i, (sign, term) in enumerate(self.terms):
            items += [SPACE, Sign(sign), term] if i else [Sign(sign, is_unary=True), term]
        return Row(tuple(items))


@dataclass(frozen=True, slots=True)
class Group(Node):
    """A node in brackets of a fixed size."""

    kind: ClassVar[str] = "group"

    inner: Node
    size: Size = ""
    shape: Literal["()", "[]"] = "()"

    @property
    def width(self) -> int:
        """Two more."""
        return self.inner.width + 2

    @property
    def children(self) -> tuple[Node, ...]:
        """What is inside."""
        return (self.inner,)

    @property
    def has_breaks(self) -> bool:
        """Whether a line may be broken inside."""
        return self.inner.has_breaks

    @property
    def fences(self) -> tuple[Fence, Fence]:
        """Both brackets."""
        left, right = ("(", ")") if self.shape == "()" else ("[", "]")
        return Fence(left, self.size), Fence(right, self.size)  # type: ignore[arg-type]

    def composed(self) -> Node:
        """Return a row."""
        left, right = self.fences
        return Row((left, self.inner, right))


@dataclass(frozen=True, slots=True)
class OneLine(Node):
    """A node that needs parentheses only where fractions are written on one line.

    `room` is what they count for in widths.
    """

    kind: ClassVar[str] = "one_line"

    inner: Node
    room: int = 0

    @property
    def width(self) -> int:
        """That of the node, and the room."""
        return self.inner.width + self.room

    @property
    def children(self) -> tuple[Node, ...]:
        """What is inside."""
        return (self.inner,)

    def composed(self) -> Node:
        """Return the node alone."""
        return self.inner


@dataclass(frozen=True, slots=True)
class Slash(Node):
    """A quotient on one line, in exponents; `room` is what the divisor and the slash count for."""

    kind: ClassVar[str] = "slash"

    above: Node
    below: Node
    room: int

    @property
    def width(self) -> int:
        """That of the dividend, and the room."""
        return self.above.width + self.room

    @property
    def children(self) -> tuple[Node, ...]:
        """Dividend and divisor."""
        return self.above, self.below

    def composed(self) -> Node:
        """Return a row."""
        return Row((self.above, Operator("/"), self.below))


@dataclass(frozen=True, slots=True)
class Rounded(Node):
    """A positive number in decimals, times a power of ten."""

    kind: ClassVar[str] = "rounded"

    digits: str
    exponent: int

    @property
    def width(self) -> int:
        """As in ``1.2e+30``."""
        return len(self.digits) + len(f"e{self.exponent:+d}")

    def composed(self) -> Node:
        """Return a row."""
        ten = Scripts(Numeral("10"), above=Numeral(str(self.exponent)))
        return Row((Numeral(self.digits), Operator("⋅"), SPACE, ten))


@dataclass(frozen=True, slots=True)
class Binomial(Node):
    """A binomial coefficient."""

    kind: ClassVar[str] = "binomial"

    above: Node
    below: Node

    @property
    def width(self) -> int:
        """Four."""
        return 4

    @property
    def children(self) -> tuple[Node, ...]:
        """What is above and below."""
        return self.above, self.below

    @property
    def is_tall(self) -> bool:
        """Always."""
        return True

    def composed(self) -> Node:
        """Return the name of the function with both arguments."""
        inside = joined(self.children, Operator(","), SPACE)
        return Row((Text("binom"), Group(inside)))


@dataclass(frozen=True, slots=True)
class Spelled(Node):
    """A part that came spelled in LaTeX and in plain text, as the names of observables do.

    Formats other than these two get what a small reader of LaTeX makes of it.
    """

    kind: ClassVar[str] = "spelled"

    latex: str
    text: str
    width: int = 1
