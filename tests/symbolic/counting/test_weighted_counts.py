"""Weighted counts against all maps of nodes to slots, with kernels found by running the optimiser."""

import random
from fractions import Fraction
from functools import cache
from itertools import product

import pytest
import slow_weighted as slow
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import relaxed
from sympy import Symbol

from sgdiagrams.diagrams import SamplingError, enumerate_diagrams
from sgdiagrams.symbolic import Epochs, FullBatch, Grid, OnePass, WithReplacement, symbols
from sgdiagrams.symbolic.counting.choice import counter_of
from sgdiagrams.symbolic.counting.numbers import NumberCounter
from sgdiagrams.symbolic.counting.steps import StepCounter
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.propagation.dynamics import Dynamics
from sgdiagrams.symbolic.propagation.fixed_schedule import FixedSchedule
from sgdiagrams.symbolic.propagation.grouped import memory as carried_sums
from sgdiagrams.symbolic.training.average import ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.plain_counts import PlainCounter
from sgdiagrams.symbolic.training.schedules.closed_schedules import Exponential, Polynomial
from sgdiagrams.symbolic.training.schedules.schedule import ArraySchedule
from sgdiagrams.symbolic.training.schedules.stepwise import Cosine, Step
from sgdiagrams.symbolic.training.training import Training
from sgdiagrams.symbolic.weights.quotients import canonical

BASES = ("moment", "cumulant")
# How diagrams are enumerated and what stands at the root.
ROOTS = (("isolated", "population"), ("in-partition", "training"))
MODE = {root: mode for mode, root in ROOTS}
THIRD, HALF, QUARTER = Fraction(1, 3), Fraction(1, 2), Fraction(1, 4)


# The same things in the words of the slow definition ----------------------------------------------


def factors(schedule, T):
    if schedule is None:
        return (Fraction(1),) * T
    if isinstance(schedule, Exponential):
        return tuple(Fraction(schedule.gamma) ** t for t in range(T))
    if isinstance(schedule, Polynomial):
        return tuple(
            sum(c * Fraction(t, T) ** k for k, c in enumerate(schedule.coefficients))
            for t in range(T)
        )
    return schedule.values


def as_rule(optimizer, T):
    average = None
    if isinstance(optimizer.average, TailAverage):
        average = ("tail", optimizer.average.W)
    elif optimizer.average is not None:
        average = ("exponential", Fraction(optimizer.average.alpha))
    scales = getattr(optimizer, "schedule_scales", "velocity")
    return slow.Rule(
        optimizer.name,
        Fraction(getattr(optimizer, "beta", 0)),
        factors(optimizer.schedule, T),
        "gradient" if scales == "gradient" else "step",
        average,
    )


def as_schedules(scheme):
    """Return pairs of a probability and a schedule, and the size of the training set."""
    one = Fraction(1)
    if isinstance(scheme, Grid):
        return [(one, scheme.batches)], scheme.N
    if isinstance(scheme, OnePass):
        return [(one, slow.one_pass(scheme.T, scheme.B))], scheme.T * scheme.B
    if isinstance(scheme, WithReplacement):
        return slow.with_replacement(scheme.N, scheme.B, scheme.T), scheme.N
    if scheme.shuffle == "every-epoch":
        return slow.reshuffled(scheme.N, scheme.B, scheme.E), scheme.N
    return [(one, slow.epochs(scheme.N, scheme.B, scheme.E))], scheme.N


@cache
def reference(scheme, optimizer, diagram, basis, root):
    schedules, rows = as_schedules(scheme)
    T = len(schedules[0][1])
    tables = slow.kernels(as_rule(optimizer, T), T)
    return slow.expected_count(
        diagram.parents, diagram.blocks, schedules, tables, basis=basis, root=root, rows=rows
    )


@cache
def all_diagrams(order, mode):
    return tuple(enumerate_diagrams(order, root=mode))


def some_diagrams(order, mode, most, seed=0):
    found = all_diagrams(order, mode)
    return random.Random(seed).sample(found, min(most, len(found)))


def at(scheme, values):
    return scheme.at(**dict(zip(scheme.symbols, values, strict=True)))


def disagreements(which, scheme, optimizer, diagrams, points, basis, root):
    """Return where a counter for a scheme with symbols is not the slow count at some points.

    `points` are numbers for the free symbols of the scheme, in its order.
    """
    found = which(Training(scheme, optimizer), basis)
    names = scheme.symbols
    wrong = []
    for d in diagrams:
        weight = found.weight(found.count(d, root), d.order)
        for values in points:
            got = slow.value_at(weight, **dict(zip(names, values, strict=True)))
            expected = reference(at(scheme, values), optimizer, d, basis, root)
            if got != expected:
                wrong.append((str(d), values, got, expected))
    return wrong


# Closed forms: steps that are all alike -----------------------------------------------------------

STEPS = {
    "one-pass": (OnePass(B=symbols.B), [(4, 1), (2, 2)]),
    "full-batch": (FullBatch(), [(2, 3)]),
    "with-replacement": (WithReplacement(), [(2, 1, 3), (2, 2, 2)]),
}
VELOCITY, GRADIENT = {"schedule_scales": "velocity"}, {"schedule_scales": "gradient"}

# Many of these have bases that coincide: beta = alpha, beta = alpha**2, beta = gamma, or base 1.
CLOSED = [
    Momentum(beta=HALF),
    Nesterov(beta=Fraction(2, 3)),
    SGD(schedule=Exponential("3/4")),
    SGD(schedule=Polynomial((1, -HALF, 2))),
    Momentum(beta=HALF, schedule=Exponential(HALF), **VELOCITY),
    Momentum(beta=THIRD, schedule=Exponential("3/4"), **GRADIENT),
    Momentum(beta=HALF, schedule=Exponential(3), **GRADIENT),
    Nesterov(beta=HALF, schedule=Exponential(QUARTER), **VELOCITY),
    Nesterov(beta=HALF, schedule=Polynomial((2, -1)), **GRADIENT),
    Nesterov(beta=HALF, schedule=Polynomial((2,)), **VELOCITY),
    SGD(average=TailAverage()),
    Momentum(beta=HALF, average=TailAverage()),
    SGD(average=ExponentialAverage(HALF)),
    Momentum(beta=QUARTER, average=ExponentialAverage(HALF)),
    Momentum(beta=HALF, average=ExponentialAverage(QUARTER)),
    Momentum(beta=HALF, average=ExponentialAverage(HALF)),
    Nesterov(beta=HALF, schedule=Exponential(HALF), average=TailAverage(), **VELOCITY),
    Nesterov(
        beta=HALF, schedule=Exponential(HALF), average=ExponentialAverage(QUARTER), **GRADIENT
    ),
    Momentum(beta=0),
    Nesterov(beta=0),
    Momentum(beta=0, schedule=Exponential(HALF), average=ExponentialAverage(0)),
    SGD(schedule=Exponential(1)),
    Momentum(beta=HALF, average=ExponentialAverage(0)),
    Momentum(beta=HALF, schedule=Polynomial(), average=TailAverage(), **GRADIENT),
    SGD(schedule=Polynomial((0, 1)), average=ExponentialAverage(HALF)),
    Momentum(beta=HALF, schedule=Polynomial((0, 1)), average=ExponentialAverage(HALF), **GRADIENT),
]


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("optimizer", CLOSED, ids=lambda o: o.label)
def test_closed_forms(optimizer, name):
    scheme, points = STEPS[name]
    assert isinstance(counter_of(Training(scheme, optimizer), "moment"), StepCounter)
    # Diagrams with an isolated root are among those with the root in the partition.
    diagrams = [d for order in range(3) for d in all_diagrams(order, "in-partition")]
    if name == "one-pass":
        diagrams += some_diagrams(3, "in-partition", 2, optimizer.label)
    # With replacement, cumulants are counted as sums over moments.
    for basis in BASES[: 1 if name == "with-replacement" else 2]:
        args = (scheme, optimizer, diagrams, points, basis, "training")
        assert not disagreements(StepCounter, *args)


EVERY_THIRD = [
    ("one-pass", Momentum(beta=HALF), [(3, 2)]),
    ("one-pass", Nesterov(beta=HALF, average=ExponentialAverage(HALF)), [(4, 1)]),
    ("one-pass", SGD(schedule=Polynomial((0, 1)), average=TailAverage()), [(4, 1)]),
    ("one-pass", Momentum(beta=HALF, schedule=Exponential(HALF), **VELOCITY), [(4, 1)]),
    ("full-batch", Nesterov(beta=THIRD), [(3, 3)]),
    ("with-replacement", Momentum(beta=HALF), [(2, 2, 2)]),
]


@pytest.mark.parametrize(
    ("name", "optimizer", "points"), EVERY_THIRD, ids=[f"{n} {o.label}" for n, o, _ in EVERY_THIRD]
)
def test_closed_forms_of_all_diagrams_of_order_three(name, optimizer, points):
    for basis in BASES:
        every = all_diagrams(3, "in-partition")
        args = (STEPS[name][0], optimizer, every, points, basis, "training")
        assert not disagreements(StepCounter, *args)


@pytest.mark.parametrize(
    ("scheme", "optimizer", "points"),
    [
        (OnePass(), Momentum(beta=HALF), [(5,)]),
        (OnePass(B=2), Nesterov(beta=THIRD), [(3,)]),
        (FullBatch(N=2), Momentum(beta=HALF), [(4,)]),
        (WithReplacement(N=2, B=1), SGD(schedule=Exponential(HALF)), [(4,)]),
    ],
    ids=["momentum", "nesterov", "full-batch", "exponential"],
)
def test_closed_forms_of_some_diagrams_of_order_four(scheme, optimizer, points):
    for basis, (mode, root) in product(BASES, ROOTS):
        diagrams = some_diagrams(4, mode, 3, optimizer.label)
        assert not disagreements(StepCounter, scheme, optimizer, diagrams, points, basis, root)


# Closed forms with symbols for the optimiser's numbers ---------------------------------------------

numbers = {
    "beta": st.sampled_from([Fraction(1, 5), THIRD, HALF, Fraction(3, 4)]),
    "gamma": st.sampled_from([Fraction(2, 5), Fraction(5, 7), Fraction(6, 5)]),
    "alpha": st.sampled_from([Fraction(2, 9), Fraction(3, 7), Fraction(4, 5)]),
}
SYMBOLIC = {
    "momentum": (Momentum(), 3),
    "nesterov": (Nesterov(), 3),
    "exponential": (SGD(schedule=Exponential()), 3),
    "average": (SGD(average=ExponentialAverage()), 3),
    "momentum, velocity": (Momentum(schedule=Exponential(), **VELOCITY), 2),
    "nesterov, gradient": (Nesterov(schedule=Exponential(), **GRADIENT), 2),
    "momentum, average": (Momentum(average=ExponentialAverage()), 2),
    "momentum, all": (Momentum(average=TailAverage()), 2),
}


@cache
def symbolic_weight(name, scheme, diagram, basis, root):
    found = StepCounter(Training(scheme, SYMBOLIC[name][0]), basis)
    return found.weight(found.count(diagram, root), diagram.order)


@pytest.mark.parametrize("name", SYMBOLIC)
@settings(relaxed, max_examples=15)
@given(data=st.data())
def test_symbols_may_be_given_numbers_afterwards(name, data):
    optimizer, order = SYMBOLIC[name]
    chosen = {s: data.draw(numbers[s]) for s in optimizer.symbols}
    values = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 2))
    basis, (mode, root) = data.draw(st.sampled_from(BASES)), data.draw(st.sampled_from(ROOTS))
    diagram = data.draw(st.sampled_from(some_diagrams(order, mode, 6)))
    scheme = OnePass(B=symbols.B)
    weight = symbolic_weight(name, scheme, diagram, basis, root)
    assert weight == canonical(weight)
    got = slow.value_at(weight, T=values[0], B=values[1], **chosen)
    expected = reference(at(scheme, values), optimizer.at(**chosen), diagram, basis, root)
    assert got == expected


# Plain SGD on random schedules: closed forms and numbers -------------------------------------------

RESHUFFLED = Epochs(shuffle="every-epoch")
REPLACED = WithReplacement()
PLAIN = [
    # the second is where the formula with symbols divides by 0: fewer datapoints than blocks
    (RESHUFFLED, [(3, 1, 2), (4, 2, 2), (4, 4, 2), (3, 1, 1), (3, 1, 3)]),
    (RESHUFFLED, [(1, 1, 3), (2, 1, 2), (2, 1, 3), (2, 2, 3)]),
    (REPLACED, [(1, 1, 3), (2, 1, 3), (2, 2, 2), (3, 1, 3), (3, 2, 1), (1, 2, 2)]),
]


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize(("mode", "root"), ROOTS)
@pytest.mark.parametrize(("scheme", "points"), PLAIN, ids=["reshuffled", "small", "replacement"])
def test_plain_counts_of_random_schedules(scheme, points, mode, root, basis):
    assert isinstance(counter_of(Training(scheme), basis), PlainCounter)

    def plain(training, basis):
        return training.sampling.plain_counter(basis)

    is_small = points[0] == (1, 1, 3)
    if (
        basis == "cumulant"
    ):  # sums of counts in the other basis, so the last and dearest is left out
        points = points[:-1]
    for order in range(4):
        diagrams = all_diagrams(order, mode)
        if not is_small:
            assert not disagreements(plain, scheme, SGD(), diagrams, points, basis, root)
        for values in points:
            numbered = at(scheme, values)
            for which in (plain, NumberCounter):
                assert not disagreements(which, numbered, SGD(), diagrams, [()], basis, root)


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize(("mode", "root"), ROOTS)
def test_plain_counts_of_random_schedules_at_order_four(mode, root, basis):
    diagrams = some_diagrams(4, mode, 6, f"{basis}{root}")
    for scheme in (
        Epochs(N=4, B=2, E=2, shuffle="every-epoch"),
        Epochs(N=2, B=1, E=4, shuffle="every-epoch"),
        WithReplacement(N=2, B=1, T=4),
        WithReplacement(N=2, B=2, T=2),
    ):
        for which in (lambda training, b: training.sampling.plain_counter(b), NumberCounter):
            assert not disagreements(which, scheme, SGD(), diagrams, [()], basis, root)


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("scheme", [RESHUFFLED, REPLACED], ids=lambda s: s.label)
def test_closed_forms_and_numbers_agree_beyond_brute_force(scheme, basis):
    points = [(6, 2, 3), (5, 1, 4), (9, 3, 3)]
    for diagram in (*all_diagrams(3, "in-partition"), *some_diagrams(4, "in-partition", 6)):
        closed = counter_of(Training(scheme), basis)
        formula = closed.weight(closed.count(diagram, "training"), diagram.order)
        for values in points:
            by_number = NumberCounter(Training(at(scheme, values)), basis)
            number = by_number.weight(by_number.count(diagram, "training"), diagram.order)
            named = dict(zip(scheme.symbols, values, strict=True))
            assert slow.value_at(formula, **named) == slow.value_at(number), (diagram, values)


# Numbers: everything ------------------------------------------------------------------------------

SCHEMES = [
    OnePass(T=4),
    OnePass(T=2, B=2),
    FullBatch(N=2, E=3),
    Epochs(N=2, B=1, E=2),
    Epochs(N=4, B=2, E=2),
    Epochs(N=3, B=1, E=2, shuffle="once"),
    Epochs(N=2, B=1, E=2, shuffle="every-epoch"),
    Epochs(N=4, B=2, E=2, shuffle="every-epoch"),
    Epochs(N=3, B=1, E=2, shuffle="every-epoch"),
    WithReplacement(N=2, B=1, T=3),
    WithReplacement(N=2, B=2, T=2),
    WithReplacement(N=3, B=1, T=3),
    Grid([[0, 1], [2], [0, 2, 1], [1]]),
    Grid([[0], [1, 2, 3], [0, 3]], N=5),
    Grid([[0, 1], [0, 1], [0, 1]]),
    Grid([[2], [2], [0, 1]]),
]


@st.composite
def optimizers(draw, T):
    """Draw an optimiser of any kind for T updates; small pools, so that numbers coincide."""
    ratios = st.sampled_from([Fraction(0), QUARTER, THIRD, HALF])
    entries = st.sampled_from([Fraction(0), Fraction(-1), HALF, Fraction(1), Fraction(5, 3)])
    schedule = draw(
        st.one_of(
            st.none(),
            st.builds(Exponential, st.sampled_from([Fraction(0), HALF, Fraction(1), Fraction(2)])),
            st.builds(Polynomial, st.lists(entries, min_size=1, max_size=3)),
            st.builds(ArraySchedule, st.lists(entries, min_size=T, max_size=T)),
        )
    )
    average = draw(
        st.one_of(
            st.none(),
            st.builds(TailAverage, st.one_of(st.none(), st.integers(1, T))),
            st.builds(ExponentialAverage, ratios),
        )
    )
    shared = {"schedule": schedule, "average": average}
    if draw(st.booleans()):
        kind = draw(st.sampled_from([Momentum, Nesterov]))
        scales = draw(st.sampled_from([VELOCITY, GRADIENT]))
        return kind(beta=draw(ratios), **scales, **shared)
    return SGD(**shared)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.label)
@settings(relaxed, max_examples=30)
@given(data=st.data())
def test_numbers(scheme, data):
    optimizer = data.draw(optimizers(int(scheme.updates)))
    basis, (mode, root) = data.draw(st.sampled_from(BASES)), data.draw(st.sampled_from(ROOTS))
    order = data.draw(st.integers(1, 3))
    diagram = data.draw(st.sampled_from(all_diagrams(order, mode)))
    assert not disagreements(NumberCounter, scheme, optimizer, [diagram], [()], basis, root)


EVERY_KIND = [
    (SGD(schedule=[2, -1, HALF, 1], average=TailAverage(2)), *ROOTS[1]),
    (Momentum(beta=HALF, schedule=[1, HALF, 0, 3], **VELOCITY), *ROOTS[0]),
    (Nesterov(beta=THIRD, schedule=[1, HALF, 2, 3], **GRADIENT), *ROOTS[1]),
    (Nesterov(beta=THIRD, schedule=Polynomial((1, HALF)), **VELOCITY), *ROOTS[0]),
]


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize(("optimizer", "mode", "root"), EVERY_KIND)
def test_numbers_of_all_diagrams_of_order_three(optimizer, mode, root, basis):
    for scheme in (s for s in SCHEMES if s.updates == 4):
        diagrams = all_diagrams(3, mode)
        assert not disagreements(NumberCounter, scheme, optimizer, diagrams, [()], basis, root)


@pytest.mark.parametrize("basis", BASES)
def test_numbers_of_some_diagrams_of_order_four(basis):
    optimizer = Momentum(beta=HALF, schedule=[1, HALF, 2, 3], **VELOCITY)
    for scheme in (s for s in SCHEMES if s.updates == 4):
        for mode, root in ROOTS:
            diagrams = some_diagrams(4, mode, 4, scheme.label)
            assert not disagreements(NumberCounter, scheme, optimizer, diagrams, [()], basis, root)


def test_the_slow_definition_by_hand():
    # The heavy ball's and Nesterov's kernels, and Polyak's average, as in the books.
    ball, _ = slow.kernels(slow.Rule("momentum", HALF), 4)
    assert [ball[0, t] for t in range(4)] == [0, 1, 1 + HALF, 1 + HALF + QUARTER]
    assert ball[2, 1] == ball[2, 2] == 0
    lookahead, last = slow.kernels(slow.Rule("nesterov", HALF), 3)
    assert [lookahead[0, 1], lookahead[0, 2], last[0]] == [
        1 + HALF,
        1 + HALF + QUARTER,
        2 - HALF**3,
    ]
    _, mean = slow.kernels(slow.Rule(average=("tail", None)), 4)
    assert list(mean) == [1, HALF + QUARTER, HALF, QUARTER]
    _, moving = slow.kernels(slow.Rule(average=("exponential", QUARTER)), 2)
    assert list(moving) == [1 - QUARTER**2, 1 - QUARTER]
    # A pair of updates on one row of two: (0, 1), (0, 1); four maps, two of them on one row
    count = {
        basis: slow.weighted_count(
            (1, 2),
            [[0, 1], [2]],
            [[0, 1], [0, 1]],
            slow.kernels(slow.Rule(), 2),
            basis=basis,
            root="population",
            rows=2,
        )
        for basis in BASES
    }
    assert count == {"moment": HALF, "cumulant": HALF}
    assert slow.with_replacement(2, 1, 2) == [(HALF, ((0,), (0,))), (HALF, ((0,), (1,)))]
    assert slow.reshuffled(2, 1, 2) == [
        (HALF, ((0,), (1,), (0,), (1,))),
        (HALF, ((0,), (1,), (1,), (0,))),
    ]


# Edges of the closed forms ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer",
    [
        Momentum(beta=HALF, schedule=Exponential(2), **VELOCITY),
        Nesterov(beta=HALF, schedule=Exponential(2), **VELOCITY),
        SGD(schedule=Exponential(0)),
        Momentum(beta=HALF, schedule=Exponential(0), **GRADIENT),
        SGD(schedule=Polynomial((0, 0))),
    ],
    ids=lambda o: o.label,
)
@pytest.mark.parametrize("name", STEPS)
def test_where_the_closed_form_breaks_down(name, optimizer):
    # It is right, or there is none and the error says which number is missing.
    scheme, points = STEPS[name]
    diagrams = [*all_diagrams(1, "isolated"), *all_diagrams(2, "isolated")]
    try:
        which = counter_of(Training(scheme, optimizer), "moment")
    except SamplingError:
        for values in points:
            args = (at(scheme, values), optimizer, diagrams, [()], "moment", "population")
            assert not disagreements(NumberCounter, *args)
        return
    args = (scheme, optimizer, diagrams, points, "moment", "population")
    assert not disagreements(type(which), *args)


@pytest.mark.parametrize(
    "name",
    [
        "lamda",
        "mu",
    ],
)
def test_weight_decay_may_stay_a_symbol_where_counts_are_numbers(name):
    # It changes values and no count.
    free = Momentum(beta=HALF, schedule=[1, 2, 3], weight_decay=Symbol(name))
    bare = Momentum(beta=HALF, schedule=[1, 2, 3])
    diagrams = all_diagrams(2, "isolated")
    assert not disagreements(
        lambda training, basis: counter_of(Training(training.sampling, free), basis),
        OnePass(T=3),
        bare,
        diagrams,
        [()],
        "moment",
        "population",
    )


# Weights are reduced by known factors; the form is that of SymPy's greatest common divisors ---------


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize(
    ("scheme", "optimizer"),
    [
        (FullBatch(), Momentum(schedule=Exponential())),
        (OnePass(), Momentum(average=ExponentialAverage())),
        (OnePass(B=symbols.B), Nesterov(schedule=Exponential(gamma=HALF))),
        (WithReplacement(B=1), Momentum()),
        (WithReplacement(T=200), Momentum()),
        (OnePass(T=symbols.N), SGD(schedule=Exponential())),
    ],
    ids=lambda x: x.label,
)
def test_weights_of_sums_are_canonical(scheme, optimizer, basis):
    step = StepCounter(Training(scheme, optimizer), basis)
    total = {}
    each = []
    for i, diagram in enumerate(all_diagrams(2, "isolated")):
        count = step.count(diagram, "population")
        for exps, c in count.items():
            total[exps] = total.get(exps, 0) + c * (i + 1)
        each.append((i + 1) * step.weight(count, 2))
    found = step.weight(total, 2)
    assert found == canonical(found)
    assert found == canonical(sum(each))


# Many updates -------------------------------------------------------------------------------------

UNEVEN = [Fraction(k * k % 7 - 1, 1 + k % 3) for k in range(11)]
MANY = [
    (SGD(schedule=UNEVEN, average=TailAverage(4)), *ROOTS[1]),
    (Momentum(beta=THIRD, schedule=UNEVEN, **VELOCITY), *ROOTS[0]),
    (Momentum(beta=HALF, schedule=UNEVEN, average=TailAverage(3), **VELOCITY), *ROOTS[0]),
    (Nesterov(beta=HALF, schedule=UNEVEN, **GRADIENT), *ROOTS[1]),
]


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize(("optimizer", "mode", "root"), MANY, ids=lambda x: getattr(x, "label", x))
def test_many_matrices(optimizer, mode, root, basis):
    """Products of pairs of pairs of steps, whose number is odd on the way; all maps of the nodes."""
    for scheme in (OnePass(T=11), FullBatch(N=2, E=11)):
        diagrams = [*all_diagrams(2, mode), *some_diagrams(3, mode, 5, scheme.label)]
        assert not disagreements(NumberCounter, scheme, optimizer, diagrams, [()], basis, root)


@pytest.mark.parametrize("few", [1, 2])
@pytest.mark.parametrize(("optimizer", "mode", "root"), EVERY_KIND[1:])
def test_pairs_of_few_matrices(monkeypatch, optimizer, mode, root, few):
    """The same with replacement, where nodes share steps in all ways, and at order 4."""
    monkeypatch.setattr(carried_sums, "_FEW", few)
    scheme = WithReplacement(N=2, B=1, T=4)
    for order, most in ((3, 30), (4, 3)):
        diagrams = some_diagrams(order, mode, most, f"{few}")
        args = (scheme, optimizer, diagrams, [()], "moment", root)
        assert not disagreements(NumberCounter, *args)


EPOCHS = [
    Epochs(N=2, B=1, E=4, shuffle="every-epoch"),
    Epochs(N=3, B=1, E=3),
    Epochs(N=4, B=2, E=3),
    Grid([[0, 1], [3, 2], [0, 1], [3, 2]], N=6),
    Grid([[0, 1], [3, 2], [1, 0], [3, 2], [0, 1]]),  # not whole epochs
    Grid([[0], [1, 2], [0], [1, 2]]),  # of uneven batches
    Grid([[0, 1], [1, 2], [0, 1], [1, 2]]),  # that overlap
]


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("scheme", EPOCHS, ids=lambda s: s.label)
def test_epochs_without_memory(scheme, basis):
    T = int(scheme.updates)
    optimizer = SGD(schedule=UNEVEN[:T], average=TailAverage(2))
    for mode, root in ROOTS:
        diagrams = [*all_diagrams(2, mode), *some_diagrams(3, mode, 8, scheme.label)]
        diagrams += some_diagrams(4, mode, 1 if T > 5 else 2, scheme.label)
        assert not disagreements(NumberCounter, scheme, optimizer, diagrams, [()], basis, root)


@pytest.mark.parametrize("optimizer", [SGD(schedule=Cosine()), SGD(average=TailAverage(13))])
def test_epochs_and_tables_of_rows_agree(optimizer):
    scheme = Epochs(N=12, B=2, E=4)
    dynamics = Dynamics.of(optimizer, int(scheme.updates))
    tables = FixedSchedule(scheme.course().batches, 12, dynamics)
    for diagram in (*all_diagrams(3, "isolated"), *some_diagrams(4, "isolated", 12)):
        forest = update_forest(diagram)
        slowly = tables.by_rows(forest.parents, forest.blocks)
        assert tables.count(forest, "cumulant") == slowly, diagram


@pytest.mark.parametrize(
    "optimizer",
    [
        Momentum(beta="9/10", schedule=Cosine()),
        Nesterov(beta="2/3", schedule=Cosine(), average=TailAverage(7)),
        Momentum(beta=HALF, schedule=Step(every=9), average=ExponentialAverage(HALF)),
    ],
    ids=lambda o: o.label,
)
def test_one_pass_and_a_grid_of_it_agree(optimizer):
    """Two ways through time: matrices in pairs, and up the tree."""
    steps, grid = OnePass(T=29), Grid([[t] for t in range(29)])
    one, other = (NumberCounter(Training(scheme, optimizer), "moment") for scheme in (steps, grid))
    for diagram in (*all_diagrams(2, "isolated"), *some_diagrams(3, "isolated", 4)):
        assert one.count(diagram, "population") == other.count(diagram, "population")


@pytest.mark.parametrize(
    ("scheme", "optimizer"),
    [
        (OnePass(T=1000), Momentum(beta="9/10", schedule=Exponential("99/100"))),
        (OnePass(T=1000), Nesterov(beta="9/10", schedule=Polynomial(), **GRADIENT)),
        (WithReplacement(N=50, B=5, T=700), Momentum(beta=HALF, average=TailAverage())),
        (FullBatch(N=5, E=3000), SGD(schedule=Polynomial())),
    ],
    ids=lambda x: x.label,
)
def test_closed_forms_and_numbers_agree_after_many_updates(scheme, optimizer):
    by_formula = StepCounter(Training(scheme, optimizer), "moment")
    by_number = NumberCounter(Training(scheme, optimizer), "moment")
    options = {"one_pass": True} if isinstance(scheme, OnePass) else {}
    for diagram in random.Random(1).sample(list(enumerate_diagrams(3, **options)), 5):
        counts = (c.weight(c.count(diagram, "population"), 3) for c in (by_formula, by_number))
        one, other = map(slow.value_at, counts)
        assert one == other, diagram
