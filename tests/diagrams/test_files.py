"""Writing destroys nothing that was not asked for; reading takes text as other programs write it."""

import json
import math
import os
import stat
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from command_line import good, run

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.diagrams.files import decoded, json_text, output_file, read_text
from sgdiagrams.numeric.statistics import Statistics


def write(path, text="new"):
    with output_file(path) as file:
        file.write(text.encode())


def fail(target):
    with output_file(target) as file:
        file.write(b"half")
        raise RuntimeError


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_new_file_has_the_usual_mode(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "a")
    finally:
        os.umask(before)
    assert mode(tmp_path / "a") == 0o640
    assert (tmp_path / "a").read_text() == "new"


def test_a_file_keeps_its_mode(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o600)
    write(path)
    assert (mode(path), path.read_text()) == (0o600, "new")
    assert names(tmp_path) == ["a"]


def test_nothing_changes_when_something_is_raised(tmp_path):
    path, new = tmp_path / "a", tmp_path / "b"
    path.write_text("old")
    os.link(path, tmp_path / "c")

    for target in (path, tmp_path / "c", new):
        with pytest.raises(RuntimeError):
            fail(target)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a", "c"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    path, link = tmp_path / "folder" / "a", tmp_path / "link"
    path.write_text("old")
    link.symlink_to(path)
    write(link)
    assert link.is_symlink()
    assert path.read_text() == "new"
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "folder" / "b")
    write(dangling)
    assert dangling.is_symlink()
    assert names(tmp_path / "folder") == ["a", "b"]


def test_hard_links_stay_together(tmp_path):
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_text("something longer")
    os.link(path, other)
    write(path)
    assert other.read_text() == "new"
    assert path.samefile(other)


def test_a_read_only_file_is_refused(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(FormatError, match="read-only"):
        write(path)
    assert path.read_text() == "old"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_gets_the_text(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write(pipe)
    reader.join(timeout=10)
    assert got == ["new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="not the superuser")
def test_a_device_stays_a_device(tmp_path):
    node = tmp_path / "null"
    os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    write(node)
    assert stat.S_ISCHR(node.stat().st_mode)
    assert good("expand", "--order", "1", "--output", node) == ""
    assert stat.S_ISCHR(node.stat().st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="descriptors have no names")
def test_what_is_held_open_goes_on_where_it_stands(tmp_path):
    path = tmp_path / "log"
    with path.open("w") as log:
        log.write("first ")
        log.flush()
        for name in (f"/dev/fd/{log.fileno()}", f"/proc/self/fd/{log.fileno()}"):
            write(name, "new ")
        log.seek(0, os.SEEK_END)
        log.write("last")
    assert path.read_text() == "first new new last"


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="there is no such folder")  # noqa: S108
def test_files_in_memory_are_replaced_like_others():
    path = Path(f"/dev/shm/sgdiagrams-{os.getpid()}")  # noqa: S108
    path.write_text("old")
    try:
        with pytest.raises(RuntimeError):
            fail(path)
        assert path.read_text() == "old"
        write(path)
        assert path.read_text() == "new"
    finally:
        path.unlink()


def test_directories_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing" / "a"):
        with pytest.raises(FormatError, match="directory"):
            write(path)
    with pytest.raises(FormatError, match="directory"):
        read_text(tmp_path)
    with pytest.raises(FormatError, match="existing file"):
        read_text(tmp_path / "missing")


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_text_as_other_programs_write_it(encoding, tmp_path):
    path = tmp_path / "a"
    path.write_text("η = 1", encoding=encoding)
    assert read_text(path) == "η = 1"


def test_bytes_that_are_no_text_are_refused():
    for content in (b"\xff", b"\xff\xfe\x00", b"caf\xe9"):
        with pytest.raises(FormatError, match="UTF-8"):
            decoded(content, name="a")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_reader_takes_marked_text(encoding, tmp_path):
    formula, grid, factors, exact = (
        tmp_path / name for name in ("e.json", "g.json", "f", "s.json")
    )
    formula.write_text(good("expand", "--order", "1", "--format", "json"), encoding=encoding)
    grid.write_text("[[0], [1]]", encoding=encoding)
    factors.write_text("1\n0.5\n", encoding=encoding)
    statistics = Statistics.from_samples({0: [1, 2], 1: [[1], [3]]}, role="population")
    statistics.save(exact)
    exact.write_text(exact.read_text(encoding="utf-8"), encoding=encoding)
    numbers = ["--set", "eta=1/2", "--set", "T=1", "--format", "json"]
    data = json.loads(good("evaluate", formula, "--statistics", exact, *numbers))
    assert Fraction(data["value"]) == Fraction(3, 2) - 2
    good("expand", "--order", "1", "--sampling", f"grid:{grid}", "--schedule", f"file:{factors}")


def test_statistics_from_standard_input(tmp_path):
    statistics = Statistics.from_samples({0: [1.0, 2.0], 1: [[1.0], [3.0]]}, role="population")
    statistics.save(tmp_path / "s.npz")
    arguments = ["drift", "--set", "eta=1/10", "--statistics"]
    Statistics.from_samples({k: np.ones((2, *[1] * k)) for k in range(4)}, role="population").save(
        tmp_path / "d.npz"
    )
    piped = run(*arguments, "-", text=(tmp_path / "d.npz").read_bytes())
    assert piped.returncode == 0, piped.stderr
    assert piped.stdout == good(*arguments, tmp_path / "d.npz")
    broken = run(*arguments, "-", text="nothing")
    assert broken.returncode == 2
    assert "standard input" in broken.stderr


def test_json_is_strict():
    data = {
        "a": [math.inf, -math.inf, math.nan, 1.5],
        "b": (np.int64(2), np.float64(0.5), np.float64("nan"), True, None, "x"),
        "c": Fraction(-3, 2),
    }
    text = json_text(data)
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": [None, None, None, 1.5],
        "b": [2, 0.5, None, True, None, "x"],
        "c": "-3/2",
    }
    with pytest.raises(TypeError):
        json_text({"a": object()})
