r"""Observables: what stands at the root of the diagrams.

An observable is a signed sum of products of expectations :math:`E[s_1(\theta_T) s_2(\theta_T) \cdots]`,
whose factors may look at the weights at different times.
The factors s are losses, coordinates of the displacement :math:`\theta_T - \theta_0`, functions of the
weights that the user brings, or expressions: sums of contractions of the population's derivatives, whose
own derivatives follow from Leibniz' rule. Any such sum is an observable, made like those below.

In a diagram the children of the root are shared out among the factors
(Leibniz): a coordinate takes exactly one child, which then has a free leg in place of the edge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.checks import check_choice, whole_number
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.observed.given import Given
from sgdiagrams.symbolic.observed.joined import together
from sgdiagrams.symbolic.observed.names_in_time import named_in_time
from sgdiagrams.symbolic.observed.of_expressions import MOST_TERMS, check_observed, in_brief
from sgdiagrams.symbolic.observed.product import Product, changes, last_steps, read_at
from sgdiagrams.symbolic.observed.spelling import Spelling, in_words
from sgdiagrams.symbolic.observed.times_of_reading import read_time
from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING, WEIGHTS, is_function

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sympy import Expr, Symbol

    from sgdiagrams.diagrams.enumeration import RootMode
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
    from sgdiagrams.symbolic.vocabulary import RootRole

__all__ = [
    "COVARIANCE",
    "DISPLACEMENT",
    "GAP",
    "OBSERVABLES",
    "SECOND_MOMENT",
    "TEST_LOSS",
    "TRAINING_LOSS",
    "VARIANCE",
    "Function",
    "Observable",
    "change_since",
    "covariance_of",
    "increment",
    "named_observable",
]

_MOST_DIGITS = 18  # of a number of updates
#: What names of expressions begin with, and those of their variances.
_EXPRESSION, _VARIANCE = "expression:", "variance:expression:"
#: The factor that is an expression.
_FACTOR = "expression"


@dataclass(frozen=True, slots=True)
class Observable:
    r"""A function of the final weights whose expectation is expanded.

    Attributes
    ----------
    name
        The name on the command line and in files.
    latex
        The left side of the formula: the expectation at the end of training.
    text
        The same for the terminal.
    products
        The signed sum of products of expectations.
    since
        For an increment the number of updates at its start; otherwise None.
    given
        What is known of the user's functions; it does not tell observables apart.
    expressions
        What factors are that are expressions, by name.

    Examples
    --------
    The third moment of the test loss:

    >>> Observable("cube", r"\langle\ell^3\rangle", "E[loss^3]", (Product(1, (("loss",) * 3,)),)).rank
    0
    """

    name: str
    latex: str
    text: str
    products: tuple[Product, ...]
    since: int | None = None
    given: tuple[Given, ...] = field(default=(), compare=False, repr=False)
    expressions: tuple[tuple[str, Expression], ...] = ()

    def __post_init__(self) -> None:
        known = (LOSS, TRAINING, WEIGHTS)
        object.__setattr__(self, "products", tuple(self.products))
        for words in (self.name, self.latex, self.text):
            if not isinstance(words, str):
                raise RequestError(f"expected name, latex and text as strings, got {shown(words)}")
        if self.since is not None and not is_whole(self.since, least=0):
            raise RequestError(
                f"expected a whole number of updates >= 0, got since={shown(self.since)}"
            )
        if self.since is not None and self.times:
            raise RequestError(
                f"expected an increment of what is read at the end, got {shown(self.name)}; multiply, "
                "and subtract expansions"
            )
        for product in self.products:
            if not is_whole(product.sign):
                raise RequestError(
                    f"expected a whole number as the sign of a product, got {shown(product.sign)}"
                )
        for product in self.products:
            for factors in product.expectations:
                strange = [f for f in factors if f not in known and not is_function(f)]
                if strange or not factors:
                    raise RequestError(
                        f"expected factors {', '.join(known)} or names of functions in an expectation "
                        f"of {self.name}, got {shown(factors)}"
                    )
                if factors.count(TRAINING) > 1:
                    raise RequestError(
                        f"expected at most one {TRAINING} in an expectation of {self.name}, got "
                        f"{shown(factors)}; take products of expectations"
                    )
        ranks = {self._rank(p) for p in self.products}
        if len(ranks) != 1:
            named = "free indices" if self.expressions else WEIGHTS
            raise RequestError(
                f"expected as many {named} in every product of {self.name}, got {sorted(ranks)}"
            )

    def _rank(self, product: Product) -> int:
        of = {name: expression.rank for name, expression in self.expressions}
        return sum(f == WEIGHTS or of.get(f, 0) for e in product.expectations for f in e)

    @property
    def rank(self) -> int:
        """The number of free indices."""
        return self._rank(self.products[0])

    @property
    def factors(self) -> frozenset[str]:
        """All factors that occur."""
        return frozenset(f for p in self.products for e in p.expectations for f in e)

    @property
    def times(self) -> tuple[ReadTime, ...]:
        """When factors look at the weights, where not all of them do so at the end; otherwise none."""
        if not any(p.times for p in self.products):
            return ()
        return tuple(sorted({t for p in self.products for _, of in p.timed for t in of}, key=str))

    @property
    def is_at_end(self) -> bool:
        """Whether all factors look at the weights at the end, and it is no increment."""
        return self.since is None and not self.times

    @property
    def lags(self) -> tuple[str, ...]:
        """The names of lags that are still to be given a number."""
        return tuple(sorted({time.lag for time in self.times if time.lag}))

    @property
    def needs_population(self) -> bool:
        """Whether the population's own loss occurs, which a training set does not know."""
        return LOSS in self.factors or bool(self.expressions)

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the user's functions, in expressions too."""
        known = dict(self.expressions)
        labels = {label for e in known.values() for k in e.contractions for label in k.labels}
        return tuple(sorted(filter(is_function, (self.factors - set(known)) | labels)))

    @property
    def has_bare_edges(self) -> bool:
        """Whether there are edges or free legs without learning rate, or a learning rate by itself."""
        return any(k.order or c.has(symbols.eta) for _, e in self.expressions for c, k in e.terms)

    @property
    def most_legs(self) -> int:
        """The highest order of a derivative in an expression; 0 without, as for a loss."""
        return max(
            (max(k.legs, default=0) for _, e in self.expressions for k in e.contractions), default=0
        )

    @property
    def title(self) -> str:
        """The name, of a long expression how long it is."""
        counts = [len(e.terms) for _, e in self.expressions]
        is_long = self.name.startswith((_EXPRESSION, _VARIANCE)) and counts[0] > MOST_TERMS
        return f"expression of {counts[0]} terms" if is_long else self.name

    @property
    def words(self) -> str:
        """The name as titles show it."""
        if not self.expressions:
            return in_words(self.name).replace("-", " ")
        return "variance of an expression" if self.name.startswith(_VARIANCE) else "expression"

    @property
    def is_mean(self) -> bool:
        """Whether it is a sum of single expectations, so that one run contributes to a mean."""
        return all(len(p.expectations) == 1 for p in self.products)

    @property
    def spread_of(self) -> str | None:
        """The factor, no coordinate, whose variance over runs this is; None for all others."""
        first = self.products[0].expectations[0][0]
        square = Product(1, ((first, first),))
        mean_squared = Product(-1, ((first,), (first,)))
        is_variance = not self.rank and self.products == (square, mean_squared)
        return first if is_variance else None

    def given_function(self, name: str) -> Given:
        """Return what is known of a user's function."""
        return next((given for given in self.given if given.name == name), Given(name))

    def substituted(self, table: Mapping[Symbol, Expr]) -> Observable:
        """Return the observable with symbols of its expressions and times replaced."""
        new = tuple((name, e.subs(dict(table))) for name, e in self.expressions)
        products = tuple(p.with_times(lambda t: t.replaced(table)) for p in self.products)
        if products != self.products:
            return self._at_other_times(products, table)
        if new == self.expressions:
            return self
        if self.name.startswith((_EXPRESSION, _VARIANCE)) and not self.times:
            again = (_variance if self.name.startswith(_VARIANCE) else _mean_of)(new[0][1])
            return again if self.since is None else increment(again, since=self.since)
        return replace(self, expressions=new)

    def _at_other_times(
        self, products: tuple[Product, ...], table: Mapping[Symbol, Expr]
    ) -> Observable:
        """Return the observable with other products: those that other lags give."""

        def given(match: re.Match[str]) -> str:
            values = {str(symbol): value for symbol, value in table.items()}
            return f"lag={values.get(match[1], match[1])}"

        name = re.sub(r"\blag=(\w+)", given, self.name)
        if name != self.name:
            named = named_observable(name)
            if named.products == products:
                return replace(named, given=self.given)
        return replace(self, name=name, products=products)

    # At other times -------------------------------------------------------------------------------

    def at(self, updates: object = None, *, lag: object = None) -> Observable:
        r"""Return the observable with the weights after some updates, or before the last ones.

        Parameters
        ----------
        updates
            The number of updates: :math:`\theta_5` for 5, whatever T.
        lag
            In its place, the number of updates before the end, or a symbol: :math:`\theta_{T-3}` for 3.

        Raises
        ------
        RequestError
            When there is no such time, or it is an increment.

        Examples
        --------
        >>> (DISPLACEMENT.at(lag=3) * DISPLACEMENT).text
        'E[displacement(T-3)^a displacement^b]'
        """
        time = read_time(lag=lag, at=updates)
        self.check_mean("another time")
        if time.is_end:
            return self
        suffix = f"lag={lag}" if updates is None else f"at={updates}"
        return self._respelled(suffix, read_at(self.products, time), self.spelling.at(time))

    def step(self) -> Observable:
        r"""Return the observable with the last step :math:`\theta_T - \theta_{T-1}` as the displacement.

        Raises
        ------
        RequestError
            When there are no weights, or it is an increment.

        Examples
        --------
        >>> DISPLACEMENT.step().text
        'E[step^a]'
        """
        self.check_mean("a step")
        return self._respelled("step", last_steps(self.products), self.spelling.step())

    def __mul__(self, other: Observable) -> Observable:
        """Return the mean of the product of what two observables are means of."""
        if not isinstance(other, Observable):
            return NotImplemented
        return together(self, other, is_connected=False)

    def check_mean(self, wanted: str) -> None:
        """Raise a RequestError unless it is a mean at the end of training, which other times need."""
        if self.since is not None or not self.is_mean:
            raise RequestError(
                f"expected a mean at the end of training for {wanted}, got {shown(self.name)}; take "
                "displacement, losses, functions or expressions, and multiply"
            )

    @property
    def spelling(self) -> Spelling:
        """What is inside the expectation of a mean."""
        return Spelling.of_mean(self.latex, self.text, self.rank)

    def _respelled(
        self, suffix: str, products: tuple[Product, ...], spelling: Spelling
    ) -> Observable:
        return replace(
            self,
            name=f"{self.name}:{suffix}",
            latex=rf"\langle {spelling.latex} \rangle",
            text=f"E[{spelling.text}]",
            products=products,
        )


def covariance_of(one: str | Observable, other: str | Observable) -> Observable:
    r"""Return the covariance of what two observables, or their names, are means of, at their times.

    Raises
    ------
    RequestError
        When one of them is no mean, or no observable.

    Examples
    --------
    >>> covariance_of(TEST_LOSS.at(lag=1), TEST_LOSS).text
    'Cov[test loss(T-1), test loss]'
    """
    return together(named_observable(one), named_observable(other), is_connected=True)


def _mean(*factors: str, sign: int = 1) -> Product:
    return Product(sign, (factors,))


#: The expected test loss.
TEST_LOSS = Observable("test-loss", r"\langle\ell(\theta_T)\rangle", "E[test loss]", (_mean(LOSS),))
#: The expected loss on the training set.
TRAINING_LOSS = Observable(
    "training-loss", r"\langle\hat{\ell}(\theta_T)\rangle", "E[training loss]", (_mean(TRAINING),)
)
#: The expected generalisation gap, test loss less training loss.
GAP = Observable(
    "generalisation-gap",
    r"\langle\ell(\theta_T) - \hat{\ell}(\theta_T)\rangle",
    "E[test loss - training loss]",
    (_mean(LOSS), _mean(TRAINING, sign=-1)),
)
#: How far weights go from the start, on average: a vector.
DISPLACEMENT = Observable(
    "displacement",
    r"\langle(\theta_T - \theta_0)^{\mu}\rangle",
    "E[displacement]^a",
    (_mean(WEIGHTS),),
)
#: The mean outer product of the displacement with itself: a matrix.
SECOND_MOMENT = Observable(
    "second-moment",
    r"\langle(\theta_T - \theta_0)^{\mu} (\theta_T - \theta_0)^{\nu}\rangle",
    "E[displacement^a displacement^b]",
    (_mean(WEIGHTS, WEIGHTS),),
)
#: The covariance of weights over runs: a matrix.
COVARIANCE = Observable(
    "covariance",
    r"\mathrm{Cov}(\theta_T)^{\mu\nu}",
    "Cov[weights]^ab",
    (_mean(WEIGHTS, WEIGHTS), Product(-1, ((WEIGHTS,), (WEIGHTS,)))),
)
#: The variance of the test loss over runs.
VARIANCE = Observable(
    "variance",
    r"\mathrm{Var}\,\ell(\theta_T)",
    "Var[test loss]",
    (_mean(LOSS, LOSS), Product(-1, ((LOSS,), (LOSS,)))),
)

OBSERVABLES = {
    o.name: o
    for o in (TEST_LOSS, TRAINING_LOSS, GAP, DISPLACEMENT, SECOND_MOMENT, COVARIANCE, VARIANCE)
}


_ALSO = {
    "train-loss": "training-loss",
    "gap": "generalisation-gap",
    "generalization-gap": "generalisation-gap",
    "shift": "displacement",
}


def Function(  # noqa: N802
    name: str,
    *,
    value: Callable[..., Any] | None = None,
    derivatives: Callable[..., Any] | None = None,
) -> Observable:
    r"""Return the expectation of a smooth function :math:`s(\theta_T)` that the user brings.

    Its derivatives at the starting point are given with the statistics:
    ``Statistics.from_samples(..., functions={name: {0: s, 1: gradient, 2: hessian, ...}})``. The loss
    of another task is such a function.

    Parameters
    ----------
    name
        Letters, digits, ``-`` and ``_``, starting with a letter.
    value
        For simulations: takes weights of shape (R, p) to the values s, shape (R,).
    derivatives
        For `sgdiagrams.compare`, in place of statistics: takes the start, shape (p,), and a number k to
        the derivative of order k there, a number or an array of shape (p, ..., p).

    Raises
    ------
    RequestError
        When the name has another form or means something else already.

    Examples
    --------
    >>> Function("other-task").name
    'function:other-task'
    """
    if not is_function(name):
        raise RequestError(
            "expected a name of letters, digits, '-' and '_' that formulas do not use already "
            f"(loss, G, H, ...), got name={shown(name)}"
        )
    return Observable(
        f"function:{name}",
        rf"\langle\text{{{name.replace('_', chr(92) + '_')}}}(\theta_T)\rangle",
        f"E[{name}]",
        (_mean(name),),
        given=(Given(name, value, derivatives),),
    )


def _mean_of(expression: Expression) -> Observable:
    """Return the expectation of an expression at the end of training."""
    check_observed(expression)
    latex, text = in_brief(expression)
    return Observable(
        f"{_EXPRESSION}{expression.text()}",
        rf"\langle {latex} \rangle",
        f"E[{text}]",
        (_mean(_FACTOR),),
        expressions=((_FACTOR, expression),),
    )


def _variance(expression: Expression) -> Observable:
    """Return the variance of an expression over runs; of a vector the covariance."""
    check_observed(expression)
    latex, text = in_brief(expression)
    latex = rf"\mathrm{{Var}}\,{latex}"
    if expression.rank:  # connected, with indices of two kinds
        latex = rf"\langle {in_brief(expression * expression)[0]} \rangle_{{\mathrm{{c}}}}"
    return Observable(
        f"{_VARIANCE}{expression.text()}",
        latex,
        f"{'Cov' if expression.rank else 'Var'}[{text}]",
        (_mean(_FACTOR, _FACTOR), Product(-1, ((_FACTOR,), (_FACTOR,)))),
        expressions=((_FACTOR, expression),),
    )


def increment(which: str | Observable, *, since: int) -> Observable:
    r"""Return the change of an observable between update `since` and the end.

    For expectations of losses and functions it is :math:`E[s(\theta_T) - s(\theta_{T_0})]`; for the
    weights, :math:`\theta_T - \theta_{T_0}` takes the place of the displacement. Counted by number.

    Raises
    ------
    RequestError
        When the name is unknown, or the observable is the variance of a loss.
    SamplingError
        When `since` is no whole number >= 0.

    Examples
    --------
    >>> increment("covariance", since=10).name
    'covariance:since=10'
    """
    of = named_observable(which)
    if any(len(e) > 1 and set(e) != {WEIGHTS} for p in of.products for e in p.expectations):
        raise RequestError(
            f"expected an increment of a mean or of the weights, got observable={shown(of.name)}; "
            "subtract two expansions"
        )
    start = whole_number("since", since)
    formula = of.latex.replace(r"\theta_0", rf"\theta_{{{start}}}")
    if WEIGHTS not in of.factors or not of.is_mean:
        formula = rf"\Delta_{{{start}}}\,{of.latex}"
    return replace(
        of,
        name=f"{of.name}:since={start}",
        latex=formula,
        text=f"{of.text} since {start}",
        since=start,
    )


def change_since(which: str | Observable, *, since: int) -> Observable:
    r"""Return what an observable at the end is more than it was after some updates.

    Of the second moment it is :math:`E[\Delta_T \Delta_T] - E[\Delta_t \Delta_t]` with
    :math:`\Delta_t = \theta_t - \theta_0`, where `increment` has the second moment of
    :math:`\theta_T - \theta_t`.

    Raises
    ------
    RequestError
        When the name is unknown, `since` is no whole number >= 0, or it is an increment.

    Examples
    --------
    >>> change_since("covariance", since=10).text
    'Cov[weights]^ab less that after 10 updates'
    """
    of = named_observable(which)
    if of.since is not None:
        raise RequestError(
            f"expected an observable at the end of training, got {shown(of.name)}; subtract "
            "two expansions"
        )
    time = read_time(at=since)
    return replace(
        of,
        name=f"{of.name}:change-since={since}",
        latex=rf"{of.latex} - \left.{of.latex}\right|_{{T \to {time.latex}}}",
        text=f"{of.text} less that after {time.latex} updates",
        products=changes(of.products, time),
    )


def named_observable(which: str | Observable | Expression | Contraction) -> Observable:
    """Return an observable by its name, or the observable itself.

    ``function:NAME`` is a user's function, ``expression:TEXT`` an expression as its text, and
    ``variance:expression:TEXT`` its variance over runs; ``NAME:since=T0`` an increment,
    ``NAME:change-since=T0`` a change. Behind the names of means ``:lag=K`` and ``:at=K`` are other
    times and ``:step`` is the last step; of a second moment, covariance or variance the first of both
    factors is at the other time. ``A * B`` is the mean of the product of two means' factors, and
    ``covariance-of:A * B`` their covariance. An expression by itself is one too: it is a quantity of the
    *population's* derivatives at the weights. A training set's own averages are no function of the
    weights alone.

    Raises
    ------
    RequestError
        When the name is unknown, or an expression has other contractions than moments and cumulants, or
        coefficients that are no polynomials of eta.
    DiagramError
        When the text of an expression has an error.

    Examples
    --------
    >>> named_observable("generalisation-gap").products[1]
    Product(sign=-1, expectations=(('training-loss',),))
    >>> named_observable("displacement:since=5").since
    5
    >>> named_observable("expression:|G|^2").text
    'E[G_a G_a]'
    """
    if isinstance(which, Observable):
        return which
    if isinstance(which, (Expression, Contraction)):
        return _mean_of(Expression.of(which))
    if isinstance(which, str) and (timed := named_in_time(which, named_observable, change_since)):
        return timed
    if isinstance(which, str) and ":since=" in which:
        name, _, start = which.rpartition(":since=")
        if not start.isascii() or not start.isdecimal() or len(start) > _MOST_DIGITS:
            raise RequestError(
                f"expected a whole number of updates after since=, got {shown(which)}"
            )
        return increment(name, since=int(start))
    if isinstance(which, str) and which.startswith("function:"):
        return Function(which.removeprefix("function:"))
    if isinstance(which, str) and which.startswith(_EXPRESSION):
        return _mean_of(Expression.parse(which.removeprefix(_EXPRESSION)))
    if isinstance(which, str) and which.startswith(_VARIANCE):
        return _variance(Expression.parse(which.removeprefix(_VARIANCE)))
    if isinstance(which, str):
        word = which.casefold().replace("_", "-")
        which = word if word in OBSERVABLES else _ALSO.get(word, which)
    known = (*OBSERVABLES, "function:NAME", "expression:TEXT")
    check_choice("observable", which, known, also=_ALSO)
    if which not in OBSERVABLES:
        raise RequestError("expected the name of a function after function:")
    return OBSERVABLES[which]


def root_role(factors: tuple[str, ...]) -> RootRole:
    """Return the role of the root of an expectation."""
    return "training" if TRAINING in factors else "population"


def root_mode(role: RootRole) -> RootMode:
    """Return how diagrams are enumerated for a role of the root."""
    return "isolated" if role == "population" else "in-partition"
