# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What happens at exit, after a fork and in other interpreters."""

import importlib.util
import unittest

from support import Case, unless_forking_is_barred


class ExitTest(Case):
    def test_blocked_daemon_threads_do_not_hold_the_exit_up(self):
        _, errors, took = self.script(
            """
            import os, stm, stm.stats, threading
            var = stm.TVar()
            for _ in range(10):
                threading.Thread(
                    target=stm.atomically,
                    args=(lambda: var.get() or stm.retry(),),
                    daemon=True,
                ).start()
            while stm.stats.read()["retries"] < 10:
                os.sched_yield()
            """
        )
        self.assertEqual(errors, "")
        self.assertLess(took, 30)

    def test_daemon_threads_woken_during_exit_do_no_harm(self):
        _, errors, _ = self.script(
            """
            import atexit, os, stm, stm.stats, threading
            var, other = stm.TVar(0), stm.TVar(0)
            def work():
                while True:
                    value = stm.atomically(var.get)
                    stm.atomically(lambda: var.get() != value or stm.retry())
            for _ in range(4):
                threading.Thread(target=work, daemon=True).start()
            while stm.stats.read()["retries"] < 4:
                os.sched_yield()
            class Late:
                def __del__(self, atomically=stm.atomically, var=var):
                    for _ in range(50):
                        atomically(lambda: var.set(var.get() + 1))
            late = Late()
            atexit.register(late.__del__)
            """
        )
        self.assertEqual(errors, "")

    def test_variables_outlive_the_modules(self):
        _, errors, _ = self.script(
            """
            import stm, stm.datatypes
            class Thing:
                def __del__(self, atomically=stm.atomically):
                    atomically(lambda: None)
            var = stm.TVar(Thing())
            items = stm.datatypes.TList([Thing(), var])
            stm.atomically(lambda: items.append(items))
            """
        )
        self.assertEqual(errors, "")

    def test_a_watcher_that_waits_does_not_hold_the_exit_up(self):
        output, errors, took = self.script(
            """
            import stm, stm.utils
            def tell(over):
                stm.on_commit(lambda: print(over))
            stm.utils.atomically_watch(lambda: stm.elapsed(3600), tell)
            stm.utils.atomically_watch(lambda: stm.elapsed(time=1e10), tell)
            """
        )
        self.assertEqual(output, "False\nFalse\n")
        self.assertEqual(errors, "")
        self.assertLess(took, 30)

    def test_watchers_that_run_during_exit_do_no_harm(self):
        _, errors, took = self.script(
            """
            import stm, stm.utils
            ticks = stm.TVar(0)
            def tick(over):
                if over:
                    ticks.value += 1
            for _ in range(10):
                stm.utils.atomically_watch(
                    lambda: stm.elapsed((ticks.value + 1) / 5000), tick
                )
            stm.atomically(lambda: ticks.value > 20 or stm.retry())
            # By now a module written in Python may have been cleared.
            class Late:
                # Those in C, since modules in Python may be gone by then.
                def __del__(self, tick=tick, elapsed=stm.elapsed,
                            atomically=stm.atomically, watch=stm._stm.watch):
                    atomically(lambda: watch(lambda: elapsed(0.001), tick))
            late = Late()
            stm.atomically(lambda: ticks.set(0))
            """
        )
        self.assertEqual(errors, "")
        self.assertLess(took, 30)

    def test_a_watcher_that_runs_is_waited_for(self):
        output, errors, _ = self.script(
            """
            import stm, stm.utils, threading
            began = threading.Event()
            def work(over):
                if over:
                    began.set()
                    for _ in range(300000):
                        pass
                    print("done", flush=True)
            stm.utils.atomically_watch(lambda: stm.elapsed(0.001), work)
            began.wait()
            """
        )
        self.assertIn("done\n", output)
        self.assertEqual(errors, "")


class ForkTest(Case):
    @unless_forking_is_barred
    def test_a_child_can_use_what_it_inherits_and_exits(self):
        output, errors, _ = self.script(
            """
            import os, stm, sys, warnings
            from stm import eventloop, threadutils
            warnings.simplefilter("ignore")  # newer ones warn of threads
            var = stm.TVar(1)
            eventloop.schedule(int)
            pool = threadutils.ThreadPool(1, 60)
            pool.schedule(int)
            pool.join()
            child = os.fork()
            if child == 0:
                stm.atomically(lambda: var.set(var.get() + 1))
                eventloop.schedule(lambda: print("child", flush=True))
                sys.exit(stm.atomically(var.get))
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            """
        )
        self.assertEqual(output, "child\n2\n")
        self.assertEqual(errors, "")


class InterpreterTest(Case):
    def test_another_interpreter_cannot_import_it(self):
        names = ("_interpreters", "_xxsubinterpreters")
        name = next(filter(importlib.util.find_spec, names), None)
        if name is None:
            self.skipTest("no module to make interpreters with")
        output, _, _ = self.script(
            f"""
            import {name} as interpreters
            other = interpreters.create()
            interpreters.run_string(other, '''if True:
                try:
                    import stm
                except ImportError:
                    print("refused", flush=True)
            ''')
            interpreters.destroy(other)
            import stm
            print(stm.atomically(stm.TVar(1).get))
            """
        )
        self.assertEqual(output, "refused\n1\n")


if __name__ == "__main__":
    unittest.main()
