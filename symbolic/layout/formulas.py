r"""What formulas are made of beyond core nodes: sums, products, tensors, divided differences.

Each of them knows how it is composed of core nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from sgdiagrams.symbolic.layout.indices import index_letter
from sgdiagrams.symbolic.layout.nodes import (
    SPACE,
    THIN,
    Accent,
    Fence,
    Index,
    Node,
    Number,
    Operator,
    Row,
    Scripts,
    Sign,
    Size,
    Symbol,
    Text,
    joined,
    power,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Binomial",
    "Decay",
    "Difference",
    "Embeddings",
    "Group",
    "OneLine",
    "Product",
    "Rounded",
    "Slash",
    "Spelled",
    "Sum",
    "SumOver",
    "Tensor",
    "product",
]


@dataclass(frozen=True, slots=True)
class Product(Node):
    """Factors side by side."""

    kind: ClassVar[str] = "product"

    factors: tuple[Node, ...]

    @property
    def width(self) -> int:
        """The sum."""
        return sum([factor.width for factor in self.factors])

    @property
    def children(self) -> tuple[Node, ...]:
        """The factors."""
        return self.factors

    def composed(self) -> Node:
        """Return a row."""
        return joined(self.factors, SPACE)


def product(factors: Iterable[Node | None]) -> Node | None:
    """Return a product of what is not None; the factor itself where there is one."""
    kept = tuple(f for f in factors if f is not None)
    if len(kept) > 1:
        return Product(kept)
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
        """Whether a line may be broken before a sign."""
        return self.is_breakable and len(self.terms) > 1

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
        ten = Scripts(Number("10"), above=Number(str(self.exponent)))
        return Row((Number(self.digits), Operator("⋅"), SPACE, ten))


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
class Difference(Node):
    """A power of a divided difference of ``x**time``, or of ``exp(time x)``."""

    kind: ClassVar[str] = "difference"

    nodes: tuple[Node, ...]
    function: Literal["power", "exponential"]
    time: Node
    exponent: int = 1

    @property
    def width(self) -> int:
        """That of the nodes with commas, and of the function."""
        return sum([node.width + 1 for node in self.nodes]) + 4 + self.time.width

    @property
    def children(self) -> tuple[Node, ...]:
        """The nodes and the time."""
        return (*self.nodes, self.time)

    @property
    def value(self) -> Node:
        """The function at x."""
        if self.function == "power":
            return Scripts(Symbol("x"), above=self.time)
        return Scripts(Symbol("e"), above=Product((self.time, Symbol("x"))))

    def composed(self) -> Node:
        """Return the nodes in brackets before the function."""
        inside = joined(self.nodes, Operator(","), THIN)
        whole = Row((Group(inside, shape="[]"), THIN, self.value))
        return whole if self.exponent == 1 else power(Group(whole, "big"), self.exponent)


@dataclass(frozen=True, slots=True)
class Decay(Node):
    """The exponential function of minus a positive quantity."""

    kind: ClassVar[str] = "decay"

    rate: Node

    @property
    def width(self) -> int:
        """Exponents are narrow."""
        return 2 + (3 * self.rate.width) // 4

    @property
    def children(self) -> tuple[Node, ...]:
        """The quantity."""
        return (self.rate,)

    def composed(self) -> Node:
        """Return a power of e."""
        return Scripts(Symbol("e"), above=Row((Sign(-1, is_unary=True), self.rate)))


@dataclass(frozen=True, slots=True)
class Embeddings(Node):
    """A power of the dressed number of embeddings of a diagram, at eigenvalues."""

    kind: ClassVar[str] = "embeddings"

    diagram: str
    values: tuple[Node, ...]
    exponent: int = 1

    @property
    def width(self) -> int:
        """Names of diagrams are small."""
        return 4 + (3 * len(self.diagram)) // 4 + sum([x.width + 1 for x in self.values])

    @property
    def children(self) -> tuple[Node, ...]:
        """The eigenvalues."""
        return self.values

    def composed(self) -> Node:
        """Return W with the diagram below."""
        above = None if self.exponent == 1 else Number(str(self.exponent))
        head = Scripts(Symbol("W"), below=Text(self.diagram), above=above)
        return Row((head, Group(joined(self.values, Operator(","), SPACE))))


@dataclass(frozen=True, slots=True)
class SumOver(Node):
    """The sign of a sum over indices."""

    kind: ClassVar[str] = "sum_over"

    indices: tuple[Index, ...]

    @property
    def width(self) -> int:
        """As wide as the indices, and three at least."""
        return max(3, len(self.indices) + 1)

    @property
    def children(self) -> tuple[Node, ...]:
        """The indices."""
        return self.indices

    def composed(self) -> Node:
        """Return the sign with the indices below."""
        return Scripts(Operator("∑"), below=Row(self.indices))


@dataclass(frozen=True, slots=True)
class Spelled(Node):
    """A part that came spelled in LaTeX and in plain text, as the names of observables do.

    Formats other than these two get what a small reader of LaTeX makes of it.
    """

    kind: ClassVar[str] = "spelled"

    latex: str
    text: str
    width: int = 1


@dataclass(frozen=True, slots=True)
class Tensor(Node):
    """A tensor with its indices.

    Attributes
    ----------
    name
        The plain name: ``l``, ``G``, ``D5``, ``C``, ``M``, ``V`` (a moment over a sample), ``kappa``,
        ``eta``, or a function's.
    groups
        The numbers of the indices, one group for every derivative.
    penalised
        Which groups belong to a penalised loss: they, or the name of a tensor of one group, carry a
        tilde.
    has_bars
        Whether groups are told apart by bars.
    """

    kind: ClassVar[str] = "tensor"

    name: str
    groups: tuple[tuple[int, ...], ...]
    penalised: tuple[bool, ...] = ()
    has_bars: bool = False

    @property
    def width(self) -> int:
        """The letters of the name, indices, bars and tildes; eta counts as one."""
        letters = len(self.name.replace("_", "").replace("eta", "n"))
        letters += sum([len(index_letter(i)) for group in self.groups for i in group])
        return letters + sum(self.penalised) + (len(self.groups) - 1 if self.has_bars else 0)

    @property
    def is_upper(self) -> bool:
        """Whether indices stand above: those of the learning rate do."""
        return self.name == "eta"

    def composed(self) -> Node:
        """Return the name with accents, and indices below or above."""
        groups = [Row(tuple(map(Index, group))) for group in self.groups]
        if self.is_upper:
            return Scripts(Symbol("eta"), above=groups[0])
        if not self.has_bars:
            indices = Row(tuple(item for group in groups for item in group.items))
            return self._with(indices) if indices.items else self._head()
        shown: list[Node] = []
        for group, penalised in zip(groups, self.penalised, strict=True):
            if penalised:
                shown.append(Accent(group, "tilde", is_wide=True))
            else:
                shown.append(group if group.items else Operator("⋅"))
        return self._with(joined(shown, Operator("|")))

    def _with(self, indices: Row) -> Node:
        head = self._head()
        if isinstance(head, Scripts):
            return Scripts(head.base, below=indices, above=head.above)
        return Scripts(head, below=indices)

    def _head(self) -> Node:
        tilde = any(self.penalised) and not self.has_bars
        if self.name[0] == "D" and self.name[1:].isdigit():
            return Scripts(Symbol("D"), above=Group(Number(self.name[1:])))
        if self.name == "V":
            return Accent(Symbol("M"), "hat", is_wide=True)
        if self.name == "l":
            symbol = Symbol("ell")
        elif len(self.name) == 1 or self.name == "kappa":
            symbol = Symbol(self.name)
        else:
            return Text(self.name)
        return Accent(symbol, "tilde") if tilde else symbol
