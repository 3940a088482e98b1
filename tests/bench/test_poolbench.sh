#!/bin/sh
# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# poolbench runs what it is told to, says what was wrong, and prints what can be
# read.  How fast anything is does not matter.  PYTHON3, if set, reads the JSON.
set -u
. "${srcdir:-.}/../expect.sh"

test_json()
{
    expect 0 ./poolbench --quick --tasks 100 --json
    cp "$folder/out" "$folder/rows"
    [ -n "${PYTHON3-}" ] || return
    expect 0 "$PYTHON3" -c '
import json, sys

rows = json.load(sys.stdin)
for row in rows:
    assert row["runs"] == 2, row
    assert row["min"] <= row["ns_per_op"] <= row["max"], row
assert {"stm", "futures"} <= {row["system"] for row in rows}, rows
' <"$folder/rows"
}

test_table()
{
    expect 0 ./poolbench --quick --runs 1 --tasks 10
    grep -q '^pingpong .* stm ' "$folder/out" ||
        fail "expected a table, got: $(cat "$folder/out")"
}

test_retries()
{
    expect 0 ./poolbench --retries --quick
    [ "$(wc -l <"$folder/out")" -eq 3 ] ||
        fail "expected 2 cases, got: $(cat "$folder/out")"
}

test_misuse()
{
    expect 2 ./poolbench --runs 0
    expect 1 ./poolbench something
}

test_json
test_table
test_retries
test_misuse
[ "$failures" -eq 0 ]
