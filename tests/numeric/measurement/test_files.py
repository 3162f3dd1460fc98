"""Files of measurements: nothing is lost, nothing is believed that was not written."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import relaxed

from sgdiagrams.diagrams.errors import FormatError, StatisticsError
from sgdiagrams.numeric.measurement.files import read_measured, write_measured
from sgdiagrams.numeric.measurement.measured import Measured
from sgdiagrams.numeric.measurement.measurement_file import MeasurementFile
from sgdiagrams.numeric.measurement.rounds import Round
from sgdiagrams.symbolic.contractions.contraction import Contraction

LOSS = Contraction.build([], [[0]])
SQUARE = Contraction.build([(0, 1)], [[0], [1]])
TIED = Contraction.build([(0, 1)], [[0, 1]], labels=["loss", "penalised-loss"])
SHIFT = Contraction.build([], [[0]], free=[0])
FUNCTION = Contraction.build([(0, 1)], [[0], [1]], labels=["loss", "norm"])


@st.composite
def measurements(draw):
    scalars = draw(st.lists(st.sampled_from([LOSS, SQUARE, TIED, FUNCTION]), unique=True))
    vectors = draw(st.sampled_from([(), (SHIFT,)]))
    p = draw(st.integers(0, 3))
    numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
    rounds = []
    for seed, index in draw(st.sets(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=3)):
        groups = draw(st.integers(0, 3))
        shapes = [
            (len(scalars),),
            (groups, len(scalars)),
            (len(vectors), p),
            (groups, len(vectors), p),
        ]
        arrays = [
            np.array(draw(st.lists(numbers, min_size=n, max_size=n)), dtype=float).reshape(shape)
            for shape in shapes
            for n in [int(np.prod(shape))]
        ]
        samples = draw(st.integers(1, 10**6))
        cost = draw(st.floats(0, 1e6))
        rounds.append(Round(seed, index, samples, cost, *arrays))
    return Measured(
        tuple(scalars),
        tuple(rounds),
        draw(st.sampled_from(["sample", "population", "training-set"])),
        draw(st.integers(0, 10**9)),
        p,
        vectors,
        dtype=draw(st.sampled_from(["float32", "float64"])),
        library=draw(st.sampled_from(["jax", "torch"])),
        weight_decay=draw(st.fractions()),
        has_metric=draw(st.booleans()),
        method=draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=9)),
        methods=draw(st.sampled_from([(), ("a",) * (len(scalars) + len(vectors))])),
        notes=tuple(draw(st.lists(st.sampled_from(["", "η", '"'])))),
        data_digest=draw(st.sampled_from(["", "0123"])),
        model_probe=tuple(draw(st.lists(numbers, max_size=3))),
        complete=draw(st.booleans()),
    )


def contents(one):
    words = [getattr(one, name) for name in Measured.__slots__ if not name.startswith("_")]
    arrays = [
        (p.seed, p.index, p.samples, p.gradients, p.values.tobytes(), p.deviations.tobytes(),
         p.vectors.tobytes(), p.vector_deviations.tobytes())
        for p in one.rounds
    ]  # fmt: skip
    return [word for word in words if word is not one.rounds], arrays


def example():
    arrays = np.arange(2.0), np.ones((3, 2)), np.ones((1, 2)), np.ones((3, 1, 2))
    rounds = (Round(0, 0, 8, 4.0, *arrays), Round(0, 1, 8, 4.0, *arrays))
    return Measured((LOSS, SQUARE), rounds, "sample", 16, 2, (SHIFT,), model_probe=(0.5,))


@relaxed
@given(measurements())
def test_what_is_saved_is_loaded(tmp_path_factory, one):
    path = tmp_path_factory.mktemp("measured") / "m.npz"
    one.save(path)
    assert contents(Measured.load(path)) == contents(one)


@relaxed
@given(st.data())
def test_what_was_damaged_is_refused(tmp_path_factory, data):
    """A file says what was written, or an error of one line: a flipped bit makes no other number."""
    path = tmp_path_factory.mktemp("measured") / "m.npz"
    one = example()
    one.save(path)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    words = ""
    try:
        assert contents(Measured.load(path)) == contents(one)
    except FormatError as error:
        words = str(error)
    assert "\n" not in words
    assert len(words) < 600


def rewritten(path, change):
    """Change the header of a file, with a checksum that fits."""
    from sgdiagrams.numeric.measurement.files import checksum_of

    with np.load(path) as archive:
        entries = {name: archive[name] for name in archive.files}
    header = json.loads(entries.pop("header").tobytes())
    del header["checksum"]
    change(header, entries)
    header["checksum"] = checksum_of(header, entries)
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(path, header=text, **entries)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda h, _: h.update(version=2), "version=2"),
        (lambda h, _: h.update(version=True), "version=True"),
        (lambda h, _: h.update(format="x"), "format='x'"),
        (lambda h, _: h.update(more=1), "header"),
        (lambda h, _: h.pop("role"), "header"),
        (lambda h, _: h.update(role="nobody"), "a role among"),
        (lambda h, _: h.update(role=1), "a text under 'role'"),
        (lambda h, _: h.update(has_metric=1), "true or false"),
        (lambda h, _: h.update(methods=["a"]), "a method for every contraction"),
        (lambda h, _: h.update(datapoints=-1), "'datapoints'"),
        (lambda h, _: h.update(dimension=3), "the shape"),
        (lambda h, _: h.update(weight_decay="1/0"), "a fraction"),
        (lambda h, _: h.update(weight_decay=0.5), "a fraction"),
        (lambda h, _: h.update(model_probe=["x"]), "'model_probe'"),
        (lambda h, _: h.update(contractions=[1]), "lists of contractions"),
        (lambda h, _: h.update(contractions=[{"text": "x", "basis": "moment"}] * 2), "such as"),
        (lambda h, _: h["contractions"].reverse() or h["contractions"].pop(), "the shape"),
        (lambda h, _: h.update(contractions=[h["contractions"][0]] * 2), "twice"),
        (lambda h, _: h["rounds"].pop(), "the shape"),
        (lambda h, _: h["rounds"][0].update(groups=10**9), "the shape"),
        (lambda h, _: h["rounds"][0].update(samples=0), "samples"),
        (lambda h, _: h["rounds"][0].update(seed=-1), "whole numbers"),
        (lambda h, _: h["rounds"][0].update(gradients=float("nan")), "a cost"),
        (lambda h, _: h["rounds"][1].update(index=0, samples=9), "got two"),
        (lambda h, _: h["rounds"][0].update(more=0), "in every round"),
        (lambda _, e: e.update(values=e["values"] * np.nan), "finite"),
        (lambda _, e: e.update(vectors=e["vectors"] * np.inf), "finite"),
        (lambda _, e: e.update(values=e["values"][:1]), "the shape"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_wrong_contents_are_refused(tmp_path, change, words):
    path = tmp_path / "m.npz"
    example().save(path)
    rewritten(path, change)
    with pytest.raises(FormatError, match=words) as refused:
        Measured.load(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda h, _: h["rounds"][0].update(samples=9),
        lambda h, _: h.update(role="population"),
        lambda _, e: e.update(deviations=e["deviations"] * 2),
        lambda _, e: e.update(values=-e["values"]),
    ],
)
def test_what_was_edited_is_refused(tmp_path, change):
    """Everything is under the checksum."""
    path = tmp_path / "m.npz"
    example().save(path)
    with np.load(path) as archive:
        entries = {name: archive[name] for name in archive.files}
    header = json.loads(entries.pop("header").tobytes())
    change(header, entries)
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(path, header=text, **entries)
    with pytest.raises(FormatError, match="changed or damaged"):
        Measured.load(path)


def npz(**entries):
    file = io.BytesIO()
    np.savez(file, **entries)
    return file.getvalue()


def with_objects():
    file = io.BytesIO()
    np.savez(file, header=np.array([{}], dtype=object))
    return file.getvalue()


def twice():
    file = io.BytesIO(npz(header=np.zeros(1)))
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("header.npy", b"x")
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        b"{}",
        npz(),
        npz(header=np.zeros(3)),
        npz(header=np.zeros(3, dtype=np.uint8), values=np.zeros(1)),
        npz(header=np.frombuffer(b"[]", dtype=np.uint8), **dict.fromkeys(
            ("values", "deviations", "vectors", "vector_deviations"), np.zeros(0))),
        npz(header=np.frombuffer(b"{", dtype=np.uint8), **dict.fromkeys(
            ("values", "deviations", "vectors", "vector_deviations"), np.zeros(0))),
        with_objects(),
        npz(header=np.zeros(2**26 + 1, dtype=np.uint8)),
    ],
)  # fmt: skip
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "m.npz"
    path.write_bytes(content)
    with pytest.raises(FormatError) as refused:
        Measured.load(path)
    assert "\n" not in str(refused.value)


def test_an_entry_that_is_there_twice_is_refused(tmp_path):
    path = tmp_path / "m.npz"
    path.write_bytes(twice())
    with pytest.raises(FormatError, match="once"):
        Measured.load(path)


def test_names_end_as_what_they_are(tmp_path):
    with pytest.raises(FormatError, match=r"ends in \.npz"):
        example().save(tmp_path / "m.json")
    with pytest.raises(FormatError, match="No such file"):
        Measured.load(tmp_path / "nowhere.npz")


def test_settings_travel_with_the_numbers(tmp_path):
    path = tmp_path / "m.npz"
    write_measured(example(), path, {"seed": 0})
    assert read_measured(path, Measured)[1] == {"seed": 0}


# Under way ----------------------------------------------------------------------------------------------

START = replace(example(), rounds=())
ROUNDS = example().rounds


def test_a_measurement_goes_on_where_it_was_left(tmp_path):
    path = tmp_path / "m.npz"
    settings = {"seed": 0, "groups": [8, 16], "decay": Fraction(1, 3)}
    with MeasurementFile(path, settings, START) as file:
        file.add(ROUNDS[0])
    half = Measured.load(path)
    assert (len(half.rounds), half.complete) == (1, False)
    with MeasurementFile(path, settings, START) as file:
        assert contents(file.measured) == contents(half)
        file.add(ROUNDS[1])
        file.finish()
    assert contents(Measured.load(path)) == contents(example())
    assert contents(file.measured) == contents(example())


def test_errors_and_interrupts_lose_nothing(tmp_path):
    path = tmp_path / "m.npz"

    def measure(part, kind):
        with MeasurementFile(path, {}, START) as file:
            file.add(part)
            raise kind

    for part, kind in zip(ROUNDS, (KeyboardInterrupt, ValueError), strict=True):
        with pytest.raises(kind):
            measure(part, kind)
    assert len(Measured.load(path).rounds) == 2


def test_it_is_saved_while_it_goes_on(tmp_path, monkeypatch):
    from sgdiagrams.numeric.measurement import measurement_file

    now = [1000.0]
    monkeypatch.setattr(measurement_file, "monotonic", lambda: now[0])
    path = tmp_path / "m.npz"
    with MeasurementFile(path, {}, START) as file:
        file.add(ROUNDS[0])
        assert len(Measured.load(path).rounds) == 1
        now[0] += 1
        file.add(ROUNDS[1])
        assert len(Measured.load(path).rounds) == 1
        now[0] += 59
        file.add(replace(ROUNDS[1], index=2))
        assert len(Measured.load(path).rounds) == 3


@pytest.mark.parametrize(
    ("settings", "start", "words"),
    [
        ({"seed": 1}, START, "other settings"),
        ({"seed": 0}, replace(START, role="population"), "the same measurement"),
        ({"seed": 0}, replace(START, model_probe=(0.6,)), "the same measurement"),
        ({"seed": 0}, replace(START, contractions=(SQUARE, LOSS)), "the same measurement"),
    ],
)
def test_another_measurement_is_not_gone_on_with(tmp_path, settings, start, words):
    path = tmp_path / "m.npz"
    with MeasurementFile(path, {"seed": 0}, START) as file:
        file.add(ROUNDS[0])
    before = path.read_bytes()
    with pytest.raises(FormatError, match=words), MeasurementFile(path, settings, start):
        pass
    assert path.read_bytes() == before
    with MeasurementFile(path, {"seed": 0}, START):  # the lock is free again
        pass


def test_results_that_were_only_saved_do_not_go_on(tmp_path):
    path = tmp_path / "m.npz"
    example().save(path)
    with pytest.raises(FormatError, match="without its settings"), MeasurementFile(path, {}, START):
        pass


def test_one_process_at_a_time(tmp_path):
    path = tmp_path / "m.npz"
    with (
        MeasurementFile(path, {}, START),
        pytest.raises(FormatError, match="nobody else"),
        MeasurementFile(path, {}, START),
    ):
        pass


def test_wrong_numbers_stop_a_measurement(tmp_path):
    path = tmp_path / "m.npz"
    wrong = replace(ROUNDS[0], values=np.array([1.0, np.nan]))
    with pytest.raises(StatisticsError, match="finite"), MeasurementFile(path, {}, START) as file:
        file.add(wrong)
    assert not path.exists()


KILLED = """
import sys
sys.path.insert(0, {tests!r})
from dataclasses import replace
from importlib import util
spec = util.spec_from_file_location("these", {this!r})
these = util.module_from_spec(spec); spec.loader.exec_module(these)
from sgdiagrams.numeric.measurement import measurement_file
measurement_file._SECONDS = 0
with measurement_file.MeasurementFile({path!r}, {{}}, these.START) as file:
    for index in range(len(file.measured.rounds), 100_000):
        file.add(replace(these.ROUNDS[0], index=index))
        print(index, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_process_that_is_killed_leaves_a_whole_file(tmp_path):
    path = tmp_path / "m.npz"
    folder = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    code = KILLED.format(tests=folder, this=__file__, path=str(path))
    known = 0
    for lines in (3, 17):
        run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        for _ in range(lines):
            run.stdout.readline()
        time.sleep(0.003 * lines)  # anywhere in a round
        run.send_signal(signal.SIGKILL)
        run.communicate()
        left = Measured.load(path)
        assert len(left.rounds) >= known + lines
        assert [part.index for part in left.rounds] == list(range(len(left.rounds)))
        known = len(left.rounds)
