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
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable

import pyworkloads
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

    def row(self) -> dict[str, object]:
        return {
            "bench": self.workload.name,
            "system": self.system,
            "threads": self.threads,
            "ns_per_op": round(statistics.median(self.results), 1),
            "min": round(min(self.results), 1),
            "max": round(max(self.results), 1),
            "runs": len(self.results),
        }


def measure(
    workload: Workload,
    threads: int,
    systems: list[str],
    runs: int,
    seconds: float,
) -> list[dict[str, object]]:
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


def print_table(rows: list[dict[str, object]], last: object) -> None:
    """Print the rows of one workload; stm's ratio to the others is its cost."""
    own = {
        row["threads"]: row["ns_per_op"]
        for row in rows
        if row["system"] == "stm"
    }
    for row in rows:
        ratio = ""
        if row["system"] != "stm" and row["threads"] in own:
            ratio = f"stm is {own[row['threads']] / row['ns_per_op']:.2f}x"
        print(
            f"{row['bench']:<18}{row['threads']:>2} {row['system']:<6}"
            f"{row['ns_per_op']:>10.1f}{row['min']:>10.1f}{row['max']:>10.1f}"
            f"  {ratio}".rstrip(),
            flush=True,
        )


def names(known: list[str], what: str) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"no {what} '{name}', expected some of {', '.join(known)}"
                )
        return chosen

    return parse


def positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"'{text}', expected a whole number from 1"
        )
    return int(text)


def counts(text: str) -> list[int]:
    return [positive(part) for part in text.split(",")]


def parse(argv: list[str]) -> argparse.Namespace:
    known = [workload.name for workload in pyworkloads.WORKLOADS]
    parser = argparse.ArgumentParser(
        prog="pybench", description=__doc__, allow_abbrev=False
    )
    parser.add_argument(
        "--benches",
        type=names(known, "bench"),
        default=known,
        metavar="NAME,...",
        help="these (default: all)",
    )
    parser.add_argument(
        "--systems",
        type=names(pyworkloads.SYSTEMS, "system"),
        default=pyworkloads.SYSTEMS,
        metavar="NAME,...",
        help=f"of {', '.join(pyworkloads.SYSTEMS)} (default: all)",
    )
    parser.add_argument(
        "--threads",
        type=counts,
        default=[1, 2],
        metavar="N,...",
        help="with so many threads (default: 1,2)",
    )
    parser.add_argument(
        "--runs", type=positive, default=9, metavar="N", help="(default: 9)"
    )
    parser.add_argument(
        "--milliseconds",
        type=positive,
        default=50,
        metavar="N",
        help="the length of a run (default: 50)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="3 short runs of each"
    )
    parser.add_argument(
        "--json", action="store_true", help="an array of rows, not a table"
    )
    parser.add_argument(
        "--list", action="store_true", help="the names of the benches"
    )
    options = parser.parse_args(argv)
    if options.quick:
        options.runs, options.milliseconds = 3, 10
    return options


def main(argv: list[str]) -> int:
    options = parse(argv)
    if options.list:
        print(*options.benches, sep="\n")
        return 0
    rows: list[dict[str, object]] = []
    if not options.json:
        print("bench           threads system     ns/op       min       max")
    for workload in pyworkloads.WORKLOADS:
        for threads in options.threads:
            if workload.name not in options.benches:
                continue
            try:
                new = measure(
                    workload,
                    threads,
                    options.systems,
                    options.runs,
                    options.milliseconds / 1000,
                )
            except AssertionError as error:
                print(f"pybench: {workload.name}: {error}", file=sys.stderr)
                return 1
            rows += new
            if not options.json:
                print_table(new, rows)
    if not rows:
        print(
            "pybench: no such bench for so many threads and these systems",
            file=sys.stderr,
        )
        return 2
    if options.json:
        json.dump(rows, sys.stdout, indent=1)
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
