"""What is said of a diagram in a list: its symmetry factor, its count and its value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.pictures.captions import FormulaLine
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.contractions.notation import tensors_of
from sgdiagrams.symbolic.drawn.unicode_formulas import unicode_text
from sgdiagrams.symbolic.layout.filling import chunks, filled
from sgdiagrams.symbolic.layout.formulas import Group, OneLine, Sum, Times
from sgdiagrams.symbolic.layout.latex import latex_text
from sgdiagrams.symbolic.layout.nodes import (
    INNER_BREAK,
    ONE,
    SPACE,
    THIN,
    Fraction,
    Numeral,
    Operator,
    Row,
    Sign,
    joined,
)
from sgdiagrams.symbolic.layout.ruler import printed_width
from sgdiagrams.symbolic.layout.text import plain_text
from sgdiagrams.symbolic.paths.path_layout import path_tensors_of
from sgdiagrams.symbolic.printing.coefficients import Coefficient, coefficient

if TYPE_CHECKING:
    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.layout.nodes import Node
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole, TooLong

__all__ = ["ListedDiagram", "listed_diagram"]

# In hundredths of a point: a line of a caption, what is left beside the symmetry factor, and how
# exactly lines are made equal.
_WIDTH = 18_000
_SHORT = 8_000
_FINE = 300


@dataclass(frozen=True, slots=True)
class ListedDiagram:
    """A diagram with its count and its value, laid out.

    Attributes
    ----------
    diagram
        The diagram.
    count
        The number of its embeddings; None where no sampling is asked for.
    tensors
        The factors of its value.
    """

    diagram: Diagram
    count: Coefficient | None
    tensors: tuple[Node, ...]

    @property
    def value_text(self) -> str:
        """The value in plain text."""
        return " ".join(map(plain_text, self.tensors))

    @property
    def count_text(self) -> str:
        """The count in plain text; empty where there is none."""
        return "" if self.count is None else self.count.text

    def words(self) -> str:
        """Return the name, the symmetry factor, the count and the value, for terminals."""
        said = [f"symmetry factor {self.diagram.symmetry_factor}"]
        said += [] if self.count is None else [f"count {self.count_text}"]
        return "\n".join([str(self.diagram), *said, f"value {self.value_text}"])

    def caption(self) -> list[str | FormulaLine]:
        """Return what stands below the picture of the diagram, line by line."""
        symmetry = str(self.diagram.symmetry_factor)
        first = FormulaLine(f"|Aut| = {symmetry}", rf"|\mathrm{{Aut}}| = {symmetry}")
        lines: list[str | FormulaLine] = [str(self.diagram), first]
        if self.count is not None:
            count = _on_one_line(self.count)
            head, *rest = _broken(count)
            head = FormulaLine(f"count {head.text}", rf"\mbox{{count }}{head.latex}")
            if not rest and printed_width(count) < _SHORT:
                lines[-1] = FormulaLine(
                    f"{first.text},  {head.text}", rf"{first.latex},\quad {head.latex}"
                )
            else:
                lines += [head, *rest]
        return [*lines, *_broken(joined(self.tensors, INNER_BREAK, THIN))]


def listed_diagram(
    diagram: Diagram,
    *,
    sampling: Sampling | None = None,
    basis: Basis = "moment",
    root: RootRole = "population",
    along_path: bool = False,
    too_long: TooLong = "describe",
) -> ListedDiagram:
    """Return what is said of a diagram.

    Parameters
    ----------
    diagram
        Any.
    sampling
        The scheme that counts; no count where it is left out.
    basis
        Of the value and of the count.
    root
        The role of the root in the count.
    along_path
        Whether the value is taken along a run.
    too_long
        What becomes of a count that would fill more than a page: see `coefficient`.

    Raises
    ------
    RequestError
        When the scheme does not count such a diagram.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> from sgdiagrams.symbolic import OnePass
    >>> entry = listed_diagram(Diagram.parse("(01-2)(02-12)"), sampling=OnePass())
    >>> entry.count_text, entry.value_text
    ('T', 'M_a|b H_ab')
    >>> entry.caption()[-1].text
    'M_{μ|ν} H_{μν}'
    """
    count = None
    if sampling is not None:
        weight = sampling.count(diagram, basis=basis, root=root)
        count = (
            Coefficient(1, Numeral("0")) if weight == 0 else coefficient(weight, too_long=too_long)
        )
    tensors = (
        path_tensors_of(diagram, sampling)
        if along_path
        else tensors_of(Contraction.from_diagram(diagram, basis=basis))
    )
    return ListedDiagram(diagram, count, tensors)


def _on_one_line(count: Coefficient) -> Row:
    """Return a count with fractions as quotients, which are legible where letters are small."""
    sign = (Sign(-1, is_unary=True),) if count.sign < 0 else ()
    node = count.node or ONE
    above, below = (node.above, node.below) if isinstance(node, Fraction) else (node, None)
    factors = above.factors if isinstance(above, Times) else (above,)
    row = joined((_grouped(factor) for factor in factors), INNER_BREAK, SPACE)
    under = () if below is None else (Operator("/"), _grouped(below))
    return Row((*sign, *row.items, *under))


def _grouped(factor: Node) -> Node:
    """Return a factor with the brackets that it needs on one line; sums may be broken."""
    if isinstance(factor, OneLine):
        factor = Group(factor.inner)
    if isinstance(factor, Group) and isinstance(factor.inner, Sum):
        return Group(replace(factor.inner, is_breakable=True))
    return factor


def _broken(row: Row) -> list[FormulaLine]:
    """Return a formula in lines of a caption that are about as long as each other."""
    cut = chunks(row)
    least, most = _WIDTH // 2, _WIDTH
    lines = filled([cut], most)
    while most - least > _FINE:
        middle = (least + most) // 2
        tried = filled([cut], middle)
        if len(tried) > len(lines):
            least = middle
        else:
            most, lines = middle, tried
    return [_formula(line.row) for line in lines]


def _formula(row: Row) -> FormulaLine:
    # \text is of a package that pictures do not ask for.
    latex = latex_text(row).replace(r"\text{", r"\mbox{")
    # A sign between terms keeps its spaces only if something stands before it.
    before = "{}" if isinstance(row.items[0], Sign) and not row.items[0].is_unary else ""
    return FormulaLine(unicode_text(row), before + latex)
