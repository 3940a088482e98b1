# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Random calls on a Future beside one of concurrent.futures."""

import concurrent.futures
import logging
import unittest

import model
from stm import atomically
from stm.futures import Future
from support_futures import undone

try:
    from hypothesis import strategies
    from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
except ImportError:
    raise unittest.SkipTest("hypothesis is not installed") from None

ERROR = ValueError("of the task")
CALLS = {
    "cancel": lambda future: future.cancel(),
    "begin": lambda future: future.set_running_or_notify_cancel(),
    "set_result": lambda future: future.set_result(1),
    "set_exception": lambda future: future.set_exception(ERROR),
}
QUESTIONS = {
    "cancelled": lambda future: future.cancelled(),
    "done": lambda future: future.done(),
    "exception": lambda future: future.exception(0),
    "repr": lambda future: repr(future).partition("state=")[2],
    "result": lambda future: future.result(timeout=0),
    "running": lambda future: future.running(),
    "state": lambda future: future._state,
}


def noting(calls, number):
    """A callback that notes its number."""
    return lambda future: calls.append((number, future.done()))


def come_of(function):
    """What came of a call: what it returned, or the type it raised."""
    try:
        return "returned", function()
    except Exception as error:
        return "raised", type(error)


class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        logging.getLogger("concurrent.futures").disabled = True
        self.future, self.calls = Future(), []
        self.twin, self.twins_calls = concurrent.futures.Future(), []
        self.number = 0

    def teardown(self):
        logging.getLogger("concurrent.futures").disabled = False

    def in_transaction(self, function):
        """What comes of it in a transaction, whether that commits or not."""
        found = []
        come_of(lambda: atomically(lambda: found.append(come_of(function))))
        return found[-1]

    @rule(name=strategies.sampled_from(sorted(CALLS)))
    def call(self, name):
        found = come_of(lambda: CALLS[name](self.future))
        expected = come_of(lambda: CALLS[name](self.twin))
        assert found == expected, f"expected {name} to have {expected}"

    @rule(name=strategies.sampled_from(sorted(CALLS)))
    def call_in_transaction(self, name):
        found = self.in_transaction(lambda: CALLS[name](self.future))
        expected = come_of(lambda: CALLS[name](self.twin))
        assert found == expected, f"expected {name} to have {expected}"

    @rule(name=strategies.sampled_from(sorted(CALLS)))
    def call_and_undo(self, name):
        undone(lambda: come_of(lambda: CALLS[name](self.future)))

    @rule(inside=strategies.booleans())
    def add_callback(self, inside):
        self.number += 1
        callback = noting(self.calls, self.number)
        if inside:
            atomically(lambda: self.future.add_done_callback(callback))
        else:
            self.future.add_done_callback(callback)
        self.twin.add_done_callback(noting(self.twins_calls, self.number))

    @invariant()
    def the_same(self):
        for name, ask in QUESTIONS.items():
            expected = come_of(lambda: ask(self.twin))
            for found in (
                come_of(lambda: ask(self.future)),
                self.in_transaction(lambda: ask(self.future)),
            ):
                assert found == expected, f"{name}: {found}, not {expected}"
        assert self.calls == self.twins_calls, (self.calls, self.twins_calls)


ModelTest = Machine.TestCase
ModelTest.settings = model.settings(12)


if __name__ == "__main__":
    unittest.main()
