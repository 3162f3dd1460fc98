r"""Sums over times in closed form: divided differences of :math:`x^T`.

With gaps :math:`g_0 \ge 0`, :math:`g_1, \dots, g_L \ge 1` that add up to T,

.. math:: \sum_{g} Q_0^{g_0} Q_1^{g_1} \cdots Q_L^{g_L}
   = \Bigl(\prod_{l \ge 1} Q_l\Bigr)\, [Q_0, \dots, Q_L]\, x^T,

the divided difference of :math:`x \mapsto x^T` at the nodes :math:`Q_l` (the complete homogeneous
polynomial of degree T - L), confluent where nodes coincide. With all Q = 1 it is
:math:`\binom{T}{L}`.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import comb, factorial
from typing import TYPE_CHECKING, Any, NamedTuple

from sympy import Expr, Symbol, sympify
from sympy.polys.domains import QQ
from sympy.polys.fields import FracElement, FracField

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.weights.laurent import falling_factorial

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Base", "ParameterField", "TimeSum", "binomials_of_power", "divided_difference"]


class Base(NamedTuple):
    """A base of an exponential in T: a rational number times a monomial of the parameters."""

    number: Fraction
    powers: tuple[int, ...]

    def __mul__(self, other: Base) -> Base:  # type: ignore[override]
        powers = tuple(map(sum, zip(self.powers, other.powers, strict=True)))
        return Base(self.number * other.number, powers)

    def __pow__(self, k: int) -> Base:
        return Base(self.number**k, tuple(k * power for power in self.powers))


#: (power of T, base) -> coefficient: a sum of terms c T^k x^T.
TimeSum = dict[tuple[int, Base], FracElement]


class ParameterField:
    """The rational functions of an optimiser's parameters, the coefficients of time sums.

    Parameters
    ----------
    symbols
        The free symbols; there may be none.
    """

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        self.symbols: tuple[Symbol, ...] = tuple(sorted(symbols, key=str))
        names = [str(s) for s in self.symbols] or ["unused"]
        self.field = FracField(names, QQ)
        self._cache: dict[tuple[Base, ...], TimeSum] = {}

    @property
    def one(self) -> Base:
        """The base 1."""
        return Base(Fraction(1), (0,) * len(self.symbols))

    def element(self, value: Expr | Fraction) -> FracElement:
        """Return a rational function of the parameters as an element of the field."""
        expr = sympify(value)
        if expr.is_Rational:
            return self.field(QQ(int(expr.p), int(expr.q)))
        if expr.is_Symbol and expr in self.symbols:
            return self.field.gens[self.symbols.index(expr)]
        if expr.is_Add:
            return sum(map(self.element, expr.args), self.field.zero)
        if expr.is_Mul:
            result = self.field.one
            for arg in expr.args:
                result = result * self.element(arg)
            return result
        if expr.is_Pow and expr.exp.is_Integer:
            return self.element(expr.base) ** int(expr.exp)
        raise RequestError(f"expected a rational function of the parameters, got {expr}")

    def base(self, value: Expr) -> Base:
        """Return a monomial of the parameters as a base."""
        number, monomial = sympify(value).as_coeff_Mul()
        powers = monomial.as_powers_dict()
        if not number.is_Rational or any(
            x != 1 and (x not in self.symbols or not k.is_Integer) for x, k in powers.items()
        ):
            raise RequestError(f"expected a monomial of the parameters as base, got {value}")
        return Base(
            Fraction(int(number.p), int(number.q)),
            tuple(int(powers.get(x, 0)) for x in self.symbols),
        )

    def of_base(self, base: Base) -> FracElement:
        """Return a base as an element of the field."""
        result = self.field(QQ(base.number.numerator, base.number.denominator))
        for x, k in zip(self.field.gens, base.powers, strict=False):
            if k:
                result = result * x**k
        return result

    def divided_difference(self, nodes: Sequence[Base]) -> TimeSum:
        """Return the divided difference of x^T at the nodes; see `divided_difference`."""
        key = tuple(sorted(nodes))
        if key not in self._cache:
            self._cache[key] = divided_difference(self, key)
        return self._cache[key]


def divided_difference(field: ParameterField, nodes: Sequence[Base]) -> TimeSum:
    r"""Return :math:`[x_0, \dots, x_L]\, x^T` in closed form.

    For a node x of multiplicity r among the others y,

    .. math:: \frac{1}{(r-1)!} \frac{d^{r-1}}{dx^{r-1}} \frac{x^T}{\prod_y (x - y)}
       = \sum_{k < r} \binom{T}{k} x^{T - k} \, [\epsilon^{r-1-k}] \prod_y (x - y + \epsilon)^{-1}.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import beta
    >>> field = ParameterField([beta])
    >>> x = field.base(beta)
    >>> for (power, base), c in divided_difference(field, [x, field.one]).items():
    ...     print(power, field.of_base(base), c)
    0 beta 1/(beta - 1)
    0 1 -1/(beta - 1)
    """
    result: TimeSum = {}
    multiplicity = Counter(nodes)
    for x, r in multiplicity.items():
        here = field.of_base(x)
        if not here:
            raise RequestError("expected bases other than 0")
        # Taylor coefficients of prod_y (x - y + eps)^(-1), by repeated division by (d + eps).
        series: list[Any] = [field.field.one] + [field.field.zero] * (r - 1)
        for y, times in multiplicity.items():
            if y == x:
                continue
            distance = here - field.of_base(y)
            for _ in range(times):
                before = field.field.zero
                for i in range(r):
                    before = (series[i] - before) / distance
                    series[i] = before
        for k in range(r):
            c = series[r - 1 - k] / here**k / factorial(k)
            if not c:
                continue
            for power, number in enumerate(falling_factorial(k)):
                if number:
                    key = (power, x)
                    result[key] = result.get(key, field.field.zero) + c * number
    return {key: c for key, c in result.items() if c}


def binomials_of_power(k: int) -> list[int]:
    r"""Return the coefficients of :math:`t^k` in the binomials :math:`\binom{t}{m}`.

    They are the numbers of surjections of k elements onto m.

    Examples
    --------
    >>> binomials_of_power(3)
    [0, 1, 6, 6]
    """
    return [sum((-1) ** (m - j) * comb(m, j) * j**k for j in range(m + 1)) for m in range(k + 1)]
