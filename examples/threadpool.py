#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Many tasks that only wait, on many threads: prints how the pool fares
whenever one of its counts changes.

A watcher notices, in the transaction that changes them, and schedules the line
for after the commit; the event loop prints the lines in the order of the
commits.
"""

import argparse
import operator
import sys
import threading
import time

from options import add_keep_alive, number
from stm import TVar, atomically, stats
from stm.eventloop import schedule, scheduled_function
from stm.threadutils import ThreadPool
from stm.utils import atomically_watch, changes_only, wait_until


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="threadpool",
        description="Runs tasks that only wait, and prints the pool's counts "
        "whenever one changes, until its last thread has left; then the counts "
        "of the transactions, both on standard output.",
    )
    for option, default, least, most, text in (
        ("--threads", 300, 1, 1000000, "at most so many threads"),
        ("--tasks", 1000, 0, 100000000, "how many tasks"),
        ("--task-ms", 10, 0, 1000000000, "how long each waits, in ms"),
    ):
        parser.add_argument(
            option,
            type=number(least, most),
            default=default,
            metavar="N",
            help=f"{text} (%(default)s)",
        )
    add_keep_alive(parser)
    return parser.parse_args()


@scheduled_function
def print_counts(*counts):
    print(
        "%d scheduled, %d finished, %d live, %d free, %d queued" % counts,
        flush=True,
    )


def show(arguments):
    pool = ThreadPool(arguments.threads, arguments.keep_alive)
    # Is there a thread?  Changes more seldom than how many there are.
    alive = TVar(False)

    def look():
        return (
            pool.tasks_scheduled,
            pool.tasks_finished,
            pool.live_threads,
            pool.free_threads,
            pool.queued,
        )

    @atomically_watch(look)
    @changes_only(according_to=operator.eq)
    def watcher(counts):
        alive.value = counts[2] > 0
        if any(counts):
            print_counts(*counts)

    def task():
        time.sleep(arguments.task_ms / 1000)

    atomically(lambda: pool.tasks.extend([task] * arguments.tasks))
    pool.join()
    wait_until(lambda: not alive.value)
    watcher.cancel()
    pool.shutdown()


def main():
    show(parse_arguments())
    printed = threading.Event()
    schedule(printed.set)
    printed.wait()
    stats.print(sys.stdout)


if __name__ == "__main__":
    main()
