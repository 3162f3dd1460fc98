r"""Known results of the literature, each derived by one call, with its source.

From a minimum of the test loss (G = 0) the re-summed expansion gives the laws of the literature on long
times; modified equations give the flows and the losses that it derives by hand. Nothing is typed in:
every entry of `sgdiagrams.symbolic.known` derives what it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.known.drifting import DRIFTING
from sgdiagrams.symbolic.known.following import FOLLOWING
from sgdiagrams.symbolic.known.label_noise import LABEL_NOISE
from sgdiagrams.symbolic.known.overfitting import OVERFITTING
from sgdiagrams.symbolic.known.result import KnownResult
from sgdiagrams.symbolic.known.stationary import STATIONARY
from sgdiagrams.symbolic.known.two_times import TWO_TIMES

if TYPE_CHECKING:
    from sgdiagrams.symbolic.known.result import Derivations

__all__ = ["RESULTS", "KnownResult", "known_result"]

#: How every known result is derived, by its name; `known_result` makes one.
RESULTS: Derivations = {
    **OVERFITTING,
    **DRIFTING,
    **LABEL_NOISE,
    **STATIONARY,
    **TWO_TIMES,
    **FOLLOWING,
}


def known_result(name: str) -> KnownResult:
    """Derive a known result.

    Parameters
    ----------
    name
        One of the names in ``RESULTS``.

    Raises
    ------
    RequestError
        When the name is unknown.

    Examples
    --------
    >>> for name in ("takeuchi", "valley-velocity", "helix-velocity", "gauss-bias"):
    ...     print(f"{name:16}", known_result(name).formula)
    takeuchi         C/(H*N)
    valley-velocity  -C*J*T*eta**2/(4*H)
    helix-velocity   eta**2/(2*(3 - 2*eta))
    gauss-bias       13*eta**2/72 + eta/4
    """
    check_choice("name", name, tuple(RESULTS))
    return RESULTS[name]()
