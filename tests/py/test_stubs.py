# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""The package's types are what it does, by mypy and its stubtest."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import sysconfig
import tempfile
import unittest

import stm

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = pathlib.Path(stm.__file__).parent
SAMPLE = HERE / "typed_sample.py"

# What stubtest is not to complain of, each with its reason.
ALLOWED = r"""
# The modules are their own stubs: what they import for themselves, under a
# name that begins with _, is other packages' concern.
stm(\.\w+)?\._(?!stm\b).*
# By its slot, __init__ could take anything; inspect.signature() of the type
# says that it takes nothing.
stm\.\w+\.(BroadcastQueue|Future|TFuture|TPriorityQueue)\.__init__
stm\.\w+\.TWeakRef\.__call__
"""


def mypy_python():
    """Return an interpreter that has mypy and can import the extension."""
    if importlib.util.find_spec("mypy") is not None:
        return sys.executable
    # An extension is as good for another interpreter of the same ABI.
    question = "import mypy, sysconfig as s; print(s.get_config_var('SOABI'))"
    abi = sysconfig.get_config_var("SOABI") + "\n"
    for folder in os.get_exec_path():
        python = os.path.join(folder, "python3")
        if not os.path.exists(python):
            continue
        done = subprocess.run(
            [python, "-c", question], capture_output=True, text=True
        )
        if done.stdout == abi:
            return python
    return None


@unittest.skipIf(
    os.environ.get("LD_PRELOAD"), "mypy says the same with a sanitizer"
)
class StubTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.python = mypy_python()
        if cls.python is None:
            raise unittest.SkipTest("mypy is not installed")

    def mypy(self, module, *args):
        """Run one of mypy's programs; return its status and output."""
        with tempfile.TemporaryDirectory() as cache:
            done = subprocess.run(
                [self.python, "-m", module, *args],
                cwd=cache,
                env={
                    **os.environ,
                    "MYPYPATH": str(PACKAGE.parent),
                    "MYPY_CACHE_DIR": cache,
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        return done.returncode, done.stdout

    def test_the_stubs_say_what_the_extension_has(self):
        with tempfile.NamedTemporaryFile("w") as allowed:
            allowed.write(ALLOWED)
            allowed.flush()
            status, output = self.mypy(
                "mypy.stubtest",
                *("--concise", "--allowlist", allowed.name),
                "--ignore-unused-allowlist",
                "stm",
            )
        self.assertEqual(status, 0, output)

    def test_the_package_is_strictly_typed(self):
        status, output = self.mypy("mypy", "--strict", str(PACKAGE))
        self.assertEqual(status, 0, output)

    def test_programs_get_the_types_and_errors_that_they_expect(self):
        """Each line of the sample ends in what mypy has to say of it."""
        expected = {
            number: line.partition("#: ")[2]
            for number, line in enumerate(SAMPLE.read_text().splitlines(), 1)
            if "#: " in line
        }
        _, output = self.mypy(
            *("mypy", "--strict", "--no-error-summary", "--hide-error-context"),
            str(SAMPLE),
        )
        said = re.compile(
            r".*:(\d+): (?:error: .*\[([a-z-]+)\]"
            r'|note: Revealed type is "(.*)")'
        )
        found = {
            int(match[1]): match[2] or match[3]
            for match in map(said.fullmatch, output.splitlines())
            if match
        }
        self.maxDiff = None
        self.assertEqual(found, expected, output)


if __name__ == "__main__":
    unittest.main()
