#!/usr/bin/env bash
# Brings the system packages that the tests need: installs them on Debian as root or by sudo, without
# asking anything, and else names them.
set -euo pipefail

say() { echo "packages: $*" >&2; }

# Whether there is a program of that name, also where Debian hides servers.
has() {
    PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" >/dev/null ||
        compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null
}

missing=()
needs() { has "$1" || missing+=("$2"); }

needs cc build-essential
needs git git
needs ssh openssh-client
needs sshd openssh-server
needs psql postgresql-client
needs initdb postgresql
needs strace strace
needs rsync rsync
needs setpriv util-linux
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
[ "${#missing[@]}" -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ]; then
    root=(env)
elif sudo -n true 2>/dev/null; then
    root=(sudo -n env)
fi
if [ -z "${root:-}" ] || ! command -v apt-get >/dev/null; then
    say "please install: ${missing[*]}"
    say "what needs them is skipped"
    exit 0
fi

say "installing ${missing[*]}"
# RUNLEVEL=1 keeps Debian from starting the servers, and none shall start later: the tests start their own.
quietly=("${root[@]}" DEBIAN_FRONTEND=noninteractive RUNLEVEL=1)
"${quietly[@]}" apt-get update -qq </dev/null >&2
"${quietly[@]}" apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "${missing[@]}" </dev/null >&2
for package in "${missing[@]}"; do
    case $package in
        openssh-server) service=ssh ;;
        postgresql) service=postgresql ;;
        *) continue ;;
    esac
    "${root[@]}" systemctl disable --now "$service" >/dev/null 2>&1 || true # no systemd, no service
done
