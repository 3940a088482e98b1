# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Limits on how long something waits.

stm.elapsed() does all that these do and composes better; they are here for
programs that use them.

>>> from stm.utils import wait_until
>>> try:
...     wait_until(lambda: False, timeout_after=0.01)
... except Timeout:
...     print("too late")
too late
"""

import weakref as _weakref
from collections.abc import Callable as _Callable
from typing import NoReturn as _NoReturn, TypeVar as _TypeVar

import stm as _stm_package
from stm._stm import Timeout

__all__ = [
    "Timeout",
    "make_delay",
    "make_timeout",
    "wait_for_true",
    "wait_then_raise",
    "with_delay",
    "with_timeout",
]

_T = _TypeVar("_T")


# Called wherever the variable goes away.  In a transaction, which may be
# doomed, the watcher is left to its time, when it does nothing.
def _forget(watcher: _stm_package.Watcher) -> None:
    if not _stm_package.in_transaction():
        watcher.cancel()


def _make_alarm(due: _Callable[[], bool]) -> _stm_package.TVar[bool]:
    """Return a variable that a watcher sets when a time has come.

    Until then the watcher exists though nobody holds it.  It does not keep the
    variable, and ends with it.
    """
    if _stm_package.in_transaction():
        raise RuntimeError(
            "a variable for a time-out cannot be made inside a transaction"
        )
    var = _stm_package.TVar(False)
    reference = _weakref.ref(var)

    def ring(over: bool) -> None:
        alive = reference()
        if over and alive is not None:
            alive.value = True

    watcher = _stm_package.atomically(lambda: _stm_package.watch(due, ring))
    _weakref.finalize(var, _forget, watcher).atexit = False
    return var


def make_delay(seconds: float) -> _stm_package.TVar[bool]:
    """Return a TVar that holds False and, after so many seconds, True.

    Not inside a transaction, which could not see it change.
    """
    return _make_alarm(lambda: _stm_package.elapsed(seconds))


def make_timeout(stop_time: float) -> _stm_package.TVar[bool]:
    """Return a TVar that holds False and, from a time on, True.

    The time is one as time.time() gives it.  Not inside a transaction.
    """
    return _make_alarm(lambda: _stm_package.elapsed(time=stop_time))


def wait_for_true(var: _stm_package.TVar[_T]) -> None:
    """Retry while a TVar holds nothing true."""
    if not var.get():
        _stm_package.retry()


def wait_then_raise(
    var: _stm_package.TVar[_T],
    exception_type: _Callable[[], BaseException] = Timeout,
) -> _NoReturn:
    """Retry while a TVar holds nothing true, then raise an exception."""
    wait_for_true(var)
    raise exception_type()


def with_delay(seconds: float, function: _Callable[[], _T]) -> _T:
    """Run a function in a transaction that waits so many seconds at most.

    If it still retries then, raise Timeout.  Inside a transaction it is a
    nested one, and the seconds count from when that was first attempted.
    """
    return _run_until(lambda: _stm_package.elapsed(seconds), function)


def with_timeout(stop_time: float, function: _Callable[[], _T]) -> _T:
    """Run a function in a transaction that waits until a time at most.

    The time is one as time.time() gives it.  If the function still retries
    then, raise Timeout.
    """
    return _run_until(lambda: _stm_package.elapsed(time=stop_time), function)


def _run_until(due: _Callable[[], bool], function: _Callable[[], _T]) -> _T:
    def give_up() -> _NoReturn:
        if due():
            raise Timeout
        _stm_package.retry()

    return _stm_package.atomically(
        lambda: _stm_package.or_else(function, give_up)
    )
