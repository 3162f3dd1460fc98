"""Slow witnesses of expansions in the noise, from labelled pushes; of the package only the data classes.

A diagram with k pushes is a forest of k labelled updates and of updates without a label that have two
children at least, and so are told apart by what is below them: there is no symmetry, and every labelled
diagram counts 1/k!. Values are sums over schedules, times, rows and datapoints, one by one.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import permutations, product
from math import factorial, prod

import numpy as np
from slow import set_partitions

from sgdiagrams.symbolic.paths.path_terms import PathMean, PathTerm, Root

LONE = None


@cache
def forests(labels):
    """Return all forests on some labels: tuples of trees (label or LONE, tuple of trees)."""
    result = []
    for parts in set_partitions(labels):
        result += product(*(trees(tuple(part)) for part in parts))
    return result


@cache
def trees(labels):
    """Return all trees on some labels."""
    result = []
    for x in labels:
        rest = tuple(y for y in labels if y != x)
        result += [(x, forest) for forest in forests(rest)]
    for parts in set_partitions(labels):
        if len(parts) > 1:
            for forest in product(*(trees(tuple(part)) for part in parts)):
                result.append((LONE, forest))
    return result


def with_blocks(tree, block_of):
    """Return a tree with blocks in place of labels, its children sorted."""
    label, children = tree
    below = sorted((with_blocks(child, block_of) for child in children), key=repr)
    return (block_of.get(label, LONE), tuple(below))


def renamed(tree, names):
    """Return a tree with other names of blocks, sorted again."""
    label, children = tree
    return (
        names.get(label, LONE),
        tuple(sorted((renamed(child, names) for child in children), key=repr)),
    )


def path_mean(roots, tied_root, groups):
    """Return the diagram of sorted trees under every root, as the package writes it."""
    parents, blocks = [], list(range(len(roots)))
    names, fresh = {}, len(roots)
    if tied_root is not None:
        names[tied_root] = next(i for i, root in enumerate(roots) if root.factor == "training-loss")
    todo = [(i, tree) for i, group in enumerate(groups) for tree in group]
    while todo:
        parent, (label, children) = todo.pop(0)
        node = len(blocks)
        parents.append(parent)
        if label is LONE or label not in names:
            names[label if label is not LONE else ("lone", node)] = fresh
            blocks.append(fresh)
            fresh += 1
        else:
            blocks.append(names[label])
        todo += [(node, child) for child in children]
    return PathMean(tuple(roots), tuple(parents), tuple(blocks))


@cache
def means(roots, pushes):
    """Return {diagram: weight} of an expectation with a number of pushes."""
    training = [i for i, root in enumerate(roots) if root.factor == "training-loss"]
    total = {}
    for is_tied in (False, True) if training and pushes else (False,):
        labels = tuple(range(pushes - is_tied))
        blocks = [
            partition
            for partition in set_partitions([*labels, "root"] if is_tied else labels)
            if all(len(block) > 1 for block in partition)
        ]
        for forest, partition in product(forests(labels), blocks):
            block_of = {x: i for i, block in enumerate(partition) for x in block}
            trees_of = [with_blocks(tree, block_of) for tree in forest]
            for places in product(range(len(roots)), repeat=len(forest)):
                if any(places.count(i) > 1 for i, r in enumerate(roots) if r.factor == "weights"):
                    continue
                groups = [
                    [t for t, i in zip(trees_of, places, strict=True) if i == r]
                    for r in range(len(roots))
                ]
                names = range(len(partition))
                key = min(
                    (
                        (
                            dict(zip(names, new, strict=True)).get(block_of.get("root")),
                            [
                                sorted(
                                    (renamed(t, dict(zip(names, new, strict=True))) for t in group),
                                    key=repr,
                                )
                                for group in groups
                            ],
                        )
                        for new in permutations(names)
                    ),
                    key=repr,
                )
                mean = path_mean(roots, *key)
                weight = Fraction((-1) ** mean.updates, factorial(len(labels)))
                total[mean] = total.get(mean, Fraction(0)) + weight
    return total


def path_terms(observable, most_pushes):
    """Return all terms with at most so many pushes."""
    total = {}
    for signed in observable.products:
        expected, leg = [], 0
        for factors in signed.expectations:
            roots = []
            for factor in factors:
                roots.append(Root(factor, leg if factor == "weights" else -1))
                leg += factor == "weights"
            expected.append(tuple(roots))
        for counts in product(range(most_pushes + 1), repeat=len(expected)):
            if sum(counts) <= most_pushes:
                pairs = zip(expected, counts, strict=True)
                for chosen in product(*(means(roots, k).items() for roots, k in pairs)):
                    key = tuple(sorted(mean for mean, _ in chosen))
                    weight = signed.sign * prod(w for _, w in chosen)
                    total[key] = total.get(key, Fraction(0)) + weight
    return [PathTerm(weight, key) for key, weight in total.items() if weight]


def subtree(tensors, mean, v, times, atom_of):
    """Return the move of the parent's weights by the update v and all that is below it."""
    own = tensors.samples
    children = [c for c, parent in enumerate(mean.parents, start=len(mean.roots)) if parent == v]
    tensor = datapoint(own[len(children) + 1][times[v]], atom_of.get(v))
    for child in children:
        tensor = np.tensordot(moved(tensors, mean, child, times, atom_of), tensor, axes=(0, 0))
    return tensor


def moved(tensors, mean, child, times, atom_of):
    """Return how a child moves the weights that its parent reads."""
    parent = mean.parents[child - len(mean.roots)]
    below = subtree(tensors, mean, child, times, atom_of)
    if parent < len(mean.roots):
        return tensors.read_out[times[child]] @ below
    return tensors.response[times[parent], times[child]] @ below


def datapoint(array, atom):
    """Return the derivative of one datapoint, or the mean."""
    return array.sum(axis=0) / len(array) if atom is None else array[atom]


def at_datapoints(tensors, mean, times, atom_of):
    """Return a diagram with given times and datapoints, with an axis for every coordinate."""
    total = np.array(Fraction(1), dtype=object)
    end = tensors.training.iterate_weights(len(tensors.path) - 1)
    seen = sum((w * x for w, x in zip(end, tensors.path[1:], strict=True)), 0 * tensors.path[0])
    seen = seen + (1 - sum(end)) * tensors.path[0]
    for root, (factor, _) in enumerate((r.factor, r.leg) for r in mean.roots):
        children = [
            c for c, parent in enumerate(mean.parents, start=len(mean.roots)) if parent == root
        ]
        vectors = [moved(tensors, mean, c, times, atom_of) for c in children]
        if factor == "weights":
            tensor = vectors[0] if vectors else seen - tensors.path[0]
        else:
            if factor in tensors.functions:
                tensor = tensors.functions[factor][len(children)]
            else:
                tensor = datapoint(tensors.end_samples[len(children)], atom_of.get(root))
            for vector in vectors:
                tensor = np.tensordot(vector, tensor, axes=(0, 0))
        total = np.multiply.outer(total, tensor)
    return total


def joint_cumulants(tensors, mean, times):
    """Return a diagram with given times: joint cumulants from moments, block by block."""
    n = len(tensors.end_samples[0])
    shared = [b for b in set(mean.blocks) if mean.blocks.count(b) > 1]
    splits = [
        list(set_partitions([v for v, x in enumerate(mean.blocks) if x == b])) for b in shared
    ]
    total = 0
    for partition in product(*splits):
        sign = prod((-1) ** (len(s) - 1) * factorial(len(s) - 1) for s in partition)
        parts = [part for s in partition for part in s]
        for atoms in product(range(n), repeat=len(parts)):
            atom_of = {v: atom for part, atom in zip(parts, atoms, strict=True) for v in part}
            value = at_datapoints(tensors, mean, times, atom_of)
            total = total + Fraction(sign, n ** len(parts)) * value
    if not shared:
        total = at_datapoints(tensors, mean, times, {})
    return total


def weight_of_times(mean, times, schedules, rows):
    """Return the expected weight of given times: rows of all blocks, one by one."""
    updates = range(len(mean.roots), len(mean.blocks))
    shared = [b for b in sorted(set(mean.blocks)) if mean.blocks.count(b) > 1]
    total = Fraction(0)
    for chance, batches in schedules:
        for choice in product(range(rows), repeat=len(shared)):
            row_of = dict(zip(shared, choice, strict=True))
            weight = chance
            for v in updates:
                batch = batches[times[v]]
                if mean.blocks[v] in row_of:
                    weight *= Fraction(batch.count(row_of[mean.blocks[v]]), len(batch))
            for root in range(len(mean.roots)):
                if mean.blocks[root] in row_of:
                    weight /= rows
            total += weight
    return total


def term_value(tensors, term, schedules, rows):
    """Return the value of a term as `path_terms` defines it, with its coordinates in order of legs."""
    T = len(tensors.path) - 1
    total = np.array((-1) ** term.updates * term.weight, dtype=object)
    legs = []
    for mean in term.means:
        r, d = len(mean.roots), mean.updates
        value = 0
        for choice in product(range(T), repeat=d):
            times = dict(enumerate(choice, start=r))
            pairs = enumerate(mean.parents, start=r)
            if all(parent < r or times[child] < times[parent] for child, parent in pairs):
                weight = weight_of_times(mean, times, schedules, rows)
                if weight:
                    value = value + weight * joint_cumulants(tensors, mean, times)
        total = np.multiply.outer(total, value)
        legs += [root.leg for root in mean.roots if root.factor == "weights"]
    if not legs or np.ndim(total) < len(legs):  # no visit at all is 0
        return np.asarray(total)[()]
    return np.asarray(total).transpose(np.argsort(legs))
