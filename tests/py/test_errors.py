# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
import concurrent.futures
import re
import unittest
from pathlib import Path

import stm
import stm.datatypes
import stm.timeout
from stm import _stm
from support import Case

HEADER = Path(__file__).parents[2] / "stm" / "status.h"

# What a call raises that ends in a status.
EXCEPTIONS = {
    "STM_RETRY": _stm._Retry,
    "STM_CONFLICT": _stm._Conflict,
    "STM_ENOMEM": MemoryError,
    "STM_EMISUSE": RuntimeError,
    "STM_EEMPTY": stm.datatypes.Empty,
    "STM_ERANGE": IndexError,
    "STM_ETIMEOUT": stm.timeout.Timeout,
    "STM_EDIVERGED": stm.WatchersDiverged,
    "STM_EINTERRUPTED": InterruptedError,
    "STM_ETHREAD": RuntimeError,
    "STM_ECLOSED": RuntimeError,
    "STM_EFULL": stm.datatypes.Full,
    "STM_ENOTFOUND": KeyError,
    "STM_EDONE": concurrent.futures.InvalidStateError,
    "STM_EINVARIANT": AssertionError,
    "STM_EFORKED": RuntimeError,
    "STM_ECANCELLED": concurrent.futures.CancelledError,
}

# What the module deals with itself, so that it never becomes an exception.
INTERNAL = {"STM_OK", "STM_BLOCKED", "STM_EABORT", "STM_EUSER"}


class ErrorsTest(Case):
    def statuses(self):
        found = re.findall(
            r"^ {4}(STM_[A-Z]+) = (-?\d+)", HEADER.read_text(), re.MULTILINE
        )
        self.assertGreater(len(found), 15)
        return {name: int(number) for name, number in found}

    def raised(self, status):
        try:
            _stm._raise_status(status)
        except BaseException as error:
            return error
        self.fail(f"expected status {status} to raise")

    def test_every_status_has_its_exception(self):
        statuses = self.statuses()
        self.assertEqual(set(statuses), set(EXCEPTIONS) | INTERNAL)
        for name, wanted in EXCEPTIONS.items():
            with self.subTest(name):
                self.assertIs(type(self.raised(statuses[name])), wanted)

    def test_a_status_that_is_not_to_be_met_says_so(self):
        for number in (self.statuses()["STM_EABORT"], -999):
            error = self.raised(number)
            self.assertIs(type(error), SystemError)
            self.assertIn("unexpected status", str(error))

    def test_only_control_flow_escapes_an_except_of_exceptions(self):
        for name in EXCEPTIONS:
            error = self.raised(self.statuses()[name])
            self.assertEqual(
                isinstance(error, Exception),
                name not in ("STM_RETRY", "STM_CONFLICT"),
                name,
            )


if __name__ == "__main__":
    unittest.main()
