#!/bin/sh
# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# pybench runs every bench on every system, says what was wrong, and prints what
# can be read.  How fast anything is does not matter.
set -u
. "${srcdir:-.}/../expect.sh"

if [ ! -e ../../pymod/tree.stamp ]; then
    echo "the Python extension is not built: pybench is left out"
    exit 77
fi

test_json()
{
    expect 0 ./pybench --json --runs 2 --milliseconds 1 --threads 1,2
    cp "$folder/out" "$folder/rows"
    ./pybench --list >"$folder/names"
    expect 0 ../../pymod/run-python -c '
import json, sys

rows = json.load(open(sys.argv[1]))
keys = ["bench", "system", "threads", "ns_per_op", "min", "max", "runs"]
for row in rows:
    assert list(row) == keys, row
    assert 0 < row["min"] <= row["ns_per_op"] <= row["max"], row
    assert row["runs"] == 2, row
found = {(row["bench"], row["system"], row["threads"]) for row in rows}
expected = {
    (name, system, 1)
    for name in open(sys.argv[2]).read().split()
    for system in ("stm", "lock", "plain")
}
expected |= {("bank", system, 2) for system in ("stm", "lock")}
expected |= {("disjoint", system, 2) for system in ("stm", "lock", "plain")}
assert found == expected, found ^ expected
' "$folder/rows" "$folder/names"
}

test_table()
{
    expect 0 ./pybench --benches call,bank --systems stm,lock --threads 2 \
        --quick
    [ "$(grep -Ec '^bank +2 (stm|lock) ' "$folder/out")" -eq 2 ] ||
        fail "expected 2 rows, got: $(cat "$folder/out")"
    expect 0 ./pybench --help
    grep -q -- --milliseconds "$folder/out" || fail "expected the options"
}

test_wrong_usage()
{
    for option in runs milliseconds threads; do
        for wrong in 0 -1 x '' 1x; do
            expect 2 ./pybench "--$option=$wrong"
            said "'$wrong', expected"
        done
    done
    expect 2 ./pybench --threads 1,,2
    expect 2 ./pybench --benches bank,banc
    said "no bench 'banc'"
    expect 2 ./pybench --systems futex
    said "no system 'futex'"
    expect 2 ./pybench --benches rw1 --threads 2
    said "no such bench for so many threads"
    expect 2 ./pybench --nonsense
    expect 2 ./pybench surplus
}

test_json
test_table
test_wrong_usage
[ "$failures" -eq 0 ]
