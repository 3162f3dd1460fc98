"""Updates of several vectors that are read anywhere: counting, every simulator, and the definition."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import ClassVar

import numpy as np
import pytest
from exact_protocols import with_start
from flint import ctx
from slow_weighted import epochs, expected_count, one_pass, reshuffled, with_replacement

from sgdiagrams.diagrams import enumerate_diagrams
from sgdiagrams.numeric import PolynomialLandscape, exact_training
from sgdiagrams.numeric.descent import Descent
from sgdiagrams.numeric.exact.noise_series import exact_noise
from sgdiagrams.numeric.long_times.dressed_counts import dressed_count
from sgdiagrams.numeric.path_tensors.path_tensors import PathTensors
from sgdiagrams.symbolic import (
    Average,
    Epochs,
    Grid,
    OnePass,
    Optimizer,
    TailAverage,
    Training,
    WithReplacement,
    expand,
)
from sgdiagrams.symbolic.counting.enclosed import EnclosedCounter
from sgdiagrams.symbolic.counting.numbers import NumberCounter
from sgdiagrams.symbolic.propagation.linear_update import LinearUpdate

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
TWO_EPOCHS = Epochs(N=2, B=1, E=2)
SHUFFLED = Epochs(N=2, B=1, E=2, shuffle="every-epoch")
PAIRS = [
    (OnePass(T=4), [(Fraction(1), one_pass(4))]),
    (TWO_EPOCHS, [(Fraction(1), epochs(2, 1, 2))]),
    (SHUFFLED, reshuffled(2, 1, 2)),
    (WithReplacement(N=2, B=1, T=3), with_replacement(2, 1, 3)),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd(Optimizer):
    """Three vectors that no manual has: all are read, moved and looked at, and updates may differ."""

    name: ClassVar[str] = "odd"

    changes: bool = True
    average: Average | None = None
    weight_decay: object = 0

    def linear_updates(self, T):
        return tuple(self._update(t if self.changes else 0) for t in range(T))

    def _update(self, t):
        a = Fraction(1, t + 2)
        return LinearUpdate(
            (1 - a, Fraction(0), 2 * a),
            (Fraction(1), HALF + t, -a),
            ((Fraction(1), THIRD, Fraction(0)), (a, HALF, Fraction(1)), (Fraction(0), -a, THIRD)),
            (a, 1 - a, Fraction(t % 2)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifting(Optimizer):
    """A shift register: gradients arrive two updates later; the weights are seen before they do."""

    name: ClassVar[str] = "shifting"

    def linear_updates(self, T):
        zero, one = Fraction(0), Fraction(1)
        step = ((one, zero, zero), (one, zero, zero), (zero, one, zero))
        return (LinearUpdate((zero, zero, one), (one, one, zero), step, (HALF, HALF, zero)),) * T


ODDITIES = [
    Odd(),
    Odd(changes=False),
    Odd(average=TailAverage(2)),
    Odd(changes=False, average=TailAverage()),
    Shifting(),
]


def label(value):
    changing = "" if getattr(value, "changes", True) else " constant"
    return getattr(value, "label", "") + changing


def edges(optimizer, T):
    """Return K(s, t) and K_out(s), from products of the matrices."""
    updates = optimizer.linear_updates(T)
    weights = optimizer.iterate_weights(T) or (Fraction(0),) * (T - 1) + (Fraction(1),)
    inner = np.full((T, T), Fraction(0), dtype=object)
    outer = np.full(T, Fraction(0), dtype=object)
    for s in range(T):
        state = np.array(updates[s].inject, dtype=object)
        for t in range(s, T):
            if t > s:
                inner[s, t] = np.array(updates[t].read, dtype=object) @ state
                state = np.array(updates[t].step, dtype=object) @ state
            outer[s] += weights[t] * (np.array(updates[t].readout, dtype=object) @ state)
    return inner, outer


def ground(p=1):
    landscape = PolynomialLandscape.random(5, p=p, degree=4, atoms=2)
    return PolynomialLandscape(landscape.losses, [HALF, -THIRD][:p])


@pytest.mark.parametrize("optimizer", ODDITIES, ids=label)
@pytest.mark.parametrize(("scheme", "schedules"), PAIRS, ids=lambda x: getattr(x, "name", ""))
def test_counts_are_sums_of_products_of_matrices(scheme, schedules, optimizer):
    tables = edges(optimizer, int(scheme.updates))
    training = Training(scheme, optimizer)
    diagrams = [*enumerate_diagrams(1), *enumerate_diagrams(2), *enumerate_diagrams(3)][:12]
    rows = int(scheme.datapoints)
    with ctx.workprec(200):
        for basis in ("moment", "cumulant"):
            counter = NumberCounter(training, basis)
            enclosed = EnclosedCounter(counter)
            for diagram in diagrams:
                parents = diagram.parents
                slow = expected_count(
                    parents,
                    diagram.blocks,
                    schedules,
                    tables,
                    basis=basis,
                    root="population",
                    rows=rows,
                )
                assert counter.count(diagram, "population").get((), 0) == slow, diagram
                ball = enclosed.count(diagram, "population").get((), 0)
                assert abs(float(ball) - float(slow)) < 1e-25
                zero = [Fraction(0)] * diagram.order
                if basis == "cumulant":
                    assert dressed_count(diagram, training, zero) == slow


@pytest.mark.parametrize("optimizer", ODDITIES, ids=label)
@pytest.mark.parametrize("scheme", [OnePass(T=4), SHUFFLED, Grid([[0, 1], [1], [0]])], ids=label)
@pytest.mark.parametrize("observable", ["training-loss", "second-moment"])
def test_expansions_are_what_runs_do(scheme, optimizer, observable):
    landscape = ground()
    series = expand(observable, order=4, sampling=scheme, optimizer=optimizer)
    values = series.evaluate(landscape.statistics(4), eta=Fraction(1)).orders
    exact = exact_training(landscape, Training(scheme, optimizer), order=4, observable=observable)
    assert [np.asarray(x).item() for x in values] == [np.asarray(x).item() for x in exact]


def test_weight_decay_pulls_where_gradients_are_read():
    landscape, optimizer = ground(), Odd(weight_decay=Fraction(1, 7))
    series = expand("test-loss", order=3, sampling=SHUFFLED, optimizer=optimizer)
    values = series.evaluate(with_start(landscape, 3), eta=Fraction(1)).orders
    exact = exact_training(landscape, Training(SHUFFLED, optimizer), order=3)
    assert tuple(values) == exact


@pytest.mark.parametrize("optimizer", [*ODDITIES, Odd(weight_decay=THIRD)], ids=label)
def test_links_are_what_a_parabola_does(optimizer):
    """A push of an update on a parabola of curvature h, with and without the diagrams' links."""
    h, T = Fraction(2, 5), 4
    decay = Fraction(optimizer.weight_decay)
    parabola = PolynomialLandscape([{(2,): (h - decay) / 2, (1,): Fraction(1)}])
    leaf = next(iter(enumerate_diagrams(1)))
    pushed = exact_training(
        parabola, Training(OnePass(T=T), optimizer), order=T, observable="displacement"
    )
    dressed = dressed_count(leaf, Training(OnePass(T=T), optimizer), [h])
    assert sum(x.item() for x in pushed) == -dressed


@pytest.mark.parametrize("optimizer", [*ODDITIES, Odd(weight_decay=THIRD)], ids=label)
def test_floats_do_what_fractions_do(optimizer):
    landscape, training = ground(2), Training(TWO_EPOCHS, optimizer)
    eta = Fraction(1, 512)
    series = exact_training(landscape, training, order=8, observable="displacement")
    exact = sum(float(eta) ** k * np.array(x, dtype=float) for k, x in enumerate(series))
    losses = [dict(loss) for loss in landscape.losses]

    def gradient(theta, rows):
        slopes = np.zeros_like(theta)
        for i, loss in enumerate(losses):
            for powers, c in loss.items():
                for mu in range(2):
                    rest = [p - (nu == mu) for nu, p in enumerate(powers)]
                    if powers[mu]:
                        term = float(c) * powers[mu] * np.prod(theta ** np.maximum(rest, 0), axis=1)
                        slopes[:, mu] += (rows == i).mean(axis=1) * term
        return slopes

    sets = np.array([*product(range(2), repeat=2)])
    start = np.tile(np.array(landscape.start, dtype=float), (4, 1))
    batches = (sets[:, [t % 2]] for t in range(4))
    [end] = Descent.of(training).follow(gradient, start, batches, eta=float(eta))
    assert (end - start).mean(axis=0) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("scheme", [OnePass(T=3), TWO_EPOCHS], ids=label)
@pytest.mark.parametrize("optimizer", [*ODDITIES, Odd(weight_decay=THIRD)], ids=label)
def test_noise_along_the_path(scheme, optimizer):
    landscape, training = ground(2), Training(scheme, optimizer)
    eta = np.array([[HALF, Fraction(1, 8)], [Fraction(1, 8), THIRD]])
    for observable in ("test-loss", "generalisation-gap"):
        expansion = expand(
            observable, noise=1, along_path=True, sampling=scheme, optimizer=optimizer
        )
        tensors = PathTensors.of(landscape, training, eta=eta, noise=1)
        value, first = tensors.evaluate(expansion)
        series = exact_noise(landscape, training, pushes=2, eta=eta, observable=observable)
        assert (value, first) == (series[0], series[1] + series[2])
