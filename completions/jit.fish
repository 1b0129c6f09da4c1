# What TAB offers behind `jit`, in fish: `jit complete` answers, from what is on this machine.
function __jit_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)

    # Behind "--" stands a command, whose own completion knows better.
    if set -l dashes (contains --index -- -- $words)
        set -e words[1..$dashes]
        set -l line
        for word in $words
            set -a line (string escape -- $word)
        end
        complete --do-complete "$line $current"
        return
    end

    for line in (command jit complete -- $words "$current" 2>/dev/null)
        if string match --quiet -- "/"\t"*" $line
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete --command jit --no-files --keep-order --arguments "(__jit_complete)"
