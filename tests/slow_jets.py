"""Derivatives along curves by separate derivatives along vectors: the slow witness."""

import numpy as np
from sympy.utilities.iterables import multiset_partitions

from sgdiagrams.numeric.models.model import Leg


def slow_jets(model, label, datapoints, curves, *, output):
    """Return what `Model.jets` should, by the formula of Faa di Bruno, as arrays of float64."""
    given = {key: model.as_table(table) for key, table in curves.items()}
    rows = None if datapoints is None else np.atleast_2d(datapoints)
    result = {(): floats(model, model.derivative(label, rows, output=output), output)}
    for key in given:
        total = 0
        for partition in multiset_partitions(list(range(len(key)))):
            parts = [given[tuple(key[i] for i in block)] for block in partition]
            legs = [Leg(part, np.arange(len(part))[:, None]) for part in parts]
            total = total + floats(
                model, model.derivative(label, datapoints, legs, output=output), output
            )
        result[key] = total
    return result


def floats(model, table, output):
    return table[:, 0] if output == "number" else model.as_floats(table)
