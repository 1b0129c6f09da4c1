# jit for bash: wrappers of kubectl, psql and its kin, ssh and aws, and a prompt segment.
# Written by "jit setup shell", which writes it anew. `command kubectl …` goes past a wrapper.
case $- in *i*) ;; *) return 0 ;; esac

__jit=@JIT@
__jit_shown=

function __jit_call {
    if [[ ! -x ${__jit-} ]]; then
        command "$@"
    elif [[ -n ${COMP_LINE+x} ]]; then
        # Bash is completing a command line: nobody is to be asked for anything.
        "$__jit" exec @OPTIONS@ --if-known --if-held -- "$@"
    else
        "$__jit" exec @OPTIONS@ --if-known -- "$@"
    fi
}

# A function of yours stays, and so does an alias, which bash reads first.
function __jit_wrap {
    type -P "$1" >/dev/null || return 0
    if declare -F "$1" >/dev/null && [[ $(declare -f "$1") != *__jit_call* ]]; then
        return 0
    fi
    eval "function $1 { __jit_call $1 \"\$@\"; }"
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
function __jit_prompt {
    local was=$? said= segment= mark=${JIT_ENTITLEMENTS-}
    if [[ -x $__jit ]] && compgen -G "${XDG_CACHE_HOME:-${HOME-}/.cache}/jit/leases/*.lease" >/dev/null; then
        said=$("$__jit" prompt @OPTIONS@ 2>/dev/null) || said=
    fi
    segment=${said%%$'\n'*}
    if [[ $said == *[!a-zA-Z0-9$'\n'\ /:._@+-]* ]]; then segment=''; fi
    if [[ $mark == *[!a-zA-Z0-9\ /:._@+-]* ]]; then mark=''; fi
    if [[ -n $segment ]]; then export JIT_PROMPT=$segment; else unset JIT_PROMPT; fi
    if [[ -n $__jit_shown && -n ${PS1+x} ]]; then PS1=${PS1#"$__jit_shown"} __jit_shown=; fi
    if [[ -n $segment$mark && -n ${PS1+x} && -z ${JIT_PROMPT_OFF-} ]]; then
        __jit_shown="${mark:+($mark) }${segment:+[$segment] }"
        PS1=$__jit_shown$PS1
    fi
    # A status that is not 0 would end a shell that was told `set -e`.
    case $- in *e*) was=0 ;; esac
    return "$was"
}

# The form that PROMPT_COMMAND has is kept: a list since bash 5.1, or else a text.
if [[ " ${PROMPT_COMMAND[*]-} " != *__jit_prompt* ]]; then
    __jit_form=
    if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)) && [[ -n ${PROMPT_COMMAND[*]+x} ]]; then
        __jit_form=${PROMPT_COMMAND[*]@a}
    fi
    case $__jit_form in
        *r*) ;;
        *a*) PROMPT_COMMAND+=(__jit_prompt) ;;
        *) PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}__jit_prompt ;;
    esac
    unset __jit_form
fi
