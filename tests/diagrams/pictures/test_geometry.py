"""The geometry of pictures: nothing lies on anything that it does not belong to."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import diagrams

from sgdiagrams.diagrams import Diagram, draw_diagram, enumerate_diagrams, rooted_trees
from sgdiagrams.diagrams.pictures.layout import RADIUS, lay_out
from sgdiagrams.diagrams.pictures.looks import look_of
from sgdiagrams.diagrams.pictures.placed import tied_blocks
from sgdiagrams.diagrams.pictures.shapes import Box, Curve, Disc, Polyline

AIR = 1.5  # between the border of a node and what it does not belong to


def nodes_of(picture):
    """Return the places of the nodes, the root's first."""
    places = []
    for shape in picture.shapes:
        if isinstance(shape, Box):
            side = shape.width / 2
            places.append((shape.corner[0] + side, shape.corner[1] + side))
        if isinstance(shape, Disc) and shape.radius > 2:  # no marks
            places.append(shape.centre)
    return np.array(places)


def distances(places, points):
    """Return the least distance of every place from a line from point to point."""
    a, b = points[:-1], points[1:]
    steps = b - a
    squares = np.maximum((steps**2).sum(axis=1), 1e-12)
    gaps = places[:, None] - a
    t = np.clip((gaps * steps).sum(axis=2) / squares, 0, 1)
    return np.hypot(*np.moveaxis(gaps - t[..., None] * steps, 2, 0)).min(axis=1)


def windings(places, points):
    """Return how often a closed line runs around every place."""
    gaps = points - places[:, None]
    angles = np.unwrap(np.arctan2(gaps[..., 1], gaps[..., 0]), axis=1)
    return np.rint((angles[:, -1] - angles[:, 0]) / (2 * np.pi)).astype(int)


def cross(a, b, c, d):
    def side(p, q, r):
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < -1e-6 and side(c, d, a) * side(c, d, b) < -1e-6


def check_picture(diagram):
    """Raise an AssertionError unless everything in the picture of a diagram has its place."""
    picture = draw_diagram(diagram)
    nodes = nodes_of(picture)
    count = len(diagram.levels)
    assert len(nodes) == count
    for a, b in combinations(nodes, 2):
        assert np.hypot(*(a - b)) > 2 * RADIUS + 10, f"nodes of {diagram} are too near"
    edges = [shape for shape in picture.shapes if isinstance(shape, Polyline)]
    edges = [edge for edge in edges if np.hypot(*np.subtract(*edge.points)) > 2 * RADIUS]
    assert len(edges) == count - 1
    for edge in edges:
        others = [p for p in nodes if min(np.hypot(*(p - q)) for q in edge.points) > 1]
        if others:
            gaps = distances(np.array(others), np.array(edge.points))
            assert gaps.min() > RADIUS + AIR, f"an edge of {diagram} runs through a node"
    for one, two in combinations(edges, 2):
        assert not cross(*one.points, *two.points), f"edges of {diagram} cross"
    outlines = [shape for shape in picture.shapes if isinstance(shape, Curve)]
    check_outlines(diagram, nodes, [np.array(curve.points()) for curve in outlines])
    for curve in outlines:
        x, y = np.array(curve.points()).T
        assert min(x.min(), y.min()) > 0, diagram
        assert x.max() < picture.width, diagram
        assert y.max() < picture.height, diagram


def check_outlines(diagram, nodes, curves):
    """Check that outlines hold their nodes and no other, with those of visits inside the block's."""
    tied = tied_blocks(diagram)
    labels = diagram.visit_labels
    expected = []
    for block in tied:
        expected.append((block, None))
        if labels is not None:
            visits = dict.fromkeys(labels[i] for i in block)
            expected += [(tuple(i for i in block if labels[i] == visit), block) for visit in visits]
    assert len(curves) == len(expected), f"{diagram} has outlines in pieces"
    around = {}
    for curve, (members, block) in zip(curves, expected, strict=True):
        inside = np.isin(np.arange(len(nodes)), members)
        assert (np.abs(windings(nodes, curve)) == inside).all(), f"an outline of {diagram}"
        gaps = distances(nodes, curve)
        assert gaps[inside].min() > RADIUS + AIR, f"an outline of {diagram} cuts its own node"
        assert gaps.min() > RADIUS + AIR, f"an outline of {diagram} cuts a node"
        if block is None:
            around[members] = curve
        else:
            # In every point inside, and never nearer to the border than a line is wide.
            assert windings(curve, around[block]).all(), f"a visit of {diagram} is out of its block"
            assert distances(curve, around[block]).min() > 1, (
                f"a visit of {diagram} meets its block"
            )


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_every_diagram_of_a_low_order(order):
    for diagram in enumerate_diagrams(order, root="in-partition"):
        check_picture(diagram)


def test_every_diagram_with_visits_of_a_low_order():
    for order in (1, 2, 3):
        for diagram in enumerate_diagrams(order, visits="fresh"):
            check_picture(diagram)


@st.composite
def larger_diagrams(draw):
    """Draw a diagram of order 4 to 6, one in two with visits."""
    diagram = Diagram(*draw(diagrams(min_nodes=5, max_nodes=7)))
    if not draw(st.booleans()):
        return diagram
    visits = [[diagram.root]]
    for block in diagram.blocks:
        split = {}
        for node in block:
            if node != diagram.root:
                split.setdefault(draw(st.integers(0, 1)), []).append(node)
        visits += split.values()
    return Diagram(diagram.parents, diagram.blocks, visits)


@settings(max_examples=60, deadline=None)
@given(larger_diagrams())
def test_larger_diagrams(diagram):
    check_picture(diagram)


def test_every_tree_through_order_6():
    for number in range(1, 8):
        for levels in rooted_trees(number):
            places = np.array(lay_out(levels))
            assert (places[0] == 0).all()
            assert len({tuple(place) for place in places}) == number
            rows = [places[np.array(levels) == level][:, 1] for level in set(levels)]
            # Edges lead from column to column, so that they meet no node and do not cross.
            assert all(np.diff(row).min(initial=36.0) > 35.9 for row in rows), levels


def test_ties_that_can_be_short_are():
    star = Diagram((4, 4, 4, 4), ((0, 2), (1, 3), (4,)))
    nodes = nodes_of(draw_diagram(star))
    for block in tied_blocks(star):
        assert np.hypot(*(nodes[block[0]] - nodes[block[1]])) == pytest.approx(36)


def test_blocks_side_by_side_look_different_in_grey():
    looks = [look_of(number) for number in range(6)]
    tones = [tone(look.outline.fill, look.outline.opacity) for look in looks]
    assert all(abs(a - b) > 4 for a, b in combinations(tones[:3], 2))
    assert len({(look.outline.dashes, look.mark) for look in looks[:4]}) == 4
    # Borders are dark on any tint, also where outlines cross.
    assert all(tone(look.outline.stroke) < 42 for look in looks)


def tone(colour, opacity=1.0):
    """Return L* of the CIE on white paper: 0 is black, 100 is white."""
    parts = [int(colour[i : i + 2], 16) / 255 * opacity + 1 - opacity for i in (1, 3, 5)]
    luminance = sum(w * c**2.2 for w, c in zip((0.2126, 0.7152, 0.0722), parts, strict=True))
    return 116 * luminance ** (1 / 3) - 16
