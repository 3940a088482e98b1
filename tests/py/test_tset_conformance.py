# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""CPython's own tests of sets, with TSet, each inside a transaction."""

import unittest
import unittest.mock

from conformance import InTransaction, load, without
from stm.datatypes import TSet

test_set = load("test_set")

# Cases that say `set` themselves: the name means TSet while they run.
BY_NAME = (
    "TestBasicOps",
    "TestBinaryOps",
    "TestCopying",
    "TestExceptionPropagation",
    "TestIdentities",
    "TestMutate",
    "TestOnlySets",
    "TestSetOfSets",
    "TestSubset",
    "TestUpdateOps",
    "TestVariousIteratorArgs",
)

NAMES_TYPE = "the representation names the type, as TList's does"
NOT_APPLICABLE = {
    "test_container_iterator": "what a transaction lets go is released when "
    "it ends: test_tset has the same outside of one",
    "test_do_not_rehash_dict_keys": "a dict does not lend its hashes",
}


class Subset(TSet):
    pass


class InModule(InTransaction):
    def run(self, result=None):
        with unittest.mock.patch.object(
            test_set, "set", self.built_in, create=True
        ):
            return super().run(result)


def cases():
    """The classes, by name."""

    def derive(name, base, built_in, **members):
        members["built_in"] = built_in
        members["__module__"] = __name__
        return type(name, (InModule, base), members)

    base = test_set.TestSet
    yield derive("TSetTest", base, TSet, thetype=TSet, basetype=TSet)
    yield derive("SubclassTest", base, set, thetype=Subset, basetype=TSet)
    for name, case in list(vars(test_set).items()):
        if (
            name.startswith(BY_NAME)
            and isinstance(case, type)
            and issubclass(case, unittest.TestCase)
        ):
            yield derive(name, case, TSet)


def prepared(case):
    for name, reason in NOT_APPLICABLE.items():
        if hasattr(case, name):
            without(case, {name: reason})
    if case.__name__ == "TSetTest":
        without(case, {"test_cyclical_repr": NAMES_TYPE})
    if case.__name__.startswith("TestBasicOps"):
        without(case, {"test_repr": NAMES_TYPE})
    if case.__name__ == "TestExceptionPropagation":
        without(
            case,
            {
                "test_changingSizeWhileIterating": "an iterator is a snapshot, "
                "so that a set may change meanwhile"
            },
        )
    return case


def load_tests(loader, standard_tests, pattern):
    suite = unittest.TestSuite()
    for case in cases():
        suite.addTests(loader.loadTestsFromTestCase(prepared(case)))
    return suite


if __name__ == "__main__":
    unittest.main()
