#!/bin/sh
# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# The examples do what they say: sha256tree prints what sha256sum prints,
# threadpool prints counts that add up, and the others lose nothing.  EXAMPLES
# is where the programs are.
set -u
examples=${EXAMPLES:-../../examples}
. "${srcdir:-.}/../expect.sh"

# What sha256tree is to print, for names without line feeds.
reference()
{
    find "$@" -type f | LC_ALL=C sort | tr '\n' '\0' |
        xargs -0 -r sha256sum -- >"$folder/reference"
}

same_as_sha256sum()
{
    reference "$@"
    for threads in 1 2 7; do
        expect 0 "$examples/sha256tree" --threads "$threads" -- "$@"
        cmp -s "$folder/out" "$folder/reference" ||
            fail "sha256tree $*: expected sha256sum's output, got:" \
                "$(diff "$folder/reference" "$folder/out" | head -n 5)"
    done
}

make_tree()
{
    mkdir -p "$1/a/b/c" "$1/a-b" "$1/empty" "$1/B"
    for size in 0 1 55 56 63 64 65 131071 131072 131073 1000000; do
        head -c "$size" /dev/zero >"$1/a/b/$size"
    done
    i=0
    while [ "$i" -lt 300 ]; do
        echo "$i" >"$1/B/file $i"
        i=$((i + 1))
    done
    for name in a.txt 'a b' '-n' "it's" 'back\slash' 'new' "$(printf '\377')" \
        "$(printf 'tab\there')" "$(printf 'return\rhere')" Z a z; do
        echo "$name" >"$1/a-b/$name"
    done
    ln -s ../a/b/64 "$1/a-b/link"
    ln -s ../a "$1/a-b/folder-link"
    mkfifo "$1/pipe"
}

test_sums()
{
    tree="$folder/tree"
    make_tree "$tree"
    same_as_sha256sum "$tree"
    same_as_sha256sum "$tree/" "$tree//a" "$tree/a/b/1" "$tree"
    same_as_sha256sum "$tree/a-b/folder-link"
    same_as_sha256sum "$tree/empty"
    expect 0 "$examples/sha256tree" "$tree"
    cp "$folder/out" "$folder/sums"
    expect 0 sha256sum --check --strict --quiet "$folder/sums"
    expect 0 "$examples/sha256tree" --keep-alive 0 "$tree"
    cmp -s "$folder/out" "$folder/sums" ||
        fail "expected --keep-alive 0 to change nothing"

    odd="$folder/odd"
    mkdir "$odd"
    echo x >"$odd/$(printf 'line\nfeed')"
    sha256sum "$odd"/* >"$folder/reference"
    expect 0 "$examples/sha256tree" "$odd"
    cmp -s "$folder/out" "$folder/reference" ||
        fail "expected a line feed in a name to be escaped as sha256sum does"
}

test_failures()
{
    expect 1 "$examples/sha256tree" "$folder/none" "$folder/tree/a-b/Z"
    said "sha256tree: $folder/none: No such file or directory"
    [ "$(wc -l <"$folder/out")" -eq 1 ] ||
        fail "expected the line of the file that can be read"
    if [ -f /proc/self/mem ]; then # a file that even root cannot read
        expect 1 "$examples/sha256tree" /proc/self/mem "$folder/tree/a-b/Z"
        said "sha256tree: /proc/self/mem: Input/output error"
        [ "$(wc -l <"$folder/out")" -eq 1 ] ||
            fail "expected the line of the file that can be read"
    fi
    expect 2 "$examples/sha256tree"
    said "expected at least one PATH"
    for wrong in 0 -1 x '' 1x 99999999999999999999; do
        expect 2 "$examples/sha256tree" --threads "$wrong" "$folder"
        said "--threads is '$wrong', expected"
    done
    for wrong in -1 x '' 1x nan inf; do
        expect 2 "$examples/sha256tree" --keep-alive "$wrong" "$folder"
        said "--keep-alive is '$wrong', expected"
    done
    expect 2 "$examples/sha256tree" --nonsense "$folder"
    expect 0 "$examples/sha256tree" --help
    expect 0 "$examples/sha256tree" --stats "$folder/tree"
    said attempts
}

test_threadpool()
{
    expect 0 "$examples/threadpool" --threads 20 --tasks 100 --task-ms 1 \
        --keep-alive 0.05
    grep -q '^100 scheduled, 100 finished, 0 live, 0 free, 0 queued$' \
        "$folder/out" || fail "expected all to be finished and none live"
    awk '/ scheduled, / && ($5 > 20 || $7 > $5 || ($7 > 0 && $9 > 0)) {
             print "expected at most 20 live, no more free than live, and" \
                   " none free while some are queued: " $0
             wrong = 1
         }
         END { exit wrong }' "$folder/out" || fail "counts that cannot be"
    expect 0 "$examples/threadpool" --tasks 0
    expect 2 "$examples/threadpool" --threads 0
    said "--threads is '0', expected"
    expect 2 "$examples/threadpool" surplus
    said "unexpected argument 'surplus'"
    expect 0 "$examples/threadpool" --help
}

# ends_with LINE: is this the last line that the last command printed?
ends_with()
{
    [ "$(tail -n 1 "$folder/out")" = "$1" ] ||
        fail "expected '$1' at the end, got: $(tail -n 3 "$folder/out")"
}

# bad_usage PROGRAM OPTION: what every program of numbers refuses.
bad_usage()
{
    for wrong in -1 x '' 1x 99999999999999999999; do
        expect 2 "$examples/$1" "--$2" "$wrong"
        said "--$2 is '$wrong', expected"
    done
    expect 2 "$examples/$1" --nonsense
    expect 2 "$examples/$1" surplus
    said "unexpected argument 'surplus'"
    expect 0 "$examples/$1" --help
    grep -q -- "^  --$2 N  " "$folder/out" ||
        fail "expected --help to name --$2"
}

test_bank()
{
    expect 0 "$examples/bank" --transfers 2000
    ends_with '10 accounts hold 1000'
    awk 'NR == 1 && $1 + $3 + $5 != 8000 { exit 1 }' "$folder/out" ||
        fail "expected each transfer to go one way: $(cat "$folder/out")"
    expect 0 "$examples/bank" --accounts 2 --clerks 7 --transfers 300
    ends_with '2 accounts hold 200'
    expect 0 "$examples/bank" --accounts 3 --clerks 1 --transfers 0
    ends_with '3 accounts hold 300'
    bad_usage bank transfers
    expect 2 "$examples/bank" --accounts 1
}

test_boundedqueue()
{
    for shape in '1 1 1' '1 3 1' '3 1 2' '2 2 1000'; do
        # The numbers are words of their own.
        # shellcheck disable=SC2086
        set -- $shape
        expect 0 "$examples/boundedqueue" --producers "$1" --consumers "$2" \
            --capacity "$3" --items 500
        count=$((500 * $1))
        sum=$((count * (count + 1) / 2))
        ends_with "$count items came through, their sum is $sum"
    done
    expect 0 "$examples/boundedqueue" --items 0
    ends_with '0 items came through, their sum is 0'
    bad_usage boundedqueue items
    expect 2 "$examples/boundedqueue" --capacity 0
}

test_total()
{
    expect 0 "$examples/total" --parts 3 --threads 5 --changes 200
    ends_with '3 parts add up to 1000'
    [ "$(head -n -1 "$folder/out")" = "$(seq 100 100 1000)" ] ||
        fail "expected each tenth in order, got: $(cat "$folder/out")"
    expect 0 "$examples/total" --changes 0
    ends_with '8 parts add up to 0'
    bad_usage total changes
    expect 2 "$examples/total" --parts 0
}

# What the library heeds in the environment of any program.
test_environment()
{
    expect 0 env STM_STATS=1 "$examples/threadpool" --tasks 10 --task-ms 0
    said attempts
    for wish in 0 yes ''; do
        expect 0 env STM_STATS="$wish" "$examples/threadpool" --tasks 0
        ! grep -q attempts "$folder/err" ||
            fail "expected no statistics with STM_STATS='$wish'"
    done
    expect 0 env STM_SHAKE_SEED=7 "$examples/threadpool" --tasks 10 \
        --task-ms 0
    ! grep -q STM_SHAKE_SEED "$folder/err" ||
        fail "expected the seed that was given"
}

if [ -x "$examples/sha256tree" ]; then
    test_sums
    test_failures
else
    echo "sha256tree was not built: left out" >&2
fi
test_threadpool
test_bank
test_boundedqueue
test_total
test_environment
[ "$failures" -eq 0 ]
