# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What must hold of a history.

Every value is written once, so a value that is read names the version it is
of.  The stamps of the commits put the versions of each variable in order, so a
version is current from its own stamp up to the next one's.  An attempt is
consistent if there is a moment at which all that it read was current: if the
intersection of those intervals is not empty.  Nothing is searched for.

The stamps are a witness and are not trusted.  If all holds in their order, the
history is opaque and strictly serializable, whoever supplied it; a wrong stamp
can make a good history fail but no bad one pass.
"""
from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from history import Attempt, History, Run

FOREVER = float('inf')

Invariant = Callable[[dict[str, int]], bool]


@dataclass(slots=True)
class Report:
    """Violations, each with its kind, and what was counted."""

    violations: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    latest_ms: float = 0.0

    def bad(self, kind: str, text: str) -> None:
        """Add a violation."""
        self.violations.append((kind, text))

    @property
    def kinds(self) -> set[str]:
        """The kinds of violations there are."""
        return {kind for kind, _ in self.violations}


class Replay:
    """Replays an attempt's operations on a stack of overlays."""

    def __init__(self, attempt: Attempt, report: Report) -> None:
        self.attempt = attempt
        self.report = report
        self.stack: list[dict[str, int]] = [{}]
        self.later: list[list[tuple[str, int]]] = [[]]
        self.away: list[tuple[list[dict[str, int]],
                              list[list[tuple[str, int]]]]] = []
        self.first_reads: dict[str, int] = {}

    def run(self) -> None:
        """Fill in what the attempt read and what it would publish."""
        steps: dict[str, Callable[..., None]] = {
            'r': self.read, 'w': self.write, '(': self.open, ')': self.merge,
            '!': self.undo, '<': self.go_back, '>': self.return_,
            'ev': self.schedule, 'on': self.register}
        for name, *arguments in self.attempt.operations:
            steps[name](*arguments)
        self.attempt.writes = self.stack[0]
        self.attempt.events = [n for kind, n in self.later[0] if kind == 'ev']
        self.attempt.actions = [n for kind, n in self.later[0] if kind == 'on']

    def read(self, var: str, value: int) -> None:
        """Compare with the own write, or else note what others wrote."""
        name = self.attempt.name
        for overlay in reversed(self.stack):
            if var in overlay:
                if overlay[var] != value:
                    self.report.bad('nesting', f'{name} read {var}={value}, '
                                    f'its own write is {overlay[var]}')
                return
        first = self.first_reads.setdefault(var, value)
        if first != value:
            self.report.bad('unrepeatable', f'{name} read {var}={first}, '
                            f'then {value}')
        self.attempt.reads.append((var, value))

    def write(self, var: str, value: int) -> None:
        """Set it in the innermost overlay."""
        self.stack[-1][var] = value

    def open(self) -> None:
        """Begin a nested body."""
        self.stack.append({})
        self.later.append([])

    def merge(self) -> None:
        """Make the innermost overlay part of the one around it."""
        overlay = self.stack.pop()
        self.stack[-1].update(overlay)
        later = self.later.pop()
        self.later[-1] += later

    def undo(self) -> None:
        """Drop the innermost overlay; its reads stay."""
        self.stack.pop()
        self.later.pop()

    def go_back(self, depth: int) -> None:
        """See the writes of the outermost overlays only, for a while."""
        self.away.append((self.stack, self.later))
        self.stack = [*self.stack[:depth], {}]
        self.later = [[] for _ in self.stack]

    def return_(self) -> None:
        """See all own writes again."""
        self.stack, self.later = self.away.pop()

    def schedule(self, number: int) -> None:
        """Note an event."""
        self.later[-1].append(('ev', number))

    def register(self, number: int) -> None:
        """Note an action."""
        self.later[-1].append(('on', number))


class Checker:
    """Checks one history; what is found goes to the report."""

    def __init__(self, history: History, invariant: Invariant | None = None,
                 report: Report | None = None) -> None:
        self.history = history
        self.invariant = invariant
        self.report = report if report is not None else Report()
        self.versions: dict[tuple[str, int], int] = {}
        self.dead: dict[tuple[str, int], str] = {}
        self.stamps: dict[str, list[int]] = defaultdict(lambda: [0])
        self.authors: dict[tuple[str, int], Attempt] = {}
        self.registered = {operation[1] for attempt in history.attempts
                           for operation in attempt.operations
                           if operation[0] == 'on'}

    def run(self) -> Report:
        """Check everything."""
        self.replay()
        self.order_versions()
        for attempt in self.history.attempts:
            self.place(attempt)
        self.check_real_time()
        self.check_sleeps()
        self.check_invariant()
        self.check_events()
        self.check_actions()
        self.count()
        return self.report

    # ---- versions ----

    def replay(self) -> None:
        """Replay the attempts; sort values into versions and dead ones."""
        for var, value in self.history.initial.items():
            self.versions[var, value] = 0
        for attempt in self.history.attempts:
            Replay(attempt, self.report).run()
            self.note_values(attempt)

    def note_values(self, attempt: Attempt) -> None:
        """Tell apart what it published and what nobody may ever see."""
        for operation in attempt.operations:
            if operation[0] != 'w':
                continue
            var, value = operation[1:]
            if (var, value) in self.versions or (var, value) in self.dead:
                self.report.bad('format', f'{attempt.name}: {value} is '
                                f'written to {var} a second time')
            self.dead[var, value] = f'undone or overwritten in {attempt.name}'
        for var, value in attempt.writes.items():
            if attempt.publishes:
                assert attempt.stamp is not None
                self.dead.pop((var, value), None)
                self.versions[var, value] = attempt.stamp
                self.stamps[var].append(attempt.stamp)
                self.authors[var, attempt.stamp] = attempt
            else:
                self.dead[var, value] = (f'written by {attempt.name}, which '
                                         'did not commit')
        if attempt.status == 'C' and attempt.writes and not attempt.stamp:
            self.report.bad('format',
                            f'{attempt.name} published without a stamp')

    def order_versions(self) -> None:
        """Sort the stamps; each belongs to one commit."""
        owners: dict[int, Attempt] = {}
        for attempt in self.history.attempts:
            if not attempt.publishes:
                continue
            assert attempt.stamp is not None
            other = owners.setdefault(attempt.stamp, attempt)
            if other is not attempt:
                self.report.bad('stamp', f'{attempt.name} and {other.name} '
                                f'both committed @{attempt.stamp}')
        for stamps in self.stamps.values():
            stamps.sort()

    # ---- opacity and serializability ----

    def place(self, attempt: Attempt) -> None:
        """Find the interval of stamps at which its reads are all current."""
        low_var = high_var = ''
        for var, value in attempt.reads:
            stamp = self.versions.get((var, value))
            if stamp is None:
                origin = self.dead.get((var, value), 'which nobody wrote')
                self.report.bad('dirty-read', f'{attempt.name} read '
                                f'{var}={value}, {origin}')
                continue
            later = self.stamps[var]
            index = bisect.bisect_right(later, stamp)
            replaced = later[index] if index < len(later) else FOREVER
            attempt.seen[var] = (stamp, replaced)
            self.check_future(attempt, var, stamp)
            if stamp > attempt.low:
                attempt.low, low_var = stamp, var
            if replaced < attempt.high:
                attempt.high, high_var = replaced, var
        self.check_interval(attempt, low_var, high_var)

    def check_future(self, attempt: Attempt, var: str, stamp: int) -> None:
        """Nothing is read of an attempt that began after this one's end."""
        author = self.authors.get((var, stamp))
        if (author is not None and attempt.end is not None
                and author.begin > attempt.end):
            self.report.bad('future-read', f'{attempt.name} read {var}@{stamp}'
                            f' of {author.name}, which had not begun')

    def check_interval(self, attempt: Attempt, low_var: str,
                       high_var: str) -> None:
        """The interval is not empty, and a commit stands at its end."""
        low, high = attempt.low, attempt.high
        if low >= high:
            self.report.bad('opacity', f'{attempt.name} ({attempt.status}) '
                            f'saw {low_var}@{low} together with {high_var} '
                            f'from before @{high}: such a state never was')
        elif attempt.publishes:
            assert attempt.stamp is not None
            if attempt.stamp > high:
                self.report.bad('serializability', f'{attempt.name} committed '
                                f'@{attempt.stamp} on a read of {high_var} '
                                f'that was replaced @{high}')
            elif attempt.stamp <= low:
                self.report.bad('serializability', f'{attempt.name} committed '
                                f'@{attempt.stamp} after reading '
                                f'{low_var}@{low}')

    # ---- real time ----

    def check_real_time(self) -> None:
        """Who began after another's end is serialized no earlier.

        Each attempt gets the earliest place that the others allow.  The
        constraints are differences, so taking the earliest is exact.
        """
        moments = []
        for index, attempt in enumerate(self.history.attempts):
            moments.append((attempt.begin, 0, index))
            if attempt.over is not None:  # at the same instant is no order
                moments.append((attempt.over, 1, index))
        floor, last = 0, ''
        floors: dict[int, tuple[int, str]] = {}
        for _, ends, index in sorted(moments):
            attempt = self.history.attempts[index]
            if not ends:
                floors[index] = (floor, last)
                continue
            place = self.serialize(attempt, *floors.get(index, (0, '')))
            if place > floor:
                floor, last = place, attempt.name
        for index, attempt in enumerate(self.history.attempts):
            if attempt.over is None:
                self.serialize(attempt, *floors[index])

    def serialize(self, attempt: Attempt, floor: int, last: str) -> int:
        """Return the attempt's place, above that of who ended before it."""
        if attempt.publishes:
            assert attempt.stamp is not None
            if attempt.stamp <= floor:
                self.report.bad('real-time', f'{attempt.name} committed '
                                f'@{attempt.stamp}, but {last} @{floor} '
                                'ended before it began')
            return attempt.stamp
        if attempt.low < attempt.high <= floor:
            self.report.bad('real-time', f'{attempt.name} ({attempt.status}) '
                            f'saw a state from before @{attempt.high}, but '
                            f'{last} @{floor} ended before it began')
        return max(attempt.low, floor)

    # ---- sleeping ----

    def check_sleeps(self) -> None:
        """No wake-up is lost; count those that have no reason."""
        for attempt in self.history.attempts:
            if attempt.status != 'R' or attempt.blocked is None:
                continue
            self.report.counts['sleeps'] += 1
            newer = [(self.authors[var, int(replaced)], var)
                     for var, (_, replaced) in attempt.seen.items()
                     if replaced != FOREVER]
            if attempt.end is None or attempt.why == 'time':
                self.check_lost(attempt, newer)
            else:
                self.check_reason(attempt, newer)

    def check_lost(self, attempt: Attempt,
                   newer: list[tuple[Attempt, str]]) -> None:
        """Nobody stays asleep after the end of a commit that concerns him.

        A commit wakes before it ends, and the sleeper reads the clock before
        it looks whether it was signalled: how long either takes has no part in
        this.  It need not have been his turn yet when his time was over, if
        somebody was to look after him by then.
        """
        for author, var in newer:
            if attempt.end is None or (author.end is not None
                                       and author.end < attempt.end
                                       and not self.looked_after(
                                           attempt, author, var)):
                self.report.bad('lost-wakeup', f'{attempt.name} was not woken '
                                f'when {author.name} changed {var} '
                                f'@{author.stamp}')
                return

    def looked_after(self, attempt: Attempt, author: Attempt,
                     var: str) -> bool:
        """Whether one who was claimed at var had yet to look when it was over.

        One who slept looks after the others when the next attempt of his thread
        ends, one who was about to sleep when that attempt does.
        """
        assert attempt.end is not None
        for other in self.history.attempts:
            since, until = other.registered, other.end
            if other.blocked is not None:
                if other.end is None:
                    continue  # who still sleeps
                until = self.next_end(other)
            if (other is not attempt and since is not None
                    and since <= attempt.end
                    and (other.end is None or other.end >= author.begin)
                    and (until is None or until >= attempt.end)
                    and self.had_reason(other, var, attempt.end)):
                return True
        return False

    def had_reason(self, sleeper: Attempt, var: str, time: int) -> bool:
        """Whether var may have woken him by then: it was not as he saw it.

        What one with hidden reads saw is not known: what it wrote to a list
        made it read that.
        """
        if var not in sleeper.seen:
            return sleeper.hides
        replaced = sleeper.seen[var][1]
        return (replaced != FOREVER
                and self.authors[var, int(replaced)].begin <= time)

    def next_end(self, attempt: Attempt) -> int | None:
        """Return when its thread's next attempt had looked after the others."""
        later = [other for other in self.history.attempts
                 if other.thread == attempt.thread
                 and attempt.end is not None and other.begin >= attempt.end]
        following = min(later, key=lambda other: other.begin, default=None)
        if following is None:
            return None
        return following.end if following.blocked is None else following.left

    def check_reason(self, attempt: Attempt,
                     newer: list[tuple[Attempt, str]]) -> None:
        """Count a wake-up as spurious, or how late it came."""
        assert attempt.end is not None and attempt.blocked is not None
        self.report.counts['wake-ups'] += 1
        if not any(author.begin < attempt.end for author, _ in newer):
            if not attempt.hides:
                self.report.counts['spurious'] += 1
            return
        first = min(author.end or attempt.end for author, _ in newer)
        late = (attempt.end - max(attempt.blocked, first)) / 1e6
        self.report.latest_ms = max(self.report.latest_ms, late)

    # ---- what the program says ----

    def check_invariant(self) -> None:
        """The invariant holds in every state, also within cascades' ends."""
        if self.invariant is None:
            return
        state: dict[str, Any] = dict(self.history.initial)
        commits = [a for a in self.history.attempts if a.publishes]
        for attempt in sorted(commits, key=lambda a: a.stamp or 0):
            state.update(attempt.writes)
            if not self.invariant(state):
                self.report.bad('invariant', f'broken by {attempt.name} '
                                f'@{attempt.stamp}: {state}')

    def check_events(self) -> None:
        """Events run once each, in the order of the commits."""
        commits = [a for a in self.history.attempts if a.status == 'C']
        wanted = [number
                  for attempt in sorted(commits, key=lambda a: a.stamp or 0)
                  for number in attempt.events]
        self.compare('event', wanted,
                     [run for run in self.history.runs
                      if run.number not in self.registered])

    def check_actions(self) -> None:
        """Actions run once each, on their threads in their order."""
        wanted: dict[int, list[int]] = defaultdict(list)
        for attempt in sorted(self.history.attempts, key=lambda a: a.begin):
            if attempt.status == 'C':
                wanted[attempt.thread] += attempt.actions
        runs: dict[int, list[Run]] = defaultdict(list)
        for run in self.history.runs:
            if run.number in self.registered:
                runs[run.thread].append(run)
        for thread in sorted(wanted.keys() | runs.keys()):
            self.compare('action', wanted[thread], runs[thread])

    def compare(self, what: str, wanted: list[int], runs: list[Run]) -> None:
        """Compare what was to run with what ran."""
        got = [run.number for run in sorted(runs, key=lambda run: run.time)]
        if got == wanted:
            return
        lost = Counter(wanted) - Counter(got)
        extra = Counter(got) - Counter(wanted)
        if lost:
            self.report.bad(what, f'did not run: {sorted(lost)[:5]}')
        if extra:
            self.report.bad(what, 'ran without a commit, or twice: '
                            f'{sorted(extra)[:5]}')
        if not lost and not extra:
            self.report.bad(what, 'ran in another order than was committed: '
                            f'{got[:9]}, expected {wanted[:9]}')

    def count(self) -> None:
        """Count the attempts and how they ended."""
        names = {'C': 'commits', 'A': 'conflicts', 'X': 'aborts',
                 'R': 'retries', 'L': 'running'}
        self.report.counts['attempts'] += len(self.history.attempts)
        for attempt in self.history.attempts:
            self.report.counts[names[attempt.status]] += 1
        self.report.counts['events'] += len(self.history.runs)


def check(history: History, invariant: Invariant | None = None) -> Report:
    """Check a history on its own."""
    return Checker(history, invariant).run()
