# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Transactions that await instead of blocking."""

import os as _os
import sys as _sys
import weakref as _weakref
from collections.abc import Callable as _Callable
from typing import TYPE_CHECKING, TypeVar as _TypeVar

from stm import _stm

# Whoever awaits something has imported it already; others need not.
if TYPE_CHECKING:
    import asyncio

_T = _TypeVar("_T")


class _Hub:
    """What the waiting calls of one event loop share: one descriptor.

    It belongs to the loop's thread.  While calls wait the loop keeps it alive,
    or they do if the loop was closed; else who runs a call.
    """

    def __init__(self, loop: "asyncio.AbstractEventLoop") -> None:
        self.wakeups = _stm.Wakeups()
        self._loop = loop
        self._running_loop = _sys.modules["asyncio"]._get_running_loop
        self._process = _os.getpid()
        self._descriptor = -1
        self._callers = 0  # of enter()
        self._waiting: "dict[int, asyncio.Future[None]]" = {}

    def enter(self) -> None:
        """Have the loop watch the descriptor until as many have left."""
        if self._descriptor < 0:
            descriptor = self.wakeups.open()
            try:
                self._loop.add_reader(descriptor, self._tell)
            except BaseException:
                self.wakeups.close()
                raise
            self._descriptor = descriptor
        self._callers += 1

    def leave(self) -> None:
        """For one whose call has been withdrawn, on any thread.

        A coroutine that is dropped ends wherever that is noticed.
        """
        if self._running_loop() is self._loop:
            self._leave(watched=True)
        elif self._loop.is_closed() or self._process != _os.getpid():
            # A child's loop has what it watches in common with its parent's.
            self._leave(watched=False)
        else:
            try:
                self._loop.call_soon_threadsafe(self._leave, True)
            except RuntimeError:
                pass  # closed meanwhile: the descriptor goes with the hub

    def _leave(self, watched: bool) -> None:
        self._callers -= 1
        if self._callers > 0 or self._descriptor < 0:
            return
        if watched:
            self._loop.remove_reader(self._descriptor)
        self.wakeups.close()
        self._descriptor = -1

    async def wait(self, number: int, seconds: float | None) -> None:
        """Wait until the call with that number is woken, or for so long."""
        future = self._loop.create_future()
        timer = None
        self._waiting[number] = future
        try:
            if seconds is not None:
                timer = self._loop.call_later(seconds, _finish, future)
            await future
        finally:
            del self._waiting[number]
            if timer is not None:
                timer.cancel()

    def _tell(self) -> None:
        for number in self.wakeups.take():
            future = self._waiting.get(number)
            if future is not None:
                _finish(future)


def _finish(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


_hubs: "_weakref.WeakValueDictionary[int, _Hub]"
_hubs = _weakref.WeakValueDictionary()


def _hub() -> _Hub:
    """The running loop's, which refers to the loop and so keeps its id."""
    from asyncio import get_running_loop

    loop = get_running_loop()
    hub = _hubs.get(id(loop))
    if hub is None:
        hub = _hubs[id(loop)] = _Hub(loop)
    return hub


async def atomically_async(function: _Callable[[], _T]) -> _T:
    """Run a function in a transaction and return its result.

    As atomically() does, but where the transaction retries, await instead of
    blocking the thread: other tasks of the running asyncio event loop go on
    until something that the transaction has read changes.  A waiting call costs
    neither a thread nor a descriptor of its own.  The function is an ordinary
    one, and its attempts run on the event loop's thread.

    A task that is cancelled while it waits does not wait for anything any more,
    and the transaction has not happened.
    """
    hub = _hub()
    call: "_stm.AsyncCall[_T]" = _stm.AsyncCall(function, hub.wakeups)
    entered = False
    try:
        while (number := call.step()) != 0:
            if not entered:
                hub.enter()
                entered = True
            while (seconds := call.timeout()) != 0:
                await hub.wait(number, seconds)
        return call.result()
    finally:
        call.withdraw()
        if entered:
            hub.leave()
