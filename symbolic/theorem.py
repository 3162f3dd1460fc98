r"""The main theorem: an expected observable as a sum over diagrams.

.. math:: E[s(\theta_T)] = \sum_D \Bigl(-\frac1B\Bigr)^{d(D)}
    \frac{\mathrm{count}(D)}{|\mathrm{Aut}(D)|}\, \mathrm{value}(D)

Counts and values are always in one basis: plain moments with different blocks on different datapoints,
or joint cumulants with blocks anywhere. Mixing them is the classical mistake. They meet here, in
re-summed series (`sgdiagrams.symbolic.resummation.linkless`) and where these are expanded again (its
neighbour `relinking`). Sign, symmetry factor and power of 1/B are those of
`sgdiagrams.symbolic.embeddings.signs` in all of them.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Literal, overload

from sympy import Mul

from sgdiagrams.diagrams.enumeration import enumerate_diagrams
from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.contractions.placements import contractions, disjoint_union, fits
from sgdiagrams.symbolic.counting.choice import counter_of
from sgdiagrams.symbolic.embeddings.signs import prefactor
from sgdiagrams.symbolic.expansion import Expansion
from sgdiagrams.symbolic.formula import Part, Term, collect
from sgdiagrams.symbolic.observable import named_observable, root_mode, root_role
from sgdiagrams.symbolic.resummation.complete import check_through, edges_needed
from sgdiagrams.symbolic.resummation.linkless import resum
from sgdiagrams.symbolic.resummed import ResummedExpansion
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling
from sgdiagrams.symbolic.training.optimizer import SGD
from sgdiagrams.symbolic.training.training import Training
from sgdiagrams.symbolic.vocabulary import WEIGHTS
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.resummation.forms import Form
    from sgdiagrams.symbolic.training.counter import Counter
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["expand"]

_MOST_ORDER = 10  # of a hundred million diagrams


@overload
def expand(
    observable: str | Observable,
    *,
    order: int,
    sampling: str | Sampling,
    optimizer: str | Optimizer | None = ...,
    basis: Basis | None = ...,
    resummed: Literal[False] = ...,
) -> Expansion: ...


@overload
def expand(
    observable: str | Observable,
    *,
    order: int,
    sampling: str | Sampling,
    optimizer: str | Optimizer | None = ...,
    basis: Basis | None = ...,
    resummed: Literal[True],
) -> ResummedExpansion: ...


@overload
def expand(
    observable: str | Observable,
    *,
    through: int,
    sampling: str | Sampling,
    optimizer: str | Optimizer | None = ...,
    basis: Basis | None = ...,
    resummed: Literal[True],
) -> ResummedExpansion: ...


def expand(
    observable: str | Observable,
    *,
    order: int | None = None,
    through: int | None = None,
    sampling: str | Sampling,
    optimizer: str | Optimizer | None = None,
    basis: Basis | None = None,
    resummed: bool = False,
) -> Expansion | ResummedExpansion:
    r"""Expand an expected observable of SGD in powers of the learning rate.

    Parameters
    ----------
    observable
        ``"test-loss"``, ``"training-loss"``, ``"generalisation-gap"``, ``"displacement"``,
        ``"second-moment"``, ``"covariance"``, ``"variance"``, ``"function:NAME"``, or an object.
    order
        The highest power of eta, 0 to 10. An order more takes about ten times as long: order 7 seconds,
        order 9 minutes; of re-summed expansions the highest number of edges.
    through
        In place of the order, for a re-summed expansion from a minimum of the test loss: the power, of
        eta at fixed eta T and of 1/N together, through which it is to be complete. The expansion has
        the edges that this needs, and its weights are expanded to it.
    sampling
        ``"one-pass"``, ``"epochs"``, ``"shuffled-epochs"``, ``"reshuffled-epochs"``,
        ``"with-replacement"``, ``"fresh-data"``, ``"full-batch"``, ``"gradient-flow"``, ``"sde"``,
        ``"grid:FILE"``, or an object with numbers.
    optimizer
        ``"sgd"`` (the default), ``"momentum:beta=0.9"``, ``"nesterov"``, or an object.
    basis
        ``"moment"`` or ``"cumulant"``; the usual one of the scheme when left out. Re-summed
        expansions are in cumulants.
    resummed
        Sum all diagrams with the same linkless diagram, which stays finite for long times.

    Returns
    -------
    Expansion or ResummedExpansion
        Exact to the given order, for smooth losses. Formulas keep symbols wherever there is a closed
        form; elsewhere scheme and optimiser must have all their numbers.

    Raises
    ------
    RequestError
        When a name is unknown, the order is not a whole number 0..10, or the request has no answer.
    SamplingError
        When there is no closed form and a number is missing.

    References
    ----------
    S. Tenka, "A Perturbative Theory of SGD" (2020), theorem 1 and appendix; the counting is with exact
    symmetry factors and falling factorials.

    Examples
    --------
    >>> print(expand("test-loss", order=2, sampling="one-pass"))
    E[test loss] | one-pass B=1 | moment basis | order 2
      eta^0   1           l
      eta^1  -T           G_a G_a
      eta^2   T (T - 1)   G_a H_ab G_b
              T/2         M_a|b H_ab
    """
    expanded = named_observable(observable)
    scheme = named_sampling(sampling)
    method = SGD() if optimizer is None else named_optimizer(optimizer)
    if resummed and basis == "moment":
        raise RequestError(
            "expected basis='cumulant' for a re-summed expansion, got basis='moment'; "
            "links add up in cumulants only"
        )
    in_basis = scheme.check_basis(basis)
    if through is not None and not (resummed and order is None):
        raise RequestError(
            f"expected through={shown(through)} with resummed=True and in place of the order, got "
            f"resummed={resummed} and order={shown(order)}; a plain order is complete as it is"
        )
    if through is None and not is_whole(order, least=0, most=_MOST_ORDER):
        raise RequestError(
            f"expected a whole number 0..{_MOST_ORDER} for the order, got order={shown(order)}"
        )
    for role in {root_role(factors) for p in expanded.products for factors in p.expectations}:
        scheme.check_root(role)
    training = Training(scheme, method)
    part = Part(Fraction(1), expanded, scheme, method)
    if through is not None:
        through = check_through(through, training)
        order = edges_needed(expanded, through)
        pieces = resum(expanded, order=order, training=training, noise=through)
        return ResummedExpansion(order, (part,), pieces, "continuous", through=through)
    order = int(order or 0)
    if resummed:
        pieces = resum(expanded, order=order, training=training)
        form: Form = "continuous" if training.is_continuous else "discrete"
        return ResummedExpansion(order, (part,), pieces, form)
    means = _Means(training, in_basis, order, expanded.since)
    terms: list[Term] = []
    for p in expanded.products:
        if len(p.expectations) == 1:
            terms += [
                Term(p.sign * weight, c)
                for by_order in means.of(p.expectations[0])
                for c, weight in by_order.items()
            ]
            continue
        factors = [means.of(e) for e in p.expectations]
        for orders in product(range(order + 1), repeat=len(factors)):
            if sum(orders) <= order:
                terms += _products(p.sign, [f[d] for f, d in zip(factors, orders, strict=True)])
    # Products of means multiply weights, which leaves them as they come; so does a sign.
    is_simple = all(p.sign == 1 and len(p.expectations) == 1 for p in expanded.products)
    return Expansion(order, in_basis, (part,), collect(terms, is_canonical=is_simple))


class _Means:
    """Expectations of products of factors, by order: contraction -> weight."""

    def __init__(self, training: Training, basis: Basis, order: int, since: int | None) -> None:
        self.training = training
        self.basis = basis
        self.order = order
        self.since = since
        self._plain: Counter | None = None
        self._known: dict[tuple[str, ...], list[dict[Contraction, Expr]]] = {}

    def of(self, factors: tuple[str, ...]) -> list[dict[Contraction, Expr]]:
        """Return the expectation of a product: entry d holds the terms of order d."""
        if factors not in self._known:
            counters = self._counters(factors)
            self._known[factors] = [
                self._order(d, factors, counters) for d in range(self.order + 1)
            ]
        return self._known[factors]

    def _counters(self, factors: tuple[str, ...]) -> list[tuple[int, Counter]]:
        training, basis = self.training, self.basis
        if self.since is None:
            if self._plain is None:
                self._plain = counter_of(training, basis)
            return [(1, self._plain)]
        if training.sampling.symbols:
            training.iterate_weights(0)  # says what is missing
        end = training.iterate_weights(int(training.updates))
        start = training.iterate_weights(self.since)
        if set(factors) == {WEIGHTS}:
            change = tuple(a - b for a, b in zip(end, start, strict=True))
            return [(1, counter_of(training, basis, iterates=change))]
        return [
            (1, counter_of(training, basis, iterates=end)),
            (-1, counter_of(training, basis, iterates=start)),
        ]

    def _order(
        self, d: int, factors: tuple[str, ...], counters: list[tuple[int, Counter]]
    ) -> dict[Contraction, Expr]:
        role = root_role(factors)
        if d and self.training.sampling.is_empty:
            return {}
        is_penalised = self.training.optimizer.weight_decay != 0
        sums: list[dict[Contraction, Laurent]] = [{} for _ in counters]
        options = self.training.sampling.diagram_options
        for diagram in enumerate_diagrams(d, root=root_mode(role), **options):  # type: ignore[arg-type]
            if not fits(diagram, factors):
                continue
            scale = prefactor(d, symmetry_factor=diagram.symmetry_factor).number
            values = list(
                contractions(diagram, factors, basis=self.basis, is_penalised=is_penalised)
            )
            for (sign, counter), total in zip(counters, sums, strict=True):
                count = counter.count(diagram, role)
                for contraction in values if count else ():
                    add_scaled(total.setdefault(contraction, {}), count, scale * sign)
        result: dict[Contraction, Expr] = {}
        for (_, counter), total in zip(counters, sums, strict=True):
            for contraction, laurent in total.items():
                if laurent:
                    weight = counter.weight(laurent, d)
                    result[contraction] = result.get(contraction, 0) + weight
        return result if len(counters) == 1 else {c: canonical(w) for c, w in result.items()}


def _products(sign: int, factors: list[dict[Contraction, Expr]]) -> list[Term]:
    """Return the product of sums of contractions."""
    terms = []
    for combination in product(*(f.items() for f in factors)):
        contraction = combination[0][0]
        for other, _ in combination[1:]:
            contraction = disjoint_union(contraction, other)
        terms.append(Term(Mul(sign, *(weight for _, weight in combination)), contraction))
    return terms
