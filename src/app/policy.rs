//! `jit policy`: whether what was written holds together, and who may have what, and why.

use std::collections::BTreeSet;

use serde_json::json;

use super::{overlaps, session::Session};
use crate::{
    config::{
        account, authority, policies, references,
        server::{self, people::People},
    },
    domain::{
        catalogue::{Catalogue, Resource},
        entitlement::{Entitlement, Kind},
        failure::{Code, Failure, Result},
        principal::{Caller, Principal},
    },
    platform::terminal,
    policy::{
        question::{Circumstances, Question},
        set::Policies,
        strangers::GroupsOf,
        vocabulary::SCHEMA,
    },
    tools::postgres::overlay,
};

/// Check what you wrote, or explain who may have what
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit policy explain kubernetes/prod:admin --as alice")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Check(Check),
    Explain(Explain),
    Schema(Schema),
}

/// Check config.toml, authority.toml, the files they name, every policy, and server.toml
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit policy check\n  jit policy check --config-dir /etc/jit")]
struct Check {}

/// Print the words that policies may use: who asks, for what, and what is known of the request
///
/// It is a Cedar schema with comments, as editors for Cedar read it too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit policy schema > policies.cedarschema")]
struct Schema {}

/// Show which policies decide about an entitlement, and what would change their answer
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit policy explain kubernetes/prod:admin --as alice --group on-call --break-glass -j INC-7"
)]
struct Explain {
    /// kind/name:role
    #[arg(value_name = "ENTITLEMENT")]
    entitlement: Entitlement,
    /// Ask for somebody else: a name, or workload/NAME or agent/NAME.
    #[arg(long = "as", value_name = "NAME")]
    principal: Option<String>,
    /// Ask as if in this group too.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Ask with this reason.
    #[arg(long, short, value_name = "WHY")]
    justification: Option<String>,
    /// Ask to skip approval.
    #[arg(long)]
    break_glass: bool,
}

/// Checks or explains.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    match &args.verb {
        Verb::Check(_) => check(session),
        Verb::Explain(explain) => explain.run(session),
        Verb::Schema(_) => session.print(SCHEMA.trim_end()),
    }
}

/// What was written, found to hold together.
pub struct Checked {
    /// How many policies there are.
    pub policies: usize,
    /// How many resources.
    pub resources: usize,
    /// What is odd without being wrong, one sentence each.
    pub notes: Vec<String>,
}

/// Checks config.toml, authority.toml, the files they name, every policy, and server.toml.
///
/// # Errors
/// The first mistake, with its file and line.
pub fn checked(session: &Session) -> Result<Checked> {
    session.config()?;
    let catalogue = authority::load(&session.places)?;
    let directory = &session.places.configuration;
    let mut policies = Policies::parse(&policies::load(&session.places)?)?;
    references::check(&catalogue, directory, &session.environment)?;
    // Where a server is described, that is checked too.
    let served = server::load(directory)?;
    if server::is_described(directory) {
        policies = policies.with_strong_sign_in(served.strong_sign_in())?;
    }
    server::workloads::check_references(&served.workloads, &catalogue)?;
    let groups = match served.people {
        Some(_) => GroupsOf::Provider,
        None => GroupsOf::Catalogue,
    };
    Ok(Checked {
        policies: policies.len(),
        resources: catalogue.resources.0.len(),
        notes: notes(&policies, &catalogue, groups)
            .into_iter()
            .chain(unpinned(served.people.as_ref(), &policies, &catalogue))
            .collect(),
    })
}

impl Checked {
    /// How much there is, in words: `3 policies, 1 resource`.
    pub fn counted(&self) -> String {
        let counted =
            |number, one, many| format!("{number} {}", if number == 1 { one } else { many });
        format!(
            "{}, {}",
            counted(self.policies, "policy", "policies"),
            counted(self.resources, "resource", "resources"),
        )
    }
}

fn check(session: &Session) -> Result<()> {
    let mut checked = checked(session)?;
    if let Some(server) = session.server()? {
        let note = format!(
            "{server} decides, by its own catalogue and policies: what is checked here is not used"
        );
        // What is missing is missing nowhere.
        if checked.policies == 0 && checked.resources == 0 {
            checked.notes.clear();
        }
        checked.notes.insert(0, note);
    }
    if session.json {
        return session.print_json(&json!({
            "policies": checked.policies,
            "resources": checked.resources,
            "notes": checked.notes,
        }));
    }
    for note in &checked.notes {
        session.print(&format!("note: {note}"))?;
    }
    session.print(&format!("{}: all good", checked.counted()))
}

fn notes(policies: &Policies, catalogue: &Catalogue, groups: GroupsOf) -> Vec<String> {
    let mut notes = policies.strangers(catalogue, groups);
    if policies.is_empty() {
        notes.push("without a policy everything is denied: \"jit init\" writes some".to_owned());
    }
    notes.extend(unverified(catalogue));
    notes.extend(overlaps::notes(catalogue));
    if catalogue.resources.0.is_empty() {
        notes.push("the catalogue is empty: \"jit init\" proposes one".to_owned());
    }
    notes
}

/// The people who do not come in by their names, since anybody could choose those at the provider.
fn unpinned(people: Option<&People>, policies: &Policies, catalogue: &Catalogue) -> Option<String> {
    let people = people.filter(|people| people.people_choose_names())?;
    let members = catalogue.groups.values().flatten().map(String::as_str);
    let members = members.filter(|member| !member.starts_with(account::SUBJECT));
    let named: BTreeSet<&str> = members.chain(policies.named_people()).collect();
    let open = named
        .into_iter()
        .filter(|name| !people.subjects.contains_key(*name));
    let open: Vec<&str> = open.collect();
    if open.is_empty() {
        return None;
    }
    Some(format!(
        "server.toml: people may choose their {:?} at the provider, so nobody comes in as {} until [people.subjects] names the account; names_set_by = \"administrators\" says that they cannot",
        people.name_claim,
        open.join(", ")
    ))
}

/// The database servers that nothing verifies.
fn unverified(catalogue: &Catalogue) -> impl Iterator<Item = String> {
    let all = catalogue.of_kind(Kind::Postgres);
    all.filter_map(|(name, resource)| match resource {
        Resource::Postgres(resource) => Some(format!("{name}: {}", overlay::unverified(resource)?)),
        Resource::Ssh(_) | Resource::Kubernetes(_) | Resource::Aws(_) => None,
    })
}

impl Explain {
    fn run(&self, session: &Session) -> Result<()> {
        if let Some(server) = session.server()? {
            let entitlement = &self.entitlement;
            return Err(Failure::usage(format!(
                "{server} decides, by the policies in the directory that \"jit serve --config DIR\" names where it runs"
            ))
            .hint(format!(
                "to ask it, run: jit request {entitlement}; where it runs: jit policy explain --config-dir DIR {entitlement}"
            )));
        }
        let catalogue = session.catalogue()?;
        let policies = Policies::parse(&policies::load(&session.places)?)?;
        let tier = catalogue.tier(&self.entitlement)?;
        let labels = catalogue.resource(&self.entitlement.resource)?.labels();
        let caller = self.caller(&catalogue)?;
        let explanation = policies.explain(&Question {
            caller: &caller,
            entitlement: &self.entitlement,
            tier,
            labels,
            justification: self.justification.as_deref(),
            ttl: None,
            break_glass: self.break_glass,
            verb: None,
            circumstances: Circumstances::default(),
            now: (session.clock)(),
        });
        if session.json {
            return session.print_json(&explanation);
        }
        session.print(&terminal::plain(explanation.to_string().trim_end()))?;
        // Without a server nobody else could say yes.
        let is_served = session.places.configuration.join(server::FILE).exists();
        if explanation.needs_people() && !is_served {
            session.print("  needs a server (jit serve): on this machine alone nobody can approve it, so it is denied")?;
        }
        Ok(())
    }

    fn caller(&self, catalogue: &Catalogue) -> Result<Caller> {
        let mut caller = match &self.principal {
            None => account::caller(catalogue)?,
            Some(written) => {
                let principal = principal(written)?;
                let groups = account::groups_of(catalogue, principal.name());
                Caller::new(principal, groups)
            }
        };
        caller.groups.extend(self.groups.iter().cloned());
        Ok(caller)
    }
}

/// Somebody as the command line names them.
fn principal(written: &str) -> Result<Principal> {
    Principal::parse(written).map_err(|failure| Failure {
        code: Code::Usage,
        ..failure
    })
}
