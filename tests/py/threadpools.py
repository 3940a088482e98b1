# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What the tests of ThreadPool share."""

import threading

from stm import atomically, or_else, retry
from stm.threadutils import ThreadPool
from stm.utils import wait_until
from support import Case, LIMIT, Notes


class Undone(Exception):
    pass


class PoolCase(Case):
    def pool(self, *args, **kwargs):
        pool = ThreadPool(*args, **kwargs)
        self.addCleanup(pool.shutdown)
        return pool

    def busy(self, pool, count):
        """Have so many workers wait for the event that this returns."""
        go, before = threading.Event(), pool.stats().running
        for _ in range(count):
            pool.schedule(lambda: go.wait(LIMIT))
        self.addCleanup(go.set)
        wait_until(lambda: pool.stats().running == before + count, LIMIT)
        return go

    def full(self, rejection, *, tasks=None):
        """Return a pool with a busy worker and two queued tasks, which is as
        many as there may be, its notes, and the event on which it goes on."""
        pool = self.pool(1, 1, tasks, capacity=2, rejection=rejection)
        go, seen = threading.Event(), Notes()
        self.addCleanup(go.set)
        pool.schedule(lambda: go.wait(LIMIT))
        wait_until(lambda: pool.stats().running == 1, LIMIT)
        for i in range(2):
            pool.schedule(lambda i=i: seen.append(i))
        return pool, seen, go

    def undo(self, function):
        """Call a function in a transaction that raises, and in a branch that
        retries."""

        def aborted():
            function()
            raise Undone

        def retried():
            function()
            retry()

        with self.assertRaises(Undone):
            atomically(aborted)
        atomically(lambda: or_else(retried, lambda: None))
