"""Ways around discs, the curves that soften them, and the lines around both."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from sgdiagrams.diagrams import Diagram, draw_diagram
from sgdiagrams.diagrams.pictures.shapes import Curve
from sgdiagrams.diagrams.pictures.ties.bends import softened
from sgdiagrams.diagrams.pictures.ties.level_lines import contours
from sgdiagrams.diagrams.pictures.ties.outlines import outlines_of
from sgdiagrams.diagrams.pictures.ties.routes import Obstacle, Route, shortest_route
from sgdiagrams.diagrams.pictures.ties.spines import Girth


def test_the_shortest_way_around_a_disc_is_two_tangents_and_an_arc():
    disc = Obstacle((50.0, 0.0), 20.0)
    route = shortest_route((0.0, 0.0), (100.0, 0.0), [disc])
    tangent = math.sqrt(50**2 - 20**2)
    arc = 20 * (math.pi - 2 * math.acos(20 / 50))
    assert route.cost == pytest.approx(2 * tangent + arc, rel=2e-3)
    assert abs(route.knots[1][1]) == pytest.approx(20)


def test_ways_pass_between_discs_and_around_walls():
    gate = [Obstacle((50.0, y), 17.9) for y in (-18.0, 18.0)]
    assert shortest_route((0.0, 0.0), (100.0, 0.0), gate).cost == pytest.approx(100)
    wall = [Obstacle((50.0, 30.0 * k), 17.9) for k in (-1, 0, 1)]
    points = shortest_route((0.0, 0.0), (100.0, 0.0), wall).points
    assert max(abs(y) for _, y in points) == pytest.approx(47.9, abs=0.2)
    for disc in wall:
        assert disc.distance(points) > 17.6  # a chord of an arc is a little inside


def test_what_a_way_costs_decides_its_side():
    disc = Obstacle((50.0, 0.0), 10.0)
    for side in (1, -1):
        route = shortest_route(
            (0.0, 0.0),
            (100.0, 0.0),
            [disc],
            price=lambda way, side=side: 50.0 * any(side * y > 1 for _, y in way),
        )
        assert side * route.knots[1][1] == pytest.approx(-10)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 9)] * 2), min_size=3, max_size=7, unique=True))
def test_curves_are_natural_splines(knots):
    knots = [(20.0 * x, 20.0 * y) for x, y in knots]
    lengths = np.hypot(*np.diff(np.array(knots), axis=0).T)
    points = softened(Route(0.0, tuple(knots), tuple(knots)), [])
    times = np.concatenate([[0.0], np.cumsum(lengths)])
    spline = CubicSpline(times, knots, bc_type="natural")
    witness = spline(np.linspace(0, times[-1], len(points)))
    if points == tuple(knots):  # the curve would swing out
        length = np.hypot(*np.diff(spline(np.linspace(0, times[-1], 400)), axis=0).T).sum()
        assert length > 1.3 * times[-1]
    else:
        assert np.abs(witness - np.array(points)).max() < 1e-8


def test_lines_have_their_distance():
    girth = Girth(9.0, 7.0)
    way = ((0.0, 0.0), (40.0, 0.0), (60.0, 30.0))
    [(_, pieces)] = contours([way[0], way[-1]], [way], girth)
    for _, _, end in pieces:
        spine = Obstacle(end, 0.0)
        assert spine.distance(way) == pytest.approx(9, abs=0.35)


def test_crowded_places_are_drawn_all_the_same():
    places = [(10.0 * (k % 5), 10.0 * (k // 5)) for k in range(25)]
    outlines = outlines_of(places, [(0, 24), (4, 20), (2, 12, 22)])
    assert [outline.group for outline in outlines] == [0, 1, 2]
    assert all(outline.loops for outline in outlines)


def test_large_diagrams_are_drawn():
    levels = (0, *(1 + i % 7 for i in range(24)))
    parents = [
        24 - max(j for j in range(i) if levels[j] == levels[i] - 1) for i in range(24, 0, -1)
    ]
    diagram = Diagram(parents, [[v for v in range(25) if v % 6 == k] for k in range(6)])
    outlines = [s for s in draw_diagram(diagram).shapes if isinstance(s, Curve)]
    assert len(outlines) >= 6


@pytest.mark.parametrize("size", [0.3, 1.0, 2.0, 9.0])
def test_holes_too_small_for_a_curve_are_none(size):
    side = 2 * math.sqrt(3) * (9 + size)
    a, b, c = (0.0, 0.0), (side, 0.0), (side / 2, side * math.sqrt(3) / 2)
    lines = contours([a, b, c], [(a, b), (b, c), (c, a)], Girth(9.0, 7.0))
    assert len(lines) == (1 if size < 3 else 2)
    assert all(math.isfinite(x) for start, _ in lines for x in start)
