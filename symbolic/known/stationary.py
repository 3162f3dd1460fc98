r"""Stationary laws of SGD at a constant learning rate: where it fluctuates, and around which point.

Nothing here is typed in: every function derives an expansion and takes a form of it.
"""

from __future__ import annotations

from math import factorial, prod
from typing import TYPE_CHECKING

from sympy import Add, Expr, Integer, Mul, Poly, Rational, Symbol, diff, exp, factorial2

from sgdiagrams.diagrams.partitions import blocks_of, set_partitions
from sgdiagrams.symbolic.contractions.factors import walk
from sgdiagrams.symbolic.contractions.notation import operand_name
from sgdiagrams.symbolic.known.result import KnownResult, Source
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.average import TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Nesterov

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.known.result import Derivations

__all__ = ["STATIONARY"]

_NOISY_QUADRATIC = Source(
    "G. Zhang, L. Li, Z. Nado, J. Martens, S. Sachdeva, G. Dahl, C. Shallue, R. Grosse",
    2019,
    "Which Algorithmic Choices Matter at Which Batch Sizes?",
)
_BAYES = Source(
    "S. Mandt, M. Hoffman, D. Blei",
    2017,
    "Stochastic Gradient Descent as Approximate Bayesian Inference",
)
_FINITE_RATE = Source(
    "K. Liu, L. Ziyin, M. Ueda",
    2021,
    "Noise and Fluctuation of Finite Learning Rate Stochastic Gradient Descent",
)
_FINITE_POPULATION = Source("W. Cochran", 1977, "Sampling Techniques", "theorem 2.2")
_MARKOV = Source(
    "A. Dieuleveut, A. Durmus, F. Bach",
    2020,
    "Bridging the Gap between Constant Step Size Stochastic Gradient Descent and Markov Chains",
)

_AVERAGING = Source(
    "B. T. Polyak, A. B. Juditsky",
    1992,
    "Acceleration of Stochastic Approximation by Averaging",
)


def _quadratic() -> KnownResult:
    loss = expand("test-loss", order=4, sampling="one-pass", resummed=True)
    exact = loss.for_quadratic()
    return KnownResult(
        "quadratic",
        "On quadratic losses with additive noise nothing is left beyond two edges: exact for all "
        "eta and T.",
        (_NOISY_QUADRATIC,),
        "expand('test-loss', order=4, sampling='one-pass', resummed=True).for_quadratic()",
        exact.in_one_dimension(),
        exact,
    )


def _covariance() -> KnownResult:
    covariance = expand("covariance", order=2, sampling="fresh-data", resummed=True)
    slow = covariance.at_minimum().small_eta()
    return KnownResult(
        "stationary-covariance",
        "At a small learning rate the weights fluctuate around a minimum as noise and curvature say.",
        (_BAYES,),
        "expand('covariance', order=2, sampling='fresh-data', resummed=True)"
        ".at_minimum().small_eta()",
        slow.in_one_dimension(),
        slow,
        left=r"\Sigma =",
        letters=(("eta", "epsilon"), ("B", "S"), ("H", "A")),
    )


def _heavy_ball() -> KnownResult:
    covariance = expand(
        "covariance", order=2, sampling="fresh-data", optimizer="momentum", resummed=True
    )
    stationary = covariance.at_minimum().stationary()
    return KnownResult(
        "heavy-ball-covariance",
        "With momentum, and at any learning rate, the weights fluctuate more: exact on quadratic "
        "losses.",
        (_FINITE_RATE,),
        "expand('covariance', order=2, sampling='fresh-data', optimizer='momentum', resummed=True)"
        ".at_minimum().stationary()",
        stationary.in_one_dimension(),
        stationary,
        left=r"\Sigma =",
        letters=(("eta", "lambda"), ("beta", "mu"), ("B", "S"), ("H", "K")),
    )


def _subsets() -> KnownResult:
    covariance = expand(
        "covariance", order=2, sampling="subsets", resummed=True, role="training-set"
    )
    stationary = covariance.at_minimum().stationary()
    return KnownResult(
        "subset-covariance",
        "Batches of different rows of one training set make less noise, by (N - B)/(N - 1): exact on "
        "losses that differ in their slopes.",
        (_FINITE_POPULATION, _FINITE_RATE),
        "expand('covariance', order=2, sampling='subsets', resummed=True, role='training-set')"
        ".at_minimum().stationary()",
        stationary.in_one_dimension(),
        stationary,
        left=r"\Sigma =",
        letters=(("eta", "lambda"), ("B", "S"), ("H", "K")),
    )


def _averaged() -> KnownResult:
    covariance = expand(
        "covariance",
        order=2,
        sampling="fresh-data",
        optimizer=Nesterov(average=TailAverage()),
        resummed=True,
    )
    late = covariance.at_minimum().stationary()
    return KnownResult(
        "polyak-ruppert",
        "The mean of all iterates forgets learning rate and momentum: its covariance falls like 1/T.",
        (_AVERAGING,),
        "expand('covariance', order=2, sampling='fresh-data', "
        "optimizer=Nesterov(average=TailAverage()), resummed=True).at_minimum().stationary()",
        late.in_one_dimension(),
        late,
        left=r"V =",
        letters=(("T", "t"), ("H", "A"), ("C", "S")),
    )


def _bias() -> KnownResult:
    first = expand("displacement", through=1, sampling="one-pass", resummed=True).stationary()
    return KnownResult(
        "stationary-bias",
        "At a constant learning rate the mean of the weights is not at the minimum.",
        (_MARKOV,),
        "expand('displacement', through=1, sampling='one-pass', resummed=True).stationary()",
        first.in_one_dimension(),
        first,
        left=r"\bar{\theta}_{\gamma} - \theta_{*} \simeq",
        letters=(("eta", "gamma"),),
    )


def _gauss_bias() -> KnownResult:
    second = expand("displacement", through=2, sampling="one-pass", resummed=True).stationary()
    tensors = {
        Symbol(operand_name(tensor)): _gauss_cumulant([len(group) for group in tensor.groups])
        for term in second.terms
        for tensor in walk(term.contraction)
    }
    # Weights have curvatures in them.
    tensors[Symbol("H")] = _gauss_cumulant([2])
    return KnownResult(
        "gauss-bias",
        "The bias to the second power of the learning rate, on the losses (h + x^2 exp(-h))/2 with "
        "normal x.",
        (_MARKOV,),
        "expand('displacement', through=2, sampling='one-pass', resummed=True).stationary()",
        second.in_one_dimension().subs(tensors).expand(),
        second,
        left=r"\bar{h}_{\gamma} \simeq",
        letters=(("eta", "gamma"),),
    )


def _gauss_cumulant(orders: Sequence[int]) -> Rational:
    """Return the joint cumulant of derivatives of these orders of (h + x^2 exp(-h))/2 at h = 0."""
    h, x = Symbol("h"), Symbol("x")
    derivatives = [diff((h + x**2 * exp(-h)) / 2, h, k).subs(h, 0) for k in orders]
    total = Integer(0)
    for partition in set_partitions(len(orders)):
        blocks = blocks_of(partition)
        sign = (-1) ** (len(blocks) - 1) * factorial(len(blocks) - 1)
        means = (_normal_mean(Mul(*(derivatives[i] for i in block)), x) for block in blocks)
        total += sign * prod(means)
    return total


def _normal_mean(polynomial: Expr, x: Symbol) -> Rational:
    """Return the mean of an even polynomial in a standard normal variable."""
    return Add(*(c * factorial2(k - 1) for (k,), c in Poly(polynomial, x).terms()))


STATIONARY: Derivations = {
    "quadratic": _quadratic,
    "stationary-covariance": _covariance,
    "heavy-ball-covariance": _heavy_ball,
    "subset-covariance": _subsets,
    "polyak-ruppert": _averaged,
    "stationary-bias": _bias,
    "gauss-bias": _gauss_bias,
}
