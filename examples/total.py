#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""A watcher that keeps a total.

Threads change the parts and know nothing of it, and no transaction ever sees
parts and a total that do not agree.  Whenever another tenth is reached, the
watcher has the event loop say so, which it does after the commit and in the
order of the commits.
"""

import sys
import threading
from functools import partial

from options import parse_numbers
from stm import TVar, atomically, retry, transaction
from stm.eventloop import schedule, scheduled_function
from stm.threadutils import Thread
from stm.utils import atomically_watch

PROGRAM = "total"


@scheduled_function
def say(total):
    print(total, flush=True)


@transaction(name="add")
def add_one(part):
    part.value += 1


def run(arguments):
    goal = arguments.threads * arguments.changes
    parts = [TVar(0) for _ in range(arguments.parts)]
    total, tenths = TVar(0), TVar(0)

    def add_up():
        return sum(part.value for part in parts)

    @atomically_watch(add_up)
    def watcher(value):
        total.value = value
        reached = value * 10 // goal if goal else 0
        if reached != tenths.value:
            tenths.value = reached
            say(value)

    def work(first):
        for i in range(first, first + arguments.changes):
            add_one(parts[i % len(parts)])

    def read_all():
        if total.value < goal:
            retry()
        return total.value, add_up()

    threads = [Thread(partial(work, i)) for i in range(arguments.threads)]
    atomically(lambda: [thread.start() for thread in threads])
    kept, added = atomically(read_all)
    for thread in threads:
        thread.join()
    watcher.cancel()
    if kept != added:
        sys.exit(f"{PROGRAM}: the total is {kept}, the parts say {added}")
    printed = threading.Event()
    schedule(printed.set)
    printed.wait()
    print(f"{len(parts)} parts add up to {kept}")


def main():
    run(
        parse_numbers(
            PROGRAM,
            "Adds to parts on several threads while a watcher keeps their "
            "total, and prints the total at each tenth of the way.",
            ("--parts", 8, 1, 100000, "how many parts there are"),
            ("--threads", 4, 1, 10000, "how many threads change them"),
            ("--changes", 10000, 0, 1000000000, "how often each adds one"),
        )
    )


if __name__ == "__main__":
    main()
