"""The experiments in examples/ run, draw a picture and print what they claim to show."""

import importlib
import json
import re

import pytest
from layout import ROOT

pytest.importorskip("matplotlib")

#: The experiments: what reads the options of experiments; beside them stand models and shared parts.
SCRIPTS = {
    path.stem
    for path in (ROOT / "examples").glob("*.py")
    if "= read_options(__doc__" in path.read_text(encoding="utf-8")
}


@pytest.fixture
def experiment(monkeypatch, capsys, tmp_path):
    """Run an experiment; return its tables: for the line above each its rows of numbers."""
    monkeypatch.syspath_prepend(ROOT / "examples")

    def run(name, *options):
        module = importlib.import_module(name)
        assert module.main(["--output", str(tmp_path), *options]) == 0
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
        return tables(capsys.readouterr().out)

    return run


def tables(printed):
    """Return title -> rows of numbers; a title begins a line, rows and what heads them do not."""
    tables = {}
    for line in printed.splitlines():
        if not line.startswith(" "):
            rows = tables.setdefault(line, [])
        elif re.match(r"\s+-?\d", line):
            rows.append(
                [float(x) for x in re.findall(r"(?<!\S)-?\d[\d.]*(?:e[-+]\d+)?(?!\S)", line)]
            )
    return tables


def test_experiments_are_shown_with_their_commands():
    assert len(SCRIPTS) >= 6
    page = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
    for name in SCRIPTS:
        assert f"pictures/{name}.png" in page, name
        assert f"python examples/{name}.py" in page, name


def test_helix(experiment):
    printed = experiment("helix", "--runs", "500")
    for T, simulated, error, resummed, plain in printed["height z at eta = 0.1"]:
        assert abs(simulated - resummed) < 4 * error + 0.01 * resummed, T
        assert plain - simulated > 4 * error, T
    *rows, limit = printed["velocity per update and eta^2"]
    for eta, simulated, error, resummed in rows:
        assert resummed == pytest.approx(1 / (2 * (3 - 2 * eta)), abs=1e-5)
        assert abs(simulated - resummed) < 4 * error + 0.2 * eta**2
    assert limit == [0, 0.16667]


def test_flat_minima(experiment):
    printed = experiment("flat_minima", "--runs", "1000")
    rows = printed["excess test loss, eta = 0.01, T = 100, N = 10, C = 1"]
    for x, simulated, error, predicted, takeuchi in rows:
        assert predicted == pytest.approx((1 - 0.99 ** (100 * x)) ** 2 / (20 * x), rel=0.02)
        assert abs(simulated - predicted) < 4 * error, x
        assert predicted < takeuchi + 1e-7
    [simulated], [derived] = printed["largest where eta T H is"]
    assert derived == 1.2564
    assert simulated == pytest.approx(derived, abs=0.01)


def test_sgd_and_sde(experiment):
    printed = experiment("sgd_and_sde", "--runs", "2000")
    assert "SGD settles above the equation by C*H*eta**2/8 + J*S*eta**2/(36*H)" in printed
    for eta, simulated, error, sgd, equation, sde in printed["excess test loss / eta"]:
        third = 0.2 * eta**2  # of which the formulas know nothing
        assert abs(simulated - sgd) < 4 * error + third, eta
        assert abs(equation - sde) < third, eta
        # H = C = 1/2, J = -1/2, S = -1
        assert sgd - sde == pytest.approx(eta * (1 / 32 + 1 / 36), abs=2e-5)


def test_cross_sections(experiment):
    printed = experiment("cross_sections", "--runs", "100", "--datapoints", "200")
    [simulated, error], [derived] = printed["drift along [0.0, 0.0, 1.0], in weights per update"]
    assert abs(simulated - derived) < 4 * error + 2e-5
    rows = printed["directions in the cross-sections, in degrees"]
    assert rows == [[30, 30, 165], [90, 90, 45], [150, 150, 105]]


def test_many_epochs(experiment):
    printed = experiment("many_epochs", "--runs", "300")
    for title, sign in (("displacement on gauss", -1), ("test-loss on digits", 1)):
        rows = printed[f"{title}: many epochs less one, in units of eta^2 N"]
        assert len(rows) == 18
        for epochs, eta, simulated, error, unpaired, second, third, law in rows:
            assert second == pytest.approx(law, abs=2e-5)
            assert abs(simulated - third) < 4 * error + 3 * eta**2, (title, epochs, eta)
            assert sign * simulated > 0
            assert error < unpaired / 2
        # grad E|grad l_x|^2 is -1 on this landscape
        if sign == -1:
            assert [row[-1] for row in rows[::6]] == [-0.125, -0.1875, -0.23437]


def test_imitating_sgd(experiment, monkeypatch):
    pytest.importorskip("optax")
    monkeypatch.syspath_prepend(ROOT / "examples")
    module = importlib.import_module("imitating_sgd")
    monkeypatch.setattr(module, "EPOCHS", 1)  # so that both panels share what is compiled
    printed = experiment("imitating_sgd", "--sets", "6")
    for way in module.WAYS:
        rows = printed[f"{way}: test loss less that of SGD after one pass, / eta^2"]
        assert len(rows) == len(module.RATES)
        for eta, without, error, imitating, its_error, predicted in rows:
            assert abs(without - predicted) < 4 * error + 60 * eta * abs(predicted), eta
            assert abs(imitating) < 4 * its_error + 20 * eta * abs(predicted), eta
            assert abs(without) > 4 * error, eta


def test_convolutional_network(experiment, monkeypatch):
    """On a smaller network, fewer images and to order 2, for which little is compiled."""
    pytest.importorskip("jax")
    monkeypatch.syspath_prepend(ROOT / "examples")
    module, networks = map(importlib.import_module, ("convolutional_network", "networks"))
    images, labels = networks.digits()
    weights = networks.convolutional_network()
    assert sum(leaf.size for layer in weights for leaf in layer.values()) == 4983
    loss = networks.convolutional_network_loss(weights, (images[0], labels[0]))
    assert 0 < float(loss) < 10
    monkeypatch.setattr(module, "digits", lambda: (images[:100], labels[:100]))
    monkeypatch.setattr(module, "convolutional_network", lambda: networks.small_network(3))
    monkeypatch.setattr(module, "convolutional_network_loss", networks.small_network_loss)
    monkeypatch.setattr(module, "ORDER", 2)
    monkeypatch.setattr(module, "RATES", (0.001, 0.002, 0.004))
    printed = experiment("convolutional_network", "--runs", "1000", "--percent", "50")
    for name in ("test loss", "generalisation gap"):
        rows = printed[f"change of the {name}: simulated, and orders with errors"]
        assert len(rows) == 3
        for eta, simulated, error, *orders, predicted in rows:
            assert predicted == pytest.approx(sum(orders[::2]), abs=2e-5)
            bound = 4 * (error + orders[1] + orders[3]) + 50 * eta * abs(orders[2])
            assert abs(simulated - predicted) < bound, (name, eta)
            assert bound < abs(simulated) / 2


def test_along_the_path(experiment):
    pytest.importorskip("jax")
    pytest.importorskip("sklearn")
    printed = experiment("along_the_path", "--runs", "24", "--samples", "16")
    assert [row[0] for row in printed["test-loss, simulated and predicted"]] == [
        4,
        8,
        16,
        32,
        64,
        256,
    ]
    for title in ("test-loss", "generalisation-gap"):
        *_, last = printed[f"{title}, simulated and predicted"]
        _, simulated, error, _, predicted, own_error, missing = last
        assert abs(simulated - predicted) < 5 * (error + own_error) + missing


def test_limits(experiment):
    pytest.importorskip("jax")
    sizes = {"rates": 2, "runs": 200, "samples": 16, "problems": 25, "escapes": 400}
    printed = experiment("limits", *(str(x) for k, n in sizes.items() for x in (f"--{k}", n)))
    short, long = printed["change of the test loss in 20 updates"]
    _, simulated, error, *predicted = short
    assert all(abs(x - simulated) < 4 * error + 0.001 for x in predicted)
    assert min(abs(x) for x in long[3:]) > 20 > abs(long[1])  # where training is unstable
    for series in ("plain", "re-summed"):
        rows = printed[f"order 4 of the {series} series on random problems of one weight"]
        (trusted, false, right), _, (diverging, off, _) = rows
        assert false == 0
        assert right > trusted / 2 > 3
        assert off >= diverging / 2
    rows = printed["excess loss from a minimum beside a deeper one, eta = 0.05"]
    for T, simulated, error, resummed, *_ in rows[:5]:
        assert abs(simulated - resummed) < 4 * error + 3e-4, T
    *_, last = rows
    assert last[1] + 4 * last[2] < last[3] < last[4]
    assert last[5] > 0.1


def test_limits_are_recorded():
    recorded = json.loads((ROOT / "examples" / "records" / "limits.json").read_text("utf-8"))
    page = (ROOT / "docs" / "limits.md").read_text("utf-8")
    shown = "".join(re.findall(r"^```text\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE))
    assert recorded["printed"][1:] == shown.splitlines()
