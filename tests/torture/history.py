# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Recorded histories: what every attempt read, wrote and came to.

The format is one JSON object a line.  A history begins with

    {"init": {"x": 0, "y": 0}, "title": "mix 3"}

the values before any commit (stamp 0), and ends with {"end": true} or where
the next one begins.  Between them, in any order, is a line for every attempt,
also for those that did not commit:

    {"id": "3.17", "th": 3, "st": "C", "wv": 12, "b": 1000, "e": 1900,
     "ops": [["r", "x", 5], ["w", "x", 6], ...]}

    id, th  its name; its thread, on which attempts come one after the other
    st      C committed, A conflict, X left by an error, R retried,
            L still running when the recording ended (then "e" is null)
    wv      the stamp, for a committed attempt that wrote: its place in the
            order of commits
    b, e    nanoseconds on one clock: before the snapshot was taken, and after
            all was unlocked and woken
    reg     of one that was to sleep: when it began to register, and so might be
            claimed
    blk     of a retried attempt that slept: when, registered and validated;
            "e" is then when it was registered no more, or null
    left    of such an attempt: when it had woken those that it was to look after
    why     how such a sleep ended: "wake" if it was signalled, else "time"
    hid     true if it also read or wrote what the history is not about
    ops     what it did, in order:
            ["r", var, value]   read, an own write included
            ["w", var, value]   wrote; no value is written to a variable twice
            ["("] [")"] ["!"]   a nested body began, was merged, was undone
            ["<", n] [">"]      from here to there, of its own writes it saw
                                only those of the n outermost bodies; what it
                                wrote meanwhile was undone
            ["ev", number]      scheduled an event on the one event loop
            ["on", number]      registered an action for after its commit

and for every event or action that ran {"ran": number, "t": ns, "th": 3}.
"""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]


@dataclass(slots=True)
class Attempt:
    """One attempt, as recorded and as replayed."""

    name: str
    thread: int
    status: str
    begin: int
    end: int | None
    operations: list[list[Any]]
    stamp: int | None = None
    registered: int | None = None
    blocked: int | None = None
    left: int | None = None
    why: str | None = None
    hides: bool = False

    # Found by replaying it: what it read of others, what it would publish, what
    # it leaves to do.
    reads: list[tuple[str, int]] = field(default_factory=list)
    writes: dict[str, int] = field(default_factory=dict)
    events: list[int] = field(default_factory=list)
    actions: list[int] = field(default_factory=list)

    # Found by placing its reads among the versions.
    low: int = 0
    high: float = float('inf')
    seen: dict[str, tuple[int, float]] = field(default_factory=dict)

    @property
    def publishes(self) -> bool:
        """Whether it made a state of its own."""
        return self.status == 'C' and bool(self.writes) and bool(self.stamp)

    @property
    def over(self) -> int | None:
        """When it did its last step, or None if it may do more."""
        return self.blocked if self.blocked is not None else self.end


@dataclass(slots=True)
class Run:
    """That an event or an action ran."""

    number: int
    time: int
    thread: int


@dataclass(slots=True)
class History:
    """One recorded history."""

    title: str = 'history'
    initial: dict[str, int] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Take in one record that is neither "init" nor "end"."""
        if 'ran' in record:
            self.runs.append(Run(record['ran'], record['t'], record['th']))
            return
        self.attempts.append(Attempt(
            name=record['id'], thread=record['th'], status=record['st'],
            begin=record['b'], end=record['e'], operations=record['ops'],
            stamp=record.get('wv'), registered=record.get('reg'),
            blocked=record.get('blk'), left=record.get('left'),
            why=record.get('why'), hides=record.get('hid', False)))


def history_of(records: Iterable[Record]) -> History:
    """Build one history from its records."""
    history = History()
    for record in records:
        if 'init' in record:
            history.initial.update(record['init'])
            history.title = record.get('title', history.title)
        elif 'end' not in record:
            history.add(record)
    return history


def split(lines: Iterable[str]) -> Iterator[list[str]]:
    """Split the lines of a stream into those of each history."""
    own: list[str] = []
    for line in lines:
        if line.startswith('{"init"') and own:
            yield own
            own = []
        if line.strip():
            own.append(line)
        if line.startswith('{"end"'):
            yield own
            own = []
    if own:
        yield own


def parse(lines: Iterable[str]) -> History:
    """Build one history from its lines."""
    return history_of(json.loads(line) for line in lines)
