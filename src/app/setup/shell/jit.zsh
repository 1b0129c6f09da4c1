# jit for zsh: wrappers of kubectl, psql and its kin, ssh and aws, and a prompt segment.
# Written by "jit setup shell", which writes it anew. `command kubectl …` goes past a wrapper.
[[ -o interactive ]] || return 0

typeset -g __jit=@JIT@ __jit_shown=

function __jit_call {
    if [[ ! -x ${__jit-} ]]; then
        command "$@"
    elif [[ -n ${WIDGET+x} ]]; then
        # zsh is completing a command line: nobody is to be asked for anything.
        "$__jit" exec @OPTIONS@ --if-known --if-held -- "$@"
    else
        "$__jit" exec @OPTIONS@ --if-known -- "$@"
    fi
}

# A function of yours stays, and so does an alias, which zsh reads first.
function __jit_wrap {
    emulate -L zsh
    whence -p "$1" >/dev/null || return 0
    if [[ -n ${functions[$1]+x} && ${functions[$1]} != *__jit_call* ]]; then
        return 0
    fi
    functions[$1]="__jit_call $1 \"\$@\""
}
__jit_wrap kubectl
__jit_wrap psql
__jit_wrap ssh
__jit_wrap aws
__jit_wrap pg_dump
__jit_wrap pg_dumpall
__jit_wrap pg_restore
__jit_wrap pgbench

# Before each prompt: $JIT_PROMPT and its copy in PS1, behind what "jit exec" gave this very shell. Where no
# lease rests, no process is started.
function __jit_precmd {
    emulate -L zsh
    local said= segment= mark=${JIT_ENTITLEMENTS-} cache=${XDG_CACHE_HOME:-${HOME-}/.cache}
    # As a text, since a shell that emulates sh cannot read a glob's qualifier where it stands.
    local leases="${(b)cache}/jit/leases/*.lease(N[1])"
    local -a held
    held=(${~leases})
    if [[ -n ${held[1]-} ]] && [[ -x $__jit ]]; then
        said=$("$__jit" prompt @OPTIONS@ 2>/dev/null) || said=
    fi
    segment=${said%%$'\n'*}
    if [[ $said == *[^a-zA-Z0-9$'\n'\ /:._@+-]* ]]; then segment=; fi
    if [[ $mark == *[^a-zA-Z0-9\ /:._@+-]* ]]; then mark=; fi
    if [[ -n $segment ]]; then export JIT_PROMPT=$segment; else unset JIT_PROMPT; fi
    if [[ -n $__jit_shown ]]; then PS1=${PS1#"$__jit_shown"} __jit_shown=; fi
    if [[ -n $segment$mark && -z ${JIT_PROMPT_OFF-} ]]; then
        __jit_shown="${mark:+($mark) }${segment:+[$segment] }"
        PS1=$__jit_shown$PS1
    fi
}

typeset -ga precmd_functions
if [[ " ${precmd_functions[*]-} " != *" __jit_precmd "* ]]; then
    precmd_functions+=(__jit_precmd)
fi
