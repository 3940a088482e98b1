# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Forks at any moment, and other interpreters beside this one."""

import importlib.util
import textwrap
import unittest

from support import Case, unless_forking_is_barred

HEAD = """
    import os, signal, stm.stats, sys, threading, traceback, warnings
    from stm import TVar, atomically, elapsed, or_else, retry
    from stm import eventloop, utils
    from stm.datatypes import *
    from stm.threadutils import ThreadPool
    warnings.simplefilter("ignore")  # newer ones warn of threads
    shared, items = TVar(0), TList(range(10))

    def use_variables():
        before, seen = atomically(shared.get), TList()
        watcher = utils.atomically_watch(shared.get, seen.append)
        atomically(lambda: (shared.set(before + 1), items.append(1)))
        assert atomically(lambda: list(seen)) == [before, before + 1]
        watcher.cancel()

    def use_threads():
        reply, late = TVar(0), TVar(0)
        thread = threading.Thread(
            target=atomically, args=(lambda: reply.set(1),)
        )
        thread.start()
        atomically(lambda: reply.get() or retry())
        thread.join()
        atomically(lambda: elapsed(0.001) or retry())
        utils.atomically_watch(lambda: elapsed(0.001), late.set)
        atomically(lambda: late.get() or retry())
        eventloop.schedule(lambda: atomically(lambda: reply.set(2)))
        atomically(lambda: reply.get() == 2 or retry())

    def use_pool():
        count, pool = TVar(0), ThreadPool(2, 60)
        for _ in range(5):
            pool.schedule(
                lambda: atomically(lambda: count.set(count.get() + 1))
            )
        pool.join()
        assert atomically(count.get) == 5

    def use():
        use_variables()
        use_threads()
        use_pool()

    def fork(work=use, leave=sys.exit):
        child = os.fork()
        if child == 0:
            be_child(work, leave)
        return child

    def be_child(work=use, leave=sys.exit):
        signal.alarm(40)
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        leave(0)

    def reap(*children):
        for child in children:
            status = os.waitpid(child, 0)[1]
            assert status == 0, os.waitstatus_to_exitcode(status)
"""


@unless_forking_is_barred
class ForkTest(Case):
    def forks(self, text):
        output, errors, _ = self.script(
            textwrap.dedent(HEAD) + textwrap.dedent(text)
        )
        self.assertEqual((output, errors), ("", ""))

    def test_of_an_idle_process(self):
        self.forks("reap(fork(), fork()); use(); reap(fork(use, os._exit))")

    def test_of_a_child(self):
        self.forks(
            """
            def child():
                use()
                reap(fork(use, os._exit))
                use()

            reap(fork(child))
            """
        )

    def test_inside_a_transaction(self):
        self.forks(
            """
            children, parent = [], os.getpid()

            def body():
                shared.value += 100
                children.append(os.fork())
                items.append(shared)

            for _ in range(5):
                try:
                    atomically(body)
                except RuntimeError as error:
                    assert os.getpid() != parent, error
                    assert "parent" in str(error), error
                    be_child()
                assert os.getpid() == parent
            assert atomically(shared.get) == 500
            reap(*children)
            use()
            """
        )

    def test_inside_a_nested_transaction_whose_errors_are_swallowed(self):
        self.forks(
            """
            children, parent = [], os.getpid()

            def nested():
                children.append(os.fork())
                shared.value += 1

            def body():
                try:
                    atomically(nested)
                except BaseException:
                    pass
                try:
                    return or_else(retry, lambda: "went on")
                except BaseException:
                    return "swallowed"

            try:
                assert atomically(body) == "went on"
                assert os.getpid() == parent
            except RuntimeError:
                assert os.getpid() != parent
                be_child()
            reap(*children)
            use()
            """
        )

    def test_during_other_threads_commits(self):
        self.forks(
            """
            variables, stop = [TVar(0) for _ in range(5)], []

            def body():
                values = {var.get() for var in variables}
                for var in variables:
                    var.value += 1
                items.append(items.pop(0))
                return values

            def work():
                while not stop:
                    atomically(body)

            def child():
                assert len(atomically(body)) == 1
                use()

            threads = [threading.Thread(target=work) for _ in range(3)]
            for thread in threads:
                thread.start()
            for _ in range(20):
                reap(fork(child, os._exit))
            reap(fork(child))
            stop.append(1)
            for thread in threads:
                thread.join()
            use()
            """
        )

    def test_from_a_task_of_a_pool(self):
        self.forks(
            """
            pool, good = ThreadPool(2, 60), TVar(0)

            def task():
                reap(fork(use, os._exit))
                atomically(lambda: good.set(good.get() + 1))

            for _ in range(6):
                pool.schedule(task)
            pool.join()
            assert atomically(good.get) == 6
            use()
            """
        )

    def test_from_a_task_of_a_pool_that_returns_in_the_child(self):
        self.forks(
            """
            pool, good = ThreadPool(2, 60), TVar(0)

            def task():
                child = os.fork()
                if child == 0:
                    signal.alarm(40)
                    use_variables()
                    return
                reap(child)
                atomically(lambda: good.set(good.get() + 1))

            for _ in range(3):
                pool.schedule(task)
            pool.join()
            assert atomically(good.get) == 3
            use()
            """
        )

    def test_from_a_loop_a_watcher_and_a_weak_reference_s_callback(self):
        self.forks(
            """
            class Thing:
                pass

            good = TVar(0)

            def task():
                reap(fork(use, os._exit))
                atomically(lambda: good.set(1))

            def late(over):
                if over:
                    reap(fork(int, os._exit))
                    good.set(2)

            def callback():
                reap(fork(int, os._exit))
                good.set(3)

            eventloop.schedule(task)
            atomically(lambda: good.get() == 1 or retry())
            utils.atomically_watch(lambda: elapsed(0.001), late)
            atomically(lambda: good.get() == 2 or retry())
            reference = stm.TWeakRef(Thing(), callback)
            atomically(lambda: good.get() == 3 or retry())
            use()
            """
        )

    def test_beside_threads_that_wait(self):
        self.forks(
            """
            go, woken = TVar(0), TVar(0)

            def wait():
                atomically(lambda: go.get() or retry())
                atomically(lambda: woken.set(woken.get() + 1))

            def child():
                atomically(lambda: go.set(1))
                use()
                assert atomically(woken.get) == 0

            threads = [threading.Thread(target=wait) for _ in range(5)]
            for thread in threads:
                thread.start()
            while stm.stats.read()["retries"] < 5:
                os.sched_yield()
            reap(fork(child), fork(child, os._exit))
            assert atomically(lambda: (go.get(), woken.get())) == (0, 0)
            atomically(lambda: go.set(1))
            for thread in threads:
                thread.join()
            assert atomically(woken.get) == 5
            use()
            """
        )

    def test_with_watchers_that_wait_for_a_time(self):
        self.forks(
            """
            due = TVar(0)

            def tick(over):
                if over:
                    due.value += 1

            for _ in range(5):
                utils.atomically_watch(lambda: elapsed(0.05), tick)
                utils.atomically_watch(lambda: elapsed(3600), tick)
            reap(fork(), fork(leave=os._exit))
            atomically(lambda: due.get() == 5 or retry())
            reap(fork())
            use()
            """
        )


class InterpreterTest(Case):
    def test_one_that_comes_and_goes_does_no_harm(self):
        names = ("_interpreters", "_xxsubinterpreters")
        name = next(filter(importlib.util.find_spec, names), None)
        if name is None:
            self.skipTest("no module to make interpreters with")
        _, errors, _ = self.script(
            f"""
            import {name} as interpreters
            import stm, threading
            from stm import utils
            var, stop = stm.TVar(0), []

            def body():
                # To wait lets the GIL go, for which one interpreter does not
                # ask another in all versions.
                stm.elapsed(0.0001) or stm.retry()
                var.value += 1

            def work():
                while not stop:
                    stm.atomically(body)

            thread = threading.Thread(target=work)
            thread.start()
            for _ in range(5):
                other = interpreters.create()
                interpreters.run_string(other, '''if True:
                    for _ in range(3):
                        try:
                            import stm
                        except ImportError:
                            pass
                        else:
                            raise SystemError("imported")
                ''')
                interpreters.destroy(other)
                late = stm.TVar(0)
                utils.atomically_watch(lambda: stm.elapsed(0.001), late.set)
                stm.atomically(lambda: late.get() or stm.retry())
            stop.append(1)
            thread.join()
            """
        )
        self.assertEqual(errors, "")


if __name__ == "__main__":
    unittest.main()
