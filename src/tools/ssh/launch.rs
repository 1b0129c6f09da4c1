//! An ssh tool with the private agent injected.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fs,
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        fs::symlink,
    },
    path::{Path, PathBuf},
};

use super::{
    call, git,
    handover::{self, Agent},
    logins::{self, Reach},
    private_config, rsync,
};
use crate::{
    domain::{
        entitlement::Entitlement,
        environment::Environment,
        failure::{Failure, Result},
        lease::Lease,
    },
    platform::process::{self, Launch},
    tools::task::{Injection, Task},
};

/// The only variables that a launch may set, whatever an authority says.
const VARIABLES: [&str; 6] = [
    "ANSIBLE_SSH_COMMON_ARGS",
    "ANSIBLE_SSH_CONTROL_PATH_DIR",
    "GIT_SSH_COMMAND",
    "PATH",
    "RSYNC_RSH",
    "SSH_AUTH_SOCK",
];

/// The tools whose ssh is told of the agent by its options.
const BY_OPTIONS: [&str; 4] = ["rsync", "scp", "sftp", "ssh"];

/// What ansible gives ssh, scp and sftp alike.
const COMMON: &str = "ANSIBLE_SSH_COMMON_ARGS";

/// Starts the agent and prepares the tool.
pub fn launch(injection: &Injection<'_>) -> Result<Launch> {
    let task = &injection.task;
    let program = task.command.first().map(OsString::as_os_str);
    let program = process::find(program.unwrap_or_default(), task.environment)?;
    let command = shell_command(task, &program)?;
    let leases: Vec<&Lease> = [injection.lease].into_iter().chain(injection.via).collect();
    let agent = handover::start(&leases, injection.places)?;
    let plan = Plan {
        injection,
        agent: &agent,
        command: &command,
    };
    let (arguments, set) = plan.arguments_and_variables().inspect_err(|_| {
        // Nobody is going to ask it.
        drop(fs::remove_dir_all(&agent.directory));
    })?;
    Ok(Launch {
        program,
        arguments,
        set: permitted(set)?,
        ..Launch::default()
    })
}

/// How a tool is told of the agent.
struct Plan<'a> {
    injection: &'a Injection<'a>,
    agent: &'a Agent,
    /// The command line by which git or rsync runs ssh.
    command: &'a str,
}

impl Plan<'_> {
    fn arguments_and_variables(&self) -> Result<(Vec<OsString>, Variables)> {
        let task = &self.injection.task;
        let name = task.program_name();
        let mut arguments = task.arguments().to_vec();
        let mut set = Variables::new();
        match name {
            "ssh" | "scp" | "sftp" => arguments = self.of_ssh(name)?,
            "rsync" => {
                set.extend(self.of_rsync(&mut arguments)?);
            }
            // git may log in to hosts of others, for its submodules.
            "git" => {
                let file = self.configuration(Reach::WholeResource)?;
                set.insert("GIT_SSH_COMMAND", with_file(self.command, &file).into());
            }
            _ => set = self.of_another(name)?,
        }
        // ssh hands none of its options to the ssh that jumps, which finds the agent by this variable.
        // Where no jump is ours, the user's own agent stays there for those that are not.
        if BY_OPTIONS.contains(&name)
            && !self.injection.via.is_empty()
            && !self.needs_configuration()
        {
            set.insert("SSH_AUTH_SOCK", self.agent.socket.clone().into_os_string());
        }
        Ok((arguments, set))
    }

    fn of_ssh(&self, name: &str) -> Result<Vec<OsString>> {
        let task = &self.injection.task;
        let mut arguments = call::without_forwarding(name, task.arguments());
        if self.needs_configuration() {
            let file = self.configuration(Reach::Known)?;
            arguments = call::with_configuration(name, &arguments, file.as_os_str());
        }
        if self.injection.is_mixed {
            return Ok(arguments);
        }
        // OpenSSH takes the first value that it meets, and its command line before its files.
        let options = self.options()?;
        let own = options.iter().flat_map(|o| ["-o".into(), o.into()]);
        Ok(own.chain(arguments).collect())
    }

    /// Puts the options into the value of `-e`; without one, answers what `RSYNC_RSH` is to be.
    fn of_rsync(&self, arguments: &mut [OsString]) -> Result<Option<(&'static str, OsString)>> {
        let mut command = with_options(self.command, &self.options()?);
        if self.needs_configuration() {
            command = with_file(&command, &self.configuration(Reach::Known)?);
        }
        let Some(value) = rsync::remote_shell(self.injection.task.arguments()) else {
            return Ok(Some(("RSYNC_RSH", command.into())));
        };
        if let Some(argument) = arguments.get_mut(value.place) {
            let mut bytes = argument.as_bytes().to_vec();
            bytes.truncate(value.start);
            bytes.extend_from_slice(command.as_bytes());
            *argument = OsString::from_vec(bytes);
        }
        Ok(None)
    }

    /// Another program starts ssh, scp or sftp by itself: it finds ours first. What speaks the protocol
    /// without ssh finds the agent by its variable.
    fn of_another(&self, name: &str) -> Result<Variables> {
        let environment = self.injection.task.environment;
        let file = self.configuration(Reach::WholeResource)?;
        let mut set =
            Variables::from([("SSH_AUTH_SOCK", self.agent.socket.clone().into_os_string())]);
        let path = environment.value("PATH").unwrap_or_default();
        let own = wrappers(self.agent, &file, environment)?;
        let all = [own].into_iter().chain(env::split_paths(path));
        if let Ok(path) = env::join_paths(all) {
            set.insert("PATH", path);
        }
        if is_ansible(name) {
            // ansible shares connections (`ControlPersist`); in the agent's directory nobody else finds
            // them.
            let directory = self.agent.directory.clone().into_os_string();
            set.insert("ANSIBLE_SSH_CONTROL_PATH_DIR", directory);
            set.insert(COMMON, with_file(self.command, &file).into());
        }
        Ok(set)
    }

    /// Whether options on a command line would reach another host than ours, or the variable of the agent
    /// would not reach a jump.
    fn needs_configuration(&self) -> bool {
        let mut logins = self.injection.logins.iter();
        let is_jump = !self.injection.via.is_empty();
        self.injection.is_mixed || is_jump && logins.any(|login| login.has_own_agent)
    }

    /// The options for the host that the command logs in to.
    fn options(&self) -> Result<Vec<String>> {
        let Entitlement { resource, role } = &self.injection.lease.grant.entitlement;
        let certificate = self.agent.certificates.first().map(PathBuf::as_path);
        let certificate = certificate.unwrap_or_else(|| Path::new("/"));
        let mut options = logins::options(self.agent, certificate, role)?;
        if self.injection.is_hooked {
            options.push(logins::only_lines(resource)?);
        }
        Ok(options)
    }

    /// Writes the private configuration.
    fn configuration(&self, reach: Reach) -> Result<PathBuf> {
        let task = &self.injection.task;
        let own = match task.program_name() {
            name @ ("ssh" | "scp" | "sftp") => call::configuration(name, task.arguments()),
            name if is_ansible(name) => {
                let theirs = task
                    .environment
                    .text("ANSIBLE_SSH_ARGS")
                    .unwrap_or_default();
                let command = format!("ssh {theirs} {}", self.command);
                call::configuration("ssh", &rsync::words(&command).1)
            }
            _ => call::configuration("ssh", &rsync::words(self.command).1),
        };
        let entries = logins::entries(self.injection, self.agent, reach)?;
        let text = private_config::text(&entries, own.as_deref(), task.environment)?;
        let file = self.agent.directory.join("config");
        handover::put(&file, text.as_bytes(), 0o600)?;
        Ok(file)
    }
}

/// Programs that run the real ones with the private configuration, and with the agent that the user has:
/// ours is named for our hosts alone. Their directory.
fn wrappers(agent: &Agent, file: &Path, environment: &Environment) -> Result<PathBuf> {
    let directory = agent.directory.join("bin");
    let text = |name: &str| quoted(environment.text(name).unwrap_or_default());
    let own = match environment.value("SSH_AUTH_SOCK") {
        Some(_) => format!("export SSH_AUTH_SOCK={}", text("SSH_AUTH_SOCK")),
        None => "unset SSH_AUTH_SOCK".to_owned(),
    };
    let script = format!(
        "#!/bin/sh\n{own}\nexport PATH={}\nexec \"${{0##*/}}\" -F {} \"$@\"\n",
        text("PATH"),
        quoted(&file.to_string_lossy())
    );
    let made = fs::create_dir(&directory);
    made.map_err(|error| {
        Failure::failed(format!("{} cannot be made", directory.display())).because(&error)
    })?;
    handover::put(&directory.join("ssh"), script.as_bytes(), 0o700)?;
    for name in ["scp", "sftp"] {
        // Without it the plain one is found.
        drop(symlink("ssh", directory.join(name)));
    }
    Ok(directory)
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

/// A command line with the private configuration, the last that is named and so the one that counts.
/// Where it could have ssh forward the agent, the last word on that is ours, too.
fn with_file(command: &str, file: &Path) -> String {
    let last = if forwards(command) { " -a" } else { "" };
    let command = command.trim();
    format!("{command} -F {}{last}", quoted(&file.to_string_lossy()))
        .trim_start()
        .to_owned()
}

fn is_ansible(name: &str) -> bool {
    name == "ansible" || name.starts_with("ansible-")
}

/// The command line by which the tool runs ssh: git's, rsync's, or the options of ansible's.
fn shell_command(task: &Task<'_>, program: &Path) -> Result<String> {
    let value = |name: &str| task.environment.text(name).unwrap_or_default();
    match task.program_name() {
        "git" => git_ssh_command(task, program),
        "rsync" => Ok(match rsync::remote_shell(task.arguments()) {
            Some(shell) => shell.text.to_string_lossy().into_owned(),
            None => task
                .environment
                .text("RSYNC_RSH")
                .unwrap_or("ssh")
                .to_owned(),
        }),
        name if is_ansible(name) => {
            let last = if forwards(value("ANSIBLE_SSH_ARGS")) {
                " -a"
            } else {
                ""
            };
            Ok(format!("{}{last}", value(COMMON)))
        }
        _ => Ok(String::new()),
    }
}

/// The ssh that git would run: the environment's, the repository's, or plain ssh.
fn git_ssh_command(task: &Task<'_>, git: &Path) -> Result<String> {
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
