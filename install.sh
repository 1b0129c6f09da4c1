#!/bin/sh
# Builds jit and installs it, with completions for bash, zsh and fish, and its manual.
#
#   ./install.sh              to ~/.local/bin (or $PREFIX/bin)
#   ./install.sh --demo       and then shows it at work, on servers that it starts itself
#   ./install.sh --uninstall  removes exactly what it installed, and says what stays
#   ./install.sh --prefix DIR to DIR/bin
set -eu
# What is installed is for everybody to read and for nobody else to write.
umask 022

# How the program is linked is chosen here and nowhere else. A position-independent program copies some
# 180 pages at every start, and a dynamic one looks up its libraries: without both, `jit exec` starts in
# about half the time. The price: static glibc finds hosts by files and DNS and users by /etc/passwd, but
# loads no other NSS module (LDAP, SSSD, systemd-resolved), and a fix in glibc arrives with a rebuild only.
# The warm path's functions lie side by side (link/warm.py), which saves some 65 of 200 page faults.
fixed_address="-C relocation-model=static -C link-arg=-Wl,-T,link/warm.ld"
static="$fixed_address -C target-feature=+crt-static"

say() { echo "jit: $*" >&2; }
fail() { say "$@"; exit 1; }
usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2; }

prefix=${PREFIX:-$HOME/.local}
demo= uninstall=
while [ $# -gt 0 ]; do
    case $1 in
        --demo) demo=yes ;;
        --uninstall) uninstall=yes ;;
        --prefix) [ $# -ge 2 ] || { usage; exit 2; }; prefix=$2; shift ;;
        --prefix=*) prefix=${1#*=} ;;
        -h | --help) usage; exit 0 ;;
        *) say "unknown argument: $1"; usage; exit 2 ;;
    esac
    shift
done
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
# In one spelling, since the list of what is installed is compared with it.
prefix=$(printf '%s' "$prefix" | sed 's://*:/:g;s:\(.\)/$:\1:')
cd "$(dirname "$0")"
list=$prefix/share/jit/installed

# Adds a line to the list of what is installed, once.
record() { grep -qxF -- "$1" "$list" 2>/dev/null || echo "$1" >> "$list"; }

# Whether a path is the prefix or below it, whatever the list says.
is_ours() {
    case $1 in */../* | */.. | */./*) return 1 ;; esac
    case $1 in "$prefix"/*) return 0 ;; *) return 1 ;; esac
}

# Makes a directory with those above it, and records each below the prefix that was not there.
make_dir() {
    [ ! -d "$1" ] || return 0
    make_dir "$(dirname "$1")"
    mkdir "$1"
    ! is_ours "$1/" || new_dirs="$1/
${new_dirs:-}"
}

# Puts file $1 at $2 under the prefix with mode $3: whole or not at all, and not again where it is the same.
put() {
    target=$prefix/$2
    make_dir "$(dirname "$target")"
    if ! cmp -s "$1" "$target"; then
        new=$(mktemp "$(dirname "$target")/.jit.XXXXXXXX")
        cp "$1" "$new"
        chmod "$3" "$new"
        mv -f "$new" "$target"
        say "installed $target"
    fi
    record "$target"
}

# Removes the files, then the directories that were made for them, the innermost first.
uninstall() {
    [ -f "$list" ] || fail "nothing is installed in $prefix"
    if [ -n "$(find "$list" "$(dirname "$list")" -prune \( -perm -020 -o -perm -002 \))" ]; then
        fail "$list can be written by others; look through it, then run: chmod go-w '$list' '$(dirname "$list")'"
    fi
    while IFS= read -r path; do
        is_ours "$path" || fail "$list names $path, which is not below $prefix; take that line out"
    done < "$list"
    # What calls a jit that is gone fails: every kubectl, ssh and aws that was set up.
    if "$prefix/bin/jit" setup --undo --dry-run 2>/dev/null | grep -q '[0-9] to change$'; then
        fail "your tools call this jit; first run: '$prefix/bin/jit' setup --undo"
    fi
    while IFS= read -r file; do
        case $file in */) continue ;; esac
        rm -f -- "$file"
        say "removed $file"
    done < "$list"
    dirs=$(grep '/$' "$list" | sort -r) || true
    rm -f -- "$list"
    echo "$dirs" | while IFS= read -r dir; do
        [ -z "$dir" ] || rmdir -- "$dir" 2>/dev/null || true # somebody else's files are in it
    done
    say_what_stays
}

# What people wrote and what jit recorded are theirs; and targets trust its keys until they are told otherwise.
say_what_stays() {
    for dir in "${XDG_CONFIG_HOME:-$HOME/.config}/jit" "${XDG_STATE_HOME:-$HOME/.local/state}/jit" \
        "${XDG_CACHE_HOME:-$HOME/.cache}/jit" ${XDG_RUNTIME_DIR:+"$XDG_RUNTIME_DIR/jit"}; do
        [ ! -d "$dir" ] || say "stays: $dir"
    done
    [ ! -d "${XDG_STATE_HOME:-$HOME/.local/state}/jit" ] || say "before you remove that: the ledger is in it, and the \
keys that targets trust; a jit that is installed again prints what ends the trust of each: jit trust KIND/NAME --remove"
}

check_cargo() {
    command -v cargo >/dev/null || PATH=$PATH:$HOME/.cargo/bin
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    how="install Rust $wanted or newer: 'apt-get install rustup && rustup default stable' on Debian 13, or see https://rustup.rs"
    command -v cargo >/dev/null || fail "cargo is missing; $how"
    have=$(cargo --version | cut -d ' ' -f 2)
    oldest=$(printf '%s\n%s\n' "$wanted" "${have%%-*}" | sort -V | head -n 1)
    [ "$oldest" = "$wanted" ] || fail "cargo $have is too old; $how"
}

check_packages() {
    scripts/packages.sh --ask cc=build-essential || fail "a C compiler is needed; install it and run this again"
    [ -z "$demo" ] || scripts/packages.sh --ask sshd=openssh-server ssh=openssh-client initdb=postgresql \
        psql=postgresql-client || say "the demo leaves out what is not installed"
}

# Whether the C library comes in the form that a static link needs.
has_static_libc() {
    probe=$(mktemp -d)
    echo 'int main(void) { return 0; }' > "$probe/a.c"
    cc -static -o "$probe/a" "$probe/a.c" 2>/dev/null && linked=yes || linked=
    rm -rf "$probe"
    [ -n "$linked" ]
}

build() {
    flags=
    if [ "$(uname -s)" = Linux ]; then
        if has_static_libc; then flags=$static; else
            say "no static C library (Fedora: glibc-static); links dynamically, which starts a little slower"
            flags=$fixed_address
        fi
    fi
    say "building (about ten minutes on two cores the first time)"
    # Not RUSTFLAGS: those would reach procedural macros too, which cannot be static.
    # shellcheck disable=SC2086 # a list of words
    cargo rustc --release --locked --bin jit -- $flags
}

install() {
    new_dirs=
    make_dir "$prefix/share/jit"
    built=$(cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
    put "$built/release/jit" bin/jit 755
    put completions/jit.bash share/bash-completion/completions/jit 644
    put completions/_jit share/zsh/site-functions/_jit 644
    put completions/jit.fish share/fish/vendor_completions.d/jit.fish 644
    pages=$(mktemp -d)
    "$built/release/jit" man --dir "$pages"
    for page in "$pages"/*.1; do put "$page" "share/man/man1/${page##*/}" 644; done
    rm -rf -- "$pages"
    echo "$new_dirs" | while IFS= read -r dir; do
        [ -z "$dir" ] || record "$dir"
    done
}

if [ -n "$uninstall" ]; then uninstall; exit 0; fi
check_cargo
check_packages
build
install
say "ready: $prefix/bin/jit"
case ":$PATH:" in
    *":$prefix/bin:"*) ;;
    *) say "$prefix/bin is not in your PATH; add it: export PATH=\"$prefix/bin:\$PATH\"" ;;
esac
zshrc=${ZDOTDIR:-$HOME}/.zshrc
if command -v zsh >/dev/null && ! grep -qs 'share/zsh/site-functions' "$zshrc"; then
    say "zsh completes jit with this in $zshrc, before compinit: fpath=('$prefix/share/zsh/site-functions' \$fpath)"
fi
[ -z "$demo" ] || exec "$prefix/bin/jit" demo
