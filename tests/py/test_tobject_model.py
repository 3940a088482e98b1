# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""TObject beside an ordinary object, by random programs."""

import copy
import pickle
import unittest

import model
from stm import atomically, or_else, retry
from stm.datatypes import TObject

try:
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
except ImportError:
    raise unittest.SkipTest("hypothesis cannot be imported")

NAMES = ["a", "b", "c", "d", "default", "method", "plain", "data", "nothing"]


class Kinds:
    """A class attribute of each kind."""

    default = "default"

    def method(self):
        return "method"

    class Plain:
        def __get__(self, instance, owner):
            return "plain"

    plain = Plain()

    @property
    def data(self):
        return ["data", getattr(self, "hidden", None)]

    @data.setter
    def data(self, value):
        self.hidden = value

    @data.deleter
    def data(self):
        del self.hidden


class Model(Kinds):
    pass


class Tested(TObject, Kinds):
    pass


class Undone(Exception):
    pass


def outcome(action, thing):
    """What came of an action on one of the two."""
    try:
        result = action(thing)
    except AttributeError as error:
        return ("AttributeError", error.name)
    return result() if callable(result) else result


def listed(thing):
    """dir() without what pickling adds to a class."""
    return [name for name in dir(thing) if name != "__slotnames__"]


names = st.sampled_from(NAMES)
actions = st.one_of(
    st.tuples(st.just("set"), names, st.integers(0, 9)),
    st.tuples(st.just("del"), names, st.none()),
    st.tuples(st.just("get"), names, st.none()),
)


def run(steps, thing):
    """Run steps; return what came of them, or None if one does not count."""
    outcomes = []
    for what, name, value in steps:
        if what == "set":
            setattr(thing, name, value)
        elif what == "get":
            outcomes.append(outcome(lambda it: getattr(it, name), thing))
        else:
            try:
                delattr(thing, name)
            except AttributeError:
                outcomes.append("missing")
    return outcomes


class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        for cls in (Model, Tested):
            if "later" in vars(cls):
                del cls.later
        self.model, self.tested = Model(), Tested()

    @rule(steps=st.lists(actions, max_size=8))
    def commit(self, steps):
        expected = run(steps, self.model)
        assert atomically(lambda: run(steps, self.tested)) == expected

    @rule(steps=st.lists(actions, max_size=8))
    def raise_in_the_end(self, steps):
        expected = run(steps, copy.copy(self.model))

        def body():
            assert run(steps, self.tested) == expected
            raise Undone

        try:
            atomically(body)
        except Undone:
            pass

    @rule(
        before=st.lists(actions, max_size=4),
        undone=st.lists(actions, max_size=4),
        after=st.lists(actions, max_size=4),
    )
    def undo_a_branch(self, before, undone, after):
        def first():
            run(undone, self.tested)
            retry()

        def body():
            return (
                run(before, self.tested),
                or_else(first, lambda: run(after, self.tested)),
            )

        expected = run(before, self.model), run(after, self.model)
        assert atomically(body) == expected

    @rule(protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
    def go_on_with_a_copy(self, protocol):
        self.tested = atomically(
            lambda: pickle.loads(pickle.dumps(self.tested, protocol))
        )

    @rule(value=st.integers(0, 9))
    def change_the_class(self, value):
        for cls in (Model, Tested):
            if "later" in vars(cls):
                del cls.later
            else:
                cls.later = value

    @invariant()
    def they_are_the_same(self):
        @atomically
        def _():
            tested = vars(self.tested)
            assert list(tested.items()) == list(vars(self.model).items())
            assert listed(self.tested) == sorted(
                {*listed(self.model), *listed(Tested)}
            )
            for name in [*NAMES, "hidden", "later"]:
                ours, theirs = (
                    outcome(lambda it: getattr(it, name), thing)
                    for thing in (self.tested, self.model)
                )
                assert ours == theirs, name


ModelTest = Machine.TestCase
ModelTest.settings = model.settings(30)


if __name__ == "__main__":
    unittest.main()
