r"""What an optimiser is, and how it weighs embeddings, in words and in LaTeX.

Optimisers of a user's own are in no table: the weight of an edge is defined, and found by number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sympy import Expr, Rational, latex, sympify

from sgdiagrams.symbolic.algebra.writing import write_expression
from sgdiagrams.symbolic.article.article import escaped
from sgdiagrams.symbolic.layout.latex import LatexRenderer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["OptimizerWords", "optimizer_words"]


class OptimizerWords(NamedTuple):
    """An optimiser in words.

    Attributes
    ----------
    described
        What it does: paragraphs and displayed formulas.
    rule
        What an edge and a node weigh; empty where all weigh one.
    sources
        Names of sources: see `sgdiagrams.symbolic.article.words.sources`.
    """

    described: tuple[str, ...]
    rule: tuple[str, ...]
    sources: tuple[str, ...] = ()


class _Method(NamedTuple):
    """An update without its average; the kernel is empty where it is not written down."""

    words: str
    update: str
    kernel: str = ""
    sources: tuple[str, ...] = ()


def optimizer_words(training: Training, points: int) -> OptimizerWords:
    """Return what is said of the optimiser of a training, on a page of a width.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
    >>> from sgdiagrams.symbolic.training.training import Training
    >>> optimizer_words(Training(OnePass()), 345).rule
    ()
    """
    optimizer: Any = training.optimizer
    if training.is_continuous:
        return _flow(optimizer, points)
    method = _METHODS.get(optimizer.name, _of_another)(optimizer)
    if optimizer.schedule is not None and "a_s" not in method.kernel:
        method = method._replace(kernel="")  # it holds for a constant rate
    words = [method.words, method.update]
    rule: list[str] = []
    sources = [*method.sources]
    if optimizer.schedule is not None:
        words.append(
            rf"The learning rate of update $t$ is $\eta\, a_t$: {escaped(optimizer.schedule.label)}."
        )
    if optimizer.average is not None:
        words.append(
            f"What is looked at is no single iterate but the {escaped(optimizer.average.label)}."
        )
        sources.append("juditsky")
    if not optimizer.is_plain:
        rule.append(
            "Every embedding counts with a weight, the product over the edges of $K(s, t)$: how far an "
            "update made at time $s$ has moved the point where update $t$ reads its gradient, in "
            "units of "
            r"minus $\eta$ times the gradient of update $s$; $K(s, t) = 0$ for $t \le s$."
        )
        if method.kernel:
            rule.append(_display(method.kernel))
        else:
            rule.append("It is found by carrying one unit of gradient through the updates.")
        rule.append(_at_root(optimizer))
    more, its_sources = _penalties(optimizer, points)
    return OptimizerWords(
        tuple(filter(None, (*words, *more))), tuple(filter(None, rule)), (*sources, *its_sources)
    )


def _at_root(optimizer: Optimizer) -> str:
    if optimizer.average is None:
        return "The root reads the weights after the last update, at $t = T$."
    return (
        r"An edge into the root has the average of $K(s, t)$ over the iterates that are looked at, with "
        "their weights."
    )


def _penalties(optimizer: Optimizer, points: int) -> tuple[list[str], tuple[str, ...]]:
    """Return what is said of weight decay and other penalties."""
    words: list[str] = []
    sources: tuple[str, ...] = ()
    decay = sympify(optimizer.weight_decay)
    if decay != 0:
        half = _factor(decay / 2) if decay.is_Rational else rf"\tfrac12 {_factor(decay)}"
        words.append(
            rf"The penalty ${half} |\theta|^2$ (weight decay) is added to the "
            rf"loss of "
            "every datapoint in training, and not to what is looked at; tensors with a tilde have it: "
            rf"$\tilde G = G + {_factor(decay)} \theta_0$, $\tilde H = H + {_shown(decay)}$."
        )
    decoupled = sympify(optimizer.decoupled_decay)
    if decoupled != 0:
        is_scheduled = optimizer.schedule is not None
        rate = r"\eta\, a_t" if is_scheduled else r"\eta"
        weight = "$a_s$, its own rate" if is_scheduled else "1"
        averaged = (
            ", and into the root the average of that over the iterates that are looked at"
            if optimizer.average is not None
            else ""
        )
        words.append(
            rf"Every update also pulls the weights by $-{rate}\, {_factor(decoupled)} \theta$, "
            rf"past the memory "
            "of the optimiser (decoupled weight decay). In a diagram a node may be such a pull: "
            "it is alone "
            r"in its block, has at most one child, and stands for a derivative of $L2 = "
            r"|\theta|^2/2$. Its "
            f"edge has the weight {weight}, since weights stay where they are{averaged}; its count has a "
            rf"factor ${_shown(decoupled)}$."
        )
        sources = ("loshchilov",)
    penalty = optimizer.penalty
    if penalty is not None:
        strength = sympify(penalty.strength)
        if penalty.rates:
            added = r"$R(\theta) = \sum_i r_i \theta_i^2/2$, with an $r_i$ for every weight,"
        elif penalty.name is not None:
            added = rf"$R(\theta) = \text{{{escaped(penalty.name)}}}(\theta)$"
        else:
            added = r"$R(\theta)$ below"
        words.append(
            rf"The penalty {_factor_words(strength)}{added} is added to the loss of every datapoint in "
            r"training, and not to what is looked at. In the table $U = \ell + "
            rf"{'' if strength == 1 else _factor(strength)}R$ is the loss of an update with it; in the "
            "result it is written out."
        )
        if not penalty.rates and penalty.name is None:
            renderer = LatexRenderer(points=points)
            words.append(
                write_expression(penalty.of.terms, renderer, left=r"R(\theta)", too_long="describe")
            )
    return words, sources


def _factor_words(strength: Expr) -> str:
    return "" if strength == 1 else rf"${_shown(strength)}$ times "


def _shown(x: Expr) -> str:
    r"""Return a number, small where it is a fraction: 1/2 before a letter would divide by both."""
    if isinstance(x, Rational) and not x.is_Integer:
        return rf"{'-' if x < 0 else ''}\tfrac{{{abs(x.p)}}}{{{x.q}}}"
    return str(latex(x, fold_short_frac=True))


def _factor(x: Expr) -> str:
    """Return a number before something else."""
    shown = _shown(x)
    return rf"({shown})\," if x.is_Add or "/" in shown else rf"{shown}\,"


def _display(*lines: str) -> str:
    body = " \\\\\n  & ".join(lines)
    return f"\\begin{{align*}}\n  & {body}\n\\end{{align*}}"


# One by one -------------------------------------------------------------------------------------------

_G = "$g_t$ being the gradient of the batch at the weights $\\theta_t$"


def _sgd(optimizer: Any) -> _Method:
    rate = r"\eta\, a_t" if optimizer.schedule is not None else r"\eta"
    return _Method(
        f"Stochastic gradient descent, {_G}:",
        _display(rf"\theta_{{t+1}} = \theta_t - {rate}\, g_t."),
        rf"K(s, t) = {'a_s' if optimizer.schedule is not None else 1}, \qquad s < t.",
    )


def _momentum(optimizer: Any) -> _Method:
    beta = _shown(sympify(optimizer.beta))
    rate = r"\eta\, a_t" if optimizer.schedule is not None else r"\eta"
    lines = (
        rf"v_{{t+1}} = {beta}\, v_t + g_t, \qquad \theta_{{t+1}} = \theta_t - {rate}\, v_{{t+1}}."
    )
    kernel = rf"K(s, t) = \frac{{1 - {_powered(beta, 't - s')}}}{{1 - {beta}}}, \qquad s < t."
    if optimizer.schedule is not None and optimizer.schedule_scales == "gradient":
        lines = rf"v_{{t+1}} = {beta}\, v_t + a_t\, g_t, \qquad \theta_{{t+1}} = \theta_t - "
        r"\eta\, v_{t+1}."
    words = f"Momentum (a heavy ball), {_G}:"
    if getattr(optimizer, "dampening", 0):
        damped = _factor(1 - sympify(optimizer.dampening))
        lines = lines.replace("+ g_t", f"+ {damped} g_t").replace("+ a_t", f"+ {damped} a_t")
        words = f"Momentum with dampening, where the first gradient enters whole, {_G}:"
        kernel = ""
    return _Method(words, _display(lines), kernel, ("polyak",))


def _nesterov(optimizer: Any) -> _Method:
    beta = _shown(sympify(optimizer.beta))
    rate = r"\eta\, a_t" if optimizer.schedule is not None else r"\eta"
    return _Method(
        f"Nesterov's momentum, {_G}, the point where it is read:",
        _display(
            rf"v_{{t+1}} = {beta}\, v_t + g_t, \qquad"
            rf" \theta_{{t+1}} = \theta_t - {rate}\, (g_t + {beta}\, v_{{t+1}})."
        ),
        rf"K(s, t) = \frac{{1 - {_powered(beta, 't - s + 1')}}}{{1 - {beta}}}, \qquad s < t.",
        ("nesterov",),
    )


def _powered(base: str, exponent: str) -> str:
    is_letter = base.removeprefix("\\").isalpha()
    return rf"{base}^{{{exponent}}}" if is_letter else rf"({base})^{{{exponent}}}"


def _qhm(optimizer: Any) -> _Method:
    beta, nu = (_shown(sympify(x)) for x in (optimizer.beta, optimizer.nu))
    rate = r"\eta\, a_t" if optimizer.schedule is not None else r"\eta"
    return _Method(
        f"Quasi-hyperbolic momentum, {_G}:",
        _display(
            rf"v_{{t+1}} = {beta}\, v_t + (1 - {beta})\, g_t,",
            rf"\theta_{{t+1}} = \theta_t - {rate}\, \bigl((1 - {nu})\, g_t + {nu}\, v_{{t+1}}\bigr).",
        ),
        rf"K(s, t) = 1 - {nu}\, {_powered(beta, 't - s')}, \qquad s < t.",
        ("ma",),
    )


def _changing(optimizer: Any) -> _Method:
    step = r"(g_t + \beta_t\, v_{t+1})" if optimizer.nesterov else r"v_{t+1}"
    rate = r"\eta\, a_t" if optimizer.schedule is not None else r"\eta"
    return _Method(
        rf"Momentum with a $\beta_t$ of its own at every update, {_G}:",
        _display(
            rf"v_{{t+1}} = \beta_t\, v_t + g_t, \qquad \theta_{{t+1}} = \theta_t - {rate}\, {step}."
        ),
        "",
        ("polyak",),
    )


def _look_ahead(optimizer: Any) -> _Method:
    alpha = _shown(sympify(optimizer.alpha))
    looks = "slow" if optimizer.looks_at == "slow" else "fast"
    return _Method(
        rf"Look-ahead: fast weights $\theta$ move by {_inner(optimizer)}. After every "
        rf"{optimizer.k} updates "
        rf"slow weights $\phi$ follow them, and the fast ones begin there again; what is looked "
        rf"at are the "
        f"{looks} ones.",
        _display(
            rf"\phi \leftarrow \phi + {alpha}\, (\theta - \phi), \qquad \theta \leftarrow \phi."
        ),
        "",
        ("zhang",),
    )


def _delayed(optimizer: Any) -> _Method:
    return _Method(
        f"Gradients come late: that of update $t$ is read at the weights {optimizer.d} updates before, "
        rf"$\theta_{{\max(t - {optimizer.d}, 0)}}$. They are used by {_inner(optimizer)}.",
        "",
        "",
        ("agarwal",),
    )


def _inner(optimizer: Any) -> str:
    return rf"the optimiser \emph{{{escaped(optimizer.inner.label)}}}"


def _schedule_free(optimizer: Any) -> _Method:
    beta = _shown(sympify(optimizer.beta))
    return _Method(
        "Schedule-free SGD; what is looked at is $x$:",
        _display(
            rf"y_t = (1 - {beta})\, z_t + {beta}\, x_t, \qquad g_t = \nabla "
            rf"\ell_{{\text{{batch}}}}(y_t),",
            r"z_{t+1} = z_t - \eta\, a_t\, g_t, \qquad x_{t+1} = (1 - c_t)\, x_t + c_t\, z_{t+1},",
            rf"c_t = \frac{{w_t}}{{w_0 + \dots + w_t}}, \qquad"
            rf" w_t = (t + 1)^{{{optimizer.r}}} \max_{{s \le t}} a_s^{{{optimizer.power}}}.",
        ),
        "",
        ("defazio",),
    )


def _of_another(optimizer: Any) -> _Method:
    return _Method(
        rf"The optimiser \emph{{{escaped(optimizer.label)}}}, which is linear in its gradients.", ""
    )


def _flow(optimizer: Any, points: int) -> OptimizerWords:
    """Return what is said of limits in continuous time."""
    more, sources = _penalties(optimizer, points)
    if optimizer.is_plain:
        return OptimizerWords(tuple(more), (), sources)
    return OptimizerWords(
        (
            (
                rf"The optimiser is \emph{{{escaped(optimizer.label)}}}; the limit is what is left "
                rf"of it once its "
                "transient has died out."
            ),
            *more,
        ),
        ("Counts are those of the limit, with powers of $1 - \\beta$ below.",)
        if "beta" in optimizer.values
        else (),
        sources,
    )


_METHODS: dict[str, Callable[[Any], _Method]] = {
    "sgd": _sgd,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "changing-momentum": _changing,
    "qhm": _qhm,
    "lookahead": _look_ahead,
    "delayed": _delayed,
    "schedule-free": _schedule_free,
}
