"""Tables and pictures of predictions along a run: what they show is what the estimate says."""

from fractions import Fraction
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from sgdiagrams.diagrams import FormatError, RequestError, SamplingError
from sgdiagrams.numeric.path.path_estimate import PathEstimate
from sgdiagrams.numeric.path.tallies import Tally
from sgdiagrams.symbolic.training.schemes.epochs import Epochs
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement


def tally(mean, error):
    """Return a tally of 100 samples with a mean and a standard error."""
    mean, error = np.asarray(mean, dtype=float), np.asarray(error, dtype=float)
    return Tally(100, mean, error**2 * 100 * 99)


def estimate(sampling=OnePass(T=20, B=8), *, times=None, noise=2, **changes):  # noqa: B008
    count = 1 if times is None else len(times)
    shape = np.arange(count, 0, -1) / count
    return PathEstimate(
        **{
            "observable": "test-loss",
            "sampling": sampling,
            "optimizer": "sgd",
            "eta": 0.3,
            "times": times or (20,),
            "is_curve": times is not None,
            "noise": noise,
            "noiseless": 0.5 * shape,
            "first": tally(0.08 * shape, 0.001 * shape),
            "left": tally(0.012 * shape, 0.0005 * shape),
            "higher": tally(0.01 * shape, 0.0006 * shape) if noise > 1 else None,
            **changes,
        }
    )


def lines(figure):
    [axes] = figure.axes
    return {str(line.get_label()): line.get_xydata() for line in axes.lines}


def shaded(figure):
    """Return from where to where the judgement trusts."""
    [axes] = figure.axes
    [area] = [c for c in axes.collections if str(c.get_label()).startswith("trusted")]
    return [(p.vertices[:, 0].min(), p.vertices[:, 0].max()) for p in area.get_paths()]


def test_a_table_is_one_measurement_rescaled():
    whole = estimate()
    table = whole.table(B=[4, 8, 64])
    for row in table.rows:
        other = whole.at(B=row.number)
        assert (row.value, row.excess) == (other.value, other.excess)
        assert row.standard_error == other.standard_error
        assert row.truncation_error == other.truncation_error
        assert (row.judgement, row.trustworthy) == (other.judgement, other.trustworthy)
    assert table.rows[0].excess == pytest.approx(2 * 0.08 + 4 * 0.01)
    assert [item["B"] for item in table.to_dict()["rows"]] == [4, 8, 64]
    assert "number" not in table.to_dict()["rows"][0]
    assert str(table).splitlines()[1].split()[:2] == ["B", "value"]
    assert "<td" in table._repr_html_()
    curve = estimate(times=(5, 20)).table(B=[4, 8])
    assert [(row.number, row.update) for row in curve.rows] == [(4, 5), (4, 20), (8, 5), (8, 20)]
    assert str(curve).splitlines()[1].split()[:2] == ["B", "update"]


@pytest.mark.parametrize("numbers", [{}, {"B": []}, {"B": 4}, {"B": "48"}, {"B": [4], "T": [1]}])
@pytest.mark.parametrize("door", ["table", "plot"])
def test_lists_that_are_none(numbers, door):
    if door == "plot" and not numbers:
        return
    with pytest.raises(RequestError, match="expected one list of numbers"):
        getattr(estimate(), door)(**numbers)


@pytest.mark.parametrize("door", ["table", "plot"])
def test_what_needs_a_run_of_its_own(door):
    for numbers in ({"T": [5]}, {"eta": [0.1]}):
        with pytest.raises(SamplingError, match="make a run of its own"):
            getattr(estimate(), door)(**numbers)
    with pytest.raises(SamplingError, match="whole batches"):
        getattr(estimate(Epochs(N=64, B=8, E=2)), door)(N=[63])


def test_curves_against_batch_sizes_are_the_estimate():
    whole = estimate()
    figure = whole.plot(B=[4, 16, 240])
    seen = lines(figure)
    for label, power in (("noise 1", 1), ("noise 1 to 2", 2)):
        x, y = seen[label].T
        assert (x[0], x[-1]) == (0, pytest.approx(1.08 / 4))
        expected = [sum(whole.scaled(Fraction(8 * s)).orders[1 : power + 1]) for s in x]
        np.testing.assert_allclose(y, expected, atol=1e-12)
    [marks] = [line for label, line in seen.items() if len(line) == 3 and label[0] == "_"]
    np.testing.assert_allclose(marks[:, 0], [1 / 4, 1 / 16, 1 / 240])
    assert marks[1, 1] == pytest.approx(whole.at(B=16).excess, rel=1e-3)
    [(low, high)] = shaded(figure)
    assert low == 0
    assert whole.scaled(Fraction(8 * (high - 0.002))).trustworthy
    assert not whole.scaled(Fraction(8 * (high + 0.002))).trustworthy
    assert figure.axes[0].get_xlabel() == "1/B"
    [above] = figure.axes[0].child_axes
    assert [text.get_text() for text in above.get_xticklabels()] == ["4", "16", "240"]


def test_bands_are_errors():
    whole = estimate(noise=1)
    [axes] = whole.plot(B=[8]).axes
    widths = {}
    for area in axes.collections:
        [path] = area.get_paths()
        x, y = path.vertices.T
        nearest = x[np.abs(x - 0.1).argmin()]
        widths[str(area.get_label())] = float(np.ptp(y[x == nearest]))
    other = whole.scaled(Fraction("0.8"))
    assert widths["two standard errors"] == pytest.approx(4 * other.standard_error, rel=0.1)
    both = 4 * other.standard_error + 2 * other.truncation_error
    assert widths["and what is left out"] == pytest.approx(both, rel=0.1)


def test_of_other_schemes():
    epochs = estimate(Epochs(N=64, B=8, E=2, shuffle="every-epoch"))
    figure = epochs.plot(N=[64, 128])
    assert figure.axes[0].get_xlabel() == "1/N"
    assert figure.axes[0].get_title() == "reshuffled-epochs E=2 N/B=8, sgd, eta=0.3"
    drawn = estimate(WithReplacement(N=64, B=8, T=20)).plot()
    assert drawn.axes[0].get_xlabel() == "strength of the noise (1: as measured)"
    x, y = lines(drawn)["noise 1"].T
    np.testing.assert_allclose(y, 0.08 * x)
    with pytest.raises(SamplingError, match="make a run of its own"):
        estimate(WithReplacement(N=64, B=8, T=20)).plot(B=[4])


def test_a_curve_along_the_run():
    curve = estimate(times=(20, 0, 10))
    seen = lines(curve.plot())
    np.testing.assert_allclose(seen["noiseless run"], [[0, 1 / 3], [10, 1 / 6], [20, 0.5]])
    np.testing.assert_allclose(
        seen["noise 1 to 2"][:, 1], np.asarray(curve.value)[np.array([1, 2, 0])]
    )
    # With numbers the last time is drawn against the strength.
    last = lines(estimate(times=(0, 10, 20)).plot(B=[8]))["noise 1"]
    np.testing.assert_allclose(last[-1], [1.08 / 8, 1.08 * 0.08 / 3])


def test_what_is_wild_does_not_hide_the_rest():
    wild = estimate(higher=tally([-1.6], [0.04]), left=tally([np.inf], [np.nan]))
    figure = wild.plot(B=[4, 8])
    low, high = figure.axes[0].get_ylim()
    assert -0.1 < low < 0 < high < 0.4
    with pytest.raises(RequestError, match="a number to draw, got 'displacement'"):
        estimate(observable="displacement", noiseless=np.zeros((1, 2))).plot()


def test_files(tmp_path):
    path = tmp_path / "p.svg"
    estimate().plot(path, B=[4, 8])
    root = ET.parse(path).getroot()  # noqa: S314
    [words] = [e.text for e in root if e.tag.endswith("desc")]
    assert words.startswith("test loss: excess over the noiseless run against 1/B: trusted")
    for kind, start in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        estimate(times=(0, 20)).plot(tmp_path / f"p.{kind}")
        assert (tmp_path / f"p.{kind}").read_bytes().startswith(start)
    with pytest.raises(RequestError, match="expected a file ending in"):
        estimate().plot("p.jpg")
    with pytest.raises(FormatError, match="existing directory"):
        estimate().plot(tmp_path / "none" / "p.png")
