# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What the benchmarks in Python share: options, rows, and the table of them."""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterable
from typing import Any

Row = dict[str, Any]


def row(bench: str, system: str, threads: int, results: list[float]) -> Row:
    """The median of the runs' nanoseconds, the least and the greatest."""
    return {
        "bench": bench,
        "system": system,
        "threads": threads,
        "ns_per_op": round(statistics.median(results), 1),
        "min": round(min(results), 1),
        "max": round(max(results), 1),
        "runs": len(results),
    }


# ---- options ----


def names(known: list[str], what: str) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"no {what} '{name}', expected some of {', '.join(known)}"
                )
        return [name for name in known if name in chosen]

    return parse


def positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"'{text}', expected a whole number from 1"
        )
    return int(text)


def counts(text: str) -> list[int]:
    return [positive(part) for part in text.split(",")]


def parser(
    program: str,
    description: str | None,
    benches: list[str],
    systems: list[str],
    threads: list[int],
) -> argparse.ArgumentParser:
    """Make a parser of the options that every benchmark has."""
    made = argparse.ArgumentParser(
        prog=program, description=description, allow_abbrev=False
    )
    made.set_defaults(program=program)
    made.add_argument(
        "--benches",
        type=names(benches, "bench"),
        default=benches,
        metavar="NAME,...",
        help="these (default: all)",
    )
    made.add_argument(
        "--systems",
        type=names(systems, "system"),
        default=systems,
        metavar="NAME,...",
        help=f"of {', '.join(systems)} (default: all)",
    )
    made.add_argument(
        "--threads",
        type=counts,
        default=threads,
        metavar="N,...",
        help="with so many threads"
        f" (default: {','.join(map(str, threads))})",
    )
    made.add_argument(
        "--runs", type=positive, default=9, metavar="N", help="(default: 9)"
    )
    made.add_argument(
        "--quick", action="store_true", help="3 short runs of each"
    )
    made.add_argument(
        "--json", action="store_true", help="an array of rows, not a table"
    )
    made.add_argument(
        "--list", action="store_true", help="the names of the benches"
    )
    return made


# ---- results ----


def print_table(rows: Iterable[Row], width: int) -> None:
    """Print rows; the ratio of stm's to another system's is stm's cost."""
    own = {
        (row["bench"], row["threads"]): row["ns_per_op"]
        for row in rows
        if row["system"] == "stm"
    }
    for row in rows:
        ratio = ""
        key = row["bench"], row["threads"]
        if row["system"] != "stm" and key in own:
            ratio = f"stm is {own[key] / row['ns_per_op']:.2f}x"
        print(
            f"{row['bench']:<18}{row['threads']:>2} {row['system']:<{width}}"
            f"{row['ns_per_op']:>10.1f}{row['min']:>10.1f}{row['max']:>10.1f}"
            f"  {ratio}".rstrip(),
            flush=True,
        )


def run(
    options: argparse.Namespace, measure: Callable[[str, int], list[Row]]
) -> int:
    """Print what measure(bench, threads) returns for all that was chosen.

    Return the command's status.  An AssertionError says that a system did not
    do what was measured.
    """
    if options.list:
        print(*options.benches, sep="\n")
        return 0
    width = max(map(len, ["system", *options.systems]))
    rows: list[Row] = []
    if not options.json:
        print(
            f"{'bench':<13}threads {'system':<{width}}     ns/op"
            "       min       max"
        )
    for bench in options.benches:
        for threads in options.threads:
            try:
                new = measure(bench, threads)
            except AssertionError as error:
                print(f"{options.program}: {bench}: {error}", file=sys.stderr)
                return 1
            rows += new
            if not options.json:
                print_table(new, width)
    if not rows:
        print(
            f"{options.program}: no such bench for so many threads and these"
            " systems",
            file=sys.stderr,
        )
        return 2
    if options.json:
        json.dump(rows, sys.stdout, indent=1)
        print()
    return 0
