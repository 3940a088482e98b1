# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Random transactions on two paused ThreadPools and on plain lists."""

import itertools
import unittest

import model
from stm import atomically
from stm.datatypes import Full, TPriorityQueue
from stm.threadutils import ThreadPool

if model.hypothesis is not None:
    from hypothesis import strategies

    WHICH = strategies.integers(0, 1)
    NUMBERS = strategies.integers(0, 99)
    PRIORITIES = strategies.integers(-2, 2)
    OPERATIONS = strategies.one_of(
        strategies.tuples(
            strategies.sampled_from(["schedule", "push", "delay"]),
            WHICH,
            NUMBERS,
            PRIORITIES,
        ),
        strategies.tuples(
            strategies.just("resize"),
            WHICH,
            strategies.integers(0, 3),
            strategies.sampled_from([None, 0, 1, 2]),
        ),
        strategies.tuples(
            strategies.sampled_from(["cancel_all", "blink", "stats", "move"]),
            WHICH,
        ),
    )
else:
    OPERATIONS = None

CAPACITY = 4


class Task:
    def __init__(self, number):
        self.number = number

    def __call__(self):
        pass


class Pool:
    """A ThreadPool as the plain one shows itself."""

    def __init__(self, rejection):
        self.pool = ThreadPool(
            2, None, TPriorityQueue(), capacity=CAPACITY, rejection=rejection
        )
        self.pool.pause()

    def close(self):
        atomically(lambda: (self.pool.cancel_all(), self.pool.shutdown()))

    def __iter__(self):
        return iter([task.number for task in self.pool.tasks])

    def schedule(self, number, priority):
        try:
            self.pool.schedule(Task(number), priority=priority)
        except Full:
            return "full"

    def push(self, number, priority):
        self.pool.tasks.push(Task(number), priority)

    def delay(self, number, priority):
        self.pool.schedule(Task(number), priority=priority, delay=3600)

    def resize(self, most, least):
        try:
            self.pool.resize(most, least)
        except ValueError:
            return "wrong"

    def cancel_all(self):
        return self.pool.cancel_all()

    def blink(self):
        self.pool.resume()
        self.pool.pause()

    def stats(self):
        stats = self.pool.stats()
        return (
            *(stats.scheduled, stats.finished, stats.queued, stats.delayed),
            *(stats.running, stats.given_up, stats.waiting),
            *(stats.min, stats.max, stats.paused, stats.closed),
        )


class Plain:
    def __init__(self, rejection):
        self.rejection = rejection
        self.queued, self.delayed, self.given_up = [], 0, 0
        self.least, self.most = 0, 2

    def copy(self):
        twin = Plain(self.rejection)
        twin.__dict__.update(self.__dict__, queued=list(self.queued))
        return twin

    def __iter__(self):
        return iter([number for number, _ in self.queued])

    def schedule(self, number, priority):
        if len(self.queued) >= CAPACITY and self.rejection == "reject":
            return "full"
        while len(self.queued) >= CAPACITY:
            last = self.queued[-1][1]
            del self.queued[[own for _, own in self.queued].index(last)]
            self.given_up += 1
        self.push(number, priority)

    def push(self, number, priority):
        self.queued.append((number, priority))
        self.queued.sort(key=lambda task: task[1])

    def delay(self, number, priority):
        self.delayed += 1

    def resize(self, most, least):
        if most < 1 or least is not None and least > most:
            return "wrong"
        self.least = min(self.least, most) if least is None else least
        self.most = most

    def cancel_all(self):
        count = len(self.queued) + self.delayed
        self.queued, self.delayed = [], 0
        self.given_up += count
        return count

    def blink(self):
        pass

    def stats(self):
        queued, delayed = len(self.queued), self.delayed
        return (
            *(queued + delayed, 0, queued, delayed),
            *(0, self.given_up, 0),
            *(self.least, self.most, True, False),
        )


def run(name, pools, which, *arguments):
    if name != "move":
        return getattr(pools[which], name)(*arguments)
    source, target = pools[which], pools[1 - which]
    return [target.schedule(number, 0) for number in source]


def apply(play, name, *arguments):
    found, expected = play.both(lambda *pools: run(name, pools, *arguments))
    assert found == expected, f"expected {name} to give {expected}, not {found}"


# Of each pair of pools one rejects and one drops.
REJECTIONS = ("reject", "drop-oldest")
pools = map(Pool, itertools.cycle(REJECTIONS))
plain = map(Plain, itertools.cycle(REJECTIONS))

ThreadPoolModelTest = model.case_of(
    OPERATIONS,
    lambda: next(pools),
    lambda: next(plain),
    apply,
    contents=lambda pool: (list(pool), pool.stats()),
    keys=list,
    close=Pool.close,
)


if __name__ == "__main__":
    unittest.main()
