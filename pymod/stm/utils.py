# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Conveniences built of the primitives in stm.

>>> from stm import TVar, atomically
>>> door, seen = TVar("shut"), TVar()
>>> watcher = atomically_watch(door.get, changes_only(seen.set))
>>> would_block(lambda: wait_until(lambda: door.value == "open"))
True
>>> atomically(lambda: door.set("open"))
>>> wait_until(lambda: seen.value == "open", timeout_after=10)
"""

import functools as _functools
import operator as _operator
from collections.abc import Callable as _Callable
from typing import Any as _Any, TypeVar as _TypeVar, overload as _overload

import stm as _stm_package
from stm import _stm
from stm.timeout import Timeout as _Timeout

__all__ = [
    "atomic_function",
    "atomically_watch",
    "changes_only",
    "wait_until",
    "would_block",
]

_T = _TypeVar("_T")

atomic_function = _stm_package.atomic


def wait_until(
    function: _Callable[[], object],
    timeout_after: float | None = None,
    timeout_at: float | None = None,
) -> None:
    """Wait until a function returns true, in or outside of a transaction.

    timeout_after (seconds) and timeout_at (as time.time() gives it) limit the
    wait, as in elapsed(): then raise Timeout.
    """
    if timeout_after is not None and timeout_at is not None:
        raise ValueError(
            "only one of timeout_after and timeout_at can be given"
        )

    @_stm_package.atomically
    def _() -> None:
        if function():
            return
        if _stm_package.elapsed(timeout_after, timeout_at):
            raise _Timeout
        _stm_package.retry()


def would_block(function: _Callable[[], object]) -> bool:
    """Return whether a function would retry, and undo what it did.

    A function that raises would not.
    """
    return _stm_package.atomically(lambda: _stm.would_block(function))


class _ChangesOnly:
    """Calls a callback where the result differs from the one before.

    The result before is kept for each watch apart: a method that is decorated
    serves many instances, and a function many watches.
    """

    def __init__(
        self,
        callback: _Callable[..., object],
        same: _Callable[[_Any, _Any], object],
    ) -> None:
        _functools.update_wrapper(self, callback)
        self._callback = callback
        self._same = same
        self._last = _stm_package.TVar[tuple[_Any, ...]](())

    def __get__(
        self, instance: object, owner: type | None = None
    ) -> "_ChangesOnly":
        if instance is None:
            return self
        method = _functools.partial(self._callback, instance)
        return _ChangesOnly(method, self._same)

    def __call__(self, *args: _Any) -> None:
        # More than the result where it is bound to something: a class, say.
        last, result = self._last.value, args[-1]
        if last and self._same(last[0], result):
            return
        self._last.value = (result,)
        self._callback(*args)

    def _stm_for_watch(self) -> "_ChangesOnly":
        return _ChangesOnly(self._callback, self._same)


def changes_only(
    callback: _Callable[..., object] | None = None,
    according_to: _Callable[[_Any, _Any], object] | None = None,
) -> _Any:
    """Decorate a watcher's callback so that results that repeat are left out.

    Results are compared by identity, or by the function according_to, which is
    called with the result before and the new one.  The result before is kept,
    one for each watch.  It can be used as @changes_only and as
    @changes_only(according_to=function).
    """
    if callback is None and according_to is None:
        raise ValueError("either callback or according_to must be given")
    if callback is None:
        return _functools.partial(changes_only, according_to=according_to)
    return _ChangesOnly(callback, according_to or _operator.is_)


@_overload
def atomically_watch(
    function: _Callable[[], _T], callback: _Callable[[_T], object]
) -> _stm_package.Watcher: ...
@_overload
def atomically_watch(
    function: _Callable[[], _T], callback: None = None
) -> _Callable[[_Callable[[_T], object]], _stm_package.Watcher]: ...
def atomically_watch(
    function: _Callable[[], _Any],
    callback: _Callable[[_Any], object] | None = None,
) -> _Any:
    """Call watch() in a transaction of its own.

    Return what that returns; without a callback, a decorator for one.
    """
    if callback is None:
        return _functools.partial(atomically_watch, function)
    return _stm_package.atomically(
        _functools.partial(_stm_package.watch, function, callback)
    )
