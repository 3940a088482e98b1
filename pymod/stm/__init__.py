# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Software transactional memory.

A transaction is a function that runs as if no other thread existed meanwhile.
It reads and writes TVars and the containers of stm.datatypes, and may wait
until something that it has read changes:

>>> from stm import TVar, atomically, retry
>>> balance = TVar(100)
>>> def withdraw(amount):
...     if balance.value < amount:
...         retry()
...     balance.value -= amount
>>> atomically(lambda: withdraw(10))
>>> atomically(balance.get)
90

A transaction may run several times until one of its attempts commits, so it
should do nothing that cannot be undone; on_commit() and stm.eventloop are for
the rest.  That goes for what variables hold, too: an object that is changed in
place stays changed when the attempt is undone, and nobody is woken.  Replace
it, or use a container of stm.datatypes.

A transaction belongs to its thread.  Its body should not switch to another
greenlet, which would run in the midst of it.  Python itself may run a finalizer
there: of what a collection finds, and without a GIL of objects that the thread
made and others have let go of.  A transaction of that finalizer is part of the
one that it came upon, and undone with it; where that raises an exception Python
says that it is ignored.  What must not be lost it leaves to another thread, by
a queue.SimpleQueue say.
"""

import atexit as _atexit
import functools as _functools
import os as _os
from collections.abc import Callable as _Callable
from types import MethodType as _MethodType
from typing import (
    Any as _Any,
    ParamSpec as _ParamSpec,
    TypeVar as _TypeVar,
    overload as _overload,
)

from stm import _stm
from stm._async import atomically_async
from stm._stm import (
    TCounter,
    TVar,
    TWeakRef,
    Watcher,
    WatchersDiverged,
    __version__,
    atomically,
    elapsed,
    in_transaction,
    invariant,
    name_transaction,
    on_commit,
    or_else,
    previously,
    retry,
)

__all__ = [
    "TCounter",
    "TVar",
    "TWeakRef",
    "Watcher",
    "WatchersDiverged",
    "atomic",
    "atomically",
    "atomically_async",
    "elapsed",
    "in_transaction",
    "invariant",
    "name_transaction",
    "on_commit",
    "or_else",
    "previously",
    "retry",
    "transaction",
    "watch",
]

_P = _ParamSpec("_P")
_T = _TypeVar("_T")


def atomic(function: _Callable[_P, _T]) -> _Callable[_P, _T]:
    """Decorate a function so that each call of it is a transaction.

    Inside a transaction a call is a nested one.
    """

    @_functools.wraps(function)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        return atomically(_functools.partial(function, *args, **kwargs))

    return wrapper


@_overload
def transaction(
    function: _Callable[_P, _T], *, name: str | None = None
) -> _Callable[_P, _T]: ...
@_overload
def transaction(
    function: None = None, *, name: str | None = None
) -> _Callable[[_Callable[_P, _T]], _Callable[_P, _T]]: ...
def transaction(function: _Any = None, *, name: str | None = None) -> _Any:
    """Decorate a function so that each call is a transaction with a name.

    The counts of stm.stats are kept for each name, which is the function's
    unless one is given: it can be used as @transaction and as
    @transaction(name="transfer").

    Inside a transaction a call is a nested one: it counts as part of the one
    that is running, which keeps its name; name_transaction() changes that.
    """
    if function is None:
        return _functools.partial(transaction, name=name)
    if not callable(function):
        raise TypeError("transaction() needs a function, or a name by keyword")
    if name is None:  # a partial function, say, has none of its own
        name = getattr(function, "__qualname__", type(function).__qualname__)
    its_name: str = name

    def named(*args: _Any, **kwargs: _Any) -> _Any:
        name_transaction(its_name)
        return function(*args, **kwargs)

    @_functools.wraps(function)
    def wrapper(*args: _Any, **kwargs: _Any) -> _Any:
        body = function if in_transaction() else named
        return atomically(_functools.partial(body, *args, **kwargs))

    return wrapper


def _for_watch(callback: _Any) -> _Any:
    """Return the callback with a state of its own, where it keeps one."""
    if isinstance(callback, _MethodType):
        function = _for_watch(callback.__func__)
        if function is not callback.__func__:
            callback = _MethodType(function, callback.__self__)
        return callback
    fresh = getattr(type(callback), "_stm_for_watch", None)
    return callback if fresh is None else fresh(callback)


@_overload
def watch(
    function: _Callable[[], _T], callback: _Callable[[_T], object]
) -> Watcher: ...
@_overload
def watch(
    function: _Callable[[], _T], callback: None = None
) -> _Callable[[_Callable[[_T], object]], Watcher]: ...
def watch(
    function: _Callable[[], _Any],
    callback: _Callable[[_Any], object] | None = None,
) -> _Any:
    """Watch what a function reads.

    The function runs once before the running transaction commits, and again in
    every transaction that writes something it read, after that transaction's
    body and before its commit.  Each time, the callback is called with the
    result; what it reads is not watched.  What both write belongs to the
    transaction, and what they raise aborts it.

    Where the function asks whether a time has passed (see elapsed()), it runs
    again when it has, in a transaction of its own on a thread of the library's.
    What is raised there, retry() included, goes to sys.unraisablehook().

    Return a Watcher, whose cancel() ends this.  Without a callback, return a
    decorator for one.
    """
    if callback is None:
        return _functools.partial(watch, function)
    return _stm.watch(function, _for_watch(callback))


# Registered before what other modules of the package do at exit, and so run
# after it: they may wait for watchers.
_atexit.register(_stm.close_service)
_os.register_at_fork(after_in_child=_stm.forget_service)
