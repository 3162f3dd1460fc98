"""What an article asks: how training is done, and the expectation that is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import Rational, latex

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.algebra.writing import write_expression
from sgdiagrams.symbolic.article.article import escaped, listed_in_words
from sgdiagrams.symbolic.article.words.observables import (
    expression_letters,
    in_expectations,
)
from sgdiagrams.symbolic.article.words.optimizers import optimizer_words
from sgdiagrams.symbolic.article.words.schemes import scheme_words
from sgdiagrams.symbolic.layout.latex import LatexRenderer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.symbolic.formula import Part
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["assumed", "call_of", "check_names", "protocols_of", "question", "titled"]

_LONGEST = 20

_VISITS = {
    "fresh": "Noise (augmentation, dropout, label noise) is fresh at every visit of a datapoint, "
    "and so is "
    "that of the loss that is looked at.",
    "additive": "To the gradient of every visit noise is added that is independent of datapoint and "
    "weights.",
    "gaussian": "To the gradient of every visit Gaussian noise is added that is independent of "
    "datapoint "
    "and weights.",
}


def titled(parts: Sequence[Part], end: str) -> str:
    """Return a title: what is expected, and how far it is expanded."""
    named = (_named(part.observable) for part in parts)
    words = listed_in_words(dict.fromkeys(named))
    if len(parts) > 1:
        return f"Expectations of the {words} combined, {end}"
    return f"The expected {words} of SGD, {end}"


def _named(observable: Observable) -> str:
    words = observable.words
    return "value of an expression" if words == "expression" else escaped(words)


def protocols_of(parts: Sequence[Part]) -> str:
    """Return the ways of training by their labels."""
    return escaped("; ".join(dict.fromkeys(part.training.label for part in parts)))


def question(parts: Sequence[Part], basis: Basis, points: int, as_what: str) -> list[str]:
    """Return how training is done, and what is asked.

    Parameters
    ----------
    parts
        What is expanded.
    basis
        In which diagrams are counted.
    points
        The width of the page.
    as_what
        How the answer is written.
    """
    lines: list[str] = []
    several = len(parts) > 1
    for number, part in enumerate(parts, start=1):
        words = scheme_words(part.training.sampling, basis)
        start = f"Training {number}. " if several else ""
        lines.append(f"{start}{words.described}")
        lines += optimizer_words(part.training, points).described
        if part.visits != "same":
            lines.append(_VISITS[part.visits])
        observable = part.observable
        letters = expression_letters(observable)
        for name, expression in observable.expressions:
            left = letters[name] + (
                r"_{\mu}" if expression.rank == 1 else r"_{\mu\nu}" if expression.rank else ""
            )
            lines.append("The function of the weights that is looked at is, at any weights,")
            renderer = LatexRenderer(points=points)
            lines.append(
                write_expression(expression.terms, renderer, left=left, too_long="describe")
            )
        asked = in_expectations(observable, points)
        lines.append("Of this training the sum has" if several else "What is asked for is")
        lines.append(rf"\[{_coefficient(part)}{asked}\]")
    lines.append(
        rf"{as_what}; $\langle \cdot \rangle$ is the mean over the choice of all datapoints and "
        rf"all that "
        "chance decides."
    )
    return lines


def _coefficient(part: Part) -> str:
    c = part.coefficient
    if abs(c) == 1:
        return "" if c == 1 else "-"
    return rf"{latex(Rational(c.numerator, c.denominator))}\,"


def check_names(parts: Sequence[Part]) -> None:
    """Raise a RequestError where a function's name is too long to be a letter of formulas."""
    names = [name for part in parts for name in part.observable.functions]
    names += [p.name for p in (part.optimizer.penalty for part in parts) if p and p.name]
    for name in names:
        if len(name) > _LONGEST:
            raise RequestError(
                f"expected names of functions of at most {_LONGEST} letters in a document, got "
                f"{shown(name)}; take a shorter one"
            )


def assumed(schemes: Iterable[Sampling | None]) -> list[str]:
    """Return what formulas with symbols take for granted, in sentences."""
    lines = []
    for words in dict.fromkeys(scheme.assumption for scheme in schemes if scheme):
        pairs = [w.split(" divides ") for w in words.split(" and ") if w]
        divides = [f"${a}$ divides ${b}$" for a, b in pairs if a != "1"]
        if divides:
            lines.append(f"The formula holds where {listed_in_words(divides)}.")
    return lines


def call_of(parts: Sequence[Part], *rest: str) -> str:
    """Return the Python that makes an expansion."""
    calls = []
    for part in parts:
        sign = "" if part.coefficient == 1 else f"{part.coefficient} * "
        scheme = part.sampling and (part.sampling.given_scheme or part.sampling)
        pieces = [repr(part.observable.name), f"sampling={scheme!r}", *rest]
        if not part.optimizer.is_default:
            pieces.append(f"optimizer={part.optimizer!r}")
        if part.visits != "same":
            pieces.append(f"visits={part.visits!r}")
        calls.append(f"{sign}expand({', '.join(pieces)})")
    return " + ".join(calls)
