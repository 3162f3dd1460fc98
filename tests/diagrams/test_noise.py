"""The diagrams of a noise: definitions, bounds, and two other ways to count them."""

from collections import Counter
from fractions import Fraction
from itertools import chain
from math import comb, factorial

import pytest
import slow

from sgdiagrams.diagrams import (
    Diagram,
    RequestError,
    diagram_rows,
    disagreements,
    enumerate_diagrams,
    noise_diagrams,
    noise_rows,
)

ROOTS = ["isolated", "in-partition"]

#: Diagrams by the number of edges, from as many edges as the noise says.
BY_EDGES = {
    ("isolated", False, 1): [0, 2, 1],
    ("isolated", False, 2): [0, 4, 24, 30, 16, 4],
    ("isolated", True, 1): [0, 1, 1],
    ("isolated", True, 2): [0, 1, 6, 12, 11, 4],
    ("in-partition", False, 1): [1, 2, 1],
    ("in-partition", False, 2): [2, 14, 32, 32, 16, 4],
    ("in-partition", True, 1): [1, 1, 1],
    ("in-partition", True, 2): [1, 6, 12, 14, 11, 4],
}


def noise_of(diagram):
    return diagram.order + 1 - len(diagram.blocks)


def is_skeleton(diagram):
    """Tell whether no leaf and no node with one child, the root aside, is alone in its block."""
    children = Counter(parent for _, parent in diagram.edges)
    alone = {block[0] for block in diagram.blocks if len(block) == 1} - {diagram.order}
    return all(children[v] > 1 for v in alone)


def associated_stirling(n, k):
    """Return the number of partitions of n elements into k blocks of two elements or more."""
    if n <= 0 or k <= 0:
        return int(n == k == 0)
    # The last element joins a block, or a block of one other element.
    return k * associated_stirling(n - 1, k) + (n - 1) * associated_stirling(n - 2, k - 1)


def product_of(series, powers, degree):
    total = [Fraction(1)] + [Fraction(0)] * degree
    for one, power in zip(series, powers, strict=True):
        for _ in range(power):
            total = [sum(total[i] * one(j - i) for i in range(j + 1)) for j in range(degree + 1)]
    return total[degree]


def closed_form_sum(order, noise, root):
    """Return the sum of 1/|Aut|: labelled trees by numbers of children, times partitions, over d!.

    Of the trees with a given root there are (d-1)!/((c_0 - 1)! prod c_v!) with c_v children at v.
    """

    def any_number(i):
        return Fraction(1, factorial(i))

    def two_or_more(i):
        return Fraction(int(i > 1), factorial(i))

    total = Fraction(0)
    for k in range(order + 1):  # updates that are not alone
        trees = product_of((any_number, two_or_more), (k + 1, order - k), order - 1) * factorial(
            order - 1
        )
        blocks = associated_stirling(k, k - noise) if noise <= k else 0
        if root == "in-partition":
            blocks += associated_stirling(k + 1, k + 1 - noise) if noise <= k + 1 else 0
        total += comb(order, k) * blocks * trees
    return total / factorial(order)


@pytest.mark.parametrize(("root", "one_pass", "noise"), BY_EDGES)
def test_the_numbers_by_edges_are_those_of_all_diagrams_that_obey_the_definition(
    root, one_pass, noise
):
    wanted = BY_EDGES[root, one_pass, noise]
    listed = Counter(d.order for d in noise_diagrams(noise, root=root, one_pass=one_pass))
    assert [listed[noise + i] for i in range(len(wanted))] == wanted
    assert sum(listed.values()) == sum(wanted)
    for order in range(min(7, 4 * noise + 1)):
        obey = {
            d
            for d in enumerate_diagrams(order, root=root, one_pass=one_pass)
            if noise_of(d) == noise and is_skeleton(d)
        }
        assert len(obey) == listed[order]


@pytest.mark.parametrize("root", ROOTS)
def test_every_diagram_comes_once_with_its_symmetry_factor(root):
    listed = list(chain.from_iterable(noise_diagrams(m, root=root) for m in range(3)))
    assert all(is_skeleton(d) for d in listed)
    assert not list(disagreements((d, d.symmetry_factor) for d in listed))


@pytest.mark.parametrize(
    ("noise", "root"), [(1, "isolated"), (1, "in-partition"), (2, "in-partition"), (3, "isolated")]
)
def test_the_sum_of_inverse_symmetry_factors_has_a_closed_form(noise, root):
    sums = Counter()
    for rows in noise_rows(noise, root=root):
        sums[len(rows.levels) - 1] += sum(Fraction(1, int(s)) for s in rows.symmetry_factors)
    for order in range(1, 4 * noise + 3):
        assert sums[order] == closed_form_sum(order, noise, root), order


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("noise", [1, 2])
def test_there_is_nothing_beyond_the_bounds(noise, root):
    for order in (noise - 1, 4 * noise):
        beyond = diagram_rows(order, root=root, linkless=True, at_minimum=True, max_noise=noise)
        assert all((order - rows.labels.max(axis=1) < noise).all() for rows in beyond)
    orders = {d.order for d in noise_diagrams(noise, root=root)}
    assert (min(orders), max(orders)) == (noise + (root == "isolated"), 4 * noise - 1)
    tied = {d.order for d in noise_diagrams(noise, root=root) if d.root_is_tied}
    if tied:
        assert (min(tied), max(tied)) == (noise, 4 * noise - 3)


def test_labelled_trees_with_partitions_give_the_same_classes():
    for order in range(1, 5):
        classes = Counter()
        for parents in slow.labelled_trees(order + 1):
            for blocks in slow.set_partitions(range(order)):
                diagram = Diagram(parents, [*blocks, [order]])
                if is_skeleton(diagram):
                    classes[diagram] += 1
        for noise in range(1, order):
            listed = [d for d in noise_diagrams(noise) if d.order == order]
            own = {d: n for d, n in classes.items() if noise_of(d) == noise}
            assert set(listed) == set(own)
            for d in listed:
                assert Fraction(own[d], factorial(order)) == Fraction(1, d.symmetry_factor)


def test_no_noise_is_the_root_alone():
    assert [str(d) for d in noise_diagrams(0)] == ["(0)()"]


def test_parts_and_workers_share_the_diagrams():
    parts = [set(noise_diagrams(2, residue=i, modulus=3)) for i in range(3)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 78
    assert all(max(map(len, d.blocks)) < 3 for d in noise_diagrams(2, max_block_size=2))


@pytest.mark.parametrize("noise", [-1, 4, 1.5, True, "1", None])
def test_other_noises_are_refused(noise):
    with pytest.raises(RequestError, match=r"0\.\.3 of noise, got"):
        list(noise_diagrams(noise))
