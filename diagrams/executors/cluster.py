"""Dask clusters as executors, by the address of their scheduler."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.errors import MissingDependencyError, RequestError
from sgdiagrams.diagrams.messages import shortened, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

__all__ = ["dask_executor"]

_PATIENCE = 10  # seconds for a scheduler to answer


@contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """Open an executor on a Dask cluster, and close it at the end.

    Parameters
    ----------
    address
        Of a scheduler that runs, such as ``tcp://192.168.0.1:8786``; or ``"local"``, for a cluster of one
        process for every core of this machine, which ends with the executor.

    Raises
    ------
    MissingDependencyError
        When Dask is not installed.
    RequestError
        When no scheduler answers at the address.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise MissingDependencyError(
            'expected Dask for a scheduler, which is not installed; run pip install "sgdiagrams[dask]"'
        ) from error
    with ExitStack() as stack:
        cluster: Any = address
        if address == "local":
            # One thread a process, since the work holds Python's lock for much of the time.
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=os.cpu_count() or 1, threads_per_worker=1, dashboard_address=None
                )
            )
        try:
            client = stack.enter_context(distributed.Client(cluster, timeout=_PATIENCE))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise RequestError(
                "expected the address of a Dask scheduler that runs, such as tcp://192.168.0.1:8786, or "
                f"local, got scheduler={shown(address)}; {shortened(' '.join(str(error).split()))}"
            ) from error
        executor = client.get_executor(pure=False)
        try:
            yield executor
        finally:
            executor.shutdown(wait=False)
