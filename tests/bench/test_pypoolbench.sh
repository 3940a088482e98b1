#!/bin/sh
# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# pypoolbench runs every bench on every system, says what was wrong, and prints
# what can be read.  How fast anything is does not matter.
set -u
. "${srcdir:-.}/../expect.sh"

if [ ! -e ../../pymod/tree.stamp ]; then
    echo "the Python extension is not built: pypoolbench is left out"
    exit 77
fi

test_json()
{
    expect 0 ./pypoolbench --json --runs 2 --tasks 200 --threads 1,2
    cp "$folder/out" "$folder/rows"
    expect 0 ../../pymod/run-python -c '
import json, sys

rows = json.load(open(sys.argv[1]))
keys = ["bench", "system", "threads", "ns_per_op", "min", "max", "runs"]
for row in rows:
    assert list(row) == keys, row
    assert 0 <= row["min"] <= row["ns_per_op"] <= row["max"], row
    assert row["runs"] == 2, row
found = [(row["bench"], row["threads"], row["system"]) for row in rows]
expected = [
    (name + suffix, threads, system)
    for name, suffixes in [
        ("noop", ["", "-cpu"]),
        ("submit", ["", "-cpu"]),
        ("submit-held", [""]),
        ("latency", ["-p50", "-p99"]),
        ("burst", ["-p50"]),
        ("sqrt", [""]),
    ]
    for threads in (1, 2)
    for suffix in suffixes
    for system in ("stm", "stm-threadpool", "concurrent.futures")
]
assert found == expected, set(found) ^ set(expected)
' "$folder/rows"
}

test_table()
{
    expect 0 ./pypoolbench --quick --benches sqrt,noop --threads 2 \
        --systems stm,concurrent.futures
    [ "$(grep -Ec '^noop(-cpu)? +2 (stm|concurrent.futures) ' "$folder/out")" \
        -eq 4 ] || fail "expected 4 rows, got: $(cat "$folder/out")"
    grep -q 'stm is [0-9.]*x$' "$folder/out" ||
        fail "expected ratios, got: $(cat "$folder/out")"
    expect 0 ./pypoolbench --help
    grep -q -- --tasks "$folder/out" || fail "expected the options"
}

test_wrong_usage()
{
    for option in runs tasks threads; do
        for wrong in 0 -1 x '' 1x; do
            expect 2 ./pypoolbench "--$option=$wrong"
            said "'$wrong', expected"
        done
    done
    expect 2 ./pypoolbench --benches noop,banc
    said "no bench 'banc'"
    expect 2 ./pypoolbench --systems futex
    said "no system 'futex'"
    expect 2 ./pypoolbench --milliseconds 3
    expect 2 ./pypoolbench surplus
}

test_json
test_table
test_wrong_usage
[ "$failures" -eq 0 ]
