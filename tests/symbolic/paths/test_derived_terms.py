"""The terms along the path against a slow derivation: labelled forests with all their partitions."""

from collections import Counter
from fractions import Fraction
from itertools import permutations, product
from math import factorial

import pytest
import slow

from sgdiagrams.diagrams import RequestError
from sgdiagrams.symbolic import Observable, Product, expand
from sgdiagrams.symbolic.observable import OBSERVABLES, named_observable
from sgdiagrams.symbolic.paths.canonical_means import canonical_mean
from sgdiagrams.symbolic.paths.path_terms import Root
from sgdiagrams.symbolic.training.names import named_sampling

MIXED = Observable(
    "mixed",
    "m",
    "m",
    (Product(2, (("loss", "training-loss"), ("loss",))), Product(-3, (("f", "loss"),))),
)
SAMPLINGS = ["one-pass", "epochs", "reshuffled-epochs", "with-replacement"]


# The slow derivation ----------------------------------------------------------------------------------


def is_forest(parents, r):
    below = {r + v: parent for v, parent in enumerate(parents)}
    reached = set(range(r))
    while news := {v for v, parent in below.items() if parent in reached} - reached:
        reached |= news
    return len(reached) == r + len(parents)


def labelled_forests(roots, d, noise):
    """Yield parents and blocks of all forests of d labelled updates below the roots."""
    r = len(roots)
    free = [i for i, root in enumerate(roots) if root[0] == "training-loss"]
    alone = [[i] for i in range(r) if i not in free]
    for parents in product(range(r + d), repeat=d):
        children = Counter(parents)
        if not is_forest(parents, r):
            continue
        if any(root[0] == "weights" and children[i] > 1 for i, root in enumerate(roots)):
            continue
        for partition in slow.set_partitions([*free, *range(r, r + d)]):
            blocks = [*partition, *alone]
            single = {block[0] for block in blocks if len(block) == 1}
            if r + d - len(blocks) == noise and all(children[v] > 1 for v in single if v >= r):
                yield parents, blocks


def parts(r, parents, blocks, is_random):
    """Return the sets of nodes that are not independent of each other."""
    n = r + len(parents)
    groups = [{v} for v in range(n)]
    ties = [*blocks, *([v, p] for v, p in enumerate(parents, start=r))]
    if is_random:
        ties.append(range(r, n))
    for tie in ties:
        joined = set().union(*(g for g in groups if g & set(tie)))
        groups = [g for g in groups if not g & set(tie)] + ([joined] if joined else [])
    return groups


def least_form(kinds, parents, blocks, nodes):
    """Return the least of all ways to number a part: kinds of roots, edges, blocks."""
    roots = sorted(v for v in nodes if v in kinds)
    updates = sorted(v for v in nodes if v not in kinds)
    forms = []
    for first in permutations(roots):
        for second in permutations(updates):
            number = {v: i for i, v in enumerate((*first, *second))}
            forms.append(
                (
                    tuple(kinds[v] for v in first),
                    tuple(sorted((number[v], number[parents[v]]) for v in updates)),
                    tuple(
                        sorted(
                            tuple(sorted(number[v] for v in b)) for b in blocks if b[0] in number
                        )
                    ),
                )
            )
    return min(forms)


def slow_terms(observable, noise, most, *, is_random):
    """Return {(updates, noise, forms of all parts): weight} with at most so many updates."""
    sums = Counter()
    for p in observable.products:
        leg = 0
        means = []
        for factors in p.expectations:
            roots = []
            for factor in factors:
                roots.append((factor, leg if factor == "weights" else -1))
                leg += factor == "weights"
            of_mean = Counter()
            for d, m in product(range(most + 1), range(noise + 1)):
                for parents, blocks in labelled_forests(roots, d, m):
                    above = dict(enumerate(parents, start=len(roots)))
                    single = {b[0] for b in blocks if len(b) == 1}
                    kinds = {
                        i: ("loss", -1) if k[0] == "training-loss" and i in single else k
                        for i, k in enumerate(roots)
                    }
                    forms = [
                        least_form(kinds, above, blocks, nodes)
                        for nodes in parts(len(roots), parents, blocks, is_random)
                    ]
                    of_mean[d, m, tuple(sorted(forms))] += Fraction((-1) ** d, factorial(d))
            means.append(of_mean)
        for combination in product(*(m.items() for m in means)):
            d = sum(key[0] for key, _ in combination)
            m = sum(key[1] for key, _ in combination)
            weight = Fraction(p.sign)
            for _, w in combination:
                weight *= w
            if d <= most and m <= noise:
                sums[d, m, tuple(sorted(f for key, _ in combination for f in key[2]))] += weight
    return {key: w for key, w in sums.items() if w}


def form_of(mean):
    r = len(mean.roots)
    nodes = range(len(mean.blocks))
    kinds = {i: (root.factor, root.leg) for i, root in enumerate(mean.roots)}
    blocks = [[v for v in nodes if mean.blocks[v] == b] for b in set(mean.blocks)]
    return least_form(kinds, dict(enumerate(mean.parents, start=r)), blocks, nodes)


# Tests ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", ["epochs", "with-replacement"])
@pytest.mark.parametrize("name", [*OBSERVABLES, "function:f", "mixed"])
def test_the_terms_are_those_of_labelled_forests(name, sampling):
    observable = MIXED if name == "mixed" else named_observable(name)
    noise, most = (1, 3) if name == "mixed" else (2, 4 if observable.is_mean else 3)
    if any(len(e) > 1 for p in observable.products for e in p.expectations):
        most = 3
    expansion = expand(observable, noise=noise, along_path=True, sampling=sampling)
    fast = {
        (t.updates, t.noise, tuple(sorted(map(form_of, t.means)))): t.weight
        for t in expansion.terms
        if t.updates <= most
    }
    is_random = sampling == "with-replacement"
    assert fast == slow_terms(observable, noise, most, is_random=is_random)


def test_one_pass_has_the_terms_whose_blocks_have_an_order_in_time():
    every = expand("test-loss", noise=2, along_path=True, sampling="epochs")
    some = expand("test-loss", noise=2, along_path=True, sampling="one-pass")
    kept = []
    for term in every.terms:
        [mean] = term.means
        d, nodes = mean.updates, range(len(mean.blocks))
        # As `slow` has diagrams: the root is the last node.
        blocks = [
            [(v - 1) % (d + 1) for v in nodes if mean.blocks[v] == b] for b in set(mean.blocks)
        ]
        if slow.quotient_is_acyclic([(p - 1) % (d + 1) for p in mean.parents], blocks):
            kept.append(term)
    assert tuple(kept) == some.terms


def test_noise_one_of_one_pass_is_the_known_formula():
    excess, drift = expand("test-loss", noise=1, along_path=True, sampling="one-pass").orders[1]
    assert (excess.weight, [(m.parents, m.blocks) for m in excess.means]) == (
        Fraction(1, 2), [((0, 0), (0, 1, 1))]
    )  # fmt: skip
    assert (drift.weight, [(m.parents, m.blocks) for m in drift.means]) == (
        Fraction(-1, 2), [((0, 1, 1), (0, 1, 2, 2))]
    )  # fmt: skip


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_products_of_means_cancel(sampling):
    for name in ("variance", "covariance"):
        expansion = expand(name, noise=2, along_path=True, sampling=sampling)
        assert not expansion.orders[0]
        [term] = expansion.orders[1]
        assert term.weight == 1
        [mean] = term.means
        assert (mean.parents, len(mean.roots)) == ((0, 1), 2)
        is_random = named_sampling(sampling).is_random
        if not is_random:
            # What is left has no part that is an expectation of its own factor alone.
            assert all(any(len(m.roots) == 2 for m in t.means) for t in expansion.terms)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_the_gap_has_tied_roots_alone(sampling):
    expansion = expand("generalisation-gap", noise=2, along_path=True, sampling=sampling)
    assert not expansion.orders[0]
    for term in expansion.terms:
        [mean] = term.means
        assert mean.roots == (Root("training-loss"),)
        assert mean.blocks.count(0) > 1


def test_numbers_of_updates_are_bounded():
    for name in OBSERVABLES:
        expansion = expand(name, noise=2, along_path=True, sampling="epochs")
        for term in expansion.terms:
            assert term.updates <= 4 * term.noise
            tied = any(root.factor == "training-loss" for m in term.means for root in m.roots)
            if tied:
                assert term.noise <= term.updates <= 4 * term.noise - 3


def test_equal_diagrams_are_equal_values():
    roots = [Root("f"), Root("loss"), Root("loss")]
    one = canonical_mean(roots, [1, 1, 2, 5], [9, 4, 3, 7, 7, 2, 2])
    two = canonical_mean([roots[2], roots[0], roots[1]], [2, 0, 2, 4], [0, 1, 2, 5, 6, 5, 6])
    assert one == two
    assert one != canonical_mean(roots, [1, 1, 2, 5], [9, 4, 3, 7, 2, 7, 2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": 1}, "noise=1 with along_path=True"),
        ({"noise": 1, "along_path": True, "order": 2}, "in place of the order"),
        ({"noise": 1, "along_path": True, "through": 2}, "in place of the through"),
        ({"noise": 1, "along_path": True, "resummed": True}, "resummed=False"),
        ({"noise": 1, "along_path": True, "basis": "moment"}, "basis='cumulant'"),
        ({"along_path": True}, "whole number 0..3 for the noise, got noise=None"),
        ({"noise": 4, "along_path": True}, "whole number 0..3 for the noise, got noise=4"),
        ({"noise": True, "along_path": True}, "whole number 0..3 for the noise, got noise=True"),
        (
            {"noise": 1, "along_path": True, "sampling": "sde"},
            "discrete updates along a path, got sde",
        ),
        ({"noise": 1, "along_path": True, "sampling": "gradient-flow"}, "got gradient-flow"),
    ],
)
def test_other_requests_are_refused_in_one_line(options, message):
    with pytest.raises(RequestError, match=message) as error:
        expand("test-loss", **{"sampling": "one-pass", **options})
    assert "\n" not in str(error.value)


def test_increments_and_training_losses_without_a_set_are_refused():
    with pytest.raises(RequestError, match="subtract two expansions"):
        expand("displacement:since=2", noise=1, along_path=True, sampling="one-pass")
    with pytest.raises(RequestError, match="no training set"):
        expand("training-loss", noise=1, along_path=True, sampling="sde")
