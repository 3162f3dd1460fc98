r"""Numbers for derivative tensors: samples of the loss and its derivatives at one point.

The derivative of order ``k`` is an array of shape ``(n, p, ..., p)`` with ``k`` axes of length
``p``: row ``i`` is :math:`\nabla^k l_{x_i}(\theta_0)`. The *role* says what the rows are:

``sample``
    independent draws from the population: values are unbiased estimates with standard errors;
``population``
    they are the distribution itself, with equal or given weights: values are exact;
``training-set``
    they are the fixed training set: averages over distinct tuples are exact, the test loss is
    undefined.

Numbers are all floats or all exact. Arrays of dtype object hold ``Fraction`` or ``int`` and are
exact; floating arrays become float64; integer arrays follow the others and are exact among
themselves. Exact beside floating arrays is an error, because one silent conversion would lose the
exactness of all.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
import zlib
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral, Rational
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np

from sgdiagrams.diagrams.errors import FormatError, StatisticsError
from sgdiagrams.diagrams.files import replacing

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["ROLES", "Statistics"]

ROLES = ("sample", "population", "training-set")

_FORMAT = "sgdiagrams-statistics"
_VERSION = 1
_RATIONAL = re.compile(r"-?[0-9]+(/[0-9]*[1-9][0-9]*)?")
_SYMMETRY_TOLERANCE = 1e-5  # of the largest entry: derivatives in single precision pass
_WEIGHT_TOLERANCE = 1e-9
_CHUNK = 2**20  # entries that a check may copy at a time
_READ_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    RecursionError,
    MemoryError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Statistics:
    """Samples of derivative tensors with the role they play.

    Parameters
    ----------
    samples
        Order of the derivative -> array of shape ``(n,)``, ``(n, p)``, ``(n, p, p)``, ...
    role
        ``"sample"``, ``"population"`` or ``"training-set"``.
    weights
        For a population only: shape ``(n,)``, sum 1; negative weights are legal (quadrature rules).

    Raises
    ------
    StatisticsError
        When shapes disagree, a derivative is not symmetric or not finite, numbers are of mixed
        kinds, or the role or the weights are wrong.

    Examples
    --------
    >>> statistics = Statistics({0: [1, 2, 4], 1: [[1], [0], [3]]}, "training-set")
    >>> statistics
    <Statistics: training-set of 3, 1 parameter, derivatives 0, 1, exact>
    >>> statistics.samples[0]
    array([Fraction(1, 1), Fraction(2, 1), Fraction(4, 1)], dtype=object)
    """

    samples: Mapping[int, NDArray[Any]]
    role: str = "sample"
    weights: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise StatisticsError(
                f"expected a role among {', '.join(ROLES)}, got role={self.role!r}"
            )
        if self.weights is not None and self.role != "population":
            raise StatisticsError(
                f"expected no weights for role={self.role!r}; only a population can have weights"
            )
        raw = _raw_arrays(self.samples)
        _check_shapes(raw)
        names = {k: f"derivative {k}" for k in raw}
        everything = dict(zip(names.values(), raw.values(), strict=True))
        if self.weights is not None:
            everything["weights"] = _as_array(self.weights, name="weights")
        numbers = _convert(everything)
        for k, name in names.items():
            _check_symmetry(k, numbers[name])
        weights = numbers.get("weights")
        if weights is not None:
            _check_weights(weights, len(numbers[names[min(names)]]))
        samples = MappingProxyType({k: numbers[name] for k, name in names.items()})
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "weights", weights)

    @classmethod
    def from_samples(
        cls,
        samples: Mapping[int, ArrayLike],
        *,
        role: str = "sample",
        weights: ArrayLike | None = None,
    ) -> Statistics:
        """Make statistics from per-sample derivatives, the sample axis first.

        Parameters
        ----------
        samples
            Order of the derivative -> array of shape ``(n,)``, ``(n, p)``, ``(n, p, p)``, ...
        role
            ``"sample"``, ``"population"`` or ``"training-set"``.
        weights
            For a population only: shape ``(n,)``, sum 1, possibly signed.

        Raises
        ------
        StatisticsError
            As the class says.

        Examples
        --------
        >>> Statistics.from_samples({0: [0.5, 1.5], 1: [[1.0, 0.0], [0.0, 2.0]]})
        <Statistics: sample of 2, 2 parameters, derivatives 0, 1, float>
        """
        return cls(
            cast("Mapping[int, NDArray[Any]]", samples),
            role,
            cast("NDArray[Any] | None", weights),
        )

    @property
    def sample_size(self) -> int:
        """Number of samples n."""
        return len(self.samples[self.max_order])

    @property
    def dimension(self) -> int | None:
        """Number of parameters p; None where only losses are known."""
        return self.samples[self.max_order].shape[1] if self.max_order else None

    @property
    def max_order(self) -> int:
        """Order of the highest derivative."""
        return max(self.samples)

    @property
    def is_exact(self) -> bool:
        """Whether all numbers are Fractions."""
        return self.samples[self.max_order].dtype == object

    def __repr__(self) -> str:
        p = self.dimension
        parameters = "" if p is None else f" {p} parameter{'' if p == 1 else 's'},"
        kind = "exact" if self.is_exact else "float"
        weighted = "weighted " if self.weights is not None else ""
        return (
            f"<Statistics: {weighted}{self.role} of {self.sample_size},{parameters} "
            f"derivatives {', '.join(map(str, self.samples))}, {kind}>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Statistics, (dict(self.samples), self.role, self.weights)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to a file, whole or not at all.

        Float statistics go to an ``.npz`` archive with the entries ``format``, ``version``,
        ``role``, ``derivative_<k>`` and perhaps ``weights``. Exact ones go to a ``.json`` file, an
        object with ``format``, ``version``, ``role``, ``derivatives`` (order -> nested lists) and
        ``weights`` (list or null), every number a string of integers such as ``"-3/2"``.

        Parameters
        ----------
        path
            A name that ends in ``.npz`` for float, in ``.json`` for exact statistics.

        Raises
        ------
        FormatError
            When the name has another ending or the file cannot be written.
        """
        target = Path(path)
        ending = ".json" if self.is_exact else ".npz"
        if target.suffix != ending:
            kind = "exact" if self.is_exact else "float"
            raise FormatError(
                f"expected a name that ends in {ending} for {kind} statistics, "
                f"got path={str(path)!r}"
            )
        with replacing(target) as scratch, scratch.open("wb") as file:
            if self.is_exact:
                file.write(json.dumps(_to_json(self)).encode())
            else:
                np.savez(file, allow_pickle=False, **_to_arrays(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Statistics:
        """Read what :meth:`save` wrote; the kind is recognised from the content.

        Parameters
        ----------
        path
            The file.

        Raises
        ------
        FormatError
            When the file is missing, a directory, broken, of another format or version, holds
            pickled objects, or its numbers are no statistics.
        """
        try:
            content = Path(path)
            with content.open("rb") as file:
                is_archive = file.read(2) == b"PK"
            return _from_archive(content) if is_archive else _from_json(content)
        except FormatError:
            raise
        except StatisticsError as error:
            raise FormatError(f"no valid statistics in path={str(path)!r}: {error}") from error
        except _READ_ERRORS as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise FormatError(
                f"expected a statistics file (.npz or .json), "
                f"cannot read path={str(path)!r}: {reason}"
            ) from error


def _as_array(values: ArrayLike, *, name: str) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise StatisticsError(
            f"expected an array for {name}, got rows of unequal length"
        ) from error
    if array.dtype.kind not in "fiuO":
        raise StatisticsError(
            f"expected real numbers, Fractions or ints in {name}, got dtype={array.dtype}"
        )
    return array


def _raw_arrays(samples: Mapping[int, ArrayLike]) -> dict[int, NDArray[Any]]:
    """Return the arrays by order, ascending, with plain int keys."""
    if not isinstance(samples, (dict, MappingProxyType)) or not samples:
        raise StatisticsError(
            "expected a mapping {0: losses, 1: gradients, ...} with at least one derivative, "
            f"got {type(samples).__name__}{' without entries' if not samples else ''}"
        )
    for k in samples:
        if isinstance(k, bool) or not isinstance(k, Integral) or k < 0:
            raise StatisticsError(
                f"expected orders of derivatives 0, 1, 2, ... as keys, got key={k!r}"
            )
    return {int(k): _as_array(samples[k], name=f"derivative {k}") for k in sorted(samples)}


def _check_shapes(raw: Mapping[int, NDArray[Any]]) -> None:
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


def _convert(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return read-only copies, all of float64 or all of Fractions; check that all are finite."""
    kinds = {name: array.dtype.kind for name, array in arrays.items()}
    exact = next((name for name, kind in kinds.items() if kind == "O"), None)
    floating = next((name for name, kind in kinds.items() if kind == "f"), None)
    if exact is not None and floating is not None:
        raise StatisticsError(
            f"expected all numbers exact or all floats, got exact {exact} and floating {floating}; "
            "convert one kind"
        )
    result = {}
    for name, array in arrays.items():
        if floating is None:
            new = _fractions(array, name=name)
        else:
            new = array.astype(np.float64, order="C")
            _check_finite(new, name=name)
        new.flags.writeable = False
        result[name] = new
    return result


def _fractions(array: NDArray[Any], *, name: str) -> NDArray[Any]:
    result = np.empty(array.shape, dtype=object)
    for index, value in np.ndenumerate(array):
        if isinstance(value, bool) or not isinstance(value, Rational):
            raise StatisticsError(
                f"expected Fractions or ints in {name}, "
                f"got {type(value).__name__} {value!r} in sample {index[0]}"
            )
        result[index] = Fraction(int(value.numerator), int(value.denominator))
    return result


def _check_finite(array: NDArray[np.float64], *, name: str) -> None:
    good = np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if not good.all():
        raise StatisticsError(
            f"expected finite numbers, got NaN or infinity in {name}, "
            f"first in sample {int(np.argmin(good))}"
        )


def _check_symmetry(order: int, array: NDArray[Any]) -> None:
    """Check the swaps of neighbouring axes, which generate all permutations."""
    if order < 2:
        return
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
                raise StatisticsError(
                    f"expected derivative {order} symmetric in its {order} axes, "
                    f"got an asymmetric one in sample {start + int(np.argmax(bad))}"
                )


def _check_weights(weights: NDArray[Any], n: int) -> None:
    if weights.shape != (n,):
        raise StatisticsError(f"expected weights of shape=({n},), got shape={weights.shape}")
    total = weights.sum()
    slack = 0 if weights.dtype == object else _WEIGHT_TOLERANCE * max(1.0, np.abs(weights).sum())
    if abs(total - 1) > slack:
        raise StatisticsError(f"expected weights of sum 1, got sum={total}; divide by the sum")


def _to_arrays(statistics: Statistics) -> dict[str, Any]:
    entries: dict[str, Any] = {
        "format": np.array(_FORMAT),
        "version": np.array(_VERSION),
        "role": np.array(statistics.role),
    }
    entries.update({f"derivative_{k}": array for k, array in statistics.samples.items()})
    if statistics.weights is not None:
        entries["weights"] = statistics.weights
    return entries


def _to_json(statistics: Statistics) -> dict[str, Any]:
    def texts(array: NDArray[Any]) -> Any:
        return np.frompyfunc(str, 1, 1)(array).tolist()

    weights = statistics.weights
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "role": statistics.role,
        "derivatives": {str(k): texts(array) for k, array in statistics.samples.items()},
        "weights": None if weights is None else texts(weights),
    }


def _check_header(path: Path, found_format: Any, version: Any) -> None:
    if found_format != _FORMAT or version != _VERSION:
        raise FormatError(
            f"expected format={_FORMAT!r} version={_VERSION}, "
            f"got format={found_format!r} version={version!r} in path={str(path)!r}"
        )


def _from_archive(path: Path) -> Statistics:
    # An open file, because NumPy leaves one that it opened itself open when the archive is broken.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        entries = {name: archive[name] for name in archive.files}
    header = [entries.pop(name, np.array(None)).tolist() for name in ("format", "version", "role")]
    _check_header(path, header[0], header[1])
    weights = entries.pop("weights", None)
    samples = {}
    for name, array in entries.items():
        prefix, _, order = name.partition("_")
        if prefix != "derivative" or not order.isdecimal():
            raise FormatError(
                f"expected entries derivative_<k>, got {name!r} in path={str(path)!r}"
            )
        samples[int(order)] = array
    return Statistics(samples, header[2], weights)


def _from_json(path: Path) -> Statistics:
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise FormatError(
            f"expected a JSON object, got {type(document).__name__} in path={str(path)!r}"
        )
    _check_header(path, document.get("format"), document.get("version"))
    derivatives = document.get("derivatives")
    if not isinstance(derivatives, dict):
        raise FormatError(f"expected an object under 'derivatives' in path={str(path)!r}")
    samples = {int(order): _exact_array(nested) for order, nested in derivatives.items()}
    weights = document.get("weights")
    return Statistics(samples, document["role"], None if weights is None else _exact_array(weights))


def _exact_array(nested: Any) -> NDArray[Any]:
    texts = np.array(nested, dtype=object)
    numbers = np.empty(texts.shape, dtype=object)
    for index, text in np.ndenumerate(texts):
        if not isinstance(text, str) or not _RATIONAL.fullmatch(text):
            raise ValueError(f"expected strings such as '-3/2', got {text!r}")
        numbers[index] = Fraction(text)
    return numbers
