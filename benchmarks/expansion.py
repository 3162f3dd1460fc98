"""Formulas with their LaTeX, and the start of a process."""

from __future__ import annotations

import sys
import sysconfig
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from measure import Bench, measure_command, measured
from tables import Row, below, duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["WORK", "basis_rows", "expansion_rows", "start_rows"]


# Works --------------------------------------------------------------------------------------------


def expansion(observable: str, sampling: str, order: str, optimizer: str) -> dict[str, Any]:
    """Derive an expansion in the moment basis and write its LaTeX."""
    from sgdiagrams.symbolic import expand

    start = perf_counter()
    series = expand(observable, order=int(order), sampling=sampling, optimizer=optimizer)
    middle = perf_counter()
    text = series.latex()
    record = measured(start)
    coefficients = [
        sorted(str(term.weight) for term in series.order_terms(k)) for k in range(series.order + 1)
    ]
    return {
        **record,
        "latex seconds": start + record["seconds"] - middle,
        "latex characters": len(text),
        "result": coefficients,
    }


def changed_basis(sampling: str, order: str, basis: str) -> dict[str, Any]:
    """Bring a complete order of the test loss, in cumulants, to another basis and back."""
    from sgdiagrams.symbolic import expand

    series = expand("test-loss", order=int(order), sampling=sampling, basis="cumulant")
    given = series.expression(int(order))
    start = perf_counter()
    there = given.in_basis(basis)
    record = measured(start)
    middle = perf_counter()
    back = there.in_basis("cumulant")
    return {
        **record,
        "back seconds": perf_counter() - middle,
        "result": [len(given.terms), len(there.terms), back == given],
    }


def assembled(order: str) -> dict[str, Any]:
    """Derive the one-pass test loss and its LaTeX with networkx, pynauty and SymPy."""
    from assembly import assembled_one_pass

    start = perf_counter()
    coefficients, text = assembled_one_pass(int(order))
    return {**measured(start), "latex characters": len(text), "result": coefficients}


def built(observable: str, sampling: str, order: str) -> dict[str, Any]:
    """Count the SymPy objects that are built for an expansion and its LaTeX."""
    from unittest.mock import patch

    from sympy import Basic

    from sgdiagrams.symbolic import expand

    new = Basic.__new__
    count = 0

    def counted(cls: type, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        return new(cls, *arguments)

    with patch.object(Basic, "__new__", counted):
        start = perf_counter()
        expand(observable, order=int(order), sampling=sampling).latex()
    return {**measured(start), "result": count}


def modules() -> dict[str, Any]:
    """Count the modules that the import of the package and of its command line loads."""
    before = set(sys.modules)
    start = perf_counter()
    import_module("sgdiagrams.commands")
    record = measured(start)
    new = set(sys.modules) - before
    return {**record, "result": sum(name.split(".")[0] == "sgdiagrams" for name in new)}


WORK: dict[str, Callable[..., dict[str, Any]]] = {
    "expansion": expansion,
    "changed_basis": changed_basis,
    "assembled": assembled,
    "built": built,
    "modules": modules,
}

# Rows ---------------------------------------------------------------------------------------------

_TARGETS = {
    ("test-loss", "one-pass", 4): 1.0,
    ("test-loss", "one-pass", 5): 3.0,
    ("test-loss", "one-pass", 6): 20.0,
    ("test-loss", "epochs", 4): 5.0,
    ("generalisation-gap", "epochs", 4): 5.0,
}


def expansion_rows(bench: Bench) -> Iterator[Row]:
    """Measure closed formulas with their LaTeX."""
    section = "Expansion and its LaTeX"
    cases: list[tuple[str, str, int, str]] = []
    for observable, sampling, orders, quick, optimizer in (
        ("test-loss", "one-pass", range(1, 7), (3, 4), "sgd"),
        ("test-loss", "epochs", range(1, 6), (3,), "sgd"),
        ("test-loss", "shuffled-epochs", range(2, 5), (), "sgd"),
        ("test-loss", "reshuffled-epochs", range(2, 5), (), "sgd"),
        ("generalisation-gap", "one-pass", (4, 5), (), "sgd"),
        ("generalisation-gap", "epochs", (3, 4), (), "sgd"),
        ("test-loss", "one-pass", (2, 3, 4), (), "momentum"),
        ("test-loss", "full-batch", (3, 4), (), "sgd"),
    ):
        cases += [(observable, sampling, d, optimizer) for d in (quick if bench.quick else orders)]
    for observable, sampling, order, optimizer in cases:
        ours = bench.ours("expansion.expansion", observable, sampling, order, optimizer)
        extra = "" if optimizer == "sgd" else f", {optimizer}"
        name = f"{observable}, {sampling}{extra}"
        row = Row(section, f"{name}, order {order}", series=name)
        if ours is None:
            row.note = "over the limit"
        else:
            row.seconds, row.peak_mib = ours.seconds, ours.peak_mib
            terms = sum(map(len, ours.record["result"]))
            latex = ours.record["latex seconds"]
            row.result = f"{terms} terms; LaTeX {duration(latex)}"
            row.details = {
                "terms": terms,
                "latex seconds": latex,
                "latex characters": ours.record["latex characters"],
            }
        limit = _TARGETS.get((observable, sampling, order))
        if limit is not None and optimizer == "sgd":
            row.targets.append(below(row.seconds, limit, "s"))
        if name == "test-loss, one-pass":
            row.peers = [
                bench.peer("pynauty", "expansion.assembled", order, ours=ours, needs="pynauty")
            ]
        if (name, order) in {("test-loss, one-pass", 4), ("test-loss, epochs", 3)}:
            counted = bench.ours("expansion.built", observable, sampling, order, once=True)
            if counted is not None:
                key = f"{name}, order {order}: SymPy objects"
                row.guarded = {key: counted.record["result"]}
        yield row


def basis_rows(bench: Bench) -> Iterator[Row]:
    """Measure changes of basis of complete orders."""
    cases = [("one-pass", 4), ("epochs", 3), ("one-pass", 5), ("epochs", 4), ("epochs", 5)]
    for sampling, order in cases[:2] if bench.quick else cases:
        for basis in ("moment", "distinct", "plug-in"):
            ours = bench.ours("expansion.changed_basis", sampling, order, basis)
            row = Row("Changes of basis", f"test-loss, {sampling}, order {order}, to {basis}")
            if ours is None:
                row.note = "over the limit"
            else:
                terms, there, is_same = ours.record["result"]
                row.seconds, row.peak_mib = ours.seconds, ours.peak_mib
                back = duration(ours.record["back seconds"])
                same = "" if is_same else ", another sum"
                row.result = f"{terms} terms to {there}; back {back}{same}"
                if basis == "moment":
                    row.targets.append(below(row.seconds, 2.0, "s"))
            yield row


def start_rows(bench: Bench) -> Iterator[Row]:
    """Measure whole processes, from start to end."""
    section = "Start-up of a process"
    script = Path(sysconfig.get_path("scripts")) / "sgdiagrams"
    command = [str(script)] if script.exists() else [sys.executable, "-m", "sgdiagrams"]
    cases: list[tuple[str, list[str], float | None]] = [
        ("`python -c pass`, for reference", ["-c", "pass"], None),
        ("`sgdiagrams --help`", [], 0.3),
        ("`import sgdiagrams`", ["-c", "import sgdiagrams"], 0.5),
        (
            "`from sgdiagrams import Diagram` (loads NumPy)",
            ["-c", "from sgdiagrams import Diagram"],
            0.5,
        ),
        (
            "`from sgdiagrams import expand` (loads SymPy)",
            ["-c", "from sgdiagrams import expand"],
            None,
        ),
    ]
    reference = None
    for work, arguments, limit in cases[:2] if bench.quick else cases:
        line = [sys.executable, *arguments] if arguments else [*command, "--help"]
        row = Row(section, work, seconds=measure_command(line, repeat=5 if bench.quick else 10))
        if limit is not None:
            row.targets.append(below(row.seconds, limit, "s"))
        if reference is None:
            reference = row.seconds
        elif not arguments and reference:
            counted = bench.ours("expansion.modules", once=True)
            if counted is not None:
                number = counted.record["result"]
                row.result = f"{number} modules of the package"
                row.guarded = {"import and command line: modules of the package": number}
        yield row
