"""The examples of all pages are run, Python and console in reading order; every link points to a file."""

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


@pytest.mark.parametrize("page", run_blocks.PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples(page):
    text = page.read_text(encoding="utf-8")
    commands = re.findall(r"^\$ (sgdiagrams .*)", text, flags=re.MULTILINE)
    if "import jax" in text or any(".py:" in command for command in commands):
        pytest.importorskip("jax", reason="the models on this page need JAX")
    if ">>> import torch" in text:
        pytest.importorskip("torch", reason="the examples on this page need PyTorch")
    done = run_blocks.run_page(page)
    assert done.failures == 0
    advice = f"run python docs/run_blocks.py --write {page.relative_to(ROOT)}"
    stale = [f"{shown.command}\n{shown.printed}" for shown in done.stale]
    assert not stale, "\n".join([advice, *stale])
    assert len(list(filter(run_blocks.is_run, commands))) <= len(
        done.commands
    )  # none is overlooked


@pytest.mark.parametrize("page", run_blocks.PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page):
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


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
