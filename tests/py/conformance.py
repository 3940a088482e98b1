# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""CPython's own tests of a built-in type, each run inside a transaction.

They come with the interpreter (on Debian in the package libpython3-testsuite),
or from the folder that the environment variable STM_TEST_LIB names, which has
the package `test`.
"""

import importlib
import os
import sys
import types
import unittest
from collections.abc import Callable, Mapping

from stm import atomically

if "STM_TEST_LIB" in os.environ:
    sys.path.append(os.environ["STM_TEST_LIB"])


def load(name: str) -> types.ModuleType:
    """Import a module of CPython's tests; skip the caller's where it is not."""
    try:
        return importlib.import_module(f"test.{name}")
    except ImportError as error:
        raise unittest.SkipTest(f"no tests of CPython's: {error}") from None


class InTransaction:
    """Runs each test of a case, its fixtures included, in a transaction."""

    def _callSetUp(self) -> None:
        atomically(super()._callSetUp)

    def _callTestMethod(self, method: Callable[[], object]) -> None:
        call = super()._callTestMethod
        atomically(lambda: call(method))

    def _callTearDown(self) -> None:
        atomically(super()._callTearDown)


def without(case: type, reasons: Mapping[str, str]) -> type:
    """Skip those tests of a case that cannot apply; return the case.

    reasons says of each of them why; there must be such a test.
    """
    for name, reason in reasons.items():
        if not hasattr(case, name):
            raise AttributeError(f"{case.__name__} has no {name}")
        setattr(case, name, unittest.skip(reason)(lambda self: None))
    return case
