"""The canonical form of coloured trees, which diagrams and contractions share."""

from unittest.mock import patch

import pytest
import slow
from hypothesis import given
from hypothesis import strategies as st
from strategies import diagrams, relaxed, renumbered_diagrams

from sgdiagrams.diagrams.canonical.form import canonical_form


def form_of(parents, blocks, colours):
    root = len(parents)
    children = [[c for c, p in enumerate(parents) if p == v] for v in range(root + 1)]
    home = {v: b for b, block in enumerate(blocks) for v in block}
    return canonical_form(children, root, [home[v] for v in range(root + 1)], colours)


@st.composite
def coloured(draw, **options):
    parents, blocks = draw(diagrams(**options))
    n = len(parents) + 1
    return parents, blocks, draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))


@relaxed
@given(coloured(max_nodes=7))
def test_as_defined(data):
    parents, blocks, colours = data
    form = form_of(*data)
    assert (form.levels, form.labels) == slow.canonical_by_definition(*data)
    assert form.symmetry_factor == slow.automorphism_count(*data)
    # The order gives this form.
    step = max(colours) + 1
    home = {v: b for b, block in enumerate(blocks) for v in block}
    depths = [len(slow.ancestors(parents, v)) for v in form.order]
    assert form.levels == tuple(
        d * step + colours[v] for d, v in zip(depths, form.order, strict=True)
    )
    names = {}
    assert form.labels == tuple(names.setdefault(home[v], len(names)) for v in form.order)


@relaxed
@given(renumbered_diagrams(max_nodes=12))
def test_the_same_in_every_numbering(pair):
    # Colours by a property that does not depend on the numbering: the size of the block.
    forms = []
    for parents, blocks in pair:
        size = {v: len(block) for block in blocks for v in block}
        colours = [min(size[v], 3) - 1 for v in range(len(parents) + 1)]
        form = form_of(parents, blocks, colours)
        forms.append((form.levels, form.labels, form.symmetry_factor))
    assert forms[0] == forms[1]


@relaxed
@given(coloured(max_nodes=9))
def test_trying_all_orders_is_searching_by_automorphisms(data):
    parents, blocks, colours = data
    expected = form_of(parents, blocks, colours)
    for few in (0, 10**6):
        with patch("sgdiagrams.diagrams.canonical.trial._FEW", few):
            assert form_of(parents, blocks, colours)[1:] == expected[1:]


@pytest.mark.parametrize("few", [0, 24, 10**6])
def test_many_equal_branches(few):
    # Blocks: all leaves apart, all in one, in pairs across two branches, and one leaf with the root.
    leaves = 6
    star = [leaves] * leaves
    with patch("sgdiagrams.diagrams.canonical.trial._FEW", few):
        assert form_of(star, [[v] for v in range(7)], [0] * 7).symmetry_factor == 720
        assert form_of(star, [[*range(6)], [6]], [0] * 7).symmetry_factor == 720
        assert form_of(star, [[0, 1], [2, 3], [4, 5], [6]], [0] * 7).symmetry_factor == 48
        assert form_of(star, [[0, 6], [1, 2], [3], [4], [5]], [0] * 7).symmetry_factor == 12
        branches = [6, 7, 8, 6, 7, 8, 9, 9, 9]
        blocks = [[0, 4], [1, 5], [2, 3], [6], [7], [8], [9]]
        found = form_of(branches, blocks, [0] * 10)
        assert found.symmetry_factor == slow.automorphism_count(branches, blocks)
        assert (found.levels, found.labels) == slow.canonical_by_definition(branches, blocks)
