"""Tensors along a run: term by term from the definition, on models, and what is refused."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from slow_paths import path_terms, term_value

from sgdiagrams.diagrams import RequestError, SamplingError, StatisticsError
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.path_tensors import term_values
from sgdiagrams.numeric.path_tensors.path_tensors import PathTensors
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic import SDE, expand
from sgdiagrams.symbolic.observable import Function, Observable, Product, named_observable
from sgdiagrams.symbolic.training.average import TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.sampling import course_of
from sgdiagrams.symbolic.training.schemes.epochs import Epochs
from sgdiagrams.symbolic.training.schemes.grid import Grid
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
from sgdiagrams.symbolic.training.training import Training

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
MIXED = Observable(
    "mixed", "x", "x", (Product(1, (("training-loss", "weights"), ("weights", "f"))),)
)


@pytest.mark.parametrize(
    ("observable", "training"),
    [
        (
            "training-loss",
            Training(Epochs(N=2, B=1, E=1, shuffle="every-epoch"), Momentum(beta=HALF)),
        ),
        ("second-moment", Training(OnePass(T=2), SGD(weight_decay=THIRD, average=TailAverage(2)))),
        ("variance", Training(WithReplacement(N=2, B=2, T=2), SGD())),
        (MIXED, Training(Grid([[0], [1, 0]], N=3), SGD())),
    ],
)
def test_terms_are_what_the_definition_says(observable, training):
    """Every single term to three pushes: sums over schedules, times, rows and joint cumulants."""
    landscape = PolynomialLandscape.random(7, p=2, degree=4, atoms=3)
    function = {(1, 1): 1, (0, 2): HALF, (0, 0): 2}
    tensors = PathTensors.of(
        landscape, training, eta=[THIRD, HALF], noise=2, functions={"f": function}
    )
    course = course_of(training.sampling)
    watched = named_observable(observable)
    terms = [t for t in path_terms(watched, 3) if t.updates <= 3]
    assert len(terms) > 5
    values = tensors.sums([[term] for term in terms], rank=watched.rank)
    for term, value in zip(terms, values, strict=True):
        slow = term_value(tensors, term, course.all_batches(), course.rows)
        assert np.all(value == slow), term
    assert any(np.any(value != 0) for value in values[1:])


def test_quadratic_losses_with_additive_noise():
    """(x - a)^2/2: the variance of the weights is that of a contraction, and all of it is noise 1."""
    landscape = PolynomialLandscape(
        [{(2,): HALF, (1,): -a} for a in (Fraction(1), Fraction(-1), Fraction(3))], start=[2]
    )
    T, eta = 5, Fraction(1, 4)
    tensors = PathTensors.of(landscape, Training(OnePass(T=T, B=2)), eta=eta, noise=2)
    expansion = expand("covariance", noise=2, along_path=True, sampling=OnePass(B=2))
    zero, first, second = tensors.evaluate(expansion)
    variance = Fraction(8, 3)
    kept = (1 - eta) ** 2
    assert first[0, 0] == eta**2 * variance / 2 * (1 - kept**T) / (1 - kept)
    assert zero[0, 0] == second[0, 0] == 0
    assert tensors.path[:, 0].tolist() == [1 + (1 - eta) ** t for t in range(T + 1)]
    assert tensors.response[:, 0, 0, 0].tolist() == [
        0, *(-eta * (1 - eta) ** t for t in range(T)),
    ]  # fmt: skip


def test_known_moments():
    """T = 1, s = theta^4: noise 2 is 3 m_2^2/B^2 in cumulants, a block of four the fourth cumulant."""
    atoms = (-2, 0, 1, 1)
    m2, m4 = (Fraction(sum(a**k for a in atoms), 4) for k in (2, 4))
    terms = path_terms(Function("f"), 4)
    groups = [[t for t in terms if (t.noise, t.pushes) == key] for key in ((1, 2), (2, 3), (3, 4))]
    for B in (1, 3):
        expansion = expand(Function("f"), noise=2, along_path=True, sampling=OnePass(B=B))
        tensors = PathTensors.of(
            PolynomialLandscape([{(1,): a} for a in atoms]),
            Training(OnePass(T=1, B=B)),
            eta=1,
            noise=2,
            functions={"f": {(4,): 1}},
        )
        pairs = 3 * m2**2 / Fraction(B**2)
        assert tensors.evaluate(expansion) == (0, 0, pairs)
        assert tensors.sums(groups) == (0, 0, (m4 - 3 * m2**2) / Fraction(B**3))


def test_no_update_and_no_noise():
    landscape = PolynomialLandscape.random(1, p=2, degree=3)
    tensors = PathTensors.of(landscape, Training(OnePass(T=0)), eta=HALF, noise=1)
    expansion = expand("test-loss", noise=1, along_path=True, sampling="one-pass")
    loss = landscape.statistics(0).samples[0]
    assert tensors.evaluate(expansion) == (sum(loss) / 2, 0)
    alone = PolynomialLandscape(landscape.losses[:1])
    training = Training(Epochs(N=2, B=1, E=2))
    tensors = PathTensors.of(alone, training, eta=HALF, noise=2)
    orders = tensors.evaluate(expand("variance", noise=2, along_path=True, sampling="epochs"))
    assert orders == (0, 0, 0)


@pytest.mark.parametrize("library", ["jax", "torch"])
def test_models(library):
    """A polynomial loss in JAX and in PyTorch: the tensors are those of the exact landscape."""
    pytest.importorskip(library)
    from sgdiagrams import model_landscape

    points = np.array([[0.5, -1.0], [1.0, 0.25], [-0.75, 0.5]])

    def loss(weights, point):
        a, b = weights[0], weights[1]
        return (
            point[0] * a**3 / 3
            + a * a * b * point[1]
            + (a * a + b * b) / 2
            + a * point[1]
            - b * point[0]
        )

    start = np.array([0.5, -0.25])
    if library == "torch":
        import torch

        ground = model_landscape(
            lambda w, x: loss(w["w"], x),
            {"w": torch.tensor(start)},
            torch.tensor(points),
        )
    else:
        ground = model_landscape(loss, start, points)
    exact = PolynomialLandscape(
        [
            {
                (3, 0): Fraction(x) / 3,
                (2, 1): Fraction(y),
                (2, 0): HALF,
                (0, 2): HALF,
                (1, 0): Fraction(y),
                (0, 1): -Fraction(x),
            }
            for x, y in points.tolist()
        ],
        start=[HALF, Fraction(-1, 4)],
    )
    training = Training(Epochs(N=4, B=2, E=2), Momentum(beta=HALF, weight_decay=Fraction(1, 8)))
    expansion = expand(
        "training-loss",
        noise=1,
        along_path=True,
        sampling=training.sampling,
        optimizer=training.optimizer,
    )
    ours = expansion.evaluate(PathTensors.of(ground, training, eta=0.25))
    theirs = expansion.evaluate(PathTensors.of(exact, training, eta=Fraction(1, 4)))
    assert ours == pytest.approx([float(x) for x in theirs], rel=1e-9)
    assert abs(ours[1]) > 1e-3
    assert all(type(x) is float for x in ours)
    with pytest.raises(RequestError, match=r"expected weights of shape=\(2,\)"):
        ground.moved(np.zeros(3))


class Weighted:
    """Two atoms with weights, as a landscape of a user's own."""

    def __init__(self, ground, shares):
        self.ground, self.shares = ground, shares
        self.start = ground.start

    def moved(self, weights):
        return Weighted(self.ground.moved(weights), self.shares)

    def statistics(self, order):
        samples = self.ground.statistics(order).samples
        return Statistics.from_samples(samples, role="population", weights=self.shares)


def test_weighted_populations_are_atoms_with_copies():
    first, second = PolynomialLandscape.random(3, p=2, degree=4, atoms=2).losses
    training = Training(Epochs(N=2, B=1, E=2))
    expansion = expand("generalisation-gap", noise=2, along_path=True, sampling="epochs")
    copies = PolynomialLandscape([first, second, second])
    weighted = Weighted(PolynomialLandscape([first, second]), [THIRD, 2 * THIRD])
    orders = [
        PathTensors.of(x, training, eta=HALF, noise=2).evaluate(expansion)
        for x in (copies, weighted)
    ]
    assert orders[0] == orders[1]
    assert all(orders[0][1:])


def test_functions_as_derivatives():
    landscape = PolynomialLandscape.random(3, p=1, degree=3, atoms=3)
    training = Training(OnePass(T=2))

    def square(at, k):
        return (
            [at[0] ** 2, 2 * at, np.full((1, 1), Fraction(2))][k]
            if k < 3
            else np.full((1,) * k, Fraction(0))
        )

    expansion = expand(Function("f"), noise=1, along_path=True, sampling="one-pass")
    ours, theirs = (
        PathTensors.of(landscape, training, eta=HALF, functions={"f": f}).evaluate(expansion)
        for f in (square, {(2,): 1})
    )
    assert ours == theirs


def test_many_times_in_floats():
    """T = 50 in one go; noise 2 of one pass in floats is that in fractions."""
    landscape = PolynomialLandscape.random(4, p=2, degree=2, atoms=3)
    for sampling in (OnePass(T=4, B=2), Epochs(N=2, B=1, E=2, shuffle="every-epoch")):
        training = Training(sampling)
        expansion = expand("training-loss", noise=2, along_path=True, sampling=sampling)
        exact = PathTensors.of(landscape, training, eta=Fraction(1, 8), noise=2)
        rounded = PathTensors.of(landscape, training, eta=0.125, noise=2)
        assert repr(rounded).endswith("derivatives up to 5, float>")
        assert rounded.evaluate(expansion) == pytest.approx(
            [float(x) for x in exact.evaluate(expansion)], rel=1e-9
        )
    long = Training(OnePass(T=50, B=2))
    [_, first] = PathTensors.of(landscape, long, eta=0.05).evaluate(
        expand("displacement", noise=1, along_path=True, sampling=OnePass(B=2))
    )
    assert first.shape == (2,)
    assert np.isfinite(first).all()


def test_refusals():
    landscape = PolynomialLandscape.random(1, p=1, degree=3)
    training = Training(OnePass(T=2))
    expansion = expand("test-loss", noise=1, along_path=True, sampling="one-pass")
    tensors = PathTensors.of(landscape, training, eta=HALF)
    with pytest.raises(RequestError, match="expected a PathExpansion"):
        tensors.evaluate(expand("test-loss", order=2, sampling="one-pass"))
    with pytest.raises(
        RequestError, match="expected an expansion for one-pass T=2 B=1, got one for epochs"
    ):
        tensors.evaluate(expand("test-loss", noise=1, along_path=True, sampling="epochs"))
    with pytest.raises(RequestError, match="expected an expansion for one-pass"):
        tensors.evaluate(expand("test-loss", noise=1, along_path=True, sampling=OnePass(T=3)))
    with pytest.raises(RequestError, match="got one for one-pass B=1, momentum"):
        tensors.evaluate(
            expand("test-loss", noise=1, along_path=True, sampling="one-pass", optimizer="momentum")
        )
    with pytest.raises(StatisticsError, match="expected derivative 4 of the loss"):
        tensors.evaluate(expand("test-loss", noise=2, along_path=True, sampling="one-pass"))
    with pytest.raises(
        StatisticsError, match=r"of the function .f. at the end of the run, got derivatives none"
    ):
        tensors.evaluate(expand(Function("f"), noise=1, along_path=True, sampling="one-pass"))
    with pytest.raises(RequestError, match="noise=9"):
        PathTensors.of(landscape, training, eta=HALF, noise=9)
    with pytest.raises(RequestError, match="whose start can be moved"):
        PathTensors.of(landscape.statistics(3), training, eta=HALF)
    with pytest.raises(RequestError, match="expected a Training"):
        PathTensors.of(landscape, OnePass(T=2), eta=HALF)
    with pytest.raises(SamplingError, match="expected numbers for T"):
        PathTensors.of(landscape, Training(OnePass()), eta=HALF)
    with pytest.raises(SamplingError, match="expected a number for each of beta"):
        PathTensors.of(landscape, Training(OnePass(T=2), Momentum()), eta=HALF)
    with pytest.raises(RequestError, match="discrete updates"):
        PathTensors.of(landscape, Training(SDE(T=2)), eta=HALF)
    with pytest.raises(RequestError, match="symmetric eta"):
        PathTensors.of(PolynomialLandscape.random(p=2), training, eta=[[1, 2], [0, 1]])
    with pytest.raises(RequestError, match="derivative tensors of at most"):
        PathTensors.of(
            PolynomialLandscape.random(p=2), Training(OnePass(T=10**5)), eta=HALF, noise=6
        )
    with pytest.raises(StatisticsError, match=r"expected path of shape=\(3, 1\)"):
        replace(tensors, path=tensors.path[:, [0, 0]][:, :1][:2])
    assert expansion.evaluate(tensors) == tensors.evaluate(expansion)


def test_what_would_take_too_long_is_refused(monkeypatch):
    landscape = PolynomialLandscape.random(1, p=2, degree=2, atoms=3)
    sampling = WithReplacement(N=3, B=1, T=5)
    tensors = PathTensors.of(landscape, Training(sampling), eta=Fraction(1, 100), noise=2)
    expansion = expand("test-loss", noise=2, along_path=True, sampling=sampling)
    monkeypatch.setitem(term_values._MOST_OPERATIONS, True, 10**5)
    with pytest.raises(
        RequestError, match=r"a dense evaluation of at most about 1e.05 operations on fractions"
    ):
        tensors.evaluate(expansion)
