# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""CPython's own tests of a built-in type, each run inside a transaction.

They come with the interpreter (on Debian in the package libpython3-testsuite),
or from the folder that the environment variable STM_TEST_LIB names, which has
the package `test`.
"""

import functools
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


def _in_transaction(test: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(test)
    def wrapper(self: unittest.TestCase) -> None:
        atomically(lambda: test(self))

    return wrapper


def adapt(base: type, left_out: Mapping[str, str]) -> type:
    """Return a test case with the tests of another, each in a transaction.

    Those left out cannot apply, and left_out says of each why.
    """
    unknown = [name for name in left_out if not hasattr(base, name)]
    if unknown:
        raise ValueError(f"{base} has no {', '.join(unknown)}")
    tests = {
        name: (
            unittest.skip(left_out[name])(getattr(base, name))
            if name in left_out
            else _in_transaction(getattr(base, name))
        )
        for name in unittest.defaultTestLoader.getTestCaseNames(base)
    }
    return type(base.__name__, (base,), tests)
