"""Share the diagrams of an order between processes, or the machines of a Dask cluster.

Each worker goes through its own part of the rooted trees and sends back small numbers: how many diagrams
there are with which symmetry factor, and the sum of the inverse factors. That sum is compared with its
closed form, so that a part that is lost or counted twice does not go unnoticed. There is one part for
every worker: parts are alike, and each begins with the same table of partitions. Who wants the diagrams
themselves calls ``diagram_rows(order, executor=...)``: the same rows in the same order.

    python examples/share_an_order.py --order 9
    python examples/share_an_order.py --order 9 --dask                       # a cluster on this machine
    python examples/share_an_order.py --order 9 --dask tcp://scheduler:8786  # one that runs already

Dask comes with ``pip install "sgdiagrams[dask]"``; workers elsewhere need sgdiagrams too.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams import RequestError, diagram_rows, symmetry_sum

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Executor


def count_part(order: int, residue: int, modulus: int) -> Counter[int]:
    """Return how many diagrams of a part have which symmetry factor."""
    found: Counter[int] = Counter()
    for batch in diagram_rows(order, residue=residue, modulus=modulus):
        factors, counts = np.unique(batch.symmetry_factors, return_counts=True)
        found.update(dict(zip(factors.tolist(), counts.tolist(), strict=True)))
    return found


def count_with(executor: Executor, order: int, workers: int) -> Iterable[Counter[int]]:
    """Return the counts of all parts, one for every worker, in their order."""
    return executor.map(count_part, [order] * workers, range(workers), [workers] * workers)


def count_with_processes(order: int, workers: int) -> Iterable[Counter[int]]:
    """Return the counts of all parts, worked out by the processes of a pool."""
    with ProcessPoolExecutor(workers) as pool:
        yield from count_with(pool, order, workers)


def count_with_dask(order: int, workers: int, address: str) -> Iterable[Counter[int]]:
    """Return the counts of all parts, worked out by a Dask cluster, whose client gives an executor."""
    try:
        from dask.distributed import Client, LocalCluster  # noqa: PLC0415 - optional
    except ImportError:
        sys.exit('Dask is missing: pip install "sgdiagrams[dask]"')
    with ExitStack() as stack:
        where: Any = address
        if address == "local":
            # One thread a process, since the work holds Python's lock for much of the time.
            where = stack.enter_context(
                LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
            )
        client = stack.enter_context(Client(where))
        yield from count_with(client.get_executor(), order, sum(client.ncores().values()) or 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, print and check; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--order", type=int, default=8, help="number of edges")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes on this machine"
    )
    parser.add_argument(
        "--dask",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="use Dask: the scheduler at ADDRESS, or a cluster of processes on this machine",
    )
    options = parser.parse_args(arguments)
    if options.workers < 1:
        parser.error(f"expected --workers >= 1, got {options.workers}")
    try:
        expected = symmetry_sum(options.order)
    except RequestError as error:
        parser.error(str(error))
    if options.dask is None:
        parts = count_with_processes(options.order, options.workers)
    else:
        parts = count_with_dask(options.order, options.workers, options.dask)
    total: Counter[int] = Counter()
    for part in parts:
        total.update(part)
    found = sum((Fraction(count, factor) for factor, count in total.items()), Fraction(0))
    print(f"{total.total()} diagrams of order {options.order}; {total[1]} have no symmetry")
    print(f"sum of 1/symmetry factor: {found}, expected {expected}")
    return 0 if found == expected else 1


if __name__ == "__main__":
    sys.exit(main())
