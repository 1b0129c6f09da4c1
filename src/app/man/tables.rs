//! What is true of every command, told once: exit status, environment, files.

/// A term, and what it means.
pub(super) type Row = (&'static str, &'static str);

/// The README has the same table; a test compares them.
pub(super) const EXIT_STATUS: [Row; 8] = [
    ("the tool's own", "it ran"),
    ("2", "the command line, or a name in it, makes no sense"),
    ("121", "denied"),
    ("122", "an approval is pending"),
    ("123", "sign in"),
    ("124", "a target did not answer in time"),
    ("125", "jit could not do its part"),
    ("126, 127", "the tool cannot be run, was not found"),
];

/// What is read of it; absolute paths only, as the XDG specification has it.
pub(super) const ENVIRONMENT: [Row; 4] = [
    (
        "JIT_CONFIG_DIR",
        "The directory of the configuration, where --config-dir names none.",
    ),
    (
        "XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME",
        "Where ~/.config, ~/.local/state and ~/.cache are.",
    ),
    (
        "XDG_RUNTIME_DIR",
        "Where sockets are, in jit/; without it, ~/.cache/jit/run.",
    ),
    (
        "KUBECONFIG, AWS_PROFILE, PGSERVICE and the like",
        "Read as the tool itself reads them, to know what a command reaches.",
    ),
];

/// Where they are without the variables above.
pub(super) const FILES: [Row; 6] = [
    (
        "~/.config/jit/authority.toml",
        "The catalogue: what can be reached, and in which roles.",
    ),
    ("~/.config/jit/config.toml", "The client's own choices."),
    ("~/.config/jit/policies/*.cedar", "Who may have what."),
    (
        "~/.local/state/jit/ledger.db",
        "The ledger: who had what, when and why; and the signing keys, sealed.",
    ),
    (
        "~/.local/state/jit/sealing.key",
        "The key that seals them and the leases.",
    ),
    ("~/.cache/jit/leases/", "The leases, sealed, a file each."),
];
