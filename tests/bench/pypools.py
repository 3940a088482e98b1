# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What pypoolbench measures: pools of threads, each used in the same way."""

import concurrent.futures
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import stm.futures
import stm.threadutils

PATIENCE = 60  # seconds for all workers to be there

Task = Callable[[], object]


@dataclass
class Pool:
    """A pool with so many workers.

    submit is the pool's own way to take a task, called without a detour.
    collect waits for what submit returned, which is all that was submitted.
    """

    workers: int
    submit: Callable[[Task], Any]
    collect: Callable[[list[Any]], None]
    end: Callable[[], None]

    @contextmanager
    def held(self) -> Iterator[None]:
        """All workers are there, and do nothing until the block ends."""
        met = threading.Barrier(self.workers + 1, timeout=PATIENCE)
        gate = threading.Event()

        def hold() -> None:
            met.wait()
            gate.wait()

        holding = [self.submit(hold) for _ in range(self.workers)]
        try:
            met.wait()
            yield
        except threading.BrokenBarrierError:
            raise AssertionError(f"no {self.workers} workers") from None
        finally:
            gate.set()
        self.collect(holding)


def of_futures(executor: concurrent.futures.Executor, workers: int) -> Pool:
    def collect(futures: list[concurrent.futures.Future]) -> None:
        for future in futures:
            future.result()

    return Pool(workers, executor.submit, collect, executor.shutdown)


def futures(workers: int) -> Pool:
    executor = stm.futures.ThreadPoolExecutor(workers)
    return of_futures(executor, workers)


def standard(workers: int) -> Pool:
    executor = concurrent.futures.ThreadPoolExecutor(workers)
    return of_futures(executor, workers)


def threadpool(workers: int) -> Pool:
    """Functions without futures: that all have ended is what there is."""
    pool = stm.threadutils.ThreadPool(workers, keep_alive=PATIENCE)

    def end() -> None:
        scheduled, finished = pool.tasks_scheduled, pool.tasks_finished
        pool.shutdown()
        assert scheduled == finished, f"{scheduled} tasks, {finished} run"

    return Pool(workers, pool.schedule, lambda _: pool.join(), end)


SYSTEMS = {
    "stm": futures,
    "stm-threadpool": threadpool,
    "concurrent.futures": standard,
}
