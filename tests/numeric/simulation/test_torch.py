"""PyTorch as the judge: its optimiser against the floating simulation and against the formulas.

For quadratic losses the weights after T updates are polynomials of degree T in the learning rate, so
that an expansion up to that order (twice that for losses and second moments) is no approximation.
"""

from copy import deepcopy
from fractions import Fraction
from itertools import permutations, product

import numpy as np
import pytest

from sgdiagrams.numeric.descent import Descent
from sgdiagrams.numeric.landscapes.digits import Digits
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic import Epochs, FullBatch, Grid, OnePass, WithReplacement, expand
from sgdiagrams.symbolic.training.average import ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schedules.stepwise import Cosine, WarmUp
from sgdiagrams.symbolic.training.training import Training

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


class Weights(torch.nn.Module):
    def __init__(self, start):
        super().__init__()
        self.theta = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))


def train(loss, start, batches, optimizer, eta):
    """Return the weights that PyTorch's own optimiser, scheduler and averages end at.

    `loss` maps a batch and a tensor of weights to the mean loss; batches are what it understands.
    """
    model = Weights([float(x) for x in start])
    sgd = torch.optim.SGD(
        model.parameters(),
        lr=float(eta),
        momentum=float(getattr(optimizer, "beta", 0)),
        nesterov=isinstance(optimizer, Nesterov),
        weight_decay=float(optimizer.weight_decay),
    )
    T = len(batches)
    factors = [*map(float, optimizer.multipliers(T)), 0.0]  # the last one is never used
    scheduler = torch.optim.lr_scheduler.LambdaLR(sgd, factors.__getitem__)
    average = optimizer.average
    averaged, first = None, 0
    if isinstance(average, TailAverage):
        averaged = torch.optim.swa_utils.AveragedModel(model)
        first = T - (T if average.W is None else average.W)
    elif average is not None:
        ema = torch.optim.swa_utils.get_ema_multi_avg_fn(float(average.alpha))
        averaged = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=ema)
        averaged.update_parameters(model)  # the first call copies: the average of the start
    for t, batch in enumerate(batches):
        sgd.zero_grad()
        loss(batch, model.theta).backward()
        sgd.step()
        scheduler.step()
        if averaged is not None and t >= first:
            averaged.update_parameters(model)
    end = model if averaged is None else averaged.module
    return deepcopy(end.theta.detach().numpy())


OPTIMIZERS = [
    SGD(),
    SGD(weight_decay="1/4", average=TailAverage(2)),
    SGD(schedule=[1, 0.5, 2, 0.25]),
    Momentum(beta=0.5),
    Momentum(beta=0.75, weight_decay="1/2", schedule=[0.5, 1, 2, 1.5]),
    Nesterov(beta=0.5),
    Nesterov(beta=0.25, weight_decay="1/4", schedule=[2, 1, 0.5, 1], average=TailAverage()),
    Momentum(beta=0.5, average=ExponentialAverage(0.75)),
]
each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.label)


@pytest.mark.parametrize(
    "optimizer",
    [
        *OPTIMIZERS,
        Nesterov(beta=0.9, schedule=Cosine(floor=0.1), weight_decay=0.01),
        Momentum(beta=0.9, schedule=WarmUp(2), average=ExponentialAverage(0.5)),
    ],
    ids=lambda o: o.label,
)
def test_simulation_is_pytorch_on_real_images(optimizer):
    where = Digits()
    data = where.draw(np.random.default_rng(4), (3, 5))
    scheme = Grid([[0, 1, 4], [2], [3, 0], [1, 2, 3, 4]])
    batches = [data[:, list(batch)] for batch in scheme.batches]
    start = np.tile(where.start, (3, 1))
    (end,) = Descent.of(Training(scheme, optimizer)).follow(where.gradient, start, batches, eta=0.3)

    def loss(images, theta):
        signed = torch.tensor(where.signed_images[images])
        return torch.nn.functional.softplus(-(signed @ theta)).mean()

    for run in range(3):
        theirs = train(loss, where.start, [batch[run] for batch in batches], optimizer, 0.3)
        np.testing.assert_allclose(end[run], theirs, rtol=1e-12, atol=1e-13)


# Quadratic losses 1/2 x.A.x + b.x + c with numbers that doubles hold exactly.
ETA = Fraction(1, 8)
START = [Fraction(3, 2), Fraction(-1, 4)]
rng = np.random.default_rng(1)


def quadratic():
    a, b, d = rng.integers(-8, 9, size=3)
    A = [[Fraction(int(a), 4), Fraction(int(b), 4)], [Fraction(int(b), 4), Fraction(int(d), 4)]]
    return A, [Fraction(int(x), 2) for x in rng.integers(-6, 7, size=2)], Fraction(1, 2)


LOSSES = [quadratic() for _ in range(3)]


def statistics(losses, order, role):
    """Return the derivatives at the start, exactly."""
    x = np.array(START)
    zero = Fraction(0)
    samples = {k: np.full((len(losses), *[2] * k), zero, dtype=object) for k in range(order + 1)}
    for n, (A, b, c) in enumerate(losses):
        slope = np.array(A) @ x
        samples[0][n] = x @ slope / 2 + np.array(b) @ x + c
        samples[1][n] = slope + b
        samples[2][n] = np.array(A)
    return Statistics.from_samples(samples, role=role, start=START)


def value(quadratics, theta):
    """Return the mean of quadratics, for tensors of weights."""
    total = 0.0
    for A, b, c in quadratics:
        curved = torch.tensor([[float(x) for x in row] for row in A], dtype=torch.float64)
        linear = torch.tensor([float(x) for x in b], dtype=torch.float64)
        total = total + theta @ curved @ theta / 2 + linear @ theta + float(c)
    return total / len(quadratics)


def moved(losses, batches, optimizer):
    """Return the displacement of PyTorch's weights."""
    rows = [[losses[n] for n in batch] for batch in batches]
    return train(value, START, rows, optimizer, ETA) - np.array(START, dtype=float)


def cut(optimizer, T):
    """Return the optimiser with a schedule of T factors."""
    if optimizer.schedule is None:
        return optimizer
    options = {name: getattr(optimizer, name) for name in ("average", "weight_decay")}
    if hasattr(optimizer, "beta"):
        options["beta"] = optimizer.beta
    return type(optimizer)(schedule=optimizer.schedule.values[:T], **options)


@each_optimizer
def test_expansion_of_the_test_loss_is_pytorch(optimizer):
    """Two steps of gradient descent: degree 4."""
    optimizer, losses = cut(optimizer, 2), LOSSES[:1]
    expansion = expand("test-loss", order=4, sampling=FullBatch(N=1, E=2), optimizer=optimizer)
    ours = expansion.evaluate(statistics(losses, 4, "population"), eta=ETA).value
    end = np.array(START, dtype=float) + moved(losses, [[0]] * 2, optimizer)
    assert isinstance(ours, Fraction)
    assert float(ours) == pytest.approx(float(value(losses, torch.tensor(end))), rel=1e-13)


@pytest.mark.slow
def test_expansion_of_the_test_loss_is_pytorch_at_order_six():
    optimizer = SGD(weight_decay="1/2", schedule=[1, 0.5, 2])
    expansion = expand("test-loss", order=6, sampling=FullBatch(N=1, E=3), optimizer=optimizer)
    ours = expansion.evaluate(statistics(LOSSES[1:2], 6, "population"), eta=ETA).value
    end = np.array(START, dtype=float) + moved(LOSSES[1:2], [[0]] * 3, optimizer)
    assert float(ours) == pytest.approx(float(value(LOSSES[1:2], torch.tensor(end))), rel=1e-13)


@each_optimizer
def test_displacement_over_all_shuffles_of_a_training_set_is_pytorch(optimizer):
    """Two epochs over two datapoints: four steps, degree 4, two orders or four."""
    sets = statistics(LOSSES[:2], 4, "training-set")
    for shuffle in ("once", "every-epoch"):
        scheme = Epochs(N=2, B=1, E=2, shuffle=shuffle)
        expansion = expand("displacement", order=4, sampling=scheme, optimizer=optimizer)
        ours = expansion.evaluate(sets, eta=ETA).value.astype(float)
        one = list(permutations([[0], [1]]))
        both = [(p, p) for p in one] if shuffle == "once" else list(product(one, repeat=2))
        theirs = [moved(LOSSES, [*first, *second], optimizer) for first, second in both]
        np.testing.assert_allclose(ours, np.mean(theirs, axis=0), rtol=1e-12)


@each_optimizer
def test_displacement_over_all_training_sets_is_pytorch(optimizer):
    """Three datapoints are the population; three steps on fresh ones, degree 3."""
    optimizer = cut(optimizer, 3)
    population = statistics(LOSSES, 3, "population")
    expansion = expand("displacement", order=3, sampling=OnePass(T=3), optimizer=optimizer)
    ours = expansion.evaluate(population, eta=ETA).value.astype(float)
    theirs = [moved(LOSSES, [[i], [j], [k]], optimizer) for i, j, k in product(range(3), repeat=3)]
    np.testing.assert_allclose(ours, np.mean(theirs, axis=0), rtol=1e-12)


@pytest.mark.parametrize("optimizer", [OPTIMIZERS[i] for i in (0, 4, 6)], ids=lambda o: o.label)
def test_second_moment_with_replacement_is_pytorch(optimizer):
    """Two batches of two, drawn from two datapoints: degree 4, four training sets of 16 draws."""
    optimizer = cut(optimizer, 2)
    population = statistics(LOSSES[:2], 4, "population")
    scheme = WithReplacement(N=2, B=2, T=2)
    expansion = expand("second-moment", order=4, sampling=scheme, optimizer=optimizer)
    ours = expansion.evaluate(population, eta=ETA).value.astype(float)
    squares = []
    for atoms in product(LOSSES[:2], repeat=2):
        for a, b, c, d in product(range(2), repeat=4):
            step = moved(atoms, [[a, b], [c, d]], optimizer)
            squares.append(np.outer(step, step))
    np.testing.assert_allclose(ours, np.mean(squares, axis=0), rtol=1e-12)
