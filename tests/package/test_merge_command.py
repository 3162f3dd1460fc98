"""``sgdiagrams merge``: files of several machines as one, whatever their order."""

import json

import numpy as np
import pytest
from command_line import good, run
from measurements import needed, round_of

import sgdiagrams as sd
from sgdiagrams import Measured

EXPANSION = sd.expand("test-loss", order=2, sampling="one-pass")


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """Write three measurements of the same contractions on different datapoints."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    scalars, vectors = needed(EXPANSION)
    for index in range(3):
        h = rng.normal(size=(12, 2, 2))
        samples = {
            0: rng.normal(size=12),
            1: rng.normal(size=(12, 2)),
            2: h + h.transpose(0, 2, 1),
        }
        part = round_of(sd.Statistics.from_samples(samples), scalars, vectors, index=index)
        one = Measured(tuple(scalars), (part,), "sample", 36, 2, tuple(vectors), data_digest="d")
        one.save(f"m{index}.npz")
    return tmp_path


def test_order_and_steps_make_no_difference(parts):
    table = good("merge", "m0.npz", "m1.npz", "m2.npz", "--output", "all.npz")
    assert "3 rounds" in table
    good("merge", "m2.npz", "m0.npz", "--output", "two.npz")
    assert good("merge", "m1.npz", "two.npz", "m0.npz", "--output", "again.npz") == table
    numbers = [
        EXPANSION.evaluate(Measured.load(parts / name), eta=0.05, T=10).to_dict()
        for name in ("all.npz", "again.npz")
    ]
    assert numbers[0] == numbers[1]
    both = [
        EXPANSION.evaluate(Measured.load(parts / f"m{i}.npz"), eta=0.05, T=10) for i in range(3)
    ]
    assert numbers[0]["value"] == pytest.approx(sum(e.value for e in both) / 3)


def test_one_of_the_files_may_take_the_result(parts):
    done = run("merge", "m0.npz", "m1.npz", "--output", "m0.npz", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "wrote m0.npz\n")
    assert json.loads(done.stdout)["rounds"] == 2
    assert len(Measured.load(parts / "m0.npz").rounds) == 2


def test_other_files_stay_as_they_are(parts):
    before = (parts / "m2.npz").read_bytes()
    done = run("merge", "m0.npz", "m1.npz", "--output", "m2.npz")
    assert done.returncode == 2
    assert done.stderr == (
        "sgdiagrams: error: expected --output to be a new file or one of the merged ones, got "
        "'m2.npz', which exists\n"
    )
    assert (parts / "m2.npz").read_bytes() == before


@pytest.mark.parametrize("other", ["no.npz", "broken.npz", "other.npz"])
def test_what_does_not_fit_is_refused(other, parts):
    (parts / "broken.npz").write_bytes((parts / "m1.npz").read_bytes()[:-100])
    rng = np.random.default_rng(1)
    statistics = sd.Statistics.from_samples({0: rng.normal(size=9), 1: rng.normal(size=(9, 2))})
    scalars, vectors = needed(sd.expand("test-loss", order=1, sampling="one-pass"))
    part = round_of(statistics, scalars, vectors)
    Measured(tuple(scalars), (part,), "sample", 9, 2, tuple(vectors)).save(parts / "other.npz")
    done = run("merge", "m0.npz", other, "--output", "m.npz")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert not (parts / "m.npz").exists()
