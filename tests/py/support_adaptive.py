# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What the tests of AdaptiveThreadPool share."""

from stm import TVar, atomically
from stm._load import Load, Reading
from stm.adaptive import AdaptiveThreadPool
from stm.utils import wait_until
from support import LIMIT, Case


class ByHand:
    """In place of the monitor: measures when the test says so."""

    def first(self):
        reading = Reading(0.0, 0, 0, frozenset(), (), None)
        return reading, Load(None, None, 1000.0)

    def enter(self, governor, reading):
        pass

    def leave(self, governor):
        pass


class Pool(AdaptiveThreadPool):
    """A pool that is measured by hand."""

    moment = 0.0

    @staticmethod
    def _monitor():
        return ByHand()

    def look(self, times=1, cpu=0.0, quota=None, memory=1000.0):
        """Have it measured so often, with this load of the machine."""
        for _ in range(times):
            self.moment += 1
            self._governor.measured(self.moment, Load(cpu, quota, memory))

    @property
    def limit(self):
        return self.get_metrics()["thread_limit"]

    def wait(self, **expected):
        """Wait until its metrics are these."""

        def reached():
            metrics = self.get_metrics()
            return all(metrics[name] == expected[name] for name in expected)

        wait_until(reached, LIMIT)


class Gate:
    """What tasks wait for outside of the pool's knowledge."""

    def __init__(self):
        self.open = TVar(False)
        self.inside = TVar(0)

    def __call__(self):
        """Be the task."""

        @atomically
        def _():
            self.inside.value += 1

        wait_until(self.open.get)

        @atomically
        def _():
            self.inside.value -= 1

    def wait(self, count):
        """Wait until so many tasks are here."""
        wait_until(lambda: self.inside.value == count, LIMIT)

    def release(self):
        atomically(lambda: self.open.set(True))


class AdaptiveCase(Case):
    def pool(self, kind=Pool, **settings):
        pool = kind(**settings)
        self.addCleanup(pool.shutdown)
        return pool

    def gate(self):
        gate = Gate()
        self.addCleanup(gate.release)
        return gate

    def loaded(self, pool, gate, count):
        """Give a pool so many tasks that wait at a gate."""
        return [pool.submit(gate) for _ in range(count)]
