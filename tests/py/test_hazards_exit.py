# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Threads that are still at it when the interpreter ends."""

import unittest

from support import Case


class ExitTest(Case):
    def silent(self, text, output=""):
        printed, errors, took = self.script(text)
        self.assertEqual((printed, errors), (output, ""))
        self.assertLess(took, 40)

    def test_threads_that_wait_for_each_other_end_before_it(self):
        self.silent(
            """
            import atexit, threading
            from stm import TVar, atomically, retry
            turn = TVar(0)

            def work(number):
                def body():
                    if turn.get() % 3 != number:
                        retry()
                    turn.value += 1

                for _ in range(100):
                    atomically(body)

            atexit.register(lambda: print(atomically(turn.get)))
            for number in range(3):
                threading.Thread(target=work, args=(number,)).start()
            """,
            "300\n",
        )

    def test_daemon_threads_inside_transactions_do_no_harm(self):
        bodies = (
            "while True: pass",
            "var.value += 1",
            "for v in variables: v.value += 1",
            "var.set(0); other.set([Noisy()])",
            "elapsed(0.0001) or retry()",
            "items.append(1); items.sort(); len(items) < 99 or items.clear()",
            "eventloop.schedule(int)",
            "utils.atomically_watch(lambda: elapsed(0.001), int)",
            "TWeakRef(Noisy(), int)",
            "queue.put(1); queue.new_endpoint(); var.set(1)",
        )
        for body in bodies:
            with self.subTest(body):
                self.silent(
                    f"""
                    import atexit, os, sys, threading
                    from stm import *
                    from stm import eventloop, utils
                    from stm.datatypes import *
                    sys.setswitchinterval(1e-5)
                    sys.unraisablehook = lambda info: None
                    threading.excepthook = lambda info: None
                    var, other, items = TVar(0), TVar(0), TList()
                    queue = BroadcastQueue()
                    variables = [TVar(0) for _ in range(20)]

                    class Noisy:
                        def __del__(self, atomically=atomically, var=TVar(0)):
                            atomically(lambda: var.set(var.get() + 1))

                    begun = []

                    def body():
                        begun.append(1)
                        {body}

                    def work():
                        while True:
                            atomically(body)

                    for _ in range(4):
                        threading.Thread(target=work, daemon=True).start()
                    while len(begun) < 4:
                        os.sched_yield()
                    late = [Noisy() for _ in range(100)]

                    @atexit.register
                    def at_exit(variables=variables):
                        atomically(lambda: [v.set(0) for v in variables])
                    """
                )

    def test_what_pools_and_loops_are_given_is_done_before_it(self):
        self.silent(
            """
            import atexit
            from stm import TVar, atomically, on_commit
            done = TVar(())

            def note(what):
                atomically(lambda: done.set(done.get() + (what,)))

            @atexit.register  # before the loop's own, and so after it
            def report():
                counts = atomically(done.get)
                print([counts.count(what) for what in "trcl"])

            from stm import eventloop
            from stm.threadutils import ThreadPool
            pool = ThreadPool(3, 60)

            def task():
                note("t")

                @atomically
                def _():
                    note("r")
                    on_commit(lambda: note("c"))
                    eventloop.schedule(lambda: note("l"))

            for number in range(50):
                pool.schedule(task)
            """,
            "[50, 50, 50, 50]\n",
        )

    def test_a_pool_made_after_that_ends_at_once(self):
        for made in (
            "threadutils.ThreadPool(2, None, min_threads=2)",
            "threadutils.ThreadPool(2, None, TList([int]))",
            "futures.ThreadPoolExecutor(2, min_workers=2, keep_alive=None)",
        ):
            self.silent(
                f"""
                import atexit
                from stm import futures, threadutils
                from stm.datatypes import TList

                @atexit.register
                def last():
                    global kept
                    kept = {made}
                    print("made")
                """,
                "made\n",
            )



if __name__ == "__main__":
    unittest.main()
