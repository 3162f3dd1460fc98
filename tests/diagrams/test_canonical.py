"""The canonical form of coloured trees, which diagrams and contractions share."""

import slow
from hypothesis import given
from hypothesis import strategies as st
from strategies import diagrams, relaxed, renumbered_diagrams

from sgdiagrams.diagrams.canonical import canonical_form


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
