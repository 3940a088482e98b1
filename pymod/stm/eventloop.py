# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Functions that run after a transaction, outside of any.

What a transaction schedules runs once it has committed, on the event loop's
thread and in the order of the commits, and not at all if the transaction is
undone.  Functions should be quick; long work belongs to a
stm.threadutils.ThreadPool.

>>> from stm import atomically
>>> loop = EventLoop()
>>> atomically(lambda: loop.schedule(lambda: print("committed")))
>>> loop.stop()
>>> loop.run()
committed
"""

import atexit as _atexit
import functools as _functools
import os as _os
import threading as _threading
import weakref as _weakref
from collections.abc import Callable as _Callable
from typing import ParamSpec as _ParamSpec

import stm as _stm_package
from stm import _stm

__all__ = ["EventLoop", "default_event_loop", "schedule", "scheduled_function"]

_P = _ParamSpec("_P")

# Those that may have something to run at exit.
_loops: "_weakref.WeakSet[EventLoop]" = _weakref.WeakSet()


class EventLoop:
    """A queue of functions and, once started, the thread that calls them.

    An exception is reported through sys.unraisablehook(), and the loop goes on.
    """

    def __init__(self) -> None:
        self._forget_thread()

    def _forget_thread(self) -> None:
        self._loop = _stm.EventLoop()
        self._thread: _threading.Thread | None = None
        # Reentrant, since a signal handler may schedule while it is held.
        self._lock = _threading.RLock()

    def schedule(self, function: _Callable[[], object]) -> None:
        """Have the loop call a function of no arguments.

        Inside a transaction, once that has committed.
        """
        self._loop.schedule(function)

    def scheduled_function(
        self, function: _Callable[_P, object]
    ) -> _Callable[_P, None]:
        """Decorate a function so that a call schedules it and returns."""

        @_functools.wraps(function)
        def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> None:
            self.schedule(_functools.partial(function, *args, **kwargs))

        return wrapper

    def start(self) -> None:
        """Start a thread that runs the loop; not inside a transaction.

        The loop lives until it is stopped.  At exit, what has been scheduled on
        a loop that was started still runs.
        """
        if _stm_package.in_transaction():
            raise RuntimeError("a loop cannot be started inside a transaction")
        with self._lock:
            if self._thread is not None:
                return
            thread = _threading.Thread(
                name="stm.eventloop.EventLoop",
                target=self.run,
                daemon=True,
            )
            thread.start()
            self._thread = thread
            _loops.add(self)

    def run(self) -> None:
        """Run the loop on this thread until it is stopped.

        Not inside a transaction.
        """
        self._loop.run()

    def stop(self) -> None:
        """End the loop after what has been scheduled.

        It takes effect when the running transaction commits, if there is one.
        """
        self._loop.stop()

    def _finish(self) -> None:
        self.stop()
        if self._thread is not None:
            self._thread.join()
            return
        try:
            self._loop.run()
        except RuntimeError:
            pass  # a daemon of the user's runs it


class _DefaultEventLoop(EventLoop):
    """Starts when something is first scheduled."""

    def schedule(self, function: _Callable[[], object]) -> None:
        if self._thread is not None:
            super().schedule(function)
            return

        @_stm_package.atomically
        def _() -> None:
            self._loop.schedule(function)
            _stm_package.on_commit(self._start_or_leave_to_exit)

    def _start_or_leave_to_exit(self) -> None:
        _loops.add(self)
        try:
            self.start()
        except RuntimeError:
            # No thread can be had now, for instance since the interpreter
            # shuts down: the next to schedule tries again, then _at_exit runs
            # what is left.
            pass


default_event_loop: EventLoop = _DefaultEventLoop()


def schedule(function: _Callable[[], object]) -> None:
    """Have the default loop call a function of no arguments.

    Inside a transaction, once that has committed.
    """
    default_event_loop.schedule(function)


def scheduled_function(
    function: _Callable[_P, object],
) -> _Callable[_P, None]:
    """Decorate a function so that a call schedules it on the default loop."""
    return default_event_loop.scheduled_function(function)


# Not by threading._register_atexit, which comes before the non-daemon threads
# have been waited for: what those schedule is still to run.  The default loop
# is the last, since the others may schedule on it.  From then on it refuses,
# rather than start a thread that the interpreter would cut short.
@_atexit.register
def _at_exit() -> None:
    for loop in list(_loops):
        if loop is not default_event_loop:
            loop._finish()
    default_event_loop._finish()


def _after_fork() -> None:
    # The child has none of the threads, and the parent runs what was scheduled.
    for loop in list(_loops):
        loop._forget_thread()
    _loops.clear()


_os.register_at_fork(after_in_child=_after_fork)
