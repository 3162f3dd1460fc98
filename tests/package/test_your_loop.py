"""Every row of the tables "your code -> our words" is run: both sides, and the command line."""

import json
import math
import re
import shlex
import warnings

import numpy as np
import pytest
from command_line import good
from layout import ROOT

torch = pytest.importorskip("torch")

from torch.optim import lr_scheduler as sched  # noqa: E402
from torch.utils import data  # noqa: E402
from torch_loops import (  # noqa: E402
    POINTS,
    ROWS,
    START,
    Rows,
    gradient,
    our_run,
    real_run,
    weights,
)

import sgdiagrams.symbolic as ours  # noqa: E402
from sgdiagrams import Epochs, Statistics, expand, from_torch  # noqa: E402
from sgdiagrams.commands.shared.requests import parse_settings, read_protocol  # noqa: E402
from sgdiagrams.diagrams import Diagram  # noqa: E402
from sgdiagrams.symbolic import SGD, Function, Grid, OnePass, Penalty, Training  # noqa: E402

PAGE = (ROOT / "docs" / "your-loop.md").read_text(encoding="utf-8")
EPOCHS, UPDATES = 3, 9
OURS = {name: getattr(ours, name) for name in ours.__all__} | {"math": math}
TORCH = {name: getattr(sched, name) for name in dir(sched) if not name.startswith("_")}
TORCH |= {"SGD": torch.optim.SGD, "torch": torch}


@pytest.fixture(autouse=True)
def orders_of_the_rows():
    torch.manual_seed(11)


def run(code, names):
    """Return what a line of the page makes."""
    return eval(code, dict(names))  # noqa: S307


def table(name):
    """Return the rows of a table, each a dictionary of cells that are not empty."""
    lines = PAGE.partition(f"<!-- {name} -->\n")[2].partition("\n\n")[0].splitlines()
    cut = re.compile(r"\s*\|\s*")
    head, _, *rows = ([*cut.split(line)[1:-1]] for line in lines)
    return [{key: cell for key, cell in zip(head, row, strict=True) if cell} for row in rows]


def spans(cell):
    return re.findall(r"`([^`]+)`", cell)


def rows_of(name):
    rows = table(name)
    assert rows
    return pytest.mark.parametrize("row", rows, ids=[row["command line"] for row in rows])


def meant(row):
    """Return what the Python of a row makes, and its learning rate."""
    code, *more = spans(row["Python"])
    rates = [run(span.removeprefix("eta="), {}) for span in more if span.startswith("eta=")]
    return run(code, OURS), rates[0] if rates else 0.1


def said(row, folder):
    """Return what the command line of a row reads: a scheme and an optimiser."""
    words = shlex.split(spans(row["command line"])[0])
    options = dict(zip(words[::2], words[1::2], strict=True))
    settings = [words[i + 1] for i in range(0, len(words), 2) if words[i] == "--set"]
    (folder / "batches.json").write_text(
        json.dumps({"batches": [[3, 1], [0, 2], [0, 3]] * 3, "N": 6})
    )
    schedule = options.get("--schedule")
    if schedule == "file:factors.txt":
        path = folder / "factors.txt"
        path.write_text("\n".join(f"1/{math.factorial(t)}" for t in range(UPDATES)))
        schedule = f"file:{path}"
    return read_protocol(
        parse_settings(settings),
        sampling=options.get("--sampling", "one-pass").replace("grid:", f"grid:{folder}/"),
        method=options.get("--optimizer", "sgd"),
        weight_decay=options.get("--weight-decay"),
        decoupled_decay=options.get("--decoupled-decay"),
        schedule=schedule,
        average=options.get("--average"),
        penalty=options.get("--penalty"),
    )


def trained(optimizer, batches, eta):
    return our_run(Training(Grid(batches, N=ROWS), optimizer), batches, eta)


# What libraries do --------------------------------------------------------------------------------


def in_optax(make, batches, scheduled=False, averaged=None):
    optax = pytest.importorskip("optax")
    import jax

    names = {name: getattr(optax, name) for name in dir(optax) if not name.startswith("_")}
    with jax.enable_x64(True):
        made = run(make, names) if make else optax.sgd(0.1)
        rule = optax.sgd(made) if scheduled else made
        theta = average = params = jax.numpy.array(START)
        if "lookahead" in make:
            params = optax.LookaheadParams.init_synced(theta)
        state = rule.init(params)
        for rows in batches:
            theta = params.fast if "lookahead" in make else params
            g = gradient(np.array([theta]), POINTS[list(rows)].numpy()[None])[0]
            steps, state = rule.update(jax.numpy.array(g), state, params)
            params = optax.apply_updates(params, steps)
            if averaged is not None:
                average = run(averaged, names | {"weights": params, "average": average})
        if "lookahead" in make:
            params = params.slow
        if "schedule_free" in make:
            params = optax.contrib.schedule_free_eval_params(state, params)
        return np.array(params if averaged is None else average)


def in_scikit_learn(make, optimizer, eta):
    """Hold a regressor of scikit-learn's against ours, on its own loss, one datapoint an update."""
    linear = pytest.importorskip("sklearn.linear_model")
    from sgdiagrams.numeric.descent import Descent

    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(UPDATES, 2)) / 2, rng.normal(size=UPDATES)
    model = run(make, vars(linear))
    model.set_params(fit_intercept=False, shuffle=False, tol=None, max_iter=1)
    model.fit(x, y, coef_init=np.array(START))

    def slope(theta, batch):
        a, b = batch[:, 0, :2], batch[:, 0, 2]
        return ((a * theta).sum(axis=1) - b)[:, None] * a

    rows = [np.array([[[*a, b]]]) for a, b in zip(x, y, strict=True)]
    descent = Descent.of(Training(OnePass(T=UPDATES), optimizer))
    [end] = descent.follow(slope, np.array([START]), rows, eta=eta)
    assert model.coef_ == pytest.approx(end[0], rel=1e-9)


def hold(row, optimizer, eta, batches, end, **options):
    if "PyTorch" in row:
        assert trained(optimizer, batches, eta) == pytest.approx(end, rel=1e-9)
    if "optax" in row:
        found = in_optax(spans(row["optax"])[0], batches, **options)
        rel = 1e-5 if options else 1e-9  # schedules of optax are in single precision
        assert found == pytest.approx(trained(optimizer, batches, eta), rel=rel, abs=rel / 10)
    if "scikit-learn" in row:
        in_scikit_learn(spans(row["scikit-learn"])[0], optimizer, eta)


# The tables ---------------------------------------------------------------------------------------


@rows_of("rules")
def test_rules(row, tmp_path):
    optimizer, eta = meant(row)
    assert said(row, tmp_path)[1] == optimizer
    theta = weights()
    code = spans(row.get("PyTorch", "`SGD(weights, lr=0.1)`"))[0]
    rule = run(code, TORCH | {"weights": [theta]})
    loader = data.DataLoader(Rows(), batch_size=2, shuffle=True)
    if "PyTorch" in row:
        assert from_torch(rule, None, loader, epochs=EPOCHS).optimizer == optimizer
    hold(row, optimizer, eta, *real_run(theta, rule, loader, epochs=EPOCHS))


@rows_of("schedules")
def test_schedules(row, tmp_path):
    optimizer, eta = meant(row)
    T = UPDATES
    assert said(row, tmp_path)[1].multipliers(T) == pytest.approx(
        optimizer.multipliers(T), rel=1e-12
    )
    theta = weights()
    rule = torch.optim.SGD([theta], lr=0.1)
    loader = data.DataLoader(Rows(), batch_size=2, shuffle=True)
    after, read = {}, None
    if "PyTorch" in row:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler = run(spans(row["PyTorch"])[0], TORCH | {"optimizer": rule})
        when = "epoch" if "once an epoch" in row["PyTorch"] else "update"
        read = from_torch(rule, scheduler, loader, epochs=EPOCHS, scheduler_every=when).optimizer
        factors = list(map(float, optimizer.multipliers(T)))
        assert list(map(float, read.multipliers(T))) == pytest.approx(factors, rel=1e-9)
        left = iter(range(T - 1))  # one cycle takes no step after its last update
        after[f"after_{when}"] = [lambda: next(left, None) is not None and scheduler.step()]
    batches, end = real_run(theta, rule, loader, epochs=EPOCHS, **after)
    hold(row, optimizer, eta, batches, end, scheduled=True)


def visits_twice(batches):
    """Return how often a row comes in one update and again in a later one."""
    visits = np.array([np.bincount(np.array(r, int), minlength=2 * UPDATES) for r in batches])
    return float((visits * (np.cumsum(visits, axis=0) - visits)).sum())


def real_batches(row):
    """Return the rows of all updates of one training, drawn by the code on the left."""
    code = spans(row["PyTorch"])
    names = vars(data) | {"torch": torch, "data": Rows()}
    if not code:
        return [[2 * t, 2 * t + 1] for t in range(UPDATES)]
    if code[0].startswith("rows = "):
        return [run(code[0].removeprefix("rows = "), names).tolist() for _ in range(UPDATES)]
    loader = run(code[0], names)
    if "both processes" not in row["PyTorch"]:
        return [rows.tolist() for _ in range(EPOCHS) for rows in loader]
    loaders = [run(code[0].replace("rank=0", f"rank={r}"), names) for r in (0, 1)]
    batches = []
    for epoch in range(EPOCHS):
        for one in loaders:
            one.sampler.set_epoch(epoch)
        batches += [[*a.tolist(), *b.tolist()] for a, b in zip(*loaders, strict=True)]
    return batches


@rows_of("batches")
def test_batches(row, tmp_path):
    scheme = run(spans(row["Python"])[0], OURS)
    assert said(row, tmp_path)[0] == scheme
    torch.manual_seed(2)
    runs = 200 if scheme.is_random and "processes" not in row["PyTorch"] else 3
    trainings = [real_batches(row) for _ in range(runs)]
    assert {len(batches) for batches in trainings} == {int(scheme.updates)}
    counts = [visits_twice(batches) for batches in trainings]
    wanted = float(scheme.count(Diagram.parse("(01-2)(01-12)")))
    if "processes" not in row["PyTorch"]:
        assert abs(np.mean(counts) - wanted) <= 4 * np.std(counts) / np.sqrt(runs) + 1e-9
    code = spans(row["PyTorch"])
    if not code or "rows = " in code[0] or "randperm" in code[0]:
        return
    loader = run(code[0], vars(data) | {"torch": torch, "data": Rows()})
    rule = torch.optim.SGD([weights()], lr=0.1)
    assert from_torch(rule, None, loader, epochs=EPOCHS).sampling == scheme


def test_orders_of_scikit_learn():
    """One permutation again and again: the second epoch follows from the first."""
    linear = pytest.importorskip("sklearn.linear_model")
    x, y = np.array([[1.0, 0.5], [-0.5, 2.0], [1.5, 1.0]]), np.array([1.0, -2.0, 0.5])

    def end(seed):
        options = {"learning_rate": "constant", "eta0": 0.1, "penalty": None, "tol": None}
        model = linear.SGDRegressor(max_iter=2, fit_intercept=False, random_state=seed, **options)
        return tuple(model.fit(x, y, coef_init=np.array(START)).coef_.round(9))

    assert len({end(seed) for seed in range(80)}) == 6


class Model(torch.nn.Module):
    def __init__(self, theta):
        super().__init__()
        self.theta = theta


@rows_of("averages")
def test_averages(row, tmp_path):
    average = run(spans(row["Python"])[0], OURS)
    optimizer = SGD(average=average)
    assert said(row, tmp_path)[1] == optimizer
    loader = data.DataLoader(Rows(), batch_size=2, shuffle=True)
    theta = weights()
    when = "update"
    seen, act = theta.detach().clone(), None
    if "PyTorch" in row:
        [code] = spans(row["PyTorch"])
        model = Model(theta)
        names = vars(torch.optim.swa_utils)
        names = names | {"model": model, "weights": theta.data, "average": seen}
        if "average." in code:
            act = lambda: run(code, names)
        else:
            averaged = run(code, names)
            seen = averaged.module.theta.data
            act = lambda: averaged.update_parameters(model)
            when = "epoch" if "once an epoch" in row["PyTorch"] else "update"
            options = {"average": averaged, "averaged_at": when}
            read = from_torch(
                torch.optim.SGD([weights()], lr=0.1), None, loader, epochs=3, **options
            )
            assert read.optimizer == optimizer
    rule = torch.optim.SGD([theta], lr=0.1)
    after = {f"after_{when}": [act]} if act else {}
    batches, _ = real_run(theta, rule, loader, epochs=EPOCHS, **after)
    found = trained(optimizer, batches, 0.1)
    if act:
        assert found == pytest.approx(seen.numpy(), rel=1e-9)
    if "optax" in row:
        averaged = in_optax("", batches, averaged=spans(row["optax"])[0])
        assert averaged == pytest.approx(found, rel=1e-9)
    if "scikit-learn" in row:
        in_scikit_learn(spans(row["scikit-learn"])[0], optimizer, 0.1)


@rows_of("losses")
def test_losses(row, tmp_path):
    optimizer, eta = meant(row)
    assert said(row, tmp_path)[1] == optimizer
    code = spans(row["PyTorch"])[0]
    if optimizer.penalty is not None:
        quartic = Function(
            "quartic", derivatives=lambda theta, k: {0: theta**4, 1: 4 * theta**3}[k]
        )
        optimizer = SGD(penalty=Penalty(quartic, optimizer.penalty.strength))
    theta = weights()
    loader = data.DataLoader(Rows(), batch_size=2, shuffle=True)
    rule = torch.optim.SGD([theta], lr=0.1)
    extra = lambda mean: run(code, {"loss": mean, "weights": theta})
    batches, end = real_run(theta, rule, loader, epochs=EPOCHS, extra=extra)
    assert trained(optimizer, batches, eta) == pytest.approx(end, rel=1e-9)


@rows_of("visits")
def test_visits(row):
    """One datapoint twice, with a quadratic loss, whose displacement ends at order 2."""
    code = spans(row["PyTorch"])[0]
    is_added = code.startswith("weights.grad")
    changed = "y" if code.startswith("y") else "x"
    torch.manual_seed(8)

    def draw():
        batch = {"x": torch.tensor([1.0]), "y": torch.tensor([0.5])}
        return batch if is_added else batch | {changed: run(code, batch | {"torch": torch})}

    ends = []
    for _ in range(500):
        w = torch.nn.Parameter(torch.tensor([0.8]))
        rule = torch.optim.SGD([w], lr=0.4)
        for _ in range(2):
            rule.zero_grad()
            batch = draw()
            (((w * batch["x"] - batch["y"]) ** 2).sum() / 2).backward()
            if is_added:
                run(code, {"weights": w, "torch": torch})
            rule.step()
        ends.append(w.item() - 0.8)
    drawn = sorted({tuple(float(batch[k]) for k in "xy") for batch in (draw() for _ in range(50))})
    x, y = np.array(drawn).T
    samples = {1: ((0.8 * x - y) * x)[None, :, None], 2: (x * x)[None, :, None, None]}
    is_fresh = "fresh" in row["Python"]
    if not is_fresh:
        samples = {k: values[:, 0] for k, values in samples.items()}
        samples |= {k: np.zeros((1,) * (k + 1)) for k in (3, 4)}
    options = {"visits": "population"} if is_fresh else {"functions": {"noise": {2: [[0.25]]}}}
    numbers = Statistics.from_samples(samples, role="population", **options)
    scheme = Epochs(N=1, B=1, E=2)
    found = run(spans(row["Python"])[0], {"expand": expand, "scheme": scheme})
    exact = np.ravel(found.evaluate(numbers, eta=0.4).value)[0]
    if is_added:
        spread = np.var(ends)
        assert abs(spread - exact) < 4 * spread * np.sqrt(2 / len(ends))
    else:
        assert abs(np.mean(ends) - exact) < 4 * np.std(ends) / np.sqrt(len(ends)) + 1e-6
    words = ["--observable", "displacement", "--order", "2", "--sampling", "epochs"]
    shown = good("expand", *words, *shlex.split(spans(row["command line"])[0]))
    assert ("noise |" in shown) is (is_fresh or is_added)


@pytest.mark.parametrize("name", ["rules", "schedules", "batches", "averages", "losses"])
def test_a_command_takes_the_options(name):
    words = shlex.split(spans(table(name)[1]["command line"])[0])
    numbers = ["--set", "T=9"] if "--sampling" not in words else []
    assert good("expand", "--order", "1", *numbers, *words)
