# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What only a free-threaded Python can show."""

import sys
import sysconfig
import unittest

from stm import TVar, atomically, retry, watch
from stm.datatypes import TList
from support import Case

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


@unittest.skipUnless(FREE_THREADED, "this Python has a GIL")
class FreeThreadedTest(Case):
    def test_importing_leaves_the_gil_off(self):
        output, errors, _ = self.script(
            """
            import importlib, pkgutil, sys, warnings
            warnings.simplefilter("error")
            import stm
            for module in pkgutil.iter_modules(stm.__path__):
                if module.name != "__main__":
                    importlib.import_module(f"stm.{module.name}")
                    print(module.name, sys._is_gil_enabled())
            """
        )
        self.assertEqual(errors, "")
        self.assertIn("_stm False\n", output)
        self.assertIn("threadutils False\n", output)
        self.assertNotIn("True", output)

    def meet(self, bodies):
        """Run transactions that leave their bodies only all together.

        Nothing in the meeting lets another thread run: it loops over a plain
        list, without a call that detaches the thread.  With a GIL that is given
        away only on request, and never is here, it would not end.
        """
        self.assertFalse(sys._is_gil_enabled(), "expected the GIL to be off")
        inside = [False] * len(bodies)
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e6)
        self.addCleanup(sys.setswitchinterval, interval)

        def run(i):
            @atomically
            def _():
                bodies[i]()
                inside[i] = True
                while not all(inside):
                    pass

        self.join(*(self.start(run, i) for i in range(len(bodies))))

    def test_bodies_of_disjoint_transactions_run_at_once(self):
        one, two = TVar(0), TVar(0)
        self.meet([lambda: one.set(1), lambda: two.set(2)])
        self.assertEqual(atomically(lambda: (one.get(), two.get())), (1, 2))

    def test_readers_of_one_variable_run_at_once(self):
        var = TVar(1)
        self.meet([var.get] * 3)

    def test_writers_of_one_variable_run_at_once_and_both_commit(self):
        var = TVar(0)

        def add():
            var.value += 1

        self.meet([add] * 2)
        self.assertEqual(atomically(var.get), 2)

    def test_users_of_disjoint_lists_run_at_once(self):
        lists = [TList(range(100)) for _ in range(2)]
        self.meet([lambda items=items: items.append(0) for items in lists])
        self.assertEqual(atomically(lambda: [len(x) for x in lists]), [101] * 2)


class SharedObjectsTest(Case):
    """Threads use one object of ours without a lock; run with a GIL, too."""

    THREADS, ROUNDS = 4, 300

    def crowd(self, function):
        self.join(*(self.start(function, i) for i in range(self.THREADS)))

    def test_one_iterator_gives_each_item_at_most_once(self):
        @atomically
        def iterator():
            return iter(TList(range(self.THREADS * self.ROUNDS)))

        taken = [[] for _ in range(self.THREADS)]

        def take(i):
            taken[i].extend(iterator)

        self.crowd(take)
        items = sorted(item for part in taken for item in part)
        self.assertEqual(items, sorted(set(items)))

    def test_watchers_of_one_variable_come_and_go(self):
        var, total = TVar(0), TVar(0)

        def body(i):
            for _ in range(self.ROUNDS):
                watcher = atomically(lambda: watch(var.get, total.set))
                atomically(lambda: var.set(var.get() + 1))
                watcher.cancel()

        self.crowd(body)
        count = self.THREADS * self.ROUNDS
        self.assertEqual(atomically(var.get), count)
        self.assertEqual(atomically(total.get), count)

    def test_values_are_finalized_once_each(self):
        class Value:
            def __del__(self):
                finalized.append(None)

        finalized = []
        var = TVar(None)

        def body(i):
            for _ in range(self.ROUNDS):
                value = Value()
                atomically(lambda: var.set(value))
                del value
                atomically(lambda: var.get())

        self.crowd(body)
        atomically(lambda: var.set(None))
        self.until(
            lambda: atomically(lambda: True)
            and len(finalized) >= self.THREADS * self.ROUNDS,
            "every value to be finalized",
        )
        self.assertEqual(len(finalized), self.THREADS * self.ROUNDS)

    def test_a_class_changes_while_its_objects_are_used(self):
        class Var(TVar):
            pass

        var = Var(0)

        def body(i):
            for number in range(self.ROUNDS):
                setattr(Var, f"attribute{i}", number)
                atomically(lambda: var.set(var.get() + 1))

        self.crowd(body)
        self.assertEqual(atomically(var.get), self.THREADS * self.ROUNDS)

    def test_a_blocked_thread_is_woken_by_any_other(self):
        var = TVar(0)

        def pass_on(i):
            for turn in range(i, self.THREADS * self.ROUNDS, self.THREADS):

                @atomically
                def _():
                    if var.get() != turn:
                        retry()
                    var.set(turn + 1)

        self.crowd(pass_on)
        self.assertEqual(atomically(var.get), self.THREADS * self.ROUNDS)


if __name__ == "__main__":
    unittest.main()
