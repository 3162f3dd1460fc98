r"""Re-summed expansions: sums over linkless diagrams, finite for long times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from sympy import Add, Expr, Integer, Mul, Rational, factor
from sympy.core.symbol import Str

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.contractions.notation import index_letter
from sgdiagrams.symbolic.expansion import Expansion
from sgdiagrams.symbolic.files.resummed import dump_resummed, load_resummed
from sgdiagrams.symbolic.formula import Term, in_usual_order
from sgdiagrams.symbolic.layout.latex import LatexRenderer
from sgdiagrams.symbolic.layout.mathml import MathmlRenderer
from sgdiagrams.symbolic.layout.text import TextRenderer
from sgdiagrams.symbolic.resummation.dressed import dressed, has_closed_form, is_continuous
from sgdiagrams.symbolic.resummation.eigenvalues import EmbeddingSum, eigenvalue, roots
from sgdiagrams.symbolic.resummation.forms import FORMS, Form, conditions, expression
from sgdiagrams.symbolic.resummation.formula import ResummedFormula, scheme_of
from sgdiagrams.symbolic.resummation.on_tensors import on_tensors, one_dimensional
from sgdiagrams.symbolic.resummation.relinking import relink
from sgdiagrams.symbolic.resummation.skeletons import DressedTerm, collect_pieces
from sgdiagrams.symbolic.writing.resummed.formula import write_resummed
from sgdiagrams.symbolic.writing.resummed.spectral_sum import SpectralSum

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sgdiagrams.symbolic.formula import Holder, Part
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.resummation.skeletons import Piece, Skeleton
    from sgdiagrams.symbolic.training.optimizer import Optimizer

__all__ = ["ResummedExpansion"]

Result = TypeVar("Result")


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

    @property
    def basis(self) -> str:
        """Always ``"cumulant"``: links add up in no other basis."""
        return "cumulant"

    @property
    def has_closed_form(self) -> bool:
        """Whether all weights are formulas; others are known by number only."""
        return all(has_closed_form(scheme_of(p), p.optimizer) for p in self.parts)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the numbers that evaluation needs."""
        names = {name for part in self.parts for name in scheme_of(part).symbols}
        names |= {name for part in self.parts for name in part.optimizer.symbols}
        return in_usual_order(names)

    @property
    def terms(self) -> tuple[Term, ...]:
        r"""The terms: weights as functions of the symbols ``h_a``, ... of their indices.

        With momentum a discrete or stationary weight is written with ``r_a`` and ``s_a``, the roots of
        :math:`x^2 - (1 + \beta - h_a) x + \beta`. Weights that are known by number only are
        `EmbeddingSum` functions.
        """
        found = []
        for term in self.pieces:
            weight = self.weight(term)
            if weight != 0:
                names = tuple(index_letter(i) for i in range(term.order))
                found.append(Term(weight, term.contraction, names))
        return tuple(found)

    def weight(self, term: DressedTerm) -> Expr:
        """Return the weight of a term in the form of this expansion."""
        total = Add(*(Rational(p.coefficient) * self._product(p, term) for p in term.pieces))
        # Rational functions have one best way to be written; others keep their time sums apart.
        return factor(total) if self.form in ("stationary", "small-eta") else total

    def _product(self, piece: Piece, term: DressedTerm) -> Expr:
        part = self.parts[piece.part]
        return Mul(*(self._dressed(s, part, term) for s in piece.skeletons))

    def _dressed(self, skeleton: Skeleton, part: Part, term: DressedTerm) -> Expr:
        scheme, optimizer = scheme_of(part), part.optimizer
        h = [self._eigenvalue(i, term) for i in skeleton.indices]
        if not has_closed_form(scheme, optimizer):
            return EmbeddingSum(Str(self._name(skeleton, part)), *h)
        count = dressed(skeleton.diagram, scheme, optimizer, root=skeleton.role)
        memory = _memory(optimizer)
        bases = [
            (1 - x,) if memory is None else _bases(i, x, memory)
            for i, x in zip(skeleton.indices, h, strict=True)
        ]
        return expression(
            count,
            self.form,
            eigenvalues=h,
            roots=bases,
            memory=Integer(0) if memory is None else memory,
        )

    def _name(self, skeleton: Skeleton, part: Part) -> str:
        """Return the diagram's text, with the number of the part where there are several."""
        text = str(skeleton.diagram)
        return text if len(self.parts) == 1 else f"{text} of {self.parts.index(part) + 1}"

    def _eigenvalue(self, i: int, term: DressedTerm) -> Expr:
        is_flat = i < len(term.contraction.free) and index_letter(i) in self.flat
        return Integer(0) if is_flat else eigenvalue(i)

    # Presentations --------------------------------------------------------------------------------

    def with_form(self, form: Form, *, flat: tuple[str, ...] = ()) -> ResummedExpansion:
        """Return the same expansion with weights in another form.

        Parameters
        ----------
        form
            ``"discrete"``, ``"continuous"``, ``"stationary"`` or ``"small-eta"``.
        flat
            Names of free indices along which the landscape is flat (h = 0).

        Raises
        ------
        RequestError
            When there is no closed form, or a flat index is not free.
        """
        check_choice("form", form, FORMS)
        if form == "discrete" and any(is_continuous(scheme_of(p)) for p in self.parts):
            raise RequestError(
                f"expected form='continuous' for {scheme_of(self.parts[0]).name}, got form='discrete'"
            )
        for part in self.parts:
            scheme = scheme_of(part)
            if form != "discrete" and not has_closed_form(scheme, part.optimizer):
                raise RequestError(
                    f"expected form='discrete' for {scheme.label} with {part.optimizer.label}, which has "
                    f"no closed form, got form={form!r}"
                )
        rank = max((part.observable.rank for part in self.parts), default=0)
        free = tuple(index_letter(i) for i in range(rank))
        for name in flat:
            if name not in free:
                raise RequestError(
                    f"expected flat directions among the free indices {', '.join(free) or '(none)'}, "
                    f"got flat={name!r}"
                )
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
        groups: set[frozenset[int]] = set()
        for dressed_term in self.pieces:
            if dressed_term.contraction != term.contraction:
                continue
            for piece in dressed_term.pieces:
                part = self.parts[piece.part]
                for s in piece.skeletons:
                    count = dressed(s.diagram, scheme_of(part), part.optimizer, root=s.role)
                    groups |= {frozenset(s.indices[v] for v in g) for g in conditions(count)}
        flat = {i for i in range(term.order) if index_letter(i) in self.flat}
        groups = {g for g in groups if not g <= flat}
        least = [g for g in groups if not any(other < g for other in groups)]
        return tuple(sorted(tuple(index_letter(i) for i in sorted(g)) for g in least))

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
        parts = []
        for part in self.parts:
            scheme = scheme_of(part)
            own = {k: v for k, v in numbers.items() if k in scheme.symbols}
            parts.append(
                replace(part, sampling=scheme.at(**own), optimizer=part.optimizer.at(**numbers))
            )
        unknown = [k for k in numbers if k not in self.symbols]
        if unknown:
            raise RequestError(
                f"expected numbers for {', '.join(self.symbols) or 'no symbol'}, "
                f"got {unknown[0]}={numbers[unknown[0]]!r}"
            )
        return replace(self, parts=tuple(parts))

    # As SymPy -------------------------------------------------------------------------------------

    def sympy(self, k: int | None = None) -> Expr:
        """Return order `k`, or the sum of all orders, as a SymPy expression of `SpectralSum`.

        Raises
        ------
        RequestError
            When the order is beyond the expansion.
        """
        chosen = self.terms if k is None else self.order_terms(self._checked(k))
        return Add(
            *(
                Mul(symbols.eta**t.order, SpectralSum(t.weight, t.contraction))
                if t.indices
                else t.weight * t.contraction
                for t in chosen
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
        chosen = self.terms if k is None else self.order_terms(self._checked(k))
        return Add(*(one_dimensional(term, self) for term in chosen))

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

    def _checked(self, k: int) -> int:
        if not 0 <= k <= self.order:
            raise RequestError(f"expected an order 0..{self.order} of this expansion, got k={k}")
        return k

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
        chosen = self.order if order is None else self._checked(order)
        exact = all((self.form == "continuous") == is_continuous(scheme_of(p)) for p in self.parts)
        if self.form not in ("discrete", "continuous") or not exact or self.flat:
            raise RequestError(
                f"expected the exact form of the expansion, got form={self.form!r}; "
                "its leading part for long times is no power series"
            )
        return Expansion(chosen, self.basis, self.parts, relink(self, chosen))

    def evaluate(self, values: Holder[Result], *, eta: Any, **numbers: int | Fraction) -> Result:
        """Return the expansion in numbers: see `Expansion.evaluate`."""
        return values.evaluate(self, eta=eta, **numbers)

    # Algebra --------------------------------------------------------------------------------------

    def __add__(self, other: ResummedExpansion) -> ResummedExpansion:
        if not isinstance(other, ResummedExpansion):
            return NotImplemented
        if (self.form, self.flat) != (other.form, other.flat):
            raise RequestError(
                f"expected expansions of one form, got {self.form!r} and {other.form!r}"
            )
        order = min(self.order, other.order)
        parts = list(self.parts)
        places = []
        for part in other.parts:
            alike = [
                i
                for i, p in enumerate(parts)
                if (p.observable, p.sampling, p.optimizer)
                == (part.observable, part.sampling, part.optimizer)
            ]
            if alike:
                first = parts[alike[0]]
                parts[alike[0]] = replace(first, coefficient=first.coefficient + part.coefficient)
            else:
                parts.append(part)
            places.append(alike[0] if alike else len(parts) - 1)
        pieces = [(t.contraction, p) for t in self.pieces if t.order <= order for p in t.pieces]
        pieces += [
            (t.contraction, replace(p, part=places[p.part]))
            for t in other.pieces
            if t.order <= order
            for p in t.pieces
        ]
        collected = collect_pieces(pieces)
        return _without_unused(replace(self, order=order, parts=tuple(parts), pieces=collected))

    def __neg__(self) -> ResummedExpansion:
        return self * -1

    def __sub__(self, other: ResummedExpansion) -> ResummedExpansion:
        if not isinstance(other, ResummedExpansion):
            return NotImplemented
        return self + other * -1

    def __mul__(self, number: int | Fraction | Rational) -> ResummedExpansion:
        if not isinstance(number, (int, Fraction, Rational)) or isinstance(number, bool):
            return NotImplemented
        exact = Fraction(int(number.numerator), int(number.denominator))
        parts = tuple(replace(p, coefficient=p.coefficient * exact) for p in self.parts)
        pieces = tuple(
            replace(
                t,
                pieces=tuple(replace(p, coefficient=p.coefficient * exact) for p in t.pieces),
            )
            for t in (self.pieces if exact else ())
        )
        return replace(self, parts=parts, pieces=pieces)

    __rmul__ = __mul__

    # Output ---------------------------------------------------------------------------------------

    def write(self, renderer: Renderer[Any], *, differences: str = "short") -> str:
        """Return the formula in the format of a renderer; see `Expansion.write` and `latex`."""
        return write_resummed(self, renderer, differences=differences)

    def latex(self, *, differences: str = "short", standalone: bool = False) -> str:
        r"""Return the formula in LaTeX (``align*``; needs the package amsmath).

        Parameters
        ----------
        differences
            ``"short"``: divided differences of more than two nodes in brackets; ``"written-out"``: as
            sums of fractions, which are undefined where nodes coincide.
        standalone
            A whole document instead of the formula alone.
        """
        return self.write(LatexRenderer(standalone=standalone), differences=differences)

    def mathml(self, *, differences: str = "short", standalone: bool = False) -> str:
        """Return the formula in MathML, a ``math`` element or a page of HTML; see `latex`."""
        return self.write(MathmlRenderer(standalone=standalone), differences=differences)

    def text(self) -> str:
        """Return the expansion as a table for the terminal."""
        return self.write(TextRenderer())

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
            text, lambda f: cls(f.order, f.parts, f.pieces).with_form(f.form, flat=f.flat)
        )

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return (
            f"<ResummedExpansion of {self.observable}, order {self.order}, {self.form}, "
            f"{len(self.pieces)} terms>"
        )

    def _repr_latex_(self) -> str:
        return f"$$\n{self.write(LatexRenderer(environment='aligned'))}\n$$"


def _memory(optimizer: Optimizer) -> Expr | None:
    """Return beta of the heavy ball; None for plain SGD."""
    return None if optimizer.dressing is None else optimizer.dressing.beta


def _bases(i: int, h: Expr, memory: Expr) -> tuple[Expr, Expr]:
    """Return the two bases of the heavy ball's kernel at an index."""
    return (Integer(1), memory) if h == 0 else roots(i)


def _without_unused(expansion: ResummedExpansion) -> ResummedExpansion:
    """Leave out parts that have cancelled."""
    used = {piece.part for term in expansion.pieces for piece in term.pieces}
    kept = [i for i, part in enumerate(expansion.parts) if part.coefficient or i in used]
    number = {i: k for k, i in enumerate(kept)}
    pieces = tuple(
        replace(t, pieces=tuple(replace(p, part=number[p.part]) for p in t.pieces))
        for t in expansion.pieces
    )
    return replace(expansion, parts=tuple(expansion.parts[i] for i in kept), pieces=pieces)
