r"""How expectations of products and at other times are written, made from how their factors are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Self

from sgdiagrams.symbolic.layout.indices import GREEK, index_latex, index_letter

if TYPE_CHECKING:
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime

__all__ = ["Spelling", "in_words"]

#: The weights at the end, or a number of updates before.
_WEIGHTS = re.compile(r"\\theta_(?:T|\{T-(\d+)\})")
_GREEK = re.compile(rf"\\({'|'.join(GREEK)})(?![A-Za-z])")


class Spelling(NamedTuple):
    r"""What is inside an expectation, in print and on the terminal.

    Attributes
    ----------
    latex, text
        Such as :math:`\ell(\theta_T)` and ``test loss``.
    indices
        The number of its free indices, whose letters are the first ones.
    """

    latex: str
    text: str
    indices: int = 0

    @classmethod
    def of_mean(cls, latex: str, text: str, indices: int) -> Self:
        r"""Return what is inside the expectation of a mean.

        Examples
        --------
        >>> Spelling.of_mean(r"\langle\ell(\theta_T)\rangle", "E[test loss]", 0)
        Spelling(latex='\\ell(\\theta_T)', text='test loss', indices=0)
        """
        latex = latex.removeprefix(r"\langle").removesuffix(r"\rangle").strip()
        if text.endswith("]^a"):
            text = f"{text[:-3]}^a]"
        text = text.removeprefix("E[").removesuffix("]")
        if " - " in text:
            latex, text = rf"\left({latex}\right)", f"({text})"
        return cls(latex, text, indices)

    def at(self, time: ReadTime) -> Self:
        """Return the same at another time in place of the end."""
        latex = _WEIGHTS.sub(
            lambda m: rf"\theta_{{{time.earlier(int(m[1] or 0)).latex}}}", self.latex
        )
        name, bar, index = self.text.partition("^a") if self.indices else (self.text, "", "")
        return self._replace(latex=latex, text=f"{name}({time.latex}){bar}{index}")

    def step(self) -> Self:
        r"""Return the last step in place of the displacement.

        Examples
        --------
        >>> Spelling(r"(\theta_T - \theta_0)^{\mu}", "displacement^a", 1).step()
        Spelling(latex='(\\theta_T - \\theta_{T-1})^{\\mu}', text='step^a', indices=1)
        """
        latex = re.sub(
            r"\((\\theta_(?:T|\{([^}]*)\})) - \\theta_0\)",
            lambda m: rf"({m[1]} - \theta_{{{_before(m[2] or 'T')}}})",
            self.latex,
        )
        return self._replace(latex=latex, text=self.text.replace("displacement", "step"))

    def behind(self, indices: int) -> Self:
        """Return the same with the letters of its indices after some others."""
        if not indices or not self.indices:
            return self
        latex = _GREEK.sub(lambda m: index_latex(GREEK.index(m[1]) + indices), self.latex)
        letters = [index_letter(i) for i in range(16)]

        def later(match: re.Match[str]) -> str:
            moved = (
                letters[letters.index(c) + indices] if c in letters[:-indices] else c
                for c in match[2]
            )
            return match[1] + "".join(moved)

        text = re.sub(r"([_^])([a-z|]+)", later, self.text)
        return self._replace(latex=latex, text=text)


#: What names say of times, in words.
_IN_WORDS = (
    (r":step\b", " of the step"),
    (r":lag=(\w+)", r", lag \1"),
    (r":at=(\w+)", r" after \1 updates"),
    (r":change-since=(\w+)", r", change since update \1"),
    (r"\bcovariance-of:(.*?) \* ", r"covariance of \1 and "),
    (r" \* ", " times "),
)


def in_words(name: str) -> str:
    """Return the name of an observable with what it says of times in words.

    Examples
    --------
    >>> in_words("displacement:lag=1 * displacement:step")
    'displacement, lag 1 times displacement of the step'
    """
    for pattern, words in _IN_WORDS:
        name = re.sub(pattern, words, name)
    return name


def _before(time: str) -> str:
    """Return the text of the time one update earlier."""
    if time.isdecimal():
        return str(int(time) - 1)
    head, _, number = time.rpartition("-")
    return f"{head}-{int(number) + 1}" if number.isdecimal() else f"{time}-1"
