r"""What expansions are made of: tensors, sums over indices, divided differences, embeddings.

Each of them knows how it is composed of simpler nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from sgdiagrams.symbolic.layout.formulas import Group, Times
from sgdiagrams.symbolic.layout.indices import index_letter
from sgdiagrams.symbolic.layout.nodes import (
    SPACE,
    THIN,
    Accent,
    Index,
    Node,
    Numeral,
    Operator,
    Row,
    Scripts,
    Sign,
    Symbol,
    Text,
    joined,
    power,
)

__all__ = ["Decay", "Difference", "DressedEmbeddings", "IndexedTensor", "SumOver", "SumUnder"]


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
        return Scripts(Symbol("e"), above=Times((self.time, Symbol("x"))))

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
class DressedEmbeddings(Node):
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
        above = None if self.exponent == 1 else Numeral(str(self.exponent))
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
class SumUnder(Node):
    """The sign of a sum with a condition."""

    kind: ClassVar[str] = "sum_under"

    condition: Node

    @property
    def width(self) -> int:
        """As wide as the condition, which is small, and three at least."""
        return max(3, (3 * self.condition.width) // 4)

    @property
    def children(self) -> tuple[Node, ...]:
        """The condition."""
        return (self.condition,)

    def composed(self) -> Node:
        """Return the sign with the condition below."""
        return Scripts(Operator("∑"), below=self.condition)


@dataclass(frozen=True, slots=True)
class IndexedTensor(Node):
    """A tensor with its indices.

    Attributes
    ----------
    name
        The plain name: ``l``, ``G``, ``D5``, ``C``, ``M``, ``V`` (a moment over a sample), ``U`` (one
        over distinct samples), ``kappa``, ``varkappa``, ``eta``, or a function's.
    groups
        The numbers of the indices, one group for every derivative.
    penalised
        Which groups belong to a penalised loss: they, or the name of a tensor of one group, carry a
        tilde.
    has_bars
        Whether groups are told apart by bars.
    mark
        An accent on the name of a tensor without bars: a hat for averages over samples, a breve for
        those over distinct ones.
    breaks
        The numbers of the groups before which there is a semicolon in place of a bar.
    """

    kind: ClassVar[str] = "tensor"

    name: str
    groups: tuple[tuple[int, ...], ...]
    penalised: tuple[bool, ...] = ()
    has_bars: bool = False
    mark: Literal["hat", "breve"] | None = None
    breaks: tuple[int, ...] = ()

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
        parts: list[Node] = [shown[0]]
        for i, indices_of_node in enumerate(shown[1:], start=1):
            parts += [Operator(";" if i in self.breaks else "|"), indices_of_node]
        return self._with(Row(tuple(parts)))

    def _with(self, indices: Row) -> Node:
        head = self._head()
        if isinstance(head, Scripts):
            return Scripts(head.base, below=indices, above=head.above)
        return Scripts(head, below=indices)

    def _head(self) -> Node:
        if self.name[0] == "D" and self.name[1:].isdigit():
            return Scripts(self._accented(Symbol("D")), above=Group(Numeral(self.name[1:])))
        if self.name == "V":
            return Accent(Symbol("M"), "hat", is_wide=True)
        if self.name == "U" and self.has_bars:
            return Text("U")
        if self.name == "l":
            return self._accented(Symbol("ell"))
        if len(self.name) == 1 or self.name in ("kappa", "varkappa"):
            return self._accented(Symbol(self.name))
        return self._accented(Text(self.name))

    def _accented(self, symbol: Node) -> Node:
        is_word = isinstance(symbol, Text)
        if any(self.penalised) and not (self.has_bars or is_word):
            symbol = Accent(symbol, "tilde")
        if self.mark is None:
            return symbol
        return Accent(symbol, self.mark, is_wide=is_word and self.mark == "hat")
