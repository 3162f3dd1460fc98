"""Diagrams of many nodes are counted another way, or refused before the work; never for ever."""

import random
from fractions import Fraction
from math import comb, factorial, perm

import pytest
import slow
from sympy import Poly, ff

from sgdiagrams import SGD, Momentum, RequestError, Training, symbols
from sgdiagrams.diagrams import Diagram
from sgdiagrams.symbolic import (
    SDE,
    Epochs,
    FullBatch,
    GradientFlow,
    Grid,
    OnePass,
    WithReplacement,
)
from sgdiagrams.symbolic.counting.choice import counter_of
from sgdiagrams.symbolic.embeddings import effort, epochs, one_pass
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.propagation import exact, fixed_schedule, grid, scan
from sgdiagrams.symbolic.training.schemes import epochs as schemes

BATCHES = [[0, 1, 2], [3], [0, 2], [1], [3, 0]]
SYMBOLIC = [
    OnePass(B=symbols.B),
    Epochs(),
    Epochs(shuffle="every-epoch"),
    FullBatch(),
    WithReplacement(),
    SDE(),
    GradientFlow(),
]
NUMBERS = [
    OnePass(T=5, B=2),
    FullBatch(N=3, E=4),
    Epochs(N=4, B=2, E=2),
    Epochs(N=4, B=2, E=2, shuffle="every-epoch"),
    WithReplacement(N=3, B=2, T=4),
    Grid(BATCHES),
]
OPTIMIZERS = [SGD(), Momentum(beta=Fraction(1, 2))]


def chain(n):
    return Diagram([i + 1 for i in range(n)], [[i] for i in range(n + 1)])


def star(n):
    return Diagram([n] * n, [[i] for i in range(n + 1)])


def tied_leaves(n):
    return Diagram([n] * n, [list(range(n)), [n]])


def tied_pairs(n):
    return Diagram([n] * n, [[i, i + 1] for i in range(0, n, 2)] + [[n]])


def two_chains(n):
    """Return two chains of n/2 below the root with one tie between them."""
    half = n // 2
    parents = [i + 1 if i != half - 1 else n for i in range(n)]
    alone = [[i] for i in range(n + 1) if i not in (3, half + 3)]
    return Diagram(parents, [*alone, [3, half + 3]])


def any_diagrams(count, seed):
    rng = random.Random(seed)
    for _ in range(count):
        n = rng.randint(1, 4)
        parents = [rng.randint(v + 1, n) for v in range(n)]
        blocks = {}
        for v in range(n):
            blocks.setdefault(rng.randint(0, n), []).append(v)
        yield Diagram(parents, [*blocks.values(), [n]])


@pytest.fixture
def count_like_large(monkeypatch):
    """Return a function after which all diagrams are counted like those of many nodes."""

    def begin():
        for module in (one_pass, epochs, schemes, exact, fixed_schedule, grid, scan):
            monkeypatch.setattr(module, "FEW_NODES", 0)

    return begin


@pytest.mark.parametrize("scheme", [*SYMBOLIC, *NUMBERS], ids=lambda scheme: scheme.label)
def test_both_ways_of_counting_agree(scheme, count_like_large):
    diagrams = list(any_diagrams(12, seed=1))
    plain = [scheme.count(d, basis=b) for d in diagrams for b in scheme.bases]
    count_like_large()
    assert plain == [scheme.count(d, basis=b) for d in diagrams for b in scheme.bases]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.label)
@pytest.mark.parametrize("scheme", NUMBERS, ids=lambda scheme: scheme.label)
def test_both_ways_of_weighing_agree(scheme, optimizer, count_like_large):
    def weights():
        training = Training(scheme, optimizer)
        return [
            counter_of(training, basis).count(d, "population")
            for d in any_diagrams(10, seed=2)
            for basis in scheme.bases
        ]

    few = weights()
    count_like_large()
    assert weights() == few


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_counted_like_large_ones_by_brute_force(basis, count_like_large):
    count_like_large()
    for d in any_diagrams(25, seed=3):
        for cells, scheme in [
            (slow.one_pass_cells(4, 2), OnePass(T=4, B=2)),
            (slow.epochs_cells(4, 2, 3), Epochs(N=4, B=2, E=3)),
            (slow.epochs_cells(3, 3, 4), FullBatch(N=3, E=4)),
        ]:
            counted = slow.embedding_count(d.parents, d.blocks, cells, basis=basis)
            assert scheme.count(d, basis=basis) == counted


def test_moves_are_those_of_listed_sets():
    for d in any_diagrams(20, seed=4):
        parents = update_forest(d).parents
        n = len(parents)

        def is_closed(nodes, parents=parents):
            return all(
                nodes >> v & 1 or not nodes >> p & 1 for v, p in enumerate(parents) if p >= 0
            )

        closed = [nodes for nodes in range(1 << n) if is_closed(nodes)]
        pairs = [(a, b) for a in closed for b in closed if a & b == a]
        free = [
            (a, b)
            for a, b in pairs
            if not any(p >= 0 and (b & ~a) >> v & (b & ~a) >> p & 1 for v, p in enumerate(parents))
        ]
        assert effort.count_moves(parents, stages=2, strict=None) == len(closed)
        assert effort.count_moves(parents, strict=None) == len(pairs)
        assert effort.count_moves(parents) == len(free)


# Thirty nodes after each other, or side by side, in every scheme that has an answer at once.
def test_chains():
    d, T, B, N, E = chain(30), symbols.T, symbols.B, symbols.N, symbols.E
    at = {T: 41, B: 3, N: 12, E: 11}
    assert OnePass(T=41).count(d) == OnePass(T=41).count(d, basis="cumulant") == comb(41, 30)
    assert OnePass(B=B).count(d).subs(at) == comb(41, 30) * 3**30
    assert GradientFlow(T=2).count(d) == Fraction(2**30, factorial(30))
    assert Epochs().count(d, basis="cumulant").subs(at) == comb(44, 30) * 3**30
    reshuffled = Epochs(shuffle="every-epoch").count(d, basis="cumulant")
    assert reshuffled.subs(at) == comb(44, 30) * 3**30
    assert WithReplacement().count(d, basis="cumulant").subs(at) == comb(41, 30) * 3**30
    assert FullBatch(N=2, E=41).count(d) == 0
    assert FullBatch(N=32, E=41).count(d) == comb(41, 30) * perm(32, 30)
    steps = [[i] for i in range(41)]
    assert Grid(steps).count(d, basis="cumulant") == comb(41, 30)
    assert Grid(BATCHES).count(d) == 0


def test_stars():
    d, T, B = star(30), symbols.T, symbols.B
    assert OnePass().count(d) == ff(T, 30).expand(func=True).expand()
    assert OnePass().count(d, basis="cumulant") == T**30
    # All leaves on datapoints of their own among T B: no order in time.
    moments = Poly(OnePass(B=B).count(d), T, B)
    assert all(moments.eval({T: t, B: b}) == perm(t * b, 30) for t, b in [(7, 5), (2, 3), (31, 1)])
    assert OnePass(B=B).count(d, basis="cumulant") == (T * B) ** 30
    assert FullBatch(N=2, E=3).count(d, basis="cumulant") == 6**30
    assert Grid(BATCHES).count(d, basis="cumulant") == sum(map(len, BATCHES)) ** 30


def test_ties():
    leaves = tied_leaves(30)
    assert OnePass(T=7, B=2).count(leaves) == 14
    assert Epochs(N=6, B=2, E=5).count(leaves) == 6 * 5**30
    assert Grid(BATCHES).count(leaves) == 3**30 + 2 * 2**30 + 2**30
    pairs = tied_pairs(30)
    assert OnePass(T=7, B=2).count(pairs, basis="cumulant") == 14**15
    assert OnePass(T=7, B=4).count(pairs) == perm(28, 15)
    by_rows = (3**2 + 2**2 + 2**2 + 2**2) ** 15
    assert Grid(BATCHES).count(pairs, basis="cumulant") == by_rows
    in_order = Diagram([i + 1 for i in range(30)], [list(range(30)), [30]])
    assert Epochs(N=4, B=2, E=33).count(in_order) == 4 * comb(33, 30)
    assert OnePass().count(in_order) == 0


def test_chains_side_by_side_that_are_tied():
    # Three before and three after the tie in each of two chains of seven, in any order.
    d = two_chains(14)
    assert OnePass(T=13).count(d) == comb(6, 3) ** 2
    assert OnePass(T=7).count(d, basis="cumulant") == 1


def test_momentum_with_many_nodes():
    scheme, half = OnePass(T=31), Fraction(1, 2)
    momentum = counter_of(Training(scheme, Momentum(beta=half)), "cumulant")
    kernel = [Fraction(0)] + [(1 - half**gap) / (1 - half) for gap in range(1, 32)]
    ways = [Fraction(1)] * 31
    for _ in range(29):
        ways = [sum(ways[s] * kernel[t - s] for s in range(t)) for t in range(31)]
    total = sum(ways[t] * kernel[31 - t] for t in range(31))
    assert momentum.count(chain(30), "population") == {(): total}


HARD = [
    (Epochs(), chain(30), "moment"),
    (Epochs(), tied_pairs(30), "cumulant"),
    (Epochs(shuffle="every-epoch"), chain(30), "moment"),
    (Epochs(shuffle="every-epoch"), tied_leaves(30), "cumulant"),
    (WithReplacement(), star(30), "moment"),
    (WithReplacement(), two_chains(30), "cumulant"),
    (OnePass(B=symbols.B), two_chains(400), "moment"),
    (OnePass(), two_chains(499), "cumulant"),
    (FullBatch(), chain(400), "moment"),
    (Grid([[i, i + 50] for i in range(50)]), chain(30), "moment"),
]


@pytest.mark.parametrize(("scheme", "diagram", "basis"), HARD)
def test_what_would_take_too_long_is_refused(scheme, diagram, basis):
    with pytest.raises(RequestError, match=r"^expected a diagram with few enough .*; take fewer"):
        scheme.count(diagram, basis=basis)


LARGE = [
    Epochs(N=60, B=2, E=60),
    Epochs(N=60, B=2, E=60, shuffle="every-epoch"),
    WithReplacement(N=60, B=2, T=60),
    Grid([[i] for i in range(60)]),
]


@pytest.mark.parametrize("scheme", LARGE, ids=lambda scheme: scheme.title)
def test_weighted_counts_that_would_take_too_long_are_refused(scheme):
    counter = counter_of(Training(scheme, Momentum(beta=Fraction(1, 2))), "moment")
    with pytest.raises(RequestError, match="expected a diagram with few enough"):
        counter.count(star(30), "population")
