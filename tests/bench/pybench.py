# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Measures transactions in Python beside the same work under a lock.

Systems are stm, lock (`with lock: body()`) and plain: the bare cost of calling
a Python function that does the work.  Each prints the median of the nanoseconds
that an operation takes one thread, with the least and the greatest: of the
processor's time for one thread, of wall time for several.  Only ratios between
rows of one run mean something.
"""

import argparse
import statistics
import sys
import threading
import time

import pyreport
import pyworkloads
from pyreport import Row
from pyworkloads import Run, Workload


def timed_alone(run: Run, count: int) -> float:
    """Do count operations on this thread; return the seconds they took."""
    begin = time.thread_time()
    run(count)
    return time.thread_time() - begin


def timed_together(runs: list[Run], count: int) -> float:
    """Do count operations on a thread for each run.

    Return the mean of the seconds that they took.
    """
    barrier = threading.Barrier(len(runs))
    took: list[float] = []

    def work(run: Run) -> None:
        barrier.wait()
        begin = time.perf_counter()
        run(count)
        took.append(time.perf_counter() - begin)

    threads = [
        threading.Thread(target=work, args=(run,), daemon=True) for run in runs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statistics.mean(took)


class Subject:
    """A workload on one system with so many threads."""

    def __init__(self, workload: Workload, system: str, threads: int) -> None:
        self.workload = workload
        self.system = system
        self.threads = threads
        self.trial = workload.make(system, threads)
        self.count = 1
        self.results: list[float] = []

    def _run(self) -> float:
        runs = self.trial.runs
        self.trial.done += self.count
        if len(runs) == 1:
            return timed_alone(runs[0], self.count)
        return timed_together(runs, self.count)

    def calibrate(self, seconds: float) -> None:
        """Choose how many operations a run has."""
        while (took := self._run()) < seconds / 2:
            self.count *= 2 if took > seconds / 20 else 8
        self.count = max(1, int(self.count * seconds / took))

    def measure(self) -> None:
        operations = self.count * self.workload.scale
        self.results.append(self._run() / operations * 1e9)

    def row(self) -> Row:
        return pyreport.row(
            self.workload.name, self.system, self.threads, self.results
        )


def measure(
    workload: Workload,
    threads: int,
    systems: list[str],
    runs: int,
    seconds: float,
) -> list[Row]:
    """Measure the systems in turn and check what they leave behind."""
    subjects = [
        Subject(workload, system, threads)
        for system in systems
        if workload.has(system, threads)
    ]
    for subject in subjects:
        subject.calibrate(seconds)
    for _ in range(runs):
        for subject in subjects:
            subject.measure()
    for subject in subjects:
        subject.trial.check()
    return [subject.row() for subject in subjects]


WORKLOADS = {workload.name: workload for workload in pyworkloads.WORKLOADS}


def parse(argv: list[str]) -> argparse.Namespace:
    parser = pyreport.parser(
        "pybench", __doc__, list(WORKLOADS), pyworkloads.SYSTEMS, [1, 2]
    )
    parser.add_argument(
        "--milliseconds",
        type=pyreport.positive,
        default=50,
        metavar="N",
        help="the length of a run (default: 50)",
    )
    options = parser.parse_args(argv)
    if options.quick:
        options.runs, options.milliseconds = 3, 10
    return options


def main(argv: list[str]) -> int:
    options = parse(argv)
    return pyreport.run(
        options,
        lambda name, threads: measure(
            WORKLOADS[name],
            threads,
            options.systems,
            options.runs,
            options.milliseconds / 1000,
        ),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
