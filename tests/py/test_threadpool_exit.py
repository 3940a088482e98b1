# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Tasks that the interpreter's exit meets, of pools and of executors."""

import signal
import unittest

from support import Case

PREAMBLES = {
    "ThreadPool": """
        from stm.threadutils import ThreadPool
        give = ThreadPool(1, 60).schedule
        """,
    "ThreadPoolExecutor": """
        from stm.futures import ThreadPoolExecutor
        give = ThreadPoolExecutor(1).submit
        """,
}
EXITING = """
        import os, signal, sys, threading, time
        exiting = threading.Event()
        threading._register_atexit(
            lambda: (print("exiting", flush=True), exiting.set()))
        """


class ExitTest(Case):
    """The interpreter exits while a task runs."""

    def for_both(self, text, wanted, **keywords):
        for name, preamble in PREAMBLES.items():
            with self.subTest(name):
                output, errors, _ = self.script(
                    preamble + EXITING + text, **keywords
                )
                self.assertEqual(output.split("\n")[:-1], wanted)
                self.assertNotIn("Fatal", errors)

    def test_exit_waits_for_a_task_and_for_what_is_queued(self):
        self.for_both(
            """
        def task():
            exiting.wait(60)
            time.sleep(0.05)
            print("task ends", flush=True)
        give(task)
        give(lambda: print("next", flush=True))
            """,
            ["exiting", "task ends", "next"],
        )

    def interrupt_at_exit(self, prelude=""):
        """Exit while a task runs for ever, and interrupt that."""
        self.for_both(
            prelude
            + """
        signal.signal(signal.SIGINT, signal.default_int_handler)
        begun = threading.Event()
        def task():
            begun.set()
            while True:
                time.sleep(0.001)
        give(task)
        begun.wait(60)
            """,
            ["exiting"],
            signal_after="exiting",
            signal=signal.SIGINT,
        )

    def test_a_task_that_runs_for_ever_is_abandoned_at_an_interrupt(self):
        self.interrupt_at_exit()

    def test_a_watcher_does_not_run_on_a_thread_that_is_abandoned(self):
        self.interrupt_at_exit(
            """
        from stm import utils
        pool = give.__self__
        pool = getattr(pool, "_pool", pool)
        watcher = utils.atomically_watch(
            lambda: pool.stats(), lambda stats: [str(n) for n in range(20)]
        )
            """
        )

    def test_os_exit_does_not_wait(self):
        self.for_both(
            """
        begun = threading.Event()
        def task():
            begun.set()
            while True:
                time.sleep(1)
        give(task)
        begun.wait(60)
        os._exit(3)
            """,
            [],
            status=3,
        )

    def test_a_signal_that_is_not_handled_ends_it(self):
        self.for_both(
            """
        begun = threading.Event()
        def task():
            begun.set()
            while True:
                time.sleep(1)
        give(task)
        begun.wait(60)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
            """,
            [],
            status=-signal.SIGTERM,
        )

    def test_a_task_of_the_exit_may_schedule_no_more(self):
        self.for_both(
            """
        def task():
            exiting.wait(60)
            while True:
                try:
                    give(int)
                except RuntimeError:
                    print("refused", flush=True)
                    return
        give(task)
            """,
            ["exiting", "refused"],
        )


if __name__ == "__main__":
    unittest.main()
