//! `jit audit`: who had what, when and why; and whether the ledger is whole.

use std::path::PathBuf;

use super::{
    embedded::{block_on, ledger, ledger_file},
    engine,
    session::Session,
    verify,
};
use crate::{
    domain::{
        entitlement::{ResourceName, RoleName},
        event::{Entry, EventFilter, EventKind},
        failure::{Failure, Result},
        id::GrantId,
        principal::Principal,
        time::{Timestamp, Ttl},
    },
    platform::{local_time::Zone, terminal},
    remote::patience::Patience,
};

/// List who had what, when and why, or verify that nobody changed it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit audit --resource kubernetes/prod --since 24h\n  jit audit verify"
)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Only of this principal: alice, workload/NAME or agent/NAME.
    #[arg(long, value_parser = Principal::parse)]
    principal: Option<Principal>,
    /// Only what this principal approved, denied or ended for somebody else.
    #[arg(long, value_name = "PRINCIPAL", value_parser = Principal::parse)]
    approver: Option<Principal>,
    /// Only events of this kind: granted, approved, revoked, …
    #[arg(long)]
    kind: Option<EventKind>,
    /// Only of this resource: kind/name.
    #[arg(long, value_name = "KIND/NAME")]
    resource: Option<ResourceName>,
    /// Only of this role.
    #[arg(long)]
    role: Option<RoleName>,
    /// Only of this grant.
    #[arg(long)]
    grant: Option<GrantId>,
    /// Only from then on: 24h (ago), yesterday, "yesterday 14:00", 2026-11-22, 2026-11-22T10:00:00Z.
    ///
    /// Dates and times without an offset are in your time zone (TZ, or the system's).
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only before then.
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Only the newest so many.
    #[arg(long)]
    limit: Option<u32>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Recompute the chain of hashes; names the first entry that is not what was written
    ///
    /// That entries were cut off at the end, or that all of it was replaced by an old copy, is shown by a
    /// checkpoint that was kept elsewhere.
    #[command(
        after_help = "Example:\n  jit audit verify\n  jit audit verify --checkpoint /media/usb/jit.checkpoint"
    )]
    Verify {
        /// A checkpoint that was kept: what the ledger must still hold.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Print a signed checkpoint of the ledger, to be kept where nobody changes it
    #[command(after_help = "Example:\n  jit audit checkpoint > /media/usb/jit.checkpoint")]
    Checkpoint,
}

/// Lists, or verifies.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    match &args.verb {
        Some(Verb::Verify { checkpoint }) => verify::run(checkpoint.as_deref(), session),
        Some(Verb::Checkpoint) => verify::sign(session),
        None => list(args, session),
    }
}

fn list(args: &Args, session: &Session) -> Result<()> {
    let now = (session.clock)();
    let zone = Zone::of_the_user();
    let filter = EventFilter {
        principal: args.principal.clone(),
        by: args.approver.clone(),
        resource: args.resource.as_ref().map(ToString::to_string),
        role: args.role.as_ref().map(ToString::to_string),
        grant: args.grant.clone(),
        kind: args.kind,
        since: args
            .since
            .as_deref()
            .map(|text| instant(text, now, &zone))
            .transpose()?,
        until: args
            .until
            .as_deref()
            .map(|text| instant(text, now, &zone))
            .transpose()?,
        after: None,
        limit: args.limit,
    };
    block_on(async {
        match engine::remote(session, Patience::PERSON).await? {
            Some(remote) => {
                let show = |page: &[Entry]| show(session, page, &zone);
                remote.events(&filter, show).await
            }
            None => show(session, &embedded(session, &filter).await?, &zone),
        }
    })?
}

/// The entries of the ledger on this machine.
async fn embedded(session: &Session, filter: &EventFilter) -> Result<Vec<Entry>> {
    let store = match ledger(session).await {
        // Nothing was recorded yet, and where no ledger can be made none is needed to say so.
        Err(_) if session.server()?.is_none() && !ledger_file(session).exists() => {
            return Ok(Vec::new());
        }
        store => store?,
    };
    let entries = store.ledger().list(filter).await?;
    // What happened can be read whatever became of the catalogue.
    if let (true, Ok(catalogue)) = (entries.is_empty(), session.catalogue()) {
        store.refuse_unknown_names(filter, &catalogue).await?;
    }
    Ok(entries)
}

fn show(session: &Session, entries: &[Entry], zone: &Zone) -> Result<()> {
    entries.iter().try_for_each(|entry| {
        if session.json {
            session.print_json(entry)
        } else {
            session.print(&line(entry, zone))
        }
    })
}

/// An instant as a person writes it, or how long ago.
fn instant(text: &str, now: Timestamp, zone: &Zone) -> Result<Timestamp> {
    let ago = text.parse::<Ttl>().ok().map(|ago| now.before(ago.0));
    ago.or_else(|| zone.read(text, now)).ok_or_else(|| {
        Failure::usage(format!("`{text}` is not a time")).hint(
            "write 24h (ago), yesterday, \"yesterday 14:00\", 2026-11-22, \"2026-11-22 10:00\" or \
             2026-11-22T10:00:00Z",
        )
    })
}

fn line(entry: &Entry, zone: &Zone) -> String {
    let event = &entry.event;
    let entitlement = event.entitlement.as_ref();
    let entitlement = entitlement.map_or_else(|| "-".to_owned(), ToString::to_string);
    let mut line = format!(
        "{:>5}  {}  {:<12}  {}  {}  {}",
        entry.seq,
        zone.written(event.at),
        event.kind.as_str(),
        event.principal.written(),
        entitlement,
        event.grant,
    );
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            line = format!("{line}  {name}={value}");
        }
    };
    add("credential", event.credential.as_deref());
    let why = event.justification.as_ref().map(|why| format!("{why:?}"));
    add("why", why.as_deref());
    let policies = (!event.policies.is_empty()).then(|| event.policies.join(","));
    add("by", policies.as_deref());
    let chain: Vec<String> = event.chain.iter().map(Principal::written).collect();
    add(
        "for",
        (!chain.is_empty()).then(|| chain.join(" for ")).as_deref(),
    );
    let approvers: Vec<String> = event.approvers.iter().map(Principal::written).collect();
    add(
        "approved-by",
        (!approvers.is_empty())
            .then(|| approvers.join(","))
            .as_deref(),
    );
    add("with", event.by.as_ref().map(Principal::written).as_deref());
    add("tool", event.origin.tool.as_deref());
    let detail = event.detail.as_ref().map(|detail| format!("{detail:?}"));
    add("detail", detail.as_deref());
    terminal::plain_line(&line)
}
