# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Compares adaptive pools with pools of a fixed size.

Loads are steady (a task every 2 ms), bursty (250 at once, every 2 s) and mixed
(both, with some computing).  Systems are the three policies, static-N, which is
the same pool with all of its limits at N, and static-mean, as many as the
aggressive policy had on average.  A row has the medians of the runs: tasks a
second; the milliseconds from when a task was due until it was done, of which
half and 99 in 100 take less; how many threads there were on average, and at
most; and the monitor's part of one core, in percent.

By default the processors may be as busy as they like, since other programs of
the machine are none of the pool's: --cpu-threshold.
"""

import argparse
import gc
import json
import math
import statistics
import sys
from typing import Any

import adaptiveloads
import adaptiveplot
import pyreport
from adaptiveloads import LOADS, POLICIES, Trial
from stm.adaptive import AdaptiveThreadPool

Row = dict[str, Any]

COLUMNS = {
    "tasks_per_s": ("tasks/s", 9, 0),
    "p50_ms": ("p50 ms", 8, 1),
    "p99_ms": ("p99 ms", 8, 1),
    "mean_threads": ("threads", 8, 1),
    "most_threads": ("most", 5, 0),
    "monitor_percent": ("monitor %", 10, 2),
}


def figures(trial: Trial) -> dict[str, float]:
    percentiles = statistics.quantiles(
        trial.latencies, n=100, method="inclusive"
    )
    return {
        "tasks_per_s": len(trial.latencies) / trial.took,
        "p50_ms": percentiles[49] * 1000,
        "p99_ms": percentiles[98] * 1000,
        "mean_threads": trial.threads,
        "most_threads": max(sample.threads for sample in trial.samples),
        "monitor_percent": trial.monitor * 100,
    }


class Bench:
    """One load on all systems, several times."""

    def __init__(self, load: str, options: argparse.Namespace) -> None:
        self.load = load
        self.options = options
        self.trials: dict[str, list[Trial]] = {}

    def _trial(self, system: str, pool: AdaptiveThreadPool) -> Trial:
        gc.collect()
        tasks = LOADS[self.load](self.options.seconds)
        trial = adaptiveloads.run(pool, tasks)
        self.trials.setdefault(system, []).append(trial)
        return trial

    def measure(self) -> None:
        """Run the systems in turn."""
        interval = self.options.interval
        for policy in POLICIES:
            pool = adaptiveloads.adaptive(
                policy, interval, self.options.cpu_threshold
            )
            trial = self._trial(policy, pool)
        mean = math.ceil(trial.threads)
        self._trial("static-mean", adaptiveloads.static(mean, interval))
        for size in self.options.threads:
            pool = adaptiveloads.static(size, interval)
            self._trial(f"static-{size}", pool)

    def rows(self) -> list[Row]:
        rows = []
        for system, trials in self.trials.items():
            found = [figures(trial) for trial in trials]
            row: Row = {"load": self.load, "system": system}
            for name in COLUMNS:
                row[name] = round(
                    statistics.median(each[name] for each in found), 3
                )
            rows.append({**row, "runs": len(trials)})
        return rows


def print_rows(rows: list[Row]) -> None:
    """Print a table, with each system's part of the best static one's rate."""
    best = max(
        row["tasks_per_s"]
        for row in rows
        if row["system"].startswith("static")
    )
    for row in rows:
        line = f"{row['load']:<7} {row['system']:<12}"
        for name, (_title, width, digits) in COLUMNS.items():
            line += f"{row[name]:>{width}.{digits}f}"
        print(f"{line}  {row['tasks_per_s'] / best:.2f} of the best static")


def print_head() -> None:
    line = f"{'load':<7} {'system':<12}"
    for title, width, _digits in COLUMNS.values():
        line += f"{title:>{width}}"
    print(line, flush=True)


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="adaptivebench", description=__doc__, allow_abbrev=False
    )
    parser.add_argument(
        "--loads",
        type=pyreport.names(list(LOADS), "load"),
        default=list(LOADS),
        metavar="NAME,...",
        help=f"of {', '.join(LOADS)} (default: all)",
    )
    parser.add_argument(
        "--threads",
        type=pyreport.counts,
        default=[2, 8, 16, 32],
        metavar="N,...",
        help="static sizes (default: 2,8,16,32)",
    )
    for name, default, what in (
        ("runs", 3, "of each, in turn"),
        ("seconds", 10, "of a load"),
        ("interval", 50, "of the monitor, in ms"),
    ):
        parser.add_argument(
            f"--{name}",
            type=pyreport.positive,
            default=default,
            metavar="N",
            help=f"{what} (default: {default})",
        )
    parser.add_argument(
        "--cpu-threshold",
        type=float,
        default=1.0,
        metavar="PART",
        help="of the adaptive pools (default: 1.0)",
    )
    parser.add_argument("--quick", action="store_true", help="one short run")
    parser.add_argument("--json", action="store_true", help="an array of rows")
    parser.add_argument(
        "--picture",
        metavar="PREFIX",
        help="write PREFIX.svg and PREFIX.png, with gnuplot or matplotlib",
    )
    options = parser.parse_args(argv)
    if options.quick:
        options.runs, options.seconds = 1, 4
    return options


def main(argv: list[str]) -> int:
    options = parse(argv)
    if options.picture is not None and not adaptiveplot.can_draw():
        print(
            "adaptivebench: neither gnuplot nor matplotlib is installed",
            file=sys.stderr,
        )
        return 2
    if not options.json:
        print_head()
    rows: list[Row] = []
    benches = [Bench(load, options) for load in options.loads]
    for bench in benches:
        for _ in range(options.runs):
            bench.measure()
        rows += bench.rows()
        if not options.json:
            print_rows(bench.rows())
    if options.json:
        json.dump(rows, sys.stdout, indent=1)
        print()
    if options.picture is not None:
        adaptiveplot.draw(
            options.picture,
            {
                bench.load: {
                    system: trials[-1].samples
                    for system, trials in bench.trials.items()
                    if system in POLICIES or system == "static-mean"
                }
                for bench in benches
            },
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
