# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Thread pools made of transactions."""

import atexit as _atexit
import os as _os
import threading as _threading
import weakref as _weakref
from collections.abc import Callable as _Callable

import stm.eventloop as _eventloop  # noqa: F401
from stm import _stm
from stm.datatypes import TList as _TList
from stm.utils import wait_until as _wait_until

__all__ = ["ThreadPool"]

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
