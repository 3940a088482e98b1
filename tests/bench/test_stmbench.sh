#!/bin/sh
# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# stmbench runs what it is told to, says what was wrong, and prints what can be
# read; every workload of every system leaves behind what it should.  How fast
# anything is does not matter.  PYTHON3, if set, reads the JSON.
set -u
. "${srcdir:-.}/../expect.sh"

# Each workload of each system that was built, for an instant; what starts a
# thousand threads is left to those who measure.
test_final_states()
{
    for system in stm stm-calls mutex spin libitm ghc; do
        [ -x "./bench-$system" ] || continue
        expect 0 "./bench-$system" --list
        grep -v 'of1000 ' "$folder/out" >"$folder/list"
        [ -s "$folder/list" ] || fail "expected workloads of $system"
        while read -r workload threads; do
            [ "$threads" -ne 0 ] || threads=2
            expect 0 "./bench-$system" "$workload" "$threads" 2
            grep -Eq '^[0-9]+\.[0-9]$' "$folder/out" ||
                fail "expected a rate, got: $(cat "$folder/out")"
        done <"$folder/list"
    done
}

test_json()
{
    expect 0 ./stmbench --quick --json --runs 2 --milliseconds 2 \
        --workloads bank,pingpong --systems stm,mutex,spin --threads 1,2
    cp "$folder/out" "$folder/rows"
    [ "$(grep -c '"workload"' "$folder/rows")" -eq 8 ] ||
        fail "expected 8 rows, got: $(cat "$folder/rows")"
    [ -n "${PYTHON3-}" ] || return
    expect 0 "$PYTHON3" -c '
import json, sys

rows = json.load(sys.stdin)
keys = ["workload", "system", "threads", "ops_per_s", "min", "max", "runs"]
for row in rows:
    assert list(row) == keys, row
    assert 0 <= row["min"] <= row["ops_per_s"] <= row["max"], row
    assert row["runs"] == 2, row
expected = [("bank", s, t) for t in (1, 2) for s in ("stm", "mutex", "spin")]
expected += [("pingpong", s, 2) for s in ("stm", "mutex")]
found = [(row["workload"], row["system"], row["threads"]) for row in rows]
assert found == expected, found
' <"$folder/rows"
}

test_table()
{
    expect 0 ./stmbench --workloads list --systems stm,mutex --threads 2 \
        --runs 1 --milliseconds 2 --calm 1
    [ "$(grep -Ec '^list +2 (stm|mutex) ' "$folder/out")" -eq 2 ] ||
        fail "expected 2 rows, got: $(cat "$folder/out")"
    expect 0 ./stmbench --list --systems mutex
    grep -qx wake1of1000 "$folder/out" || fail "expected the names"
    expect 0 ./stmbench --help
    grep -q -- --milliseconds "$folder/out" || fail "expected the options"
}

test_wrong_usage()
{
    for option in runs milliseconds threads calm; do
        for wrong in 0 -1 x '' 1x 99999999999999999999; do
            expect 2 ./stmbench "--$option=$wrong"
            said "--$option is '$wrong', expected"
        done
    done
    expect 2 ./stmbench --threads 1,,2
    said "--threads is '', expected"
    expect 2 ./stmbench --workloads bank,banc
    said "no workload 'banc'"
    expect 2 ./stmbench --workloads pingpong --systems spin
    said "no workload 'pingpong'"
    expect 2 ./stmbench --workloads pingpong --threads 1
    said "no such workload for so many threads"
    expect 2 ./stmbench --systems mutex,futex
    said "no system 'futex'"
    expect 2 ./stmbench --nonsense
    said nonsense
    expect 2 ./stmbench surplus
    said "unexpected argument 'surplus'"
    expect 2 ./bench-mutex
    expect 2 ./bench-mutex bank 1 0
    said "'0', expected"
    expect 2 ./bench-mutex pingpong 1 1
    said "no workload 'pingpong' for 1 threads"
}

# An stmbench among programs that are not what they should be.
test_wrong_systems()
{
    mkdir "$folder/bin"
    cp ./stmbench "$folder/bin" || return
    cat >"$folder/bin/bench-stm" <<'END'
#!/bin/sh
case $1 in
--list) printf '%s 0\n' good bad silent dead ;;
good) echo 1.0 ;;
bad) echo 'bad left behind what cannot be' >&2; exit 1 ;;
silent) ;;
dead) kill -KILL $$ ;;
esac
END
    chmod +x "$folder/bin/bench-stm"
    expect 0 "$folder/bin/stmbench" --workloads good
    said "the system mutex was not built"
    expect 1 "$folder/bin/stmbench" --workloads good,bad --json
    said "bad left behind what cannot be"
    said "bad: ended with status 1"
    [ ! -s "$folder/out" ] || fail "expected no rows where a run was wrong"
    expect 1 "$folder/bin/stmbench" --workloads silent
    said "expected a rate, got ''"
    expect 1 "$folder/bin/stmbench" --workloads dead
    said "ended by signal 9"
    expect 2 "$folder/bin/stmbench" --systems mutex
    said "the system mutex was not built"
}

test_final_states
test_json
test_table
test_wrong_usage
test_wrong_systems
[ "$failures" -eq 0 ]
