# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import copy
import unittest
import weakref

import stm.stats
from stm import atomically
from stm.datatypes import BroadcastEndpoint, BroadcastQueue, Empty, Full
from stm.timeout import Timeout
from support import Case


class Thing:
    pass


class Failure(Exception):
    pass


class BroadcastTest(Case):
    def setUp(self):
        self.queue = BroadcastQueue()
        self.endpoint = atomically(self.queue.new_endpoint)

    def put(self, *items):
        atomically(lambda: [self.queue.put(item) for item in items] and None)

    def drain(self, endpoint):
        return atomically(
            lambda: [endpoint.get() for _ in range(endpoint.remaining)]
        )

    def test_items_come_in_order(self):
        self.put(1, 2, 3)
        self.assertEqual(self.drain(self.endpoint), [1, 2, 3])

    def test_items_reach_every_endpoint_that_exists(self):
        self.put(1)
        late = atomically(self.queue.new_endpoint)
        self.put(2)
        self.assertEqual(self.drain(self.endpoint), [1, 2])
        self.assertEqual(self.drain(late), [2])

    def test_get_raises_empty_or_timeout_when_asked(self):
        with self.assertRaises(Empty):
            atomically(lambda: self.endpoint.get(block=False))
        with self.assertRaises(Empty):
            atomically(lambda: self.endpoint.get(False))
        with self.assertRaises(Timeout):
            atomically(lambda: self.endpoint.get(timeout=0.01))
        with self.assertRaises(Timeout):
            atomically(lambda: self.endpoint.get(timeout=0))
        with self.assertRaises(Timeout):
            atomically(lambda: self.endpoint.peek(True, 0.01))

    def test_get_waits(self):
        results = []
        before = stm.stats.read()["retries"]
        thread = self.start(
            lambda: results.append(atomically(self.endpoint.get))
        )
        self.blocked(1, before)
        self.put(5)
        self.join(thread)
        self.assertEqual(results, [5])

    def test_peek_leaves_the_item(self):
        with self.assertRaises(Empty):
            atomically(self.endpoint.peek)
        self.put(1)
        self.assertEqual(atomically(self.endpoint.peek), 1)
        self.assertEqual(self.drain(self.endpoint), [1])

    def test_replace_puts_in_front_of_this_endpoint_alone(self):
        other = atomically(self.queue.new_endpoint)
        self.put(1)

        @atomically
        def _():
            self.endpoint.replace("b")
            self.endpoint.replace("a")

        self.assertEqual(self.drain(self.endpoint), ["a", "b", 1])
        self.assertEqual(self.drain(other), [1])

    def test_removes_the_first_equal_item_of_this_endpoint_alone(self):
        other = atomically(self.queue.new_endpoint)
        self.put(1, 2.0, 3, 2)

        @atomically
        def _():
            self.endpoint.replace(0)
            self.endpoint.remove(2)
            self.assertEqual(self.endpoint.remaining, 4)

        self.put(4)
        self.assertEqual(self.drain(self.endpoint), [0, 1, 3, 2, 4])
        self.assertEqual(self.drain(other), [1, 2.0, 3, 2, 4])

    def test_removes_what_was_put_back_and_what_is_first_or_last(self):
        self.put(1, 2)
        atomically(lambda: self.endpoint.replace("b"))
        atomically(lambda: self.endpoint.replace("a"))
        for item in ("b", 2, "a", 1):
            atomically(lambda: self.endpoint.remove(item))
        self.assertTrue(atomically(lambda: self.endpoint.is_empty))

    def test_removing_what_is_not_there_raises_and_changes_nothing(self):
        self.put(1, 2)
        with self.assertRaises(ValueError):
            atomically(lambda: self.endpoint.remove(3))

        @atomically
        def _():
            with self.assertRaises(ValueError):
                self.endpoint.remove(3)

        self.assertEqual(self.drain(self.endpoint), [1, 2])

    def test_an_abort_puts_back_what_was_removed(self):
        self.put(1, 2, 3)

        def body():
            self.endpoint.remove(2)
            raise KeyError

        @atomically
        def _():
            with self.assertRaises(KeyError):
                atomically(body)

        self.assertEqual(self.drain(self.endpoint), [1, 2, 3])

    def test_items_whose_equality_raises_or_changes_the_endpoint(self):
        endpoint = self.endpoint

        class Odd:
            def __eq__(self, other):
                if other == "raise":
                    raise Failure
                if endpoint.remaining == 3:
                    endpoint.get()
                    endpoint.replace("new")
                return False

        odd = Odd()
        self.put(odd, 1, 2)

        @atomically
        def _():
            with self.assertRaises(Failure):
                endpoint.remove("raise")
            self.assertEqual(endpoint.remaining, 3)
            endpoint.remove(2)
            self.assertEqual(endpoint.remaining, 2)

        self.assertEqual(self.drain(endpoint), ["new", 1])

    def test_a_removed_item_is_let_go(self):
        thing = Thing()
        reference = weakref.ref(thing)
        self.put(1, thing, 2)
        atomically(lambda: self.endpoint.remove(thing))
        del thing
        self.drain(self.endpoint)
        self.assertIsNone(reference())

    def test_counts_what_remains(self):
        @atomically
        def _():
            self.assertTrue(self.endpoint.is_empty)
            self.queue.put(1)
            self.endpoint.replace(0)
            self.assertEqual(self.endpoint.remaining, 2)
            self.assertFalse(self.endpoint.is_empty)

    def test_a_duplicate_has_the_same_items_and_is_independent(self):
        self.put(1, 2)
        for make in (self.endpoint.duplicate, lambda: copy.copy(self.endpoint)):
            other = atomically(make)
            self.assertIsInstance(other, BroadcastEndpoint)
            self.assertEqual(self.drain(other), [1, 2])
        self.put(3)
        self.assertEqual(self.drain(self.endpoint), [1, 2, 3])

    def test_an_abort_puts_everything_back(self):
        self.put(1)

        def body():
            self.endpoint.get()
            self.queue.put(2)
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        self.assertEqual(self.drain(self.endpoint), [1])

    def test_a_queue_without_endpoints_keeps_nothing(self):
        queue, thing = BroadcastQueue(), Thing()
        reference = weakref.ref(thing)
        atomically(lambda: queue.put(thing))
        del thing
        atomically(lambda: queue.put(None))
        self.assertIsNone(reference())

    def test_an_endpoint_that_is_let_go_frees_its_items(self):
        thing = Thing()
        reference = weakref.ref(thing)
        self.put(thing, 1)
        del thing
        self.assertIsNotNone(reference())
        self.endpoint = None
        self.assertIsNone(reference())

    def test_a_long_chain_of_unread_items_is_let_go(self):
        def fill():
            for i in range(100000):
                self.queue.put(i)

        atomically(fill)
        self.endpoint = None

    def test_use_outside_a_transaction_raises(self):
        for use in (
            lambda: self.queue.put(1),
            self.queue.new_endpoint,
            self.endpoint.get,
            self.endpoint.peek,
            self.endpoint.duplicate,
            lambda: self.endpoint.replace(1),
            lambda: self.endpoint.remove(1),
            lambda: self.endpoint.remaining,
            lambda: self.endpoint.is_empty,
        ):
            with self.assertRaisesRegex(RuntimeError, r"stm\.atomically\(\)"):
                use()

    def test_endpoints_are_made_by_queues_only(self):
        with self.assertRaises(TypeError):
            BroadcastEndpoint()
        with self.assertRaises(TypeError):
            BroadcastQueue(1)

    def test_exceptions_are_ordinary_ones(self):
        for kind in (Empty, Full, Timeout):
            self.assertTrue(issubclass(kind, Exception))
        self.assertEqual(Empty.__module__, "stm.datatypes")
        self.assertEqual(Timeout.__module__, "stm.timeout")


if __name__ == "__main__":
    unittest.main()
