# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""CPython's own tests of mappings, with TDict, each inside a transaction."""

import unittest

from conformance import InTransaction, load, without
from stm.datatypes import TDict

mapping_tests = load("mapping_tests")


class MappingTest(InTransaction, mapping_tests.TestHashMappingProtocol):
    type2test = TDict


without(
    MappingTest,
    {"test_repr": "the representation names the type, as TList's does"},
)


if __name__ == "__main__":
    unittest.main()
