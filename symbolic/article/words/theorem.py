"""The theorem that an article uses: the sum over diagrams, and what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import latex

from sgdiagrams.symbolic.article.words.observables import root_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sympy import Expr

    from sgdiagrams.symbolic.formula import Part
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = [
    "diagram_words",
    "embedding_words",
    "main_theorem",
    "roots_explained",
    "sign_and_share",
]

_BLOCKS = {
    "moment": "A block stands for the mean of the product of its factors, and different blocks are on "
    "different datapoints. With cumulants in their place the sum would be another one, and wrong.",
    "cumulant": "A block stands for the joint cumulant of its factors, and different blocks may "
    "be on the "
    "same datapoint. With moments in their place the sum would be another one, and wrong.",
}


def sign_and_share(share: Expr | None) -> str:
    r"""Return what the sum over diagrams is multiplied by for every edge, in LaTeX.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import B
    >>> print(sign_and_share(None), sign_and_share(B))
    (-\eta) \Bigl(-\frac{\eta}{B}\Bigr)
    """
    return r"(-\eta)" if share is None else rf"\Bigl(-\frac{{\eta}}{{{latex(share)}}}\Bigr)"


def main_theorem(share: Expr | None) -> str:
    """Return the sum over all diagrams as a displayed formula."""
    return (
        "\\begin{equation*}\n  \\langle s(\\theta_T) \\rangle = \\sum_D "
        f"{sign_and_share(share)}^{{d(D)}}\n"
        "  \\frac{\\mathrm{count}(D)}{|\\mathrm{Aut}(D)|}\\, \\mathrm{value}(D).\n\\end{equation*}"
    )


def diagram_words(parts: Sequence[Part], basis: Basis) -> str:
    """Return what a diagram is, and what it is worth."""
    has_visits = any(part.visits == "fresh" for part in parts)
    carried = "blocks to blocks and visits to visits" if has_visits else "blocks to blocks"
    visits = (
        " A block is parted into visits: updates in one visit have the same noise too."
        if has_visits
        else ""
    )
    return (
        "A diagram $D$ is a rooted tree with a partition of its nodes into blocks. The root is what is "
        "looked at in the end, every other node is an update. An edge from child to parent "
        "differentiates "
        "the parent along the child's update, so that an update with $k$ children is "
        rf"$\nabla^{{k+1}} \ell_x$. Nodes in one block use the same datapoint $x$.{visits} The order "
        r"$d(D)$ is the number of edges, and the symmetry factor $|\mathrm{Aut}(D)|$ that of the "
        f"automorphisms of the tree that carry {carried}. The value is one tensor for every block, "
        f"contracted along the edges. {_BLOCKS[basis]}"
    )


def embedding_words(*, have_shares: bool) -> str:
    """Return what is counted."""
    shares = (
        "; each counts with the product of the shares of its datapoints in their batches."
        if have_shares
        else "."
    )
    return (
        r"The number $\mathrm{count}(D)$ is that of the embeddings: maps of the updates to "
        r"datapoints and "
        "times at which these are used, with times that rise along every edge, and one datapoint a block"
        f"{shares}"
    )


def roots_explained(parts: Sequence[Part], basis: Basis | None) -> list[str]:
    """Return what stands at the root, in sentences; see `root_words`."""
    return list(dict.fromkeys(w for part in parts for w in root_words(part.observable, basis)))
