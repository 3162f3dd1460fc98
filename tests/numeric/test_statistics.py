from __future__ import annotations

import json
import pickle
import zipfile
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgdiagrams.diagrams.errors import DiagramError, FormatError, StatisticsError
from sgdiagrams.numeric.statistics import ROLES, Statistics
from sgdiagrams.symbolic.contractions.contraction import Contraction

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
    assert list(one.functions) == list(other.functions)
    pairs = [(one.weights, other.weights), (one.start, other.start)]
    for name, orders in one.functions.items():
        assert list(orders) == list(other.functions[name])
        pairs += [(array, other.functions[name][k]) for k, array in orders.items()]
    for array, copy in pairs:
        assert (array is None) == (copy is None)
        if array is not None:
            assert isinstance(copy, np.ndarray)
            assert (array.dtype, array.shape) == (copy.dtype, copy.shape)
            assert (array == copy).all()


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


# Functions and start ------------------------------------------------------------------------------

NORM = {0: F(5, 4), 1: [F(1), F(-2)], 2: [[2, 0], [0, 2]]}
FUNCTIONS = {"norm": NORM, "a_1": {1: [1, 2]}, "a": {0: 3, 2: [[0, 1], [1, 0]]}}


def as_floats(functions):
    return {
        name: {k: np.asarray(v, dtype=float) for k, v in orders.items()}
        for name, orders in functions.items()
    }


def test_functions_and_start():
    exact = Statistics.from_samples(fractions(), functions=FUNCTIONS, start=[1, F(1, 2)])
    assert repr(exact) == (
        "<Statistics: sample of 3, 2 parameters, derivatives 0, 1, 2, functions a, a_1, norm, "
        "start, exact>"
    )
    assert list(exact.functions["norm"]) == [0, 1, 2]
    assert exact.functions["norm"][0][()] == F(5, 4)
    assert exact.functions["a"][2].tolist() == [[0, 1], [1, 0]]
    assert all(type(x) is Fraction for x in exact.functions["a"][2].flat)
    assert exact.start.tolist() == [F(1), F(1, 2)]
    floating = Statistics.from_samples(floats(), functions={"a": FUNCTIONS["a"]}, start=[1, 2])
    assert {a.dtype for a in (*floating.functions["a"].values(), floating.start)} == {
        np.dtype(np.float64)
    }
    plain = Statistics.from_samples(floats())
    assert (dict(plain.functions), plain.start) == ({}, None)
    assert Statistics(floats(), "sample", None, None, None).functions == {}


def test_the_dimension_may_come_from_functions():
    losses = {0: [1, 2]}
    assert Statistics.from_samples(losses, functions={"s": {0: 1}}).dimension is None
    assert Statistics.from_samples(losses, functions={"s": {0: 1}}, start=[1, 2]).dimension == 2
    functions = {"s": {0: 1}, "t": {2: np.zeros((3, 3), int)}}
    assert Statistics.from_samples(losses, functions=functions).dimension == 3
    with pytest.raises(StatisticsError, match=r"expected shape=\(3,\) for start"):
        Statistics.from_samples(losses, functions=functions, start=[1, 2])


def test_functions_are_immutable():
    gradient = np.array([1.0, 2.0])
    inner = {1: gradient}
    outer = {"s": inner}
    statistics = Statistics.from_samples(floats(), functions=outer, start=gradient)
    gradient[0] = 7.0
    inner[0] = 1.0
    outer["t"] = inner
    assert list(statistics.functions) == ["s"]
    assert list(statistics.functions["s"]) == [1]
    for array in (statistics.functions["s"][1], statistics.start):
        assert array.tolist() == [1.0, 2.0]
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 3.0
    with pytest.raises(TypeError):
        statistics.functions["t"] = {}
    with pytest.raises(TypeError):
        statistics.functions["s"][0] = gradient
    with pytest.raises(AttributeError):
        statistics.start = gradient


@pytest.mark.parametrize(
    ("functions", "start", "message"),
    [
        ([1], None, "expected functions as a mapping .* got list"),
        ({"loss": {0: 1}}, None, "other than loss and penalised-loss, got name='loss'"),
        ({"penalised-loss": {0: 1}}, None, "got name='penalised-loss'"),
        ({"": {0: 1}}, None, "got name=''"),
        ({"1s": {0: 1}}, None, "a letter first.* got name='1s'"),
        ({"s s": {0: 1}}, None, "got name='s s'"),
        ({"s\n": {0: 1}}, None, r"got name='s\\n'"),
        ({"x" * 62: {0: 1}}, None, "got name='xxx"),
        ({3: {0: 1}}, None, "got name='3'"),
        ({"s": {}}, None, "derivative of function 's', got dict without entries"),
        ({"s": [1.0]}, None, "derivative of function 's', got list"),
        ({"s": {"0": 1}}, None, "got key='0'"),
        ({"s": {True: [1.0, 1.0]}}, None, "got key=True"),
        ({"s": {0: [1.0, 2.0]}}, None, r"0 axes .* derivative 0 of function 's', .* shape=\(2,\)"),
        (
            {"s": {1: 1.0}},
            None,
            r"1 axes of length p for derivative 1 of function 's'.* shape=\(\)",
        ),
        ({"s": {1: [[1.0, 2.0]] * 3}}, None, r"without a sample axis, got shape=\(3, 2\)"),
        ({"s": {1: [1.0]}}, None, r"shape=\(2,\) for derivative 1 of function 's', .*=\(1,\)"),
        ({"s": {2: np.zeros((2, 3))}}, None, r"shape=\(2, 2\) for derivative 2 of function 's'"),
        ({"s": {1: []}}, None, r"got shape=\(0,\)"),
        ({"s": {1: [np.nan, 1.0]}}, None, r"NaN .* 1 of function 's', first at entry \(0,\)$"),
        ({"s": {0: np.inf}}, None, "NaN or infinity in derivative 0 of function 's'$"),
        (
            {"s": {2: [[1.0, 2.0], [3.0, 4.0]]}},
            None,
            "of function 's' symmetric .* asymmetric one$",
        ),
        ({"s": {0: "x"}}, None, "in derivative 0 of function 's', got dtype=<U1"),
        ({"s": {1: [[1.0], [1.0, 2.0]]}}, None, "of function 's', got rows of unequal length"),
        ({"s": {1: [F(1), 0.5]}}, None, "exact derivative 1 of function 's' and floating deriv"),
        ({"s": {0: F(1, 2)}}, None, "exact derivative 0 of function 's' and floating derivative 0"),
        ({}, [1.0], r"expected shape=\(2,\) for start, got shape=\(1,\)"),
        ({}, 1.0, r"expected 1 axes of length p for start, without a sample axis, got shape=\(\)"),
        ({}, [np.inf, 1.0], r"NaN or infinity in start, first at entry \(0,\)"),
        ({}, [F(1), F(2)], "exact start and floating derivative 0"),
        ({}, ["a", "b"], "in start, got dtype"),
    ],
)
def test_bad_functions_and_start(functions, start, message):
    with pytest.raises(StatisticsError, match=message) as caught:
        Statistics.from_samples(floats(), functions=functions, start=start)
    assert "\n" not in str(caught.value)


def test_exact_functions_name_the_wrong_entry():
    for wrong in (0.5, None, "1"):
        with pytest.raises(StatisticsError, match=r"in start, got .* at entry \(1,\)$"):
            Statistics.from_samples(fractions(), start=np.array([F(1), wrong], dtype=object))
    with pytest.raises(StatisticsError, match=r"0 of function 's', got NoneType None$"):
        Statistics.from_samples(fractions(), functions={"s": {0: None}})


@settings(max_examples=100)
@given(st.text(max_size=4) | st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,64}", fullmatch=True))
def test_names_are_the_labels_of_contractions(name):
    def accepts(make):
        try:
            make()
        except (DiagramError, StatisticsError):
            return False
        return True

    is_label = accepts(lambda: Contraction.build([], [[0]], labels=[name]))
    is_name = accepts(lambda: Statistics.from_samples({0: [1]}, functions={name: {0: 1}}))
    assert is_name == (is_label and name not in ("loss", "penalised-loss"))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", ["exact", "float"])
def test_functions_round_trip(tmp_path, role, kind):
    weights = [F(1, 2), F(1, 4), F(1, 4)] if role == "population" else None
    samples, functions, start = fractions(), {**FUNCTIONS, "b-2_": {0: 7}}, [F(1, 3), 2]
    if kind == "float":
        samples, functions = floats(), as_floats(functions)
        weights = None if weights is None else [float(w) for w in weights]
        start = [0.1, -2.0]
    statistics = Statistics.from_samples(
        samples, role=role, weights=weights, functions=functions, start=start
    )
    path = tmp_path / ("a.json" if kind == "exact" else "a.npz")
    for chosen in (statistics, Statistics.from_samples(samples, functions=functions)):
        chosen.save(path)
        assert_same(Statistics.load(path), chosen)
        assert_same(pickle.loads(pickle.dumps(chosen)), chosen)  # noqa: S301 - our own bytes


def test_names_in_files(tmp_path):
    statistics = Statistics.from_samples(
        floats(), functions={"a_1": {1: [1.0, 2.0]}, "a": {0: 1.0}}, start=[0.0, 1.0]
    )
    statistics.save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        names = set(archive.files)
    assert {"function_a_1_1", "function_a_0", "start"} <= names
    exact = Statistics.from_samples({1: [[1, 2]]}, functions={"s": {0: F(1, 2), 1: [3, 4]}})
    exact.save(tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    assert document["functions"] == {"s": {"0": "1/2", "1": ["3", "4"]}}
    assert "start" not in document


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


@pytest.mark.parametrize("n", [3, 7, 1000])
def test_weights_in_single_precision_sum_to_one_in_single_precision(n):
    rng = np.random.default_rng(n)
    short = rng.random(n).astype(np.float32)
    short /= short.sum()
    assert abs(short.astype(float).sum() - 1) > 1e-9
    found = Statistics.from_samples({0: np.ones(n)}, role="population", weights=short).weights
    np.testing.assert_allclose(found, short, rtol=1e-6)
    assert found.sum() == pytest.approx(1, abs=1e-15)
    for wrong in (short * np.float32(1.001), short.astype(float)):
        with pytest.raises(StatisticsError, match="sum 1"):
            Statistics.from_samples({0: np.ones(n)}, role="population", weights=wrong)


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


def with_key(key, value):
    return json.dumps({**GOOD, "derivatives": {"0": ["1"]}, key: value})


def test_files_without_functions_are_as_before(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**GOOD, "derivatives": {"0": ["1/2"]}, "weights": None}))
    assert_same(Statistics.load(path), Statistics({0: [F(1, 2)]}))
    archive = tmp_path / "a.npz"
    np.savez(archive, **GOOD, **LOSSES)
    assert_same(Statistics.load(archive), Statistics({0: [1.0]}))


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
        (json.dumps({**GOOD, "derivatives": {"00": ["1"]}}), "derivatives as keys, got '00'"),
        (json.dumps({**GOOD, "derivatives": {"1_0": ["1"]}}), "got '1_0'"),
        (with_key("functions", []), "an object under 'functions'"),
        (with_key("functions", None), "an object under 'functions'"),
        (with_key("functions", {"s": ["1"]}), "an object under 's'"),
        (with_key("functions", {"s": {}}), "no valid .* derivative of function 's'"),
        (with_key("functions", {"s": {"x": "1"}}), "got 'x'"),
        (with_key("functions", {"s": {"0": None}}), "such as '-3/2', got None"),
        (with_key("functions", {"s": {"0": {"a": 1}}}), "such as '-3/2', got {'a': 1}"),
        (with_key("functions", {"s": {"0": 0.5}}), r"such as '-3/2', got 0\.5"),
        (with_key("functions", {"s": {"0": ["1"]}}), r"no valid .* got shape=\(1,\)"),
        (with_key("functions", {"loss": {"0": "1"}}), "no valid .* got name='loss'"),
        (with_key("functions", {"a b\n": {"0": "1"}}), r"no valid .* got name='a b\\n'"),
        (with_key("functions", {"s": {"9" * 6: "1"}}), "no valid .* expected 999999 axes"),
        (with_key("functions", {"s": {"9" * 7: "1"}}), "got '9999999'"),
        (with_key("start", "1"), r"no valid .* axes of length p for start.* shape=\(\)"),
        (with_key("start", [1]), "such as '-3/2', got 1"),
        (with_key("start", {"0": "1"}), "such as '-3/2', got {'0': '1'}"),
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
        ({**GOOD, **LOSSES, "derivative_00": np.array([1.0])}, "got 'derivative_00'"),
        ({**GOOD, **LOSSES, "function_s": np.array(1.0)}, "got 'function_s'"),
        ({**GOOD, **LOSSES, "function__0": np.array(1.0)}, "got 'function__0'"),
        ({**GOOD, **LOSSES, "function_s_x": np.array(1.0)}, "got 'function_s_x'"),
        ({**GOOD, **LOSSES, "function_s_01": np.array(1.0)}, "got 'function_s_01'"),
        ({**GOOD, **LOSSES, "function_loss_0": np.array(1.0)}, "no valid .* got name='loss'"),
        ({**GOOD, **LOSSES, "function_s_1": np.array(1.0)}, r"no valid .* got shape=\(\)"),
        ({**GOOD, **LOSSES, "function_s_0": np.array("x")}, "no valid .* got dtype=<U1"),
        ({**GOOD, **LOSSES, "function_s_0": np.array(None)}, "cannot read"),
        ({**GOOD, **LOSSES, "start": np.array([np.nan])}, "no valid .* NaN or infinity in start"),
        ({**GOOD, **LOSSES, "start": np.array([["x"]])}, "no valid .* in start, got dtype=<U1"),
    ],
)
def test_load_bad_archive(tmp_path, entries, message):
    path = tmp_path / "a.npz"
    np.savez(path, **entries)
    with pytest.raises(FormatError, match=message) as caught:
        Statistics.load(path)
    assert "\n" not in str(caught.value)


def test_members_that_are_no_arrays(tmp_path):
    """A zip file may hold anything: members without the ending .npy come as bytes."""
    for name, message in [("format", "got format=b"), ("derivative_0", "no valid statistics")]:
        path = tmp_path / f"{name}.npz"
        np.savez(path, **{k: v for k, v in {**GOOD, **LOSSES}.items() if k != name})
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(name, b"sgdiagrams-statistics")
        with pytest.raises(FormatError, match=message) as caught:
            Statistics.load(path)
        assert "\n" not in str(caught.value)


FOREIGN = {
    "masked": lambda: np.ma.array([1.0, 2.0], mask=[0, 1]),
    "masked without a mask": lambda: np.ma.array([1.0, 2.0]),
    "complex": lambda: np.array([1.0 + 0j, 2.0]),
    "booleans": lambda: np.array([True, False]),
    "text": lambda: np.array(["1", "2"]),
    "times": lambda: np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]"),
    "objects": lambda: np.array([1, object()], dtype=object),
    "sparse": lambda: pytest.importorskip("scipy.sparse").coo_array(np.eye(2)),
    "a tensor with gradients": lambda: tensor([1.0, 2.0], requires_grad=True),
    "a short float": lambda: tensor([1.0, 2.0]).bfloat16(),
    "a sparse tensor": lambda: tensor([1.0, 2.0]).to_sparse(),
}


def tensor(*values, **options):
    return pytest.importorskip("torch", reason="PyTorch is not installed").tensor(
        *values, **options
    )


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN.keys())
def test_arrays_whose_meaning_a_conversion_would_lose_are_refused(make):
    with pytest.raises(StatisticsError) as caught:
        Statistics.from_samples({0: make()})
    assert len(str(caught.value).splitlines()) == 1


def test_plain_tensors_are_taken():
    statistics = Statistics.from_samples({1: tensor([[1.0, 2.0]])})
    assert statistics.samples[1].tolist() == [[1.0, 2.0]]


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


def test_archives_that_unpack_to_much_more_are_refused_before_they_do(tmp_path):
    path = tmp_path / "bomb.npz"
    zeros = np.zeros((10**7, 2))
    header = {"format": "sgdiagrams-statistics", "version": 1, "role": "population"}
    np.savez_compressed(path, **header, derivative_1=zeros)
    assert path.stat().st_size < 10**6
    with pytest.raises(FormatError, match="bytes that unpack to 160000"):
        Statistics.load(path)
    np.savez(path, **header | {"role": "x" * 5000}, derivative_1=zeros[:2])
    with pytest.raises(FormatError, match="short role"):
        Statistics.load(path)
    np.savez_compressed(path, **header, derivative_1=zeros[:1000])
    assert Statistics.load(path).samples[1].shape == (1000, 2)


def test_unknown_entries_are_refused(tmp_path):
    path = tmp_path / "exact.json"
    Statistics.from_samples({1: [[1], [2]]}, role="population").save(path)
    data = json.loads(path.read_text())
    for change in ({"weigths": None}, {"more": 1}):
        path.write_text(json.dumps(data | change))
        with pytest.raises(FormatError, match="expected no entries but"):
            Statistics.load(path)
