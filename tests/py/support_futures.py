# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What the tests of stm.futures share."""

import threading

from stm import atomically
from stm.futures import ThreadPoolExecutor
from stm.utils import wait_until
from support import LIMIT, Case


class ExecutorCase(Case):
    def executor(self, *args, **kwargs):
        """An executor that is shut down after the test."""
        executor = ThreadPoolExecutor(*args, **kwargs)
        self.addCleanup(executor.shutdown)
        return executor

    def occupy(self, executor, count=1):
        """Keep so many workers busy; the event returned sets them free."""
        go, begun = threading.Event(), threading.Semaphore(0)

        def task():
            begun.release()
            if not go.wait(LIMIT):
                raise TimeoutError

        self.addCleanup(go.set)  # before the executor is shut down
        for _ in range(count):
            executor.submit(task)
        for _ in range(count):
            self.assertTrue(begun.acquire(timeout=LIMIT))
        return go


def counted(executor, **expected):
    """Wait until the members of an executor's stats() are as given."""
    wait_until(
        lambda: expected.items() <= executor.stats()._asdict().items(), LIMIT
    )


def undone(function):
    """Run a function in a transaction that then comes to nothing."""

    class Undone(Exception):
        pass

    def body():
        function()
        raise Undone

    try:
        atomically(body)
    except Undone:
        pass
