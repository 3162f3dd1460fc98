"""What tests against the exact simulator share: schedules, landscapes and statistics."""

from fractions import Fraction
from functools import cache

import numpy as np

from sgdiagrams.numeric.exact.batches import (
    grid_schedule,
)
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic import Grid, OnePass, WithReplacement
from sgdiagrams.symbolic.embeddings.batches import (
    epochs_schedule,
    one_pass_schedule,
    reshuffled_schedules,
    with_replacement_schedules,
)

F = Fraction


def schedules(scheme):
    numbers = {name: int(value) for name, value in scheme.values.items()}
    if isinstance(scheme, Grid):
        return [grid_schedule(scheme.batches)]
    if isinstance(scheme, OnePass):
        return [one_pass_schedule(**numbers)]
    if isinstance(scheme, WithReplacement):
        return with_replacement_schedules(**numbers)
    if scheme.shuffle == "every-epoch":
        return reshuffled_schedules(**numbers)
    return [epochs_schedule(**numbers)]


@cache
def fixed_landscape(p):
    return PolynomialLandscape.random(3, p=p, degree=4, atoms=3)


def plain(values):
    return [value.tolist() if hasattr(value, "tolist") else value for value in values]


def with_start(landscape, order, functions=None):
    known = landscape.statistics(order)
    start = np.array([F(x) for x in landscape.start], dtype=object)
    return Statistics(known.samples, known.role, known.weights, functions or {}, start)
