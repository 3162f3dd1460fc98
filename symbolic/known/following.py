"""Which equations and losses training follows, as the literature derived them, one optimiser a paper.

Nothing here is typed in: every function takes a modified equation, a modified loss or an imitation, and
puts in the losses of an example where the source has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import Add, Expr, Mul, Symbol, diff, expand_mul

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.known.result import KnownResult, Source
from sgdiagrams.symbolic.modified.equation import modified_equation
from sgdiagrams.symbolic.modified.imitation import imitate
from sgdiagrams.symbolic.modified.loss import modified_loss
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.schemes.epochs import FullBatch
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.known.result import Derivations

__all__ = ["FOLLOWING"]

_HAIRER = Source("E. Hairer, C. Lubich, G. Wanner", 2006, "Geometric Numerical Integration", "IX.1")
_BARRETT = Source("D. Barrett, B. Dherin", 2021, "Implicit Gradient Regularization", "section 3")
_MIYAGAWA = Source("T. Miyagawa", 2022, "Toward Equation of Motion for Deep Neural Networks")
_SMITH = Source(
    "S. Smith, B. Dherin, D. Barrett, S. De",
    2021,
    "On the Origin of Implicit Regularization in Stochastic Gradient Descent",
)
_LI = (
    Source(
        "Q. Li, C. Tai, W. E",
        2017,
        "Stochastic Modified Equations and Adaptive Stochastic Gradient Algorithms",
    ),
    Source(
        "Q. Li, C. Tai, W. E",
        2019,
        "Stochastic Modified Equations and Dynamics of Stochastic Gradient Algorithms I",
        "theorem 9",
    ),
)
_MOMENTUM = (
    Source("N. Kovachki, A. Stuart", 2021, "Continuous Time Analysis of Momentum Methods"),
    Source("A. Ghosh, H. Lyu, X. Zhang, R. Wang", 2023, "Implicit Regularization in Heavy-Ball"
           " Momentum Accelerated Stochastic Gradient Descent"),
    Source("M. Cattaneo, B. Shigida", 2025, "Modified Loss of Momentum Gradient Descent"),
)  # fmt: skip
_TENKA = Source("S. Tenka", 2020, "A Perturbative Analysis of Stochastic Descent", "corollary 3")


def _euler_example() -> KnownResult:
    y = Symbol("y")
    # y' = y^2 is gradient descent of this loss.
    drift = modified_equation(6, sampling="gradient-descent").total(1)
    field = _with_one_weight(drift / symbols.eta, -(y**3) / 3, y)
    return KnownResult(
        "euler-example",
        "What the explicit method of Euler solves in place of y' = y^2, at step size h.",
        (_HAIRER,),
        "modified_equation(6, sampling='gradient-descent').total(1) / eta at l = -y^3/3",
        field,
        left=r"\dot{y} =",
        letters=(("eta", "h"),),
    )


def _with_one_weight(expression: Expression, loss: Expr, weight: Symbol) -> Expr:
    """Return an expression without noise in one dimension, for a loss."""

    def value(contraction: Contraction) -> Expr:
        return Mul(*(diff(loss, weight, k) for k in contraction.legs))

    return expand_mul(Add(*(c * value(k) for c, k in expression.terms)))


def _gradient_descent() -> KnownResult:
    loss = modified_loss(2, sampling="gradient-descent")
    return KnownResult(
        "implicit-regularisation",
        "Gradient descent goes down another loss: its own and h/4 times the squared gradient.",
        (_BARRETT,),
        "modified_loss(2, sampling='gradient-descent')",
        loss.total(),
        loss,
        left=r"\widetilde{L} =",
        letters=(("eta", "h"),),
    )


def _equation_of_motion() -> KnownResult:
    loss = modified_loss(3, sampling="gradient-descent")
    return KnownResult(
        "equation-of-motion",
        "The flow that gradient descent follows, in the time eta t; its third term is no gradient.",
        (_MIYAGAWA,),
        "modified_loss(3, sampling='gradient-descent')",
        loss.equation.total(1) / symbols.eta,
        loss,
        left=r"\dot{\theta}_{\mu} =",
    )


def _shuffled_epoch() -> KnownResult:
    loss = modified_loss(2, sampling="reshuffled-epochs", role="training-set")
    return KnownResult(
        "shuffled-epoch",
        "The mean over the shuffles of an epoch goes down a loss with the variance of the gradients, "
        "C_aa, of the set.",
        (_SMITH,),
        "modified_loss(2, sampling='reshuffled-epochs', role='training-set')",
        loss.total(),
        loss,
        left=r"\widetilde{C}_{SGD} =",
        letters=(("eta", "epsilon"),),
    )


def _second_weak_order() -> KnownResult:
    loss = modified_loss(2, sampling="one-pass")
    return KnownResult(
        "stochastic-modified-equation",
        "SGD follows, to the second weak order, a diffusion whose drift is minus the gradient of this "
        "loss; its covariance is eta C in the time eta t.",
        _LI,
        "modified_equation(2, sampling='one-pass')",
        loss.total(),
        loss.equation,
        left=r"f + \tfrac{\eta}{4} |\nabla f|^2 =",
    )


def _second_order_example() -> KnownResult:
    x = Symbol("x")
    drift = modified_equation(2, sampling="one-pass").total(1)
    return KnownResult(
        "stochastic-example",
        "The drift of that diffusion on f = x^2.",
        _LI,
        "modified_equation(2, sampling='one-pass').total(1) / eta at l = x^2",
        _with_one_weight(drift / symbols.eta, x**2, x),
        left=r"b(x) =",
    )


def _momentum(name: str, optimizer: str, words: str) -> KnownResult:
    equation = modified_equation(3, sampling="gradient-descent", optimizer=optimizer)
    return KnownResult(
        name,
        words,
        _MOMENTUM,
        f"modified_equation(3, sampling='gradient-descent', optimizer='{optimizer}')",
        equation.total(1),
        equation,
        left=r"\dot{\theta}_{\mu} =",
    )


def _heavy_ball() -> KnownResult:
    words = "The flow that gradient descent with momentum follows after its transient, per update."
    return _momentum("heavy-ball", "momentum", words)


def _nesterov() -> KnownResult:
    words = "The flow that Nesterov's method, in PyTorch's variables, follows after its transient."
    return _momentum("nesterov", "nesterov", words)


def _descent_less_sgd() -> KnownResult:
    full = expand("displacement", order=2, sampling="full-batch", basis="cumulant")
    once = expand("displacement", order=2, sampling="one-pass", basis="cumulant")
    difference = full.subs({"E": "N"}) - once.subs({"T": "N"})
    return KnownResult(
        "descent-less-sgd",
        "By how much N steps of gradient descent on N datapoints end elsewhere than one pass of SGD.",
        (_TENKA,),
        "expand('displacement', order=2, sampling='full-batch', basis='cumulant')"
        ".subs({'E': 'N'}) - "
        "expand('displacement', order=2, sampling='one-pass', basis='cumulant').subs({'T': 'N'})",
        Expression(
            (term.weight * symbols.eta**term.order, term.contraction) for term in difference.terms
        ),
        difference,
    )


def _imitation() -> KnownResult:
    imitation = imitate(Training(OnePass()), Training(FullBatch()), order=2)
    return KnownResult(
        "descent-imitates-sgd",
        "What gradient descent has to add to its loss to train like one pass of SGD.",
        (_TENKA,),
        "imitate(Training(OnePass()), Training(FullBatch()), order=2)",
        imitation.penalty,
        imitation,
    )


FOLLOWING: Derivations = {
    "euler-example": _euler_example,
    "implicit-regularisation": _gradient_descent,
    "equation-of-motion": _equation_of_motion,
    "shuffled-epoch": _shuffled_epoch,
    "stochastic-modified-equation": _second_weak_order,
    "stochastic-example": _second_order_example,
    "heavy-ball": _heavy_ball,
    "nesterov": _nesterov,
    "descent-less-sgd": _descent_less_sgd,
    "descent-imitates-sgd": _imitation,
}
