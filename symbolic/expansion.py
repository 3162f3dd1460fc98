"""Expansions: sums of weights times contractions, order by order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from sympy import Add, Expr, Mul, Rational, cancel, nan, oo, zoo

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import how_many, shown
from sgdiagrams.diagrams.tables import folded_for_people
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.article.series_derivation import plain_article
from sgdiagrams.symbolic.checks import check_choice, check_numbers, rational
from sgdiagrams.symbolic.derivation import exact_terms, rounded_terms
from sgdiagrams.symbolic.files.formula import dump, load
from sgdiagrams.symbolic.formula import (
    Part,
    SeriesFormula,
    Term,
    check_holder,
    check_scalar_rate,
    collect,
)
from sgdiagrams.symbolic.layout.latex import LatexRenderer, displayed_in_notebook
from sgdiagrams.symbolic.layout.mathml import MathmlRenderer
from sgdiagrams.symbolic.layout.text import TextRenderer
from sgdiagrams.symbolic.observed.times_of_reading import check_stages
from sgdiagrams.symbolic.printing.page_widths import in_points
from sgdiagrams.symbolic.symbols import in_usual_order
from sgdiagrams.symbolic.training.average import check_window
from sgdiagrams.symbolic.training.substituted import SubstitutedSampling
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED, Coefficients, EtaStyle
from sgdiagrams.symbolic.weights.enclosures import rounded_at
from sgdiagrams.symbolic.weights.poles import denominators, pole_message
from sgdiagrams.symbolic.weights.substitution import replacements, value_at
from sgdiagrams.symbolic.writing.series import series_heading, write_series
from sgdiagrams.symbolic.writing.source_code import numpy_source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sympy import Symbol

    from sgdiagrams.symbolic.contractions.contraction import Contraction, Metric
    from sgdiagrams.symbolic.derivation import Derivation
    from sgdiagrams.symbolic.formula import Holder, Result
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.training.sampling import Sampling


__all__ = ["Expansion"]


@dataclass(frozen=True, slots=True, repr=False)
class Expansion(SeriesFormula):
    """An expected observable as a power series in the learning rate.

    Made by `expand`; sums, differences, rational multiples and substitutions are expansions too.

    Attributes
    ----------
    order
        The highest power of eta that is kept.
    basis
        ``"moment"`` or ``"cumulant"``; ``"mixed"`` for sums of both.
    parts
        What is expanded.
    terms
        The terms, by order, then by power of T, then by simplicity of the contraction.

    Examples
    --------
    >>> from sgdiagrams.symbolic import expand
    >>> expansion = expand("test-loss", order=1, sampling="one-pass")
    >>> expansion.terms[1].weight, expansion.terms[1].contraction
    (-T, G_a G_a)
    >>> expansion.sympy()
    -T*eta*G_a G_a + l
    """

    order: int
    basis: str
    parts: tuple[Part, ...]
    terms: tuple[Term, ...]

    @classmethod
    def pending(
        cls, parts: tuple[Part, ...], derivations: tuple[tuple[Fraction, Derivation], ...]
    ) -> Self:
        """Return an expansion whose terms are derived when somebody asks for them.

        Parameters
        ----------
        parts
            One for each derivation.
        derivations
            With the coefficient of each, all of one basis.
        """
        self = object.__new__(cls)
        object.__setattr__(self, "order", min(d.order for _, d in derivations))
        object.__setattr__(self, "basis", derivations[0][1].basis)
        object.__setattr__(self, "parts", parts)
        self.__dict__["_derivations"] = derivations
        return self

    # Hidden from type checkers, for whom all other names would be there too.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Derive the terms at the first time."""
            if name != "terms" or not self._derivations:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            terms = exact_terms(self._derivations, self.order)
            object.__setattr__(self, name, terms)
            return terms

    @property
    def _derivations(self) -> tuple[tuple[Fraction, Derivation], ...]:
        """Where the terms come from, while their numbers are too long to be derived for nothing."""
        known: tuple[tuple[Fraction, Derivation], ...] = self.__dict__.get("_derivations", ())
        return known

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The names of the numbers that evaluation needs."""
        names = {name for part in self.parts for name in part.symbols}
        if not self._derivations:
            names |= {str(s) for term in self.terms for s in term.weight.free_symbols}
        return in_usual_order(names)

    def sympy(self, k: int | None = None, *, eta: EtaStyle = "scalar") -> Expr:
        """Return order `k`, or the sum of all orders, as a SymPy expression.

        Parameters
        ----------
        k
            An order; all of them when left out.
        eta
            ``"scalar"``: a power of the symbol eta in front; ``"tensor"``: the contractions carry the
            learning-rate tensor on every edge.

        Raises
        ------
        RequestError
            When the order is beyond the expansion, or a tensor is asked for and edges carry no learning
            rate, those of an expression that is observed.
        """
        check_choice("eta", eta, ("scalar", "tensor"))
        if eta == "tensor":
            check_scalar_rate(self)
        if k is not None and not is_whole(k, least=0, most=self.order):
            raise RequestError(
                f"expected an order 0..{self.order} of this expansion, got k={shown(k)}"
            )
        terms = self.terms if k is None else self.order_terms(k)
        if eta == "tensor":
            return Add(*(Mul(t.weight, t.contraction.with_metric("eta")) for t in terms))
        return Add(*(Mul(symbols.eta**t.order, t.weight, t.contraction) for t in terms))

    def expression(self, k: int | None = None) -> Expression:
        """Return order `k` without its power of eta, or the sum of all orders with them.

        Parameters
        ----------
        k
            An order; all of them when left out.

        Raises
        ------
        RequestError
            When the order is beyond the expansion.

        Examples
        --------
        >>> from sgdiagrams.symbolic import expand
        >>> expand("test-loss", order=2, sampling="one-pass").expression(2).in_basis("cumulant")
        Expression.parse('T (2 T - 1)/2 G_a H_ab G_b + T/2 C_ab H_ab')
        """
        if k is not None and not is_whole(k, least=0, most=self.order):
            raise RequestError(
                f"expected an order 0..{self.order} of this expansion, got k={shown(k)}"
            )
        ranks = {part.observable.rank for part in self.parts}
        rank = ranks.pop() if len(ranks) == 1 else None
        if k is not None:
            return Expression(((t.weight, t.contraction) for t in self.order_terms(k)), rank)
        return Expression(
            ((t.weight * symbols.eta**t.order, t.contraction) for t in self.terms), rank
        )

    def with_metric(self, metric: Metric) -> Expansion:
        """Return the same expansion with the learning-rate tensor on the edges, or without.

        Raises
        ------
        RequestError
            When edges carry no learning rate, those of an expression that is observed.
        """
        if metric == "eta":
            check_scalar_rate(self)
        terms = (replace(t, contraction=t.contraction.with_metric(metric)) for t in self.terms)
        return replace(self, terms=tuple(terms))

    def weights(self, **numbers: int | Fraction) -> tuple[Fraction, ...]:
        """Return the weights of all terms at given numbers, exactly.

        Raises
        ------
        SamplingError
            When a number is missing, unknown or impossible for the sampling scheme.

        Examples
        --------
        >>> from sgdiagrams.symbolic import expand
        >>> expand("test-loss", order=2, sampling="one-pass").weights(T=10)
        (Fraction(1, 1), Fraction(-10, 1), Fraction(90, 1), Fraction(5, 1))
        """
        return self._weights(value_at, numbers)

    def rounded_weights(self, **numbers: int | Fraction) -> tuple[Fraction, ...]:
        """Return the weights of all terms to 30 digits at least, with certainty.

        Momentum over a million updates takes a moment, where exact weights have a million digits.

        Raises
        ------
        SamplingError
            As for `weights`.

        Examples
        --------
        >>> from sgdiagrams.symbolic import expand
        >>> heavy = expand("test-loss", order=1, sampling="one-pass", optimizer="momentum")
        >>> float(heavy.rounded_weights(T=10**6, beta=0.9)[1])
        -9999910.0
        """
        return self._weights(rounded_at, numbers)

    def rounded_terms(self, **numbers: int | Fraction) -> tuple[tuple[Fraction, Contraction], ...]:
        """Return the terms as numbers, rounded as by `rounded_weights`, and their contractions.

        Where all numbers were given before the expansion, no exact weight is derived for it.

        Raises
        ------
        SamplingError
            As for `weights`.

        Examples
        --------
        >>> from sgdiagrams.symbolic import expand
        >>> from sgdiagrams.symbolic.training.optimizers.momentum import Momentum
        >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
        >>> training = {"sampling": OnePass(T=10**6), "optimizer": Momentum(beta="9/10")}
        >>> weight, contraction = expand("test-loss", order=1, **training).rounded_terms()[1]
        >>> float(weight), contraction
        (-9999910.0, G_a G_a)
        """
        return SeriesFormula.rounded_terms(self, **numbers)

    def rounded_by_order(
        self, **numbers: int | Fraction
    ) -> tuple[tuple[Fraction, Contraction, int], ...]:
        """Return the terms as `rounded_terms` does, with their orders."""
        if not self._derivations:
            return SeriesFormula.rounded_by_order(self, **numbers)
        check_numbers(numbers, self.symbols)
        for part in self.parts:
            part.optimizer.at(**numbers)  # checks them
        return self._rounded

    @cached_property
    def _rounded(self) -> tuple[tuple[Fraction, Contraction, int], ...]:
        return rounded_terms(self._derivations, self.order)

    def _weights(
        self,
        at: Callable[[Expr, Mapping[str, Fraction]], Fraction],
        numbers: Mapping[str, int | Fraction],
    ) -> tuple[Fraction, ...]:
        """Return what a function makes of the weights, once the numbers are checked."""
        check_numbers(numbers, self.symbols)
        values = {k: rational(k, v) for k, v in numbers.items()}
        schemes: list[Sampling] = []
        for part in self.parts:
            if part.sampling is not None:
                own = {k: numbers[k] for k in part.sampling.symbols}
                schemes.append(part.sampling.put(**own))
            elif part.substituted is not None:
                schemes.append(part.substituted.at(values))
            if part.observable.times and schemes:
                check_stages(part.observable.times, schemes[-1].updates, values)
            if schemes:
                check_window(part.window, schemes[-1].updates)
        is_empty = len(schemes) == len(self.parts) and all(s.is_empty for s in schemes)
        # Powers of eta among the coefficients of an expression are there without any update.
        if schemes and is_empty and not self.has_bare_edges:
            # No update is made, so there is no training set to divide by.
            return tuple(
                value_at(t.weight, {}) if t.order == 0 else Fraction(0) for t in self.terms
            )
        for part in self.parts:
            part.optimizer.at(**numbers)  # checks them
        return tuple(at(term.weight, values) for term in self.terms)

    def evaluate(self, values: Holder[Result], *, eta: Any, **numbers: int | Fraction) -> Result:
        """Return the expansion in numbers: whoever has them knows how to contract them.

        Parameters
        ----------
        values
            `sgdiagrams.Statistics` of the derivatives at the starting point, or another holder of
            numbers.
        eta
            The learning rate: a scalar, a diagonal of shape (p,) or a symmetric array of shape (p, p).
        **numbers
            A number for every symbol: ``T=10`` or ``N=..., B=..., E=...``.
        """
        check_holder(values)
        return values.evaluate(self, eta=eta, **numbers)

    def subs(self, *args: Any) -> Expansion:
        """Substitute symbols, eta included, as SymPy's ``subs`` does.

        A new eta must be the old one times something free of it: ``{eta: eta/M}`` compares protocols at
        equal total learning rate. Numbers are checked against the scheme, now and at evaluation.

        Raises
        ------
        RequestError
            When eta is replaced by something that is not a multiple of it.
        SamplingError
            When a number is impossible for the sampling scheme.

        Examples
        --------
        >>> from sgdiagrams.symbolic import expand
        >>> expansion = expand("test-loss", order=2, sampling="epochs")
        >>> expansion.subs({"B": "N"}).order_terms(1)[0].weight
        -E
        """
        table = replacements(*args)
        given = dict(table)
        scale = cancel(table.pop(symbols.eta, symbols.eta) / symbols.eta)
        if scale.has(symbols.eta) or scale == 0:
            raise RequestError(f"expected a multiple of eta for eta, got {shown(given)}")
        terms = [replace(t, weight=t.weight.xreplace(table) * scale**t.order) for t in self.terms]
        if any(t.weight.has(zoo, nan, oo, -oo) for t in terms):
            pole = next(
                (
                    base
                    for term in self.terms
                    for base in denominators(term.weight)
                    if base.xreplace(table).expand() == 0
                ),
                None,
            )
            if pole is not None:
                raise RequestError(pole_message(pole, table))
            raise RequestError(
                f"expected values at which all weights are finite, got {shown(given)}"
            )
        numbers = {str(k): v for k, v in table.items() if v.is_Symbol or not v.free_symbols}
        new = {**table, symbols.eta: symbols.eta * scale}
        parts = tuple(_substituted(part, table, numbers, new) for part in self.parts)
        if any(p.optimizer.weight_decay for p in self.parts) and not any(
            p.optimizer.weight_decay for p in parts
        ):
            terms = [
                replace(t, contraction=t.contraction.with_label(PENALISED, LOSS)) for t in terms
            ]
        return Expansion(self.order, self.basis, parts, collect(terms))

    def __add__(self, other: Expansion) -> Expansion:
        if not isinstance(other, Expansion):
            return NotImplemented
        ranks = [sorted({part.observable.rank for part in e.parts}) for e in (self, other)]
        if all(ranks) and ranks[0] != ranks[1]:
            names = [e.parts[0].observable.name for e in (self, other)]
            raise RequestError(
                f"expected equally many free legs in a sum, got {ranks[0][0]} of {shown(names[0])} and "
                f"{ranks[1][0]} of {shown(names[1])}"
            )
        parts: dict[tuple[object, ...], Part] = {}
        for i, part in enumerate((*self.parts, *other.parts)):
            # Once symbols are substituted nobody knows whether two schemes are the same.
            known = part.sampling is not None
            key = (part.observable, part.sampling, part.optimizer, None if known else i)
            before = parts[key].coefficient if key in parts else 0
            parts[key] = replace(part, coefficient=part.coefficient + before)
        kept = tuple(part for part in parts.values() if part.coefficient)
        pending = (*self._derivations, *other._derivations)
        are_pending = self._derivations and other._derivations and self.basis == other.basis
        if are_pending and len(kept) == len(pending):
            return Expansion.pending(kept, pending)
        order = min(self.order, other.order)
        basis = self.basis if self.basis == other.basis else "mixed"
        terms = collect(t for t in (*self.terms, *other.terms) if t.order <= order)
        return Expansion(order, basis, kept, terms)

    def __neg__(self) -> Expansion:
        return self * -1

    def __sub__(self, other: Expansion) -> Expansion:
        if not isinstance(other, Expansion):
            return NotImplemented
        return self + other * -1

    def __mul__(self, factor: int | Fraction | Rational) -> Expansion:
        if not (is_whole(factor) or isinstance(factor, (Fraction, Rational))):
            return NotImplemented
        number = Rational(int(factor.numerator), int(factor.denominator))
        exact = Fraction(int(number.p), int(number.q))
        parts = tuple(replace(p, coefficient=p.coefficient * exact) for p in self.parts)
        if self._derivations and exact:
            pending = tuple((exact * c, derivation) for c, derivation in self._derivations)
            return Expansion.pending(parts, pending)
        terms = collect(replace(t, weight=t.weight * number) for t in self.terms)
        return Expansion(self.order, self.basis, parts, terms)

    __rmul__ = __mul__

    def write(
        self,
        renderer: Renderer[Any],
        *,
        eta: EtaStyle = "scalar",
        coefficients: Coefficients = "factored",
        digits: int | None = None,
    ) -> str:
        """Return the formula in the format of a renderer; options as for `latex`.

        Parameters
        ----------
        renderer
            One of the package's, or of a user's own: see `sgdiagrams.symbolic.layout.renderer`.
        """
        return write_series(self, renderer, eta=eta, coefficients=coefficients, digits=digits)

    def latex(
        self,
        *,
        eta: EtaStyle = "scalar",
        coefficients: Coefficients = "factored",
        standalone: bool = False,
        width: int | str | None = None,
        digits: int | None = None,
    ) -> str:
        r"""Return the formula in LaTeX (``align*``; needs the package amsmath).

        The letter of conditional cumulants needs amssymb as well.

        Parameters
        ----------
        eta
            ``"scalar"``: powers of eta in front of each order; ``"tensor"``: :math:`\eta^{\mu\nu}` on
            every edge.
        coefficients
            ``"factored"``, ``"expanded"`` or ``"binomial"`` (polynomials of T in binomials).
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
        renderer = LatexRenderer(standalone=standalone, points=in_points(width))
        return self.write(renderer, eta=eta, coefficients=coefficients, digits=digits)

    def mathml(
        self,
        *,
        eta: EtaStyle = "scalar",
        coefficients: Coefficients = "factored",
        standalone: bool = False,
        width: int | str | None = None,
        digits: int | None = None,
    ) -> str:
        """Return the formula in MathML for web pages, a ``math`` element; options as for `latex`.

        With `standalone` it is a page of HTML.
        """
        renderer = MathmlRenderer(standalone=standalone, points=in_points(width))
        return self.write(renderer, eta=eta, coefficients=coefficients, digits=digits)

    def text(
        self,
        *,
        eta: EtaStyle = "scalar",
        coefficients: Coefficients = "factored",
        digits: int | None = None,
    ) -> str:
        """Return the expansion as a table for the terminal; options as for `latex`."""
        return self.write(TextRenderer(), eta=eta, coefficients=coefficients, digits=digits)

    def document(
        self,
        *,
        width: int | str | None = None,
        coefficients: Coefficients = "factored",
        digits: int | None = None,
        command: str | None = None,
    ) -> str:
        r"""Return the whole derivation as an article in LaTeX, for people to read.

        It asks the question, states the theorem and the rule of counting, explains the letters that
        occur, lists the diagrams with symmetry factor, count and value, collects them, and says where
        the formula holds. It needs the packages ``geometry``, ``amsmath``, ``amssymb``, ``longtable`` and
        ``tikz``.

        Parameters
        ----------
        width
            That of the text, 300pt or more: see `latex`.
        coefficients, digits
            As for `latex`. Numbers that no line has room for are rounded to 12 digits, and the text says
            so; what would fill more than a page is described in a few words.
        command
            What writes the text again, for its last section; the call of `expand` when left out.

        Raises
        ------
        RequestError
            When the width is no length or too small, there would be more than 2000 rows, or the
            expansion does not know any more how training is done, once symbols have been substituted.

        Examples
        --------
        >>> from sgdiagrams.symbolic import expand
        >>> text = expand("test-loss", order=2, sampling="one-pass").document()
        >>> [line for line in text.splitlines() if line.startswith(r"\section")][:2]
        ['\\section*{The question}', '\\section*{The theorem}']
        """
        return plain_article(
            self, width=width, coefficients=coefficients, digits=digits, command=command
        ).latex()

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return the expansion as JSON, in the schema of `sgdiagrams.symbolic.files.formula`."""
        return dump(self, indent=indent)

    @classmethod
    def from_json(cls, text: str) -> Expansion:
        """Read what `to_json` wrote. Nothing in the text is evaluated.

        Raises
        ------
        FormatError
            When the text is no JSON, or no expansion of a version that is known.
        """
        return cls(*load(text))

    def python(self) -> str:
        """Return standalone Python source that evaluates the expansion with NumPy alone."""
        return numpy_source(self)

    def __str__(self) -> str:
        return folded_for_people(write_series(self, TextRenderer(), too_long="describe"))

    def __repr__(self) -> str:
        return f"<Expansion {series_heading(self)} | {how_many(len(self.terms), 'term')}>"

    def _repr_latex_(self) -> str:
        renderer = LatexRenderer(environment="aligned")
        return displayed_in_notebook(write_series(self, renderer, too_long="describe"))


def _substituted(
    part: Part,
    table: Mapping[Symbol, Expr],
    numbers: Mapping[str, Expr],
    with_eta: Mapping[Symbol, Expr],
) -> Part:
    """Return a part after a substitution, with the numbers and symbols among it."""
    scheme = part.substituted
    if part.sampling is not None:
        scheme = SubstitutedSampling.of(part.sampling)
    replaced = None if scheme is None else scheme.replaced(table)
    if replaced is not None:
        lags = {name: numbers[name] for name in part.observable.lags if name in numbers}
        check_stages(part.observable.times, replaced.updates, lags)
        check_window(part.window, replaced.updates)
    return replace(
        part,
        observable=part.observable.substituted(with_eta),
        sampling=None,
        optimizer=part.optimizer.at(**numbers),
        substituted=replaced,
    )
