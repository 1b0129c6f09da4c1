# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_jit_global_optspecs
    string join \n config-dir= json v/verbose h/help V/version
end

function __fish_jit_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_jit_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_jit_using_subcommand
    set -l cmd (__fish_jit_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c jit -n "__fish_jit_needs_command" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_needs_command" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_needs_command" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_needs_command" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_needs_command" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_needs_command" -f -a "exec" -d 'Run a command with exactly the access that it needs, for as long as it needs it'
complete -c jit -n "__fish_jit_needs_command" -f -a "exec-credential" -d 'Print a token for kubectl and its kin; called by a kubeconfig'
complete -c jit -n "__fish_jit_needs_command" -f -a "credential-process" -d 'Print credentials for the AWS SDKs; called by an AWS profile'
complete -c jit -n "__fish_jit_needs_command" -f -a "agent" -d 'Serve one tool\'s ssh agent'
complete -c jit -n "__fish_jit_needs_command" -f -a "request" -d 'Ask for an entitlement now, for a command to come'
complete -c jit -n "__fish_jit_needs_command" -f -a "status" -d 'Show what you hold, until when, and which policies decided'
complete -c jit -n "__fish_jit_needs_command" -f -a "forget" -d 'Drop a cached lease on this machine; its grant goes on (see revoke)'
complete -c jit -n "__fish_jit_needs_command" -f -a "revoke" -d 'End a grant now, here and at its target'
complete -c jit -n "__fish_jit_needs_command" -f -a "audit" -d 'List who had what, when and why, or verify that nobody changed it'
complete -c jit -n "__fish_jit_needs_command" -f -a "policy" -d 'Check what you wrote, or explain who may have what'
complete -c jit -n "__fish_jit_needs_command" -f -a "init" -d 'Write commented configuration and propose a catalogue; changes nothing that exists'
complete -c jit -n "__fish_jit_needs_command" -f -a "trust" -d 'Print what a target needs to trust this authority'
complete -c jit -n "__fish_jit_needs_command" -f -a "demo" -d 'See it work: real servers in a sandbox of their own, gone afterwards'
complete -c jit -n "__fish_jit_needs_command" -f -a "completions" -d 'Print the completions for a shell'
complete -c jit -n "__fish_jit_needs_command" -f -a "tidy" -d 'Remove what grants that are over have left at their targets'
complete -c jit -n "__fish_jit_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c jit -n "__fish_jit_using_subcommand exec" -l role -d 'Use this role instead of the smallest that the command needs' -r
complete -c jit -n "__fish_jit_using_subcommand exec" -l on -d 'Reach this resource, whatever the command says: kind/name' -r
complete -c jit -n "__fish_jit_using_subcommand exec" -s j -l justification -d 'Say why; some entitlements need it, all record it' -r
complete -c jit -n "__fish_jit_using_subcommand exec" -l ttl -d 'Ask for no longer than this: 30m, 1h' -r
complete -c jit -n "__fish_jit_using_subcommand exec" -l wait -d 'Wait this long for an approval, where an authority has somebody else who could give it' -r
complete -c jit -n "__fish_jit_using_subcommand exec" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand exec" -l no-wait -d 'Do not wait for an approval'
complete -c jit -n "__fish_jit_using_subcommand exec" -l break-glass -d 'Skip approval in an emergency: alerted, and reviewed afterwards'
complete -c jit -n "__fish_jit_using_subcommand exec" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand exec" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand exec" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jit -n "__fish_jit_using_subcommand exec" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand exec-credential" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand exec-credential" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand exec-credential" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand exec-credential" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand exec-credential" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand credential-process" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand credential-process" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand credential-process" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand credential-process" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand credential-process" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand agent" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand agent" -l stay -d 'Stay and serve; without it, start the process that stays'
complete -c jit -n "__fish_jit_using_subcommand agent" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand agent" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand agent" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand agent" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand request" -s j -l justification -d 'Say why; some entitlements need it, all record it' -r
complete -c jit -n "__fish_jit_using_subcommand request" -l ttl -d 'Ask for no longer than this: 30m, 1h' -r
complete -c jit -n "__fish_jit_using_subcommand request" -l wait -d 'Wait this long for an approval, where an authority has somebody else who could give it' -r
complete -c jit -n "__fish_jit_using_subcommand request" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand request" -l no-wait -d 'Do not wait for an approval'
complete -c jit -n "__fish_jit_using_subcommand request" -l break-glass -d 'Skip approval in an emergency: alerted, and reviewed afterwards'
complete -c jit -n "__fish_jit_using_subcommand request" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand request" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand request" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand request" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand status" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand status" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand status" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand status" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand status" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand forget" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand forget" -l all -d 'Drop every lease'
complete -c jit -n "__fish_jit_using_subcommand forget" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand forget" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand forget" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand forget" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand revoke" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand revoke" -l all -d 'End everything that you hold'
complete -c jit -n "__fish_jit_using_subcommand revoke" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand revoke" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand revoke" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand revoke" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l principal -d 'Only this principal\'s' -r
complete -c jit -n "__fish_jit_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l resource -d 'Only of this resource: kind/name' -r
complete -c jit -n "__fish_jit_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l role -d 'Only of this role' -r
complete -c jit -n "__fish_jit_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l grant -d 'Only of this grant' -r
complete -c jit -n "__fish_jit_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l since -d 'Only from then on: 2026-11-22T10:00:00Z, or 24h ago as 24h' -r
complete -c jit -n "__fish_jit_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l until -d 'Only before then' -r
complete -c jit -n "__fish_jit_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l limit -d 'Only the newest so many' -r
complete -c jit -n "__fish_jit_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -f -a "verify" -d 'Recompute the chain of hashes; names the first entry that is not what was written'
complete -c jit -n "__fish_jit_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c jit -n "__fish_jit_using_subcommand audit; and __fish_seen_subcommand_from verify" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand audit; and __fish_seen_subcommand_from verify" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand audit; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand audit; and __fish_seen_subcommand_from verify" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Recompute the chain of hashes; names the first entry that is not what was written'
complete -c jit -n "__fish_jit_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c jit -n "__fish_jit_using_subcommand policy; and not __fish_seen_subcommand_from check explain help" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand policy; and not __fish_seen_subcommand_from check explain help" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand policy; and not __fish_seen_subcommand_from check explain help" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand policy; and not __fish_seen_subcommand_from check explain help" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand policy; and not __fish_seen_subcommand_from check explain help" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand policy; and not __fish_seen_subcommand_from check explain help" -f -a "check" -d 'Check config.toml, authority.toml, the files they name, and every policy'
complete -c jit -n "__fish_jit_using_subcommand policy; and not __fish_seen_subcommand_from check explain help" -f -a "explain" -d 'Show which policies decide about an entitlement, and what would change their answer'
complete -c jit -n "__fish_jit_using_subcommand policy; and not __fish_seen_subcommand_from check explain help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from check" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from check" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from explain" -l as -d 'Ask for somebody else: a name, or workload/NAME or agent/NAME' -r
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from explain" -l group -d 'Ask as if in this group too' -r
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from explain" -s j -l justification -d 'Ask with this reason' -r
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from explain" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from explain" -l break-glass -d 'Ask to skip approval'
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from explain" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from explain" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from explain" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "check" -d 'Check config.toml, authority.toml, the files they name, and every policy'
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "explain" -d 'Show which policies decide about an entitlement, and what would change their answer'
complete -c jit -n "__fish_jit_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c jit -n "__fish_jit_using_subcommand init" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand init" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand init" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand init" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand init" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand trust" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand trust" -l ca -d 'Only the key or certificate, for scripts'
complete -c jit -n "__fish_jit_using_subcommand trust" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand trust" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand trust" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand trust" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand demo" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand demo" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand demo" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand demo" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand demo" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand completions" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand completions" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand completions" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand completions" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand completions" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand tidy" -l config-dir -d 'Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)' -r -F
complete -c jit -n "__fish_jit_using_subcommand tidy" -l stay -d 'Stay and tidy; without it, start the process that stays'
complete -c jit -n "__fish_jit_using_subcommand tidy" -l json -d 'Print JSON; errors too, as one object on stderr'
complete -c jit -n "__fish_jit_using_subcommand tidy" -s v -l verbose -d 'Say what was inferred, asked for and used'
complete -c jit -n "__fish_jit_using_subcommand tidy" -s h -l help -d 'Print help'
complete -c jit -n "__fish_jit_using_subcommand tidy" -s V -l version -d 'Print version'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "exec" -d 'Run a command with exactly the access that it needs, for as long as it needs it'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "exec-credential" -d 'Print a token for kubectl and its kin; called by a kubeconfig'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "credential-process" -d 'Print credentials for the AWS SDKs; called by an AWS profile'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "agent" -d 'Serve one tool\'s ssh agent'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "request" -d 'Ask for an entitlement now, for a command to come'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "status" -d 'Show what you hold, until when, and which policies decided'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "forget" -d 'Drop a cached lease on this machine; its grant goes on (see revoke)'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "revoke" -d 'End a grant now, here and at its target'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "audit" -d 'List who had what, when and why, or verify that nobody changed it'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "policy" -d 'Check what you wrote, or explain who may have what'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "init" -d 'Write commented configuration and propose a catalogue; changes nothing that exists'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "trust" -d 'Print what a target needs to trust this authority'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "demo" -d 'See it work: real servers in a sandbox of their own, gone afterwards'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "completions" -d 'Print the completions for a shell'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "tidy" -d 'Remove what grants that are over have left at their targets'
complete -c jit -n "__fish_jit_using_subcommand help; and not __fish_seen_subcommand_from exec exec-credential credential-process agent request status forget revoke audit policy init trust demo completions tidy help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c jit -n "__fish_jit_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "verify" -d 'Recompute the chain of hashes; names the first entry that is not what was written'
complete -c jit -n "__fish_jit_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "check" -d 'Check config.toml, authority.toml, the files they name, and every policy'
complete -c jit -n "__fish_jit_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "explain" -d 'Show which policies decide about an entitlement, and what would change their answer'
