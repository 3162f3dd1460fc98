"""What is asked for: an observable in words, and the expectations that it is made of, in LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.symbolic.article.article import escaped
from sgdiagrams.symbolic.layout.indices import index_latex
from sgdiagrams.symbolic.layout.latex_reader import estimated_width
from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = [
    "expectation_latex",
    "expectations_of",
    "expression_letters",
    "in_expectations",
    "root_words",
]

_CHARACTER = 7  # points, generously
#: The factors of an expectation, and when each looks at the weights.
Timed = tuple[tuple[str, ...], tuple["ReadTime", ...]]


def expectations_of(observable: Observable) -> tuple[Timed, ...]:
    """Return the expectations that an observable is made of, each once.

    Examples
    --------
    >>> from sgdiagrams.symbolic.observable import COVARIANCE
    >>> [factors for factors, _ in expectations_of(COVARIANCE)]
    [('weights', 'weights'), ('weights',)]
    """
    return tuple(dict.fromkeys(timed for p in observable.products for timed in p.timed))


def expression_letters(observable: Observable) -> dict[str, str]:
    """Return letters for the factors that are expressions."""
    return {name: letter for (name, _), letter in zip(observable.expressions, "srwz", strict=False)}


def expectation_latex(
    timed: Timed,
    *,
    since: int | None = None,
    first: int = 0,
    letters: Mapping[str, str] | None = None,
) -> str:
    r"""Return an expectation in LaTeX; free indices are numbered from `first`.

    Examples
    --------
    >>> from sgdiagrams.symbolic.observable import TEST_LOSS
    >>> print(expectation_latex(TEST_LOSS.products[0].timed[0]))
    \langle \ell(\theta_T) \rangle
    """
    shown = []
    index = first
    for factor, time in zip(*timed, strict=True):
        weights = rf"\theta_{{{time.latex}}}" if len(time.latex) > 1 else rf"\theta_{time.latex}"
        if factor == WEIGHTS:
            start = "0" if since is None else str(since)
            shown.append(rf"({weights} - \theta_{{{start}}})^{{{index_latex(index)}}}")
            index += 1
            continue
        name = _NAMES.get(factor) or (letters or {}).get(factor) or _function(factor)
        if since is None:
            shown.append(f"{name}({weights})")
        else:
            shown.append(rf"[{name}({weights}) - {name}(\theta_{{{since}}})]")
    return rf"\langle {' '.join(shown)} \rangle"


_NAMES = {LOSS: r"\ell", TRAINING: r"\hat{\ell}"}


def _function(name: str) -> str:
    return name if len(name) == 1 else rf"\text{{{escaped(name)}}}"


def in_expectations(observable: Observable, points: int) -> str:
    """Return an observable as a sum of products of expectations, in LaTeX.

    Where it is wider than a page, its terms stand below each other.
    """
    products, since, letters = observable.products, observable.since, expression_letters(observable)
    terms: list[str] = []
    for product in products:
        first = 0
        factors = []
        for timed in product.timed:
            factors.append(expectation_latex(timed, since=since, first=first, letters=letters))
            first += timed[0].count(WEIGHTS)
        number = "" if abs(product.sign) == 1 else f"{abs(product.sign)}\\, "
        sign = "-" if product.sign < 0 else "+" if terms else ""
        terms.append(f"{sign} {number}{' '.join(factors)}".strip())
    whole = " ".join(terms)
    if estimated_width(whole) * _CHARACTER < points:
        return whole
    lines = r" \\ ".join(f"& {term if i == 0 else '{}' + term}" for i, term in enumerate(terms))
    return rf"\begin{{aligned}}{lines}\end{{aligned}}"


def root_words(observable: Observable, basis: Basis | None) -> tuple[str, ...]:
    """Return what the root of diagrams is for the factors that occur, a sentence each.

    Parameters
    ----------
    observable
        What is looked at.
    basis
        In which embeddings are counted; None along a run, where nothing is.
    """
    factors = {f for factors, _ in expectations_of(observable) for f in factors}
    words = []
    if LOSS in factors:
        words.append(
            r"$\ell$ at the root is the mean loss of the population (the test loss): the root is no "
            r"datapoint, and with $k$ children it is the derivative $\nabla^k \ell$."
        )
    if TRAINING in factors:
        alone = "any datapoint of the set"
        if basis == "moment":
            alone += " that no block is on"
        words.append(
            r"$\hat\ell$ at the root is the mean loss of the training set: the root is one of its "
            "datapoints, averaged over the set, and may be in a block with updates. Where it is, "
            "it brings "
            f"the factor $1/N$; where it is alone, it is on {alone}."
        )
    if WEIGHTS in factors:
        words.append(
            "A coordinate of the displacement at the root takes exactly one child, which has a "
            "free index "
            "in place of its edge."
        )
    others = sorted(factors - {LOSS, TRAINING, WEIGHTS})
    if others:
        words.append(
            "A function at the root is no datapoint, and with $k$ children it is its $k$-th derivative."
        )
    if max(len(f) for f, _ in expectations_of(observable)) > 1:
        words.append(
            "The children of the root are shared out among the factors in all ways (Leibniz), "
            "and the values "
            "of all ways are added up."
        )
    return tuple(words)
