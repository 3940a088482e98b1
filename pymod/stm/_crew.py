# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""The workers of an executor of stm.futures, as Python sees them."""

import itertools as _itertools
import os as _os
import sys as _sys
import threading as _threading
import weakref as _weakref
from collections.abc import Callable as _Callable
from concurrent.futures.thread import BrokenThreadPool as _BrokenThreadPool
from typing import Any as _Any
from typing import Protocol as _Protocol

import stm as _stm_package
from stm._future import logger as _logger
from stm.datatypes import TDict as _TDict


class Worker(_threading._DummyThread):
    """The thread of a worker, for those who ask threading for it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self._left = _stm_package.TVar(False)
        self._process = _os.getpid()

    def is_alive(self) -> bool:
        # A forked child has none of the threads.
        if self._process != _os.getpid():
            return False
        return not _stm_package.atomically(self._left.get)

    def join(self, timeout: float | None = None) -> None:
        if self is _threading.current_thread():
            raise RuntimeError("cannot join current thread")
        _stm_package.atomically(
            lambda: not self.is_alive()
            or _stm_package.elapsed(timeout)
            or _stm_package.retry()
        )

    def leave(self) -> None:
        # Else threading would keep it until another thread has its number.
        with _threading._active_limbo_lock:  # type: ignore[attr-defined]
            active = _threading._active  # type: ignore[attr-defined]
            if active.get(self.ident) is self:
                del active[self.ident]
            _threading._dangling.discard(self)  # type: ignore[attr-defined]
        _stm_package.atomically(lambda: self._left.set(True))


class _Executor(_Protocol):
    def shutdown(self, wait: bool = True) -> None: ...
    def _retire(self) -> None: ...


class Crew:
    """What an executor's workers have in common.

    It does not keep the executor, which may go while they work.
    """

    def __init__(
        self,
        executor: _Executor,
        prefix: str,
        initializer: _Callable[..., object] | None,
        initargs: tuple[_Any, ...],
    ) -> None:
        self._executor = _weakref.ref(executor)
        self._prefix = prefix
        self._first = (initializer, initargs) if initializer else None
        self.process = _os.getpid()
        self._workers: _TDict[int, Worker] = _TDict()  # by number
        self.fault: str | None = None  # what has broken the executor

    def members(self) -> set[_threading.Thread]:
        return _stm_package.atomically(lambda: set(self._workers.values()))

    # The following are called by the pool, the first two on each worker.

    def enter(self) -> bool:
        self._enlist(Worker(""))
        if (trace := _threading.gettrace()) is not None:
            _sys.settrace(trace)
        if (profile := _threading.getprofile()) is not None:
            _sys.setprofile(profile)
        first = self._first
        if first is None:
            return True
        initializer, initargs = first
        try:
            initializer(*initargs)
        except BaseException:
            _logger.critical("Exception in initializer:", exc_info=True)
            self._break()
            return False
        return True

    def leave(self) -> None:
        worker = _threading.current_thread()
        assert isinstance(worker, Worker)
        worker.leave()
        self._strike(worker)  # whoever waits for the workers goes on
        executor = self._executor()
        if executor is not None:
            executor._retire()

    def retire(self) -> None:
        # They may hold the executor, and nobody sees that the pool holds them.
        self._first = None

    def broken(self) -> _BrokenThreadPool:
        return _BrokenThreadPool(self.fault)

    def _enlist(self, worker: Worker) -> None:
        def enlist() -> None:
            number = next(
                number
                for number in _itertools.count()
                if number not in self._workers
            )
            worker.name = f"{self._prefix}_{number}"  # before anyone sees it
            self._workers[number] = worker

        _stm_package.atomically(enlist)

    def _strike(self, worker: Worker) -> None:
        def strike() -> None:
            for number, other in self._workers.items():
                if other is worker:
                    del self._workers[number]
                    return

        _stm_package.atomically(strike)

    def _break(self) -> None:
        self.fault = (
            "A thread initializer failed, the thread pool is not usable anymore"
        )
        executor = self._executor()
        if executor is not None:
            executor.shutdown(wait=False)
