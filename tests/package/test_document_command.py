"""``expand --document``: what goes together, and what the text says of the command."""

import re

import pytest
from command_line import good, run


def document(*arguments):
    return good("expand", *arguments, "--format", "latex", "--document")


def told(text):
    """Return the command that a document tells."""
    code = re.search(r"ttfamily (.*?)\\par\}", text, flags=re.DOTALL)[1]
    return re.sub(r"\\penalty500\{\}|\\mbox|[{}]", "", code).replace(r"\_", "_")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--order", "1", "--sampling", "epochs"),
        ("--order", "1", "--resummed", "--differences", "written-out"),
        ("--along-path", "--noise", "1", "--width", "16cm"),
    ],
)
def test_the_command_is_told_as_it_was_given(arguments, tmp_path):
    text = document(*arguments)
    assert told(text) == f"sgdiagrams expand {' '.join(arguments)} --format latex --document"
    written = tmp_path / "article.tex"
    good("expand", *arguments, "--format=latex", "--document", "--output", written)
    assert told(written.read_text()).endswith("--format=latex --document")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--document only with --format latex"),
        (("--format", "mathml"), "--document only with --format latex"),
        (("--format", "latex", "--standalone"), "--standalone only without --document"),
        (("--format", "latex", "--eta", "tensor"), "--eta only without --document"),
        (
            ("--format", "latex", "--resummed", "--in-one-dimension"),
            "--in-one-dimension only without --document",
        ),
        (("--format", "latex", "--width", "10cm"), "300pt (10.55cm) or more for a document"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, words):
    result = run("expand", "--order", "1", "--document", *arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_modified_equations_have_documents_too():
    arguments = ("--order", "2", "--loss", "--format", "latex", "--document")
    assert told(good("modified", *arguments)) == f"sgdiagrams modified {' '.join(arguments)}"
    for more in (("--standalone",), ("--imitate", "fresh-data")):
        refused = run("modified", *arguments[:2], *arguments[3:], *more)
        assert refused.returncode == 2
        assert f"{more[0]} only without --document" in refused.stderr
