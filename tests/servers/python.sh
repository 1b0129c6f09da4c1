#!/usr/bin/env bash
# Brings programs from PyPI for the tests, and prints the directory they are in: python.sh aws, python.sh ansible
#
# What NAME.txt lists lives in a Python environment of its own under ~/.cache/jit-tests; the user's Python
# gets nothing.
set -euo pipefail

name=$1
requirements="$(cd "$(dirname "$0")" && pwd)/$name.txt"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/jit-tests"
venv="$cache/$name-$(cksum < "$requirements" | cut -d ' ' -f 1)"

say() { echo "$name: $*" >&2; }

install() {
    say "installing $(sed -n '1s/^# //p' "$requirements"); this takes a minute, once"
    rm -rf "$venv"
    python3 -m venv "$venv" || { say "Python 3.11 or newer with venv is needed (Debian: python3-venv)"; exit 1; }
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-input --progress-bar off -r "$requirements" >&2
    touch "$venv/complete"
}

mkdir -p "$cache"
exec 9> "$venv.lock"
flock 9
[ -e "$venv/complete" ] || install
ln -sfn "$venv" "$cache/$name" # where a plain `cargo test` looks
echo "$venv/bin"
