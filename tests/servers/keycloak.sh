#!/usr/bin/env bash
# Brings Keycloak for the tests, by its Maven coordinate, and prints the directory it is in.
#
# The distribution (177 MB) is fetched by Maven and built for its in-memory database once, and kept under
# ~/.cache/jit-tests. Java comes with the system.
set -euo pipefail

coordinate=org.keycloak:keycloak-quarkus-dist:26.7.3:zip
copier=org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy
oldest_java=17

here="$(cd "$(dirname "$0")" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/jit-tests"
installed="$cache/keycloak-$(echo "$coordinate" | cut -d : -f 3)"

say() { echo "keycloak: $*" >&2; }
fail() { say "$@"; exit 1; }

java_version() { java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1; }
usable_java() { [ "$(java_version)" -ge "$oldest_java" ] 2>/dev/null; }

install() {
    say "fetching $coordinate; this takes a minute, once"
    scratch=$(mktemp -d "$installed.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    mvn --quiet --batch-mode "$copier" -Dartifact="$coordinate" -DoutputDirectory="$scratch" >&2
    unzip -q "$scratch"/keycloak-quarkus-dist-*.zip -d "$scratch"
    "$scratch"/keycloak-*/bin/kc.sh build --db=dev-mem >&2
    rm -rf "$installed"
    mv "$scratch"/keycloak-*/ "$installed"
}

"$here/../../scripts/packages.sh" java=default-jre-headless mvn=maven unzip=unzip || fail "java, mvn and unzip are needed"
usable_java || fail "Java $oldest_java or newer is needed (Debian: default-jre-headless)"
mkdir -p "$cache"
exec 9> "$installed.lock"
flock 9
[ -d "$installed" ] || install
ln -sfn "$installed" "$cache/keycloak" # where a plain `cargo test` looks
echo "$installed"
