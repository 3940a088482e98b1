# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What the tests of atomically_async() share."""

import asyncio
import os

import stm.stats
from stm import atomically_async, retry
from support import LIMIT, Case

SHAKEN = "STM_SHAKE_SEED" in os.environ
SLOW = SHAKEN or "san" in os.environ.get("LD_PRELOAD", "")


def take(var):
    """Wait for a value other than None and take it."""
    value = var.get()
    if value is None:
        retry()
    var.set(None)
    return value


def put(var, value):
    """Wait until there is room and put a value there."""
    if var.get() is not None:
        retry()
    var.set(value)


def run(coroutine):
    """Run a coroutine on a loop of its own; what hangs fails."""

    async def limited():
        return await asyncio.wait_for(coroutine, LIMIT)

    return asyncio.run(limited())


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def threads():
    return len(os.listdir("/proc/self/task"))


class Thing:
    pass


class AsyncCase(Case):
    async def task(self, function):
        """A task that runs a transaction, once that waits."""
        before = stm.stats.read()["retries"]
        task = asyncio.create_task(atomically_async(function))
        while stm.stats.read()["retries"] == before and not task.done():
            await asyncio.sleep(0)
        self.assertFalse(task.done(), "expected the task to wait")
        return task
