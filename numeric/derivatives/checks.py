"""Checks of the arrays of statistics, and their conversion to one kind of numbers.

Numbers are all floats or all exact. Arrays of dtype object hold ``Fraction`` or ``int`` and are
exact; floating arrays become float64; integer arrays follow the others and are exact among
themselves.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from numbers import Rational
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.diagrams.messages import shortened, shown
from sgdiagrams.diagrams.whole_numbers import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Numbers", "check_noise", "checked", "flattened_visits"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,60}")  # the labels of contractions
_LOSSES = ("loss", "penalised-loss")
_SYMMETRY_TOLERANCE = 1e-5  # of the largest entry: derivatives in single precision pass
_WEIGHT_TOLERANCE = 1e-9
_CHUNK = 2**20  # entries that a check may copy at a time


class Numbers(NamedTuple):
    """The arrays of statistics: read-only, all of float64 or all of Fractions.

    Attributes
    ----------
    samples
        Order -> array of shape ``(n, p, ..., p)``, orders ascending.
    weights
        Shape ``(n,)``, or None.
    functions
        Name -> order -> array of shape ``(p, ..., p)``, names and orders ascending.
    start
        Shape ``(p,)``, or None.
    """

    samples: Mapping[int, NDArray[Any]]
    weights: NDArray[Any] | None
    functions: Mapping[str, Mapping[int, NDArray[Any]]]
    start: NDArray[Any] | None


class _Named(NamedTuple):
    """An array with the name that errors give it."""

    name: str
    array: NDArray[Any]
    is_sampled: bool = True

    def place(self, index: tuple[int, ...]) -> str:
        """Return where an entry is, in words; nothing for a single number."""
        if self.is_sampled:
            return f" in sample {index[0]}"
        return f" at entry {index}" if index else ""


def checked(
    samples: Mapping[int, ArrayLike],
    weights: ArrayLike | None,
    functions: Mapping[str, Mapping[int, ArrayLike]] | None,
    start: ArrayLike | None,
) -> Numbers:
    """Check all arrays of statistics against each other and convert them.

    Raises
    ------
    StatisticsError
        When shapes disagree, a derivative is not symmetric or not finite, a name is no label, or
        numbers are of mixed kinds.

    Examples
    --------
    >>> checked({0: [1, 2]}, None, {"norm": {1: [3]}}, None).functions["norm"][1]
    array([Fraction(3, 1)], dtype=object)
    """
    sampled = {
        k: _Named(f"derivative {k}", array)
        for k, array in _by_order(samples, "{0: losses, 1: gradients, ...}").items()
    }
    _check_sample_shapes({k: named.array for k, named in sampled.items()})
    smooth = _raw_functions({} if functions is None else functions)
    point = (
        None if start is None else _Named("start", _as_array(start, name="start"), is_sampled=False)
    )
    _check_constant_shapes(_dimension_of(sampled), smooth, point)
    weighted = None if weights is None else _Named("weights", _as_array(weights, name="weights"))
    pieces = [*sampled.values(), *(x for orders in smooth.values() for x in orders.values())]
    numbers = _convert([*pieces, *(x for x in (weighted, point) if x is not None)])
    for orders in (sampled, *smooth.values()):
        for k, named in orders.items():
            _check_symmetry(k, named._replace(array=numbers[named.name]))
    if weighted is not None:
        n = len(next(iter(sampled.values())).array)
        numbers["weights"] = _settled_weights(numbers["weights"], n, weighted.array.dtype)

    def finished(orders: Mapping[int, _Named]) -> Mapping[int, NDArray[Any]]:
        return MappingProxyType({k: numbers[named.name] for k, named in orders.items()})

    return Numbers(
        finished(sampled),
        numbers.get("weights"),
        MappingProxyType({name: finished(orders) for name, orders in smooth.items()}),
        numbers.get("start"),
    )


def check_noise(noise: object, visits: object = 1, weights: object = None) -> None:
    """Raise a StatisticsError unless statistics may have such visits of every datapoint."""
    if noise not in (None, "sample", "population"):
        raise StatisticsError(
            f"expected visits='sample' or visits='population', got visits={shown(noise)}"
        )
    if not is_whole(visits, least=1):
        raise StatisticsError(
            f"expected a whole number >= 1 of visits of every datapoint, got visits={shown(visits)}"
        )
    if noise is None and visits != 1:
        raise StatisticsError(
            f"expected noise='sample' or noise='population' for visits={shown(visits)}, got noise=None"
        )
    if noise is not None and weights is not None:
        raise StatisticsError(
            "expected no weights for datapoints with several visits, got some; give rows as often as "
            "they weigh"
        )


def flattened_visits(samples: object) -> tuple[dict[int, NDArray[Any]], int]:
    """Return arrays of shape (n V, p, ...), made of shape (n, V, p, ...), and V.

    Raises
    ------
    StatisticsError
        When an array has no axis of visits, or their numbers differ.

    Examples
    --------
    >>> flattened_visits({0: [[1, 2, 3], [4, 5, 6]]})
    ({0: array([1, 2, 3, 4, 5, 6])}, 3)
    """
    arrays = _by_order(samples, "{0: losses, 1: gradients, ...}")
    for k, array in arrays.items():
        if array.ndim != k + 2 or 0 in array.shape:
            raise StatisticsError(
                f"expected {k + 2} axes for derivative {k}, those of datapoints and visits first, got "
                f"shape={array.shape}"
            )
    sizes = {array.shape[:2] for array in arrays.values()}
    if len(sizes) > 1:
        raise StatisticsError(
            f"expected equal numbers of datapoints and visits, got {', '.join(map(str, sorted(sizes)))}"
        )
    [(_, number)] = sizes
    return {k: array.reshape(-1, *array.shape[2:]) for k, array in arrays.items()}, number


def _as_array(values: ArrayLike, *, name: str) -> NDArray[Any]:
    """Return an array, or raise a StatisticsError where a conversion would lose what is meant."""
    if np.ma.isMaskedArray(values):
        raise StatisticsError(
            f"expected numbers without a mask in {name}, got a masked array; leave samples out or "
            "fill them"
        )
    kind = f"{type(values).__module__.partition('.')[0]}.{type(values).__name__}"
    if hasattr(values, "toarray"):
        raise StatisticsError(f"expected a dense array for {name}, got {kind}; give its toarray()")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise StatisticsError(
            f"expected an array for {name}, got rows of unequal length"
        ) from error
    except (TypeError, RuntimeError) as error:
        # Tensors that require gradients, are sparse, on another device, or of a type NumPy lacks.
        reason = " ".join(str(error).split())[:120]
        raise StatisticsError(
            f"expected an array for {name}, got {kind}, which does not convert: {reason}"
        ) from error
    if array.dtype.kind not in "fiuO":
        raise StatisticsError(
            f"expected real numbers, Fractions or ints in {name}, got dtype={array.dtype}"
        )
    return array


def _by_order(arrays: object, form: str, *, of: str = "") -> dict[int, NDArray[Any]]:
    """Return the arrays by order, ascending, with plain int keys."""
    if not isinstance(arrays, Mapping) or not arrays:
        empty = isinstance(arrays, Mapping)
        raise StatisticsError(
            f"expected a mapping {form} with at least one derivative{of}, "
            f"got {type(arrays).__name__}{' without entries' if empty else ''}"
        )
    for k in arrays:
        if not is_whole(k, least=0):
            raise StatisticsError(
                f"expected orders of derivatives 0, 1, 2, ... as keys, got key={shown(k)}"
            )
    return {int(k): _as_array(arrays[k], name=f"derivative {k}{of}") for k in sorted(arrays)}


def _raw_functions(functions: object) -> dict[str, dict[int, _Named]]:
    if not isinstance(functions, Mapping):
        raise StatisticsError(
            "expected functions as a mapping {name: {0: number, 1: gradient, ...}}, "
            f"got {type(functions).__name__}"
        )
    for name in functions:
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _LOSSES:
            raise StatisticsError(
                "expected names of functions of letters, digits, '-' and '_', a letter first, "
                f"other than {' and '.join(_LOSSES)}, got name={shown(str(name)[:60])}"
            )
    result = {}
    for name in sorted(functions):
        of = f" of function {shown(name)}"
        arrays = _by_order(functions[name], "{0: number, 1: gradient, ...}", of=of)
        result[name] = {
            k: _Named(f"derivative {k}{of}", array, is_sampled=False) for k, array in arrays.items()
        }
    return result


def _check_sample_shapes(raw: Mapping[int, NDArray[Any]]) -> None:
    for k, array in raw.items():
        if array.ndim != k + 1:
            raise StatisticsError(
                f"expected {k + 1} axes for derivative {k}, the sample axis first, "
                f"got shape={array.shape}"
            )
        if 0 in array.shape:
            raise StatisticsError(
                f"expected at least one sample and one parameter, got shape={array.shape} "
                f"for derivative {k}"
            )
    first = min(raw)
    n, p = len(raw[first]), raw[max(raw)].shape[-1]
    for k, array in raw.items():
        if len(array) != n:
            raise StatisticsError(
                f"expected equal numbers of samples, got {n} for derivative {first} "
                f"and {len(array)} for derivative {k}"
            )
        if k and array.shape != (n, *[p] * k):
            raise StatisticsError(
                f"expected shape={(n, *[p] * k)} for derivative {k}, got shape={array.shape}"
            )


def _dimension_of(sampled: Mapping[int, _Named]) -> int | None:
    highest = max(sampled)
    return sampled[highest].array.shape[-1] if highest else None


def _check_constant_shapes(
    dimension: int | None, smooth: Mapping[str, Mapping[int, _Named]], start: _Named | None
) -> None:
    """Check what has no sample axis; where only losses are known, the first array tells p."""
    pieces = [(k, named) for orders in smooth.values() for k, named in orders.items()]
    if start is not None:
        pieces.append((1, start))
    for k, named in pieces:
        shape = named.array.shape
        if len(shape) != k or 0 in shape:
            raise StatisticsError(
                f"expected {k} axes of length p for {named.name}, without a sample axis, "
                f"got shape={shape}"
            )
        if dimension is None and shape:
            dimension = shape[0]
        if shape != (dimension,) * k:
            raise StatisticsError(
                f"expected shape={(dimension,) * k} for {named.name}, got shape={shape}"
            )


def _convert(pieces: Iterable[_Named]) -> dict[str, NDArray[Any]]:
    """Return read-only copies, all of float64 or all of Fractions; check that all are finite."""
    named = {piece.name: piece for piece in pieces}
    kinds = {name: piece.array.dtype.kind for name, piece in named.items()}
    exact = next((name for name, kind in kinds.items() if kind == "O"), None)
    floating = next((name for name, kind in kinds.items() if kind == "f"), None)
    if exact is not None and floating is not None:
        raise StatisticsError(
            f"expected all numbers exact or all floats, got exact {exact} and floating {floating}; "
            "convert one kind"
        )
    result = {}
    for name, piece in named.items():
        if floating is None:
            new = _fractions(piece)
        else:
            new = piece.array
            if not _is_frozen(new):
                new = new.astype(np.float64, order="C")
            _check_finite(piece._replace(array=new))
        new.flags.writeable = False
        result[name] = new
    return result


def _is_frozen(array: NDArray[Any]) -> bool:
    """Tell whether an array is of floats that nobody can change: it is taken as it is then."""
    base = array.base
    is_own = base is None or (isinstance(base, np.ndarray) and not base.flags.writeable)
    is_plain = array.dtype == np.float64 and array.flags.c_contiguous
    return bool(is_own and is_plain and not array.flags.writeable)


def _fractions(piece: _Named) -> NDArray[Any]:
    result = np.empty(piece.array.shape, dtype=object)
    for index, value in np.ndenumerate(piece.array):
        if isinstance(value, bool) or not isinstance(value, Rational):
            given = " ".join(repr(value).split())[:60]
            raise StatisticsError(
                f"expected Fractions or ints in {piece.name}, "
                f"got {type(value).__name__} {given}{piece.place(index)}"
            )
        result[index] = Fraction(int(value.numerator), int(value.denominator))
    return result


def _check_finite(piece: _Named) -> None:
    good = np.isfinite(piece.array)
    if not good.all():
        place = piece.place(tuple(map(int, np.argwhere(~good)[0])))
        raise StatisticsError(
            f"expected finite numbers, got NaN or infinity in {piece.name}"
            f"{', first' if place else ''}{place}"
        )


def _check_symmetry(order: int, piece: _Named) -> None:
    """Check the swaps of neighbouring axes, which generate all permutations."""
    if order < 2:
        return
    array = piece.array if piece.is_sampled else piece.array[None]
    is_exact = array.dtype == object
    tolerance = 0.0 if is_exact else _SYMMETRY_TOLERANCE * float(max(array.max(), -array.min()))
    step = max(1, _CHUNK // math.prod(array.shape[1:]))
    for start in range(0, len(array), step):
        rows = array[start : start + step]
        for axis in range(1, order):
            swapped = rows.swapaxes(axis, axis + 1)
            wrong = (rows != swapped) if is_exact else (np.abs(rows - swapped) > tolerance)
            bad = wrong.reshape(len(rows), -1).any(axis=1)
            if bad.any():
                where = f" in sample {start + int(np.argmax(bad))}" if piece.is_sampled else ""
                raise StatisticsError(
                    f"expected {piece.name} symmetric in its {order} axes, "
                    f"got an asymmetric one{where}"
                )


def _settled_weights(weights: NDArray[Any], n: int, given: np.dtype[Any]) -> NDArray[Any]:
    """Check that the sum is 1 as far as the type that is given can say it; then make it so."""
    if weights.shape != (n,):
        raise StatisticsError(f"expected weights of shape=({n},), got shape={weights.shape}")
    is_short = given.kind == "f" and given.itemsize < weights.dtype.itemsize
    relative = max(_WEIGHT_TOLERANCE, n * float(np.finfo(given).eps) if is_short else 0.0)
    total = weights.sum()
    slack = 0 if weights.dtype == object else relative * max(1.0, np.abs(weights).sum())
    if abs(total - 1) > slack:
        raise StatisticsError(
            f"expected weights of sum 1, got sum={shortened(str(total))}; divide by the sum"
        )
    if not is_short:
        return weights
    settled: NDArray[Any] = weights / total
    settled.flags.writeable = False
    return settled
