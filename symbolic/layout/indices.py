"""The letters of tensor indices: Latin in plain text, Greek in print."""

from __future__ import annotations

from string import ascii_lowercase

__all__ = ["GREEK", "index_greek", "index_latex", "index_letter"]

#: The names of the Greek letters in the order in which they are used.
GREEK = (
    *("mu", "nu", "lambda", "rho", "sigma", "tau", "alpha", "gamma", "delta", "epsilon"),
    *("zeta", "xi", "phi", "chi", "psi", "omega"),
)

# No l (the loss) and no clash with upper-case names; 25 letters serve orders up to 12.
_LATIN = ascii_lowercase.replace("l", "")


def index_letter(i: int) -> str:
    """Return the letter of an index in plain text.

    Examples
    --------
    >>> index_letter(0), index_letter(11), index_letter(25)
    ('a', 'm', 'a1')
    """
    lap, place = divmod(i, len(_LATIN))
    return f"{_LATIN[place]}{lap or ''}"


def index_greek(i: int) -> tuple[str, int]:
    """Return the name of an index's Greek letter, and how often all letters were used before.

    Examples
    --------
    >>> index_greek(0), index_greek(17)
    (('mu', 0), ('nu', 1))
    """
    lap, place = divmod(i, len(GREEK))
    return GREEK[place], lap


def index_latex(i: int) -> str:
    r"""Return the letter of an index in LaTeX.

    Examples
    --------
    >>> index_latex(0), index_latex(17)
    ('\\mu', '\\nu_{1}')
    """
    letter, lap = index_greek(i)
    return rf"\{letter}_{{{lap}}}" if lap else rf"\{letter}"
