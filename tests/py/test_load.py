# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What is read of the machine and of its limits, from files made up."""

import os
import pathlib
import tempfile
import unittest

from stm._load import Load, Quota, Reading, Sampler, load

MEBIBYTE = 1 << 20

STAT = """\
cpu  {all}
cpu0 {first}
cpu1 {second}
cpu10 {third}
intr 1 2 3
ctxt 4
"""

MEMINFO = """\
MemTotal:       16000000 kB
MemFree:          100000 kB
MemAvailable:    8388608 kB
"""

VERSION_1 = """\
35 31 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/cgroup/acct rw,relatime - cgroup cgroup rw,cpuacct
40 31 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""

VERSION_2 = """\
24 30 0:22 / /proc rw,nosuid shared:13 - proc proc rw
29 30 0:26 {root} /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw
"""


class LoadTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.now = 100.0
        self.processors = {0, 1}
        self.write("proc/meminfo", MEMINFO)
        self.ticks()

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(text))

    def ticks(self, first="0 0 0 0", second="0 0 0 0", third="9 9 9 9"):
        text = STAT.format(all="5 5 5 5", **{
            name: value + " 0 0 0 0 0 0"
            for name, value in
            {"first": first, "second": second, "third": third}.items()
        })
        self.write("proc/stat", text)

    def sampler(self):
        return Sampler(
            str(self.root),
            processors=lambda: self.processors,
            clock=lambda: self.now,
        )

    def version_1(self, files={}):
        self.write("proc/self/mountinfo", VERSION_1)
        self.write(
            "proc/self/cgroup",
            "5:cpu:/box/task\n4:memory:/box\n3:cpuacct:/box/task\n0::/other\n",
        )
        self.groups(files)

    def version_2(self, files={}, root="/"):
        self.write("proc/self/mountinfo", VERSION_2.format(root=root))
        self.write("proc/self/cgroup", "0::/box/task\n")
        self.groups(files)

    def groups(self, files):
        for path, text in files.items():
            self.write(f"sys/fs/cgroup/{path}", text)

    # ---- processors ----

    def test_cpu_is_the_busy_part_of_the_ticks_in_between(self):
        self.ticks("10 0 10 80", "0 0 0 100")
        sampler = self.sampler()
        before = sampler.read()
        self.ticks("40 10 20 130", "5 0 5 190")
        after = sampler.read()
        # The first was busy for 50 of 100 ticks, the second for 10 of 100.
        self.assertEqual(load(before, after).cpu, 60 / 200)

    def test_only_processors_that_the_process_may_use_count(self):
        for processors, expected in (({0}, 1.0), ({1}, 0.0), ({10}, 0.5)):
            self.processors = processors
            self.ticks()
            sampler = self.sampler()
            before = sampler.read()
            self.ticks("10 0 0 0", "0 0 0 10", "14 9 9 14")
            self.assertEqual(load(before, sampler.read()).cpu, expected)

    def test_waiting_for_a_disk_is_not_being_busy(self):
        self.processors = {0}
        sampler = self.sampler()
        before = sampler.read()
        self.write("proc/stat", "cpu 0\ncpu0 5 0 0 0 5 5 5 0 0 0\n")
        self.assertEqual(load(before, sampler.read()).cpu, 15 / 20)

    def test_time_that_others_took_of_a_virtual_machine_is_not_to_be_had(self):
        self.processors = {0}
        sampler = self.sampler()
        before = sampler.read()
        self.write("proc/stat", "cpu 0\ncpu0 0 0 0 5 0 0 0 15 0 0\n")
        self.assertEqual(load(before, sampler.read()).cpu, 15 / 20)

    def test_time_that_guests_took_is_counted_once(self):
        self.processors = {0}
        sampler = self.sampler()
        before = sampler.read()
        self.write("proc/stat", "cpu 0\ncpu0 10 0 0 10 0 0 0 0 10 10\n")
        self.assertEqual(load(before, sampler.read()).cpu, 10 / 20)

    def test_nothing_is_said_of_no_time(self):
        reading = self.sampler().read()
        self.assertIsNone(load(reading, reading).cpu)

    def test_nothing_is_said_of_other_processors_than_before(self):
        sampler = self.sampler()
        before = sampler.read()
        self.processors = {0}
        self.ticks("10 0 0 0")
        self.assertIsNone(load(before, sampler.read()).cpu)

    def test_counters_that_go_backwards_are_no_load(self):
        self.ticks("50 0 0 100", "0 0 0 0")
        sampler = self.sampler()
        before = sampler.read()
        self.ticks("40 0 0 150", "0 0 0 0")
        self.assertEqual(load(before, sampler.read()).cpu, 0.0)

    def test_files_that_cannot_be_read_say_nothing(self):
        for path in ("proc/stat", "proc/meminfo"):
            os.unlink(self.root / path)
        sampler = self.sampler()
        before, self.now = sampler.read(), 101.0
        self.assertEqual(
            load(before, sampler.read()), Load(None, None, None)
        )

    # ---- quotas ----

    def quota(self, sampler, change):
        before = sampler.read()
        change()
        self.now += 2.0
        return load(before, sampler.read()).quota

    def test_a_quota_of_version_2_is_respected(self):
        self.version_2({
            "box/cpu.max": "150000 100000\n",
            "box/cpu.stat": "usage_usec 1000000\nuser_usec 7\n",
        })

        def change():
            self.groups({"box/cpu.stat": "usage_usec 2500000\n"})

        # 1.5 s in 2 s, of 1.5 processors.
        self.assertEqual(self.quota(self.sampler(), change), 0.5)

    def test_a_quota_of_version_1_is_respected(self):
        self.version_1({
            "cpu/box/task/cpu.cfs_quota_us": "50000\n",
            "cpu/box/task/cpu.cfs_period_us": "100000\n",
            "acct/box/task/cpuacct.usage": "5000000000\n",
        })

        def change():
            self.groups({"acct/box/task/cpuacct.usage": "6000000000\n"})

        # 1 s in 2 s, of half a processor.
        self.assertEqual(self.quota(self.sampler(), change), 1.0)

    def test_the_tightest_of_several_quotas_counts(self):
        self.version_2({
            "cpu.max": "400000 100000",
            "cpu.stat": "usage_usec 0",
            "box/cpu.max": "200000 100000",
            "box/cpu.stat": "usage_usec 0",
            "box/task/cpu.max": "max 100000",
            "box/task/cpu.stat": "usage_usec 0",
        })

        def change():
            self.groups({
                "cpu.stat": "usage_usec 6000000",
                "box/cpu.stat": "usage_usec 1000000",
            })

        self.assertEqual(self.quota(self.sampler(), change), 0.75)

    def test_without_a_quota_nothing_is_said(self):
        self.version_1({
            "cpu/box/cpu.cfs_quota_us": "-1\n",
            "cpu/box/cpu.cfs_period_us": "100000\n",
            "acct/box/cpuacct.usage": "5\n",
        })
        self.assertIsNone(self.quota(self.sampler(), lambda: None))
        self.version_2({"box/cpu.max": "max 100000\n"})
        self.assertIsNone(self.quota(self.sampler(), lambda: None))

    def test_a_quota_that_appears_counts_from_the_next_reading_on(self):
        self.version_2({"box/cpu.stat": "usage_usec 0"})
        sampler = self.sampler()

        def change():
            self.groups({"box/cpu.max": "100000 100000"})

        self.assertIsNone(self.quota(sampler, change))

        def use():
            self.groups({"box/cpu.stat": "usage_usec 1000000"})

        self.assertEqual(self.quota(sampler, use), 0.5)

    def test_a_container_sees_its_group_at_the_root(self):
        self.version_2(
            {"cpu.max": "100000 100000", "cpu.stat": "usage_usec 0"},
            root="/box/task",
        )

        def change():
            self.groups({"cpu.stat": "usage_usec 500000"})

        self.assertEqual(self.quota(self.sampler(), change), 0.25)

    def test_a_group_within_a_container_is_seen_below_the_root(self):
        self.version_2(
            {
                "cpu.max": "max 100000",
                "inner/cpu.max": "100000 100000",
                "inner/cpu.stat": "usage_usec 0",
            },
            root="/box/task",
        )
        self.write("proc/self/cgroup", "0::/box/task/inner\n")

        def change():
            self.groups({"inner/cpu.stat": "usage_usec 500000"})

        self.assertEqual(self.quota(self.sampler(), change), 0.25)

    def test_files_of_nonsense_are_no_quota(self):
        for text in ("", "x y", "0 100000", "5 0", "-3 100000", "1 2 3"):
            self.version_2({
                "box/cpu.max": text,
                "box/cpu.stat": "usage_usec 0",
            })
            with self.subTest(text):
                self.assertEqual(self.sampler().read().quotas, ())

    # ---- memory ----

    def available(self):
        reading = self.sampler().read()
        return load(reading, reading).memory_mb

    def test_memory_is_what_the_kernel_says_is_available(self):
        self.assertEqual(self.available(), 8192)

    def test_memory_is_bounded_by_the_group_of_version_2(self):
        self.version_2({
            "box/memory.max": 512 * MEBIBYTE,
            "box/memory.current": 300 * MEBIBYTE,
            "box/memory.stat": f"anon 5\ninactive_file {40 * MEBIBYTE}\n",
            "box/task/memory.max": "max\n",
            "box/task/memory.current": 9 * MEBIBYTE,
        })
        self.assertEqual(self.available(), 252)

    def test_memory_is_bounded_by_the_group_of_version_1(self):
        self.version_1({
            "memory/box/memory.limit_in_bytes": 64 * MEBIBYTE,
            "memory/box/memory.usage_in_bytes": 70 * MEBIBYTE,
        })
        self.assertEqual(self.available(), 0)
        self.groups({
            "memory/box/memory.stat": f"total_inactive_file {16 * MEBIBYTE}\n"
        })
        self.assertEqual(self.available(), 10)

    def test_a_huge_limit_of_version_1_is_none(self):
        self.version_1({
            "memory/box/memory.limit_in_bytes": 9223372036854771712,
            "memory/box/memory.usage_in_bytes": 5,
        })
        self.assertEqual(self.available(), 8192)
        os.unlink(self.root / "proc/meminfo")
        self.assertIsNone(self.available())

    # ---- this machine ----

    def test_reads_the_real_files(self):
        reading = Sampler().read()
        self.assertGreater(reading.total, 0)
        self.assertGreaterEqual(reading.total, reading.busy)
        self.assertEqual(reading.processors, os.sched_getaffinity(0))
        self.assertGreater(reading.memory, 0)

    def test_a_load_is_a_part_of_a_whole(self):
        quota = Quota("/", 0.0, 1.0)
        before = Reading(0.0, 0, 0, frozenset({0}), (quota,), None)
        after = before._replace(
            moment=1.0, busy=7, total=5, quotas=(quota._replace(used=3.0),)
        )
        self.assertEqual(load(before, after), Load(1.0, 1.0, None))


if __name__ == "__main__":
    unittest.main()
