"""One function over many tasks by any executor, results in the order of the tasks.

What comes out does not depend on the executor: tasks carry their own seeds, and results are handed on in
the order of the tasks. A task whose worker is lost is done again.
"""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from collections import deque
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, final

from sgdiagrams.diagrams.errors import LostWorkerError, RequestError, check_kind
from sgdiagrams.diagrams.messages import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

__all__ = ["mapped"]

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

_ATTEMPTS = 4  # of one task, whose workers are lost
_AHEAD = 2  # tasks for every worker that are handed out before results are asked for


def mapped(
    function: Callable[[Task], Outcome], tasks: Iterable[Task], executor: Executor | None = None
) -> Generator[Outcome, None, None]:
    """Yield `function` of every task, lazily and in the order of the tasks.

    Parameters
    ----------
    function
        Sent to every worker once, with what it holds; with processes it must pickle.
    tasks
        Small, and each with all that its result depends on. They are taken from the iterable a few ahead
        of the results.
    executor
        Any ``concurrent.futures.Executor``; None for this process.

    Yields
    ------
    Outcome
        When the generator is closed, or an exception such as Ctrl-C passes through it, tasks that have
        not begun are cancelled. Use it with ``contextlib.closing`` where a loop may be left early.

    Raises
    ------
    RequestError
        When the executor is none or takes no work, or the function cannot be sent to other processes.
    LostWorkerError
        When a task has lost its worker four times.

    Warns
    -----
    RuntimeWarning
        When a worker of a pool is lost that takes no further work then, as those of the standard library
        do: what is left is done in this process.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as pool:
    ...     list(mapped(abs, [3, -1, 2], pool))
    [3, 1, 2]
    """
    if executor is None:
        return _here(function, iter(tasks))
    check_kind(
        "executor",
        executor,
        Executor,
        called="a concurrent.futures.Executor, such as client.get_executor() of Dask",
    )
    return _Crew(function, executor).results(iter(tasks))


def _here(
    function: Callable[[Task], Outcome], tasks: Iterable[Task]
) -> Generator[Outcome, None, None]:
    for task in tasks:
        yield function(task)


@final
class _Crew(Generic[Task, Outcome]):
    """An executor with a function that it knows."""

    def __init__(self, function: Callable[[Task], Outcome], executor: Executor) -> None:
        self._function = function
        self._executor = executor
        self._client = _dask_client(executor)
        self._sent = self._sendable()

    def results(self, tasks: Iterable[Task]) -> Generator[Outcome, None, None]:
        """Yield the results in the order of the tasks."""
        waiting: deque[tuple[Task, Future[Outcome]]] = deque()
        rest = iter(tasks)
        try:
            while True:
                while len(waiting) < _AHEAD * self._workers():
                    for task in rest:
                        waiting.append((task, self._submit(task, 0)))
                        break
                    else:
                        break
                if not waiting:
                    return
                # It stays in the queue until its result is there, so that it is cancelled with the rest.
                task, future = waiting[0]
                result = self._result(task, future)
                waiting.popleft()
                yield result
        except BrokenExecutor:
            name = type(self._executor).__name__
            warnings.warn(
                f"a worker of {name} was lost, which ends the pool; what is left is done in this process",
                RuntimeWarning,
                stacklevel=2,
            )
            for task, future in waiting:
                yield future.result() if _is_done(future) else self._function(task)
            waiting.clear()
            yield from map(self._function, rest)
        finally:
            for _, future in waiting:
                future.cancel()

    def _result(self, task: Task, future: Future[Outcome]) -> Outcome:
        """Return a result; where the worker was lost, that of another try."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return future.result()
            except BrokenExecutor:
                raise
            except Exception as error:
                if not _is_lost(error):
                    raise
                if attempt == _ATTEMPTS:
                    raise LostWorkerError(
                        f"expected workers that live as long as a task, lost {_ATTEMPTS} with the same "
                        "one; give them more memory, or make tasks smaller"
                    ) from error
            self._sent = self._sendable()  # what they knew may be lost with them
            future = self._submit(task, attempt)
        raise AssertionError

    def _submit(self, task: Task, attempt: int) -> Future[Outcome]:
        try:
            if self._client is None:
                return self._executor.submit(self._sent, task)
            # The attempt makes another key: Dask would answer the same one with the same loss.
            return self._executor.submit(_apply, self._sent, task, attempt)
        except BrokenExecutor as error:
            broken: Future[Outcome] = Future()
            broken.set_exception(error)
            return broken
        except Exception as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> RequestError:
        return RequestError(
            f"expected an executor that takes the work, got {type(self._executor).__name__}: "
            f"{shortened(' '.join(str(error).split()))}"
        )

    def _sendable(self) -> Any:
        """Return the function as it is best sent with every task."""
        if isinstance(self._executor, ThreadPoolExecutor):
            return self._function
        if self._client is not None:
            try:
                return self._client.scatter(self._function, broadcast=True, hash=False)
            except Exception as error:
                raise self._refused(error) from error
        try:
            return partial(_call, pickle.dumps(self._function, protocol=pickle.HIGHEST_PROTOCOL))
        except Exception as error:
            if isinstance(self._executor, ProcessPoolExecutor):
                raise RequestError(
                    "expected work that can be sent to other processes, got "
                    f"{shortened(' '.join(str(error).split()))}; define functions at the top of a "
                    "module, or use threads or Dask"
                ) from error
            return self._function  # it may have a way of its own

    def _workers(self) -> int:
        if self._client is not None:
            return sum(self._client.nthreads().values()) or 1
        workers = getattr(self._executor, "_max_workers", None)
        return workers if isinstance(workers, int) else os.cpu_count() or 1


def _is_done(future: Future[Any]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _call(payload: bytes, task: Any) -> Any:
    return _loaded(payload)(task)


@lru_cache(maxsize=2)
def _loaded(payload: bytes) -> Callable[[Any], Any]:
    """Return a function that was sent: one object for all tasks, which may keep what it compiles."""
    function: Callable[[Any], Any] = pickle.loads(payload)  # noqa: S301 - of the process that asks
    return function


def _apply(function: Callable[[Task], Outcome], task: Task, attempt: int) -> Outcome:  # noqa: ARG001
    return function(task)


def _dask_client(executor: Executor) -> Any:
    """Return Dask's client, where an executor belongs to one."""
    module = sys.modules.get("distributed.cfexecutor")
    is_dask = module is not None and isinstance(executor, module.ClientExecutor)
    return getattr(executor, "_client", None) if is_dask else None


def _is_lost(error: Exception) -> bool:
    """Whether an error says that a worker was lost, and not that the task went wrong."""
    module = sys.modules.get("distributed.scheduler")
    return isinstance(error, CancelledError) or (
        module is not None and isinstance(error, module.KilledWorker)
    )
