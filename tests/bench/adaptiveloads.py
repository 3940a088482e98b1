# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What adaptivebench has pools do, and what it notes meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import sqrt

from stm import _monitor
from stm.adaptive import (
    POLICY_AGGRESSIVE,
    POLICY_BALANCED,
    POLICY_CONSERVATIVE,
    AdaptiveThreadPool,
)

POLICIES = {
    "conservative": POLICY_CONSERVATIVE,
    "balanced": POLICY_BALANCED,
    "aggressive": POLICY_AGGRESSIVE,
}


@dataclass(frozen=True)
class Task:
    """Something that is asked for at a time, in seconds from the begin."""

    due: float
    sleep: float  # seconds, as if waiting for a disk or for the network
    roots: int = 0  # how many square roots it computes


def wait_then_compute(sleep: float, roots: int) -> None:
    time.sleep(sleep)
    sum(map(sqrt, range(roots)))


def steadily(seconds: float, every: float, sleep: float) -> Iterator[Task]:
    for number in range(round(seconds / every)):
        yield Task(number * every, sleep)


def in_bursts(
    seconds: float, every: float, count: int, sleep: float, roots: int = 0
) -> Iterator[Task]:
    for number in range(round(seconds / every)):
        for _ in range(count):
            yield Task(number * every, sleep, roots)


# Each needs eight threads at least, on average or in its bursts; two cannot
# keep up with any.
LOADS: dict[str, Callable[[float], list[Task]]] = {
    "steady": lambda seconds: [*steadily(seconds, 0.002, 0.016)],
    "bursty": lambda seconds: [*in_bursts(seconds, 2.0, 250, 0.020)],
    "mixed": lambda seconds: sorted(
        [
            *steadily(seconds, 0.004, 0.008),
            *in_bursts(seconds, 2.0, 125, 0.020, roots=1000),
        ],
        key=lambda task: task.due,
    ),
}


@dataclass
class Sample:
    """What a pool tells at one moment."""

    time: float
    threads: int
    queue: int
    cpu: float  # percent


@dataclass
class Trial:
    """What came of one load on one pool."""

    took: float = 0.0
    latencies: list[float] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    monitor: float = 0.0  # processor time of the monitor, by the time it took

    @property
    def threads(self) -> float:
        """How many threads there were, on average over time."""
        return sum(sample.threads for sample in self.samples) / len(
            self.samples
        )


def processor_time(thread: threading.Thread) -> float:
    """Return the seconds that a thread has run."""
    path = f"/proc/self/task/{thread.native_id}/schedstat"
    with open(path) as file:
        return int(file.read().split()[0]) / 1e9


class Recorder:
    """Notes what a pool tells, on a thread of its own."""

    def __init__(self, pool: AdaptiveThreadPool, every: float = 0.01) -> None:
        self.samples: list[Sample] = []
        self._pool = pool
        self._every = every
        self._over = threading.Event()
        self._begin = time.monotonic()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(self._every):
            self.note()

    def note(self) -> None:
        metrics = self._pool.get_metrics()
        self.samples.append(
            Sample(
                time.monotonic() - self._begin,
                metrics["current_threads"],
                metrics["queue_depth"],
                metrics["cpu_utilization_percent"],
            )
        )

    def end(self) -> list[Sample]:
        self.note()
        self._over.set()
        self._thread.join()
        return self.samples


def submit_all(
    pool: AdaptiveThreadPool, tasks: list[Task], trial: Trial
) -> None:
    """Submit each when it is due, or as soon as there is room.

    Its latency is the time from when it was due until it was done.
    """
    begin = time.monotonic()
    futures = []

    def note(due: float) -> None:
        trial.latencies.append(time.monotonic() - begin - due)

    def do(task: Task) -> None:
        wait_then_compute(task.sleep, task.roots)
        note(task.due)

    for task in tasks:
        left = begin + task.due - time.monotonic()
        if left > 0:
            time.sleep(left)
        futures.append(pool.submit(do, (task,)))
    for future in futures:
        future.result()
    trial.took = time.monotonic() - begin


def run(pool: AdaptiveThreadPool, tasks: list[Task]) -> Trial:
    """Have a new pool do the tasks, and shut it down."""
    trial = Trial()
    monitor = _monitor.default.thread
    assert monitor is not None, "no monitor"
    recorder = Recorder(pool)
    before = processor_time(monitor)
    try:
        submit_all(pool, tasks, trial)
        trial.monitor = (processor_time(monitor) - before) / trial.took
    finally:
        trial.samples = recorder.end()
        pool.shutdown()
    assert len(trial.latencies) == len(tasks), "a task was lost"
    return trial


def adaptive(
    policy: str, interval_ms: int, threshold: float
) -> AdaptiveThreadPool:
    """Make a pool that chooses its size."""
    return AdaptiveThreadPool(
        policy=POLICIES[policy],
        monitor_interval_ms=interval_ms,
        cpu_threshold=threshold,
    )


def static(size: int, interval_ms: int) -> AdaptiveThreadPool:
    """Make a pool that is the same in all else."""
    return AdaptiveThreadPool(
        min_threads=size,
        soft_limit=size,
        max_threads=size,
        hard_limit=size,
        monitor_interval_ms=interval_ms,
    )
