r"""Weights to 30 digits, with certainty: balls that contain them, made smaller until they do.

A weight at a point holds powers such as :math:`(9/10)^T`, whose exact values have hundreds of thousands
of digits after as many updates. Where the answer is a float nobody sees them: the weight is computed in
the ball arithmetic of FLINT (F. Johansson, IEEE Trans. Comput. 66 (2017) 1281), with more bits as long
as the ball is too wide. A ball is an enclosure, so the result is right to the digits that it has.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from flint import arb, ctx, fmpq, fmpz

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.symbolic.weights.substitution import value_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sympy import Expr

__all__ = ["PRECISIONS", "enclosed_at", "rounded_at", "settled"]

#: Powers with exact values up to so many bits are kept exact.
_SHORT = 4096
#: Bits at which balls are tried one after the other.
PRECISIONS = (192, 768, 3072, 12288, 49152)
#: The accuracy that is asked for, in bits: 30 digits.
_ACCURACY = 100
#: What is certainly less than two to this power is zero to a float.
_UNDERFLOW = -1100
#: What is certainly more is more than all floats, whatever it is multiplied by in the end.
_OVERFLOW = 8192


def rounded_at(weight: Expr, values: Mapping[str, Fraction]) -> Fraction:
    """Return a weight at a point to 30 digits at least; exactly where that is short.

    What is below 1e-330 in size is 0.

    Raises
    ------
    RequestError
        When it is beyond 2^8192.
    SamplingError
        When the weight has no finite value there, or one that no ball of 50,000 bits tells.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import T, beta
    >>> kernel = (1 - beta**T) / (1 - beta)
    >>> rounded_at(kernel, {"T": Fraction(3), "beta": Fraction(9, 10)})
    Fraction(271, 100)
    >>> float(rounded_at(kernel, {"T": Fraction(10**6), "beta": Fraction(9, 10)}))
    10.0
    """
    if _size(weight, values) <= _SHORT:
        return value_at(weight, values)
    for bits in PRECISIONS:
        with ctx.workprec(bits):
            number = settled(enclosed_at(weight, values))
        if number is not None:
            return number
    raise SamplingError(
        "expected numbers at which all weights are finite, got some at which one has no digit that is "
        "certain; give them to the sampling and the optimiser before expanding"
    )


def settled(ball: arb) -> Fraction | None:
    """Return the number in a ball to 30 digits at least, 0 below 1e-330; None for a ball too wide.

    Raises
    ------
    RequestError
        When it is beyond 2^8192.

    Examples
    --------
    >>> settled(arb(3) / 4), settled(arb(1, 0.5))
    (Fraction(3, 4), None)
    """
    if not ball.is_finite():
        return None
    if abs(ball) < arb(2) ** _UNDERFLOW:
        return Fraction(0)
    if abs(ball) > arb(2) ** _OVERFLOW:
        raise RequestError(
            "expected weights below 1e308 for floats, got a larger one; take smaller numbers"
        )
    if ball.rel_accuracy_bits() < _ACCURACY:
        return None
    mantissa, exponent = ball.mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _size(weight: Expr, values: Mapping[str, Fraction]) -> int:
    """Return the number of bits of the longest power in a weight."""
    if weight.is_Pow:
        bits = _size(weight.base, values)
        if weight.exp.is_Integer:
            return bits * abs(int(weight.exp))
        exponent = value_at(weight.exp, values)
        return int(bits * abs(exponent)) + 1
    if weight.is_Rational:
        return max(int(weight.p).bit_length(), int(weight.q).bit_length())
    if weight.is_Symbol:
        value = values[weight.name]
        return max(value.numerator.bit_length(), value.denominator.bit_length())
    return max((_size(arg, values) for arg in weight.args), default=0)


def enclosed_at(weight: Expr, values: Mapping[str, Fraction]) -> arb:
    """Return a ball that contains a weight at a point."""
    if weight.is_Rational:
        return arb(fmpq(int(weight.p), int(weight.q)))
    if weight.is_Symbol:
        value = values[weight.name]
        return arb(fmpq(value.numerator, value.denominator))
    if weight.is_Add:
        return sum((enclosed_at(arg, values) for arg in weight.args), arb(0))
    if weight.is_Mul:
        product = arb(1)
        for arg in weight.args:
            product *= enclosed_at(arg, values)
        return product
    if weight.is_Pow:
        exponent = value_at(weight.exp, values)
        if exponent.denominator != 1:
            raise SamplingError(f"expected numbers at which the exponent {weight.exp} is whole")
        base = enclosed_at(weight.base, values)
        # A pole is known for certain where the base is short.
        if exponent < 0 and base.contains(0) and _size(weight.base, values) <= _SHORT:
            value_at(weight, values)
        return base ** fmpz(int(exponent))
    raise SamplingError(f"expected a rational function of the symbols, got the weight {weight}")
