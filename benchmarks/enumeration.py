"""Rooted trees, diagrams and canonical forms: works, and rows of them."""

from __future__ import annotations

from collections import Counter
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any

from measure import Bench, WorkError, measured
from tables import Peer, Row, above, below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from measure import Measurement

__all__ = ["WORK", "canonical_rows", "enumeration_rows", "tree_rows"]

_SAMPLES = 2000


# Works --------------------------------------------------------------------------------------------


def trees(nodes: str) -> dict[str, Any]:
    """Make the level sequences of all rooted trees."""
    from sgdiagrams.diagrams import rooted_trees

    start = perf_counter()
    found = list(rooted_trees(int(nodes)))
    return {**measured(start), "result": _digest(found)}


def assembled_trees(nodes: str) -> dict[str, Any]:
    """Make all rooted trees with networkx and pynauty."""
    import assembly

    start = perf_counter()
    found = list(assembly.assembled_trees(int(nodes)))
    record = measured(start)
    return {**record, "result": _digest(_levels(tree, root) for tree, root in found)}


def kauri_trees(nodes: str) -> dict[str, Any]:
    """Make all rooted trees with kauri."""
    import kauri

    start = perf_counter()
    found = list(kauri.trees_of_order(int(nodes)))
    record = measured(start)
    return {**record, "result": _digest(tuple(tree.level_sequence()) for tree in found)}


def rows(order: str) -> dict[str, Any]:
    """Make all diagrams of an order as compact arrays, held at once."""
    from sgdiagrams.diagrams import diagram_rows

    start = perf_counter()
    batches = list(diagram_rows(int(order)))
    record = measured(start)
    factors: Counter[int] = Counter()
    for batch in batches:
        factors.update(_factors(batch))
    return {**record, "result": _histogram(factors)}


def streamed_rows(order: str, root: str) -> dict[str, Any]:
    """Make all diagrams of an order as compact arrays, one tree at a time."""
    from fractions import Fraction

    from sgdiagrams.diagrams import diagram_rows, symmetry_sum

    factors: Counter[int] = Counter()
    seconds = 0.0
    batches = diagram_rows(int(order), root=root)  # type: ignore[arg-type]
    while True:
        start = perf_counter()
        batch = next(batches, None)
        seconds += perf_counter() - start
        if batch is None:
            break
        factors.update(_factors(batch))
    total = sum((Fraction(count, factor) for factor, count in factors.items()), Fraction(0))
    if total != symmetry_sum(int(order), root=root):  # type: ignore[arg-type]
        raise WorkError(f"the sum of 1/symmetry factor is {total}, which is wrong")
    return {**measured(start), "seconds": seconds, "result": _histogram(factors)}


def objects(order: str) -> dict[str, Any]:
    """Make all diagrams of an order as `Diagram` objects, held at once."""
    from sgdiagrams.diagrams import enumerate_diagrams

    start = perf_counter()
    diagrams = list(enumerate_diagrams(int(order)))
    record = measured(start)
    return {**record, "result": _histogram(Counter(d.symmetry_factor for d in diagrams))}


def assembled(order: str, root: str) -> dict[str, Any]:
    """Make all diagrams of an order with networkx and pynauty."""
    from assembly import assembled_diagrams

    start = perf_counter()
    found = list(assembled_diagrams(int(order), root_in_partition=root == "in-partition"))
    record = measured(start)
    return {**record, "result": _histogram(Counter(factor for *_, factor in found))}


def canonical(nodes: str, samples: str) -> dict[str, Any]:
    """Bring random diagrams to canonical form with the public constructor, one by one."""
    from sgdiagrams.diagrams import Diagram

    pairs = _random_pairs(int(nodes), int(samples))
    for parents, blocks in pairs[-20:]:
        Diagram(parents, blocks)
    times, keys, factors = [], set(), 0
    for parents, blocks in pairs[:-20]:
        start = thread_time()
        diagram = Diagram(parents, blocks)
        times.append(thread_time() - start)
        keys.add(diagram)
        factors += diagram.symmetry_factor
    return _one_by_one(times, {"classes": len(keys), "symmetry factors": factors})


def certificates(nodes: str, samples: str) -> dict[str, Any]:
    """Bring the same random diagrams to canonical form with pynauty."""
    from assembly import incidence
    from networkx import Graph
    from pynauty import autgrp, certificate

    pairs = _random_pairs(int(nodes), int(samples))
    times, keys, factors = [], set(), 0
    for parents, blocks in pairs[:-20]:
        tree = Graph(enumerate(parents))
        root = len(parents)
        start = thread_time()
        graph = incidence(tree, blocks, root)
        key = certificate(graph)
        times.append(thread_time() - start)
        keys.add((len(blocks), key))
        _, mantissa, exponent, _, _ = autgrp(graph)
        factors += round(mantissa * 10**exponent)
    return _one_by_one(times, {"classes": len(keys), "symmetry factors": factors})


WORK: dict[str, Callable[..., dict[str, Any]]] = {
    "trees": trees,
    "assembled-trees": assembled_trees,
    "kauri-trees": kauri_trees,
    "rows": rows,
    "streamed": streamed_rows,
    "objects": objects,
    "assembled": assembled,
    "canonical": canonical,
    "certificates": certificates,
}


def _one_by_one(times: list[float], result: dict[str, int]) -> dict[str, Any]:
    ordered = sorted(times)
    return {
        **measured(0.0),
        "seconds": ordered[len(ordered) // 2],
        "worst": ordered[-1],
        "last percent": ordered[-len(ordered) // 100],
        "result": result,
    }


def _random_pairs(nodes: int, samples: int) -> list[tuple[list[int], list[list[int]]]]:
    """Return random diagrams, each followed by a copy with other numbers, and twenty more."""
    from random import Random

    from sgdiagrams.diagrams import bell_number

    rng = Random(12)
    pairs: list[tuple[list[int], list[list[int]]]] = []
    # Stam's urns: with K ~ K^n / K! urns the occupied ones are a uniform partition.
    urns = range(1, 4 * nodes)
    weights = []
    below_it = 1
    for k in urns:
        below_it *= k
        weights.append(k**nodes / below_it / bell_number(nodes))
    while len(pairs) < samples + 20:
        [k] = rng.choices(urns, weights)
        home = [rng.randrange(k) for _ in range(nodes)]
        parents = _random_parents(nodes, rng.randrange)
        for new in (list(range(nodes)), [*rng.sample(range(nodes - 1), nodes - 1), nodes - 1]):
            moved = [0] * (nodes - 1)
            blocks: dict[int, list[int]] = {}
            for v in range(nodes):
                blocks.setdefault(home[v], []).append(new[v])
                if v < nodes - 1:
                    moved[new[v]] = new[parents[v]]
            pairs.append((moved, list(blocks.values())))
    return pairs


def _random_parents(nodes: int, draw: Callable[[int], int]) -> list[int]:
    """Return the parents of a uniform labelled tree with the last node as root, by Pruefer's code."""
    code = [draw(nodes) for _ in range(nodes - 2)]
    degree = [1 + code.count(v) for v in range(nodes)]
    neighbours: list[list[int]] = [[] for _ in range(nodes)]
    for v in [*code, nodes - 1]:  # the last edge ends at the last node
        leaf = degree.index(1)
        degree[leaf] -= 1
        degree[v] -= 1
        neighbours[leaf].append(v)
        neighbours[v].append(leaf)
    parents = [-1] * nodes
    reached = [nodes - 1]
    for v in reached:
        for w in neighbours[v]:
            if w != parents[v]:
                parents[w] = v
                reached.append(w)
    return parents[:-1]


def _levels(tree: Any, root: int) -> tuple[int, ...]:
    """Return the greatest level sequence of a rooted tree."""

    def below_node(v: int, above_it: int, depth: int) -> tuple[int, ...]:
        branches = [below_node(w, v, depth + 1) for w in tree[v] if w != above_it]
        return (depth, *(x for branch in sorted(branches, reverse=True) for x in branch))

    return below_node(root, -1, 0)


def _digest(found: Iterable[tuple[int, ...]]) -> dict[str, Any]:
    """Return how many level sequences there are, and a hash of them in order."""
    from hashlib import sha256

    every = sorted(found)
    return {"count": len(every), "hash": sha256(repr(every).encode()).hexdigest()}


def _factors(batch: Any) -> dict[int, int]:
    import numpy as np

    values, counts = np.unique(batch.symmetry_factors, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _histogram(factors: Counter[int]) -> dict[str, int]:
    """Return how many diagrams have each symmetry factor, with text keys as JSON wants them."""
    return {str(factor): factors[factor] for factor in sorted(factors)}


# Rows ---------------------------------------------------------------------------------------------


def tree_rows(bench: Bench) -> Iterator[Row]:
    """Measure rooted trees, without partitions."""
    for nodes in (10,) if bench.quick else (12, 13, 14):
        ours = bench.ours("enumeration.trees", nodes)
        row = _row("Rooted trees", f"{nodes} nodes", ours, series="trees")
        if ours is not None:
            count = ours.record["result"]["count"]
            rate = count / ours.seconds
            row.result = f"{count:,} trees; {rate:,.0f} a second"
            if nodes == 14:
                row.targets.append(above(rate, 300_000, "a second"))
        row.peers = [
            bench.peer("pynauty", "enumeration.assembled-trees", nodes, ours=ours, needs="pynauty"),
            bench.peer("kauri", "enumeration.kauri-trees", nodes, ours=ours, needs="kauri"),
        ]
        yield row


def enumeration_rows(bench: Bench) -> Iterator[Row]:
    """Measure the diagrams of every order with their symmetry factors: rows, then objects."""
    section = "Enumeration with symmetry factors"
    limits = {("rows", 8): 1, ("objects", 8): 6}
    for order in (5, 6) if bench.quick else range(4, 9):
        known: tuple[Measurement, Peer] | None = None
        for name, shown in (("rows", "compact rows"), ("objects", "`Diagram` objects")):
            ours = bench.ours(f"enumeration.{name}", order)
            row = _row(section, f"order {order}, {shown}", ours, series=name)
            _count(row, ours)
            if (name, order) in limits:
                row.targets.append(below(row.seconds, limits[name, order], "s"))
            if known is None:
                peer = bench.peer(
                    "pynauty",
                    "enumeration.assembled",
                    order,
                    "isolated",
                    ours=ours,
                    needs="pynauty",
                )
                if order == 6 and (ratio := peer.ratio(row.seconds)) is not None:
                    row.guarded["diagrams of order 6: peer's time / ours"] = ratio
                row.peers = [peer]
                known = None if ours is None else (ours, peer)
            elif ours is not None:
                if known[0].record["result"] != ours.record["result"]:
                    raise WorkError(f"order {order}: rows and objects differ")
                row.peers = [known[1]]
            yield row
    if bench.quick:
        return
    ours = bench.ours("enumeration.streamed", 9, "isolated")
    row = _row(section, "order 9, rows tree by tree", ours)
    _count(row, ours)
    row.targets += [below(row.seconds, 20, "s"), below(row.peak_mib, 2048, "MiB")]
    yield row
    for nodes in (7, 8, 9):
        ours = bench.ours("enumeration.streamed", nodes - 1, "in-partition")
        work = f"{nodes} nodes, root in the partition, rows tree by tree"
        row = _row(section, work, ours, series="in-partition")
        _count(row, ours)
        if nodes == 9:
            row.targets.append(below(row.seconds, 5, "s"))
        row.peers = [
            bench.peer(
                "pynauty",
                "enumeration.assembled",
                nodes - 1,
                "in-partition",
                ours=ours,
                needs="pynauty",
            )
        ]
        yield row


def canonical_rows(bench: Bench) -> Iterator[Row]:
    """Measure single canonical forms of random diagrams."""
    samples = 400 if bench.quick else _SAMPLES
    for nodes in (12,) if bench.quick else (6, 12, 24):
        ours = bench.ours("enumeration.canonical", nodes, samples)
        row = _row(
            "Canonical form of a random diagram, `Diagram(parents, blocks)`",
            f"{nodes} nodes, median of {samples:,}",
            ours,
            series="canonical",
        )
        peer = bench.peer(
            "pynauty", "enumeration.certificates", nodes, samples, ours=ours, needs="pynauty"
        )
        row.peers = [peer]
        if ours is not None:
            worst, late = ours.record["worst"], ours.record["last percent"]
            row.result = f"99 in 100 below {late * 1e6:.0f} us; worst {worst * 1e6:.0f} us"
            row.details = {"worst": worst, "last percent": late}
        if nodes == 12:
            row.targets.append(below(row.seconds and row.seconds * 1e6, 50, "us"))
            if (ratio := peer.ratio(row.seconds)) is not None:
                row.guarded["canonical form of 12 nodes: peer's time / ours"] = ratio
        yield row


def _row(section: str, work: str, ours: Measurement | None, series: str = "") -> Row:
    if ours is None:
        return Row(section, work, note="over the limit", series=series)
    return Row(section, work, "", ours.seconds, ours.peak_mib, series=series)


def _count(row: Row, ours: Measurement | None) -> None:
    if ours is not None:
        row.details = {"symmetry factors": ours.record["result"]}
        row.result = f"{sum(ours.record['result'].values()):,} diagrams"
