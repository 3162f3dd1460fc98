"""All errata, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.numeric.errata.of_estimators import OF_ESTIMATORS
from sgdiagrams.numeric.errata.of_limits import OF_LIMITS
from sgdiagrams.numeric.errata.of_long_times import OF_LONG_TIMES
from sgdiagrams.numeric.errata.of_series import OF_SERIES
from sgdiagrams.symbolic.checks import check_choice

if TYPE_CHECKING:
    from sgdiagrams.numeric.errata.erratum import Corrections, Erratum

__all__ = ["ERRATA", "known_erratum"]

#: How every correction is derived and checked, by its name; `known_erratum` makes one.
ERRATA: Corrections = {**OF_SERIES, **OF_LIMITS, **OF_LONG_TIMES, **OF_ESTIMATORS}


def known_erratum(name: str) -> Erratum:
    """Derive the correction of a published formula, and check both against exact SGD.

    Parameters
    ----------
    name
        One of the names in ``ERRATA``.

    Raises
    ------
    RequestError
        When the name is unknown.

    Examples
    --------
    >>> print(known_erratum("descent-less-sgd-factor").evidence)
    coefficient of eta^2 at N = 3, on a random landscape of 2 losses
      exact SGD  -49/36, -91/12
      derived    -49/36, -91/12
      printed    -49/108, -91/36
    """
    check_choice("name", name, tuple(ERRATA))
    return ERRATA[name]()
