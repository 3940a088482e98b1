# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT

# For tests of commands, which read this in: a folder for what they print, a
# count of what went wrong, and what they expect.
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
failures=0

fail()
{
    echo "FAIL: $*" >&2
    failures=$((failures + 1))
}

# expect STATUS COMMAND...: output in $folder/out, messages in $folder/err
expect()
{
    wanted=$1
    shift
    "$@" >"$folder/out" 2>"$folder/err"
    got=$?
    [ "$got" -eq "$wanted" ] ||
        fail "$* ended with $got, expected $wanted: $(head -n 3 "$folder/err")"
}

# Did the last command say this to standard error?
said()
{
    grep -qF -- "$1" "$folder/err" ||
        fail "expected a message with '$1', got: $(cat "$folder/err")"
}
