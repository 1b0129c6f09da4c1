//! The policies that `jit init` writes: commented for somebody who has never seen Cedar.

/// File name and text, in the order in which they are read.
pub const FILES: [(&str, &str); 7] = [
    ("10-routine.cedar", include_str!("starter/10-routine.cedar")),
    (
        "20-elevated.cedar",
        include_str!("starter/20-elevated.cedar"),
    ),
    (
        "30-sensitive.cedar",
        include_str!("starter/30-sensitive.cedar"),
    ),
    (
        "40-break-glass.cedar",
        include_str!("starter/40-break-glass.cedar"),
    ),
    ("50-own.cedar", include_str!("starter/50-own.cedar")),
    (
        "60-administrators.cedar",
        include_str!("starter/60-administrators.cedar"),
    ),
    ("70-agents.cedar", include_str!("starter/70-agents.cedar")),
];
