#!/usr/bin/env bash
# Brings kube-apiserver, etcd and kubectl for the tests, and prints the directory that holds all three.
#
# They are taken from $KUBEBUILDER_ASSETS or the PATH where all three are there, else built once
# through Go's modules (5-8 minutes on 2 cores) and kept under ~/.cache/jit-tests.
set -euo pipefail

kubernetes=1.36.3
etcd=3.6.8
oldest_minor=30 # structured authentication, which the tests use, came with 1.30

here="$(cd "$(dirname "$0")" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/jit-tests"
built="$cache/kubernetes-$kubernetes"

say() { echo "kubernetes: $*" >&2; }
fail() { say "$@"; exit 1; }
# shellcheck source=tests/servers/go.sh
. "$here/go.sh"

# The minor version that a binary's own answer names: v1.32.4 is 32.
minor() { sed -n 's/.*v1\.\([0-9][0-9]*\)\..*/\1/p' | head -n 1; }

# Whether kube-apiserver ($1), etcd ($2) and kubectl ($3) are there and new enough.
usable() {
    [ -x "$1" ] && [ -x "$2" ] && [ -x "$3" ] || return 1
    local server client
    server=$("$1" --version 2>/dev/null | minor)
    client=$("$3" version --client 2>/dev/null | minor)
    [ "${server:-0}" -ge "$oldest_minor" ] && [ "${client:-0}" -ge "$oldest_minor" ]
}

usable_in() { usable "$1/kube-apiserver" "$1/etcd" "$1/kubectl"; }

# Gathers what the PATH has into one directory of links, so that the tests need only one path.
from_path() {
    local server store client
    server=$(command -v kube-apiserver) && store=$(command -v etcd) && client=$(command -v kubectl) || return 1
    usable "$server" "$store" "$client" || return 1
    mkdir -p "$cache/kubernetes-path"
    ln -sfn "$server" "$cache/kubernetes-path/kube-apiserver"
    ln -sfn "$store" "$cache/kubernetes-path/etcd"
    ln -sfn "$client" "$cache/kubernetes-path/kubectl"
}

# Kubernetes names its own staging modules at v0.0.0 and replaces them by folders of its repository;
# from outside, each has to be replaced by its published version.
write_go_mod() {
    local theirs
    theirs=$("$go" mod download -json "k8s.io/kubernetes@v$kubernetes" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
    [ -f "$theirs" ] || fail "k8s.io/kubernetes v$kubernetes cannot be downloaded"
    {
        echo "module jit-tests"
        grep '^go ' "$theirs"
        echo "require k8s.io/kubernetes v$kubernetes"
        echo "require go.etcd.io/etcd/server/v3 v$etcd"
        sed -n "s|^\(require\)\{0,1\}[[:space:]]*\(k8s.io/[^ ]*\) v0\.0\.0\( .*\)\{0,1\}\$|replace \2 => \2 v0.${kubernetes#1.}|p" "$theirs"
    } > go.mod
}

# Turns one line a package into one line every two hundred.
count() { awk -v what="$1" 'NR % 200 == 0 { print "kubernetes: " what ": " NR " packages compiled"; fflush() }' >&2; }

# Builds package $2 as bin/$1.
compile() {
    say "building $1"
    { "$go" build -v -mod=mod -trimpath -o "bin/$1" \
        -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$kubernetes" "$2" 2>&1 >&3 |
        tee "$1.log" | count "$1"; } 3>&2 || { tail -n 20 "$1.log" >&2; fail "$1 does not build"; }
}

build() {
    mkdir -p "$cache"
    exec 9> "$built.lock"
    flock 9
    usable_in "$built" && return # another run built it meanwhile
    scratch=$(mktemp -d "$built.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    find_go
    say "building v$kubernetes and etcd v$etcd with $("$go" env GOVERSION); this takes 5-8 minutes, once"
    cd "$scratch"
    write_go_mod
    compile etcd go.etcd.io/etcd/server/v3
    compile kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
    compile kubectl k8s.io/kubernetes/cmd/kubectl
    usable_in "$scratch/bin" || fail "what was built does not run"
    rm -rf "$built"
    mv "$scratch/bin" "$built"
    say "done in $((SECONDS / 60)) min $((SECONDS % 60)) s"
}

if [ -n "${KUBEBUILDER_ASSETS:-}" ] && usable_in "$KUBEBUILDER_ASSETS"; then
    found=$KUBEBUILDER_ASSETS
elif usable_in "$built"; then
    found=$built
elif from_path; then
    found=$cache/kubernetes-path
else
    build
    found=$built
fi
mkdir -p "$cache"
ln -sfn "$found" "$cache/kubernetes" # where a plain `cargo test` looks
echo "$found"
