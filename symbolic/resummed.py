r"""Re-summed expansions: sums over linkless diagrams, finite for long times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sympy import Add, Expr, Mul, Rational

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import how_many, shown
from sgdiagrams.diagrams.tables import folded_for_people
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.article.dressed_derivation import dressed_article
from sgdiagrams.symbolic.expansion import Expansion
from sgdiagrams.symbolic.files.resummed import dump_resummed, load_resummed
from sgdiagrams.symbolic.formula import check_holder
from sgdiagrams.symbolic.layout.latex import LatexRenderer, displayed_in_notebook
from sgdiagrams.symbolic.layout.mathml import MathmlRenderer
from sgdiagrams.symbolic.layout.text import TextRenderer
from sgdiagrams.symbolic.printing.page_widths import in_points
from sgdiagrams.symbolic.resummation.complete import form_in_powers, power_terms
from sgdiagrams.symbolic.resummation.formula import ResummedFormula, check_form, scheme_of
from sgdiagrams.symbolic.resummation.given_tensors import on_tensors, one_dimensional
from sgdiagrams.symbolic.resummation.relinking import relink
from sgdiagrams.symbolic.resummation.sums import add_pieces, parts_at, pieces_at, scale_pieces
from sgdiagrams.symbolic.resummation.weights import Weights
from sgdiagrams.symbolic.symbols import in_usual_order
from sgdiagrams.symbolic.writing.resummed.formula import write_resummed
from sgdiagrams.symbolic.writing.resummed.powers import LeftOut, left_out
from sgdiagrams.symbolic.writing.resummed.spectral_sum import SpectralSum
from sgdiagrams.symbolic.writing.resummed.table import resummed_heading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sgdiagrams.symbolic.formula import Holder, Part, Result, Term
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.resummation.forms import Form
    from sgdiagrams.symbolic.resummation.skeletons import DressedTerm

__all__ = ["ResummedExpansion"]


@dataclass(frozen=True, slots=True, repr=False)
class ResummedExpansion(ResummedFormula):
    r"""An expected observable as a sum over linkless diagrams, in the eigenbasis of :math:`\eta H`.

    Made by `expand` with ``resummed=True``. Order d is the group of linkless diagrams with d edges: a
    power :math:`\eta^d` times a function of the eigenvalues :math:`h = \eta H` that counts how long
    each update is remembered. In its basis, which makes :math:`\eta` the identity and
    :math:`\eta H` diagonal, indices are summed with the weight that depends on them.

    Attributes
    ----------
    order
        The greatest number of edges.
    parts
        What is expanded.
    pieces
        For every contraction the linkless diagrams on it.
    form
        How weights are written: ``"discrete"``, ``"continuous"``, ``"stationary"`` or
        ``"small-eta"`` (see `sgdiagrams.symbolic.resummation.forms`).
    flat
        The names of the free indices along which the eigenvalue is 0.
    through
        The power of eta at fixed eta T, and of 1/N, through which the expansion is complete from a
        minimum of the test loss; terms beyond are dropped, and every term is a
        `sgdiagrams.symbolic.resummation.complete.PowerTerm`. None for weights that are not expanded.

    Examples
    --------
    >>> from sgdiagrams.symbolic import expand
    >>> expansion = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    >>> for term in expansion.at_minimum().terms:
    ...     print(term.weight, "*", term.contraction, term.indices)
    1 * l ()
    [1, (1 - h_a)*(1 - h_b)]x^T/2 * C_ab H_ab ('a', 'b')
    """

    order: int
    parts: tuple[Part, ...]
    pieces: tuple[DressedTerm, ...]
    form: Form = "discrete"
    flat: tuple[str, ...] = ()
    through: int | None = None

    @property
    def basis(self) -> str:
        """Always ``"cumulant"``: links add up in no other basis."""
        return "cumulant"

    @cached_property
    def has_closed_form(self) -> bool:
        """Whether all weights are formulas; others are known by number only."""
        trainings = [part.training for part in self.parts]
        return all(t.dressing is not None or t.rounds is not None for t in trainings)

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The names of the numbers that evaluation needs."""
        names = {name for part in self.parts for name in scheme_of(part).symbols}
        names |= {name for part in self.parts for name in part.optimizer.symbols}
        names |= {name for part in self.parts for name in part.observable.lags}
        return in_usual_order(names)

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        r"""The terms: weights as functions of the symbols ``h_a``, ... of their indices.

        With momentum a discrete weight is written with ``r_a`` and ``s_a``, the roots of
        :math:`x^2 - (1 + \beta - h_a) x + \beta`. A stationary one is symmetric in both and rational in
        h and beta; the product of :math:`1 - x_a x_b x_c \cdots` over all roots at three or more indices
        is a `RootProduct`, which ``doit`` writes out. Weights that are known by number only are
        `EmbeddingSum` functions. Complete powers have a term for every power of a contraction.
        """
        if self.through is None:
            return self._weights.terms(self.pieces)
        return power_terms(
            self.pieces, self.parts, self._weights, form=self.form, through=self.through
        )

    @cached_property
    def _weights(self) -> Weights:
        return Weights(self.parts, self.form, self.flat)

    def weight(self, term: DressedTerm) -> Expr:
        """Return the weight of a term in the form of this expansion, of all powers that are kept."""
        if self.through is None:
            return self._weights.weight(term)
        return Add(*(t.weight for t in self.terms if t.contraction == term.contraction))

    # Presentations --------------------------------------------------------------------------------

    def with_form(self, form: Form, *, flat: tuple[str, ...] = ()) -> ResummedExpansion:
        """Return the same expansion with weights in another form.

        Parameters
        ----------
        form
            ``"discrete"``, ``"continuous"``, ``"stationary"`` or ``"small-eta"``. Complete powers are
            there at fixed eta T, ``"continuous"``, or for T to infinity: the last two are one then.
        flat
            Names of free indices along which the landscape is flat (h = 0).

        Raises
        ------
        RequestError
            When there is no closed form, a flat index is not free, or powers have no such form.
        """
        check_form(self.parts, form, flat)
        if self.through is not None:
            form = form_in_powers(form, self.through, self.parts)
        return replace(self, form=form, flat=tuple(flat))

    def continuous(self, *, flat: tuple[str, ...] = ()) -> ResummedExpansion:
        """Return the leading part for eta to 0 with eta T fixed: exponentials."""
        return self.with_form("continuous", flat=flat)

    def stationary(self, *, flat: tuple[str, ...] = ()) -> ResummedExpansion:
        """Return the leading part for T to infinity, exact in eta; see `conditions`.

        Along flat directions weights grow: the factor of T is a rate per step.
        """
        return self.with_form("stationary", flat=flat)

    def small_eta(self, *, flat: tuple[str, ...] = ()) -> ResummedExpansion:
        """Return the leading part of the stationary form for small eta."""
        return self.with_form("small-eta", flat=flat)

    def conditions(self, term: Term) -> tuple[tuple[str, ...], ...]:
        r"""Return the groups of indices whose eigenvalues must make :math:`|\prod q| < 1`.

        Then the stationary form is the limit for T to infinity. Only the smallest groups are given.

        Examples
        --------
        >>> from sgdiagrams.symbolic import expand
        >>> expansion = expand("test-loss", order=2, sampling="one-pass", resummed=True)
        >>> expansion.conditions(expansion.terms[-1])
        (('a', 'b'),)
        """
        same = (t for t in self.pieces if t.contraction == term.contraction)
        return self._weights.conditions(same)

    def at_minimum(self) -> ResummedExpansion:
        """Return what is left at a minimum of the test loss, where the mean gradient is 0."""
        return replace(self, pieces=tuple(t for t in self.pieces if not t.vanishes_at_minimum))

    def for_quadratic(self) -> ResummedExpansion:
        """Return what is left on quadratic losses with additive noise, where it is exact.

        The loss of a datapoint is then the mean loss plus a linear function, so that third
        derivatives vanish and noise is in gradients alone.
        """
        return replace(self, pieces=tuple(t for t in self.pieces if t.fits_quadratic))

    def at(self, **numbers: Any) -> ResummedExpansion:
        """Return the expansion with numbers for some symbols of its schemes and optimisers.

        Raises
        ------
        SamplingError
            When a number is impossible or belongs to no part.
        """
        parts = parts_at(self.parts, numbers, known=self.symbols)
        return replace(self, parts=parts, pieces=pieces_at(self.pieces, numbers))

    # As SymPy -------------------------------------------------------------------------------------

    def sympy(self, k: int | None = None) -> Expr:
        """Return order `k`, or the sum of all orders, as a SymPy expression of `SpectralSum`.

        The orders of complete powers are these powers.

        Raises
        ------
        RequestError
            When the order is beyond the expansion.
        """
        return Add(
            *(
                Mul(symbols.eta**t.order, SpectralSum(t.weight, t.contraction))
                if t.indices
                else t.weight * t.contraction
                for t in self._chosen(k)
            )
        )

    def in_one_dimension(self, k: int | None = None) -> Expr:
        """Return the expansion for a single weight, in the symbols of its tensors, eta and T.

        Raises
        ------
        RequestError
            When the order is beyond the expansion, or weights are known by number only.

        Examples
        --------
        >>> from sgdiagrams.symbolic import expand
        >>> gap = expand("generalisation-gap", order=1, sampling="full-batch", resummed=True)
        >>> gap.stationary().in_one_dimension()
        C/(H*N)
        """
        return Add(*(one_dimensional(term, self) for term in self._chosen(k)))

    def on_tensors(
        self, *, curvatures: Sequence[Any], tensors: Mapping[str, Any], free: tuple[int, ...] = ()
    ) -> Expr:
        """Return the expansion as a formula for given tensors in an eigenbasis of the Hessian.

        Parameters
        ----------
        curvatures
            The eigenvalues of the Hessian: numbers or SymPy expressions. The learning rate is the
            symbol eta times the identity.
        tensors
            By name (``G``, ``C``, ``J``, ``kappa_1_2``, ...) nested sequences or arrays of numbers or
            expressions, one axis for every index. ``H`` is diagonal and may be left out.
        free
            The values of the free indices.

        Raises
        ------
        RequestError
            When a tensor is missing, free indices do not fit, or weights are known by number only.

        Examples
        --------
        The drift along a valley, z, when two other directions have curvatures 2 and 1:

        >>> import numpy as np
        >>> from sgdiagrams.symbolic import expand
        >>> C, J = np.zeros((3, 3), int), np.zeros((3, 3, 3), int)
        >>> C[0, 1] = C[1, 0] = -1
        >>> J[0, 1, 2] = J[0, 2, 1] = J[1, 0, 2] = J[1, 2, 0] = J[2, 0, 1] = J[2, 1, 0] = 1
        >>> drift = expand("displacement", order=3, sampling="one-pass", resummed=True)
        >>> valley = drift.at_minimum().stationary(flat=("a",))
        >>> valley.on_tensors(curvatures=(2, 1, 0), tensors={"C": C, "J": J}, free=(2,))
        T*eta**2/(3 - 2*eta)
        """
        return on_tensors(self, curvatures=curvatures, tensors=tensors, free=free)

    @property
    def left_out(self) -> LeftOut:
        """The order of what complete powers leave out, as text and in LaTeX; empty for others."""
        return left_out(self)

    def _chosen(self, k: int | None) -> tuple[Term, ...]:
        """Return the terms of an order, or of all."""
        if k is None:
            return self.terms
        k = self._checked(k)
        if self.through is None:
            return self.order_terms(k)
        return tuple(t for t in self.terms if t.power == k)

    def _checked(self, k: int) -> int:
        most = self.order if self.through is None else self.through
        if not is_whole(k, least=0, most=most):
            raise RequestError(f"expected an order 0..{most} of this expansion, got k={shown(k)}")
        return int(k)

    def expanded(self, order: int | None = None) -> Expansion:
        """Return the plain expansion in powers of eta, in the cumulant basis, exactly.

        Every factor of an eigenvalue in the series of a weight is a link on that edge.

        Parameters
        ----------
        order
            At most the order of this expansion, which is the default.

        Raises
        ------
        RequestError
            When the order is higher, or the form is not exact.
        """
        if self.through is not None:
            raise RequestError(
                f"expected weights that are not expanded, got through={self.through}; "
                "the plain expansion is expand(...) without resummed=True"
            )
        if any(scheme_of(part).given_scheme is not None for part in self.parts):
            raise RequestError(
                "expected an expansion averaged over training sets, got one on a given set, in the set's "
                "own cumulants; the plain expansion, expand(...) without resummed=True, serves both"
            )
        if any(s.reads for t in self.pieces for p in t.pieces for s in p.skeletons):
            raise RequestError(
                f"expected an observable at the end of training, got {shown(self.observable)}; "
                "take the plain expansion, expand(...) without resummed=True"
            )
        highest = self.order if order is None else self._checked(order)
        exact = all((self.form == "continuous") == p.training.is_continuous for p in self.parts)
        if self.form not in ("discrete", "continuous") or not exact or self.flat:
            raise RequestError(
                f"expected the exact form of the expansion, got form={shown(self.form)}; "
                "its leading part for long times is no power series"
            )
        return Expansion(highest, self.basis, self.parts, relink(self, highest))

    def evaluate(self, values: Holder[Result], *, eta: Any, **numbers: int | Fraction) -> Result:
        """Return the expansion in numbers: see `Expansion.evaluate`."""
        check_holder(values)
        return values.evaluate(self, eta=eta, **numbers)

    # Algebra --------------------------------------------------------------------------------------

    def __add__(self, other: ResummedExpansion) -> ResummedExpansion:
        if not isinstance(other, ResummedExpansion):
            return NotImplemented
        if (self.form, self.flat) != (other.form, other.flat):
            raise RequestError(
                f"expected expansions of one form, got {shown(self.form)} and {shown(other.form)}"
            )
        if self.through != other.through:
            raise RequestError(
                f"expected expansions through one power, got through={self.through} and "
                f"through={other.through}"
            )
        # What is complete through a power needs all its edges.
        choose = min if self.through is None else max
        order = choose(self.order, other.order)
        parts, pieces = add_pieces(self, other, order)
        return replace(self, order=order, parts=parts, pieces=pieces)

    def __neg__(self) -> ResummedExpansion:
        return self * -1

    def __sub__(self, other: ResummedExpansion) -> ResummedExpansion:
        if not isinstance(other, ResummedExpansion):
            return NotImplemented
        return self + other * -1

    def __mul__(self, number: int | Fraction | Rational) -> ResummedExpansion:
        if not (is_whole(number) or isinstance(number, (Fraction, Rational))):
            return NotImplemented
        exact = Fraction(int(number.numerator), int(number.denominator))
        parts, pieces = scale_pieces(self, exact)
        return replace(self, parts=parts, pieces=pieces)

    __rmul__ = __mul__

    # Output ---------------------------------------------------------------------------------------

    def write(
        self, renderer: Renderer[Any], *, differences: str = "short", digits: int | None = None
    ) -> str:
        """Return the formula in the format of a renderer; see `Expansion.write` and `latex`."""
        return write_resummed(self, renderer, differences=differences, digits=digits)

    def latex(
        self,
        *,
        differences: str = "short",
        standalone: bool = False,
        width: int | str | None = None,
        digits: int | None = None,
    ) -> str:
        r"""Return the formula in LaTeX (``align*``; needs the package amsmath).

        Parameters
        ----------
        differences
            ``"short"``: divided differences of more than two nodes in brackets; ``"written-out"``: as
            sums of fractions, which are undefined where nodes coincide.
        standalone
            A whole document instead of the formula alone.
        width
            That of a line: points, a length such as ``"12cm"``, ``"columnwidth"`` or ``"textwidth"``,
            those of the class article at ten points in two columns or one; the latter when left out.
        digits
            Numbers with more digits are rounded to so many, and the formula says so; exact when left
            out.

        Raises
        ------
        RequestError
            When the width is no length, or a coefficient would fill more than a page.
        """
        return self.write(
            LatexRenderer(standalone=standalone, points=in_points(width)),
            differences=differences,
            digits=digits,
        )

    def mathml(
        self,
        *,
        differences: str = "short",
        standalone: bool = False,
        width: int | str | None = None,
        digits: int | None = None,
    ) -> str:
        """Return the formula in MathML, a ``math`` element or a page of HTML; see `latex`."""
        return self.write(
            MathmlRenderer(standalone=standalone, points=in_points(width)),
            differences=differences,
            digits=digits,
        )

    def text(self, *, digits: int | None = None) -> str:
        """Return the expansion as a table for the terminal; see `latex` for the digits."""
        return self.write(TextRenderer(), digits=digits)

    def document(
        self,
        *,
        width: int | str | None = None,
        differences: Any = "short",
        digits: int | None = None,
        command: str | None = None,
    ) -> str:
        """Return the whole derivation as an article in LaTeX: see `Expansion.document`.

        It says how links are summed into dressed edges, and lists linkless diagrams with what they
        contribute.

        Parameters
        ----------
        width
            That of the text, 300pt or more.
        differences, digits
            As for `latex`.
        command
            What writes the text again, for its last section; the call of `expand` when left out.

        Raises
        ------
        RequestError
            When the width is no length or too small, a table would have more than 2000 rows, or a
            coefficient would fill more than a page.
        """
        return dressed_article(
            self, width=width, differences=differences, digits=digits, command=command
        ).latex()

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return the expansion as JSON."""
        return dump_resummed(self, indent=indent)

    @classmethod
    def from_json(cls, text: str) -> ResummedExpansion:
        """Read what `to_json` wrote. Nothing in the text is evaluated.

        Raises
        ------
        FormatError
            When the text is no JSON, or no re-summed expansion of a version that is known.
        """
        return load_resummed(
            text,
            lambda f: cls(f.order, f.parts, f.pieces, through=f.through).with_form(
                f.form, flat=f.flat
            ),
        )

    def __str__(self) -> str:
        return folded_for_people(self.text())

    def __repr__(self) -> str:
        return (
            f"<ResummedExpansion {resummed_heading(self)} | {how_many(len(self.pieces), 'term')}>"
        )

    def _repr_latex_(self) -> str:
        return displayed_in_notebook(self.write(LatexRenderer(environment="aligned")))
