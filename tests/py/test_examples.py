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


if __name__ == "__main__":
    unittest.main()
