"""Functions that generated source brings along: checks of what comes in, and exact weights.

They are text, because the source stands alone: nothing but NumPy, and errors that are plain ValueErrors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HELPERS", "used_helpers"]

_CENTRED = '''\
def _centred(samples):
    """Return samples less their mean; a second time, it takes away what the first one rounded."""
    return samples - samples.mean(axis=0)'''

_WHOLE = '''\
def _whole(name, value, least=0):
    """Return a whole number as Python's own, which never overflows."""
    number = None
    if not isinstance(value, (bool, numpy.bool_, str, bytes)) and numpy.ndim(value) == 0:
        try:
            number = int(value)
        except (TypeError, ValueError, OverflowError):
            pass
    if number is None or number != value or number < least:
        raise ValueError(f"expected a whole number >= {least} for {name}, got {name}={value}")
    return number'''

_DIVIDED = '''\
def _divided(name, above, below):
    """Return a quotient that has to be whole."""
    if not below or above % below:
        raise ValueError(f"expected numbers at which {name} is whole, got {above}/{below}")
    return above // below'''

_RATIONAL = '''\
def _rational(name, value, least=None, below=None, most=None):
    """Return numerator and denominator of a number; decimals are read as they are written."""
    if isinstance(value, (bool, numpy.bool_)) or numpy.ndim(value):
        raise ValueError(f"expected a number for {name}, got {name}={value}")
    if hasattr(value, "denominator"):
        pair = int(value.numerator), int(value.denominator)
    elif isinstance(value, (float, numpy.floating)) and numpy.isfinite(value):
        whole, _, decimals = numpy.format_float_positional(value, trim="-").partition(".")
        pair = int(whole + decimals), 10 ** len(decimals)
    else:
        raise ValueError(f"expected a number for {name}, got {name}={value}")
    above, unit = pair
    low, high = least is not None and above < least * unit, most is not None and above > most * unit
    if low or high or (below is not None and above >= below * unit):
        span = f"in ({least}, {most}]" if most else f">= {least}"
        span = span if below is None else f"in [{least}, {below})"
        raise ValueError(f"expected a number {span} for {name}, got {name}={value}")
    return pair'''

_RATE = '''\
def _rate(eta, p):
    """Return a learning rate as a matrix."""
    rate = _array("eta", eta, (None,) * numpy.ndim(eta))
    p = p if p or not rate.ndim else len(rate)
    if rate.shape not in {(), (p,), (p, p)}:
        raise ValueError(f"expected eta as a number or of shape ({p},) or ({p}, {p})")
    if rate.ndim == 2 and (rate != rate.T).any():
        raise ValueError("expected a symmetric eta, got an asymmetric one")
    return rate if rate.ndim == 2 else rate * numpy.eye(p or 0)'''

_RATIO = '''\
def _ratio(above, below=1):
    """Return a quotient of whole numbers, correctly rounded."""
    try:
        return above / below
    except ZeroDivisionError:
        raise ValueError("expected numbers at which all weights are finite") from None
    except OverflowError:
        raise ValueError("expected weights below 1e308, got a larger one") from None'''

_REAL = '''\
class _Real:
    """A number in units of 2**-bits."""

    def __init__(self, units, bits):
        self.units, self.bits = units, bits

    def like(self, other):
        return other.units if isinstance(other, _Real) else other << self.bits

    def __add__(self, other):
        return _Real(self.units + self.like(other), self.bits)

    def __sub__(self, other):
        return _Real(self.units - self.like(other), self.bits)

    def __mul__(self, other):
        if isinstance(other, _Real):
            return _Real(self.units * other.units >> self.bits, self.bits)
        return _Real(self.units * other, self.bits)

    def __neg__(self):
        return _Real(-self.units, self.bits)

    def __rsub__(self, other):
        return -self + other

    __radd__, __rmul__ = __add__, __mul__

    def __pow__(self, exponent):
        size = max(0, self.units.bit_length() - self.bits)
        if size * exponent > 10**7:
            raise ValueError("expected weights below 1e308, got a larger one")
        result, square = _Real(1 << self.bits, self.bits), self
        while exponent:
            if exponent & 1:
                result = result * square
            exponent >>= 1
            if exponent:
                square = square * square
        return result'''

_SETTLED = '''\
def _settled(weights, *numbers):
    """Return weights to all digits of a float: with more and more binary places until two agree.

    A denominator that is nothing in two precisions is zero: numbers as people write them come no closer.
    """
    before, poles = None, 0
    for bits in (1280, 2560, 5120, 10240, 20480, 40960):
        one = _Real(1 << bits, bits)
        pairs = weights(*(_Real((a << bits) // b, bits) for a, b in numbers))
        if all(one.like(below) for _, below in pairs):
            after = [_ratio(one.like(above), one.like(below)) for above, below in pairs]
            if before and all(abs(a - b) <= 4e-16 * abs(b) for a, b in zip(before, after)):
                return after
            before = after
        nothing = any(not abs(one.like(below)) >> bits // 2 for _, below in pairs)
        poles = poles + 1 if nothing and bits > 1280 else 0
        if poles == 2:
            break
    raise ValueError("expected numbers at which all weights are finite")'''

_ARRAY = '''\
def _array(name, value, shape):
    """Return an array of floats of the given shape, with None for any length that is still open."""
    array = numpy.asarray(value)
    fits = array.ndim == len(shape) and all(b in (None, a) for a, b in zip(array.shape, shape))
    if array.dtype.kind not in "iufO" or not fits or 0 in array.shape:
        raise ValueError(f"expected numbers of shape {shape} for {name}, got shape {array.shape}")
    try:
        array = array.astype(float)
    except (TypeError, OverflowError):
        raise ValueError(f"expected numbers for {name}, got others") from None
    if not numpy.isfinite(array).all():
        raise ValueError(f"expected finite numbers for {name}, got inf or nan")
    return array'''

_ARRAYS = '''\
def _arrays(derivatives, orders):
    """Return the derivatives of the given orders as floats, all from n samples of p parameters."""
    arrays, n, p = {}, None, None
    for k in orders:
        if k not in derivatives:
            raise ValueError(f"expected derivatives {orders}, got {sorted(derivatives)}")
        arrays[k] = _array(f"derivative {k}", derivatives[k], (n, *[p] * k))
        n, p = arrays[k].shape[0], (arrays[k].shape[1] if k else p)
        if arrays[k].shape != (n, *[p] * k):
            raise ValueError(f"expected derivative {k} of shape {(n, *[p] * k)}, got {arrays[k].shape}")
    return arrays, n, p'''

_VISITS = '''\
def _visits(derivatives, orders):
    """Return the derivatives as floats, one row for every visit, and the numbers of rows and visits."""
    shapes = {k: numpy.shape(derivatives[k]) for k in orders if k in derivatives}
    size = next(iter(shapes.values()), (1, 1))[:2]
    for k, shape in shapes.items():
        if len(shape) != k + 2 or shape[:2] != size:
            raise ValueError(f"expected derivative {k} of shape (n, v{', p' * k}), got {shape}")
    rows = {k: numpy.reshape(derivatives[k], (-1, *shape[2:])) for k, shape in shapes.items()}
    arrays, n, p = _arrays(rows, orders)
    return arrays, n, size[1], p'''

_FINITE = '''\
def _finite(tensors, result, word="order"):
    """Return the result; what overflowed is an error that names where."""
    for name, tensor in tensors.items():
        if not numpy.isfinite(tensor).all():
            raise ValueError(f"expected finite tensors, got {name} out of the range of floats")
    for place, value in enumerate(result):
        if not numpy.isfinite(value).all():
            raise ValueError(f"expected a finite result, got {word} {place} out of the range of floats")
    return result'''

#: Their source by name, in the order of writing.
HELPERS = {
    "_array": _ARRAY,
    "_arrays": _ARRAYS,
    "_visits": _VISITS,
    "_centred": _CENTRED,
    "_whole": _WHOLE,
    "_divided": _DIVIDED,
    "_rational": _RATIONAL,
    "_rate": _RATE,
    "_ratio": _RATIO,
    "_Real": _REAL,
    "_settled": _SETTLED,
    "_finite": _FINITE,
}


def used_helpers(lines: Sequence[str]) -> list[str]:
    """Return the sources of those that are called, directly or by one another.

    Examples
    --------
    >>> [text.splitlines()[0] for text in used_helpers(["w = _settled(weights, beta)"])]
    ['def _ratio(above, below=1):', 'class _Real:', 'def _settled(weights, *numbers):']
    """
    used: set[str] = set()
    waiting = list(lines)
    while waiting:
        text = waiting.pop()
        new = {name for name in HELPERS if f"{name}(" in text}.difference(used)
        used |= new
        waiting += [HELPERS[name] for name in new]
    return [HELPERS[name] for name in HELPERS if name in used]
