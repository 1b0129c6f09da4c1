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

# Before each prompt: $JIT_PROMPT, its copy in PS1, and $AWS_CREDENTIAL_EXPIRATION. Where no lease
# rests, no process is started.
function __jit_precmd {
    emulate -L zsh
    local said= segment= ends= cache=${XDG_CACHE_HOME:-${HOME-}/.cache}
    # As a text, since a shell that emulates sh cannot read a glob's qualifier where it stands.
    local leases="${(b)cache}/jit/leases/*.lease(N[1])"
    local -a held
    held=(${~leases})
    if [[ -n ${held[1]-} ]] && [[ -x $__jit ]]; then
        said=$("$__jit" prompt @OPTIONS@ 2>/dev/null) || said=
    fi
    segment=${said%%$'\n'*}
    if [[ $said == *$'\n'* ]]; then ends=${said#*$'\n'}; fi
    if [[ $said == *[^a-zA-Z0-9$'\n'\ /:._@+-]* ]]; then segment= ends=; fi
    if [[ -n $segment ]]; then export JIT_PROMPT=$segment; else unset JIT_PROMPT; fi
    if [[ -n $__jit_shown ]]; then PS1=${PS1#"$__jit_shown"} __jit_shown=; fi
    if [[ -n $segment && -z ${JIT_PROMPT_OFF-} ]]; then
        __jit_shown="[$segment] "
        PS1=$__jit_shown$PS1
    fi
    __jit_expire "$ends"
}

# Whose keys are in the environment, or who has set the variable otherwise, knows better.
function __jit_expire {
    emulate -L zsh
    local now=${AWS_CREDENTIAL_EXPIRATION-} ours=${JIT_CREDENTIAL_EXPIRATION-}
    if [[ -n $1 && -z ${AWS_ACCESS_KEY_ID-} && ( -z $now || $now == $ours ) ]]; then
        export AWS_CREDENTIAL_EXPIRATION=$1 JIT_CREDENTIAL_EXPIRATION=$1
    elif [[ -n $ours ]]; then
        if [[ $now == $ours ]]; then unset AWS_CREDENTIAL_EXPIRATION; fi
        unset JIT_CREDENTIAL_EXPIRATION
    fi
}

typeset -ga precmd_functions
if [[ " ${precmd_functions[*]-} " != *" __jit_precmd "* ]]; then
    precmd_functions+=(__jit_precmd)
fi
