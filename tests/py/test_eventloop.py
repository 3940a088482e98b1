# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import gc
import signal
import threading
import unittest
import weakref

import stm
from stm import TVar, atomically
from stm.eventloop import EventLoop, default_event_loop, schedule
from stm.eventloop import scheduled_function
from support import Case, LIMIT, Unraisable


class EventLoopTest(Case):
    def flush(self, loop=default_event_loop):
        """Wait until all has run that was scheduled before."""
        done = threading.Event()
        loop.schedule(done.set)
        self.assertTrue(done.wait(LIMIT), "expected the loop to run")

    def test_runs_after_the_commit_outside_of_transactions(self):
        seen = []

        @atomically
        def _():
            schedule(lambda: seen.append(stm.in_transaction()))
            self.assertEqual(seen, [])

        self.flush()
        self.assertEqual(seen, [False])

    def test_runs_in_the_order_of_commits(self):
        seen, count = [], TVar(0)

        def body():
            number = count.value
            count.value = number + 1
            schedule(lambda: seen.append(number))

        def work():
            for _ in range(200):
                atomically(body)

        self.join(*[self.start(work) for _ in range(4)])
        self.flush()
        self.assertEqual(seen, list(range(800)))

    def test_an_abort_schedules_nothing(self):
        seen = []

        def body():
            schedule(lambda: seen.append(1))
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        self.flush()
        self.assertEqual(seen, [])

    def test_goes_on_after_any_exception(self):
        seen = []

        def leave():
            raise SystemExit

        with Unraisable() as errors:
            schedule(lambda: 1 / 0)
            schedule(leave)
            schedule(lambda: seen.append(1))
            self.flush()
        self.assertEqual(seen, [1])
        self.assertEqual(
            [type(error) for error in errors], [ZeroDivisionError, SystemExit]
        )

    def test_a_scheduled_function_passes_its_arguments_on(self):
        seen = []

        @scheduled_function
        def note(*args, **kwargs):
            """Note."""
            seen.append((args, kwargs))

        self.assertIsNone(note(1, two=2))
        self.assertEqual((note.__name__, note.__doc__), ("note", "Note."))
        self.flush()
        self.assertEqual(seen, [((1,), {"two": 2})])

    def test_what_runs_may_schedule_and_run_transactions(self):
        seen, var = [], TVar(1)
        schedule(lambda: schedule(lambda: seen.append(atomically(var.get))))
        self.flush()
        self.flush()
        self.assertEqual(seen, [1])

    def test_one_thread_runs_everything(self):
        names = []
        for _ in range(3):
            schedule(lambda: names.append(threading.current_thread().name))
        self.flush()
        self.assertEqual(set(names), {"stm.eventloop.EventLoop"})

    def test_a_loop_of_one_s_own_runs_and_stops(self):
        loop, seen = EventLoop(), []
        loop.schedule(lambda: seen.append(1))
        loop.stop()
        loop.run()
        self.assertEqual(seen, [1])
        with self.assertRaises(RuntimeError):
            loop.schedule(lambda: seen.append(2))

    def test_stop_belongs_to_the_transaction(self):
        loop, seen = EventLoop(), []

        def body():
            loop.stop()
            raise KeyError

        with self.assertRaises(KeyError):
            atomically(body)
        loop.schedule(lambda: seen.append(1))
        loop.start()
        loop.start()
        self.flush(loop)
        self.assertEqual(seen, [1])
        atomically(loop.stop)

    def test_cannot_start_or_run_in_a_transaction(self):
        loop = EventLoop()
        with self.assertRaises(RuntimeError):
            atomically(loop.start)
        with self.assertRaises(RuntimeError):
            atomically(loop.run)

    def test_needs_something_callable(self):
        with self.assertRaises(TypeError):
            schedule(None)

    def test_a_loop_that_never_ran_is_let_go(self):
        def body():
            loop = EventLoop()
            loop.schedule(print)

        body()
        atomically(body)

    def test_one_that_what_is_scheduled_refers_to_is_collected(self):
        class Thing:
            pass

        def body():
            loop, thing = EventLoop(), Thing()
            thing.loop = loop
            loop.schedule(lambda: thing)
            gc.collect()
            return loop, weakref.ref(thing)

        loop, reference = body()
        self.assertIsNotNone(reference(), "expected the loop to keep it")
        del loop
        gc.collect()
        self.assertIsNone(reference(), "expected the cycle to be collected")


class ExitTest(Case):
    def test_what_was_scheduled_still_runs_at_exit(self):
        output, _, _ = self.script(
            """
            import stm, stm.eventloop, time
            stm.eventloop.schedule(lambda: time.sleep(0.1))
            for i in range(5):
                stm.eventloop.schedule(lambda i=i: print(i))
            """
        )
        self.assertEqual(output.split(), list("01234"))

    def test_what_was_scheduled_on_a_loop_nobody_holds_still_runs(self):
        output, _, _ = self.script(
            """
            import threading, stm.eventloop
            let_go = threading.Event()

            def schedule():
                loop = stm.eventloop.EventLoop()
                loop.start()
                loop.schedule(let_go.wait)
                loop.schedule(lambda: print("ran"))

            schedule()
            threading._register_atexit(let_go.set)
            """
        )
        self.assertEqual(output, "ran\n")

    def test_what_a_thread_schedules_during_shutdown_still_runs(self):
        output, _, _ = self.script(
            """
            import stm, stm.eventloop, threading
            def work():
                threading.main_thread().join()
                stm.eventloop.schedule(lambda: print("ran"))
            threading.Thread(target=work).start()
            """
        )
        self.assertEqual(output, "ran\n")

    def test_what_an_exit_handler_schedules_still_runs(self):
        output, _, _ = self.script(
            """
            import atexit, stm.eventloop
            @atexit.register
            def _():
                stm.eventloop.schedule(lambda: print("ran"))
            """
        )
        self.assertEqual(output, "ran\n")

    def test_what_a_loop_schedules_on_the_default_loop_still_runs(self):
        output, _, _ = self.script(
            """
            import stm.eventloop, time
            stm.eventloop.schedule(lambda: None)

            class LastInAnySet(stm.eventloop.EventLoop):
                def __hash__(self):
                    return 2**60 - 1

            loop = LastInAnySet()
            loop.start()
            loop.schedule(lambda: time.sleep(0.1))
            loop.schedule(lambda: stm.eventloop.schedule(lambda: print("ran")))
            """
        )
        self.assertEqual(output, "ran\n")

    def test_a_daemon_that_runs_the_default_loop_does_no_harm(self):
        _, errors, _ = self.script(
            """
            import threading, stm.eventloop
            running = threading.Event()
            stm.eventloop.default_event_loop._loop.schedule(running.set)
            threading.Thread(
                target=stm.eventloop.default_event_loop.run, daemon=True
            ).start()
            running.wait()
            """
        )
        self.assertEqual(errors, "")

    def test_what_comes_after_the_end_of_the_default_loop_is_refused(self):
        output, _, _ = self.script(
            """
            import atexit

            @atexit.register
            def late():
                for _ in range(2):
                    try:
                        stm.eventloop.schedule(lambda: print("ran"))
                    except RuntimeError as error:
                        print(error)

            import stm.eventloop
            """
        )
        message = "cannot schedule after shutdown or stop\n"
        self.assertEqual(output, message * 2)

    def test_ctrl_c_ends_a_loop_that_the_main_thread_runs(self):
        output, errors, _ = self.script(
            """
            import os, stm.eventloop, stm.stats, threading
            loop = stm.eventloop.EventLoop()
            def announce():
                while not stm.stats.read()["retries"]:
                    os.sched_yield()
                print("blocked", flush=True)
            threading.Thread(target=announce).start()
            try:
                loop.run()
            except KeyboardInterrupt:
                print("interrupted")
            loop.schedule(lambda: print("again"))
            loop.stop()
            loop.run()
            """,
            signal_after="blocked",
            signal=signal.SIGINT,
        )
        self.assertEqual(output, "blocked\ninterrupted\nagain\n", errors)

    def test_a_program_that_schedules_nothing_has_no_thread(self):
        output, _, _ = self.script(
            """
            import stm.eventloop, threading
            print(threading.active_count())
            """
        )
        self.assertEqual(output, "1\n")


if __name__ == "__main__":
    unittest.main()
