//! What users read: the help of each verb, and a line of `jit status` and of `jit audit`.

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::{
    home::{Home, run},
    web::web,
    whereabouts::user_name,
};

const VERBS: &[&[&str]] = &[
    &["exec"],
    &["list"],
    &["request"],
    &["status"],
    &["forget"],
    &["revoke"],
    &["delegate"],
    &["approvals"],
    &["approve"],
    &["deny"],
    &["principals"],
    &["principals", "disable"],
    &["principals", "enable"],
    &["audit"],
    &["audit", "verify"],
    &["audit", "checkpoint"],
    &["policy"],
    &["policy", "check"],
    &["policy", "explain"],
    &["policy", "schema"],
    &["init"],
    &["trust"],
    &["doctor"],
    &["demo"],
    &["completions"],
    &["man"],
    &["exec-credential"],
    &["credential-process"],
    &["known-hosts"],
    &["setup"],
    &["login"],
    &["logout"],
    &["whoami"],
    &["enrolments"],
    &["enrolments", "create"],
    &["enrolments", "list"],
    &["enrolments", "remove"],
    &["serve"],
    &["serve", "backup"],
    &["serve", "restore"],
    &["serve", "rotate"],
    &["serve", "migrate"],
];

#[track_caller]
fn says(home: &Home, args: &[&str]) -> String {
    let ran = run(&mut home.jit(args));
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (0, ""),
        "{args:?}: {ran:?}"
    );
    ran.stdout
}

#[test]
fn every_verb_shows_an_example_that_the_grammar_takes() {
    let home = Home::new();
    let listed = says(&home, &["--help"]);
    for verb in VERBS {
        assert!(
            listed.contains(&format!("\n  {} ", verb[0])),
            "{verb:?} is not listed"
        );
        let help = says(&home, &[*verb, &["--help"]].concat());
        let (_, examples) = help.split_once("\nExample:\n").expect("an example");
        let shown = format!("jit {}", verb.join(" "));
        assert!(examples.contains(&shown), "{verb:?} shows {examples}");
    }
    let (_, rest) = listed.split_once("\nCommands:\n").unwrap();
    let (commands, _) = rest.split_once("\n\n").unwrap();
    let name = |line: &str| {
        line.strip_prefix("  ")
            .filter(|line| !line.starts_with(' '))
            .map(|line| line.split(' ').next().unwrap().to_owned())
    };
    for verb in commands
        .lines()
        .filter_map(name)
        .filter(|verb| verb != "help")
    {
        assert!(
            VERBS.iter().any(|known| known[0] == verb),
            "{verb} has no example that is tested"
        );
    }
}

#[test]
fn the_first_page_of_help() {
    assert_snapshot!(says(&Home::new(), &["--help"]), @r"
    Access exactly when a task needs it, taken away again by itself

    Usage: jit [OPTIONS] <COMMAND>

    Commands:
      exec                Run a command with exactly the access that it needs, for as long as it needs
                          it
      list                List what you could have, and what each entitlement takes
      request             Ask for an entitlement now, for a command to come
      status              Show what you hold, until when, which policies decided, and what you wait for
      forget              Drop a cached lease on this machine; its grant goes on (see revoke)
      revoke              End a grant now, here and at its target, or withdraw a request
      delegate            Run a command as an agent that acts for you, with less than you have
      approvals           List what waits for your approval
      approve             Say yes to somebody's request
      deny                Say no to somebody's request
      principals          List who comes to the server, or shut somebody out
      audit               List who had what, when and why, or verify that nobody changed it
      policy              Check what you wrote, or explain who may have what
      init                Write commented configuration and propose a catalogue; changes nothing that
                          exists
      login               Sign in at the server, with a browser here or on any device
      logout              End your session at the server, with every grant in it, and forget it here
      whoami              Show who you are here, by whose word, and until when
      enrolments          Let hosts and bots in that have no identity of their own
      setup               Let kubectl, psql, ssh, aws and what calls them use just-in-time access
                          without the prefix
      trust               Print what a target needs to trust this authority
      doctor              Check this machine, what you wrote and every target, and say what to do
      serve               Serve an authority to a team over HTTPS
      demo                See it work: real servers in a sandbox of their own, gone afterwards
      completions         Print the completions for a shell
      man                 Print a page of the manual, or write all of them
      exec-credential     Print a token for kubectl and its kin; called by a kubeconfig
      credential-process  Print credentials for the AWS SDKs; called by an AWS profile
      known-hosts         Get a log-in ready and print host authorities; called by ssh
      help                Print this message or the help of the given subcommand(s)

    Options:
          --config-dir <DIR>  Keep config.toml, authority.toml and policies/ in this directory (or
                              `JIT_CONFIG_DIR`)
          --json              Print JSON; errors too, as one object on stderr
      -v, --verbose           Say what was inferred, asked for and used
      -h, --help              Print help
      -V, --version           Print version

    Start here:
      jit init                       propose a catalogue and policies
      jit exec -- kubectl get pods   run a command with just-in-time access
      jit demo                       see it work, in a sandbox of its own
    ");
}

#[test]
fn the_help_of_exec() {
    assert_snapshot!(says(&Home::new(), &["exec", "--help"]), @r"
    Run a command with exactly the access that it needs, for as long as it needs it

    Works out which entitlement the command needs, takes the cached lease or asks the authority for one,
    and replaces itself with the command, the ephemeral credential injected.

    Usage: jit exec [OPTIONS] -- <CMD>...

    Arguments:
      <CMD>...
              The command and its arguments

    Options:
          --config-dir <DIR>
              Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`)

          --role <ROLE>
              Use this role instead of the smallest that the command needs

          --json
              Print JSON; errors too, as one object on stderr

          --on <KIND/NAME>
              Reach this resource, whatever the command says: kind/name. Say it again for another kind,
              or for further ssh hosts

      -j, --justification <WHY>
              Say why; some entitlements need it, all record it

      -v, --verbose
              Say what was inferred, asked for and used

          --ttl <SPAN>
              Ask for no longer than this: 30m, 1h

          --wait <SPAN>
              Wait this long for an approval, where an authority has somebody else who could give it

          --no-wait
              Do not wait for an approval

          --break-glass
              Skip approval in an emergency: alerted, and reviewed afterwards

          --if-known
              Run a command that reaches nothing of the catalogue as it is; for shells, see setup

          --if-held
              And ask for nothing: without a fresh lease, run the command as it is

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Example:
      jit exec -- kubectl --context prod get pods
      jit exec --on postgres/orders -- pg_dump orders
    ");
}

/// What `jit` prints with what changes from run to run replaced by its name.
fn steady(text: &str, event: &Value) -> String {
    let seconds = |at: &Value| format!("{}Z", &at.as_str().unwrap()[..19]);
    let text = text
        .replace(event["grant"].as_str().unwrap(), "GRANT")
        .replace(event["credential"].as_str().unwrap(), "CREDENTIAL")
        .replace(&seconds(&event["at"]), "AT")
        .replace(&format!("  {}  ", user_name()), "  USER  ");
    let took = text
        .split(" in ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    took.map(|took| text.replace(&format!(" in {took} ms"), " in MS ms"))
        .unwrap_or(text)
}

#[test]
fn a_line_of_status_and_two_of_audit() {
    let home = web();
    says(&home, &["request", "ssh/web:ops", "-j", "disk is \"full\""]);
    let listed = says(&home, &["audit", "--json"]);
    let events: Vec<Value> = listed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let issued = &events[1];
    let status = steady(&says(&home, &["status"]), issued);
    assert_snapshot!(status, @"ssh/web:ops      59m left  GRANT  by elevated in MS ms (asked for by name)");
    let mut granted = issued.clone();
    granted["at"] = events[0]["at"].clone();
    let audit = steady(&steady(&says(&home, &["audit"]), issued), &granted);
    assert_snapshot!(audit, @r#"
    1  AT  granted       USER  ssh/web:ops  GRANT  why="disk is \"full\""  by=elevated
    2  AT  issued        USER  ssh/web:ops  GRANT  credential=CREDENTIAL  why="disk is \"full\""
    "#);
    let nothing = says(&Home::new(), &["status"]);
    assert_snapshot!(nothing, @"You hold nothing. That is how it should be between tasks.");
}
