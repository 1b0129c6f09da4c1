# jit for fish: wrappers of kubectl, psql and its kin, ssh and aws, and a prompt segment.
# Written by "jit setup shell", which writes it anew. `command kubectl …` goes past a wrapper.
if status is-interactive
    set -g __jit @JIT@

    function __jit_call
        if not test -x "$__jit"
            command $argv
        else if test -n "$__jit_reading"
            # fish is completing a command line: nobody is to be asked for anything.
            $__jit exec @OPTIONS@ --if-known --if-held -- $argv
        else
            $__jit exec @OPTIONS@ --if-known -- $argv
        end
    end

    # A function or an alias of yours stays. Once more at the first prompt: config.fish, which comes
    # later, may bring tools into the PATH.
    function __jit_wrap
        for tool in kubectl psql ssh aws pg_dump pg_dumpall pg_restore pgbench
            if command -q $tool; and not functions -q $tool
                function $tool --inherit-variable tool
                    __jit_call $tool $argv
                end
            end
        end
    end
    __jit_wrap

    # Between these two events fish runs a command; else it reads one, and completes it.
    function __jit_executes --on-event fish_preexec
        set -g __jit_reading
    end

    # Before each prompt: $JIT_PROMPT and the segment, behind what "jit exec" gave this very shell. Where no lease rests, no process is started.
    function __jit_prompt --on-event fish_prompt
        if not set -q __jit_ready
            set -g __jit_ready 1
            __jit_wrap
        end
        set -l cache $XDG_CACHE_HOME
        test -n "$cache"; or set cache "$HOME/.cache"
        set -l held $cache/jit/leases/*.lease
        set -l said
        if set -q held[1]; and test -x "$__jit"
            set said ($__jit prompt @OPTIONS@ 2>/dev/null)
            if string match -qr '[^a-zA-Z0-9 /:._@+-]' -- $said
                set said
            end
        end
        set -e JIT_PROMPT
        if test -n "$said[1]"
            set -gx JIT_PROMPT $said[1]
        end
        if test -z "$JIT_PROMPT_OFF"
            __jit_decorate
        end
        set -g __jit_reading 1
    end

    # Puts the segment before your own fish_prompt, whenever that was defined.
    function __jit_decorate
        if functions fish_prompt | string match -q '*__jit_segment*'
            return
        end
        functions -q __jit_undecorated; and functions -e __jit_undecorated
        functions -c fish_prompt __jit_undecorated
        function fish_prompt
            set -l was $status
            __jit_segment
            __jit_again $was
            __jit_undecorated
        end
    end

    function __jit_segment
        if test -n "$JIT_PROMPT_OFF"
            return
        end
        if test -n "$JIT_ENTITLEMENTS"; and not string match -qr '[^a-zA-Z0-9 /:._@+-]' -- "$JIT_ENTITLEMENTS"
            printf '(%s) ' "$JIT_ENTITLEMENTS"
        end
        if test -n "$JIT_PROMPT"
            printf '[%s] ' $JIT_PROMPT
        end
    end

    # So that your prompt finds the status of your command.
    function __jit_again
        return $argv[1]
    end
end
