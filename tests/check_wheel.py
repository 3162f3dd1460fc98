"""Check what a built wheel installs: only `sgdiagrams`, all modules, schemas, the type marker.

Usage: ``python tests/check_wheel.py dist/sgdiagrams-*.whl``; exit status 1 when anything is off.
"""

import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile


def folders(root):
    """Return the folder of every package that `pyproject.toml` names, by the package's path."""
    tools = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]
    places = tools["package-dir"]
    result = {}
    for package in tools["packages"]:
        room = max((p for p in places if f"{package}.".startswith(f"{p}.")), key=len)
        rest = package.removeprefix(room).replace(".", "/")
        result[package.replace(".", "/")] = root / f"{places[room]}{rest}"
    return result


def expected_files(root):
    """Return the files that the folders of the repository should install."""
    modules = {
        f"{package}/{path.name}"
        for package, folder in folders(root).items()
        for path in folder.iterdir()
        if path.suffix == ".py" or path.name == "py.typed"
    }
    schemas = (root / "package" / "schemas").glob("*.json")
    assets = (root / "package" / "report" / "assets").iterdir()
    data = {f"sgdiagrams/schemas/{path.name}" for path in schemas}
    literature = root / "package" / "literature"
    data |= {
        f"sgdiagrams/literature/{path.name}"
        for path in literature.iterdir()
        if path.suffix in (".toml", ".json")
    }
    return modules | data | {f"sgdiagrams/report/assets/{path.name}" for path in assets}


def main(wheel):
    """Compare the wheel with the folders; return the exit status."""
    root = Path(__file__).resolve().parent.parent
    names = {n for n in ZipFile(wheel).namelist() if ".dist-info/" not in n}
    expected = expected_files(root)
    problems = [f"missing: {name}" for name in sorted(expected - names)]
    problems += [f"not wanted: {name}" for name in sorted(names - expected)]
    print("\n".join(problems) or f"{len(names)} files, as expected")  # noqa: T201
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
