"""The pictures in the guides are what is drawn now; their script runs, and is recorded."""

import importlib.util
import json
import re
import shlex

import pytest
from click.testing import CliRunner
from layout import ROOT

from sgdiagrams.commands import main as sgdiagrams


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


draw_guides = load(ROOT / "docs" / "draw_guides.py")


def test_pictures_are_up_to_date():
    for name, svg in draw_guides.pictures().items():
        kept = (draw_guides.FOLDER / f"{name}.svg").read_text(encoding="utf-8")
        assert kept == svg, "run python docs/draw_guides.py"


def numbers(printed):
    """Return the first line of a table -> its numbers."""
    rows = re.findall(r"^  (\S.{17}) ( *\d[\d. ]*\d)  ([a-z ]+)$", printed, flags=re.MULTILINE)
    return {name.strip(): ([float(x) for x in row.split()], words) for name, row, words in rows}


def test_the_script_of_the_engineers_is_predicted(monkeypatch, capsys):
    torch = pytest.importorskip("torch")
    monkeypatch.syspath_prepend(ROOT / "examples")
    threads = torch.get_num_threads()
    recorded = (ROOT / "examples" / "records" / "predict_training.json").read_text("utf-8")
    kept = numbers("\n".join(json.loads(recorded)["printed"]))
    script = importlib.import_module("predict_training")
    assert list(kept) == list(script.SETTINGS)
    for (_, value, error, trained, its_error), words in kept.values():
        assert words == "trustworthy"
        assert abs(value - trained) < 4 * (error + its_error)
    names = ["1 epoch", "batch size 32"]
    try:
        arguments = ["--runs", "40", "--samples", "16", "--settings", *names]
        assert script.main(arguments) == 0
    finally:
        torch.set_num_threads(threads)
    now = numbers(capsys.readouterr().out)
    assert list(now) == names
    for name, ((noiseless, value, error, trained, its_error), _) in now.items():
        assert noiseless == kept[name][0][0]
        assert abs(value - kept[name][0][1]) < 5 * error
        assert abs(trained - kept[name][0][3]) < 5 * its_error


def test_commands_in_the_tables_for_readers_of_the_paper_work(tmp_path, monkeypatch):
    """All but corrections, which the page of errata runs, and scripts, which have tests of their own."""
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "guides" / "reader-of-the-paper.md").read_text("utf-8")
    errata = (ROOT / "docs" / "errata.md").read_text("utf-8")
    rows = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    for script in re.findall(r"`python (examples/\w+\.py)`", rows):
        assert (ROOT / script).exists(), script
    for name in re.findall(r"errata\.md#([\w-]+)|results --errata ([\w-]+)`", rows):
        assert f"\n## {''.join(name)}\n" in errata, name
    commands = set(re.findall(r"`sgdiagrams ([^`]*)`", rows))
    run = {c for c in commands if c.startswith(("results", "expand --", "list"))}
    run -= {c for c in commands if "--errata" in c}
    assert len(run) >= 15
    for command in run:
        monkeypatch.setattr("sys.argv", ["sgdiagrams", *shlex.split(command)])
        with CliRunner().isolation() as (output, *_), pytest.raises(SystemExit) as stop:
            sgdiagrams()
        assert stop.value.code == 0, command
        assert output.getvalue(), command
