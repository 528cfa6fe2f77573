#!/bin/bash
# git-clone gives the commit that was asked for, and refuses what git would take for something else than a name.
. "$(dirname "$0")/lib.sh"
command -v git >/dev/null || missing git "apt-get install git"
step=$(script git-clone clone)
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1

clone() { # URL REVISION [DEPTH] [SYMLINK_CHECK]
    rm -rf "$work/source" "$work/home" "$work/r"
    mkdir "$work/r"
    env -i PATH="$PATH" URL="$1" REVISION="$2" DEPTH="${3:-1}" SUBMODULES=false SYMLINK_CHECK="${4:-true}" RESULT_COMMIT="$work/r/commit" \
        RESULT_SHORT_COMMIT="$work/r/short" RESULT_COMMIT_TIMESTAMP="$work/r/time" RESULT_URL="$work/r/url" \
        RESULT_CHAINS_GIT_URL="$work/r/chains-url" RESULT_CHAINS_GIT_COMMIT="$work/r/chains-commit" sh "$step" >"$work/log" 2>&1
}
refused() { # NAME URL REVISION MESSAGE
    if clone "$2" "$3"; then check "$1 is refused" a = b; fi
    contains "$1" "$work/log" "$4"
    contains "$1 has a hint" "$work/log" "hint: "
    check "$1 gives no commit" ! -e "$work/r/commit"
}

refused "option as url" '--upload-pack=touch /tmp/pwned' main 'white space'
refused "option as url, no blank" '--upload-pack=x' main 'is not an http, https or git URL'
refused "transport that runs a command" 'ext::sh' main 'is not an http, https or git URL'
refused "local path" '/etc' main 'is not an http, https or git URL'
refused "file" 'file:///etc' main 'is not an http, https or git URL'
refused "ssh" 'ssh://host/x' main 'is not an http, https or git URL'
refused "password" 'https://user:secret@host/x' main 'holds a user or password'
check "the password is not shown" -z "$(grep secret "$work/log")"
refused "option as revision" 'https://host.invalid/x' '--upload-pack=x' 'is not a branch, tag, ref or commit'
refused "refspec as revision" 'https://host.invalid/x' 'main:refs/heads/x' 'is not a branch, tag, ref or commit'
refused "range as revision" 'https://host.invalid/x' 'a..b' 'is not a branch, tag, ref or commit'
refused "command as revision" 'https://host.invalid/x' '$(touch pwned)' 'is not a branch, tag, ref or commit'

repo=$work/serve/hello.git
mkdir -p "$work/serve"
git init -q -b main "$work/tree"
g() { git -C "$work/tree" -c user.name=t -c user.email=t@example.org -c commit.gpgsign=false "$@"; }
echo one >"$work/tree/file" && g add . && GIT_COMMITTER_DATE='1700000000 +0000' g commit -q -m one && g tag v1
first=$(g rev-parse HEAD)
echo two >"$work/tree/file" && g commit -q -am two
second=$(g rev-parse HEAD)
g checkout -q -b evil && ln -s ../../../etc/passwd "$work/tree/out" && g add . && g commit -q -m evil
g checkout -q main && ln -s file "$work/tree/in" && g add . && g commit -q -m link
third=$(g rev-parse HEAD)
git clone -q --bare "$work/tree" "$repo"
# git daemon takes no port 0: a port is drawn until one is free.
for _ in $(seq 20); do
    port=$((20000 + RANDOM % 12000))
    git daemon --reuseaddr --listen=127.0.0.1 --port="$port" --export-all --base-path="$work/serve" "$work/serve" 2>"$work/daemon" &
    daemon=$!
    children+=("$daemon")
    url=git://127.0.0.1:$port/hello.git
    while kill -0 "$daemon" 2>/dev/null; do
        ! git ls-remote -q "$url" >/dev/null 2>&1 || break 2
        sleep 0.05
    done
done

gives() { # NAME REVISION COMMIT [DEPTH]
    clone "$url" "$2" "${4:-1}" || { cat "$work/log" && check "$1 is cloned" a = b; }
    check "$1" "$(cat "$work/r/commit" 2>/dev/null)" = "$3"
}
gives "default branch" "" "$third"
gives "branch" main "$third"
gives "full ref" refs/heads/main "$third"
gives "older commit" "$second" "$second"
gives "all of the history" main "$third" 0
gives "tag" v1 "$first"
check "file" "$(cat "$work/source/file")" = one
check "short commit" "$(cat "$work/r/short")" = "${first:0:7}"
check "time" "$(cat "$work/r/time")" = 1700000000
check "type hint" "$(cat "$work/r/chains-url") $(cat "$work/r/chains-commit")" = "$url $first"
gives "again" v1 "$first"
digest() { tar --sort=name --mtime=@0 -C "$work/source" -c . | sha256sum; }
before=$(digest)
gives "and again" v1 "$first"
check "two clones are equal" "$before" = "$(digest)"
refused "no such branch" "$url" nowhere 'could not be fetched'
refused "no such commit" "$url" 0123456789012345678901234567890123456789 'is on no branch'
refused "no such repository" "${url%hello.git}other.git" main 'could not be fetched'
refused "link out of the repository" "$url" evil 'symbolic links lead out of the repository'
finish
