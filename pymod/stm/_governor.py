# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What governs one adaptive pool: its variables, and the watchers over them.

    settings   written by configure()
    seen       written by the monitor, after each of its measurements
    mood       written by the policy, which watches seen, and by the watcher of
               the settings
    decisions  appended to by both, and bounded

Whoever writes settings or seen so resizes the pool in the same commit.  The
watchers do not keep the governor, so that a pool that is let go ends.
"""

import math as _math
import weakref as _weakref
from typing import NamedTuple, Protocol
from typing import cast as _cast

from stm import TVar, atomically, watch
from stm._load import Load
from stm._policy import (
    LIMITED,
    Decision,
    Mood,
    Seen,
    bounds,
    decide,
    start,
)
from stm._settings import Settings, change
from stm.datatypes import TList

# How many decisions are kept.
LENGTH = 100


class Counts(NamedTuple):
    """What a pool tells about itself, all of one moment."""

    submitted: int
    completed: int
    queued: int
    running: int  # threads with a task
    waiting: int  # of these, those whose task waits for another of the pool
    live: int
    free: int
    closed: bool


class Governed(Protocol):
    """A pool as far as it is governed; all of it works in transactions."""

    def counts(self) -> Counts:
        """Return what there is at this moment."""

    def resize(self, most: int, least: int) -> None:
        """Change how many threads there may be, and are kept."""

    def cap(self, most: int) -> None:
        """Change how many there may be while tasks wait for others."""


class Governor:
    """The settings of a pool, and what a policy makes of them."""

    def __init__(self, pool: Governed, settings: Settings, load: Load) -> None:
        self._pool = pool
        self.settings = TVar(settings)
        self.load = TVar(load)
        self.seen = TVar(_cast("Seen | None", None))
        self.mood = TVar(start(settings))
        self.decisions = TList[Decision]()
        this = _weakref.ref(self)

        def govern(seen: Seen | None) -> None:
            governor = this()
            if governor is not None and seen is not None:
                governor._govern(seen)

        def limit(settings: Settings) -> None:
            governor = this()
            if governor is not None:
                governor._limit(settings)

        @atomically
        def _() -> None:
            watch(self.seen.get, govern)
            watch(self.settings.get, limit)

    def configure(self, changes: dict[str, object]) -> None:
        """Change some of the settings; raise ValueError if one is wrong."""
        settings = self.settings
        atomically(lambda: settings.set(change(settings.value, changes)))

    def measured(self, moment: float, load: Load) -> bool:
        """Have the policy look at what was measured.

        Return whether the pool still has something to do, or may have.
        """
        counts = self._pool.counts()
        if counts.closed and counts.submitted == counts.completed:
            return False

        @atomically
        def _() -> None:
            # What could not be measured now is taken to be as it was.
            old = self.load.value
            new = Load(
                old.cpu if load.cpu is None else load.cpu,
                load.quota,
                load.memory_mb,
            )
            self.load.value = new
            self.seen.value = Seen(
                moment,
                counts.queued,
                counts.running - counts.waiting,
                counts.waiting,
                counts.live,
                new.cpu or 0.0,
                new.quota or 0.0,
                _math.inf if new.memory_mb is None else new.memory_mb,
            )

        return True

    def _govern(self, seen: Seen) -> None:
        settings, mood = self.settings.value, self.mood.value
        new, decision = decide(settings, mood, seen)
        if new != mood:
            self.mood.value = new
        if new.limit != mood.limit:
            self._pool.resize(new.limit, settings.min_threads)
        if decision is not None:
            self._note(decision)

    def _limit(self, settings: Settings) -> None:
        """Keep the limit within what the settings now say."""
        mood, seen = self.mood.value, self.seen.value
        least, most = bounds(settings)
        limit = min(max(mood.limit, least), most)
        self._pool.resize(limit, settings.min_threads)
        self._pool.cap(settings.hard_limit)
        if limit == mood.limit:
            return
        self.mood.value = Mood(limit, declined=mood.declined)
        if seen is not None:
            before = mood.limit
            self._note(Decision(seen.moment, before, limit, LIMITED, seen))

    def _note(self, decision: Decision) -> None:
        self.decisions.append(decision)
        del self.decisions[:-LENGTH]
