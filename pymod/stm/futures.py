# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""An executor as that of concurrent.futures, and its futures, in transactions.

>>> from stm import atomically
>>> with ThreadPoolExecutor(2) as executor:
...     squares = [executor.submit(pow, number, 2) for number in range(4)]
...     print(atomically(lambda: sum(future.result() for future in squares)))
14
"""

import collections as _collections
import concurrent.futures as _standard
import itertools as _itertools
import os as _os
import threading as _threading
import time as _time
import weakref as _weakref
from collections.abc import Callable as _Callable
from collections.abc import Iterable as _Iterable
from collections.abc import Iterator as _Iterator
from collections.abc import Mapping as _Mapping
from concurrent.futures.thread import BrokenThreadPool
from typing import Any as _Any
from typing import Literal as _Literal
from typing import ParamSpec as _ParamSpec
from typing import TypeVar as _TypeVar

import stm as _stm_package
import stm.threadutils as _threadutils
from stm import _stm
from stm._crew import Crew as _Crew
from stm._future import Future
from stm.datatypes import TList as _TList
from stm.datatypes import TPriorityQueue as _TPriorityQueue

__all__ = ["BrokenThreadPool", "Future", "ThreadPoolExecutor"]

_P = _ParamSpec("_P")
_T = _TypeVar("_T")

Future.__module__ = __name__


def _default_workers() -> int:
    count = getattr(_os, "process_cpu_count", _os.cpu_count)()
    return min(32, (count or 1) + 4)


def _check_least(min_workers: int, max_workers: int) -> None:
    if not 0 <= min_workers <= max_workers:
        raise ValueError(
            f"min_workers is {min_workers}; "
            f"expected 0 to max_workers, {max_workers}"
        )


def _result_or_cancel(future: Future[_T], end: float | None) -> _T:
    try:
        if end is None:
            return future.result()
        return future.result(end - _time.monotonic())
    finally:
        future.cancel()
        del future  # which may hold an exception that holds this frame


# It has nothing of that of concurrent.futures but the name, by which asyncio
# and others know what they may use.
class ThreadPoolExecutor(_standard.ThreadPoolExecutor):
    """An executor with a pool of at most max_workers threads.

    It does all that concurrent.futures.ThreadPoolExecutor does, with the same
    arguments, and more: submit(), cancelling, resize(), pause(), resume() and
    shutdown(wait=False) work inside transactions and take effect when those
    commit; each task runs in a copy of its submitter's contextvars; a task that
    waits for another one of the same executor does not block it.

    Threads start as tasks need them and end after keep_alive seconds without
    one (None: never), but for min_workers, which are there from the beginning.
    tasks is the TList or TPriorityQueue to work on; capacity and rejection
    bound it as they do in stm.threadutils.ThreadPool, where "reject" raises
    stm.datatypes.Full and "drop-oldest" cancels a future.
    """

    _numbers = _itertools.count()

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: _Callable[..., object] | None = None,
        initargs: tuple[_Any, ...] = (),
        *,
        min_workers: int = 0,
        keep_alive: float | None = 60.0,
        tasks: "_TList[_Any] | _TPriorityQueue[_Any] | None" = None,
        capacity: int | None = None,
        rejection: _Literal[
            "block", "reject", "caller-runs", "drop-oldest"
        ] = "block",
    ) -> None:
        if max_workers is None:
            max_workers = max(_default_workers(), min_workers)
        if max_workers <= 0:
            raise ValueError(
                f"max_workers must be greater than 0, not {max_workers}"
            )
        _check_least(min_workers, max_workers)
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        prefix = (
            thread_name_prefix or f"ThreadPoolExecutor-{next(self._numbers)}"
        )
        self._crew = _Crew(self, prefix, initializer, initargs)
        self._pool = _stm.ThreadPool(
            max_workers,
            keep_alive,
            tasks,
            min_threads=min_workers,
            capacity=capacity,
            rejection=rejection,
            # Not one for each executor: the statistics forget no name.
            name=thread_name_prefix or type(self).__name__,
            crew=self._crew,
        )
        _threadutils._enroll(self._pool)

    # ---- tasks ----

    def submit(
        self, function: _Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> Future[_T]:
        """Have a worker call function(*args, **kwargs); return its future.

        Inside a transaction, once that has committed.  Raise RuntimeError after
        shutdown().
        """
        try:
            return self._pool.submit(Future, function, args, kwargs)
        except RuntimeError as error:
            raise self._refusal(error) from None

    def schedule(
        self,
        function: _Callable[..., _T],
        args: _Iterable[_Any] = (),
        kwargs: _Mapping[str, _Any] = {},
        *,
        priority: int = 0,
        delay: float = 0.0,
    ) -> Future[_T]:
        """The same with more to say.

        The lowest priority goes first; anything but 0 needs an executor over a
        TPriorityQueue.  After delay seconds the task is queued, whether there
        is room or not.
        """
        try:
            return self._pool.submit(
                Future, function, tuple(args), dict(kwargs), priority, delay
            )
        except RuntimeError as error:
            raise self._refusal(error) from None

    def map(
        self,
        function: _Callable[..., _T],
        *iterables: _Iterable[_Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> _Iterator[_T]:
        """Return an iterator of the results of function, as map() does.

        All calls are submitted at once, or at most buffersize before their
        results are wanted.  Raise TimeoutError where a result is not there
        timeout seconds after the call of map().  chunksize has no effect on
        threads.
        """
        if buffersize is not None and not isinstance(buffersize, int):
            raise TypeError("buffersize must be an integer or None")
        if buffersize is not None and buffersize < 1:
            raise ValueError("buffersize must be None or > 0")
        end = None if timeout is None else _time.monotonic() + timeout
        arguments = zip(*iterables)
        futures = _collections.deque(
            self.submit(function, *each)
            for each in _itertools.islice(arguments, buffersize)
        )
        submit_next = None
        if buffersize is not None:
            submit_next = self._submitter(function, arguments)
        return _results(futures, end, submit_next)

    # ---- control ----

    def shutdown(
        self, wait: bool = True, *, cancel_futures: bool = False
    ) -> None:
        """Take nothing more; what is queued still runs, then the workers end.

        With wait, wait for that, which a transaction cannot, nor a worker.
        With cancel_futures, cancel what no worker has yet.  Doing so twice is
        no error.
        """
        if wait and _stm_package.in_transaction():
            raise RuntimeError(
                "shutdown() cannot wait inside a transaction; "
                "expected wait=False"
            )

        # A forked child has none of the threads, and runs none of the tasks.
        foreign = self._crew.process != _os.getpid()

        @_stm_package.atomically
        def _() -> None:
            self._pool.shutdown()
            if cancel_futures and not foreign:
                self._pool.cancel_all()

        if _stm_package.in_transaction():
            _stm_package.on_commit(self._retire)
        else:
            self._retire()
        if not wait or foreign:
            return
        if _threading.current_thread() in self._crew.members():
            raise RuntimeError("cannot join current thread")
        _threadutils._await_end(self._pool)

    def resize(self, max_workers: int, min_workers: int | None = None) -> None:
        """Change how many workers there are at most, and at least.

        If there are too many, free ones end at once and busy ones after their
        task.  min_workers stays as it was by default, but at most max_workers.
        """
        if max_workers <= 0:
            raise ValueError(
                f"max_workers must be greater than 0, not {max_workers}"
            )
        if min_workers is not None:
            _check_least(min_workers, max_workers)
        self._pool.resize(max_workers, min_workers)

    def pause(self) -> None:
        """Begin no task until resume(); what runs goes on."""
        self._pool.pause()

    def resume(self) -> None:
        """Begin tasks again after pause()."""
        self._pool.resume()

    def stats(self) -> _threadutils.PoolStats:
        """Return all that the pool tells about itself, as of one moment."""
        return _threadutils.PoolStats(*self._pool.stats())

    @property
    def tasks(self) -> "_TList[_Any] | _TPriorityQueue[_Any]":
        """What it works on: to append a function to it is to schedule that."""
        return self._pool.tasks

    # ---- inside ----

    def _retire(self) -> None:
        """Let go what only new workers need, where there can be none."""
        stats = self.stats()
        if stats.closed and not (stats.live or stats.queued or stats.delayed):
            self._crew.retire()

    def _refusal(self, error: RuntimeError) -> RuntimeError:
        if self._crew.fault is not None:
            return self._crew.broken()
        if self._crew.process != _os.getpid():
            return RuntimeError(
                "cannot schedule new futures in a child of the process that "
                "made the executor"
            )
        if not self.stats().closed:
            return error
        when = "interpreter " if _threadutils._exiting else ""
        return RuntimeError(f"cannot schedule new futures after {when}shutdown")

    def _submitter(
        self,
        function: _Callable[..., _T],
        arguments: _Iterator[tuple[_Any, ...]],
    ) -> _Callable[[], Future[_T] | None]:
        reference = _weakref.ref(self)

        def submit_next() -> Future[_T] | None:
            executor = reference()
            if executor is None:
                return None
            for each in arguments:
                return executor.submit(function, *each)
            return None

        return submit_next

    # What programs that know the standard executor look at.

    @property  # type: ignore[override]
    def _threads(self) -> set[_threading.Thread]:
        """The workers' threads: none that is still to say hello is missing."""

        def threads() -> set[_threading.Thread]:
            missing = self._pool.live_threads - len(self._crew.members())
            if missing > 0 and self._crew.process == _os.getpid():
                _stm_package.retry()
            return self._crew.members()

        return _stm_package.atomically(threads)

    @property  # type: ignore[override]
    def _max_workers(self) -> int:
        return self.stats().max

    @property  # type: ignore[override]
    def _broken(self) -> str | _Literal[False]:
        return self._crew.fault or False

    @property  # type: ignore[override]
    def _shutdown(self) -> bool:
        return self.stats().closed


def _results(
    futures: "_collections.deque[Future[_T]]",
    end: float | None,
    submit_next: _Callable[[], Future[_T] | None] | None,
) -> _Iterator[_T]:
    try:
        while futures:
            if submit_next is not None:
                # Its room is another's only once it has ended; and a result
                # that is given is not held.
                _result_or_cancel(futures[0], end)
                another = submit_next()
                if another is not None:
                    futures.append(another)
                del another
            yield _result_or_cancel(futures.popleft(), end)
    finally:
        for future in futures:
            future.cancel()