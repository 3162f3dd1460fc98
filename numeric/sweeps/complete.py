r"""Values that are exact: of the data as the distribution itself, and of all distinct tuples of it.

With all N datapoints in every node a sweep gives the plug-in values V. They are the answer where the data
are the population; where they are a training set, averages over distinct tuples are sums of plug-in
values of coarser partitions (`sgdiagrams.symbolic.algebra.unbiased`).
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sgdiagrams.diagrams.partitions import restricted_growth_string
from sgdiagrams.numeric.sweeps.designs import Grouping
from sgdiagrams.numeric.sweeps.routes import Routes
from sgdiagrams.numeric.sweeps.sweep import Sweep
from sgdiagrams.numeric.sweeps.trees import is_sampled
from sgdiagrams.symbolic.algebra.unbiased import plug_in_factors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Model
    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["complete_routes", "complete_values"]


def complete_routes(contractions: Sequence[Contraction], size: int, role: str) -> Routes:
    """Return the routes of all plug-in values that exact values are made of."""
    needed = dict.fromkeys(v for c in contractions for v in _plug_in_values(c, size, role))
    return Routes.of(needed, Grouping(1, size))


def complete_values(
    model: Model,
    numbers: Sequence[Contraction],
    vectors: Sequence[Contraction],
    role: str,
    *,
    rows: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return exact values of contractions without free leg, shape (C,), and with one, shape (V, p).

    Parameters
    ----------
    model
        With the data.
    numbers, vectors
        Moments.
    role
        ``"population"`` or ``"training-set"``.
    rows
        As for `Sweep`.
    """
    size = model.size
    routes = complete_routes([*numbers, *vectors], size, role)
    every = np.arange(size)[None, :]
    sweep = Sweep(model, Grouping(1, size), every, routes, rows=rows)
    results = []
    for kind, read in ((numbers, sweep.numbers), (vectors, sweep.vectors)):
        factors = [_plug_in_values(c, size, role) for c in kind]
        needed = list(dict.fromkeys(v for row in factors for v in row))
        place = {v: i for i, v in enumerate(needed)}
        values, _ = read(needed)
        matrix = np.zeros((len(kind), len(needed)))
        for i, row in enumerate(factors):
            for v, factor in row.items():
                matrix[i, place[v]] = float(factor)
        results.append(matrix @ values)
    return results[0], results[1]


@lru_cache(maxsize=4096)
def _plug_in_values(
    contraction: Contraction, size: int, role: str
) -> Mapping[Contraction, Fraction]:
    """Return the plug-in values whose sum is a moment, as contractions, with their factors."""
    if role == "population":
        return {contraction: Fraction(1)}
    sampled = [v for v, label in enumerate(contraction.labels) if is_sampled(label)]
    own = restricted_growth_string([contraction.partition[v] for v in sampled])
    values: Counter[Contraction] = Counter()
    for coarse, factor in plug_in_factors(own, "moment", size).items():
        blocks = {v: ("sampled", block) for v, block in zip(sampled, coarse, strict=True)}
        partition = restricted_growth_string(
            [blocks.get(v, ("function", v)) for v in range(contraction.node_count)]
        )
        values[contraction.with_partition(partition, "moment")] += factor  # type: ignore[assignment]
    return {v: Fraction(factor) for v, factor in values.items() if factor}
