"""Landscapes by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import nearest, shown
from sgdiagrams.numeric.landscapes.digits import Digits
from sgdiagrams.numeric.landscapes.landscape import Landscape
from sgdiagrams.numeric.landscapes.toys import Gauss, Helix, Mean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LANDSCAPES", "landscape"]

#: The landscapes that have a name.
LANDSCAPES: Mapping[str, type[Landscape]] = {cls.name: cls for cls in (Digits, Gauss, Helix, Mean)}


def landscape(which: str | Landscape) -> Landscape:
    """Return a landscape by its name, or the landscape itself.

    Raises
    ------
    RequestError
        When the name is unknown.
    MissingDependencyError
        When ``"digits"`` is asked for without scikit-learn.

    Examples
    --------
    >>> landscape("gauss")
    Gauss()
    """
    if isinstance(which, Landscape):
        return which
    if not isinstance(which, str) or which not in LANDSCAPES:
        raise RequestError(
            f"expected a landscape among {', '.join(LANDSCAPES)} or an object, "
            f"got landscape={shown(which)}{nearest(which, LANDSCAPES)}"
        )
    return LANDSCAPES[which]()
