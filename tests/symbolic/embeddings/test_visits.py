"""Counts of diagrams with visits: against embeddings one by one, and against those without visits."""

from fractions import Fraction
from itertools import product

import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from sympy import Integer

from sgdiagrams import Epochs, FullBatch, Grid, OnePass, WithReplacement, symbols
from sgdiagrams.diagrams import Diagram, enumerate_diagrams
from sgdiagrams.diagrams.nested.visits import with_visits


def counted(diagram, chances, N, basis, root):
    """Return the expected number of embeddings: every visit is put into every cell."""
    n = diagram.order
    home = {v: i for i, block in enumerate(diagram.blocks) for v in block}
    visits = [visit for visit in diagram.visits if visit != (n,)]
    total = Fraction(0)
    for chance, schedule in chances:
        cells = [(t, slot) for t, batch in enumerate(schedule) for slot in range(len(batch))]
        for choice in product(cells, repeat=len(visits)):
            cell = {v: c for visit, c in zip(visits, choice, strict=True) for v in visit}
            if any(cell[c][0] >= cell[p][0] for c, p in diagram.edges if p != n):
                continue
            of_block = {}
            for v, (t, slot) in cell.items():
                of_block.setdefault(home[v], set()).add(schedule[t][slot])
            if any(len(rows) > 1 for rows in of_block.values()):
                continue
            rows = {block: min(of_block[block]) for block in of_block}
            places = [(home[visit[0]], c) for visit, c in zip(visits, choice, strict=True)]
            if basis == "moment" and (
                len(set(places)) < len(places) or len(set(rows.values())) < len(rows)
            ):
                continue
            share = Fraction(1)
            if root == "training" and home[n] in rows:
                share = Fraction(1, N)
            elif root == "training" and basis == "moment":
                share = Fraction(N - len(rows), N)
            total += chance * share
    return total


SCHEMES = [
    OnePass(T=3, B=2),
    Epochs(N=2, B=1, E=3),
    Epochs(N=4, B=2, E=2, shuffle="once"),
    Epochs(N=2, B=1, E=3, shuffle="every-epoch"),
    FullBatch(N=2, E=3),
    WithReplacement(N=2, B=2, T=2),
    WithReplacement(N=2, B=1, T=3),
    Grid([[0, 1], [1], [0, 2]]),
]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.label)
@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_embeddings_one_by_one(scheme, basis):
    course = scheme.course()
    chances = course.all_batches()
    for root, mode, most in [("population", "isolated", 3), ("training", "in-partition", 2)]:
        for order in range(most + 1):
            for diagram in enumerate_diagrams(order, root=mode, visits="fresh"):
                expected = counted(diagram, chances, course.rows, basis, root)
                assert scheme.count(diagram, basis=basis, root=root) == expected


@strategies.few
@given(
    st.lists(st.sets(st.integers(0, 2), min_size=1), min_size=1, max_size=4),
    st.sampled_from(list(enumerate_diagrams(3, visits="fresh"))),
    st.sampled_from(["moment", "cumulant"]),
)
def test_any_grid(batches, diagram, basis):
    grid = Grid([sorted(batch) for batch in batches], N=3)
    chances = grid.course().all_batches()
    assert grid.count(diagram, basis=basis) == counted(diagram, chances, 3, basis, "population")


@pytest.mark.parametrize(
    "scheme",
    [
        OnePass(B=symbols.B),
        Epochs(),
        Epochs(shuffle="every-epoch"),
        FullBatch(),
        WithReplacement(),
        Grid([[0, 1], [1, 2], [0, 1], [2, 0]]),
    ],
    ids=lambda scheme: scheme.label,
)
def test_visits_add_up_to_datapoints(scheme):
    for root, mode, most in [("population", "isolated", 4), ("training", "in-partition", 2)]:
        for order in range(most + 1):
            for plain in enumerate_diagrams(order, root=mode):
                if order == 4 and len(plain.blocks) > 3:
                    continue
                total = Integer(0)
                for fresh in with_visits(plain):
                    ways = Fraction(plain.symmetry_factor, fresh.symmetry_factor)
                    assert ways.denominator == 1
                    total += ways.numerator * scheme.count(fresh, basis="moment", root=root)
                assert (total - scheme.count(plain, basis="moment", root=root)).cancel() == 0


def test_closed_forms():
    again, later = Diagram.parse("(0|1-|2)(01-12)"), Diagram.parse("(0|1-|2)(02-12)")
    T, N, B, E = symbols.T, symbols.N, symbols.B, symbols.E
    assert Epochs().count(again).equals(N * E * (E - 1) / 2)
    assert Epochs().count(later).equals(N * E * (E - 1))
    assert Epochs().count(Diagram.parse("(01-|2)(02-12)")).equals(N * E)
    assert FullBatch().count(again).equals(N * E * (E - 1) / 2)
    assert WithReplacement().count(later).equals(T * B * (T * B - 1) / N)
    assert OnePass().count(later) == 0
    # In cumulants visits may coincide, and what is on one row may be anywhere on it.
    assert Epochs().count(later, basis="cumulant").equals(N * E**2)
    assert OnePass().count(later, basis="cumulant") == T
