r"""What is added to the training losses: a function of the weights, or an expression, times a number."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np
from sympy import Symbol, sympify

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.checks import Number, rational_or_symbol
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.observable import Observable, named_observable
from sgdiagrams.symbolic.observed.given import Given
from sgdiagrams.symbolic.vocabulary import GROUP_DECAY, LOSS, is_function

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

__all__ = ["Penalty", "as_penalty", "group_decay"]

#: What names of expressions and functions begin with on the command line.
_EXPRESSION, _FUNCTION = "expression:", "function:"
_STRENGTH = ":strength="
_FEW = 4  # rates that a title spells out


@final
@dataclass(frozen=True, slots=True)
class Penalty:
    r"""A term :math:`\lambda R(\theta)` that is added to the loss of every datapoint in training.

    Test and training loss are measured without it. Its derivatives stand in the terms of a plain
    expansion, beside those of the loss.

    Parameters
    ----------
    of
        R: the name of a function, whose derivatives are given with the statistics; a `Function`, which
        says them itself; or an expression of the population's derivatives, such as ``Expression.of(
        "C_aa")`` or ``"expression:C_aa"``. Powers of eta among its coefficients count for the order.
    strength
        :math:`\lambda`, a number >= 0 or a symbol; the symbol lamda when left out.
    rates
        Of weight decay per group of parameters, one for every weight: R is then
        :math:`\sum_i r_i \theta_i^2 / 2`; see `group_decay`.

    Raises
    ------
    RequestError
        When it is no function of the weights, or has free legs.
    SamplingError
        When the strength is no number >= 0.

    Examples
    --------
    >>> Penalty("ridge", strength="1/10").label
    'ridge, strength 1/10'
    >>> Penalty("expression:C_aa").expression
    Expression.parse('lamda C_aa')
    """

    of: Any  # an Expression, once it is made
    strength: Number = symbols.lamda
    given: Given | None = field(default=None, compare=False, repr=False)
    rates: tuple[Fraction, ...] = ()

    def __post_init__(self) -> None:
        which: Any = self.of
        if isinstance(which, str) and not which.startswith(_EXPRESSION):
            name = which.removeprefix(_FUNCTION)
            if not is_function(name):
                raise RequestError(
                    "expected the name of a function, a Function or an expression as a penalty, got "
                    f"{shown(which)}; for an L2 penalty give weight_decay"
                )
            which = f"{_FUNCTION}{name}"
        observable = self._observable(which)
        [factor] = observable.products[0].expectations[0]
        known = dict(observable.expressions)
        if factor not in known:
            node = Contraction.build([], [[0]], labels=[factor])
            object.__setattr__(self, "given", self.given or observable.given_function(factor))
            known = {factor: Expression([(1, node)])}
        if known[factor].rank:
            raise RequestError(
                f"expected a number as a penalty, got {shown(observable.name)} with "
                f"{known[factor].rank} free legs"
            )
        object.__setattr__(self, "of", known[factor])
        strength = rational_or_symbol("strength", self.strength, symbols.lamda)
        object.__setattr__(self, "strength", strength)

    @staticmethod
    def _observable(which: Any) -> Observable:
        """Return the expectation of what is given, which is one function or expression."""
        if isinstance(which, (str, Observable, Expression, Contraction)):
            observable = named_observable(which)
            factors = [e for p in observable.products for e in p.expectations]
            names = {*observable.functions, *dict(observable.expressions)}
            if len(factors) == 1 and len(factors[0]) == 1 and factors[0][0] in names:
                return observable
        raise RequestError(
            "expected the name of a function, a Function or an expression as a penalty, got "
            f"{shown(which)}"
        )

    @property
    def expression(self) -> Expression:
        """The strength times what is added."""
        whole: Expression = self.of * sympify(self.strength)
        return whole

    @property
    def name(self) -> str | None:
        """The function's name; None for an expression."""
        [*terms] = self.of.terms
        if len(terms) != 1 or terms[0][0] != 1 or terms[0][1].node_count != 1:
            return None
        label: str = terms[0][1].labels[0]
        return None if label == LOSS else label

    @property
    def function_name(self) -> str:
        """The function's name.

        Raises
        ------
        RequestError
            When it is an expression, of which runs in floats know no gradient.
        """
        if self.name is None:
            raise RequestError(
                f"expected a function of the weights as a penalty here, got {shown(self.label)}; bring "
                "it as a Function(name, derivatives=...), or take the plain expansion"
            )
        return self.name

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the user's functions in it."""
        labels = {label for k in self.of.contractions for label in k.labels}
        return tuple(sorted(filter(is_function, labels)))

    @property
    def needs_population(self) -> bool:
        """Whether derivatives of the population's loss are in it, which a training set does not know."""
        return any(LOSS in k.labels for k in self.of.contractions)

    @property
    def has_bare_edges(self) -> bool:
        """Whether it has edges without learning rate, or a learning rate by itself."""
        return any(k.order or c.has(symbols.eta) for c, k in self.of.terms)

    @property
    def most_legs(self) -> int:
        """The highest order of a derivative in it; 0 for a function, as for a loss."""
        return max(max(k.legs, default=0) for k in self.of.contractions)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the symbols that are still to be given a number, but for eta."""
        return tuple(name for name in self.expression.symbols if name != str(symbols.eta))

    @property
    def label(self) -> str:
        """In words, for titles."""
        if self.rates:
            few = [str(rate) for rate in self.rates[:_FEW]]
            return ",".join([*few, *(["..."] if len(self.rates) > _FEW else [])])
        strength = "" if isinstance(self.strength, Symbol) else f", strength {self.strength}"
        return f"{self.name or self.of.text()}{strength}"

    def at(self, numbers: Mapping[str, object]) -> Self:
        """Return the penalty with numbers for some of its symbols; others are ignored."""
        table = {Symbol(k): sympify(v) for k, v in numbers.items() if k in self.symbols}
        if not table:
            return self
        strength: Any = numbers.get(str(self.strength), self.strength)
        return replace(self, of=self.of.subs(table), strength=strength)

    def gradient(self, weights: NDArray[Any]) -> NDArray[Any]:
        """Return the gradients at weights of shape (R, p), the strength included.

        Raises
        ------
        RequestError
            When nobody said the derivatives away from the start.
        """
        name = self.function_name
        if self.rates:
            return np.asarray(weights * np.array(self.rates, dtype=np.float64))
        derivatives = None if self.given is None else self.given.derivatives
        if derivatives is None:
            raise RequestError(
                f"expected a penalty that says its gradient, got {shown(name)}; give "
                "Penalty(Function(name, derivatives=...))"
            )
        result = 0.0 * weights
        for i, theta in enumerate(weights):
            result[i] = derivatives(theta, 1)
        strength: Any = self.strength
        return result * float(strength)


def group_decay(rates: Iterable[object]) -> Penalty:
    r"""Return weight decay with a strength for every weight, as groups of parameters have it.

    Raises
    ------
    SamplingError
        When a strength is no number >= 0.

    Examples
    --------
    >>> group_decay([0.1, 0]).rates
    (Fraction(1, 10), Fraction(0, 1))
    """
    numbers = tuple(rational_or_symbol("weight_decay", rate) for rate in rates)
    if not numbers or any(isinstance(number, Symbol) for number in numbers):
        raise RequestError(
            f"expected a number for every weight in weight_decay, got {shown(list(rates))}"
        )
    exact = tuple(Fraction(number) for number in numbers)

    def derivatives(start: NDArray[Any], k: int) -> Any:
        if len(start) != len(exact):
            raise RequestError(
                f"expected weight_decay with a number for each of {len(start)} weights, got {len(exact)}"
            )
        of_start = start.dtype == object
        r = np.array(exact, dtype=object) if of_start else np.array(exact, dtype=np.float64)
        if k < 2:
            return r * start if k else (r * start) @ start / 2
        result = np.full((len(exact),) * k, exact[0] * 0 if of_start else 0.0)
        if k == 2:
            np.fill_diagonal(result, r)
        return result

    function = Given(GROUP_DECAY, derivatives=derivatives)
    return Penalty(GROUP_DECAY, Fraction(1), function, exact)


def as_penalty(given: object) -> Penalty | None:
    """Return a penalty as it is, or what a name, a function or an expression says; None for None.

    Examples
    --------
    >>> as_penalty("ridge:strength=0.1").expression
    Expression.parse('1/10 ridge')
    """
    if given is None or isinstance(given, Penalty):
        return given
    which: Any = given
    if isinstance(which, str) and _STRENGTH in which:
        which, _, strength = which.rpartition(_STRENGTH)
        return Penalty(which, strength)
    return Penalty(which)
