"""Measurements made from dense statistics: what an engine would have measured, and its errors."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from sgdiagrams.numeric.measurement.measured import Measured
from sgdiagrams.numeric.measurement.rounds import Round
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.symbolic.algebra.conversions import in_moments


def needed(*expansions):
    """Return the moments that expansions are made of: without free leg, and with one."""
    moments = dict.fromkeys(
        moment
        for expansion in expansions
        for term in expansion.terms
        for moment in in_moments(term.contraction)
    )
    return [m for m in moments if not m.free], [m for m in moments if m.free]


def round_of(statistics, scalars, vectors, *, seed=0, index=0, decay=Fraction(0)):
    """Return a round with the jackknife's groups: one for every sample."""
    evaluator = Evaluator(statistics, weight_decay=decay)
    n, p = statistics.sample_size, statistics.dimension
    is_sample = statistics.role == "sample"
    numbers = []
    for kind, tail in ((scalars, ()), (vectors, (p,))):
        values = np.zeros((len(kind), *tail))
        deviations = np.zeros((n if is_sample else 0, len(kind), *tail))
        for i, contraction in enumerate(kind):
            values[i] = evaluator.value(contraction)
            if is_sample:
                moved = evaluator.deviations([(Fraction(1), contraction)])
                deviations[:, i] = np.asarray(moved, dtype=float) * math.sqrt((n - 1) / n)
        numbers += [values, deviations]
    return Round(seed, index, n, 10.0, *numbers)


def measured(statistics, *expansions, decay=Fraction(0), **more):
    """Return what a measurement of these statistics would be."""
    scalars, vectors = needed(*expansions)
    return Measured(
        tuple(scalars),
        (round_of(statistics, scalars, vectors, decay=decay),),
        statistics.role,
        statistics.sample_size,
        statistics.dimension,
        tuple(vectors),
        weight_decay=decay,
        **more,
    )
