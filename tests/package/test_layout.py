"""The installed package mirrors the folders of the repository."""

import importlib
import subprocess
import sys
from importlib.util import find_spec

import pytest
from check_wheel import folders
from layout import ROOT, module_names

import sgdiagrams


@pytest.mark.parametrize("name", module_names())
def test_every_module_on_disk_is_installed(name):
    spec = find_spec(name)
    assert spec is not None, f"{name} is not installed; run pip install -e . again"
    importlib.import_module(name)


def test_every_room_is_packaged():
    on_disk = {
        path.parent
        for room in ("package", "diagrams", "symbolic", "numeric")
        for path in (ROOT / room).rglob("__init__.py")
    }
    assert on_disk == set(folders(ROOT).values()), "name every sub-room in pyproject.toml"


def test_public_names_exist():
    for name in sgdiagrams.__all__:
        assert getattr(sgdiagrams, name) is not None
    assert len(set(sgdiagrams.__all__)) == len(sgdiagrams.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = sgdiagrams.nonsense


@pytest.mark.parametrize("room", ["diagrams", "symbolic", "numeric"])
def test_rooms_export_what_they_promise(room):
    module = importlib.import_module(f"sgdiagrams.{room}")
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert hasattr(module, name)


def test_import_is_light():
    code = (
        "import sys, sgdiagrams, sgdiagrams.commands;"
        "heavy = {'sympy', 'numpy', 'networkx', 'matplotlib', 'rich', 'scipy'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"import sgdiagrams loads {done.stderr}"
