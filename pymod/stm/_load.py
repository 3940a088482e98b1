# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""How busy the machine is, and how much of it this process may use.

A Reading holds counters as the kernel keeps them, and load() makes of two of
them what was used in between.  What cannot be read, since it does not exist or
is hidden, counts as no limit.
"""

import os as _os
import re as _re
import time as _time
from collections.abc import Callable as _Callable, Iterator as _Iterator
from typing import NamedTuple

_MEBIBYTE = 1 << 20

# Bytes of a file: what matters comes first.
_ENOUGH = 1 << 17

# Of a line of /proc/stat: user, nice, system, idle, iowait, irq, softirq and
# steal; what follows is part of user and nice.
_FIELDS = 8
_IDLE = (3, 4)


class Quota(NamedTuple):
    """A control group that may use so much of the processors."""

    path: str
    used: float  # seconds of processor time
    processors: float  # how many it may keep busy


class Reading(NamedTuple):
    """Counters at one moment."""

    moment: float
    # Ticks of the processors that this process may run on, which are these.
    busy: int
    total: int
    processors: frozenset[int]
    quotas: tuple[Quota, ...]
    memory: int | None  # bytes


class Load(NamedTuple):
    """What was used between two readings, each as a part of what there is."""

    cpu: float | None  # of the processors
    quota: float | None  # of the tightest quota
    memory_mb: float | None  # available to this process at the end


class Sampler:
    """Reads the counters below a root directory."""

    def __init__(
        self,
        root: str = "/",
        *,
        processors: _Callable[[], set[int]] = lambda: _os.sched_getaffinity(0),
        clock: _Callable[[], float] = _time.monotonic,
    ) -> None:
        self._root = root.rstrip("/")
        self._processors = processors
        self._clock = clock
        mounts = list(self._mounts())
        self._cpu = _Controller(self, "cpu", mounts)
        self._usage = _Controller(self, "cpuacct", mounts)
        self._memory = _Controller(self, "memory", mounts)

    def read(self) -> Reading:
        """Return the counters as they are now."""
        processors = frozenset(self._processors())
        busy, total = self._ticks(processors)
        return Reading(
            self._clock(),
            busy,
            total,
            processors,
            tuple(self._quotas()),
            self._available(),
        )

    def text(self, path: str) -> str:
        """Return what is in a file; nothing where it cannot be read."""
        # The kernel's files are read often, and are made up at each reading.
        try:
            file = _os.open(self._root + path, _os.O_RDONLY | _os.O_CLOEXEC)
        except OSError:
            return ""
        try:
            return _os.read(file, _ENOUGH).decode("utf-8", "replace")
        except OSError:
            return ""
        finally:
            _os.close(file)

    def number(self, path: str) -> int | None:
        """Return the number in a file; None where there is none."""
        try:
            return int(self.text(path))
        except ValueError:
            return None

    def _mounts(self) -> _Iterator["_Mount"]:
        for line in self.text("/proc/self/mountinfo").splitlines():
            before, _, after = line.partition(" - ")
            words, kind = before.split(), after.split()
            if len(words) < 5 or len(kind) < 3:
                continue
            if kind[0] in ("cgroup", "cgroup2"):
                controllers = frozenset(kind[2].split(","))
                unified = kind[0] == "cgroup2"
                yield _Mount(words[3], words[4], unified, controllers)

    def _ticks(self, processors: frozenset[int]) -> tuple[int, int]:
        """Return for how long those were busy, and there at all."""
        busy = total = 0
        for line in self.text("/proc/stat").splitlines():
            name, *words = line.split()
            if not name.startswith("cpu"):
                break  # they come first
            if name == "cpu" or int(name[3:]) not in processors:
                continue
            ticks = [int(word) for word in words[:_FIELDS]]
            total += sum(ticks)
            busy += sum(ticks) - sum(ticks[i] for i in _IDLE)
        return busy, total

    def _quotas(self) -> _Iterator[Quota]:
        for path in self._cpu.groups:
            if self._cpu.unified:
                allowed = _ratio(self.text(f"{path}/cpu.max").split())
                used = _entry(self.text(f"{path}/cpu.stat"), "usage_usec")
                unit = 1e-6
            else:
                allowed = _ratio(
                    [
                        self.text(f"{path}/cpu.cfs_quota_us"),
                        self.text(f"{path}/cpu.cfs_period_us"),
                    ]
                )
                group = self._usage.same(self._cpu, path)
                used = self.number(f"{group}/cpuacct.usage")
                unit = 1e-9
            if allowed is not None and used is not None:
                yield Quota(path, used * unit, allowed)

    def _available(self) -> int | None:
        """Return the bytes that are left until something is short of them."""
        free = _entry(self.text("/proc/meminfo"), "MemAvailable:")
        found = [] if free is None else [free * 1024]
        version = self._memory.unified
        names = _MEMORY_FILES[version]
        for path in self._memory.groups:
            limit = self.number(f"{path}/{names.limit}")
            if limit is None or limit >= _NO_LIMIT:
                continue
            used = self.number(f"{path}/{names.used}")
            if used is None:
                continue
            # Files that nobody uses make room when there is need of it.
            cache = _entry(self.text(f"{path}/memory.stat"), names.cache)
            found.append(max(limit - used + (cache or 0), 0))
        return min(found, default=None)


class _Mount(NamedTuple):
    root: str  # the group that is seen at the point
    point: str
    unified: bool  # version 2, where all controllers share one tree
    controllers: frozenset[str]


class _MemoryFiles(NamedTuple):
    limit: str
    used: str
    cache: str


_MEMORY_FILES = {
    False: _MemoryFiles(
        "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    ),
    True: _MemoryFiles("memory.max", "memory.current", "inactive_file"),
}

# Version 1 says that there is no limit by a huge one.
_NO_LIMIT = 1 << 60


class _Controller:
    """The groups, of one controller, that this process is in."""

    def __init__(
        self, sampler: Sampler, name: str, mounts: list[_Mount]
    ) -> None:
        self.unified = False
        self.point = ""
        # From the process's own to the outermost that can be seen.
        self.groups: list[str] = []
        own, shared = _own_groups(sampler.text("/proc/self/cgroup"), name)
        for mount in mounts:
            if own is not None and name in mount.controllers:
                self._take(mount, own)
                return
        for mount in mounts:
            if shared is not None and mount.unified:
                self._take(mount, shared)
                return

    def _take(self, mount: _Mount, group: str) -> None:
        self.unified = mount.unified
        self.point = mount.point
        inside = group
        if mount.root != "/":
            # Of a container the root is mounted where it sees all there is.
            inside = group.removeprefix(mount.root)
        parts = [part for part in inside.split("/") if part not in ("", "..")]
        for count in range(len(parts), -1, -1):
            self.groups.append("/".join([mount.point, *parts[:count]]))

    def same(self, other: "_Controller", path: str) -> str:
        """Return the path, of this controller, of a group of another's."""
        return self.point + path.removeprefix(other.point)


def _own_groups(text: str, name: str) -> tuple[str | None, str | None]:
    """Return the group of a controller, and that of the shared tree."""
    own = shared = None
    for line in text.splitlines():
        match = _re.fullmatch(r"\d+:([^:]*):(.*)", line)
        if match is None:
            continue
        if not match[1]:
            shared = match[2]
        elif name in match[1].split(","):
            own = match[2]
    return own, shared


def _ratio(words: list[str]) -> float | None:
    """Return quota / period; None where there is no quota."""
    try:
        quota, period = (int(word) for word in words)
    except ValueError:  # "max", or nothing
        return None
    return quota / period if quota > 0 and period > 0 else None


def _entry(text: str, name: str) -> int | None:
    """Return the number that follows a name at the begin of a line."""
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == name and words[1].isdecimal():
            return int(words[1])
    return None


def _between(part: float, whole: float) -> float | None:
    """Return part / whole in 0 to 1; None where no time has passed."""
    return min(max(part / whole, 0.0), 1.0) if whole > 0 else None


def load(before: Reading, after: Reading) -> Load:
    """Return what was used between two readings.

    None stands for what cannot be said: too little time has passed, there is
    no such limit, or it cannot be read.
    """
    cpu = None
    if before.processors == after.processors:
        cpu = _between(after.busy - before.busy, after.total - before.total)
    passed = after.moment - before.moment
    used = {quota.path: quota.used for quota in before.quotas}
    parts = [
        _between(quota.used - used[quota.path], quota.processors * passed)
        for quota in after.quotas
        if quota.path in used
    ]
    memory = None if after.memory is None else after.memory / _MEBIBYTE
    known = [part for part in parts if part is not None]
    return Load(cpu, max(known, default=None), memory)
