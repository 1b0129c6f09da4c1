#!/bin/sh
# Brings system packages: scripts/packages.sh [--ask] PROGRAM=PACKAGE...
#
# The packages of the programs that are missing are installed where this is Debian and root or sudo may
# do so, after a question with --ask unless root; else they are named. Fails where one stays missing.
set -eu

say() { echo "packages: $*" >&2; }

# Whether there is that program, also where Debian hides servers.
has() {
    case $1 in
        python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null; return ;;
        bash-completion) [ -r /usr/share/bash-completion/bash_completion ]; return ;;
    esac
    for file in "/usr/sbin/$1" "/usr/local/sbin/$1" /usr/lib/postgresql/*/bin/"$1"; do
        [ ! -x "$file" ] || return 0
    done
    command -v "$1" >/dev/null
}

ask=
if [ "${1:-}" = --ask ]; then ask=yes; shift; fi

missing=
for need; do
    has "${need%%=*}" || missing="$missing ${need#*=}"
done
[ -n "$missing" ] || exit 0

decline() {
    say "please install:$missing"
    exit 1
}

command -v apt-get >/dev/null || decline
if [ "$(id -u)" = 0 ]; then
    root=env
elif [ -z "$ask" ]; then
    sudo -n true 2>/dev/null || decline
    root="sudo -n env"
else
    command -v sudo >/dev/null && [ -t 0 ] || decline
    printf 'Install%s with sudo? [y/N] ' "$missing" >&2
    read -r answer
    case $answer in [Yy]*) root="sudo env" ;; *) decline ;; esac
fi

say "installing$missing"
# RUNLEVEL=1 keeps Debian from starting the servers, and none shall start later: tests and demo start their own.
# shellcheck disable=SC2086 # these are lists of words
{
    $root DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null >&2
    $root DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends $missing </dev/null >&2
    for package in $missing; do
        case $package in
            openssh-server) service=ssh ;;
            postgresql) service=postgresql ;;
            *) continue ;;
        esac
        $root systemctl disable --now "$service" >/dev/null 2>&1 || true # no systemd, no service
    done
}
