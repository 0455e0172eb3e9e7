# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the scripts beside it: where things are, how progress is told, how a failure speaks.
set -euo pipefail

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${SIPAGENT_CACHE:-$HOME/.cache/sipagent}
logs=$tree/build/log
python=$tree/.venv/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf "%s\n" "$@" >&2; }

# die TEXT...: the last words, one line each.
die() {
    printf 'error: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
    exit 1
}

# step TEXT: "[3/7  12 s] TEXT"; the caller sets n_steps.
n_step=0
step() {
    n_step=$((n_step + 1))
    say "[$n_step/$n_steps $(printf '%4d' "$SECONDS") s] $*"
}

# run NAME COMMAND...: its output goes to a log; a sign of life every 20 s; the log's tail when it fails.
run() {
    local name=$1 log=$logs/$1.log began=$SECONDS told=$SECONDS pid
    shift
    mkdir -p "$logs"
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    trap 'kill '$pid' 2>/dev/null' EXIT
    while kill -0 $pid 2>/dev/null; do
        sleep 0.1
        if [ $((SECONDS - told)) -ge 20 ]; then
            told=$SECONDS
            say "           ... $name, $((SECONDS - began)) s: $(tail -n 1 "$log" | cut -c 1-100)"
        fi
    done
    trap - EXIT
    wait $pid || {
        tail -n 30 "$log" | sed 's/^/    | /' >&2
        die "$name failed (exit $?); the whole log is $log"
    }
}

# digest FILE...: one hash of their names and contents.
digest() { sha256sum "$@" | sha256sum | cut -c 1-16; }

# packages_missing NAME...: those of these Debian packages that are not installed.
packages_missing() {
    local have
    have=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | sed -n 's/ installed$//p') || true
    printf '%s\n' "$@" | grep -vxF -e "$have" || true
}
