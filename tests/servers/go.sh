# shellcheck shell=bash
# Finds a Go that can build what the tests need; sourced by the scripts that build. They have `say` and
# `fail`, and `scratch`, a directory that goes away.

oldest_go=21    # this and newer fetch by themselves the toolchain that a go.mod asks for
bootstrap_go=1.26.0

go_minor() { "$1" env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9][0-9]*\).*/\1/p'; }

# Sets $go, and how it builds: static, and by what its own go.mod says.
find_go() {
    go=$(command -v go || true)
    [ -n "$go" ] || { [ ! -x /usr/local/go/bin/go ] || go=/usr/local/go/bin/go; }
    [ -n "$go" ] || install_go
    local version
    version=$(go_minor "$go")
    [ "${version:-0}" -ge "$oldest_go" ] || bootstrap
    export CGO_ENABLED=0 GOWORK=off GOTOOLCHAIN=auto
}

install_go() {
    "$(dirname "${BASH_SOURCE[0]}")/../../scripts/packages.sh" go=golang-go ||
        fail "Go is needed to build it; install any Go and run this again"
    go=$(command -v go)
}

# A Go too old to fetch a newer one by itself still downloads modules, and a toolchain is one.
bootstrap() {
    local module dir
    module="golang.org/toolchain@v0.0.1-go$bootstrap_go.$("$go" env GOOS)-$("$go" env GOARCH)"
    say "$("$go" version) is too old; fetching Go $bootstrap_go as a module"
    dir=$(cd "$scratch" && "$go" mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
    [ -n "$dir" ] || fail "Go $bootstrap_go cannot be fetched; install Go 1.$oldest_go or newer and run this again"
    mkdir -p "$scratch/go"
    cp -R "$dir/." "$scratch/go"
    chmod -R u+w "$scratch/go"
    chmod +x "$scratch"/go/bin/* "$scratch"/go/pkg/tool/*/*
    go="$scratch/go/bin/go"
}
