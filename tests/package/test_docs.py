"""The examples of all pages are run, Python and console in reading order; every link points somewhere.

Commands that are not run, and those in prose, name programs, scripts, options and extras that are there.
"""

import ast
import importlib.util
import re
import sys

import pytest
from layout import ROOT


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # where dataclasses look for their module
    spec.loader.exec_module(module)
    return module


run_blocks = load(ROOT / "docs" / "run_blocks.py")
commands = load(ROOT / "docs" / "commands.py")

ALL_PAGES = [ROOT / "README.md", *run_blocks.PAGES]


def page_name(page):
    return str(page.relative_to(ROOT))


def in_prose(text):
    """Return a page without its blocks of code."""
    return run_blocks.BLOCK.sub("", text)


@pytest.mark.parametrize("page", run_blocks.PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples(page):
    text = page.read_text(encoding="utf-8")
    ours = re.findall(r"^\$ (sgdiagrams .*)", text, flags=re.MULTILINE)
    if any(".py:" in command for command in ours):
        pytest.importorskip("jax", reason="the models on this page need JAX")
    if any("wine.py:" in command for command in ours):
        pytest.importorskip("torch", reason="the model on this page needs PyTorch")
    for library in ("dask", "jax", "optax", "torch"):
        if re.search(rf"^(?:>>> )?import {library}\b", text, flags=re.MULTILINE):
            pytest.importorskip(library, reason=f"the examples on this page need {library}")
    done = run_blocks.run_page(page)
    assert done.failures == 0
    advice = f"run python docs/run_blocks.py --write {page.relative_to(ROOT)}"
    stale = [f"{shown.command}\n{shown.printed}" for shown in done.stale]
    assert not stale, "\n".join([advice, *stale])
    assert len(list(filter(run_blocks.is_run, ours))) <= len(done.commands)  # none is overlooked


@pytest.mark.parametrize("page", ALL_PAGES, ids=page_name)
def test_every_block_is_of_a_kind_that_is_run_or_looked_through(page):
    text = page.read_text(encoding="utf-8")
    before = ""
    for block in run_blocks.BLOCK.finditer(text):
        language = block[1]
        assert language in {"python", "console", "sh", "text"}, block[0]
        if language == "text" and page.name != "README.md":  # test_readme.py knows that one
            is_kept = re.search(r"<!-- printed: \S+ -->\n\Z", text[: block.start()])
            assert is_kept or before == "plain", f"what prints this? {block[0]}"
        before = "plain" if language == "python" and ">>>" not in block[2] else language
    assert text.count("\n```") == 2 * len(run_blocks.BLOCK.findall(text)), "a block is not closed"


def commands_of(page):
    """Return the commands of a page that are not run: those in blocks and in prose."""
    text = page.read_text(encoding="utf-8")
    blocks = [body for kind, body in run_blocks.BLOCK.findall(text) if kind in {"console", "sh"}]
    lines = [line for body in blocks for line in body.splitlines()]
    if any(line.startswith("$ ") for line in lines):
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    words = "|".join(commands.LOOKED_UP)
    prose = re.findall(rf"`((?:[A-Z_]+=\S+ )?(?:{words}) [^`]+)`", in_prose(text))
    return lines + [re.sub(r"\\\|", "|", command) for command in prose]


@pytest.mark.parametrize("page", ALL_PAGES, ids=page_name)
def test_what_commands_name_is_there(page):
    wrong = [
        complaint for command in commands_of(page) if (complaint := commands.complaint(command))
    ]
    assert not wrong, "\n".join(wrong)


def scripts():
    """Return the programs that explain in their docstring how they are called."""
    folders = ("examples", "benchmarks", "docs", "tests")
    return [path for folder in folders for path in sorted((ROOT / folder).glob("*.py"))]


@pytest.mark.parametrize("script", scripts(), ids=page_name)
def test_docstrings_of_programs_name_what_is_there(script):
    words = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
    called = re.findall(
        rf"^ {{4}}((?:{'|'.join(commands.LOOKED_UP)}) .*)", words, flags=re.MULTILINE
    )
    called = [re.sub(r"\[(.*?)\]", r"\1", line) if "python" in line else line for line in called]
    wrong = [complaint for command in called if (complaint := commands.complaint(command))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("sgdiagrams expand --order 2 | cat", ""),
        ("sgdiagrams expand --no-such 2", "no option --no-such"),
        ("sgdiagrams expnad", "no command expnad"),
        ("sgdiagrams --help", ""),
        ("OMP_NUM_THREADS=1 python benchmarks/run.py --section training --budget 9", ""),
        ("python benchmarks/run.py --section trainign", "no choice --section trainign"),
        ("python benchmarks/run.py --fast", "no option --fast"),
        ("python examples/helix.py --runs 9 --full", ""),
        ("python examples/helix.py --sets 9", "no option --sets"),
        ("python examples/helicoid.py", "no script examples/helicoid.py"),
        ('.venv/bin/pip install -e ".[dask,test]" && .venv/bin/python -m pytest -m "not slow"', ""),
        ('pip install "sgdiagrams[jaxx]"', "no extra jaxx"),
        ("pip install torch==1.0", "not the version torch==1.0 of .ci/run"),
        ('pytest -m "not quick"', "no marker not quick"),
        ("conda install sgdiagrams", "unknown program conda"),
        ("sgdiagrams 'expand", "No closing quotation"),
    ],
)
def test_complaints_about_commands(command, complaint):
    told = commands.complaint(command)
    assert told.startswith(complaint)
    assert bool(told) is bool(complaint)


def headings(page):
    """Return the anchors that a repository gives the headings of a page."""
    found, seen = set(), {}
    for line in in_prose(page.read_text(encoding="utf-8")).splitlines():
        if heading := re.fullmatch(r"#+ (.*)", line):
            shown = (
                re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).replace("`", "").strip().lower()
            )
            slug = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
            seen[slug] = seen.get(slug, -1) + 1
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
    return found


@pytest.mark.parametrize("page", ALL_PAGES, ids=page_name)
def test_links(page):
    for target, anchor in re.findall(
        r"\]\(([^)#:\s]*)(?:#([^)]*))?\)", in_prose(page.read_text(encoding="utf-8"))
    ):
        there = page.parent / target if target else page
        assert there.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in headings(there), f"{page.name} links to {target}#{anchor}"


@pytest.mark.parametrize(
    ("shown", "printed", "agrees"),
    [
        ("T  2\n", "T  2\n", True),
        ("sum  0.25872\n", "sum  0.25873\n", True),
        ("sum  0.2587\n", "sum  0.2589\n", False),
        ("sum  0.2587\n", "sum  -0.2587\n", False),
        ("598201\n", "598202\n", False),
        ("1/2\n", "1/3\n", False),
        ("first\n...\nlast\n", "first\nmiddle\nlast\n", True),
        ("first\n...\nlast\n", "first\nmiddle\n", False),
        ("...\n", "anything\n", True),
        ("", "anything\n", False),
    ],
)
def test_only_last_digits_may_differ(shown, printed, agrees):
    assert run_blocks.agree(shown, printed) is agrees


def test_pages_are_written_as_they_should_be(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(
        "Before\n\n```console\n$ sgdiagrams list --order 3 --count\n16\n"
        "$ sgdiagrams list --order 2 --format text | cat\n(0-1)(01)\n...\n```\nAfter\n"
        "```console\n$ pip install nothing\n```\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(run_blocks, "ROOT", tmp_path)
    done = run_blocks.run_page(page)
    assert len(done.stale) == 2
    assert done.text == (
        "Before\n\n```console\n$ sgdiagrams list --order 3 --count\n17\n"
        "$ sgdiagrams list --order 2 --format text | cat\n(01-2)(01-12)\n...\n```\nAfter\n"
        "```console\n$ pip install nothing\n```\n"
    )
