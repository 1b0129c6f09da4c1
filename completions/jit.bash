# What TAB offers behind `jit`, in bash: `jit complete` answers, from what is on this machine.
_jit() {
    local rest=${COMP_LINE:0:COMP_POINT} words=() last=-1 behind='' gap word i
    # Bash breaks a word at ':' and '=' too; what follows without a space is still the same word.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        gap=${rest%%[![:space:]]*} rest=${rest#"${rest%%[![:space:]]*}"}
        word=${COMP_WORDS[i]}
        ((i < COMP_CWORD)) || word=$rest
        rest=${rest#"$word"}
        if [[ $i -gt 0 && -z $gap ]]; then
            words[last]+=$word
            continue
        fi
        if [[ $last -ge 0 && ${words[last]} == -- ]]; then
            behind=$i
            break
        fi
        last=$((last + 1))
        words[last]=$word
    done

    # Behind "--" stands a command, whose own completion knows better.
    if [[ -n $behind ]]; then
        if declare -F _comp_command_offset >/dev/null; then
            _comp_command_offset "$behind"
        elif declare -F _command_offset >/dev/null; then
            _command_offset "$behind"
        elif ((behind == COMP_CWORD)); then
            while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -c -- "$word")
        else
            compopt -o default 2>/dev/null
        fi
        return
    fi

    # What stands before the cursor is told without its quotes.
    for ((i = 0; i < last; i++)); do
        case ${words[i]} in
            \'*\' | \"*\") words[i]=${words[i]:1:${#words[i]}-2} ;;
            *) words[i]=${words[i]//\\/} ;;
        esac
    done
    local current=${words[last]} tail cut=''
    if [[ $current == [\"\']* ]]; then
        current=${current:1}
    else
        # Only what is behind the last break is replaced by what is offered here.
        current=${current//\\/} tail=${words[last]//\\/}
        [[ $COMP_WORDBREAKS != *:* ]] || tail=${tail##*:}
        [[ $COMP_WORDBREAKS != *=* ]] || tail=${tail##*=}
        cut=${current%"$tail"}
    fi
    words[last]=$current

    local values=() helps=() widest=0 width=${COLUMNS:-80} value help
    while IFS=$'\t' read -r value help; do
        if [[ $value == / ]]; then
            compopt -o default 2>/dev/null
            return
        fi
        value=${value#"$cut"}
        values+=("$value") helps+=("$help")
        ((${#value} <= widest)) || widest=${#value}
    done < <(command jit complete -- "${words[@]}" 2>/dev/null)

    # What is listed says what it is; what is put into the line does not (a menu is 37, all is 42).
    if ((${#values[@]} > 1 && width > widest + 8)) && [[ $COMP_TYPE != 37 && $COMP_TYPE != 42 ]]; then
        for i in "${!values[@]}"; do
            [[ -z ${helps[i]} ]] || printf -v 'values[i]' '%-*s  (%s)' "$widest" "${values[i]}" "${helps[i]}"
            values[i]=${values[i]:0:width-1}
        done
    fi
    COMPREPLY=("${values[@]}")
}
complete -o nosort -F _jit jit 2>/dev/null || complete -F _jit jit
