"""What is written in every format, by doors that formulas with one layout share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.tables import folded_for_people
from sgdiagrams.symbolic.layout.latex import LatexRenderer, displayed_in_notebook
from sgdiagrams.symbolic.layout.mathml import MathmlRenderer
from sgdiagrams.symbolic.layout.text import TextRenderer
from sgdiagrams.symbolic.printing.page_widths import in_points

if TYPE_CHECKING:
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.vocabulary import TooLong

__all__ = ["OnPaper"]


class OnPaper(ABC):
    """A formula that says how it is laid out; renderers spell it."""

    __slots__ = ()

    @abstractmethod
    def _laid_out(self, renderer: Renderer[Any], too_long: TooLong) -> str:
        """Return the formula in a format; see `coefficient` for `too_long`."""

    def write(self, renderer: Renderer[Any]) -> str:
        """Return the formula in the format of a renderer; see `latex`.

        Parameters
        ----------
        renderer
            One of the package's, or of a user's own: see `sgdiagrams.symbolic.layout.renderer`.
        """
        return self._laid_out(renderer, "refuse")

    def latex(self, *, standalone: bool = False, width: int | str | None = None) -> str:
        r"""Return the formula in LaTeX (``align*``; needs the package amsmath).

        Parameters
        ----------
        standalone
            A whole document instead of the formula alone.
        width
            That of a line: see `Expansion.latex`.

        Raises
        ------
        RequestError
            When the width is no length, or a coefficient would fill more than a page.
        """
        return self.write(LatexRenderer(standalone=standalone, points=in_points(width)))

    def mathml(self, *, standalone: bool = False, width: int | str | None = None) -> str:
        """Return the formula in MathML, a ``math`` element or a page of HTML; see `latex`."""
        return self.write(MathmlRenderer(standalone=standalone, points=in_points(width)))

    def text(self) -> str:
        """Return a table for the terminal."""
        return self.write(TextRenderer())

    def __str__(self) -> str:
        return folded_for_people(self._laid_out(TextRenderer(), "describe"))

    def _repr_latex_(self) -> str:
        renderer = LatexRenderer(environment="aligned")
        return displayed_in_notebook(self._laid_out(renderer, "describe"))
