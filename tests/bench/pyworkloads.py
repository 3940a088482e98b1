# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What pybench measures: the same work on each system.

A body is one operation.  It is written once for plain Python objects, called
as it is (plain) or under a lock (lock), and once with the package's.  The
bodies of several threads share no Python object that they need not share, so
that what a free-threaded interpreter loses by counting references to shared
ones is the system's own.
"""

import random
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, repeat

from stm import TVar, atomically, or_else, retry
from stm.datatypes import TDict, TList, TObject

SYSTEMS = ["stm", "lock", "plain"]

Body = Callable[[], object]
Run = Callable[[int], None]  # does so many operations


@dataclass
class Trial:
    """One thread's or several threads' work on one system."""

    runs: list[Run]
    final: Callable[[int], None]  # asserts what so many operations leave
    done: int = 0  # by each thread

    def check(self) -> None:
        self.final(self.done)


def by_stm(body: Body) -> Run:
    def run(count: int) -> None:
        for _ in repeat(None, count):
            atomically(body)

    return run


def by_lock(body: Body, lock: threading.Lock) -> Run:
    def run(count: int) -> None:
        for _ in repeat(None, count):
            with lock:
                body()

    return run


def by_call(body: Body) -> Run:
    def run(count: int) -> None:
        for _ in repeat(None, count):
            body()

    return run


def anything(done: int) -> None:
    pass


@dataclass
class Workload:
    """A way to make the bodies of so many threads, and the final check.

    shared says that the threads' bodies touch the same objects, so that only
    one of them may run without a system.  scale is how many operations a body
    counts as.
    """

    name: str
    transactional: Callable[[int], tuple[list[Body], Callable[[int], None]]]
    ordinary: Callable[[int], tuple[list[Body], Callable[[int], None]]]
    most_threads: int = 1
    shared: bool = True
    scale: int = 1

    def has(self, system: str, threads: int) -> bool:
        if threads > self.most_threads:
            return False
        return system != "plain" or threads == 1 or not self.shared

    def make(self, system: str, threads: int) -> Trial:
        if system == "stm":
            bodies, final = self.transactional(threads)
            return Trial([by_stm(body) for body in bodies], final)
        bodies, final = self.ordinary(threads)
        if system == "plain":
            return Trial([by_call(body) for body in bodies], final)
        locks = [threading.Lock() for _ in bodies]
        if self.shared:
            locks = [locks[0]] * threads
        return Trial(list(map(by_lock, bodies, locks)), final)


# ---- variables ----


class Cell:
    """What a program without transactions has in the place of a TVar."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


def call(threads):
    return [lambda: None for _ in range(threads)], anything


def read_one(variable):
    def make(threads):
        cell = variable(1)

        def body():
            return cell.value

        return [body], anything

    return make


def read_ten(variable):
    def make(threads):
        a, b, c, d, e = (variable(n) for n in range(5))

        def body():
            a.value, b.value, c.value, d.value, e.value
            return a.value, b.value, c.value, d.value, e.value

        return [body], anything

    return make


def in_transaction(function):
    """Call a function in a transaction, which plain objects need not."""
    return atomically(function)


def apart(make, count):
    """Make objects that share no cache line."""
    kept = []
    for _ in range(count):
        spacers = [make() for _ in range(16)]
        kept.append(spacers[8])
    return kept


def increment(variable):
    """Each thread has a variable of its own."""

    def make(threads):
        cells = apart(lambda: variable(0), threads)

        def body_of(cell):
            def body():
                cell.value += 1

            return body

        def final(done):
            values = in_transaction(lambda: [cell.value for cell in cells])
            assert values == [done] * threads, f"{values}, expected {done}"

        return [body_of(cell) for cell in cells], final

    return make


ACCOUNTS = 1000
BALANCE = 100


def pairs(seed: int) -> Iterator[tuple[int, int]]:
    source = random.Random(seed)
    chosen = [tuple(source.sample(range(ACCOUNTS), 2)) for _ in range(1 << 12)]
    return cycle(chosen)


def bank(variable):
    def make(threads):
        accounts = [variable(BALANCE) for _ in range(ACCOUNTS)]

        def body_of(seed):
            own = list(accounts)
            choose = pairs(seed)

            def body():
                one, other = next(choose)
                source, target = own[one], own[other]
                source.value -= 1
                target.value += 1

            return body

        def final(done):
            total = in_transaction(lambda: sum(a.value for a in accounts))
            assert total == ACCOUNTS * BALANCE, f"a total of {total}"

        return [body_of(seed) for seed in range(threads)], final

    return make


def choice(threads):
    """The first of two alternatives retries, which is undone."""
    cell = TVar(0)

    def blocks():
        cell.value += 1
        retry()

    return [lambda: or_else(blocks, lambda: cell.value)], anything


def plain_choice(threads):
    cell = Cell(0)

    def blocks():
        before = cell.value
        cell.value += 1
        cell.value = before
        return False

    return [lambda: blocks() or cell.value], anything


# ---- containers ----

SIZE = 1000


def get_item(mapping):
    def make(threads):
        table = in_transaction(lambda: mapping((n, n) for n in range(SIZE)))
        keys = cycle(random.Random(1).sample(range(SIZE), SIZE))
        return [lambda: table[next(keys)]], anything

    return make


def get_items(mapping):
    def make(threads):
        table = in_transaction(
            lambda: mapping((str(n), n) for n in range(SIZE))
        )
        keys = random.Random(1).sample(list(map(str, range(SIZE))), 100)

        def body():
            for key in keys:
                table[key]

        return [body], anything

    return make


def set_item(mapping):
    def make(threads):
        table = in_transaction(lambda: mapping((n, n) for n in range(SIZE)))
        keys = cycle(random.Random(1).sample(range(SIZE), SIZE))

        def body():
            key = next(keys)
            table[key] = key

        def final(done):
            assert in_transaction(lambda: len(table)) == SIZE

        return [body], final

    return make


class Plain:
    pass


def holder(base):
    class Holder(base):
        pass

    one = Holder()

    def fill():
        one.number = 1

    in_transaction(fill)
    return one


def get_attribute(base):
    def make(threads):
        one = holder(base)
        return [lambda: one.number], anything

    return make


def get_attributes(base):
    def make(threads):
        one = holder(base)

        def body():
            for _ in range(25):
                one.number, one.number, one.number, one.number

        return [body], anything

    return make


def set_attribute(base):
    def make(threads):
        one = holder(base)

        def body():
            one.number += 1

        def final(done):
            number = in_transaction(lambda: one.number)
            assert number == done + 1, f"{number}, expected {done + 1}"

        return [body], final

    return make


def append_and_pop(sequence):
    def make(threads):
        items = in_transaction(lambda: sequence(range(SIZE)))

        def body():
            items.append(1)
            items.pop()

        def final(done):
            assert in_transaction(lambda: list(items)) == list(range(SIZE))

        return [body], final

    return make


def iterate(sequence):
    def make(threads):
        items = in_transaction(lambda: sequence(range(SIZE)))

        def body():
            for _ in items:
                pass

        return [body], anything

    return make


def get_indexed(sequence):
    def make(threads):
        items = in_transaction(lambda: sequence(range(SIZE)))
        places = random.Random(1).sample(range(SIZE), 100)

        def body():
            for place in places:
                items[place]

        return [body], anything

    return make


def queue(make_queue):
    """Items go in at the end and out at the front."""

    def make(threads):
        items = make_queue()

        def body():
            items.append(1)
            if isinstance(items, deque):
                items.popleft()
            else:
                items.pop(0)

        def final(done):
            assert in_transaction(lambda: len(items)) == 0

        return [body], final

    return make


def both(name, make, transactional, ordinary, **options):
    return Workload(name, make(transactional), make(ordinary), **options)


WORKLOADS = [
    Workload("call", call, call),
    both("read1", read_one, TVar, Cell),
    both("read10", read_ten, TVar, Cell),
    both("rw1", increment, TVar, Cell),
    both("disjoint", increment, TVar, Cell, most_threads=99, shared=False),
    both("bank", bank, TVar, Cell, most_threads=99),
    Workload("orelse", choice, plain_choice),
    both("tdict-get", get_item, TDict, dict),
    both("tdict-get100", get_items, TDict, dict, scale=100),
    both("tdict-set", set_item, TDict, dict),
    both("tobject-get", get_attribute, TObject, Plain),
    both("tobject-get100", get_attributes, TObject, Plain, scale=100),
    both("tobject-rw", set_attribute, TObject, Plain),
    both("tlist-append-pop", append_and_pop, TList, list),
    both("tlist-queue", queue, TList, deque),
    both("tlist-get100", get_indexed, TList, list, scale=100),
    both("tlist-iterate", iterate, TList, list),
]
