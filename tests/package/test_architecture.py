"""The map of the rooms is what the contracts say, and what the docstrings say."""

import importlib.util
import re
import subprocess

from layout import ROOT


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


draw_rooms = load(ROOT / "docs" / "draw_rooms.py")


def test_the_map_is_up_to_date():
    advice = "run python docs/draw_rooms.py"
    assert draw_rooms.PICTURE.read_text(encoding="utf-8") == draw_rooms.picture(), advice
    text = draw_rooms.PAGE.read_text(encoding="utf-8")
    assert text == draw_rooms.page(text), advice
    text = draw_rooms.GLOSSARY.read_text(encoding="utf-8")
    assert text == draw_rooms.glossary(text), advice
    assert draw_rooms.WORDS.read_text(encoding="utf-8") == draw_rooms.glossary_words(text), advice
    text = draw_rooms.DECISIONS.read_text(encoding="utf-8")
    assert text == draw_rooms.decisions(text), advice
    titles = re.findall(r"^\* \[(\d{4}) \S.*\]\((\d{4})-", text, flags=re.MULTILINE)
    assert all(number == name for number, name in titles)
    assert len(titles) == len(list(draw_rooms.DECISIONS.parent.glob("[0-9]*.md")))


def test_every_sub_room_says_what_it_knows_and_what_it_does_not():
    for room in draw_rooms.ROOMS:
        for layer in draw_rooms.layers(room):
            for name in layer:
                words = draw_rooms.sentence(room, name)
                assert words, f"{room}/{name} has no docstring"
                if (ROOT / room / name).is_dir():
                    assert "; " in words, f"{room}/{name}: {words}"


def test_no_folder_is_crowded():
    for room in ("diagrams", "symbolic", "numeric", "package"):
        for folder in {path.parent for path in (ROOT / room).rglob("*.py")}:
            modules = [path for path in folder.glob("*.py") if path.stem != "__init__"]
            assert len(modules) <= 13, f"{folder.relative_to(ROOT)} has {len(modules)} modules"


# What a repository of this kind has at its top; anything else was left by accident.
AT_THE_TOP = {
    ".ci", ".gitignore", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "README.md",
    "benchmarks", "diagrams", "docs", "examples", "numeric", "package", "pyproject.toml", "setup.cfg",
    "symbolic", "tests",
}  # fmt: skip


def test_nothing_is_left_at_the_top():
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode:
        names = {path.name for path in ROOT.iterdir()} - {"build", ".git", ".venv"}
        names = {n for n in names if not n.endswith(("_cache", ".egg-info", "__pycache__"))}
    else:
        names = {name.split("/")[0] for name in listing.stdout.split("\0") if name}
    assert names <= AT_THE_TOP, f"not at home here: {sorted(names - AT_THE_TOP)}"
