# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""The futures of stm.futures."""

import concurrent.futures as _standard
import functools as _functools
import logging as _logging
import threading as _threading
import weakref as _weakref
from collections.abc import Callable as _Callable
from typing import Any as _Any
from typing import Final as _Final
from typing import TypeVar as _TypeVar

import stm as _stm_package
from stm import _stm

_T = _TypeVar("_T")

# What concurrent.futures calls the states in which a future stays.
_NOTIFIED: _Final = "CANCELLED_AND_NOTIFIED"
_FINISHED: _Final = "FINISHED"

logger: _Final = _logging.getLogger("concurrent.futures")


class _Waiters(list[_Any]):
    """What concurrent.futures.wait() and as_completed() put into a future.

    They do it before they wait and take it out after that, which is how a task
    is known to wait in this way for tasks of its own pool.
    """

    def __init__(self) -> None:
        super().__init__()
        self._threads: dict[int, int] = {}  # of a waiter, by its id

    def append(self, waiter: _Any) -> None:
        super().append(waiter)
        self._threads[id(waiter)] = _threading.get_ident()
        _stm.wait_begin()

    def remove(self, waiter: _Any) -> None:
        super().remove(waiter)
        # A generator may be closed by another thread than that which began it.
        if self._threads.pop(id(waiter), None) == _threading.get_ident():
            _stm.wait_end()


class _Condition(_threading.Condition):
    """Those who wait for a future by means of concurrent.futures.

    Who holds it counts on the future to stand as it did when he took it, and on
    his waiter to be told of whatever comes later.  The future itself changes
    when it likes, so that is what `state` is for.  Whoever takes the condition
    first after the future has ended tells the waiters.
    """

    def __init__(self, future: "Future[_Any]") -> None:
        super().__init__()
        # The one of the lock inside, which the class's method is to hide.
        self._take = vars(self).pop("acquire")
        self._future = _weakref.ref(future)
        self._announced = False  # the waiters know that the future has ended
        self.waiters = _Waiters()
        self.state = future._peek()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        nested = self._is_owned()  # type: ignore[attr-defined]
        taken: bool = self._take(blocking, timeout)
        if taken and not nested:
            try:
                self._look()
            except BaseException:
                self.release()
                raise
        return taken

    def __enter__(self) -> bool:
        return self.acquire()

    def wait(self, timeout: float | None = None) -> bool:
        try:
            return super().wait(timeout)
        finally:
            self._look()

    def _look(self) -> None:
        future = self._future()
        if future is None:
            return
        self.state = future._peek()
        if self.state not in (_FINISHED, _NOTIFIED) or self._announced:
            return
        if _stm_package.in_transaction():  # which may come to nothing
            return
        self._announced = True
        for waiter in self.waiters:
            if self.state == _NOTIFIED:
                waiter.add_cancelled(future)
            elif future._failed:
                waiter.add_exception(future)
            else:
                waiter.add_result(future)


class Future(_stm.Future[_T], _standard.Future[_T]):
    """The result of a task, now or later.

    It is a concurrent.futures.Future, and wherever those are accepted it is,
    too.  How it stands is one variable: inside a transaction its methods read
    and change that like any other, result() and exception() retry while there
    is none, and a watcher sees it end in the commit that counts the task as
    finished.

    An exception that the task has raised, and that nobody has asked for when
    the future goes away, is reported through sys.unraisablehook().
    """

    @property
    def _state(self) -> str:
        condition: _Condition | None = self._made_condition
        if condition is None or _stm_package.in_transaction():
            return self._peek()
        with condition:
            return condition.state

    @property
    def _waiters(self) -> list[_Any]:
        condition: _Condition = self._condition
        return condition.waiters

    def _make_condition(self) -> _Condition:
        return _Condition(self)

    def _announce(self) -> None:
        condition: _Condition = self._condition
        with condition:
            condition.notify_all()

    def _call_back(self, function: "_Callable[[Future[_T]], object]") -> None:
        try:
            function(self)
        except Exception:
            logger.exception("exception calling callback for %r", self)

    # Without a global of this module, which may be gone at exit.
    def __repr__(self) -> str:
        name = type(self).__name__
        return f"<{name} at {id(self):#x} state={self._describe()}>"

    def add_done_callback(
        self, fn: "_Callable[[Future[_T]], object]"
    ) -> None:
        """Call a function with the future once that has ended.

        That is in the thread that ends it, or at once if it has ended; inside a
        transaction, after that has committed.  An exception is logged.
        """
        if _stm_package.in_transaction():
            _stm_package.on_commit(
                _functools.partial(self.add_done_callback, fn)
            )
        elif not self._add_callback(fn):
            self._call_back(fn)

    def set_running_or_notify_cancel(self) -> bool:
        """Mark the future as running; return False if it was cancelled.

        Only who carries the future out himself, without an executor, calls
        this, once: else raise RuntimeError.
        """
        try:
            return self._begin()
        except (RuntimeError, _standard.InvalidStateError):
            state = self._state
            logger.critical(
                "Future %s in unexpected state: %s", id(self), state
            )
            raise RuntimeError("Future in unexpected state") from None

    def set_result(self, result: _T) -> None:
        """End the future with a result.

        Raise InvalidStateError if it has ended.
        """
        try:
            super().set_result(result)
        except _standard.InvalidStateError:
            raise self._has_ended() from None

    def set_exception(self, exception: BaseException | None) -> None:
        """End the future with an exception.

        Raise InvalidStateError if it has ended.
        """
        try:
            super().set_exception(exception)
        except _standard.InvalidStateError:
            raise self._has_ended() from None

    def _has_ended(self) -> _standard.InvalidStateError:
        return _standard.InvalidStateError(f"{self._state}: {self!r}")
