"""The works that articles refer to, each under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SOURCES", "bibliography"]

#: In LaTeX, in the order of print.
SOURCES = {
    "abadi": (
        r"M. Abadi, A. Chu, I. Goodfellow, H. B. McMahan, I. Mironov, K. Talwar, L. Zhang (2016), "
        r"\emph{Deep learning with differential privacy}, CCS."
    ),
    "agarwal": (
        r"A. Agarwal, J. Duchi (2011), \emph{Distributed delayed stochastic optimization}, NeurIPS."
    ),
    "barrett": (r"D. Barrett, B. Dherin (2021), \emph{Implicit gradient regularization}, ICLR."),
    "defazio": (
        r"A. Defazio, X. Yang, H. Mehta, K. Mishchenko, A. Khaled, A. Cutkosky (2024), \emph{The road "
        r"less scheduled}, NeurIPS."
    ),
    "hairer": (
        r"E. Hairer, C. Lubich, G. Wanner (2006), \emph{Geometric numerical integration}, 2nd edition, "
        r"Springer, chapter IX."
    ),
    "li": (
        r"Q. Li, C. Tai, W. E (2019), \emph{Stochastic modified equations and dynamics of stochastic "
        r"gradient algorithms I: mathematical foundations}, Journal of Machine Learning Research 20."
    ),
    "loshchilov": (
        r"I. Loshchilov, F. Hutter (2019), \emph{Decoupled weight decay regularization}, ICLR."
    ),
    "ma": (
        r"J. Ma, D. Yarats (2019), \emph{Quasi-hyperbolic momentum and Adam for deep learning}, ICLR."
    ),
    "nesterov": (
        r"Y. Nesterov (1983), \emph{A method for solving the convex programming problem with convergence "
        r"rate $O(1/k^2)$}, Soviet Mathematics Doklady 27, 372."
    ),
    "polyak": (
        r"B. T. Polyak (1964), \emph{Some methods of speeding up the convergence of iteration methods}, "
        r"USSR Computational Mathematics and Mathematical Physics 4(5), 1."
    ),
    "juditsky": (
        r"B. T. Polyak, A. B. Juditsky (1992), \emph{Acceleration of stochastic approximation by "
        r"averaging}, SIAM Journal on Control and Optimization 30, 838."
    ),
    "smith": (
        r"S. Smith, B. Dherin, D. Barrett, S. De (2021), \emph{On the origin of implicit regularization "
        r"in stochastic gradient descent}, ICLR."
    ),
    "stanley": (
        r"R. P. Stanley (2012), \emph{Enumerative combinatorics}, volume 1, 2nd edition, Cambridge "
        r"University Press."
    ),
    "tenka": r"S. Tenka (2020), \emph{A perturbative analysis of stochastic descent}, thesis, MIT.",
    "zhang": (
        r"M. R. Zhang, J. Lucas, G. Hinton, J. Ba (2019), \emph{Lookahead optimizer: $k$ steps forward, "
        r"1 step back}, NeurIPS."
    ),
}


def bibliography(names: Iterable[str]) -> tuple[str, ...]:
    """Return the sources of some names, a paragraph each, each once."""
    wanted = set(names)
    return tuple(SOURCES[name] for name in SOURCES if name in wanted)
