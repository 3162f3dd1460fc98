"""Hypothesis strategies for trees, partitions, diagrams and forests, in random numbering."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

#: Settings of all property tests: the machine may be slow, the inputs are small.
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
#: For properties that take long to check.
few = settings(relaxed, max_examples=25)


@st.composite
def parent_lists(draw, *, min_nodes=1, max_nodes=9):
    """Draw a rooted tree as the parents of nodes 0..n-2; node n-1 is the root.

    The numbers of the other nodes are in random order, so that a child may have a greater number than
    its parent.
    """
    n = draw(st.integers(min_nodes, max_nodes))
    above = [draw(st.integers(0, i)) for i in range(n - 1)]
    names = [n - 1, *draw(st.permutations(range(n - 1)))]
    parents = [0] * (n - 1)
    for i, j in enumerate(above, start=1):
        parents[names[i]] = names[j]
    return parents


@st.composite
def partitions(draw, elements):
    """Draw a partition of `elements` as a list of blocks, both in random order."""
    elements = list(elements)
    blocks = []
    for x in draw(st.permutations(elements)) if elements else []:
        place = draw(st.integers(0, len(blocks)))
        if place == len(blocks):
            blocks.append([])
        blocks[place].append(x)
    return blocks


@st.composite
def diagrams(draw, *, min_nodes=1, max_nodes=9, isolated=None):
    """Draw ``(parents, blocks)``; `isolated` fixes whether the root is alone in its block."""
    parents = draw(parent_lists(min_nodes=min_nodes, max_nodes=max_nodes))
    root = len(parents)
    if draw(st.booleans()) if isolated is None else isolated:
        return parents, [*draw(partitions(range(root))), [root]]
    return parents, draw(partitions(range(root + 1)))


@st.composite
def renumbered_diagrams(draw, **options):
    """Draw a diagram and the same diagram in another numbering: two pairs (parents, blocks)."""
    parents, blocks = draw(diagrams(**options))
    root = len(parents)
    new = [*draw(st.permutations(range(root))), root]
    moved = [0] * root
    for child, parent in enumerate(parents):
        moved[new[child]] = new[parent]
    shuffled = [draw(st.permutations([new[v] for v in block])) for block in blocks]
    return (parents, blocks), (moved, draw(st.permutations(shuffled)))


@st.composite
def forests(draw, *, min_nodes=1, max_nodes=7, names=("loss",), max_free=0, singletons=False):
    """Draw a decorated forest ``(edges, blocks, labels, free)`` on nodes 0..n-1."""
    n = draw(st.integers(min_nodes, max_nodes))
    edges = []
    for child in range(1, n):
        parent = draw(st.integers(-1, child - 1))
        if parent >= 0:
            edges.append((parent, child))
    blocks = [[v] for v in range(n)] if singletons else draw(partitions(range(n)))
    labels = [draw(st.sampled_from(names)) for _ in range(n)]
    free = draw(st.lists(st.integers(0, n - 1), max_size=max_free))
    return edges, blocks, labels, free


@st.composite
def graphs(draw, *, max_more=3, **options):
    """Draw a decorated forest with more edges, which may be parallel and close circles."""
    edges, blocks, labels, free = draw(forests(**options))
    node = st.integers(0, len(labels) - 1)
    more = draw(st.lists(st.tuples(node, node), max_size=max_more))
    return [*edges, *more], blocks, labels, free


@st.composite
def renumbered_forests(draw, **options):
    """Draw a decorated forest and the same forest in another numbering."""
    return draw(renumbered(forests(**options)))


@st.composite
def renumbered(draw, graphs):
    """Draw a decorated graph and the same graph in another numbering."""
    edges, blocks, labels, free = draw(graphs)
    n = len(labels)
    new = draw(st.permutations(range(n)))
    moved_edges = [(new[j], new[i]) if draw(st.booleans()) else (new[i], new[j]) for i, j in edges]
    moved_labels = [""] * n
    for v, label in enumerate(labels):
        moved_labels[new[v]] = label
    moved_blocks = [draw(st.permutations([new[v] for v in block])) for block in blocks]
    moved = (
        draw(st.permutations(moved_edges)),
        draw(st.permutations(moved_blocks)),
        moved_labels,
        [new[v] for v in free],
    )
    return (edges, blocks, labels, free), moved


def garbage(*texts):
    """Return a strategy of JSON data of every kind, strings that files know among them."""
    return st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**70), 2**70)
        | st.floats()
        | st.text(max_size=5)
        | st.sampled_from(texts),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=5,
    )


def places(data, path=()):
    """Yield the paths of all entries of JSON data."""
    yield path
    entries = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in entries:
        yield from places(value, (*path, key))
