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

import stm as _stm_package
import stm.eventloop as _eventloop  # noqa: F401
from stm import _stm
from stm.datatypes import TList as _TList
from stm.utils import wait_until as _wait_until

__all__ = ["FINISHED", "NEW", "RUNNING", "STARTED", "Thread", "ThreadPool"]

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


_pools: "_weakref.WeakSet[ThreadPool]" = _weakref.WeakSet()


class ThreadPool(_stm.ThreadPool):
    """A pool of at most max_threads threads.

    Threads start as tasks need them and end after keep_alive seconds without
    one (None: never).  A pool works on a TList of functions, its own or the
    one given as tasks: appending to that list is all it takes to schedule, from
    any transaction.

    The counts can be read in a transaction, and then watched and waited for, or
    outside of one; a watcher that reads them keeps the pool until it is
    cancelled.  At exit the interpreter waits for what has been scheduled.  A
    pool that is let go finishes what is in its list.
    """

    def __init__(
        self,
        max_threads: int,
        keep_alive: float | None,
        tasks: "_TList[_Callable[[], object]] | None" = None,
    ) -> None:
        super().__init__(max_threads, keep_alive, tasks)
        _pools.add(self)


# Before the interpreter waits for its other threads, as concurrent.futures does
# it: those may wait for a pool.
def _at_exit() -> None:
    pools = list(_pools)
    for pool in pools:
        pool.shutdown()
    for pool in pools:
        _wait_until(lambda: pool.live_threads == 0)
    pools.clear()
    _stm.await_workers()


getattr(_threading, "_register_atexit", _atexit.register)(_at_exit)


def _after_fork() -> None:
    # The child has none of the threads.
    _pools.clear()
    _stm.forget_workers()


_os.register_at_fork(after_in_child=_after_fork)
