//! An ssh tool with the private agent injected.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::Path,
};

use super::{
    call, git,
    handover::{self, Agent},
    resolve::HOOK,
    rsync,
};
use crate::{
    domain::{
        entitlement::{ResourceName, RoleName},
        failure::{Failure, Result},
        lease::Lease,
    },
    platform::process::{self, Launch, own_file},
    tools::task::{Injection, Task},
};

/// The only variables that a launch may set, whatever an authority says.
const VARIABLES: [&str; 6] = [
    "ANSIBLE_REMOTE_USER",
    "ANSIBLE_SSH_ARGS",
    "ANSIBLE_SSH_CONTROL_PATH_DIR",
    "GIT_SSH_COMMAND",
    "RSYNC_RSH",
    "SSH_AUTH_SOCK",
];

/// The tools whose ssh is told of the agent by its options.
const OURS: [&str; 5] = ["git", "rsync", "scp", "sftp", "ssh"];

/// What ansible gives ssh where nobody says otherwise (its option `ssh_args`).
const ANSIBLE_SSH_ARGS: &str = "-C -o ControlMaster=auto -o ControlPersist=60s";

/// Starts the agent and prepares the tool.
pub fn launch(injection: &Injection<'_>) -> Result<Launch> {
    let task = &injection.task;
    let program = task.command.first().map(OsString::as_os_str);
    let program = process::find(program.unwrap_or_default(), task.environment)?;
    let command = git_ssh_command(task, &program)?;
    let leases: Vec<&Lease> = [injection.lease].into_iter().chain(injection.via).collect();
    let agent = handover::start(&leases, injection.places)?;
    let role = &injection.lease.grant.entitlement.role;
    let mut options = options(&agent, role)?;
    if injection.is_hooked {
        let resource = &injection.lease.grant.entitlement.resource;
        options.push(format!("KnownHostsCommand={}", only_lines(resource)?));
    }
    let mut arguments = task.arguments().to_vec();
    let mut set = Variables::new();
    // ssh hands none of its options to the ssh that jumps, which finds the agent by this variable.
    // Where no jump is ours, the user's own agent stays there for those that are not.
    if !injection.via.is_empty() || !OURS.contains(&task.program_name()) {
        set.insert("SSH_AUTH_SOCK", agent.socket.clone().into_os_string());
    }
    match task.program_name() {
        // OpenSSH takes the first value that it meets, and its command line before its files.
        "ssh" | "scp" | "sftp" => {
            let own = options.iter().flat_map(|o| ["-o".into(), o.into()]);
            let theirs = call::without_forwarding(task.program_name(), &arguments);
            arguments = own.chain(theirs).collect();
        }
        "rsync" => {
            let variable = for_rsync(task, &mut arguments, &options);
            set.extend(variable.map(|value| ("RSYNC_RSH", value)));
        }
        "git" => {
            set.insert("GIT_SSH_COMMAND", with_options(&command, &options).into());
        }
        other if other == "ansible" || other.starts_with("ansible-") => {
            set.extend(for_ansible(task, &agent, role, &options));
        }
        _ => {}
    }
    Ok(Launch {
        program,
        arguments,
        set: permitted(set)?,
        ..Launch::default()
    })
}

type Variables = BTreeMap<&'static str, OsString>;

fn permitted(variables: Variables) -> Result<BTreeMap<String, OsString>> {
    let strange = variables.keys().find(|name| !VARIABLES.contains(name));
    if let Some(name) = strange {
        return Err(Failure::failed(format!(
            "{name} may not be set for an ssh tool"
        )));
    }
    let owned = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Ok(owned.collect())
}

/// ssh's options, each without a character that ssh or a shell would read as more than text.
///
/// Our certificate is the only identity that is offered: a plain key of the user's, from a file, a
/// token or another agent, does not pass for a certificate of that type. A connection that somebody
/// shares (`ControlMaster`) would be used without our certificate, and would outlive it.
fn options(agent: &Agent, role: &RoleName) -> Result<Vec<String>> {
    let text = |path: &Path| {
        path.to_str().map(str::to_owned).ok_or_else(|| {
            Failure::failed(format!("{} is not UTF-8 text", path.display()))
                .hint("set XDG_RUNTIME_DIR to a path of plain letters")
        })
    };
    Ok(vec![
        format!("User={role}"),
        format!("IdentityAgent={}", text(&agent.socket)?),
        format!("IdentityFile={}", text(&agent.certificate)?),
        "IdentitiesOnly=yes".to_owned(),
        "PubkeyAuthentication=yes".to_owned(),
        // The name of PubkeyAcceptedAlgorithms before OpenSSH 8.5, which all versions know.
        "PubkeyAcceptedKeyTypes=ssh-ed25519-cert-v01@openssh.com".to_owned(),
        "PreferredAuthentications=publickey,keyboard-interactive".to_owned(),
        "ControlMaster=no".to_owned(),
        "ControlPath=none".to_owned(),
        "ForwardAgent=no".to_owned(),
    ])
}

/// In place of the hook that setup put: the agent is there already, so that only lines are printed.
fn only_lines(resource: &ResourceName) -> Result<String> {
    let program = own_file()?;
    Ok(format!("\"{}\" {HOOK} {resource}", program.display()))
}

/// A command line such as `ssh -p 22`, with the options behind its program. Where the program is
/// quoted or is no ssh, they stand at the end, where a wrapper hands them on.
fn with_options(command: &str, options: &[String]) -> String {
    let options: Vec<String> = options
        .iter()
        .map(|option| format!("-o {}", quoted(option)))
        .collect();
    let options = options.join(" ");
    let trimmed = command.trim();
    let (program, rest) = trimmed.split_once(' ').unwrap_or((trimmed, ""));
    if program.rsplit('/').next() == Some("ssh") && !program.contains(['\'', '"', '\\']) {
        // The last word on forwarding counts, also against `ForwardAgent=no`.
        let last = if forwards(rest) { " -a" } else { "" };
        return format!("{program} {options} {rest}{last}")
            .trim_end()
            .to_owned();
    }
    format!("{trimmed} {options}")
}

/// Whether a command line could have ssh forward the agent.
fn forwards(command: &str) -> bool {
    let mut words = command.split(' ');
    words.any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('A'))
}

/// Puts the options into the value of `-e`; without one, answers what `RSYNC_RSH` is to be.
fn for_rsync(task: &Task<'_>, arguments: &mut [OsString], options: &[String]) -> Option<OsString> {
    let Some(value) = rsync::remote_shell(task.arguments()) else {
        let shell = task.environment.text("RSYNC_RSH").unwrap_or("ssh");
        return Some(with_options(shell, options).into());
    };
    let argument = arguments.get_mut(value.place)?;
    let mut bytes = argument.as_bytes().to_vec();
    bytes.truncate(value.start);
    bytes.extend_from_slice(with_options(&value.text.to_string_lossy(), options).as_bytes());
    *argument = OsString::from_vec(bytes);
    None
}

/// The ssh that git would run: the environment's, the repository's, or plain ssh.
fn git_ssh_command(task: &Task<'_>, git: &Path) -> Result<String> {
    if task.program_name() != "git" {
        return Ok(String::new());
    }
    if let Some(command) = task.environment.text("GIT_SSH_COMMAND") {
        return Ok(command.to_owned());
    }
    if let Some(command) = git::ssh_command(git, task.arguments()) {
        return Ok(command);
    }
    let program = task
        .environment
        .value("GIT_SSH")
        .unwrap_or_else(|| OsStr::new("ssh"));
    let program = program.to_str().ok_or_else(|| {
        Failure::usage("GIT_SSH is not UTF-8 text").hint("unset it, or set GIT_SSH_COMMAND")
    })?;
    Ok(quoted(program))
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@,=:".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// ansible shares connections (`ControlPersist`); in the agent's directory nobody else finds them.
fn for_ansible(task: &Task<'_>, agent: &Agent, role: &RoleName, options: &[String]) -> Variables {
    let own = task.environment.text("ANSIBLE_SSH_ARGS");
    let kept = |option: &&String| !option.starts_with("Control") && !option.starts_with("User=");
    let options: Vec<String> = options
        .iter()
        .filter(kept)
        .map(|option| format!("-o {}", quoted(option)))
        .collect();
    let arguments = format!("{} {}", options.join(" "), own.unwrap_or(ANSIBLE_SSH_ARGS));
    Variables::from([
        ("ANSIBLE_SSH_ARGS", arguments.into()),
        (
            "ANSIBLE_SSH_CONTROL_PATH_DIR",
            agent.directory.clone().into_os_string(),
        ),
        ("ANSIBLE_REMOTE_USER", role.as_str().into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stand_where_ssh_takes_them() {
        let options = ["A=b".to_owned(), "C=d".to_owned()];
        for (command, read) in [
            ("ssh", "ssh -o A=b -o C=d"),
            ("/usr/bin/ssh -p 22", "/usr/bin/ssh -o A=b -o C=d -p 22"),
            (" ssh  -v", "ssh -o A=b -o C=d  -v"),
            ("ssh -vA", "ssh -o A=b -o C=d -vA -a"),
            ("'my ssh' -v", "'my ssh' -v -o A=b -o C=d"),
            ("wrapper.sh", "wrapper.sh -o A=b -o C=d"),
        ] {
            assert_eq!(with_options(command, &options), read);
        }
    }

    #[test]
    fn a_word_survives_a_shell() {
        assert_eq!(quoted("/usr/bin/ssh"), "/usr/bin/ssh");
        assert_eq!(quoted("my ssh"), "'my ssh'");
        assert_eq!(quoted("a'b"), r"'a'\''b'");
    }
}
