"""Known results in LaTeX: one after the other, or as a document of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.layout.latex import TEX_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sgdiagrams.symbolic.known.result import KnownResult

__all__ = ["escaped_words", "in_document", "results_in_latex"]

_DOCUMENT = r"""\documentclass[10pt]{article}
\usepackage[textwidth=345pt,vmargin=2cm]{geometry}
\usepackage{amsmath}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\begin{document}
\raggedright
%s
\end{document}"""


def results_in_latex(results: Iterable[KnownResult], *, standalone: bool = False) -> str:
    r"""Return known results in LaTeX; words are comments, or text where it is a whole document.

    Examples
    --------
    >>> from sgdiagrams.symbolic import known_result
    >>> print(results_in_latex([known_result("akaike")]))
    % Akaike's criterion: where the noise is the curvature, C = H, each of p weights costs 1/N.
    % H. Akaike (1974), IEEE Trans. Autom. Control 19, 716
    \begin{equation*}
      \langle\ell - \hat{\ell}\rangle \to \frac{p}{N}
    \end{equation*}
    """
    if standalone:
        return in_document(map(_section, results))
    return "\n".join(
        "\n".join([*(f"% {line}" for line in (r.statement, *map(str, r.sources))), r.latex()])
        for r in results
    )


def in_document(sections: Iterable[str]) -> str:
    """Return a whole document of LaTeX, which needs geometry and amsmath."""
    return _DOCUMENT % "\n\n".join(sections)


def _section(result: KnownResult) -> str:
    sources = "; ".join(map(str, result.sources))
    # Calls are wider than a line.
    call = re.sub(r"(?<=[.,=(])", r"\\allowbreak{}", escaped_words(result.call))
    return "\n".join(
        [
            rf"\textbf{{{escaped_words(result.name)}.}} {escaped_words(result.statement)}",
            rf"\textit{{{escaped_words(sources)}.}}",
            result.latex(),
            rf"{{\small\texttt{{{call}}}\par}}\bigskip",
        ]
    )


def escaped_words(words: str) -> str:
    r"""Return words as LaTeX reads them.

    Examples
    --------
    >>> print(escaped_words("eta^2 & 5 %"))
    eta\^{}2 \& 5 \%
    """
    return "".join(TEX_CHARACTERS.get(x, x) for x in words)
