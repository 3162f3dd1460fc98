"""Many updates: sums over times by number, re-summed expansions, differences of high powers."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from measure import Bench, measured
from tables import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np

__all__ = ["WORK", "power_rows", "resummed_rows", "time_sum_rows"]

# Works --------------------------------------------------------------------------------------------


def by_number(case: str, updates: str, order: str) -> dict[str, Any]:
    """Expand where there is no closed form, so that counts are sums over T updates."""
    from fractions import Fraction

    from sgdiagrams.symbolic import SGD, Cosine, Momentum, OnePass, Optimizer, TailAverage, expand

    T = int(updates)
    optimizers: dict[str, Optimizer] = {
        "cosine": SGD(schedule=Cosine()),
        "tail": SGD(average=TailAverage(W=T // 2)),
        "momentum": Momentum(beta=Fraction(9, 10), schedule=Cosine()),
    }
    start = perf_counter()
    series = expand(
        "test-loss", order=int(order), sampling=OnePass(T=T), optimizer=optimizers[case]
    )
    return {**measured(start), "result": len(series.terms)}


def resummed(order: str) -> dict[str, Any]:
    """Derive a re-summed expansion and write its LaTeX."""
    from sgdiagrams.symbolic import expand

    start = perf_counter()
    series = expand("test-loss", order=int(order), sampling="one-pass", resummed=True)
    middle = perf_counter()
    series.latex()
    record = measured(start)
    return {
        **record,
        "latex seconds": start + record["seconds"] - middle,
        "result": len(series.pieces),
    }


def gauss(order: str, updates: str) -> dict[str, Any]:
    """Evaluate a re-summed expansion on the landscape GAUSS."""
    from sgdiagrams.numeric import Gauss
    from sgdiagrams.symbolic import expand

    series = expand("test-loss", order=int(order), sampling="one-pass", resummed=True)
    statistics = Gauss().statistics(int(order))
    start = perf_counter()
    value = series.evaluate(statistics, eta=0.1, T=int(updates)).value
    return {**measured(start), "result": float(value)}


def powers(updates: str, entries: str) -> dict[str, Any]:
    """Divided differences of x^T at four close nodes, in certified floats."""
    from sgdiagrams.numeric.precision.divided_differences import power_difference

    nodes = _nodes(entries)
    power_difference(list(nodes[:, :1]), 10)
    start = perf_counter()
    found = power_difference(list(nodes), int(updates))
    return {**measured(start), "result": found.tolist()}


def mpmath_powers(updates: str, entries: str) -> dict[str, Any]:
    """Fill Newton's table of them in mpmath, with digits enough for what cancels."""
    from mpmath import mp

    nodes, T = _nodes(entries), int(updates)
    start = perf_counter()
    found = []
    with mp.workdps(60):
        for column in nodes.T:
            x = [mp.mpf(float(value)) for value in column]
            table = [value**T for value in x]
            for level in range(1, len(x)):
                table = [
                    (table[i + 1] - table[i]) / (x[i + level] - x[i]) for i in range(len(table) - 1)
                ]
            found.append(float(table[0]))
    return {**measured(start), "result": found}


WORK: dict[str, Callable[..., dict[str, Any]]] = {
    "by-number": by_number,
    "resummed": resummed,
    "gauss": gauss,
    "powers": powers,
    "mpmath": mpmath_powers,
}


def _nodes(entries: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return four different nodes near 1 for every entry."""
    import numpy as np

    return 1 - 10.0 ** np.random.default_rng(6).uniform(-8, -5, (4, int(entries)))


# Rows ---------------------------------------------------------------------------------------------


def time_sum_rows(bench: Bench) -> Iterator[Row]:
    """Measure expansions by number, where T is in the work."""
    cases = {
        "cosine": "SGD with a cosine schedule",
        "tail": "SGD, average over the last half",
        "momentum": "momentum 0.9 with a cosine schedule",
    }
    for case, shown in cases.items():
        seconds: list[float] = []
        for T in (200, 2_000) if bench.quick else (1_000, 10_000, 100_000):
            ours = bench.ours("long_times.by-number", case, T, 3)
            row = Row(
                "Expansions of order 3 by number, one pass",
                f"{shown}, T = {T:,}",
                series=case,
            )
            if ours is None:
                row.note = f"over {bench.limit} s"
                yield row
                break
            row.seconds, row.peak_mib = ours.seconds, ours.peak_mib
            row.result = f"{ours.record['result']} terms"
            seconds.append(ours.seconds)
            if len(seconds) == 2:
                row.guarded[f"{shown}: ten times the updates, times the time"] = (
                    seconds[1] / seconds[0]
                )
            yield row


def resummed_rows(bench: Bench) -> Iterator[Row]:
    """Measure re-summed expansions, in formulas and in numbers."""
    section = "Re-summed expansions of the test loss, one pass"
    orders = (2,) if bench.quick else (2, 3, 4)
    for order in orders:
        ours = bench.ours("long_times.resummed", order)
        if ours is not None:
            latex = ours.record["latex seconds"]
            text = f"{ours.record['result']} terms; LaTeX {latex:.2f} s"
            row = Row(section, f"formula, order {order}", text, ours.seconds, series="formula")
            row.peak_mib = ours.peak_mib
            yield row
    for order in orders:
        for T in (10_000,) if bench.quick or order < 4 else (100, 10_000, 1_000_000):
            ours = bench.ours("long_times.gauss", order, T)
            if ours is not None:
                work = f"value on GAUSS, order {order}, T = {T:,}"
                row = Row(section, work, f"{ours.record['result']:.6g}", ours.seconds)
                row.series = f"gauss {order}"
                row.peak_mib = ours.peak_mib
                yield row


def power_rows(bench: Bench) -> Iterator[Row]:
    """Measure divided differences of x^T, the parts of re-summed counts."""
    entries = 100 if bench.quick else 1000
    for T in (1_000_000,) if bench.quick else (1_000, 1_000_000):
        ours = bench.ours("long_times.powers", T, entries)
        if ours is not None:
            row = Row(
                "Divided differences of x^T at four nodes within 1e-5 of 1",
                f"T = {T:,}, {entries:,} entries",
                "relative error < 1e-9",
                ours.seconds,
                series="powers",
            )
            row.peak_mib = ours.peak_mib
            peer = bench.peer("mpmath", "long_times.mpmath", T, entries, ours=ours, needs="mpmath")
            row.peers = [peer]
            yield row
