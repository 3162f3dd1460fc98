from __future__ import annotations

import json
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgdiagrams.diagrams.errors import FormatError, StatisticsError
from sgdiagrams.numeric.statistics import ROLES, Statistics

F = Fraction


def floats(n=3, p=2):
    rng = np.random.default_rng(0)
    h = rng.normal(size=(n, p, p))
    return {0: rng.normal(size=n), 1: rng.normal(size=(n, p)), 2: h + h.swapaxes(1, 2)}


def fractions(n=3, p=2):
    return {
        0: [F(i, 7) for i in range(n)],
        1: [[F(i - j, 3) for j in range(p)] for i in range(n)],
        2: [[[F(i, 1 + j + k) for j in range(p)] for k in range(p)] for i in range(n)],
    }


def assert_same(one, other):
    assert (one.role, one.is_exact, repr(one)) == (other.role, other.is_exact, repr(other))
    assert list(one.samples) == list(other.samples)
    for k, array in one.samples.items():
        assert array.dtype == other.samples[k].dtype
        assert array.shape == other.samples[k].shape
        assert (array == other.samples[k]).all()
    assert (one.weights is None) == (other.weights is None)
    assert one.weights is None or (one.weights == other.weights).all()


def test_properties():
    exact = Statistics.from_samples(fractions(), role="training-set")
    assert (exact.sample_size, exact.dimension, exact.max_order) == (3, 2, 2)
    assert exact.is_exact
    assert repr(exact) == (
        "<Statistics: training-set of 3, 2 parameters, derivatives 0, 1, 2, exact>"
    )
    losses = Statistics.from_samples({0: [0.5, 1.5]})
    assert (losses.dimension, losses.max_order, losses.role) == (None, 0, "sample")
    assert repr(losses) == "<Statistics: sample of 2, derivatives 0, float>"


def test_kinds_of_numbers():
    assert Statistics({1: np.array([[1], [2]])}).is_exact
    assert Statistics({1: np.array([[1], [2]], dtype=object)}).is_exact
    beside_floats = Statistics({0: np.array([1, 2]), 1: np.array([[1.0], [2.0]], dtype=np.float32)})
    assert not beside_floats.is_exact
    assert {a.dtype for a in beside_floats.samples.values()} == {np.dtype(np.float64)}
    assert all(type(v) is Fraction for v in Statistics({0: [1, 2]}).samples[0])


def test_is_immutable():
    losses = np.array([1.0, 2.0])
    statistics = Statistics({0: losses})
    losses[0] = 7.0
    assert statistics.samples[0][0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        statistics.samples[0][0] = 2.0
    with pytest.raises(TypeError):
        statistics.samples[1] = losses
    with pytest.raises(AttributeError):
        statistics.role = "population"


def with_entry(order, index, value):
    samples = floats()
    samples[order][index] = value
    return samples


def with_fraction(order, index, value):
    samples = {k: np.array(v, dtype=object) for k, v in fractions().items()}
    samples[order][index] = value
    return samples


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ({}, "at least one derivative, got dict without entries"),
        ([[1.0]], "expected a mapping .* got list"),
        ({"1": [[1.0]]}, "got key='1'"),
        ({-1: [1.0]}, "got key=-1"),
        ({1.0: [[1.0]]}, r"got key=1\.0"),
        ({True: [[1.0]]}, "got key=True"),
        ({0: [[1.0]]}, r"expected 1 axes for derivative 0.* got shape=\(1, 1\)"),
        ({1: [1.0, 2.0]}, r"expected 2 axes for derivative 1.* got shape=\(2,\)"),
        ({0: []}, r"at least one sample .* got shape=\(0,\)"),
        ({1: np.zeros((3, 0))}, r"one parameter, got shape=\(3, 0\) for derivative 1"),
        ({0: [1.0], 1: [[1.0], [2.0]]}, "got 1 for derivative 0 and 2 for derivative 1"),
        (
            {1: np.zeros((2, 3)), 2: np.zeros((2, 2, 2))},
            r"expected shape=\(2, 2\) for derivative 1, got shape=\(2, 3\)",
        ),
        ({2: np.zeros((2, 2, 3))}, r"expected shape=\(2, 3, 3\) for derivative 2"),
        ({1: [[1.0, 2.0], [3.0]]}, "for derivative 1, got rows of unequal length"),
        ({0: ["a", "b"]}, "in derivative 0, got dtype=<U1"),
        ({0: [1j]}, "in derivative 0, got dtype=complex128"),
        ({0: [True]}, "in derivative 0, got dtype=bool"),
        (with_entry(1, (2, 0), np.nan), "NaN or infinity in derivative 1, first in sample 2"),
        (with_entry(0, 1, -np.inf), "NaN or infinity in derivative 0, first in sample 1"),
        (with_entry(2, (1, 0, 1), 9.0), "derivative 2 symmetric .* in sample 1"),
        (with_fraction(2, (2, 0, 1), F(9)), "derivative 2 symmetric .* in sample 2"),
        (with_fraction(1, (1, 0), 0.5), r"ints in derivative 1, got float 0\.5 in sample 1"),
        (with_fraction(0, 2, None), "got NoneType None in sample 2"),
        ({0: [1.0], 1: [[F(1, 2)]]}, "got exact derivative 1 and floating derivative 0"),
    ],
)
def test_bad_samples(samples, message):
    with pytest.raises(StatisticsError, match=message) as caught:
        Statistics.from_samples(samples)
    assert "\n" not in str(caught.value)


def test_third_derivatives_are_symmetric_in_all_axes():
    j = np.zeros((1, 2, 2, 2))
    j[0, 0, 1, :] = j[0, 1, 0, :] = [1.0, 2.0]
    with pytest.raises(StatisticsError, match="derivative 3 symmetric in its 3 axes"):
        Statistics({3: j})
    swaps = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    symmetric = sum(j.transpose(0, *(1 + a for a in swap)) for swap in swaps)
    assert Statistics({3: symmetric}).max_order == 3


def test_symmetry_is_up_to_rounding_for_floats():
    Statistics(with_entry(2, (1, 0, 1), floats()[2][1, 1, 0] + 1e-9))
    with pytest.raises(StatisticsError, match="symmetric"):
        Statistics(with_fraction(2, (2, 0, 1), fractions()[2][2][1][0] + F(1, 10**12)))


def test_roles_and_weights():
    with pytest.raises(StatisticsError, match="role='data'"):
        Statistics.from_samples({0: [1.0]}, role="data")
    for role in ("sample", "training-set"):
        with pytest.raises(StatisticsError, match=f"no weights for role='{role}'"):
            Statistics.from_samples({0: [1.0]}, role=role, weights=[1.0])
    signed = Statistics.from_samples({0: [1, 2]}, role="population", weights=[F(3, 2), F(-1, 2)])
    assert repr(signed) == "<Statistics: weighted population of 2, derivatives 0, exact>"

    def weighted(weights, losses=(1.0, 2.0)):
        return Statistics.from_samples({0: losses}, role="population", weights=weights)

    assert weighted([0.1 + 0.2, 0.7]).weights.sum() == pytest.approx(1.0)
    for weights, message in [
        ([0.5, 0.6], r"sum 1, got sum=1\.1"),
        ([1.0], r"shape=\(2,\), got shape=\(1,\)"),
        ([np.nan, 1.0], "NaN or infinity in weights, first in sample 0"),
        ([F(1, 2), F(1, 2)], "exact weights and floating derivative 0"),
    ]:
        with pytest.raises(StatisticsError, match=message):
            weighted(weights)
    with pytest.raises(StatisticsError, match="got sum=99/100"):
        weighted([F(1, 2), F(49, 100)], losses=(1, 2))


@settings(max_examples=25, deadline=None)
@given(
    numbers=st.lists(st.fractions() | st.integers(), min_size=1, max_size=5),
    role=st.sampled_from(ROLES),
)
def test_exact_round_trip(tmp_path_factory, numbers, role):
    path = tmp_path_factory.mktemp("exact") / "statistics.json"
    statistics = Statistics({0: numbers, 1: [[x, -x] for x in numbers]}, role)
    statistics.save(path)
    assert_same(Statistics.load(path), statistics)


@pytest.mark.parametrize("weights", [None, [0.5, 0.75, -0.25]])
def test_float_round_trip(tmp_path, weights):
    path = tmp_path / "statistics.npz"
    statistics = Statistics.from_samples(floats(), role="population", weights=weights)
    for _ in range(2):  # the second time over an existing file
        statistics.save(str(path))
        assert_same(Statistics.load(str(path)), statistics)
    assert [f.name for f in tmp_path.iterdir()] == ["statistics.npz"]
    assert_same(pickle.loads(pickle.dumps(statistics)), statistics)  # noqa: S301 - our own bytes


def test_weights_round_trip_exactly(tmp_path):
    path = tmp_path / "statistics.json"
    statistics = Statistics({0: [1, 2]}, "population", [F(4, 3), F(-1, 3)])
    statistics.save(path)
    assert_same(Statistics.load(path), statistics)
    assert json.loads(path.read_text()) == {
        "format": "sgdiagrams-statistics",
        "version": 1,
        "role": "population",
        "derivatives": {"0": ["1", "2"]},
        "weights": ["4/3", "-1/3"],
    }


def test_save_refuses(tmp_path):
    exact, floating = Statistics(fractions()), Statistics(floats())
    with pytest.raises(FormatError, match=r"ends in \.json for exact"):
        exact.save(tmp_path / "a.npz")
    with pytest.raises(FormatError, match=r"ends in \.npz for float"):
        floating.save(tmp_path / "a.json")
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(FormatError, match="got the directory"):
        floating.save(tmp_path / "a.npz")
    with pytest.raises(FormatError, match="in an existing directory"):
        floating.save(tmp_path / "nowhere" / "a.npz")
    assert [f.name for f in tmp_path.iterdir()] == ["a.npz"]


def test_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    Statistics({0: [1.0]}).save(path)

    def fail(file, **_):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(FormatError, match="disk full"):
        Statistics({0: [2.0]}).save(path)
    assert Statistics.load(path).samples[0].tolist() == [1.0]
    assert [f.name for f in tmp_path.iterdir()] == ["a.npz"]


GOOD = {"format": "sgdiagrams-statistics", "version": 1, "role": "sample"}
LOSSES = {"derivative_0": np.array([1.0])}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read"),
        ("{", "cannot read"),
        ("[]", "expected a JSON object, got list"),
        ("{}", "got format=None version=None"),
        (json.dumps({**GOOD, "version": 2}), "got format='sgdiagrams-statistics' version=2"),
        (json.dumps({**GOOD, "format": "expansion"}), "got format='expansion'"),
        (json.dumps(GOOD), "an object under 'derivatives'"),
        (json.dumps({**GOOD, "derivatives": []}), "an object under 'derivatives'"),
        (json.dumps({**GOOD, "derivatives": {}}), "at least one derivative"),
        (json.dumps({**GOOD, "derivatives": {"x": ["1"]}}), "cannot read"),
        (json.dumps({**GOOD, "derivatives": {"0": [0.5]}}), r"such as '-3/2', got 0\.5"),
        (json.dumps({**GOOD, "derivatives": {"0": ["0.5"]}}), "got '0.5'"),
        (json.dumps({**GOOD, "derivatives": {"0": ["1e999999999"]}}), "got '1e999999999'"),
        (json.dumps({**GOOD, "derivatives": {"0": ["1/0"]}}), "got '1/0'"),
        (json.dumps({**GOOD, "derivatives": {"0": ["9" * 5000]}}), "cannot read"),
        (json.dumps({**GOOD, "derivatives": {"1": [["1"], ["1", "2"]]}}), "cannot read"),
        (json.dumps({**GOOD, "role": ["x"], "derivatives": {"0": ["1"]}}), "no valid statistics"),
        ("[" * 100_000, "cannot read"),
    ],
)
def test_load_bad_json(tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=message) as caught:
        Statistics.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (LOSSES, "got format=None"),
        ({**GOOD, "version": 3, **LOSSES}, "version=3"),
        ({**GOOD, "derivative_x": np.array([1.0])}, "got 'derivative_x'"),
        ({**GOOD, "hessian": np.array([1.0])}, "got 'hessian'"),
        ({**GOOD, "derivative_0": np.array([F(1)], dtype=object)}, "cannot read"),
        ({**GOOD, "derivative_0": np.array([np.nan])}, "no valid statistics .* sample 0"),
        ({**GOOD, "role": "x", **LOSSES}, "no valid statistics"),
    ],
)
def test_load_bad_archive(tmp_path, entries, message):
    path = tmp_path / "a.npz"
    np.savez(path, **entries)
    with pytest.raises(FormatError, match=message) as caught:
        Statistics.load(path)
    assert "\n" not in str(caught.value)


def test_load_what_is_no_file_of_ours(tmp_path):
    whole = tmp_path / "whole.npz"
    Statistics(floats()).save(whole)
    data = whole.read_bytes()
    contents = {
        "half.npz": data[: len(data) // 2],
        "flipped.npz": data[:200] + bytes(b ^ 255 for b in data[200:260]) + data[260:],
        "header.npz": b"PK",
        "binary.json": b"\xff\xfe\x00",
        "pickle.npz": pickle.dumps([1]),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for name in [*contents, "absent.npz", "."]:
        with pytest.raises(FormatError, match="cannot read") as caught:
            Statistics.load(tmp_path / name)
        assert "\n" not in str(caught.value)
