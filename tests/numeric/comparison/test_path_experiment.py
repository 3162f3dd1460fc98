"""Predictions along the path beside simulated training: what is subtracted, rescaled, said and drawn."""

import json
import math
from itertools import product

import numpy as np
import pytest

jax = pytest.importorskip("jax")
jnp = jax.numpy

import sgdiagrams as sd  # noqa: E402
from sgdiagrams.diagrams import FormatError, RequestError, SamplingError  # noqa: E402
from sgdiagrams.numeric.comparison.path_comparison import PathPoint  # noqa: E402

DATA = np.array([-1.0, 1.0, 3.0, -1.5])


def loss(w, x):
    return (w - x) ** 2 / 2 + jnp.tanh(w) * x / 4


@pytest.fixture(scope="module")
def ground():
    return sd.model_landscape(loss, np.array(2.0), DATA, name="parabola")


SETTING = {"sampling": "fresh-data", "T": 3, "eta": 0.3, "along_path": True}


def exact_excess(B, observable="test-loss", T=3, eta=0.3):
    """Return what noise adds, over all batches, with nothing of the package."""

    def slope(w, x):
        return w - x + (1 - np.tanh(w) ** 2) * x / 4

    def value(w):
        return ((w - DATA[:, None]) ** 2 / 2 + np.tanh(w) * DATA[:, None] / 4).mean(axis=0)

    batches = np.array(list(product(DATA, repeat=B)))
    ends = np.array([2.0])
    for _ in range(T):
        ends = np.mean([ends], axis=0)
        ends = (ends[:, None] - eta * slope(ends[:, None, None], batches).mean(axis=-1)).ravel()
    phi = np.array([2.0])
    for _ in range(T):
        phi = phi - eta * slope(phi, DATA).mean()
    assert observable == "test-loss"
    return float(value(ends).mean() - value(phi)[0])


@pytest.fixture(scope="module")
def compared(ground):
    return sd.compare(ground, B=[1, 2, 4], runs=6000, samples=400, noise=2, seed=1, **SETTING)


def test_simulation_and_prediction_are_the_truth(compared):
    assert (compared.name, [p.number for p in compared.points]) == ("B", [1, 2, 4])
    assert compared.estimate.sampling == sd.OnePass(T=3, B=2)  # the middle
    for point in compared.points[:2]:
        truth = exact_excess(point.number)
        assert abs(point.simulated - truth) < 4 * point.simulated_error
        assert abs(point.predictions[-1] - truth) < (
            4 * point.prediction_errors[-1] + point.truncation_error
        )
        assert point.simulated_error < 0.1 * truth
    for point in compared.points:
        other = compared.estimate.at(B=point.number)
        assert point.predictions == (other.orders[1], pytest.approx(other.excess))
        assert point.prediction_errors[-1] == pytest.approx(other.standard_error)
        assert (point.truncation_error, point.judgement) == (
            other.truncation_error, other.judgement,
        )  # fmt: skip
        assert point.inside


def test_deviations_and_what_is_inside():
    point = PathPoint(8, 100, 0, 1.0, 0.3, (1.5, 2.0), (0.4, 0.4), 0.1, "trustworthy: x", True)
    assert point.deviations == (pytest.approx(1.0), pytest.approx(2.0))
    assert point.inside
    beyond = PathPoint(8, 100, 0, 0.89, 0.3, (1.5, 2.0), (0.4, 0.4), 0.1, "trustworthy: x", True)
    assert not beyond.inside
    none = PathPoint(8, 0, 0, math.nan, math.inf, (1.5,), (0.4,), 0.1, "trustworthy: x", True)
    assert none.inside is None
    assert math.isnan(none.deviations[0])


def test_what_is_printed(compared):
    text = str(compared)
    lines = text.splitlines()
    assert lines[0].startswith("test loss on parabola: excess over the noiseless")
    assert "3 of 3 inside, of the trusted" in text
    data = compared.to_dict()
    assert json.loads(json.dumps(data))["points"][1]["B"] == 2
    assert data["points"][1]["deviations"] == list(compared.points[1].deviations)
    assert data["estimate"]["value"] == compared.estimate.value
    assert "<td" in compared._repr_html_()


def test_the_picture_shows_both(compared, tmp_path):
    figure = compared.plot(tmp_path / "p.png")
    [axes] = figure.axes
    assert axes.get_xlabel() == "1/B"
    assert axes.get_title() == "parabola, one-pass T=3, sgd, eta=0.3"
    [bars] = axes.containers
    seen = bars.lines[0].get_xydata()
    np.testing.assert_allclose(seen[:, 0], [1, 1 / 2, 1 / 4])
    np.testing.assert_allclose(seen[:, 1], [p.simulated for p in compared.points])
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names[0].startswith("simulated SGD")
    assert {"noise 1", "noise 1 to 2"} <= set(names)


def test_the_gap_of_epochs_and_controls(ground):
    options = {"sampling": "reshuffled-epochs", "E": 2, "eta": 0.2, "along_path": True}
    options |= {"observable": "generalisation-gap", "samples": 200, "seed": 2}
    gap = sd.compare(ground, N=[2, 4, 8], B=[1, 2, 4], runs=2000, control=True, **options)
    assert gap.name == "N"
    assert gap.estimate.sampling == sd.Epochs(N=4, B=2, E=2, shuffle="every-epoch")
    plain = sd.compare(ground, at={"N": [8]}, N=4, B=2, runs=2000, **options)
    assert plain.points[0].predictions == gap.points[2].predictions
    both = math.hypot(plain.points[0].simulated_error, gap.points[2].simulated_error)
    assert abs(plain.points[0].simulated - gap.points[2].simulated) < 4 * both
    assert gap.points[2].simulated_error < plain.points[0].simulated_error
    training = sd.compare(
        ground, at={"N": [8]}, N=4, B=2, runs=2000, **options | {"observable": "training-loss"}
    )
    assert abs(training.points[0].deviations[0]) < 5


def test_checkpoints_of_all_parts(ground, tmp_path):
    path = tmp_path / "c.npz"
    options = {"samples": 16, "checkpoint": path, "B": 2, **SETTING}
    first = sd.compare(ground, at={"B": [1, 2]}, runs=50, **options)
    assert {p.name for p in tmp_path.glob("*.npz")} == {"c-path.npz", "c-B1.npz", "c-B2.npz"}
    again = sd.compare(ground, at={"B": [1, 2]}, runs=50, **options)
    assert again.to_dict() == first.to_dict()
    more = sd.compare(ground, at={"B": [1, 2, 4]}, runs=80, **options)
    assert more.points[0].predictions == first.points[0].predictions
    with pytest.raises(FormatError):
        sd.compare(ground, at={"B": [1, 2]}, runs=50, **options | {"seed": 5})


def test_an_interrupt_keeps_what_was_simulated(ground):
    told = []

    def progress(fraction, text):
        told.append((fraction, text))
        if text.startswith("B=2"):
            raise KeyboardInterrupt

    options = {"samples": 16, "progress": progress, **SETTING}
    cut = sd.compare(ground, B=[1, 2, 4], runs=20, **options)
    assert not cut.complete
    assert [p.runs > 0 for p in cut.points] == [True, True, False]
    assert "interrupted" in str(cut)
    assert cut.to_dict()["points"][2]["simulated"] is None
    assert cut.points[2].predictions == (cut.estimate.at(B=4).excess,)
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert cut.plot() is not None


REFUSED = [
    ({"B": [1, 2], "order": 2}, "expected order without along_path=True only"),
    ({"B": [1, 2], "resummed": True}, "expected resummed without"),
    ({"B": [1, 2], "component": 0}, "expected component without"),
    ({"B": 2}, "expected several batch sizes"),
    ({"B": []}, "expected several batch sizes"),
    ({"B": [1, 2], "at": {"B": [3]}}, "."),
    ({"at": {}, "B": 2}, "expected one list of numbers"),
    ({"at": {"T": [5]}, "B": 2}, "make a run of its own"),
    ({"B": [1, 0]}, "B"),
    ({"B": [1, 2], "eta": None}, "expected one learning rate"),
    ({"B": [1, 2], "eta": [0.1, 0.2]}, "expected one learning rate"),
    ({"B": [1, 2], "noise": 3}, "expected noise=1 or noise=2"),
    ({"B": [1, 2], "runs": 1}, "expected 2 to"),
    ({"B": [1, 2], "observable": "displacement"}, "to compare along the path"),
    ({"B": [1, 2], "observable": "variance"}, "to compare along the path"),
    ({"sampling": "epochs", "T": None, "N": [2, 4], "B": [1, 1], "E": 1}, "expected one N/B"),
    ({"sampling": "epochs", "T": None, "N": [2, 4], "B": 1, "E": 1}, "as many batch sizes"),
    ({"sampling": "epochs", "T": None, "N": [2, 4], "B": [1], "E": 1}, "several batch sizes"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_refused_in_one_line(options, words, ground):
    given = {"runs": 9, "samples": 4, **SETTING, **options}
    given = {name: value for name, value in given.items() if (name, value) != ("T", None)}
    with pytest.raises((RequestError, SamplingError), match=words) as refused:
        sd.compare(ground, **given)
    assert "\n" not in str(refused.value)


def test_refused_elsewhere():
    with pytest.raises(RequestError, match="expected a landscape of a model along the path"):
        sd.compare("mean", B=[1, 2], runs=9, **SETTING)
    for name, value in {"at": {"B": [1]}, "noise": 1, "samples": 3, "control": True}.items():
        with pytest.raises(RequestError, match=f"expected {name} with along_path=True only"):
            sd.compare("mean", eta=0.1, T=3, runs=9, **{name: value})
