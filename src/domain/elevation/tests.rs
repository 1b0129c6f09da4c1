//! What no sequence of steps may reach.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::domain::principal::Class;

#[derive(Clone, Copy, Debug)]
enum Call {
    Put(u32),
    Approve(usize),
    Claim(u8),
    Grant,
    Deny,
    Abandon,
    Revoke,
    Wait(u32),
}

/// Who may say yes: the one who asked and twins of hers are among them, and an agent.
const NAMES: [&str; 7] = [
    "alice",
    "ALICE",
    "agent/bot",
    "bob",
    "Bob",
    "carol",
    "workload/alice",
];

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        (1_u32..3).prop_map(Call::Put),
        (0_usize..NAMES.len()).prop_map(Call::Approve),
        (0_u8..2).prop_map(Call::Claim),
        Just(Call::Grant),
        Just(Call::Deny),
        Just(Call::Abandon),
        Just(Call::Revoke),
        (0_u32..4000).prop_map(Call::Wait),
    ];
    vec(call, 0..20)
}

fn pending(ttl: Option<Duration>) -> Elevation {
    Elevation::ask(Request {
        id: GrantId::new(Timestamp::from_secs(0), [7; 10]),
        principal: Principal::new(Class::Human, "alice").unwrap(),
        entitlement: "kubernetes/prod:view".parse().unwrap(),
        justification: None,
        ttl,
        break_glass: false,
        verb: None,
        session: None,
        chain: Vec::new(),
        address: None,
        enrolled_by: None,
        asked_at: Timestamp::from_secs(0),
    })
}

fn allowed(from: State, to: State) -> bool {
    use State::{Abandoned, Denied, Expired, Granted, Pending, Revoked};
    from == to
        || matches!(
            (from, to),
            (Pending, Granted | Denied | Abandoned | Expired) | (Granted, Expired | Revoked)
        )
}

proptest! {
    #[test]
    fn no_sequence_of_calls_reaches_a_state_that_the_words_do_not_allow(calls in calls()) {
        let mut elevation = pending(None);
        let mut now = Timestamp::from_secs(0);
        for call in calls {
            let before = elevation.state(now);
            let approvals = elevation.vote().map_or(0, |vote| vote.approvals.len());
            let needed = elevation.vote().map_or(0, |vote| vote.needed);
            let claimed = elevation.claimed;
            let succeeded = match call {
                Call::Put(needed) => {
                    let until = now.after(PATIENCE);
                    elevation.put_to_vote(needed, until, now).is_ok()
                }
                Call::Approve(who) => {
                    let by = Principal::parse(NAMES[who]).unwrap();
                    let approval = Approval { by, at: now, comment: None, caller: None, address: None };
                    elevation.approve(approval, needed, now).is_ok()
                }
                Call::Claim(key) => elevation.claim(PublicKey([key; 32]), now).is_ok(),
                Call::Grant => elevation.grant(vec![], Obligations::default(), now).is_ok(),
                Call::Deny => elevation.deny(now).is_ok(),
                Call::Abandon => elevation.abandon(now).is_ok(),
                Call::Revoke => elevation.revoke(now).is_ok(),
                Call::Wait(seconds) => {
                    now = now.after(Duration::from_secs(u64::from(seconds)));
                    true
                }
            };
            let after = elevation.state(now);
            prop_assert!(allowed(before, after), "{before} to {after} by {call:?}");
            prop_assert!(succeeded || before == after, "a refused step changed the state");
            prop_assert_eq!(elevation.live(now).is_some(), after == State::Granted);
            let by: Vec<String> = elevation
                .vote()
                .map(|vote| vote.approvals.iter().map(|one| one.by.written()).collect())
                .unwrap_or_default();
            if (before, after) == (State::Pending, State::Granted) {
                prop_assert!(approvals >= usize::try_from(needed).unwrap(), "too few approved");
            }
            let others = ["bob", "Bob", "carol", "workload/alice"];
            prop_assert!(by.iter().all(|name| others.contains(&name.as_str())), "{by:?}");
            prop_assert!(by.len() <= 3, "one of them twice: {by:?}");
            prop_assert!(claimed.is_none() || elevation.claimed == claimed, "claimed twice");
        }
    }

    #[test]
    fn a_grant_is_never_longer_than_asked_nor_than_obliged(
        asked in 1_u64..100_000, obliged in 1_u64..100_000,
    ) {
        let mut elevation = pending(Some(Duration::from_secs(asked)));
        let obligations = Obligations {
            ttl: Some(Duration::from_secs(obliged)),
            ..Obligations::default()
        };
        let now = Timestamp::from_secs(10);
        let grant = elevation.grant(vec![], obligations, now).unwrap();
        prop_assert_eq!(grant.expires_at.left(now), Duration::from_secs(asked.min(obliged)));
        prop_assert!(grant.credential_ttl <= grant.expires_at.left(now));
    }
}
