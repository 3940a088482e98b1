# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import collections
import gc
import inspect
import os
import random
import unittest
import weakref

import stm.stats
from stm import atomically, or_else, watch
from stm.datatypes import Empty, Full, TQueue
from stm.timeout import Timeout
from support import Case

SIZES = (0, 1, 2, 5)


class Thing:
    pass


class TQueueTest(Case):
    def drain(self, queue):
        return atomically(lambda: [queue.get() for _ in range(len(queue))])

    def fill(self, queue, *items):
        atomically(lambda: [queue.put(item) for item in items] and None)

    def test_items_come_in_order(self):
        for size in (0, 3, 10):
            queue = TQueue(size)
            for _ in range(3):
                self.fill(queue, 1, None, queue)
                self.assertEqual(self.drain(queue), [1, None, queue])

    def test_maxsize_is_what_was_given_and_none_is_zero(self):
        self.assertEqual(TQueue().maxsize, 0)
        self.assertEqual(TQueue(-3).maxsize, 0)
        self.assertEqual(TQueue(maxsize=4).maxsize, 4)
        with self.assertRaises(TypeError):
            TQueue("4")

    def test_counts_its_items(self):
        for size in (0, 2):
            queue = TQueue(size)

            @atomically
            def _():
                self.assertTrue(queue.empty() and not queue.full())
                self.assertFalse(queue)
                queue.put(1)
                queue.put(2)
                self.assertEqual((len(queue), queue.qsize()), (2, 2))
                self.assertEqual(queue.full(), size == 2)
                self.assertFalse(queue.empty())
                queue.get()
                self.assertEqual(len(queue), 1)
                self.assertFalse(queue.full())

    def test_raises_full_or_timeout_when_asked(self):
        queue = TQueue(1)
        self.fill(queue, 1)
        for put in (
            lambda: queue.put(2, False),
            lambda: queue.put(2, block=False, timeout=3),
            lambda: queue.put_nowait(2),
        ):
            with self.assertRaises(Full):
                atomically(put)
        for put in (
            lambda: queue.put(item=2, timeout=0.01),
            lambda: queue.put(2, True, 0),
        ):
            with self.assertRaises(Timeout):
                atomically(put)
        self.assertEqual(self.drain(queue), [1])

    def test_raises_empty_or_timeout_when_asked(self):
        for size in (0, 1, 3):
            queue = TQueue(size)
            for get in (
                lambda: queue.get(False),
                lambda: queue.get(block=False, timeout=3),
                queue.get_nowait,
                queue.peek,
            ):
                with self.assertRaises(Empty):
                    atomically(get)
            for get in (
                lambda: queue.get(timeout=0.01),
                lambda: queue.get(True, 0),
                lambda: queue.peek(True, 0.01),
            ):
                with self.assertRaises(Timeout):
                    atomically(get)

    def test_peek_leaves_the_item(self):
        for size in (0, 1, 2):
            queue = TQueue(size)
            self.fill(queue, "a")
            self.assertEqual(atomically(queue.peek), "a")
            self.assertEqual(self.drain(queue), ["a"])

    def test_get_waits_for_a_put(self):
        for size in SIZES:
            queue, results = TQueue(size), []
            before = stm.stats.read()["retries"]
            thread = self.start(lambda: results.append(atomically(queue.get)))
            self.blocked(1, before)
            self.fill(queue, 5)
            self.join(thread)
            self.assertEqual(results, [5])

    def test_put_waits_for_a_get(self):
        queue = TQueue(2)
        self.fill(queue, 1, 2)
        before = stm.stats.read()["retries"]
        thread = self.start(lambda: self.fill(queue, 3))
        self.blocked(1, before)
        self.assertEqual(atomically(queue.get), 1)
        self.join(thread)
        self.assertEqual(self.drain(queue), [2, 3])

    def test_threads_pass_every_item_once_and_in_order(self):
        for size in SIZES:
            queue, taken = TQueue(size), [[], []]

            def produce(name):
                for i in range(200):
                    atomically(lambda: queue.put((name, i)))

            def consume(mine):
                for _ in range(200):
                    mine.append(atomically(queue.get))

            self.join(
                *[self.start(produce, name) for name in "ab"],
                *[self.start(consume, mine) for mine in taken],
            )
            for mine in taken:
                for name in "ab":
                    numbers = [i for who, i in mine if who == name]
                    self.assertEqual(numbers, sorted(numbers))
            self.assertEqual(
                sorted(taken[0] + taken[1]),
                [(name, i) for name in "ab" for i in range(200)],
            )
            self.assertEqual(atomically(queue.qsize), 0)

    def test_an_abort_puts_everything_back(self):
        for size in (0, 3):
            queue = TQueue(size)
            self.fill(queue, 1, 2)

            def body():
                queue.get()
                queue.put(3)
                queue.put(4)
                raise KeyError

            with self.assertRaises(KeyError):
                atomically(body)
            self.assertEqual(self.drain(queue), [1, 2])

    def test_a_branch_that_retries_is_undone(self):
        for size in (0, 3):
            queue, other = TQueue(size), TQueue(size)
            self.fill(queue, 1)

            def move():
                queue.get()
                queue.put(2)
                return other.get()

            self.assertEqual(atomically(lambda: or_else(move, queue.get)), 1)
            self.assertEqual(self.drain(queue), [])

    def test_waits_for_either_of_two_queues(self):
        left, right, got = TQueue(), TQueue(1), []
        before = stm.stats.read()["retries"]
        thread = self.start(
            lambda: got.append(atomically(lambda: or_else(left.get, right.get)))
        )
        self.blocked(1, before)
        self.fill(right, "right")
        self.join(thread)
        self.assertEqual(got, ["right"])

    def test_a_watcher_moves_items_on(self):
        source, target = TQueue(), TQueue()

        def move(ready):
            if ready:
                target.put(source.get())

        atomically(lambda: watch(lambda: not source.empty(), move))
        self.fill(source, 1, 2, 3)
        self.assertEqual(self.drain(target), [1, 2, 3])
        self.assertEqual(atomically(source.qsize), 0)

    def test_use_outside_a_transaction_raises(self):
        queue = TQueue(1)
        for use in (
            lambda: queue.put(1),
            lambda: queue.put_nowait(1),
            queue.get,
            queue.get_nowait,
            queue.peek,
            queue.qsize,
            queue.empty,
            queue.full,
            lambda: len(queue),
            lambda: bool(queue),
        ):
            with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
                use()

    def test_repr_works_anywhere(self):
        queue = TQueue(3)
        self.fill(queue, queue)
        for text in (repr(queue), atomically(lambda: str(queue))):
            self.assertRegex(
                text, r"^<stm\.datatypes\.TQueue at .* maxsize=3 qsize=1>$"
            )

    def test_use_before_init_raises(self):
        queue = TQueue.__new__(TQueue)
        repr(queue)
        for use in (
            queue.get,
            queue.peek,
            queue.get_nowait,
            queue.empty,
            lambda: queue.put(1),
            lambda: len(queue),
            lambda: queue.maxsize,
        ):
            with self.assertRaisesRegex(RuntimeError, "__init__"):
                atomically(use)
        gc.collect()
        queue.__init__(2)
        with self.assertRaisesRegex(RuntimeError, "already"):
            queue.__init__(2)
        self.assertEqual(queue.maxsize, 2)

    def test_is_generic(self):
        self.assertIs(TQueue[int].__origin__, TQueue)

    @unittest.skipUnless(int.__doc__, "the interpreter has no docstrings")
    def test_has_signatures(self):
        self.assertEqual(str(inspect.signature(TQueue)), "(maxsize=0)")
        self.assertEqual(
            str(inspect.signature(TQueue.put)),
            "(self, /, item, block=True, timeout=None)",
        )

    def test_can_be_subclassed(self):
        class Channel(TQueue):
            def __init__(self, name):
                super().__init__(2)
                self.name = name

        channel = Channel("news")
        self.assertEqual((channel.name, channel.maxsize), ("news", 2))


class MemoryTest(Case):
    def test_a_queue_that_holds_itself_is_collected(self):
        for size in SIZES:
            for extra in range(max(size, 3)):
                queue = TQueue(size)
                atomically(lambda: queue.put(queue))
                reference = weakref.ref(queue)
                del queue
                gc.collect()
                self.assertIsNone(reference(), f"of {size} places")

    def test_a_long_queue_in_a_cycle_is_collected(self):
        for size in (0, 300):
            queue, thing = TQueue(size), Thing()
            thing.queue = queue

            @atomically
            def _():
                for _ in range(100):
                    queue.put(object())
                queue.put(thing)
                for _ in range(50):
                    queue.get()
                    queue.put(object())

            reference = weakref.ref(thing)
            del queue, thing, _
            gc.collect()
            self.assertIsNone(reference())

    def test_what_is_taken_out_goes_before_atomically_returns(self):
        for size in SIZES:
            queue, thing = TQueue(size), Thing()
            reference = weakref.ref(thing)
            atomically(lambda: queue.put(thing))
            del thing
            self.assertIsNotNone(reference())
            atomically(lambda: queue.get() and None)
            self.assertIsNone(reference())

    def test_what_is_in_a_queue_goes_with_it(self):
        for size in SIZES:
            queue, thing = TQueue(size), Thing()
            reference = weakref.ref(thing)
            atomically(lambda: queue.put(thing))
            del thing
            del queue
            self.assertIsNone(reference())

    def test_a_finalizer_may_use_the_queue(self):
        queue = TQueue()

        class Late:
            def __del__(self):
                atomically(lambda: queue.put("late"))

        things = [Late()]
        atomically(lambda: queue.put(things[0]))
        things.clear()
        atomically(lambda: queue.get() and None)
        self.assertEqual(atomically(queue.get_nowait), "late")


class RandomTest(Case):
    def outcome(self, function):
        try:
            return function()
        except (Empty, Full) as error:
            return type(error)

    def step(self, draw, queue, model):
        match draw.choice("put put get get peek ask".split()):
            case "put":
                item = draw.randrange(1000)
                expected = Full
                if len(model) != queue.maxsize or queue.maxsize == 0:
                    expected = model.append(item)
                found = self.outcome(lambda: queue.put_nowait(item))
            case "get":
                expected = model.popleft() if model else Empty
                found = self.outcome(queue.get_nowait)
            case "peek":
                expected = model[0] if model else Empty
                found = self.outcome(queue.peek)
            case "ask":
                full = 0 < queue.maxsize == len(model)
                expected = (len(model), not model, full)
                found = (queue.qsize(), queue.empty(), queue.full())
        self.assertEqual(found, expected, self.seed)

    def transaction(self, draw, queue, kept, state):
        """Return what is in the model after it."""
        draw.setstate(state)  # of an attempt that was thrown away
        model = collections.deque(kept)
        for _ in range(draw.randrange(12)):
            self.step(draw, queue, model)
        before = collections.deque(model)

        def nested():
            for _ in range(draw.randrange(6)):
                self.step(draw, queue, model)
            if draw.random() < 0.5:
                raise KeyError

        try:
            atomically(nested)
        except KeyError:
            model = before
        return model

    def test_does_what_a_deque_does(self):
        seed = int(os.environ.get("STM_TEST_SEED", "0"))
        seed = seed or random.randrange(10**9)
        self.seed = f"STM_TEST_SEED={seed}"
        print(self.seed, flush=True)
        draw = random.Random(seed)
        for _ in range(20):
            queue = TQueue(draw.choice(SIZES))
            model = collections.deque()
            for _ in range(15):
                state = draw.getstate()
                model = atomically(
                    lambda: self.transaction(draw, queue, model, state)
                )


if __name__ == "__main__":
    unittest.main()
