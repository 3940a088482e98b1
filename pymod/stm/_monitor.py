# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""The thread that measures for all adaptive pools of a process.

It is there while there is a pool, and sleeps in a transaction until the next of
them is due or the pools, or the interval of one, have changed.  It keeps no
pool: one that is let go, or has closed and has nothing to do any more, is
forgotten.
"""

import atexit as _atexit
import os as _os
import sys as _sys
import threading as _threading
import time as _time
import weakref as _weakref
from types import SimpleNamespace as _SimpleNamespace
from typing import Any as _Any
from typing import cast as _cast

from stm import (
    TVar,
    atomically,
    elapsed,
    in_transaction,
    name_transaction,
    retry,
)
from stm._governor import Governor
from stm._load import Load, Reading, Sampler, load
from stm._settings import Settings


_NEARLY = 0.001  # seconds


class _Entry:
    """A pool that is measured.  The fields belong to the monitor's thread."""

    def __init__(self, governor: Governor, reading: Reading) -> None:
        self._governor = _weakref.ref(governor)
        self._settings: TVar[Settings] = governor.settings
        self._reading = reading
        self._looked = reading.moment

    def due(self) -> float:
        """Return when it is to be measured, in a transaction."""
        interval = self._settings.value.monitor_interval_ms / 1000
        return self._looked + interval

    def look(self, moment: float) -> None:
        """Take note that it is looked at, whatever comes of that."""
        self._looked = moment

    def is_for(self, governor: Governor) -> bool:
        """Return whether it is this governor's."""
        return self._governor() is governor

    def measure(self, reading: Reading) -> bool:
        """Tell the pool; return whether it goes on."""
        governor = self._governor()
        before, self._reading = self._reading, reading
        if governor is None:
            return False
        return governor.measured(reading.moment, load(before, reading))


class Monitor:
    """A thread that is there when it is needed."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self._sampler = sampler
        self.reset()

    def reset(self) -> None:
        """Start anew, without pools and without a thread."""
        self._entries = TVar[tuple[_Entry, ...]]((), "adaptive pools")
        self._thread = TVar(_cast("_threading.Thread | None", None))
        self._closed = TVar(False)

    def _read(self) -> Reading:
        if self._sampler is None:
            self._sampler = Sampler()
        return self._sampler.read()

    def first(self) -> tuple[Reading, Load]:
        """Return what enter() wants, and what it says already."""
        reading = self._read()
        return reading, load(reading, reading)

    def enter(self, governor: Governor, reading: Reading) -> None:
        """Measure for a pool from now on; not in a transaction.

        Raise RuntimeError if a thread is needed and cannot be started.
        """
        entry = _Entry(governor, reading)
        _weakref.finalize(governor, self._gone, entry).atexit = False
        thread = _threading.Thread(
            target=self._run, name="stm.adaptive monitor", daemon=True
        )

        @atomically
        def needed() -> bool:
            self._entries.value += (entry,)
            if self._thread.value is not None or self._closed.value:
                return False
            self._thread.value = thread
            return True

        if not needed:
            return
        try:
            thread.start()
        except BaseException:

            @atomically
            def _() -> None:
                self._thread.value = None
                self._remove(entry)

            raise

    def leave(self, governor: Governor) -> None:
        """Measure for a pool no more."""

        @atomically
        def _() -> None:
            for entry in self._entries.value:
                if entry.is_for(governor):
                    self._remove(entry)

    def close(self) -> None:
        """End the thread, for good, and wait for it."""

        @atomically
        def thread() -> _threading.Thread | None:
            self._closed.value = True
            return self._thread.value

        if thread is not None and thread.is_alive():
            thread.join()

    @property
    def thread(self) -> _threading.Thread | None:
        """The thread, while there is one."""
        return atomically(self._thread.get)

    def _gone(self, entry: _Entry) -> None:
        # In a transaction, which may be undone, it will do when it is due.
        if not in_transaction():
            self._drop(entry)

    def _drop(self, entry: _Entry) -> None:
        atomically(lambda: self._remove(entry))

    def _remove(self, entry: _Entry) -> None:
        entries = self._entries.value
        if entry in entries:
            self._entries.value = tuple(e for e in entries if e is not entry)

    def _next(self, began: float) -> tuple[_Entry, ...]:
        """Wait until pools are due, and return them; () when all is over."""
        name_transaction("stm.adaptive monitor")
        entries = self._entries.value
        if not entries or self._closed.value:
            self._thread.value = None
            return ()
        times = [entry.due() for entry in entries]
        first = min(times)
        if not elapsed(max(first - began, 0)):
            retry()
        # Those that are nearly due need no reading of their own.
        limit = max(first, _time.monotonic()) + _NEARLY
        pairs = zip(entries, times)
        return tuple(entry for entry, time in pairs if time <= limit)

    def _run(self) -> None:
        while True:
            began = _time.monotonic()
            entries = atomically(lambda: self._next(began))
            if not entries:
                return
            self._measure(entries)

    def _measure(self, entries: tuple[_Entry, ...]) -> None:
        now = _time.monotonic()
        for entry in entries:
            entry.look(now)
        try:
            reading = self._read()
        except BaseException as error:
            _report(error)
            return
        for entry in entries:
            try:
                goes_on = entry.measure(reading)
            except BaseException as error:
                _report(error)
            else:
                if not goes_on:
                    self._drop(entry)


def _report(error: BaseException) -> None:
    report: _Any = _SimpleNamespace(
        exc_type=type(error),
        exc_value=error,
        exc_traceback=error.__traceback__,
        err_msg="Exception ignored in the monitor of stm.adaptive",
        object=None,
    )
    _sys.unraisablehook(report)


default = Monitor()

# Not before the pools are done, which is what the interpreter waits for first.
_atexit.register(default.close)
_os.register_at_fork(after_in_child=default.reset)
