# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""A thread pool that chooses its size by what there is to do and to be had.

A monitor measures the processors, the memory, the queue and the threads; a
policy makes of that how many threads there may be, within the limits that it is
given.

>>> pool = AdaptiveThreadPool(min_threads=1, policy=POLICY_AGGRESSIVE)
>>> futures = [pool.submit(pow, args=(2, n)) for n in range(4)]
>>> [future.result() for future in futures]
[1, 2, 4, 8]
>>> pool.shutdown(wait=True)
>>> pool.get_metrics()["total_completed"]
4

The manual is adaptive.md.  `python -m stm.adaptive` tries whether all of this
works here.
"""

import builtins as _builtins
import functools as _functools
import time as _time
from collections.abc import Callable as _Callable
from collections.abc import Iterable as _Iterable
from collections.abc import Mapping as _Mapping
from types import TracebackType as _TracebackType
from typing import Any as _Any
from typing import Final as _Final
from typing import TypeVar as _TypeVar

import stm as _stm_package
from stm import _governor, _monitor, _settings
from stm._policy import Decision
from stm.datatypes import TList as _TList
from stm.datatypes import TPriorityQueue as _TPriorityQueue
from stm.futures import Future as _Future
from stm.futures import ThreadPoolExecutor as _ThreadPoolExecutor

__all__ = [
    "AdaptiveThreadPool",
    "Decision",
    "POLICY_AGGRESSIVE",
    "POLICY_BALANCED",
    "POLICY_CONSERVATIVE",
]

_T = _TypeVar("_T")

POLICY_CONSERVATIVE: _Final = 0  # up slowly, down quickly
POLICY_BALANCED: _Final = 1
POLICY_AGGRESSIVE: _Final = 2  # up quickly

# How many tasks may be queued.
_CAPACITY = 128


class _Pool:
    """An executor as far as it is governed."""

    def __init__(self, executor: _ThreadPoolExecutor) -> None:
        self._executor = executor

    def counts(self) -> _governor.Counts:
        stats = self._executor.stats()
        return _governor.Counts(
            stats.scheduled,
            stats.finished,
            stats.queued,
            stats.running,
            stats.waiting,
            stats.live,
            stats.free,
            stats.closed,
        )

    def resize(self, most: int, least: int) -> None:
        self._executor.resize(most, least)

    def cap(self, most: int) -> None:
        self._executor._pool.cap(most)


def _timed(
    spent: _stm_package.TCounter,
    function: _Callable[..., _T],
    args: tuple[_Any, ...],
    kwargs: dict[str, _Any],
) -> _T:
    begin = _time.perf_counter_ns()
    try:
        return function(*args, **kwargs)
    finally:
        took = _time.perf_counter_ns() - begin
        _stm_package.atomically(_functools.partial(spent.add, took))


class AdaptiveThreadPool:
    """A pool of threads, as many as the load asks for.

    min_threads          are there always, however idle
    soft_limit           how many there are normally at most; more only where
                         every thread is busy and many tasks are queued
    max_threads          how many tasks run at a time at most
    hard_limit           how many threads there are at most, those included
                         whose tasks wait for others of the pool; where as many
                         wait, there is one more
    policy               how fast the pool grows and shrinks
    monitor_interval_ms  how often it is looked at
    scale_up_threshold   it grows while a larger part of the threads is busy
    scale_down_threshold and shrinks while a smaller part is
    cpu_threshold        it does not grow while a larger part is used of the
                         processors, or of the quota of the control group
    memory_threshold_mb  nor while less memory is available

    Settings that cannot be, or contradict each other, raise ValueError.  A pool
    cannot be made inside a transaction.
    """

    def __init__(
        self,
        min_threads: int = 2,
        max_threads: int = 32,
        soft_limit: int = 8,
        hard_limit: int = 32,
        policy: int = POLICY_BALANCED,
        monitor_interval_ms: float = 250,
        scale_up_threshold: float = 0.75,
        scale_down_threshold: float = 0.25,
        cpu_threshold: float = 0.80,
        *,
        memory_threshold_mb: float = 64,
    ) -> None:
        settings = _settings.check(
            _settings.Settings(
                min_threads,
                max_threads,
                soft_limit,
                hard_limit,
                policy,
                monitor_interval_ms,
                scale_up_threshold,
                scale_down_threshold,
                cpu_threshold,
                memory_threshold_mb,
            )
        )
        if _stm_package.in_transaction():
            raise RuntimeError(
                "an AdaptiveThreadPool cannot be made inside a transaction"
            )
        self._executor = _ThreadPoolExecutor(
            max(settings.min_threads, 1),
            "AdaptiveThreadPool",  # of all: stm.stats keeps each name
            min_workers=settings.min_threads,
            keep_alive=None,  # who leaves is the policy's to say
            tasks=_TPriorityQueue(),
            capacity=_CAPACITY,
            rejection="block",
        )
        self._spent = _stm_package.TCounter()  # ns in tasks
        self._pool = _Pool(self._executor)
        monitor = self._monitor()
        reading, load = monitor.first()
        self._governor = _governor.Governor(self._pool, settings, load)
        monitor.enter(self._governor, reading)

    @staticmethod
    def _monitor() -> _monitor.Monitor:
        return _monitor.default

    def __enter__(self) -> "AdaptiveThreadPool":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: _TracebackType | None,
    ) -> None:
        self.shutdown(wait=True)

    def submit(
        self,
        callable: _Callable[..., _T],
        args: _Iterable[_Any] = (),
        kwargs: _Mapping[str, _Any] = {},
        priority: int = 0,
    ) -> "_Future[_T]":
        """Have a thread call something, and return a future of the result.

        Lower priorities go first, and first come first served within one.  When
        128 tasks are queued, wait until one is taken.  Inside a transaction it
        takes effect when that commits.

        After shutdown(), raise RuntimeError.
        """
        if not _builtins.callable(callable):
            kind = type(callable).__name__
            raise TypeError(f"callable must be callable, not {kind!r}")
        keywords = dict(kwargs)
        for key in keywords:
            if not isinstance(key, str):
                raise TypeError(
                    f"kwargs must have strings as keys, not {key!r}"
                )
        task = (self._spent, callable, tuple(args), keywords)
        return self._executor.schedule(_timed, task, priority=priority)

    def shutdown(self, wait: bool = True) -> None:
        """Take nothing more; what is queued still runs, then the threads end.

        Unless wait is false, return when they have.  Doing so twice is no
        error.
        """
        self._executor.shutdown(wait=wait)
        if wait:
            self._monitor().leave(self._governor)

    def configure(self, **settings: _Any) -> None:
        """Change settings, which are those of the constructor, by name.

        All of them or, if that raises ValueError, none; inside a transaction,
        when that commits.  Limits hold from then on: threads too many leave as
        soon as they have no task.
        """
        self._governor.configure(settings)

    def get_config(self) -> dict[str, _Any]:
        """Return all settings, by name."""
        return _stm_package.atomically(self._governor.settings.get)._asdict()

    @_stm_package.atomic
    def get_metrics(self) -> dict[str, _Any]:
        """Return what there is at this moment, by name.

        active_threads, idle_threads, current_threads: how many have a task,
        have none, and both; queue_depth: tasks that wait for a thread;
        total_submitted, total_completed: tasks ever; avg_task_duration_ms: of
        those that are completed; thread_limit: how many threads there may be
        now; growth_declined: why there were not more when tasks were last
        queued, or None.

        As last measured: cpu_utilization_percent, of the processors that the
        process may use; cpu_quota_percent, of what its control group may use,
        or None; memory_available_mb, or None where that cannot be read.
        """
        counts = self._pool.counts()
        governor = self._governor
        load, mood = governor.load.value, governor.mood.value
        spent = self._spent.value / 1e6
        quota = None if load.quota is None else load.quota * 100
        return {
            "cpu_utilization_percent": (load.cpu or 0.0) * 100,
            "cpu_quota_percent": quota,
            "memory_available_mb": load.memory_mb,
            "active_threads": counts.live - counts.free,
            "idle_threads": counts.free,
            "current_threads": counts.live,
            "thread_limit": mood.limit,
            "queue_depth": counts.queued,
            "avg_task_duration_ms": spent / (counts.completed or 1),
            "total_submitted": counts.submitted,
            "total_completed": counts.completed,
            "growth_declined": mood.declined,
        }

    @property
    def decisions(self) -> "_TList[Decision]":
        """The last hundred decisions of the policy, the latest at the end.

        It is to be read, in transactions, and watched, not to be changed.
        """
        return self._governor.decisions


if __name__ == "__main__":
    from stm import _check

    raise SystemExit(_check.main())
