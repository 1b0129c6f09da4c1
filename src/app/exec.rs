//! `jit exec`, top to bottom: recognise → lease → launch → replace this process.

use std::ffi::OsString;

use super::{
    acquire::{self, Terms},
    aws_notes, mark, served,
    session::Session,
};
use crate::{
    config::surroundings,
    domain::{
        catalogue::Catalogue,
        elevation::Grant,
        entitlement::{Entitlement, Kind, ResourceName, RoleName},
        failure::{Failure, Nature, Result},
        lease::Lease,
    },
    platform::process::Launch,
    tools::{
        self,
        task::{Injection, Recognised, Task},
    },
};

/// Run a command with exactly the access that it needs, for as long as it needs it
///
/// Works out which entitlement the command needs, takes the cached lease or asks the authority for
/// one, and replaces itself with the command, the ephemeral credential injected.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit exec -- kubectl --context prod get pods\n  jit exec --on postgres/orders -- pg_dump orders"
)]
pub struct Args {
    /// Use this role instead of the smallest that the command needs.
    #[arg(long)]
    role: Option<RoleName>,
    /// Reach this resource, whatever the command says: kind/name. Say it again for another kind, or for
    /// further ssh hosts.
    #[arg(long, value_name = "KIND/NAME", value_parser = resource_name)]
    on: Vec<ResourceName>,
    #[command(flatten)]
    terms: Terms,
    /// Run a command that reaches nothing of the catalogue as it is; for shells, see setup.
    #[arg(long, conflicts_with_all = ["on", "role"])]
    if_known: bool,
    /// And ask for nothing: without a fresh lease, run the command as it is.
    #[arg(long, requires = "if_known")]
    if_held: bool,
    /// The command and its arguments.
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// A resource without a role.
fn resource_name(text: &str) -> Result<ResourceName> {
    match text.parse::<Entitlement>() {
        Ok(Entitlement { resource, role }) => {
            Err(Failure::usage(format!("`--on {text}` names a role"))
                .hint(format!("write --on {resource} --role {role}")))
        }
        Err(_) => text.parse(),
    }
}

impl Args {
    /// Whether somebody who is there may be asked to sign in: not by a shell that only wants to know
    /// whether something is held.
    pub const fn may_ask(&self) -> bool {
        !self.if_held
    }

    /// Whether nothing but running the command is left where there is no configuration.
    pub const fn runs_without_configuration(&self) -> bool {
        self.if_known
    }
}

/// Comes back only with the reason why the command could not be run.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    served::or_anew(session, || attempt(args, session))
}

fn attempt(args: &Args, session: &Session) -> Result<()> {
    let catalogue = session.catalogue_to_look_up()?;
    let task = Task {
        command: &args.command,
        on: args.on.first(),
        role: args.role.as_ref(),
        catalogue: &catalogue,
        environment: &session.environment,
    };
    let strange = args.if_known && !tools::may_be_known(&task);
    if strange || tools::needs_nothing(&task) {
        if let Some(role) = &args.role {
            return Err(reaches_nothing(role));
        }
        session.tell("this command reaches nothing, so it is run as it is");
        return Err(tools::as_it_is(&task)?.replace());
    }
    let wanted = match tools::recognise(&task) {
        Err(failure) if args.if_known && failure.nature == Nature::Stranger => {
            session.tell(&format!("{failure}, so the command is run as it is"));
            return Err(tools::as_it_is(&task)?.replace());
        }
        Ok(wanted) if args.if_known && wanted.only_by_prefix => {
            session.tell("this command names no host, so it goes where it would without jit");
            return Err(tools::as_it_is(&task)?.replace());
        }
        recognised => recognised?,
    };
    let groups = groups(args)?;
    let (first, others) = groups
        .split_first()
        .map_or((&[][..], &[][..]), |(first, others)| {
            (first.get(1..).unwrap_or_default(), others)
        });
    let wanted = tools::with_more_hosts(wanted, &task, first)?;
    let Some((mut launch, mut grants)) = prepared(session, args, &wanted, &task)? else {
        session.tell("no lease is held, so the command is run as it is");
        return Err(tools::as_it_is(&task)?.replace());
    };
    for (other, more) in beside(session, args, &task, others)? {
        launch = launch.beside(other, task.arguments())?;
        grants.extend(more);
    }
    mark::put(&mut launch, &grants, session)?;
    Err(launch.replace())
}

/// The command with what one resource needs, and the grants that give it; `None` where only what is held may be
/// used, and that is not all.
fn prepared(
    session: &Session,
    args: &Args,
    wanted: &Recognised,
    task: &Task<'_>,
) -> Result<Option<(Launch, Vec<Grant>)>> {
    session.tell(&format!("{}: {}", wanted.entitlement, wanted.because));
    tools::refuse_before_asking(task, &wanted.entitlement, &session.places)?;
    let Some((lease, via)) = leases(session, args, wanted, task)? else {
        return Ok(None);
    };
    if wanted.entitlement.resource.kind() == Kind::Aws {
        aws_notes::say(session, wanted, &lease, task)?;
    }
    let launch = tools::launch(&Injection {
        task: *task,
        resource: task.catalogue.resource(&wanted.entitlement.resource)?,
        lease: &lease,
        via: &via,
        is_hooked: wanted.is_hooked,
        logins: &wanted.logins,
        is_mixed: wanted.is_mixed,
        also: &wanted.also,
        places: &session.places,
        now: (session.clock)(),
    })?;
    let leases = [lease].into_iter().chain(via);
    Ok(Some((launch, leases.map(|lease| lease.grant).collect())))
}

/// What `--on` names, by kind: a command is given one resource of each, and of ssh any number.
fn groups(args: &Args) -> Result<Vec<Vec<&ResourceName>>> {
    if args.on.len() > 1 && args.role.is_some() {
        return Err(
            Failure::usage("--role says one role, and --on names several resources").hint(
                "leave --role out, or nest: jit exec --on A --role R -- jit exec --on B -- CMD",
            ),
        );
    }
    let mut groups: Vec<Vec<&ResourceName>> = Vec::new();
    for on in &args.on {
        let kind = on.kind();
        let is_same = |group: &&mut Vec<&ResourceName>| {
            group.first().is_some_and(|first| first.kind() == kind)
        };
        match groups.iter_mut().find(is_same) {
            None => groups.push(vec![on]),
            Some(group) if kind == Kind::Ssh => {
                if !group.contains(&on) {
                    group.push(on);
                }
            }
            Some(_) => {
                return Err(
                    Failure::usage(format!("--on names two resources of the kind {kind}"))
                        .hint("a command is given one of each kind; run it once for each"),
                );
            }
        }
    }
    Ok(groups)
}

/// The command with what the resources of each further kind need.
fn beside(
    session: &Session,
    args: &Args,
    task: &Task<'_>,
    groups: &[Vec<&ResourceName>],
) -> Result<Vec<(Launch, Vec<Grant>)>> {
    let groups = groups.iter().filter_map(|group| group.split_first());
    let prepared = groups.map(|(first, more)| {
        let task = Task {
            on: Some(first),
            ..*task
        };
        let wanted = tools::with_more_hosts(tools::recognise(&task)?, &task, more)?;
        prepared(session, args, &wanted, &task)
    });
    prepared.filter_map(Result::transpose).collect()
}

/// A command that the user named a role for is not run with whatever stands around instead.
fn reaches_nothing(role: &RoleName) -> Failure {
    Failure::usage(format!(
        "this command reaches nothing, so it cannot be run as {:?}",
        role.as_str()
    ))
    .hint("leave --role out to run it as it is, or say with --on what it reaches")
}

/// Runs the command in an environment in which nothing of jit can be found.
pub fn without_configuration(args: &Args) -> Failure {
    let launch = tools::as_it_is(&Task {
        command: &args.command,
        on: None,
        role: None,
        catalogue: &Catalogue::default(),
        environment: &surroundings::capture(),
    });
    launch.map_or_else(|failure| failure, Launch::replace)
}

/// The lease of the command and those of what it passes through; `None` where only what is held may
/// be used, and that is not all.
fn leases(
    session: &Session,
    args: &Args,
    wanted: &Recognised,
    task: &Task<'_>,
) -> Result<Option<(Lease, Vec<Lease>)>> {
    let through = wanted.via.iter().map(|entitlement| {
        let because = format!(
            "{} passes through it to {}",
            task.program_name(),
            wanted.entitlement
        );
        session.tell(&format!("{entitlement}: {because}"));
        Recognised::new(entitlement.clone(), because)
    });
    // A shell that completes a command line shows no question, and nobody has decided anything yet.
    if args.if_held || (args.if_known && tools::completes(task)) {
        let lease = acquire::held(session, task.catalogue, wanted)?;
        let via: Option<Vec<Lease>> = through
            .map(|passed| acquire::held(session, task.catalogue, &passed))
            .collect::<Result<_>>()?;
        return Ok(lease.zip(via));
    }
    let tool = Some(task.program_name());
    let lease =
        |wanted: &Recognised| acquire::lease(session, task.catalogue, wanted, &args.terms, tool);
    let (lease, via) = (lease(wanted)?, through.map(|passed| lease(&passed)));
    Ok(Some((lease, via.collect::<Result<_>>()?)))
}
