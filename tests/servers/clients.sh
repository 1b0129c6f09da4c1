#!/usr/bin/env bash
# Builds the client programs of the tests, and prints the directory they are in.
#
# Each folder of tests/clients becomes one program of its name: a module of Go its own main package, or
# where it has no main.go the tool that its go.mod names; a crate of Rust its binary. They are kept under ~/.cache/jit-tests/clients
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
    say "building $1, once"
    if [ -e "$sources/$1/go.mod" ]; then compile_go "$1"; else compile_rust "$1"; fi || return 1
    mv "$scratch/$1" "$built/$1"
    sum "$1" > "$built/$1.sum"
}

compile_go() {
    [ -n "${go:-}" ] || find_go
    local package=.
    [ -e "$sources/$1/main.go" ] || package=tool
    (cd "$sources/$1" && "$go" build -mod=readonly -trimpath -ldflags '-s -w' -o "$scratch/$1" "$package" >&2)
}

compile_rust() {
    (cd "$sources/$1" && cargo build --quiet --locked --target-dir "$scratch/target" >&2) &&
        mv "$scratch/target/debug/$1" "$scratch/$1"
}

missing=
for source in "$sources"/*/; do
    name=$(basename "$source")
    bring "$name" || missing="$missing $name"
done
echo "$built"
[ -z "$missing" ] || fail "not built:$missing"
