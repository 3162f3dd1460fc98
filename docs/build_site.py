"""Build the documentation site, strictly: a warning is an error.

    pip install -e ".[docs]"
    python docs/build_site.py                    # build/site/index.html
    python docs/build_site.py --output elsewhere

Pages, programs that they link to and pages of reference made from docstrings are put into an empty
folder, each file at its place in the repository, and Sphinx makes the site of them. No network is
needed, to build or to read it.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from sphinx.cmd.build import main as sphinx_build

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "docs" / "site"
sys.path.insert(0, str(SETTINGS))

import reference  # noqa: E402

_START = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>sgdiagrams</title>
<meta http-equiv="refresh" content="0; url=docs/index.html"></head>
<body><p><a href="docs/index.html">Documentation</a></p></body></html>
"""


def assemble(folder):
    """Put what the site is made of into a folder."""
    for page in ROOT.glob("*.md"):
        shutil.copy(page, folder)
    for name in ("CITATION.cff", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", "site")
    for name in ("docs", "examples", "benchmarks", "symbolic"):
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    reference.write(folder / "docs" / "reference")


def build(output):
    """Build the site; return Sphinx's exit code."""
    with tempfile.TemporaryDirectory() as work:
        sources = Path(work) / "pages"
        sources.mkdir()
        assemble(sources)
        code = sphinx_build(
            [
                *("--fail-on-warning", "--fresh-env", "--quiet", "--jobs", "auto"),
                *("--conf-dir", str(SETTINGS), "--doctree-dir", f"{work}/trees"),
                *(str(sources), str(output)),
            ]
        )
    if code == 0:
        (output / "index.html").write_text(_START, encoding="utf-8")
    return code


def main():
    """Build where the command line says."""
    parser = argparse.ArgumentParser(description="Build the documentation site.")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "site")
    return build(parser.parse_args().output)


if __name__ == "__main__":
    sys.exit(main())
