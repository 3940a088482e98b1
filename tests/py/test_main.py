# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""python -m stm says what a report of a bug should say."""

import os
import pathlib
import platform
import subprocess
import sys
import unittest

import stm
from stm import _stm

FIELDS = (
    *("stm", "Python", "compiled by", "build", "supported", "modules"),
    *("extension", "libstm", "system"),
)


class MainTest(unittest.TestCase):
    def run_main(self, *args):
        return subprocess.run(
            [sys.executable, "-m", "stm", *args],
            capture_output=True,
            text=True,
        )

    def facts(self):
        done = self.run_main()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = (line.split(":", 1) for line in done.stdout.splitlines())
        return {name: value.strip() for name, value in lines}

    def test_prints_a_line_for_each_fact(self):
        facts = self.facts()
        self.assertEqual(tuple(facts), FIELDS)
        for name, value in facts.items():
            self.assertTrue(value, f"expected a value for {name}")

    def test_says_which_version_of_what_it_is(self):
        facts = self.facts()
        self.assertEqual(facts["stm"], stm.__version__)
        self.assertIn(platform.python_version(), facts["Python"])
        self.assertRegex(facts["compiled by"], r"^(gcc|clang) \d+\.\d+\.\d+ ")
        self.assertIn("threadutils", facts["modules"])
        self.assertNotIn("_", facts["modules"])
        self.assertEqual(facts["extension"], _stm.__file__)
        library = pathlib.Path(facts["libstm"])
        self.assertTrue(library.exists(), f"expected {library} to exist")

    def test_says_how_it_was_built(self):
        shaken = os.environ.get("SHAKE", "no") != "no"
        build = self.facts()["build"]
        self.assertEqual("no shake mode" not in build, shaken, build)
        sanitized = "libasan" in os.environ.get("LD_PRELOAD", "")
        self.assertEqual("address sanitizer" in build, sanitized, build)

    def test_says_whether_there_is_a_gil(self):
        enabled = getattr(sys, "_is_gil_enabled", None)
        expected = "with a GIL"
        if _stm.build_info()["free_threaded"]:
            expected = f"its GIL {'on' if enabled() else 'off'}"
        self.assertIn(expected, self.facts()["Python"])

    def test_says_what_is_supported(self):
        words = self.facts()["supported"]
        self.assertIn("free threading", words)
        self.assertEqual("async" in words, hasattr(stm, "atomically_async"))

    def test_help_says_what_it_does(self):
        done = self.run_main("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("python -m stm", done.stdout)

    def test_refuses_arguments(self):
        for wrong in ("--nothing", "word"):
            done = self.run_main(wrong)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("usage: python -m stm", done.stderr)


if __name__ == "__main__":
    unittest.main()
