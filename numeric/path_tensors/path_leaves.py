"""The arrays that nodes and edges of diagrams along a run stand for, each made once and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.values.leaves import as_floats, as_whole_numbers
from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["PathLeaves", "ReadOut"]


class ReadOut(NamedTuple):
    """What the observable sees of a run.

    Attributes
    ----------
    displacement
        The weights there less those at the start, shape (p,).
    samples
        Order of the derivative -> array of shape (n, p, ...).
    functions
        Name -> order of the derivative -> array of shape (p, ...).
    response
        Of the weights there to a push of every update, shape (T, p, p).
    """

    displacement: NDArray[Any]
    samples: Mapping[int, NDArray[Any]]
    functions: Mapping[str, Mapping[int, NDArray[Any]]]
    response: NDArray[Any]


@final
class PathLeaves:
    """Arrays with their denominators: whole numbers where all is exact, else floats over 1.

    Parameters
    ----------
    samples
        Order of the derivative -> array of shape (T, n, p, ...): of all datapoints at all updates.
    shares
        The weights of the datapoints, shape (n,).
    response
        Of the weights at all updates to a push of every update, shape (T, T, p, p).
    read_out
        What the observable sees.
    is_exact
        Whether all numbers are Fractions.
    """

    def __init__(
        self,
        *,
        samples: Mapping[int, NDArray[Any]],
        shares: NDArray[Any],
        response: NDArray[Any],
        read_out: ReadOut,
        is_exact: bool,
    ) -> None:
        self.is_exact = is_exact
        self._samples, self._end = samples, read_out
        self._shares, self._response = shares, response
        self._known: dict[tuple[Any, ...], tuple[NDArray[Any], int]] = {}

    def keep(self, name: tuple[Any, ...], array: NDArray[Any]) -> None:
        """Take an array in Fractions under a name."""
        if name not in self._known:
            is_exact = self.is_exact
            self._known[name] = as_whole_numbers(array) if is_exact else (as_floats(array), 1)

    def of(self, name: tuple[Any, ...]) -> tuple[NDArray[Any], int]:
        """Return an array and what it is to be divided by.

        Parameters
        ----------
        name
            ``("update", k, is_centred)`` and ``("end", factor, k, is_centred)`` for derivatives,
            ``("response", is_end)``, ``("displacement",)``, ``("shares",)``, or that of an array that
            has been given.

        Raises
        ------
        StatisticsError
            When a derivative is missing.
        """
        if name not in self._known:
            self.keep(name, self._made(*name))
        return self._known[name]

    def _made(self, kind: str, *key: Any) -> NDArray[Any]:
        if kind == "shares":
            return self._shares
        if kind == "displacement":
            return self._end.displacement
        if kind == "response":
            return self._end.response if key[0] else self._response
        if kind == "update":
            order, is_centred = key
            array = _order(self._samples, order, "the loss along the run")
            return self._of_datapoints(array, is_centred=is_centred, axis=1)
        factor, order, is_centred = key
        if factor not in (LOSS, TRAINING):
            owner = f"the function {shown(factor)} at the end of the run"
            return _order(self._end.functions.get(factor, {}), order, owner)
        array = _order(self._end.samples, order, "the loss at the end of the run")
        return self._of_datapoints(array, is_centred=is_centred, axis=0)

    def _of_datapoints(self, array: NDArray[Any], *, is_centred: bool, axis: int) -> NDArray[Any]:
        """Return the mean over datapoints, or what is left of all of them."""
        mean = self._mean(array, axis)
        if not is_centred:
            return mean
        rest = array - np.expand_dims(mean, axis)
        # What the mean was rounded by.
        if not self.is_exact:
            rest = rest - np.expand_dims(self._mean(rest, axis), axis)
        return np.asarray(rest)

    def _mean(self, array: NDArray[Any], axis: int) -> NDArray[Any]:
        return np.asarray(np.tensordot(array, self._shares, axes=(axis, 0)), dtype=array.dtype)


def _order(arrays: Mapping[int, NDArray[Any]], order: int, owner: str) -> NDArray[Any]:
    if order not in arrays:
        have = ", ".join(map(str, arrays)) or "none"
        raise StatisticsError(
            f"expected derivative {order} of {owner}, got derivatives {have}; give tensors for more noise"
        )
    return arrays[order]
