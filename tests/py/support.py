# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What the tests share."""

import os
import re
import subprocess
import sys
import textwrap
import threading
import time
import unittest

import stm.stats
from stm import atomically
from stm.datatypes import TList

# Long enough for any machine and sanitizer; only what hangs takes so long.
LIMIT = 60

# For tests whose forked child starts threads or allocates memory.
unless_forking_is_barred = unittest.skipIf(
    re.search("lib[at]san", os.environ.get("LD_PRELOAD", "")),
    "ThreadSanitizer starts no threads after the fork of several; "
    "AddressSanitizer's allocator may be locked for ever in the child, since "
    "gcc's does not look after it at a fork",
)


class Notes:
    """A list of what transactions noted, of those attempts that committed."""

    def __init__(self):
        self._items = TList()

    def append(self, item):
        atomically(lambda: self._items.append(item))

    def items(self):
        return atomically(lambda: list(self._items))

    def __eq__(self, other):
        return self.items() == other

    def __repr__(self):
        return repr(self._items)


class Case(unittest.TestCase):
    """A test case with threads that must end and scripts that must exit."""

    def start(self, function, *args):
        """Run a function on a thread, whose exception fails the test."""
        failures = []

        def run():
            try:
                function(*args)
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.failures = failures
        thread.start()
        return thread

    def join(self, *threads):
        for thread in threads:
            thread.join(LIMIT)
            self.assertFalse(thread.is_alive(), "expected the thread to end")
            for failure in thread.failures:
                raise failure

    def until(self, condition, what):
        """Wait for what other threads bring about outside of transactions."""
        deadline = time.monotonic() + LIMIT
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"expected {what}")
            os.sched_yield()

    def blocked(self, count, before):
        """Wait until so many attempts more than before have retried."""
        self.until(
            lambda: stm.stats.read()["retries"] >= before + count,
            f"{count} blocked transactions",
        )

    def script(self, text, *, status=0, signal_after=None, signal=None):
        """Run a program; return what it printed and how long it took.

        When it prints the line signal_after, it is sent the signal, and the
        time counts from then.
        """
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(text)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begin = time.monotonic()
        timer = threading.Timer(LIMIT, process.kill)
        timer.start()
        try:
            seen = ""
            if signal_after is not None:
                while not seen.endswith(signal_after + "\n"):
                    line = process.stdout.readline()
                    self.assertTrue(line, f"expected {signal_after!r}")
                    seen += line
                begin = time.monotonic()
                process.send_signal(signal)
            output, errors = process.communicate()
        finally:
            timer.cancel()
            timer.join()
        took = time.monotonic() - begin
        self.assertEqual(
            process.returncode,
            status,
            f"expected exit status {status}; it printed:\n{errors}",
        )
        return seen + output, errors, took


class Unraisable:
    """Collects what goes to sys.unraisablehook()."""

    def __enter__(self):
        self.errors = []
        self._hook = sys.unraisablehook
        sys.unraisablehook = lambda info: self.errors.append(info.exc_value)
        return self.errors

    def __exit__(self, *unused):
        sys.unraisablehook = self._hook
