#!/usr/bin/env bash
# Brings the OpenID provider for the tests, `oidc-provider` from npm, and prints the directory it is in.
#
# What openid/package-lock.json pins lives under ~/.cache/jit-tests; node itself comes with the system.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
pinned="$here/openid"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/jit-tests"
installed="$cache/openid-$(cksum < "$pinned/package-lock.json" | cut -d ' ' -f 1)"
oldest_node=20

say() { echo "openid: $*" >&2; }
fail() { say "$@"; exit 1; }

usable_node() { [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge "$oldest_node" ]; }

install() {
    say "installing oidc-provider; this takes a few seconds, once"
    rm -rf "$installed"
    mkdir "$installed"
    cp "$pinned/package.json" "$pinned/package-lock.json" "$installed"
    (cd "$installed" && npm ci --silent --ignore-scripts --no-audit --no-fund >&2)
    touch "$installed/complete"
}

command -v node >/dev/null || "$here/../../scripts/packages.sh" node=nodejs || true
usable_node || fail "node $oldest_node or newer is needed (Debian 13: nodejs; else https://nodejs.org)"
mkdir -p "$cache"
exec 9> "$installed.lock"
flock 9
if [ ! -e "$installed/complete" ]; then
    command -v npm >/dev/null || "$here/../../scripts/packages.sh" npm=npm || fail "npm is needed to install it"
    install
fi
ln -sfn "$installed" "$cache/openid" # where a plain `cargo test` looks
echo "$installed"
