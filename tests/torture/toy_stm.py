# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""A toy TL2 under a seeded scheduler, for the checker's own test.

Its threads are generators, and every yield is a point at which another may go
on.  It writes the history that a recorder would.  DEFECTS are ways to get it
wrong, each of which the checker must notice.
"""
from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass, field

from history import Record

DEFECTS = (
    'a read is not checked again',
    'a newer version is accepted',
    'the snapshot is moved without validation',
    'a commit does not validate',
    'a commit does not lock',
    'locks are not respected',
    'the stamp is drawn before the locks',
    'a variable is unlocked before it is stored to',
    'writes go to memory at once',
    'a reader keeps an old snapshot',
    'an undone branch keeps its writes',
    'an error commits',
    'a sleeper does not validate',
    'an undone branch forgets its reads',
    'one sleeper is woken',
    'an event runs before its commit',
)

Steps = Generator[None, None, None]


class Conflict(Exception):
    """The attempt runs again."""


class Retry(Exception):
    """The attempt waits."""


class Failure(Exception):
    """The body failed."""


@dataclass
class Variable:
    """A value with a version; what it was at each."""

    value: int = 0
    version: int = 0
    owner: int | None = None
    waiting: set[int] = field(default_factory=set)
    past: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])
    saved: int | None = None


@dataclass
class Attempt:
    """What one attempt has done so far."""

    thread: int
    kind: str
    snapshot: int
    record: Record
    reads: dict[str, int] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    event: int | None = None


class Toy:
    """One run; `records` is its history."""

    def __init__(self, seed: int, defect: str | None = None,
                 threads: int = 3, variables: int = 3, rounds: int = 6):
        self.random = random.Random(seed)
        self.defect = defect
        self.clock = self.now = self.values = 0
        self.variables = {f'v{i}': Variable() for i in range(variables)}
        self.names = sorted(self.variables)
        self.records: list[Record] = [
            {'init': {name: 0 for name in self.names}}]
        self.events: list[tuple[int, int]] = []
        self.parked: dict[int, Record] = {}
        self.signalled: set[int] = set()
        self.snapshots = [0] * threads
        self.left = [rounds] * threads
        self.run(threads)

    def has(self, defect: str) -> bool:
        """Is this what is wrong?"""
        assert defect in DEFECTS
        return self.defect == defect

    def tick(self) -> int:
        """Let time pass."""
        self.now += 10
        return self.now

    def run(self, threads: int) -> None:
        """Go on with one thread or another until none can."""
        alive = {i: self.thread(i) for i in range(threads)}
        current = None
        while alive:
            able = [i for i in alive
                    if i not in self.parked or i in self.signalled]
            if not able:
                break
            if current not in able or self.random.random() < .12:
                current = self.random.choice(able)
            self.tick()
            try:
                next(alive[current])
            except StopIteration:
                del alive[current]
        self.records += self.parked.values()
        self.records += [{'ran': number, 't': self.tick(), 'th': 9}
                         for _, number in self.events]

    # ---- a thread ----

    def thread(self, own: int) -> Steps:
        """Run transactions."""
        count = 0
        while self.left[own] > 0:
            count += 1
            record: Record = {
                'id': f'{own}.{count}', 'th': own, 'st': 'A', 'e': None,
                'b': self.tick(), 'ops': []}
            kind = self.random.choice(('read', 'update', 'update', 'update',
                                       'else', 'wait', 'wait', 'blind'))
            if not (kind == 'read'
                    and self.has('a reader keeps an old snapshot')):
                self.snapshots[own] = self.clock
            attempt = Attempt(own, kind, self.snapshots[own], record)
            yield from self.attempt(attempt)
            record['e'] = self.tick()
            self.records.append(record)
            yield

    def attempt(self, attempt: Attempt) -> Steps:
        """Run one attempt to whatever end."""
        record = attempt.record
        try:
            yield from self.body(attempt)
            if attempt.writes and self.random.random() < .15:
                raise Failure
            yield from self.commit(attempt)
            record['st'] = 'C'
        except Conflict:
            self.unlock(attempt)
            return
        except Failure:
            if self.has('an error commits'):
                try:
                    yield from self.commit(attempt)
                except Conflict:
                    pass
            self.unlock(attempt)
            record['st'] = 'X'
            record.pop('wv', None)
        except Retry:
            record['st'] = 'R'
            yield from self.block(attempt)
        self.left[attempt.thread] -= 1

    def body(self, attempt: Attempt) -> Steps:
        """Do what this kind of transaction does."""
        if attempt.kind in ('read', 'update'):
            for name in self.random.sample(self.names, 2):
                yield from self.read(attempt, name)
            if attempt.kind == 'update':
                for name in self.random.sample(self.names,
                                               self.random.randint(1, 2)):
                    self.write(attempt, name)
        elif attempt.kind == 'blind':
            self.write(attempt, self.random.choice(self.names))
        else:
            yield from self.alternatives(attempt)
        if attempt.writes and self.random.random() < .3:
            self.values += 1
            attempt.event = self.values
            attempt.record['ops'].append(['ev', attempt.event])
            if self.has('an event runs before its commit'):
                self.events.append((0, attempt.event))

    def alternatives(self, attempt: Attempt) -> Steps:
        """Try one branch, which retries, then another."""
        operations = attempt.record['ops']
        first, second = self.random.sample(self.names, 2)
        operations.append(['('])
        self.write(attempt, second)
        yield from self.read(attempt, first)
        operations.append(['!'])
        if not self.has('an undone branch keeps its writes'):
            attempt.writes.clear()
        if self.has('an undone branch forgets its reads'):
            attempt.reads.clear()
        operations.append(['('])
        yield from self.read(attempt, second)
        if attempt.kind == 'wait':
            operations.append(['!'])
            raise Retry
        self.write(attempt, second)
        operations.append([')'])

    # ---- the protocol ----

    def read(self, attempt: Attempt, name: str) -> Steps:
        """Read a variable at the snapshot."""
        operations = attempt.record['ops']
        if name in attempt.writes:
            operations.append(['r', name, attempt.writes[name]])
            return
        variable = self.variables[name]
        if (attempt.kind == 'read'
                and self.has('a reader keeps an old snapshot')):
            value = max(old for old in variable.past
                        if old[0] <= attempt.snapshot)[1]
            operations.append(['r', name, value])
            return
        version = variable.version
        self.respect(variable)
        yield
        if version > attempt.snapshot:
            if self.has('the snapshot is moved without validation'):
                attempt.snapshot = self.clock
            elif not self.has('a newer version is accepted'):
                raise Conflict
        value = variable.value
        yield
        if not self.has('a read is not checked again'):
            self.respect(variable)
            if variable.version != version:
                raise Conflict
        operations.append(['r', name, value])
        attempt.reads[name] = version
        yield

    def respect(self, variable: Variable) -> None:
        """Stay away from what a commit holds."""
        if (variable.owner is not None
                and not self.has('locks are not respected')):
            raise Conflict

    def write(self, attempt: Attempt, name: str) -> None:
        """Note a new value."""
        self.values += 1
        attempt.writes[name] = self.values
        attempt.record['ops'].append(['w', name, self.values])
        if self.has('writes go to memory at once'):
            variable = self.variables[name]
            if variable.saved is None:
                variable.saved = variable.value
            variable.value = self.values

    def commit(self, attempt: Attempt) -> Steps:
        """Lock, tick, validate, store, unlock, wake."""
        if not attempt.writes:
            return
        yield
        if self.has('the stamp is drawn before the locks'):
            self.clock += 1
            attempt.record['wv'] = self.clock
            yield
        if not self.has('a commit does not lock'):
            yield from self.lock(attempt)
        if not self.has('the stamp is drawn before the locks'):
            self.clock += 1
            attempt.record['wv'] = self.clock
        yield
        if not self.has('a commit does not validate'):
            self.validate(attempt)
        yield from self.publish(attempt)
        self.wake(attempt)
        if (attempt.event is not None
                and not self.has('an event runs before its commit')
                and not self.has('an error commits')):
            self.events.append((attempt.record['wv'], attempt.event))
            self.events.sort()

    def lock(self, attempt: Attempt) -> Steps:
        """Take the locks in order, or give up."""
        for name in sorted(attempt.writes):
            if self.variables[name].owner is not None:
                raise Conflict
            self.variables[name].owner = attempt.thread
            attempt.held.append(name)
            yield

    def validate(self, attempt: Attempt) -> None:
        """Look whether all reads are still current."""
        for name in attempt.reads:
            variable = self.variables[name]
            if (variable.version > attempt.snapshot
                    or variable.owner not in (None, attempt.thread)):
                raise Conflict

    def publish(self, attempt: Attempt) -> Steps:
        """Store and unlock, one variable after the other."""
        stamp = attempt.record['wv']
        for name in sorted(attempt.writes):
            variable = self.variables[name]
            if self.has('a variable is unlocked before it is stored to'):
                variable.version, variable.owner = stamp, None
                yield
                variable.value = attempt.writes[name]
            else:
                variable.value = attempt.writes[name]
                yield
                variable.version, variable.owner = stamp, None
            variable.saved = None
            variable.past.append((stamp, variable.value))
            yield
        attempt.held.clear()

    def unlock(self, attempt: Attempt) -> None:
        """Give up: let the locks go."""
        for name in attempt.held:
            self.variables[name].owner = None
        for name in attempt.writes:
            variable = self.variables[name]
            if variable.saved is not None:
                variable.value, variable.saved = variable.saved, None

    def wake(self, attempt: Attempt) -> None:
        """Signal whoever waits for what was written."""
        for name in sorted(attempt.writes):
            waiting = sorted(self.variables[name].waiting)
            if self.has('one sleeper is woken'):
                waiting = waiting[:1]
            self.signalled.update(waiting)

    def block(self, attempt: Attempt) -> Steps:
        """Register, validate, sleep."""
        own = attempt.thread
        yield
        self.signalled.discard(own)
        for name in attempt.reads:
            self.variables[name].waiting.add(own)
        stale = any(self.variables[name].version != version
                    or self.variables[name].owner is not None
                    for name, version in attempt.reads.items())
        if not stale or self.has('a sleeper does not validate'):
            attempt.record.update(blk=self.tick(), why='wake')
            self.parked[own] = attempt.record
            yield
            del self.parked[own]
        for name in attempt.reads:
            self.variables[name].waiting.discard(own)
