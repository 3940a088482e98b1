# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""TLists against lists, through commits and everything that undoes writes."""

import copy
import unittest

try:
    from hypothesis import strategies
    from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
except ImportError as error:
    raise unittest.SkipTest(f"no hypothesis: {error}") from None

import model
from stm import atomically, or_else, retry
from stm.datatypes import TList


class Undone(Exception):
    """Leaves a nested transaction."""


LENGTH = 600  # more items than this are not let grow


def clear(self, other):
    self.clear()


items = strategies.integers(0, 5)
runs = strategies.lists(items, max_size=70)
indices = strategies.integers(-80, 80)
ends = strategies.none() | indices
slices = strategies.builds(
    slice,
    ends,
    ends,
    strategies.none() | strategies.integers(-3, 3).filter(bool),
)

# Each is a function of a list or TList; other is another one of the same kind.
changes = strategies.one_of(
    strategies.builds(lambda x: lambda self, other: self.append(x), items),
    strategies.builds(lambda x: lambda self, other: self.extend(x), runs),
    strategies.just(lambda self, other: self.extend(other)),
    strategies.builds(
        lambda i, x: lambda self, other: self.insert(i, x), indices, items
    ),
    strategies.builds(lambda i: lambda self, other: self.pop(i), indices),
    strategies.just(lambda self, other: self.pop()),
    strategies.just(lambda self, other: self.pop(0)),
    strategies.builds(lambda x: lambda self, other: self.remove(x), items),
    strategies.builds(
        lambda i, x: lambda self, other: self.__setitem__(i, x), indices, items
    ),
    strategies.builds(
        lambda i: lambda self, other: self.__delitem__(i), indices | slices
    ),
    strategies.builds(
        lambda i, x: lambda self, other: self.__setitem__(i, x), slices, runs
    ),
    strategies.builds(
        lambda i: lambda self, other: self.__setitem__(i, other), slices
    ),
    strategies.builds(
        lambda i: lambda self, other: self.__setitem__(i, self[i]), slices
    ),
    strategies.builds(
        lambda n: lambda self, other: self.__imul__(n) and None,
        strategies.integers(-1, 3),
    ),
    strategies.builds(
        lambda r: lambda self, other: self.sort(reverse=r),
        strategies.booleans(),
    ),
    strategies.just(lambda self, other: self.sort(key=lambda x: -x)),
    strategies.just(lambda self, other: self.reverse()),
    strategies.just(clear),
)

reads = strategies.one_of(
    strategies.builds(lambda i: lambda self, other: self[i], indices),
    strategies.builds(lambda i: lambda self, other: list(self[i]), slices),
    strategies.builds(lambda x: lambda self, other: x in self, items),
    strategies.builds(lambda x: lambda self, other: self.count(x), items),
    strategies.builds(
        lambda x, i, j: lambda self, other: self.index(x, i, j),
        items,
        indices,
        indices,
    ),
    strategies.just(lambda self, other: (self == other, self < other)),
    strategies.just(lambda self, other: list(self + other)),
    strategies.builds(
        lambda n: lambda self, other: list(n * self), strategies.integers(-1, 3)
    ),
    strategies.just(lambda self, other: list(reversed(self))),
    strategies.just(lambda self, other: list(copy.copy(self))),
    strategies.just(lambda self, other: (len(self), bool(self))),
)


def outcome(operation, this, other):
    try:
        return operation(this, other)
    except (IndexError, ValueError) as error:
        return type(error)


class ListMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.lists = [[], []]
        self.tlists = [TList(), TList()]

    def steps(self, program):
        """Run a program on copies of the lists; return them.

        What it returns on the TLists must be the same, step by step.
        """
        lists = [list(part) for part in self.lists]
        for which, operation in program:
            this, other = lists[which], lists[1 - which]
            if len(this) + len(other) > LENGTH:
                operation = clear
            expected = outcome(operation, this, other)
            found = outcome(
                operation, self.tlists[which], self.tlists[1 - which]
            )
            assert found == expected, f"expected {expected}, got {found}"
        return lists

    programs = strategies.lists(
        strategies.tuples(strategies.integers(0, 1), changes | reads),
        max_size=6,
    )

    def check(self, lists):
        for part, tlist in zip(lists, self.tlists):
            assert list(tlist) == part, f"expected {part}, got {tlist}"

    @rule(program=programs)
    def commit(self, program):
        self.lists = atomically(lambda: self.steps(program))

    @rule(program=programs)
    def raise_an_exception(self, program):
        def body():
            self.steps(program)
            raise Undone

        try:
            atomically(body)
        except Undone:
            return
        assert False, "expected the exception"

    @rule(undone=programs, program=programs)
    def undo_a_nested_transaction(self, undone, program):
        def nested():
            self.steps(undone)
            raise Undone

        def body():
            try:
                atomically(nested)
            except Undone:
                pass
            self.check(self.lists)
            return self.steps(program)

        self.lists = atomically(body)

    @rule(undone=programs, program=programs)
    def take_the_second_alternative(self, undone, program):
        def first():
            self.steps(undone)
            retry()

        self.lists = atomically(
            lambda: or_else(first, lambda: self.steps(program))
        )

    @rule(program=programs)
    def go_over_a_snapshot(self, program):
        def body():
            iterators = [
                (iter(tlist), reversed(tlist)) for tlist in self.tlists
            ]
            lists = self.steps(program)
            for (forwards, backwards), part in zip(iterators, self.lists):
                assert list(forwards) == part
                assert list(backwards) == part[::-1]
            return lists

        self.lists = atomically(body)

    @invariant()
    def holds_the_same(self):
        atomically(lambda: self.check(self.lists))


ListMachine.TestCase.settings = model.settings(20)


class ListModelTest(ListMachine.TestCase):
    """What a list does, a TList does, and what is undone leaves no trace."""


if __name__ == "__main__":
    unittest.main()
