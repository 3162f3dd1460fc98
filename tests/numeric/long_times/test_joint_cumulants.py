"""Joint cumulants at the entries that are asked for are those of the whole tensors."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.partitions import blocks_of, moebius, set_partitions
from sgdiagrams.numeric.long_times import joint_cumulants
from sgdiagrams.numeric.long_times.amplitudes import check_size
from sgdiagrams.numeric.long_times.eigenbasis import Eigenbasis
from sgdiagrams.numeric.long_times.joint_cumulants import JointCumulants
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.numeric.values.leaves import Leaves
from sgdiagrams.symbolic import Contraction, expand

P = 3
VECTORS = np.array([[1, 2, 0], [0, 1, -1], [3, 0, 1]])


def symmetric(rng, n, k):
    """Return whole numbers with k equal axes: the k-th derivatives of a function of x . theta."""
    x = rng.integers(-2, 3, size=(n, P))
    result = rng.integers(1, 4, size=n)
    for _ in range(k):
        result = np.einsum("n...,na->n...a", result, x)
    return result + rng.integers(-1, 2, size=(n,) + (1,) * k)


def slow(samples, weights, nodes):
    """Return the joint cumulant in fractions, entry by entry: moments of all partitions, by Moebius."""
    indices = list(dict.fromkeys(i for _, legs in nodes for i in legs))
    result = np.empty((P,) * len(indices))
    for values in product(range(P), repeat=len(indices)):
        at = dict(zip(indices, values, strict=True))
        entries = []
        for k, legs in nodes:
            array = samples[k]
            for _ in range(k):
                array = np.tensordot(array, VECTORS, axes=(1, 0))
            entries.append([row[tuple(at[i] for i in legs)] for row in array])
        total = Fraction(0)
        for partition in set_partitions(len(nodes)):
            term = Fraction(moebius(partition, (0,) * len(nodes)))
            for part in blocks_of(partition):
                columns = zip(*(entries[v] for v in part), strict=True)
                term *= sum(w * int(np.prod(row)) for w, row in zip(weights, columns, strict=True))
            total += term
        result[values] = float(total)
    return result


PATTERNS = [
    [(1, (0,)), (1, (1,))],
    [(1, (0,)), (2, (0, 1))],
    [(2, (1, 0)), (2, (0, 1))],
    [(2, (0, 1)), (2, (2, 1))],
    [(1, (0,)), (1, (1,)), (2, (1, 0))],
    [(1, (0,)), (1, (1,)), (1, (2,)), (3, (0, 1, 2))],
    [(1, (2,)), (1, (0,)), (0, ()), (2, (0, 2))],
    [(1, (0,)), (1, (1,)), (1, (2,)), (1, (3,))],
]


@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("nodes", PATTERNS)
def test_entries_at_equal_indices(nodes, is_weighted, monkeypatch):
    monkeypatch.setattr(joint_cumulants, "_CHUNK", 2 * P**3)  # two samples at a time
    rng = np.random.default_rng(len(nodes))
    n = 5
    samples = {k: symmetric(rng, n, k) for k in range(4)}
    weights = [Fraction(w, 4) for w in (3, 2, -2, 1, 0)] if is_weighted else [Fraction(1, n)] * n
    population = Statistics.from_samples(
        {k: v.astype(float) for k, v in samples.items()},
        role="population",
        weights=np.array(weights, dtype=float) if is_weighted else None,
    )
    basis = Eigenbasis(np.zeros(P), VECTORS.astype(float))
    cumulants = JointCumulants(population, Leaves(population, 1.0, 0.0), lambda: basis)
    for _ in range(2):  # the second one is known
        found, indices = cumulants.of([("loss", legs) for _, legs in nodes])
        assert list(indices) == list(dict.fromkeys(i for _, legs in nodes for i in legs))
        right = slow(samples, weights, nodes)
        np.testing.assert_allclose(found, right, rtol=1e-11, atol=1e-9 * np.abs(right).max())


@pytest.mark.parametrize("mean", [0.0, 1e4, 1e8])
def test_large_means_cost_no_digit(mean):
    """Values whose deviations are exact: the fourth cumulant does not see the mean."""
    rng = np.random.default_rng(0)
    spread = rng.integers(-4, 5, size=(7, P)).astype(float)
    population = Statistics.from_samples({1: spread + mean}, role="population")
    basis = Eigenbasis(np.zeros(P), np.eye(P))
    cumulants = JointCumulants(population, Leaves(population, 1.0, 0.0), lambda: basis)
    found, _ = cumulants.of([("loss", (i,)) for i in (0, 1, 2, 3)])
    centred = spread - spread.mean(axis=0)
    pair = np.einsum("na,nb->ab", centred, centred) / 7
    right = np.einsum("na,nb,nc,nd->abcd", *[centred] * 4) / 7
    for axes in ("ab,cd->abcd", "ac,bd->abcd", "ad,bc->abcd"):
        right -= np.einsum(axes, pair, pair)
    np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-12 * np.abs(right).max())


def test_what_does_not_fit_is_refused_with_its_size():
    block = Contraction.build([(0, 2), (1, 2)], [[0], [1, 2]], basis="cumulant")
    check_size(100, 3, contractions=[block], samples=1000)
    with pytest.raises(RequestError, match=r"at most 4.3 GB .* about 2.4e\+03 GB for p=1000"):
        check_size(1000, 2, contractions=[block], samples=300_000)
    with pytest.raises(
        RequestError, match=r"about 96 GB for p=1000 parameters at order 3; lower the"
    ):
        check_size(1000, 3)


def test_tied_nodes_take_no_more_than_their_indices():
    """Sixty weights, where one tensor with all legs would have had 60^5 entries at order 3.

    The losses depend on one direction alone, so that one weight gives the same numbers.
    """
    rng = np.random.default_rng(0)
    slopes = rng.normal(size=(4, 4)) + np.array([0, 0, 3, 0])
    expansion = expand("training-loss", order=3, sampling="full-batch", resummed=True)
    answers = []
    for x in (np.ones(1), np.full(60, 60**-0.5)):
        array, derivatives = np.ones(()), {}
        for k in range(4):
            derivatives[k] = np.multiply.outer(slopes[:, k], array)
            array = np.multiply.outer(array, x)
        population = Statistics.from_samples(derivatives, role="population")
        answers.append(expansion.evaluate(population, eta=0.1, N=7, E=5).orders)
    np.testing.assert_allclose(answers[1], answers[0], rtol=1e-9)
