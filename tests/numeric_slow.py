"""Independent slow definitions for the numeric tests: sums over indices and over tuples of samples.

Nothing here uses einsum, Moebius functions or the package's partitions.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations, product
from math import prod

import numpy as np


def symmetric_samples(seed, *, n, p, orders):
    """Return per-sample symmetric tensors of small Fractions, one array per order."""
    random = np.random.default_rng(seed)
    samples = {}
    for k in orders:
        array = np.empty((n, *[p] * k), dtype=object)
        for i in range(n):
            entries = {}
            for index in product(range(p), repeat=k):
                if tuple(sorted(index)) == index:
                    entries[index] = Fraction(
                        int(random.integers(-3, 4)), int(random.integers(1, 4))
                    )
            for index in product(range(p), repeat=k):
                array[(i, *index)] = entries[tuple(sorted(index))]
        samples[k] = array
    return samples


def random_forest(seed, *, nodes, free=0, is_tree=True):
    """Return edges, blocks and free legs of a random forest with a random partition."""
    random = np.random.default_rng(seed)
    edges = [
        (int(random.integers(child)), child)
        for child in range(1, nodes)
        if is_tree or random.random() < 0.7
    ]
    labels = [int(random.integers(nodes)) for _ in range(nodes)]
    blocks = [[x for x in range(nodes) if labels[x] == b] for b in sorted(set(labels))]
    return edges, blocks, [int(random.integers(nodes)) for _ in range(free)]


def value_on_tuple(samples, forest, eta, rows):
    """Return the contraction where block b is taken at sample rows[b]; dict free index -> value."""
    edges, blocks, free = forest
    nodes = sum(map(len, blocks))
    row = {x: rows[b] for b, block in enumerate(blocks) for x in block}
    p = len(eta)
    result = {}
    for raised in product(range(p), repeat=len(free)):
        total = 0
        for indices in product(range(p), repeat=2 * len(edges) + len(free)):
            at = {x: [] for x in range(nodes)}
            factor = 1
            for e, (a, b) in enumerate(edges):
                at[a].append(indices[2 * e])
                at[b].append(indices[2 * e + 1])
                factor *= eta[indices[2 * e]][indices[2 * e + 1]]
            for f, x in enumerate(free):
                lower = indices[2 * len(edges) + f]
                at[x].append(lower)
                factor *= eta[raised[f]][lower]
            if factor:
                total += factor * prod(samples[len(at[x])][(row[x], *at[x])] for x in range(nodes))
        result[raised] = total
    return result


def _average(samples, forest, eta, weighted_tuples):
    total: dict = {}
    for weight, rows in weighted_tuples:
        for index, v in value_on_tuple(samples, forest, eta, rows).items():
            total[index] = total.get(index, 0) + weight * v
    return total


def plug_in(samples, forest, eta, weights=None):
    """Average over all tuples: every block has its own sample, repetitions allowed."""
    n = len(next(iter(samples.values())))
    w = [Fraction(1, n)] * n if weights is None else weights
    tuples = [(prod(w[i] for i in rows), rows) for rows in product(range(n), repeat=len(forest[1]))]
    return _average(samples, forest, eta, tuples)


def unbiased(samples, forest, eta):
    """Average over distinct tuples: different blocks have different samples."""
    n = len(next(iter(samples.values())))
    tuples = list(permutations(range(n), len(forest[1])))
    return _average(samples, forest, eta, [(Fraction(1, len(tuples)), rows) for rows in tuples])


def cumulant_as_moments(block):
    """Return [(factor, blocks)] of one joint cumulant.

    Solves moment(S) = sum over B that contains the first of S of cumulant(B) moment(S - B).
    """
    first, *rest = block
    result = [(1, [list(block)])]
    for choice in product([False, True], repeat=len(rest)):
        inside = [first, *(x for x, c in zip(rest, choice, strict=True) if c)]
        outside = [x for x, c in zip(rest, choice, strict=True) if not c]
        if outside:
            result += [(-f, [*blocks, outside]) for f, blocks in cumulant_as_moments(inside)]
    return result


def cumulant(samples, forest, eta, moment):
    """Return the product of joint cumulants over blocks, each moment by the function `moment`."""
    edges, blocks, free = forest
    total: dict = {}
    for parts in product(*(cumulant_as_moments(block) for block in blocks)):
        factor = prod(f for f, _ in parts)
        split = [b for _, pieces in parts for b in pieces]
        for index, v in moment(samples, (edges, split, free), eta).items():
            total[index] = total.get(index, 0) + factor * v
    return total


def without(samples, i):
    """Return the samples with sample i deleted."""
    return {k: np.delete(array, i, axis=0) for k, array in samples.items()}
