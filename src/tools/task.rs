//! What a tool's file is given and gives back.

use std::ffi::{OsStr, OsString};

use crate::domain::{
    catalogue::{Catalogue, Resource},
    entitlement::{Entitlement, ResourceName, RoleName},
    environment::{Environment, Places},
    lease::Lease,
    time::Timestamp,
};

/// The command to run and what the user said about it.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The program and its arguments; never empty.
    pub command: &'a [OsString],
    /// `--on`
    pub on: Option<&'a ResourceName>,
    /// `--role`
    pub role: Option<&'a RoleName>,
    /// What can be reached.
    pub catalogue: &'a Catalogue,
    /// The process's surroundings.
    pub environment: &'a Environment,
}

impl Task<'_> {
    /// The program, as it was named.
    pub fn program(&self) -> &OsStr {
        self.command
            .first()
            .map_or_else(|| OsStr::new(""), OsString::as_os_str)
    }

    /// The program's name without its directory; empty where it is not text.
    pub fn program_name(&self) -> &str {
        let program = self.command.first().and_then(|program| program.to_str());
        program
            .and_then(|program| program.rsplit('/').next())
            .unwrap_or_default()
    }

    /// The arguments behind the program.
    pub fn arguments(&self) -> &[OsString] {
        self.command.get(1..).unwrap_or_default()
    }
}

/// How long a tool goes on with the credential that it is started with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CredentialUse {
    /// Until it ends: the tool asks for the next one, or logs in once and needs none any more.
    #[default]
    Renewed,
    /// To the tool's own end.
    Kept,
}

/// A host of ours that a command logs in to, on its way or at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The host as the command or a configuration writes it.
    pub host: String,
    /// What is asked for there.
    pub entitlement: Entitlement,
    /// Whether its configuration calls jit, as `jit setup` has it.
    pub is_hooked: bool,
    /// Whether its configuration names an agent or keys, in the place of the agent that a variable names.
    pub has_own_agent: bool,
}

/// What the command needs.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// The smallest entitlement that does.
    pub entitlement: Entitlement,
    /// Why this one, for `jit status` and `--verbose`: "get reads, and view is the smallest role
    /// that covers it".
    pub because: String,
    /// What the command does there, where that is known, for policies: `get`, `describe-instances`.
    pub verb: Option<String>,
    /// What it passes through on the way there: the logins of jump hosts, each once.
    pub via: Vec<Entitlement>,
    /// Whether the tool's own configuration calls jit for it, as `jit setup` has it.
    pub is_hooked: bool,
    /// The hosts of ours that it logs in to, the jumps among them, where they are known.
    pub logins: Vec<Login>,
    /// Whether it logs in to hosts of others, too.
    pub is_mixed: bool,
    /// Further resources whose hosts it logs in to, since they were named for it.
    pub also: Vec<Entitlement>,
    /// Whether the plain tool would go elsewhere: the command names no place, and only the catalogue
    /// says where its target is. Who wrote `jit exec` meant it; a wrapper lets it pass.
    pub only_by_prefix: bool,
    /// How long the tool goes on with the credential that it is started with.
    pub credential_use: CredentialUse,
}

impl Recognised {
    /// An entitlement and why, where nothing more is known of the command.
    pub fn new(entitlement: Entitlement, because: impl Into<String>) -> Self {
        Self {
            entitlement,
            because: because.into(),
            verb: None,
            via: Vec::new(),
            is_hooked: false,
            logins: Vec::new(),
            is_mixed: false,
            also: Vec::new(),
            only_by_prefix: false,
            credential_use: CredentialUse::default(),
        }
    }
}

/// What a launch is prepared from.
#[derive(Clone, Copy, Debug)]
pub struct Injection<'a> {
    /// The command and what the user said about it.
    pub task: Task<'a>,
    /// The resource that the lease is for.
    pub resource: &'a Resource,
    /// The live lease; its credential is fresh.
    pub lease: &'a Lease,
    /// Those of what the command passes through.
    pub via: &'a [Lease],
    /// Whether the tool's own configuration calls jit for it.
    pub is_hooked: bool,
    /// The hosts of ours that it logs in to, where they are known.
    pub logins: &'a [Login],
    /// Whether it logs in to hosts of others, too.
    pub is_mixed: bool,
    /// Further resources whose hosts it logs in to; their leases are among those that it passes through.
    pub also: &'a [Entitlement],
    /// Where private files may be put.
    pub places: &'a Places,
    /// The instant.
    pub now: Timestamp,
}
