"""Examples in Python and commands that print formulas are run; every link points to a file."""

import doctest
import re
import shlex

import pytest
from command_line import good
from layout import ROOT

PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # examples may write files
    outcome = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert outcome.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page):
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def shown_commands():
    """Return the commands that print formulas, with the output that the page shows."""
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    for block in re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL):
        for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = shown.partition("\n")
            _, *arguments = shlex.split(command)
            plain = not {"|", ">", "--output", "--draw"} & set(arguments)
            if arguments[0] == "expand" and plain and "error:" not in output and output:
                yield pytest.param(arguments, output, id=" ".join(arguments[1:]))


@pytest.mark.parametrize(("arguments", "output"), [*shown_commands()])
def test_shown_formulas_are_what_is_printed(arguments, output):
    assert good(*arguments) == output
