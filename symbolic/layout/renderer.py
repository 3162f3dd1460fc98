"""Renderers: how the nodes of a layout are spelled in a format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from sgdiagrams.symbolic.layout.filling import LINE_WIDTH
from sgdiagrams.symbolic.layout.latex_reader import read_latex
from sgdiagrams.symbolic.layout.nodes import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from sgdiagrams.symbolic.layout.documents import Equation, System, Table
    from sgdiagrams.symbolic.layout.formulas import Spelled
    from sgdiagrams.symbolic.layout.nodes import (
        Accent,
        Break,
        Fence,
        Fraction,
        Index,
        Node,
        Numeral,
        Operator,
        Scripts,
        Sign,
        Space,
        Symbol,
        Text,
    )

__all__ = ["Renderer"]

Out = TypeVar("Out")


class Renderer(ABC, Generic[Out]):
    r"""A format: a method for every kind of node, and one for a whole formula.

    A subclass spells the core nodes of `sgdiagrams.symbolic.layout.nodes`, and in `equation` what is
    around a formula. Every other node, those of `sgdiagrams.symbolic.layout.formulas` and
    `sgdiagrams.symbolic.layout.quantities`, is composed of core nodes; a method of the name of its
    ``kind`` spells it in another way. Methods return strings, or whatever the format is built of.

    Give one to `Expansion.write` or `ResummedExpansion.write`.

    Examples
    --------
    Typst, a format that is not in the package:

    >>> class Typst(Renderer[str]):
    ...     def numeral(self, node): return node.digits
    ...     def symbol(self, node): return {"ell": "l"}.get(node.name, node.name)
    ...     def index(self, node):
    ...         names = "mu nu lambda rho sigma tau alpha beta".split()
    ...         return names[node.number] + " "
    ...     def sign(self, node): return "- " if node.value < 0 else "" if node.is_unary else "+ "
    ...     def operator(self, node): return node.character
    ...     def text(self, node): return f'"{node.words}"'
    ...     def space(self, node): return " "
    ...     def row(self, node): return "".join(map(self.render, node.items))
    ...     def fraction(self, node):
    ...         return f"({self.render(node.above)}) / ({self.render(node.below)})"
    ...     def scripts(self, node):
    ...         tail = f"_({self.render(node.below)})" if node.below else ""
    ...         tail += f"^({self.render(node.above)})" if node.above else ""
    ...         return self.render(node.base) + tail
    ...     def accent(self, node): return f"{node.accent}({self.render(node.inner)})"
    ...     def fence(self, node): return node.character
    ...     def equation(self, equation):
    ...         lines = [self.render(line.row) for line in equation.lines(self.line_width)]
    ...         left = f"{self.render(equation.left)} {self.render(equation.relation)}"
    ...         return "$ " + left + " " + " \\\n  ".join(lines) + " $"
    >>> from sgdiagrams.symbolic import expand
    >>> expand("test-loss", order=1, sampling="one-pass").write(Typst())
    '$ ⟨l(theta_(T))⟩ = l \\\n  - eta T G_(mu ) G_(mu ) \\\n  + O(eta^(2)) $'
    """

    #: Characters a line, for formats that break lines; one is 6.2 points wide.
    line_width: ClassVar[int] = LINE_WIDTH
    #: Whether formulas are tables with a row for every term, given to `table`.
    is_tabular: ClassVar[bool] = False

    def render(self, node: Node) -> Out:
        """Return a node in this format."""
        method: Callable[[Node], Out] | None = getattr(self, node.kind, None)
        return self.render(node.composed()) if method is None else method(node)

    # Core nodes -----------------------------------------------------------------------------------

    @abstractmethod
    def numeral(self, node: Numeral) -> Out:
        """Return digits."""

    @abstractmethod
    def symbol(self, node: Symbol) -> Out:
        """Return a symbol: ``T``, ``beta``, ``ell``."""

    @abstractmethod
    def index(self, node: Index) -> Out:
        """Return the letter of an index."""

    @abstractmethod
    def sign(self, node: Sign) -> Out:
        """Return plus or minus, with the space after it if it stands between terms."""

    @abstractmethod
    def operator(self, node: Operator) -> Out:
        """Return a Unicode character such as ``=``, ``,`` or ``∑``."""

    @abstractmethod
    def text(self, node: Text) -> Out:
        """Return words."""

    @abstractmethod
    def space(self, node: Space) -> Out:
        """Return a gap."""

    @abstractmethod
    def row(self, node: Row) -> Out:
        """Return nodes side by side."""

    @abstractmethod
    def fraction(self, node: Fraction) -> Out:
        """Return a fraction."""

    @abstractmethod
    def scripts(self, node: Scripts) -> Out:
        """Return a node with a subscript, a superscript, or both."""

    @abstractmethod
    def accent(self, node: Accent) -> Out:
        """Return a node under a tilde, a hat or a breve."""

    @abstractmethod
    def fence(self, node: Fence) -> Out:
        """Return a bracket of a fixed size."""

    # What needs a method only where a format is special -------------------------------------------

    def nothing(self, node: Break) -> Out:
        """Return what a break that is not taken looks like."""
        del node
        return self.row(Row(()))

    def spelled(self, node: Spelled) -> Out:
        """Return what came as LaTeX and text, as far as LaTeX is understood."""
        return self.render(read_latex(node.latex, otherwise=node.text))

    # Whole formulas -------------------------------------------------------------------------------

    @abstractmethod
    def equation(self, equation: Equation) -> str:
        """Return a whole formula; ``equation.lines(self.line_width)`` are the lines to write."""

    def system(self, system: System) -> str:
        """Return several equations, one after the other where a format does not align them."""
        return "\n".join(map(self.equation, system.equations))

    def table(self, table: Table) -> str:
        """Return a whole formula as a table; for formats with `is_tabular`."""
        raise NotImplementedError(f"expected {type(self).__name__} to have a method 'table'")
