r"""The main theorem: an expected observable as a sum over diagrams.

.. math:: E[s(\theta_T)] = \sum_D \Bigl(-\frac1B\Bigr)^{d(D)}
    \frac{\mathrm{count}(D)}{|\mathrm{Aut}(D)|}\, \mathrm{value}(D)

Counts and values are always in one basis: plain moments with different blocks on different datapoints,
or joint cumulants with blocks anywhere. Mixing them is the classical mistake. They meet in
`sgdiagrams.symbolic.derivation`, in re-summed series
(`sgdiagrams.symbolic.resummation.linkless`) and where these are expanded again (its neighbour
`relinking`). Sign, symmetry factor and power of 1/B are those of
`sgdiagrams.symbolic.embeddings.signs` in all of them.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Literal, get_args, overload

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.derivation import Derivation
from sgdiagrams.symbolic.expansion import Expansion
from sgdiagrams.symbolic.formula import Part
from sgdiagrams.symbolic.observable import named_observable, root_role
from sgdiagrams.symbolic.path_expansion import PathExpansion
from sgdiagrams.symbolic.paths.derived_terms import noise_terms
from sgdiagrams.symbolic.resummation.complete import check_through, edges_needed
from sgdiagrams.symbolic.resummation.linkless import resum
from sgdiagrams.symbolic.resummed import ResummedExpansion
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.training import Training
from sgdiagrams.symbolic.vocabulary import NOISE_ALSO, NoiseModel, SetRole

if TYPE_CHECKING:
    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.resummation.forms import Form
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["expand"]

_MOST_ORDER = 10  # of a hundred million diagrams
_MOST_NOISE = 3  # with up to 11 edges


@overload
def expand(
    observable: str | Observable | Expression | Contraction,
    *,
    order: int,
    sampling: str | Sampling,
    optimizer: str | Optimizer | None = ...,
    basis: Basis | None = ...,
    resummed: Literal[False] = ...,
    visits: NoiseModel = ...,
) -> Expansion: ...


@overload
def expand(
    observable: str | Observable | Expression | Contraction,
    *,
    order: int,
    sampling: str | Sampling,
    optimizer: str | Optimizer | None = ...,
    basis: Basis | None = ...,
    resummed: Literal[True],
    role: SetRole = ...,
) -> ResummedExpansion: ...


@overload
def expand(
    observable: str | Observable | Expression | Contraction,
    *,
    through: int,
    sampling: str | Sampling,
    optimizer: str | Optimizer | None = ...,
    basis: Basis | None = ...,
    resummed: Literal[True],
    role: SetRole = ...,
) -> ResummedExpansion: ...


@overload
def expand(
    observable: str | Observable | Expression | Contraction,
    *,
    noise: int,
    sampling: str | Sampling,
    optimizer: str | Optimizer | None = ...,
    basis: Basis | None = ...,
    along_path: Literal[True],
) -> PathExpansion: ...


def expand(
    observable: str | Observable | Expression | Contraction,
    *,
    order: int | None = None,
    through: int | None = None,
    noise: int | None = None,
    sampling: str | Sampling,
    optimizer: str | Optimizer | None = None,
    basis: Basis | None = None,
    resummed: bool = False,
    role: SetRole = "population",
    along_path: bool = False,
    visits: NoiseModel = "same",
) -> Expansion | ResummedExpansion | PathExpansion:
    r"""Expand an expected observable of SGD in powers of the learning rate, or of the noise.

    Parameters
    ----------
    observable
        ``"test-loss"``, ``"training-loss"``, ``"generalisation-gap"``, ``"displacement"``,
        ``"second-moment"``, ``"covariance"``, ``"variance"``, ``"function:NAME"``, or an object. An
        expression too, or ``"expression:TEXT"``: a quantity of the population's derivatives at the
        weights, such as ``|G|^2``, whose own derivatives follow from Leibniz' rule. Its edges and free
        legs carry no learning rate; eta in its coefficients counts for the order.
    order
        The highest power of eta, 0 to 10. An order more takes about ten times as long: order 7 seconds,
        order 9 minutes; of re-summed expansions the highest number of edges.
    through
        In place of the order, for a re-summed expansion from a minimum of the test loss: the power, of
        eta at fixed eta T and of 1/N together, through which it is to be complete. The expansion has
        the edges that this needs, and its weights are expanded to it.
    noise
        In place of the order, along the path: the highest order in the noise, 0 to 3.
    sampling
        ``"one-pass"``, ``"epochs"``, ``"shuffled-epochs"``, ``"reshuffled-epochs"``,
        ``"with-replacement"``, ``"fresh-data"``, ``"full-batch"``, ``"gradient-descent"``,
        ``"gradient-flow"``, ``"sde"``, ``"grid:FILE"``, or an object with numbers.
    optimizer
        ``"sgd"`` (the default), ``"momentum:beta=0.9"``, ``"nesterov"``, or an object.
    basis
        ``"moment"`` or ``"cumulant"``; the usual one of the scheme when left out. Re-summed
        expansions and those along the path are in cumulants.
    resummed
        Sum all diagrams with the same linkless diagram, which stays finite for long times.
    role
        Of re-summed expansions: ``"population"``, averaged over training sets, or ``"training-set"``: on
        a given one, averaged over what the scheme draws. All values are then the set's own, those of
        ``Statistics(..., role="training-set")``. Plain expansions serve both roles.
    along_path
        Expand in the noise about the run of the mean gradient, at any learning rate, in place of powers
        of eta at the start.
    visits
        ``"same"``: a datapoint is the same at all its visits. ``"fresh"``: augmentation, dropout or label
        noise draws anew at every visit; values are then means over datapoints of products of means over
        the noise of each visit (in cumulants: of conditional cumulants), and the loss that is looked at
        has noise of its own. ``"additive"``: the noise of a visit is added to its gradient, independent
        of datapoint and weights; values are plain cumulants, with the cumulants of the noise as
        derivatives of the function ``noise`` (the second is its covariance). ``"gaussian"``, also
        ``"sgld"``: it has a covariance and no higher cumulants, as in Langevin dynamics and differential
        privacy; noise that is drawn once an update is noise of every visit with B times the covariance.
        For plain expansions of discrete updates.

    Returns
    -------
    Expansion, ResummedExpansion or PathExpansion
        Exact to the given order, for smooth losses. Formulas keep symbols wherever there is a closed
        form; elsewhere scheme and optimiser must have all their numbers, except along the path.

    Raises
    ------
    RequestError
        When a name is unknown, the order is not a whole number 0..10 (noise: 0..3), or the request has
        no answer: expressions have plain expansions only.
    SamplingError
        When there is no closed form and a number is missing.

    References
    ----------
    S. Tenka, "A Perturbative Analysis of Stochastic Descent" (2020), proposition 1; the
    counting is with exact symmetry factors and falling factorials.

    Examples
    --------
    >>> print(expand("test-loss", order=2, sampling="one-pass"))
    E[test loss] | one-pass B=1 | moment basis | order 2
      eta^0   1           l
      eta^1  -T           G_a G_a
      eta^2   T (T - 1)   G_a H_ab G_b
              T/2         M_a|b H_ab

    Two epochs with noise that is fresh at every visit: a datapoint that comes again is another M_a;b.

    >>> from sgdiagrams.symbolic.training.schemes.epochs import Epochs
    >>> twice = Epochs(N=1, B=1, E=2)
    >>> print(expand("test-loss", order=2, sampling=twice, visits="fresh"))
    E[test loss] | full-batch N=1 B=1 E=2 | fresh noise | moment basis | order 2
      eta^0   1   l
      eta^1  -2   G_a G_a
      eta^2   1   M_a|b H_ab
              1   M_a;b H_ab
              1   M_a;ab G_b

    The squared gradient norm:

    >>> for term in expand("expression:|G|^2", order=1, sampling="one-pass").terms:
    ...     print(term.order, term.weight, term.contraction)
    0 1 G_a G_a
    1 -2*T G_a H_ab G_b
    """
    expanded = named_observable(observable)
    if expanded.expressions and (resummed or along_path):
        raise RequestError(
            f"expected a plain expansion for {shown(expanded.name)}, got "
            f"{'resummed' if resummed else 'along_path'}=True; expressions take the places of functions "
            "in plain contractions only"
        )
    scheme = named_sampling(sampling)
    check_choice("role", role, get_args(SetRole))
    if role == "training-set":
        _check_set(expanded, resummed=resummed)
        scheme = scheme.on_given_set()
    visits = NOISE_ALSO.get(visits, visits) if isinstance(visits, str) else visits
    check_choice("visits", visits, get_args(NoiseModel))
    if visits in ("additive", "gaussian") and basis is None:
        basis = "cumulant"
    method = SGD() if optimizer is None else named_optimizer(optimizer)
    if resummed and basis == "moment":
        raise RequestError(
            "expected basis='cumulant' for a re-summed expansion, got basis='moment'; "
            "links add up in cumulants only"
        )
    if along_path or noise is not None:
        _check_path(noise, along_path, order, through, basis, resummed=resummed)
    in_basis = scheme.check_basis("cumulant" if along_path else basis)
    if through is not None and not (resummed and order is None):
        raise RequestError(
            f"expected through={shown(through)} with resummed=True and in place of the order, got "
            f"resummed={resummed} and order={shown(order)}; a plain order is complete as it is"
        )
    if through is None and not along_path and not is_whole(order, least=0, most=_MOST_ORDER):
        raise RequestError(
            f"expected a whole number 0..{_MOST_ORDER} for the order, got order={shown(order)}"
        )
    for root in {root_role(factors) for p in expanded.products for factors in p.expectations}:
        scheme.check_root(root)
    training = Training(scheme, method)
    if resummed:
        training.check_resummed()
    if visits != "same":
        _check_noise(expanded, training, visits, in_basis, without=(resummed, along_path))
    part = Part(Fraction(1), expanded, scheme, method, visits=visits)
    if along_path and method.penalty is not None:
        raise RequestError(
            "expected no penalty but weight decay for a formula along the path, got "
            f"penalty={shown(method.penalty.label)}; measure with along_path(...), or expand at the start"
        )
    if along_path and method.decoupled_decay != 0:
        raise RequestError(
            "expected coupled weight decay for a formula along the path, got "
            f"optimizer={shown(method.label)}; take weight_decay, or measure with along_path(...)"
        )
    if along_path:
        scheme.check_means()
        highest = int(noise or 0)
        return PathExpansion(highest, part, noise_terms(expanded, scheme, highest))
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
    derivation = Derivation(expanded, training, in_basis, order, visits)
    if derivation.is_long:
        return Expansion.pending((part,), ((Fraction(1), derivation),))
    return Expansion(order, in_basis, (part,), derivation.terms)


def _check_set(observable: Observable, *, resummed: bool) -> None:
    """Refuse what has no answer on a given training set."""
    if not resummed:
        raise RequestError(
            "expected resummed=True with role='training-set': a plain expansion serves every role, and "
            "Statistics(..., role='training-set') say which; leave the role out"
        )
    if observable.needs_population:
        raise RequestError(
            "expected role='population' for the loss of the population, got role='training-set' with "
            f"observable={shown(observable.name)}; a training set knows its own loss only"
        )


def _check_noise(
    observable: Observable,
    training: Training,
    visits: NoiseModel,
    basis: Basis,
    *,
    without: tuple[bool, bool],
) -> None:
    """Refuse what has no expansion with noise of every visit."""
    scheme, penalty = training.sampling, training.optimizer.penalty
    wanted = f"visits='{visits}'"
    if any(without):
        name = "resummed" if without[0] else "along_path"
        raise RequestError(
            f"expected a plain expansion with {wanted}, got {name}=True; with one visit a datapoint, as "
            "in one pass, visits='same' says the same of noise that belongs to datapoints"
        )
    if visits != "fresh" and basis != "cumulant":
        raise RequestError(f"expected basis='cumulant' with {wanted}, got basis={shown(basis)}")
    if visits != "fresh" and scheme.is_noiseless:
        raise RequestError(
            f"expected a scheme with datapoints, whose visits have noise, with {wanted}, got "
            f"{scheme.name}; take full-batch or one-pass"
        )
    if training.optimizer.decoupled_decay != 0:
        raise RequestError(
            f"expected weight decay in the gradient with {wanted}, got "
            f"optimizer={training.optimizer.label}, whose decay is decoupled from it"
        )
    if penalty is not None:
        raise RequestError(
            f"expected no penalty but weight decay with {wanted}, got "
            f"penalty={shown(penalty.label)}"
        )
    if observable.times:
        raise RequestError(
            f"expected an observable at the end with {wanted}, got "
            f"{shown(observable.name)}, which looks at the weights at several times"
        )
    if observable.expressions:
        raise RequestError(
            f"expected a loss, the weights or a function with {wanted}, got "
            f"{shown(observable.name)}; an expression's means do not say whose noise is their own"
        )
    if scheme.is_continuous:
        raise RequestError(
            f"expected a scheme of discrete updates with {wanted}, got {scheme.name}, in which "
            "every datapoint is visited once; visits='same' says the same"
        )


def _check_path(
    noise: object,
    along_path: object,
    order: object,
    through: object,
    basis: object,
    *,
    resummed: bool,
) -> None:
    """Refuse what an expansion in the noise along the path cannot be together with."""
    if along_path is not True:
        raise RequestError(
            f"expected noise={shown(noise)} with along_path=True, got along_path={shown(along_path)}"
        )
    for name, value in (("order", order), ("through", through)):
        if value is not None:
            raise RequestError(
                f"expected the noise in place of the {name} with along_path=True, got "
                f"{name}={shown(value)}; give noise=1"
            )
    if resummed:
        raise RequestError(
            "expected resummed=False with along_path=True: the propagators along the path sum all links"
        )
    if basis not in (None, "cumulant"):
        raise RequestError(
            f"expected basis='cumulant' along the path, got basis={shown(basis)}; the noise counts "
            "cumulants"
        )
    if not is_whole(noise, least=0, most=_MOST_NOISE):
        raise RequestError(
            f"expected a whole number 0..{_MOST_NOISE} for the noise, got noise={shown(noise)}"
        )
