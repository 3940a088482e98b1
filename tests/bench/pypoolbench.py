# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Measures pools of threads in Python beside the standard library's.

Systems are stm (stm.futures.ThreadPoolExecutor), stm-threadpool
(stm.threadutils.ThreadPool, which has no futures: join() takes their place)
and concurrent.futures; the threads are their workers, all there before a run
begins.  Each prints the median of the nanoseconds that an operation takes, with
the least and the greatest.  Only ratios between rows of one run mean something.

noop: submit a task that does nothing, and get its result, many at a time;
submit: the submitting thread's part of that, and submit-held, while all workers
are held; latency: a task every millisecond, from submit to result; burst: 100
tasks at once, to the last result; sqrt: a task of 10,000 square roots.  -cpu is
the processor's time in place of wall time, of all threads or, in submit, of the
submitting one; -p50 and -p99 are percentiles within a run.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from math import sqrt

import pypools
import pyreport
from pypools import Pool
from pyreport import Row

# Nanoseconds of an operation, by what is added to the bench's name.
Results = dict[str, float]


def nothing() -> None:
    pass


def roots() -> float:
    return sum(map(sqrt, range(10_000)))


def noop(pool: Pool, count: int) -> Results:
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    pool.collect([pool.submit(nothing) for _ in repeat(None, count)])
    return {
        "": (time.perf_counter_ns() - wall) / count,
        "-cpu": (time.process_time_ns() - cpu) / count,
    }


def submit(pool: Pool, count: int) -> Results:
    wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
    submitted = [pool.submit(nothing) for _ in repeat(None, count)]
    results = {
        "": (time.perf_counter_ns() - wall) / count,
        "-cpu": (time.thread_time_ns() - cpu) / count,
    }
    pool.collect(submitted)
    return results


def submit_held(pool: Pool, count: int) -> Results:
    with pool.held():
        begin = time.perf_counter_ns()
        submitted = [pool.submit(nothing) for _ in repeat(None, count)]
        took = time.perf_counter_ns() - begin
    pool.collect(submitted)
    return {"": took / count}


def every_millisecond(count: int) -> Iterator[None]:
    """Go on at each millisecond, or at once where that is over."""
    due = time.monotonic()
    for _ in repeat(None, count):
        due = max(due + 0.001, time.monotonic())
        time.sleep(max(0, due - time.monotonic()))
        yield


def latency(pool: Pool, count: int) -> Results:
    times = []
    for _ in every_millisecond(count):
        begin = time.perf_counter_ns()
        pool.collect([pool.submit(nothing)])
        times.append(time.perf_counter_ns() - begin)
    percentiles = statistics.quantiles(times, n=100, method="inclusive")
    return {"-p50": percentiles[49], "-p99": percentiles[98]}


def burst(pool: Pool, count: int) -> Results:
    times = []
    for _ in every_millisecond(count):
        begin = time.perf_counter_ns()
        pool.collect([pool.submit(nothing) for _ in repeat(None, 100)])
        times.append(time.perf_counter_ns() - begin)
    return {"-p50": statistics.median(times)}


def square_roots(pool: Pool, count: int) -> Results:
    begin = time.perf_counter_ns()
    pool.collect([pool.submit(roots) for _ in repeat(None, count)])
    return {"": (time.perf_counter_ns() - begin) / count}


@dataclass
class Bench:
    """What is done to a pool, once for so many of a run's tasks."""

    work: Callable[[Pool, int], Results]
    share: int = 1


BENCHES = {
    "noop": Bench(noop),
    "submit": Bench(submit),
    "submit-held": Bench(submit_held),
    "latency": Bench(latency, share=20),
    "burst": Bench(burst, share=100),
    "sqrt": Bench(square_roots, share=25),
}


def run(bench: Bench, system: str, workers: int, tasks: int) -> Results:
    """Measure a new pool.

    No collection before that: on a free-threaded interpreter it would make the
    next ones frequent, which costs the pool with the most objects the most.
    """
    pool = pypools.SYSTEMS[system](workers)
    try:
        with pool.held():
            pass
        return bench.work(pool, max(2, tasks // bench.share))
    finally:
        pool.end()


def measure(
    name: str, workers: int, systems: list[str], runs: int, tasks: int
) -> list[Row]:
    """Measure the systems in turn."""
    results: dict[str, list[Results]] = {system: [] for system in systems}
    for _ in range(runs):
        for system in systems:
            results[system].append(run(BENCHES[name], system, workers, tasks))
    return [
        pyreport.row(
            name + suffix,
            system,
            workers,
            [each[suffix] for each in results[system]],
        )
        for suffix in results[systems[0]][0]
        for system in systems
    ]


def parse(argv: list[str]) -> argparse.Namespace:
    parser = pyreport.parser(
        "pypoolbench",
        __doc__,
        list(BENCHES),
        list(pypools.SYSTEMS),
        [1, 2, 4],
    )
    parser.add_argument(
        "--tasks",
        type=pyreport.positive,
        default=5000,
        metavar="N",
        help="tasks of a run, fewer where they take longer (default: 5000)",
    )
    options = parser.parse_args(argv)
    if options.quick:
        options.runs, options.tasks = 3, 1000
    return options


def main(argv: list[str]) -> int:
    options = parse(argv)
    return pyreport.run(
        options,
        lambda name, threads: measure(
            name, threads, options.systems, options.runs, options.tasks
        ),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
