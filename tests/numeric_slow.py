"""Independent slow definitions for the numeric tests: sums over indices and over tuples of samples.

Samples are ``{order: array}``, the sample axis first. Beside the orders there may be entries by label:
``"penalised-loss"``, samples again, and functions of the weights, arrays without a sample axis. A forest
is ``(edges, blocks, free legs)``, and perhaps the labels of the nodes.

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


def labelled_forest(seed, *, names, **options):
    """Return a random forest with random labels; nodes that are functions have their own blocks."""
    edges, blocks, free = random_forest(seed, **options)
    random = np.random.default_rng([seed, 1])
    labels = [str(random.choice(names)) for _ in range(options["nodes"])]
    kept = [[x for x in block if is_random(labels[x])] for block in blocks]
    functions = [[x] for x, label in enumerate(labels) if not is_random(label)]
    return edges, [block for block in kept if block] + functions, free, labels


def is_random(label):
    """Tell whether what a label stands for differs between samples."""
    return label in ("loss", "penalised-loss")


def symmetric_function(seed, *, p, orders):
    """Return random derivatives of one function: symmetric arrays by order."""
    samples = symmetric_samples(seed, n=1, p=p, orders=orders)
    return {k: np.asarray(array[0], dtype=object) for k, array in samples.items()}


def penalised(samples, start, decay):
    """Return the derivatives of l_x + decay |theta|^2/2 at the start, entry by entry."""
    result = {}
    for k, array in samples.items():
        result[k] = array.copy()
        for index in np.ndindex(array.shape):
            if k == 0:
                result[k][index] += decay * sum(x * x for x in start) / 2
            elif k == 1:
                result[k][index] += decay * start[index[1]]
            elif k == 2 and index[1] == index[2]:
                result[k][index] += decay
    return result


def entry(samples, label, row, legs):
    """Return one entry of the derivative that a node stands for."""
    if label == "loss":
        return samples[len(legs)][(row, *legs)]
    array = samples[label][len(legs)]
    return array[(row, *legs)] if is_random(label) else array[tuple(legs)]


def value_on_tuple(samples, forest, eta, rows):
    """Return the contraction where block b is taken at sample rows[b]; dict free index -> value."""
    edges, blocks, free = forest[:3]
    nodes = sum(map(len, blocks))
    labels = forest[3] if len(forest) > 3 else ["loss"] * nodes
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
                total += factor * prod(
                    entry(samples, labels[x], row[x], at[x]) for x in range(nodes)
                )
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
    """Average over distinct tuples: different blocks have different samples.

    Blocks of functions have none.
    """
    n = len(next(iter(samples.values())))
    blocks, labels = forest[1], forest[3] if len(forest) > 3 else ()
    places = [b for b, block in enumerate(blocks) if not labels or is_random(labels[block[0]])]
    tuples = []
    for rows in permutations(range(n), len(places)):
        row_of = dict(zip(places, rows, strict=True))
        tuples.append([row_of.get(b) for b in range(len(blocks))])
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
    edges, blocks, free, *labels = forest
    total: dict = {}
    for parts in product(*(cumulant_as_moments(block) for block in blocks)):
        factor = prod(f for f, _ in parts)
        split = [b for _, pieces in parts for b in pieces]
        for index, v in moment(samples, (edges, split, free, *labels), eta).items():
            total[index] = total.get(index, 0) + factor * v
    return total


def without(samples, i):
    """Return the samples with sample i deleted."""
    return {k: np.delete(array, i, axis=0) for k, array in samples.items()}


def array_of(value, p, free):
    """Return a dict free index -> entry as an array of Fractions."""
    result = np.empty((p,) * free, dtype=object)
    for index, entry_at in value.items():
        result[index] = Fraction(entry_at)
    return result
