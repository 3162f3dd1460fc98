"""Contractions as long as they are allowed to be: no door of theirs recurses."""

import copy
import pickle
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from sympy import Add, Integer

from sgdiagrams import Expansion, OnePass, Statistics
from sgdiagrams.symbolic import Contraction
from sgdiagrams.symbolic.contractions.factors import walk
from sgdiagrams.symbolic.formula import Part, Term
from sgdiagrams.symbolic.observable import TEST_LOSS

EDGES = 490


def chain(n):
    return Contraction.build([(i, i + 1) for i in range(n)], [[i] for i in range(n + 1)])


def test_a_long_chain_reads_from_end_to_end():
    factors = walk(chain(EDGES))
    assert [sum(factor.groups, ()) for factor in factors[:3]] == [(0,), (0, 1), (1, 2)]
    assert len(factors) == EDGES + 1


def test_a_star_of_long_branches_ends_with_the_longest():
    edges = []
    for length in (3, 100, 50):
        nodes = [0, *(len(edges) + 1 + i for i in range(length))]
        edges += pairwise(nodes)
    c = Contraction.build(edges, [[i] for i in range(len(edges) + 1)])
    lengths = [len(sum(factor.groups, ())) for factor in walk(c)]
    hub = lengths.index(3)
    # From the end of a longest path to the hub; short branches come first then.
    assert hub in (50, 100)
    assert lengths[hub + 1 : hub + 4] == [2, 2, 1]


def test_every_door_of_a_long_chain():
    c = chain(EDGES)
    assert str(c).startswith("G_a H_ab H_bc")
    back = pickle.loads(pickle.dumps(c))  # noqa: S301 - our own bytes
    assert back == copy.deepcopy(c) == c.func(*c.args) == c
    part = Part(Fraction(1), TEST_LOSS, OnePass(T=1))
    expansion = Expansion(EDGES, "moment", (part,), (Term(Integer(1), c),))
    for text in (expansion.text(), expansion.latex(), expansion.mathml(), repr(expansion)):
        assert text
    assert Expansion.from_json(expansion.to_json()) == expansion
    assert Add(c, c) == 2 * c
    assert (expansion + expansion) == 2 * expansion
    ones = Statistics.from_samples({1: [[1]], 2: [[[2]]]}, role="population")
    value = expansion.evaluate(ones, eta=Fraction(1, 2)).value
    assert value == Fraction(2) ** (EDGES - 1) / Fraction(2) ** EDGES
    halves = {1: np.full((2, 3), 0.5), 2: np.tile(np.eye(3), (2, 1, 1))}
    floats = Statistics.from_samples(halves, role="population")
    assert expansion.evaluate(floats, eta=1.0).value == pytest.approx(0.75)
