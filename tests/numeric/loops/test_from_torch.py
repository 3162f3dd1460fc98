"""PyTorch's own loops against the trainings that are read off them."""

import copy
from fractions import Fraction

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.optim import lr_scheduler as sched  # noqa: E402
from torch.utils import data  # noqa: E402
from torch_loops import POINTS, ROWS, START, Rows, loss, our_run, real_run, weights  # noqa: E402

from sgdiagrams import from_torch, torch_eta  # noqa: E402
from sgdiagrams.diagrams import Diagram, RequestError, SamplingError  # noqa: E402
from sgdiagrams.numeric import reshuffled_schedules  # noqa: E402
from sgdiagrams.symbolic import (  # noqa: E402
    SGD,
    ArraySchedule,
    Epochs,
    EveryKthAverage,
    Exponential,
    ExponentialAverage,
    FreshData,
    Grid,
    Momentum,
    Nesterov,
    OneCycle,
    Poisson,
    SlowedSchedule,
    Step,
    Subsets,
    TailAverage,
    Training,
    WithReplacement,
)

LOADER = {"batch_size": 2, "shuffle": True}


@pytest.fixture(autouse=True)
def orders_of_the_rows():
    torch.manual_seed(11)


def loader(**options):
    return data.DataLoader(Rows(), **(options or LOADER))


# Trajectories, given the order that was drawn -----------------------------------------------------

FLAGS = {
    "plain": {},
    "heavy ball": {"momentum": 0.9},
    "nesterov": {"momentum": 0.8, "nesterov": True},
    "decay": {"weight_decay": 0.1},
    "heavy ball, decay": {"momentum": 0.5, "weight_decay": 0.1},
    "nesterov, decay": {"momentum": 0.5, "weight_decay": 0.1, "nesterov": True},
    "maximize": {"momentum": 0.5, "maximize": True},
    "dampening without momentum": {"dampening": 0.3},
    "dampening": {"momentum": 0.9, "dampening": 0.3},
    "dampening, decay": {"momentum": 0.9, "dampening": 1.0, "weight_decay": 0.1},
}


@pytest.mark.parametrize("flags", FLAGS)
def test_flags(flags):
    theta = weights()
    optimizer = torch.optim.SGD([theta], lr=0.05, **FLAGS[flags])
    training = from_torch(optimizer, None, loader(), epochs=3)
    assert training.sampling == Epochs(N=ROWS, B=2, E=3, shuffle="every-epoch")
    eta = torch_eta(optimizer)
    batches, end = real_run(theta, optimizer, loader(), epochs=3)
    assert our_run(training, batches, eta) == pytest.approx(end, rel=1e-12)


SCHEDULERS = {
    "StepLR": lambda o: sched.StepLR(o, 1, gamma=0.5),
    "MultiStepLR": lambda o: sched.MultiStepLR(o, [1, 1, 2], gamma=0.5),
    "ConstantLR": lambda o: sched.ConstantLR(o, total_iters=2),
    "LinearLR": lambda o: sched.LinearLR(o, total_iters=2),
    "ExponentialLR": lambda o: sched.ExponentialLR(o, 0.7),
    "PolynomialLR": lambda o: sched.PolynomialLR(o, 2, 1.5),
    "CosineAnnealingLR": lambda o: sched.CosineAnnealingLR(o, 3, 0.01),
    "CosineAnnealingWarmRestarts": lambda o: sched.CosineAnnealingWarmRestarts(o, 2),
    "CyclicLR": lambda o: sched.CyclicLR(o, 0.05, 0.2, 2, cycle_momentum=False),
    "OneCycleLR": lambda o: sched.OneCycleLR(o, 0.2, 12, cycle_momentum=False),
    "LambdaLR": lambda o: sched.LambdaLR(o, lambda t: 1 / (1 + t) ** 0.5),
    "MultiplicativeLR": lambda o: sched.MultiplicativeLR(o, lambda t: 1 - 0.1 * t),
    "SequentialLR": lambda o: sched.SequentialLR(
        o, [sched.LinearLR(o, total_iters=1), sched.ExponentialLR(o, 0.5)], [1]
    ),
    "ChainedScheduler": lambda o: sched.ChainedScheduler(
        [sched.ConstantLR(o, total_iters=1), sched.ExponentialLR(o, 0.5)], o
    ),
    "SWALR": lambda o: torch.optim.swa_utils.SWALR(o, swa_lr=0.01, anneal_epochs=2),
}


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers(name, momentum):
    theta = weights()
    optimizer = torch.optim.SGD([theta], lr=0.05, momentum=momentum)
    scheduler = SCHEDULERS[name](optimizer)
    training = from_torch(optimizer, scheduler, loader(), epochs=4)
    by_update = name in ("CyclicLR", "OneCycleLR")
    is_known = name not in ("LambdaLR", "MultiplicativeLR", "SWALR")
    assert isinstance(training.optimizer.schedule, ArraySchedule) is not is_known
    if is_known:
        assert isinstance(training.optimizer.schedule, SlowedSchedule) is not by_update
    eta = torch_eta(optimizer)
    after = {"after_update" if by_update else "after_epoch": [scheduler.step]}
    if name == "OneCycleLR":
        after = {"after_update": [lambda: scheduler.last_epoch < 11 and scheduler.step()]}
        assert eta == 0.2
    batches, end = real_run(theta, optimizer, loader(), epochs=4, **after)
    assert our_run(training, batches, eta) == pytest.approx(end, rel=1e-12)


CYCLES = {
    "CyclicLR": lambda o: sched.CyclicLR(o, 0.05, 0.2, 2),
    "CyclicLR, often": lambda o: sched.CyclicLR(o, 0.05, 0.2, 1, 2, mode="triangular2"),
    "OneCycleLR": lambda o: sched.OneCycleLR(o, 0.05, 12),
    "OneCycleLR, linear": lambda o: sched.OneCycleLR(o, 0.05, 12, anneal_strategy="linear"),
}


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("name", CYCLES)
def test_momentum_that_changes(name, nesterov):
    theta = weights()
    optimizer = torch.optim.SGD([theta], lr=0.05, momentum=0.9, nesterov=nesterov)
    scheduler = CYCLES[name](optimizer)
    training = from_torch(optimizer, scheduler, loader(), epochs=4)
    assert training.optimizer.nesterov is nesterov
    eta, left = torch_eta(optimizer), iter(range(11))
    step = lambda: next(left, None) is not None and scheduler.step()
    batches, end = real_run(theta, optimizer, loader(), epochs=4, after_update=[step])
    assert our_run(training, batches, eta) == pytest.approx(end, rel=1e-12)
    fresh = sgd(momentum=0.9)
    with pytest.raises(RequestError, match="for momentum that changes, got neither"):
        from_torch(fresh, CYCLES[name](fresh))


class Holder(torch.nn.Module):
    def __init__(self, theta):
        super().__init__()
        self.theta = theta


def own(mean, new, number):
    return mean + (new - mean) / (number + 2)


ema = torch.optim.swa_utils.get_ema_multi_avg_fn
AVERAGED = {
    "all": ({}, "update", TailAverage()),
    "epochs": ({}, "epoch", EveryKthAverage(start=3, every=3)),
    "from 5 on": ({}, range(5, 13), TailAverage(8)),
    "every fourth": ({}, range(4, 13, 4), EveryKthAverage(start=4, every=4)),
    "here and there": ({}, [2, 3, 11], None),
    "ema": ({"multi_avg_fn": ema(0.9)}, None, ExponentialAverage(0.9, first="copied")),
    "ema of epochs": ({"multi_avg_fn": ema(0.5)}, "epoch", None),
    "own": ({"avg_fn": own}, None, None),
}


@pytest.mark.parametrize("name", AVERAGED)
def test_averaged_models(name):
    options, at, wanted = AVERAGED[name]
    theta = weights()
    optimizer = torch.optim.SGD([theta], lr=0.05, momentum=0.5)
    averaged = torch.optim.swa_utils.AveragedModel(Holder(theta), **options)
    training = from_torch(optimizer, None, loader(), epochs=4, average=averaged, averaged_at=at)
    assert int(averaged.n_averaged) == 0
    if wanted is not None:
        assert training.optimizer.average == wanted
    times = iter(range(1, 13))

    def call():
        t = next(times)
        every = {None: 1, "update": 1, "epoch": 3}.get(at) if isinstance(at, str | None) else 0
        if (every and t % every == 0) or (not every and t in at):
            averaged.update_parameters(Holder(theta))

    batches, _ = real_run(theta, optimizer, loader(), epochs=4, after_update=[call])
    end = averaged.module.theta.detach().numpy()
    assert our_run(training, batches, 0.05) == pytest.approx(end, rel=1e-9)


def test_averages_of_unknown_length():
    def read(at=None, **options):
        averaged = torch.optim.swa_utils.AveragedModel(Holder(weights()), **options)
        return from_torch(sgd(), None, loader(), average=averaged, averaged_at=at).optimizer.average

    assert read() == TailAverage()
    assert read("epoch") == EveryKthAverage(start=3, every=3)
    assert read(multi_avg_fn=ema(0.99)) == ExponentialAverage(0.99, first="copied")
    with pytest.raises(RequestError, match="with a function of its own, got neither"):
        read(avg_fn=own)
    with pytest.raises(RequestError, match="calls up to the last of updates=None"):
        read([3])


def test_a_scheduler_that_was_stepped_before_goes_on():
    theta = weights()
    optimizer = torch.optim.SGD([theta], lr=0.05)
    scheduler = sched.StepLR(optimizer, 2, gamma=0.5)
    optimizer.step()
    scheduler.step()
    training = from_torch(optimizer, scheduler, loader(), epochs=3)
    assert training.optimizer.multipliers(9)[::3] == (1, Fraction(1, 2), Fraction(1, 2))
    batches, end = real_run(theta, optimizer, loader(), epochs=3, after_epoch=[scheduler.step])
    assert our_run(training, batches, torch_eta(optimizer)) == pytest.approx(end, rel=1e-12)


def test_two_schedulers_in_a_row():
    theta = weights()
    optimizer = torch.optim.SGD([theta], lr=0.05)
    chain = [sched.LinearLR(optimizer, total_iters=3), sched.ExponentialLR(optimizer, 0.9)]
    training = from_torch(optimizer, chain, loader(), epochs=2, scheduler_every="update")
    batches, end = real_run(
        theta, optimizer, loader(), epochs=2, after_update=[one.step for one in chain]
    )
    assert our_run(training, batches, torch_eta(optimizer)) == pytest.approx(end, rel=1e-12)


def test_groups_have_rates_of_their_own():
    first, second = (torch.nn.Parameter(torch.tensor([x], dtype=torch.float64)) for x in START)
    groups = [{"params": [second], "lr": 0.1, "weight_decay": 0.2}, {"params": [first]}]
    optimizer = torch.optim.SGD(groups, lr=0.05)
    scheduler = sched.ExponentialLR(optimizer, 0.5)
    eta = torch_eta(optimizer, [first, second])
    assert eta.tolist() == [0.05, 0.1]
    assert torch_eta(optimizer).tolist() == [0.1, 0.05]
    parameters = iter([first, second])
    training = from_torch(optimizer, scheduler, loader(), epochs=2, parameters=parameters)
    assert training.optimizer.penalty.rates == (0, Fraction(1, 5))
    batches = []
    for _ in range(2):
        for rows in loader():
            optimizer.zero_grad()
            theta = torch.cat([first, second])
            loss(theta, POINTS[rows]).backward()
            optimizer.step()
            batches.append(tuple(rows.tolist()))
        scheduler.step()
    end = torch.cat([first, second]).detach().numpy()
    assert our_run(training, batches, eta) == pytest.approx(end, rel=1e-12)


def test_formulas_keep_symbols():
    optimizer = torch.optim.SGD([weights()], lr=0.05, momentum=0.9)
    free = from_torch(optimizer, sched.ExponentialLR(optimizer, 0.9))
    assert free == Training(FreshData(), Momentum(beta=0.9, schedule=Exponential(0.9)))
    assert free.symbols == ("T", "B")
    whole = from_torch(optimizer, sched.StepLR(optimizer, 3), loader(), scheduler_every="update")
    assert whole.sampling == Epochs(N=ROWS, B=2, shuffle="every-epoch")
    assert whole.optimizer.schedule == Step(3)
    with pytest.raises(RequestError, match="since LambdaLR is known step by step only"):
        from_torch(optimizer, sched.LambdaLR(optimizer, float), loader())


def test_one_cycle_has_its_name():
    optimizer = torch.optim.SGD([weights()], lr=0.05)
    scheduler = sched.OneCycleLR(optimizer, 0.2, 12, cycle_momentum=False)
    found = from_torch(optimizer, scheduler, loader(), epochs=4).optimizer.schedule
    assert found == OneCycle(total=12)


class UniformWithReplacementSampler:
    """Poisson sampling as in Opacus: every row by itself, so many batches a round."""

    def __init__(self, num_samples, sample_rate, steps):
        self.num_samples, self.sample_rate, self.steps = num_samples, sample_rate, steps

    def __len__(self):
        return self.steps

    def __iter__(self):
        for _ in range(self.steps):
            yield torch.nonzero(torch.rand(self.num_samples) < self.sample_rate)[:, 0].tolist()


# Data loaders -------------------------------------------------------------------------------------

SAMPLERS = {
    "shuffle": (LOADER, Epochs(N=6, B=2, E=4, shuffle="every-epoch")),
    "order": ({"batch_size": 3}, Epochs(N=6, B=3, E=4)),
    "one by one": ({}, Epochs(N=6, B=1, E=4)),
    "all": ({"batch_size": 10, "shuffle": True}, Epochs(N=6, B=6, E=4, shuffle="every-epoch")),
    "order, smaller last": ({"batch_size": 4}, Epochs(N=6, B=4, E=4)),
    "order, last dropped": (
        {"batch_size": 4, "drop_last": True},
        Epochs(N=6, B=4, E=4, drop_last=True),
    ),
    "shuffle, smaller last": (
        {"batch_size": 4, "shuffle": True},
        Epochs(N=6, B=4, E=4, shuffle="every-epoch"),
    ),
    "shuffle, last dropped": (
        {"batch_size": 4, "shuffle": True, "drop_last": True},
        Epochs(N=6, B=4, E=4, shuffle="every-epoch", drop_last=True),
    ),
    "some rows": (
        {"batch_size": 2, "sampler": data.RandomSampler(Rows(), num_samples=2)},
        Subsets(N=6, B=2, T=4),
    ),
    "whole batches of some rows": (
        {"batch_size": 4, "sampler": data.RandomSampler(Rows(), num_samples=4)},
        Epochs(N=6, B=4, E=4, shuffle="every-epoch", drop_last=True),
    ),
    "poisson": (
        {"batch_sampler": UniformWithReplacementSampler(6, 0.25, 3)},
        Poisson(6, "1/4", 12),
    ),
    "replacement": (
        {"batch_size": 2, "sampler": data.RandomSampler(Rows(), replacement=True, num_samples=4)},
        WithReplacement(N=6, B=2, T=8),
    ),
    "subset": (
        {"batch_size": 2, "sampler": data.SubsetRandomSampler([0, 2, 3, 5])},
        Epochs(N=4, B=2, E=4, shuffle="every-epoch"),
    ),
    "equal weights": (
        {"batch_size": 2, "sampler": data.WeightedRandomSampler([0.5] * 6, 6)},
        WithReplacement(N=6, B=2, T=12),
    ),
    "batch sampler": (
        {"batch_sampler": data.BatchSampler(data.RandomSampler(Rows()), 3, drop_last=False)},
        Epochs(N=6, B=3, E=4, shuffle="every-epoch"),
    ),
    "list": ({"batch_size": 2, "sampler": [3, 1, 0, 2]}, Grid([[3, 1], [0, 2]] * 4, N=6)),
    "processes": (
        {"batch_size": 1, "sampler": data.DistributedSampler(Rows(), num_replicas=2, rank=0)},
        Epochs(N=6, B=2, E=4, shuffle="every-epoch"),
    ),
    "processes, padded": (
        {
            "batch_size": 1,
            "sampler": data.DistributedSampler(Rows(), num_replicas=4, rank=0, shuffle=False),
        },
        Grid([[0, 1, 2, 3], [4, 5, 0, 1]] * 4, N=6),
    ),
}


def plain_loader(options):
    return data.DataLoader(Rows(), **options)


@pytest.mark.parametrize("name", SAMPLERS)
def test_loaders(name):
    options, scheme = SAMPLERS[name]
    optimizer = torch.optim.SGD([weights()], lr=0.1)
    assert from_torch(optimizer, None, plain_loader(options), epochs=4).sampling == scheme


def plain_batches(options):
    """Return something that gives lists of rows at every turn, as the loader does."""
    drawn = options.get("batch_sampler")
    return drawn if isinstance(drawn, UniformWithReplacementSampler) else plain_loader(options)


def pairs_of_visits(batches, number=ROWS):
    """Return how often a row comes in one update and again in a later one."""
    visits = np.array([np.bincount(np.array(rows, int), minlength=number) for rows in batches])
    before = np.cumsum(visits, axis=0) - visits
    return float((visits * before).sum())


@pytest.mark.parametrize("name", [name for name in SAMPLERS if not name.startswith("processes")])
def test_what_loaders_draw(name):
    """Rows come again as often as the scheme counts the chain of two updates on one row."""
    options, scheme = SAMPLERS[name]
    torch.manual_seed(5)
    real = plain_batches(options)
    runs = 100 if scheme.is_random else 1
    counts = [
        pairs_of_visits([list(map(int, rows)) for _ in range(4) for rows in real])
        for _ in range(runs)
    ]
    error = np.std(counts) / np.sqrt(runs)
    wanted = float(scheme.count(Diagram.parse("(01-2)(01-12)")))
    assert abs(np.mean(counts) - wanted) <= 4 * error + 1e-9


def test_epochs_on_average():
    """Real loops, averaged, end where ours do over all orders of all epochs."""
    rows = Rows(4)
    torch.manual_seed(1)
    ends = []
    for _ in range(600):
        theta = weights()
        optimizer = torch.optim.SGD([theta], lr=0.2, momentum=0.5)
        scheduler = sched.StepLR(optimizer, 1, gamma=0.5)
        real = data.DataLoader(rows, batch_size=2, shuffle=True)
        ends.append(real_run(theta, optimizer, real, epochs=2, after_epoch=[scheduler.step])[1])
    fresh = torch.optim.SGD([weights()], lr=0.2, momentum=0.5)
    training = from_torch(fresh, sched.StepLR(fresh, 1, gamma=0.5), real, epochs=2)
    exact = sum(
        float(share) * our_run(training, batches, 0.2)
        for share, batches in reshuffled_schedules(4, 2, 2)
    )
    error = np.std(ends, axis=0) / np.sqrt(len(ends))
    assert np.all(np.abs(np.mean(ends, axis=0) - exact) < 4 * error)
    assert np.all(error < 0.01)


# What is left alone, and what is refused ----------------------------------------------------------


def test_nothing_of_the_users_changes():
    generator = torch.Generator().manual_seed(7)
    theta = weights()
    optimizer = torch.optim.SGD([theta], lr=0.05, momentum=0.9)
    scheduler = sched.SequentialLR(
        optimizer, [sched.LinearLR(optimizer), sched.LambdaLR(optimizer, lambda t: 0.9**t)], [3]
    )
    real = data.DataLoader(Rows(), batch_size=2, shuffle=True, generator=generator)
    before = copy.deepcopy((optimizer.state_dict(), scheduler.state_dict()))
    states = generator.get_state(), torch.get_rng_state()
    groups = [dict(group) for group in optimizer.param_groups]
    from_torch(optimizer, scheduler, real, epochs=5)
    assert str((optimizer.state_dict(), scheduler.state_dict())) == str(before)
    assert [dict(group) for group in optimizer.param_groups] == groups
    assert torch.equal(states[0], generator.get_state())
    assert torch.equal(states[1], torch.get_rng_state())
    assert theta.tolist() == list(START)


def stepped():
    theta = weights()
    optimizer = torch.optim.SGD([theta], lr=0.1, momentum=0.9)
    theta.grad = torch.ones_like(theta)
    optimizer.step()
    return optimizer


def begun(calls=1):
    averaged = torch.optim.swa_utils.AveragedModel(Holder(weights()))
    for _ in range(calls):
        averaged.update_parameters(averaged.module)
    return averaged


def sgd(**flags):
    return torch.optim.SGD([weights()], **{"lr": 0.1, **flags})


def groups(**flags):
    return torch.optim.SGD([{"params": [weights()]}, {"params": [weights()], **flags}], lr=0.1)


class Stream(data.IterableDataset):
    def __iter__(self):
        return iter(range(6))


class MySGD(torch.optim.SGD):
    def step(self, closure=None):
        return super().step(closure)


def drawn(**options):
    return data.DataLoader(Rows(), **options)


UNEVEN = {"batch_size": 4, "sampler": data.RandomSampler(Rows(), replacement=True)}
REFUSED = {
    "Adam": (lambda: from_torch(torch.optim.Adam([weights()])), "SGD with momentum=beta1"),
    "RMSprop": (lambda: from_torch(torch.optim.RMSprop([weights()])), "a matrix eta"),
    "LBFGS": (lambda: from_torch(torch.optim.LBFGS([weights()])), "inverse Hessian"),
    "ASGD": (lambda: from_torch(torch.optim.ASGD([weights()])), "average='polyak-ruppert'"),
    "own step": (lambda: from_torch(MySGD([weights()], lr=0.1)), "write its rule as an Optimizer"),
    "no optimiser": (lambda: from_torch("sgd"), "got optimizer='sgd'"),
    "stepped": (lambda: from_torch(stepped()), "before its first step"),
    "momenta": (lambda: from_torch(groups(momentum=0.5)), "expected one momentum"),
    "averaged before": (lambda: from_torch(sgd(), average=begun()), "before its first call"),
    "calls without a model": (lambda: from_torch(sgd(), averaged_at="epoch"), "an AveragedModel"),
    "calls out of order": (
        lambda: from_torch(sgd(), updates=9, average=begun(0), averaged_at=[3, 2]),
        "expected calls in order",
    ),
    "calls without epochs": (
        lambda: from_torch(sgd(), average=begun(0), averaged_at="epoch"),
        "expected a data loader",
    ),
    "calls in words": (
        lambda: from_torch(sgd(), average=begun(0), averaged_at="now and then"),
        "got 'now and then'",
    ),
    "momentum from nothing": (
        lambda: from_torch(
            o := sgd(momentum=0.9),
            sched.CyclicLR(o, 0.1, 0.2, base_momentum=0.0, step_size_up=2),
            updates=4,
        ),
        "between numbers above 0",
    ),
    "plateau": (
        lambda: from_torch(o := sgd(), sched.ReduceLROnPlateau(o)),
        "the nearest is MultiStepLR",
    ),
    "no scheduler": (lambda: from_torch(sgd(), "StepLR"), "got scheduler='StepLR'"),
    "two schedules": (
        lambda: from_torch(o := groups(), sched.LambdaLR(o, [float, lambda t: 2.0 * t])),
        "expected one schedule for all groups",
    ),
    "schedule that ends": (
        lambda: from_torch(o := sgd(), sched.OneCycleLR(o, 1, 5, cycle_momentum=False), updates=9),
        "expected a scheduler that takes 9 steps, got OneCycleLR",
    ),
    "stream": (
        lambda: from_torch(sgd(), None, data.DataLoader(Stream())),
        "leave the data loader out",
    ),
    "no loader": (lambda: from_torch(sgd(), None, [1, 2]), "got dataloader=[1, 2]"),
    "uneven draws": (lambda: from_torch(sgd(), None, drawn(**UNEVEN)), "drop_last=True"),
    "weights": (
        lambda: from_torch(
            sgd(), None, drawn(sampler=data.WeightedRandomSampler([1, 2, 3, 4, 5, 6], 6))
        ),
        "weigh the losses",
    ),
    "many orders": (
        lambda: from_torch(sgd(), None, drawn(sampler=data.RandomSampler(Rows(), num_samples=9))),
        "got num_samples=9",
    ),
    "part of the rows": (
        lambda: from_torch(
            sgd(), None, drawn(batch_size=2, sampler=data.RandomSampler(Rows(), num_samples=5))
        ),
        "the nearest is num_samples=6",
    ),
    "padding": (
        lambda: from_torch(
            sgd(), None, drawn(sampler=data.DistributedSampler(Rows(), num_replicas=4, rank=0))
        ),
        "the nearest is a data set of 4 rows",
    ),
    "both lengths": (
        lambda: from_torch(sgd(), None, loader(), epochs=3, updates=9),
        "either epochs or updates",
    ),
    "part of an epoch": (
        lambda: from_torch(sgd(), None, loader(), updates=10),
        "the nearest is updates=9",
    ),
    "epochs of nothing": (lambda: from_torch(sgd(), epochs=3), "expected updates=..."),
    "when": (
        lambda: from_torch(o := sgd(), sched.ExponentialLR(o, 0.9), scheduler_every="epoch"),
        "expected a data loader",
    ),
    "when, without": (lambda: from_torch(sgd(), scheduler_every="epoch"), "with a scheduler"),
    "half an epoch": (lambda: from_torch(sgd(), None, loader(), epochs=0.5), "for epochs"),
    "eta of strangers": (lambda: torch_eta(sgd(), [weights()]), "got one in none"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_covered(name):
    call, message = REFUSED[name]
    with pytest.raises((RequestError, SamplingError)) as error:
        call()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_averages_by_name():
    found = from_torch(sgd(momentum=0.5, nesterov=True), updates=9, average="swa:W=3")
    assert found.optimizer == Nesterov(beta=0.5, average=TailAverage(3))
    assert from_torch(sgd()).optimizer == SGD()
