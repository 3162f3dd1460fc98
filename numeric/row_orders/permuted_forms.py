r"""Covariances, over all assignments of rows to places, of forms in the rows.

A form is a sum over pairs of places of weights times data of the rows that are there,
:math:`\sum_{ij} U_{ij} D_{\pi(i) \pi(j)}`, i = j included. Over all permutations

.. math:: E\Bigl[\sum_{ij} U_{ij} D_{\pi(i)\pi(j)} \sum_{kl} U'_{kl} D'_{\pi(k)\pi(l)}\Bigr]
    = \sum_\sigma \frac{S_\sigma(U, U')\, S_\sigma(D, D')}{(N)_{|\sigma|}},

over the 15 partitions of the four indices, with the sums :math:`S_\sigma` over different values for
different blocks. After the means off and on the diagonal are subtracted from the data, expectations of
forms are zero, and this is their covariance.

Source: H. E. Daniels, Biometrika 33 (1944) 129, for U and D antisymmetric.
"""

from __future__ import annotations

from fractions import Fraction
from math import perm
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sgdiagrams.diagrams.partitions import coarsenings, moebius

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RowForm", "covariance_over_permutations"]


class RowForm(NamedTuple):
    """A form in the rows: weights of pairs of places, and data of pairs of rows, shapes (N, N)."""

    places: NDArray[Any]
    data: NDArray[Any]

    @classmethod
    def linear(cls, places: NDArray[Any], data: NDArray[Any]) -> RowForm:
        """Return a sum over places of weights times data of the rows there, from shapes (N,)."""
        return cls(_diagonal(places), _diagonal(data))

    @property
    def centred(self) -> RowForm:
        """The form less its expectation."""
        N = len(self.data)
        own = np.diagonal(self.data)
        data = self.data - _diagonal(own)
        mean = own.sum() / N
        if N > 1:
            other = data.sum() / (N * (N - 1))
            data = data - other * (1 - np.eye(N, dtype=int))
        return RowForm(self.places, data + _diagonal(own - mean))


def covariance_over_permutations(one: RowForm, two: RowForm) -> Any:
    """Return the covariance of two forms over all N! assignments of rows to places.

    Examples
    --------
    A sum over half of the rows, of data 0, 1, 2, 3:

    >>> half = np.array([Fraction(x) for x in (1, 1, 0, 0)])
    >>> form = RowForm.linear(half, np.array([Fraction(x) for x in range(4)]))
    >>> covariance_over_permutations(form, form)
    Fraction(5, 3)
    """
    one, two = one.centred, two.centred
    N = len(one.data)
    finest = (0, 1, 2, 3)
    partitions = list(coarsenings(finest))
    of_places = {p: _joined(one.places, two.places, p) for p in partitions}
    of_data = {p: _joined(one.data, two.data, p) for p in partitions}
    total: Any = 0
    for partition in partitions:
        blocks = len(set(partition))
        if blocks > N:
            continue
        places = sum(moebius(partition, p) * of_places[p] for p in coarsenings(partition))
        data = sum(moebius(partition, p) * of_data[p] for p in coarsenings(partition))
        total = total + places * data / perm(N, blocks)
    return total


def _joined(one: NDArray[Any], two: NDArray[Any], blocks: tuple[int, ...]) -> Any:
    """Return the sum over four indices, those of one block being equal."""
    (first, left), (second, right) = (
        _summed(one, blocks[:2], blocks[2:]),
        _summed(two, blocks[2:], blocks[:2]),
    )
    if len(left) == 2 and left != right:
        second = second.T
    return np.asarray(first * second).sum()


def _summed(
    array: NDArray[Any], own: tuple[int, ...], other: tuple[int, ...]
) -> tuple[NDArray[Any], tuple[int, ...]]:
    """Return a matrix with equal indices joined, and summed over those that only it has."""
    letters = own
    if own[0] == own[1]:
        array, letters = np.diagonal(array), own[:1]
    for axis in reversed(range(len(letters))):
        if letters[axis] not in other:
            array = array.sum(axis=axis)
    return np.asarray(array), tuple(x for x in letters if x in other)


def _diagonal(values: NDArray[Any]) -> NDArray[Any]:
    result = np.full((len(values), len(values)), Fraction(0) if values.dtype == object else 0.0)
    np.fill_diagonal(result, values)
    return result
