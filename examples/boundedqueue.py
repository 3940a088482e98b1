#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""A bounded queue between producers and consumers, made of a list.

To put waits while it is full, to get while it is empty, and all that takes is
to retry.  Whether the queue is closed is one more variable that get reads.
"""

from functools import partial

from options import parse_numbers
from stm import TVar, atomic, atomically, retry, transaction
from stm.datatypes import TList
from stm.threadutils import Thread

PROGRAM = "boundedqueue"


class Closed(Exception):
    """There is no item, and none will come."""


class Queue:
    def __init__(self, capacity, producers):
        self.items = TList()
        self.capacity = capacity
        self.open = TVar(producers)  # how many may still put

    @transaction(name="put")
    def put(self, item):
        if len(self.items) == self.capacity:
            retry()
        self.items.append(item)

    @transaction(name="get")
    def get(self):
        if self.items:
            return self.items.pop(0)
        if self.open.value > 0:
            retry()
        raise Closed

    @atomic
    def leave(self):
        self.open.value -= 1


def produce(queue, numbers):
    for number in numbers:
        queue.put(number)
    queue.leave()


def consume(queue, got):
    try:
        while True:
            got.append(queue.get())
    except Closed:
        pass


def run(arguments):
    queue = Queue(arguments.capacity, arguments.producers)
    got = [[] for _ in range(arguments.consumers)]
    threads = [Thread(partial(consume, queue, it)) for it in got]
    for i in range(arguments.producers):
        first = i * arguments.items + 1
        numbers = range(first, first + arguments.items)
        threads.append(Thread(partial(produce, queue, numbers)))
    atomically(lambda: [thread.start() for thread in threads])
    for thread in threads:
        thread.join()
    count, total = sum(map(len, got)), sum(map(sum, got))
    print(f"{count} items came through, their sum is {total}")


def main():
    run(
        parse_numbers(
            PROGRAM,
            "Sends the numbers from 1 on from producers to consumers by a "
            "queue that makes them wait for each other.",
            ("--producers", 2, 1, 10000, "how many threads put"),
            ("--consumers", 2, 1, 10000, "how many threads get"),
            ("--items", 10000, 0, 100000, "how many items each puts"),
            ("--capacity", 8, 1, 1000000, "how many items the queue holds"),
        )
    )


if __name__ == "__main__":
    main()
