# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What CPython's tests demand of a list, a TList does inside a transaction."""

import unittest

from conformance import InTransaction, load, without
from stm.datatypes import TList

list_tests = load("list_tests")


class TListTest(InTransaction, list_tests.CommonTest):
    type2test = TList


without(
    TListTest,
    {
        "test_repr": "a TList shows itself as TList([...]), not as a list",
        "test_exhausted_iterator": "an iterator is over the list as it was, "
        "and so does not meet what is appended later",
        "test_free_after_iterating": "an iterator does not keep the list "
        "itself, which the test's finalizer counts on",
    },
)


if __name__ == "__main__":
    unittest.main()
