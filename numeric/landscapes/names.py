"""Landscapes by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.landscapes.landscape import Landscape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["LANDSCAPES", "landscape"]


#: The names that :func:`landscape` knows.
LANDSCAPES = ("digits", "gauss", "helix", "mean")


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
    # Landscapes import this module, and digits load scikit-learn.
    from sgdiagrams.numeric.landscapes.digits import Digits
    from sgdiagrams.numeric.landscapes.toys import Gauss, Helix, Mean

    makers: dict[str, type[Landscape]] = {cls.name: cls for cls in (Digits, Gauss, Helix, Mean)}
    if which not in makers:
        raise RequestError(
            f"expected a landscape among {', '.join(LANDSCAPES)} or an object, "
            f"got landscape={which!r}"
        )
    return makers[which]()
