#!/bin/bash
# The unicode check finds what makes code read differently from how it compiles, and nothing else.
. "$(dirname "$0")/lib.sh"
tools=$(toolbox)
step=$(script sast-unicode-check scan)
mkdir -p "$work/source/.git"

scan() { # runs the step on $work/source; its log is $work/log, its verdict $work/verdict
    rm -rf "$work/scan"
    env -i PATH="$tools" SOURCE="$work/source" WORK="$work" RESULT_TEST_OUTPUT="$work/verdict" "$tools/sh" "$step" >"$work/log" 2>&1 ||
        { echo "FAIL $1: the step failed" && cat "$work/log" && failed=$((failed + 1)); }
}
expect() { # NAME RESULT: of what the source holds now, which is then removed
    scan "$1"
    contains "$1" "$work/verdict" "\"result\":\"$2\""
    find "$work/source" -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf {} +
}
s=$work/source

printf 'int main(void) { return 0; }\n' >"$s/a.c"
printf '\xff\xfe\xe2\x80\xae latin or broken\n' | head -c 2 >"$s/broken.txt"
printf '\xe2\x80\xae' >"$s/.git/index"
expect "plain source" SUCCESS
check "shape" "$(sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/T/; s/"note":.*/N/' "$work/verdict")" = \
    '{"result":"SUCCESS","timestamp":"T","namespace":"default","successes":1,"failures":0,"warnings":0,N'

printf 'ok\nif (admin) { /*\xe2\x80\xae } \xe2\x81\xa6 begin */\n' >"$s/login.c"
scan "bidirectional override"
contains "line and character" "$work/log" 'failure login.c:2: U+202E'
contains "second character" "$work/log" 'failure login.c:2: U+2066'
contains "count" "$work/verdict" '"failures":2'
expect "bidirectional override" FAILURE

for character in '\xe2\x80\x8b' '\xe2\x80\x8f' '\xd8\x9c' '\xe2\x81\xa9' '\xf3\xa0\x81\x81' '\xe1\xa0\x8e' '\xe2\x80\xaa'; do
    printf "x$character\n" >"$s/x"
    expect "character $character" FAILURE
done

printf '\xef\xbb\xbfusing System;\n' >"$s/bom.cs"
expect "byte order mark at the start" SUCCESS
printf 'a\xef\xbb\xbfb\n' >"$s/x"
expect "byte order mark elsewhere" FAILURE
printf 'family: \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7\n' >"$s/emoji.md"
expect "joined emoji" WARNING
printf '\x00\x01\xe2\x80\xae' >"$s/logo.png"
expect "binary file" SUCCESS
printf 'fine\n' >"$s/$(printf 'invoice\xe2\x80\xaegnp.sh')"
expect "file name" FAILURE
printf 'x\xe2\x80\xae\n' >"$s/$(printf 'a "b\\\n$(touch pwned)-c')"
expect "odd file name" FAILURE
check "nothing was run" ! -e "$work/scan/pwned"
printf 'x\xe2\x80\xae\n' >"$s/-e"
expect "file name that looks like an option" FAILURE
mkdir -p "$s/many"
for i in $(seq 1200); do echo "line $i" >"$s/many/$i"; done
expect "many files" SUCCESS
ln -s /etc/passwd "$s/link"
expect "links are not followed" SUCCESS
finish
