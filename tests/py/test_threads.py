# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import contextlib
import gc
import io
import os
import signal
import sys
import threading
import unittest
import weakref

import stm
import stm.stats
from stm import TVar, atomically, in_transaction, or_else, retry
from stm.threadutils import FINISHED, NEW, RUNNING, STARTED, Thread
from stm.timeout import Timeout
from stm.utils import atomically_watch, changes_only, would_block
from support import LIMIT, Case, Notes, Unraisable, unless_forking_is_barred


class Hook:
    """Collects what goes to threading.excepthook()."""

    def __enter__(self):
        self.seen = []
        self._hook = threading.excepthook
        threading.excepthook = lambda args: self.seen.append(
            (args.exc_type, args.exc_value, args.thread)
        )
        return self.seen

    def __exit__(self, *unused):
        threading.excepthook = self._hook


class NoThreads:
    """Has the system give no thread: none has room for such a stack."""

    def __enter__(self):
        self._size = threading.stack_size(1 << 50)

    def __exit__(self, *unused):
        threading.stack_size(self._size)


class ThreadTest(Case):
    def test_states_follow_each_other(self):
        go, states = TVar(False), Notes()
        thread = Thread(lambda: atomically(lambda: go.get() or retry()))
        atomically_watch(lambda: thread.state, changes_only(states.append))
        self.assertEqual(thread.state, NEW)
        thread.start()
        self.assertIn(thread.state, (STARTED, RUNNING))
        atomically(lambda: thread.state == RUNNING or retry())
        atomically(lambda: go.set(True))
        thread.join(LIMIT)
        self.assertEqual(thread.state, FINISHED)
        self.assertEqual(states, [NEW, STARTED, RUNNING, FINISHED])

    def test_states_differ(self):
        self.assertEqual(len({NEW, STARTED, RUNNING, FINISHED}), 4)

    def test_runs_the_target_on_a_thread_of_its_own(self):
        seen = []
        thread = Thread(
            lambda: seen.append((threading.get_ident(), in_transaction()))
        )
        thread.start()
        thread.join(LIMIT)
        self.assertEqual(len(seen), 1)
        self.assertNotEqual(seen[0][0], threading.get_ident())
        self.assertFalse(seen[0][1])

    def test_run_may_be_overridden(self):
        class Counting(Thread):
            def __init__(self, count):
                super().__init__()
                self.count = count
                self.seen = TVar(0)

            def run(self):
                for i in range(atomically(lambda: self.count)):
                    atomically(lambda: self.seen.set(i + 1))

        thread = atomically(lambda: Counting(3))
        thread.start()
        thread.join(LIMIT)
        self.assertEqual(atomically(lambda: thread.seen.get()), 3)

    def test_a_target_that_is_false_is_run(self):
        class Falsy(list):
            def __call__(self):
                atomically(lambda: seen.set(True))

        seen = TVar(False)
        thread = Thread(Falsy())
        thread.start()
        thread.join(LIMIT)
        self.assertTrue(atomically(seen.get))

    def test_started_in_a_transaction_starts_after_it(self):
        seen = TVar(None)
        var = TVar(0)

        @atomically
        def thread():
            var.set(1)
            thread = Thread(lambda: atomically(lambda: seen.set(var.get())))
            thread.start()
            self.assertEqual(thread.state, STARTED)
            self.assertIsNone(seen.get())
            return thread

        thread.join(LIMIT)
        self.assertEqual(atomically(seen.get), 1)

    def test_started_in_a_transaction_that_fails_does_not_start(self):
        seen = TVar(False)
        thread = Thread(lambda: atomically(lambda: seen.set(True)))

        def body():
            thread.start()
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        self.assertEqual(thread.state, NEW)
        thread.start()
        thread.join(LIMIT)
        self.assertTrue(atomically(seen.get))

    def test_started_in_a_branch_that_retries_does_not_start(self):
        undone, done = Thread(self.fail), Thread(int)

        def first():
            undone.start()
            retry()

        atomically(lambda: or_else(first, done.start))
        done.join(LIMIT)
        self.assertEqual((undone.state, done.state), (NEW, FINISHED))

    def test_started_by_a_watcher(self):
        wanted, threads = TVar(0), Notes()

        def start(count):
            for _ in range(count):
                thread = Thread(int)
                thread.start()
                threads.append(thread)

        atomically_watch(wanted.get, start)
        atomically(lambda: wanted.set(3))
        started = atomically(lambda: list(threads._items))
        self.assertEqual(len(started), 3)
        for thread in started:
            thread.join(LIMIT)

    def test_starts_once_whoever_starts_it(self):
        count, refused = TVar(0), TVar(0)
        thread = Thread(lambda: atomically(lambda: count.set(count.get() + 1)))

        def start():
            try:
                thread.start()
            except RuntimeError:
                atomically(lambda: refused.set(refused.get() + 1))

        self.join(*[self.start(start) for _ in range(4)])
        thread.join(LIMIT)
        self.assertEqual(atomically(count.get), 1)
        self.assertEqual(atomically(refused.get), 3)
        with self.assertRaisesRegex(RuntimeError, "once"):
            thread.start()

    def test_has_a_name_and_may_be_a_daemon(self):
        names = []
        thread = Thread(
            lambda: names.append(threading.current_thread().name),
            name="worker",
            daemon=True,
        )
        self.assertEqual((thread.name, thread.daemon), ("worker", True))
        self.assertIn("'worker'", repr(thread))
        thread.start()
        thread.join(LIMIT)
        self.assertEqual(names, ["worker"])
        self.assertRegex(Thread().name, r"^Thread-\d+$")
        self.assertFalse(Thread().daemon)

    def test_one_that_a_daemon_makes_is_none(self):
        made = []
        thread = Thread(lambda: made.append(Thread()), daemon=True)
        thread.start()
        thread.join(LIMIT)
        self.assertFalse(made[0].daemon)

    def test_that_nobody_holds_runs(self):
        seen = TVar(False)
        Thread(lambda: atomically(lambda: seen.set(True))).start()
        atomically(lambda: seen.get() or retry())

    def test_that_is_never_started_is_collected(self):
        class Target:
            def __call__(self):
                pass

        target = Target()
        target.thread = Thread(target)
        reference = weakref.ref(target)
        del target
        gc.collect()
        gc.collect()
        self.assertIsNone(reference())


class JoinTest(Case):
    def test_raises_timeout(self):
        go = TVar(False)
        thread = Thread(lambda: atomically(lambda: go.get() or retry()))
        thread.start()
        with self.assertRaises(Timeout):
            thread.join(0.01)
        atomically(lambda: go.set(True))
        thread.join()
        thread.join(0)

    def test_retries_in_a_transaction(self):
        go = TVar(False)
        thread = Thread(lambda: atomically(lambda: go.get() or retry()))
        thread.start()
        self.assertTrue(would_block(thread.join))
        atomically(lambda: go.set(True))
        atomically(thread.join)
        self.assertEqual(thread.state, FINISHED)

    def test_of_the_first_that_finishes(self):
        go = TVar(False)
        slow = Thread(lambda: atomically(lambda: go.get() or retry()))
        quick = Thread(int)
        slow.start()
        quick.start()
        first = atomically(
            lambda: or_else(
                lambda: (slow.join(), slow)[1], lambda: (quick.join(), quick)[1]
            )
        )
        self.assertIs(first, quick)
        atomically(lambda: go.set(True))
        slow.join(LIMIT)

    def test_comes_after_the_exception_was_reported(self):
        seen = []

        def report(args):
            for _ in range(1000):  # who did not wait would be ahead
                os.sched_yield()
            seen.append(args.exc_type)

        with Hook():
            threading.excepthook = report
            thread = Thread(lambda: 1 / 0)
            thread.start()
            thread.join(LIMIT)
            self.assertEqual(seen, [ZeroDivisionError])

    def test_of_one_not_started_or_of_itself_is_an_error(self):
        thread = Thread(lambda: thread.join())
        with self.assertRaisesRegex(RuntimeError, "started"):
            thread.join()
        with Hook() as seen:
            thread.start()
            thread.join(LIMIT)
        self.assertIs(seen[0][0], RuntimeError)
        self.assertRegex(str(seen[0][1]), "itself")


class FailureTest(Case):
    def test_what_run_raises_goes_to_the_excepthook(self):
        error = KeyError("lost")

        def fail():
            raise error

        with Hook() as seen:
            thread = Thread(fail, name="failing")
            thread.start()
            thread.join(LIMIT)
        self.assertEqual(thread.state, FINISHED)
        ((kind, value, real),) = seen
        self.assertIs(kind, KeyError)
        self.assertIs(value, error)
        self.assertEqual(real.name, "failing")

    def test_an_exit_in_it_ends_it_silently(self):
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            thread = Thread(sys.exit)
            thread.start()
            thread.join(LIMIT)
        self.assertEqual(errors.getvalue(), "")
        self.assertEqual(thread.state, FINISHED)

    def test_without_a_target_run_raises(self):
        with Hook() as seen:
            thread = Thread()
            thread.start()
            thread.join(LIMIT)
        self.assertIs(seen[0][0], RuntimeError)
        self.assertRegex(str(seen[0][1]), "override")

    def test_one_that_cannot_be_had_is_an_error_and_new_again(self):
        seen = TVar(0)
        thread = Thread(
            lambda: atomically(lambda: seen.set(seen.get() + 1)), name="tried"
        )
        with NoThreads():
            for _ in range(2):
                with self.assertRaisesRegex(RuntimeError, "new thread"):
                    thread.start()
                self.assertEqual(thread.state, NEW)
        thread.start()
        thread.join(LIMIT)
        self.assertEqual(atomically(seen.get), 1)
        self.assertEqual(thread.name, "tried")

    def test_one_that_a_transaction_cannot_have_is_reported(self):
        var = TVar(0)
        thread = Thread(int)

        def body():
            var.set(1)
            thread.start()

        with NoThreads(), Unraisable() as errors:
            atomically(body)
        self.assertEqual(len(errors), 1)
        self.assertIsInstance(errors[0], RuntimeError)
        self.assertEqual(thread.state, NEW)
        self.assertEqual(atomically(var.get), 1)
        thread.start()
        thread.join(LIMIT)

    def test_who_waits_for_one_that_cannot_be_had_is_told(self):
        thread = Thread(int)

        def wait():
            atomically(lambda: thread.state == STARTED or retry())
            with self.assertRaisesRegex(RuntimeError, "started"):
                thread.join()

        def fail():
            before = stm.stats.read()["retries"]
            waiting.append(self.start(wait))
            self.blocked(1, before)
            raise RuntimeError("can't start new thread")

        waiting = []
        thread._thread.start = fail
        with self.assertRaises(RuntimeError):
            thread.start()
        self.join(*waiting)


class ExitTest(Case):
    def test_the_interpreter_waits(self):
        output, errors, _ = self.script(
            """
            import stm, stm.threadutils
            go = stm.TVar(False)
            def late():
                stm.atomically(lambda: stm.elapsed(0.1) or stm.retry())
                print("done", flush=True)
            stm.atomically(stm.threadutils.Thread(late).start)
            """
        )
        self.assertEqual(output, "done\n")
        self.assertEqual(errors, "")

    def test_an_interrupt_ends_the_wait_for_a_thread(self):
        output, errors, took = self.script(
            """
            import stm, stm.threadutils
            go = stm.TVar(False)
            thread = stm.threadutils.Thread(
                lambda: stm.atomically(lambda: go.get() or stm.retry())
            )
            thread.start()
            try:
                print("waiting", flush=True)
                thread.join()
            except KeyboardInterrupt:
                print("interrupted", flush=True)
            stm.atomically(lambda: go.set(True))
            """,
            signal_after="waiting",
            signal=signal.SIGINT,
        )
        self.assertEqual(output, "waiting\ninterrupted\n")
        self.assertEqual(errors, "")
        self.assertLess(took, LIMIT / 2)

    def test_the_interpreter_does_not_wait_for_a_daemon(self):
        _, errors, took = self.script(
            """
            import stm, stm.threadutils
            var = stm.TVar()
            thread = stm.threadutils.Thread(
                lambda: stm.atomically(lambda: var.get() or stm.retry()),
                daemon=True,
            )
            thread.start()
            stm.atomically(
                lambda: thread.state == stm.threadutils.RUNNING or stm.retry()
            )
            """
        )
        self.assertEqual(errors, "")
        self.assertLess(took, LIMIT / 2)

    @unless_forking_is_barred
    def test_in_a_forked_child_the_others_have_finished(self):
        output, errors, _ = self.script(
            """
            import os, stm, sys, warnings
            from stm.threadutils import FINISHED, RUNNING, Thread
            warnings.simplefilter("ignore")  # newer ones warn of threads
            go = stm.TVar(False)
            wait = lambda: stm.atomically(lambda: go.get() or stm.retry())
            other = Thread(wait)
            other.start()
            new = Thread(lambda: print("new", flush=True))

            def fork():
                child = os.fork()
                if child == 0:
                    if (other.state, this.state) == (FINISHED, RUNNING):
                        other.join()
                        new.start()
                        new.join()
                    os._exit(0)
                os.waitpid(child, 0)
                print(other.state == RUNNING, flush=True)

            stm.atomically(lambda: other.state == RUNNING or stm.retry())
            this = Thread(fork)
            this.start()
            this.join()
            stm.atomically(lambda: go.set(True))
            """
        )
        self.assertEqual(output, "new\nTrue\n")
        self.assertEqual(errors, "")


if __name__ == "__main__":
    unittest.main()
