r"""The terms of an expansion in the noise along a noiseless run; knows no sampling scheme and no page.

Let :math:`\varphi_t` be the run of the same optimiser on the mean gradient, *n* name the datapoints
(rows) of the training set, and let every row push the updates that use it. The expectation of an
observable is, to any number of pushes,

.. math:: \sum_{\mathrm{terms}} w\, \eta^{d} \prod_{\mathrm{means}} \sum_{\mathrm{visits}}
    \prod_{\mathrm{updates}} \frac{1}{B_{t}}\; \mathrm{value}

with one product over expectations that are independent of each other. An expectation's diagram is a
forest: its roots are factors of the observable at the end, all other nodes are updates. A visit gives
every update a time, earlier than that of its parent, and every block of several nodes a row that all of
its updates use at their times (blocks may share a row). Where chance says which rows are used, the sum
over visits is the expected one; a row that is in a batch several times is as many visits. A training
loss that is tied to a row has the factor 1/N. A node that is alone in its block stands for the mean
over the distribution, so that its rows sum to one; it has two children at least, as the others are in
the run and its propagators.
The value is a product over blocks of joint cumulants of derivatives of the loss at
:math:`\varphi_t` (a root: at the end), contracted along edges with the response of the parent's weights
to a push of the gradient at the child's time, without its sign and without :math:`\eta`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["PathMean", "PathTerm", "Root"]


@final
@dataclass(frozen=True, slots=True, order=True)
class Root:
    """A factor of the observable, at the end of the run.

    Attributes
    ----------
    factor
        ``"loss"``, ``"training-loss"``, ``"weights"`` (a coordinate of the displacement) or the name of
        a function.
    leg
        Which of the observable's indices a coordinate has; -1 for others.
    """

    factor: str
    leg: int = -1


@final
@dataclass(frozen=True, slots=True, order=True)
class PathMean:
    """The diagram of one expectation, in canonical numbering.

    Attributes
    ----------
    roots
        Nodes 0, 1, ...: the factors.
    parents
        Of the updates, which are the nodes after the roots: parents come before children.
    blocks
        The block of every node, a restricted growth string. Roots are alone, except for a training
        loss, which shares the block of the row that it is tied to (alone it is the population's loss).
    """

    roots: tuple[Root, ...]
    parents: tuple[int, ...]
    blocks: tuple[int, ...]

    @property
    def updates(self) -> int:
        """The number of updates, which is the power of the learning rate."""
        return len(self.parents)

    @property
    def noise(self) -> int:
        """The number of nodes less that of blocks."""
        return len(self.blocks) - len(set(self.blocks))

    @property
    def pushes(self) -> int:
        """The number of nodes that share their block."""
        return sum(self.blocks.count(block) > 1 for block in self.blocks)


@final
@dataclass(frozen=True, slots=True)
class PathTerm:
    """A number times a product of expectations' diagrams.

    Attributes
    ----------
    weight
        Minus one for every update over the number of automorphisms, summed over equal terms.
    means
        Sorted, each as often as it is a factor; those without updates are values at the end of the
        noiseless run.
    """

    weight: Fraction
    means: tuple[PathMean, ...]

    @property
    def updates(self) -> int:
        """The power of the learning rate."""
        return sum(mean.updates for mean in self.means)

    @property
    def noise(self) -> int:
        """The order in the noise."""
        return sum(mean.noise for mean in self.means)

    @property
    def pushes(self) -> int:
        """The number of pushes: the power of the factor by which all noise is scaled."""
        return sum(mean.pushes for mean in self.means)
