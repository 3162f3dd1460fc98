"""Dressed counts: bare at h = 0, links inserted one by one, sums over times, and floats."""

from fractions import Fraction
from functools import cache
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import relaxed
from sympy import QQ, ring

from sgdiagrams.diagrams import Diagram, RequestError, SamplingError, enumerate_diagrams
from sgdiagrams.numeric.long_times.dressed_counts import dressed_count
from sgdiagrams.symbolic import SDE, Epochs, FullBatch, GradientFlow, Grid, OnePass, WithReplacement
from sgdiagrams.symbolic.counting.numbers import NumberCounter
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.training.average import ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schedules.closed_schedules import Exponential, Polynomial
from sgdiagrams.symbolic.training.schedules.schedule import ArraySchedule
from sgdiagrams.symbolic.training.training import Training

THIRD, HALF = Fraction(1, 3), Fraction(1, 2)
ROOTS = (("isolated", "population"), ("in-partition", "training"))

SCHEMES = [
    OnePass(T=4),
    OnePass(T=2, B=2),
    FullBatch(N=2, E=4),
    Epochs(N=2, B=1, E=2),
    Epochs(N=3, B=1, E=1, shuffle="once"),
    Epochs(N=2, B=1, E=2, shuffle="every-epoch"),
    Epochs(N=4, B=2, E=2, shuffle="every-epoch"),
    WithReplacement(N=2, B=2, T=2),
    WithReplacement(N=3, B=1, T=3),
    Grid([[0, 1], [2], [0, 2, 1], [1]]),
    Grid([[0], [1, 2, 3], [0, 3]], N=5),
]
LABELS = [scheme.label for scheme in SCHEMES]
FACTORS = [Fraction(2), -1, HALF, 3]


def optimizers(T):
    """Return optimisers that differ in memory, node factors, two-time kernels and read-outs."""
    array = ArraySchedule(FACTORS[:T]) if len(FACTORS) >= T else None
    gradient = {"schedule_scales": "gradient", "average": ExponentialAverage(THIRD)}
    return {
        "sgd": SGD(),
        "schedule": SGD(schedule=array),
        "tail": SGD(schedule=Polynomial((1, -HALF)), average=TailAverage(2)),
        "momentum": Momentum(beta=HALF),
        "momentum-velocity": Momentum(beta=THIRD, schedule=Exponential(HALF)),
        "nesterov-gradient": Nesterov(beta=HALF, schedule=array, **gradient),
        "nesterov": Nesterov(beta=THIRD, average=TailAverage()),
    }


NAMES = list(optimizers(4))


@cache
def linkless(order, mode="isolated"):
    return tuple(enumerate_diagrams(order, root=mode, linkless=True))


def bare(diagram, scheme, optimizer, root="population"):
    count = NumberCounter(Training(scheme, optimizer), "cumulant").count(diagram, root)
    return count.get((), Fraction(0))


def with_links(diagram, links):
    """Return the diagram with links on the edge above each node (preorder), one block each."""
    forest = update_forest(diagram)
    total = len(links) + sum(links)
    above, fresh = [0] * total, len(links)
    for v, number in enumerate(links):
        below = v
        for _ in range(number):
            above[below], below, fresh = fresh, fresh, fresh + 1
        above[below] = forest.parents[v] if forest.parents[v] >= 0 else total
    blocks = [
        [v for v, label in enumerate(diagram.labels[1:]) if label == name]
        for name in range(max(diagram.labels) + 1)
    ]
    blocks[0].append(total)  # the root's label is the first
    return Diagram(above, [*blocks, *([v] for v in range(len(links), total))])


# Bare counts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", SCHEMES, ids=LABELS)
def test_without_curvature_counts_are_bare(scheme, name):
    optimizer = optimizers(int(scheme.updates))[name]
    counts = NumberCounter(Training(scheme, optimizer), "cumulant")
    for order in range(4):
        for mode, root in ROOTS[:1] if order == 3 and name != "sgd" else ROOTS:
            for diagram in linkless(order, mode):
                expected = counts.count(diagram, root).get((), 0)
                got = dressed_count(
                    diagram, Training(scheme, optimizer), [Fraction(0)] * order, root=root
                )
                assert got == expected, diagram


# Links one by one ---------------------------------------------------------------------------------


def test_links_are_put_where_they_should():
    cherry = Diagram.parse("(01-2)(02-12)")
    assert with_links(cherry, (0, 0)) == cherry
    assert with_links(cherry, (2, 0)) == Diagram.parse("(01-2-3-4)(02-23-34-14)")
    tied = Diagram.parse("(01)(01)")
    assert with_links(tied, (1,)) == Diagram.parse("(02-1)(01-12)")


def check_links(scheme, optimizer, diagram, root, most):
    """Compare all coefficients of dressed counts, up to `most` links, with counts of diagrams."""
    domain, *h = ring([f"h{v}" for v in range(diagram.order)], QQ)
    dressed = domain(dressed_count(diagram, Training(scheme, optimizer), h, root=root))
    found = {
        powers: Fraction(int(c.numerator), int(c.denominator)) for powers, c in dressed.terms()
    }
    for links in product(range(most + 1), repeat=diagram.order):
        if sum(links) <= most:
            expected = bare(with_links(diagram, links), scheme, optimizer, root)
            assert found.get(links, 0) == (-1) ** sum(links) * expected, (diagram, links)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", SCHEMES, ids=LABELS)
def test_every_coefficient_counts_a_diagram_with_links(scheme, name):
    optimizer = optimizers(int(scheme.updates))[name]
    for mode, root in ROOTS:
        check_links(scheme, optimizer, linkless(1, mode)[-1], root, 3)
    for diagram in linkless(2):
        check_links(scheme, optimizer, diagram, "population", 2)


@pytest.mark.parametrize("scheme", SCHEMES, ids=LABELS)
@settings(relaxed, max_examples=6)
@given(data=st.data())
def test_links_in_diagrams_of_order_three(scheme, data):
    name = data.draw(st.sampled_from(NAMES))
    mode, root = data.draw(st.sampled_from(ROOTS))
    diagram = data.draw(st.sampled_from(linkless(3, mode)))
    check_links(scheme, optimizers(int(scheme.updates))[name], diagram, root, 1)


# Sums over times ----------------------------------------------------------------------------------

RATIOS = st.fractions(-2, 2, max_denominator=3)


def sum_over_times(diagram, T, q, *, is_tied):
    """Return the sum over all times of products of q^(steps between); whole blocks at one time."""
    forest = update_forest(diagram)
    total = Fraction(0)
    for times in product(range(T), repeat=diagram.order):
        term = Fraction(1)
        for v, parent in enumerate(forest.parents):
            until = times[parent] if parent >= 0 else T
            first = forest.blocks.index(forest.blocks[v])
            if until <= times[v] or (is_tied and times[v] != times[first]):
                term = Fraction(0)
                break
            term *= q[v] ** (until - times[v] - 1)
        total += term
    return total


@settings(relaxed, max_examples=60)
@given(data=st.data(), order=st.integers(1, 3), T=st.integers(0, 5), B=st.integers(1, 3))
def test_sums_over_times(data, order, T, B):
    diagram = data.draw(st.sampled_from(linkless(order)))
    q = data.draw(st.lists(RATIOS, min_size=order, max_size=order))
    h = [1 - x for x in q]
    P = update_forest(diagram).block_count
    got = dressed_count(diagram, Training(OnePass(T=T, B=B), SGD()), h)
    assert got == sum_over_times(diagram, T, q, is_tied=True) * Fraction(B) ** (P - order)
    got = dressed_count(diagram, Training(FullBatch(N=B, E=T), SGD()), h)
    assert got == sum_over_times(diagram, T, q, is_tied=False) * Fraction(B) ** (P - order)


@pytest.mark.parametrize("name", ["sgd", "momentum"])
@pytest.mark.parametrize(
    "scheme",
    [
        OnePass(T=64),
        FullBatch(N=3, E=64),
        WithReplacement(N=5, B=2, T=64),
        Epochs(N=4, B=2, E=32, shuffle="every-epoch"),
    ],
    ids=lambda s: s.label,
)
def test_squaring_is_stepping(scheme, name, monkeypatch):
    from sgdiagrams.symbolic.propagation.scan import StepScan

    optimizer = optimizers(64)[name]
    h = [Fraction(1, 4), Fraction(9, 8), Fraction(-1, 16)]
    diagrams = linkless(2) + linkless(3)[::9]
    found = []
    for choice in (True, False):
        monkeypatch.setattr(StepScan, "_prefers_squaring", lambda _, choice=choice: choice)
        found.append(
            [dressed_count(d, Training(scheme, optimizer), h[: d.order]) for d in diagrams]
        )
    assert found[0] == found[1]


def test_periodic_grids_are_epochs():
    # The same schedule, counted in four ways
    h = [Fraction(1, 4), Fraction(9, 8), Fraction(-1, 16)]
    for diagram in linkless(3):
        for optimizer in (SGD(), Momentum(beta=HALF)):
            assert dressed_count(
                diagram, Training(OnePass(T=3, B=2), optimizer), h
            ) == dressed_count(diagram, Training(Epochs(N=6, B=2, E=1), optimizer), h)
            assert dressed_count(
                diagram, Training(FullBatch(N=2, E=4), optimizer), h
            ) == dressed_count(diagram, Training(Grid([[0, 1]] * 4), optimizer), h)
            assert dressed_count(
                diagram, Training(Epochs(N=3, B=1, E=1), optimizer), h
            ) == dressed_count(
                diagram, Training(Epochs(N=3, B=1, E=1, shuffle="every-epoch"), optimizer), h
            )


# Floats -------------------------------------------------------------------------------------------

#: Some are too fast (h > 1), coincide, or nearly do; few digits, so that exact powers stay short.
CURVATURES = (0.0, 1.0, 0.5, 0.5 + 2.0**-30, 2.0**-10, 1.5, 1.96875, 1.9375, 2.0, -(2.0**-7))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", SCHEMES, ids=LABELS)
@settings(relaxed, max_examples=4)
@given(data=st.data())
def test_floats_are_close_to_fractions(scheme, name, data):
    optimizer = optimizers(int(scheme.updates))[name]
    check_floats(data, scheme, optimizer, data.draw(st.integers(1, 3)))


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov"])
@pytest.mark.parametrize(
    "scheme",
    [
        OnePass(T=200),
        FullBatch(N=4, E=150),
        WithReplacement(N=5, B=2, T=150),
        Epochs(N=4, B=2, E=100, shuffle="every-epoch"),
        Epochs(N=4, B=2, E=60),
        Grid([[0, 1], [2], [0, 2, 1], [1]] * 20),
    ],
    ids=lambda s: s.label,
)
@settings(relaxed, max_examples=3)
@given(data=st.data())
def test_floats_are_close_to_fractions_at_longer_times(scheme, name, data):
    check_floats(data, scheme, optimizers(int(scheme.updates))[name], 2)


def check_floats(data, scheme, optimizer, order):
    diagram = data.draw(st.sampled_from(linkless(order)))
    h = data.draw(st.lists(st.sampled_from(CURVATURES), min_size=order, max_size=order))
    expected = dressed_count(diagram, Training(scheme, optimizer), list(map(Fraction, h)))
    got = dressed_count(diagram, Training(scheme, optimizer), h)
    assert isinstance(got, float)
    # Where the T^order terms cancel, all but or altogether (h and 2 - h, or h = 2), rounding is left.
    rounding = Fraction(1e-16) * int(scheme.updates) ** order
    allowed = max(Fraction(1e-10) * abs(expected), rounding)
    assert abs(Fraction(got) - expected) <= allowed, (diagram, h)


def test_a_million_steps():
    T = 10**6
    cherry, star = Diagram.parse("(01-2)(02-12)"), Diagram.parse("(012-3)(03-13-23)")
    h = np.array([0.0, 2.0**-20, 0.5, 1.5])
    got = dressed_count(cherry, Training(OnePass(T=T), SGD()), [h[:, None], h])
    q = (1 - h[:, None]) * (1 - h)
    expected = np.full((4, 4), float(T))
    expected[q < 1] = (-np.expm1(T * np.log(np.abs(q[q < 1])))) / (1 - q[q < 1])
    np.testing.assert_allclose(got, expected, rtol=1e-9)
    got = dressed_count(star, Training(OnePass(T=T), SGD()), [0.0, 2.0**-10, 2.0**-10])
    assert got == pytest.approx(1 / (1 - (1 - 2.0**-10) ** 2), rel=1e-12)
    # A chain without curvature, whose middle is tied to a leaf
    fork = Diagram.parse("(02-1-3)(02-13-23)")
    assert dressed_count(fork, Training(OnePass(T=T), SGD()), [0.0] * 3) == 0
    ends = Diagram.parse("(01-2-3)(02-12-23)")
    assert dressed_count(ends, Training(OnePass(T=T), SGD()), [0.0] * 3) == pytest.approx(
        comb(T, 2)
    )


# Shapes and rings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES[::2], ids=LABELS[::2])
@pytest.mark.parametrize("name", ["sgd", "nesterov-gradient"])
def test_arrays_are_many_scalars(scheme, name):
    optimizer = optimizers(int(scheme.updates))[name]
    values = [[HALF, Fraction(5, 4)], [Fraction(0), THIRD, -THIRD], [Fraction(2), HALF]]
    for diagram in linkless(3)[::7]:
        axes = [np.array(v, dtype=object) for v in values]
        h = [axes[0][:, None, None], axes[1][:, None], axes[2]]
        exact = dressed_count(diagram, Training(scheme, optimizer), h)
        rounded = dressed_count(diagram, Training(scheme, optimizer), [x.astype(float) for x in h])
        assert exact.shape == rounded.shape == (2, 3, 2)
        assert rounded.dtype == float
        for index in np.ndindex(2, 3, 2):
            one = [v[i] for v, i in zip(values, index, strict=True)]
            assert exact[index] == dressed_count(diagram, Training(scheme, optimizer), one)
        np.testing.assert_allclose(rounded, exact.astype(float), rtol=1e-12, atol=1e-13)


def test_weight_decay_changes_no_count():
    cherry = Diagram.parse("(01-2)(02-12)")
    decayed = SGD(weight_decay="lamda")
    h = [HALF, THIRD]
    assert dressed_count(cherry, Training(OnePass(T=5), decayed), h) == dressed_count(
        cherry, Training(OnePass(T=5), SGD()), h
    )


def test_small_cases():
    dot, edge = Diagram.parse("(0)()"), Diagram.parse("(0-1)(01)")
    assert dressed_count(dot, Training(OnePass(T=3), SGD()), []) == 1
    assert dressed_count(edge, Training(OnePass(T=0), SGD()), [HALF]) == 0
    assert dressed_count(
        edge, Training(Epochs(N=2, B=1, E=0), SGD()), np.zeros((1, 3))
    ).tolist() == [0, 0, 0]
    assert dressed_count(edge, Training(OnePass(T=3), SGD()), [1]) == 1
    assert dressed_count(edge, Training(OnePass(T=3), SGD()), [np.zeros((2, 0))]).shape == (2, 0)


def test_errors():
    edge, tied = Diagram.parse("(0-1)(01)"), Diagram.parse("(01)(01)")
    for scheme in (GradientFlow(T=3), SDE(T=3)):
        with pytest.raises(RequestError, match="discrete updates"):
            dressed_count(edge, Training(scheme, SGD()), [HALF])
    with pytest.raises(SamplingError, match=r"expected numbers for T, beta: .*; fix T="):
        dressed_count(edge, Training(OnePass(), Momentum()), [HALF])
    with pytest.raises(RequestError, match="each of the 1 edges, got 2"):
        dressed_count(edge, Training(OnePass(T=3), SGD()), [HALF, HALF])
    with pytest.raises(RequestError, match="isolated root"):
        dressed_count(tied, Training(OnePass(T=3), SGD()), [HALF])
    with pytest.raises(RequestError, match="root to be one of"):
        dressed_count(edge, Training(OnePass(T=3), SGD()), [HALF], root="test")
    with pytest.raises(RequestError, match="real eigenvalues"):
        dressed_count(edge, Training(OnePass(T=3), SGD()), [1j])
    cherry = Diagram.parse("(01-2)(02-12)")
    with pytest.raises(RequestError, match=r"shapes \(2,\), \(3,\)"):
        dressed_count(cherry, Training(OnePass(T=3), SGD()), [np.zeros(2), np.zeros(3)])
    with pytest.raises(SamplingError, match="W=5"):
        dressed_count(edge, Training(OnePass(T=3), SGD(average=TailAverage(5))), [HALF])
