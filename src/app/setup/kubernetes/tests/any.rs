//! Kubeconfigs of any form: either they are changed and come back to the byte, or they are refused.

use proptest::{collection::vec, prelude::*};
use serde_json::json;

use super::desk::{CANONICAL, OWN};
use crate::app::setup::kubernetes::{
    document::{Changes, edited},
    former::{Cleaned, cleaned},
};

fn changes() -> Changes {
    let mut changes = Changes::default();
    let user =
        json!({ "name": "jit:prod:view", "user": { "exec": { "args": ["exec-credential"] } } });
    let context = json!({ "context": { "cluster": "c1", "user": "jit:prod:view" }, "name": "x" });
    changes.items.insert("users", vec![user]);
    changes.items.insert("contexts", vec![context]);
    changes
        .users
        .insert("prod".to_owned(), "jit:prod:view".to_owned());
    changes
}

fn check(text: &str) -> Result<(), TestCaseError> {
    if let Some(changed) = edited(Some(text), &changes()) {
        let back = cleaned(&changed, None).unwrap();
        let wanted = Cleaned {
            text: Some(text.to_owned()),
            was_rewritten: false,
            left: Vec::new(),
        };
        prop_assert_eq!(back, wanted);
    }
    // Nor does what is no longer as setup left it.
    drop(cleaned(
        &text.replace("user: me", "user: jit:prod:view"),
        None,
    ));
    Ok(())
}

proptest! {
    /// Lines of a kubeconfig, some changed, in some order.
    #[test]
    fn lines_that_moved(
        own in any::<bool>(),
        moves in vec((0_usize..25, 0_usize..25), 0..4),
        put in vec((0_usize..25, "[ #-]{0,6}(users|contexts|user|name|a)?:?[ &*|>\\[{]{0,3}[a-z\"']{0,4}"), 0..3),
        end in prop_oneof![Just("\n"), Just("\r\n")],
    ) {
        let mut lines: Vec<&str> = if own { OWN } else { CANONICAL }.lines().collect();
        for (from, to) in &moves {
            let (from, to) = (from % lines.len(), to % lines.len());
            lines.swap(from, to);
        }
        for (at, line) in &put {
            lines.insert(at % lines.len(), line);
        }
        check(&lines.join(end))?;
    }

    /// A kubeconfig with a piece cut out, and something else there.
    #[test]
    fn pieces_that_are_gone(at in 0..OWN.len(), length in 0_usize..60, other in "[\\[\\]{}:,#&*!|>'\"a \n-]{0,6}") {
        let end = (at + length).min(OWN.len());
        check(&format!("{}{other}{}", &OWN[..at], &OWN[end..]))?;
    }
}
