# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""CPython's own tests of thread pools and futures, aimed at other classes.

Up to 3.11 they are one module, later a package.  What concerns pools of
processes is left out.
"""

import concurrent.futures
import sys
import sysconfig
import threading
import types
import unittest
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any
from unittest import mock

from conformance import load
from support import unless_forking_is_barred

suite = load("test_concurrent_futures")
if hasattr(suite, "__path__"):
    _names = "as_completed", "future", "init", "shutdown", "thread_pool", "wait"
    helpers = load("test_concurrent_futures.util")
    modules = [load(f"test_concurrent_futures.test_{name}") for name in _names]
    set_up_module = helpers.setup_module
else:
    helpers, modules = suite, [suite]
    set_up_module = suite.setUpModule

from test import support  # noqa: E402

# They would print how long each test takes.
support.verbose = 0

HAS_GIL = not sysconfig.get_config_var("Py_GIL_DISABLED")

# The cases that there must be.
CASES = {
    "FutureTests",
    "ThreadPoolAsCompletedTest",
    "ThreadPoolExecutorTest",
    "ThreadPoolFailingInitializerTest",
    "ThreadPoolInitializerTest",
    "ThreadPoolShutdownTest",
    "ThreadPoolWaitTests",
}


def make_future_maker(future_type: type[Future[Any]]) -> Callable[..., Any]:
    """The helper of the tests that makes a future of any state.

    Theirs writes the state into the future; this one brings it about.
    """

    def create_future(
        state: str = helpers.PENDING,
        exception: BaseException | None = None,
        result: object = None,
    ) -> Future[Any]:
        future = future_type()
        if state in (helpers.CANCELLED, helpers.CANCELLED_AND_NOTIFIED):
            future.cancel()
        if state in (helpers.RUNNING, helpers.CANCELLED_AND_NOTIFIED):
            future.set_running_or_notify_cancel()
        if state == helpers.FINISHED and exception is not None:
            future.set_exception(exception)
        elif state == helpers.FINISHED:
            future.set_result(result)
        if future._state != state:
            raise AssertionError(f"expected {state}, not {future._state}")
        return future

    return create_future


def make_script_runner(executor_type: type) -> Callable[..., Any]:
    """The helper of the tests that runs a script, which imports the class."""
    name = executor_type.__name__
    standard = f"from concurrent.futures import {name}\n"
    other = f"from {executor_type.__module__} import {name}\n"
    # It runs without the environment that says where to find modules.
    paths = f"import sys; sys.path[:] = {sys.path!r}\n"
    run: Callable[..., Any] = load("support.script_helper").assert_python_ok

    def assert_python_ok(option: str, script: str) -> Any:
        if standard not in script:
            raise AssertionError(f"expected a script with {standard!r}")
        return run(option, paths + script.replace(standard, other))

    return assert_python_ok


def _substitutes(
    executor_type: type, future_type: type[Future[Any]]
) -> Iterator[tuple[str, object]]:
    futures = types.ModuleType("futures")
    vars(futures).update(vars(concurrent.futures))
    futures.ProcessPoolExecutor = concurrent.futures.ProcessPoolExecutor
    futures.ThreadPoolExecutor = executor_type
    futures.Future = future_type
    yield "futures", futures
    yield "Future", future_type
    yield "assert_python_ok", make_script_runner(executor_type)

    create_future = make_future_maker(future_type)
    yield "create_future", create_future
    yield "PENDING_FUTURE", create_future(helpers.PENDING)
    yield "RUNNING_FUTURE", create_future(helpers.RUNNING)
    yield "CANCELLED_FUTURE", create_future(helpers.CANCELLED)
    yield "CANCELLED_AND_NOTIFIED_FUTURE", create_future(
        helpers.CANCELLED_AND_NOTIFIED
    )
    yield "EXCEPTION_FUTURE", create_future(helpers.FINISHED, OSError())
    yield "SUCCESSFUL_FUTURE", create_future(helpers.FINISHED, None, 42)


class LeavesNoThread:
    """A case that fails where CPython's only warns of threads left behind."""

    def setUp(self) -> None:
        support.environment_altered = False
        super().setUp()

    def tearDown(self) -> None:
        super().tearDown()
        self.assertFalse(
            support.environment_altered, "expected no thread to be left"
        )


class EndsByCalls:
    """The one test of FutureTests that writes a future's state, without."""

    def test_exception_with_success(self) -> None:
        future, error = helpers.create_future(), OSError()
        thread = threading.Thread(target=future.set_exception, args=[error])
        thread.start()
        self.assertIs(future.exception(support.SHORT_TIMEOUT), error)
        thread.join()


class CollectsAgain:
    """Where there is no GIL, collections while a result is to vanish.

    There, an object that another thread than its maker lets go of last, while
    the maker sleeps, stays until a collection, of which the test has one; the
    standard pool of threads then fails it, too, though less often.
    """

    def test_free_reference(self) -> None:
        def retry(*args: Any) -> Iterator[None]:
            for turn in once(*args):
                yield turn
                support.gc_collect()

        once = support.sleeping_retry
        with mock.patch.object(support, "sleeping_retry", retry):
            super().test_free_reference()


class ForksOnlyWhereItMay:
    """The one test that forks, while a worker submits without end."""

    @unless_forking_is_barred
    def test_hang_global_shutdown_lock(self) -> None:
        super().test_hang_global_shutdown_lock()


def cases(
    executor_type: type, future_type: type[Future[Any]]
) -> dict[str, type[unittest.TestCase]]:
    """The cases by name, with these classes in the standard ones' place."""
    substitutes = dict(_substitutes(executor_type, future_type))
    found = {}
    for module in {helpers, *modules}:
        for name in substitutes.keys() & vars(module).keys():
            setattr(module, name, substitutes[name])
    for module in modules:
        for name in CASES & vars(module).keys():
            bases = (getattr(module, name),)
            if name == "FutureTests":
                bases = (EndsByCalls, *bases)
            if name == "ThreadPoolExecutorTest":
                bases = (ForksOnlyWhereItMay, *bases)
                if not HAS_GIL:
                    bases = (CollectsAgain, *bases)
            found[name] = type(
                name,
                (LeavesNoThread, *bases),
                {"__module__": __name__, "executor_type": executor_type},
            )
    if missing := CASES - found.keys():
        raise AssertionError(f"expected CPython's tests to have {missing}")
    return found
