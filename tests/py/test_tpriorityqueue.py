# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import bisect
import gc
import inspect
import os
import random
import unittest
import weakref

import stm.stats
from stm import TVar, atomically, or_else, retry, watch
from stm.datatypes import Empty, Ticket, TPriorityQueue
from stm.timeout import Timeout
from support import Case


class Thing:
    """Neither equal to anything nor in any order."""

    def __eq__(self, other):
        raise AssertionError("compared")

    __lt__ = __eq__
    __hash__ = None


class TPriorityQueueTest(Case):
    def setUp(self):
        self.queue = TPriorityQueue()

    def push(self, *pairs):
        """Push items with their priorities; return the tickets."""
        return atomically(
            lambda: [self.queue.push(item, number) for number, item in pairs]
        )

    def drain(self):
        def body():
            return [self.queue.pop() for _ in range(len(self.queue))]

        return atomically(body)

    def test_takes_no_arguments(self):
        with self.assertRaises(TypeError):
            TPriorityQueue([1])

    def test_the_lowest_number_comes_first(self):
        self.push((3, "c"), (-1, "a"), (0, "b"), (7, "d"))
        self.assertEqual(self.drain(), ["a", "b", "c", "d"])

    def test_among_equals_the_first_comes_first(self):
        self.push(*[(i % 3, i) for i in range(30)])
        self.assertEqual(self.drain(), sorted(range(30), key=lambda i: i % 3))

    def test_the_priority_is_zero_by_default(self):
        self.push((1, "after"), (-1, "before"))
        ticket = atomically(lambda: self.queue.push("between"))
        self.assertEqual(ticket.priority, 0)
        self.assertEqual(self.drain(), ["before", "between", "after"])

    def test_priorities_have_64_bits(self):
        lowest, highest = -(2**63), 2**63 - 1
        self.push((highest, "last"), (0, "middle"), (lowest, "first"))
        for number in (lowest - 1, highest + 1):
            with self.assertRaises(OverflowError):
                self.push((number, "beyond"))
        for number in (1.5, "1", None):
            with self.assertRaises(TypeError):
                self.push((number, "no number"))
        self.assertEqual(self.drain(), ["first", "middle", "last"])

    def test_items_are_never_compared(self):
        things = [Thing() for _ in range(10)]
        self.push(*[(0, thing) for thing in things])
        for thing in things:
            self.assertIs(atomically(self.queue.pop), thing)

    def test_a_ticket_finds_its_item_again(self):
        tickets = self.push((1, "a"), (0, "b"), (1, "c"), (0, "d"))
        self.assertIsInstance(tickets[0], Ticket)
        self.assertEqual(tickets[0].priority, 1)
        self.assertEqual(atomically(lambda: self.queue.remove(tickets[0])), "a")
        self.assertEqual(atomically(lambda: self.queue.remove(tickets[3])), "d")
        self.assertEqual(self.drain(), ["b", "c"])

    def test_a_ticket_is_good_once_and_for_its_queue_alone(self):
        [ticket] = self.push((0, "a"))
        other = TPriorityQueue()
        atomically(lambda: other.push("b"))
        with self.assertRaises(KeyError):
            atomically(lambda: other.remove(ticket))
        self.assertEqual(atomically(lambda: len(other)), 1)
        atomically(lambda: self.queue.remove(ticket))
        self.push((0, "c"))
        for _ in range(2):
            with self.assertRaises(KeyError):
                atomically(lambda: self.queue.remove(ticket))
        self.assertEqual(self.drain(), ["c"])

    def test_a_ticket_of_an_aborted_push_finds_nothing(self):
        tickets = []

        def body():
            tickets.append(self.queue.push("a"))
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        self.push((0, "b"))
        for ticket in tickets:
            with self.assertRaises(KeyError):
                atomically(lambda: self.queue.remove(ticket))
        self.assertEqual(self.drain(), ["b"])

    def test_only_a_ticket_removes(self):
        self.push((0, "a"))
        for thing in ("a", None, (0, 1)):
            with self.assertRaises(TypeError):
                atomically(lambda: self.queue.remove(thing))
        with self.assertRaises(TypeError):
            Ticket()

    def test_peek_leaves_the_item(self):
        self.push((1, "b"), (0, "a"))
        self.assertEqual(atomically(self.queue.peek), "a")
        self.assertEqual(self.drain(), ["a", "b"])

    def test_raises_empty_or_timeout_when_asked(self):
        for take in (self.queue.pop, self.queue.peek):
            with self.assertRaises(Empty):
                atomically(take)
            with self.assertRaises(Timeout):
                atomically(lambda: take(True, 0.01))
            with self.assertRaises(Timeout):
                atomically(lambda: take(block=True, timeout=0))

    def test_pop_waits_when_asked(self):
        results, before = [], stm.stats.read()["retries"]
        thread = self.start(
            lambda: results.append(
                atomically(lambda: self.queue.pop(block=True))
            )
        )
        self.blocked(1, before)
        self.push((5, "a"))
        self.join(thread)
        self.assertEqual(results, ["a"])

    def test_length_truth_and_clear(self):
        @atomically
        def _():
            self.assertFalse(self.queue)
            self.queue.push(1)
            self.queue.push(2)
            self.assertEqual(len(self.queue), 2)
            self.assertTrue(self.queue)
            self.queue.clear()
            self.assertEqual(len(self.queue), 0)

    def test_an_iterator_is_a_snapshot_in_order(self):
        self.push((2, "c"), (0, "a"), (1, "b"))
        iterator = atomically(lambda: iter(self.queue))
        self.assertEqual(next(iterator), "a")
        atomically(self.queue.clear)
        self.assertEqual(list(iterator), ["b", "c"])
        self.assertEqual(atomically(lambda: list(self.queue)), [])

    def test_may_change_while_it_is_iterated(self):
        self.push((0, 1), (0, 2))

        @atomically
        def _():
            for item in self.queue:
                self.queue.push(item, -item)

        self.assertEqual(self.drain(), [2, 1, 1, 2])

    def test_an_abort_undoes_every_change(self):
        tickets = self.push((0, "a"), (1, "b"), (2, "c"))

        def body():
            self.queue.pop()
            self.queue.remove(tickets[2])
            self.queue.push("d", -1)
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)

        @atomically
        def _():
            self.queue.push("z", 9)
            with self.assertRaises(KeyError):
                atomically(body)
            self.assertEqual(list(self.queue), ["a", "b", "c", "z"])

        self.assertEqual(self.drain(), ["a", "b", "c", "z"])

    def test_a_branch_that_retries_is_undone(self):
        self.push((0, "a"))

        def first():
            self.queue.pop()
            self.queue.push("b", -1)
            retry()

        self.assertEqual(
            atomically(lambda: or_else(first, self.queue.pop)), "a"
        )
        self.assertEqual(self.drain(), [])

    def test_a_watcher_sees_what_is_first(self):
        seen = TVar()
        atomically(
            lambda: watch(
                lambda: self.queue.peek() if self.queue else None, seen.set
            )
        )
        self.push((1, "b"))
        self.assertEqual(atomically(seen.get), "b")
        self.push((0, "a"))
        self.assertEqual(atomically(seen.get), "a")

    def test_threads_pass_every_item_once(self):
        taken = [[], []]

        def produce(name):
            for i in range(150):
                atomically(lambda: self.queue.push((name, i), i % 4))

        def consume(mine):
            for _ in range(150):
                mine.append(atomically(lambda: self.queue.pop(True)))

        self.join(
            *[self.start(produce, name) for name in "ab"],
            *[self.start(consume, mine) for mine in taken],
        )
        self.assertEqual(
            sorted(taken[0] + taken[1]),
            [(name, i) for name in "ab" for i in range(150)],
        )

    def test_use_outside_a_transaction_raises(self):
        [ticket] = self.push((0, 1))
        for use in (
            lambda: self.queue.push(1),
            self.queue.pop,
            self.queue.peek,
            self.queue.clear,
            lambda: self.queue.remove(ticket),
            lambda: len(self.queue),
            lambda: iter(self.queue),
        ):
            with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
                use()

    def test_repr_works_anywhere(self):
        self.push((0, self.queue))
        for text in (repr(self.queue), atomically(lambda: str(self.queue))):
            self.assertRegex(
                text, r"^<stm\.datatypes\.TPriorityQueue at .* len=1>$"
            )

    def test_is_generic(self):
        self.assertIs(TPriorityQueue[int].__origin__, TPriorityQueue)

    @unittest.skipUnless(int.__doc__, "the interpreter has no docstrings")
    def test_has_signatures(self):
        self.assertEqual(str(inspect.signature(TPriorityQueue)), "()")
        self.assertEqual(
            str(inspect.signature(TPriorityQueue.push)),
            "(self, /, item, priority=0)",
        )


class MemoryTest(Case):
    def test_a_queue_that_holds_itself_is_collected(self):
        for length in (1, 10, 1000):
            queue = TPriorityQueue()

            @atomically
            def _():
                for i in range(length):
                    queue.push(queue if i == length // 2 else i, i % 3)

            reference = weakref.ref(queue)
            del queue
            self.assertIsNotNone(reference())
            gc.collect()
            self.assertIsNone(reference(), f"of {length} items")

    def test_what_is_taken_out_goes_before_atomically_returns(self):
        queue, things = TPriorityQueue(), [Thing() for _ in range(3)]
        references = [weakref.ref(thing) for thing in things]
        tickets = atomically(lambda: [queue.push(thing) for thing in things])
        del things
        atomically(lambda: queue.pop() and None)
        atomically(lambda: queue.remove(tickets[1]) and None)
        atomically(queue.clear)
        self.assertEqual(
            [reference() is None for reference in references], [True] * 3
        )

    def test_a_ticket_keeps_neither_queue_nor_item(self):
        queue, thing = TPriorityQueue(), Thing()
        references = [weakref.ref(queue), weakref.ref(thing)]
        ticket = atomically(lambda: queue.push(thing, 3))
        del queue, thing
        self.assertIsNone(references[0]())
        self.assertIsNone(references[1]())
        self.assertEqual(ticket.priority, 3)


class RandomTest(Case):
    """The model is a sorted list of (priority, serial number, ticket)."""

    def step(self, draw, queue, model):
        match draw.choice("push push push pop pop remove peek list".split()):
            case "push":
                priority, number = draw.randrange(-2, 3), draw.random()
                order = max(
                    [entry[1] + 1 for entry in model if entry[0] == priority],
                    default=0,
                )
                ticket = queue.push(number, priority)
                entry = (priority, order, number, ticket)
                bisect.insort(model, entry, key=lambda entry: entry[:2])
                return
            case "pop":
                expected = model.pop(0)[2] if model else Empty
                found = self.outcome(queue.pop)
            case "peek":
                expected = model[0][2] if model else Empty
                found = self.outcome(queue.peek)
            case "remove":
                if not model:
                    return
                *_, expected, ticket = model.pop(draw.randrange(len(model)))
                found = queue.remove(ticket)
            case "list":
                expected = [entry[2] for entry in model]
                found = list(queue)
        self.assertEqual(found, expected, self.seed)

    def outcome(self, function):
        try:
            return function()
        except Empty:
            return Empty

    def transaction(self, draw, queue, kept, state):
        """Return what is in the model after it."""
        draw.setstate(state)  # of an attempt that was thrown away
        model = list(kept)
        for _ in range(draw.randrange(15)):
            self.step(draw, queue, model)
        before = list(model)

        def nested():
            for _ in range(draw.randrange(6)):
                self.step(draw, queue, model)
            if draw.random() < 0.5:
                raise KeyError

        try:
            atomically(nested)
        except KeyError:
            model = before
        self.assertEqual(len(queue), len(model), self.seed)
        return model

    def test_does_what_a_sorted_list_does(self):
        seed = int(os.environ.get("STM_TEST_SEED", "0"))
        seed = seed or random.randrange(10**9)
        self.seed = f"STM_TEST_SEED={seed}"
        print(self.seed, flush=True)
        draw = random.Random(seed)
        for _ in range(15):
            queue, model = TPriorityQueue(), []
            for _ in range(20):
                state = draw.getstate()
                model = atomically(
                    lambda: self.transaction(draw, queue, model, state)
                )


if __name__ == "__main__":
    unittest.main()
