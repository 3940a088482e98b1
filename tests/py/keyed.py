# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What the tests of TDict and TSet share."""

import importlib
import unittest

from stm import atomically


class Undone(Exception):
    """Leaves a transaction that is to be undone."""


class Thing:
    """Something to refer to, weakly, too."""


class InTransaction:
    """Runs each test of a case, its fixtures included, in a transaction."""

    def _callSetUp(self):
        atomically(super()._callSetUp)

    def _callTestMethod(self, method):
        call = super()._callTestMethod
        atomically(lambda: call(method))

    def _callTearDown(self):
        atomically(super()._callTearDown)


def cpython_tests(name):
    """CPython's own test module of this name, or None.

    Distributions package the tests apart from the interpreter.
    """
    try:
        return importlib.import_module(f"test.{name}")
    except ImportError:
        return None


def without(case, reasons):
    """Skip those tests of a case that cannot apply; return the case.

    reasons says of each of them why; there must be such a test.
    """
    for name, reason in reasons.items():
        if not hasattr(case, name):
            raise AttributeError(f"{case.__name__} has no {name}")
        setattr(case, name, unittest.skip(reason)(lambda self: None))
    return case


class Keys:
    """A key that does something when it is compared or hashed.

    Keys with the same number are equal; all of them have one hash.
    """

    def __init__(self, number, on_eq=None, on_hash=None):
        self.number = number
        self.on_eq = on_eq
        self.on_hash = on_hash

    def __eq__(self, other):
        if not isinstance(other, Keys):
            return NotImplemented
        for key in (self, other):
            if key.on_eq is not None:
                key.on_eq()
        return self.number == other.number

    def __hash__(self):
        if self.on_hash is not None:
            self.on_hash()
        return 1

    def __repr__(self):
        return f"Keys({self.number})"
