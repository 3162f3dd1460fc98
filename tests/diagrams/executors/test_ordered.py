"""Results in the order of the tasks by every kind of executor, with workers that are lost."""

import logging
import multiprocessing
import threading
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import closing

import pytest
from executor_tasks import (
    KillsItsWorker,
    process_of,
    square,
    square_or_error,
    square_or_interrupt,
)

from sgdiagrams.diagrams import LostWorkerError, MissingDependencyError, RequestError
from sgdiagrams.diagrams.executors.cluster import dask_executor
from sgdiagrams.diagrams.executors.ordered import mapped

NUMBERS = range(20)
SQUARES = [n * n for n in NUMBERS]


def process_pool(workers=2):
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with pytest.importorskip("distributed").Client(cluster) as client:
        yield client


class Waiting(Executor):
    """An executor whose tasks are done when they are told to."""

    def __init__(self):
        self.futures = []

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.futures.append((future, fn, args, kwargs))
        return future

    def do(self, i):
        future, fn, args, kwargs = self.futures[i]
        future.set_result(fn(*args, **kwargs))


class Losing(Waiting):
    """An executor whose workers are lost with some of their first tasks."""

    def __init__(self, lost):
        super().__init__()
        self.lost = lost

    def submit(self, fn, /, *args, **kwargs):
        future = super().submit(fn, *args, **kwargs)
        if self.lost:
            self.lost -= 1
            future.cancel()
        else:
            self.do(-1)
        return future


def test_in_this_process_nothing_is_done_before_it_is_asked_for():
    done = []
    results = mapped(lambda n: done.append(n) or n * n, NUMBERS)
    assert done == []
    assert next(results) == 0
    assert done == [0]
    assert [0, *results] == SQUARES


def test_threads_and_processes():
    with ThreadPoolExecutor(3) as pool:
        assert list(mapped(lambda n: n * n, NUMBERS, pool)) == SQUARES
        assert list(mapped(square, [], pool)) == []
    with process_pool() as pool:
        assert list(mapped(square, NUMBERS, pool)) == SQUARES
        with pytest.raises(ValueError, match="three"):
            list(mapped(square_or_error, NUMBERS, pool))
        with pytest.raises(
            RequestError, match=r"^expected work that can be sent .*threads or Dask$"
        ):
            mapped(lambda n: n * n, NUMBERS, pool)


def test_tasks_are_taken_a_few_ahead():
    taken = []
    pool = Waiting()
    pool._max_workers = 3
    tasks = (taken.append(n) or n for n in NUMBERS)
    results = mapped(square, tasks, pool)
    assert taken == []
    waiting = threading.Thread(target=lambda: taken.append(("result", next(results))))
    waiting.start()
    while len(pool.futures) < 6:
        pass
    for i in (5, 0):  # in any order
        pool.do(i)
    waiting.join()
    assert taken == [*range(6), ("result", 0)]
    results.close()
    assert [future.cancelled() for future, *_ in pool.futures] == [False, *[True] * 4, False]


@pytest.mark.parametrize("function", [square_or_error, square_or_interrupt])
def test_an_error_or_an_interrupt_cancels_what_has_not_begun(function):
    pool = Waiting()
    pool._max_workers = 4
    with closing(mapped(function, NUMBERS, pool)) as results:
        error = ValueError if function is square_or_error else KeyboardInterrupt
        submit = pool.submit

        def eager(fn, /, *args):
            future = submit(fn, *args)
            if len(pool.futures) <= 3:
                pool.do(-1)
            elif len(pool.futures) == 4:
                future.set_exception(error())
            return future

        pool.submit = eager
        with pytest.raises(error):
            list(results)
    assert not any(future.cancelled() for future, *_ in pool.futures[:4])
    assert all(future.cancelled() for future, *_ in pool.futures[4:])


def test_tasks_of_lost_workers_are_done_again():
    pool = Losing(3)
    assert list(mapped(square, NUMBERS, pool)) == SQUARES
    assert len(pool.futures) == len(NUMBERS) + 3
    with pytest.raises(
        LostWorkerError, match=r"^expected workers that live .* lost 4 with the same"
    ):
        list(mapped(square, NUMBERS, Losing(10**6)))


def test_a_pool_that_breaks_is_replaced_by_this_process(tmp_path):
    function = KillsItsWorker(str(tmp_path), 7)
    with (
        process_pool() as pool,
        pytest.warns(RuntimeWarning, match="^a worker of ProcessPoolExecutor was lost, which ends"),
    ):
        assert list(mapped(function, NUMBERS, pool)) == SQUARES
    with pytest.warns(RuntimeWarning, match="in this process"):
        assert list(mapped(square, NUMBERS, pool_that_broke(tmp_path))) == SQUARES


def pool_that_broke(folder):
    pool = process_pool(1)
    with pytest.raises(BrokenExecutor):
        pool.submit(KillsItsWorker(str(folder), 0, times=2), 0).result()
    return pool


def test_what_is_no_executor():
    for wrong in (2, "tcp://here", map):
        with pytest.raises(
            RequestError, match=r"^expected a concurrent\.futures\.Executor, such as"
        ):
            mapped(square, NUMBERS, wrong)
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RequestError, match=r"^expected an executor that .*, got ThreadPool"):
        list(mapped(square, NUMBERS, pool))


def test_dask_with_a_worker_that_is_killed(client, tmp_path):
    executor = client.get_executor()
    assert list(mapped(lambda n: n * n, NUMBERS, executor)) == SQUARES
    assert len({process for _, process in mapped(process_of, NUMBERS, executor)}) == 2
    assert list(mapped(KillsItsWorker(str(tmp_path), 7), NUMBERS, executor)) == SQUARES
    assert (tmp_path / "killed 0").exists()
    with pytest.raises(ValueError, match="three"):
        list(mapped(square_or_error, NUMBERS, executor))


def test_a_scheduler_by_its_address(cluster):
    with dask_executor(cluster.scheduler_address) as executor:
        assert list(mapped(square, NUMBERS, executor)) == SQUARES
    with pytest.raises(RequestError, match=r"^expected an executor that .* the work"):
        list(mapped(square, NUMBERS, executor))


def test_a_scheduler_that_is_not_there(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("sgdiagrams.diagrams.executors.cluster._PATIENCE", 0.1)
    with (
        pytest.raises(RequestError, match=r"^expected the address .* got scheduler='.*'") as caught,
        dask_executor("tcp://127.0.0.1:1"),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_without_dask(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MissingDependencyError, match=r"sgdiagrams\[dask\]"), dask_executor("local"):
        pass
