# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""The checker's own test: histories made by hand, a search through all orders
of small random ones, and a toy with and without defects."""
from __future__ import annotations

import itertools
import random
import unittest
from typing import Any

from checks import check
from history import Record, history_of, split
from toy_stm import DEFECTS, Toy

INITIAL: Record = {'init': {'x': 0, 'y': 0}}
SMALL_HISTORIES = 3000
TOY_SEEDS = 150


def operation(text: str) -> list[Any]:
    """Make ["r", "x", 1] of "r x 1"."""
    return [int(word) if word.isdigit() else word for word in text.split()]


def attempt(name: str, status: str, begin: int, end: int | None, text: str,
            **more: Any) -> Record:
    """Make the record of an attempt, its operations divided by commas."""
    return {'id': name, 'th': int(name), 'st': status, 'b': begin, 'e': end,
            'ops': [operation(part) for part in text.split(',')], **more}


def ran(number: int, time: int, thread: int = 9) -> Record:
    """Make the record of an event or action that ran."""
    return {'ran': number, 't': time, 'th': thread}


class HandMade(unittest.TestCase):
    """Histories of which it is plain what is wrong."""

    def expect(self, kinds: str, *records: Record) -> None:
        """Compare the kinds of the violations."""
        report = check(history_of([INITIAL, *records]))
        self.assertEqual(report.kinds, set(kinds.split()), report.violations)

    def test_two_commits_and_a_reader(self) -> None:
        self.expect('', attempt('1', 'C', 0, 10, 'r x 0,w x 1,w y 1', wv=1),
                    attempt('2', 'C', 5, 30, 'r x 1,w x 2', wv=2),
                    attempt('3', 'C', 12, 40, 'r x 1,r y 1'))

    def test_a_reader_may_come_before_a_running_commit(self) -> None:
        self.expect('', attempt('1', 'C', 0, 50, 'w x 1', wv=1),
                    attempt('2', 'C', 5, 20, 'r x 0'))

    def test_a_retry_that_is_woken(self) -> None:
        self.expect('', attempt('1', 'R', 0, 30, 'r x 0', blk=8, why='wake'),
                    attempt('2', 'C', 10, 20, 'w x 1', wv=1),
                    attempt('3', 'C', 31, 40, 'r x 1'))

    def test_a_branch_that_is_undone(self) -> None:
        self.expect('', attempt('1', 'C', 0, 9,
                                '(,w y 7,r x 0,!,(,r y 0,w y 8,)', wv=1),
                    attempt('2', 'C', 10, 19, 'r y 8'))

    def test_a_look_back(self) -> None:
        self.expect('', attempt('1', 'C', 0, 9,
                                'w x 1,(,w x 2,< 1,r x 1,w x 3,r x 3,>,r x 2,'
                                '< 0,r x 0,>,)', wv=1))

    def test_an_aborted_attempt_saw_half_a_commit(self) -> None:
        self.expect('opacity', attempt('1', 'C', 0, 10, 'w x 1,w y 1', wv=1),
                    attempt('2', 'A', 0, 20, 'r x 0,r y 1'))

    def test_a_running_attempt_saw_half_a_commit(self) -> None:
        self.expect('opacity', attempt('1', 'C', 0, 10, 'w x 1,w y 1', wv=1),
                    attempt('2', 'L', 0, None, 'r y 1,r x 0'))

    def test_a_lost_update(self) -> None:
        self.expect('serializability',
                    attempt('1', 'C', 0, 10, 'r x 0,w x 1', wv=1),
                    attempt('2', 'C', 0, 12, 'r x 0,w x 2', wv=2))

    def test_write_skew(self) -> None:
        self.expect('serializability',
                    attempt('1', 'C', 0, 10, 'r x 0,r y 0,w x 1', wv=1),
                    attempt('2', 'C', 0, 12, 'r x 0,r y 0,w y 2', wv=2))

    def test_one_stamp_for_two_commits(self) -> None:
        self.expect('stamp', attempt('1', 'C', 0, 10, 'w x 1', wv=1),
                    attempt('2', 'C', 0, 12, 'w y 2', wv=1))

    def test_an_old_state_is_read_after_a_commit(self) -> None:
        self.expect('real-time', attempt('1', 'C', 0, 10, 'w x 1', wv=1),
                    attempt('2', 'C', 11, 20, 'r x 0'))

    def test_two_readers_against_real_time(self) -> None:
        self.expect('real-time', attempt('1', 'C', 0, 90, 'w x 1', wv=1),
                    attempt('2', 'C', 5, 10, 'r x 1'),
                    attempt('3', 'C', 11, 20, 'r x 0'))

    def test_a_read_of_what_was_not_committed(self) -> None:
        for status in 'AXRL':
            self.expect('dirty-read',
                        attempt('1', status, 0, 10, 'w x 1'),
                        attempt('2', 'C', 3, 20, 'r x 1'))

    def test_a_read_of_what_was_overwritten(self) -> None:
        self.expect('dirty-read',
                    attempt('1', 'C', 0, 10, 'w x 1,w x 2', wv=1),
                    attempt('2', 'C', 3, 20, 'r x 1'))

    def test_a_read_of_an_undone_write(self) -> None:
        self.expect('nesting', attempt('1', 'C', 0, 9,
                                       'w y 3,(,w y 7,!,r y 7', wv=1))

    def test_a_look_back_at_the_newest_write(self) -> None:
        self.expect('nesting', attempt('1', 'C', 0, 9,
                                       'w x 1,(,w x 2,< 1,r x 2,>,)', wv=1))

    def test_two_reads_differ(self) -> None:
        self.expect('unrepeatable opacity',
                    attempt('1', 'C', 0, 9, 'w x 1', wv=1),
                    attempt('2', 'A', 0, 20, 'r x 0,r x 1'))

    def test_a_value_is_written_twice(self) -> None:
        self.expect('format', attempt('1', 'C', 0, 9, 'w x 1', wv=1),
                    attempt('2', 'A', 10, 20, 'w x 1'))

    def test_a_sleeper_is_not_woken(self) -> None:
        self.expect('lost-wakeup', attempt('1', 'R', 0, None, 'r x 0', blk=8),
                    attempt('2', 'C', 1, 20, 'w x 1', wv=1))

    def test_a_sleeper_is_not_woken_for_its_first_branch(self) -> None:
        self.expect('lost-wakeup',
                    attempt('1', 'R', 0, None, '(,r x 0,!,(,r y 0,!', blk=8),
                    attempt('2', 'C', 9, 20, 'w x 1', wv=1))

    def test_a_sleeper_is_saved_by_its_time_out(self) -> None:
        self.expect('lost-wakeup',
                    attempt('1', 'R', 0, 40, 'r x 0', blk=8, why='time'),
                    attempt('2', 'C', 9, 20, 'w x 1', wv=1))

    def test_a_time_out_before_its_turn(self) -> None:
        sleeper = attempt('1', 'R', 0, 40, 'r x 0', blk=8, why='time')
        woken = attempt('3', 'R', 0, 25, 'r x 0', reg=7, blk=8, why='wake')
        commit = attempt('2', 'C', 9, 20, 'w x 1', wv=1)
        after = {**attempt('4', 'C', 26, 45, 'r x 1'), 'th': 3}
        self.expect('', sleeper, commit, woken, after)
        self.expect('lost-wakeup', sleeper, commit, woken, {**after, 'e': 35})
        again = {**after, 'st': 'R', 'e': 60, 'blk': 30, 'why': 'time'}
        self.expect('', sleeper, commit, woken, {**again, 'left': 45})
        self.expect('lost-wakeup', sleeper, commit, woken,
                    {**again, 'left': 35})
        self.expect('', sleeper, commit, {**woken, 'e': 50, 'blk': 41})
        self.expect('lost-wakeup', sleeper, commit, {**woken, 'e': None})

    def test_a_time_out_while_another_registers(self) -> None:
        sleeper = attempt('1', 'R', 0, 40, 'r x 0', blk=8, why='time')
        commit = attempt('2', 'C', 9, 20, 'w x 1', wv=1)
        claimed = attempt('3', 'A', 0, 45, 'r x 0', reg=8)
        self.expect('', sleeper, commit, claimed)
        self.expect('', sleeper, commit, {**claimed, 'e': None, 'st': 'L'})
        self.expect('lost-wakeup', sleeper, commit, {**claimed, 'e': 35})
        self.expect('lost-wakeup', sleeper, commit, {**claimed, 'reg': 41})
        self.expect('lost-wakeup', sleeper, commit,
                    attempt('3', 'A', 0, 45, 'r x 0'))
        self.expect('lost-wakeup', sleeper, commit,
                    attempt('3', 'A', 0, 45, 'r y 0', reg=8))

    def test_a_time_out_beside_one_who_saw_the_change(self) -> None:
        self.expect('lost-wakeup',
                    attempt('1', 'R', 0, 40, 'r x 0', blk=8, why='time'),
                    attempt('2', 'C', 9, 20, 'w x 1', wv=1),
                    attempt('3', 'R', 21, 50, 'r x 1', reg=29, blk=30,
                            why='time'))

    def test_a_time_out_during_a_commit(self) -> None:
        self.expect('', attempt('1', 'R', 0, 18, 'r x 0', blk=8, why='time'),
                    attempt('2', 'C', 9, 20, 'w x 1', wv=1))

    def test_wake_ups_without_reason_are_counted(self) -> None:
        sleeper = attempt('1', 'R', 0, 30, 'r x 0', blk=8, why='wake')
        other = attempt('2', 'C', 9, 20, 'w y 1', wv=1)
        report = check(history_of([INITIAL, sleeper, other]))
        self.assertEqual(report.counts['spurious'], 1)
        self.assertEqual(report.violations, [])
        report = check(history_of([INITIAL, {**sleeper, 'hid': True}, other]))
        self.assertEqual(report.counts['spurious'], 0)

    def test_an_event_of_an_aborted_attempt(self) -> None:
        self.expect('event', attempt('1', 'A', 0, 9, 'w x 1,ev 5'), ran(5, 10))

    def test_an_event_of_an_undone_branch(self) -> None:
        self.expect('event', attempt('1', 'C', 0, 9, 'w x 1,(,ev 5,!', wv=1),
                    ran(5, 10))

    def test_an_event_is_lost(self) -> None:
        self.expect('event', attempt('1', 'C', 0, 9, 'w x 1,ev 5', wv=1))

    def test_an_event_runs_twice(self) -> None:
        self.expect('event', attempt('1', 'C', 0, 9, 'w x 1,ev 5', wv=1),
                    ran(5, 10), ran(5, 11))

    def test_events_change_places(self) -> None:
        self.expect('event', attempt('1', 'C', 0, 9, 'w x 1,ev 5', wv=1),
                    attempt('2', 'C', 10, 19, 'w x 2,ev 6', wv=2),
                    ran(6, 30), ran(5, 31))

    def test_an_action_runs_on_another_thread(self) -> None:
        self.expect('', attempt('1', 'C', 0, 9, 'w x 1,on 5', wv=1),
                    ran(5, 30, thread=1))
        self.expect('action', attempt('1', 'C', 0, 9, 'w x 1,on 5', wv=1),
                    ran(5, 30, thread=2))

    def test_an_invariant(self) -> None:
        records = [INITIAL, attempt('1', 'C', 0, 9, 'w x 1,w y 1', wv=1),
                   attempt('2', 'C', 10, 19, 'w x 2', wv=2)]
        report = check(history_of(records), lambda s: s['x'] == s['y'])
        self.assertEqual(report.kinds, {'invariant'})
        self.assertEqual(len(report.violations), 1)

    def test_a_stream_of_histories_is_split(self) -> None:
        lines = ['{"init": {}}\n', '{"end": true}\n', '{"init": {}}\n',
                 '{"ran": 1}\n', '{"init": {}}\n']
        self.assertEqual([len(own) for own in split(lines)], [2, 2, 1])


def possible(records: list[Record]) -> bool:
    """Search all orders for one that explains the history."""
    attempts = [record for record in records if 'id' in record]
    stamps = sorted(a['wv'] for a in attempts if a['wv'])
    for order in itertools.permutations(attempts):
        if [a['wv'] for a in order if a['wv']] != stamps:
            continue
        if any(later['e'] < earlier['b']
               for earlier, later in itertools.combinations(order, 2)):
            continue
        if explains(order):
            return True
    return False


def explains(order: tuple[Record, ...]) -> bool:
    """Run the attempts one after the other."""
    state = dict(INITIAL['init'])
    for one in order:
        local = dict(state)
        for letter, var, value in one['ops']:
            if letter == 'w':
                local[var] = value
            elif local[var] != value:
                return False
        if one['st'] == 'C':
            state = local
    return True


def small_history(source: random.Random) -> list[Record]:
    """Make a small history that is right or nearly so."""
    records = [INITIAL]
    values: dict[str, list[int]] = {'x': [0], 'y': [0]}
    stamp = 0
    for number in range(1, source.randint(2, 5) + 1):
        begin = source.randint(0, 30)
        own: dict[str, int] = {}
        operations: list[list[Any]] = []
        for count in range(source.randint(1, 3)):
            var = source.choice('xy')
            if source.random() < .35:
                own[var] = 100 * number + count
                operations.append(['w', var, own[var]])
            else:
                seen = own.get(var, source.choice(values[var][-2:]))
                operations.append(['r', var, seen])
        record = {'id': str(number), 'th': number, 'wv': None, 'b': begin,
                  'e': begin + source.randint(1, 25), 'ops': operations,
                  'st': source.choice('CCCA')}
        if own and record['st'] == 'C':
            stamp += 1
            record['wv'] = stamp
            for var, value in own.items():
                values[var].append(value)
        records.append(record)
    return records


class Searched(unittest.TestCase):
    """The checker agrees with a search through all orders."""

    def test_small_histories(self) -> None:
        source = random.Random(1)
        legal = 0
        for _ in range(SMALL_HISTORIES):
            records = small_history(source)
            expected = possible(records)
            report = check(history_of(records))
            legal += expected
            self.assertEqual(not report.violations, expected,
                             (records, report.violations))
        self.assertGreater(legal, SMALL_HISTORIES // 4)
        self.assertLess(legal, SMALL_HISTORIES * 3 // 4)


class Toys(unittest.TestCase):
    """The checker finds each defect, and none where there is none."""

    def test_a_correct_toy_is_found_correct(self) -> None:
        for seed in range(TOY_SEEDS):
            report = check(history_of(Toy(seed).records))
            self.assertEqual(report.violations, [], f'seed {seed}')

    def test_every_defect_is_found(self) -> None:
        for defect in DEFECTS:
            with self.subTest(defect):
                self.assertTrue(any(
                    check(history_of(Toy(seed, defect).records)).violations
                    for seed in range(TOY_SEEDS)))


if __name__ == '__main__':
    unittest.main()
