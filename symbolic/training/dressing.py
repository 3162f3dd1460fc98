r"""How links dress edges in closed form: by the roots of a polynomial at every eigenvalue h.

A kernel that is a sum of powers has a rational generating function,

.. math:: \sum_{D \ge 1} K(D)\, x^{-D} = \frac{n(x)}{d(x)}, \qquad
    \sum_{D \ge 1} K_{\mathrm{out}}(D)\, x^{-D} = \frac{n_{\mathrm{out}}(x)}{d(x)\, e(x)} ,

and with all links on the edge it has the denominator :math:`d(x) + h\, n(x)` in place of :math:`d(x)`.
With its roots x, and y the others,

.. math:: \kappa(D) = \sum_x \frac{n(x)\, x^{D - 1}}{\prod_{y \ne x} (x - y)} ,

a divided difference. An edge into the root of the diagram has :math:`n_{\mathrm{out}}` in place of n, and
also the roots of e, which do not depend on h: averages of iterates bring them in.

==============  =====================================================  ====================
SGD             :math:`x - 1 + h`                                      :math:`n = 1`
heavy ball      :math:`x^2 - (1 + \beta - h)\, x + \beta`              :math:`n = x`
Nesterov        :math:`x^2 - (1 + \beta)(1 - h)\, x + \beta (1 - h)`   :math:`n = (1 + \beta) x - \beta`
==============  =====================================================  ====================
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Self, final

from sympy import Add, Dummy, Expr, Integer, Mul, Poly, cancel, expand, fraction, sqrt, together

from sgdiagrams.symbolic import symbols

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.training.kernels import Mode

__all__ = ["Dressing", "dressing_of", "polynomial_at"]

#: Coefficients of a polynomial, that of the highest power first.
_Coefficients = tuple[Expr, ...]

_MOST_ROOTS = 2
_ONE = Integer(1)


@final
@dataclass(frozen=True, slots=True)
class Dressing:
    r"""The dressed kernels of an optimiser in closed form.

    Attributes
    ----------
    denominator, numerator
        The coefficients of d and n, that of the highest power first; d has the leading coefficient 1.
    readout
        Those of :math:`n_{\mathrm{out}}`.
    more
        The roots of e.
    is_mean
        Whether the read-out is divided by T, as the mean of all iterates is; 1 is then in `more`.
    window
        The number W of last iterates of which the read-out is the mean; divided by W, it has 1 in `more`
        for the last W updates. For those before, the sums over D end D updates before the last W, and
        roots x come with :math:`x^W - 1`.

    Examples
    --------
    >>> from sgdiagrams.symbolic import SGD, Nesterov
    >>> SGD().dressing == Dressing(), Nesterov(beta="1/2").dressing.numerator
    (True, (3/2, -1/2))
    """

    denominator: _Coefficients = (_ONE, -_ONE)
    numerator: _Coefficients = (_ONE,)
    readout: _Coefficients = (_ONE,)
    more: tuple[Expr, ...] = ()
    is_mean: bool = False
    window: int | None = None

    @property
    def root_count(self) -> int:
        """The number of roots of an edge between updates, 1 or 2."""
        return len(self.denominator) - 1

    @property
    def most_roots(self) -> int:
        """The number of roots of an edge into the root of a diagram."""
        return self.root_count + len(self.more)

    @property
    def beta(self) -> Expr | None:
        r"""The momentum of a heavy ball, the product of both roots; None for all others."""
        if self.root_count == 1 or self.numerator != (1, 0):
            return None
        return self.denominator[-1]

    @property
    def is_plain(self) -> bool:
        """Whether it is that of SGD, with the last iterate."""
        return self == Dressing()

    @property
    def is_of_many(self) -> bool:
        """Whether the read-out is a plain mean of iterates, of all or of the last few."""
        return self.is_mean or self.window is not None

    def with_window(self, W: int | None) -> Self | None:
        """Return that of the mean of the last W iterates, from that of the last; None without W."""
        if W is None or self.more:
            return None
        return replace(self, readout=(*self.readout, Integer(0)), more=(_ONE,), window=W)

    @property
    def gain(self) -> Expr:
        """How far an update moves the weights in the end, n(1)/d'(1): 1/(1 - beta) with momentum."""
        most = self.root_count
        slope = expand(Add(*(c * (most - k) for k, c in enumerate(self.denominator))))
        gain = expand(Add(*self.numerator)) / slope
        return cancel(gain) if cancel(gain).is_number else gain

    @property
    def readout_gain(self) -> Expr:
        """How far an update moves what is read out in the end, if it takes the weights on its way."""
        gain = Add(*self.readout) / Add(*self.numerator)
        if not self.is_mean:
            gain /= Mul(*(1 - x for x in self.more))
        return cancel(gain) * self.gain

    @property
    def total(self) -> tuple[Expr, Expr]:
        """The sum of both roots, as the coefficients of 1 and of h."""
        return -self.denominator[1], -self.numerator[0]

    @property
    def product(self) -> tuple[Expr, Expr]:
        """The product of both roots, as the coefficients of 1 and of h."""
        return self.denominator[2], self.numerator[1]

    @property
    def coincides_when_flat(self) -> bool:
        """Whether a root of e is one of d too, so that roots of an edge coincide at h = 0."""
        return any(cancel(polynomial_at(self.denominator, x)) == 0 for x in self.more)

    def roots(self, h: Expr) -> tuple[Expr, ...]:
        """Return the roots of an edge between updates at an eigenvalue, the larger one first.

        Examples
        --------
        >>> from sgdiagrams.symbolic import Momentum
        >>> Dressing().roots(symbols.eta), Momentum(beta="1/4").dressing.roots(Integer(0))
        ((1 - eta,), (1, 1/4))
        """
        if self.root_count == 1:
            return (-self.denominator[1] - h * self.numerator[0],)
        if h == 0:
            return _ONE, self.denominator[-1]
        total, product = (a + h * b for a, b in (self.total, self.product))
        root = sqrt(total**2 - 4 * product)
        return (total + root) / 2, (total - root) / 2


def polynomial_at(coefficients: Sequence[Expr], x: Expr) -> Expr:
    """Return a polynomial at x, terms in x that vanish left out.

    Examples
    --------
    >>> from sympy.abc import x
    >>> polynomial_at((Integer(1), Integer(0)), x), polynomial_at((Integer(2), Integer(-1)), x)
    (x, 2*x - 1)
    """
    most = len(coefficients) - 1
    return Add(*(c * x ** Integer(most - k) for k, c in enumerate(coefficients) if c != 0))


@lru_cache(maxsize=256)
def dressing_of(kernel: tuple[Mode, ...], readout: tuple[Mode, ...]) -> Dressing | None:
    """Return the dressing of kernels that are sums of modes; None where there is no closed form.

    There is one for at most two modes between updates, one of which keeps what it was given (its base
    is 1), and at most one root more at the read-out.

    Parameters
    ----------
    kernel
        That of an edge between updates.
    readout
        That of an edge into the root.
    """
    inner = [m for m in kernel if m.weight != 0 and m.base != 0]
    outer = [m for m in readout if m.weight != 0 and m.base != 0]
    bases = [m.base for m in inner]
    is_constant = not any(m.power or m.weight.has(symbols.T) for m in inner)
    if not (is_constant and 1 in bases and len(set(bases)) == len(bases) <= _MOST_ROOTS):
        return None
    most = Counter(bases)
    for m in outer:
        most[m.base] = max(most[m.base], m.power + 1)
    more = tuple((most - Counter(bases)).elements())
    is_mean = any(m.weight.has(symbols.T) for m in outer)
    if len(more) > 1 or any(m.power > 1 for m in outer):
        return None
    if is_mean:
        outer = [m._replace(weight=cancel(m.weight * symbols.T)) for m in outer]
    x = Dummy("x")
    parts = (
        _coefficients(Mul(*(x - b for b in bases)), x, len(bases)),
        _coefficients(_numerator(inner, bases, x), x, len(bases) - 1),
        _coefficients(_numerator(outer, [*bases, *more], x), x, len(bases) + len(more) - 1),
    )
    used = {s for own in parts for c in own for s in c.free_symbols}
    if symbols.T in used or any(fraction(together(c))[1].free_symbols for p in parts for c in p):
        return None
    return Dressing(*parts, more, is_mean)


def _numerator(modes: Sequence[Mode], roots: Sequence[Expr], x: Expr) -> Expr:
    """Return the generating function of modes, times x - y for all roots y."""
    below = Mul(*(x - y for y in roots))
    # Sums over D >= 1 of y^D x^-D, and of D y^D x^-D.
    terms = (w * y / (x - y) if not power else w * y * x / (x - y) ** 2 for w, power, y in modes)
    return cancel(Add(*(term * below for term in terms)))


def _coefficients(polynomial: Expr, x: Expr, degree: int) -> _Coefficients:
    """Return the coefficients of a polynomial from a degree down."""
    own = [cancel(c) for c in Poly(polynomial, x).all_coeffs()]
    return (*(Integer(0) for _ in range(degree + 1 - len(own))), *own)
