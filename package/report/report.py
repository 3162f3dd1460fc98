r"""The report: everything about a question as plain data, and as one page of HTML.

The page holds the data as JSON in the element ``report-data``, which the scripts of the page read:

``title``
    One line of text.
``question``
    Words by what is asked: ``observable``, ``order`` (a number), ``sampling``, ``optimizer``, ``basis``,
    and where they apply ``assumption`` (such as *B divides N*), ``statistics`` (where numbers are from).
``diagrams``
    A list of rows by order: ``text``, ``order``, ``symmetry_factor``, ``blocks`` and ``links`` (numbers),
    ``tied`` and ``one_pass`` (whether the root is tied, and whether one pass can have it), ``svg``;
    ``count`` (or null, where there is no one count) and ``value`` as ``{"mathml", "text"}``;
    ``coefficient``, the text of what the value is multiplied by beside powers of eta, or null.
``formulas``
    ``plain`` and ``resummed`` as ``{"mathml", "latex"}``; null where there is none.
``numbers``
    null without statistics, else an object that `assets/model.js` reads. Of it the page needs
    ``sliders``, a list of ``{"name", "label", "minimum", "maximum", "value", "step", "whole",
    "logarithmic"}`` (one with equal minimum and maximum is fixed; "logarithmic" positions are
    geometric, and "step" is of no use then), ``observable`` (a title for the axis), ``is_size`` (whether
    values are sizes of vectors or matrices, never negative), ``notes`` (lines that must be said), and
    ``refused``, by the name of a series the line that says why it is not there.

``sgdiagrams.predictor(numbers)`` of `assets/model.js` returns a pure function of an object with a number
for each slider::

    {"series": [...], "recommended": "plain" | "re-summed" | "neither", "refused": null | line}

with, for every series, ``name`` ("plain" or "re-summed"), ``orders`` (``{"value", "error"}`` each),
``value``, ``error``, ``change``, ``change_error``, ``truncation`` (null where nothing can be told),
``next`` (that, and not less than the distance of two trustworthy series), ``verdict`` and
``trustworthy``. An error is null where it is not known, and 0 for a population. Where ``refused`` is a
line, there is no series. Numbers of a re-summed series that runs away are infinite, or no numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.errors import RequestError, check_kind
from sgdiagrams.diagrams.files import output_file
from sgdiagrams.numeric.estimates.tabulated import Tabulated
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.report.all_settings import numbers_of
from sgdiagrams.report.page import page_of
from sgdiagrams.report.question import Question
from sgdiagrams.report.rows import diagram_table
from sgdiagrams.report.short_markup import short_formula

if TYPE_CHECKING:
    import os

    from sgdiagrams.symbolic.formula import Formula

__all__ = ["Report", "make_report"]

#: Digits of numbers in formulas that would be too long.
_DIGITS = 12


@final
@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """A question with its diagrams, formulas and numbers; made by `make_report`.

    Attributes
    ----------
    data
        What the page shows, as plain data: see `sgdiagrams.report.report`.

    Examples
    --------
    >>> report = make_report(order=2)
    >>> report, [row["text"] for row in report.data["diagrams"]][-2:]
    (<Report: test-loss to order 2>, ['(01-2)(02-12)', '(0-1-2)(02-12)'])
    """

    data: dict[str, Any]

    def html(self) -> str:
        """Return one page of HTML that asks for no other file."""
        return page_of(self.data)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, whole or not at all.

        Raises
        ------
        FormatError
            When the file cannot be written.
        """
        with output_file(path) as file:
            file.write(self.html().encode())

    def __repr__(self) -> str:
        question = self.data["question"]
        return f"<Report: {question['observable']} to order {question['order']}>"


def make_report(
    observable: Any = "test-loss",
    *,
    order: int,
    sampling: Any = "one-pass",
    optimizer: Any = "sgd",
    basis: Any = None,
    resummed: bool = False,
    statistics: Any = None,
    eta: Any = None,
    source: str = "",
    title: str = "",
) -> Report:
    """Return the report on an expected observable, up to an order.

    Parameters
    ----------
    observable, sampling, optimizer, basis
        As for `sgdiagrams.expand`.
    order
        0 to 4.
    resummed
        Whether the re-summed formula is shown too.
    statistics
        `sgdiagrams.Statistics`, measured contractions (`sgdiagrams.Measured`) or a table of values
        (`sgdiagrams.Values`), from which the page has numbers, for every setting of its sliders; None
        for a page without.
    eta
        Where the learning rate stands at first; a usual one when left out.
    source
        Where the statistics are from, in words.
    title
        Of the page; the question when left out.

    Raises
    ------
    RequestError, SamplingError, StatisticsError
        As from `sgdiagrams.expand` and `Expansion.evaluate`.
    """
    check_kind("title", title, str, called="a text")
    check_kind("source", source, str, called="a text")
    question = Question.of(
        observable, order=order, sampling=sampling, optimizer=optimizer, basis=basis
    )
    formulas = {"plain": _in_print(question.expansion()), "resummed": None}
    if resummed:
        formulas["resummed"] = _in_print(question.resummed_expansion())
    words = question.words
    numbers = None
    if statistics is not None:
        check_kind(
            "statistics",
            statistics,
            (Statistics, Tabulated),
            called="Statistics, a measurement or a table of values",
        )
        numbers = numbers_of(question, statistics, eta)
        words["statistics"] = " ".join(source.split()) or str(statistics.role)
    named = f"{words['observable']} to order {words['order']}: {question.training.label}"
    return Report(
        {
            "title": " ".join(title.split()) or named,
            "question": words,
            "diagrams": diagram_table(question),
            "formulas": formulas,
            "numbers": numbers,
        }
    )


def _in_print(formula: Formula) -> dict[str, str]:
    """Return a formula as MathML and LaTeX, with rounded numbers where it would fill pages."""
    shown: Any = formula
    try:
        mathml, latex = shown.mathml(), shown.latex()
    except RequestError:
        mathml, latex = shown.mathml(digits=_DIGITS), shown.latex(digits=_DIGITS)
    return {"mathml": short_formula(mathml), "latex": latex}
