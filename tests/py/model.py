# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Random transactions on a container and on a built-in one beside it.

A transaction is a list of steps.  A step is an operation, (name, *arguments);
or a nested transaction: (how, [step, ...]), where how says how it ends.
"""

import unittest

from keyed import Keys, Undone
from stm import atomically, or_else, retry

try:
    import hypothesis
    from hypothesis import strategies
    from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
except ImportError:
    hypothesis = None

ENDS = ("kept", "undone", "retried")


def settings(steps):
    """The same examples each time, of so many steps; nothing is kept."""
    return hypothesis.settings(
        max_examples=60,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


# Equal ones among them, and many of one hash.
if hypothesis is not None:
    KEYS = strategies.one_of(
        strategies.integers(-3, 30),
        strategies.sampled_from([0.0, 1.0, True, None, "", "a", (), (1,)]),
        strategies.sampled_from([Keys(number % 5) for number in range(10)]),
        strategies.just([]),  # has no hash
    )


class Play:
    """One attempt: containers, and their twins, which it may change."""

    def __init__(self, test, containers, twins):
        self.test = test
        self.containers = containers
        self.twins = twins

    def run(self, steps):
        for how, *arguments in steps:
            if how in ENDS:
                self.nest(how, *arguments)
            else:
                self.test.apply(self, how, *arguments)
        self.test.compare(self)

    def nest(self, how, steps):
        inner = Play(
            self.test, self.containers, [twin.copy() for twin in self.twins]
        )

        def body():
            inner.run(steps)
            if how == "undone":
                raise Undone
            if how == "retried":
                retry()

        try:
            or_else(body, lambda: None)
        except Undone:
            pass
        if how == "kept":
            self.twins[:] = inner.twins
        self.test.compare(self)

    def both(self, function):
        """Call a function of all containers on either kind of them."""
        results = []
        for containers in self.containers, self.twins:
            try:
                results.append(function(*containers))
            except (KeyError, TypeError) as error:
                results.append(type(error))
        return results


def steps_of(operations):
    """What generates the steps of a transaction."""
    return strategies.recursive(
        strategies.lists(operations, max_size=12),
        lambda steps: strategies.lists(
            strategies.one_of(
                operations,
                strategies.tuples(strategies.sampled_from(ENDS), steps),
            ),
            max_size=6,
        ),
        max_leaves=4,
    )


def case_of(
    operations,
    make,
    twin,
    apply,
    *,
    contents,
    keys,
    close=lambda container: None,
):
    """A test case that plays with two containers made by make(), and two made
    by twin(); the former are closed in the end.

    apply(play, name, *arguments) does one operation on both kinds.
    contents(container) is what must be the same of both, and keys(iterator)
    what must be the same of what they iterate over.
    """
    if hypothesis is None:

        class Missing(unittest.TestCase):
            @unittest.skip("hypothesis is not installed")
            def test_model(self):
                pass

        return Missing

    class Machine(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.containers = [make(), make()]
            self.twins = [twin(), twin()]

        def teardown(self):
            for container in self.containers:
                close(container)

        def apply(self, play, name, *arguments):
            apply(play, name, *arguments)

        def compare(self, play):
            for container, other in zip(play.containers, play.twins):
                found, expected = contents(container), contents(other)
                assert found == expected, f"expected {expected}, not {found}"

        @rule(steps=steps_of(operations), raises=strategies.booleans())
        def transaction(self, steps, raises):
            snapshots = []

            def body():
                twins = [other.copy() for other in self.twins]
                play = Play(self, self.containers, twins)
                snapshots[:] = [iter(items) for items in self.containers]
                play.run(steps)
                if raises:
                    raise Undone
                return play.twins

            before = [keys(other) for other in self.twins]
            try:
                self.twins = atomically(body)
            except Undone:
                pass
            after = [keys(snapshot) for snapshot in snapshots]
            assert after == before, f"expected {before}, not {after}"

        @invariant()
        def the_same(self):
            atomically(lambda: self.compare(self))

    Machine.TestCase.settings = settings(10)
    return Machine.TestCase
