# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Allocations of the interpreter's that fail, one after the other."""

import importlib.util
import textwrap
import unittest

from support import Case

# Each is run with the n-th allocation failing, for each n.
HEAD = """
    import sys, _testcapi, stm.stats
    from stm import *
    from stm import eventloop, utils
    from stm.datatypes import *
    sys.unraisablehook = lambda info: None

    def fresh():
        global var, other, items, queue, endpoint
        var, other, items = TVar(0), TVar(None, "other"), TList(range(50))
        queue = BroadcastQueue()
        endpoint = atomically(queue.new_endpoint)

    def is_for_want_of_memory(error):
        # All but the first are the interpreter's own doing.
        return isinstance(error, MemoryError) or any(
            text in str(error)
            for text in (
                "without exception set",
                "without setting an exception",
                "can't allocate lock",
            )
        )

    def fail_at(n):
        fresh()
        caught = None
        _testcapi.set_nomemory(n, n + 1)
        try:
            script()
        except BaseException as error:
            caught = error
        finally:
            _testcapi.remove_mem_hooks()
        assert caught is None or is_for_want_of_memory(caught), (n, caught)
        assert not in_transaction()
        atomically(lambda: (var.get(), var.set("set"), list(items)))
        assert atomically(var.get) == "set"
        fresh()
        script()
        return caught is not None
"""

TAIL = """
    fresh()
    script()
    failures = 0
    for n in range(1, 301):
        failures += fail_at(n)
    assert failures, "expected some allocation to matter"
"""


@unittest.skipUnless(
    importlib.util.find_spec("_testcapi"), "needs the module _testcapi"
)
class AllocationTest(Case):
    def check(self, script):
        text = "".join(map(textwrap.dedent, (HEAD, script, TAIL)))
        output, errors, _ = self.script(text)
        self.assertEqual((output, errors), ("", ""))

    def test_of_values_and_containers(self):
        self.check(
            """
            def body():
                var.value += 1
                other.value = [var.value]
                items.append(TVar(var.value))
                items[3:7] = [1, 2]
                items.insert(9, 5)
                items.pop(0)
                items.reverse()
                list(items), items.copy(), items + items
                queue.put(1)
                endpoint.get()
                endpoint.replace(3)
                endpoint.peek()

            def script():
                atomically(body)
            """
        )

    def test_of_undoing(self):
        self.check(
            """
            def first():
                var.value = 9
                items.clear()
                retry()

            def second():
                other.value = TList([var.value])
                return 3

            def nested():
                var.value += 1
                items.extend([1, 2, 3])
                items[1000]

            def body():
                utils.would_block(first)
                try:
                    atomically(nested)
                except IndexError:
                    pass
                return or_else(first, second)

            def script():
                assert atomically(body) == 3
            """
        )

    def test_of_watchers(self):
        self.check(
            """
            def script():
                seen = []
                one = utils.atomically_watch(var.get, seen.append)
                atomically(lambda: var.set(var.get() + 1))
                only = utils.changes_only(seen.append)
                two = utils.atomically_watch(lambda: len(items), only)
                atomically(lambda: items.append(1))
                one.cancel()
                two.cancel()
            """
        )

    def test_of_weak_references(self):
        self.check(
            """
            # It does not die: the thread that would tell of it cannot do
            # without memory.
            thing = lambda: None

            def script():
                weak = TWeakRef(thing, int)
                atomically(weak)
                atomically(lambda: weak.is_alive)
                mutable = TMutableWeakRef(thing, int)
                maybe = TPossiblyWeakRef(3)
                atomically(lambda: (mutable.set(None), maybe.get()))
            """
        )

    def test_of_waiting_and_of_what_comes_after(self):
        self.check(
            """
            def script():
                ran = []
                atomically(lambda: on_commit(lambda: ran.append(1)))
                atomically(lambda: elapsed(0.0001) or retry())
                str(items), repr(var), stm.stats.read()
                loop = eventloop.EventLoop()
                loop.schedule(int)
                loop.stop()
                loop.run()
            """
        )


if __name__ == "__main__":
    unittest.main()
