r"""The layout of a formula: a tree that says what is written and nothing of how it is spelled.

Every node has a ``kind``, the name of the renderer's method that spells it, and a ``width``, about as
many characters as it takes on paper, by which lines are filled. Core nodes are what every format has:
numbers, symbols, signs, fractions, scripts, fences, and rows of them. All others, which say more, are
also ``composed`` of core nodes; a format that has no spelling of its own for one gets those.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "BREAK",
    "INNER_BREAK",
    "ONE",
    "QUAD",
    "SIGN_BREAK",
    "SPACE",
    "THIN",
    "Accent",
    "Break",
    "Fence",
    "Fraction",
    "Index",
    "Node",
    "Numeral",
    "Operator",
    "Row",
    "Scripts",
    "Sign",
    "Size",
    "Space",
    "Symbol",
    "Text",
    "joined",
    "occurring",
    "power",
]

Size = Literal["", "big", "Big"]


class Node(ABC):
    """A part of a formula, immutable."""

    __slots__ = ()

    #: The renderer's method that spells the node.
    kind: ClassVar[str]

    @property
    @abstractmethod
    def width(self) -> int:
        """About as many characters as it is wide."""

    @property
    def children(self) -> tuple[Node, ...]:
        """The parts."""
        return ()

    @property
    def has_breaks(self) -> bool:
        """Whether a line may be broken inside."""
        return False

    @property
    def is_tall(self) -> bool:
        """Whether there is something inside that is higher than a line."""
        return any(child.is_tall for child in self.children)

    def composed(self) -> Node:
        """Return the same in simpler nodes, for formats without a spelling of their own.

        Raises
        ------
        NotImplementedError
            For core nodes, which every renderer spells.
        """
        raise NotImplementedError(f"expected a renderer with a method {self.kind!r}, a core node")


# Core nodes -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Numeral(Node):
    """A whole or decimal number without a sign."""

    kind: ClassVar[str] = "numeral"

    digits: str

    @property
    def width(self) -> int:
        """One a digit."""
        return len(self.digits)


@dataclass(frozen=True, slots=True)
class Symbol(Node):
    """A symbol by its name: ``T``, ``beta``, ``ell``."""

    kind: ClassVar[str] = "symbol"

    name: str

    @property
    def width(self) -> int:
        """One, whatever the name."""
        return 1


@dataclass(frozen=True, slots=True)
class Index(Node):
    """The index number `number` of a tensor: a, b, ... in text and Greek in print."""

    kind: ClassVar[str] = "index"

    number: int

    @property
    def width(self) -> int:
        """One."""
        return 1


@dataclass(frozen=True, slots=True)
class Sign(Node):
    """Plus or minus: between two terms, or in front of the first, where plus is not written."""

    kind: ClassVar[str] = "sign"

    value: int
    is_unary: bool = False

    @property
    def width(self) -> int:
        """Three with the spaces around, one in front."""
        return int(self.value < 0) if self.is_unary else 3


@dataclass(frozen=True, slots=True)
class Operator(Node):
    """A relation, a comma, a bar, or another character that stands for itself, in Unicode."""

    kind: ClassVar[str] = "operator"

    character: str

    @property
    def width(self) -> int:
        """One."""
        return 1


@dataclass(frozen=True, slots=True)
class Text(Node):
    """Words inside a formula."""

    kind: ClassVar[str] = "text"

    words: str

    @property
    def width(self) -> int:
        """One a letter."""
        return len(self.words)


@dataclass(frozen=True, slots=True)
class Space(Node):
    """A gap: ``"word"`` only keeps letters of the source apart, ``"thin"`` and ``"quad"`` are seen."""

    kind: ClassVar[str] = "space"

    size: Literal["word", "thin", "quad"]

    @property
    def width(self) -> int:
        """Nothing; estimates are of letters."""
        return 0


@dataclass(frozen=True, slots=True)
class Break(Node):
    """Where a line may be broken.

    Before a sign it tears nothing, `tears` 0; between factors it tears a product, which is done where
    nothing else is left: 1 between coefficient and value, then 2 inside them.
    """

    kind: ClassVar[str] = "nothing"

    tears: Literal[0, 1, 2] = 1

    @property
    def width(self) -> int:
        """Nothing."""
        return 0

    @property
    def has_breaks(self) -> bool:
        """Always."""
        return True


SPACE = Space("word")
THIN = Space("thin")
QUAD = Space("quad")
BREAK = Break()
INNER_BREAK = Break(tears=2)
SIGN_BREAK = Break(tears=0)
ONE = Numeral("1")


@dataclass(frozen=True, slots=True)
class Row(Node):
    """Nodes side by side with nothing between."""

    kind: ClassVar[str] = "row"

    items: tuple[Node, ...]

    @property
    def width(self) -> int:
        """The sum."""
        return sum([item.width for item in self.items])

    @property
    def children(self) -> tuple[Node, ...]:
        """The items."""
        return self.items

    @property
    def has_breaks(self) -> bool:
        """Whether an item is a break or has one."""
        return any(item.has_breaks for item in self.items)


@dataclass(frozen=True, slots=True)
class Fraction(Node):
    """One node above another, a bar between them."""

    kind: ClassVar[str] = "fraction"

    above: Node
    below: Node

    @property
    def width(self) -> int:
        """That of the wider one, and a gap."""
        return max(self.above.width, self.below.width) + 1

    @property
    def children(self) -> tuple[Node, ...]:
        """What is above and below."""
        return self.above, self.below

    @property
    def is_tall(self) -> bool:
        """Always."""
        return True


@dataclass(frozen=True, slots=True)
class Scripts(Node):
    """A node with a subscript, a superscript, or both."""

    kind: ClassVar[str] = "scripts"

    base: Node
    below: Node | None = None
    above: Node | None = None

    @property
    def width(self) -> int:
        """That of the base, and of the scripts; a number above is small and counts as one."""
        return self.base.width + self.scripts_width

    @property
    def scripts_width(self) -> int:
        """What the scripts add."""
        below = 0 if self.below is None else self.below.width
        if self.above is None:
            return below
        return below + (1 if isinstance(self.above, Numeral) else self.above.width)

    @property
    def children(self) -> tuple[Node, ...]:
        """The base and the scripts that there are."""
        return tuple(x for x in (self.base, self.below, self.above) if x is not None)

    @property
    def has_breaks(self) -> bool:
        """Whether the base has one."""
        return self.base.has_breaks


@dataclass(frozen=True, slots=True)
class Accent(Node):
    """A node under an accent, which is as wide as the node if `is_wide`."""

    kind: ClassVar[str] = "accent"

    inner: Node
    accent: Literal["tilde", "hat", "breve"]
    is_wide: bool = False

    @property
    def width(self) -> int:
        """That of the node."""
        return self.inner.width

    @property
    def children(self) -> tuple[Node, ...]:
        """What is under the accent."""
        return (self.inner,)


@dataclass(frozen=True, slots=True)
class Fence(Node):
    """A bracket of a fixed size, because pairs that grow cannot span lines."""

    kind: ClassVar[str] = "fence"

    character: Literal["(", ")", "[", "]"]
    size: Size = ""

    @property
    def is_opening(self) -> bool:
        """Whether it opens."""
        return self.character in "(["

    @property
    def width(self) -> int:
        """One."""
        return 1


# Making and looking through trees ---------------------------------------------------------------------


def joined(nodes: Iterable[Node], *between: Node) -> Row:
    """Return nodes in a row with others between them."""
    items: list[Node] = []
    for i, node in enumerate(nodes):
        items += [*(between if i else ()), node]
    return Row(tuple(items))


def power(base: Node, exponent: int) -> Node:
    """Return a power; the base is one symbol or in parentheses."""
    return base if exponent == 1 else Scripts(base, above=Numeral(str(exponent)))


def occurring(node: Node) -> Iterator[Node]:
    """Go through a node and all its parts."""
    yield node
    for child in node.children:
        yield from occurring(child)
