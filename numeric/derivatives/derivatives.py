"""What machinery sees of statistics: derivatives of the loss at one point, and the role of the rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.errors import RequestError, SgdiagramsError, StatisticsError, check_kind
from sgdiagrams.diagrams.messages import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["ROLES", "Derivatives", "check_derivatives", "check_role"]

#: What datapoints can be: see `sgdiagrams.numeric.statistics`.
ROLES = ("sample", "population", "training-set")


def check_role(role: object, error: type[SgdiagramsError] = StatisticsError) -> None:
    """Raise an error unless datapoints can be that."""
    if not isinstance(role, str) or role not in ROLES:
        raise error(f"expected a role among {', '.join(ROLES)}, got role={shown(role)}")


class Derivatives(ABC):
    """Derivative tensors as arrays, the sample axis first.

    An abstract base without fields: files, values and estimates are written for it; what users make is
    `sgdiagrams.numeric.statistics.Statistics`, which stands above them and describes the attributes.
    """

    __slots__ = ()

    # Declared for type checkers alone: fields of dataclasses take their place.
    if TYPE_CHECKING:

        @property
        def samples(self) -> Mapping[int, NDArray[Any]]:
            """Order of the derivative -> array of shape (n,), (n, p), (n, p, p), ..."""

        @property
        def role(self) -> str:
            """What the rows are."""

        @property
        def weights(self) -> NDArray[Any] | None:
            """Weights of the rows of a population."""

        @property
        def functions(self) -> Mapping[str, Mapping[int, NDArray[Any]]]:
            """Name -> order of the derivative -> array: functions of the weights."""

        @property
        def start(self) -> NDArray[Any] | None:
            """The weights at the start."""

        @property
        def visits(self) -> int:
            """How many rows belong to every datapoint."""

        @property
        def noise(self) -> str | None:
            """What the visits of a datapoint are, a sample or a population; None where it has none."""

    @property
    @abstractmethod
    def sample_size(self) -> int:
        """Number of samples n."""

    @property
    @abstractmethod
    def dimension(self) -> int | None:
        """Number of parameters p; None where nothing but numbers is known."""

    @property
    @abstractmethod
    def is_exact(self) -> bool:
        """Whether all numbers are Fractions."""

    @abstractmethod
    def as_population(self, rows: NDArray[Any] | slice = slice(None)) -> Derivatives:
        """Return (some rows of) the derivatives in floats, read as the distribution itself."""


def check_derivatives(statistics: object, *, with_visits: bool = False) -> None:
    """Raise a RequestError unless a value has derivative tensors.

    Measured contractions and tables of values have none. Those of several visits of every datapoint are
    for plain expansions.
    """
    check_kind("statistics", statistics, Derivatives, called="Statistics")
    if not with_visits and getattr(statistics, "noise", None) is not None:
        raise RequestError(
            "expected Statistics with one row a datapoint, got several visits of each; only plain "
            "expansions are evaluated on visits"
        )
