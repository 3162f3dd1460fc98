r"""What the letters of formulas stand for, as far as they occur."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.symbolic.article.article import escaped
from sgdiagrams.symbolic.layout.indices import index_latex
from sgdiagrams.symbolic.layout.nodes import occurring
from sgdiagrams.symbolic.layout.quantities import IndexedTensor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sgdiagrams.symbolic.layout.nodes import Node

__all__ = ["letters_explained", "tensors_in"]

#: Tensors of mean derivatives, by name.
_DERIVATIVES = {
    "G": (r"G_{\mu}", "the mean gradient of the loss"),
    "H": (r"H_{\mu\nu}", "the Hessian of the mean loss"),
    "J": (r"J_{\mu\nu\lambda}", "its third derivative"),
    "K": (r"K_{\mu\nu\lambda\rho}", "its fourth derivative"),
}
_CUMULANTS = {
    "C": (
        r"C_{\mu\nu}",
        (
            r"the covariance of the gradient of a datapoint, the cumulant of $\nabla_\mu \ell_x$ and "
            r"$\nabla_\nu \ell_x$"
        ),
    ),
    "S": (r"S_{\mu\nu\lambda}", "the third cumulant of the gradient of a datapoint"),
}
#: Names of numbers, in the order of the list.
_NUMBERS = {
    "eta": (r"\eta", "the learning rate; where it is a matrix, it contracts every edge"),
    "T": ("T", "the number of updates"),
    "N": ("N", "the number of datapoints of the training set"),
    "B": ("B", "the number of datapoints of a batch"),
    "E": ("E", "the number of epochs"),
    "q": ("q", "the probability of a datapoint to be in a batch"),
    "beta": (r"\beta", "the memory of the optimiser"),
    "nu": (r"\nu", "how much of the step is along the velocity"),
    "lamda": (r"\lambda", "the strength of the penalty or weight decay"),
}


def tensors_in(nodes: Iterable[Node]) -> list[IndexedTensor]:
    """Return the tensors that occur, each once."""
    seen: dict[IndexedTensor, None] = {}
    for node in nodes:
        for part in occurring(node):
            if isinstance(part, IndexedTensor):
                seen[part] = None
    return list(seen)


def letters_explained(
    tensors: Iterable[IndexedTensor], numbers: Iterable[str], *, rank: int, is_continuous: bool
) -> str:
    """Return a list of letters and what they stand for, as a table without lines.

    Parameters
    ----------
    tensors
        Those that occur.
    numbers
        The names of the symbols that occur.
    rank
        The number of free indices.
    is_continuous
        Whether T is a time, in units of the learning rate.
    """
    occurring_tensors = list(tensors)
    names = {tensor.name for tensor in occurring_tensors if not tensor.has_bars}
    barred = {tensor.name for tensor in occurring_tensors if tensor.has_bars}
    has_breaks = any(tensor.breaks for tensor in occurring_tensors)
    rows: list[tuple[str, str]] = [
        (
            r"\ell_x(\theta), \, \ell",
            "the loss of a datapoint $x$, and its mean over all datapoints",
        )
    ]
    rows += [_DERIVATIVES[name] for name in _DERIVATIVES if name in names]
    higher = sorted(int(x[1:]) for x in names if x[0] == "D" and x[1:].isdigit())
    if higher:
        shown = ", ".join(f"D^{{({k})}}" for k in higher)
        rows.append((shown, "its derivatives of these orders"))
    rows += [_CUMULANTS[name] for name in _CUMULANTS if name in names]
    rows += _barred(barred, has_breaks=has_breaks)
    rows += _labels(names, occurring_tensors)
    if rank:
        free = ", ".join(index_latex(i) for i in range(rank))
        rows.append((free, "free indices; all others occur twice and are summed"))
    rows += [_number(name, is_continuous=is_continuous) for name in _ordered(numbers)]
    lines = [rf"  \({symbol}\) & {words}\tabularnewline" for symbol, words in rows]
    return "\n".join(
        [
            r"\begin{longtable}[l]{@{}p{0.24\textwidth}@{\hspace{8pt}}p{0.7\textwidth}@{}}",
            *(line.replace(" & ", r" & \raggedright ") for line in lines),
            r"\end{longtable}",
        ]
    )


def _barred(names: set[str], *, has_breaks: bool) -> list[tuple[str, str]]:
    """Return what joint moments and cumulants are."""
    rows = []
    if "M" in names:
        rows.append(
            (
                r"M_{\mu|\nu\lambda}, \dots",
                (
                    r"the mean over datapoints of a product of derivatives of $\ell_x$, with a "
                    r"bar between "
                    r"two: $\langle \nabla_\mu \ell_x\, \nabla_\nu \nabla_\lambda \ell_x \rangle$"
                ),
            )
        )
    if "kappa" in names:
        rows.append(
            (
                r"\kappa_{\mu|\nu\lambda}, \dots",
                (
                    r"the joint cumulant of derivatives of $\ell_x$, with a bar between two: of "
                    r"$\nabla_\mu "
                    r"\ell_x$ and $\nabla_\nu \nabla_\lambda \ell_x$"
                ),
            )
        )
    if "varkappa" in names:
        rows.append(
            (
                r"\varkappa_{\mu|\nu;\lambda}, \dots",
                (
                    "the joint cumulant over datapoints of joint cumulants over the noise of a "
                    "visit; bars "
                    "are between derivatives of one visit"
                ),
            )
        )
    if has_breaks:
        rows.append(
            (
                r"\dots_{\mu;\nu}",
                (
                    "a semicolon is between derivatives of one datapoint at two visits, each "
                    "with noise of "
                    "its own"
                ),
            )
        )
    return rows


def _labels(names: set[str], tensors: list[IndexedTensor]) -> list[tuple[str, str]]:
    """Return what is no loss: functions, penalties, pulls."""
    rows = []
    if any(any(tensor.penalised) for tensor in tensors if not tensor.has_bars):
        rows.append((r"\tilde G_{\mu}, \dots", "derivatives of the mean loss with its penalty"))
    if any(any(tensor.penalised) for tensor in tensors if tensor.has_bars):
        rows.append(
            (
                r"\dots_{\widetilde{\mu}|\nu}",
                r"a tilde over indices: that derivative is one of $\ell_x$ with its penalty",
            )
        )
    known = {"l", "eta", *_DERIVATIVES, *_CUMULANTS}
    for name in sorted(names - known):
        if name[0] == "D" and name[1:].isdigit():
            continue
        if name == "L2":
            rows.append((r"\text{L2}_{\mu}, \dots", r"derivatives of $|\theta|^2/2$"))
        elif name == "U":
            rows.append((r"U_{\mu}, \dots", "derivatives of the mean loss with its penalty"))
        elif name == "decay":
            rows.append((r"\text{decay}_{\mu}, \dots", r"derivatives of $\sum_i r_i \theta_i^2/2$"))
        elif name == "noise":
            rows.append(
                (
                    r"\text{noise}_{\mu\nu}, \dots",
                    (
                        "the cumulants of the noise that is added to a gradient; the second is its "
                        "covariance"
                    ),
                )
            )
        elif len(name) == 1:
            rows.append((rf"{name}_{{\mu}}, \dots", f"derivatives of the function ${name}$"))
        else:
            shown = escaped(name)
            rows.append((rf"\text{{{shown}}}_{{\mu}}, \dots", "derivatives of that function"))
    return rows


def _ordered(numbers: Iterable[str]) -> list[str]:
    wanted = [*numbers]
    known = [name for name in _NUMBERS if name in wanted]
    return [*known, *sorted(name for name in wanted if name not in _NUMBERS)]


def _number(name: str, *, is_continuous: bool) -> tuple[str, str]:
    if name == "T" and is_continuous:
        return "T", r"the time in units of $\eta$"
    if name in _NUMBERS:
        return _NUMBERS[name]
    from sympy import Symbol, latex

    return str(latex(Symbol(name))), "a number that is left open"
