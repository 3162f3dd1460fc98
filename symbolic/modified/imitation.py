r"""Imitation: the term that, added to the loss, makes one way to train behave like another.

Both see the same datapoints and walk equally far: the learning rate of what is imitated is that multiple
of the imitator's, eta, with which the first orders agree. The penalty :math:`\sum_k \eta^{k-1} R_k` is
found order by order: what is missing at order k for a function s must be
:math:`w\, \partial_\mu R_k\, \partial_\mu s`, with w the weight of the first order; what is no such
gradient is the obstruction. The penalty is part of every update of the imitator, so that its terms of
lower order act on those of higher order.

References
----------
S. Tenka, "A Perturbative Analysis of Stochastic Descent" (2020), corollary 3 (gradient descent
that imitates SGD).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.errors import RequestError, SamplingError, check_kind
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.algebra.leibniz import penalised_pairs
from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.counting.choice import has_closed_form
from sgdiagrams.symbolic.modified.generators import repetition_of
from sgdiagrams.symbolic.modified.gradients import potential_of
from sgdiagrams.symbolic.modified.operators import ACTED_ON, tensor_of_rank
from sgdiagrams.symbolic.modified.values_of_sets import in_values_of_the_set
from sgdiagrams.symbolic.modified.writing.imitation_files import (
    ImitationFields,
    dump_imitation,
    load_imitation,
)
from sgdiagrams.symbolic.modified.writing.imitations import imitation_heading, write_imitation
from sgdiagrams.symbolic.modified.writing.source import penalty_source
from sgdiagrams.symbolic.observable import Function
from sgdiagrams.symbolic.printing.on_paper import OnPaper
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.training import Training
from sgdiagrams.symbolic.vocabulary import LOSS, UPDATE
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from sympy import Expr, Symbol

    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.modified.operators import OperatorSeries
    from sgdiagrams.symbolic.vocabulary import SetRole, TooLong

__all__ = ["Imitation", "imitate"]

_MOST_ORDER = 5

_FIRST = Contraction.build([(0, 1)], [[0], [1]], labels=[LOSS, ACTED_ON])


@final
@dataclass(frozen=True, slots=True, repr=False)
class Imitation(OnPaper):
    """What to add to the loss so that one way to train behaves like another; made by `imitate`.

    Attributes
    ----------
    what
        The training that is imitated.
    by
        The one that imitates.
    order
        The power of eta to which they are compared.
    role
        ``"population"``, or ``"training-set"``: on a given one, whose values the contractions then are.
    updates
        Numbers of updates of what is imitated and of the imitator.
    rate
        The learning rate of what is imitated, in multiples of eta, that of the imitator.
    parts
        For the orders 0, 1, ... the penalty and the obstruction (an operator: what the penalty leaves of
        the difference of the expected values of a function ``s``).
    """

    what: Training
    by: Training
    order: int
    role: SetRole
    updates: tuple[Expr, Expr]
    rate: Expr
    parts: tuple[tuple[Expression, Expression], ...]

    def term(self, k: int) -> Expression:
        """Return the penalty that is found at order `k`; it comes with eta to the power k - 1.

        Raises
        ------
        RequestError
            When the order is beyond the imitation's.
        """
        return self.parts[self._checked(k)][0]

    def obstruction(self, k: int) -> Expression:
        """Return what no penalty mends at order `k`: a part of the difference in a function ``s``.

        Raises
        ------
        RequestError
            As for `term`.
        """
        return self.parts[self._checked(k)][1]

    @property
    def is_exact(self) -> bool:
        """Whether the imitation is right for all functions of the weights, to its order."""
        return all(rest.is_zero for _, rest in self.parts)

    @property
    def penalty(self) -> Expression:
        """The term to add to the loss, powers of eta in its coefficients."""
        orders = range(2, self.order + 1)
        return sum((self.term(k) * symbols.eta ** (k - 1) for k in orders), Expression())

    def _checked(self, k: object) -> int:
        if not is_whole(k, least=1, most=self.order):
            raise RequestError(
                f"expected an order 1..{self.order} of this imitation, got k={shown(k)}"
            )
        return int(k)

    def _laid_out(self, renderer: Renderer[Any], too_long: TooLong) -> str:
        """Return the loss with its penalty, and what no penalty mends."""
        return write_imitation(self._heading, self.parts, renderer, too_long=too_long)

    @property
    def _heading(self) -> tuple[str, ...]:
        return imitation_heading(
            self.what,
            self.by,
            order=self.order,
            role=self.role,
            updates=self.updates,
            rate=self.rate,
        )

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return the imitation as JSON.

        Its schema is said in `sgdiagrams.symbolic.modified.writing.imitation_files`.
        """
        fields = (self.what, self.by, self.order, self.role, self.updates, self.rate, self.parts)
        return dump_imitation(ImitationFields(*fields), indent=indent)

    @classmethod
    def from_json(cls, text: str) -> Imitation:
        """Read what `to_json` wrote. Nothing in the text is evaluated.

        Raises
        ------
        FormatError
            When the text is no JSON, or no imitation of a version that is known.
        """
        return cls(*load_imitation(text))

    def python(self) -> str:
        """Return standalone Python source of ``penalty`` with NumPy alone."""
        return penalty_source(" | ".join(self._heading), self.parts, (self.what, self.by))

    def __repr__(self) -> str:
        return f"<Imitation of {self.what.label} by {self.by.label} | order {self.order}>"


def imitate(what: Training, by: Training, *, order: int, role: SetRole = "population") -> Imitation:
    r"""Return the term that, added to the loss, makes one way to train behave like another.

    Numbers that are not fixed are chosen so that both use the same N datapoints and make equally many
    updates, where that can be; where it cannot, the learning rates differ so that both walk equally far.

    Parameters
    ----------
    what
        The training that is imitated.
    by
        The one that imitates, with the penalty in each of its updates.
    order
        The power of eta to which expected values of all functions of the weights are to agree, 2 to 5.
    role
        ``"population"``: averaged over training sets; ``"training-set"``: on a given one.

    Raises
    ------
    RequestError
        When an argument is no `Training`, one has weight decay, or the two have no order in common.
    SamplingError
        When there is no closed form and a number is missing, or there are no updates.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.schemes.epochs import FullBatch
    >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
    >>> imitation = imitate(Training(OnePass()), Training(FullBatch()), order=2)
    >>> imitation.term(2).coefficient("C_aa").factor(), imitation.is_exact
    ((N - 1)/(4*N), True)
    """
    for name, training in (("what", what), ("by", by)):
        check_kind(
            name, training, Training, called="a Training(sampling, optimizer)", error=RequestError
        )
    check_choice("role", role, ("population", "training-set"))
    if not is_whole(order, least=2, most=_MOST_ORDER):
        raise RequestError(f"expected a whole number 2..{_MOST_ORDER}, got order={shown(order)}")
    for name, training in (("what", what), ("by", by)):
        method = training.optimizer
        if method.weight_decay or method.penalty or method.decoupled_decay:
            raise RequestError(
                "expected training without weight decay or penalty, got "
                f"{name}={shown(training.label)}; leave it out, and add it to both losses"
            )
        if training.sampling.is_empty:
            raise SamplingError(
                f"expected an update at least, got {name}={shown(training.label)}; give larger numbers"
            )
    general, numbers = _with_a_symbol(what, by)
    updates, rate, parts = _found(*general, int(order), role)
    if numbers:
        _, rate, _ = _found(what, by, 1, role)
        parts = tuple((one.subs(numbers), other.subs(numbers)) for one, other in parts)
    return Imitation(what, by, int(order), role, updates, rate, parts)


def _with_a_symbol(
    imitated: Training, imitator: Training
) -> tuple[tuple[Training, Training], dict[Symbol, Expr]]:
    """Return both with the symbol beta in place of a number, and the number.

    Powers of a number to symbols, as (9/10)^N, are not seen to cancel as surely as those of a symbol.
    """
    heavy = [t for t in (imitated, imitator) if "beta" in t.optimizer.values]
    betas = {t.optimizer.values["beta"] for t in heavy}
    is_open = not any(
        t.optimizer.schedule or t.updates.is_number or not has_closed_form(t) for t in heavy
    )
    if len(betas) != 1 or not is_open:
        return (imitated, imitator), {}
    [beta] = betas
    if not beta.is_Rational or beta == 0:
        return (imitated, imitator), {}
    first, second = (_with_open_beta(t) if t in heavy else t for t in (imitated, imitator))
    return (first, second), {symbols.beta: beta}


def _with_open_beta(training: Training) -> Training:
    optimizer: Any = training.optimizer
    return Training(training.sampling, replace(optimizer, beta=symbols.beta))


def _found(
    what: Training, by: Training, order: int, role: SetRole
) -> tuple[tuple[Expr, Expr], Expr, tuple[tuple[Expression, Expression], ...]]:
    """Return numbers of updates, the learning rate, and penalties with what they leave, by orders."""
    first, second = _Protocol(what, role), _Protocol(by, role)
    walked = second.after(first)
    # Without a training set of its own what is imitated ends with the other.
    is_open = first.rows is None and second.clock is None
    ended = first.after(second) if is_open else {}
    imitated = first.expansion(order, ended)
    imitator = second.expansion(order, walked)
    ahead, weight = (s[1].coefficient(_FIRST) for s in (imitated, imitator))
    rate = canonical(weight / ahead)
    parts = [(Expression(), Expression())] * 2
    hosts = tuple(map(_with_hosts, imitator))
    for k in range(2, order + 1):
        penalty = sum((parts[j][0] * symbols.eta ** (j - 1) for j in range(2, k)), Expression())
        made = sum(
            (_with_penalty(hosts[d], penalty).power(k - d) for d in range(1, k + 1)),
            Expression(),
        )
        missing = imitated[k] * rate**k - made
        vector = tensor_of_rank(missing, 1)
        potential, _ = potential_of(vector / weight)
        moved = potential.gradient().dot(Expression.of(f"{ACTED_ON}_a")) * weight
        parts.append((potential, missing - moved))
    updates = (
        canonical(first.updates.xreplace(ended)),
        canonical(second.updates.xreplace(walked)),
    )
    return updates, rate, tuple(parts)


def _with_hosts(expression: Expression) -> Expression:
    """Return an operator with the mean losses of the updates marked."""
    pairs = []
    for coefficient, k in expression.terms:
        alone = [k.partition.count(block) == 1 for block in k.partition]
        labels = [
            UPDATE if label == LOSS and single else label
            for label, single in zip(k.labels, alone, strict=True)
        ]
        marked = Contraction.from_parts(k.edges, k.partition, labels, k.free, basis=k.basis)
        pairs.append((coefficient, marked))
    return Expression(pairs, expression.rank)


def _with_penalty(hosts: Expression, penalty: Expression) -> Expression:
    return Expression(penalised_pairs(hosts.terms, penalty.terms), hosts.rank)


class _Protocol:
    """A training whose time is told by its datapoints, where it has a training set of its own."""

    def __init__(self, training: Training, role: SetRole) -> None:
        self.rows = training.sampling.datapoints
        if role == "training-set":
            repetition = repetition_of(training, role)
            scheme = repetition.scheme
            is_open = not scheme.values[repetition.clock.name].is_number
            # Numbers of epochs of full batches are numbers of updates.
            scheme = repetition.freed if is_open else scheme
            self.is_distinct = repetition.has_distinct_rows
            self.training = Training(scheme, training.optimizer)
            self.clock: Symbol | None = repetition.clock if is_open else None
            self.table: dict[Symbol, Expr] = {}
        else:
            self.is_distinct = False
            self.training = training
            self.clock, self.table = _clock(training)
        self.updates = canonical(self.training.updates.xreplace(self.table))

    def after(self, other: _Protocol) -> dict[Symbol, Expr]:
        """Return the numbers of this one with which it makes as many updates as another."""
        if self.clock is None or not self.updates.has(self.clock):
            return {}
        # Both may have a clock of one name.
        return {self.clock: canonical(other.updates * self.clock / self.updates)}

    def expansion(self, order: int, numbers: dict[Symbol, Expr]) -> OperatorSeries:
        """Return the expected value of a function, by orders, in cumulants."""
        expansion = expand(
            Function(ACTED_ON),
            order=order,
            sampling=self.training.sampling,
            optimizer=self.training.optimizer,
            basis="moment" if self.is_distinct else "cumulant",
        )
        table = {**self.table, **numbers}
        result = []
        for k in range(order + 1):
            part = Expression((t.weight, t.contraction) for t in expansion.order_terms(k))
            if self.is_distinct and self.rows is not None:
                part = in_values_of_the_set(part, self.rows)
            part = part.in_basis("cumulant")
            result.append(Expression(((c.xreplace(table), k) for c, k in part.terms), part.rank))
        return tuple(result)


def _clock(training: Training) -> tuple[Symbol | None, dict[Symbol, Expr]]:
    """Return the symbol that says how long training is, if any is left, and what tells the others."""
    scheme = training.sampling
    rows = scheme.datapoints
    clocks = [s for s in (symbols.T, symbols.E) if str(s) in scheme.symbols]
    if not clocks:
        return None, {}
    clock = clocks[0]
    if rows is not None and rows.has(clock):
        # One pass: the datapoints say when it ends.
        return None, {clock: canonical(symbols.N * clock / rows)}
    return clock, {}
