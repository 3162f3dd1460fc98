"""Errata in LaTeX: one after the other, or as a document of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sympy import Rational, latex

from sgdiagrams.symbolic.known.page import escaped_words, in_document

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from sgdiagrams.numeric.errata.erratum import Erratum

__all__ = ["errata_in_latex"]


def errata_in_latex(errata: Iterable[Erratum], *, standalone: bool = False) -> str:
    r"""Return errata in LaTeX; words are comments, or text where it is a whole document.

    Examples
    --------
    >>> from sgdiagrams.numeric import known_erratum
    >>> text = errata_in_latex([known_erratum("skewness-sign")])
    >>> print("\n".join(text.splitlines()[1:]))
    % S. Tenka (2020), A Perturbative Analysis of Stochastic Descent, proof of corollary 5
    % S. Tenka (2021), A Perturbative Analysis of Stochastic Gradient Descent, proof of corollary 3
    % printed
    \begin{align*}
      {[\eta^{3} S]}\,\langle\ell\rangle ={}& \frac{T}{6}\, S_{\mu\nu\lambda}\, J_{\mu\nu\lambda}
    \end{align*}
    % derived
    \begin{align*}
      {[\eta^{3} S]}\,\langle\ell\rangle ={}& - \frac{T}{6}\, S_{\mu\nu\lambda}\, J_{\mu\nu\lambda}
    \end{align*}
    """
    if standalone:
        return in_document(map(_section, errata))
    return "\n".join(map(_commented, errata))


def _commented(erratum: Erratum) -> str:
    printed, derived = erratum.displays()
    words = (erratum.statement, *map(str, erratum.sources), "printed")
    return "\n".join([*(f"% {line}" for line in words), printed, "% derived", derived])


def _section(erratum: Erratum) -> str:
    printed, derived = erratum.displays()
    sources = "; ".join(map(str, erratum.sources))
    evidence = erratum.evidence
    numbers = {
        "exact SGD": evidence.exact,
        "derived": evidence.derived,
        "printed": evidence.printed,
    }
    rows = "".join(rf"{name} & {_numbers(values)} \\[3pt]" for name, values in numbers.items())
    # Calls are wider than a line.
    call = re.sub(r"(?<=[.,=(])", r"\\allowbreak{}", escaped_words(erratum.call))
    return "\n".join(
        [
            rf"\textbf{{{escaped_words(erratum.name)}.}} {escaped_words(erratum.statement)}",
            rf"\textit{{{escaped_words(sources)}.}}\par\smallskip Printed:",
            printed,
            r"Derived:",
            derived,
            rf"Check: {escaped_words(evidence.setting)}.\par\smallskip",
            rf"\begin{{tabular}}{{@{{}}ll}}{rows}\end{{tabular}}\par\medskip",
            rf"{{\small\texttt{{{call}}}\\ \texttt{{{escaped_words(erratum.command)}}}\par}}\bigskip",
        ]
    )


def _numbers(values: Iterable[Fraction]) -> str:
    return f"${', '.join(latex(Rational(x.numerator, x.denominator)) for x in values)}$"
