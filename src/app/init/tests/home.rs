//! A home directory with files of the user's own tools.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use crate::{
    app::{
        init::{finds, found::Proposal, template},
        session::Session,
    },
    config::client::Config,
    domain::{
        catalogue::Catalogue,
        environment::{Environment, Places},
        time::Timestamp,
    },
    platform::files,
};

/// A home directory.
pub(super) struct Home {
    pub(super) directory: TempDir,
}

impl Home {
    /// One with these files.
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            files::write_public(&path, text.as_bytes()).unwrap();
        }
        Self { directory }
    }

    pub(super) fn session(&self) -> Session {
        let home = self.directory.path();
        Session {
            environment: Environment {
                home: Some(home.to_owned()),
                directory: home.to_owned(),
                ..Environment::default()
            },
            places: Places {
                configuration: home.join("jit"),
                state: home.join("state"),
                cache: home.join("cache"),
                runtime: home.join("run"),
                job: None,
            },
            config: Ok(Config::default()),
            clock: || Timestamp::from_secs(0),
            fetch: |_| Ok(Catalogue::default()),
            json: false,
            verbose: false,
        }
    }

    /// What is proposed there.
    pub(super) fn proposal(&self) -> Proposal {
        let finds = finds::all(&self.session()).unwrap();
        assert_eq!(finds.unreadable, [""; 0]);
        let mut proposal = Proposal::new(template::AUTHORITY);
        let found = finds.found.iter();
        found.for_each(|found| proposal.add(found));
        proposal
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Hosts of every form.
pub(super) const SSH: &str = "\
Include conf.d/*.conf
Host web web-alias *.internal !no
  HostName=web-1.example.com
  User deploy
Host db
  HostName %h.example.com # the database
host \"quoted\"
  HOSTNAME 10.0.0.1
  user root
Host nameless
Host *
  User everybody
Host dotted.example.com
Match host x
  HostName no.example.com
";
