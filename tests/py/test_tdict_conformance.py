# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""CPython's own tests of mappings, with TDict, each inside a transaction."""

import unittest

from keyed import InTransaction, cpython_tests, without
from stm.datatypes import TDict

mapping_tests = cpython_tests("mapping_tests")

if mapping_tests is None:

    class MappingTest(unittest.TestCase):
        @unittest.skip("CPython's tests are not installed")
        def test_conformance(self):
            pass

else:

    class MappingTest(InTransaction, mapping_tests.TestHashMappingProtocol):
        type2test = TDict

    without(
        MappingTest,
        {"test_repr": "the representation names the type, as TList's does"},
    )


if __name__ == "__main__":
    unittest.main()
