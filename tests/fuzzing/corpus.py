"""Good files of every kind, small, to be mutated: made anew in a folder."""

import io
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
from command_line import good
from measurements import measured

from sgdiagrams import Expansion, Statistics, Values

EXPANSIONS = ("plain.json", "momentum.json", "covariance.json", "grid-expansion.json")
RESUMMED = ("resummed.json", "resummed-epochs.json")
PATHS = ("path.json", "path-covariance.json")
MODIFIED = ("modified.json", "modified-loss.json", "imitation.json")
STATISTICS = ("exact.json", "sample.npz", "weighted.json")
TABLES = ("values.json", "values.csv", "measured.npz")
GRIDS = ("grid.json", "table.json")

_CALLS = {
    "plain.json": ("--order", 2),
    "momentum.json": (
        *("--order", 2, "--observable", "displacement", "--optimizer", "momentum:beta=0.9"),
        *("--set", "T=3", "--schedule", "cosine:floor=0.1", "--average", "tail:W=2"),
    ),
    "covariance.json": (
        *("--order", 3, "--observable", "covariance", "--sampling", "reshuffled-epochs"),
        *("--set", "B=2"),
    ),
    "resummed.json": ("--order", 2, "--resummed"),
    "resummed-epochs.json": (
        *("--order", 2, "--resummed", "--sampling", "epochs", "--optimizer", "momentum"),
        *("--observable", "displacement", "--set", "N=4", "--set", "B=2", "--set", "E=2"),
        *("--set", "beta=1/2"),
    ),
    "grid-expansion.json": ("--order", 2, "--sampling", "grid:grid.json"),
    "path.json": (
        "--along-path",
        "--noise",
        1,
        "--observable",
        "training-loss",
        "--sampling",
        "epochs",
    ),
    "path-covariance.json": (
        *("--along-path", "--noise", 2, "--observable", "covariance", "--optimizer", "momentum"),
        *("--average", "tail:W=2"),
    ),
}

_MODIFIED_CALLS = {
    "modified.json": ("--optimizer", "momentum"),
    "modified-loss.json": (
        *("--sampling", "reshuffled-epochs", "--role", "training-set", "--loss", "--per", "epoch"),
    ),
    "imitation.json": ("--sampling", "full-batch", "--imitate", "one-pass", "--order", 3),
}

#: How the checkpoint is made, and gone on from.
COMPARE = ("compare", "--landscape", "mean", "--order", 1, "--set", "T=2", "--set", "eta=0.01,0.02")


@cache
def corpus() -> dict[str, bytes]:
    """Return the content of good files by name, made in a scratch folder."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "grid.json").write_text("[[0, 1], [2], [0, 2]]")
        (home / "table.json").write_text("[[true, false, true], [false, true, false]]")
        (home / "schedule.txt").write_text("1\n0.5, 0.25\n1/8\n")
        for name, options in _CALLS.items():
            good("expand", *options, "--format", "json", "--output", name, cwd=folder)
        for name, options in _MODIFIED_CALLS.items():
            good("modified", *options, "--format", "json", "--output", name, cwd=folder)
        rng = np.random.default_rng(0)
        exact = {
            0: [1, 2, 3],
            1: [[1, -1], [2, 0], [Fraction(1, 2), 3]],
            2: [[[1, 0], [0, 2]]] * 3,
            3: np.full((3, 2, 2, 2), 1).tolist(),
        }
        Statistics.from_samples(exact, role="sample", start=[1, 2]).save(home / "exact.json")
        halves = [Fraction(1, 2), Fraction(1, 4), Fraction(1, 4)]
        norm = {0: 5, 1: [2, 4], 2: [[2, 0], [0, 2]]}
        Statistics.from_samples(
            exact, role="population", weights=halves, functions={"norm": norm}
        ).save(home / "weighted.json")
        floats = {k: rng.normal(size=(6, *[1] * k)) for k in range(4)}
        Statistics.from_samples(floats, role="sample").save(home / "sample.npz")
        table = {"l": 2, "G_a G_a": ("1/2", 0.25), "G_a H_ab G_b": 1.5, "C_ab H_ab": [0.5, 0.1]}
        Values(table).save(home / "values.json")
        Values(table).save(home / "values.csv")
        plain = Expansion.from_json((home / "plain.json").read_text())
        sample = Statistics.load(home / "sample.npz")
        measured(sample, plain).save(home / "measured.npz")
        good(*COMPARE, "--runs", 40, "--checkpoint", "check.json", cwd=folder)
        return {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}


def archive(**entries: object) -> bytes:
    """Return an ``.npz`` archive."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **entries)
    return stream.getvalue()
