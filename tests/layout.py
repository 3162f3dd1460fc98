"""Where the rooms are and which modules they hold."""

from pathlib import Path

from check_wheel import folders

ROOT = Path(__file__).resolve().parent.parent


def module_names():
    """Return the import names of all modules on disk."""
    names = []
    for package, folder in folders(ROOT).items():
        for path in sorted(folder.glob("*.py")):
            dotted = package.replace("/", ".")
            if path.stem != "__main__":
                names.append(dotted if path.stem == "__init__" else f"{dotted}.{path.stem}")
    return names
