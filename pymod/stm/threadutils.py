# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Threads that transactions start, and thread pools made of transactions.

>>> from stm import atomically
>>> from stm.datatypes import TList
>>> tasks, done = TList(), TList()
>>> pool = ThreadPool(8, keep_alive=1, tasks=tasks)
>>> def task():
...     atomically(lambda: done.append("task"))
>>> atomically(lambda: tasks.extend([task, task]))
>>> pool.join()
>>> done
TList(['task', 'task'])
"""

import atexit as _atexit
import functools as _functools
import os as _os
import threading as _threading
import weakref as _weakref
from collections.abc import Callable as _Callable
from typing import Final as _Final
from typing import Literal as _Literal
from typing import NamedTuple as _NamedTuple

import stm as _stm_package
import stm.eventloop as _eventloop  # noqa: F401
from stm import _stm
from stm.datatypes import TList as _TList
from stm.datatypes import TPriorityQueue as _TPriorityQueue
from stm.utils import wait_until as _wait_until

__all__ = [
    "FINISHED",
    "NEW",
    "PoolStats",
    "RUNNING",
    "STARTED",
    "Thread",
    "ThreadPool",
]

# What the state of a Thread can be.
NEW: _Final = "stm.threadutils.NEW"  # not started
STARTED: _Final = "stm.threadutils.STARTED"  # not running yet
RUNNING: _Final = "stm.threadutils.RUNNING"
FINISHED: _Final = "stm.threadutils.FINISHED"


class Thread:
    """A thread that is started by a transaction, if and when that commits.

    It runs run(), which calls the target unless a subclass overrides it.  An
    exception in it goes to threading.excepthook().  At exit the interpreter
    waits for the thread, unless it is a daemon.
    """

    def __init__(
        self,
        target: _Callable[[], object] | None = None,
        *,
        name: str | None = None,
        daemon: bool = False,
    ) -> None:
        self._target = target
        self._thread = self._new_thread(name, daemon)
        # The state, and the process that started the thread.
        self._variable = _stm_package.TVar[tuple[str, int]]((NEW, 0))

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} {self.name!r}>"

    @property
    def name(self) -> str:
        """The name, as that of the threading.Thread inside."""
        return self._thread.name

    @property
    def daemon(self) -> bool:
        """Whether the interpreter does not wait for the thread at exit."""
        return self._thread.daemon

    @property
    def state(self) -> str:
        """NEW, STARTED, RUNNING or FINISHED.

        It can be read in a transaction, and then watched and waited for, or
        outside of one.  A thread is STARTED from start() until it begins to
        run, which is after the transaction; one that could not be had is NEW
        again.
        """
        state, process = _stm_package.atomically(self._variable.get)
        # A forked child has only the thread that forked.
        if (
            state in (STARTED, RUNNING)
            and process != _os.getpid()
            and not self._thread.is_alive()
        ):
            return FINISHED
        return state

    def start(self) -> None:
        """Start the thread; inside a transaction, once that has committed.

        A thread can be started once: else raise RuntimeError.  So too where the
        system has no thread to give, but after a transaction that goes to
        sys.unraisablehook().
        """
        within = _stm_package.in_transaction()

        @_stm_package.atomically
        def _() -> None:
            if self.state != NEW:
                raise RuntimeError("a thread can be started only once")
            self._variable.value = STARTED, _os.getpid()
            if within:
                _stm_package.on_commit(self._start)

        if not within:
            self._start()

    def run(self) -> None:
        """What the thread does: call the target."""
        if self._target is None:
            raise RuntimeError("a thread without a target must override run()")
        self._target()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the thread has finished; in a transaction, retry until.

        After timeout seconds, as in stm.elapsed(), raise stm.timeout.Timeout.
        A thread that has not been started cannot be waited for, nor can one
        wait for itself: raise RuntimeError.
        """
        if self._thread is _threading.current_thread():
            raise RuntimeError("a thread cannot wait for itself")

        def finished() -> bool:
            state = self.state
            if state == NEW:
                raise RuntimeError("a thread must be started to be waited for")
            return state == FINISHED

        _wait_until(finished, timeout)
        if not _stm_package.in_transaction():
            self._thread.join()

    # The target is partial since its name would become part of the thread's.
    def _new_thread(self, name: str | None, daemon: bool) -> _threading.Thread:
        return _threading.Thread(
            target=_functools.partial(self._run), name=name, daemon=daemon
        )

    def _start(self) -> None:
        try:
            self._thread.start()
        except Exception:
            # That one cannot be started again.
            self._thread = self._new_thread(self.name, self.daemon)
            self._enter(NEW)
            raise

    def _run(self) -> None:
        self._enter(RUNNING)
        try:
            self.run()
        finally:
            self._enter(FINISHED)

    def _enter(self, state: str) -> None:
        process = _os.getpid()
        _stm_package.atomically(lambda: self._variable.set((state, process)))


class PoolStats(_NamedTuple):
    """What a pool tells about itself, all at one moment."""

    scheduled: int
    """Tasks ever scheduled and not taken back before they ran."""
    finished: int
    """Those of them that have returned, raised or come to nothing."""
    queued: int
    """Tasks that wait for a worker."""
    delayed: int
    """Tasks whose time is to come."""
    running: int
    """Tasks that a thread has."""
    given_up: int
    """Tasks cancelled, dropped, or ended with their thread."""
    live: int
    """Workers, starting ones included."""
    free: int
    """Workers that have no task."""
    waiting: int
    """Tasks that wait for others, for each of which one more worker may run."""
    min: int
    """How many workers there are at least."""
    max: int
    """How many workers there are at most."""
    paused: bool
    """Whether no task is handed out."""
    closed: bool
    """Whether nothing can be scheduled any more."""


# Those that the interpreter waits for at exit, once it has begun to.
_pools: "_weakref.WeakSet[_stm.ThreadPool]" = _weakref.WeakSet()
_exiting = _exited = False

_Task = _Callable[[], object]


class ThreadPool(_stm.ThreadPool):
    """A pool of at most max_threads threads.

    Threads start as tasks need them and end after keep_alive seconds without
    one (None: never), but for min_threads, which are there from the beginning.
    A pool works on a TList or a TPriorityQueue of functions, its own list or
    the one given as tasks: to append to it, or to push, is all it takes to
    schedule, from any transaction.

    At most capacity tasks wait for a worker (None: any number).  What
    schedule() does with one more is the rejection: "block" until there is room,
    which inside a transaction is to retry; "reject" it with
    stm.datatypes.Full; "caller-runs": call it in the scheduling thread, after
    the commit; or "drop-oldest": drop the task that would be next, and over a
    TPriorityQueue the oldest of the least urgent.  What is appended directly is
    never refused.

    All methods work inside a transaction, take effect when that commits, and
    compose, also those of several pools.  The counts can be read there, and
    then watched and waited for, or outside of one; a watcher that reads them
    keeps the pool until it is cancelled.  name is that of the workers'
    transactions in stm.stats.

    At exit the interpreter waits for what has been scheduled, delayed tasks
    included.  A pool that is let go finishes what is in its list.

    handover says how tasks get to workers.  Only experiments need another than
    "hand-off", which wakes one free worker at a time: with "shared-list" all of
    them wait for the list, and with "coarse" for any change of the pool.
    """

    def __init__(
        self,
        max_threads: int,
        keep_alive: float | None,
        tasks: "_TList[_Task] | _TPriorityQueue[_Task] | None" = None,
        *,
        min_threads: int = 0,
        capacity: int | None = None,
        rejection: _Literal[
            "block", "reject", "caller-runs", "drop-oldest"
        ] = "block",
        handover: _Literal["hand-off", "shared-list", "coarse"] = "hand-off",
        name: str | None = None,
    ) -> None:
        super().__init__(
            max_threads,
            keep_alive,
            tasks,
            min_threads=min_threads,
            capacity=capacity,
            rejection=rejection,
            handover=handover,
            name=name,
        )
        _enroll(self)

    def stats(self) -> PoolStats:
        """Return all that the pool tells about itself, as of one moment.

        A transaction that reads it reads all of the pool's counts.
        """
        return PoolStats(*super().stats())


# One that is made when the exit has begun takes nothing, and nobody but this
# waits for workers that it was to have from the beginning.
def _enroll(pool: _stm.ThreadPool) -> None:
    _pools.add(pool)
    if not _exiting:
        return

    @_stm_package.atomically
    def _() -> None:
        pool.cancel_all()
        pool.shutdown()

    if _exited:
        _await_end(pool)
        _stm.await_workers()


def _enrolled() -> list[_stm.ThreadPool]:
    while True:
        try:
            return list(_pools)
        except RuntimeError:
            pass  # another thread has made one meanwhile


def _is_over(pool: _stm.ThreadPool) -> bool:
    stats = PoolStats(*_stm.ThreadPool.stats(pool))
    return stats.live == 0 and stats.delayed == 0


# The first wait may be long and be interrupted.
def _await_end(pool: _stm.ThreadPool) -> None:
    _wait_until(lambda: _is_over(pool))
    pool.join_threads()


# Before the interpreter waits for its other threads, as concurrent.futures does
# it: those may wait for a pool.
def _at_exit() -> None:
    global _exiting, _exited
    _exiting = True
    while pools := _enrolled():  # which may make others while they end
        for pool in pools:
            pool.shutdown()
        for pool in pools:
            _await_end(pool)
            _pools.discard(pool)
    _stm.await_workers()
    _exited = True


getattr(_threading, "_register_atexit", _atexit.register)(_at_exit)


def _after_fork() -> None:
    # The child has none of the threads.
    _pools.clear()
    _stm.forget_workers()


_os.register_at_fork(after_in_child=_after_fork)
