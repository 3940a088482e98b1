#!/bin/sh
# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# adaptivebench runs every load on every system, says what was wrong, and draws
# where it can.  How fast anything is does not matter.
set -u
. "${srcdir:-.}/../expect.sh"

if [ ! -e ../../pymod/tree.stamp ]; then
    echo "the Python extension is not built: adaptivebench is left out"
    exit 77
fi

test_json()
{
    expect 0 ./adaptivebench --json --runs 2 --seconds 1 --threads 8,32 \
        --loads mixed
    cp "$folder/out" "$folder/rows"
    expect 0 ../../pymod/run-python -c '
import json, sys

rows = json.load(open(sys.argv[1]))
found = [(row["load"], row["system"]) for row in rows]
systems = [
    "conservative", "balanced", "aggressive", "static-mean", "static-8",
    "static-32",
]
assert found == [("mixed", name) for name in systems], found
for row in rows:
    assert row["runs"] == 2, row
    assert 0 < row["tasks_per_s"], row
    assert 0 < row["p50_ms"] <= row["p99_ms"], row
    assert 0 < row["mean_threads"] <= row["most_threads"] <= 32, row
    assert 0 <= row["monitor_percent"], row
    if row["system"] == "static-8":
        assert row["most_threads"] == 8, row
' "$folder/rows"
}

test_table_and_picture()
{
    picture=
    if command -v gnuplot >/dev/null; then
        picture="--picture $folder/picture"
    elif ! ../../pymod/run-python -c 'import matplotlib' 2>/dev/null; then
        expect 2 ./adaptivebench --picture "$folder/picture"
        said "neither gnuplot nor matplotlib"
    fi
    # shellcheck disable=SC2086
    expect 0 ./adaptivebench --loads steady --threads 8 --runs 1 --seconds 1 \
        $picture
    [ "$(grep -Ec '^steady +(balanced|static-8) ' "$folder/out")" -eq 2 ] ||
        fail "expected 2 rows, got: $(cat "$folder/out")"
    [ -z "$picture" ] || { grep -q '<svg' "$folder/picture.svg" &&
        [ -s "$folder/picture.png" ]; } || fail "expected two pictures"
}

test_wrong_usage()
{
    for option in runs seconds interval threads; do
        for wrong in 0 -1 x ''; do
            expect 2 ./adaptivebench "--$option=$wrong"
            said "'$wrong', expected"
        done
    done
    expect 2 ./adaptivebench --loads steady,stead
    said "no load 'stead'"
    expect 2 ./adaptivebench --nonsense
    expect 2 ./adaptivebench surplus
    expect 0 ./adaptivebench --help
    grep -q -- --picture "$folder/out" || fail "expected the options"
}

test_json
test_table_and_picture
test_wrong_usage
[ "$failures" -eq 0 ]
