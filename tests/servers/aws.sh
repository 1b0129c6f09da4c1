#!/usr/bin/env bash
# Brings moto's server, the aws command line, boto3 and psycopg for the tests, and prints the directory they
# are in.
#
# They live in a Python environment of their own under ~/.cache/jit-tests; the user's Python gets nothing.
set -euo pipefail

requirements="$(cd "$(dirname "$0")" && pwd)/requirements.txt"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/jit-tests"
venv="$cache/aws-$(cksum < "$requirements" | cut -d ' ' -f 1)"

say() { echo "aws: $*" >&2; }

install() {
    say "installing moto, awscli, boto3 and psycopg; this takes a minute, once"
    rm -rf "$venv"
    python3 -m venv "$venv" || { say "Python 3.10 or newer with venv is needed (Debian: python3-venv)"; exit 1; }
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-input --progress-bar off -r "$requirements" >&2
    touch "$venv/complete"
}

mkdir -p "$cache"
exec 9> "$venv.lock"
flock 9
[ -e "$venv/complete" ] || install
ln -sfn "$venv" "$cache/aws" # where a plain `cargo test` looks
echo "$venv/bin"
