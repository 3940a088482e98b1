# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""A program for mypy, never run: after `#:`, the type or error it reports."""

import stm
from stm import TVar, atomic, atomically, or_else, retry, watch
from stm.adaptive import POLICY_BALANCED, AdaptiveThreadPool
from stm.datatypes import BroadcastQueue, TList, TPriorityQueue
from stm.eventloop import EventLoop, scheduled_function
from stm.stats import read
from stm.threadutils import ThreadPool
from stm.utils import wait_until, would_block

number = TVar(1, name="number")
reveal_type(number)  #: stm._stm.TVar[builtins.int]
reveal_type(number.value)  #: builtins.int
reveal_type(number.get())  #: builtins.int
reveal_type(TVar())  #: stm._stm.TVar[None]
reveal_type(TVar[str]("").get)  #: def () -> builtins.str
number.set("one")  #: arg-type
number.value = None  #: assignment
number.name = "other"  #: misc
TVar(0, 1)  #: call-overload

reveal_type(atomically(number.get))  #: builtins.int
reveal_type(or_else(number.get, retry))  #: builtins.int
atomically(number.set)  #: arg-type
atomically(lambda: number.set(2), 3)  #: call-arg
stm.elapsed("soon")  #: arg-type


@atomic
def add(amount: int, *, twice: bool = False) -> int:
    number.value += amount + amount * twice
    return number.value


reveal_type(add(1, twice=True))  #: builtins.int
add("1")  #: arg-type
add(1, thrice=True)  #: call-arg


def unreachable() -> int:
    retry()
    # Nothing is said of what follows: retry() does not return.
    return "never"


reveal_type(retry(resume_after=1))  #: None

items = TList([1, 2, 3])
reveal_type(items)  #: stm._stm.TList[builtins.int]
reveal_type(items[0])  #: builtins.int
reveal_type(items[1:])  #: stm._stm.TList[builtins.int]
reveal_type(items.pop())  #: builtins.int
reveal_type(list(items))  #: builtins.list[builtins.int]
reveal_type(items + items)  #: stm._stm.TList[builtins.int]
items += [4]
items.append("5")  #: arg-type
items[0] = "0"  #: call-overload
items.sort(lambda item: -item)  #: misc

queue = BroadcastQueue[str]()
endpoint = queue.new_endpoint()
reveal_type(endpoint.get(timeout=1.5))  #: builtins.str
queue.put(1)  #: arg-type


class Loud(EventLoop):
    pass


class Quiet(stm.Watcher):  #: misc
    pass


@scheduled_function
def say(text: str) -> int:
    return len(text)


reveal_type(say("hello"))  #: None
say(5)  #: arg-type

pool = ThreadPool(4, keep_alive=None)
pool.schedule(lambda: add(1))
pool.schedule(add)  #: arg-type
reveal_type(pool.tasks_remaining)  #: builtins.int
pool.schedule(lambda: add(1), priority="high", delay=0.5)  #: arg-type
pool.resize(2, min_threads=1)
reveal_type(pool.stats().live)  #: builtins.int
reveal_type(pool.cancel_all())  #: builtins.int
ThreadPool(1, 1, TPriorityQueue(), capacity=8, rejection="drop-oldest")
ThreadPool(1, 1, rejection="drop")  #: arg-type
wait_until(lambda: pool.tasks_remaining == 0, timeout_after=10)
reveal_type(would_block(number.get))  #: builtins.bool
reveal_type(read("name")["commits"])  #: builtins.int
watcher = watch(number.get, lambda value: print(value + 1))
stm.nothing  #: attr-defined

adaptive = AdaptiveThreadPool(policy=POLICY_BALANCED)
reveal_type(adaptive.submit(len, ("abc",)))  #: stm._future.Future[builtins.int]
adaptive.submit("len")  #: arg-type
adaptive.submit(len, priority="1")  #: arg-type
AdaptiveThreadPool(max_threads="1")  #: arg-type
reveal_type(atomically(lambda: adaptive.decisions[-1].reason))  #: builtins.str
