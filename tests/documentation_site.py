"""The documentation site: built before, as continuous integration does beside other steps, or now."""

import os
import subprocess
import sys
import tempfile
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from layout import ROOT


@cache
def _built():
    folder = tempfile.TemporaryDirectory(prefix="sgdiagrams-site-")
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "build_site.py", "--output", folder.name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder  # which is removed when Python ends


def built_site():
    """Return the folder of the site; skip where what builds it is not installed."""
    if built := os.environ.get("SGDIAGRAMS_SITE"):
        return Path(built).resolve()
    for name in ("sphinx", "myst-parser", "furo", "django-static-mathjax"):
        try:
            distribution(name)
        except PackageNotFoundError:
            pytest.skip(f'{name} is not installed: pip install -e ".[docs]"')
    return Path(_built().name)
