r"""The estimator of an expression: which derivatives, at how few datapoints, give it on average.

A *kernel* :math:`k(x_1, \dots, x_n)` is an unbiased estimator of a function :math:`\Theta(P)` of the
distribution of datapoints if :math:`\mathbb{E}\, k(x_1, \dots, x_n) = \Theta(P)` for independent
:math:`x_i \sim P`, whatever P. A moment with blocks 1, ..., k has the kernel that takes block i at
:math:`x_i`; so an expression has one of n datapoints, the greatest number of blocks of its moments
(equal moments collected).

**Fewer cannot do.** Along :math:`P_t = (1 - t) P_0 + t P_1` the mean of a kernel of m datapoints is a
polynomial of t of degree m at most (Halmos 1946; Hoeffding 1948, section 2). Let :math:`P_0` be one
datapoint whose loss is 0 everywhere: then a moment with k blocks is :math:`t^k` times its value at
:math:`P_1`, and the coefficient of :math:`t^n` is the sum of the terms with n blocks at :math:`P_1`. That
does not vanish for all losses in any dimension, because different contractions are linearly independent:
take one of them, a coordinate :math:`\theta_e` for every edge and free leg e, and :math:`P_1` with a
datapoint b for each of its blocks, of probability :math:`w_b` and loss
:math:`\sum_{v \in b} z_v \prod_{e \ni v} \theta_e` (functions of the weights likewise). At the start 0,
free legs e on their coordinates, the monomial :math:`\prod_b w_b \prod_v z_v` occurs in the value of a
contraction only where every node of it stands for one v with the same edges, that is, in this contraction
and no other. So m >= n.

In a fixed dimension, or with knowledge of the distribution, fewer may do.

References
----------
P. R. Halmos, "The theory of unbiased estimation", Ann. Math. Statist. 17 (1946) 34; W. Hoeffding, "A
class of statistics with asymptotically normal distribution", Ann. Math. Statist. 19 (1948) 293.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, final

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import how_many, shown
from sgdiagrams.symbolic.algebra.conversions import in_cumulants, in_moments
from sgdiagrams.symbolic.algebra.estimators.costs import as_expression, cost_of_all
from sgdiagrams.symbolic.algebra.estimators.drawing import cheapest, most_datapoints
from sgdiagrams.symbolic.algebra.estimators.factoring import unfactored
from sgdiagrams.symbolic.algebra.estimators.kernel import KernelSum, derivatives_in
from sgdiagrams.symbolic.algebra.estimators.kernel_layout import kernel_latex, kernel_text
from sgdiagrams.symbolic.algebra.estimators.renaming import by_appearance
from sgdiagrams.symbolic.algebra.estimators.source_for_arrays import dense_code
from sgdiagrams.symbolic.algebra.estimators.source_for_models import nested_code
from sgdiagrams.symbolic.algebra.linear_combinations import collected_pairs
from sgdiagrams.symbolic.checks import check_choice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sympy import Expr

    from sgdiagrams.symbolic.algebra.linear_combinations import Pair

__all__ = ["Estimator"]


@final
@dataclass(frozen=True, slots=True, repr=False)
class Estimator:
    """An unbiased estimator with the fewest datapoints; made by `Expression.estimator`.

    Attributes
    ----------
    datapoints
        How many independent datapoints it takes: the least number that there is.
    rank
        The number of free legs of what is estimated.
    expanded
        The kernel term by term.
    kernel
        The kernel with what terms have in common taken out, so that it is cheap.
    is_exhaustive
        Whether all assignments of datapoints to blocks were compared, and not only the best ones for one
        term after the other. What is taken out of terms is found by a greedy search in both cases.

    Examples
    --------
    >>> from sgdiagrams.symbolic.algebra.expression import Expression
    >>> estimator = Expression.of("C_aa").gradient().estimator()
    >>> print(estimator)
    2 hess l_x (grad l_x - grad l_y)
    >>> estimator.datapoints, estimator.cost
    (2, 4)
    """

    datapoints: int
    rank: int
    expanded: KernelSum
    kernel: KernelSum
    is_exhaustive: bool

    @classmethod
    def of(cls, terms: Iterable[Pair], rank: int) -> Self:
        """Return the estimator of a sum of contractions in population bases.

        Raises
        ------
        RequestError
            When a contraction is one of a sample, or a function shares its block.
        """
        pairs = tuple(terms)
        for _, contraction in pairs:
            if contraction.basis not in ("moment", "cumulant"):
                raise RequestError(
                    "expected moments and cumulants of the population to estimate, got "
                    f"{shown(str(contraction))}, which is made of samples"
                )
        moments = collected_pairs((c * n, m) for c, k in pairs for m, n in in_moments(k).items())
        cumulants = collected_pairs(
            (c * n, k) for c, m in moments for k, n in in_cumulants(m).items()
        )
        drawing = cheapest(moments, cumulants)
        kernel, expanded = by_appearance(drawing.kernel, unfactored(drawing.terms))
        datapoints = most_datapoints(m for _, m in moments)
        return cls(datapoints, rank, expanded, kernel, drawing.is_exhaustive)

    @property
    def cost(self) -> Expr:
        """What the kernel costs, in gradients of the loss of one datapoint.

        A derivative of degree k counts 2^(k - 1) gradients, a loss alone one half, each once. With
        circles or several free legs it is a polynomial in the number of weights p.
        """
        return as_expression(cost_of_all(derivatives_in(self.kernel)))

    def text(self) -> str:
        """Return the kernel in plain text: ``D3 l_x[u, v]`` goes along u and v, ``lap l_x`` is tr(H)."""
        return kernel_text(self.kernel, self.rank, self.datapoints)

    def latex(self) -> str:
        r"""Return the kernel in LaTeX with amsmath, for inside of mathematics.

        Examples
        --------
        >>> from sgdiagrams.symbolic.algebra.expression import Expression
        >>> print(Expression.of("C_aa").estimator().latex())
        \nabla \ell_{x} \cdot (\nabla \ell_{x} - \nabla \ell_{y})
        """
        return kernel_latex(self.kernel, self.rank, self.datapoints)

    def python(self, *, library: str = "numpy") -> str:
        """Return standalone source with a function ``estimate``.

        Parameters
        ----------
        library
            ``"numpy"``: ``estimate(x, y, ...)`` from the dense derivatives of each datapoint, ``{0: l, 1:
            g, ...}``, and ``average(samples)`` over all tuples of different samples. ``"jax"`` and
            ``"torch"``: ``estimate(loss, weights, x, y, ...)`` by nested derivatives, for any number of
            weights, where there is at most one free leg and no circle of several derivatives.
            Symbols are keywords.

        Raises
        ------
        RequestError
            When the library is another, or has no code for this kernel.

        Notes
        -----
        PyTorch returns wrong derivatives of some operations from the second order on. The source uses
        reverse mode throughout, which is right for most, and checks nothing: `measure` checks a model
        before it trusts it.
        """
        check_choice("library", library, ("numpy", "jax", "torch"))
        if library == "numpy":
            return dense_code(self.kernel, self.rank, self.datapoints)
        return nested_code(self.kernel, self.rank, self.datapoints, library=library)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Estimator: {how_many(self.datapoints, 'datapoint')}, cost {self.cost}, {self.text()}>"

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.latex()}$"
