"""Expansions in the noise along a run: what stays finite however long and fast training is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.messages import how_many
from sgdiagrams.symbolic.article.run_derivation import path_article
from sgdiagrams.symbolic.formula import check_holder
from sgdiagrams.symbolic.paths.path_formula import PathFormula
from sgdiagrams.symbolic.paths.path_json import dump_path, load_path
from sgdiagrams.symbolic.paths.path_writing import path_heading, write_path
from sgdiagrams.symbolic.printing.on_paper import OnPaper

if TYPE_CHECKING:
    from sgdiagrams.symbolic.formula import Holder, Part, Result
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.paths.path_terms import PathTerm
    from sgdiagrams.symbolic.vocabulary import TooLong

__all__ = ["PathExpansion"]


@final
@dataclass(frozen=True, slots=True, repr=False)
class PathExpansion(OnPaper, PathFormula):
    """An expected observable as a series in the noise, along the run without noise.

    Made by ``expand(..., noise=m, along_path=True)``. Its terms are contractions of joint cumulants of
    derivatives along that run, whatever the learning rate: there is no power of eta to be small.

    Attributes
    ----------
    noise
        The highest order: the number of nodes less that of blocks.
    part
        What is expanded: the observable, the sampling and the optimiser.
    terms
        By noise, then by updates: see `sgdiagrams.symbolic.paths.path_terms`.

    Examples
    --------
    >>> from sgdiagrams.symbolic import expand
    >>> expansion = expand("test-loss", noise=1, along_path=True, sampling="one-pass")
    >>> print(expansion)
    E[test loss] | one-pass B=1 | along the path | noise 1
    with phi_(t+1) = phi_t - eta G(phi_t), phi_0 = theta_0, X(t) = X(phi_t);
    U(s,t) the product over t < r < s of 1 - eta H(r), later factors on the left;
    C the covariance of the gradient of l_x.
      noise 0   1   l(phi_T)
      noise 1   eta^2/2   sum_{t} H_ab(T) U_ac(T,t) U_bd(T,t) C_cd(t)
               -eta^3/2   sum_{t<r} G_a(T) U_ab(T,r) J_bcd(r) U_ce(r,t) U_df(r,t) C_ef(t)
    """

    noise: int
    part: Part
    terms: tuple[PathTerm, ...]

    def evaluate(self, values: Holder[Result], **numbers: Any) -> Result:
        """Return the expansion in numbers: whoever has tensors along the run knows how to contract them.

        Parameters
        ----------
        values
            A holder of tensors along the run, such as `sgdiagrams.numeric.PathTensors`.
        **numbers
            What the holder asks for.
        """
        check_holder(values)
        return values.evaluate(self, **numbers)

    def _laid_out(self, renderer: Renderer[Any], too_long: TooLong) -> str:  # noqa: ARG002 - none is long
        return write_path(self, renderer)

    def document(self, *, width: int | str | None = None, command: str | None = None) -> str:
        """Return the whole derivation as an article in LaTeX: see `Expansion.document`.

        Parameters
        ----------
        width
            That of the text, 300pt or more.
        command
            What writes the text again, for its last section; the call of `expand` when left out.

        Raises
        ------
        RequestError
            When the width is no length or too small.
        """
        return path_article(self, width=width, command=command).latex()

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return the expansion as JSON."""
        return dump_path(self, indent=indent)

    @classmethod
    def from_json(cls, text: str) -> PathExpansion:
        """Read what `to_json` wrote. Nothing in the text is evaluated.

        Raises
        ------
        FormatError
            When the text is no JSON, or no expansion along a run of a version that is known.
        """
        return load_path(text, lambda fields: cls(*fields))

    def __repr__(self) -> str:
        return f"<PathExpansion {path_heading(self)} | {how_many(len(self.terms), 'term')}>"
