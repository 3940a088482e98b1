# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""The Python examples do what their twins in C do."""

import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from support import Case, LIMIT

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


class ExampleTest(Case):
    def run_example(self, name, *args, status=0):
        done = subprocess.run(
            [sys.executable, EXAMPLES / name, *args],
            capture_output=True,
            timeout=LIMIT,
        )
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def tree(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        top = pathlib.Path(folder.name)
        for i in range(200):
            place = top / f"{i % 7}" / f"{i % 3} x"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{i}").write_bytes(bytes([i]) * i * 100)
        (top / "link").symlink_to("0")
        return top


class Sha256TreeTest(ExampleTest):
    def test_prints_what_sha256sum_prints(self):
        top = os.fsencode(self.tree())
        paths = subprocess.check_output(["find", top, "-type", "f", "-print0"])
        paths = sorted(paths.split(b"\0")[:-1])
        expected = subprocess.check_output(["sha256sum", *paths])
        for threads in ("1", "4"):
            done = self.run_example("sha256tree.py", "--threads", threads, top)
            self.assertEqual(done.stdout, expected)
            self.assertEqual(done.stderr, b"")

    def test_escapes_names_as_sha256sum_does(self):
        top = self.tree()
        for name in ("a\\b", "c\nd", "e\rf"):
            (top / name).write_text(name)
        done = self.run_example("sha256tree.py", top)
        subprocess.run(
            ["sha256sum", "--check", "--quiet", "-"],
            input=done.stdout,
            check=True,
        )
        for text in (b"a\\b", b"c\nd"):
            digest = hashlib.sha256(text).hexdigest().encode()
            self.assertIn(b"\\" + digest, done.stdout)

    def test_says_what_it_cannot_read_and_does_the_rest(self):
        top = self.tree()
        done = self.run_example("sha256tree.py", "/nonexistent", top, status=1)
        self.assertEqual(
            done.stderr,
            b"sha256tree: /nonexistent: No such file or directory\n",
        )
        self.assertEqual(done.stdout.count(b"\n"), 200)

    def test_prints_counts_when_asked(self):
        done = self.run_example("sha256tree.py", "--stats", self.tree())
        self.assertIn(b"commits", done.stderr)

    def test_without_a_path_says_so(self):
        self.run_example("sha256tree.py", status=2)


class ThreadPoolTest(ExampleTest):
    def test_prints_every_change_of_the_counts(self):
        done = self.run_example(
            "threadpool.py",
            *("--threads", "5", "--tasks", "50"),
            *("--task-ms", "1", "--keep-alive", "0.01"),
        )
        lines = done.stdout.decode().splitlines()
        counts = [
            [int(word) for word in line.split() if word.isdigit()]
            for line in lines
            if "scheduled," in line
        ]
        self.assertEqual(counts[0], [50, 0, 5, 0, 45])
        self.assertEqual(counts[-1], [50, 50, 0, 0, 0])
        for before, after in zip(counts, counts[1:]):
            self.assertNotEqual(before, after)
            self.assertLessEqual(before[1], after[1])
            self.assertLessEqual(after[2], 5)
        self.assertTrue(any("commits" in line for line in lines))


class NumbersTest(ExampleTest):
    """The programs whose options are all numbers."""

    def lines(self, name, *args):
        done = self.run_example(name, *args)
        self.assertEqual(done.stderr, b"")
        return done.stdout.decode().splitlines()

    def test_the_bank_keeps_its_total(self):
        for accounts, clerks in ((10, 4), (2, 7)):
            ways, total = self.lines(
                "bank.py",
                *("--accounts", str(accounts)),
                *("--clerks", str(clerks)),
                *("--transfers", "200"),
            )
            counts = [int(word) for word in ways.split() if word.isdigit()]
            self.assertEqual(sum(counts), 200 * clerks)
            self.assertEqual(total, f"{accounts} accounts hold {accounts}00")

    def test_the_queue_loses_nothing(self):
        for producers, consumers, capacity in ((1, 1, 1), (1, 3, 1), (3, 2, 9)):
            lines = self.lines(
                "boundedqueue.py",
                *("--producers", str(producers)),
                *("--consumers", str(consumers)),
                *("--capacity", str(capacity)),
                *("--items", "200"),
            )
            count = 200 * producers
            total = count * (count + 1) // 2
            self.assertEqual(
                lines, [f"{count} items came through, their sum is {total}"]
            )

    def test_the_total_is_told_at_each_tenth(self):
        lines = self.lines("total.py", "--parts", "3", "--changes", "50")
        tenths = [str(20 * i) for i in range(1, 11)]
        self.assertEqual(lines, [*tenths, "3 parts add up to 200"])

    def test_bad_usage_is_refused(self):
        for name, option in (
            ("bank.py", "--accounts"),
            ("boundedqueue.py", "--capacity"),
            ("total.py", "--parts"),
        ):
            for wrong in ("0", "-1", "x", "", "99999999999999999999"):
                done = self.run_example(name, option, wrong, status=2)
                self.assertIn(f"{option}: invalid".encode(), done.stderr)
            self.run_example(name, "surplus", status=2)
            self.assertIn(option.encode(), self.run_example(name, "-h").stdout)


if __name__ == "__main__":
    unittest.main()
