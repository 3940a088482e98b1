# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Executors where the process ends or forks."""

import unittest

from support import LIMIT, unless_forking_is_barred
from support_futures import ExecutorCase


class ProcessTest(ExecutorCase):
    def test_exit_runs_what_was_submitted(self):
        output, errors, _ = self.script(
            """
            import time
            from stm.futures import ThreadPoolExecutor
            executor = ThreadPoolExecutor(2)
            for i in range(5):
                executor.submit(
                    lambda i=i: (time.sleep(0.01), print(f"{i} ", end=""))
                )
            """
        )
        self.assertEqual((sorted(output.split()), errors), (list("01234"), ""))

    def test_exit_does_not_wait_for_idle_threads(self):
        _, errors, took = self.script(
            """
            from stm.futures import ThreadPoolExecutor
            executor = ThreadPoolExecutor(3, keep_alive=3600, min_workers=3)
            print(executor.submit(int).result())
            """
        )
        self.assertEqual(errors, "")
        self.assertLess(took, LIMIT / 2)

    def test_exit_lets_go_what_was_cancelled(self):
        output, errors, _ = self.script(
            """
            import threading
            from stm.futures import ThreadPoolExecutor
            executor, go = ThreadPoolExecutor(1), threading.Event()
            executor.submit(go.wait)
            future = executor.submit(print, "never")
            executor.shutdown(wait=False, cancel_futures=True)
            print(future.cancelled())
            go.set()
            """
        )
        self.assertEqual((output, errors), ("True\n", ""))

    @unless_forking_is_barred
    def test_the_child_of_a_fork_can_have_its_own(self):
        output, errors, _ = self.script(
            """
            import os, warnings
            from stm.futures import ThreadPoolExecutor
            warnings.simplefilter("ignore")
            executor = ThreadPoolExecutor(2)
            assert executor.submit(int).result() == 0
            child = os.fork()
            if child == 0:
                try:
                    executor.submit(int)
                except RuntimeError:
                    pass
                else:
                    raise AssertionError("expected RuntimeError")
                with ThreadPoolExecutor(2) as other:
                    assert list(other.map(int, "123")) == [1, 2, 3]
                print("child", flush=True)
                raise SystemExit
            status = os.waitpid(child, 0)[1]
            assert executor.submit(int).result() == 0
            print("parent", status)
            """
        )
        self.assertEqual((output, errors), ("child\nparent 0\n", ""))

    def test_a_task_that_forks_is_the_child_s_only_thread(self):
        output, errors, _ = self.script(
            """
            import os, warnings
            from stm.futures import ThreadPoolExecutor
            warnings.simplefilter("ignore")
            executor = ThreadPoolExecutor(2)

            def task():
                child = os.fork()
                if child == 0:
                    os._exit(7)
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

            print(executor.submit(task).result())
            """
        )
        self.assertEqual((output, errors), ("7\n", ""))


if __name__ == "__main__":
    unittest.main()
