# Shared by the tests of the library's scripts: takes the script of a step out of a Task and runs it on the programs of
# its step image, in a folder of the test's own instead of /var/workdir.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
library=$(cd "$here/.." && pwd)
work=$(mktemp -d)
children=()
trap 'for pid in "${children[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf "$work"' EXIT
passed=0 failed=0

missing() { # A test that lacks its tool fails under CI and says so elsewhere.
    echo "NOT RUN: $1 is missing ($2)"
    [ -z "${CI:-}" ] || exit 1
    exit 0
}

script() { # TASK STEP: the step's script, reading and writing under $work
    awk -v step="$2" '
        /^    - name: / { at = ($3 == step) }
        at && /^      script: \|/ { on = 1; next }
        on && $0 != "" && substr($0, 1, 8) != "        " { exit }
        on { sub(/^        /, ""); print }' "$library/tasks/$1/0.1/$1.yaml" | sed "s|/var/workdir|$work|g; s|/var/lib/containers|$work/containers|g; s|/var/facts|$work/facts|g" >"$work/$2.script"
    [ -s "$work/$2.script" ] || { echo "no script in step $2 of task $1" && exit 1; }
    echo "$work/$2.script"
}

toolbox() { # PATH with the toolbox image's applets and nothing else
    command -v busybox >/dev/null || missing busybox "apt-get install busybox-static"
    if [ ! -d "$work/toolbox" ]; then
        mkdir "$work/toolbox"
        local applet
        for applet in $(busybox --list); do ln -s "$(command -v busybox)" "$work/toolbox/$applet"; done
    fi
    echo "$work/toolbox"
}

check() { # NAME CONDITION...: a condition of `test`
    local name=$1
    shift
    if test "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name: $*"
    fi
}

contains() { # NAME FILE TEXT
    if grep -qF -- "$3" "$2"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $1: no \`$3\` in:" && sed 's/^/    /' "$2"
    fi
}

finish() {
    echo "$(basename "$0"): $passed passed, $failed failed"
    [ "$failed" = 0 ]
}
