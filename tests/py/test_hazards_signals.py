# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Signals whose handlers raise, or run transactions, at any moment."""

import signal
import textwrap
import unittest

from support import Case

STORM = """
    import os, signal, stm, stm.stats, sys, threading
    from stm import TVar, atomically, elapsed, or_else, retry
    from stm.datatypes import TList

    class Arrived(BaseException):
        pass

    class Storm:
        arrivals, armed = 0, False

        def __init__(self, wanted):
            self.wanted = wanted
            signal.signal(signal.SIGALRM, self.handle)
            signal.setitimer(signal.ITIMER_REAL, 0.00005, 0.00005)

        def handle(self, *unused):
            # Disarms itself, so that who has caught it is not hit again.
            if self.armed:
                self.armed = False
                self.arrivals += 1
                raise Arrived

        def run(self, function):
            while self.arrivals < self.wanted:
                try:
                    self.armed = True
                    function()
                    self.armed = False
                except Arrived:
                    pass
            signal.setitimer(signal.ITIMER_REAL, 0)
"""


class StormTest(Case):
    def storm(self, text):
        output, errors, _ = self.script(
            textwrap.dedent(STORM) + textwrap.dedent(text)
        )
        self.assertEqual((output, errors), ("", ""))

    def test_it_leaves_transactions_whole(self):
        self.storm(
            """
            x, y, items, mine = TVar(0), TVar(0), TList(), TVar(0)

            def add():
                x.value += 1
                items.append(x.value)
                atomically(lambda: y.set(y.get() + 1))
                del items[:-5]

            def check():
                assert x.value == y.value
                if x.value:
                    assert list(items)[-1] == x.value

            def step():
                before = atomically(x.get)
                atomically(add)
                assert atomically(x.get) > before
                atomically(check)

            def other():
                for i in range(5000):
                    atomically(lambda: mine.set(mine.get() + 1))
                    atomically(add)

            thread = threading.Thread(target=other)
            thread.start()
            Storm(10000).run(lambda: [step() for _ in range(100)])
            thread.join()
            atomically(check)
            assert atomically(mine.get) == 5000
            assert atomically(x.get) >= 5000
            counts = stm.stats.read()
            assert counts["attempts"] == sum(
                counts[name]
                for name in ("commits", "conflicts", "retries", "aborts")
            )
            """
        )

    def test_it_ends_waits_and_loses_no_wake_up(self):
        self.storm(
            """
            turn, over = TVar(0), TVar(False)

            def answer():
                if over.get():
                    return False
                if turn.get() % 2 == 0:
                    retry()
                turn.value += 1
                return True

            def other():
                while atomically(answer):
                    pass

            def ask():
                if turn.get() % 2:
                    retry()
                turn.value += 1

            def for_ever():
                var = TVar()
                atomically(lambda: var.get() or retry())

            threads = [threading.Thread(target=other) for _ in range(3)]
            for thread in threads:
                thread.start()
            Storm(2000).run(lambda: atomically(lambda: or_else(ask, retry)))
            Storm(500).run(for_ever)
            atomically(ask)
            atomically(lambda: over.set(True))
            for thread in threads:
                thread.join()
            """
        )

    def test_it_disturbs_no_watcher_and_no_pool(self):
        self.storm(
            """
            from stm.threadutils import ThreadPool
            from stm.utils import atomically_watch
            x, total, ran = TVar(0), TVar(0), TVar(0)
            atomically_watch(x.get, lambda value: total.set(value * 2))

            def add(var):
                var.value += 1

            def step():
                atomically(lambda: add(x))
                assert atomically(lambda: total.get() == 2 * x.get())

            Storm(2000).run(step)
            pool = ThreadPool(2, 1)
            Storm(1000).run(
                lambda: pool.schedule(lambda: atomically(lambda: add(ran)))
            )
            pool.join()
            assert atomically(ran.get) == pool.tasks_scheduled
            assert atomically(lambda: total.get() == 2 * x.get())
            """
        )


class InterruptTest(Case):
    def test_it_ends_a_wait_wherever_that_is(self):
        waits = {
            "alone": "retry()",
            "in a branch": "or_else(retry, retry)",
            "nested": "atomically(lambda: atomically(retry))",
            "with a time": "elapsed(3600) or retry()",
            "swallowed": "swallow()",
        }
        for name, wait in waits.items():
            with self.subTest(name):
                _, errors, took = self.script(
                    f"""
                    import os, stm.stats, threading
                    from stm import TVar, atomically, elapsed, or_else, retry
                    var = TVar()

                    def swallow():
                        try:
                            retry()
                        except BaseException:
                            pass

                    def tell():
                        while stm.stats.read()["retries"] < 1:
                            os.sched_yield()
                        print("blocked", flush=True)

                    threading.Thread(target=tell, daemon=True).start()
                    try:
                        atomically(lambda: [var.get(), {wait}])
                    except KeyboardInterrupt:
                        atomically(lambda: var.set(1))
                        assert atomically(var.get) == 1
                    else:
                        raise SystemExit("expected an interrupt")
                    """,
                    signal_after="blocked",
                    signal=signal.SIGINT,
                )
                self.assertEqual(errors, "")
                self.assertLess(took, 30)

    def test_a_handler_may_run_transactions_wherever_it_interrupts(self):
        _, errors, _ = self.script(
            """
            import signal, stm
            from stm import TVar, atomically, retry
            handled, x, y = TVar(0), TVar(0), TVar(0)
            outside = 0

            def handle(*unused):
                global outside
                outside += not stm.in_transaction()
                atomically(lambda: handled.set(handled.get() + 1))

            def body():
                x.value += 1
                y.value += 1

            signal.signal(signal.SIGALRM, handle)
            signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
            while outside < 500:
                atomically(body)
                atomically(lambda: handled.get() and x.get())
            seen = atomically(handled.get)
            atomically(lambda: handled.get() > seen + 100 or retry())
            signal.setitimer(signal.ITIMER_REAL, 0)
            assert atomically(handled.get) >= outside
            assert atomically(lambda: x.get() == y.get())
            """
        )
        self.assertEqual(errors, "")


if __name__ == "__main__":
    unittest.main()
