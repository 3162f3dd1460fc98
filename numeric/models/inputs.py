"""What models are given: weights, data, names of functions; checks that need no derivative."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, SgdiagramsError, StatisticsError
from sgdiagrams.diagrams.messages import shortened, shown
from sgdiagrams.symbolic.vocabulary import LOSS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Model

__all__ = [
    "check_function_name",
    "check_functions",
    "check_scalar",
    "checked_call",
    "floating_dtype",
    "positive_option",
    "read_data",
    "read_rates",
]

_FLOATS = ("float32", "float64")


def floating_dtype(names: Sequence[str]) -> np.dtype[Any]:
    """Return the one type of all arrays of weights.

    Parameters
    ----------
    names
        Of their types.

    Raises
    ------
    RequestError
        When there are none, or of several types, or of a type that is not float32 or float64.
    """
    kinds = sorted(set(names))
    if not kinds:
        raise RequestError("expected weights, got none: the pytree of weights has no arrays")
    if len(kinds) > 1:
        raise RequestError(f"expected weights of one type, got {', '.join(kinds)}; convert them")
    if kinds[0] not in _FLOATS:
        raise RequestError(
            f"expected weights of type float32 or float64, got {shown(kinds[0])}; take"
            " out what is no weight"
        )
    return np.dtype(kinds[0])


def read_data(leaves: Sequence[Any], dtype: np.dtype[Any]) -> tuple[NDArray[Any], ...]:
    """Return the arrays of a data set, in host memory, floats in the type of the weights.

    Raises
    ------
    StatisticsError
        When there are no datapoints, or arrays are of unequal lengths or hold no numbers.
    """
    arrays = tuple(_array(leaf, dtype) for leaf in leaves)
    if not arrays:
        raise StatisticsError("expected data, got none: an array, or several of equal lengths")
    lengths = sorted({len(array) for array in arrays})
    if len(lengths) > 1:
        raise StatisticsError(
            f"expected data with one datapoint in every row of every array, got arrays of lengths"
            f" {', '.join(map(str, lengths[:5]))}"
        )
    if lengths[0] == 0:
        raise StatisticsError("expected data, got arrays without rows")
    return arrays


def _array(leaf: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        array = np.asarray(leaf)
    except Exception as error:
        raise StatisticsError(f"expected arrays of numbers as data, got {shown(leaf)}") from error
    if array.dtype.kind not in "biuf":
        raise StatisticsError(
            f"expected arrays of numbers as data, got one of type {shown(str(array.dtype))}"
        )
    if array.ndim == 0:
        raise StatisticsError(
            f"expected arrays with a row for every datapoint, got the number {shown(leaf)};"
            " give arrays instead of lists"
        )
    return array.astype(dtype, copy=False) if array.dtype.kind == "f" else array


@contextmanager
def checked_call(label: str) -> Iterator[None]:
    """Turn errors inside a function of the user into one line that says which call it was."""
    try:
        yield
    except SgdiagramsError:
        raise
    except Exception as error:
        words = shortened(" ".join(str(error).split()), most=100)
        data = "; a datapoint is one row of the data, without an axis for a batch"
        raise RequestError(
            f"the function {label} fails with {type(error).__name__}: {words}"
            f"{data if label == LOSS else ''}"
        ) from error


def check_scalar(label: str, value: Any, dtype: np.dtype[Any]) -> None:
    """Raise an error unless the value of a function is a number in floating point.

    Raises
    ------
    RequestError
        When it is an array, or an integer.
    """
    shape, kind = getattr(value, "shape", None), str(getattr(value, "dtype", ""))
    if shape is None or tuple(shape) or "float" not in kind:
        got = f"a {type(value).__name__}" if shape is None else f"shape {tuple(shape)} of {kind}"
        words = f"expected {label} to return a number of {dtype} in an array of shape (), got {got}"
        advice = "; a datapoint has no axis for a batch: return the loss of one" if shape else ""
        raise RequestError(words + (advice if label == LOSS else ""))


def check_function_name(model: Model, label: str, datapoints: NDArray[np.intp] | None) -> None:
    """Raise an error unless a model has what is asked for.

    Raises
    ------
    RequestError
        When it has no such function, or datapoints are given for a function of the weights.
    """
    if label == LOSS:
        if datapoints is None:
            raise RequestError("expected datapoints for derivatives of losses, got datapoints=None")
    elif label not in model.functions:
        known = ", ".join(("loss", "penalised-loss", *model.functions))
        raise RequestError(f"expected one of {known}, got label={shown(label)}")
    elif datapoints is not None:
        raise RequestError(f"expected datapoints=None for {label}, a function of the weights alone")


def read_rates(
    leaves: Sequence[Any], shapes: Sequence[tuple[int, ...]], *, bare: bool, same: bool
) -> NDArray[np.float64]:
    """Return learning rates of all weights in a row, from a number, or one array, or several.

    Parameters
    ----------
    leaves
        What was given, as a list of arrays.
    shapes
        Of the weights.
    bare
        One array was given by itself.
    same
        What was given hangs together like the weights.

    Raises
    ------
    RequestError
        When shapes do not fit, or something is no finite number.
    """
    wanted = (
        "a number, an array of one rate for every weight, rates like the weights, or a function"
    )
    sizes = [int(np.prod(shape)) for shape in shapes]
    try:
        arrays = [np.asarray(leaf, dtype=np.float64) for leaf in leaves]
        if bare and arrays[0].shape in {(), (sum(sizes),)}:
            rates = np.broadcast_to(arrays[0], sum(sizes)).copy()
        elif same:
            spread = (
                np.broadcast_to(a, s).reshape(-1) for a, s in zip(arrays, shapes, strict=True)
            )
            rates = np.concatenate([*spread])
        else:
            rates = np.array([np.nan])
    except (TypeError, ValueError) as error:
        raise RequestError(f"expected eta to be {wanted}") from error
    if not np.isfinite(rates).all():
        raise RequestError(f"expected eta to be {wanted}, all finite")
    return rates


def check_functions(model: Model, names: Sequence[str]) -> None:
    """Raise a RequestError when a function of the weights that is observed is not there."""
    missing = [name for name in names if name not in model.functions]
    if missing:
        name = shown(missing[0])
        raise RequestError(
            f"expected the function {name} of the weights, which is observed; give "
            f"functions={{{name}: ...}}"
        )


def positive_option(name: str, value: Any, unit: str = "") -> float | None:
    """Return an option as a number; None where it is left out.

    Raises
    ------
    RequestError
        When it is no number above 0.

    Examples
    --------
    >>> positive_option("budget", 3, "gradients"), positive_option("budget", None)
    (3.0, None)
    """
    if value is None:
        return None
    try:
        number = math.nan if isinstance(value, (bool, str)) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not number > 0:
        words = f" in {unit}" if unit else ""
        raise RequestError(f"expected {name} > 0{words}, got {name}={shown(value)}")
    return number
