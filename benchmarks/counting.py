"""Counts of embeddings in closed form, and diagrams collected into contractions."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from time import perf_counter
from typing import TYPE_CHECKING, Any

from measure import Bench, WorkError, measured
from tables import Row, below, duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sgdiagrams.diagrams import Diagram

__all__ = ["WORK", "collection_rows", "counting_rows", "embeddings"]

_CHECKED = 6  # diagrams that are counted by trying all maps as well

Cells = tuple[tuple[int, int], ...]


def embeddings(parents: Sequence[int], blocks: Sequence[Sequence[int]], cells: Cells) -> int:
    """Count the maps of updates to cells (datapoint, time) that are embeddings, one by one.

    Children are strictly earlier than parents other than the root, which is last; a block is on one
    datapoint, different blocks on different ones.

    Examples
    --------
    >>> embeddings([2, 2], [[0, 1], [2]], ((0, 0), (1, 1), (0, 2)))
    5
    """
    root = len(parents)
    home = {v: b for b, block in enumerate(blocks) for v in block}

    def place(v: int, times: dict[int, int], rows: dict[int, int]) -> int:
        if v < 0:
            return 1
        total = 0
        block, parent = home[v], parents[v]
        for row, time in cells:
            if parent != root and time >= times[parent]:
                continue
            if rows[block] != row if block in rows else row in rows.values():
                continue
            total += place(v - 1, {**times, v: time}, {**rows, block: row})
        return total

    # Parents have greater numbers in a diagram's own numbering.
    return place(root - 1, {}, {})


# Works --------------------------------------------------------------------------------------------


def one_pass(order: str) -> dict[str, Any]:
    """Count all diagrams that one pass can realise, at B = 1 and in moments."""
    from sgdiagrams.diagrams import enumerate_diagrams
    from sgdiagrams.symbolic.embeddings.forests import update_forest
    from sgdiagrams.symbolic.embeddings.one_pass import one_pass_count

    start = perf_counter()
    diagrams = list(enumerate_diagrams(int(order), one_pass=True))
    middle = perf_counter()
    counts = [one_pass_count(update_forest(d), "moment", unit_batch=True) for d in diagrams]
    cells = tuple((t, t) for t in range(int(order) + 1))
    numbers = (len(cells), 1)
    return _checked(start, middle, diagrams, counts, numbers, [cells])


def epochs(order: str) -> dict[str, Any]:
    """Count all diagrams in epochs in one order, in moments."""
    from sgdiagrams.diagrams import enumerate_diagrams
    from sgdiagrams.symbolic.embeddings.epochs import epochs_count
    from sgdiagrams.symbolic.embeddings.forests import update_forest

    start = perf_counter()
    diagrams = list(enumerate_diagrams(int(order)))
    middle = perf_counter()
    counts = [epochs_count(update_forest(d), "moment") for d in diagrams]
    N, B, E = 6, 2, 2
    cells = tuple((n, e * (N // B) + n // B) for e in range(E) for n in range(N))
    return _checked(start, middle, diagrams, counts, (N, B, E), [cells])


def reshuffled(order: str) -> dict[str, Any]:
    """Count all diagrams in epochs that are shuffled anew, on average and in moments."""
    from itertools import permutations, product

    from sgdiagrams.diagrams import enumerate_diagrams
    from sgdiagrams.symbolic.embeddings.forests import update_forest
    from sgdiagrams.symbolic.embeddings.reshuffled import reshuffled_count

    start = perf_counter()
    diagrams = list(enumerate_diagrams(int(order)))
    middle = perf_counter()
    counts = [reshuffled_count(update_forest(d)) for d in diagrams]
    # Powers of N - 1, N - 2, ... must not be 0, and the average runs over all orders.
    N, E = 3, 2
    orders = product(permutations(range(N)), repeat=E)
    grids = [tuple((n, i) for i, n in enumerate(sum(found, ()))) for found in orders]
    few = [(d, c) for d, c in zip(diagrams, counts, strict=True) if len(d.blocks) <= N]
    kept, their_counts = map(list, zip(*few, strict=True))
    record = measured(start)
    checked = _checked(start, middle, kept, their_counts, (N, 1, E), grids)
    return {**checked, **record, "diagrams": len(diagrams)}


def collected(order: str) -> dict[str, Any]:
    """Bring all diagrams of an order to contractions of moments and collect equal ones."""
    from sgdiagrams.diagrams import enumerate_diagrams
    from sgdiagrams.symbolic.contractions.placements import contractions

    start = perf_counter()
    found: Counter[Any] = Counter()
    for diagram in enumerate_diagrams(int(order)):
        found.update(contractions(diagram, ("loss",), basis="moment"))
    record = measured(start)
    return {**record, "result": sorted(found.values())}


def assembled_values(order: str) -> dict[str, Any]:
    """Collect the diagrams of networkx and pynauty by value."""
    from assembly import assembled_diagrams, value_certificate

    start = perf_counter()
    found: Counter[Any] = Counter()
    for tree, root, blocks, _ in assembled_diagrams(int(order)):
        found[len(blocks), value_certificate(tree, root, blocks)] += 1
    record = measured(start)
    return {**record, "result": sorted(found.values())}


WORK: dict[str, Callable[..., dict[str, Any]]] = {
    "one-pass": one_pass,
    "epochs": epochs,
    "reshuffled": reshuffled,
    "collected": collected,
    "assembled-values": assembled_values,
}


def _checked(
    start: float,
    middle: float,
    diagrams: list[Diagram],
    counts: list[dict[tuple[int, ...], Fraction]],
    numbers: tuple[int, ...],
    grids: list[Cells],
) -> dict[str, Any]:
    """Return a record, after some counts have been compared with the average of `embeddings`."""
    from random import Random

    record = measured(start)
    for i in Random(8).sample(range(len(diagrams)), min(_CHECKED, len(diagrams))):
        diagram = diagrams[i]
        tried = sum(embeddings(diagram.parents, diagram.blocks, cells) for cells in grids)
        found = _at(counts[i], numbers)
        if found != Fraction(tried, len(grids)):
            raise WorkError(f"{diagram}: counted {found}, but {tried}/{len(grids)} one by one")
    return {**record, "counting": start + record["seconds"] - middle, "diagrams": len(diagrams)}


def _at(count: dict[tuple[int, ...], Fraction], numbers: tuple[int, ...]) -> Fraction:
    """Return the value of a count; generators after N, B, E are N - 1, N - 2, ..."""
    total = Fraction(0)
    for powers, coefficient in count.items():
        term = Fraction(coefficient)
        for i, power in enumerate(powers):
            base = numbers[i] if i < len(numbers) else numbers[0] - (i - len(numbers) + 1)
            if power:
                term *= Fraction(base) ** power
        total += term
    return total


# Rows ---------------------------------------------------------------------------------------------


def counting_rows(bench: Bench) -> Iterator[Row]:
    """Measure counts of all diagrams of an order."""
    cases: list[tuple[str, Sequence[int], str, float]] = [
        ("one-pass", (5,) if bench.quick else (6, 7, 8), "one pass", 10),
        ("epochs", (4,) if bench.quick else (4, 5, 6), "epochs in one order", 15),
        ("reshuffled", (3,) if bench.quick else (3, 4, 5), "epochs shuffled anew", 15),
    ]
    for name, orders, shown, limit in cases:
        for order in orders:
            ours = bench.ours(f"counting.{name}", order)
            row = Row(
                "Counting of all diagrams of an order, enumeration included",
                f"{shown}, order {order}",
                series=name,
            )
            if ours is None:
                row.note = "over the limit"
            else:
                row.seconds, row.peak_mib = ours.seconds, ours.peak_mib
                record = ours.record
                row.result = (
                    f"{record['diagrams']:,} diagrams; counts {duration(record['counting'])}"
                )
            if not bench.quick and order == orders[-1]:
                row.targets.append(below(row.seconds, limit, "s"))
            yield row


def collection_rows(bench: Bench) -> Iterator[Row]:
    """Measure the way from diagrams to different contractions."""
    for order in (4,) if bench.quick else (4, 5, 6):
        ours = bench.ours("counting.collected", order)
        row = Row(
            "Collection of all diagrams of an order into contractions",
            f"order {order}",
            series="collection",
        )
        if ours is None:
            row.note = "over the limit"
        else:
            row.seconds, row.peak_mib = ours.seconds, ours.peak_mib
            sizes = ours.record["result"]
            row.result = f"{sum(sizes):,} diagrams, {len(sizes):,} contractions"
        if order == 6:
            row.targets.append(below(row.seconds, 5, "s"))
        row.peers = [
            bench.peer("pynauty", "counting.assembled-values", order, ours=ours, needs="pynauty")
        ]
        yield row
