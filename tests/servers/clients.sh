#!/usr/bin/env bash
# Builds the client programs of the tests that are written in Go, and prints the directory they are in.
#
# Each folder of tests/clients is one module and becomes one program of its name: its own main package,
# or where it has no main.go the tool that its go.mod names. They are kept under ~/.cache/jit-tests/clients
# and built anew where their folder has changed.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
sources="$(cd "$here/../clients" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/jit-tests"
built="$cache/clients"

say() { echo "clients: $*" >&2; }
fail() { say "$@"; exit 1; }
# shellcheck source=tests/servers/go.sh
. "$here/go.sh"

mkdir -p "$built"
scratch=$(mktemp -d "$cache/clients.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
exec 9> "$cache/clients.lock"
flock 9

# What a program is built from, as one line.
sum() { find "$sources/$1" -type f -exec cksum {} + | sed "s|$sources/||" | sort -k 3; }

# Builds the program $1, unless it is there and of the same sources.
bring() {
    [ ! -x "$built/$1" ] || [ "$(cat "$built/$1.sum" 2>/dev/null)" != "$(sum "$1")" ] || return 0
    [ -n "${go:-}" ] || find_go
    local package=.
    [ -e "$sources/$1/main.go" ] || package=tool
    say "building $1, once"
    (cd "$sources/$1" && "$go" build -mod=readonly -trimpath -ldflags '-s -w' -o "$scratch/$1" "$package" >&2) || return 1
    mv "$scratch/$1" "$built/$1"
    sum "$1" > "$built/$1.sum"
}

missing=
for source in "$sources"/*/go.mod; do
    name=$(basename "$(dirname "$source")")
    bring "$name" || missing="$missing $name"
done
echo "$built"
[ -z "$missing" ] || fail "not built:$missing"
